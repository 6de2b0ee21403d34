// SPDX-License-Identifier: Apache-2.0
/* A partner's gateway as it is dialled: a TLS peer of the test's own answers, is silent, goes away,
 * or is somebody else. One thread: whoever waits turns both. */
#include "../auth/ca_kit.h"
#include "conf/memory.h"
#include "federation/peer_client.h"
#include "http/block.h"
#include "http/splice.h"
#include "http/tls.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define ALPN "causeway/1"
#define BETA "beta.example"

enum { TURNS = 20000 };

enum behaviour { ANSWERS, ANSWERS_AND_ENDS, SILENT, GONE };

struct peer_stage {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct jobs *jobs;
    struct kit_org us, beta;
    SSL_CTX *client_tls, *server_tls;
    struct roots trusted;
    struct peer_client *client;

    /* the peer */
    enum behaviour behaviour;
    int listen_fd, fd;
    SSL *ssl;
    bool is_ready;
    struct tls_resumption resumption;
    char address[64], got[4096];
    size_t got_size;
    unsigned accepted, resumed, requests;

    /* the answer, copied */
    unsigned answers;
    enum peer_failure failure;
    enum peer_verdict verdict;
    int status;
    char body[64], why[256], from[ADDRESS_TEXT_SIZE];
};

static uint64_t now_ms(void)
{
    return (uint64_t)KIT_NOW * 1000;
}

static bool is_good(struct tls_resumption *resumption, struct slice blob)
{
    return slice_is(blob, "ours");
}

/* ---- the peer */

static SSL_CTX *context_of(const struct kit_org *org, bool is_server)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct tls_identity identity = {.leaf = org->leaf, .chain = chain, .key = org->leaf_key};
    struct error err = {0};
    SSL_CTX *context;

    sk_X509_push(chain, org->issuer);
    context = is_server ? tls_peer_server_create(&identity, ALPN, &err)
                        : tls_peer_client_create(&identity, ALPN, &err);
    sk_X509_free(chain);
    if (context == NULL)
        fail_msg("%s", err.text);
    return context;
}

static int listen_somewhere(char address[64])
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    snprintf(address, 64, "127.0.0.1:%u", ntohs(any.sin_port));
    return fd;
}

static void hang_up(struct peer_stage *stage)
{
    if (stage->fd < 0)
        return;
    SSL_free(stage->ssl);
    text_dispose(&stage->resumption.offered);
    close(stage->fd);
    stage->ssl = NULL;
    stage->fd = -1;
    stage->is_ready = false;
    stage->got_size = 0;
}

static void accept_one(struct peer_stage *stage)
{
    stage->fd = accept4(stage->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (stage->fd < 0)
        return;
    stage->accepted++;
    stage->ssl = SSL_new(stage->server_tls);
    SSL_set_fd(stage->ssl, stage->fd);
    stage->resumption = (struct tls_resumption){.is_good = is_good};
    tls_server_attach(stage->ssl, &stage->resumption);
}

static void shake_hands(struct peer_stage *stage)
{
    int result = SSL_accept(stage->ssl), why = SSL_get_error(stage->ssl, result);

    if (result == 1) {
        stage->is_ready = true;
        stage->resumed += SSL_session_reused(stage->ssl) != 0;
        tls_offer_ticket(stage->ssl, SLICE("ours"), 600);
    } else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        hang_up(stage);
    }
}

static void behave(struct peer_stage *stage)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCauseway-Signed: s\r\n"
                                "Retry-After: 7\r\n\r\nhello";

    stage->requests++;
    stage->got_size = 0;
    if (stage->behaviour == ANSWERS || stage->behaviour == ANSWERS_AND_ENDS)
        assert_int_equal(SSL_write(stage->ssl, reply, sizeof(reply) - 1), sizeof(reply) - 1);
    if (stage->behaviour == ANSWERS_AND_ENDS)
        SSL_shutdown(stage->ssl);
    if (stage->behaviour == GONE || stage->behaviour == ANSWERS_AND_ENDS)
        hang_up(stage);
}

static void turn_peer(struct peer_stage *stage)
{
    size_t got = 0;

    if (stage->fd < 0) {
        accept_one(stage);
    } else if (!stage->is_ready) {
        shake_hands(stage);
    } else if (SSL_read_ex(stage->ssl, stage->got + stage->got_size,
                           sizeof(stage->got) - stage->got_size, &got) == 1) {
        stage->got_size += got;
        if (memmem(stage->got, stage->got_size, "\r\n\r\n", 4) != NULL)
            behave(stage);
    } else if (SSL_get_error(stage->ssl, 0) != SSL_ERROR_WANT_READ) {
        hang_up(stage);
    }
}

