/* SPDX-License-Identifier: MIT */
/* Running workloads, and looking at a store through the public interface. */
#include "world.h"

#include <sqlite3.h>

struct world *world_new(uint64_t seed, enum plant plant, const char *options)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->seed = world->random = seed;
    world->plant = plant;
    world->options = options;
    world->env = pawli_sim_new(seed);
    assert_non_null(world->env);
    return world;
}

void world_free(struct world *world)
{
    pawli_image_done(&world->start);
    pawli_trace_done(&world->trace);
    world->env->ops->close(world->env);
    free(world);
}

uint64_t world_random(struct world *world, uint64_t below)
{
    return pawli_draw(&world->random) % below;
}

void world_record(struct world *world)
{
    pawli_image_copy(&world->start, &pawli_disk()->live);
    pawli_disk()->trace = &world->trace;
    world->step_count = 0;
}

void violation(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world->violations++ > 0)
        return;
    va_start(arguments, format);
    vsnprintf(world->first, sizeof world->first, format, arguments);
    va_end(arguments);
}

/* ---- what a store shows ---- */

static const char *const scopes[] = {"default", "north", "pawl.operator"};

uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = pawli_mix(hash, word);
    }
    for (; size > 0; at++, size--)
        hash = pawli_mix(hash, *at);
    return hash;
}

uint64_t mix_text(uint64_t hash, const char *text)
{
    return text ? mix_bytes(pawli_mix(hash, strlen(text)), text, strlen(text)) : pawli_mix(hash, 77);
}

static uint64_t hash_record(uint64_t hash, const pawl_record *record)
{
    hash = pawli_mix(hash, record->seq);
    hash = mix_bytes(hash, &record->request_id, sizeof record->request_id);
    hash = mix_bytes(hash, record->digest, sizeof record->digest);
    hash = mix_bytes(hash, record->data, record->data_size);
    hash = mix_bytes(hash, record->response, record->response_size);
    hash = mix_bytes(hash, record->messages, record->message_count * sizeof *record->messages);
    for (size_t i = 0; i < record->event_count; i++)
        hash = mix_bytes(mix_text(hash, record->events[i].topic), record->events[i].data, record->events[i].data_size);
    return hash;
}

static uint64_t hash_message(uint64_t hash, const pawl_message_view *message)
{
    const uint64_t numbers[] = {message->attempts,  message->deferrals, message->crashes,
                                message->data_size, message->seq,       (uint64_t)message->priority};
    hash = mix_bytes(hash, &message->id, sizeof message->id);
    hash = mix_bytes(hash, numbers, sizeof numbers);
    hash = mix_bytes(hash, message->data, message->data_size);
    hash = mix_bytes(hash, &message->superseded_by, sizeof message->superseded_by);
    /* Not its dedupe key: what binds is kept apart, and asked for by repeating the call. */
    const char *texts[] = {message->state, message->key, message->hold, message->ended_reason, message->error_text};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        hash = mix_text(hash, texts[i]);
    return hash;
}

/* Of entries and fills each, of balances and projections what they are now. */
static int show_ledger(pawl_store *store, uint64_t *hash, pawl_error *err)
{
    int status = PAWL_OK;
    for (int32_t kind = PAWL_ASSETS; status == PAWL_OK && kind <= PAWL_TYPES; kind++) {
        pawl_ledger *page = NULL;
        const pawl_ledger_query query = {PAWL_LEDGER_QUERY, .kind = kind,
                                         .name = kind == PAWL_PROJECTIONS ? WORLD_LANE : NULL};
        status = pawl_ledger_list(store, &query, &page, err);
        *hash = pawli_mix(*hash, pawl_ledger_count(page));
        for (size_t i = 0; i < pawl_ledger_count(page); i++) {
            const pawl_balance *balance = pawl_ledger_balance(page, i);
            const pawl_entry *entry = pawl_ledger_entry(page, i);
            const pawl_fill_view *fill = pawl_ledger_fill(page, i);
            const pawl_projection_view *projection = pawl_ledger_projection(page, i);
            const pawl_type *type = pawl_ledger_type(page, i);
            *hash = mix_text(*hash, balance ? balance->balance : entry ? entry->delta : fill ? fill->trade_id : NULL);
            *hash = pawli_mix(*hash, type ? (uint64_t)type->keep : 0);
            *hash = pawli_mix(*hash, projection ? projection->version : entry ? entry->seq : 0);
        }
        pawl_ledger_free(page);
    }
    return status;
}

