// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/serve.h"

#include "conf/memory.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/run.h"

#include <assert.h>
#include <stdlib.h>

struct service {
    struct run run;
    struct exchange *exchange;
    struct exchange_watch watch;
    struct call *call; /* its own: a slice may run when the exchange and its call are gone */
    struct text content_type;
    struct upstream_request request;
    struct view *view; /* NULL: it has seen enough */
    struct timer timeout;
    bool has_begun;   /* the reply */
    bool is_answered; /* with an error, which may wait for the client */
    bool is_body_waiting;
    bool was_told; /* whoever asked, that a block is missing */
};

static struct service *service_of(struct run *run)
{
    return CONTAINER_OF(run, struct service, run);
}

/* ---- errors */

/* As a header line may have it. */
static void put_line(struct text *out, const char *message)
{
    for (const char *p = message; *p != '\0'; p++)
        text_put_char(out, (unsigned char)*p < ' ' ? ' ' : *p);
}

static void put_error(const struct error *err, struct text *out)
{
    text_put_slice(out, SLICE("{\"Message\":"));
    reply_put_string(out, slice_of(err->text));
    text_put_format(out, ",\"Code\":%d,\"Type\":\"error\"}\n", err->code == ERROR_SYNTAX);
}

/* What passes a rewrite of all replies. */
static void rewrite_whole(const struct upstream_request *request, struct text *body)
{
    struct text rewritten = {0};

    if (request->rewrite == NULL || request->is_for_success)
        return;
    request->rewrite(request->rewrite_arg, text_slice(body), false, &rewritten);
    request->rewrite(request->rewrite_arg, (struct slice){NULL, 0}, true, &rewritten);
    text_dispose(body);
    *body = rewritten;
}

static int status_of(const struct error *err)
{
    switch (err->code) {
    case ERROR_SYNTAX:
        return 400;
    case ERROR_CANCELED: /* the node is busy: not now */
        return 503;
    default:
        return 500;
    }
}

/* False: whoever asked takes the failure, and says what comes. */
static bool pass_error(struct exchange *exchange, const struct upstream_request *request,
                       const struct error *err)
{
    struct answer answer = {.status = status_of(err), .content_type = "application/json"};
    struct text body = {0};
    bool passes;

    put_error(err, &body);
    passes = request->on_failure == NULL ||
             !request->on_failure(exchange, answer.status, text_slice(&body));
    if (passes) {
        rewrite_whole(request, &body);
        answer.body = text_slice(&body);
        exchange_answer(exchange, &answer);
    }
    text_dispose(&body);
    return passes;
}

void serve_error(struct exchange *exchange, const struct upstream_request *request,
                 const struct error *err)
{
    (void)pass_error(exchange, request, err);
}

/* Nothing is left to say: we answered, or somebody else did (a view, a meter, a revocation). */
static bool is_decided(const struct service *service)
{
    return service->is_answered || !exchange_is_open(service->exchange);
}

/* A reply that tells of blocks must not end as if they were stored, even with a trailer, which few
 * clients look at. But whoever holds its end does. */
static bool must_break(const struct service *service)
{
    return run_has_lost_blocks(&service->run) && !service->request.holds_end;
}

/* The exchange needs it no more. */
static void leave(struct service *service)
{
    timer_disarm(&service->timeout);
    run_leave(&service->run);
}

/* The exchange may end, and the service with it. */
static void answer_error(struct service *service, const struct error *err)
{
    struct exchange *exchange = service->exchange;

    service->is_answered = true;
    if (pass_error(exchange, &service->request, err))
        return;
    exchange_watch_end(exchange, NULL);
    leave(service);
}

/* Likewise. */
static void break_reply(struct service *service, const struct error *err)
{
    if (service->has_begun)
        exchange_cut(service->exchange, 500, CLOSE_FAILED, err->text);
    else
        answer_error(service, err);
}

/* ---- the reply */

/* Of a command that failed. */
static const char *failure_text(const struct service *service)
{
    const struct text *why = service->request.why_missing;
    const struct error *err = &service->run.err;

    return err->code == ERROR_NOT_FOUND && why != NULL && why->size > 0 ? why->data : err->text;
}

static void end_reply(struct service *service)
{
    struct text *trailers = exchange_reply_trailers(service->exchange);

    if (service->run.step != TASK_FAILED)
        return;
    text_put_text(trailers, "X-Stream-Error: ");
    put_line(trailers, failure_text(service));
    text_put_text(trailers, "\r\n");
}

static enum produce_result produce(void *service_, struct text *out)
{
    struct service *service = service_;

    if (must_break(service))
        return PRODUCE_WAIT; /* on_step cuts it */
    if (run_take_output(&service->run, out))
        return PRODUCE_MORE;
    if (!run_has_ended(&service->run))
        return PRODUCE_WAIT;
    end_reply(service);
    return PRODUCE_END;
}

