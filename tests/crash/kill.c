/* SPDX-License-Identifier: MIT */
/* Real processes share a store and are killed at moments that a seed chooses. What they were answered they wrote into a
 * pipe, which outlives them: it must all be there. The others go on, and what the dead had claimed is taken at once. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/base.h"
#include "support.h"

#include "pawl/journal.h"

#define ROUNDS    12
#define LANE      "work"
#define TARGET    "somebody"
#define ACKED_MAX 20000
#define FORKS     8 /* children of one that commits */

static pawl_error err;
static const uint64_t seed = 20260101;

struct acked {
    pawl_uuid request_id;
    uint64_t seq;
    uint8_t digest[32];
};

/* ---- what a process does until it is killed ---- */

static void work_off(pawl_store *store)
{
    pawl_messages *messages = NULL;
    assert_ok(pawl_claim(
        store,
        &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = LANE, .target = TARGET, .limit = 2, .ends_with_process = 1},
        &messages, &err));
    for (size_t i = 0; i < pawl_messages_count(messages); i++) {
        const pawl_message_view *message = pawl_messages_get(messages, i);
        pawl_settled result;
        assert_ok(pawl_settle(store,
                              &(pawl_settlement){PAWL_SETTLEMENT, .id = message->id, .token = message->token,
                                                 .verdict = PAWL_VERDICT_DELIVERED},
                              1, &result, &err));
    }
    pawl_messages_free(messages);
}

static int live(const char *url, int out, unsigned number)
{
    pawl_store *store = NULL;
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    for (uint64_t i = 0;; i++) {
        uint64_t bytes[] = {seed, number, i};
        pawl_receipt *receipt = NULL;
        struct acked acked = {.request_id = pawl_request_id_from(bytes, sizeof bytes)};
        pawl_transition *transition = pawl_transition_new(
            store, &(pawl_transition_options){PAWL_TRANSITION_OPTIONS, .type = "t", .request_id = acked.request_id});
        pawl_transition_command(transition, "1", 1);
        pawl_transition_message(transition, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET});
        assert_ok(pawl_transition_commit(transition, &receipt, &err));
        acked.seq = pawl_receipt_seq(receipt);
        memcpy(acked.digest, pawl_receipt_digest(receipt), sizeof acked.digest);
        pawl_receipt_free(receipt);
        pawl_transition_free(transition);
        if (write(out, &acked, sizeof acked) != sizeof acked)
            return 1;
        work_off(store);
    }
}

/* Claims one message, says so, and waits for its end. */
static int hold(const char *url, int out)
{
    pawl_store *store = NULL;
    pawl_messages *messages = NULL;
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_claim(
        store,
        &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "held", .target = TARGET, .limit = 1, .ends_with_process = 1},
        &messages, &err));
    uint64_t token = pawl_messages_count(messages) ? pawl_messages_get(messages, 0)->token : 0;
    if (write(out, &token, sizeof token) != sizeof token)
        return 1;
    for (;;)
        pause();
}

/* Not quite, where a test fails; and whoever reads what the test prints waits for nobody. */
static void sleep_for_ever(int out)
{
    alarm(100);
    close(out);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    for (;;)
        pause();
}

/* A child that touches nothing, such as a worker of a program that forks: it has what its parent had open. */
static pid_t leave_a_child(int out)
{
    int began[2];
    char byte = 0;
    if (pipe2(began, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (write(began[1], &byte, 1) == 1)
            sleep_for_ever(out);
        _exit(1);
    }
    if (read(began[0], &byte, 1) != 1) /* until then its fork is not over */
        return -1;
    close(began[0]);
    close(began[1]);
    return pid;
}

/* As `hold`, with a child that outlives it: says token and child. */
static int hold_and_fork(const char *url, int out)
{
    pawl_store *store = NULL;
    pawl_messages *messages = NULL;
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_claim(
        store,
        &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "held", .target = TARGET, .limit = 1, .ends_with_process = 1},
        &messages, &err));
    uint64_t said[2] = {pawl_messages_count(messages) ? pawl_messages_get(messages, 0)->token : 0};
    said[1] = (uint64_t)leave_a_child(out);
    if (write(out, said, sizeof said) != sizeof said)
        return 1;
    for (;;)
        pause();
}

