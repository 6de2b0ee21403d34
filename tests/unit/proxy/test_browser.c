// SPDX-License-Identifier: Apache-2.0
#include "kit.h"
#include "proxy/browser.h"

#define LOOPBACK "listen: {clients: {address: \"127.0.0.1:9500\"}}\n"
#define PUBLIC                                                                                     \
    "org: lab.example\npolicy: /tmp/policy.yaml\n"                                                 \
    "listen: {clients: {address: \"0.0.0.0:9500\"}}\n"
#define UNIX "listen: {clients: {address: \"unix:/tmp/causeway.sock\"}}\n"
#define LISTED                                                                                     \
    LOOPBACK "hosts: [gateway.example, \"ports.example:9500\"]\n"                                  \
             "origins: [\"https://app.example\", \"http://localhost:3000\"]\n"
#define HOST(host) "POST /api/v0/id HTTP/1.1\r\nHost: " host "\r\n"
#define HERE       HOST("127.0.0.1:9500")

/* said: part of the refusal, or NULL if the request is let in. headers: what the reply gets. */
static void expect(const char *yaml, const char *request, const char *said, const char *headers)
{
    const struct config *config = kit_config(yaml);
    struct text reply_headers = {0}, whole = {0};
    struct error err = {0};
    struct head head;
    bool is_let_in;

    text_put_format(&whole, "%s\r\n", request);
    head = kit_head(whole.data);
    is_let_in = browser_check(config, &head, &reply_headers, &err);
    if (is_let_in != (said == NULL))
        fail_msg("%s: %s", request, is_let_in ? "was let in" : err.text);
    if (said != NULL) {
        assert_int_equal(err.code, ERROR_REFUSED);
        if (strstr(err.text, said) == NULL)
            fail_msg("%s: '%s' is not in '%s'", request, said, err.text);
    }
    if (headers == NULL)
        assert_int_equal(reply_headers.size, 0);
    else if (strstr(reply_headers.data != NULL ? reply_headers.data : "", headers) == NULL)
        fail_msg("%s: got the headers %s", request, reply_headers.data);
    text_dispose(&reply_headers);
    text_dispose(&whole);
    config_unref(&config);
}

