/* SPDX-License-Identifier: MIT */
/* Reading the journal: records, events, and the proof that nothing was changed. */
#include <inttypes.h>

#include "api/api.h"
#include "base/codec.h"
#include "cli/commands.h"
#include "cli/table.h"

#define PAGE      500
#define FOLLOW_MS 60000 /* a wait that ends begins again */

/* ---- records ---- */

/* What the command ends with when all that follows was printed too. */
static int note_damage(struct cli *cli, uint64_t seq)
{
    return pawli_hint(&cli->error, pawli_fail(&cli->error, PAWL_ECORRUPT, "record %" PRIu64 " cannot be read", seq),
                      "run \"pawl verify\"");
}

static void print_record_line(struct cli *cli, const pawl_record *record)
{
    char id[PAWL_UUID_TEXT_SIZE], time[32];
    if (cli->json) {
        pawli_api_put_record(cli_object(cli), record);
        cli_object_end(cli);
        return;
    }
    if (record->error) {
        printf("%" PRIu64 "  %s\n", record->seq, record->error);
        return;
    }
    struct arena arena = {0};
    cli_put_line(pawli_arena_format(&arena, "%" PRIu64 "  %s  %s  %s%s%s", record->seq,
                                    cli_time(record->committed_at_ms, time), pawl_uuid_format(&record->request_id, id),
                                    record->type, record->ref ? "  " : "", record->ref ? record->ref : ""));
    pawli_arena_done(&arena);
}

static void put_record_row(struct cli_table *table, const pawl_record *record)
{
    char id[PAWL_UUID_TEXT_SIZE], time[32];
    cli_table_row(table);
    cli_table_format(table, "%" PRIu64, record->seq);
    if (record->error) { /* behind it nothing means anything */
        cli_table_put(table, NULL);
        cli_table_put(table, NULL);
        cli_table_put(table, record->error);
        cli_table_put(table, NULL);
        return;
    }
    cli_table_put(table, cli_time(record->committed_at_ms, time));
    cli_table_put(table, pawl_uuid_format(&record->request_id, id));
    cli_table_put(table, record->type);
    cli_table_put(table, record->ref);
}

int cli_journal_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"SEQ", COLUMN_RIGHT},
                                                {"COMMITTED", COLUMN_LEFT},
                                                {"REQUEST", COLUMN_SPARE},
                                                {"TYPE", COLUMN_CUT},
                                                {"REF", COLUMN_CUT}};
    int64_t left = 50, before = 0;
    bool more = true;
    struct cli_table table;
    pawl_records_query query = {PAWL_RECORDS_QUERY, .newest_first = 1, .ref = cli_option(cli, "ref"),
                                .type = cli_option(cli, "type")};
    int damage = PAWL_OK, status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &left);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "before", 1, INT64_MAX - 1, &before);
    if (status == PAWL_OK)
        status = cli_option_moment(cli, "since", &query.since_ms);
    if (status < 0)
        return status;
    query.before_seq = (uint64_t)before;
    if (!cli->json)
        cli_table_begin(&table, cli, columns, COUNT_OF(columns));
    while (more && left > 0 && status == PAWL_OK) {
        pawl_records *records;
        query.limit = left > PAGE ? PAGE : (uint32_t)left;
        status = pawl_records_list(cli->store, &query, &records, &cli->error);
        if (status < 0)
            break;
        for (size_t i = 0; i < pawl_records_count(records); i++, left--) {
            const pawl_record *record = pawl_records_get(records, i);
            query.before_seq = record->seq;
            if (record->error)
                damage = note_damage(cli, record->seq);
            if (cli->json)
                print_record_line(cli, record);
            else
                put_record_row(&table, record);
        }
        more = pawl_records_has_more(records);
        pawl_records_free(records);
    }
    int printed = cli->json ? PAWL_OK : cli_table_end(&table, status == PAWL_OK ? "no records" : NULL);
    if (status == PAWL_OK && more)
        cli_note(cli, "there are more: go on with --before %" PRIu64 ", or see all with a greater --limit",
                 query.before_seq);
    return status < 0 ? status : damage < 0 ? damage : printed;
}

