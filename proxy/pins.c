// SPDX-License-Identifier: Apache-2.0
/* pin/add, pin/rm and pin/update. */
#include "proxy/pins.h"

#include "proxy/pin_call.h"
#include "store/ownership.h"

/* ---- pin/add */

static void claim_next(struct pin_call *pins);

static void on_claimed(void *pins_, const struct tracker_answer *answer)
{
    struct pin_call *pins = pins_;
    struct text cid = {0};

    pins->waiting = NULL;
    if (answer->outcome == TRACKER_DONE) {
        pins->index++;
        claim_next(pins);
        return;
    }
    if (answer->outcome != TRACKER_PINNED_RECURSIVELY) {
        pin_call_fail(pins, answer);
        return;
    }
    pin_call_put_cid(pins, &pins->cids[pins->index], &cid);
    pin_call_refuse(pins, 500, "pin: %s already pinned recursively", cid.data);
    text_dispose(&cid);
}

/* Who reads slowly gets the newest alone. */
static void on_progress(void *pins_, uint64_t nodes, uint64_t bytes)
{
    struct pin_call *pins = pins_;

    pins->nodes = nodes;
    pins->bytes = bytes;
    text_clear(&pins->lines);
    text_put_char(&pins->lines, '{');
    pin_call_put_progress(pins);
    text_put_text(&pins->lines, "}\n");
    pin_call_produce(pins);
}

static enum pin_mode mode_of(const struct rpc *rpc)
{
    return call_option_bool(rpc->call, OPT_RECURSIVE, true) ? PIN_RECURSIVE : PIN_DIRECT;
}

/* What is pinned direct has no copies at partners. */
static void end_add(struct pin_call *pins)
{
    if (mode_of(pins->rpc) == PIN_RECURSIVE)
        pin_call_wait_copies(pins, pins->cids, pins->count, rpc_min_copies(pins->rpc),
                             pin_call_answer_pins);
    else
        pin_call_answer_pins(pins);
}

static void claim_next(struct pin_call *pins)
{
    const struct call *call = pins->rpc->call;
    bool has_progress = call_option_bool(call, OPT_PROGRESS, false);
    struct tracker_request request = {
        .action = TRACKER_CLAIM,
        .owner = pins->owner,
        .mode = mode_of(pins->rpc),
        .has_name = true, /* without one, Kubo too forgets the one that was there before */
        .name = call_option_text(call, OPT_NAME),
        .min_copies = rpc_min_copies(pins->rpc),
        .expires_ms = rpc_pin_expires_ms(pins->rpc),
        .shortens = call_has_option(call, OPT_CW_EXPIRE_IN),
        .offline = pin_call_is_offline(pins->rpc),
        .wants_progress = has_progress,
    };
    struct text typed = {0}, labels = {0};

    if (pins->index == pins->count) {
        end_add(pins);
        return;
    }
    rpc_put_labels(pins->rpc, &labels);
    request.labels = text_slice(&labels);
    request.cid = pins->cids[pins->index];
    cid_print(&request.cid, CID_BASE_DEFAULT, &typed);
    request.typed = text_slice(&typed);
    pin_call_track(pins, &request, has_progress ? on_progress : NULL, on_claimed);
    text_dispose(&labels);
    text_dispose(&typed);
}

static bool check_name(const struct call *call, struct error *err)
{
    struct slice name = call_option_text(call, OPT_NAME);

    return name.size <= PIN_NAME_MAX ||
           error_set(err, ERROR_UNSUPPORTED, "pin name is %zu bytes (max %d bytes)", name.size,
                     PIN_NAME_MAX);
}

void treat_pin_add(struct rpc *rpc)
{
    struct error err = {0};

    if (rpc_check_own_options(rpc, &err) && rpc_check_copies(rpc, mode_of(rpc), &err) &&
        check_name(rpc->call, &err))
        pin_call_start(rpc, claim_next);
    else
        rpc_refuse(rpc, &err);
}

/* ---- pin/rm */

static void release_next(struct pin_call *pins);

static void refuse_release(struct pin_call *pins, const struct tracker_answer *answer)
{
    struct text cid = {0};

    pin_call_put_cid(pins, &pins->cids[pins->index], &cid);
    if (answer->outcome == TRACKER_NOT_PINNED)
        pin_call_refuse(pins, 500, "not pinned or pinned indirectly");
    else if (answer->outcome == TRACKER_PINNED_RECURSIVELY)
        pin_call_refuse(pins, 500, "%s is pinned recursively", cid.data);
    else
        pin_call_fail(pins, answer);
    text_dispose(&cid);
}

static void on_released(void *pins_, const struct tracker_answer *answer)
{
    struct pin_call *pins = pins_;

    pins->waiting = NULL;
    if (answer->outcome != TRACKER_DONE) {
        refuse_release(pins, answer);
        return;
    }
    pins->index++;
    release_next(pins);
}

static void release_next(struct pin_call *pins)
{
    struct tracker_request request = {
        .action = TRACKER_RELEASE,
        .owner = pins->owner,
        .mode = call_option_bool(pins->rpc->call, OPT_RECURSIVE, true) ? PIN_RECURSIVE : PIN_DIRECT,
    };

    if (pins->index == pins->count) {
        pin_call_answer_pins(pins);
        return;
    }
    request.cid = pins->cids[pins->index];
    pin_call_track(pins, &request, NULL, on_released);
}

void treat_pin_rm(struct rpc *rpc)
{
    pin_call_start(rpc, release_next);
}

/* ---- pin/update: cids are from and to */