/* Snapshots and positions. */
static int show_kept(pawl_store *store, uint64_t *hash, pawl_error *err)
{
    pawl_snapshots *snapshots = NULL;
    pawl_subscriptions *subscriptions = NULL;
    int status = pawl_snapshots_list(store, &snapshots, err);
    if (status == PAWL_OK)
        status = pawl_subscriptions_list(store, NULL, &subscriptions, err);
    for (size_t i = 0; i < pawl_snapshots_count(snapshots); i++)
        *hash = pawli_mix(*hash, pawl_snapshots_get(snapshots, i)->seq);
    for (size_t i = 0; i < pawl_subscriptions_count(subscriptions); i++) {
        const pawl_subscription_view *view = pawl_subscriptions_get(subscriptions, i);
        *hash = pawli_mix(pawli_mix(mix_text(*hash, view->name), view->position.seq), view->position.index);
    }
    pawl_snapshots_free(snapshots);
    pawl_subscriptions_free(subscriptions);
    return status;
}

static int show_scope(pawl_store *store, uint64_t *hash, pawl_error *err)
{
    pawl_records *records = NULL;
    pawl_messages *messages = NULL;
    int status = pawl_records_list(store, &(pawl_records_query){PAWL_RECORDS_QUERY, .limit = 10000}, &records, err);
    if (status == PAWL_OK)
        status = pawl_messages_list(store, &(pawl_messages_query){PAWL_MESSAGES_QUERY, .limit = 10000}, &messages, err);
    if (status == PAWL_OK) {
        for (size_t i = 0; i < pawl_records_count(records); i++)
            *hash = hash_record(*hash, pawl_records_get(records, i));
        for (size_t i = 0; i < pawl_messages_count(messages); i++)
            *hash = hash_message(*hash, pawl_messages_get(messages, i));
    }
    pawl_records_free(records);
    pawl_messages_free(messages);
    if (status == PAWL_OK)
        status = show_kept(store, hash, err);
    if (status == PAWL_OK)
        status = world_show_workflows(store, hash, err);
    return status == PAWL_OK ? show_ledger(store, hash, err) : status;
}

uint64_t world_show(pawl_store *store, uint64_t *ret_commits, pawl_error *err)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    int status = pawl_store_get_info(store, &info, err);
    uint64_t hash = pawli_mix(1, info.epoch);
    for (size_t i = 0; status == PAWL_OK && i < COUNT_OF(scopes); i++) {
        pawl_store *scope = NULL;
        status = pawl_store_scope(store, scopes[i], &scope, err);
        if (status == PAWL_OK)
            status = show_scope(scope, &hash, err);
        pawl_store_close(scope);
    }
    *ret_commits = info.commits;
    return status == PAWL_OK ? hash | 1 : UNKNOWN_STATE;
}

/* ---- contents ---- */

static uint64_t random_of(const struct world *world, unsigned number)
{
    return pawli_mix(world->seed, number + 1000);
}

static void fill(uint8_t *bytes, size_t size, uint64_t *random)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)pawli_draw(random);
}

static pawl_uuid request_id(const struct world *world, unsigned number)
{
    uint64_t bytes[] = {world->seed, number};
    return pawl_request_id_from(bytes, sizeof bytes);
}

