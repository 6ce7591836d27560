/* SPDX-License-Identifier: MIT */
/* What pawl serve takes from the process that starts it, and what not. */
#include "child.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "../sink/server.h"

/* libcurl would write the keys of its connections there, for who may read them. */
static void the_keys_of_its_connections_are_written_nowhere(void **state)
{
    static const struct script script = {OK_REPLY, THEN_KEEP};
    char folder[64], url[96], certificate[96], keys[96], target[64];
    struct child serve;
    pawl_store *store;
    pawl_error err;
    pawl_messages *messages = NULL;
    pawl_enqueued enqueued;
    (void)state;
    make_folder(folder);
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    snprintf(certificate, sizeof certificate, "%s/certificate", folder);
    snprintf(keys, sizeof keys, "%s/keys", folder);
    struct server *server = server_new_tls(&script, 1, "127.0.0.1", certificate);
    snprintf(target, sizeof target, "https://127.0.0.1:%u/", server_port(server));
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    assert_ok(pawl_target_add(store, "there", target, NULL, NULL, 0, NULL, &err));
    assert_ok(pawl_enqueue(
        store, &(pawl_message){PAWL_MESSAGE, .lane = "test", .target = "there", .data = "{}", .data_size = 2}, 1,
        &enqueued, &err));
    setenv("SSLKEYLOGFILE", keys, 1);
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.1");
    unsetenv("SSLKEYLOGFILE");
    bool failed = false;
    while (!failed) { /* the certificate is nobody's that it trusts: but the keys were agreed on */
        sched_yield();
        pawl_messages_free(messages);
        assert_ok(pawl_message_get(store, &enqueued.id, &messages, &err));
        failed = pawl_messages_get(messages, 0)->error_text != NULL;
    }
    assert_non_null(strstr(pawl_messages_get(messages, 0)->error_text, "certificate"));
    pawl_messages_free(messages);
    assert_int_equal(access(keys, F_OK), -1);
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
    pawl_store_close(store);
    server_free(server);
    remove_folder(folder);
}

static void it_has_all_the_descriptors_that_it_may_have(void **state)
{
    char folder[64], url[96], path[64], line[256];
    struct child serve;
    struct rlimit limit, low;
    unsigned long soft = 0, hard = 0;
    (void)state;
    make_folder(folder);
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    pawl_store *store;
    pawl_error err;
    assert_ok(pawl_store_open(url, NULL, &store, &err));
    pawl_store_close(store);
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){256, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    CHILD(&serve, "--store", url, "serve", "--listen", "127.0.0.1:0");
    child_port(&serve);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    snprintf(path, sizeof path, "/proc/%d/limits", (int)serve.pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Max open files %lu %lu", &soft, &hard) > 0)
            break;
    fclose(file);
    assert_true(soft > 256 || hard == 256);
    assert_true(soft == hard || soft >= 65536);
    child_signal(&serve, SIGTERM);
    assert_int_equal(child_end(&serve), 0);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_its_connections_are_written_nowhere),
        cmocka_unit_test(it_has_all_the_descriptors_that_it_may_have),
    };
    return cmocka_run_group_tests_name("outside", tests, NULL, NULL);
}
