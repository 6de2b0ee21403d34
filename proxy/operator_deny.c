// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_deny.h"

#include "conf/units.h"
#include "ipfs/cid.h"

enum { LIST_LIMIT = 1000 };

/* ---- reading */

/* Also with /ipfs/ before it, as it stands in links. */
static bool read_cid(const json_t *input, struct cid *cid, struct error *err)
{
    struct slice text = operator_text(input, "cid");
    struct error why = {0};

    if (text.data == NULL)
        return error_set(err, ERROR_SYNTAX, "cid is missing: what is it about?");
    if (slice_starts(text, "/ipfs/"))
        text = (struct slice){text.data + 6, text.size - 6};
    return cid_parse(cid, text, &why) ||
           error_set(err, ERROR_SYNTAX, "%.*s is no CID: %s", SLICE_ARGS(text), why.text);
}

static bool read_hex(struct slice text, uint8_t *bytes, size_t *size)
{
    *size = text.size / 2;
    for (size_t i = 0; i < text.size; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = memchr(digits, text.data[i], sizeof(digits) - 1);

        if (at == NULL)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (at - digits));
    }
    return text.size % 2 == 0;
}

/* ---- answering */

static json_t *describe(const struct denied_record *record)
{
    static const char prefix[] = {0x01, CODEC_RAW};
    struct text cid_text = {0}, hex = {0}, bytes = {0};
    char time[UNITS_TIMESTAMP_SIZE];
    struct cid cid = {0};
    json_t *object;

    text_put(&bytes, prefix, sizeof(prefix));
    text_put_slice(&bytes, record->multihash);
    if (cid_from_bytes(&cid, bytes.data, bytes.size, NULL))
        cid_print(&cid, CID_BASE_DEFAULT, &cid_text);
    for (size_t i = 0; i < record->multihash.size; i++)
        text_put_format(&hex, "%02x", (unsigned char)record->multihash.data[i]);
    object = json_pack("{s:s%,s:s%,s:s%,s:s}", "cid", cid_text.size > 0 ? cid_text.data : "",
                       cid_text.size, "multihash", hex.size > 0 ? hex.data : "", hex.size, "reason",
                       record->reason.size > 0 ? record->reason.data : "", record->reason.size,
                       "added", units_print_timestamp(time, record->added_ms));
    text_dispose(&cid_text);
    text_dispose(&hex);
    text_dispose(&bytes);
    return object;
}

static void on_added(struct operator_call *call, struct transaction *transaction)
{
    operator_answer(call, 200, describe(&transaction->deny_add.record));
}

static void run_add(struct operator_call *call)
{
    struct transaction *add = transaction_create(TRANSACTION_DENY_ADD);
    struct denied_record *record = &add->deny_add.record;
    struct error err = {0};
    struct cid cid = {0};

    if (!read_cid(operator_input(call), &cid, &err)) {
        transaction_destroy(&add);
        operator_refuse_error(call, &err);
        return;
    }
    record->multihash = transaction_copy(add, cid_multihash(&cid));
    record->reason = transaction_copy(add, operator_text(operator_input(call), "reason"));
    record->added_ms = operator_now_ms(call);
    operator_transact(call, add, on_added);
}

static void on_removed(struct operator_call *call, struct transaction *transaction)
{
    operator_answer(call, 200, describe(&transaction->deny_remove.record));
}

static void run_remove(struct operator_call *call)
{
    struct transaction *removal = transaction_create(TRANSACTION_DENY_REMOVE);
    struct error err = {0};
    struct cid cid = {0};

    if (!read_cid(operator_input(call), &cid, &err)) {
        transaction_destroy(&removal);
        operator_refuse_error(call, &err);
        return;
    }
    removal->deny_remove.multihash = transaction_copy(removal, cid_multihash(&cid));
    operator_transact(call, removal, on_removed);
}

static void on_listed(struct operator_call *call, struct transaction *transaction)
{
    const struct deny_list *page = &transaction->deny_list;
    json_t *denied = json_array();

    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(denied, describe(&page->records[i]));
    operator_answer(call, 200,
                    json_pack("{s:o,s:b}", "denied", denied, "has_more", (int)page->has_more));
}

static void run_list(struct operator_call *call)
{
    struct slice after = operator_text(operator_input(call), "after");
    const json_t *limit = json_object_get(operator_input(call), "limit");
    struct transaction *list = transaction_create(TRANSACTION_DENY_LIST);
    uint8_t bytes[CID_BYTES_MAX] = {0};
    size_t size = 0;

    if (after.size > 2 * sizeof(bytes) || !read_hex(after, bytes, &size)) {
        transaction_destroy(&list);
        operator_refuse(call, 400, "after must be a multihash, in hexadecimal");
        return;
    }
    list->deny_list.after = transaction_copy(list, (struct slice){(const char *)bytes, size});
    list->deny_list.limit = LIST_LIMIT;
    if (json_integer_value(limit) > 0 && json_integer_value(limit) < LIST_LIMIT)
        list->deny_list.limit = (size_t)json_integer_value(limit);
    operator_transact(call, list, on_listed);
}

const struct operator_route deny_routes[] = {
    {"/deny/add", run_add},
    {"/deny/remove", run_remove},
    {"/deny/list", run_list},
    {NULL, NULL},
};
