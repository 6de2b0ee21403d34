// SPDX-License-Identifier: Apache-2.0
/* pin/ls and pin/verify: a member's own pins, a page of the ledger at a time. */
#include "conf/memory.h"
#include "proxy/pin_call.h"
#include "proxy/pins.h"
#include "proxy/pins_indirect.h"
#include "proxy/reads.h"
#include "store/ownership.h"

enum { PAGE = 200 };

/* ---- one entry */

static bool is_shown(const struct pin_call *pins, const struct pin_record *record)
{
    return record->slot == SLOT_KUBO && record->held != PIN_NONE && record->state != PIN_REMOVING &&
           (pins->modes & 1U << record->held) != 0 &&
           (pins->filter.size == 0 || memmem(record->name.data, record->name.size,
                                             pins->filter.data, pins->filter.size) != NULL);
}

/* record NULL: an indirect pin, through root. */
static void put_facts(const struct pin_call *pins, const struct pin_record *record,
                      const struct cid *root, struct text *out)
{
    text_put_format(out, "\"Type\":\"%s",
                    record != NULL ? pin_mode_name(record->held) : "indirect through ");
    if (record == NULL)
        pin_call_put_cid(pins, root, out);
    text_put_char(out, '"');
    if (record == NULL || !pins->shows_names || record->name.size == 0)
        return;
    text_put_text(out, ",\"Name\":\"");
    text_put_json(out, record->name);
    text_put_char(out, '"');
}

/* A line of its own, or a member of the one object. */
static void put_entry(struct pin_call *pins, const struct cid *cid, const struct pin_record *record,
                      const struct cid *root)
{
    struct text *out = &pins->lines;
    bool is_line = !pins->is_whole;

    text_put_text(out, is_line ? "{\"Cid\":\"" : pins->has_entries ? ",\"" : "\"");
    pin_call_put_cid(pins, cid, out);
    text_put_text(out, is_line ? "\"," : "\":{");
    put_facts(pins, record, root, out);
    text_put_text(out, is_line ? "}\n" : "}");
    pins->has_entries = true;
}

static void begin(struct pin_call *pins)
{
    if (pins->is_whole)
        text_put_text(&pins->lines, "{\"Keys\":{");
}

static void end(struct pin_call *pins)
{
    if (pins->is_whole)
        text_put_text(&pins->lines, "}}\n");
    pins->has_ended = true;
}

/* The next page of the owner's pins. False: the ledger cannot take it. */
static bool read_page(struct pin_call *pins, store_done_cb on_done)
{
    struct transaction *transaction;
    struct error err = {0};

    if (!pins->has_more || pins->reading != NULL)
        return true;
    transaction = transaction_create(TRANSACTION_PIN_LIST);
    transaction->pin_list.owner = pins->owner;
    transaction->pin_list.limit = PAGE;
    memcpy(transaction->pin_list.after, pins->after, sizeof(pins->after));
    return pin_call_try_read(pins, transaction, on_done, &err);
}

/* The first, and the next each time that the one before is written. */
static void read_pages(struct pin_call *pins, bool (*on_room)(struct pin_call *pins))
{
    pins->has_more = true;
    pins->on_room = on_room;
    if (!on_room(pins))
        pin_call_refuse(pins, 503, "pin: the ledger is too busy; try again");
}

/* ---- all of them */

static void on_pins(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;
    const struct pin_list *page = &transaction->pin_list;
    struct cid cid;

    pins->reading = NULL;
    if (transaction->err.code != ERROR_NONE) {
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        memcpy(pins->after, page->records[i].id, sizeof(pins->after));
        if (is_shown(pins, &page->records[i]) && pin_call_read_cid(&page->records[i], &cid))
            put_entry(pins, &cid, &page->records[i], NULL);
    }
    pins->has_more = page->has_more;
    if (!page->has_more)
        end(pins);
    pin_call_produce(pins);
}

static bool read_pins(struct pin_call *pins)
{
    return read_page(pins, on_pins);
}

/* ---- those that are named */

static void find_next(struct pin_call *pins);

static const struct pin_record *own(const struct pin_call *pins,
                                    const struct transaction *transaction)
{
    const struct object_get *object = &transaction->object_get;

    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < object->count; i++)
        if (owner_equal(&object->pins[i].owner, &pins->owner) && is_shown(pins, &object->pins[i]))
            return &object->pins[i];
    return NULL;
}

static void refuse_unpinned(struct pin_call *pins)
{
    pin_call_refuse(pins, 500, "path '%.*s' is not pinned",
                    SLICE_ARGS(pins->rpc->call->arguments[pins->index].typed));
}

static void on_indirect(struct pin_call *pins, const struct cid *root)
{
    if (root == NULL) {
        refuse_unpinned(pins);
        return;
    }
    put_entry(pins, &pins->cids[pins->index], NULL, root);
    pins->index++;
    find_next(pins);
}

