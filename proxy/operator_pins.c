// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_pins.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "federation/operator_allocations.h"
#include "federation/placer.h"
#include "proxy/gateway.h"
#include "store/ownership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 1000, ADOPT_LIMIT = 10000, COPIES_LIMIT = 1000 };

static json_t *time_of(uint64_t ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    return ms == 0 ? json_null() : json_string(units_print_timestamp(text, ms));
}

/* ---- owners */

/* Text of the form "kind:id". */
static bool read_owner(struct slice text, struct owner *owner, struct error *err)
{
    const char *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    struct slice kind = text, id = SLICE("operator");

    *owner = (struct owner){0};
    if (colon != NULL) {
        kind.size = (size_t)(colon - text.data);
        id = (struct slice){colon + 1, text.size - kind.size - 1};
    }
    if (!owner_kind_parse(&owner->kind, kind) || (colon == NULL && !slice_is(text, "operator")))
        return error_set(err, ERROR_SYNTAX,
                         "owner: '%.*s' is none; write member:ID, group:ID or operator",
                         SLICE_ARGS(text));
    if (!id_check(id, "owner", err))
        return false;
    memcpy(owner->id, id.data, id.size);
    return true;
}

/* Who gets something must exist. */
static bool check_owner(struct gateway *gateway, const struct owner *owner, struct error *err)
{
    const struct policy *policy = gateway->snapshot->policy;

    if (policy == NULL)
        return owner->kind == OWNER_OPERATOR ||
               error_set(err, ERROR_REFUSED,
                         "without a policy all pins are the operator's: write --owner operator");
    if (owner->kind == OWNER_MEMBER)
        return gateway_check_member(gateway, slice_of(owner->id), err);
    if (owner->kind == OWNER_GROUP)
        return policy_has_group(policy, slice_of(owner->id)) ||
               error_set(err, ERROR_NOT_FOUND, "the policy in force has no group '%s'", owner->id);
    return owner->kind == OWNER_OPERATOR ||
           error_set(err, ERROR_REFUSED, "a partner's pins come over its link");
}

static json_t *describe_owner(const struct owner *owner)
{
    if (owner->kind == OWNER_OPERATOR)
        return json_string("operator");
    return json_sprintf("%s:%s", owner_kind_name(owner->kind), owner->id);
}

/* {"class": "secret"} */
static json_t *describe_labels(struct slice labels)
{
    json_t *made = json_object();

    while (labels.size > 0) {
        const char *comma = memchr(labels.data, ',', labels.size);
        size_t size = comma == NULL ? labels.size : (size_t)(comma - labels.data);
        const char *equal = memchr(labels.data, '=', size);
        size_t used = comma == NULL ? size : size + 1;

        if (equal != NULL)
            json_object_setn_new(made, labels.data, (size_t)(equal - labels.data),
                                 json_stringn(equal + 1, size - (size_t)(equal + 1 - labels.data)));
        labels = (struct slice){labels.data + used, labels.size - used};
    }
    return made;
}

static json_t *describe_pin(const struct pin_record *pin)
{
    json_t *name = json_stringn(pin->name.size > 0 ? pin->name.data : "", pin->name.size);
    enum pin_mode mode = pin->held != PIN_NONE ? pin->held : pin->wanted;

    return json_pack("{s:s,s:o,s:s%,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", pin->id, "owner",
                     describe_owner(&pin->owner), "cid", pin->cid.data, pin->cid.size, "mode",
                     pin_mode_name(mode), "state", pin_state_name(pin->state), "name",
                     name != NULL ? name : json_string("?"), "created", time_of(pin->created_ms),
                     "expires", time_of(pin->expires_ms), "labels", describe_labels(pin->labels),
                     "min_copies",
                     pin->min_copies > 0 ? json_integer((json_int_t)pin->min_copies) : json_null());
}

/* ---- /pin/list */

static void on_listed(struct operator_call *call, struct transaction *transaction)
{
    const struct pin_list *page = &transaction->pin_list;
    struct slice wanted = operator_text(operator_input(call), "state");
    json_t *pins = json_array();
    json_t *output = json_pack("{s:o,s:b}", "pins", pins, "has_more", (int)page->has_more);

    for (size_t i = 0; i < page->count; i++)
        if (wanted.size == 0 || slice_is(wanted, pin_state_name(page->records[i].state)))
            json_array_append_new(pins, describe_pin(&page->records[i]));
    if (page->count > 0)
        json_object_set_new(output, "last", json_string(page->records[page->count - 1].id));
    operator_answer(call, 200, output);
}

