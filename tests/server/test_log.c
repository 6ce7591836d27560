/* SPDX-License-Identifier: MIT */
/* What a server logs: bounded whatever happens, with nothing uncounted, and no file that grows without end. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cli/log.h"
#include "support.h"

static char folder[64], path[96];
static int64_t clock_ms;

static int64_t now_ms(void)
{
    return clock_ms;
}

static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/log", folder);
    clock_ms = 1700000000000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void begin(struct log *log, bool json)
{
    log_init(log, json);
    log->now_ms = now_ms;
    log->file = (struct log_file){.path = path, .size_max = 10 << 20, .archives = 5, .fd = -1};
}

/* A file's text; "" where there is none. */
static const char *text_at(const char *name)
{
    static char text[2 << 20];
    FILE *file = fopen(name, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    return text;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static unsigned lines(void)
{
    return count(text_at(path), "\n");
}

static void trouble(struct log *log, const char *name, const char *target, unsigned attempt)
{
    log_event(log, &(pawl_worker_event){.name = name,
                                        .level = LOG_HEALED,
                                        .scope = "default",
                                        .lane = "mail",
                                        .target = target,
                                        .attempt = attempt,
                                        .text = "not ready"});
}

static void a118_25_passes_are_one_line_and_then_one_of_60(void **state)
{
    struct log log;
    (void)state;
    begin(&log, false);
    for (unsigned i = 1; i <= 25; i++)
        trouble(&log, "deferred", "session", i);
    trouble(&log, "dead", "session", 25);
    assert_int_equal(lines(), 2);
    assert_non_null(strstr(text_at(path), "deferred scope=default lane=mail target=session attempt=1: not ready"));
    for (unsigned i = 26; i <= 60; i++)
        trouble(&log, "deferred", "session", i);
    assert_int_equal(lines(), 2);
    trouble(&log, "deferred", "session", 61);
    assert_int_equal(lines(), 3);
    assert_non_null(strstr(text_at(path), "attempt=61 folded=59: not ready"));
    for (unsigned i = 62; i <= 70; i++)
        trouble(&log, "deferred", "session", i);
    log_done(&log);
    assert_int_equal(lines(), 4);
    assert_non_null(strstr(text_at(path), "deferred scope=default lane=mail target=session: 9 more lines like this"));
}

static void each_kind_and_each_queue_is_told_for_itself(void **state)
{
    struct log log;
    (void)state;
    begin(&log, false);
    for (int i = 0; i < 10; i++) {
        trouble(&log, "retry", "a", 1);
        trouble(&log, "retry", "b", 1);
        trouble(&log, "uncertain", "a", 1);
        log_event(&log, &(pawl_worker_event){.name = "started", .level = LOG_LIFE});
    }
    assert_int_equal(lines(), 3 + 10); /* what is no trouble is never folded */
    log_done(&log);
}

/* What a send met is no more of the same when somebody is asked. */
static void each_phase_is_told_for_itself_and_by_its_name(void **state)
{
    static const char *const phases[] = {"send", "poll", "probe"};
    struct log log;
    (void)state;
    begin(&log, false);
    for (size_t i = 0; i < 2 * COUNT_OF(phases); i++)
        log_event(&log, &(pawl_worker_event){.name = "retry",
                                             .level = LOG_HEALED,
                                             .target = "bank",
                                             .attempt = 1,
                                             .phase = phases[i % COUNT_OF(phases)]});
    assert_int_equal(lines(), 3);
    log.json = true;
    log_done(&log); /* says what was left out, of each */
    assert_int_equal(lines(), 6);
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        char words[64], member[64];
        snprintf(words, sizeof words, "retry target=bank phase=%s attempt=1\n", phases[i]);
        snprintf(member, sizeof member, "\"target\":\"bank\",\"phase\":\"%s\",\"text\":\"1 more", phases[i]);
        assert_int_equal(count(text_at(path), words), 1);
        assert_int_equal(count(text_at(path), member), 1);
    }
}

static void after_a_quiet_minute_the_same_is_a_new_beginning(void **state)
{
    struct log log;
    (void)state;
    begin(&log, false);
    for (int i = 0; i < 30; i++) {
        trouble(&log, "retry", "a", 1);
        clock_ms += FOLD_QUIET_MS - 1;
    }
    assert_int_equal(lines(), 1);
    clock_ms += 1;
    trouble(&log, "retry", "a", 7);
    assert_int_equal(lines(), 3);
    assert_non_null(strstr(text_at(path), "29 more lines"));
    assert_non_null(strstr(text_at(path), "attempt=7"));
    trouble(&log, "retry", "a", 8);
    log_tend(&log);
    assert_int_equal(lines(), 3);
    clock_ms += FOLD_QUIET_MS;
    log_tend(&log); /* its end is told without another one */
    assert_int_equal(lines(), 4);
    log_done(&log);
}

/* Of a flood of whatever kinds there is a bounded number of lines a second, and each event is a line or counted in one. */
static void a_flood_is_bounded_and_counted(void **state)
{
    enum { EVENTS = 5000 };
    struct log log;
    char target[16];
    unsigned told = 0;
    (void)state;
    begin(&log, true);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(target, sizeof target, "t%d", i % 2500);
        trouble(&log, "retry", target, 1);
        clock_ms += i % 2; /* 2.5 seconds in all */
    }
    unsigned said = lines();
    assert_true(said <= 3 * 201);
    log_done(&log);
    for (const char *at = text_at(path); (at = strchr(at, '{')) != NULL; at++) {
        const char *text = strstr(at, "\"text\":\"") + 8;
        told += strncmp(text, "not ready", 9) == 0 ? 1 : (unsigned)strtoul(text, NULL, 10);
        at = strchr(at, '\n');
    }
    assert_int_equal(told, EVENTS);
}

