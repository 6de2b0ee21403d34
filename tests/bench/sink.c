// SPDX-License-Identifier: Apache-2.0
/* sink [--workers N] [--port P]: an upstream that is faster than any relay before it. Prints its
 * port, then serves until a signal:
 *   /_stats                        what it counted so far, as JSON (ask it directly)
 *   /api/v0/cat with length=N      a body of N bytes, in one chunk if there is an offset=1
 *   chunker=size-65537             takes the head and never reads the body
 *   anything else                  reads the body, answers 83 bytes
 * It trusts its input: a relay that frames wrongly ends the connection and counts in "bad". */
#include "net.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 16 * 1024, BUFFER = 256 * 1024, EVENTS = 128, PIECES_PER_TURN = 8 };

enum phase { PHASE_HEAD, PHASE_COUNTED, PHASE_CHUNK_SIZE, PHASE_CHUNK_DATA, PHASE_TRAILERS };

struct connection {
    int fd;
    uint32_t events; /* of epoll */
    enum phase phase;
    bool stalled, chunked_reply, writing;
    uint64_t left;    /* bytes of the body or chunk (its CRLF included) */
    uint64_t to_send; /* of a big reply */
    uint64_t body;    /* bytes of this request's body */
    char target[256];
    size_t used; /* of partial */
    char partial[HEAD_MAX];
};

static struct {
    atomic_uint_fast64_t connections, open, requests, body_bytes, reads, bad;
} stats;

static const char zeros[BUFFER];

static void reply_small(struct connection *c)
{
    static const char body[] =
        "{\"Name\":\"file\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67"
        "hvA3Nn\",\"Size\":\"4\"}\n";
    char text[512];

    if (strcmp(c->target, "/_stats") == 0) {
        char json[320];
        int size = snprintf(json, sizeof(json),
                            "{\"connections\":%" PRIuFAST64 ",\"open\":%" PRIuFAST64
                            ",\"requests\":%" PRIuFAST64 ",\"body_bytes\":%" PRIuFAST64
                            ",\"reads\":%" PRIuFAST64 ",\"bad\":%" PRIuFAST64 "}\n",
                            stats.connections, stats.open, stats.requests - 1, stats.body_bytes,
                            stats.reads, stats.bad);
        size = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        size, json);
        net_write(c->fd, text, (size_t)size);
        return;
    }
    int size = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        sizeof(body) - 1, body);
    net_write(c->fd, text, (size_t)size);
}

/* Sends of a big reply what the socket takes, within one turn's share. False: the peer is gone. */
static bool send_more(struct connection *c)
{
    for (int turn = 0; turn < PIECES_PER_TURN && c->to_send > 0; turn++) {
        size_t size = c->to_send < BUFFER ? (size_t)c->to_send : BUFFER;
        ssize_t sent = send(c->fd, zeros, size, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        c->to_send -= (uint64_t)sent;
    }
    if (c->to_send > 0)
        return true;
    if (c->chunked_reply && c->writing)
        net_write(c->fd, "\r\n0\r\n\r\n", 7);
    c->writing = false;
    return true;
}

/* Chunked: one chunk of the whole size, so that sending needs no state. */
static bool reply_big(struct connection *c)
{
    char head[256];
    uint64_t size = strtoull(strstr(c->target, "length=") + 7, NULL, 10);
    int used;

    c->chunked_reply = strstr(c->target, "offset=1") != NULL;
    if (c->chunked_reply)
        used = snprintf(head, sizeof(head),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n%" PRIx64 "\r\n",
                        size);
    else
        used = snprintf(head, sizeof(head),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %" PRIu64
                        "\r\n\r\n",
                        size);
    net_write(c->fd, head, (size_t)used);
    c->to_send = size;
    c->writing = true;
    return send_more(c);
}

static bool finish_request(struct connection *c)
{
    c->phase = PHASE_HEAD;
    if (strncmp(c->target, "/api/v0/cat?", 12) == 0 && strstr(c->target, "length=") != NULL)
        return reply_big(c);
    reply_small(c);
    return true;
}

static const char *header(const char *head, const char *name)
{
    size_t size = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, size) == 0)
            return line + 2 + size + strspn(line + 2 + size, " ");
    return NULL;
}

/* The head is in partial, NUL-ended. False: not a request. */
static bool begin_request(struct connection *c)
{
    const char *target = strchr(c->partial, ' ');
    size_t size = target != NULL ? strcspn(target + 1, " \r") : 0;

    if (size == 0)
        return false;
    if (size >= sizeof(c->target))
        size = sizeof(c->target) - 1;
    memcpy(c->target, target + 1, size);
    c->target[size] = '\0';
    c->body = 0;
    stats.requests++;
    c->stalled = strstr(c->target, "chunker=size-65537") != NULL;
    if (header(c->partial, "transfer-encoding:") != NULL) {
        c->phase = PHASE_CHUNK_SIZE;
        return true;
    }
    const char *length = header(c->partial, "content-length:");
    c->left = length != NULL ? strtoull(length, NULL, 10) : 0;
    c->phase = PHASE_COUNTED;
    return c->left > 0 || finish_request(c);
}