static void on_left(void *pins_, const struct tracker_answer *answer)
{
    struct pin_call *pins = pins_;

    pins->waiting = NULL;
    if (answer->outcome == TRACKER_DONE || answer->outcome == TRACKER_NOT_PINNED)
        pin_call_answer_pins(pins); /* whoever unpinned it meanwhile did what was asked */
    else
        pin_call_fail(pins, answer);
}

static void leave_old(struct pin_call *pins)
{
    struct tracker_request request = {.action = TRACKER_RELEASE,
                                      .owner = pins->owner,
                                      .cid = pins->cids[0],
                                      .mode = PIN_RECURSIVE};

    if (!call_option_bool(pins->rpc->call, OPT_UNPIN, true))
        pin_call_answer_pins(pins);
    else if (pins->rpc->is_writing || rpc_enter_writing(pins->rpc))
        pin_call_track(pins, &request, NULL, on_left);
}

static uint32_t copies_of_moved(const struct pin_call *pins)
{
    uint32_t own = rpc_min_copies(pins->rpc);

    return own > pins->min_copies ? own : pins->min_copies;
}

/* The old one stays until there are as many copies of the new one as are asked for. */
static void on_moved(void *pins_, const struct tracker_answer *answer)
{
    struct pin_call *pins = pins_;

    pins->waiting = NULL;
    if (answer->outcome != TRACKER_DONE)
        pin_call_fail(pins, answer);
    else
        pin_call_wait_copies(pins, &pins->cids[1], 1, copies_of_moved(pins), leave_old);
}

/* The pin ends when the one that it takes the place of would have, or as this call's token says:
 * the sooner. */
static uint64_t end_of_moved(const struct pin_call *pins)
{
    uint64_t own_ms = rpc_pin_expires_ms(pins->rpc);
    bool is_sooner = own_ms != 0 && (pins->expires_ms == 0 || own_ms < pins->expires_ms);

    return is_sooner ? own_ms : pins->expires_ms;
}

/* Those that the pin had, and what the token says: both hold. */
static void put_labels_of_moved(const struct pin_call *pins, struct text *out)
{
    struct text own = {0};

    text_put_slice(out, text_slice(&pins->labels));
    rpc_put_labels(pins->rpc, &own);
    if (own.size > 0 && !slice_equal(text_slice(&own), text_slice(&pins->labels)) &&
        own.size + out->size < PIN_LABELS_MAX) {
        text_put_text(out, out->size > 0 ? "," : "");
        text_put_slice(out, text_slice(&own));
    }
    text_dispose(&own);
}

static void move(struct pin_call *pins)
{
    struct text labels = {0};
    struct tracker_request request = {.action = TRACKER_CLAIM,
                                      .owner = pins->owner,
                                      .cid = pins->cids[1],
                                      .mode = PIN_RECURSIVE,
                                      .has_name = pins->name.size > 0,
                                      .name = text_slice(&pins->name),
                                      .min_copies = copies_of_moved(pins),
                                      .expires_ms = end_of_moved(pins),
                                      .offline = pin_call_is_offline(pins->rpc)};

    put_labels_of_moved(pins, &labels);
    request.labels = text_slice(&labels);
    pin_call_track(pins, &request, NULL, on_moved);
    text_dispose(&labels);
}

/* The pin that Kubo's API shows; NULL: there is none, or not recursive. */
static const struct pin_record *own_recursive(const struct pin_call *pins,
                                              const struct transaction *transaction)
{
    const struct object_get *object = &transaction->object_get;

    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < object->count; i++)
        if (object->pins[i].slot == SLOT_KUBO && object->pins[i].held == PIN_RECURSIVE &&
            object->pins[i].state != PIN_REMOVING &&
            owner_equal(&object->pins[i].owner, &pins->owner))
            return &object->pins[i];
    return NULL;
}

static bool has_failed(const struct transaction *transaction)
{
    return transaction->err.code != ERROR_NONE && transaction->err.code != ERROR_NOT_FOUND;
}

static void read_object(struct pin_call *pins, size_t index, store_done_cb on_done)
{
    struct transaction *transaction = transaction_create(TRANSACTION_OBJECT_GET);
    struct cid key = ownership_key(&pins->cids[index]);

    transaction->object_get.key =
        transaction_copy(transaction, (struct slice){(const char *)key.bytes, key.size});
    pin_call_read(pins, transaction, on_done);
}

static void on_target(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;

    pins->reading = NULL;
    if (has_failed(transaction))
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
    else if (own_recursive(pins, transaction) != NULL)
        pin_call_refuse(pins, 500, "'to' cid was already recursively pinned");
    else
        move(pins);
}

static void on_source(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;
    const struct pin_record *from = own_recursive(pins, transaction);

    pins->reading = NULL;
    if (has_failed(transaction)) {
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
    } else if (from == NULL) {
        pin_call_refuse(pins, 500, "'from' cid was not recursively pinned already");
    } else if (cid_equal(&pins->cids[0], &pins->cids[1])) {
        pin_call_answer_pins(pins);
    } else {
        text_put_slice(&pins->name, from->name);
        text_put_slice(&pins->labels, from->labels);
        pins->expires_ms = from->expires_ms;
        pins->min_copies = from->min_copies;
        read_object(pins, 1, on_target);
    }
}

static void look_at_source(struct pin_call *pins)
{
    read_object(pins, 0, on_source);
}

void treat_pin_update(struct rpc *rpc)
{
    struct error err = {0};

    if (rpc_check_copies(rpc, PIN_RECURSIVE, &err))
        pin_call_start(rpc, look_at_source);
    else
        rpc_refuse(rpc, &err);
}