static void a127_a_record_is_a_line_whose_fields_nobody_overwrites(void **state)
{
    struct log log;
    (void)state;
    begin(&log, true);
    log_event(&log, &(pawl_worker_event){.name = "retry",
                                         .level = LOG_HEALED,
                                         .scope = "default",
                                         .lane = "mail",
                                         .target = "t",
                                         .attempt = 3,
                                         .text = "x\",\"level\":0,\"text\":\"y\nz"});
    assert_string_equal(text_at(path), "{\"at\":1700000000000,\"time\":\"2023-11-14T22:13:20.000Z\",\"level\":1,"
                                       "\"what\":\"retry\",\"scope\":\"default\",\"lane\":\"mail\",\"target\":\"t\","
                                       "\"attempt\":3,\"text\":\"x\\\",\\\"level\\\":0,\\\"text\\\":\\\"y\\nz\"}\n");
    log_done(&log);
}

/* ---- the file ---- */

static void say(struct log *log, unsigned n)
{
    char text[80];
    snprintf(text, sizeof text, "%-60u", n);
    log_event(log, &(pawl_worker_event){.name = "step", .level = LOG_LIFE, .text = text});
    clock_ms += 100;
}

static off_t size_of(unsigned n)
{
    char name[128];
    struct stat facts;
    snprintf(name, sizeof name, n ? "%s.%u" : "%s", path, n);
    return stat(name, &facts) == 0 ? facts.st_size : -1;
}

