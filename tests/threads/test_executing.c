/* SPDX-License-Identifier: MIT */
/* Executors with several threads, in one process and in two: each step is committed once, whoever drives, signals, stops or
 * dies meanwhile. */
#include "crowd.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

/* Two forms of the same: each posts 1 three times, and waits for a signal in between. */
enum { POSTS = 3, WORKFLOWS = 24 };
static const char *const forms[] = {"machine", "function"};

static struct {
    struct place place;
    sem_t ends;          /* told "finished" or "failed" */
    sem_t began, may_go; /* of steps that wait */
    atomic_uint waiting, lost;
    bool waits; /* steps of the machine wait in state "b" */
} works;

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static const pawl_post one = {PAWL_POST, .account = "steps", .asset = "N", .delta = "1"};

static void wait_for_leave(void)
{
    if (!works.waits)
        return;
    atomic_fetch_add(&works.waiting, 1);
    sem_post(&works.began);
    await(&works.may_go);
}

static int advance(void *user, pawl_step *step, pawl_error *error)
{
    const char *state = pawl_step_state(step);
    (void)user, (void)error;
    if (strcmp(state, "b") == 0)
        wait_for_leave();
    if (strcmp(state, "signal") == 0 && !pawl_step_signal(step, "go", NULL))
        return pawl_step_park(step, NULL, NULL, 0, -1, NULL);
    pawl_step_post(step, &one);
    return strcmp(state, "a") == 0   ? pawl_step_next(step, "b", NULL, 0)
           : strcmp(state, "b") == 0 ? pawl_step_next(step, "signal", NULL, 0)
                                     : pawl_step_done(step, NULL, 0);
}

static int pass(void *arg, pawl_error *error)
{
    (void)arg, (void)error;
    return PAWL_OK;
}

static int code(void *user, pawl_run *run, pawl_error *error)
{
    (void)user;
    int status = pawl_run_post(run, "a", &one, 1, error);
    if (status == PAWL_OK)
        status = pawl_run_step(run, "step", pass, NULL, NULL, 0, error);
    if (status == PAWL_OK)
        status = pawl_run_post(run, "b", &one, 1, error);
    if (status == PAWL_OK)
        status = pawl_run_signal(run, "go", -1, NULL, NULL, error);
    return status == PAWL_OK ? pawl_run_post(run, "signal", &one, 1, error) : status;
}

/* Steps that never end: so that something runs whenever it is stopped. */
static int turn(void *user, pawl_step *step, pawl_error *error)
{
    (void)user, (void)error;
    return pawl_step_next(step, "again", NULL, 0);
}

static void tell(void *data, const pawl_executor_event *event)
{
    (void)data;
    if (strcmp(event->name, "finished") == 0 || strcmp(event->name, "failed") == 0)
        sem_post(&works.ends);
    atomic_fetch_add(&works.lost, strcmp(event->name, "lost") == 0);
}

static pawl_executor *new_executor(pawl_store *store, uint32_t threads, int64_t lease_ms)
{
    const pawl_kind kinds[] = {{PAWL_KIND, .name = "machine", .advance = advance},
                               {PAWL_KIND, .name = "function", .code = code},
                               {PAWL_KIND, .name = "turn", .advance = turn}};
    pawl_executor *executor;
    MUST_OK(pawl_executor_new(
        store, &(pawl_executor_options){PAWL_EXECUTOR_OPTIONS, .threads = threads, .lease_ms = lease_ms, .tell = tell},
        &executor, &err));
    for (size_t i = 0; i < COUNT(kinds); i++)
        MUST_OK(pawl_executor_register(executor, &kinds[i], &err));
    return executor;
}

static pawl_executor *start_executor(pawl_store *store, uint32_t threads, int64_t lease_ms)
{
    pawl_executor *executor = new_executor(store, threads, lease_ms);
    MUST_OK(pawl_executor_start(executor, &err));
    return executor;
}

