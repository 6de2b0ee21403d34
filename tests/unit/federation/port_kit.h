// SPDX-License-Identifier: Apache-2.0
/* A partner port on a loop of its own, with a link to beta.example, and control played by the test;
 * and gateways that dial it over TLS. All in one thread: whoever waits turns the loop. */
#ifndef TESTS_UNIT_FEDERATION_PORT_KIT_H
#define TESTS_UNIT_FEDERATION_PORT_KIT_H

#include "../auth/ca_kit.h"
#include "conf/memory.h"
#include "federation/port.h"
#include "federation/signature.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#define KIT_LINK  "01jd0000000000000000000000"
#define KIT_OTHER "01jd0000000000000000000001"
#define KIT_OLD   "01jc0000000000000000000000"
#define KIT_US    "alpha.example"
#define KIT_BETA  "beta.example"

enum { KIT_EPOCH = 3, KIT_TURNS = 20000, KIT_BODIES_MAX = 3 * 1024 * 1024 };

/* What control was told last, copied. */
struct kit_taken {
    unsigned count, canceled, skews;
    int64_t skew_ms;
    char method[8], path[64];
    enum wire_message kind;
    struct text body;
    char link[ULID_SIZE];
    struct peer_identity who;
    bool has_signed, has_leaf;
    struct wire_signed is;
    uint8_t exporter[32];
    int others;
};

struct link_call {
    link_done_cb on_done;
    void *arg;
};

struct kit {
    struct link_limits limits; /* of the link with beta */
    struct loop *loop;
    struct server *server;
    struct port *port;
    const struct peers *view;
    struct kit_org us, beta;
    SSL_CTX *server_tls;
    uint64_t generation, number;
    enum link_state state; /* of the link with beta in the next view */
    bool has_old_link;     /* in it: another one with beta, of a lower id, that is over */
    bool has_invitations, has_no_link, is_busy, answers_later;
    struct kit_taken taken;
    struct link_call *waiting; /* with answers_later */
    char audit_folder[64];
    struct audit *audit;
    struct sockaddr_in address;
    struct transfers *transfers; /* of the port; NULL: none */
};

static struct kit *kit_current; /* control is reached without an argument of the test's */
static uint64_t kit_wall_ms;

static inline uint64_t kit_now_ms(void)
{
    return kit_wall_ms;
}

/* ---- control */

static inline void kit_answer(struct kit *kit, int status, const char *body)
{
    struct link_call *call = kit->waiting;
    struct link_outcome outcome = {
        .status = status, .body = slice_of(body), .headers = SLICE("Causeway-Signed: ours\r\n")};

    assert_non_null(call);
    kit->waiting = NULL;
    call->on_done(call->arg, &outcome);
    free(call);
}

static inline void kit_note(struct kit_taken *taken, const struct link_inbound *inbound)
{
    taken->count++;
    snprintf(taken->method, sizeof(taken->method), "%s", inbound->method);
    snprintf(taken->path, sizeof(taken->path), "%s", inbound->path);
    taken->kind = inbound->kind;
    text_clear(&taken->body);
    text_put_slice(&taken->body, inbound->body);
    memcpy(taken->link, inbound->link, sizeof(taken->link));
    taken->who = inbound->who;
    taken->has_signed = inbound->has_signed;
    taken->has_leaf = inbound->leaf != NULL;
    taken->others = inbound->others != NULL ? sk_X509_num(inbound->others) : 0;
    taken->is = inbound->is;
    memcpy(taken->exporter, inbound->exporter, sizeof(taken->exporter));
}

struct kit_later {
    struct message message;
};

static inline void kit_deliver(struct message *message, void *receiver)
{
    free(CONTAINER_OF(message, struct kit_later, message));
    if (kit_current->waiting != NULL && !kit_current->answers_later)
        kit_answer(kit_current, 200, "{}");
}

static inline bool kit_take(struct links *links, struct loop *loop, struct link_call **call,
                            const struct link_inbound *inbound, link_done_cb on_done, void *arg,
                            struct error *err)
{
    struct kit_later *later;

