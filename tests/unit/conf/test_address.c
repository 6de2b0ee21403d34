// SPDX-License-Identifier: Apache-2.0
#include "conf/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include <cmocka.h>

static void test_address_takes_every_spelling(void **state)
{
    static const struct {
        const char *written;
        const char *text;
        enum address_kind kind;
        int family;
        unsigned port;
        bool is_loopback;
        const char *host;
    } cases[] = {
        {"127.0.0.1:5001", "127.0.0.1:5001", ADDRESS_IP, AF_INET, 5001, true, "127.0.0.1"},
        {"127.9.9.9:0", "127.9.9.9:0", ADDRESS_IP, AF_INET, 0, true, "127.9.9.9"},
        {"0.0.0.0:65535", "0.0.0.0:65535", ADDRESS_IP, AF_INET, 65535, false, "0.0.0.0"},
        {"[::1]:5001", "[::1]:5001", ADDRESS_IP, AF_INET6, 5001, true, "::1"},
        {"[::]:80", "[::]:80", ADDRESS_IP, AF_INET6, 80, false, "::"},
        {"[FD00:0:0::1]:80", "[fd00::1]:80", ADDRESS_IP, AF_INET6, 80, false, "fd00::1"},
        {"[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", ADDRESS_IP, AF_INET6, 80, true,
         "::ffff:127.0.0.1"},
        {"unix:/run/ipfs.sock", "unix:/run/ipfs.sock", ADDRESS_UNIX, AF_UNIX, 0, true, ""},
        {"localhost:5001", "localhost:5001", ADDRESS_NAME, AF_UNSPEC, 5001, false, "localhost"},
        {"ipfs-node_1.example:1", "ipfs-node_1.example:1", ADDRESS_NAME, AF_UNSPEC, 1, false,
         "ipfs-node_1.example"},
        {"http://127.0.0.1:5001", "127.0.0.1:5001", ADDRESS_IP, AF_INET, 5001, true, "127.0.0.1"},
        {"http://[::1]:5001/", "[::1]:5001", ADDRESS_IP, AF_INET6, 5001, true, "::1"},
        {"http://node:5001/", "node:5001", ADDRESS_NAME, AF_UNSPEC, 5001, false, "node"},
        {"/ip4/127.0.0.1/tcp/5001", "127.0.0.1:5001", ADDRESS_IP, AF_INET, 5001, true, "127.0.0.1"},
        {"/ip4/10.0.0.1/tcp/5001/http", "10.0.0.1:5001", ADDRESS_IP, AF_INET, 5001, false,
         "10.0.0.1"},
        {"/ip6/::1/tcp/5001", "[::1]:5001", ADDRESS_IP, AF_INET6, 5001, true, "::1"},
        {"/unix/run/ipfs.sock", "unix:/run/ipfs.sock", ADDRESS_UNIX, AF_UNIX, 0, true, ""},
        {"/dns/node/tcp/1", "node:1", ADDRESS_NAME, AF_UNSPEC, 1, false, "node"},
        {"/dns4/node/tcp/1", "node:1", ADDRESS_NAME, AF_INET, 1, false, "node"},
        {"/dns6/node/tcp/1", "node:1", ADDRESS_NAME, AF_INET6, 1, false, "node"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct address address;
        int family;

        if (!address_parse(&address, slice_of(cases[i].written), &err))
            fail_msg("%s: %s", cases[i].written, err.text);
        family = address.kind == ADDRESS_NAME ? address.family : address.sockaddr.ss_family;
        assert_string_equal(address.text, cases[i].text);
        assert_int_equal(address.kind, cases[i].kind);
        assert_int_equal(family, cases[i].family);
        assert_int_equal(address.port, cases[i].port);
        assert_int_equal(address_is_loopback(&address), cases[i].is_loopback);
        assert_true(slice_is(address_host(&address), cases[i].host));
        assert_int_equal(address.size == 0, address.kind == ADDRESS_NAME);
    }
}

static void test_address_refuses_what_it_cannot_mean(void **state)
{
    static const struct {
        const char *written;
        const char *says;
    } cases[] = {
        {"", "missing"},
        {"127.0.0.1", "no port"},
        {"127.0.0.1:", "no port from 0"},
        {"127.0.0.1:65536", "no port from 0"},
        {"127.0.0.1:http", "no port from 0"},
        {"127.0.0.1:080", "no port from 0"},
        {"127.0.0.1:80 ", "no port from 0"},
        {":9500", "0.0.0.0 or [::]"},
        {"*:9500", "0.0.0.0 or [::]"},
        {"::1", "brackets"},
        {"::1:5001", "brackets"},
        {"1:2:3", "no port"},
        {"[::1]", "no port"},
        {"[::1]5001", "no port"},
        {"[::1:5001", "no port"},
        {"[127.0.0.1]:80", "IPv6"},
        {"[fe80::1%lo]:80", "IPv6"},
        {"127.1:80", "no host"},
        {"127.0.0.01:80", "no host"},
        {"0x7f000001:80", "no host"},
        {"256.0.0.1:80", "no host"},
        {"-node:80", "no host"},
        {"no de:80", "no host"},
        {"a..b:80", "no host"},
        {"n\xc3\xb6"
         "de:80",
         "no host"},
        {"http://unix:1220", "no host"},
        {"/dns4/unix/tcp/1", "no host"},
        {"https://127.0.0.1:5001", "TLS"},
        {"http://127.0.0.1:5001/api/v0", "path"},
        {"http://", "path"},
        {"http://127.0.0.1", "no port"},
        {"unix:", "socket"},
        {"/unix", "socket"},
        {"/ip4/127.0.0.1", "multiaddr"},
        {"/ip4/127.0.0.1/udp/4001", "multiaddr"},
        {"/ip4/::1/tcp/4001", "multiaddr"},
        {"/ip4/127.0.0.1/tcp/x", "port"},
        {"/ip4/127.0.0.1/tcp/1/p2p/Qm", "multiaddr"},
        {"/ip4/127.0.0.1/tcp/1/https", "multiaddr"},
        {"/run/ipfs.sock", "multiaddr"},
        {"/", "multiaddr"},
        {"unix:/123456789012345678901234567890123456789012345678901234567890"
         "1234567890123456789012345678901234567890123456789",
         "at most 107"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct address address;

        if (address_parse(&address, slice_of(cases[i].written), &err))
            fail_msg("%s was taken as %s", cases[i].written, address.text);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s: '%s' does not say '%s'", cases[i].written, err.text, cases[i].says);
    }
}

static void test_address_reads_socket_names(void **state)
{
    struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
    struct address address, again;

    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr), 1);
    address_from_sockaddr(&address, (struct sockaddr *)&mapped, sizeof(mapped));
    assert_string_equal(address.text, "10.1.2.3:7");
    assert_int_equal(address.sockaddr.ss_family, AF_INET);
    assert_false(sockaddr_is_loopback((struct sockaddr *)&mapped));
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.9.2.3", &mapped.sin6_addr), 1);
    assert_true(sockaddr_is_loopback((struct sockaddr *)&mapped));
    address_from_sockaddr(&address, (struct sockaddr *)&unnamed, sizeof(sa_family_t));
    assert_string_equal(address.text, "unix:");
    assert_true(address_is_loopback(&address));
    assert_true(address_parse(&address, SLICE("unix:/a/b"), NULL));
    address_from_sockaddr(&again, (struct sockaddr *)&address.sockaddr, address.size);
    assert_string_equal(again.text, "unix:/a/b");
}