static bool read_list(const json_t *input, struct pin_list *list, struct error *err)
{
    json_int_t limit = json_integer_value(json_object_get(input, "limit"));
    struct slice owner = operator_text(input, "owner"), after = operator_text(input, "after"),
                 state = operator_text(input, "state");
    enum pin_state parsed;

    if (owner.size > 0 && !read_owner(owner, &list->owner, err))
        return false;
    if (state.size > 0 && !pin_state_parse(&parsed, state))
        return error_set(err, ERROR_SYNTAX,
                         "state: '%.*s' is none; there are queued, pinning, pinned, failed, lost, "
                         "ownerless and removing",
                         SLICE_ARGS(state));
    if (after.size > 0 && !ulid_is_valid(after))
        return error_set(err, ERROR_SYNTAX, "after must be a pin's id");
    if (after.size > 0)
        memcpy(list->after, after.data, after.size);
    list->limit = limit > 0 && limit < LIST_LIMIT ? (size_t)limit : LIST_LIMIT;
    return true;
}

static void run_list(struct operator_call *call)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};

    if (read_list(operator_input(call), &list->pin_list, &err)) {
        operator_transact(call, list, on_listed);
        return;
    }
    transaction_destroy(&list);
    operator_refuse_error(call, &err);
}

/* ---- /pin/status */

struct pin_inquiry {
    struct operator_call *call;
    struct operation *looking;
    struct placer_waiter waiter;
    struct cid cid;
    json_t *output;
    struct pin_inquiry *next; /* of the gateway's, that wait for the storage */
};

static json_t *describe_object(const struct object_get *found)
{
    const struct object_record *record = &found->record;
    json_t *object = json_pack("{s:s,s:b,s:b}", "holds", pin_mode_name(record->upstream), "adopted",
                               (int)record->is_adopted, "doubtful", (int)record->is_doubtful);

    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++)
        if (record->has_bytes[mode])
            json_object_set_new(object, mode == PIN_DIRECT ? "root_bytes" : "bytes",
                                json_integer((json_int_t)record->bytes[mode]));
    return object;
}

/* The copy that is here, as the storage has just said. */
static json_t *describe_local(const struct operation_result *result, const struct error *err)
{
    const char *state = err != NULL                ? "unknown"
                        : result->ours != PIN_NONE ? "pinned"
                        : result->foreign != PIN_NONE || result->foreign_v0 != PIN_NONE
                            ? "pinned by others"
                            : "missing";

    return json_pack("{s:s,s:s,s:b,s:o,s:s}", "site", "local", "state", state, "counts",
                     (int)(err == NULL && result->ours != PIN_NONE), "evidence_age_ms",
                     err != NULL ? json_null() : json_integer(0), "why",
                     err != NULL ? err->text : "the storage was asked now");
}

static void on_looked(void *inquiry_, const struct operation_result *result,
                      const struct error *err)
{
    struct pin_inquiry *inquiry = inquiry_;
    json_t *storage = err != NULL ? json_pack("{s:s}", "fault", err->text)
                                  : json_pack("{s:s,s:s,s:s}", "ours", pin_mode_name(result->ours),
                                              "foreign", pin_mode_name(result->foreign),
                                              "foreign_v0", pin_mode_name(result->foreign_v0));

    struct pin_inquiry **at = &gateway_of_call(inquiry->call)->inquiries;

    while (*at != inquiry)
        at = &(*at)->next;
    *at = inquiry->next;
    json_object_set_new(inquiry->output, "storage", storage);
    if (json_array_size(json_object_get(inquiry->output, "pins")) > 0)
        json_array_insert_new(json_object_get(inquiry->output, "copies"), 0,
                              describe_local(result, err));
    operator_answer(inquiry->call, 200, inquiry->output);
    free(inquiry);
}

/* The storage's own word, now. */
static void look(struct pin_inquiry *inquiry)
{
    struct gateway *gateway = gateway_of_call(inquiry->call);
    struct text name = {0};
    struct error err = {0};

    inquiry->next = gateway->inquiries;
    gateway->inquiries = inquiry;
    text_put_format(&name, "cw:%s", store_uuid(gateway->context.store));
    if (!upstream_look(gateway->storage, &inquiry->looking, &inquiry->cid, text_slice(&name),
                       on_looked, inquiry, &err))
        on_looked(inquiry, NULL, &err);
    text_dispose(&name);
}