    if (kit_current->is_busy)
        return error_set(err, ERROR_LIMIT, "too many requests wait");
    kit_note(&kit_current->taken, inbound);
    assert_null(kit_current->waiting);
    *call = kit_current->waiting = memory_alloc(sizeof(**call));
    **call = (struct link_call){on_done, arg};
    later = memory_alloc(sizeof(*later));
    later->message.deliver = kit_deliver;
    loop_post(loop, &later->message);
    return true;
}

static inline void kit_cancel(struct link_call **call)
{
    assert_ptr_equal(*call, kit_current->waiting);
    kit_current->waiting = NULL;
    kit_current->taken.canceled++;
    free(*call);
    *call = NULL;
}

static inline void kit_tell_skew(struct links *links, const char link[ULID_SIZE], int64_t skew_ms)
{
    assert_string_equal(link, KIT_LINK);
    kit_current->taken.skews++;
    kit_current->taken.skew_ms = skew_ms;
}

/* ---- views */

static inline void kit_add_peer(struct kit *kit, struct peers *peers, const char *link,
                                enum link_state state)
{
    struct roots made = kit_roots(&kit->beta, 1), roots = kit_sign(&made, &kit->beta.root, NULL);
    struct error err = {0};
    struct peer *peer = peers_peer_create(text_slice(&roots.bytes), &err);
    const struct peer *added = peer;

    assert_non_null(peer);
    memcpy(peer->link, link, sizeof(peer->link));
    strcpy(peer->partner, "beta");
    peer->epoch = KIT_EPOCH;
    peer->state = state;
    peer->generation = kit->generation;
    peer->limits = kit->limits;
    memcpy(peer->root, kit->beta.root.signer.hash, sizeof(peer->root));
    peers_add(peers, peer);
    peers_peer_unref(&added);
    roots_dispose(&roots);
}

static inline const struct peers *kit_view(struct kit *kit)
{
    struct peers *peers = peers_create();

    peers->number = ++kit->number;
    peers->us = kit_id(KIT_US, "main");
    peers->server_tls = kit->server_tls;
    SSL_CTX_up_ref(peers->server_tls);
    peers->signing_key = kit->us.signing_key;
    EVP_PKEY_up_ref(peers->signing_key);
    peers->has_invitations = kit->has_invitations;
    if (!kit->has_no_link)
        kit_add_peer(kit, peers, KIT_LINK, kit->state);
    if (kit->has_old_link)
        kit_add_peer(kit, peers, KIT_OLD, LINK_REVOKED);
    peers_seal(peers);
    return peers;
}

static inline void kit_publish(struct kit *kit)
{
    const struct peers *peers = kit_view(kit);

    server_reload(kit->server, port_make_settings(kit->server, peers, kit->port));
    peers_unref(&peers);
}

/* ---- the port */

static inline int kit_listen(struct kit *kit)
{
    socklen_t size = sizeof(kit->address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    kit->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)&kit->address, sizeof(kit->address)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&kit->address, &size), 0);
    return fd;
}

