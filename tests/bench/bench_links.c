// SPDX-License-Identifier: Apache-2.0
/* A link's connections without a gateway around them: a server and a client with http/'s TLS
 * between peers and auth/'s verification, to be measured beside OpenSSL's own tools.
 *
 *   bench_links identities FOLDER                        makes server.* and client.* there
 *   bench_links serve FOLDER                             prints its port; until it is ended
 *   bench_links handshakes FOLDER PORT full|resumed S    one connection after the other, each with
 *                                                        one small request, for S seconds
 *   bench_links download FOLDER PORT PATH BYTES          one large reply
 *
 * The last two print one JSON object. */
#include "auth/peer.h"
#include "conf/memory.h"
#include "http/fetch.h"
#include "http/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALPN "causeway/1"
#define BLOB "01arz3ndektsv4rrffq69g5fav 1 main 0123456789abcdef" /* as long as a link's */

enum { TICKET_S = 86400, SERIAL_FIRST = 7, PIECE = 64 * 1024 };

static void give_up(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_links: %s%s%s\n", what, err != NULL ? ": " : "",
            err != NULL ? err->text : "");
    exit(1);
}

/* ---- identities */

static void write_file(const char *folder, const char *name, const char *end,
                       const struct text *content)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, end);
    file = fopen(path, "w");
    if (file == NULL || fwrite(content->data, 1, content->size, file) != content->size ||
        fclose(file) != 0)
        give_up(path, NULL);
}

static void write_certificates(const char *folder, const char *name, const char *end, X509 *first,
                               X509 *second)
{
    struct text pem = {0};

    ca_put_pem(first, &pem);
    if (second != NULL)
        ca_put_pem(second, &pem);
    write_file(folder, name, end, &pem);
    text_dispose(&pem);
}

static void make_identity(const char *folder, const char *name)
{
    EVP_PKEY *root_key = key_create(KEY_P256), *issuer_key = key_create(KEY_P256),
             *leaf_key = key_create(KEY_P256);
    struct gateway_id id = {.node = "main"};
    uint8_t serial[CA_SERIAL_SIZE] = {SERIAL_FIRST};
    struct ca_terms terms = ca_terms_at(time(NULL), CA_LEAF_S, INT64_MAX, serial);
    X509 *root, *issuer, *leaf;
    struct text pem = {0};

    snprintf(id.org, sizeof(id.org), "%s.example", name);
    root = ca_make_root(id.org, root_key, &terms);
    issuer = ca_make_issuer(id.org, issuer_key, &terms, root, root_key);
    leaf = ca_make_leaf(&id, leaf_key, &terms, issuer, issuer_key);
    write_certificates(folder, name, "leaf", leaf, NULL);
    write_certificates(folder, name, "issuer", issuer, NULL);
    write_certificates(folder, name, "root", root, NULL);
    write_certificates(folder, name, "authorities", issuer, root); /* for OpenSSL's tools */
    key_write(leaf_key, (struct slice){0}, &pem);
    write_file(folder, name, "key", &pem);
    text_dispose(&pem);
    X509_free(root);
    X509_free(issuer);
    X509_free(leaf);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(leaf_key);
}

static struct text read_file(const char *folder, const char *name, const char *end)
{
    struct text content = {0};
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, end);
    file = fopen(path, "r");
    if (file == NULL)
        give_up(path, NULL);
    content.size = fread(text_reserve(&content, 16384), 1, 16384, file);
    fclose(file);
    return content;
}

static X509 *read_certificate(const char *folder, const char *name, const char *end)
{
    struct text pem = read_file(folder, name, end);
    struct error err = {0};
    X509 *certificate;
    size_t count;

    if (!ca_read_pem(text_slice(&pem), &certificate, 1, &count, &err))
        give_up(end, &err);
    text_dispose(&pem);
    return certificate;
}

static struct peer_trust *read_trust(const char *folder, const char *name)
{
    X509 *root = read_certificate(folder, name, "root");
    struct roots roots = {.root_count = 1};
    struct peer_trust *trust;
    struct text der = {0};

    snprintf(roots.org, sizeof(roots.org), "%s.example", name);
    ca_put_der(root, &der);
    roots_set(&roots.roots[0], text_slice(&der));
    trust = peer_trust_create(&roots);
    text_dispose(&der);
    X509_free(root);
    return trust;
}

