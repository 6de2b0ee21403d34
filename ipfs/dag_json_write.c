// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_json.h"

#include "ipfs/cid.h"
#include "ipfs/multibase.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX 17 /* as many make any double come back */

/* U+2028 and U+2029: JavaScript once took them for line ends, so Kubo escapes them. */
static bool is_line_separator(const char *at, size_t length)
{
    return length == 3 && memcmp(at, "\xe2\x80", 2) == 0 &&
           ((unsigned char)at[2] == 0xa8 || (unsigned char)at[2] == 0xa9);
}

static void put_escaped(struct text *out, const char *at, size_t length)
{
    switch (*at) {
    case '"':
    case '\\':
        text_put_char(out, '\\');
        text_put_char(out, *at);
        break;
    case '\n':
        text_put_text(out, "\\n");
        break;
    case '\r':
        text_put_text(out, "\\r");
        break;
    case '\t':
        text_put_text(out, "\\t");
        break;
    default:
        if (length == 1)
            text_put_format(out, "\\u%04x", (unsigned char)*at);
        else if (length == 3)
            text_put_format(out, "\\u202%x", (unsigned char)at[2] & 0xf);
        else
            text_put_text(out, "\\ufffd"); /* not UTF-8 */
    }
}

static void put_text(struct text *out, struct slice text)
{
    size_t plain = 0; /* from here on nothing needed an escape */

    text_put_char(out, '"');
    for (size_t i = 0; i < text.size;) {
        const char *at = text.data + i;
        size_t length = utf8_length((struct slice){at, text.size - i});

        if (length > 0 && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\' &&
            !is_line_separator(at, length)) {
            i += length;
            continue;
        }
        text_put(out, text.data + plain, i - plain);
        put_escaped(out, at, length);
        i += length > 0 ? length : 1;
        plain = i;
    }
    text_put(out, text.data + plain, text.size - plain);
    text_put_char(out, '"');
}

/* "d.ddde[+-]xx" to its digits, without zeros at the end, and its exponent. */
static int split_digits(const char *form, char digits[DIGITS_MAX + 1], int *exponent)
{
    int count = 0;

    for (; *form != 'e'; form++)
        if (*form != '.')
            digits[count++] = *form;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    *exponent = atoi(form + 1);
    return count;
}

/* The next larger decimal of the same length: 1.99e3 -> 2.00e3. */
static void step_up(char *form)
{
    char *e = strchr(form, 'e');

    for (char *at = e - 1;; at--) {
        if (*at == '.')
            continue;
        if (*at != '9') {
            ++*at;
            return;
        }
        assert(at > form); /* the largest decimal is never tried: see below */
        *at = '0';
    }
}

/* The fewest digits that read back as value (> 0). The decimal nearest to value may miss it where
 * its neighbour above does not: below a power of two doubles lie twice as dense as above it. */
static int shortest_digits(double value, char digits[DIGITS_MAX + 1], int *exponent)
{
    char form[DIGITS_MAX + 16];
    int unused;

    for (int count = 1; count < DIGITS_MAX; count++) {
        snprintf(form, sizeof(form), "%.*e", count - 1, value);
        if (strtod(form, NULL) == value)
            return split_digits(form, digits, exponent);
        if (frexp(value, &unused) == 0.5 &&
            strspn(form, "9.") < (size_t)(strchr(form, 'e') - form)) {
            step_up(form);
            if (strtod(form, NULL) == value)
                return split_digits(form, digits, exponent);
        }
    }
    snprintf(form, sizeof(form), "%.*e", DIGITS_MAX - 1, value);
    return split_digits(form, digits, exponent);
}

static void put_zeros(struct text *out, int count)
{
    while (count-- > 0)
        text_put_char(out, '0');
}

static void put_positional(struct text *out, const char *digits, int count, int exponent)
{
    int whole = exponent + 1; /* digits before the point */

    if (whole <= 0) {
        text_put_text(out, "0.");
        put_zeros(out, -whole);
        text_put(out, digits, (size_t)count);
    } else if (count <= whole) {
        text_put(out, digits, (size_t)count);
        put_zeros(out, whole - count);
    } else {
        text_put(out, digits, (size_t)whole);
        text_put_char(out, '.');
        text_put(out, digits + whole, (size_t)(count - whole));
    }
}

