// SPDX-License-Identifier: Apache-2.0
#include "proxy/pin_call.h"

#include "conf/memory.h"
#include "ipfs/multibase.h"
#include "policy/decide.h"
#include "proxy/copies_wait.h"
#include "proxy/refusal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What a path may take to resolve. */
enum { RESOLVE_TIMEOUT_MS = 30000 };

static void stop(struct pin_call *pins)
{
    timer_disarm(&pins->deadline);
    upstream_cancel(&pins->resolving);
    upstream_cancel(&pins->measuring);
    tracker_cancel(&pins->waiting);
    copies_wait_destroy(&pins->copies);
    if (pins->reading != NULL)
        store_cancel(pins->reading);
    pins->reading = NULL;
}

static void end_work(struct rpc *rpc)
{
    struct pin_call *pins = rpc->work;

    stop(pins);
    free(pins->cids);
    free(pins->indirect.roots);
    text_dispose(&pins->lines);
    text_dispose(&pins->name);
    text_dispose(&pins->labels);
    free(pins);
    rpc->work = NULL;
}

bool pin_call_is_offline(const struct rpc *rpc)
{
    return (rpc->rights & RIGHT_READ_ANY) == 0 || call_option_bool(rpc->call, OPT_OFFLINE, false);
}

/* ---- ends */

void pin_call_refuse(struct pin_call *pins, int status, const char *format, ...)
{
    struct error err = {0};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(err.text, sizeof(err.text), format, arguments);
    va_end(arguments);
    if (pins->is_producing)
        exchange_cut(pins->rpc->exchange, status, CLOSE_REFUSED, err.text);
    else
        exchange_refuse(pins->rpc->exchange, status, CLOSE_REFUSED, "%s", err.text);
}

void pin_call_fail(struct pin_call *pins, const struct tracker_answer *answer)
{
    struct text message = {0};

    refusal_put_answer(answer, &message);
    pin_call_refuse(pins, refusal_status(answer->outcome), "%s", message.data);
    text_dispose(&message);
}

static enum produce_result produce(void *pins_, struct text *out)
{
    struct pin_call *pins = pins_;
    bool has_lines = pins->lines.size > 0;

    text_put_slice(out, text_slice(&pins->lines));
    text_clear(&pins->lines);
    if (pins->has_ended)
        return PRODUCE_END;
    if (!has_lines && pins->on_room != NULL && !pins->on_room(pins))
        return PRODUCE_BREAK;
    return has_lines ? PRODUCE_MORE : PRODUCE_WAIT;
}

void pin_call_produce(struct pin_call *pins)
{
    struct produced produced = {.status = 200,
                                .content_type = "application/json",
                                .headers = SLICE("X-Chunked-Output: 1\r\n"),
                                .has_lines = true,
                                .reason = CLOSE_DONE,
                                .produce = produce,
                                .arg = pins};

    if (!pins->is_producing) {
        pins->is_producing = true;
        exchange_produce(pins->rpc->exchange, &produced);
    }
    exchange_produce_more(pins->rpc->exchange);
}

void pin_call_put_cid(const struct pin_call *pins, const struct cid *cid, struct text *out)
{
    const struct call *call = pins->rpc->call;
    struct slice base = call_option_text(call, OPT_CID_BASE);
    bool upgrades = call_option_bool(call, OPT_UPGRADE_CIDV0_IN_OUTPUT, base.size > 0);
    struct cid shown = cid->version == 0 && upgrades ? cid_to_v1(cid) : *cid;
    struct error ignored = {0};
    char prefix = CID_BASE_DEFAULT;

    if (shown.version == 0 || base.size == 0 || !multibase_find(base, &prefix, &ignored))
        prefix = CID_BASE_DEFAULT;
    cid_print(&shown, (enum cid_base)prefix, out);
}

void pin_call_put_progress(struct pin_call *pins)
{
    if (pins->nodes > 0)
        text_put_format(&pins->lines, "\"Progress\":%llu", (unsigned long long)pins->nodes);
    if (pins->bytes > 0)
        text_put_format(&pins->lines, "%s\"Bytes\":%llu", pins->nodes > 0 ? "," : "",
                        (unsigned long long)pins->bytes);
}

