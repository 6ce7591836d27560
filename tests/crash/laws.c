/* SPDX-License-Identifier: MIT */
/* What must hold of a store after any crash:
 *
 *   1  It opens, and is recognised as what was left here.
 *   2  It shows exactly what some call left: at least what was answered, at most what was begun, nothing half.
 *   3  It verifies: gapless sequences, digests, each message in one place and counted.
 *   4  The same request again gives the stored answer if it was there, else one new record, and then that.
 *   5  A settled message is never claimed again; whoever held a lost claim changes nothing; tokens only grow.
 *   6  It goes on: new transitions get the next seq.
 *   7  Workflows go on to their ends, each step with all of its effects, once; each slot of a schedule fired once. */
#include "world.h"

uint64_t commits_answered(const struct world *world, size_t at, bool *any)
{
    uint64_t commits = 0;
    *any = false;
    for (size_t i = 0; i < world->step_count; i++)
        if (world->steps[i].acked <= at) {
            *any = true;
            if (world->steps[i].commits > commits)
                commits = world->steps[i].commits;
        }
    return commits;
}

uint64_t commits_begun(const struct world *world, size_t at)
{
    uint64_t commits = 0;
    for (size_t i = 0; i < world->step_count; i++)
        if (world->steps[i].begun <= at && world->steps[i].commits > commits)
            commits = world->steps[i].commits;
    return commits;
}

/* The world that the next process finds itself in. */
static struct env *next_env(const struct world *world, enum crash_kind kind)
{
    struct env *env = pawli_sim_new(world->seed);
    assert_non_null(env);
    pawli_sim_advance_ms(env, 5000);
    if (kind == CRASH_POWER)
        pawli_sim_reboot(env);
    return env;
}

/* Every transition of this world that posts is balanced. Its amounts are quarters, so a double holds them exactly. */
static void check_conserved(struct world *world, pawl_store *store)
{
    double sum = 0;
    pawl_ledger *page = NULL;
    if (pawl_ledger_list(store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES}, &page, &world->err) < 0)
        violation(world, "the balances cannot be read: %s", world->err.text);
    for (size_t i = 0; i < pawl_ledger_count(page); i++)
        sum += strtod(pawl_ledger_balance(page, i)->balance, NULL);
    if (sum != 0)
        violation(world, "ledger: all accounts of USD come to %.2f", sum);
    pawl_ledger_free(page);
}

static void check_verifies(struct world *world, pawl_store *store)
{
    pawl_verification *found = NULL;
    int status = pawl_verify(store, NULL, NULL, NULL, &found, &world->err);
    if (status < 0)
        violation(world, "verify: status %d, %s", status, world->err.text);
    for (size_t i = 0; i < pawl_verification_count(found); i++) {
        const pawl_verified *verified = pawl_verification_get(found, i);
        if (!verified->is_ok)
            violation(world, "verify: scope %s, seq %llu: %s", verified->scope,
                      (unsigned long long)verified->first_bad_seq, verified->what ? verified->what : "?");
    }
    pawl_verification_free(found);
    pawl_ledger_checked checked = {PAWL_LEDGER_CHECKED};
    status = pawl_ledger_check(store, &checked, &world->err);
    if (status < 0 || !checked.ok)
        violation(world, "ledger: status %d, %s: account %s, record %llu", status, checked.ok ? "" : checked.what,
                  checked.account, (unsigned long long)checked.seq);
    check_conserved(world, store);
}

static bool check_shown(struct world *world, size_t at, pawl_store *store, uint64_t *commits)
{
    bool answered;
    uint64_t least = commits_answered(world, at, &answered), most = commits_begun(world, at);
    uint64_t hash = world_show(store, commits, &world->err);
    if (hash == UNKNOWN_STATE)
        violation(world, "it cannot be read: %s", world->err.text);
    else if (*commits < least)
        violation(world, "answered and lost: commit %llu of %llu", (unsigned long long)*commits,
                  (unsigned long long)least);
    else if (*commits > most)
        violation(world, "commit %llu, though only %llu were begun", (unsigned long long)*commits,
                  (unsigned long long)most);
    else if (world->shown[*commits] == UNKNOWN_STATE)
        violation(world, "commit %llu is half of a call", (unsigned long long)*commits);
    else if (world->shown[*commits] != hash)
        violation(world, "commit %llu shows something else than its call left", (unsigned long long)*commits);
    else
        return true;
    return false;
}