/* Commits until it is killed, with children that were made while another thread commits: says each. */
static void *commit_for_ever(void *data)
{
    pawl_store *store = data;
    for (;;)
        assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET}, 1, NULL, &err));
    return NULL;
}

static int commit_and_fork(const char *url, int out)
{
    pawl_store *store = NULL;
    pthread_t thread;
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    if (pthread_create(&thread, NULL, commit_for_ever, store) != 0)
        return 1;
    for (unsigned i = 0; i < FORKS; i++) {
        pid_t child = leave_a_child(out);
        if (write(out, &child, sizeof child) != sizeof child)
            return 1;
    }
    for (;;)
        pause();
}

/* ---- starting and killing ---- */

struct child {
    pid_t pid;
    int in;
};

static struct child start(const char *what, const char *url, unsigned number)
{
    int ends[2];
    char out[16], text[16];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        snprintf(out, sizeof out, "%d", fcntl(ends[1], F_DUPFD, 0));
        snprintf(text, sizeof text, "%u", number);
        execl("/proc/self/exe", "kill", what, url, out, text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return (struct child){pid, ends[0]};
}

static void kill_child(struct child *child)
{
    int status;
    assert_int_equal(kill(child->pid, SIGKILL), 0);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_true(WIFSIGNALED(status)); /* it was alive, and did nothing that ended it */
}

static struct acked facts[ACKED_MAX];
static size_t fact_count;

/* As many answers as asked for; false: the pipe is empty and closed. */
static bool listen_to(struct child *child, uint64_t count)
{
    for (; count > 0; count--) {
        assert_true(fact_count < ACKED_MAX);
        ssize_t got = read(child->in, &facts[fact_count], sizeof facts[0]);
        if (got != (ssize_t)sizeof facts[0])
            return false;
        fact_count++;
    }
    return true;
}

static void check_whole(pawl_store *store)
{
    pawl_verification *found = NULL;
    assert_ok(pawl_verify(store, NULL, NULL, NULL, &found, &err));
    pawl_verification_free(found);
}

static void check_facts(pawl_store *store)
{
    check_whole(store);
    for (size_t i = 0; i < fact_count; i++) {
        pawl_records *records = NULL;
        assert_ok(pawl_record_get(store, &facts[i].request_id, 0, &records, &err));
        const pawl_record *record = pawl_records_get(records, 0);
        assert_int_equal(record->seq, facts[i].seq);
        assert_memory_equal(record->digest, facts[i].digest, sizeof facts[i].digest);
        pawl_records_free(records);
    }
}

static void what_was_answered_outlives_any_process(void **state)
{
    char folder[64], url[100];
    uint64_t random = seed;
    unsigned number = 0, goes_on = 0;
    pawl_store *store = NULL;
    (void)state;
    snprintf(url, sizeof url, "sqlite:%s/shop.db", make_folder(folder));
    fact_count = 0;
    struct child other = start("live", url, number++);
    assert_true(listen_to(&other, 1));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct child victim = start("live", url, number++);
        random = random * 6364136223846793005u + 1442695040888963407u;
        assert_true(listen_to(&victim, 1 + (random >> 33) % 40));
        kill_child(&victim);
        while (listen_to(&victim, 1)) /* what it had said before it died */
            ;
        close(victim.in);
        assert_true(listen_to(&other, 3)); /* the other goes on */
        goes_on++;
        if (round % 3 == 2) { /* sometimes both die, and the next is alone */
            kill_child(&other);
            while (listen_to(&other, 1))
                ;
            close(other.in);
            assert_ok(pawl_store_open(url, NULL, &store, &err));
            check_facts(store);
            pawl_store_close(store);
            other = start("live", url, number++);
            assert_true(listen_to(&other, 1));
        }
    }
    kill_child(&other);
    while (listen_to(&other, 1))
        ;
    close(other.in);
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    check_facts(store);
    pawl_store_close(store);
    print_message("# seed %llu: %u processes killed, %zu answers kept\n", (unsigned long long)seed, number, fact_count);
    assert_true(goes_on == ROUNDS && fact_count > ROUNDS);
    remove_folder(folder);
}