pawl_message world_message(struct world *world, unsigned number, struct made_message *made)
{
    uint64_t random = random_of(world, number);
    size_t size = (size_t)(pawli_draw(&random) % (pawli_draw(&random) % 8 ? 300 : sizeof made->payload));
    snprintf(made->dedupe, sizeof made->dedupe, "message %u", number);
    snprintf(made->key, sizeof made->key, "key %u", (unsigned)(pawli_draw(&random) % 3));
    fill(made->payload, size, &random);
    return (pawl_message){PAWL_MESSAGE,
                          .lane = WORLD_LANE,
                          .target = WORLD_TARGET,
                          .data = made->payload,
                          .data_size = size,
                          .dedupe = made->dedupe,
                          .key = pawli_draw(&random) % 3 ? NULL : made->key};
}

/* From one account to another, now and then as a trade; and how often that was. */
static void add_to_ledger(pawl_transition *transition, unsigned number, uint64_t *random)
{
    static const char *const accounts[] = {"a", "b", "c"};
    char amount[16], taken[17], trade[16];
    unsigned from = (unsigned)(pawli_draw(random) % 3);
    snprintf(amount, sizeof amount, "%u.25", (unsigned)(pawli_draw(random) % 100));
    snprintf(taken, sizeof taken, "-%s", amount);
    snprintf(trade, sizeof trade, "t%u", number);
    pawl_transition_post(transition,
                         &(pawl_post){PAWL_POST, .account = accounts[from], .asset = "USD", .delta = taken});
    pawl_transition_post(transition,
                         &(pawl_post){PAWL_POST, .account = accounts[(from + 1) % 3], .asset = "USD", .delta = amount});
    pawl_transition_balanced(transition);
    pawl_transition_projection(transition,
                               &(pawl_projection){PAWL_PROJECTION, .name = WORLD_LANE, .key = accounts[from],
                                                  .data = trade, .data_size = strlen(trade)});
    if (pawli_draw(random) % 2)
        return;
    pawl_transition_event(transition,
                          &(pawl_event){PAWL_EVENT, .topic = "trades", .type = "trade", .data = "1", .data_size = 1});
    pawl_transition_fill(transition, &(pawl_fill){PAWL_FILL, .trade_id = trade, .market = "m", .buyer = accounts[from],
                                                  .seller = accounts[(from + 1) % 3], .price = "1", .size = amount});
}

pawl_transition *world_transition(struct world *world, pawl_store *store, unsigned number)
{
    uint64_t random = random_of(world, number);
    char command[64];
    uint8_t body[700];
    struct made_message made;
    pawl_transition *transition = pawl_transition_new(
        store,
        &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "order", .request_id = request_id(world, number)});
    assert_non_null(transition);
    snprintf(command, sizeof command, "{\"number\":%u}", number);
    pawl_transition_command(transition, command, strlen(command));
    pawl_transition_response(transition, "\"yes\"", 5);
    if (world->plant != PLANT_TWO_COMMITS && pawli_draw(&random) % 2)
        add_to_ledger(transition, number, &random);
    for (unsigned left = (unsigned)(pawli_draw(&random) % 4); left > 0; left--) {
        size_t size = (size_t)(pawli_draw(&random) % sizeof body);
        fill(body, size, &random);
        pawl_transition_event(transition,
                              &(pawl_event){PAWL_EVENT, .topic = "orders", .type = "placed", .key = "k", .data = body,
                                            .data_size = size, .content_type = "application/octet-stream"});
    }
    for (unsigned left = (unsigned)(pawli_draw(&random) % 3); left > 0 && world->plant != PLANT_TWO_COMMITS; left--) {
        pawl_message message = world_message(world, number * 10 + left + 100000, &made);
        pawl_transition_message(transition, &message);
    }
    return transition;
}

/* ---- calls ---- */

int world_open_in(struct world *world, struct env *env, pawl_store **ret_store)
{
    char url[128];
    snprintf(url, sizeof url, "sqlite:" WORLD_FILE "?vfs=crash&%s", world->options);
    return pawli_open_in(env, url, NULL, ret_store, &world->err);
}