/* ---- the fixture */

static int setup(void **state)
{
    struct peer_stage *stage = memory_alloc(sizeof(*stage));
    struct peer_client_settings settings = {.org = BETA, .now_ms = now_ms};
    struct roots unsigned_roots;
    const char *addresses[1] = {stage->address};

    signal(SIGPIPE, SIG_IGN);
    stage->fd = -1;
    stage->us = kit_org_create("alpha.example");
    stage->beta = kit_org_create(BETA);
    stage->client_tls = context_of(&stage->us, false);
    stage->server_tls = context_of(&stage->beta, true);
    unsigned_roots = kit_roots(&stage->beta, 1);
    stage->trusted = kit_sign(&unsigned_roots, &stage->beta.root, NULL);
    settings.loop = stage->loop = loop_create(NULL);
    settings.blocks = stage->blocks = block_store_create(0);
    settings.pipes = stage->pipes = pipe_store_create();
    settings.jobs = stage->jobs = jobs_create(1, 8);
    stage->listen_fd = listen_somewhere(stage->address);
    stage->client = peer_client_create(&settings);
    peer_client_renew(stage->client, stage->client_tls, &stage->trusted);
    peer_client_set_addresses(stage->client, addresses, 1);
    *state = stage;
    return 0;
}

static int teardown(void **state)
{
    struct peer_stage *stage = *state;

    peer_client_destroy(&stage->client);
    for (int i = 0; i < 10; i++)
        loop_turn(stage->loop, 1);
    hang_up(stage);
    close(stage->listen_fd);
    jobs_destroy(&stage->jobs);
    loop_turn(stage->loop, 1);
    pipe_store_destroy(&stage->pipes);
    block_store_destroy(&stage->blocks);
    loop_destroy(&stage->loop);
    roots_dispose(&stage->trusted);
    SSL_CTX_free(stage->client_tls);
    SSL_CTX_free(stage->server_tls);
    kit_org_dispose(&stage->us);
    kit_org_dispose(&stage->beta);
    free(stage);
    return 0;
}

static void on_answer(void *stage_, const struct peer_client_answer *answer)
{
    struct peer_stage *stage = stage_;

    stage->answers++;
    stage->failure = answer->failure;
    stage->verdict = answer->verdict;
    stage->status = answer->status;
    snprintf(stage->body, sizeof(stage->body), "%.*s", SLICE_ARGS(answer->body));
    snprintf(stage->why, sizeof(stage->why), "%s", answer->err != NULL ? answer->err->text : "");
    snprintf(stage->from, sizeof(stage->from), "%s", answer->address);
    if (answer->failure == PEER_ANSWERED) {
        assert_true(slice_is(answer->signed_header, "s"));
        assert_int_equal(answer->retry_after_ms, 7000);
    }
}

static struct peer_request *start(struct peer_stage *stage, uint64_t timeout_ms)
{
    struct peer_client_request what = {
        .method = "GET", .path = "/link/v1/hello", .timeout_ms = timeout_ms};
    struct peer_request *request = NULL;
    struct error err = {0};

    if (!peer_client_start(stage->client, &request, &what, on_answer, stage, &err))
        fail_msg("%s", err.text);
    return request;
}

static void turn(struct peer_stage *stage)
{
    turn_peer(stage);
    loop_turn(stage->loop, 1);
}

static enum peer_failure ask(struct peer_stage *stage)
{
    unsigned before = stage->answers;

    start(stage, 0);
    for (int i = 0; i < TURNS && stage->answers == before; i++)
        turn(stage);
    assert_int_equal(stage->answers, before + 1);
    return stage->failure;
}

static void set_peer(struct peer_stage *stage, const struct kit_org *org)
{
    SSL_CTX_free(stage->server_tls);
    stage->server_tls = context_of(org, true);
}

/* ---- the cases */

static void test_peer_client_asks_twice_over_one_connection(void **state)
{
    struct peer_stage *stage = *state;

    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_int_equal(stage->status, 200);
    assert_string_equal(stage->body, "hello");
    assert_string_equal(stage->from, stage->address);
    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_int_equal(stage->accepted, 1);
}

