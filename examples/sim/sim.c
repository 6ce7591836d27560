/* SPDX-License-Identifier: MIT */
/* A payment, as a state machine and as a function, tested with pawl_sim; and the four mistakes that only a crash shows, each of
 * which it finds.
 *   sim           tries all of them; exits with 0 when the right ones end the same and each mistake is found
 *   sim SEED NAME [POINT]   one of them, by another seed, or only the run of that point
 */
#include <pawl/pawl.h>
#include <pawl/testing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum mistake { NONE, DRAWN_KEY, DRAWN_CHILD, CLOCK, SENT_FIRST };

/* The other side. It knows a payment again by its key, as every good receiver does. */
struct bank {
    int paid;
    pawl_uuid keys[64];
};

struct world {
    enum mistake mistake;
    struct bank bank;
    pawl_store *store;
};

/* A step's data: what is drawn is drawn once, and kept before it is used. */
struct payment {
    char coin[32];
    uint32_t cents;
    pawl_uuid key;
    int64_t booked_at_ms;
};

struct call {
    struct bank *bank;
    struct payment *payment;
};

static int pay(void *arg, pawl_error *err)
{
    const struct call *call = arg;
    struct bank *bank = call->bank;
    for (int i = 0; i < bank->paid; i++)
        if (memcmp(&bank->keys[i], &call->payment->key, sizeof bank->keys[i]) == 0)
            return PAWL_OK;
    if (bank->paid == 64)
        return pawl_error_set(err, PAWL_EREJECTED, "the bank has no room for %u cents", call->payment->cents);
    bank->keys[bank->paid++] = call->payment->key;
    return PAWL_OK;
}

static int64_t real_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t write_mail(char text[64], const struct payment *p)
{
    return (size_t)snprintf(text, 64, "%u cents, booked at %lld", p->cents, (long long)p->booked_at_ms);
}

/* ---- as a state machine: reserve, send, book; one commit each ---- */

static int reserve(struct world *world, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct call call = {&world->bank, p};
    p->key = pawl_step_uuid(step, "pay");
    pawl_step_hold(step, p->coin);
    if (world->mistake == SENT_FIRST) { /* it is kept, and too late */
        p->key = pawl_request_id_new();
        int status = pawl_step_call(step, "bank.pay", pay, &call, err);
        return status < 0 ? status : pawl_step_next(step, "book", p, sizeof *p);
    }
    return pawl_step_next(step, "send", p, sizeof *p);
}

static int send(struct world *world, pawl_step *step, struct payment *p, pawl_error *err)
{
    struct call call = {&world->bank, p};
    if (world->mistake == DRAWN_KEY)
        p->key = pawl_request_id_new();
    int status = pawl_step_call(step, "bank.pay", pay, &call, err);
    return status < 0 ? pawl_error_wrap(err, "paying with %s", p->coin) : pawl_step_next(step, "book", NULL, 0);
}

static int book(struct world *world, pawl_step *step, struct payment *p, pawl_error *err)
{
    char id[64] = "of-", uuid[40];
    snprintf(id, sizeof id, "of-%s", pawl_step_id(step));
    if (world->mistake == DRAWN_CHILD) { /* and not with the commit of this step */
        pawl_uuid drawn = pawl_request_id_new();
        pawl_uuid_format(&drawn, uuid);
        pawl_start start = {PAWL_START, .kind = "receipt", .id = uuid};
        pawl_workflows *started;
        int status = pawl_workflow_start(world->store, &start, &started, err);
        if (status < 0)
            return status;
        pawl_workflows_free(started);
    } else {
        pawl_step_start(step, &(pawl_start){PAWL_START, .kind = "receipt", .id = id});
    }
    p->booked_at_ms = world->mistake == CLOCK ? real_now_ms() : pawl_step_now_ms(step);
    pawl_step_consume(step, p->coin);
    pawl_step_post(step, &(pawl_post){PAWL_POST, .account = "paid", .asset = "EUR", .delta = "5"});
    char text[64];
    pawl_step_message(step, &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = text,
                                            .data_size = write_mail(text, p)});
    return pawl_step_done(step, "paid", 4);
}

static int advance(void *user, pawl_step *step, pawl_error *err)
{
    struct world *world = user;
    const char *state = pawl_step_state(step);
    size_t size;
    struct payment p = *(const struct payment *)pawl_step_data(step, &size);
    return strcmp(state, "reserve") == 0 ? reserve(world, step, &p, err)
           : strcmp(state, "send") == 0  ? send(world, step, &p, err)
                                         : book(world, step, &p, err);
}

/* ---- the same as a function ---- */

static int draw_and_pay(void *arg, pawl_error *err)
{
    struct call *call = arg;
    call->payment->key = pawl_request_id_new();
    return pay(call, err);
}

