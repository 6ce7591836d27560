/* SPDX-License-Identifier: MIT */
#include "outbox/select.h"

#include <stdlib.h>

#include "model/check.h"

#define LOOK 500 /* messages, or records, of one read */

static int check_id(const char *field, const pawl_uuid *id, uint64_t *number, pawl_error *err)
{
    uint64_t tail;
    if (uuid_is_nil(id) || message_id_split(id, number, &tail))
        return PAWL_OK;
    return pawli_fail(err, PAWL_EINVAL, "%s is not the id of a message", field);
}

static int check_state(const char *state, struct query *query, pawl_error *err)
{
    query->any_state = !state;
    if (!state || pawli_state_parse(text_of(state), &query->state))
        return PAWL_OK;
    return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "no state is called \"%.40s\"", state),
                      "use pending, claimed, awaiting, uncertain, delivered, dead or cancelled");
}

int pawli_selection_init(struct selection *selection, const pawl_store *store, const pawl_messages_query *options,
                         pawl_error *err)
{
    *selection = (struct selection){.query = {.kind = QUERY_MESSAGES,
                                              .scope = store->scope,
                                              .lane = text_of(options->lane),
                                              .target = text_of(options->target),
                                              .key = text_of(options->key),
                                              .down = !options->oldest_first},
                                    .ref = text_of(options->ref),
                                    .error = text_of(options->error),
                                    .seq = options->seq,
                                    .until = options->until_ms ? (struct wall_time){options->until_ms} : WALL_NEVER};
    struct query *query = &selection->query;
    int status = options->lane ? pawli_check_name("lane", query->lane, err) : PAWL_OK;
    if (status == PAWL_OK && options->target)
        status = pawli_check_name("target", query->target, err);
    if (status == PAWL_OK)
        status = pawli_check_key("key", query->key, err);
    if (status == PAWL_OK)
        status = pawli_check_key("ref", selection->ref, err);
    if (status == PAWL_OK)
        status = pawli_check_text("error", selection->error, LIMIT_ERROR_TEXT, err);
    if (status == PAWL_OK)
        status = pawli_check_range("until", options->until_ms, 0, INT64_MAX - 1, err);
    if (status == PAWL_OK)
        status = check_state(options->state, query, err);
    if (status == PAWL_OK)
        status = check_id("before", &options->before, &query->before, err);
    return status == PAWL_OK ? check_id("after", &options->after, &query->after, err) : status;
}

/* ---- one message ---- */

static bool has_part(struct text text, struct text part)
{
    return !part.data || (text.data && memmem(text.data, text.size, part.data, part.size));
}

static bool matches(const struct selection *selection, const struct message_item *item)
{
    const struct query *query = &selection->query;
    const struct task_row *task = &item->task;
    bool is_placed = task->place != PLACE_NONE;
    uint64_t number = number_in_scope(item->message.number);
    int64_t time = task->place == PLACE_ENDED ? task->ended_at.ms : item->message.created.ms;
    return text_equal(item->scope, query->scope) && (!query->lane.data || text_equal(item->lane, query->lane)) &&
           (!query->target.data || text_equal(item->target, query->target)) &&
           (!query->key.data || text_equal(item->message.key, query->key)) &&
           (query->any_state || (is_placed && task_state(task) == query->state)) &&
           has_part(task->failure.text, selection->error) && time < selection->until.ms &&
           number > number_in_scope(query->after) && (!query->before || number < number_in_scope(query->before));
}

struct selecting {
    struct store *store;
    struct reader *reader;
    const struct selection *selection;
    uint32_t left;
    pawli_select_take *take;
    void *data;
    bool is_full, more;
};

static void offer(struct selecting *s, const struct page *page, const struct message_item *item)
{
    if (!matches(s->selection, item))
        return;
    s->more = s->left == 0;
    if (s->more || !s->take(s->data, page, item)) {
        s->more = s->is_full = true;
        return;
    }
    s->left--;
}

