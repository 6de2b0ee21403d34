// SPDX-License-Identifier: Apache-2.0
/* load PORT RATE SECONDS CONNECTIONS [TARGET [TOKEN]]: small POSTs of /api/v0/TARGET at a fixed
 * rate (open loop): a request's latency counts from the moment it was due, also when it had to wait
 * for a free connection, to the end of its reply. Ends early on SIGTERM. Prints
 * {"requests":N,"failed":N,"p50_us":N,"p90_us":N,"p99_us":N,"max_us":N}. */
#include "net.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { REPLY_MAX = 8192 };

struct slot {
    int fd;
    size_t size; /* of the reply, so far */
    char reply[REPLY_MAX + 1];
    bool is_busy;
    uint64_t due_ns; /* of the request under way */
    struct slot *next_idle;
};

struct load {
    uint16_t port;
    char request[1024];
    size_t request_size;
    uint64_t start_ns, interval_ns, total;
    uint64_t due, sent, done,
        failed; /* counts; the request number n is due at start + n x interval */
    uint32_t *latencies_us;
    struct slot *idle;
    int epoll, timer;
};

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    stopped = 1;
}

static void connect_slot(struct load *load, struct slot *slot)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};

    slot->fd = net_connect(load->port);
    net_no_block(slot->fd);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, slot->fd, &event) != 0)
        net_fail("epoll");
}

static void make_idle(struct load *load, struct slot *slot)
{
    slot->is_busy = false;
    slot->next_idle = load->idle;
    load->idle = slot;
}

static void fail_slot(struct load *load, struct slot *slot)
{
    load->failed++;
    load->done++;
    close(slot->fd);
    connect_slot(load, slot);
    make_idle(load, slot);
}

static void send_due(struct load *load)
{
    while (load->sent < load->due && load->idle != NULL) {
        struct slot *slot = load->idle;
        load->idle = slot->next_idle;
        slot->due_ns = load->start_ns + load->sent * load->interval_ns;
        slot->is_busy = true;
        slot->size = 0;
        load->sent++;
        if (send(slot->fd, load->request, load->request_size, MSG_NOSIGNAL) !=
            (ssize_t)load->request_size)
            fail_slot(load, slot);
    }
}

/* Of a length that the head names, or of chunks without trailers. */
static bool is_whole(const char *reply, size_t size)
{
    const char *body = strstr(reply, "\r\n\r\n");
    const char *length = strcasestr(reply, "\r\ncontent-length: ");

    if (body == NULL)
        return false;
    body += 4;
    if (length != NULL && length < body)
        return size - (size_t)(body - reply) >= strtoul(length + 18, NULL, 10);
    return size >= 5 && memcmp(reply + size - 5, "0\r\n\r\n", 5) == 0;
}

/* One that is no 200, or too large, or an end, is a failure. An idle connection may be closed by
 * the other side at any time: another takes its place. */
static void on_reply(struct load *load, struct slot *slot)
{
    ssize_t size = recv(slot->fd, slot->reply + slot->size, REPLY_MAX - slot->size, 0);

    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0 && !slot->is_busy) {
        close(slot->fd);
        connect_slot(load, slot);
        return;
    }
    if (size > 0)
        slot->size += (size_t)size;
    slot->reply[slot->size] = '\0';
    if (size <= 0 || slot->size == REPLY_MAX ||
        (slot->size >= 12 && strncmp(slot->reply + 9, "200", 3) != 0)) {
        fail_slot(load, slot);
        return;
    }
    if (!is_whole(slot->reply, slot->size))
        return;
    load->latencies_us[load->done++ - load->failed] =
        (uint32_t)((net_now_ns() - slot->due_ns) / 1000);
    make_idle(load, slot);
}

static void set_timer(struct load *load, uint64_t at_ns)
{
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(at_ns / 1000000000U),
                                         .tv_nsec = (long)(at_ns % 1000000000U)}};

    if (timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        net_fail("timer");
}

/* Counts what is due by now, and sets the timer for the next. */
static void on_time(struct load *load)
{
    uint64_t now = net_now_ns();

    while (load->due < load->total && load->start_ns + load->due * load->interval_ns <= now)
        load->due++;
    if (load->due < load->total)
        set_timer(load, load->start_ns + load->due * load->interval_ns);
}

static void run(struct load *load)
{
    struct epoll_event events[64];

    load->start_ns = net_now_ns() + 1000000;
    set_timer(load, load->start_ns);
    while (load->done < load->total && !stopped) {
        int count = epoll_wait(load->epoll, events, 64, 5000);
        if (count == 0)
            net_fail("nothing was answered for 5 s");
        for (int i = 0; i < count; i++) {
            uint64_t ticks;
            if (events[i].data.ptr != NULL)
                on_reply(load, events[i].data.ptr);
            else if (read(load->timer, &ticks, sizeof(ticks)) > 0)
                on_time(load);
        }
        send_due(load);
    }
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static void report(const struct load *load)
{
    uint64_t count = load->done - load->failed;
    const uint32_t *us = load->latencies_us;

    qsort(load->latencies_us, count, sizeof(*us), compare);
    printf("{\"requests\":%" PRIu64 ",\"failed\":%" PRIu64, count, load->failed);
    if (count > 0)
        printf(",\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u", us[count / 2],
               us[count * 9 / 10], us[count * 99 / 100], us[count - 1]);
    puts("}");
}

static void compose(struct load *load, const char *target, const char *token)
{
    int size = snprintf(load->request, sizeof(load->request),
                        "POST /api/v0/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%sContent-Length: "
                        "0\r\n\r\n",
                        target, token != NULL ? "Authorization: Bearer " : "",
                        token != NULL ? token : "", token != NULL ? "\r\n" : "");

    if (size < 0 || (size_t)size >= sizeof(load->request))
        net_fail("the target is too long");
    load->request_size = (size_t)size;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 7) {
        fputs("usage: load PORT RATE SECONDS CONNECTIONS [TARGET [TOKEN]]\n", stderr);
        return 2;
    }
    uint64_t rate = net_number(argv[2], "RATE", 1, 1000000);
    size_t slots = net_number(argv[4], "CONNECTIONS", 1, 10000);
    struct load load = {.port = (uint16_t)net_number(argv[1], "PORT", 1, UINT16_MAX),
                        .interval_ns = 1000000000U / rate,
                        .total = rate * net_number(argv[3], "SECONDS", 1, 3600)};
    struct epoll_event event = {.events = EPOLLIN};
    struct slot *pool = calloc(slots, sizeof(*pool));

    load.latencies_us = calloc(load.total, sizeof(*load.latencies_us));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (pool == NULL || load.latencies_us == NULL || load.epoll < 0 || load.timer < 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.timer, &event) != 0)
        net_fail("set-up");
    compose(&load, argc > 5 ? argv[5] : "version", argc > 6 ? argv[6] : NULL);
    signal(SIGTERM, on_stop);
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (size_t i = 0; i < slots; i++) {
        connect_slot(&load, &pool[i]);
        make_idle(&load, &pool[i]);
    }
    run(&load);
    report(&load);
    free(pool);
    free(load.latencies_us);
    return 0;
}
