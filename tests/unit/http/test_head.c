// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOST "Host: x\r\n"

static const struct {
    const char *head;
    int status;
    const char *text;
} bad_requests[] = {
    /* lines */
    {"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, "a request does not begin with a method"},
    {"\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, "a request does not begin with a method"},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400, "a request does not begin with a method"},
    {"GET / HTTP/1.1\n" HOST "\r\n", 400, "the first line does not end with CR LF"},
    {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400, "a header line does not end with CR LF"},
    {"GET / HTTP/1.1\r\n" HOST "\n", 400, "the head does not end with an empty line"},
    {"GET / HTTP/1.1\r\n" HOST "X-A: a\r\n b\r\n\r\n", 400,
     "a header line is folded (obsolete line folding)"},
    {"GET / HTTP/1.1\r\n" HOST "X-A: a\r\n\tb\r\n\r\n", 400,
     "a header line is folded (obsolete line folding)"},
    {"GET / HTTP/1.1\r\n X-A: a\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-A : a\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX(A): a\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-\xc3\xa9: a\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\n: a\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-A\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-A: a\rb\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-A: a\x01\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nX-A: a\x7f\r\n" HOST "\r\n", 400, NULL},
    /* the first line */
    {"GET /\r\n\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / \r\nHost: x\r\n\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / \r\n\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / \r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / \n", 400, "this is not an HTTP/1.1 request"},
    {"GET / HTTP/1.\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / HTTP/2.0\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /  HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", 400, NULL},
    {"GET / HTTP/1.x\r\n" HOST "\r\n", 400, NULL},
    {"GET / http/1.1\r\n" HOST "\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / HTTPS/1.1\r\n" HOST "\r\n", 400, "this is not an HTTP/1.1 request"},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"GET / HTTP/1.9\r\n" HOST "\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    /* the target */
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, "the request target is not a path"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400, "the request target is not a path"},
    {"GET http://x/ HTTP/1.1\r\n" HOST "\r\n", 400, "the request target is not a path"},
    {"CONNECT x:80 HTTP/1.1\r\n" HOST "\r\n", 400, "the request target is not a path"},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400,
     "the request target has a character that is not of a URI"},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400,
     "the request target has a character that is not of a URI"},
    {"GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400, "exactly one Host header is needed"},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, "exactly one Host header is needed"},
    {"GET / HTTP/1.1\r\n" HOST "hOST: x\r\n\r\n", 400, "exactly one Host header is needed"},
    {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, "exactly one Host header is needed"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Host is not a host"},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "Host is not a host"},
    {"GET / HTTP/1.1\r\nHost: user@x\r\n\r\n", 400, "Host is not a host"},
    {"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, "Host is not a host"},
    /* framing */
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400,
     "Content-Length is given more than once"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400,
     "Content-Length is given more than once"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5;\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: \xd9\xa5\r\n\r\n", 400,
     "Content-Length is not a plain decimal number"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, "Content-Length is empty"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n", 400,
     "Content-Length is larger than any body can be"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551621\r\n\r\n", 400,
     "Content-Length is larger than any body can be"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
     "both Content-Length and Transfer-Encoding are given"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400,
     "both Content-Length and Transfer-Encoding are given"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400, "Transfer-Encoding is given more than once"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 501,
     "Transfer-Encoding is not exactly \"chunked\""},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
     "chunked\r\n\r\n",
     400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400,
     "a header line is folded (obsolete line folding)"},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400,
     "Transfer-Encoding in HTTP/1.0"},
    /* Expect */
    {"POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", 417, "Expect is not \"100-continue\""},
    {"POST / HTTP/1.1\r\n" HOST "Expect: 100-continue, x\r\n\r\n", 417,
     "Expect is not \"100-continue\""},
};

