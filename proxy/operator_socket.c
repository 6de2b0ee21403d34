// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_socket.h"

#include "conf/memory.h"
#include "proxy/clock.h"
#include "proxy/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUT_MAX = 16 * 1024 * 1024, BACKLOG = 64, SUBJECTS_MAX = 32 };

struct operator_counter {
    struct server_settings settings;
    const struct operator_desk *desk;
};

/* What is kept of a request: the route before its body came, the running call after. */
struct inquiry {
    const struct operator_desk *desk;
    const struct operator_route *route;
    struct operator_call *call;
};

/* "token/list", "pin/status", "ledger/check" and "status" only read. */
static bool only_reads(const char *path)
{
    const char *last = strrchr(path, '/');

    return strcmp(last, "/status") == 0 || strcmp(last, "/list") == 0 ||
           strcmp(path, "/ledger/check") == 0;
}

/* What the input says it is about: texts of these names, and the first of many CIDs. */
static size_t find_subjects(const json_t *input, struct slice *subjects)
{
    static const char *const names[] = {"id", "path", "cid", "owner", "what", "from", "to"};
    const json_t *cids = json_object_get(input, "cids"), *cid;
    size_t count = 0, i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        struct slice text = operator_text(input, names[i]);

        if (text.size > 0)
            subjects[count++] = text;
    }
    json_array_foreach(cids, i, cid)
    {
        if (json_is_string(cid) && count < SUBJECTS_MAX)
            subjects[count++] = (struct slice){json_string_value(cid), json_string_length(cid)};
    }
    return count;
}

/* What was done, to whom or what, by which operator; never a secret: the answer's fields are not
 * recorded. status 0: the asker left before the answer. What was asked for is done all the same, so
 * that it was asked for is what the record says; how it went is not known. */
static void record(const struct operator_desk *desk, const struct exchange *exchange,
                   const struct operator_call *call, const char *path, int status,
                   const json_t *answer)
{
    const json_t *input = operator_input(call);
    struct slice subjects[SUBJECTS_MAX];
    size_t subject_count = find_subjects(input, subjects);
    struct audit_pair reason = {SLICE("reason"), operator_text(input, "reason")};
    struct audit_entry entry = {
        .time_ms = clock_wall_ms(),
        .request_id = slice_of(exchange_id(exchange)),
        .principal = operator_principal(call),
        .command = slice_of(path + 1),
        .arguments = subjects,
        .argument_count = subject_count,
        .options = &reason,
        .option_count = reason.value.size > 0 ? 1 : 0,
        .decision = status < 400 ? SLICE("allow") : SLICE("deny"),
        .mode = SLICE("enforce"),
        .rule = SLICE("operator"),
        .message = status == 0 ? SLICE("the asker left before the answer")
                               : operator_text(answer, "message"),
    };

    if (!only_reads(path))
        (void)audit_put(desk->audit, &entry); /* a loss is counted */
}

static void on_end(struct exchange *exchange, void *app)
{
    struct inquiry *inquiry = *exchange_context(exchange);

    if (inquiry == NULL)
        return;
    *exchange_context(exchange) = NULL;
    if (inquiry->call != NULL) {
        record(inquiry->desk, exchange, inquiry->call, inquiry->route->path, 0, NULL);
        operator_cancel(inquiry->call);
    }
    free(inquiry);
}

static void on_answer(void *exchange_, int status, json_t *body)
{
    struct exchange *exchange = exchange_;
    struct inquiry *inquiry = *exchange_context(exchange);
    char *text = json_dumps(body, JSON_COMPACT);
    struct answer answer = {.status = status,
                            .content_type = "application/json",
                            .body = slice_of(text),
                            .reason = status < 400 ? CLOSE_DONE : CLOSE_REFUSED};

    record(inquiry->desk, exchange, inquiry->call, inquiry->route->path, status, body);
    inquiry->call = NULL;
    exchange_answer(exchange, &answer);
    free(text);
    json_decref(body);
}

static void on_body(struct exchange *exchange, void *app, struct slice body)
{
    const struct operator_desk *desk = ((struct operator_counter *)app)->desk;
    struct inquiry *inquiry = *exchange_context(exchange);
    struct principal facts = {.kind = PRINCIPAL_OPERATOR, .id = SLICE("operator")};
    const struct principal *principal;
    json_error_t problem;
    json_t *input = body.size == 0
                        ? json_object()
                        : json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, &problem);

    if (!json_is_object(input)) {
        json_decref(input);
        exchange_refuse(exchange, 400, CLOSE_REFUSED, "the body is not a JSON object");
        return;
    }
    principal = principal_create(&facts);
    inquiry->call = operator_start(inquiry->route, &desk->site, principal, input, clock_wall_ms(),
                                   on_answer, exchange);
    principal_unref(&principal);
}

static bool is_operator(const struct exchange *exchange)
{
    uid_t user;

    return exchange_peer_user(exchange, &user) && (user == 0 || user == geteuid());
}

static void on_request(struct exchange *exchange, void *app)
{
    const struct head *head = exchange_request(exchange);
    const struct operator_desk *desk = ((struct operator_counter *)app)->desk;
    const struct operator_route *route = operator_find(desk->tables, head->target);
    struct inquiry *inquiry;

    if (!is_operator(exchange)) {
        exchange_refuse(exchange, 403, CLOSE_REFUSED,
                        "only root and the user whom the gateway runs as are operators");
    } else if (route == NULL) {
        exchange_refuse(exchange, 404, CLOSE_REFUSED, "operators have no such route here: %.*s",
                        SLICE_ARGS(head->target));
    } else if (!slice_is(head->method, "POST")) {
        exchange_refuse(exchange, 405, CLOSE_REFUSED, "operators' routes are called with POST");
    } else {
        inquiry = memory_alloc(sizeof(*inquiry));
        inquiry->desk = desk;
        inquiry->route = route;
        *exchange_context(exchange) = inquiry;
        exchange_collect(exchange, INPUT_MAX, on_body);
    }
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    text_put_text(body, "{\"message\":\"");
    text_put_json(body, slice_of(message));
    text_put_text(body, "\"}\n");
    return "application/json";
}

static const struct http_handler handler = {
    .on_request = on_request,
    .on_end = on_end,
    .put_error = put_error,
};

static void dispose(struct server_settings *settings)
{
    free(CONTAINER_OF(settings, struct operator_counter, settings));
}

struct server_settings *operator_socket_settings(const struct operator_desk *desk)
{
    struct operator_counter *counter = memory_alloc(sizeof(*counter));

    counter->desk = desk;
    counter->settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 16384,
                   .head_timeout_ms = 10000,
                   .idle_timeout_ms = 30000,
                   .body_idle_timeout_ms = 30000,
                   .framing = {.trailer_size = 1024, .extension_size = 256}},
        .handler = &handler,
        .app = counter,
        .dispose = dispose,
    };
    return &counter->settings;
}

int operator_socket_listen(const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set(err, ERROR_LIMIT,
                  "%s: a socket's path has at most %zu bytes; choose a shorter "
                  "data folder",
                  path, sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path); /* of a process that is gone: the data folder's lock is ours */
    mask = umask(0177);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(fd, BACKLOG) == 0) {
        umask(mask);
        return fd;
    }
    umask(mask);
    error_set_errno(err, "listening on %s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}
