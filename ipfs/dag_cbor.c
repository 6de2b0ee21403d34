// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_cbor.h"

#include "ipfs/dag_cbor_scan.h"

#include <assert.h>
#include <stdlib.h>

static bool add_item(struct dag_node *node, const struct cbor_scan *scan, struct slice block,
                     struct error *err)
{
    struct dag_item *item = dag_node_add(node, scan->kind, err);

    if (item == NULL)
        return false;
    switch (scan->kind) {
    case DAG_NULL:
        break;
    case DAG_BOOL:
        item->truth = scan->truth;
        break;
    case DAG_INT:
        item->integer = scan->integer;
        break;
    case DAG_UINT:
        item->natural = scan->natural;
        break;
    case DAG_FLOAT:
        item->real = scan->real;
        break;
    case DAG_TEXT:
    case DAG_BYTES:
    case DAG_LINK:
        item->size = (uint32_t)scan->bytes.size;
        item->offset = (uint64_t)(scan->bytes.data - block.data);
        break;
    case DAG_LIST:
    case DAG_MAP:
        item->size = (uint32_t)scan->size;
        break;
    }
    return true;
}

static bool fill(struct dag_node *node, struct cbor_scan *scan, struct slice block,
                 struct error *err)
{
    uint32_t open[DAG_DEPTH_MAX]; /* the containers the scan is in */

    if (!dag_node_begin(node, block, err))
        return false;
    for (;;) {
        unsigned depth = scan->depth;

        switch (cbor_scan_next(scan, err)) {
        case CBOR_DONE:
            return true;
        case CBOR_BAD:
            return false;
        case CBOR_CLOSE:
            if (!dag_node_close(node, open[depth - 1], err))
                return error_prefix(err, "byte %zu", (size_t)(scan->at - scan->start));
            break;
        case CBOR_ITEM:
            if (scan->depth > depth)
                open[depth] = node->count;
            if (!add_item(node, scan, block, err))
                return false;
        }
    }
}

bool dag_cbor_decode(struct dag_node *node, struct slice block, enum dag_cbor_mode mode,
                     struct error *err)
{
    struct cbor_scan scan;

    assert(mode != DAG_CBOR_LINKS);
    cbor_scan_begin(&scan, block, mode);
    if (!fill(node, &scan, (struct slice){(const char *)scan.start, block.size}, err))
        return error_prefix(err, mode == DAG_CBOR_PLAIN ? "cbor" : "dag-cbor");
    return true;
}

bool dag_cbor_links(struct slice block, links_cb on_link, void *arg, struct error *err)
{
    struct cbor_scan scan;

    cbor_scan_begin(&scan, block, DAG_CBOR_LINKS);
    for (;;) {
        switch (cbor_scan_next(&scan, err)) {
        case CBOR_DONE:
            return true;
        case CBOR_BAD:
            return error_prefix(err, "dag-cbor");
        case CBOR_CLOSE:
            break;
        case CBOR_ITEM:
            if (scan.kind == DAG_LINK && !on_link(arg, &scan.cid, err))
                return false;
        }
    }
}

void dag_cbor_put_head(struct text *out, unsigned major, uint64_t value)
{
    unsigned info = value < 24            ? (unsigned)value
                    : value < 0x100       ? 24
                    : value < 0x10000     ? 25
                    : value < 0x100000000 ? 26
                                          : 27;

    assert(major < 7);
    text_put_char(out, (char)(major << 5 | info));
    for (int shift = info < 24 ? -1 : (8 << (info - 24)) - 8; shift >= 0; shift -= 8)
        text_put_char(out, (char)(value >> shift));
}

void dag_cbor_put_link(struct text *out, struct slice cid)
{
    dag_cbor_put_head(out, CBOR_TAG, 42);
    dag_cbor_put_head(out, CBOR_BYTES, cid.size + 1);
    text_put_char(out, 0);
    text_put_slice(out, cid);
}

static void put_bytes(struct text *out, unsigned major, struct slice bytes)
{
    dag_cbor_put_head(out, major, bytes.size);
    text_put_slice(out, bytes);
}

static void put_float(struct text *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    text_put_char(out, (char)0xfb);
    for (int shift = 56; shift >= 0; shift -= 8)
        text_put_char(out, (char)(bits >> shift));
}

static void put_leaf(struct text *out, const struct dag_node *node, const struct dag_item *item)
{
    switch ((enum dag_kind)item->kind) {
    case DAG_NULL:
        text_put_char(out, (char)0xf6);
        break;
    case DAG_BOOL:
        text_put_char(out, (char)(item->truth ? 0xf5 : 0xf4));
        break;
    case DAG_INT:
        if (item->integer < 0)
            dag_cbor_put_head(out, CBOR_NINT, (uint64_t)(-1 - item->integer));
        else
            dag_cbor_put_head(out, CBOR_UINT, (uint64_t)item->integer);
        break;
    case DAG_UINT:
        dag_cbor_put_head(out, CBOR_UINT, item->natural);
        break;
    case DAG_FLOAT:
        put_float(out, item->real);
        break;
    case DAG_TEXT:
        put_bytes(out, CBOR_TEXT, dag_node_bytes(node, item));
        break;
    case DAG_BYTES:
        put_bytes(out, CBOR_BYTES, dag_node_bytes(node, item));
        break;
    case DAG_LINK:
        dag_cbor_put_link(out, dag_node_bytes(node, item));
        break;
    case DAG_LIST:
    case DAG_MAP:
        break;
    }
}

struct writer {
    struct text *out;
    const struct dag_node *node;
    struct error *err;
    bool is_plain; /* keys in the node's order, no links */
};

static bool put_item(const struct writer *writer, uint32_t index);

static bool put_sorted(const struct writer *writer, uint32_t map)
{
    const struct dag_node *node = writer->node;
    uint32_t *keys = dag_node_sorted_keys(node, map, DAG_BY_LENGTH);
    bool ok = true;

    for (uint32_t i = 0; ok && i < node->items[map].size; i++) {
        put_leaf(writer->out, node, &node->items[keys[i]]);
        ok = put_item(writer, keys[i] + 1);
    }
    free(keys);
    return ok;
}

/* Recursion: DAG_DEPTH_MAX at most, for the decoders nest no deeper. */
static bool put_item(const struct writer *writer, uint32_t index)
{
    const struct dag_node *node = writer->node;
    const struct dag_item *item = &node->items[index];

    if (item->kind == DAG_LINK && writer->is_plain)
        return error_set(writer->err, ERROR_UNSUPPORTED, "cannot Marshal ipld links to CBOR");
    if (item->kind != DAG_LIST && item->kind != DAG_MAP) {
        put_leaf(writer->out, node, item);
        return true;
    }
    dag_cbor_put_head(writer->out, item->kind == DAG_LIST ? CBOR_LIST : CBOR_MAP, item->size);
    if (item->kind == DAG_MAP && !writer->is_plain)
        return put_sorted(writer, index);
    /* of a map: a key, its value, a key, ... */
    for (uint32_t i = index + 1; i < item->end; i = dag_node_next(node, i))
        if (!put_item(writer, i))
            return false;
    return true;
}

void dag_cbor_encode(const struct dag_node *node, struct text *out)
{
    struct writer writer = {.out = out, .node = node};
    bool is_put;

    assert(node->count > 0);
    is_put = put_item(&writer, 0);
    assert(is_put);
}

bool dag_cbor_encode_plain(const struct dag_node *node, struct text *out, struct error *err)
{
    struct writer writer = {.out = out, .node = node, .err = err, .is_plain = true};

    assert(node->count > 0);
    return put_item(&writer, 0);
}
