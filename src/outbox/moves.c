/* SPDX-License-Identifier: MIT */
/* Moves by filter: oldest first, in parts, each a commit with its record. The parts of an operation have request ids that
 * come of its own, so whoever repeats it finds the parts that were made and goes on behind them. */
#include "base/json.h"
#include "commit/operation.h"
#include "model/check.h"
#include "outbox/move.h"
#include "outbox/select.h"

#define PART_BYTES_MAX (32 * 1024 * 1024) /* of payloads: a part is loaded whole */

struct moving {
    pawl_store *store;
    pawl_moves moves;
    struct selection selection;
    struct move move;
    pawl_operation operation;
    pawl_uuid id;
    struct buffer filter;
    struct move_item *items;
    size_t bytes;
    pawl_moves_done done;
};

/* ---- what is asked ---- */

static int check_kind(struct moving *m, pawl_error *err)
{
    static const enum move_kind kinds[] = {[PAWL_MOVE_RETRY] = MOVE_RETRY,
                                           [PAWL_MOVE_REQUEUE] = MOVE_REQUEUE,
                                           [PAWL_MOVE_CANCEL] = MOVE_CANCEL,
                                           [PAWL_MOVE_RESOLVE] = MOVE_RESOLVE,
                                           [PAWL_MOVE_PURGE] = MOVE_PURGE};
    int status = pawli_check_range("kind", m->moves.kind, 0, COUNT_OF(kinds) - 1, err);
    if (status < 0)
        return status;
    m->move = (struct move){.kind = kinds[m->moves.kind],
                            .again = m->moves.again && kinds[m->moves.kind] == MOVE_REQUEUE};
    return m->move.kind == MOVE_RESOLVE ? pawli_move_outcome(m->moves.outcome, &m->move.outcome, err) : PAWL_OK;
}

static bool is_given(const pawl_messages_query *q)
{
    return q->lane || q->target || q->state || q->key || q->ref || q->error || q->seq || q->until_ms ||
           !uuid_is_nil(&q->before) || !uuid_is_nil(&q->after);
}

/* The filter as the record keeps it: all of it is what a repetition must repeat. */
static void put_filter(struct moving *m, const pawl_messages_query *q)
{
    struct json_writer writer = {&m->filter, false};
    char id[PAWL_UUID_TEXT_SIZE];
    buffer_init(&m->filter, 65536);
    pawli_json_open(&writer, '{');
    pawli_json_put_string(&writer, "lane", q->lane);
    pawli_json_put_string(&writer, "target", q->target);
    pawli_json_put_string(&writer, "state", q->state);
    pawli_json_put_string(&writer, "key", q->key);
    pawli_json_put_string(&writer, "ref", q->ref);
    if (q->seq)
        pawli_json_put_u64(&writer, "seq", q->seq);
    pawli_json_put_string(&writer, "error", q->error);
    if (!uuid_is_nil(&q->after))
        pawli_json_put_string(&writer, "after", pawl_uuid_format(&q->after, id));
    if (!uuid_is_nil(&q->before))
        pawli_json_put_string(&writer, "before", pawl_uuid_format(&q->before, id));
    if (q->until_ms)
        pawli_json_put_i64(&writer, "until", q->until_ms);
    if (m->moves.limit)
        pawli_json_put_u64(&writer, "limit", m->moves.limit);
    pawli_json_close(&writer, '}');
}

static int read_asked(struct moving *m, const pawl_operation *operation, pawl_error *err)
{
    pawl_messages_query query;
    if (!pawli_copy_options(&query, sizeof query, m->moves.which))
        return pawli_bad_struct("pawl_messages_query", err);
    if (!pawli_copy_options(&m->operation, sizeof m->operation, operation))
        return pawli_bad_struct("pawl_operation", err);
    m->operation.struct_size = sizeof m->operation;
    if (!is_given(&query))
        return pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "which messages shall be moved is missing"),
                          "name them by id, or by a filter, such as their state and lane");
    query.oldest_first = 1;
    int status = check_kind(m, err);
    if (status == PAWL_OK)
        status = pawli_selection_init(&m->selection, m->store, &query, err);
    if (status < 0)
        return status;
    put_filter(m, &query);
    m->id = m->operation.request_id;
    if (uuid_is_nil(&m->id))
        m->id = pawl_request_id_new();
    m->done.request_id = m->id;
    m->items = pawli_alloc(LIMIT_MOVES * sizeof *m->items);
    return m->items && !m->filter.failed ? PAWL_OK : pawli_no_memory(err);
}

/* ---- finding ---- */

static bool take_item(void *data, const struct page *page, const struct message_item *item)
{
    struct moving *m = data;
    (void)page;
    if (m->move.count && m->bytes + item->message.payload.size > PART_BYTES_MAX)
        return false;
    m->bytes += item->message.payload.size;
    m->move.seen_to = number_in_scope(item->message.number);
    if (m->moves.dry_run)
        m->done.refused += item->is_damaged || !pawli_may_move(&m->move, &item->task);
    m->items[m->move.count++] = (struct move_item){.id = message_id(&item->message)};
    return true;
}

