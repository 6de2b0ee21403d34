// SPDX-License-Identifier: Apache-2.0
/* Two peers, one of which serves: TLS on a pool's connections, what either side learns of the
 * other, tickets, sessions that are cut. Both on one loop. */
#include "http/fetch.h"
#include "identities.h"
#include "stage.h"

#include <stdlib.h>

#define HEAD "POST /own HTTP/1.1\r\nHost: x\r\n"

enum {
    CONNECT_MS = 20000, /* of the clock that tests move; the other half is the machine's */
    TICKET_S = 3600,
    PIECE = 50 * 1000,
    MUCH = 200 * PIECE,
    PRIME = 251,
};

struct fixture {
    struct stage *stage;
    struct identity server, client;
    struct http_handler handler;
    const struct http_handler *stage_handler;
    /* what the server saw of the newest request */
    bool is_client_known;
    int others;
    char blob[32];
    uint8_t exported[TLS_EXPORT_SIZE];
    /* what it does */
    const char *offered; /* a ticket with this blob; NULL: none */
    bool refuses_tickets;
    bool keeps_waiting; /* it does not answer */
    bool ends_connection;
    bool vouches;
    unsigned int sessions_ended;
    /* the client */
    struct pool *pool;
    unsigned int verified;
    bool refuses_server;
    bool says_nothing; /* of why */
    bool is_resumed;   /* the newest */
    uint8_t client_exported[TLS_EXPORT_SIZE];
    struct dial dial;
    struct pooled *pooled;
    struct fetch *fetch;
    unsigned int calls;
    int status;
    struct text body;
    struct error err;
    uint64_t made, taken;
    unsigned int pieces;
};

static struct fixture *fixture; /* of on_own, which has the stage */

/* ---- the server */

static void on_own(struct stage *stage, struct exchange *exchange)
{
    struct fixture *f = stage->own;
    struct slice blob = exchange_ticket_blob(exchange);
    STACK_OF(X509) *others = exchange_peer_chain(exchange);

    f->is_client_known = identity_is(&f->client, exchange_peer_certificate(exchange));
    f->others = others == NULL ? -1 : sk_X509_num(others);
    snprintf(f->blob, sizeof(f->blob), "%.*s", (int)blob.size, (const char *)blob.data);
    exchange_export_key(exchange, "peers", f->exported);
    *exchange_session_context(exchange) = f;
    if (f->offered != NULL)
        assert_true(exchange_offer_ticket(exchange, slice_of(f->offered), TICKET_S));
    if (f->vouches)
        exchange_vouch(exchange);
    if (f->ends_connection)
        exchange_end_connection(exchange);
    if (!f->keeps_waiting)
        exchange_answer(
            exchange,
            &(struct answer){.status = 200, .content_type = "text/plain", .body = SLICE("hello")});
}

static bool is_ticket_good(void *app, struct slice blob)
{
    return !fixture->refuses_tickets;
}

static void on_session_end(void *context)
{
    struct fixture *f = context;

    f->sessions_ended++;
}

static bool must_go(void *arg, void *context)
{
    assert_ptr_equal(context, fixture);
    return *(const bool *)arg;
}

/* ---- the client */

static void prepare(void *arg, SSL *ssl)
{
    SSL_set_tlsext_host_name(ssl, "server.example");
}

static bool verify(void *arg, SSL *ssl, struct error *err)
{
    struct fixture *f = arg;

    f->verified++;
    f->is_resumed = SSL_session_reused(ssl) == 1;
    assert_true(identity_is(&f->server, SSL_get0_peer_certificate(ssl)));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(ssl)), 2); /* resumed or not */
    if (f->refuses_server && !f->says_nothing)
        error_set(err, ERROR_MISMATCH, "of another organization");
    return !f->refuses_server;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    void *stage;

    stage_setup(&stage);
    *state = fixture = f;
    f->stage = stage;
    identity_create(&f->server, "server");
    identity_create(&f->client, "client");
    f->stage_handler = f->stage->settings.handler;
    f->handler = *f->stage_handler;
    f->handler.is_ticket_good = is_ticket_good;
    f->handler.on_session_end = on_session_end;
    f->stage->settings.handler = &f->handler;
    f->stage->settings.limits.handshake_timeout_ms = 5000;
    f->stage->on_own = on_own;
    f->stage->own = f;
    SSL_CTX_up_ref(f->server.server);
    f->stage->settings.tls = f->server.server;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *stage = f->stage;

    fetch_cancel(&f->fetch);
    pool_destroy(&f->pool);
    stage_teardown(&stage);
    identity_dispose(&f->server);
    identity_dispose(&f->client);
    text_dispose(&f->body);
    free(f);
    return 0;
}

