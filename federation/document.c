// SPDX-License-Identifier: Apache-2.0
#include "federation/document.h"

#include "conf/ulid.h"
#include "ipfs/cid.h"

#include <assert.h>
#include <string.h>

enum { MAJOR_UNSIGNED = 0, MAJOR_NEGATIVE = 1, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_MAP = 5 };
enum { CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5 };

/* ---- writing */

static void put_bytes(struct text *out, unsigned major, struct slice bytes)
{
    dag_cbor_put_head(out, major, bytes.size);
    text_put_slice(out, bytes);
}

static void put_signed(struct text *out, int64_t value)
{
    if (value < 0)
        dag_cbor_put_head(out, MAJOR_NEGATIVE, (uint64_t) - (value + 1));
    else
        dag_cbor_put_head(out, MAJOR_UNSIGNED, (uint64_t)value);
}

static void put_cid(struct text *out, const struct cid *cid)
{
    dag_cbor_put_link(out, (struct slice){(const char *)cid->bytes, cid->size});
}

void document_put_key(const char *key, struct text *out)
{
    put_bytes(out, MAJOR_TEXT, slice_of(key));
}

static void put_number(struct text *out, uint64_t number)
{
    assert(number <= INT64_MAX);
    dag_cbor_put_head(out, MAJOR_UNSIGNED, number);
}

void document_put_field(const struct document_field *field, const void *from, struct text *out)
{
    const char *at = (const char *)from + field->offset;

    document_put_key(field->key, out);
    switch (field->kind) {
    case DOCUMENT_NUMBER:
        put_number(out, *(const uint64_t *)(const void *)at);
        return;
    case DOCUMENT_SIGNED:
        put_signed(out, *(const int32_t *)(const void *)at);
        return;
    case DOCUMENT_SMALL:
        put_number(out, *(const unsigned *)(const void *)at);
        return;
    case DOCUMENT_TRUTH:
        text_put_char(out, (char)(*(const bool *)(const void *)at ? CBOR_TRUE : CBOR_FALSE));
        return;
    case DOCUMENT_TEXT:
    case DOCUMENT_ULID:
        put_bytes(out, MAJOR_TEXT, slice_of(at));
        return;
    case DOCUMENT_DIGEST:
        put_bytes(out, MAJOR_BYTES, (struct slice){at, field->limit});
        return;
    case DOCUMENT_CID:
        put_cid(out, (const struct cid *)(const void *)at);
        return;
    }
}

void document_put(const struct document_shape *shape, const void *from, struct text *out)
{
    dag_cbor_put_head(out, MAJOR_MAP, shape->count);
    for (size_t i = 0; i < shape->count; i++)
        document_put_field(&shape->fields[i], from, out);
}

/* ---- comparing */

static bool is_equal(const struct document_field *field, const void *a, const void *b)
{
    switch (field->kind) {
    case DOCUMENT_NUMBER:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    case DOCUMENT_SIGNED:
        return *(const int32_t *)a == *(const int32_t *)b;
    case DOCUMENT_SMALL:
        return *(const unsigned *)a == *(const unsigned *)b;
    case DOCUMENT_TRUTH:
        return *(const bool *)a == *(const bool *)b;
    case DOCUMENT_TEXT:
    case DOCUMENT_ULID:
        return strcmp(a, b) == 0;
    case DOCUMENT_DIGEST:
        return memcmp(a, b, field->limit) == 0;
    case DOCUMENT_CID:
        break;
    }
    return cid_equal(a, b);
}

bool document_equal(const struct document_shape *shape, const void *a, const void *b)
{
    for (size_t i = 0; i < shape->count; i++) {
        size_t offset = shape->fields[i].offset;

        if (!is_equal(&shape->fields[i], (const char *)a + offset, (const char *)b + offset))
            return false;
    }
    return true;
}

/* ---- reading */

