// SPDX-License-Identifier: Apache-2.0
#include "federation/wire_shape.h"

#include "conf/id.h"
#include "conf/memory.h"
#include "conf/ulid.h"
#include "ipfs/multibase.h"
#include "policy/moment.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

struct reader {
    unsigned *unknown;
    struct error *err;
};

static bool read_object(struct reader *reader, const struct wire_shape *shape, const json_t *object,
                        void *message);

static void *place(void *message, const struct wire_field *field)
{
    return (char *)message + field->offset;
}

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static struct slice string_of(const json_t *value)
{
    return (struct slice){json_string_value(value), json_string_length(value)};
}

/* ---- kinds that are JSON strings */

static bool read_text(const struct wire_field *field, struct slice text, char *to,
                      struct error *err)
{
    if (text.size < field->min || text.size > field->max)
        return error_set(err, ERROR_LIMIT,
                         "%zu bytes of text; %" PRIu64 " to %" PRIu64 " are allowed", text.size,
                         field->min, field->max);
    if (!is_plain(text))
        return error_set(err, ERROR_SYNTAX, "a control character, which no text here may have");
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool read_id(struct slice text, char *to, struct error *err)
{
    if (!id_check(text, "id", err))
        return false;
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool read_org(struct slice text, char *to, struct error *err)
{
    size_t label = 0;

    if (text.size >= WIRE_ORG_SIZE)
        return error_set(err, ERROR_LIMIT, "%zu bytes; a DNS name has at most %d", text.size,
                         WIRE_ORG_SIZE - 1);
    for (size_t i = 0; i <= text.size; i++) {
        char c = i < text.size ? text.data[i] : '.';
        bool is_edge = label == 0 || i + 1 >= text.size || text.data[i + 1] == '.';

        if (c == '.' ? label == 0 || label > 63 : !is_host_byte(c) || (c == '-' && is_edge))
            return error_set(err, ERROR_SYNTAX, "no DNS name in lower case");
        label = c == '.' ? 0 : label + 1;
    }
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool read_ulid(struct slice text, char *to, struct error *err)
{
    if (!ulid_is_valid(text))
        return error_set(err, ERROR_SYNTAX, "no ULID: 26 lower-case letters and digits");
    memcpy(to, text.data, ULID_SIZE - 1);
    to[ULID_SIZE - 1] = '\0';
    return true;
}

static bool read_hex(struct slice text, uint8_t *to, size_t size, struct error *err)
{
    static const char digits[] = "0123456789abcdef";

    if (text.size != 2 * size)
        return error_set(err, ERROR_SYNTAX, "%zu characters; %zu hex digits are needed", text.size,
                         2 * size);
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = text.data[i] == '\0' ? NULL : strchr(digits, text.data[i]);

        if (digit == NULL)
            return error_set(err, ERROR_SYNTAX, "character %zu is no lower-case hex digit", i + 1);
        to[i / 2] = (uint8_t)(to[i / 2] << 4 | (uint8_t)(digit - digits));
    }
    return true;
}

static bool read_incarnation(struct slice text, uint64_t *to, struct error *err)
{
    uint8_t bytes[8] = {0};

    if (!read_hex(text, bytes, sizeof(bytes), err))
        return false;
    *to = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        *to = *to << 8 | bytes[i];
    return *to != 0 || error_set(err, ERROR_SYNTAX, "an incarnation is never 0");
}

static bool read_name(const struct wire_field *field, struct slice text, uint64_t *to,
                      struct error *err)
{
    for (uint64_t i = 0; field->names[i] != NULL; i++) {
        if (slice_is(text, field->names[i])) {
            *to = i;
            return true;
        }
    }
    return error_set(err, ERROR_SYNTAX, "none of the names that are known here, such as '%s'",
                     field->names[0]);
}

static bool read_bytes(const struct wire_field *field, struct slice text, struct text *to,
                       struct error *err)
{
    size_t capacity = text.size * 3 / 4 + 1, size;

    if (text.size == 0 || text.data[0] != 'm')
        return error_set(err, ERROR_SYNTAX, "no bytes in base64 ('m' before them, no padding)");
    if (capacity > field->max + 3)
        return error_set(err, ERROR_LIMIT, "more than %" PRIu64 " bytes", field->max);
    if (!multibase_decode(text, (uint8_t *)text_reserve(to, capacity), capacity, &size, err))
        return false;
    to->size = size;
    return size <= field->max ||
           error_set(err, ERROR_LIMIT, "more than %" PRIu64 " bytes", field->max);
}

/* What is printed is what was read: a leap second or a fraction beyond ms is refused. */
static bool read_date(struct slice text, uint64_t *to, struct error *err)
{
    if (text.size != sizeof("2026-01-31T23:59:59.123Z") - 1 || text.data[10] != 'T')
        return error_set(err, ERROR_SYNTAX, "no date such as 2026-01-31T23:59:59.123Z");
    return moment_parse(text, to, err);
}

static bool read_string(const struct wire_field *field, const json_t *value, void *to,
                        struct error *err)
{
    struct slice text = string_of(value);

    if (!json_is_string(value))
        return error_set(err, ERROR_SYNTAX, "a string is needed");
    switch (field->kind) {
    case WIRE_TEXT:
        return read_text(field, text, to, err);
    case WIRE_ID:
        return read_id(text, to, err);
    case WIRE_ORG:
        return read_org(text, to, err);
    case WIRE_ULID:
        return read_ulid(text, to, err);
    case WIRE_INCARNATION:
        return read_incarnation(text, to, err);
    case WIRE_DIGEST:
        return read_hex(text, to, WIRE_DIGEST_SIZE, err);
    case WIRE_DATE:
        return read_date(text, to, err);
    case WIRE_NAME:
        return read_name(field, text, to, err);
    default:
        return read_bytes(field, text, to, err);
    }
}

/* ---- the others */

static bool read_number(const struct wire_field *field, const json_t *value, uint64_t *to,
                        struct error *err)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number < field->min ||
        (uint64_t)number > field->max)
        return error_set(err, ERROR_SYNTAX,
                         "a whole number from %" PRIu64 " to %" PRIu64 " is needed", field->min,
                         field->max);
    *to = (uint64_t)number;
    return true;
}