/* The pool that dials the server. */
static void create_pool(struct fixture *f, const struct address *address)
{
    struct pool_settings settings = {
        .address = *address,
        .tls = {.context = f->client.client, .prepare = prepare, .verify = verify, .arg = f},
        .max_idle = 4,
        .connect_timeout_ms = CONNECT_MS,
        .idle_timeout_ms = 60000,
    };

    f->pool = pool_create(f->stage->loop, f->stage->server->blocks, &settings);
}

static void begin(struct fixture *f)
{
    stage_serve(f->stage);
    if (f->pool == NULL)
        create_pool(f, &f->stage->server_address);
}

static void on_dialled(struct dial *dial, struct pooled *pooled, const struct error *err)
{
    struct fixture *f = CONTAINER_OF(dial, struct fixture, dial);

    f->calls++;
    f->pooled = pooled;
    f->err = err == NULL ? (struct error){0} : *err;
}

static void dial(struct fixture *f)
{
    struct error err = {0};

    f->calls = 0;
    assert_true(pool_dial_start(f->pool, &f->dial, on_dialled, &err));
    assert_int_equal(f->calls, 0);
}

static void on_done(void *f_, const struct fetch_reply *reply, const struct error *err)
{
    struct fixture *f = f_;

    f->calls++;
    f->fetch = NULL;
    f->err = err == NULL ? (struct error){0} : *err;
    f->status = reply == NULL ? 0 : reply->status;
    text_clear(&f->body);
    if (reply != NULL)
        text_put_slice(&f->body, reply->body);
}

static void complete(void *f_, SSL *ssl, struct text *head, struct text *body)
{
    struct fixture *f = f_;

    tls_export_key(ssl, "peers", f->client_exported);
    text_put_slice(head, SLICE("X-Bound: yes\r\n"));
    text_put_slice(body, SLICE("proof"));
}

static void start_fetch(struct fixture *f)
{
    struct error err = {0};
    struct fetch_request request = {
        .loop = f->stage->loop,
        .pool = f->pool,
        .pipes = f->stage->server->pipes,
        .head = SLICE(HEAD),
        .complete = complete,
        .max_idle_ms = 60000,
        .reply_max = 1000,
        .timeout_ms = 10000,
    };

    f->calls = 0;
    assert_true(fetch_start(&f->fetch, &request, on_done, f, &err));
}

static void ask(struct fixture *f)
{
    begin(f);
    start_fetch(f);
    STAGE_AWAIT(f->stage, f->calls > 0);
    assert_string_equal(f->err.text, "");
    assert_int_equal(f->status, 200);
}

/* As ask, on a connection of its own. */
static void ask_anew(struct fixture *f)
{
    f->ends_connection = true;
    ask(f);
    stage_await_no_session(f->stage);
}

static void expect_dial_failure(struct fixture *f, enum error_code code, const char *word)
{
    STAGE_AWAIT(f->stage, f->calls > 0);
    assert_null(f->pooled);
    assert_int_equal(f->err.code, code);
    if (strstr(f->err.text, word) == NULL)
        fail_msg("'%s' is not in '%s'", word, f->err.text);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 1);
}

/* ---- who is who */

static void test_peers_know_each_other(void **state)
{
    struct fixture *f = *state;

    ask(f);
    assert_true(f->is_client_known);
    assert_int_equal(f->others, 1);
    assert_string_equal(f->blob, "");
    assert_int_equal(f->verified, 1);
    assert_memory_equal(f->exported, f->client_exported, TLS_EXPORT_SIZE);
    assert_int_equal(f->stage->server->counters.handshakes, 1);
    assert_int_equal(f->stage->server->counters.handshakes_resumed, 0);
}

static void test_peers_use_a_connection_again(void **state)
{
    struct fixture *f = *state;

    f->offered = "blob"; /* it comes before the reply, and does not disturb the idle connection */
    for (int i = 0; i < 5; i++) {
        ask(f);
        turn_for(f->stage->loop, 5);
        clock_advance_ms(5000);
    }
    assert_int_equal(f->verified, 1);
    assert_int_equal(f->stage->server->counters.handshakes, 1);
    assert_int_equal(f->stage->server->session_count, 1);
}

/* ---- dialling with TLS: the six cases; success is above */