static void begin(void)
{
    memset(&works, 0, sizeof works);
    sem_init(&works.ends, 0, 0);
    sem_init(&works.began, 0, 0);
    sem_init(&works.may_go, 0, 0);
    place_open(&works.place);
}

static char *name_of(char id[16], unsigned number)
{
    snprintf(id, 16, "w%u", number);
    return id;
}

static void start_one(const char *kind, unsigned number)
{
    char id[16];
    const pawl_start start = {PAWL_START, .kind = kind, .id = name_of(id, number), .state = "a"};
    MUST_OK(pawl_workflow_start(works.place.store, &start, NULL, &err));
}

/* Both forms, from several threads; signals from others, as soon as there is somebody to take them. */
static void start_many(void *data, unsigned number)
{
    (void)data;
    for (unsigned i = number; i < WORKFLOWS; i += 3)
        start_one(forms[i % 2], i);
}

static void signal_many(void *data, unsigned number)
{
    (void)data;
    for (unsigned i = number; i < WORKFLOWS; i += 2) {
        char id[16];
        const pawl_signal go = {PAWL_SIGNAL, .kind = forms[i % 2], .id = name_of(id, i), .name = "go"};
        int status;
        while ((status = pawl_workflow_signal(works.place.store, &go, NULL, NULL)) == PAWL_ENOTFOUND)
            sched_yield();
        MUST(status == PAWL_OK);
    }
}

static void must_be_posted(unsigned steps)
{
    char expected[16];
    pawl_ledger *ledger;
    snprintf(expected, sizeof expected, "%u", steps);
    MUST_OK(pawl_ledger_list(works.place.store, &(pawl_ledger_query){PAWL_LEDGER_QUERY, .kind = PAWL_BALANCES}, &ledger,
                             &err));
    assert_int_equal(pawl_ledger_count(ledger), 1);
    assert_string_equal(pawl_ledger_balance(ledger, 0)->balance, expected);
    pawl_ledger_free(ledger);
}

static const char *status_of(const char *kind, unsigned number)
{
    char id[16];
    pawl_workflows *workflows;
    MUST_OK(pawl_workflow_get(works.place.store, kind, name_of(id, number), &workflows, &err));
    const char *status = pawl_workflows_get(workflows, 0)->status; /* static */
    pawl_workflows_free(workflows);
    return status;
}

static void end_with(unsigned workflows)
{
    must_be_posted(POSTS * workflows);
    must_verify(works.place.store);
    place_close(&works.place);
}

static void end_all_finished(void)
{
    for (unsigned i = 0; i < WORKFLOWS; i++)
        assert_string_equal(status_of(forms[i % 2], i), "finished");
    assert_int_equal(works.lost, 0);
    end_with(WORKFLOWS);
}

static void drive_them(struct crowd *crowd)
{
    crowd_add(crowd, 3, start_many, NULL);
    crowd_add(crowd, 2, signal_many, NULL);
    crowd_run(crowd);
    for (unsigned i = 0; i < WORKFLOWS; i++)
        await(&works.ends);
}

/* ---- many ---- */

static void each_step_of_many_is_committed_once(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    begin();
    pawl_executor *executor = start_executor(works.place.store, 4, 0);
    drive_them(&crowd);
    pawl_executor_free(executor);
    end_all_finished();
}

static void two_executors_on_one_store_share_them(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    pawl_store *other;
    begin();
    MUST_OK(pawl_store_open(works.place.url, NULL, &other, &err));
    pawl_executor *executors[] = {start_executor(works.place.store, 2, 0), start_executor(other, 2, 0)};
    drive_them(&crowd);
    for (size_t i = 0; i < COUNT(executors); i++)
        pawl_executor_free(executors[i]);
    pawl_store_close(other);
    end_all_finished();
}