static SSL_CTX *read_context(const char *folder, const char *name, bool is_server)
{
    struct tls_identity identity = {.leaf = read_certificate(folder, name, "leaf"),
                                    .chain = sk_X509_new_null()};
    struct text pem = read_file(folder, name, "key");
    struct error err = {0};
    SSL_CTX *context = NULL;

    sk_X509_push(identity.chain, read_certificate(folder, name, "issuer"));
    identity.key = key_read(text_slice(&pem), (struct slice){0}, &err);
    if (identity.key != NULL)
        context = is_server ? tls_peer_server_create(&identity, ALPN, &err)
                            : tls_peer_client_create(&identity, ALPN, &err);
    if (context == NULL)
        give_up(name, &err);
    text_dispose(&pem);
    X509_free(identity.leaf);
    sk_X509_pop_free(identity.chain, X509_free);
    EVP_PKEY_free(identity.key);
    return context;
}

static bool is_peer(const struct peer_trust *trust, X509 *leaf, STACK_OF(X509) * others,
                    enum peer_side side, struct error *err)
{
    struct peer_question question = {
        .leaf = leaf, .others = others, .side = side, .now_s = time(NULL)};
    struct peer_identity identity;

    return peer_verify(trust, &question, &identity, err) == PEER_ACCEPTED;
}

/* ---- the server */

static enum produce_result produce(void *left_, struct text *out)
{
    static const char piece[PIECE];
    uint64_t *left = left_;

    text_put(out, piece, *left < PIECE ? (size_t)*left : PIECE);
    *left -= *left < PIECE ? *left : PIECE;
    return *left > 0 ? PRODUCE_MORE : PRODUCE_END;
}

static void on_request(struct exchange *exchange, void *trust)
{
    bool is_known = exchange_ticket_blob(exchange).size > 0 ||
                    is_peer(trust, exchange_peer_certificate(exchange),
                            exchange_peer_chain(exchange), PEER_IS_CLIENT, NULL);
    struct slice target = exchange_request(exchange)->target;
    uint64_t *left;

    if (!is_known) {
        exchange_refuse(exchange, 403, CLOSE_REFUSED, "a stranger");
        return;
    }
    exchange_vouch(exchange);
    exchange_offer_ticket(exchange, SLICE(BLOB), TICKET_S);
    if (slice_is(target, "/small")) {
        exchange_answer(
            exchange,
            &(struct answer){.status = 200, .content_type = "text/plain", .body = SLICE("ok\n")});
        return;
    }
    left = memory_alloc(sizeof(*left)); /* /large-BYTES */
    *exchange_context(exchange) = left;
    *left = strtoull((const char *)target.data + strlen("/large-"), NULL, 10);
    exchange_produce(exchange, &(struct produced){.status = 200,
                                                  .content_type = "application/octet-stream",
                                                  .has_length = true,
                                                  .length = *left,
                                                  .produce = produce,
                                                  .arg = left});
}

static void on_end(struct exchange *exchange, void *trust)
{
    free(*exchange_context(exchange));
}

static bool is_ticket_good(void *trust, struct slice blob)
{
    return slice_is(blob, BLOB);
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    text_put_slice(body, slice_of(message));
    return "text/plain";
}

static void dispose_settings(struct server_settings *settings)
{
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        give_up("listening", NULL);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void serve(const char *folder)
{
    static const struct http_handler handler = {.on_request = on_request,
                                                .on_end = on_end,
                                                .is_ticket_good = is_ticket_good,
                                                .put_error = put_error};
    struct loop *loop = loop_create(NULL);
    struct server_settings settings = {
        .references = 1,
        .limits = {.head_size = 16384,
                   .head_timeout_ms = 5000,
                   .handshake_timeout_ms = 5000,
                   .idle_timeout_ms = 60000,
                   .body_idle_timeout_ms = 60000},
        .handler = &handler,
        .app = read_trust(folder, "client"),
        .tls = read_context(folder, "server", true),
        .dispose = dispose_settings,
    };
    struct server_options options = {.loop = loop,
                                     .max_connections = 1000,
                                     .large_block_budget = 8 << 20,
                                     .strangers = {.at_once = 256},
                                     .no_access_log = true};
    struct server *server = server_create(&options, &settings);

    server_listen(server, listen_on_loopback());
    for (;;)
        loop_turn(loop, 1000);
}

/* ---- the client */

struct client {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct pool *pool;
    struct peer_trust *trust;
    uint64_t resumed, bytes;
    bool is_done;
};

static bool verify(void *client_, SSL *ssl, struct error *err)
{
    struct client *client = client_;

    client->resumed += SSL_session_reused(ssl) == 1;
    return is_peer(client->trust, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl),
                   PEER_IS_SERVER, err);
}