static void test_peers_dial_nobody_who_is_not_the_one(void **state)
{
    static const struct {
        bool says_nothing;
        enum error_code code;
        const char *word;
    } cases[] = {{false, ERROR_MISMATCH, "of another organization"},
                 {true, ERROR_REFUSED, "not the one that was dialled"}};
    struct fixture *f = *state;

    begin(f);
    f->refuses_server = true;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        f->says_nothing = cases[i].says_nothing;
        dial(f);
        expect_dial_failure(f, cases[i].code, cases[i].word);
        assert_non_null(strstr(f->err.text, f->stage->server_address.text));
        stage_await_no_session(f->stage);
    }
    assert_int_equal(f->stage->begun, 0); /* not a byte of a request went out */
}

static void test_peers_fail_over_a_server_without_tls_or_of_another_protocol(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    stage_start(f->stage);
    create_pool(f, &f->stage->upstream.address);
    dial(f);
    upstream = stage_accept(f->stage);
    peer_send(upstream, "HTTP/1.1 400 Bad Request\r\n\r\n");
    expect_dial_failure(f, ERROR_IO, "TLS: ");
    dial(f);
    upstream = stage_accept(f->stage);
    peer_close(upstream); /* the peer is gone in the middle */
    expect_dial_failure(f, ERROR_IO, "");
    pool_destroy(&f->pool);

    SSL_CTX_free(f->stage->settings.tls);
    f->stage->settings.tls = NULL;
    stage_use_tls(f->stage); /* a server for clients, which asks for no protocol */
    f->stage->server->settings->tls = f->stage->settings.tls;
    begin(f);
    dial(f);
    expect_dial_failure(f, ERROR_IO, "TLS: "); /* it insists on http/1.1 if any is offered */
    assert_int_equal(f->verified, 0);
}

static void test_peers_give_up_a_handshake_after_its_time(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    stage_start(f->stage);
    create_pool(f, &f->stage->upstream.address);
    dial(f);
    upstream = stage_accept(f->stage);
    turn_for(f->stage->loop, 5);
    clock_advance_ms(CONNECT_MS / 2);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    clock_advance_ms(CONNECT_MS);
    expect_dial_failure(f, ERROR_TIMEOUT, "no answer within");
    peer_await_gone(upstream);
}

static void test_peers_forget_a_handshake_that_is_cancelled(void **state)
{
    struct fixture *f = *state;

    for (int turns = 0; turns < 8; turns++) { /* wherever it is */
        begin(f);
        dial(f);
        for (int i = 0; i < turns && f->calls == 0; i++)
            loop_turn(f->stage->loop, 1);
        if (f->calls > 0)
            pool_give(f->pooled, false);
        pool_dial_cancel(&f->dial);
        f->calls = 0;
        turn_for(f->stage->loop, 5);
        assert_int_equal(f->calls, 0);
        stage_await_no_session(f->stage);
    }
}

/* ---- tickets */

static void test_peers_resume_with_the_blob_of_the_newest_ticket(void **state)
{
    struct fixture *f = *state;

    f->offered = "first";
    ask_anew(f);
    assert_false(f->is_resumed);
    f->offered = "second";
    ask_anew(f);
    assert_true(f->is_resumed);
    assert_string_equal(f->blob, "first");
    assert_true(f->is_client_known);
    assert_int_equal(f->others, -1);
    assert_memory_equal(f->exported, f->client_exported, TLS_EXPORT_SIZE);
    ask_anew(f);
    assert_string_equal(f->blob, "second");
    assert_int_equal(f->verified, 3); /* each time */
    assert_int_equal(f->stage->server->counters.handshakes, 3);
    assert_int_equal(f->stage->server->counters.handshakes_resumed, 2);
}

static void test_peers_resume_nothing_that_was_revoked(void **state)
{
    struct fixture *f = *state;

    f->offered = "blob";
    ask_anew(f);
    f->refuses_tickets = true;
    ask_anew(f);
    assert_false(f->is_resumed);
    assert_string_equal(f->blob, "");
    assert_int_equal(f->others, 1);
    f->refuses_tickets = false;
    ask_anew(f);
    assert_true(f->is_resumed);
    pool_clear(f->pool); /* the client's side of it */
    ask_anew(f);
    assert_false(f->is_resumed);
}