void world_begin(struct world *world, const char *name)
{
    assert_true(world->step_count < STEPS_MAX);
    world->steps[world->step_count++] = (struct step){.name = name, .begun = world->trace.count, .acked = NEVER};
}

int world_end(struct world *world, int status)
{
    struct step *step = &world->steps[world->step_count - 1];
    step->acked = world->plant == PLANT_EARLY_ANSWER ? step->begun : world->trace.count;
    if (status < 0)
        violation(world, "%s: status %d, %s", step->name, status, world->err.text);
    uint64_t hash = world->store ? world_show(world->store, &step->commits, &world->err) : UNKNOWN_STATE;
    if (!world->store)
        return status;
    if (hash == UNKNOWN_STATE)
        violation(world, "%s: the store shows nothing: %s", step->name, world->err.text);
    assert_true(step->commits < COMMITS_MAX);
    if (world->shown[step->commits] != UNKNOWN_STATE && world->shown[step->commits] != hash)
        violation(world, "%s: the store changed without a commit", step->name);
    world->shown[step->commits] = hash;
    return status;
}

int world_open(struct world *world)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    world_begin(world, "open");
    int status = world_open_in(world, world->env, &world->store);
    status = world_end(world, status);
    if (status == PAWL_OK && pawl_store_get_info(world->store, &info, NULL) == PAWL_OK)
        world->life = info.life;
    return status;
}

void world_close(struct world *world)
{
    struct step *before = &world->steps[world->step_count - 1];
    uint64_t commits = before->commits;
    world_begin(world, "close");
    pawl_store_close(world->store);
    world->store = NULL;
    world_end(world, PAWL_OK);
    world->steps[world->step_count - 1].commits = commits;
}

static struct ask *add_ask(struct world *world, const char *scope, unsigned number)
{
    assert_true(world->ask_count < ASKS_MAX);
    struct ask *ask = &world->asks[world->ask_count++];
    *ask = (struct ask){.scope = scope, .number = number, .commits = UINT64_MAX};
    return ask;
}

/* The asks of a step are there from its commit on. */
static int end_asks(struct world *world, size_t first, int status)
{
    status = world_end(world, status);
    for (size_t i = first; i < world->ask_count; i++)
        world->asks[i].commits = world->steps[world->step_count - 1].commits;
    return status;
}

void world_keep_receipt(struct ask *ask, const pawl_receipt *receipt)
{
    ask->seq = pawl_receipt_seq(receipt);
    memcpy(ask->digest, pawl_receipt_digest(receipt), sizeof ask->digest);
}

static int commit_ask(struct world *world, pawl_store *store, struct ask *ask, bool *replayed)
{
    pawl_receipt *receipt = NULL;
    pawl_transition *transition = world_transition(world, store, ask->number);
    int status = pawl_transition_commit(transition, &receipt, &world->err);
    if (status == PAWL_OK) {
        world_keep_receipt(ask, receipt);
        *replayed = pawl_receipt_was_replayed(receipt);
    }
    pawl_receipt_free(receipt);
    pawl_transition_free(transition);
    return status;
}

int world_append(struct world *world, const char *scope)
{
    bool replayed;
    size_t first = world->ask_count;
    pawl_store *store = NULL;
    struct ask *ask = add_ask(world, scope, world->next_number++);
    world_begin(world, "append");
    int status = pawl_store_scope(world->store, scope, &store, &world->err);
    if (status == PAWL_OK)
        status = commit_ask(world, store, ask, &replayed);
    if (status == PAWL_OK && world->plant == PLANT_TWO_COMMITS) {
        struct made_message made;
        pawl_enqueued result;
        pawl_message message = world_message(world, ask->number + 200000, &made);
        status = pawl_enqueue(store, &message, 1, &result, &world->err);
    }
    pawl_store_close(store);
    return end_asks(world, first, status);
}