/* ---- all that the store finds ---- */

static int walk(struct selecting *s, pawl_error *err)
{
    const struct selection *selection = s->selection;
    struct query query = selection->query;
    bool is_exact = !selection->error.data && selection->until.ms == INT64_MAX;
    query.limit = is_exact && s->left < LOOK ? s->left : LOOK;
    for (bool more = true; more && !s->is_full;) {
        struct page page = {0};
        int status = pawli_store_status(pawli_store_read(s->store, s->reader, &query, &page, err));
        for (size_t i = 0; status == PAWL_OK && i < page.count && !s->is_full; i++)
            offer(s, &page, &page.messages[i]);
        more = page.more;
        if (query.down)
            query.before = page.next;
        else
            query.after = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
        if (more && is_exact && s->left == 0)
            s->is_full = s->more = true;
    }
    return PAWL_OK;
}

/* ---- those that records made ---- */

struct numbers {
    struct arena arena;
    uint64_t *at;
    size_t count, room;
};

static bool add_numbers(struct numbers *numbers, const struct record_row *row)
{
    uint64_t tail;
    size_t count;
    const struct record_message *entries = record_messages(row, &count);
    for (size_t i = 0; i < count; i++) {
        if (!pawli_arena_reserve(&numbers->arena, (void **)&numbers->at, sizeof *numbers->at, numbers->count + 1,
                                 &numbers->room))
            return false;
        numbers->count += message_id_split(&entries[i].id, &numbers->at[numbers->count], &tail);
    }
    return true;
}

static int list_numbers(struct selecting *s, struct numbers *numbers, pawl_error *err)
{
    const struct selection *selection = s->selection;
    struct query query = {.kind = selection->seq ? QUERY_RECORD : QUERY_RECORDS,
                          .scope = selection->query.scope,
                          .seq = selection->seq,
                          .ref = selection->ref,
                          .limit = LOOK};
    for (bool more = true; more;) {
        struct page page = {0};
        int status = pawli_store_status(pawli_store_read(s->store, s->reader, &query, &page, err));
        for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
            const struct record_row *row = &page.records[i];
            bool is_meant = !selection->ref.data || text_equal(row->ref, selection->ref);
            if (is_meant && !add_numbers(numbers, row))
                status = pawli_no_memory(err);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int offer_number(struct selecting *s, uint64_t number, pawl_error *err)
{
    struct page page = {0};
    struct query query = {.kind = QUERY_MESSAGE, .scope = s->selection->query.scope, .number = number};
    int status = pawli_store_status(pawli_store_read(s->store, s->reader, &query, &page, err));
    if (status == PAWL_OK && page.count)
        offer(s, &page, &page.messages[0]);
    pawli_page_done(&page);
    return status;
}

static int look_up(struct selecting *s, pawl_error *err)
{
    struct numbers numbers = {0};
    int status = list_numbers(s, &numbers, err);
    if (status == PAWL_OK && numbers.count)
        qsort(numbers.at, numbers.count, sizeof *numbers.at, by_number);
    for (size_t i = 0; status == PAWL_OK && i < numbers.count && !s->is_full; i++) {
        size_t at = s->selection->query.down ? numbers.count - 1 - i : i;
        bool again = i > 0 && numbers.at[at] == numbers.at[s->selection->query.down ? at + 1 : at - 1];
        if (!again)
            status = offer_number(s, numbers.at[at], err);
    }
    pawli_arena_done(&numbers.arena);
    return status;
}

int pawli_select(struct store *store, struct reader *reader, const struct selection *selection, uint32_t limit,
                 pawli_select_take *take, void *data, bool *ret_more, pawl_error *err)
{
    struct selecting s = {
        .store = store, .reader = reader, .selection = selection, .left = limit, .take = take, .data = data};
    int status = selection->seq || selection->ref.data ? look_up(&s, err) : walk(&s, err);
    *ret_more = s.more;
    return status;
}