static void a140_it_rotates_before_it_is_too_large_and_keeps_so_many(void **state)
{
    struct log log;
    char last[128];
    (void)state;
    begin(&log, false);
    log.file.size_max = 1000;
    log.file.archives = 3;
    for (unsigned i = 0; i < 200; i++) {
        say(&log, i);
        for (unsigned n = 0; n <= 3; n++)
            assert_true(size_of(n) <= 1000);
        assert_int_equal(size_of(4), -1);
    }
    assert_true(size_of(0) > 0 && size_of(1) > 900 && size_of(2) > 900 && size_of(3) > 900);
    assert_non_null(strstr(text_at(path), "199"));
    snprintf(last, sizeof last, "%s.1", path);
    assert_null(strstr(text_at(last), "199"));
    assert_true(strtoul(strrchr(text_at(last), 'Z') + 8, NULL, 10) > 180); /* the newest archive is the first */
    log_done(&log);
    /* With fewer archives those that are too many go. */
    begin(&log, false);
    log.file.size_max = 1000;
    log.file.archives = 1;
    for (unsigned i = 0; i < 20; i++)
        say(&log, i);
    assert_true(size_of(1) > 0);
    assert_int_equal(size_of(2), -1);
    log.file.archives = 0;
    for (unsigned i = 0; i < 20; i++)
        say(&log, i);
    assert_true(size_of(0) > 0 && size_of(0) <= 1000);
    assert_int_equal(size_of(1), -1);
    log_done(&log);
}

static void a140_all_files_together_have_a_budget(void **state)
{
    struct log log;
    (void)state;
    begin(&log, false);
    log.file.size_max = 1000;
    log.file.archives = 100;
    log.file.total_max = 3500;
    for (unsigned i = 0; i < 200; i++) {
        off_t total = 0;
        say(&log, i);
        for (unsigned n = 0; size_of(n) >= 0; n++)
            total += size_of(n);
        assert_true(total <= 3500);
    }
    assert_true(size_of(2) > 0);
    log_done(&log);
}

static void a140_a_file_that_is_too_large_is_rotated_at_the_start(void **state)
{
    struct log log;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    (void)state;
    assert_int_equal(ftruncate(fd, 5000), 0);
    close(fd);
    begin(&log, false);
    log.file.size_max = 1000;
    say(&log, 1);
    assert_int_equal(size_of(1), 5000);
    assert_true(size_of(0) < 200);
    log_done(&log);
}

/* While it fails, lines go to standard error; they are counted, and that is said once it takes lines again. */
static void a140_a_file_that_fails_stops_nobody(void **state)
{
    struct log log;
    char into[128], errors[96];
    (void)state;
    snprintf(errors, sizeof errors, "%s/errors", folder);
    int before = dup(STDERR_FILENO), fd = open(errors, O_RDWR | O_CREAT, 0600);
    dup2(fd, STDERR_FILENO);
    begin(&log, false);
    snprintf(into, sizeof into, "%s/later/log", folder);
    log.file.path = into;
    for (unsigned i = 0; i < 30; i++)
        say(&log, i);
    assert_int_equal(count(text_at(errors), "step"), 30);
    assert_int_equal(atomic_load(&log.lost), 30);
    *strrchr(into, '/') = '\0';
    mkdir(into, 0700);
    into[strlen(into)] = '/';
    clock_ms += 1000;
    say(&log, 31);
    dup2(before, STDERR_FILENO);
    close(before);
    close(fd);
    assert_int_equal(count(text_at(errors), "\n"), 30);
    assert_non_null(strstr(text_at(into), "31"));
    assert_non_null(strstr(text_at(into), "did not take 30 lines"));
    say(&log, 32);
    assert_int_equal(count(text_at(into), "did not take"), 1);
    log_done(&log);
}

static void a_file_that_was_taken_away_is_made_anew(void **state)
{
    struct log log;
    char aside[128];
    (void)state;
    begin(&log, false);
    say(&log, 1);
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    say(&log, 2);
    assert_int_equal(lines(), 1);
    assert_int_equal(count(text_at(aside), "\n"), 1);
    log_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a118_25_passes_are_one_line_and_then_one_of_60, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_kind_and_each_queue_is_told_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_phase_is_told_for_itself_and_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_quiet_minute_the_same_is_a_new_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_is_bounded_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a127_a_record_is_a_line_whose_fields_nobody_overwrites, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a140_it_rotates_before_it_is_too_large_and_keeps_so_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a140_all_files_together_have_a_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a140_a_file_that_is_too_large_is_rotated_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a140_a_file_that_fails_stops_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_taken_away_is_made_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