static const struct {
    const char *head;
    enum body_framing body;
    uint64_t length;
    bool keeps_alive, expects;
} good_requests[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", FRAMING_NONE, 0, true, false},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"GET / HTTP/1.0\r\n\r\n", FRAMING_NONE, 0, false, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive , x\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", FRAMING_NONE, 0, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", FRAMING_NONE, 0, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Connection: x,,CLOSE\r\n\r\n", FRAMING_NONE, 0, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n", FRAMING_NONE, 0, false,
     false},
    {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", FRAMING_NONE, 0, true, false},
    {"POST / HTTP/1.1\r\n" HOST "content-length:\t 5 \t\r\n\r\n", FRAMING_LENGTH, 5, true, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0005\r\n\r\n", FRAMING_LENGTH, 5, true, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775807\r\n\r\n", FRAMING_LENGTH,
     INT64_MAX, true, false},
    {"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5, false, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", FRAMING_CHUNKED, 0, true,
     false},
    {"POST / HTTP/1.1\r\n" HOST "TRANSFER-ENCODING: Chunked \r\n\r\n", FRAMING_CHUNKED, 0, true,
     false},
    {"POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH,
     5, true, true},
    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5,
     false, false},
    {"M-SEARCH /a%20b?c=d&e=[f]|\"<>\\^`{} HTTP/1.1\r\n" HOST "X-A: \xc3\xa9\r\n\r\n", FRAMING_NONE,
     0, true, false},
    {"GET / HTTP/1.1\r\n" HOST "X-Empty:\r\nX-Blank: \t \r\n\r\n", FRAMING_NONE, 0, true, false},
};

/* On memory of its own, so that nothing beside it can be read. */
static enum head_result parse_request(struct head *head, const char *text, size_t size, size_t seen,
                                      struct head_fault *fault, char **copy)
{
    *copy = memcpy(malloc(size + 1), text, size);
    return head_parse_request(head, *copy, size, seen, fault);
}

static void test_head_refuses_what_can_be_read_in_two_ways(void **state)
{
    for (size_t i = 0; i < sizeof(bad_requests) / sizeof(bad_requests[0]); i++) {
        struct head_fault fault = {0};
        struct head head;
        char *copy;
        enum head_result result = parse_request(&head, bad_requests[i].head,
                                                strlen(bad_requests[i].head), 0, &fault, &copy);

        if (result != HEAD_BAD || fault.status != bad_requests[i].status ||
            (bad_requests[i].text != NULL && strcmp(fault.text, bad_requests[i].text) != 0))
            fail_msg("%s: %d, %d %s", bad_requests[i].head, result, fault.status, fault.text);
        free(copy);
    }
}

/* Bytes behind the head change nothing, and what is bad is not taken for unfinished. */
static void test_head_refuses_the_same_with_more_behind(void **state)
{
    for (size_t i = 0; i < sizeof(bad_requests) / sizeof(bad_requests[0]); i++) {
        struct head_fault fault = {0};
        struct text input = {0};
        struct head head;

        text_put_text(&input, bad_requests[i].head);
        text_put_text(&input, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        if (head_parse_request(&head, input.data, input.size, 0, &fault) != HEAD_BAD)
            fail_msg("%s", bad_requests[i].head);
        text_dispose(&input);
    }
}

static void test_head_refuses_a_nul_anywhere(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n";

    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        char bytes[sizeof(request)];
        struct head_fault fault;
        struct head head;

        memcpy(bytes, request, sizeof(request));
        bytes[i] = '\0';
        if (head_parse_request(&head, bytes, sizeof(request) - 1, 0, &fault) == HEAD_DONE)
            fail_msg("at %zu", i);
    }
}

