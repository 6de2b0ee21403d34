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

/* As Kubo writes it: what is zero is left out. Who reads slowly gets the newest alone. */
static void on_progress(void *pins_, uint64_t nodes, uint64_t bytes)
{
    struct pin_call *pins = pins_;

    text_clear(&pins->lines);
    text_put_char(&pins->lines, '{');
    if (nodes > 0)
        text_put_format(&pins->lines, "\"Progress\":%llu", (unsigned long long)nodes);
    if (bytes > 0)
        text_put_format(&pins->lines, "%s\"Bytes\":%llu", nodes > 0 ? "," : "",
                        (unsigned long long)bytes);
    text_put_text(&pins->lines, "}\n");
    pin_call_produce(pins);
}

static void claim_next(struct pin_call *pins)
{
    const struct call *call = pins->rpc->call;
    bool has_progress = call_option_bool(call, OPT_PROGRESS, false);
    struct tracker_request request = {
        .action = TRACKER_CLAIM,
        .owner = pins->owner,
        .mode = call_option_bool(call, OPT_RECURSIVE, true) ? PIN_RECURSIVE : PIN_DIRECT,
        .has_name = true, /* without one, Kubo too forgets the one that was there before */
        .name = call_option_text(call, OPT_NAME),
        .labels = call_option_text(call, OPT_CW_LABEL),
        .expires_ms = rpc_pin_expires_ms(pins->rpc),
        .shortens = call_has_option(call, OPT_CW_EXPIRE_IN),
        .offline = pin_call_is_offline(pins->rpc),
        .wants_progress = has_progress,
    };
    struct text typed = {0};

    if (pins->index == pins->count) {
        pin_call_answer_pins(pins);
        return;
    }
    request.cid = pins->cids[pins->index];
    cid_print(&request.cid, CID_BASE_DEFAULT, &typed);
    request.typed = text_slice(&typed);
    pin_call_track(pins, &request, has_progress ? on_progress : NULL, on_claimed);
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

    if (rpc_check_own_options(rpc->call, &err) && check_name(rpc->call, &err))
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

static void on_moved(void *pins_, const struct tracker_answer *answer)
{
    struct pin_call *pins = pins_;
    struct tracker_request request = {.action = TRACKER_RELEASE,
                                      .owner = pins->owner,
                                      .cid = pins->cids[0],
                                      .mode = PIN_RECURSIVE};

    pins->waiting = NULL;
    if (answer->outcome != TRACKER_DONE)
        pin_call_fail(pins, answer);
    else if (!call_option_bool(pins->rpc->call, OPT_UNPIN, true))
        pin_call_answer_pins(pins);
    else
        pin_call_track(pins, &request, NULL, on_left);
}

/* The pin ends when the one that it takes the place of would have, or as this call's token says:
 * the sooner. */
static uint64_t end_of_moved(const struct pin_call *pins)
{
    uint64_t own_ms = rpc_pin_expires_ms(pins->rpc);
    bool is_sooner = own_ms != 0 && (pins->expires_ms == 0 || own_ms < pins->expires_ms);

    return is_sooner ? own_ms : pins->expires_ms;
}

/* What the call asks for, else those that the pin had. */
static struct slice labels_of_moved(const struct pin_call *pins)
{
    struct slice asked = call_option_text(pins->rpc->call, OPT_CW_LABEL);

    return asked.size > 0 ? asked : text_slice(&pins->labels);
}

static void move(struct pin_call *pins)
{
    struct tracker_request request = {.action = TRACKER_CLAIM,
                                      .owner = pins->owner,
                                      .cid = pins->cids[1],
                                      .mode = PIN_RECURSIVE,
                                      .has_name = pins->name.size > 0,
                                      .name = text_slice(&pins->name),
                                      .labels = labels_of_moved(pins),
                                      .expires_ms = end_of_moved(pins),
                                      .offline = pin_call_is_offline(pins->rpc)};

    pin_call_track(pins, &request, NULL, on_moved);
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
        read_object(pins, 1, on_target);
    }
}

static void look_at_source(struct pin_call *pins)
{
    read_object(pins, 0, on_source);
}

void treat_pin_update(struct rpc *rpc)
{
    pin_call_start(rpc, look_at_source);
}