static bool wrong(const struct document_field *field, struct error *err)
{
    static const char *const wanted[] = {
        [DOCUMENT_NUMBER] = "a number from 0 on",   [DOCUMENT_SIGNED] = "a number of 32 bits",
        [DOCUMENT_SMALL] = "one of a few numbers",  [DOCUMENT_TRUTH] = "true or false",
        [DOCUMENT_TEXT] = "a short text",           [DOCUMENT_ULID] = "a ULID",
        [DOCUMENT_DIGEST] = "bytes of that length", [DOCUMENT_CID] = "a link",
    };

    return error_set(err, ERROR_SYNTAX, "\"%s\" is not %s", field->key, wanted[field->kind]);
}

static bool read_number(const struct document_field *field, const struct dag_item *item,
                        int64_t min, int64_t max, int64_t *value, struct error *err)
{
    if (item->kind != DAG_INT || item->integer < min || item->integer > max)
        return wrong(field, err);
    *value = item->integer;
    return true;
}

static bool read_text(const struct document_field *field, struct slice text, char *to,
                      struct error *err)
{
    if (text.size >= field->limit || memchr(text.data, '\0', text.size) != NULL ||
        !slice_is_utf8(text))
        return wrong(field, err);
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool read_ulid(const struct document_field *field, struct slice text, char *to,
                      struct error *err)
{
    if ((text.size != 0 || field->limit == 1) && !ulid_is_valid(text))
        return wrong(field, err);
    if (text.size != 0)
        memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool read_bytes(const struct document_field *field, const struct dag_node *node,
                       const struct dag_item *item, char *to, struct error *err)
{
    struct slice bytes = item->size == 0 ? SLICE("") : dag_node_bytes(node, item);

    switch (field->kind) {
    case DOCUMENT_TEXT:
        return item->kind == DAG_TEXT ? read_text(field, bytes, to, err) : wrong(field, err);
    case DOCUMENT_ULID:
        return item->kind == DAG_TEXT ? read_ulid(field, bytes, to, err) : wrong(field, err);
    case DOCUMENT_DIGEST:
        if (item->kind != DAG_BYTES || bytes.size != field->limit)
            return wrong(field, err);
        memcpy(to, bytes.data, bytes.size);
        return true;
    default:
        return (item->kind == DAG_LINK &&
                cid_from_bytes((struct cid *)(void *)to, bytes.data, bytes.size, NULL)) ||
               wrong(field, err);
    }
}

static bool read_value(const struct document_field *field, const struct dag_node *node,
                       const struct dag_item *item, char *to, struct error *err)
{
    int64_t value = 0;

    switch (field->kind) {
    case DOCUMENT_NUMBER:
        if (!read_number(field, item, 0, INT64_MAX, &value, err))
            return false;
        *(uint64_t *)(void *)to = (uint64_t)value;
        return true;
    case DOCUMENT_SIGNED:
        if (!read_number(field, item, INT32_MIN, INT32_MAX, &value, err))
            return false;
        *(int32_t *)(void *)to = (int32_t)value;
        return true;
    case DOCUMENT_SMALL:
        if (!read_number(field, item, 0, (int64_t)field->limit, &value, err))
            return false;
        *(unsigned *)(void *)to = (unsigned)value;
        return true;
    case DOCUMENT_TRUTH:
        if (item->kind != DAG_BOOL)
            return wrong(field, err);
        *(bool *)(void *)to = item->truth;
        return true;
    default:
        return read_bytes(field, node, item, to, err);
    }
}

bool document_read_field(const struct document_field *field, const struct dag_node *node,
                         uint32_t map, void *to, struct error *err)
{
    uint32_t at = dag_node_find(node, map, field->key);

    if (at == 0)
        return error_set(err, ERROR_SYNTAX, "\"%s\" is missing", field->key);
    return read_value(field, node, &node->items[at], (char *)to + field->offset, err);
}

bool document_read_node(const struct document_shape *shape, const struct dag_node *node,
                        uint32_t index, void *to, struct error *err)
{
    if (node->items[index].kind != DAG_MAP)
        return error_set(err, ERROR_SYNTAX, "what should be a map is none");
    for (size_t i = 0; i < shape->count; i++)
        if (!document_read_field(&shape->fields[i], node, index, to, err))
            return false;
    if (node->items[index].size != shape->count)
        return error_set(err, ERROR_SYNTAX, "it has %u members, and %zu are known",
                         node->items[index].size, shape->count);
    return true;
}