/* Each of them asks for the same workflows, which the odd ones start, beside an executor that drives them by itself. */
static void ask_for_each(void *data, unsigned number)
{
    const int until_done = number > 1;
    for (unsigned i = 0; i < WORKFLOWS; i++) {
        char id[16];
        const pawl_start start = {PAWL_START, .kind = forms[i % 2], .id = name_of(id, i), .state = "a"};
        pawl_error err = {0};
        int status;
        do
            status = number % 2 ? pawl_executor_run(data, &start, until_done, 3600000, NULL, &err)
                                : pawl_executor_drive(data, start.kind, id, until_done, 3600000, NULL, &err);
        while (status == PAWL_ENOTFOUND && sched_yield() == 0);
        if (status != PAWL_OK && (until_done || status != PAWL_EBUSY)) {
            fprintf(stderr, "%s/%s: %d %s\n", start.kind, id, status, err.text);
            abort();
        }
        MUST(!until_done || strcmp(status_of(start.kind, i), "finished") == 0);
    }
}

static void who_asks_for_one_is_given_its_end(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    begin();
    pawl_executor *executor = start_executor(works.place.store, 2, 0);
    crowd_add(&crowd, 4, ask_for_each, executor);
    crowd_add(&crowd, 2, signal_many, NULL);
    crowd_run(&crowd);
    pawl_executor_free(executor);
    end_all_finished();
}

/* ---- leases ---- */

enum { LEASE_MS = 1500 };

/* Until when its claim holds, which nobody took over. */
static int64_t lease_of(const pawl_step *step)
{
    pawl_workflows *workflows;
    MUST_OK(pawl_workflow_get(works.place.store, "slow", pawl_step_id(step), &workflows, &err));
    MUST(pawl_workflows_get(workflows, 0)->attempts == pawl_step_attempts(step));
    int64_t until = pawl_workflows_get(workflows, 0)->lease_until_ms;
    pawl_workflows_free(workflows);
    return until;
}

/* Ends when its claim holds as long as a lease behind the end of the first. */
static int outlast(void *user, pawl_step *step, pawl_error *error)
{
    (void)error;
    atomic_fetch_add((atomic_uint *)user, 1);
    const int64_t first = lease_of(step);
    while (lease_of(step) < first + LEASE_MS)
        sched_yield();
    return pawl_step_done(step, NULL, 0);
}

static void run_slow(void *data, unsigned number)
{
    char id[16];
    const pawl_start start = {PAWL_START, .kind = "slow", .id = name_of(id, number), .state = "a"};
    MUST_OK(pawl_executor_run(data, &start, 1, 3600000, NULL, &err));
}

static void a_lease_is_renewed_while_its_step_runs(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    atomic_uint calls = 0;
    begin();
    pawl_executor *executor = new_executor(works.place.store, 2, LEASE_MS);
    MUST_OK(pawl_executor_register(executor,
                                   &(pawl_kind){PAWL_KIND, .name = "slow", .advance = outlast, .user = &calls}, &err));
    MUST_OK(pawl_executor_start(executor, &err));
    start_one("slow", 7); /* by a thread of its own; and by threads that ask */
    crowd_add(&crowd, 2, run_slow, executor);
    crowd_run(&crowd);
    await(&works.ends);
    await(&works.ends);
    await(&works.ends);
    pawl_executor_free(executor);
    assert_int_equal(calls, 3);
    assert_int_equal(works.lost, 0);
    must_verify(works.place.store);
    place_close(&works.place);
}

static void stop_it(void *data, unsigned number)
{
    (void)number;
    pawl_executor_stop(data, 3600000);
}

/* Somebody else, who would have it as soon as its lease ended. */
static void lie_in_wait(void *data, unsigned number)
{
    const pawl_workflow_claim_options next = {PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = "slow", .limit = 1};
    (void)data, (void)number;
    while (strcmp(status_of("slow", 0), "finished") != 0) {
        pawl_workflows *claimed;
        MUST_OK(pawl_workflow_claim(works.place.store, &next, &claimed, &err));
        MUST(pawl_workflows_count(claimed) == 0);
        pawl_workflows_free(claimed);
        sched_yield();
    }
}