static inline void kit_start(struct kit *kit)
{
    struct server_options options = {.loop = kit->loop, .max_connections = 100};
    struct audit_settings audit = {0};
    char path[96];
    struct error err = {0};
    struct port_settings settings = {.transfers = kit->transfers,
                                     .take = kit_take,
                                     .cancel = kit_cancel,
                                     .tell_skew = kit_tell_skew,
                                     .now_ms = kit_now_ms,
                                     .bodies_max = KIT_BODIES_MAX};

    snprintf(kit->audit_folder, sizeof(kit->audit_folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(kit->audit_folder));
    snprintf(path, sizeof(path), "%s/audit.log", kit->audit_folder);
    audit.path = path;
    if (!audit_open(&kit->audit, &audit, NULL, &err))
        fail_msg("%s", err.text);
    settings.audit = audit_writer_create(kit->audit);
    kit->port = port_create(&settings);
    kit->server = server_create(&options, NULL);
    kit_publish(kit);
    server_listen(kit->server, kit_listen(kit));
}

/* prepare: before the port is there; NULL: nothing. */
static inline int kit_setup_with(void **state, void (*prepare)(struct kit *kit))
{
    struct kit *kit = memory_alloc(sizeof(*kit));
    struct tls_identity identity;
    struct error err = {0};

    *state = kit_current = kit;
    signal(SIGPIPE, SIG_IGN);
    kit_wall_ms = (uint64_t)KIT_NOW * 1000;
    kit->loop = loop_create(kit);
    kit->us = kit_org_create(KIT_US);
    kit->beta = kit_org_create(KIT_BETA);
    kit->state = LINK_ACTIVE;
    kit->generation = 1;
    identity = (struct tls_identity){.leaf = kit->us.leaf, .key = kit->us.leaf_key};
    identity.chain = sk_X509_new_null();
    sk_X509_push(identity.chain, kit->us.issuer);
    kit->server_tls = tls_peer_server_create(&identity, "causeway/1", &err);
    sk_X509_free(identity.chain);
    if (kit->server_tls == NULL)
        fail_msg("%s", err.text);
    if (prepare != NULL)
        prepare(kit);
    kit_start(kit);
    return 0;
}

static inline int kit_setup(void **state)
{
    return kit_setup_with(state, NULL);
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;
    char path[96];

    server_destroy(&kit->server);
    assert_null(kit->waiting);
    port_destroy(&kit->port);
    loop_turn(kit->loop, 0);
    loop_destroy(&kit->loop);
    audit_close(&kit->audit);
    snprintf(path, sizeof(path), "%s/audit.log", kit->audit_folder);
    unlink(path);
    rmdir(kit->audit_folder);
    kit_org_dispose(&kit->us);
    kit_org_dispose(&kit->beta);
    SSL_CTX_free(kit->server_tls);
    text_dispose(&kit->taken.body);
    free(kit);
    return 0;
}

#define KIT_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

/* ---- who dials it */

struct client {
    struct kit *kit;
    int fd;
    SSL *ssl;
    bool is_ended;
    struct text got;
};

static inline int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **newest = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    SSL_SESSION_free(*newest);
    *newest = session;
    return 1;
}

/* newest: gets the sessions to resume; NULL: nobody wants any. */
static inline SSL_CTX *client_context(X509 *leaf, EVP_PKEY *key, X509 *issuer, SSL_SESSION **newest)
{
    static const unsigned char alpn[] = "\x0a"
                                        "causeway/1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn) - 1);
    if (leaf != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(context, leaf), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    }
    if (issuer != NULL)
        SSL_CTX_add1_chain_cert(context, issuer);
    if (newest != NULL) {
        SSL_CTX_set_app_data(context, newest);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    }
    return context;
}

static inline struct client client_dial(struct kit *kit)
{
    struct client client = {.kit = kit};

    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&kit->address, sizeof(kit->address)), 0);
    fcntl(client.fd, F_SETFL, O_NONBLOCK);
    return client;
}

/* False: the handshake fails. A server that does not want us may say so after it. */
static inline bool client_shake(struct client *client, SSL_CTX *context, SSL_SESSION *session)
{
    int result = 0;

    client->ssl = SSL_new(context);
    SSL_set_fd(client->ssl, client->fd);
    if (session != NULL)
        SSL_set_session(client->ssl, session);
    for (int turn = 0; turn < KIT_TURNS; turn++) {
        int why;

        result = SSL_connect(client->ssl);
        if (result == 1)
            return true;
        why = SSL_get_error(client->ssl, result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return false;
        loop_turn(client->kit->loop, 1);
    }
    fail_msg("the handshake hangs");
    return false;
}

/* A gateway of the organization, with its own certificates. */
static inline struct client client_of(struct kit *kit, const struct kit_org *org)
{
    SSL_CTX *context = client_context(org->leaf, org->leaf_key, org->issuer, NULL);
    struct client client = client_dial(kit);

    assert_true(client_shake(&client, context, NULL));
    SSL_CTX_free(context);
    return client;
}

static inline void client_send(struct client *client, const char *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        int result = SSL_write(client->ssl, bytes + sent, (int)(size - sent));

        if (result > 0)
            sent += (size_t)result;
        else
            loop_turn(client->kit->loop, 1);
    }
}

