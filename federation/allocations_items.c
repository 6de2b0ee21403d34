// SPDX-License-Identifier: Apache-2.0
/* What items say, in JSON. The readers believe nothing: a member that is missing or of another kind
 * is refused. */
#include "federation/allocations_private.h"
#include "federation/carried.h"
#include "ipfs/multibase.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAR_BASE = 'm' };

/* ---- ours */

static void put_root(struct text *with, const struct cid *root)
{
    text_put_text(with, ",\"root\":\"");
    cid_print(root, CID_BASE_DEFAULT, with);
    text_put_char(with, '"');
}

/* A receipt has been put already: the id goes in front of it. */
static void put_receipt(const struct allocation_record *record, struct text *with)
{
    struct text whole = {0};

    text_put_format(&whole, "{\"id\":\"%s\",", record->id);
    if (with->size > 1)
        text_put(&whole, with->data + 1, with->size - 1);
    text_clear(with);
    text_put_slice(with, text_slice(&whole));
    text_dispose(&whole);
}

static void put_car(struct text *with, struct slice car)
{
    text_put_text(with, ",\"car\":\"");
    multibase_encode(CAR_BASE, car.data, car.size, with);
    text_put_char(with, '"');
}

void item_put_with(const struct entry *entry, struct slice car, struct text *with)
{
    const struct allocation_record *record = &entry->record;

    if (record->item == ALLOCATION_ITEM_RECEIPT) {
        put_receipt(record, with);
        return;
    }
    text_put_format(with, "{\"id\":\"%s\"", record->id);
    if (record->item == ALLOCATION_ITEM_RESERVE)
        put_root(with, &record->root);
    if (record->item == ALLOCATION_ITEM_RESERVE || record->item == ALLOCATION_ITEM_COMMIT)
        text_put_format(with, ",\"bytes\":%" PRIu64 ",\"blocks\":%" PRIu64, record->bytes,
                        record->blocks);
    if (record->item == ALLOCATION_ITEM_RESERVE)
        text_put_text(with, ",\"mode\":\"recursive\"");
    if (car.size > 0)
        put_car(with, car);
    if (record->item == ALLOCATION_ITEM_LEAVE)
        text_put_format(with, ",\"until_ms\":%" PRIu64, record->until_ms);
    if (record->item == ALLOCATION_ITEM_LEAVE || record->item == ALLOCATION_ITEM_EVICT) {
        text_put_format(with, ",\"reason\":\"%s\",\"said\":\"",
                        allocation_reason_name(record->reason));
        text_put_json(with, slice_of(record->said));
        text_put_char(with, '"');
    }
    text_put_char(with, '}');
}

/* ---- theirs */