void pin_call_answer_pins(struct pin_call *pins)
{
    struct answer answer = {
        .status = 200, .content_type = "application/json", .reason = CLOSE_DONE};
    struct text *out = &pins->lines;

    text_put_text(out, "{\"Pins\":[");
    for (size_t i = 0; i < pins->count; i++) {
        text_put_text(out, i > 0 ? ",\"" : "\"");
        pin_call_put_cid(pins, &pins->cids[i], out);
        text_put_char(out, '"');
    }
    text_put_text(out, "]}\n");
    if (pins->is_producing) {
        pins->has_ended = true;
        pin_call_produce(pins);
        return;
    }
    answer.body = text_slice(out);
    exchange_answer(pins->rpc->exchange, &answer);
}

/* ---- steps */

void pin_call_track(struct pin_call *pins, const struct tracker_request *request,
                    tracker_progress on_progress, tracker_done on_done)
{
    struct site *site = pins->rpc->site;
    struct error err = {0};

    if (!tracker_start(site->context->tracker, site->loop, &pins->waiting, request, on_progress,
                       on_done, pins, &err))
        pin_call_refuse(pins, 503, "pin: %s", err.text);
}

bool pin_call_try_read(struct pin_call *pins, struct transaction *transaction,
                       store_done_cb on_done, struct error *err)
{
    struct site *site = pins->rpc->site;

    if (store_start(site->context->store, site->loop, transaction, on_done, pins, err)) {
        pins->reading = transaction;
        return true;
    }
    transaction_destroy(&transaction);
    return false;
}

void pin_call_read(struct pin_call *pins, struct transaction *transaction, store_done_cb on_done)
{
    struct error err = {0};

    if (!pin_call_try_read(pins, transaction, on_done, &err))
        pin_call_refuse(pins, 503, "pin: %s", err.text);
}

bool pin_call_read_cid(const struct pin_record *record, struct cid *cid)
{
    struct error err = {0};

    return cid_parse(cid, record->cid, &err) ||
           cid_from_bytes(cid, record->key.data, record->key.size, &err);
}

/* ---- the caller's own limit */

/* In Kubo's words. */
static void on_deadline(struct timer *timer)
{
    struct pin_call *pins = CONTAINER_OF(timer, struct pin_call, deadline);
    bool is_plain_add = pins->waiting != NULL && pins->rpc->call->command->id == COMMAND_PIN_ADD &&
                        !call_option_bool(pins->rpc->call, OPT_PROGRESS, false);

    if (pins->has_ended)
        return;
    stop(pins);
    pin_call_refuse(pins, 500, "%scontext deadline exceeded", is_plain_add ? "pin: " : "");
}

static void arm_deadline(struct pin_call *pins)
{
    int64_t limit_ms = call_option_number(pins->rpc->call, OPT_TIMEOUT, 0) / 1000000;

    pins->deadline.fire = on_deadline;
    pins->begun_ms = loop_now_ms(pins->rpc->site->loop);
    if (call_has_option(pins->rpc->call, OPT_TIMEOUT))
        timer_arm(pins->rpc->site->loop, &pins->deadline, limit_ms > 0 ? (uint64_t)limit_ms : 0);
}

/* ---- copies */

/* As Kubo writes its progress, with what else there is to say. */
static void on_copies_progress(void *pins_, uint32_t there, uint32_t wanted)
{
    struct pin_call *pins = pins_;

    text_clear(&pins->lines);
    text_put_char(&pins->lines, '{');
    pin_call_put_progress(pins);
    text_put_format(&pins->lines, "%s\"Copies\":%u,\"MinCopies\":%u}\n",
                    pins->lines.size > 1 ? "," : "", there, wanted);
    pin_call_produce(pins);
}

static void on_copies(void *pins_, int status, const char *why)
{
    struct pin_call *pins = pins_;

    if (why != NULL)
        pin_call_refuse(pins, status, "%s", why);
    else
        pins->proceed(pins);
}

