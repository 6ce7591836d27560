/* SPDX-License-Identifier: MIT */
#include "testing/facts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pawl/journal.h"
#include "pawl/ledger.h"
#include "pawl/message.h"
#include "pawl/workflow.h"

#define PAGE_LIMIT  1000
#define SHOWN_BYTES 60

enum rank { RANK_STEP, RANK_WORKFLOW, RANK_BALANCE, RANK_RESOURCE, RANK_MESSAGE, RANK_EVENT, RANK_RECORD };

struct made {
    uint64_t seq; /* of its record */
    struct text step;
};

void pawli_facts_done(struct facts *facts)
{
    pawli_arena_done(&facts->arena);
    *facts = (struct facts){0};
}

/* ---- reading ---- */

static const char *or_none(const char *text)
{
    return text ? text : "";
}

/* What of them can be printed, from the beginning. */
static const char *show_bytes(struct arena *arena, const void *data, size_t size)
{
    char text[SHOWN_BYTES + 1];
    size_t shown = size < SHOWN_BYTES ? size : SHOWN_BYTES;
    if (!data)
        return "none";
    for (size_t i = 0; i < shown; i++)
        text[i] = isprint(((const unsigned char *)data)[i]) ? ((const char *)data)[i] : '.';
    text[shown] = '\0';
    struct text whole = pawli_arena_format(arena, "\"%s\"%s", text, shown < size ? "..." : "");
    return whole.data ? whole.data : "";
}

static int add_fact(struct facts *facts, struct fact fact, pawl_error *err)
{
    if (!pawli_arena_reserve(&facts->arena, (void **)&facts->items, sizeof *facts->items, facts->count + 1,
                             &facts->room))
        return pawli_no_memory(err);
    facts->items[facts->count++] = fact;
    return pawli_arena_failed(&facts->arena) ? pawli_no_memory(err) : PAWL_OK;
}

static int add_workflow(struct facts *facts, const pawl_workflow_view *view, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    const char *why = view->stuck_why ? view->stuck_why : "";
    const char *error = strcmp(view->status, "finished") == 0 ? NULL : view->last_error.text;
    struct fact fact = {
        .rank = RANK_WORKFLOW,
        .class = pawli_arena_format(arena, "workflow %s %s %s", view->kind, view->status, why),
        .label = pawli_arena_text(arena, text_of(view->id)),
        .content = pawli_arena_text(arena, (struct text){view->receipt, view->receipt_size}),
        .shown = pawli_arena_format(arena, "workflow %s/%s %s%s%s%s%s%s%s", view->kind, view->id, view->status,
                                    *why ? ", " : "", why, view->receipt ? " with receipt " : "",
                                    view->receipt ? show_bytes(arena, view->receipt, view->receipt_size) : "",
                                    error ? ": " : "", or_none(error))};
    return add_fact(facts, fact, err);
}

static struct text step_of(const struct facts *facts, uint64_t seq)
{
    for (size_t i = 0; seq && i < facts->made_count; i++)
        if (facts->made[i].seq == seq)
            return facts->made[i].step;
    return (struct text){0};
}

static int add_step(struct facts *facts, const pawl_workflow_view *view, const pawl_step_view *step, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    const char *state = or_none(step->state), *data = show_bytes(arena, step->data, step->data_size);
    bool is_call = strcmp(step->result, "call") == 0;
    if (!pawli_arena_reserve(arena, (void **)&facts->made, sizeof *facts->made, facts->made_count + 1,
                             &facts->made_room))
        return pawli_no_memory(err);
    struct fact fact = {.rank = RANK_STEP,
                        .class = pawli_arena_format(arena, "step %s/%s", view->kind, view->id),
                        .label = pawli_arena_format(arena, "%s/%s %020" PRIu64, view->kind, view->id, step->generation),
                        .content = pawli_arena_text(arena, (struct text){step->data, step->data_size}),
                        .shown = pawli_arena_format(arena,
                                                    is_call ? "call \"%s\" of workflow %s/%s came to %s"
                                                            : "step \"%s\" of workflow %s/%s began with data %s",
                                                    state, view->kind, view->id, data),
                        .step = pawli_arena_text(arena, text_of(state))};
    facts->made[facts->made_count++] = (struct made){step->seq, fact.step};
    return add_fact(facts, fact, err);
}