static bool same_answer(const struct ask *a, const struct ask *b)
{
    if (!a->scope)
        return memcmp(&a->id, &b->id, sizeof a->id) == 0;
    return a->seq == b->seq && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

static bool is_nil(const struct ask *ask)
{
    static const pawl_uuid nil;
    return ask->scope ? ask->seq == 0 : memcmp(&ask->id, &nil, sizeof nil) == 0;
}

static void check_ask(struct world *world, pawl_store *store, const struct ask *ask, bool is_there)
{
    struct ask first, again;
    bool replayed = false, replayed_again = false;
    int status = world_repeat(world, store, ask, &replayed, &first);
    if (status < 0)
        violation(world, "the same request again: status %d, %s", status, world->err.text);
    else if (replayed != is_there)
        violation(world, is_there ? "a request that was answered is not known"
                                  : "a request is known whose transaction is not there");
    else if (is_there && !is_nil(ask) && !same_answer(ask, &first))
        violation(world, "the same request again has another answer");
    if (status < 0 || is_there)
        return;
    status = world_repeat(world, store, ask, &replayed_again, &again);
    if (status < 0 || !replayed_again || !same_answer(&first, &again))
        violation(world, "the same request twice gave two answers");
}

/* What was in flight, and one of those that were answered. */
static void check_asks(struct world *world, size_t at, pawl_store *store, uint64_t commits, uint64_t *random)
{
    bool any;
    uint64_t least = commits_answered(world, at, &any), most = commits_begun(world, at);
    size_t chosen = world->ask_count ? (size_t)(pawli_draw(random) % world->ask_count) : 0;
    for (size_t i = 0; i < world->ask_count; i++) {
        const struct ask *ask = &world->asks[i];
        bool in_flight = ask->commits > least && ask->commits <= most;
        if (in_flight || (i == chosen && ask->commits <= least))
            check_ask(world, store, ask, ask->commits <= commits);
    }
}

static uint64_t token_of(const pawl_messages *claimed, const pawl_uuid *id)
{
    for (size_t i = 0; i < pawl_messages_count(claimed); i++) {
        const pawl_message_view *message = pawl_messages_get(claimed, i);
        if (memcmp(&message->id, id, sizeof *id) == 0)
            return message->token;
    }
    return 0;
}

static void check_held(struct world *world, pawl_store *store, const struct held *held, const pawl_messages *claimed,
                       bool is_settled, bool is_alive)
{
    uint64_t now = token_of(claimed, &held->id);
    pawl_settlement late = {PAWL_SETTLEMENT, .id = held->id, .token = held->token, .verdict = PAWL_VERDICT_DELIVERED};
    pawl_settled result = {0};
    if (world->plant == PLANT_TOKEN_IGNORED && now)
        late.token = now;
    int status = pawl_settle(store, &late, 1, &result, &world->err);
    if (status < 0)
        violation(world, "settling late: status %d, %s", status, world->err.text);
    else if (is_alive && result.result != PAWL_RESULT_DELIVERED)
        violation(world, "a claim whose lease runs was lost");
    else if (!is_alive && result.result != PAWL_RESULT_LOST)
        violation(world, is_settled ? "a claim was settled twice" : "a lost claim was settled");
}

static int claim_all(struct world *world, pawl_store *store, pawl_messages **claimed)
{
    return pawl_claim(
        store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = WORLD_LANE, .target = WORLD_TARGET, .limit = 100},
        claimed, &world->err);
}