/* Collects bytes into partial until `end` is there. Returns how many were used up; *found says
 * whether it is whole now. */
static size_t collect(struct connection *c, const char *bytes, size_t size, const char *end,
                      bool *found)
{
    size_t length = strlen(end);

    for (size_t i = 0; i < size && c->used < sizeof(c->partial) - 1; i++) {
        c->partial[c->used++] = bytes[i];
        if (c->used >= length && memcmp(c->partial + c->used - length, end, length) == 0) {
            c->partial[c->used] = '\0';
            c->used = 0;
            *found = true;
            return i + 1;
        }
    }
    *found = false;
    return c->used < sizeof(c->partial) - 1 ? size : 0;
}

static size_t skip_data(struct connection *c, size_t size)
{
    size_t now = c->left < size ? (size_t)c->left : size;
    uint64_t crlf = c->phase == PHASE_CHUNK_DATA ? 2 : 0;
    uint64_t data_left = c->left > crlf ? c->left - crlf : 0;
    uint64_t data = now < data_left ? now : data_left;

    c->left -= now;
    c->body += data;
    stats.body_bytes += data;
    return now;
}

static bool begin_chunk(struct connection *c)
{
    if (!isxdigit((unsigned char)c->partial[0]))
        return false;
    c->left = strtoull(c->partial, NULL, 16);
    c->phase = c->left > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILERS;
    c->left += 2;
    return true;
}

/* Trailers end with an empty line; a line that is not empty is just dropped. */
static bool end_trailers(struct connection *c)
{
    return strcmp(c->partial, "\r\n") != 0 || finish_request(c);
}

/* One step; false ends the connection. */
static bool step(struct connection *c, const char *bytes, size_t size, size_t *used)
{
    bool found = true;

    switch (c->phase) {
    case PHASE_HEAD:
        *used = collect(c, bytes, size, "\r\n\r\n", &found);
        return *used > 0 && (!found || begin_request(c));
    case PHASE_CHUNK_SIZE:
        *used = collect(c, bytes, size, "\r\n", &found);
        return *used > 0 && (!found || begin_chunk(c));
    case PHASE_TRAILERS:
        *used = collect(c, bytes, size, "\r\n", &found);
        return *used > 0 && (!found || end_trailers(c));
    case PHASE_COUNTED:
        *used = skip_data(c, size);
        return c->left > 0 || finish_request(c);
    case PHASE_CHUNK_DATA:
        *used = skip_data(c, size);
        if (c->left == 0)
            c->phase = PHASE_CHUNK_SIZE;
        return true;
    }
    return false;
}

/* False: the connection ended. */
static bool receive(struct connection *c, char *buffer)
{
    ssize_t size = recv(c->fd, buffer, BUFFER, 0);

    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size == 0)
        return false;
    stats.reads++;
    for (size_t done = 0, used; done < (size_t)size; done += used) {
        if (!step(c, buffer + done, (size_t)size - done, &used)) {
            stats.bad++;
            return false;
        }
        if (c->stalled)
            return true;
    }
    return true;
}

static void accept_all(int epoll, int listener)
{
    int fd;

    // epoll holds what is allocated here; close_connection frees it.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct connection *c = calloc(1, sizeof(*c));
        if (c == NULL)
            net_fail("memory");
        c->fd = fd;
        net_no_delay(fd);
        stats.connections++;
        stats.open++;
        c->events = EPOLLIN;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    stats.open--;
    free(c);
}

static bool serve_connection(struct connection *c, uint32_t events, char *buffer)
{
    if (c->stalled)
        return (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;
    if ((events & EPOLLOUT) != 0 && c->writing && !send_more(c))
        return false;
    return (events & ~(uint32_t)EPOLLOUT) == 0 || receive(c, buffer);
}

/* What the connection waits for now: a stalled one only for its end. */
static void watch(int epoll, struct connection *c)
{
    uint32_t wanted = c->stalled ? EPOLLRDHUP : EPOLLIN | (c->writing ? EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted, .data.ptr = c};

    if (wanted != c->events)
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->events = wanted;
}

static void *serve(void *listener_)
{
    int listener = *(int *)listener_, epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    char *buffer = malloc(BUFFER);

    if (buffer == NULL || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        net_fail("epoll");
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL)
                accept_all(epoll, listener);
            else if (!serve_connection(c, events[i].events, buffer))
                close_connection(c);
            else
                watch(epoll, c);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t workers = 1, port = 0;
    int listeners[16] = {0};
    pthread_t thread;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--workers") == 0)
            workers = net_number(argv[i + 1], argv[i], 1, 16);
        else if (strcmp(argv[i], "--port") == 0)
            port = net_number(argv[i + 1], argv[i], 1, UINT16_MAX);
    }
    net_raise_descriptors();
    for (uint64_t i = 0; i < workers; i++) {
        listeners[i] = net_listen((uint16_t)port);
        port = net_port(listeners[i]);
    }
    for (uint64_t i = 1; i < workers; i++)
        if (pthread_create(&thread, NULL, serve, &listeners[i]) != 0)
            net_fail("thread");
    printf("%ju\n", (uintmax_t)port);
    fflush(stdout);
    serve(&listeners[0]);
    return 0;
}