void pin_inquiries_end(struct gateway *gateway)
{
    struct error err = {0};

    error_set(&err, ERROR_CANCELED, "the gateway took up another storage, or stops");
    while (gateway->inquiries != NULL) {
        upstream_cancel(&gateway->inquiries->looking);
        on_looked(gateway->inquiries, NULL, &err);
    }
}

/* ---- what placement says */

static void on_stand(struct placer_waiter *waiter, const struct placer_stand *stand,
                     struct slice words)
{
    struct pin_inquiry *inquiry = CONTAINER_OF(waiter, struct pin_inquiry, waiter);
    struct gateway *gateway = gateway_of_call(inquiry->call);
    json_t *placement = json_null(), *why;

    placer_unwait(gateway->partners.placer, waiter);
    if (stand != NULL) {
        why = json_stringn(words.data, words.size);
        placement = json_pack("{s:I,s:I,s:b,s:o}", "copies", (json_int_t)stand->there, "waits_for",
                              (json_int_t)stand->wait, "no_site", (int)stand->is_short, "why",
                              why != NULL ? why : json_null());
    }
    json_object_set_new(inquiry->output, "placement", placement);
    look(inquiry);
}

static void ask_placer(struct pin_inquiry *inquiry)
{
    struct gateway *gateway = gateway_of_call(inquiry->call);

    if (gateway->context.placer == NULL) {
        look(inquiry);
        return;
    }
    inquiry->waiter = (struct placer_waiter){.object = inquiry->cid, .on_stand = on_stand};
    placer_wait(gateway->partners.placer, &inquiry->waiter);
}

/* Those at partners, and those that partners have placed here. */
static void on_copies(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct pin_inquiry *inquiry = *operator_context(call);
    const struct allocation_list *list = &transaction->allocation_list;
    const struct links *links = operator_site(call)->links;
    json_t *copies = json_array(), *known = links != NULL ? links_describe(links, NULL) : NULL;

    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < list->count; i++)
        json_array_append_new(copies,
                              allocation_describe(&list->entries[i], known, operator_now_ms(call)));
    json_decref(known);
    json_object_set_new(inquiry->output, "copies", copies);
    if (transaction->err.code != ERROR_NONE)
        json_object_set_new(inquiry->output, "copies_fault", json_string(transaction->err.text));
    ask_placer(inquiry);
}

static void list_copies(struct operator_call *call)
{
    struct pin_inquiry *inquiry = *operator_context(call);
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct error err = {0};

    list->allocation_list.by = ALLOCATION_LIST_OBJECT;
    list->allocation_list.limit = COPIES_LIMIT;
    list->allocation_list.object =
        transaction_copy(list, (struct slice){(const char *)inquiry->cid.bytes, inquiry->cid.size});
    if (store_start(operator_site(call)->store, operator_site(call)->loop, list, on_copies, call,
                    &err))
        return;
    transaction_destroy(&list);
    operator_refuse(call, 503, "%s", err.text);
    json_decref(inquiry->output);
    free(inquiry);
}

static void on_object(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct pin_inquiry *inquiry = *operator_context(call);
    const struct object_get *found = &transaction->object_get;
    bool is_known = transaction->err.code == ERROR_NONE;
    const struct sweep_result *last = sweep_last(gateway_of_call(call)->sweep);
    struct text cid = {0};
    json_t *pins = json_array();

    if (!is_known && transaction->err.code != ERROR_NOT_FOUND) {
        json_decref(pins);
        free(inquiry);
        operator_refuse_error(call, &transaction->err);
        return;
    }
    cid_print(&inquiry->cid, CID_BASE_DEFAULT, &cid);
    for (size_t i = 0; is_known && i < found->count; i++)
        json_array_append_new(pins, describe_pin(&found->pins[i]));
    inquiry->output = json_pack("{s:s,s:o,s:o,s:o}", "cid", cid.data, "ledger",
                                is_known ? describe_object(found) : json_null(), "pins", pins,
                                "checked", time_of(last->finished_ms));
    text_dispose(&cid);
    list_copies(call);
}