static void check_claims(struct world *world, pawl_store *store, uint64_t commits, enum crash_kind kind,
                         uint64_t *random)
{
    pawl_messages *first = NULL, *claimed = NULL;
    uint64_t greatest = 0;
    /* Twice: the first is this process's first commit, which tells whose slot it has. */
    if (claim_all(world, store, &first) < 0 || claim_all(world, store, &claimed) < 0) {
        violation(world, "claiming: %s", world->err.text);
        pawl_messages_free(first);
        return;
    }
    size_t chosen = world->held_count ? (size_t)(pawli_draw(random) % world->held_count) : 0;
    for (size_t i = 0; i < world->held_count; i++) {
        const struct held *held = &world->helds[i];
        if (held->claimed_at > commits)
            continue;
        bool is_settled = held->settled_at <= commits;
        bool is_alive = !is_settled && held->by_hand && kind == CRASH_KILL;
        bool is_taken = token_of(first, &held->id) || token_of(claimed, &held->id);
        if (held->token > greatest)
            greatest = held->token;
        if (is_alive && is_taken)
            violation(world, "a claim by hand was taken away while its lease ran");
        if (i == chosen)
            check_held(world, store, held, token_of(first, &held->id) ? first : claimed, is_settled, is_alive);
    }
    for (size_t i = 0; i < pawl_messages_count(first); i++)
        if (pawl_messages_get(first, i)->token <= greatest)
            violation(world, "a token was given out twice");
    for (size_t i = 0; i < pawl_messages_count(claimed); i++)
        if (pawl_messages_get(claimed, i)->token <= greatest || token_of(first, &pawl_messages_get(claimed, i)->id))
            violation(world, "a message was claimed twice");
    pawl_messages_free(first);
    pawl_messages_free(claimed);
}

static void check_goes_on(struct world *world, pawl_store *store)
{
    struct ask ask = {.scope = "default", .number = 999999}, answer;
    bool replayed = true;
    pawl_records *last = NULL;
    int status = pawl_records_list(store, &(pawl_records_query){PAWL_RECORDS_QUERY, .newest_first = 1, .limit = 1},
                                   &last, &world->err);
    uint64_t seq = status == PAWL_OK && pawl_records_count(last) ? pawl_records_get(last, 0)->seq : 0;
    pawl_records_free(last);
    if (status == PAWL_OK)
        status = world_repeat(world, store, &ask, &replayed, &answer);
    if (status < 0)
        violation(world, "a new transition: status %d, %s", status, world->err.text);
    else if (replayed || answer.seq != seq + 1)
        violation(world, "a new transition did not get the next seq");
}

static bool adopt_restored(struct world *world, size_t at, pawl_store *store, const pawl_store_info *info)
{
    bool any;
    if (world->adopted_at == 0 || world->adopted_at <= commits_answered(world, at, &any)) {
        violation(world, "taken for a restored store: %s", info->restored_why);
        return false;
    }
    int status = pawl_store_adopt(store, &(pawl_operation){PAWL_OPERATION, .reason = "test"}, &world->err);
    if (status < 0)
        violation(world, "adopting: status %d, %s", status, world->err.text);
    return status == PAWL_OK;
}

static void check_opened(struct world *world, size_t at, enum crash_kind kind, pawl_store *store, uint64_t *random)
{
    pawl_store_info info = {PAWL_STORE_INFO};
    bool answered;
    uint64_t commits = 0;
    commits_answered(world, at, &answered);
    if (pawl_store_get_info(store, &info, &world->err) < 0)
        violation(world, "it cannot be read: %s", world->err.text);
    else if (answered && (info.was_created || memcmp(&info.life, &world->life, sizeof info.life) != 0))
        violation(world, "another store is there than was left");
    if (!check_shown(world, at, store, &commits))
        return;
    check_verifies(world, store);
    bool is_own = !info.is_restored || adopt_restored(world, at, store, &info);
    if (is_own && !info.is_restored)
        check_asks(world, at, store, commits, random);
    if (is_own)
        check_claims(world, store, commits, kind, random);
    if (is_own && !info.is_restored && world->started_count > 0)
        check_workflows(world, store, commits);
    if (is_own)
        check_goes_on(world, store);
    if (is_own && pawli_draw(random) % 4 == 0)
        check_verifies(world, store);
}

