/* SPDX-License-Identifier: MIT */
/* /healthz is well when this process can do its work, and not otherwise. */
#include "faulty.h"
#include "pawl/message.h"
#include "server/health.h"

static void check_health(struct health *health, int status, const char *has)
{
    struct server_reply reply = {.status = 200};
    buffer_init(&reply.body, 10000);
    pawli_health_reply(health, &reply);
    pawli_buffer_add_char(&reply.body, '\0');
    if (reply.status != status || !strstr(reply.body.data, has))
        fail_msg("%d: %s", reply.status, reply.body.data);
    pawli_buffer_done(&reply.body);
}

static void open_health(struct health *health, struct store **ret_filter)
{
    pawl_error err;
    *health = (struct health){0};
    assert_ok(pawl_store_open("memory:", NULL, &health->store, &err));
    *ret_filter = put_filter(health->store);
}

static void after_a_storage_error_it_is_not_well_again(void **state)
{
    struct health health;
    struct store *filter;
    (void)state;
    open_health(&health, &filter);
    check_health(&health, 200, "\"status\":\"ok\"");
    atomic_store(&health.store_failed, true);
    check_health(&health, 503, "this process stops");
    check_health(&health, 503, "this process stops");
    pawl_store_close(health.store);
}

static void after_a_write_that_was_refused_it_is_well_once_one_can_be_written(void **state)
{
    static const struct fault full = {FAULT_SAVE, 1, 0, FAULT_BEFORE, STORE_FULL};
    struct health health;
    struct store *filter;
    (void)state;
    open_health(&health, &filter);
    pawli_fault_set(filter, &full);
    check_health(&health, 200, "\"status\":\"ok\""); /* nobody wrote yet */
    atomic_store(&health.write_failed, true);
    check_health(&health, 503, "full");
    check_health(&health, 503, "full");
    pawli_fault_set(filter, NULL);
    check_health(&health, 200, "\"status\":\"ok\"");
    pawl_store_close(health.store);
}

static void a_store_that_cannot_be_read_is_not_well(void **state)
{
    static const struct fault away = {FAULT_READ, 1, 0, FAULT_BEFORE, STORE_UNAVAILABLE};
    struct health health;
    struct store *filter;
    (void)state;
    open_health(&health, &filter);
    pawli_fault_set(filter, &away);
    check_health(&health, 503, "\"reachable\":false");
    pawli_fault_set(filter, NULL);
    pawl_store_close(health.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_storage_error_it_is_not_well_again),
        cmocka_unit_test(after_a_write_that_was_refused_it_is_well_once_one_can_be_written),
        cmocka_unit_test(a_store_that_cannot_be_read_is_not_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
