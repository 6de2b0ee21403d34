// SPDX-License-Identifier: Apache-2.0
#include "federation/wire_shape.h"

#include "conf/id.h"
#include "conf/ulid.h"
#include "conf/units.h"
#include "ipfs/multibase.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static const void *place(const void *message, const struct wire_field *field)
{
    return (const char *)message + field->offset;
}

static bool is_zero(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const char *)bytes)[i] != 0)
            return false;
    return true;
}

static bool is_empty(const struct wire_field *field, const void *from)
{
    switch (field->kind) {
    case WIRE_BOOL:
        return !*(const bool *)from;
    case WIRE_VERSION:
    case WIRE_NUMBER:
    case WIRE_INCARNATION:
    case WIRE_DATE:
    case WIRE_NAME:
        return *(const uint64_t *)from == 0;
    case WIRE_TEXT:
    case WIRE_ID:
    case WIRE_ORG:
    case WIRE_ULID:
        return *(const char *)from == '\0';
    case WIRE_DIGEST:
        return is_zero(from, WIRE_DIGEST_SIZE);
    case WIRE_BYTES:
    case WIRE_JSON:
        return ((const struct text *)from)->size == 0;
    case WIRE_OBJECT:
        return is_zero(from, field->shape->size);
    case WIRE_LIST:
    case WIRE_IDS:
        return ((const struct wire_list *)from)->count == 0;
    }
    return false;
}

static void put_string(struct text *out, struct slice text)
{
    text_put_char(out, '"');
    text_put_json(out, text);
    text_put_char(out, '"');
}

static void put_hex(struct text *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text_put_format(out, "%02x", bytes[i]);
}

static void put_date(struct text *out, uint64_t unix_ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    put_string(out, slice_of(units_print_timestamp(text, unix_ms)));
}

static void put_list(struct text *out, const struct wire_field *field, const struct wire_list *list)
{
    size_t size = field->kind == WIRE_IDS ? ID_SIZE : field->shape->size;

    assert(list->count >= field->min && list->count <= field->max);
    text_put_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * size;

        if (i > 0)
            text_put_char(out, ',');
        if (field->kind == WIRE_IDS)
            put_string(out, slice_of(item));
        else
            wire_put(field->shape, item, out);
    }
    text_put_char(out, ']');
}

static void put_number(struct text *out, const struct wire_field *field, uint64_t number)
{
    assert(number >= field->min && number <= field->max);
    text_put_number(out, number);
}

static void put_bytes(struct text *out, const struct wire_field *field, const struct text *bytes)
{
    assert(bytes->size <= field->max);
    text_put_char(out, '"');
    multibase_encode('m', bytes->data, bytes->size, out);
    text_put_char(out, '"');
}

static void put_field(struct text *out, const struct wire_field *field, const void *from)
{
    switch (field->kind) {
    case WIRE_BOOL:
        text_put_text(out, *(const bool *)from ? "true" : "false");
        return;
    case WIRE_VERSION:
    case WIRE_NUMBER:
        put_number(out, field, *(const uint64_t *)from);
        return;
    case WIRE_TEXT:
        assert(strlen(from) >= field->min && strlen(from) <= field->max);
        put_string(out, slice_of(from));
        return;
    case WIRE_ID:
    case WIRE_ORG:
    case WIRE_ULID:
        put_string(out, slice_of(from));
        return;
    case WIRE_INCARNATION:
        text_put_format(out, "\"%016" PRIx64 "\"", *(const uint64_t *)from);
        return;
    case WIRE_DIGEST:
        text_put_char(out, '"');
        put_hex(out, from, WIRE_DIGEST_SIZE);
        text_put_char(out, '"');
        return;
    case WIRE_DATE:
        put_date(out, *(const uint64_t *)from);
        return;
    case WIRE_NAME:
        put_string(out, slice_of(field->names[*(const uint64_t *)from]));
        return;
    case WIRE_BYTES:
        put_bytes(out, field, from);
        return;
    case WIRE_JSON:
        text_put_slice(out, text_slice(from));
        return;
    case WIRE_OBJECT:
        wire_put(field->shape, from, out);
        return;
    case WIRE_LIST:
    case WIRE_IDS:
        put_list(out, field, from);
        return;
    }
}

void wire_put(const struct wire_shape *shape, const void *message, struct text *out)
{
    bool is_first = true;

    text_put_char(out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct wire_field *field = &shape->fields[i];
        const void *from = place(message, field);

        if (field->is_optional && is_empty(field, from))
            continue;
        text_put_format(out, "%s\"%s\":", is_first ? "" : ",", field->name);
        put_field(out, field, from);
        is_first = false;
    }
    text_put_char(out, '}');
}

static void dispose_list(const struct wire_field *field, struct wire_list *list)
{
    for (size_t i = 0; field->kind == WIRE_LIST && i < list->count; i++)
        wire_dispose(field->shape, (char *)list->items + i * field->shape->size);
    free(list->items);
}

void wire_dispose(const struct wire_shape *shape, void *message)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct wire_field *field = &shape->fields[i];
        void *from = (char *)message + field->offset;

        if (field->kind == WIRE_BYTES || field->kind == WIRE_JSON)
            text_dispose(from);
        else if (field->kind == WIRE_OBJECT)
            wire_dispose(field->shape, from);
        else if (field->kind == WIRE_LIST || field->kind == WIRE_IDS)
            dispose_list(field, from);
    }
    memset(message, 0, shape->size);
}