static void test_peers_resume_nothing_with_a_server_that_was_refused(void **state)
{
    struct fixture *f = *state;

    f->offered = "blob";
    ask_anew(f);
    f->refuses_server = true;
    dial(f);
    expect_dial_failure(f, ERROR_MISMATCH, "");
    assert_true(f->is_resumed);
    f->refuses_server = false;
    ask_anew(f);
    assert_false(f->is_resumed);
}

static void test_peers_keep_no_session_across_a_clearing(void **state)
{
    struct fixture *f = *state;

    f->offered = "blob";
    f->keeps_waiting = true;
    begin(f);
    start_fetch(f);
    STAGE_AWAIT(f->stage, f->stage->begun == 1);
    pool_clear(f->pool); /* while the connection is lent: its ticket is on the way */
    exchange_answer(
        f->stage->current,
        &(struct answer){.status = 200, .content_type = "text/plain", .body = SLICE("late")});
    STAGE_AWAIT(f->stage, f->calls > 0);
    stage_await_no_session(f->stage); /* it did not come back to the pool */
    f->keeps_waiting = false;
    ask(f);
    assert_int_equal(f->verified, 2);
    assert_false(f->is_resumed);
    pool_clear(f->pool); /* while it idles */
    stage_await_no_session(f->stage);
}

/* ---- much, both ways */

static enum produce_result produce_much(void *f_, struct text *out)
{
    struct fixture *f = f_;

    for (int i = 0; i < PIECE; i++)
        text_reserve(out, PIECE)[i] = (char)((f->made + (uint64_t)i) % PRIME);
    out->size += PIECE;
    f->made += PIECE;
    if (f->made == MUCH)
        return PRODUCE_END;
    return f->made % (8 * PIECE) == 0 ? PRODUCE_WAIT : PRODUCE_MORE;
}

static void take_much(struct fixture *f, struct slice content)
{
    for (size_t i = 0; i < content.size; i++)
        assert_int_equal((char)((f->taken + i) % PRIME), ((const char *)content.data)[i]);
    f->taken += content.size;
}

static enum consume_result consume(struct exchange *exchange, void *f_, struct slice content,
                                   bool is_last)
{
    struct fixture *f = f_;

    take_much(f, content);
    if (is_last)
        exchange_answer(
            exchange,
            &(struct answer){.status = 200, .content_type = "text/plain", .body = SLICE("all")});
    return is_last ? CONSUME_DECIDED : CONSUME_MORE;
}

static void own_consume(struct stage *stage, struct exchange *exchange)
{
    /* the ticket is on its way while the body comes in */
    assert_true(exchange_offer_ticket(exchange, SLICE("blob"), TICKET_S));
    exchange_consume(exchange, consume, stage->own);
}

static void own_produce_much(struct stage *stage, struct exchange *exchange)
{
    assert_true(exchange_offer_ticket(exchange, SLICE("blob"), TICKET_S));
    exchange_produce(exchange, &(struct produced){.status = 200,
                                                  .content_type = "text/plain",
                                                  .produce = produce_much,
                                                  .arg = stage->own});
}

static void on_content(void *f_, struct slice content)
{
    struct fixture *f = f_;

    take_much(f, content);
    if (++f->pieces % 5 == 0)
        fetch_pause(f->fetch);
}

/* Turns until it is done; whoever waits, the client or what makes content, goes on now and then. */
static void move_much(struct fixture *f, bool is_upload)
{
    struct error err = {0};
    struct fetch_request request = {
        .loop = f->stage->loop,
        .pool = f->pool,
        .pipes = f->stage->server->pipes,
        .head = SLICE(HEAD),
        .produce = is_upload ? produce_much : NULL,
        .produce_arg = f,
        .reply_max = 1000,
        .on_content = is_upload ? NULL : on_content,
    };

    f->calls = 0;
    assert_true(fetch_start(&f->fetch, &request, on_done, f, &err));
    for (int i = 0; i < 20000 && f->calls == 0; i++) {
        loop_turn(f->stage->loop, 1);
        if (f->fetch != NULL && is_upload)
            fetch_produce_more(f->fetch);
        else if (f->fetch != NULL)
            fetch_resume(f->fetch);
        if (!is_upload && f->stage->begun > f->stage->ended)
            exchange_produce_more(f->stage->current);
    }
    assert_string_equal(f->err.text, "");
    assert_int_equal(f->status, 200);
    assert_int_equal(f->taken, MUCH);
}