/* Prints records oldest first from behind *after; the rest of *left is counted down. What cannot be read is an item too, and
 * ends nothing; *damage says so. */
static int print_records(struct cli *cli, uint64_t *after, int64_t *left, int *damage)
{
    for (bool more = true; more && *left > 0;) {
        pawl_records *records;
        pawl_records_query query = {PAWL_RECORDS_QUERY, .after_seq = *after,
                                    .limit = *left > PAGE ? PAGE : (uint32_t)*left};
        int status = pawl_records_list(cli->store, &query, &records, &cli->error);
        if (status < 0)
            return status;
        for (size_t i = 0; i < pawl_records_count(records); i++, (*left)--) {
            *after = pawl_records_get(records, i)->seq;
            if (pawl_records_get(records, i)->error)
                *damage = note_damage(cli, *after);
            print_record_line(cli, pawl_records_get(records, i));
        }
        more = pawl_records_has_more(records);
        pawl_records_free(records);
    }
    return PAWL_OK;
}

/* The seq behind which the last `count` records are. */
static int find_tail(struct cli *cli, int64_t count, uint64_t *after)
{
    pawl_records *records;
    pawl_records_query query = {PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1};
    int status = pawl_records_list(cli->store, &query, &records, &cli->error);
    if (status < 0)
        return status;
    uint64_t head = pawl_records_count(records) ? pawl_records_get(records, 0)->seq : 0;
    pawl_records_free(records);
    *after = head > (uint64_t)count ? head - (uint64_t)count : 0;
    return PAWL_OK;
}

int cli_journal_tail(struct cli *cli)
{
    int damage = PAWL_OK;
    int64_t count = 10, left = INT64_MAX;
    uint64_t after;
    int status = cli_option_number(cli, "limit", 0, INT64_MAX - 1, &count);
    if (status == PAWL_OK)
        status = find_tail(cli, count, &after);
    if (status == PAWL_OK)
        status = print_records(cli, &after, &left, &damage);
    while (status >= 0 && cli_has(cli, "follow") && !ferror(stdout)) {
        fflush(stdout);
        status = pawl_journal_wait(cli->store, after, FOLLOW_MS, &cli->error);
        if (status >= 0)
            status = print_records(cli, &after, &left, &damage);
    }
    return status < 0 ? status : damage;
}

/* ---- one record ---- */

/* With what became of it, where it is kept. */
static void print_message_of(struct cli *cli, const pawl_uuid *id)
{
    char text[PAWL_UUID_TEXT_SIZE];
    pawl_messages *messages;
    pawl_error ignored;
    pawl_uuid_format(id, text);
    if (pawl_message_get(cli->store, id, &messages, &ignored) < 0) {
        cli_field("message", text);
        return;
    }
    const pawl_message_view *message = pawl_messages_get(messages, 0);
    cli_field(
        "message",
        pawli_arena_format(&cli->arena, "%s  %s/%s  %s", text, message->lane, message->target, message->state).data);
    pawl_messages_free(messages);
}