static void test_head_reads_requests(void **state)
{
    for (size_t i = 0; i < sizeof(good_requests) / sizeof(good_requests[0]); i++) {
        struct head_fault fault = {0};
        struct head head;
        size_t size = strlen(good_requests[i].head);
        char *copy;
        enum head_result result =
            parse_request(&head, good_requests[i].head, size, 0, &fault, &copy);

        if (result != HEAD_DONE || head.body != good_requests[i].body ||
            head.content_length != good_requests[i].length ||
            head.keeps_alive != good_requests[i].keeps_alive ||
            head.expects_continue != good_requests[i].expects || head.size != size)
            fail_msg("%s: %d, %s", good_requests[i].head, result, fault.text);
        free(copy);
    }
}

static void test_head_gives_slices_of_the_request(void **state)
{
    static const char text[] =
        "POST /api/v0/add?x=1 HTTP/1.1\r\nHost: node:5001\r\nX-A:  b c \t\r\nX-a: d\r\n\r\nbody";
    struct head_fault fault;
    struct head head;

    assert_int_equal(head_parse_request(&head, text, sizeof(text) - 1, 0, &fault), HEAD_DONE);
    assert_true(slice_is(head.method, "POST"));
    assert_true(slice_is(head.target, "/api/v0/add?x=1"));
    assert_true(slice_is(head.host, "node:5001"));
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.size, sizeof(text) - 1 - 4);
    assert_int_equal(head.header_count, 3);
    assert_true(slice_is(head_find(&head, "x-a")->value, "b c"));
    assert_null(head_find(&head, "x-b"));
}

static void test_head_waits_for_more_wherever_a_request_ends(void **state)
{
    for (size_t i = 0; i < sizeof(good_requests) / sizeof(good_requests[0]); i++) {
        size_t seen = 0;

        for (size_t size = 0; size < strlen(good_requests[i].head); size++) {
            struct head_fault fault;
            struct head head;
            char *copy;

            if (parse_request(&head, good_requests[i].head, size, size % 3 == 0 ? 0 : seen, &fault,
                              &copy) != HEAD_MORE)
                fail_msg("%s: %zu", good_requests[i].head, size);
            seen = size;
            free(copy);
        }
    }
}

static void put_headers(struct text *text, size_t count)
{
    text_put_text(text, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (size_t i = 1; i < count; i++)
        text_put_format(text, "X-%zu: y\r\n", i);
    text_put_text(text, "\r\n");
}

static void test_head_has_at_most_so_many_headers(void **state)
{
    struct text text = {0};
    struct head_fault fault;
    struct head head;

    put_headers(&text, HEAD_HEADERS_MAX);
    assert_int_equal(head_parse_request(&head, text.data, text.size, 0, &fault), HEAD_DONE);
    text_clear(&text);
    put_headers(&text, HEAD_HEADERS_MAX + 1);
    assert_int_equal(head_parse_request(&head, text.data, text.size, 0, &fault), HEAD_BAD);
    assert_int_equal(fault.status, 431);
    assert_string_equal(fault.text, "more than 100 headers");
    text_dispose(&text);
}

/* ---- replies */

static void test_head_reads_replies(void **state)
{
    static const struct {
        const char *head;
        bool to_head;
        int status;
        enum body_framing body;
        uint64_t length;
        bool keeps_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false, 200, FRAMING_UNTIL_CLOSE, 0, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, FRAMING_NONE, 0, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, 200, FRAMING_CHUNKED, 0,
         true},
        {"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, true},
        {"HTTP/1.1 200 A b\xc3\xa9\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5,
         true},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", false, 200,
         FRAMING_LENGTH, 5, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", false, 200,
         FRAMING_LENGTH, 5, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, 200, FRAMING_NONE, 5, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 200, FRAMING_NONE, 0, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, 204, FRAMING_NONE, 0, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, 204, FRAMING_NONE, 5, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 304, FRAMING_NONE, 5,
         true},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, 100, FRAMING_NONE, 0, true},
        {"HTTP/1.1 599 Odd\r\nContent-Length: 1\r\n\r\n", false, 599, FRAMING_LENGTH, 1, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct head_fault fault = {0};
        size_t size = strlen(cases[i].head);
        char *copy = memcpy(malloc(size), cases[i].head, size);
        struct head head;
        enum head_result result = head_parse_reply(&head, copy, size, 0, cases[i].to_head, &fault);

        if (result != HEAD_DONE || head.status != cases[i].status || head.body != cases[i].body ||
            head.content_length != cases[i].length || head.keeps_alive != cases[i].keeps_alive ||
            head.size != size)
            fail_msg("%s: %d, %s", cases[i].head, result, fault.text);
        free(copy);
    }
}