static void on_found(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;
    const struct pin_record *record = own(pins, transaction);
    enum error_code code = transaction->err.code;

    pins->reading = NULL;
    if (code != ERROR_NONE && code != ERROR_NOT_FOUND) {
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
    } else if (record != NULL) {
        put_entry(pins, &pins->cids[pins->index], record, NULL);
        pins->index++;
        find_next(pins);
    } else if (pins->shows_indirect) {
        if (pins->rpc->walk.walks != NULL || reads_take_walk(pins->rpc))
            pins_find_indirect(pins, on_indirect);
    } else {
        refuse_unpinned(pins);
    }
}

static void find_next(struct pin_call *pins)
{
    struct transaction *transaction;
    struct cid key;

    if (pins->index == pins->count) {
        end(pins);
        pin_call_produce(pins);
        return;
    }
    key = ownership_key(&pins->cids[pins->index]);
    transaction = transaction_create(TRANSACTION_OBJECT_GET);
    transaction->object_get.key =
        transaction_copy(transaction, (struct slice){(const char *)key.bytes, key.size});
    pin_call_read(pins, transaction, on_found);
}

/* ---- which */

static bool read_type(struct pin_call *pins, struct error *err)
{
    struct slice type = call_option_text(pins->rpc->call, OPT_TYPE);

    pins->shows_indirect = type.size == 0 || slice_is(type, "all") || slice_is(type, "indirect");
    if (type.size == 0 || slice_is(type, "all"))
        pins->modes = 1U << PIN_RECURSIVE | 1U << PIN_DIRECT;
    else if (slice_is(type, "recursive"))
        pins->modes = 1U << PIN_RECURSIVE;
    else if (slice_is(type, "direct"))
        pins->modes = 1U << PIN_DIRECT;
    else if (!slice_is(type, "indirect"))
        return error_set(err, ERROR_UNSUPPORTED,
                         "invalid type '%.*s', must be one of {direct, indirect, recursive, all}",
                         SLICE_ARGS(type));
    else if (pins->count == 0)
        return error_set(err, ERROR_REFUSED,
                         "pin/ls: indirect pins are listed for a named CID only: others' data is "
                         "among them; add the CID, or use type=recursive");
    return true;
}

static void list(struct pin_call *pins)
{
    const struct call *call = pins->rpc->call;
    struct error err = {0};

    if (!read_type(pins, &err)) {
        rpc_refuse(pins->rpc, &err);
        return;
    }
    pins->is_whole = !call_option_bool(call, OPT_STREAM, false);
    pins->filter = call_option_text(call, OPT_NAME);
    pins->shows_names = call_option_bool(call, OPT_NAMES, false) || pins->filter.size > 0;
    begin(pins);
    if (pins->count > 0) {
        find_next(pins);
        return;
    }
    read_pages(pins, read_pins);
}

void treat_pin_ls(struct rpc *rpc)
{
    pin_call_start(rpc, list);
}

/* ---- pin/verify */

static void verify_next(struct pin_call *pins);

static void put_verdict(struct pin_call *pins, const struct error *err)
{
    const struct call *call = pins->rpc->call;
    struct text *out = &pins->lines;

    if (err == NULL && !call_option_bool(call, OPT_VERBOSE, false))
        return;
    text_put_text(out, "{\"Cid\":\"");
    pin_call_put_cid(pins, &pins->cids[pins->index], out);
    text_put_text(out, err == NULL ? "\",\"Ok\":true" : "\",\"Err\":\"");
    if (err != NULL) {
        text_put_json(out, slice_of(err->text));
        text_put_char(out, '"');
    }
    text_put_text(out, "}\n");
    pin_call_produce(pins);
}

static void on_measured(void *pins_, const struct operation_result *result, const struct error *err)
{
    struct pin_call *pins = pins_;

    pins->measuring = NULL;
    put_verdict(pins, err);
    pins->index++;
    verify_next(pins);
}

static void verify_next(struct pin_call *pins)
{
    struct error err = {0};

    if (pins->index < pins->count) {
        if (!upstream_measure(pins->rpc->site->upstream, &pins->measuring, &pins->cids[pins->index],
                              PIN_RECURSIVE, on_measured, pins, &err))
            pin_call_refuse(pins, 502, "%s", err.text);
        return;
    }
    pins->has_ended = !pins->has_more;
    pin_call_produce(pins);
}

static void on_verified_page(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;
    const struct pin_list *page = &transaction->pin_list;

    pins->reading = NULL;
    if (transaction->err.code != ERROR_NONE) {
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
        return;
    }
    pins->count = pins->index = 0;
    for (size_t i = 0; i < page->count; i++) {
        memcpy(pins->after, page->records[i].id, sizeof(pins->after));
        if (is_shown(pins, &page->records[i]) &&
            pin_call_read_cid(&page->records[i], &pins->cids[pins->count]))
            pins->count++;
    }
    pins->has_more = page->has_more;
    verify_next(pins);
}

/* Not while pins of the page before are read. */
static bool verify_pages(struct pin_call *pins)
{
    return pins->index < pins->count || read_page(pins, on_verified_page);
}

static void verify(struct pin_call *pins)
{
    pins->modes = 1U << PIN_RECURSIVE;
    pins->cids = memory_resize_array(pins->cids, PAGE, sizeof(*pins->cids));
    read_pages(pins, verify_pages);
}

void treat_pin_verify(struct rpc *rpc)
{
    pin_call_start(rpc, verify);
}