static void print_record(struct cli *cli, const pawl_record *record)
{
    char id[PAWL_UUID_TEXT_SIZE], time[32];
    cli_field("scope", record->scope);
    cli_field("seq", pawli_arena_format(&cli->arena, "%" PRIu64, record->seq).data);
    cli_field("request id", pawl_uuid_format(&record->request_id, id));
    cli_field("type", record->type);
    cli_field("ref", record->ref);
    cli_field("received", cli_time(record->received_at_ms, time));
    cli_field("committed", cli_time(record->committed_at_ms, time));
    cli_field("content type", record->content_type);
    if (record->data)
        cli_field_bytes("data", record->data, record->data_size);
    else
        cli_field("data", "pruned; its hash stays");
    cli_field_bytes("response", record->response, record->response_size);
    for (size_t i = 0; i < record->event_count; i++) {
        const pawl_event_view *event = &record->events[i];
        cli_field("event", pawli_arena_format(&cli->arena, "%" PRIu32 "  %s  %s%s%s", event->index, event->topic,
                                              event->type, event->key ? "  " : "", event->key ? event->key : "")
                               .data);
        cli_field_bytes("", event->data, event->data_size);
    }
    for (size_t i = 0; i < record->message_count; i++)
        print_message_of(cli, &record->messages[i]);
    cli_field("effects", record->effects);
    cli_field_hex("fingerprint", record->fingerprint, sizeof record->fingerprint);
    cli_field_hex("digest", record->digest, sizeof record->digest);
    cli_field_hex("state before", record->state_pre, record->state_pre_size);
    cli_field_hex("state after", record->state_post, record->state_post_size);
}

/* By seq or request id, by the natural key that made the request id, or the newest with a ref. */
static int find_record(struct cli *cli, pawl_records **ret_records)
{
    const char *text = cli_argument(cli, 0), *ref = cli_option(cli, "ref"), *from = cli_option(cli, "id-from");
    pawl_uuid id = {{0}};
    int64_t seq = 0;
    int status = PAWL_OK;
    if ((text != NULL) + (ref != NULL) + (from != NULL) != 1)
        return cli_hint(
            cli, cli_fail(cli, PAWL_EINVAL, "which record is %s", text || ref || from ? "said twice" : "missing"),
            "name it by its seq or request id, by --id-from, or by --ref");
    if (ref) {
        pawl_records_query query = {PAWL_RECORDS_QUERY, .newest_first = 1, .ref = ref, .limit = 1};
        status = pawl_records_list(cli->store, &query, ret_records, &cli->error);
        if (status < 0 || pawl_records_count(*ret_records))
            return status;
        pawl_records_free(*ret_records);
        return cli_hint(cli, cli_fail(cli, PAWL_ENOTFOUND, "no record has the ref \"%.256s\"", ref),
                        "see \"pawl journal list\"");
    }
    if (from && !*from)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "id-from is blank"),
                        "give the natural key that it was committed with");
    if (from)
        id = pawl_request_id_from(from, strlen(from));
    else if (text[0] && strspn(text, "0123456789") == strlen(text))
        status = cli_number(cli, "seq", text, 1, INT64_MAX - 1, &seq);
    else
        status = cli_uuid(cli, "request id", text, &id);
    return status < 0 ? status : pawl_record_get(cli->store, &id, (uint64_t)seq, ret_records, &cli->error);
}

int cli_journal_show(struct cli *cli)
{
    pawl_records *records;
    int status = find_record(cli, &records);
    if (status < 0)
        return status;
    const pawl_record *record = pawl_records_get(records, 0);
    if (cli->json)
        print_record_line(cli, record);
    else
        print_record(cli, record);
    pawl_records_free(records);
    return PAWL_OK;
}

/* ---- events ---- */

void cli_print_event(struct cli *cli, const pawl_event_view *event)
{
    if (cli->json) {
        pawli_api_put_event(cli_object(cli), event);
        cli_object_end(cli);
        return;
    }
    if (event->error) {
        printf("%" PRIu64 "  %s\n", event->seq, event->error);
        return;
    }
    struct buffer line;
    buffer_init(&line, SIZE_MAX / 2);
    pawli_buffer_format(&line, "%" PRIu64 ".%" PRIu32 "  %s  %s%s%s  ", event->seq, event->index, event->topic,
                        event->type, event->key ? "  " : "", event->key ? event->key : "");
    pawli_buffer_add(&line, event->data, event->data_size);
    cli_put_line(buffer_text(&line));
    pawli_buffer_done(&line);
}

