// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000, PATTERN_PERIOD = 65521 };

/* Not the test's clock: how long to be patient is a matter of the machine's. */
static uint64_t real_ms(void)
{
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void turn_for(struct loop *loop, unsigned int ms)
{
    uint64_t end = real_ms() + ms;

    /* so many turns too: a busy machine may need them to deliver what was sent */
    for (unsigned int turns = 0; turns <= ms || real_ms() < end; turns++)
        loop_turn(loop, 1);
}

void peer_init(struct peer *peer, struct loop *loop, int fd)
{
    *peer = (struct peer){.loop = loop, .fd = fd};
}

void peer_close(struct peer *peer)
{
    if (peer->ssl != NULL)
        SSL_free(peer->ssl);
    peer->ssl = NULL;
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

void peer_dispose(struct peer *peer)
{
    peer_close(peer);
    text_dispose(&peer->got);
}

void peer_finish(struct peer *peer)
{
    if (peer->ssl != NULL)
        SSL_shutdown(peer->ssl);
    shutdown(peer->fd, SHUT_WR);
}

void peer_reset(struct peer *peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_close(peer);
}

void peer_start_tls(struct peer *peer, SSL_CTX *context)
{
    uint64_t end = real_ms() + PATIENCE_MS;
    int result;

    peer->ssl = SSL_new(context);
    SSL_set_fd(peer->ssl, peer->fd);
    while ((result = SSL_connect(peer->ssl)) != 1) {
        int why = SSL_get_error(peer->ssl, result);

        if ((why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) || real_ms() > end)
            fail_msg("the handshake failed: %d", why);
        loop_turn(peer->loop, 1);
    }
}

/* ---- writing */

static ssize_t write_some(struct peer *peer, const void *bytes, size_t size)
{
    size_t put = 0;

    if (peer->ssl == NULL)
        return send(peer->fd, bytes, size, MSG_NOSIGNAL);
    if (SSL_write_ex(peer->ssl, bytes, size, &put) == 1)
        return (ssize_t)put;
    errno = SSL_get_error(peer->ssl, 0) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return -1;
}

size_t peer_push(struct peer *peer, const void *bytes, size_t size)
{
    size_t sent = 0;

    while (sent < size) {
        ssize_t put = write_some(peer, (const char *)bytes + sent, size - sent);

        if (put < 0)
            break;
        sent += (size_t)put;
    }
    return sent;
}

void peer_send_bytes(struct peer *peer, const void *bytes, size_t size)
{
    uint64_t end = real_ms() + PATIENCE_MS;
    size_t sent = 0;

    while (sent < size) {
        size_t put = peer_push(peer, (const char *)bytes + sent, size - sent);

        sent += put;
        if (put > 0)
            end = real_ms() + PATIENCE_MS;
        else if (errno != EAGAIN || real_ms() > end)
            fail_msg("%zu of %zu bytes could be sent: %s", sent, size, strerror(errno));
        if (sent < size)
            loop_turn(peer->loop, put > 0 ? 0 : 1);
    }
}

void peer_send(struct peer *peer, const char *text)
{
    peer_send_bytes(peer, text, strlen(text));
}

static void put_pattern(char *bytes, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((from + i) % PATTERN_PERIOD * 31 >> 3);
}

void peer_send_pattern(struct peer *peer, uint64_t from, uint64_t size)
{
    static char bytes[65536];

    while (size > 0) {
        size_t part = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

        put_pattern(bytes, from, part);
        peer_send_bytes(peer, bytes, part);
        from += part;
        size -= part;
    }
}

/* ---- reading */

static ssize_t read_some(struct peer *peer, void *bytes, size_t size)
{
    size_t got = 0;

    if (peer->ssl == NULL)
        return recv(peer->fd, bytes, size, 0);
    if (SSL_read_ex(peer->ssl, bytes, size, &got) == 1)
        return (ssize_t)got;
    switch (SSL_get_error(peer->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        errno = ECONNRESET;
        return -1;
    }
}

void peer_read(struct peer *peer)
{
    char bytes[65536];
    ssize_t got;

    while (peer->fd >= 0 && !peer->is_ended && !peer->is_reset) {
        got = read_some(peer, bytes, sizeof(bytes));
        if (got > 0)
            text_put(&peer->got, bytes, (size_t)got);
        else if (got == 0)
            peer->is_ended = true;
        else if (errno == EAGAIN)
            return;
        else
            peer->is_reset = true;
    }
}

static size_t unseen(const struct peer *peer)
{
    return peer->got.size - peer->seen;
}

/* Takes X-Request-Id lines out of what was not expected yet: no test can know them. */
static void drop_ids(struct peer *peer)
{
    static const char name[] = "X-Request-Id: ";
    char *line;

    if (unseen(peer) == 0)
        return;
    while ((line = memmem(peer->got.data + peer->seen, unseen(peer), name, sizeof(name) - 1)) !=
           NULL) {
        char *end = memmem(line, (size_t)(peer->got.data + peer->got.size - line), "\r\n", 2);

        if (end == NULL)
            return;
        memmove(line, end + 2, (size_t)(peer->got.data + peer->got.size - end - 2));
        peer->got.size -= (size_t)(end + 2 - line);
    }
}

/* Turns the loop once; false: patience is over, or nothing more can come. */
static bool wait_for_more(struct peer *peer, uint64_t *end)
{
    size_t before = peer->got.size;

    if (peer->is_ended || peer->is_reset || real_ms() > *end)
        return false;
    for (int wait_ms = 0; wait_ms < 2 && peer->got.size == before; wait_ms++) {
        loop_turn(peer->loop, wait_ms);
        peer_read(peer);
    }
    if (peer->got.size > before)
        *end = real_ms() + PATIENCE_MS;
    return true;
}

static const char *ending_of(const struct peer *peer)
{
    return peer->is_ended ? " and the end" : peer->is_reset ? " and a reset" : "";
}

void peer_expect(struct peer *peer, const char *text)
{
    size_t size = strlen(text);
    uint64_t end = real_ms() + PATIENCE_MS;

    peer_read(peer);
    for (drop_ids(peer); unseen(peer) < size && wait_for_more(peer, &end); drop_ids(peer))
        ;
    if (unseen(peer) < size || memcmp(peer->got.data + peer->seen, text, size) != 0)
        fail_msg("expected:\n%s\ngot:\n%.*s%s", text, (int)unseen(peer),
                 peer->got.data == NULL ? "" : peer->got.data + peer->seen, ending_of(peer));
    peer->seen += size;
}

void peer_await(struct peer *peer, const char *text)
{
    uint64_t end = real_ms() + PATIENCE_MS;
    const char *found;

    peer_read(peer);
    while ((found = unseen(peer) == 0 ? NULL
                                      : memmem(peer->got.data + peer->seen, unseen(peer), text,
                                               strlen(text))) == NULL)
        if (!wait_for_more(peer, &end))
            fail_msg("waited for:\n%s\ngot:\n%.*s%s", text, (int)unseen(peer),
                     peer->got.data == NULL ? "" : peer->got.data + peer->seen, ending_of(peer));
    peer->seen = (size_t)(found - peer->got.data) + strlen(text);
}

void peer_expect_pattern(struct peer *peer, uint64_t from, uint64_t size)
{
    static char bytes[65536];
    uint64_t end = real_ms() + PATIENCE_MS;

    peer_read(peer);
    while (size > 0) {
        size_t part = unseen(peer);

        if (part == 0) {
            text_clear(&peer->got);
            peer->seen = 0;
            if (!wait_for_more(peer, &end))
                fail_msg("%llu bytes of a body are missing%s", (unsigned long long)size,
                         ending_of(peer));
            continue;
        }
        if (part > size)
            part = (size_t)size;
        if (part > sizeof(bytes))
            part = sizeof(bytes);
        put_pattern(bytes, from, part);
        assert_memory_equal(peer->got.data + peer->seen, bytes, part);
        peer->seen += part;
        from += part;
        size -= part;
    }
}

void peer_await_gone(struct peer *peer)
{
    uint64_t end = real_ms() + PATIENCE_MS;

    peer_read(peer);
    while (wait_for_more(peer, &end))
        ;
    if (!peer->is_ended && !peer->is_reset)
        fail_msg("the connection is still open");
}

static void expect_no_bytes(struct peer *peer)
{
    drop_ids(peer);
    if (unseen(peer) > 0)
        fail_msg("unexpected bytes:\n%.*s", (int)unseen(peer), peer->got.data + peer->seen);
}

void peer_expect_end(struct peer *peer)
{
    peer_await_gone(peer);
    expect_no_bytes(peer);
    assert_true(peer->is_ended);
}

void peer_expect_reset(struct peer *peer)
{
    peer_await_gone(peer);
    expect_no_bytes(peer);
    assert_true(peer->is_reset);
}

void peer_expect_silence(struct peer *peer, unsigned int ms)
{
    turn_for(peer->loop, ms);
    peer_read(peer);
    expect_no_bytes(peer);
    if (peer->is_ended || peer->is_reset)
        fail_msg("the connection was closed");
}