static void put_scientific(struct text *out, const char *digits, int count, int exponent)
{
    text_put_char(out, digits[0]);
    if (count > 1) {
        text_put_char(out, '.');
        text_put(out, digits + 1, (size_t)(count - 1));
    }
    text_put_format(out, "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
}

void dag_json_put_float(struct text *out, double value)
{
    char digits[DIGITS_MAX + 1];
    int exponent = 0, count;

    assert(isfinite(value));
    if (signbit(value))
        text_put_char(out, '-');
    value = fabs(value);
    if (value == 0) {
        text_put_char(out, '0');
        return;
    }
    count = shortest_digits(value, digits, &exponent);
    if (value < 1e-6 || value >= 1e21)
        put_scientific(out, digits, count, exponent);
    else
        put_positional(out, digits, count, exponent);
}

static void put_link(struct text *out, struct slice bytes)
{
    struct cid cid;
    bool ok = cid_from_bytes(&cid, bytes.data, bytes.size, NULL);

    assert(ok); /* the decoders checked it */
    text_put_text(out, "{\"/\":\"");
    cid_print(&cid, CID_BASE_DEFAULT, out);
    text_put_text(out, "\"}");
}

static void put_bytes(struct text *out, struct slice bytes)
{
    text_put_text(out, "{\"/\":{\"bytes\":\"");
    multibase_encode_bare('m', bytes.data, bytes.size, out);
    text_put_text(out, "\"}}");
}

static bool put_leaf(struct text *out, const struct dag_node *node, const struct dag_item *item,
                     struct error *err)
{
    switch ((enum dag_kind)item->kind) {
    case DAG_NULL:
        text_put_text(out, "null");
        break;
    case DAG_BOOL:
        text_put_text(out, item->truth ? "true" : "false");
        break;
    case DAG_INT:
        text_put_format(out, "%lld", (long long)item->integer);
        break;
    case DAG_UINT:
        return error_set(err, ERROR_UNSUPPORTED,
                         "dag-json: the integer %llu is above 2^63-1, the largest that Kubo reads",
                         (unsigned long long)item->natural);
    case DAG_FLOAT:
        dag_json_put_float(out, item->real);
        break;
    case DAG_TEXT:
        put_text(out, dag_node_bytes(node, item));
        break;
    case DAG_BYTES:
        put_bytes(out, dag_node_bytes(node, item));
        break;
    case DAG_LINK:
        put_link(out, dag_node_bytes(node, item));
        break;
    case DAG_LIST:
    case DAG_MAP:
        break;
    }
    return true;
}

/* ---- dag-json and plain json: what is written around values */

struct writer {
    struct text *out;
    const struct dag_node *node;
    struct error *err;
    bool is_plain; /* over lines, keys in the node's order */
    unsigned depth;
};

static void put_line(const struct writer *writer)
{
    if (!writer->is_plain)
        return;
    text_put_char(writer->out, '\n');
    for (unsigned i = 0; i < writer->depth; i++)
        text_put_char(writer->out, '\t');
}

static void open_container(struct writer *writer, char bracket)
{
    text_put_char(writer->out, bracket);
    writer->depth++;
}

static void close_container(struct writer *writer, char bracket, bool is_empty)
{
    writer->depth--;
    if (!is_empty)
        put_line(writer);
    text_put_char(writer->out, bracket);
}

static void begin_element(const struct writer *writer, bool is_first)
{
    if (!is_first)
        text_put_char(writer->out, ',');
    put_line(writer);
}

/* Before what separates it from the item before: so far Kubo has come when it fails. */
static bool check_item(const struct writer *writer, uint32_t index)
{
    uint8_t kind = writer->node->items[index].kind;

    if (!writer->is_plain || (kind != DAG_BYTES && kind != DAG_LINK))
        return true;
    return error_set(writer->err, ERROR_UNSUPPORTED, "cannot marshal IPLD %s to this codec",
                     kind == DAG_BYTES ? "bytes" : "links");
}

static bool put_item(struct writer *writer, uint32_t index);

static bool put_list(struct writer *writer, uint32_t index)
{
    const struct dag_node *node = writer->node;

    open_container(writer, '[');
    for (uint32_t i = index + 1; i < node->items[index].end; i = dag_node_next(node, i)) {
        if (!check_item(writer, i))
            return false;
        begin_element(writer, i == index + 1);
        if (!put_item(writer, i))
            return false;
    }
    close_container(writer, ']', node->items[index].size == 0);
    return true;
}

static bool put_entry(struct writer *writer, uint32_t key, bool is_first)
{
    begin_element(writer, is_first);
    put_text(writer->out, dag_node_bytes(writer->node, &writer->node->items[key]));
    text_put_text(writer->out, writer->is_plain ? ": " : ":");
    return check_item(writer, key + 1) && put_item(writer, key + 1);
}

static bool put_sorted(struct writer *writer, uint32_t index)
{
    uint32_t *keys = dag_node_sorted_keys(writer->node, index, DAG_BY_BYTES);
    bool ok = true;

    for (uint32_t i = 0; ok && i < writer->node->items[index].size; i++)
        ok = put_entry(writer, keys[i], i == 0);
    free(keys);
    return ok;
}

static bool put_unsorted(struct writer *writer, uint32_t index)
{
    const struct dag_node *node = writer->node;

    for (uint32_t i = index + 1; i < node->items[index].end; i = dag_node_next(node, i + 1))
        if (!put_entry(writer, i, i == index + 1))
            return false;
    return true;
}

static bool put_map(struct writer *writer, uint32_t index)
{
    open_container(writer, '{');
    if (!(writer->is_plain ? put_unsorted : put_sorted)(writer, index))
        return false;
    close_container(writer, '}', writer->node->items[index].size == 0);
    return true;
}

/* Recursion: DAG_DEPTH_MAX at most, for the decoders nest no deeper. */
static bool put_item(struct writer *writer, uint32_t index)
{
    const struct dag_item *item = &writer->node->items[index];

    if (item->kind == DAG_LIST)
        return put_list(writer, index);
    if (item->kind == DAG_MAP)
        return put_map(writer, index);
    return put_leaf(writer->out, writer->node, item, writer->err);
}

bool dag_json_encode(const struct dag_node *node, struct text *out, struct error *err)
{
    struct writer writer = {.out = out, .node = node, .err = err};

    assert(node->count > 0);
    return put_item(&writer, 0);
}

bool dag_json_encode_plain(const struct dag_node *node, struct text *out, struct error *err)
{
    struct writer writer = {.out = out, .node = node, .err = err, .is_plain = true};

    assert(node->count > 0);
    if (!check_item(&writer, 0) || !put_item(&writer, 0))
        return false;
    if (node->items[0].kind == DAG_LIST || node->items[0].kind == DAG_MAP)
        text_put_char(out, '\n');
    return true;
}