/* What is made while the move goes on, by itself for one, is none of its business. */
static enum store_result find_end(struct moving *m, struct reader *reader, pawl_error *err)
{
    struct page page = {0};
    enum store_result result = STORE_OK;
    if (m->move.last_to == 0) {
        struct query newest = {
            .kind = QUERY_MESSAGES, .scope = m->store->scope, .down = true, .any_state = true, .limit = 1};
        result = pawli_store_read(m->store->opened->store, reader, &newest, &page, err);
        m->move.last_to = page.count ? number_in_scope(page.messages[0].message.number) : 1;
        pawli_page_done(&page);
    }
    uint64_t *before = &m->selection.query.before;
    if (*before == 0 || *before > m->move.last_to + 1)
        *before = m->move.last_to + 1;
    return result;
}

/* What the limit bounds; of a dry run those that would be. */
static uint64_t count_moved(const struct moving *m)
{
    return m->moves.dry_run ? m->done.matched - m->done.refused : m->done.moved;
}

static int find_part(struct moving *m, pawl_error *err)
{
    struct store *store = m->store->opened->store;
    struct reader *reader;
    bool more = false;
    uint64_t left = m->moves.limit ? m->moves.limit - count_moved(m) : LIMIT_MOVES;
    m->move.count = m->bytes = 0;
    m->move.items = m->items;
    int status = pawli_store_status(pawli_store_reader(store, &reader, err));
    if (status < 0)
        return status;
    if (m->move.seen_to > m->selection.query.after)
        m->selection.query.after = m->move.seen_to;
    status = pawli_store_status(find_end(m, reader, err));
    if (status == PAWL_OK)
        status = pawli_select(store, reader, &m->selection, left < LIMIT_MOVES ? (uint32_t)left : LIMIT_MOVES,
                              take_item, m, &more, err);
    pawli_store_done(store, reader);
    m->move.ends = !more;
    return status;
}

/* ---- the parts ---- */

static int was_made(struct moving *m, const pawl_uuid *id, bool *made, pawl_error *err)
{
    struct page page;
    struct query query = {.kind = QUERY_RECORD, .scope = TEXT(OPERATOR_SCOPE), .id = *id};
    int status = pawli_store_query(m->store->opened->store, &query, &page, err);
    *made = status == PAWL_OK && page.count > 0;
    if (status == PAWL_OK)
        pawli_page_done(&page);
    return status;
}

static int make_part(struct moving *m, uint64_t number, struct moved_part *part, pawl_error *err)
{
    bool made;
    m->operation.request_id = pawli_id_of_part(&m->id, number);
    int status = was_made(m, &m->operation.request_id, &made, err);
    m->move.count = 0;
    if (status == PAWL_OK && !made)
        status = find_part(m, err);
    if (status == PAWL_OK)
        status = pawli_move_part(m->store, &m->move, buffer_text(&m->filter), &m->id, number, &m->operation, part, err);
    return status;
}

static bool is_enough(const struct moving *m)
{
    return m->moves.limit && count_moved(m) >= m->moves.limit;
}

static bool goes_on(const struct moving *m)
{
    return !m->moves.progress || m->moves.progress(m->moves.data, &m->done) == 0;
}

static int make_parts(struct moving *m, pawl_error *err)
{
    struct moved_part part = {0};
    for (uint64_t number = 1; !part.ends && !is_enough(m); number++) {
        int status = make_part(m, number, &part, err);
        if (status < 0)
            return status;
        m->done.matched += part.matched;
        m->done.moved += part.moved;
        m->done.refused += part.refused;
        m->done.was_replayed = number == 1 ? part.was_replayed : m->done.was_replayed && part.was_replayed;
        m->move.seen_to = part.seen_to;
        m->move.last_to = part.last_to;
        if (!goes_on(m))
            break;
    }
    return PAWL_OK;
}

static int try_parts(struct moving *m, pawl_error *err)
{
    do {
        int status = find_part(m, err);
        if (status < 0)
            return status;
        m->done.matched += m->move.count;
        if (!goes_on(m))
            break;
    } while (!m->move.ends && !is_enough(m));
    return PAWL_OK;
}

int pawl_messages_move(pawl_store *store, const pawl_moves *moves, const pawl_operation *operation,
                       pawl_moves_done *ret_done, pawl_error *err)
{
    struct moving m = {.store = store};
    int status = pawli_check_given(err, store, moves, operation);
    if (status == PAWL_OK)
        status = pawli_check_room("pawl_moves_done", ret_done, err);
    if (status < 0)
        return status;
    if (!pawli_copy_options(&m.moves, sizeof m.moves, moves))
        return pawli_bad_struct("pawl_moves", err);
    status = read_asked(&m, operation, err);
    if (status == PAWL_OK)
        status = pawli_check_reason(text_of(m.operation.reason), err);
    if (status == PAWL_OK)
        status = pawli_check_key("actor", text_of(m.operation.actor), err);
    if (status == PAWL_OK)
        status = m.moves.dry_run ? try_parts(&m, err) : make_parts(&m, err);
    pawli_give_out(ret_done, &m.done, sizeof m.done);
    pawli_buffer_done(&m.filter);
    pawli_free(m.items);
    return status;
}