static void what_a_dead_process_had_claimed_is_taken_at_the_next_claim(void **state)
{
    char folder[64], url[100];
    pawl_store *store = NULL;
    pawl_enqueued result;
    uint64_t token = 0;
    (void)state;
    snprintf(url, sizeof url, "sqlite:%s/shop.db", make_folder(folder));
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = "held", .target = TARGET}, 1, &result, &err));
    pawl_claim_options claim = {PAWL_CLAIM_OPTIONS, .lane = "held", .target = TARGET, .limit = 1};
    pawl_messages *messages = NULL;
    struct child child = start("hold", url, 0);
    assert_int_equal(read(child.in, &token, sizeof token), sizeof token);
    assert_true(token != 0);
    assert_ok(pawl_claim(store, &claim, &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 0); /* it lives, and so does its claim */
    pawl_messages_free(messages);
    kill_child(&child);
    close(child.in);
    assert_ok(pawl_claim(store, &claim, &messages, &err)); /* its lease would run for another half minute */
    assert_int_equal(pawl_messages_count(messages), 1);
    assert_true(pawl_messages_get(messages, 0)->token > token);
    assert_int_equal(pawl_messages_get(messages, 0)->crashes, 1);
    pawl_messages_free(messages);
    pawl_settled late;
    assert_ok(pawl_settle(
        store, &(pawl_settlement){PAWL_SETTLEMENT, .id = result.id, .token = token, .verdict = PAWL_VERDICT_DELIVERED},
        1, &late, &err));
    assert_int_equal(late.result, PAWL_RESULT_LOST);
    pawl_store_close(store);
    remove_folder(folder);
}

static void end_child(pid_t pid)
{
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0); /* it was there until now */
}

static void a_claim_ends_with_its_process_though_a_child_lives(void **state)
{
    LAW(O3, O4);
    char folder[64], url[100];
    pawl_store *store = NULL;
    pawl_messages *messages = NULL;
    uint64_t said[2] = {0};
    (void)state;
    snprintf(url, sizeof url, "sqlite:%s/shop.db", make_folder(folder));
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = "held", .target = TARGET}, 1, NULL, &err));
    struct child child = start("hold and fork", url, 0);
    assert_int_equal(read(child.in, said, sizeof said), sizeof said);
    assert_true(said[0] != 0);
    kill_child(&child);
    close(child.in);
    assert_ok(pawl_claim(store, &(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = "held", .target = TARGET, .limit = 1},
                         &messages, &err));
    assert_int_equal(pawl_messages_count(messages), 1);
    pawl_messages_free(messages);
    end_child((pid_t)said[1]);
    pawl_store_close(store);
    remove_folder(folder);
}

/* Killed while it has the turnstile, or about to: whoever holds a lock of it now is a child that only sleeps. */
static void whoever_is_killed_while_it_commits_leaves_no_lock_to_its_children(void **state)
{
    LAW(F1);
    char folder[64], url[100];
    (void)state;
    snprintf(url, sizeof url, "sqlite:%s/shop.db", make_folder(folder));
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t children[FORKS];
        pawl_store *store = NULL;
        struct child victim = start("commit and fork", url, round);
        assert_int_equal(read(victim.in, &children[0], sizeof children[0]), sizeof children[0]);
        for (unsigned i = 1; i < FORKS; i++)
            assert_int_equal(read(victim.in, &children[i], sizeof children[i]), sizeof children[i]);
        kill_child(&victim);
        close(victim.in);
        assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 2000}, &store, &err));
        assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET}, 1, NULL, &err));
        check_whole(store);
        pawl_store_close(store);
        for (unsigned i = 0; i < FORKS; i++)
            end_child(children[i]);
    }
    remove_folder(folder);
}