static bool read_number(const json_t *with, const char *name, uint64_t *number)
{
    const json_t *value = json_object_get(with, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > (json_int_t)OBJECT_BYTES_MAX)
        return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_ulid(const json_t *with, const char *name, char ulid[ULID_SIZE])
{
    const char *text = json_string_value(json_object_get(with, name));

    if (text == NULL || !ulid_is_valid(slice_of(text)))
        return false;
    memcpy(ulid, text, ULID_SIZE);
    return true;
}

static bool read_root(const json_t *with, struct cid *root)
{
    const char *text = json_string_value(json_object_get(with, "root"));

    return text != NULL && cid_parse(root, slice_of(text), NULL) && root->version == 1;
}

static bool read_sizes(const json_t *with, struct allocation_event *event)
{
    return read_number(with, "bytes", &event->bytes) && read_number(with, "blocks", &event->blocks);
}

static bool read_reserve(const json_t *with, struct allocation_event *event, struct error *err)
{
    const char *mode = json_string_value(json_object_get(with, "mode"));

    if (!read_sizes(with, event) || !read_root(with, &event->root))
        return error_set(err, ERROR_SYNTAX, "a reservation has root (a CIDv1), bytes and blocks");
    return (mode != NULL && strcmp(mode, "recursive") == 0) ||
           error_set(err, ERROR_UNSUPPORTED, "only recursive allocations are taken");
}

/* The blocks that came along, if any did. */
static bool read_car(const json_t *with, struct allocation_event *event, struct text *carried,
                     struct error *err)
{
    const char *text = json_string_value(json_object_get(with, "car"));
    uint8_t car[CARRIED_CAR_MAX];
    uint64_t blocks;
    size_t size;

    if (json_object_get(with, "car") == NULL)
        return true;
    if (text == NULL)
        return error_set(err, ERROR_SYNTAX, "car is no text");
    if (!multibase_decode(slice_of(text), car, sizeof(car), &size, err))
        return error_prefix(err, "car");
    if (!carried_check(&event->root, event->bytes, (struct slice){(const char *)car, size}, carried,
                       &blocks, err))
        return error_prefix(err, "car");
    if (event->blocks != 0 && event->blocks != blocks)
        return error_set(err, ERROR_MISMATCH, "car: these are %" PRIu64 " blocks, not %" PRIu64,
                         blocks, event->blocks);
    event->blocks = blocks;
    event->is_complete = carried->size > 0; /* of inline blocks alone, nothing need come */
    return true;
}

static void read_evict(const json_t *with, struct allocation_event *event,
                       char said[ALLOCATION_SAID_SIZE])
{
    const char *words = json_string_value(json_object_get(with, "said"));

    event->is_final = !read_number(with, "until_ms", &event->until_ms);
    if (words != NULL)
        event->said =
            (struct slice){said, (size_t)snprintf(said, ALLOCATION_SAID_SIZE, "%s", words)};
    if (event->said.size >= ALLOCATION_SAID_SIZE)
        event->said.size = ALLOCATION_SAID_SIZE - 1;
}

bool item_read(struct allocations *allocations, struct party *party, enum allocation_item item,
               struct slice bytes, struct allocation_event *event, struct text *carried,
               char said[ALLOCATION_SAID_SIZE], struct error *err)
{
    const struct allocations_ways *ways = &allocations->settings.ways;
    json_t *with = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = json_is_object(with) && read_ulid(with, "id", event->id);

    if (!is_read)
        error_set(err, ERROR_SYNTAX, "the item has no allocation's id");
    else if (item == ALLOCATION_ITEM_RESERVE)
        is_read = read_reserve(with, event, err) && read_car(with, event, carried, err);
    else if (item == ALLOCATION_ITEM_COMMIT)
        is_read = read_sizes(with, event) ||
                  error_set(err, ERROR_SYNTAX, "a commitment has bytes and blocks");
    else if (item == ALLOCATION_ITEM_RECEIPT)
        is_read = ways->verify(ways->link_arg, party->partner, event->id, bytes, event, err);
    else if (item == ALLOCATION_ITEM_EVICT)
        read_evict(with, event, said);
    json_decref(with);
    return is_read;
}

/* {"position":n,"is_whole":bool,"is_over":bool,"grant":{"bytes":n,"pins":n,"max_object":n}} */
void item_read_answer(struct slice bytes, struct allocation_event *event, struct party *party)
{
    json_t *with = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *grant = json_object_get(with, "grant");
    struct grant told = GRANT_OPEN;

    (void)!read_number(with, "position", &event->position);
    event->is_final = json_is_true(json_object_get(with, "is_over"));
    if (json_is_object(grant)) {
        (void)!read_number(grant, "bytes", &told.bytes);
        (void)!read_number(grant, "pins", &told.pins);
        (void)!read_number(grant, "max_object", &told.max_object);
        party->there.theirs = told;
    }
    json_decref(with);
}

static void put_limit(struct text *out, const char *name, uint64_t limit)
{
    if (limit <= OBJECT_BYTES_MAX)
        text_put_format(out, "%s\"%s\":%" PRIu64, out->data[out->size - 1] == '{' ? "" : ",", name,
                        limit);
}

/* Our policy's, so that they need not ask for what they will not get. */
static void put_grant(struct text *out, const struct grant *grant)
{
    text_put_text(out, ",\"grant\":{");
    put_limit(out, "bytes", grant->bytes);
    put_limit(out, "pins", grant->pins);
    put_limit(out, "max_object", grant->max_object);
    text_put_char(out, '}');
}

static const char *const sentences[] = {
    [ALLOCATION_ITEM_RESERVE] = "this allocation is not taken",
    [ALLOCATION_ITEM_COMMIT] = "not all of it is here",
    [ALLOCATION_ITEM_RELEASE] = "no such allocation is held here",
    [ALLOCATION_ITEM_RECEIPT] = "no such allocation was placed there",
    [ALLOCATION_ITEM_LEAVE] = "no such allocation was placed there",
    [ALLOCATION_ITEM_EVICT] = "no such allocation was placed there",
};

void item_reply(struct task *task)
{
    const struct allocation_record *record = &task->entry->record;
    unsigned status = task->actions.answer;
    struct grant_account here = party_here(task->party);
    bool is_reserve = task->item == ALLOCATION_ITEM_RESERVE;
    struct text with = {0}, message = {0};

    text_put_format(&with, "{\"position\":%" PRIu64, record->position);
    if (record->is_complete)
        text_put_text(&with, ",\"is_whole\":true");
    if (status == 404 || status == 410)
        text_put_text(&with, ",\"is_over\":true");
    if (is_reserve)
        put_grant(&with, &task->party->here.ours);
    text_put_char(&with, '}');
    if (is_reserve && task->party->is_draining && status == 403)
        text_put_text(&message, "the link is about to end: nothing new is taken");
    else if (is_reserve && (status == 507 || status == 403))
        grant_explain(&here, task->event.bytes, &message);
    else if (task->item == ALLOCATION_ITEM_RECEIPT && status != 404)
        text_put_text(&message, "it is not for what was placed, or not all of that was sent");
    else if (status >= 400)
        text_put_text(&message, sentences[task->item]);
    task->on_reply(task->arg, (int)status, text_slice(&with), status >= 400 ? message.data : NULL);
    text_dispose(&with);
    text_dispose(&message);
}

/* ---- */

static bool find_item(const char *action, enum allocation_item *item)
{
    for (*item = ALLOCATION_ITEM_RESERVE; *item < ALLOCATION_ITEMS; (*item)++)
        if (strcmp(allocation_item_name(*item), action) == 0) {
            if (*item == ALLOCATION_ITEM_LEAVE)
                *item = ALLOCATION_ITEM_EVICT; /* its content tells them apart */
            return true;
        }
    return false;
}

bool allocations_take(struct allocations *allocations, const char *partner, const char *action,
                      const char *key, struct slice with, allocations_reply on_reply, void *arg)
{
    static const enum allocation_event_kind kinds[ALLOCATION_ITEMS] = {
        [ALLOCATION_ITEM_RESERVE] = ALLOCATION_RESERVE,
        [ALLOCATION_ITEM_COMMIT] = ALLOCATION_COMMIT,
        [ALLOCATION_ITEM_RELEASE] = ALLOCATION_RELEASE_HEARD,
        [ALLOCATION_ITEM_RECEIPT] = ALLOCATION_RECEIPT,
        [ALLOCATION_ITEM_EVICT] = ALLOCATION_EVICT_HEARD,
    };
    struct party *party = allocations_party(allocations, partner);
    struct allocation_event event = {0};
    struct text carried = {0};
    char said[ALLOCATION_SAID_SIZE];
    struct error err = {0};
    enum allocation_item item;
    struct task *task;
    bool is_ours;

    if (!find_item(action, &item))
        return false;
    if (party == NULL || party->is_loading || party->state == ALLOCATIONS_LINK_OVER ||
        (item == ALLOCATION_ITEM_RESERVE && !party->is_granted)) {
        on_reply(arg, 503, SLICE(""), "allocations of this link are not served now");
        return true;
    }
    event.kind = kinds[item];
    memcpy(event.key, key, ULID_SIZE);
    memcpy(event.link, party->link, ULID_SIZE);
    if (!item_read(allocations, party, item, with, &event, &carried, said, &err)) {
        text_dispose(&carried);
        on_reply(arg, 400, SLICE(""), err.text);
        return true;
    }
    is_ours = item == ALLOCATION_ITEM_RECEIPT || item == ALLOCATION_ITEM_EVICT;
    task = task_create(allocations, party, is_ours ? ALLOCATION_OWNER : ALLOCATION_HOLDER, &event);
    task->item = item;
    task->carried = carried;
    task->on_reply = on_reply;
    task->arg = arg;
    task_run(task);
    return true;
}