static int print_events(struct cli *cli, pawl_events_query *query, int64_t *left, int *damage)
{
    for (bool more = true; more && *left > 0;) {
        pawl_events *events;
        query->limit = *left > PAGE ? PAGE : (uint32_t)*left;
        int status = pawl_events_read(cli->store, query, &events, &cli->error);
        if (status < 0)
            return status;
        for (size_t i = 0; i < pawl_events_count(events); i++, (*left)--) {
            const pawl_event_view *event = pawl_events_get(events, i);
            if (event->error)
                *damage = note_damage(cli, event->seq);
            cli_print_event(cli, event);
        }
        query->after = pawl_events_next(events);
        more = pawl_events_has_more(events);
        pawl_events_free(events);
    }
    return PAWL_OK;
}

/* SEQ, behind the whole record, or SEQ.INDEX. */
int cli_cursor(struct cli *cli, const char *field, const char *text, pawl_cursor *cursor)
{
    const char *dot = strchr(text, '.');
    uint64_t index = PAWL_WHOLE_RECORD;
    struct text seq = {text, dot ? (size_t)(dot - text) : strlen(text)};
    if (pawli_parse_u64(seq, &cursor->seq) && cursor->seq < INT64_MAX &&
        (!dot || (pawli_parse_u64(text_of(dot + 1), &index) && index < PAWL_WHOLE_RECORD))) {
        cursor->index = (uint32_t)index;
        return PAWL_OK;
    }
    return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s \"%.60s\" is no place in the journal", field, text),
                    "write SEQ for all of a record, or SEQ.INDEX for an event of it");
}

int cli_events(struct cli *cli)
{
    int damage = PAWL_OK;
    const char *after = cli_option(cli, "after");
    int64_t left = INT64_MAX;
    pawl_events_query query = {PAWL_EVENTS_QUERY, .topic = cli_option(cli, "topic"), .key = cli_option(cli, "key"),
                               .after = {0, PAWL_WHOLE_RECORD}};
    int status = cli_option_number(cli, "limit", 1, INT64_MAX - 1, &left);
    if (status == PAWL_OK && after)
        status = cli_cursor(cli, "after", after, &query.after);
    if (status == PAWL_OK)
        status = print_events(cli, &query, &left, &damage);
    while (status >= 0 && cli_has(cli, "follow") && left > 0 && !ferror(stdout)) {
        fflush(stdout);
        status = pawl_journal_wait(cli->store, query.after.seq, FOLLOW_MS, &cli->error);
        if (status >= 0)
            status = print_events(cli, &query, &left, &damage);
    }
    return status < 0 ? status : damage;
}

/* ---- the proof ---- */

static void show_checked(void *data, uint64_t checked)
{
    cli_progress(data, "checked", checked, 0);
}

static void print_verified(struct cli *cli, const pawl_verified *verified)
{
    if (cli->json) {
        pawli_api_put_verified(cli_object(cli), verified);
        cli_object_end(cli);
    } else if (verified->is_ok) {
        cli_say(cli, "%s: %" PRIu64 " records, ok", verified->scope, verified->records);
    } else {
        cli_print("%s: %" PRIu64 " records were checked, record %" PRIu64 " is bad: %s", verified->scope,
                  verified->records, verified->first_bad_seq, verified->what);
    }
}

int cli_verify(struct cli *cli)
{
    pawl_verification *verification = NULL;
    int status = pawl_verify(cli->store, cli->scope_given ? cli->scope : NULL, show_checked, cli, &verification,
                             &cli->error);
    cli_progress(cli, NULL, UINT64_MAX, 0);
    for (size_t i = 0; verification && i < pawl_verification_count(verification); i++)
        print_verified(cli, pawl_verification_get(verification, i));
    if (verification && pawl_verification_count(verification) == 0)
        cli_say(cli, "no records");
    pawl_verification_free(verification);
    return status;
}