static void a_lease_is_renewed_in_the_grace_of_a_stop(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    atomic_uint calls = 0;
    begin();
    pawl_executor *executor = new_executor(works.place.store, 1, LEASE_MS);
    MUST_OK(pawl_executor_register(executor,
                                   &(pawl_kind){PAWL_KIND, .name = "slow", .advance = outlast, .user = &calls}, &err));
    MUST_OK(pawl_executor_start(executor, &err));
    start_one("slow", 0);
    while (atomic_load(&calls) == 0)
        sched_yield();
    crowd_add(&crowd, 1, stop_it, executor);
    crowd_add(&crowd, 1, lie_in_wait, NULL);
    crowd_run(&crowd);
    assert_string_equal(status_of("slow", 0), "finished"); /* its step was made when the stop returned */
    pawl_executor_free(executor);
    assert_int_equal(calls, 1);
    place_close(&works.place);
}

/* ---- stopping ---- */

static size_t claim_all(const char *kind)
{
    pawl_workflows *claimed;
    MUST_OK(pawl_workflow_claim(
        works.place.store,
        &(pawl_workflow_claim_options){PAWL_WORKFLOW_CLAIM_OPTIONS, .kind = kind, .limit = 100, .lease_ms = 86400000},
        &claimed, &err));
    size_t count = pawl_workflows_count(claimed);
    for (size_t i = 0; i < count; i++)
        MUST(pawl_workflows_get(claimed, i)->attempts == 1);
    pawl_workflows_free(claimed);
    return count;
}

static void what_was_not_begun_is_given_back(void **state)
{
    enum { RUNNING = 2, ALL = 8 };
    (void)state;
    begin();
    works.waits = true;
    pawl_executor *executor = start_executor(works.place.store, RUNNING, 0);
    for (unsigned i = 0; i < ALL; i++)
        start_one("machine", i);
    for (unsigned i = 0; i < RUNNING; i++)
        await(&works.began);
    pawl_executor_stop(executor, 0);
    assert_int_equal(claim_all("machine"), ALL - RUNNING); /* at once: nobody has them */
    for (unsigned i = 0; i < RUNNING; i++)
        sem_post(&works.may_go);
    pawl_executor_free(executor); /* which waits for what runs: it made its step, and goes on where somebody else is */
    assert_int_equal(works.waiting, RUNNING);
    assert_int_equal(claim_all("machine"), RUNNING);
    must_verify(works.place.store);
    place_close(&works.place);
}

/* Whenever it is stopped, nothing stays with it. */
static void what_is_stopped_keeps_no_claim(void **state)
{
    enum { ROUNDS = 20, ALL = 12 };
    (void)state;
    begin();
    for (unsigned i = 0; i < ALL; i++)
        start_one("turn", i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pawl_executor *executor = start_executor(works.place.store, 1 + round % 6, 3600000);
        if (round % 3)
            start_one("turn", ALL + round); /* news, while it begins */
        if (round % 2)
            pawl_executor_stop(executor, 3600000);
        pawl_executor_free(executor);
        for (unsigned i = 0; i < ALL; i++)
            MUST(strcmp(status_of("turn", i), "runnable") == 0);
    }
    assert_int_equal(works.lost, 0);
    must_verify(works.place.store);
    place_close(&works.place);
}

/* ---- processes ---- */

struct child {
    pid_t pid;
    int commands, told; /* what it reads and what it writes */
};