static void client_init(struct client *client, const char *folder, const char *port)
{
    struct pool_settings settings = {
        .tls = {.context = read_context(folder, "client", false), .verify = verify, .arg = client},
        .connect_timeout_ms = 10000,
        .idle_timeout_ms = 10000,
    };
    char address[64];

    *client = (struct client){.loop = loop_create(NULL),
                              .blocks = block_store_create(8 << 20),
                              .pipes = pipe_store_create(),
                              .trust = read_trust(folder, "server")};
    snprintf(address, sizeof(address), "127.0.0.1:%s", port);
    if (!address_parse(&settings.address, slice_of(address), NULL))
        give_up("no such port", NULL);
    client->pool = pool_create(client->loop, client->blocks, &settings);
    SSL_CTX_free(settings.tls.context);
}

static void client_dispose(struct client *client)
{
    pool_destroy(&client->pool);
    pipe_store_destroy(&client->pipes);
    block_store_destroy(&client->blocks);
    peer_trust_destroy(&client->trust);
    loop_destroy(&client->loop);
}

static void on_content(void *client_, struct slice content)
{
    struct client *client = client_;

    client->bytes += content.size;
}

static void on_done(void *client_, const struct fetch_reply *reply, const struct error *err)
{
    struct client *client = client_;

    if (reply == NULL || reply->status != 200)
        give_up("the request failed", err);
    client->is_done = true;
}

static void get(struct client *client, const char *path)
{
    struct error err = {0};
    struct fetch *fetch;
    char head[256];
    struct fetch_request request = {
        .loop = client->loop,
        .pool = client->pool,
        .pipes = client->pipes,
        .timeout_ms = 120000,
        .on_content = on_content,
    };

    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n", path);
    request.head = slice_of(head);
    client->is_done = false;
    if (!fetch_start(&fetch, &request, on_done, client, &err))
        give_up("the request cannot start", &err);
    while (!client->is_done)
        loop_turn(client->loop, 1000);
}

static void measure_handshakes(const char *folder, const char *port, bool resumes, double seconds)
{
    struct client client;
    uint64_t begin, count = 0, until;

    client_init(&client, folder, port);
    get(&client, "/small");
    client.resumed = 0;
    begin = clock_us();
    for (until = begin + (uint64_t)(seconds * 1e6); clock_us() < until; count++) {
        if (!resumes)
            pool_clear(client.pool);
        get(&client, "/small");
    }
    printf("{\"count\": %" PRIu64 ", \"resumed\": %" PRIu64 ", \"seconds\": %.6f}\n", count,
           client.resumed, (double)(clock_us() - begin) / 1e6);
    client_dispose(&client);
}

static void measure_download(const char *folder, const char *port, const char *path, uint64_t size)
{
    struct client client;
    uint64_t begin;

    client_init(&client, folder, port);
    begin = clock_us();
    get(&client, path);
    if (client.bytes != size)
        give_up("the reply has another length", NULL);
    printf("{\"bytes\": %" PRIu64 ", \"seconds\": %.6f}\n", client.bytes,
           (double)(clock_us() - begin) / 1e6);
    client_dispose(&client);
}

int main(int count, char **words)
{
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && strcmp(words[1], "identities") == 0) {
        make_identity(words[2], "server");
        make_identity(words[2], "client");
    } else if (count == 3 && strcmp(words[1], "serve") == 0) {
        serve(words[2]);
    } else if (count == 6 && strcmp(words[1], "handshakes") == 0) {
        measure_handshakes(words[2], words[3], strcmp(words[4], "resumed") == 0, atof(words[5]));
    } else if (count == 6 && strcmp(words[1], "download") == 0) {
        measure_download(words[2], words[3], words[4], strtoull(words[5], NULL, 10));
    } else {
        fprintf(stderr, "see the head of bench_links.c\n");
        return 2;
    }
    return 0;
}