static inline void client_send_text(struct client *client, const struct text *text)
{
    client_send(client, text->data, text->size);
}

/* Reads what is there; false: nothing is. */
static inline bool client_read(struct client *client)
{
    char bytes[4096];
    int result = SSL_read(client->ssl, bytes, sizeof(bytes));
    int why = SSL_get_error(client->ssl, result);

    if (result > 0)
        text_put(&client->got, bytes, (size_t)result);
    else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        client->is_ended = true;
    ERR_clear_error();
    return result > 0;
}

static inline bool client_has_reply(const struct client *client)
{
    const char *end = client->got.size > 0 ? strstr(client->got.data, "\r\n\r\n") : NULL;
    const char *length = end != NULL ? strstr(client->got.data, "Content-Length: ") : NULL;

    return length != NULL && client->got.size >= (size_t)(end + 4 - client->got.data) +
                                                     strtoul(length + 16, NULL, 10);
}

/* The status; what came stands in client->got. 0: the connection ended before a reply. */
static inline int client_reply(struct client *client)
{
    text_clear(&client->got);
    for (int turn = 0; turn < KIT_TURNS && !client->is_ended && !client_has_reply(client); turn++)
        if (!client_read(client))
            loop_turn(client->kit->loop, 1);
    if (!client_has_reply(client))
        return 0;
    return (int)strtol(client->got.data + 9, NULL, 10);
}

static inline void client_await_end(struct client *client)
{
    for (int turn = 0; turn < KIT_TURNS && !client->is_ended; turn++)
        if (!client_read(client))
            loop_turn(client->kit->loop, 1);
    assert_true(client->is_ended);
}

static inline void client_close(struct client *client)
{
    if (client->ssl != NULL) /* without a farewell its session would be forgotten */
        SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client->ssl);
    close(client->fd);
    text_dispose(&client->got);
    for (int turn = 0; turn < 10; turn++)
        loop_turn(client->kit->loop, 1);
}

/* ---- requests */

struct asked {
    const char *method, *path, *body;
    const struct kit_org *signer; /* NULL: not signed */
    struct wire_signed is;
};

#define KIT_UNSIGNED ((struct wire_signed){.epoch = 0})

/* A heartbeat as it should be; body is not looked at by the port. */
static inline struct asked kit_heartbeat(const struct kit *kit)
{
    struct asked asked = {"POST", "/link/v1/heartbeat", "{\"v\":1}", &kit->beta, KIT_UNSIGNED};

    memcpy(asked.is.link, KIT_LINK, sizeof(asked.is.link));
    asked.is.epoch = KIT_EPOCH;
    strcpy(asked.is.node, "north");
    asked.is.sequence = 77;
    asked.is.date_ms = kit_wall_ms;
    return asked;
}

static inline void put_signature(struct asked *asked, struct text *out)
{
    struct signature_of of = {slice_of(asked->method), slice_of(asked->path),
                              slice_of(asked->body)};

    if (asked->signer == NULL)
        return;
    signature_make(asked->signer->signing_key, &asked->is, &of);
    text_put_text(out, "Causeway-Signed: ");
    wire_signed_print(&asked->is, out);
    text_put_text(out, "\r\n");
}

static inline int client_ask(struct client *client, struct asked *asked)
{
    struct text out = {0};
    int status;

    text_put_format(&out, "%s %s HTTP/1.1\r\nHost: " KIT_US "\r\n", asked->method, asked->path);
    put_signature(asked, &out);
    if (strcmp(asked->method, "POST") == 0)
        text_put_format(&out, "Content-Length: %zu\r\n\r\n%s", strlen(asked->body), asked->body);
    else
        text_put_text(&out, "\r\n");
    client_send_text(client, &out);
    text_dispose(&out);
    status = client_reply(client);
    return status;
}

static inline void assert_says(const struct client *client, const char *text)
{
    if (client->got.size == 0 || strstr(client->got.data, text) == NULL)
        fail_msg("'%s' is not in: %s", text, client->got.size > 0 ? client->got.data : "");
}

#endif
