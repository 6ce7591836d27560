/* SPDX-License-Identifier: MIT */
/* The list of denied addresses, both edges of every block, and what may be allowed in spite of it. */
#include "support.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/base.h"
#include "sink/address.h"

static enum address_answer judge(const struct address_rules *rules, const char *text, uint16_t port)
{
    struct address address;
    if (!pawli_address_parse(text, port, &address))
        fail_msg("\"%s\" is no address", text);
    return pawli_address_judge(rules, &address);
}

static struct address_block block(const char *text)
{
    struct address_block block;
    pawl_error err;
    assert_ok(pawli_address_block_parse(text, &block, &err));
    return block;
}

static void every_denied_block_ends_where_it_should(void **state)
{
    (void)state;
    static const struct {
        const char *before, *first, *last, *after; /* NULL: another denied block, or the end of the space */
    } blocks[] = {
        {NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
        {"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
        {"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
        {"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
        {"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
        {"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
        {"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
        {"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
        {"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
        {"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
        {"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
        {"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
        {"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
        {"223.255.255.255", "224.0.0.0", "239.255.255.255", NULL},
        {NULL, "240.0.0.0", "255.255.255.255", NULL},
        {NULL, "::", "::255.255.255.255", "::1:0:0"},
        {"::fffe:ffff:ffff", "::ffff:0.0.0.0", "::ffff:255.255.255.255", "::1:0:0:0"},
        {"::fffe:ffff:ffff:ffff", "::ffff:0:0.0.0.0", "::ffff:0:255.255.255.255", "::ffff:1:0:0"},
        {"64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b::", "64:ff9b::ffff:ffff", "64:ff9b::1:0:0"},
        {"64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::"},
        {"ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::"},
        {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
        {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
         "2001:db9::"},
        {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
        {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
        {"5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f01::"},
        {"fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"},
        {"fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
        {NULL, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
        {NULL, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    };
    static const struct address_rules rules = {0};
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        const struct {
            const char *text;
            enum address_answer answer;
        } points[] = {{blocks[i].before, ADDRESS_FINE},
                      {blocks[i].first, ADDRESS_DENIED},
                      {blocks[i].last, ADDRESS_DENIED},
                      {blocks[i].after, ADDRESS_FINE}};
        for (size_t j = 0; j < COUNT_OF(points); j++)
            if (points[j].text && judge(&rules, points[j].text, 80) != points[j].answer)
                fail_msg("%s is not %s", points[j].text, points[j].answer == ADDRESS_FINE ? "fine" : "denied");
    }
}

/* What an attacker would name; each in every form of IPv6 that carries an IPv4 address, too. */
static void no_form_of_a_private_address_passes(void **state)
{
    (void)state;
    static const char *const private[] = {
        "0.0.0.0",         "0.0.0.1",       "10.0.0.1",        "10.255.255.254", "100.64.0.1",      "100.100.100.200",
        "127.0.0.1",       "127.0.0.53",    "127.255.255.255", "169.254.0.1",    "169.254.169.123", "169.254.169.253",
        "169.254.169.254", "169.254.170.2", "172.16.0.1",      "172.17.0.1",     "172.31.255.254",  "192.0.0.192",
        "192.0.2.1",       "192.88.99.1",   "192.168.0.1",     "192.168.1.254",  "198.18.0.1",      "198.51.100.1",
        "203.0.113.1",     "224.0.0.1",     "239.255.255.250", "240.0.0.1",      "255.255.255.255"};
    static const char *const forms[] = {"%s",          "::%s",          "::ffff:%s",    "::ffff:0:%s",
                                        "64:ff9b::%s", "64:ff9b:1::%s", "fe80::5efe:%s"};
    static const char *const wrapped[] = {"2002:%02x%02x:%02x%02x::", "2002:%02x%02x:%02x%02x::1",
                                          "2001:0:%02x%02x:%02x%02x::"};
    static const char *const others[] = {"::",
                                         "::1",
                                         "fd00::1",
                                         "fd00:ec2::254",
                                         "fd20:ce::254",
                                         "fc00::1",
                                         "fe80::1",
                                         "febf::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "ff05::1:3",
                                         "100::1",
                                         "2001::1",
                                         "2001:10::1",
                                         "2001:20::1",
                                         "2001:db8::1",
                                         "3fff::1",
                                         "5f00::1",
                                         "64:ff9b:1::",
                                         "2001:2::1",
                                         "2001:4:112::1",
                                         "2001:0:53aa:64c::1",
                                         "2002:a9fe::1"};
    static const struct address_rules rules = {0};
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < COUNT_OF(private); i++) {
        struct address address;
        for (size_t j = 0; j < COUNT_OF(forms); j++) {
            snprintf(text, sizeof text, forms[j], private[i]);
            if (judge(&rules, text, 443) != ADDRESS_DENIED)
                fail_msg("%s", text);
        }
        assert_true(pawli_address_parse(private[i], 0, &address));
        for (size_t j = 0; j < COUNT_OF(wrapped); j++) {
            snprintf(text, sizeof text, wrapped[j], address.bytes[0], address.bytes[1], address.bytes[2],
                     address.bytes[3]);
            if (judge(&rules, text, 443) != ADDRESS_DENIED)
                fail_msg("%s", text);
        }
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (judge(&rules, others[i], 443) != ADDRESS_DENIED)
            fail_msg("%s", others[i]);
}

static void what_the_world_serves_is_fine(void **state)
{
    (void)state;
    static const char *const fine[] = {"1.1.1.1",
                                       "8.8.8.8",
                                       "93.184.216.34",
                                       "100.63.255.254",
                                       "172.15.0.1",
                                       "172.32.0.1",
                                       "192.0.1.1",
                                       "192.31.196.1",
                                       "198.17.0.1",
                                       "223.255.255.254",
                                       "2606:4700:4700::1111",
                                       "2a00:1450::8a",
                                       "2001:4860::8888",
                                       "2620:4f:8000::42",
                                       "2400:cb00::1"};
    static const struct address_rules rules = {0};
    for (size_t i = 0; i < COUNT_OF(fine); i++)
        if (judge(&rules, fine[i], 443) != ADDRESS_FINE)
            fail_msg("%s", fine[i]);
}

static void an_allowed_block_beats_the_list_for_its_own_family(void **state)
{
    (void)state;
    const struct address_block allowed[] = {block("10.1.0.0/16"), block("127.0.0.1"), block("fd00::/8")};
    const struct address_rules rules = {.allowed = allowed, .allowed_count = COUNT_OF(allowed)};
    static const struct {
        const char *text;
        enum address_answer answer;
    } rows[] = {{"10.1.0.0", ADDRESS_FINE},           {"10.1.255.255", ADDRESS_FINE},
                {"10.0.255.255", ADDRESS_DENIED},     {"10.2.0.0", ADDRESS_DENIED},
                {"127.0.0.1", ADDRESS_FINE},          {"127.0.0.2", ADDRESS_DENIED},
                {"::ffff:127.0.0.1", ADDRESS_DENIED}, {"fd12::1", ADDRESS_FINE},
                {"fc12::1", ADDRESS_DENIED},          {"8.8.8.8", ADDRESS_FINE}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (judge(&rules, rows[i].text, 1) != rows[i].answer)
            fail_msg("%s", rows[i].text);
}

static bool is_192_168_7_7(const struct address *address)
{
    static const uint8_t own[4] = {192, 168, 7, 7};
    return address->size == 4 && memcmp(address->bytes, own, 4) == 0;
}

static void its_own_address_is_denied_whatever_is_allowed(void **state)
{
    (void)state;
    const struct address_block allowed[] = {block("0.0.0.0/0"), block("::/0")};
    static const struct {
        const char *own, *text;
        uint16_t port;
        enum address_answer answer;
    } rows[] = {
        {"127.0.0.1:7295", "127.0.0.1", 7295, ADDRESS_OWN},
        {"127.0.0.1:7295", "127.0.0.1", 7296, ADDRESS_FINE},
        {"127.0.0.1:7295", "127.0.0.2", 7295, ADDRESS_FINE},
        {"127.0.0.1:7295", "::ffff:127.0.0.1", 7295, ADDRESS_OWN},
        {"[::ffff:127.0.0.1]:7295", "127.0.0.1", 7295, ADDRESS_OWN},
        {"[::1]:7295", "::1", 7295, ADDRESS_OWN},
        {"localhost:7295", "::1", 7295, ADDRESS_OWN},
        {"localhost:7295", "127.0.0.1", 7295, ADDRESS_OWN},
        {"0.0.0.0:7295", "192.168.7.7", 7295, ADDRESS_OWN},
        {"0.0.0.0:7295", "192.168.7.8", 7295, ADDRESS_FINE},
        {"[::]:7295", "192.168.7.7", 7295, ADDRESS_OWN},
        {":7295", "192.168.7.7", 7295, ADDRESS_OWN},
        {":7295", "192.168.7.7", 80, ADDRESS_FINE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address_rules rules = {.allowed = allowed, .allowed_count = 2, .is_local = is_192_168_7_7};
        pawl_error err;
        assert_ok(pawli_address_own_parse(rows[i].own, &rules, &err));
        if (judge(&rules, rows[i].text, rows[i].port) != rows[i].answer)
            fail_msg("%s: %s port %u", rows[i].own, rows[i].text, rows[i].port);
    }
}

static void this_machine_knows_its_own_addresses(void **state)
{
    (void)state;
    struct address address;
    assert_true(pawli_address_parse("127.0.0.1", 0, &address));
    assert_true(pawli_address_is_local(&address));
    assert_true(pawli_address_parse("192.0.2.1", 0, &address)); /* documentation: nobody has it */
    assert_false(pawli_address_is_local(&address));
}

static void a_block_or_an_address_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad_blocks[] = {"",           "10.0.0.0/",  "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                                             "10.0.0/8",   "0x0a.0.0.0", "10.0.0.1/8",  "fd00::/129",  "fd00::1/8",
                                             "[fd00::]/8", "fe80::1%lo", "host",        "10.0.0.0 /8", "1.2.3.4/8/8"};
    static const char *const bad_own[] = {
        "",      "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",   "127.0.0.1:65536", "::1:7295",
        "[::1]", "[::1]7295", "host:80",    "127.0.0.1:80x", "[127.0.0.1:80",   "http://127.0.0.1:80"};
    pawl_error err;
    for (size_t i = 0; i < COUNT_OF(bad_blocks); i++) {
        struct address_block block;
        if (pawli_address_block_parse(bad_blocks[i], &block, &err) != PAWL_EINVAL)
            fail_msg("%s", bad_blocks[i]);
        assert_true(err.hint[0] != '\0');
    }
    for (size_t i = 0; i < COUNT_OF(bad_own); i++) {
        struct address_rules rules = {0};
        if (pawli_address_own_parse(bad_own[i], &rules, &err) != PAWL_EINVAL)
            fail_msg("%s", bad_own[i]);
    }
}

static void the_address_of_a_socket_is_what_is_judged(void **state)
{
    (void)state;
    static const struct address_rules rules = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0x7f000001)}};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(81), .sin6_addr = {{{[15] = 1}}}};
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct address address;
    assert_true(pawli_address_of((struct sockaddr *)&in, sizeof in, &address));
    assert_int_equal(address.port, 80);
    assert_int_equal(pawli_address_judge(&rules, &address), ADDRESS_DENIED);
    assert_true(pawli_address_of((struct sockaddr *)&in6, sizeof in6, &address));
    assert_int_equal(address.port, 81);
    assert_int_equal(pawli_address_judge(&rules, &address), ADDRESS_DENIED);
    assert_false(pawli_address_of(&local, sizeof local, &address));
    assert_false(pawli_address_of((struct sockaddr *)&in, 4, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_denied_block_ends_where_it_should),
        cmocka_unit_test(no_form_of_a_private_address_passes),
        cmocka_unit_test(what_the_world_serves_is_fine),
        cmocka_unit_test(an_allowed_block_beats_the_list_for_its_own_family),
        cmocka_unit_test(its_own_address_is_denied_whatever_is_allowed),
        cmocka_unit_test(this_machine_knows_its_own_addresses),
        cmocka_unit_test(a_block_or_an_address_is_read_strictly),
        cmocka_unit_test(the_address_of_a_socket_is_what_is_judged),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