static void test_head_refuses_replies_as_strictly(void **state)
{
    static const char *const cases[] = {
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        " HTTP/1.1 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX A: a\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct head_fault fault = {0};
        struct head head;

        if (head_parse_reply(&head, cases[i], strlen(cases[i]), 0, false, &fault) != HEAD_BAD ||
            fault.text == NULL)
            fail_msg("%s", cases[i]);
    }
}

static void test_head_waits_for_more_of_a_reply(void **state)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n";
    size_t seen = 0;

    for (size_t size = 1; size < sizeof(reply) - 1; size++) {
        struct head_fault fault;
        struct head head;
        char *copy = memcpy(malloc(size), reply, size);

        assert_int_equal(head_parse_reply(&head, copy, size, seen, false, &fault), HEAD_MORE);
        seen = size;
        free(copy);
    }
}

/* ---- fields */

static void test_head_knows_what_ends_at_this_hop(void **state)
{
    static const char text[] =
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: X-Mine, close\r\nConnection: x-too\r\n\r\n";
    static const char *const ending[] = {"connection",        "keep-alive", "te",     "trailer",
                                         "transfer-encoding", "upgrade",    "expect", "x-mine",
                                         "content-length",    "x-too"};
    static const char *const passing[] = {"x-other", "content-type", "x-min", "accept"};
    struct head_fault fault;
    struct head head;

    assert_int_equal(head_parse_request(&head, text, sizeof(text) - 1, 0, &fault), HEAD_DONE);
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        assert_true(head_is_hop_by_hop(&head, slice_of(ending[i])));
    for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
        assert_false(head_is_hop_by_hop(&head, slice_of(passing[i])));
}

static void test_head_knows_tokens(void **state)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool expected = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;

        if (head_is_token((struct slice){&byte, 1}) != expected)
            fail_msg("%d", c);
    }
    assert_false(head_is_token((struct slice){"", 0}));
    assert_true(head_is_token(SLICE("X-Stream-Error")));
    assert_false(head_is_token(SLICE("X Stream")));
}

static void test_head_knows_what_a_trailer_may_not_have(void **state)
{
    assert_true(head_is_forbidden_trailer(SLICE("Content-Length")));
    assert_true(head_is_forbidden_trailer(SLICE("transfer-encoding")));
    assert_true(head_is_forbidden_trailer(SLICE("SET-COOKIE")));
    assert_false(head_is_forbidden_trailer(SLICE("X-Stream-Error")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_refuses_what_can_be_read_in_two_ways),
        cmocka_unit_test(test_head_refuses_the_same_with_more_behind),
        cmocka_unit_test(test_head_refuses_a_nul_anywhere),
        cmocka_unit_test(test_head_reads_requests),
        cmocka_unit_test(test_head_gives_slices_of_the_request),
        cmocka_unit_test(test_head_waits_for_more_wherever_a_request_ends),
        cmocka_unit_test(test_head_has_at_most_so_many_headers),
        cmocka_unit_test(test_head_reads_replies),
        cmocka_unit_test(test_head_refuses_replies_as_strictly),
        cmocka_unit_test(test_head_waits_for_more_of_a_reply),
        cmocka_unit_test(test_head_knows_what_ends_at_this_hop),
        cmocka_unit_test(test_head_knows_tokens),
        cmocka_unit_test(test_head_knows_what_a_trailer_may_not_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