static bool read_version(const struct wire_field *field, const json_t *value, uint64_t *to,
                         struct error *err)
{
    json_int_t number = json_integer_value(value);

    if (json_is_integer(value) && number > 0 &&
        ((uint64_t)number < field->min || (uint64_t)number > field->max))
        return error_set(err, ERROR_UNSUPPORTED,
                         "version %" PRIu64 "; %" PRIu64 " to %" PRIu64 " are spoken here",
                         (uint64_t)number, field->min, field->max);
    return read_number(field, value, to, err);
}

static bool read_json(const struct wire_field *field, const json_t *value, struct text *to,
                      struct error *err)
{
    char *printed;
    bool fits;

    if (!json_is_object(value))
        return error_set(err, ERROR_SYNTAX, "an object is needed");
    printed = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    fits = printed != NULL && strlen(printed) <= field->max;
    if (fits)
        text_put_text(to, printed);
    free(printed);
    return fits ||
           error_set(err, ERROR_LIMIT, "an object of more than %" PRIu64 " bytes", field->max);
}

static bool check_length(const struct wire_field *field, const json_t *value, struct error *err)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return error_set(err, ERROR_SYNTAX, "a list is needed");
    if (count < field->min || count > field->max)
        return error_set(err, ERROR_LIMIT, "a list of %zu; %" PRIu64 " to %" PRIu64 " are allowed",
                         count, field->min, field->max);
    return true;
}

/* Items are counted as they are begun, so that what a failed one owns is disposed of. */
static bool read_list(struct reader *reader, const struct wire_field *field, const json_t *value,
                      struct wire_list *list)
{
    size_t size = field->kind == WIRE_IDS ? ID_SIZE : field->shape->size;

    if (!check_length(field, value, reader->err))
        return false;
    list->items = memory_alloc(json_array_size(value) * size + 1);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        void *to = (char *)list->items + i * size;
        bool is_good;

