// SPDX-License-Identifier: Apache-2.0
/* One question to a gateway that a thread of the test plays. */
#include "http/ask.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct gateway {
    char folder[64], path[80];
    int fd;            /* listening; -1: nobody does */
    const char *reply; /* sent once the head came; then it closes */
    bool is_reset;     /* it closes with bytes unread */
    char got[4096];
    pthread_t thread;
};

static void *serve(void *gateway_)
{
    struct gateway *gateway = gateway_;
    int fd = accept(gateway->fd, NULL, NULL);
    size_t size = 0;

    while (!gateway->is_reset && strstr(gateway->got, "{}") == NULL) {
        ssize_t got = recv(fd, gateway->got + size, sizeof(gateway->got) - 1 - size, 0);

        if (got <= 0)
            break;
        size += (size_t)got;
        gateway->got[size] = '\0';
    }
    for (size_t sent = 0; sent < strlen(gateway->reply); sent++) /* in the smallest pieces */
        if (send(fd, gateway->reply + sent, 1, MSG_NOSIGNAL) < 0)
            break;
    close(fd);
    return NULL;
}

static int setup(void **state)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(gateway->folder, sizeof(gateway->folder), "/tmp/test_ask.XXXXXX");
    assert_non_null(mkdtemp(gateway->folder));
    snprintf(gateway->path, sizeof(gateway->path), "%s/socket", gateway->folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", gateway->path);
    gateway->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(gateway->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(gateway->fd, 1), 0);
    *state = gateway;
    return 0;
}

static int teardown(void **state)
{
    struct gateway *gateway = *state;

    close(gateway->fd);
    unlink(gateway->path);
    rmdir(gateway->folder);
    free(gateway);
    return 0;
}

/* Asks; text gets the reply's body, or what went wrong. The reply's status; 0: it failed with code.
 */
static int ask_for(struct gateway *gateway, const char *reply, struct text *text,
                   enum error_code *code)
{
    struct error err = {0};
    int status = 0;
    bool done;

    gateway->reply = reply;
    gateway->got[0] = '\0';
    assert_int_equal(pthread_create(&gateway->thread, NULL, serve, gateway), 0);
    done = ask(gateway->path, "/token/list", SLICE("{}"), &status, text, &err);
    pthread_join(gateway->thread, NULL);
    *code = err.code;
    if (done)
        return status;
    text_clear(text);
    text_put_text(text, err.text);
    return 0;
}

static void test_ask_brings_the_answer_whatever_its_framing(void **state)
{
    static const struct {
        const char *reply, *body;
        int status;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
         "hello", 200},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}", "{}", 409},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text text = {0};
        enum error_code code;

        assert_int_equal(ask_for(*state, cases[i].reply, &text, &code), cases[i].status);
        assert_string_equal(text.data == NULL ? "" : text.data, cases[i].body);
        text_dispose(&text);
    }
}

static void test_ask_sends_one_request_that_ends_its_connection(void **state)
{
    struct gateway *gateway = *state;
    struct text text = {0};
    enum error_code code;

    ask_for(gateway, "HTTP/1.1 204 No Content\r\n\r\n", &text, &code);
    assert_string_equal(gateway->got, "POST /token/list HTTP/1.1\r\nHost: localhost\r\n"
                                      "Content-Type: application/json\r\nContent-Length: 2\r\n"
                                      "Connection: close\r\n\r\n{}");
    text_dispose(&text);
}

static void test_ask_takes_no_broken_answer_for_one(void **state)
{
    static const struct {
        const char *reply, *said;
    } cases[] = {
        {"", "ended too early"},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "ended too early"}, /* who says that this is all? */
        {"HTTP/1.1 200 O", "ended too early"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "ended too early"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "ended too early"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "ended too early"},
        {"SMTP ready\r\n\r\n", "cannot be read: this is not an HTTP/1.1 reply"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhe", "more than once"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text text = {0};
        enum error_code code;

        assert_int_equal(ask_for(*state, cases[i].reply, &text, &code), 0);
        assert_int_equal(code, ERROR_SYNTAX);
        if (strstr(text.data, cases[i].said) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].said, text.data);
        text_dispose(&text);
    }
}

static void test_ask_adds_to_what_is_there(void **state)
{
    struct text text = {0};
    enum error_code code;

    text_put_text(&text, "before ");
    ask_for(*state, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &text, &code);
    assert_string_equal(text.data, "before hello");
    text_dispose(&text);
}

static void test_ask_says_how_to_start_a_gateway_that_does_not_run(void **state)
{
    struct gateway *gateway = *state;
    struct text text = {0};
    struct error err = {0};
    int status;

    close(gateway->fd); /* the socket's file is left, as after a crash */
    gateway->fd = -1;
    assert_false(ask(gateway->path, "/x", SLICE("{}"), &status, &text, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "start it: causeway serve"));
    assert_non_null(strstr(err.text, gateway->path));
    unlink(gateway->path);
    err = (struct error){0};
    assert_false(ask(gateway->path, "/x", SLICE("{}"), &status, &text, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    text_dispose(&text);
}

static void test_ask_refuses_a_path_that_is_too_long_for_a_socket(void **state)
{
    struct text text = {0};
    struct error err = {0};
    char path[200];
    int status;

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_false(ask(path, "/x", SLICE("{}"), &status, &text, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "at most 107 bytes"));
}

static void test_ask_survives_a_gateway_that_goes_away(void **state)
{
    struct gateway *gateway = *state;
    struct text text = {0};
    enum error_code code;

    gateway->is_reset = true;
    assert_int_equal(ask_for(gateway, "", &text, &code), 0);
    assert_int_not_equal(code, ERROR_NONE);
    text_dispose(&text);
}

#define ASK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASK_TEST(test_ask_brings_the_answer_whatever_its_framing),
        ASK_TEST(test_ask_sends_one_request_that_ends_its_connection),
        ASK_TEST(test_ask_takes_no_broken_answer_for_one),
        ASK_TEST(test_ask_adds_to_what_is_there),
        ASK_TEST(test_ask_says_how_to_start_a_gateway_that_does_not_run),
        ASK_TEST(test_ask_refuses_a_path_that_is_too_long_for_a_socket),
        ASK_TEST(test_ask_survives_a_gateway_that_goes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