static int read_steps(pawl_store *store, struct facts *facts, const pawl_workflow_view *view, pawl_error *err)
{
    pawl_workflows *page;
    int status = pawl_workflow_get(store, view->kind, view->id, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; status == PAWL_OK && i < pawl_workflows_step_count(page); i++)
        status = add_step(facts, view, pawl_workflows_step(page, i), err);
    pawl_workflows_free(page);
    return status;
}

static int read_workflows(pawl_store *store, struct facts *facts, pawl_error *err)
{
    pawl_workflows_query query = {PAWL_WORKFLOWS_QUERY, .limit = PAGE_LIMIT};
    for (int more = 1; more;) {
        pawl_workflows *page;
        int status = pawl_workflows_list(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < pawl_workflows_count(page); i++)
            status = add_workflow(facts, pawl_workflows_get(page, i), err);
        for (size_t i = 0; status == PAWL_OK && i < pawl_workflows_count(page); i++)
            status = read_steps(store, facts, pawl_workflows_get(page, i), err);
        more = pawl_workflows_has_more(page);
        query.before = pawl_workflows_next(page);
        pawl_workflows_free(page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

static int add_balance(struct facts *facts, const pawl_balance *balance, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    return add_fact(facts,
                    (struct fact){.rank = RANK_BALANCE,
                                  .class = pawli_arena_format(arena, "balance %s", balance->asset),
                                  .label = pawli_arena_text(arena, text_of(balance->account)),
                                  .content = pawli_arena_text(arena, text_of(balance->balance)),
                                  .shown = pawli_arena_format(arena, "account %s has %s %s", balance->account,
                                                              balance->balance, balance->asset)},
                    err);
}

static int read_balances(pawl_store *store, struct facts *facts, pawl_error *err)
{
    pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES, .limit = PAGE_LIMIT};
    struct text account = {0}, asset = {0};
    for (int more = 1; more;) {
        pawl_ledger *page;
        query.after_account = account.data;
        query.after_asset = asset.data;
        int status = pawl_ledger_list(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < pawl_ledger_count(page); i++) {
            const pawl_balance *balance = pawl_ledger_balance(page, i);
            status = add_balance(facts, balance, err);
            account = pawli_arena_text(&facts->arena, text_of(balance->account));
            asset = pawli_arena_text(&facts->arena, text_of(balance->asset));
        }
        more = pawl_ledger_has_more(page);
        pawl_ledger_free(page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

static int add_resource(struct facts *facts, const pawl_resource_view *view, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    return add_fact(facts,
                    (struct fact){.rank = RANK_RESOURCE,
                                  .class = pawli_arena_format(arena, "resource %s", view->state),
                                  .label = pawli_arena_text(arena, text_of(view->id)),
                                  .content = pawli_arena_text(arena, text_of(or_none(view->holder))),
                                  .shown = pawli_arena_format(arena, "resource %s %s%s%s", view->id, view->state,
                                                              view->holder ? " by " : "", or_none(view->holder))},
                    err);
}

static int read_resources(pawl_store *store, struct facts *facts, pawl_error *err)
{
    pawl_resources_query query = {PAWL_RESOURCES_QUERY, .limit = PAGE_LIMIT};
    struct text after = {0};
    for (int more = 1; more;) {
        pawl_resources *page;
        query.after = after.data;
        int status = pawl_resources_list(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < pawl_resources_count(page); i++) {
            const pawl_resource_view *view = pawl_resources_get(page, i);
            status = add_resource(facts, view, err);
            after = pawli_arena_text(&facts->arena, text_of(view->id));
        }
        more = pawl_resources_has_more(page);
        pawl_resources_free(page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

static int add_message(struct facts *facts, const pawl_message_view *view, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    const struct text fingerprint = {(const char *)view->fingerprint, sizeof view->fingerprint};
    return add_fact(
        facts,
        (struct fact){.rank = RANK_MESSAGE,
                      .step = step_of(facts, view->seq),
                      .class = pawli_arena_format(arena, "message %s %s %s", view->lane, view->target, view->state),
                      .label = pawli_arena_text(arena, text_of(or_none(view->key))),
                      .content = pawli_arena_text(arena, fingerprint),
                      .shown = pawli_arena_format(arena, "message to %s of lane %s, %s, with data %s", view->target,
                                                  view->lane, view->state,
                                                  show_bytes(arena, view->data, view->data_size))},
        err);
}

static int read_messages(pawl_store *store, struct facts *facts, pawl_error *err)
{
    pawl_messages_query query = {PAWL_MESSAGES_QUERY, .limit = PAGE_LIMIT, .oldest_first = 1};
    for (int more = 1; more;) {
        pawl_messages *page;
        int status = pawl_messages_list(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < pawl_messages_count(page); i++) {
            query.after = pawl_messages_get(page, i)->id;
            status = add_message(facts, pawl_messages_get(page, i), err);
        }
        more = pawl_messages_has_more(page);
        pawl_messages_free(page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

/* What is pawl's own (steps, and what operators did) shows in what it did. */
static bool is_reserved(const char *name)
{
    return strncmp(name, "pawl.", 5) == 0;
}

static int add_record(struct facts *facts, const pawl_record *record, pawl_error *err)
{
    struct arena *arena = &facts->arena;
    int status = PAWL_OK;
    for (size_t i = 0; status == PAWL_OK && i < record->event_count; i++) {
        const pawl_event_view *event = pawl_record_event(record, i);
        struct fact fact = {
            .rank = RANK_EVENT,
            .step = step_of(facts, record->seq),
            .class = pawli_arena_format(arena, "event %s %s", or_none(event->topic), or_none(event->type)),
            .label = pawli_arena_text(arena, text_of(or_none(event->key))),
            .content = pawli_arena_text(arena, (struct text){event->data, event->data_size}),
            .shown = pawli_arena_format(arena, "event %s of topic %s%s%s, with data %s", or_none(event->type),
                                        or_none(event->topic), event->key ? ", key " : "", or_none(event->key),
                                        show_bytes(arena, event->data, event->data_size))};
        status = add_fact(facts, fact, err);
    }
    if (status < 0 || is_reserved(record->type))
        return status;
    return add_fact(facts,
                    (struct fact){.rank = RANK_RECORD,
                                  .class = pawli_arena_format(arena, "record %s", record->type),
                                  .label = pawli_arena_text(arena, text_of(or_none(record->ref))),
                                  .content = pawli_arena_text(arena, (struct text){record->data, record->data_size}),
                                  .shown = pawli_arena_format(arena, "record of type %s with data %s", record->type,
                                                              show_bytes(arena, record->data, record->data_size))},
                    err);
}

static int read_records(pawl_store *store, struct facts *facts, pawl_error *err)
{
    pawl_records_query query = {PAWL_RECORDS_QUERY, .limit = PAGE_LIMIT};
    for (int more = 1; more;) {
        pawl_records *page;
        int status = pawl_records_list(store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < pawl_records_count(page); i++) {
            query.after_seq = pawl_records_get(page, i)->seq;
            status = add_record(facts, pawl_records_get(page, i), err);
        }
        more = pawl_records_has_more(page);
        pawl_records_free(page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

/* ---- order ---- */

static int compare_classes(const struct fact *a, const struct fact *b)
{
    return a->rank != b->rank ? a->rank - b->rank : pawli_text_compare(a->class, b->class);
}

static int compare_labels(const struct fact *a, const struct fact *b)
{
    int order = compare_classes(a, b);
    return order ? order : pawli_text_compare(a->label, b->label);
}

static int compare_facts(const void *left, const void *right)
{
    const struct fact *a = left, *b = right;
    int order = compare_labels(a, b);
    if (order || !a->content.data != !b->content.data)
        return order ? order : !b->content.data - !a->content.data;
    return pawli_text_compare(a->content, b->content);
}

int pawli_facts_read(pawl_store *store, struct facts *facts, pawl_error *err)
{
    int status = read_workflows(store, facts, err);
    if (status == PAWL_OK)
        status = read_balances(store, facts, err);
    if (status == PAWL_OK)
        status = read_resources(store, facts, err);
    if (status == PAWL_OK)
        status = read_messages(store, facts, err);
    if (status == PAWL_OK)
        status = read_records(store, facts, err);
    if (status == PAWL_OK && facts->count)
        qsort(facts->items, facts->count, sizeof *facts->items, compare_facts);
    return status;
}

/* ---- comparing ---- */

struct span {
    const struct fact *first;
    size_t count;
};

/* Those of it that are equal by this order. */
static struct span span_of(const struct facts *facts, const struct fact *like,
                           int (*compare)(const struct fact *a, const struct fact *b))
{
    size_t from = 0, to;
    while (from < facts->count && compare(&facts->items[from], like) < 0)
        from++;
    for (to = from; to < facts->count && compare(&facts->items[to], like) == 0;)
        to++;
    return (struct span){facts->items + from, to - from};
}

static bool is_same(struct span a, struct span b, bool by_label)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (by_label ? compare_labels(&a.first[i], &b.first[i]) != 0 : compare_facts(&a.first[i], &b.first[i]) != 0)
            return false;
    return true;
}

bool pawli_facts_are_same(const struct facts *expected, const struct facts *found)
{
    size_t i = 0, j = 0;
    while (i < expected->count && expected->items[i].rank == RANK_STEP)
        i++;
    while (j < found->count && found->items[j].rank == RANK_STEP)
        j++;
    return is_same((struct span){expected->items + i, expected->count - i},
                   (struct span){found->items + j, found->count - j}, false);
}

/* Without what another chance changes; false: not even their number is the same then. */
static bool mask(const struct facts *expected, const struct facts *other, struct fact *fact)
{
    const struct span ours = span_of(expected, fact, compare_classes), theirs = span_of(other, fact, compare_classes);
    if (ours.count != theirs.count)
        return false;
    if (!is_same(ours, theirs, true))
        fact->label = fact->content = (struct text){0};
    else if (!is_same(span_of(expected, fact, compare_labels), span_of(other, fact, compare_labels), false))
        fact->content = (struct text){0};
    return true;
}

static struct facts mask_all(const struct facts *facts, const struct facts *expected, const struct facts *other,
                             struct arena *arena)
{
    struct facts masked = {.items = arena_array(arena, struct fact, facts->count + 1)};
    for (size_t i = 0; masked.items && i < facts->count; i++) {
        struct fact *fact = &masked.items[masked.count];
        *fact = facts->items[i];
        masked.count += !other || (fact->rank != RANK_STEP && mask(expected, other, fact));
    }
    if (masked.count)
        qsort(masked.items, masked.count, sizeof *masked.items, compare_facts);
    return masked;
}

static size_t times(const struct facts *facts, const struct fact *fact)
{
    size_t count = 0;
    for (size_t i = 0; i < facts->count; i++)
        count += compare_facts(&facts->items[i], fact) == 0;
    return count;
}

typedef bool compares_facts(const struct fact *a, const struct fact *b);

static bool has_label_of(const struct fact *a, const struct fact *b)
{
    return a->rank == b->rank && text_equal(a->label, b->label);
}

static bool has_class_of(const struct fact *a, const struct fact *b)
{
    return compare_classes(a, b) == 0;
}

/* The first of these that the others have not, or not so often. */
static const struct fact *find_more(const struct facts *facts, const struct facts *others, const struct fact *like,
                                    compares_facts *is_alike)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if ((!like || is_alike(fact, like)) && times(facts, fact) > times(others, fact))
            return fact;
    }
    return NULL;
}

static struct text tell_count(const struct facts *expected, const struct facts *found, const struct fact *fact,
                              struct arena *arena)
{
    return pawli_arena_format(arena, "%s: %zu time%s, undisturbed %zu", fact->shown.data, times(found, fact),
                              times(found, fact) == 1 ? "" : "s", times(expected, fact));
}

struct text pawli_facts_differ(const struct facts *expected, const struct facts *found, const struct facts *other,
                               struct arena *arena, struct text *ret_step)
{
    *ret_step = (struct text){0};
    const struct facts left = mask_all(expected, expected, other, arena);
    const struct facts right = mask_all(found, expected, other, arena);
    if (!left.items || !right.items)
        return TEXT("out of memory");
    const struct fact *less = find_more(&left, &right, NULL, NULL);
    const struct fact *more = find_more(&right, &left, less, has_label_of);
    if (!more && less)
        more = find_more(&right, &left, less, has_class_of);
    if (less || more)
        *ret_step = pawli_arena_text(arena, more ? more->step : less->step);
    if (less && more && !times(&left, more) && !times(&right, less))
        return pawli_arena_format(arena, "%s; undisturbed: %s", more->shown.data, less->shown.data);
    return less || more ? tell_count(&left, &right, less ? less : more, arena) : (struct text){0};
}
