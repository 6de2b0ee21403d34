// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_json.h"

#include "conf/memory.h"
#include "ipfs/multibase.h"

#include <math.h>
#include <stdlib.h>

#define REPLACEMENT 0xfffd /* stands for what is no character */

struct json_reader {
    struct dag_node *node;
    const char *start, *at, *end;
    bool is_plain; /* {"/": ...} is a map */
    unsigned depth;
    uint32_t open[DAG_DEPTH_MAX]; /* the containers the reader is in */
};

static bool refuse(const struct json_reader *reader, const char *at, struct error *err,
                   const char *what)
{
    return error_set(err, ERROR_SYNTAX, "byte %zu: %s", (size_t)(at - reader->start), what);
}

static void skip_space(struct json_reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static bool at_char(const struct json_reader *reader, char c)
{
    return reader->at < reader->end && *reader->at == c;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The number in "uXXXX" at at, or -1. */
static int32_t read_unit(const char *at, const char *end)
{
    int32_t unit = 0;

    if (end - at < 5 || *at != 'u')
        return -1;
    for (int i = 1; i <= 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static void put_character(struct text *out, uint32_t c)
{
    if (c < 0x80) {
        text_put_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        text_put_char(out, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            text_put_char(out, (char)(0xe0 | c >> 12));
        } else {
            text_put_char(out, (char)(0xf0 | c >> 18));
            text_put_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        text_put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    text_put_char(out, (char)(0x80 | (c & 0x3f)));
}

/* at is behind the backslash of \uXXXX; a pair of surrogates is one character. */
static const char *put_unit(struct text *out, const char *at, const char *end)
{
    int32_t unit = read_unit(at, end);
    int32_t low;

    at += 5;
    if (unit < 0xd800 || unit > 0xdfff) {
        put_character(out, (uint32_t)unit);
        return at;
    }
    low = end - at > 1 && *at == '\\' ? read_unit(at + 1, end) : -1;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        put_character(out, REPLACEMENT);
        return at;
    }
    put_character(out, 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
    return at + 6;
}

static const char *put_escape(struct text *out, const char *at, const char *end)
{
    switch (*at) {
    case 'u':
        return put_unit(out, at, end);
    case 'b':
        text_put_char(out, '\b');
        break;
    case 'f':
        text_put_char(out, '\f');
        break;
    case 'n':
        text_put_char(out, '\n');
        break;
    case 'r':
        text_put_char(out, '\r');
        break;
    case 't':
        text_put_char(out, '\t');
        break;
    default:
        text_put_char(out, *at);
    }
    return at + 1;
}

static void unescape(struct text *out, const char *at, const char *end)
{
    while (at < end) {
        size_t length = utf8_length((struct slice){at, (size_t)(end - at)});

        if (*at == '\\') {
            at = put_escape(out, at + 1, end);
        } else if (length == 0) {
            put_character(out, REPLACEMENT);
            at++;
        } else {
            text_put(out, at, length);
            at += length;
        }
    }
}

/* Finds the closing quote; *plain: the text stands in the block as it is. */
static bool scan_text(struct json_reader *reader, bool *plain, struct error *err)
{
    const char *at = reader->at;

    *plain = true;
    for (;;) {
        size_t length;

        if (at == reader->end)
            return refuse(reader, reader->at - 1, err, "the text has no closing quote");
        if (*at == '"')
            break;
        if ((unsigned char)*at < 0x20)
            return refuse(reader, at, err, "a control character in text must be escaped");
        length = utf8_length((struct slice){at, (size_t)(reader->end - at)});
        if (*at == '\\') {
            if (reader->end - at < 2 || at[1] == '\0' || strchr("\"\\/bfnrtu", at[1]) == NULL ||
                (at[1] == 'u' && read_unit(at + 1, reader->end) < 0))
                return refuse(reader, at, err, "not an escape of JSON");
            length = 2;
            *plain = false;
        } else if (length == 0) {
            length = 1;
            *plain = false;
        }
        at += length;
    }
    reader->at = at;
    return true;
}

static bool read_text(struct json_reader *reader, struct error *err)
{
    struct dag_node *node = reader->node;
    const char *start = ++reader->at; /* behind the quote */
    struct dag_item *item;
    bool plain;

    if (!scan_text(reader, &plain, err))
        return false;
    item = dag_node_add(node, DAG_TEXT, err);
    if (item == NULL)
        return false;
    item->owned = !plain;
    if (plain) {
        item->offset = (uint64_t)(start - reader->start);
        item->size = (uint32_t)(reader->at - start);
    } else {
        item->offset = node->bytes.size;
        unescape(&node->bytes, start, reader->at);
        item->size = (uint32_t)(node->bytes.size - item->offset);
    }
    reader->at++;
    return true;
}

static bool scan_digits(struct json_reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start;
}

/* The number of RFC 8259 at reader->at; *real: it has a point or an exponent. */
static bool scan_number(struct json_reader *reader, bool *real)
{
    *real = false;
    if (at_char(reader, '-'))
        reader->at++;
    if (at_char(reader, '0'))
        reader->at++;
    else if (!scan_digits(reader))
        return false;
    if (at_char(reader, '.')) {
        *real = true;
        reader->at++;
        if (!scan_digits(reader))
            return false;
    }
    if (at_char(reader, 'e') || at_char(reader, 'E')) {
        *real = true;
        reader->at++;
        if (at_char(reader, '+') || at_char(reader, '-'))
            reader->at++;
        if (!scan_digits(reader))
            return false;
    }
    return true;
}

static bool read_integer(const char *at, const char *end, int64_t *value)
{
    bool negative = *at == '-';

    *value = 0;
    for (at += negative; at < end; at++) {
        int digit = *at - '0';

        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, negative ? -digit : digit, value))
            return false;
    }
    return true;
}

static bool read_real(const char *at, const char *end, double *value)
{
    char *copy = memory_copy(at, (size_t)(end - at));

    *value = strtod(copy, NULL);
    free(copy);
    return isfinite(*value);
}

static bool read_number(struct json_reader *reader, struct error *err)
{
    const char *start = reader->at;
    struct dag_item *item;
    bool real;

    if (!scan_number(reader, &real))
        return refuse(reader, start, err, "not a number of JSON");
    item = dag_node_add(reader->node, real ? DAG_FLOAT : DAG_INT, err);
    if (item == NULL)
        return false;
    if (real)
        return read_real(start, reader->at, &item->real) ||
               refuse(reader, start, err, "the number is too large for a 64-bit float");
    return read_integer(start, reader->at, &item->integer) ||
           refuse(reader, start, err, "the integer is outside -2^63 to 2^63-1");
}

static bool read_word(struct json_reader *reader, struct error *err)
{
    static const struct {
        const char *text;
        enum dag_kind kind;
        bool truth;
    } words[] = {{"null", DAG_NULL, false}, {"true", DAG_BOOL, true}, {"false", DAG_BOOL, false}};
    struct slice rest = {reader->at, (size_t)(reader->end - reader->at)};
    struct dag_item *item;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!slice_starts(rest, words[i].text))
            continue;
        item = dag_node_add(reader->node, words[i].kind, err);
        if (item == NULL)
            return false;
        if (item->kind == DAG_BOOL)
            item->truth = words[i].truth;
        reader->at += strlen(words[i].text);
        return true;
    }
    return refuse(reader, reader->at, err, "a value should begin here");
}

static bool open_container(struct json_reader *reader, enum dag_kind kind, struct error *err)
{
    if (reader->depth == DAG_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "byte %zu: nested deeper than %d",
                         (size_t)(reader->at - reader->start), DAG_DEPTH_MAX);
    reader->open[reader->depth++] = reader->node->count;
    reader->at++;
    return dag_node_add(reader->node, kind, err) != NULL;
}

/* One value, or the beginning of a container. */
static bool read_value(struct json_reader *reader, struct error *err)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return refuse(reader, reader->at, err, "the block ends where a value should begin");
    switch (*reader->at) {
    case '{':
        return open_container(reader, DAG_MAP, err);
    case '[':
        return open_container(reader, DAG_LIST, err);
    case '"':
        return read_text(reader, err);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(reader, err);
    default:
        return read_word(reader, err);
    }
}

static bool is_single(const struct dag_node *node, uint32_t map, const char *key)
{
    return node->items[map].kind == DAG_MAP && node->items[map].size == 1 &&
           slice_is(dag_node_bytes(node, &node->items[map + 1]), key);
}

/* Puts one item with these bytes in the place of the map and all in it. */
static void replace(struct dag_node *node, uint32_t map, enum dag_kind kind, const void *bytes,
                    size_t size)
{
    node->items[map] = (struct dag_item){
        .kind = (uint8_t)kind, .owned = true, .size = (uint32_t)size, .offset = node->bytes.size};
    node->count = map + 1;
    text_put(&node->bytes, bytes, size);
}

static bool make_link(struct dag_node *node, uint32_t map, struct error *err)
{
    struct cid cid;

    if (!cid_parse(&cid, dag_node_bytes(node, &node->items[map + 2]), err))
        return error_prefix(err, "the link");
    replace(node, map, DAG_LINK, cid.bytes, cid.size);
    return true;
}

static bool make_bytes(struct dag_node *node, uint32_t map, struct error *err)
{
    struct slice base64 = dag_node_bytes(node, &node->items[map + 4]);
    size_t capacity = base64.size / 4 * 3 + 3;
    uint8_t *bytes = memory_alloc(capacity);
    bool padded = base64.size > 0 && base64.data[base64.size - 1] == '=';
    size_t size;
    bool ok = multibase_decode_bare(padded ? 'M' : 'm', base64, bytes, capacity, &size, err);

    if (ok)
        replace(node, map, DAG_BYTES, bytes, size);
    else
        error_prefix(err, "the bytes");
    free(bytes);
    return ok;
}

static bool close_container(struct json_reader *reader, struct error *err)
{
    struct dag_node *node = reader->node;
    uint32_t index = reader->open[--reader->depth];
    uint32_t last = node->count - 1;
    bool ok = dag_node_close(node, index, err);

    reader->at++;
    if (ok && !reader->is_plain && is_single(node, index, "/")) {
        if (node->items[index + 2].kind == DAG_TEXT)
            ok = make_link(node, index, err);
        else if (is_single(node, index + 2, "bytes") && node->items[last].kind == DAG_TEXT &&
                 last == index + 4)
            ok = make_bytes(node, index, err);
    }
    return ok || error_prefix(err, "byte %zu", (size_t)(reader->at - 1 - reader->start));
}

/* The key and the colon. */
static bool read_key(struct json_reader *reader, struct error *err)
{
    skip_space(reader);
    if (!at_char(reader, '"'))
        return refuse(reader, reader->at, err, "a key should begin here");
    if (!read_text(reader, err))
        return false;
    skip_space(reader);
    if (!at_char(reader, ':'))
        return refuse(reader, reader->at, err, "a colon should follow the key");
    reader->at++;
    return true;
}

/* One step inside the innermost container: its next element, or its end. */
static bool read_element(struct json_reader *reader, struct error *err)
{
    uint32_t index = reader->open[reader->depth - 1];
    struct dag_item *container = &reader->node->items[index];
    bool is_map = container->kind == DAG_MAP;

    skip_space(reader);
    if (at_char(reader, is_map ? '}' : ']'))
        return close_container(reader, err);
    if (container->size > 0) {
        if (!at_char(reader, ','))
            return refuse(reader, reader->at, err,
                          is_map ? "a comma or } should stand here"
                                 : "a comma or ] should stand here");
        reader->at++;
    }
    container->size++;
    return (!is_map || read_key(reader, err)) && read_value(reader, err);
}

static bool read_all(struct json_reader *reader, struct error *err)
{
    if (!read_value(reader, err))
        return false;
    while (reader->depth > 0)
        if (!read_element(reader, err))
            return false;
    skip_space(reader);
    return reader->at == reader->end ||
           refuse(reader, reader->at, err, "more bytes behind the value");
}

static bool decode(struct dag_node *node, struct slice block, bool is_plain, struct error *err)
{
    const char *start = block.data != NULL ? block.data : "";
    struct json_reader reader = {
        .node = node, .start = start, .at = start, .end = start + block.size, .is_plain = is_plain};

    return (dag_node_begin(node, (struct slice){start, block.size}, err) &&
            read_all(&reader, err)) ||
           error_prefix(err, is_plain ? "json" : "dag-json");
}

bool dag_json_decode(struct dag_node *node, struct slice block, struct error *err)
{
    return decode(node, block, false, err);
}

bool dag_json_decode_plain(struct dag_node *node, struct slice block, struct error *err)
{
    return decode(node, block, true, err);
}

bool dag_json_links(struct slice block, links_cb on_link, void *arg, struct error *err)
{
    struct dag_node node = {0};
    bool ok = dag_json_decode(&node, block, err);

    for (uint32_t i = 0; ok && i < node.count; i++) {
        struct slice bytes;
        struct cid cid;

        if (node.items[i].kind != DAG_LINK)
            continue;
        bytes = dag_node_bytes(&node, &node.items[i]);
        ok = cid_from_bytes(&cid, bytes.data, bytes.size, err) && on_link(arg, &cid, err);
    }
    dag_node_dispose(&node);
    return ok;
}
