// SPDX-License-Identifier: Apache-2.0
/* What is kept of an exchange that ended: a line of the access log and the counters. */
#include "conf/log.h"
#include "conf/units.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

enum { LINE_MAX_SIZE = 1024 };

const uint64_t server_duration_bounds_us[DURATION_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 50000, 100000, 500000, 1000000, 10000000, 60000000, 600000000,
};

/* ---- a line, written straight into the log's ring; never longer than LINE_MAX_SIZE, see put_* */

struct line {
    char *at;
};

static void put(struct line *line, const char *bytes, size_t size)
{
    memcpy(line->at, bytes, size);
    line->at += size;
}

#define PUT(line, literal) put((line), (literal), sizeof(literal) - 1)

static void put_number(struct line *line, uint64_t number)
{
    char digits[20];
    size_t i = sizeof(digits);

    do
        digits[--i] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(line, digits + i, sizeof(digits) - i);
}

/* Microseconds as milliseconds with three decimals. */
static void put_ms(struct line *line, uint64_t us)
{
    char decimals[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                        (char)('0' + us % 10)};

    put_number(line, us / 1000);
    put(line, decimals, sizeof(decimals));
}

/* A string that came from outside; at most six bytes out for one in. */
static void put_json(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            *line->at++ = *text;
            continue;
        }
        PUT(line, "\\u00");
        *line->at++ = digits[c >> 4];
        *line->at++ = digits[c & 15];
    }
}

static void put_time(struct line *line)
{
    char text[UNITS_TIMESTAMP_SIZE];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    units_print_timestamp(text, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    put(line, text, UNITS_TIMESTAMP_SIZE - 1);
}

/* inet_ntop formats with printf, which costs as much as the rest of the line. */
static void put_ipv4(struct line *line, struct in_addr address)
{
    const uint8_t *bytes = (const uint8_t *)&address.s_addr;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            PUT(line, ".");
        put_number(line, bytes[i]);
    }
}

static void put_peer(struct line *line, const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN] = "unix";

    if (peer->sa_family == AF_INET) {
        put_ipv4(line, ((const struct sockaddr_in *)(const void *)peer)->sin_addr);
        return;
    }
    if (peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, text,
                  sizeof(text));
    put(line, text, strlen(text));
}

static uint64_t since(uint64_t later_us, uint64_t begun_us)
{
    return later_us > begun_us ? later_us - begun_us : 0;
}

static void write_line(const struct exchange *exchange, uint64_t now_us)
{
    struct log_writer *log = exchange->server->options.log;
    const struct exchange_times *times = &exchange->times;
    const char *reason = close_reason_text(exchange->reason);
    struct line line = {log_reserve(log, LINE_MAX_SIZE)};
    char *begin = line.at;

    if (begin == NULL)
        return;
    PUT(&line, "{\"time\":\"");
    put_time(&line);
    PUT(&line, "\",\"id\":\"");
    put(&line, exchange->id, 20);
    PUT(&line, "\",\"client\":\"");
    put_peer(&line, exchange_peer(exchange));
    PUT(&line, "\",\"method\":\"");
    put(&line, exchange->method, strlen(exchange->method));
    PUT(&line, "\",\"command\":\"");
    put(&line, exchange->name, strlen(exchange->name));
    PUT(&line, "\",\"status\":");
    put_number(&line, (uint64_t)exchange->status);
    PUT(&line, ",\"bytes_in\":");
    put_number(&line, exchange->request.content_size);
    PUT(&line, ",\"bytes_out\":");
    put_number(&line, exchange->reply.written_size);
    PUT(&line, ",\"first_byte_ms\":");
    put_ms(&line, since(times->first_byte, times->begun));
    PUT(&line, ",\"total_ms\":");
    put_ms(&line, since(now_us, times->begun));
    PUT(&line, ",\"upstream_ms\":");
    put_ms(&line, times->upstream_begun == 0
                      ? 0
                      : since(times->upstream_ended != 0 ? times->upstream_ended : now_us,
                              times->upstream_begun));
    PUT(&line, ",\"close\":\"");
    put(&line, reason, strlen(reason));
    if (exchange->client_id[0] != '\0') {
        PUT(&line, "\",\"client_id\":\"");
        put_json(&line, exchange->client_id);
    }
    PUT(&line, "\"}");
    log_commit(log, (size_t)(line.at - begin));
}

/* ---- counters */

static void count(const struct exchange *exchange, uint64_t duration_us)
{
    struct server_counters *counters = &exchange->server->counters;
    int bucket = 0;

    while (bucket < DURATION_BUCKETS && duration_us > server_duration_bounds_us[bucket])
        bucket++;
    server_count(&counters->durations[bucket], 1);
    server_count(&counters->duration_us_sum, duration_us);
    server_count(&counters->statuses[exchange->status / 100 % 6], 1);
    server_count(&counters->closes[exchange->reason], 1);
    server_count(&counters->bytes_in, exchange->request.content_size);
    server_count(&counters->bytes_out, exchange->reply.written_size);
}

void access_record(const struct exchange *exchange)
{
    uint64_t now_us = clock_us();

    count(exchange, since(now_us, exchange->times.begun));
    if (!exchange->server->options.no_access_log)
        write_line(exchange, now_us);
}
