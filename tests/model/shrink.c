/* SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <string.h>

#include "generate.h"

#define TRIES_MAX 4000

bool run_random(const struct store_kind *kind, uint64_t seed, size_t steps, enum model_mistake mistake,
                struct failure *failure)
{
    struct generator generator;
    generator_init(&generator, seed, kind->processes, kind->lasts);
    struct run *run = run_new(kind, seed, mistake);
    bool same = run_difference(run)[0] == '\0';
    failure->list.count = 0;
    while (same && failure->list.count < steps && failure->list.count < OPS_MAX &&
           run_model(run)->message_count + 2 * WAITING_ROOM < MODEL_MESSAGES) {
        struct op *op = &failure->list.ops[failure->list.count];
        generate(&generator, run_model(run), &failure->list, op);
        failure->list.count++;
        same = run_op(run, op);
    }
    same = same && run_finish(run);
    snprintf(failure->difference, sizeof failure->difference, "%s", run_difference(run));
    run_free(run);
    return same;
}

bool run_list(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake, const struct op_list *list,
              struct failure *failure)
{
    struct run *run = run_new(kind, seed, mistake);
    bool same = run_difference(run)[0] == '\0';
    size_t count = 0;
    while (same && count < list->count)
        same = run_op(run, &list->ops[count++]);
    same = same && run_finish(run);
    if (!same) {
        snprintf(failure->difference, sizeof failure->difference, "%s", run_difference(run));
        memmove(failure->list.ops, list->ops, count * sizeof *list->ops);
        failure->list.count = count;
    }
    run_free(run);
    return same;
}

struct shrinking {
    const struct store_kind *kind;
    uint64_t seed;
    enum model_mistake mistake;
    struct failure *failure;
    int tries;
};

static struct op_list candidate;

/* Takes the candidate over when it still fails. */
static bool still_fails(struct shrinking *s)
{
    return s->tries++ < TRIES_MAX && !run_list(s->kind, s->seed, s->mistake, &candidate, s->failure);
}

static bool drop_operations(struct shrinking *s)
{
    bool any = false;
    const struct op_list *list = &s->failure->list;
    for (size_t size = list->count / 2 ? list->count / 2 : 1; size > 0; size /= 2)
        for (size_t end = list->count; end >= size && end > 0 && list->count > size;) {
            memcpy(candidate.ops, list->ops, (end - size) * sizeof *list->ops);
            memcpy(candidate.ops + end - size, list->ops + end, (list->count - end) * sizeof *list->ops);
            candidate.count = list->count - size;
            any |= still_fails(s);
            end = end - size < list->count ? end - size : list->count;
        }
    return any;
}

static void copy_list(struct op_list *to, const struct op_list *from)
{
    memcpy(to->ops, from->ops, from->count * sizeof *from->ops);
    to->count = from->count;
}

static bool drop_items(struct shrinking *s)
{
    bool any = false;
    for (size_t i = 0; i < s->failure->list.count; i++)
        for (size_t kind = 0; kind < op_item_kinds(); kind++)
            for (int64_t item = op_item_count(&s->failure->list.ops[i], kind); item-- > 0;) {
                copy_list(&candidate, &s->failure->list);
                op_drop_item(&candidate.ops[i], kind, item);
                any |= still_fails(s);
                if (i >= s->failure->list.count)
                    return any;
            }
    return any;
}

/* A scope and a setting are always named. */
static int64_t least_of(const struct op *op, const int64_t *field)
{
    const char *at = (const char *)field, *settings = (const char *)op->settings;
    return field == &op->scope || (at >= settings && at < settings + sizeof op->settings);
}

static bool clear_fields(struct shrinking *s)
{
    bool any = false;
    for (size_t i = 0; i < s->failure->list.count; i++)
        for (size_t field = 0;; field++) {
            copy_list(&candidate, &s->failure->list);
            int64_t *value = i < candidate.count ? op_optional_field(&candidate.ops[i], field) : NULL;
            if (!value)
                break;
            int64_t least = least_of(&candidate.ops[i], value);
            if (*value == least)
                continue;
            *value = least;
            any |= still_fails(s);
        }
    return any;
}

void shrink(const struct store_kind *kind, uint64_t seed, enum model_mistake mistake, struct failure *failure)
{
    struct shrinking s = {.kind = kind, .seed = seed, .mistake = mistake, .failure = failure};
    bool smaller;
    do {
        smaller = drop_operations(&s);
        smaller |= drop_items(&s);
        smaller |= clear_fields(&s);
    } while (smaller && s.tries < TRIES_MAX);
}