void check_image(struct world *world, size_t at, enum crash_kind kind, uint64_t seed)
{
    struct env *env = next_env(world, kind);
    pawl_store *store = NULL;
    uint64_t random = seed;
    int status = world_open_in(world, env, &store);
    bool refused = status == PAWL_ECORRUPT && world->is_careless && kind == CRASH_POWER;
    if (status < 0 && !refused)
        violation(world, "it does not open: status %d, %s", status, world->err.text);
    else if (status == PAWL_OK)
        check_opened(world, at, kind, store, &random);
    pawl_store_close(store);
    env->ops->close(env);
    assert_int_equal(pawli_disk_open_count(), 0);
}

/* ---- a second crash ---- */

static void inherit(struct world *world, const struct world *old, uint64_t commits)
{
    for (size_t i = 0; i < old->ask_count; i++)
        if (old->asks[i].commits <= commits)
            world->asks[world->ask_count++] = old->asks[i];
    for (size_t i = 0; i < old->held_count; i++) {
        struct held held = old->helds[i];
        if (held.claimed_at > commits)
            continue;
        if (held.settled_at > commits)
            held.settled_at = UINT64_MAX;
        world->helds[world->held_count++] = held;
    }
    for (size_t i = 0; i < old->started_count; i++)
        if (old->started[i].commits <= commits)
            world->started[world->started_count++] = old->started[i];
    world->made_step = old->made_step;
    if (world->made_step.claimed_at > commits)
        world->made_step = (struct made_step){0};
    if (world->made_step.made_at > commits)
        world->made_step.made_at = UINT64_MAX;
    memcpy(world->shown, old->shown, (commits + 1) * sizeof *world->shown);
    world->is_careless = old->is_careless;
    world->next_number = old->next_number + 5000;
    world->adopted_at = old->adopted_at;
}

/* What was answered before the first crash is still a fact. */
static void add_earlier(struct world *world, const struct world *old, size_t at)
{
    bool answered;
    uint64_t commits = commits_answered(old, at, &answered);
    world->life = old->life;
    if (answered)
        world->steps[world->step_count++] = (struct step){.name = "earlier", .commits = commits};
}

struct world *recover_image(struct world *old, size_t at, enum crash_kind kind, const struct disk_walk *walk,
                            size_t *ret_from)
{
    struct disk *disk = pawli_disk();
    struct world *world = world_new(old->seed, old->plant, old->options);
    world->env->ops->close(world->env);
    world->env = next_env(old, kind);
    world_record(world);
    if (walk) {
        pawli_image_copy(&world->start, &walk->durable);
        for (size_t i = 0; i < walk->pending_count; i++)
            pawli_trace_add(&world->trace, &walk->trace->ops[walk->pending[i].op]);
    }
    *ret_from = world->trace.count;
    add_earlier(world, old, at);
    world_begin(world, "recover");
    int status = world_open_in(world, world->env, &world->store);
    uint64_t commits = 0;
    if (status == PAWL_OK && world_show(world->store, &commits, &world->err) != UNKNOWN_STATE)
        inherit(world, old, commits);
    world_end(world, status);
    pawl_store_info info = {PAWL_STORE_INFO};
    if (world->store && pawl_store_get_info(world->store, &info, NULL) == PAWL_OK) {
        world->life = info.life;
        if (!info.is_restored)
            world_append(world, "default");
        /* An adoption that was not answered is one from the next commit on, or was none. */
        bool any;
        if (old->adopted_at > commits_answered(old, at, &any))
            world->adopted_at = info.is_restored ? UINT64_MAX : world->steps[world->step_count - 1].commits;
        world_close(world);
    }
    disk->trace = NULL;
    return world;
}