static void test_peers_move_much_both_ways(void **state)
{
    struct fixture *f = *state;

    begin(f);
    for (int round = 0; round < 2; round++) { /* the second time on the same connection */
        f->stage->on_own = own_consume;
        f->made = f->taken = 0;
        move_much(f, true);
        f->stage->on_own = own_produce_much;
        f->made = f->taken = 0;
        move_much(f, false);
        clock_advance_ms(500);
    }
    assert_int_equal(f->verified, 1);
}

/* ---- sessions that are cut */

static void test_peers_cut_idle_and_running_sessions(void **state)
{
    static bool yes = true, no = false;
    struct fixture *f = *state;

    ask(f);
    assert_int_equal(server_cut_sessions(f->stage->server, must_go, &no), 0);
    assert_int_equal(server_cut_sessions(f->stage->server, must_go, &yes), 1);
    assert_int_equal(f->stage->server->session_count, 0); /* at once */
    assert_int_equal(f->sessions_ended, 1);

    turn_for(f->stage->loop, 5); /* the pool has seen it */
    f->keeps_waiting = true;
    start_fetch(f);
    STAGE_AWAIT(f->stage, f->stage->begun == 2);
    assert_int_equal(server_cut_sessions(f->stage->server, must_go, &yes), 1);
    STAGE_AWAIT(f->stage, f->calls > 0);
    assert_int_equal(f->status, 503);
    stage_await_no_session(f->stage);
    assert_int_equal(f->stage->last.reason, CLOSE_REVOKED);
    assert_int_equal(f->sessions_ended, 2);
}

/* Its end comes with the answer, though its body goes on: nobody waits for it to be read. */
static void test_peers_cut_a_session_inside_its_request(void **state)
{
    static bool yes = true;
    struct fixture *f = *state;
    struct peer *client;

    f->keeps_waiting = true;
    stage_serve(f->stage);
    client = stage_client(f->stage);
    peer_start_tls(client, f->client.client);
    peer_send(client, HEAD "Content-Length: 1000\r\n\r\nx");
    STAGE_AWAIT(f->stage, f->stage->begun == 1);
    assert_int_equal(server_cut_sessions(f->stage->server, must_go, &yes), 1);
    peer_await(client, "HTTP/1.1 503 ");
    peer_await(client, "connect anew\n");
    turn_for(f->stage->loop, 5);
    peer_read(client);
    assert_true(client->is_ended);
    assert_int_equal(f->stage->last.reason, CLOSE_REVOKED);
    clock_advance_ms(1100);
    stage_await_no_session(f->stage);
}

static enum produce_result produce_endlessly(void *arg, struct text *out)
{
    text_put_slice(out, SLICE("more and more\n"));
    return PRODUCE_MORE;
}

static void own_produce(struct stage *stage, struct exchange *exchange)
{
    *exchange_session_context(exchange) = stage->own;
    exchange_produce(exchange, &(struct produced){.status = 200,
                                                  .content_type = "text/plain",
                                                  .produce = produce_endlessly});
}