int world_enqueue(struct world *world, unsigned count)
{
    struct made_message made[GROUP_MAX];
    pawl_message messages[GROUP_MAX];
    pawl_enqueued results[GROUP_MAX];
    size_t first = world->ask_count;
    for (unsigned i = 0; i < count; i++)
        messages[i] = world_message(world, add_ask(world, NULL, world->next_number++)->number, &made[i]);
    world_begin(world, "enqueue");
    int status = pawl_enqueue(world->store, messages, count, results, &world->err);
    for (unsigned i = 0; status == PAWL_OK && i < count; i++)
        world->asks[first + i].id = results[i].id;
    return end_asks(world, first, status);
}

int world_repeat(struct world *world, pawl_store *store, const struct ask *ask, bool *ret_replayed, struct ask *answer)
{
    *answer = (struct ask){.scope = ask->scope, .number = ask->number};
    if (!ask->scope) {
        struct made_message made;
        pawl_enqueued result;
        pawl_message message = world_message(world, ask->number, &made);
        int status = pawl_enqueue(store, &message, 1, &result, &world->err);
        answer->id = result.id;
        *ret_replayed = status == PAWL_OK && result.was_replayed;
        return status;
    }
    pawl_store *scope = NULL;
    int status = pawl_store_scope(store, ask->scope, &scope, &world->err);
    if (status == PAWL_OK)
        status = commit_ask(world, scope, answer, ret_replayed);
    pawl_store_close(scope);
    return status;
}

int world_claim(struct world *world, unsigned limit, bool by_hand)
{
    pawl_messages *messages = NULL;
    world_begin(world, "claim");
    int status = pawl_claim(world->store,
                            &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = WORLD_LANE, .target = WORLD_TARGET,
                                                  .limit = limit, .ends_with_process = !by_hand},
                            &messages, &world->err);
    status = world_end(world, status);
    for (size_t i = 0; status == PAWL_OK && i < pawl_messages_count(messages); i++) {
        const pawl_message_view *message = pawl_messages_get(messages, i);
        assert_true(world->held_count < HELDS_MAX);
        world->helds[world->held_count++] = (struct held){.claimed_at = world->steps[world->step_count - 1].commits,
                                                          .settled_at = UINT64_MAX,
                                                          .id = message->id,
                                                          .token = message->token,
                                                          .by_hand = by_hand};
    }
    pawl_messages_free(messages);
    return status;
}

struct held *world_next_held(struct world *world)
{
    for (size_t i = 0; i < world->held_count; i++)
        if (world->helds[i].settled_at == UINT64_MAX)
            return &world->helds[i];
    return NULL;
}

int world_settle(struct world *world, int verdict, unsigned count, unsigned follow_ups)
{
    struct made_message made[GROUP_MAX];
    pawl_message messages[GROUP_MAX];
    pawl_settlement items[GROUP_MAX];
    pawl_settled results[GROUP_MAX];
    struct held *helds[GROUP_MAX];
    size_t first = world->ask_count;
    unsigned n = 0;
    for (unsigned i = 0; i < follow_ups; i++)
        messages[i] = world_message(world, add_ask(world, NULL, world->next_number++)->number, &made[i]);
    for (struct held *held; n < count && (held = world_next_held(world)) != NULL; n++) {
        held->settled_at = 0;
        helds[n] = held;
        items[n] = (pawl_settlement){PAWL_SETTLEMENT, .id = held->id, .token = held->token, .verdict = verdict,
                                     .error = "because"};
    }
    assert_true(n > 0);
    items[0].messages = messages;
    items[0].message_count = follow_ups;
    world_begin(world, "settle");
    int status = pawl_settle(world->store, items, n, results, &world->err);
    for (unsigned i = 0; status == PAWL_OK && i < n; i++)
        if (results[i].result == PAWL_RESULT_LOST)
            violation(world, "a claim was lost while its process and its lease lived");
    status = end_asks(world, first, status);
    for (unsigned i = 0; i < n; i++)
        helds[i]->settled_at = world->steps[world->step_count - 1].commits;
    return status;
}