static void show_object(struct operator_call *call, const struct cid *cid)
{
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);
    struct pin_inquiry *inquiry = memory_alloc(sizeof(*inquiry));
    struct error err = {0};

    inquiry->call = call;
    inquiry->cid = ownership_key(cid);
    *operator_context(call) = inquiry;
    get->object_get.key =
        transaction_copy(get, (struct slice){(const char *)inquiry->cid.bytes, inquiry->cid.size});
    if (store_start(operator_site(call)->store, operator_site(call)->loop, get, on_object, call,
                    &err))
        return;
    transaction_destroy(&get);
    free(inquiry);
    operator_refuse(call, 503, "%s", err.text);
}

/* Pins are listed behind an id: the one before it in the alphabet of ULIDs. */
static void precede(char id[ULID_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    size_t i = ULID_SIZE - 1;

    while (i > 0 && id[i - 1] == '0')
        id[--i] = 'z';
    if (i > 0)
        id[i - 1] = digits[(size_t)(strchr(digits, id[i - 1]) - digits) - 1];
}

static void on_found(struct operator_call *call, struct transaction *transaction)
{
    const struct pin_list *page = &transaction->pin_list;
    struct slice id = operator_text(operator_input(call), "pin");
    struct error err = {0};
    struct cid cid;

    if (page->count == 0 || !slice_is(id, page->records[0].id))
        operator_refuse(call, 404, "there is no pin %.*s", SLICE_ARGS(id));
    else if (!cid_from_bytes(&cid, page->records[0].key.data, page->records[0].key.size, &err))
        operator_refuse_error(call, &err);
    else
        show_object(call, &cid);
}

static void run_status(struct operator_call *call)
{
    struct slice pin = operator_text(operator_input(call), "pin");
    struct transaction *list;
    struct error err = {0};
    struct cid cid;

    if (!ulid_is_valid(pin)) {
        if (cid_parse(&cid, pin, &err))
            show_object(call, &cid);
        else
            operator_refuse(call, 400, "pin: a CID, or the id of a pin (causeway pin ls): %s",
                            err.text);
        return;
    }
    list = transaction_create(TRANSACTION_PIN_LIST);
    memcpy(list->pin_list.after, pin.data, pin.size);
    precede(list->pin_list.after);
    list->pin_list.limit = 1;
    operator_transact(call, list, on_found);
}

/* ---- /pin/adopt, /pin/adopt/status */

static bool read_cids(const json_t *input, struct cid **cids, size_t *count, struct error *err)
{
    const json_t *array = json_object_get(input, "cids");
    struct error fault = {0};

    *count = json_array_size(array);
    *cids = NULL;
    if (json_is_true(json_object_get(input, "all")))
        return *count == 0 || error_set(err, ERROR_SYNTAX, "all, or some: not both");
    if (*count == 0 || *count > ADOPT_LIMIT)
        return error_set(err, ERROR_SYNTAX, "cids: from 1 to %d, or all", ADOPT_LIMIT);
    *cids = memory_alloc(*count * sizeof(**cids));
    for (size_t i = 0; i < *count; i++) {
        const json_t *value = json_array_get(array, i);
        struct slice text = {json_string_value(value), json_string_length(value)};

        if (!cid_parse(&(*cids)[i], text, &fault))
            return error_set(err, ERROR_SYNTAX, "'%.*s' is no CID: %s", SLICE_ARGS(text),
                             fault.text);
    }
    return true;
}

static void run_adopt_status(struct operator_call *call)
{
    operator_answer(call, 200, adoption_describe(gateway_of_call(call)->adoption));
}

static void run_adopt(struct operator_call *call)
{
    struct gateway *gateway = gateway_of_call(call);
    const json_t *input = operator_input(call);
    struct cid *cids = NULL;
    struct error err = {0};
    struct owner owner;
    size_t count;

    if (read_owner(operator_text(input, "owner"), &owner, &err) &&
        check_owner(gateway, &owner, &err) && read_cids(input, &cids, &count, &err) &&
        adoption_start(gateway->adoption, &owner, cids, count, &err))
        run_adopt_status(call);
    else
        operator_refuse_error(call, &err);
    free(cids);
}

const struct operator_route pin_routes[] = {
    {"/pin/list", run_list},
    {"/pin/status", run_status},
    {"/pin/adopt", run_adopt},
    {"/pin/adopt/status", run_adopt_status},
    {NULL, NULL},
};