static void test_browser_answers_to_its_own_names_alone(void **state)
{
    static const struct {
        const char *yaml, *request, *said;
    } cases[] = {
        {LOOPBACK, HOST("127.0.0.1"), NULL},
        {LOOPBACK, HOST("127.0.0.1:80"), NULL},
        {LOOPBACK, HOST("[::1]:9500"), NULL},
        {LOOPBACK, HOST("[::1]"), NULL},
        {LOOPBACK, HOST("203.0.113.7"), NULL}, /* an address is nobody's name */
        {LOOPBACK, HOST("localhost"), NULL},
        {LOOPBACK, HOST("LocalHost:9500"), NULL},
        {LOOPBACK, "POST / HTTP/1.0\r\n", NULL}, /* no browser */
        {LOOPBACK, HOST("evil.example"), "'evil.example'"},
        {LOOPBACK, HOST("evil.example:9500"), "'evil.example'"},
        {LOOPBACK, HOST("localhost.evil.example"), "'localhost.evil.example'"},
        {LOOPBACK, HOST("127.0.0.1.evil.example"), "`hosts`"},
        {LOOPBACK, HOST("127.1"), "'127.1'"}, /* not an address that is spelled out */
        {LOOPBACK, HOST("gateway.example"), "'gateway.example'"},
        {LISTED, HOST("gateway.example"), NULL},
        {LISTED, HOST("GATEWAY.example:443"), NULL},
        {LISTED, HOST("ports.example:9500"), NULL},
        {LISTED, HOST("ports.example"), "'ports.example'"},
        {LISTED, HOST("ports.example:9501"), "'ports.example'"},
        {LISTED, HOST("x.gateway.example"), "'x.gateway.example'"},
        {PUBLIC, HOST("localhost"), "'localhost'"}, /* a page there need not be ours */
        {PUBLIC, HOST("192.0.2.1"), NULL},
        {UNIX, HOST("evil.example"), NULL}, /* no page reaches a unix socket */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(cases[i].yaml, cases[i].request, cases[i].said, NULL);
}

static void test_browser_lets_in_the_pages_of_listed_origins_alone(void **state)
{
    static const struct {
        const char *request, *said, *headers;
    } cases[] = {
        {HERE, NULL, NULL},
        {HERE "Origin: https://app.example\r\n", NULL,
         "Access-Control-Allow-Origin: https://app.example\r\n"},
        {HERE "Origin: https://app.example\r\nReferer: https://app.example/a/page\r\n", NULL,
         "Vary: Origin\r\n"},
        {HERE "Referer: http://localhost:3000/a?b=c\r\n", NULL, NULL},
        {HERE "Referer: http://localhost:3000\r\n", NULL, NULL},
        {HERE "Origin: https://evil.example\r\n", "pages of https://evil.example may not", NULL},
        {HERE "Origin: http://app.example\r\n", "pages of http://app.example", NULL},
        {HERE "Origin: https://app.example:444\r\n", "pages of https://app.example:444", NULL},
        {HERE "Origin: https://app.example.evil.example\r\n", "`origins`", NULL},
        {HERE "Origin: null\r\n", "pages of null", NULL},
        {HERE "Referer: https://evil.example/page\r\n", "pages of https://evil.example (Referer)",
         NULL},
        {HERE "Referer: http://localhost:3000.evil.example/\r\n", "(Referer)", NULL},
        {HERE "Referer: nonsense\r\n", "pages of nonsense", NULL},
        /* a listed page may read that it was refused */
        {HERE "Origin: https://app.example\r\nReferer: https://evil.example/\r\n", "(Referer)",
         "Access-Control-Allow-Origin: https://app.example\r\n"},
        {HOST("evil.example") "Origin: https://app.example\r\n", "'evil.example'",
         "Access-Control-Allow-Origin: https://app.example\r\n"},
        {HERE "Origin: https://app.example\r\norigin: https://app.example\r\n", "more than one",
         NULL},
        {HERE "Origin: https://app.example\r\nOrigin: https://evil.example\r\n", "more than one",
         NULL},
        {HERE "Referer: http://localhost:3000/\r\nReferer: http://localhost:3000/\r\n",
         "more than one", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(LISTED, cases[i].request, cases[i].said, cases[i].headers);
}

static void test_browser_refuses_a_browser_that_hides_its_page(void **state)
{
    static const struct {
        const char *request, *said;
    } cases[] = {
        {HERE "User-Agent: Mozilla/5.0 (X11) Firefox/140.0\r\n", "which page it comes from"},
        {HERE "User-Agent: Mozilla/5.0 Chrome/140 Electron/38.1 Safari/537.36\r\n", NULL},
        {HERE "User-Agent: kubo/0.43.1\r\n", NULL},
        {HERE "User-Agent: not Mozilla\r\n", NULL},
        {HERE "User-Agent: Mozilla/5.0\r\nOrigin: https://app.example\r\n", NULL},
        {HERE "User-Agent: Mozilla/5.0\r\nReferer: https://app.example/\r\n", NULL},
        {HERE "User-Agent: Mozilla/5.0\r\nOrigin: https://evil.example\r\n", "evil.example"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(LISTED, cases[i].request, cases[i].said,
               strstr(cases[i].request, "Origin: https://app") != NULL ? "app.example" : NULL);
}

static void test_browser_lists_no_origin_by_itself(void **state)
{
    expect(LOOPBACK, HERE "Origin: http://127.0.0.1:9500\r\n", "pages of http://127.0.0.1:9500",
           NULL);
    expect(LOOPBACK, HERE "Origin: http://localhost:9500\r\n", "`origins`", NULL);
}

static void test_browser_preflight_allows_what_clients_send(void **state)
{
    struct head head = kit_head("OPTIONS /api/v0/add HTTP/1.1\r\nHost: x\r\n\r\n");
    struct text headers = {0};

    browser_put_preflight(&head, &headers);
    assert_non_null(strstr(headers.data, "Access-Control-Allow-Methods: POST\r\n"));
    assert_non_null(strstr(headers.data, "Access-Control-Allow-Headers: Authorization, "));
    assert_null(strstr(headers.data, "Allow-Credentials"));
    text_dispose(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_browser_answers_to_its_own_names_alone),
        cmocka_unit_test(test_browser_lets_in_the_pages_of_listed_origins_alone),
        cmocka_unit_test(test_browser_refuses_a_browser_that_hides_its_page),
        cmocka_unit_test(test_browser_lists_no_origin_by_itself),
        cmocka_unit_test(test_browser_preflight_allows_what_clients_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