int world_consume(struct world *world)
{
    struct held *held = world_next_held(world);
    assert_non_null(held);
    pawl_transition *transition = world_transition(world, world->store, world->next_number++);
    pawl_transition_settle(transition, &(pawl_settlement){PAWL_SETTLEMENT, .id = held->id, .token = held->token,
                                                          .verdict = PAWL_VERDICT_DELIVERED});
    world_begin(world, "consume");
    int status = world_end(world, pawl_transition_commit(transition, NULL, &world->err));
    held->settled_at = world->steps[world->step_count - 1].commits;
    pawl_transition_free(transition);
    return status;
}

/* ---- several callers, one commit ---- */

struct reply {
    struct world *world;
    size_t ask;
    int status;
};

static void transition_done(void *data, int status, pawl_receipt *receipt, const pawl_error *error)
{
    struct reply *answer = data;
    answer->status = status;
    if (status == PAWL_OK)
        world_keep_receipt(&answer->world->asks[answer->ask], receipt);
    else
        answer->world->err = *error;
    pawl_receipt_free(receipt);
}

static void enqueue_done(void *data, int status, const pawl_enqueued *results, size_t count, const pawl_error *error)
{
    struct reply *answer = data;
    answer->status = status;
    if (status == PAWL_OK && count == 1)
        answer->world->asks[answer->ask].id = results[0].id;
    else if (status < 0)
        answer->world->err = *error;
}

static int submit(struct world *world, struct reply *answer)
{
    const struct ask *ask = &world->asks[answer->ask];
    if (!ask->scope) {
        struct made_message made;
        pawl_message message = world_message(world, ask->number, &made);
        return pawl_enqueue_submit(world->store, &message, 1, enqueue_done, answer, &world->err);
    }
    pawl_transition *transition = world_transition(world, world->store, ask->number);
    int status = pawl_transition_submit(transition, transition_done, answer, &world->err);
    if (status < 0)
        pawl_transition_free(transition);
    return status;
}

int world_group(struct world *world, unsigned size)
{
    struct reply answers[GROUP_MAX];
    size_t first = world->ask_count;
    int status = PAWL_OK;
    world_begin(world, "group");
    for (unsigned i = 0; i < size && status == PAWL_OK; i++) {
        answers[i] = (struct reply){world, first + i, 1};
        add_ask(world, i % 2 ? NULL : "default", world->next_number++);
        status = submit(world, &answers[i]);
    }
    for (unsigned turn = 0; turn < 8 && status == PAWL_OK; turn++) {
        status = pawl_store_step(world->store, 0, NULL, &world->err);
        pawli_sim_run_jobs(world->env);
    }
    for (unsigned i = 0; i < size && status == PAWL_OK; i++)
        status = answers[i].status;
    if (status == 1)
        violation(world, "a unit of a group was not answered");
    return end_asks(world, first, status);
}

/* ---- a run ---- */

struct world *workload_run(const struct workload *workload, uint64_t seed, enum plant plant)
{
    struct world *world = world_new(seed, plant, workload->options);
    struct disk *disk = pawli_disk();
    pawli_disk_clear(seed);
    disk->powersafe = seed % 4 != 0;
    if (workload->setup)
        workload->setup(world);
    disk->drops_syncs = plant == PLANT_DROPPED_LOG_SYNC ? "-wal" : plant == PLANT_DROPPED_SYNC ? WORLD_FILE : NULL;
    world_record(world);
    workload->run(world);
    if (world->store)
        world_close(world);
    disk->trace = NULL;
    disk->drops_syncs = NULL;
    return world;
}

void world_make_older(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *views;
    char sql[2000] = "";
    assert_int_equal(sqlite3_open_v2(WORLD_FILE, &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'view'", -1, &views, NULL),
                     SQLITE_OK);
    while (sqlite3_step(views) == SQLITE_ROW)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "DROP VIEW %s; ",
                 (const char *)sqlite3_column_text(views, 0));
    sqlite3_finalize(views);
    strcat(sql, "PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