/* What a child answers about its parent's handle: its exit status. */
static int misuse(pawl_store *store, pawl_worker *worker)
{
    pawl_message message = {PAWL_MESSAGE, .lane = LANE, .target = TARGET};
    pawl_messages *messages = NULL;
    pawl_store_info info = {PAWL_STORE_INFO};
    pawl_claim_options claim = {PAWL_CLAIM_OPTIONS, .lane = LANE, .target = TARGET, .limit = 1, .wait_ms = 10};
    int wrong = 0;
    wrong |= (pawl_enqueue(store, &message, 1, NULL, &err) != PAWL_EIO) << 0;
    wrong |= (pawl_claim(store, &claim, &messages, &err) != PAWL_EIO) << 1;
    wrong |= (pawl_store_get_info(store, &info, &err) != PAWL_EIO) << 2;
    wrong |= (pawl_store_start(store, &err) != PAWL_EIO) << 3;
    wrong |= (pawl_sweep(store, NULL, &err) != PAWL_EIO) << 4;
    wrong |= (pawl_journal_wait(store, 0, 10, &err) != PAWL_EIO) << 5;
    wrong |= (!strstr(err.hint, "process that uses it")) << 6;
    pawl_worker_stop(worker, 0);
    pawl_worker_free(worker);
    pawl_store_stop(store);
    pawl_store_close(store);
    return wrong;
}

static int wait_for_exit(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* With an engine's thread that works all the while, and may hold any lock of the process when it forks. */
static void a_child_is_told_that_the_handle_is_not_its_own(void **state)
{
    LAW(F1);
    char folder[64], url[100];
    pawl_store *store = NULL;
    pawl_worker *worker = NULL;
    pid_t sleeper = -1;
    (void)state;
    snprintf(url, sizeof url, "sqlite:%s/shop.db", make_folder(folder));
    assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 1000}, &store, &err));
    assert_ok(pawl_worker_new(store, &(pawl_worker_options){PAWL_WORKER_OPTIONS, .poll_ms = 1}, &worker, &err));
    assert_ok(pawl_store_start(store, &err));
    assert_ok(pawl_worker_start(worker, &err));
    for (unsigned i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(misuse(store, worker));
        assert_int_equal(wait_for_exit(pid), 0);
        assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET}, 1, NULL, &err));
    }
    pawl_worker_free(worker);
    sleeper = fork();
    if (sleeper == 0)
        sleep_for_ever(STDIN_FILENO);
    /* What is closed is closed, though a child has it. */
    for (unsigned i = 0; i < 2; i++) {
        pawl_store_close(store);
        assert_ok(pawl_store_open(url, &(pawl_store_options){PAWL_STORE_OPTIONS, .busy_ms = 100}, &store, &err));
        assert_ok(pawl_enqueue(store, &(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET}, 1, NULL, &err));
    }
    check_whole(store);
    pawl_store_close(store);
    end_child(sleeper);
    assert_int_equal(waitpid(sleeper, NULL, 0), sleeper);
    remove_folder(folder);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_outlives_any_process),
        cmocka_unit_test(what_a_dead_process_had_claimed_is_taken_at_the_next_claim),
        cmocka_unit_test(a_claim_ends_with_its_process_though_a_child_lives),
        cmocka_unit_test(whoever_is_killed_while_it_commits_leaves_no_lock_to_its_children),
        cmocka_unit_test(a_child_is_told_that_the_handle_is_not_its_own),
    };
    if (count == 5 && strcmp(arguments[1], "live") == 0)
        return live(arguments[2], atoi(arguments[3]), (unsigned)atoi(arguments[4]));
    if (count == 5 && strcmp(arguments[1], "hold") == 0)
        return hold(arguments[2], atoi(arguments[3]));
    if (count == 5 && strcmp(arguments[1], "hold and fork") == 0)
        return hold_and_fork(arguments[2], atoi(arguments[3]));
    if (count == 5 && strcmp(arguments[1], "commit and fork") == 0)
        return commit_and_fork(arguments[2], atoi(arguments[3]));
    alarm(100);
    return cmocka_run_group_tests_name("killed processes", tests, NULL, NULL);
}