static struct child spawn(const char *what)
{
    int commands[2], told[2];
    MUST(pipe(commands) == 0 && pipe(told) == 0);
    struct child child = {.pid = fork(), .commands = commands[1], .told = told[0]};
    MUST(child.pid >= 0);
    if (child.pid == 0) {
        dup2(commands[0], STDIN_FILENO);
        dup2(told[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            close(commands[i]);
            close(told[i]);
        }
        execl("/proc/self/exe", "executing", what, works.place.url, (char *)NULL);
        _exit(127);
    }
    close(commands[0]);
    close(told[1]);
    return child;
}

static void await_word(const struct child *child)
{
    char c;
    MUST(read(child->told, &c, 1) == 1);
}

static void end_child(struct child *child)
{
    int how;
    close(child->commands);
    MUST(waitpid(child->pid, &how, 0) == child->pid);
    MUST(how == 0 || WIFSIGNALED(how));
    close(child->told);
}

/* The other process: it drives until its input ends; "stall": a step of its says so, and never returns. */
static void *say_and_stall(void *data)
{
    (void)data;
    await(&works.began);
    MUST(write(STDOUT_FILENO, "s", 1) == 1);
    return NULL;
}

static int be_child(const char *what, const char *url)
{
    pthread_t teller;
    char c;
    sem_init(&works.ends, 0, 0);
    sem_init(&works.began, 0, 0);
    sem_init(&works.may_go, 0, 0);
    works.waits = strcmp(what, "stall") == 0;
    MUST_OK(pawl_store_open(url, NULL, &works.place.store, &err));
    pawl_executor *executor = start_executor(works.place.store, 2, 86400000);
    MUST(pthread_create(&teller, NULL, say_and_stall, NULL) == 0);
    pthread_detach(teller);
    if (!works.waits)
        MUST(write(STDOUT_FILENO, "r", 1) == 1);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
    pawl_executor_free(executor);
    pawl_store_close(works.place.store);
    return 0;
}

static void await_end(pawl_executor *executor, unsigned number)
{
    char id[16];
    MUST_OK(pawl_executor_drive(executor, forms[number % 2], name_of(id, number), 1, 3600000, NULL, &err));
}

static void two_processes_share_them(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    begin();
    struct child child = spawn("drive");
    await_word(&child);
    pawl_executor *executor = start_executor(works.place.store, 2, 0);
    crowd_add(&crowd, 3, start_many, NULL);
    crowd_add(&crowd, 2, signal_many, NULL);
    crowd_run(&crowd);
    for (unsigned i = 0; i < WORKFLOWS; i++)
        await_end(executor, i);
    pawl_executor_free(executor);
    end_child(&child);
    end_all_finished();
}

/* Its leases would last a day: its claims end with it. */
static void what_a_killed_process_drove_goes_on_elsewhere(void **state)
{
    (void)state;
    begin();
    struct child child = spawn("stall");
    for (unsigned i = 0; i < 3; i++)
        start_many(NULL, i);
    await_word(&child); /* it is in the middle of a step */
    MUST(kill(child.pid, SIGKILL) == 0);
    end_child(&child);
    pawl_executor *executor = start_executor(works.place.store, 3, 0);
    signal_many(NULL, 0);
    signal_many(NULL, 1);
    for (unsigned i = 0; i < WORKFLOWS; i++)
        await_end(executor, i);
    pawl_executor_free(executor);
    end_all_finished();
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_of_many_is_committed_once),
        cmocka_unit_test(two_executors_on_one_store_share_them),
        cmocka_unit_test(who_asks_for_one_is_given_its_end),
        cmocka_unit_test(a_lease_is_renewed_while_its_step_runs),
        cmocka_unit_test(a_lease_is_renewed_in_the_grace_of_a_stop),
        cmocka_unit_test(what_was_not_begun_is_given_back),
        cmocka_unit_test(what_is_stopped_keeps_no_claim),
        cmocka_unit_test(two_processes_share_them),
        cmocka_unit_test(what_a_killed_process_drove_goes_on_elsewhere),
    };
    if (count == 3)
        return be_child(arguments[1], arguments[2]);
    return cmocka_run_group_tests_name("executing", tests, NULL, NULL);
}