static int code(void *user, pawl_run *run, pawl_error *err)
{
    struct world *world = user;
    size_t size, none = 0;
    struct payment p = *(const struct payment *)pawl_run_input(run, &size);
    struct call call = {&world->bank, &p};
    char id[64];
    snprintf(id, sizeof id, "of-%s", pawl_run_id(run));
    int status = pawl_run_uuid(run, "key", &p.key, err);
    if (status == PAWL_OK)
        status = pawl_run_hold(run, p.coin, err);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "bank.pay", world->mistake == DRAWN_KEY ? draw_and_pay : pay, &call, NULL, 0, err);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "grace", 60000, err);
    if (status == PAWL_OK)
        status = pawl_run_consume(run, p.coin, err);
    pawl_post post = {PAWL_POST, .account = "paid", .asset = "EUR", .delta = "5"};
    if (status == PAWL_OK)
        status = pawl_run_post(run, "book", &post, 1, err);
    if (status == PAWL_OK && world->mistake != CLOCK)
        status = pawl_run_now_ms(run, "booked", &p.booked_at_ms, err);
    else
        p.booked_at_ms = real_now_ms();
    char text[64];
    pawl_message mail = {PAWL_MESSAGE, .lane = "mail", .target = "smtp", .data = text,
                         .data_size = write_mail(text, &p)};
    if (status == PAWL_OK)
        status = pawl_run_send(run, "mail", &mail, err);
    if (status == PAWL_OK)
        status = pawl_run_child(run, "receipt", &(pawl_start){PAWL_START, .kind = "receipt", .id = id}, NULL, &none,
                                err);
    if (status == PAWL_OK)
        pawl_run_receipt(run, "paid", 4);
    return status;
}

static int write_receipt(void *user, pawl_step *step, pawl_error *err)
{
    (void)user, (void)err;
    pawl_step_event(step, &(pawl_event){PAWL_EVENT, .topic = "receipts", .type = "Written", .key = "7"});
    return pawl_step_done(step, NULL, 0);
}

/* ---- the test ---- */

static void reset(void *user)
{
    struct world *world = user;
    memset(&world->bank, 0, sizeof world->bank);
}

static int begin(void *user, pawl_store *store, pawl_error *err)
{
    struct world *world = user;
    struct payment p = {.coin = "coin-1", .cents = 500};
    pawl_workflows *started;
    world->store = store;
    int status = pawl_resource_add(store, p.coin, "coin", err);
    if (status < 0)
        return status;
    pawl_start start = {PAWL_START, .kind = "pay", .id = "7", .state = "reserve", .data = &p, .data_size = sizeof p};
    status = pawl_workflow_start(store, &start, &started, err);
    if (status == PAWL_OK)
        pawl_workflows_free(started);
    return status;
}

static int check(void *user, pawl_store *store, pawl_error *err)
{
    const struct world *world = user;
    (void)store;
    return world->bank.paid == 1 ? PAWL_OK : pawl_error_set(err, PAWL_ECORRUPT, "paid %d times", world->bank.paid);
}

static const struct trial {
    const char *name;
    enum mistake mistake;
    int is_code, is_strict; /* strict: what only another time or chance shows, too */
} trials[] = {{"machine", NONE, 0, 1},
              {"code", NONE, 1, 1},
              {"key drawn in each drive", DRAWN_KEY, 0, 0},
              {"key drawn in each drive, in code", DRAWN_KEY, 1, 0},
              {"child drawn in each drive", DRAWN_CHILD, 0, 0},
              {"clock of its own", CLOCK, 0, 1},
              {"clock of its own, in code", CLOCK, 1, 1},
              {"sent before it is recorded", SENT_FIRST, 0, 0}};

/* 0: as it should be. */
static int try_one(const struct trial *trial, uint64_t seed, uint64_t point)
{
    struct world world = {.mistake = trial->mistake};
    const pawl_kind pay_kind = {PAWL_KIND,
                                .name = "pay",
                                .version = 1,
                                .advance = trial->is_code ? NULL : advance,
                                .code = trial->is_code ? code : NULL,
                                .user = &world};
    const pawl_kind receipt = {PAWL_KIND, .name = "receipt", .version = 1, .advance = write_receipt};
    const pawl_sim_options options = {PAWL_SIM_OPTIONS, .seed = seed,   .double_drive = (uint32_t)trial->is_strict,
                                      .reset = reset,   .begin = begin, .check = check,
                                      .user = &world,   .point = point};
    pawl_sim_report report = {PAWL_SIM_REPORT};
    pawl_sim *sim = NULL;
    pawl_error err;
    int status = pawl_sim_new(&options, &sim, &err);
    if (status == PAWL_OK)
        status = pawl_sim_register(sim, &pay_kind, &err);
    if (status == PAWL_OK)
        status = pawl_sim_register(sim, &receipt, &err);
    if (status == PAWL_OK)
        status = pawl_sim_run(sim, &report, &err);
    printf("%s: %s\n", trial->name, status < 0 ? err.text : report.text);
    pawl_sim_free(sim);
    return status != (trial->mistake != NONE);
}

int main(int argc, char **argv)
{
    int bad = 0, found = 0;
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        if (argc < 3 || strcmp(argv[2], trials[i].name) == 0) {
            bad |= try_one(&trials[i], argc > 1 ? strtoull(argv[1], NULL, 10) : 7,
                           argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
            found = 1;
        }
    return bad || !found;
}