static void test_peer_client_refuses_without_certificate_or_address(void **state)
{
    struct peer_stage *stage = *state;
    struct peer_client_request what = {.method = "GET", .path = "/"};
    struct peer_request *request = NULL;
    struct error err = {0};

    peer_client_set_addresses(stage->client, NULL, 0);
    assert_false(peer_client_start(stage->client, &request, &what, on_answer, stage, &err));
    assert_non_null(strstr(err.text, "no address"));
    err = (struct error){0};
    peer_client_renew(stage->client, NULL, NULL);
    assert_false(peer_client_start(stage->client, &request, &what, on_answer, stage, &err));
    assert_non_null(strstr(err.text, "certificate"));
    assert_int_equal(stage->answers, 0);
}

static void test_peer_client_says_that_nobody_listens(void **state)
{
    struct peer_stage *stage = *state;

    close(stage->listen_fd);
    stage->listen_fd = -1;
    assert_int_equal(ask(stage), PEER_UNREACHABLE);
    assert_true(stage->why[0] != '\0');
}

static void test_peer_client_waits_no_longer_than_it_may(void **state)
{
    struct peer_stage *stage = *state;

    stage->behaviour = SILENT;
    start(stage, 200);
    for (int i = 0; i < TURNS && stage->answers == 0; i++)
        turn(stage);
    assert_int_equal(stage->failure, PEER_UNREACHABLE);
    assert_non_null(strstr(stage->why, "does not answer"));
}

/* At any moment: looking up, shaking hands, asked. */
static void test_peer_client_calls_nobody_who_canceled(void **state)
{
    struct peer_stage *stage = *state;

    stage->behaviour = SILENT;
    for (int turns = 0; turns < 20; turns++) {
        struct peer_request *request = start(stage, 0);

        for (int i = 0; i < turns; i++)
            turn(stage);
        peer_request_cancel(&request);
        assert_null(request);
        for (int i = 0; i < 5; i++)
            turn(stage);
    }
    assert_int_equal(stage->answers, 0);
}

static void test_peer_client_sends_nothing_twice_if_the_peer_goes(void **state)
{
    struct peer_stage *stage = *state;

    stage->behaviour = GONE;
    assert_int_equal(ask(stage), PEER_UNREACHABLE);
    for (int i = 0; i < 20; i++)
        turn(stage);
    assert_int_equal(stage->requests, 1);
}

static void test_peer_client_trusts_the_roots_of_the_link_alone(void **state)
{
    struct peer_stage *stage = *state;
    struct kit_org imposter = kit_org_create(BETA), gamma = kit_org_create("gamma.example");

    set_peer(stage, &imposter);
    assert_int_equal(ask(stage), PEER_UNTRUSTED);
    assert_int_equal(stage->verdict, PEER_UNKNOWN_ROOT);
    hang_up(stage);
    set_peer(stage, &gamma);
    assert_int_equal(ask(stage), PEER_UNTRUSTED);
    assert_int_equal(stage->verdict, PEER_WRONG_ORG);
    assert_int_equal(stage->requests, 0);
    kit_org_dispose(&imposter);
    kit_org_dispose(&gamma);
}

static void test_peer_client_goes_on_at_the_next_address(void **state)
{
    struct peer_stage *stage = *state;
    char nobody[64];
    const char *addresses[2] = {nobody, stage->address};

    close(listen_somewhere(nobody));
    peer_client_set_addresses(stage->client, addresses, 2);
    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_string_equal(stage->from, stage->address);
}

static void test_peer_client_resumes_until_it_is_renewed(void **state)
{
    struct peer_stage *stage = *state;

    stage->behaviour = ANSWERS_AND_ENDS;
    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_int_equal(stage->resumed, 0);
    for (int i = 0; i < 10; i++)
        turn(stage);
    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_int_equal(stage->resumed, 1);
    for (int i = 0; i < 10; i++)
        turn(stage);
    peer_client_renew(stage->client, stage->client_tls, &stage->trusted);
    assert_int_equal(ask(stage), PEER_ANSWERED);
    assert_int_equal(stage->resumed, 1);
    assert_int_equal(stage->accepted, 3);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_peer_client_asks_twice_over_one_connection),
        CASE(test_peer_client_refuses_without_certificate_or_address),
        CASE(test_peer_client_says_that_nobody_listens),
        CASE(test_peer_client_waits_no_longer_than_it_may),
        CASE(test_peer_client_calls_nobody_who_canceled),
        CASE(test_peer_client_sends_nothing_twice_if_the_peer_goes),
        CASE(test_peer_client_trusts_the_roots_of_the_link_alone),
        CASE(test_peer_client_goes_on_at_the_next_address),
        CASE(test_peer_client_resumes_until_it_is_renewed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