static void begin_reply(struct service *service)
{
    const struct upstream_request *request = &service->request;
    struct task_frame *frame = &service->run.frame;
    struct produced produced = {
        .status = 200,
        .content_type = frame->content_type.data,
        .has_lines = request->break_line.size > 0,
        .produce = produce,
        .arg = service,
        .rewrite = request->rewrite,
        .rewrite_arg = request->rewrite_arg,
        .holds_end = request->holds_end,
        .holds_head = request->holds_head,
        .on_held = request->on_held,
    };

    text_put_slice(&frame->header_lines, SLICE("Trailer: X-Stream-Error\r\n"));
    produced.headers = text_slice(&frame->header_lines);
    service->has_begun = true;
    exchange_produce(service->exchange, &produced);
}

/* As long as whoever asked sees to it that they come. */
static void before_slice(struct run *run)
{
    const struct upstream_request *request = &service_of(run)->request;

    run->frame.may_wait = request->may_wait != NULL && *request->may_wait;
}

static void tell_missing(struct service *service)
{
    if (service->run.is_running || !service->run.frame.is_waiting || service->was_told)
        return;
    service->was_told = true;
    service->request.on_missing(service->exchange);
}

static void on_step(struct run *run)
{
    struct service *service = service_of(run);
    bool has_output = !run->is_running && run->frame.task.out.size > 0;
    bool has_ended = run_has_ended(run);

    if (is_decided(service))
        return;
    tell_missing(service);
    if (has_ended && must_break(service)) {
        break_reply(service, &run->err);
        return;
    }
    if (service->is_body_waiting && run_takes_input(run)) {
        service->is_body_waiting = false;
        exchange_consume_more(service->exchange);
    }
    if (!has_output && !has_ended)
        return;
    if (service->has_begun)
        exchange_produce_more(service->exchange);
    else if (has_ended && run->step == TASK_FAILED && !run->frame.is_begun)
        answer_error(service, &run->err);
    else
        begin_reply(service);
}

/* ---- the body */

static enum consume_result on_content(struct exchange *exchange, void *service_,
                                      struct slice content, bool is_last)
{
    struct service *service = service_;
    struct view *view = service->view;

    if (view != NULL && content.size > 0) {
        switch (view->see(view->arg, content, &view->refusal)) {
        case VIEW_MORE:
            break;
        case VIEW_ENOUGH:
            service->view = NULL;
            break;
        case VIEW_REFUSED:
            exchange_cut(exchange, view->refusal.status, CLOSE_REFUSED, view->refusal.message);
            return CONSUME_DECIDED;
        }
    }
    service->is_body_waiting = !run_give_input(&service->run, content) && !is_last;
    if (is_last)
        run_end_input(&service->run);
    return service->is_body_waiting ? CONSUME_WAIT : CONSUME_MORE;
}

/* ---- beginning and end */

static void destroy(struct run *run)
{
    struct service *service = service_of(run);

    call_destroy(&service->call);
    text_dispose(&service->content_type);
    free(service);
}

static void on_end(struct exchange_watch *watch, struct exchange *exchange)
{
    leave(CONTAINER_OF(watch, struct service, watch));
}

/* Kubo's `timeout` bounds the whole of a command. */
static void on_timeout(struct timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, timeout);
    struct error err = {0};

    error_set(&err, ERROR_TIMEOUT, "context deadline exceeded");
    if (!is_decided(service))
        break_reply(service, &err);
}

static void limit_time(struct service *service)
{
    int64_t limit_ns = call_option_number(service->call, OPT_TIMEOUT, 0);

    service->timeout.fire = on_timeout;
    if (limit_ns > 0)
        timer_arm(service->run.loop, &service->timeout, (uint64_t)limit_ns / 1000000 + 1);
}

/* What Kubo would read of what it is sent. */
static struct call *copy_call(const struct call *call)
{
    struct text target = {0}, body = {0};
    bool has_body = call_has_body_arguments(call), is_copied;
    struct call *copy;

    call_print_target(call, &target);
    is_copied =
        call_parse(&copy, text_slice(&target), has_body || call->command->body == BODY_FILE, NULL);
    assert(is_copied);
    if (has_body) {
        call_print_body_arguments(call, &body);
        is_copied = call_body_arguments(
            copy, text_slice(&body), SLICE("multipart/form-data; boundary=" CALL_BOUNDARY), NULL);
        assert(is_copied);
    }
    text_dispose(&target);
    text_dispose(&body);
    return copy;
}

static const struct run_owner functions = {
    .before_slice = before_slice, .on_step = on_step, .destroy = destroy};

void serve_exchange(struct node *node, struct loop *loop, struct exchange *exchange,
                    const struct task_command *command, const struct upstream_request *request)
{
    struct service *service = memory_alloc(sizeof(*service));

    service->exchange = exchange;
    service->request = *request;
    service->view = request->view;
    service->call = copy_call(request->call);
    text_put_slice(&service->content_type, request->content_type);
    run_init(&service->run, &functions, node, loop, command, service->call);
    service->run.frame.task.content_type = text_slice(&service->content_type);
    service->watch.on_end = on_end;
    exchange_watch_end(exchange, &service->watch);
    limit_time(service);
    if (service->call->command->body == BODY_FILE)
        exchange_consume(exchange, on_content, service);
    else
        run_end_input(&service->run);
    run_start(&service->run);
}