void pin_call_wait_copies(struct pin_call *pins, const struct cid *cids, size_t count,
                          uint32_t copies, void (*proceed)(struct pin_call *pins))
{
    bool has_progress = pins->rpc->call->command->id == COMMAND_PIN_ADD &&
                        call_option_bool(pins->rpc->call, OPT_PROGRESS, false);
    const struct copies_wait_settings settings = {.rpc = pins->rpc,
                                                  .cids = cids,
                                                  .count = count,
                                                  .copies = copies,
                                                  .begun_ms = pins->begun_ms,
                                                  .on_progress =
                                                      has_progress ? on_copies_progress : NULL,
                                                  .on_end = on_copies,
                                                  .arg = pins};

    if (!copies_wait_is_needed(pins->rpc, copies)) {
        proceed(pins);
        return;
    }
    timer_disarm(&pins->deadline); /* the wait sees to it, and says how many there are */
    pins->proceed = proceed;
    pins->copies = copies_wait_start(&settings);
}

/* ---- what the arguments stand for */

static void resolve_next(struct pin_call *pins);

static void add_cid(struct pin_call *pins, const struct cid *cid)
{
    pins->cids[pins->count++] = *cid;
}

static bool read_path(struct slice text, struct cid *cid, struct error *err)
{
    char *room = memory_alloc(text.size + 2);
    struct call_path path;
    bool result = call_path_parse(&path, ARGUMENT_PATH, text, room, err);

    if (result && (path.kind == CALL_PATH_IPNS || path.subpath.size > 0))
        result = error_set(err, ERROR_MISMATCH, "%.*s is no CID", SLICE_ARGS(text));
    if (result)
        *cid = path.cid;
    free(room);
    return result;
}

static void on_resolved(void *pins_, const struct operation_result *result, const struct error *err)
{
    struct pin_call *pins = pins_;
    struct error fault = {0};
    struct cid cid;

    pins->resolving = NULL;
    if (err != NULL) {
        rpc_refuse_unresolved(pins->rpc, pins->rpc->call->arguments[pins->count].typed, err);
    } else if (!read_path(result->path, &cid, &fault)) {
        pin_call_refuse(pins, 500, "%s", fault.text);
    } else {
        add_cid(pins, &cid);
        resolve_next(pins);
    }
}

static void resolve(struct pin_call *pins, const struct call_argument *argument)
{
    struct error err = {0};
    struct text path = {0};

    text_put_text(&path, "/ipfs/");
    cid_print(&argument->path.cid, CID_BASE_DEFAULT, &path);
    text_put_slice(&path, argument->path.subpath);
    if (!upstream_resolve(pins->rpc->site->upstream, &pins->resolving, text_slice(&path),
                          RESOLVE_TIMEOUT_MS, pin_call_is_offline(pins->rpc), on_resolved, pins,
                          &err))
        rpc_refuse_unresolved(pins->rpc, argument->typed, &err);
    text_dispose(&path);
}

static void resolve_next(struct pin_call *pins)
{
    const struct call *call = pins->rpc->call;

    while (pins->count < call->argument_count) {
        const struct call_argument *argument = &call->arguments[pins->count];

        if (argument->path.subpath.size > 0) {
            resolve(pins, argument);
            return;
        }
        add_cid(pins, &argument->path.cid);
    }
    pins->proceed(pins);
}

void pin_call_start(struct rpc *rpc, void (*proceed)(struct pin_call *pins))
{
    struct pin_call *pins = memory_alloc(sizeof(*pins));
    struct error err = {0};

    pins->rpc = rpc;
    pins->proceed = proceed;
    pins->cids = memory_resize_array(NULL, rpc->call->argument_count + 1, sizeof(*pins->cids));
    rpc->work = pins;
    rpc->end_work = end_work;
    arm_deadline(pins);
    if (!rpc_owner(rpc, &pins->owner, &err))
        rpc_refuse(rpc, &err);
    else
        resolve_next(pins);
}