        list->count++;
        if (field->kind == WIRE_LIST)
            is_good = read_object(reader, field->shape, item, to);
        else if (json_is_string(item))
            is_good = read_id(string_of(item), to, reader->err);
        else
            is_good = error_set(reader->err, ERROR_SYNTAX, "a string is needed");
        if (!is_good)
            return error_prefix(reader->err, "item %zu", i + 1);
    }
    return true;
}

static bool read_field(struct reader *reader, const struct wire_field *field, const json_t *value,
                       void *message)
{
    void *to = place(message, field);

    switch (field->kind) {
    case WIRE_BOOL:
        *(bool *)to = json_is_true(value);
        return json_is_boolean(value) ||
               error_set(reader->err, ERROR_SYNTAX, "true or false is needed");
    case WIRE_VERSION:
        return read_version(field, value, to, reader->err);
    case WIRE_NUMBER:
        return read_number(field, value, to, reader->err);
    case WIRE_JSON:
        return read_json(field, value, to, reader->err);
    case WIRE_OBJECT:
        return read_object(reader, field->shape, value, to);
    case WIRE_LIST:
    case WIRE_IDS:
        return read_list(reader, field, value, to);
    default:
        return read_string(field, value, to, reader->err);
    }
}

static bool read_object(struct reader *reader, const struct wire_shape *shape, const json_t *object,
                        void *message)
{
    size_t known = 0;

    if (!json_is_object(object))
        return error_set(reader->err, ERROR_SYNTAX, "an object is needed");
    for (size_t i = 0; i < shape->count; i++) {
        const struct wire_field *field = &shape->fields[i];
        const json_t *value = json_object_get(object, field->name);

        if (value == NULL && field->is_optional)
            continue;
        if (value == NULL)
            return error_set(reader->err, ERROR_SYNTAX, "'%s' is missing", field->name);
        known++;
        if (!read_field(reader, field, value, message))
            return error_prefix(reader->err, "%s", field->name);
    }
    *reader->unknown += (unsigned)(json_object_size(object) - known);
    return true;
}

/* The parser descends as deep as it is told to, and makes an object of each value; so it is looked
 * at first. */
static bool check_extent(const struct wire_shape *shape, struct slice body, struct error *err)
{
    unsigned depth = 0, values = 1;
    bool is_inside = false;

    for (size_t i = 0; i < body.size; i++) {
        char c = body.data[i];

        if (is_inside && c == '\\')
            i++;
        else if (c == '"')
            is_inside = !is_inside;
        else if (!is_inside && (c == '{' || c == '['))
            depth++, values++;
        else if (!is_inside && (c == '}' || c == ']') && depth > 0)
            depth--;
        else if (!is_inside && c == ',')
            values++;
        if (depth > WIRE_DEPTH_MAX)
            return error_set(err, ERROR_LIMIT, "%s: nested deeper than %d", shape->name,
                             WIRE_DEPTH_MAX);
        if (values > WIRE_VALUES_MAX)
            return error_set(err, ERROR_LIMIT, "%s: more than %d values", shape->name,
                             WIRE_VALUES_MAX);
    }
    return true;
}

bool wire_read(const struct wire_shape *shape, struct slice body, size_t body_max, void *message,
               unsigned *unknown, struct error *err)
{
    struct reader reader = {unknown, err};
    json_error_t why;
    json_t *object;
    bool is_good;

    memset(message, 0, shape->size);
    *unknown = 0;
    if (body.size > body_max)
        return error_set(err, ERROR_LIMIT, "%s: %zu bytes; %zu are allowed", shape->name, body.size,
                         body_max);
    if (!check_extent(shape, body, err))
        return false;
    object = json_loadb(body.size == 0 ? "" : body.data, body.size, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL)
        return error_set(err, ERROR_SYNTAX, "%s: no JSON at byte %d", shape->name, why.position);
    is_good = read_object(&reader, shape, object, message);
    json_decref(object);
    return is_good || error_prefix(err, "%s", shape->name);
}