static void test_peers_cut_a_session_inside_its_reply(void **state)
{
    static bool yes = true;
    struct fixture *f = *state;
    struct peer *client;

    f->stage->on_own = own_produce;
    stage_serve(f->stage);
    client = stage_client(f->stage);
    peer_start_tls(client, f->client.client);
    peer_send(client, "GET /own HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "more and more\n");
    assert_int_equal(server_cut_sessions(f->stage->server, must_go, &yes), 1);
    peer_await_gone(client);
    peer_close(client);
    stage_await_no_session(f->stage);
    assert_int_equal(f->stage->last.reason, CLOSE_REVOKED);
    assert_int_equal(f->sessions_ended, 1);
}

/* ---- strangers */

static void use_limits(struct fixture *f, uint32_t at_once, uint32_t address_at_once,
                       uint32_t address_per_second)
{
    f->stage->options.strangers =
        (struct guard_limits){at_once, address_at_once, address_per_second};
    stage_serve(f->stage);
}

static void test_peers_refuse_an_address_that_has_too_many_handshakes(void **state)
{
    struct fixture *f = *state;
    struct peer *clients[3], *refused;

    use_limits(f, 0, 3, 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        clients[i] = stage_client(f->stage);
    STAGE_AWAIT(f->stage, f->stage->server->session_count == 3);
    refused = stage_client(f->stage);
    peer_expect_reset(refused);
    assert_int_equal(f->stage->server->counters.strangers_refused, 1);
    peer_close(clients[0]);
    STAGE_AWAIT(f->stage, f->stage->server->session_count == 2);
    ask(f); /* there is room again */
    assert_int_equal(f->stage->server->counters.strangers_refused, 1);
}

static void test_peers_refuse_an_address_that_connects_too_fast(void **state)
{
    struct fixture *f = *state;

    use_limits(f, 0, 0, 2);
    for (int i = 0; i < 4; i++)
        stage_drop(f->stage, stage_client(f->stage));
    peer_expect_reset(stage_client(f->stage));
    clock_advance_ms(600);
    peer_expect_silence(stage_client(f->stage), 5);
    peer_expect_reset(stage_client(f->stage));
    assert_int_equal(f->stage->server->counters.strangers_refused, 2);
}

static void test_peers_let_the_oldest_stranger_make_room(void **state)
{
    struct fixture *f = *state;
    struct peer *clients[5];

    use_limits(f, 3, 0, 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = stage_client(f->stage);
        turn_for(f->stage->loop, 3);
    }
    peer_expect_end(clients[0]);
    peer_expect_end(clients[1]);
    for (size_t i = 2; i < ARRAY_SIZE(clients); i++)
        peer_expect_silence(clients[i], 1);
    assert_int_equal(f->stage->server->session_count, 3);
    assert_int_equal(f->stage->server->counters.strangers_evicted, 2);
}

static void test_peers_never_evict_who_is_served_or_vouched_for(void **state)
{
    struct fixture *f = *state;

    use_limits(f, 1, 0, 0);
    f->vouches = true;
    ask(f); /* no stranger any more */
    f->vouches = false;
    f->keeps_waiting = true;
    start_fetch(f); /* on the same connection */
    STAGE_AWAIT(f->stage, f->stage->begun == 2);
    peer_expect_silence(stage_client(f->stage), 5); /* one may be */
    fetch_cancel(&f->fetch);
    f->vouches = false;
    start_fetch(f); /* a stranger now, and drives the other out */
    STAGE_AWAIT(f->stage, f->stage->begun == 3);
    assert_int_equal(f->stage->server->counters.strangers_evicted, 1);
    peer_expect_end(stage_client(f->stage)); /* the newest itself: the other is served */
    assert_int_equal(f->stage->server->counters.strangers_evicted, 2);
    assert_int_equal(f->calls, 0);
    exchange_answer(
        f->stage->current,
        &(struct answer){.status = 200, .content_type = "text/plain", .body = SLICE("x")});
    STAGE_AWAIT(f->stage, f->calls > 0);
    assert_int_equal(f->status, 200);
}

static void test_peers_give_strangers_little_time_for_a_handshake(void **state)
{
    static const char record[] = "\x16\x03\x01\x02";
    struct fixture *f = *state;
    struct peer *client;

    stage_serve(f->stage);
    client = stage_client(f->stage);
    for (int i = 0; i < 4; i++) { /* the first bytes of a record, one each second */
        peer_send_bytes(client, &record[i], 1);
        turn_for(f->stage->loop, 3);
        clock_advance_ms(1000);
    }
    peer_expect_silence(client, 3);
    clock_advance_ms(1100);
    peer_expect_end(client);
    assert_int_equal(f->stage->server->counters.handshakes_late, 1);
    assert_int_equal(f->stage->server->counters.handshakes, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_peers_know_each_other),
        TEST(test_peers_use_a_connection_again),
        TEST(test_peers_dial_nobody_who_is_not_the_one),
        TEST(test_peers_fail_over_a_server_without_tls_or_of_another_protocol),
        TEST(test_peers_give_up_a_handshake_after_its_time),
        TEST(test_peers_forget_a_handshake_that_is_cancelled),
        TEST(test_peers_resume_with_the_blob_of_the_newest_ticket),
        TEST(test_peers_resume_nothing_that_was_revoked),
        TEST(test_peers_resume_nothing_with_a_server_that_was_refused),
        TEST(test_peers_keep_no_session_across_a_clearing),
        TEST(test_peers_move_much_both_ways),
        TEST(test_peers_cut_idle_and_running_sessions),
        TEST(test_peers_cut_a_session_inside_its_request),
        TEST(test_peers_cut_a_session_inside_its_reply),
        TEST(test_peers_refuse_an_address_that_has_too_many_handshakes),
        TEST(test_peers_refuse_an_address_that_connects_too_fast),
        TEST(test_peers_let_the_oldest_stranger_make_room),
        TEST(test_peers_never_evict_who_is_served_or_vouched_for),
        TEST(test_peers_give_strangers_little_time_for_a_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