static void test_address_resolves_names_with_their_port(void **state)
{
    struct error err = {0};
    struct address name, results[4];
    size_t count;

    assert_true(address_parse(&name, SLICE("/dns4/localhost/tcp/5001"), NULL));
    assert_true(address_resolve(&name, results, ARRAY_SIZE(results), &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(results[0].text, "127.0.0.1:5001");
    assert_true(address_resolve(&results[0], results + 1, 1, &count, &err));
    assert_string_equal(results[1].text, "127.0.0.1:5001");
    assert_true(address_parse(&name, SLICE("no-such-name.invalid:1"), NULL));
    assert_false(address_resolve(&name, results, ARRAY_SIZE(results), &count, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "no-such-name.invalid"));
}

static void test_network_contains_its_addresses_only(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool is_inside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1:1", true},
        {"10.0.0.0/8", "11.0.0.1:1", false},
        {"10.0.0.0/9", "10.127.0.1:1", true},
        {"10.0.0.0/9", "10.128.0.1:1", false},
        {"192.0.2.1", "192.0.2.1:1", true},
        {"192.0.2.1", "192.0.2.0:1", false},
        {"0.0.0.0/0", "203.0.113.9:1", true},
        {"0.0.0.0/0", "[2001:db8::1]:1", false},
        {"10.0.0.0/8", "[::ffff:10.1.1.1]:1", true},
        {"::/0", "10.1.1.1:1", false},
        {"fd00::/8", "[fdff::1]:1", true},
        {"fd00::/8", "[fe00::1]:1", false},
        {"::1", "[::1]:1", true},
        {"2001:db8::/33", "[2001:db8:8000::]:1", false},
        {"10.0.0.0/8", "unix:/x", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct network network;
        struct address address;

        assert_true(network_parse(&network, slice_of(cases[i].network), NULL));
        assert_true(address_parse(&address, slice_of(cases[i].address), NULL));
        if (network_contains(&network, (struct sockaddr *)&address.sockaddr) != cases[i].is_inside)
            fail_msg("%s in %s", cases[i].address, cases[i].network);
    }
}

static void test_network_refuses_no_text(void **state)
{
    struct network network;
    struct address address;

    assert_false(network_parse(&network, (struct slice){0}, NULL));
    assert_false(address_parse(&address, (struct slice){0}, NULL));
}

static void test_network_refuses_stray_bits_and_nonsense(void **state)
{
    static const char *const cases[] = {"",           "10.0.0.0/33", "10.0.0.1/8",  "10.0.0/8",
                                        "10.0.0.0/",  "10.0.0.0/x",  "fd00::/129",  "fd00::1/64",
                                        "example/24", "10.0.0.0/-1", "10.0.0.0/08", "[::1]"};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct network network;
        struct error err = {0};

        if (network_parse(&network, slice_of(cases[i]), &err))
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(err.code, ERROR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_takes_every_spelling),
        cmocka_unit_test(test_address_refuses_what_it_cannot_mean),
        cmocka_unit_test(test_address_reads_socket_names),
        cmocka_unit_test(test_address_resolves_names_with_their_port),
        cmocka_unit_test(test_network_contains_its_addresses_only),
        cmocka_unit_test(test_network_refuses_no_text),
        cmocka_unit_test(test_network_refuses_stray_bits_and_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
