// SPDX-License-Identifier: Apache-2.0
/* hold PORT COUNT idle|fresh|stalled|deaf [CA.crt]: opens COUNT connections, brings each into that
 * state, prints "ready" and holds them until its standard input ends.
 *   fresh    connected (and through the TLS handshake), nothing sent
 *   idle     one exchange done, waiting for the next
 *   stalled  an upload of 1 GiB begun, a part of it sent, then silence
 *   deaf     an upload whose upstream does not read, sent until nothing more is taken
 * With an authority's certificate it speaks TLS. */
#include "net.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, STALLED_PART = 256 * 1024, DEAF_PART = 4 * 1024 * 1024 };

struct link {
    int fd;
    SSL *ssl; /* NULL: plain */
};

#define FORM "Content-Type: multipart/form-data; boundary=rig\r\n"

static const char exchange[] = "POST /api/v0/version HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                               "Content-Length: 0\r\n\r\n";
static const char upload[] = "POST /api/v0/add?pin=false HTTP/1.1\r\nHost: 127.0.0.1\r\n" FORM
                             "Content-Length: 1073741824\r\n\r\n";
static const char deaf[] =
    "POST /api/v0/add?chunker=size-65537&pin=false HTTP/1.1\r\nHost: 127.0.0.1\r\n" FORM
    "Content-Length: 1073741824\r\n\r\n";

static int link_send(struct link *link, const char *bytes, size_t size)
{
    if (link->ssl != NULL)
        return SSL_write(link->ssl, bytes, (int)size);
    return (int)send(link->fd, bytes, size, MSG_NOSIGNAL);
}

static int link_receive(struct link *link, char *bytes, size_t size)
{
    if (link->ssl != NULL)
        return SSL_read(link->ssl, bytes, (int)size);
    return (int)recv(link->fd, bytes, size, 0);
}

static void open_link(struct link *link, uint16_t port, SSL_CTX *tls)
{
    link->fd = net_connect(port);
    if (tls == NULL)
        return;
    link->ssl = SSL_new(tls);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1 || SSL_connect(link->ssl) != 1)
        net_fail("TLS handshake");
}

static void send_text(struct link *link, const char *text)
{
    if (link_send(link, text, strlen(text)) != (int)strlen(text))
        net_fail("send");
}

/* The reply fits one packet, so one read is the whole of it. */
static void do_exchange(struct link *link)
{
    char reply[4096];

    send_text(link, exchange);
    if (link_receive(link, reply, sizeof(reply)) < 12 || strncmp(reply + 9, "200", 3) != 0)
        net_fail("the exchange was not answered with 200");
}

/* Stops where the peer takes no more for 20 ms: from there on it is its stall, not ours. */
static void send_body(struct link *link, size_t bytes)
{
    static const char piece[PIECE];
    struct timeval patience = {.tv_usec = 20000};

    setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    for (size_t sent = 0; sent < bytes;) {
        int size = link_send(link, piece, sizeof(piece));
        if (size <= 0)
            return;
        sent += (size_t)size;
    }
}

static void bring(struct link *link, const char *state)
{
    if (strcmp(state, "idle") == 0) {
        do_exchange(link);
    } else if (strcmp(state, "stalled") == 0) {
        send_text(link, upload);
        send_body(link, STALLED_PART);
    } else if (strcmp(state, "deaf") == 0) {
        send_text(link, deaf);
        send_body(link, DEAF_PART);
    }
}

static SSL_CTX *trust(const char *authority)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL || SSL_CTX_load_verify_locations(tls, authority, NULL) != 1)
        net_fail("%s", authority);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

int main(int argc, char **argv)
{
    char byte;

    if (argc < 4) {
        fputs("usage: hold PORT COUNT idle|fresh|stalled|deaf [CA.crt]\n", stderr);
        return 2;
    }
    uint16_t port = (uint16_t)net_number(argv[1], "PORT", 1, UINT16_MAX);
    size_t count = net_number(argv[2], "COUNT", 1, 100000);
    struct link *links = calloc(count, sizeof(*links));
    SSL_CTX *tls = argc > 4 ? trust(argv[4]) : NULL;
    if (links == NULL)
        net_fail("memory");
    signal(SIGPIPE, SIG_IGN);
    net_raise_descriptors();
    for (size_t i = 0; i < count; i++) {
        open_link(&links[i], port, tls);
        bring(&links[i], argv[3]);
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    free(links);
    return 0;
}
