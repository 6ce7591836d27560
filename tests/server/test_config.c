/* SPDX-License-Identifier: MIT */
/* Configuration comes from one table; later sources beat earlier ones; what is unknown is named with file and line. */
#include "support.h"

#include "server/config.h"

static char folder[64], path[96];

static void write_config(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/pawl.conf", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void every_default_is_in_its_range(void **state)
{
    struct config config;
    pawl_error err;
    size_t count = 0;
    (void)state;
    pawli_config_init(&config);
    for (const struct config_key *key; (key = pawli_config_key(count)); count++) {
        assert_true(*key->name && *key->takes && *key->meaning);
        if (!key->is_list)
            assert_ok(pawli_config_set(&config, key->name, key->initial, CONFIG_FLAG, &err));
        struct text shown = pawli_config_show(&config, count, &config.arena);
        assert_int_equal(shown.size, strlen(key->initial));
        assert_memory_equal(shown.data, key->initial, shown.size);
    }
    assert_int_equal(count, CONFIG_FIELD_COUNT);
    pawli_config_done(&config);
}

static void a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(void **state)
{
    struct config config;
    pawl_error err;
    (void)state;
    pawli_config_init(&config);
    assert_int_equal(config.poll_ms, 1000);
    write_config("; a comment\n# another\npoll-ms = 20\ngrace-ms=30\nlisten = [::1]:0\n");
    assert_ok(pawli_config_read_file(&config, path, &err));
    assert_int_equal(config.poll_ms, 20);
    assert_int_equal(config.sources[CONFIG_poll_ms], CONFIG_FILE);
    setenv("PAWL_POLL_MS", "40", 1);
    assert_ok(pawli_config_read_environment(&config, &err));
    unsetenv("PAWL_POLL_MS");
    assert_int_equal(config.poll_ms, 40);
    assert_int_equal(config.grace_ms, 30);
    assert_ok(pawli_config_set(&config, "poll-ms", "50", CONFIG_FLAG, &err));
    assert_int_equal(config.poll_ms, 50);
    assert_string_equal(config.listen, "[::1]:0");
    assert_int_equal(config.sources[CONFIG_idle_ms], CONFIG_DEFAULT);
    pawli_config_done(&config);
}

static void a_list_grows_within_a_source_and_is_replaced_by_a_later_one(void **state)
{
    struct config config;
    pawl_error err;
    (void)state;
    pawli_config_init(&config);
    write_config("allow-address = 10.0.0.0/8 , 192.168.0.0/16\nallow-address = fd00::/8\n");
    assert_ok(pawli_config_read_file(&config, path, &err));
    assert_int_equal(config.allow_address.count, 3);
    assert_string_equal(config.allow_address.items[1], "192.168.0.0/16");
    assert_ok(pawli_config_set(&config, "allow-address", "127.0.0.1", CONFIG_FLAG, &err));
    assert_ok(pawli_config_set(&config, "allow-address", "127.0.0.2", CONFIG_FLAG, &err));
    assert_int_equal(config.allow_address.count, 2);
    assert_string_equal(config.allow_address.items[0], "127.0.0.1");
    pawli_config_done(&config);
}

static void what_is_wrong_in_a_file_is_named_with_file_and_line(void **state)
{
    static const struct {
        const char *text;
        const char *line, *says;
    } cases[] = {{"poll-ms = 20\nno-such-key = 1\n", "line 2", "no-such-key"},
                 {"\n\npoll-ms = soon\n", "line 3", "poll-ms"},
                 {"poll-ms = 1\n", "line 1", "poll-ms"},
                 {"poll-ms = 4294967396\n", "line 1", "poll-ms"},
                 {"poll-ms = 20\n[server]\ngrace-ms = 1\n", "line 3", "server"},
                 {"poll-ms = 20\nwhat is this\n", "line 2", "name = value"},
                 {NULL, "line 2", "too long"}};
    char long_line[1200];
    (void)state;
    int size = snprintf(long_line, sizeof long_line, "poll-ms = 20\nlisten = ");
    memset(long_line + size, 'x', 1000);
    long_line[size + 1000] = '\0';
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;
        pawl_error err = {0};
        pawli_config_init(&config);
        write_config(cases[i].text ? cases[i].text : long_line);
        assert_status(pawli_config_read_file(&config, path, &err), PAWL_EINVAL);
        if (!strstr(err.text, path) || !strstr(err.text, cases[i].line) || !strstr(err.text, cases[i].says))
            fail_msg("case %zu says: %s", i, err.text);
        pawli_config_done(&config);
    }
}

static void a_missing_file_is_an_error(void **state)
{
    struct config config;
    pawl_error err = {0};
    (void)state;
    pawli_config_init(&config);
    assert_status(pawli_config_read_file(&config, "/nonexistent/pawl.conf", &err), PAWL_EINVAL);
    assert_non_null(strstr(err.text, "/nonexistent/pawl.conf"));
    pawli_config_done(&config);
}

static void what_is_wrong_in_the_environment_is_named(void **state)
{
    struct config config;
    pawl_error err = {0};
    (void)state;
    pawli_config_init(&config);
    setenv("PAWL_GRACE_MS", "-1", 1);
    assert_status(pawli_config_read_environment(&config, &err), PAWL_EINVAL);
    unsetenv("PAWL_GRACE_MS");
    assert_non_null(strstr(err.hint, "PAWL_GRACE_MS"));
    pawli_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_in_its_range),
        cmocka_unit_test(a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default),
        cmocka_unit_test(a_list_grows_within_a_source_and_is_replaced_by_a_later_one),
        cmocka_unit_test(what_is_wrong_in_a_file_is_named_with_file_and_line),
        cmocka_unit_test(a_missing_file_is_an_error),
        cmocka_unit_test(what_is_wrong_in_the_environment_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
