// SPDX-License-Identifier: Apache-2.0
/* One block in the IPLD data model: what dag-cbor and dag-json are two spellings of.
 * Source: ipld.io/docs/data-model. Pure.
 *
 * A node is a flat list of items in the order of the block: a container, then what is in it. The
 * item at 0 is the whole block. A map's entries are its keys, each followed by its value. Text and
 * bytes are borrowed from the block where they stand in it as they are. */
#ifndef IPFS_DAG_NODE_H
#define IPFS_DAG_NODE_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAG_DEPTH_MAX 128 /* containers inside containers */
#define DAG_ITEMS_MAX                                                                              \
    ((uint32_t)1 << 21) /* 32 MiB of items: 8 MiB of one-byte values need more                     \
                         */

enum dag_kind {
    DAG_NULL,
    DAG_BOOL,
    DAG_INT,
    DAG_UINT, /* 2^63 and above: dag-cbor has them, dag-json as Kubo writes it has not */
    DAG_FLOAT,
    DAG_TEXT, /* UTF-8 is not promised */
    DAG_BYTES,
    DAG_LINK, /* a binary CID, checked */
    DAG_LIST,
    DAG_MAP, /* no two keys are the same */
};

struct dag_item {
    uint8_t kind;  /* enum dag_kind */
    bool owned;    /* the bytes are in node->bytes, not in the block */
    uint32_t size; /* of text, bytes, link: bytes; of a list: items; of a map: entries */
    union {
        bool truth;
        int64_t integer;
        uint64_t natural;
        double real;
        uint64_t offset; /* of text, bytes, link: use dag_node_bytes */
        uint64_t end;    /* of list, map: the index behind the last item in it */
    };
};

struct dag_node {
    struct dag_item *items;
    uint32_t count;
    uint32_t capacity;
    const char *block; /* borrowed: valid as long as the node is used */
    struct text bytes;
};

/* {0} is a node without items: what the decoders fill. A node may be filled again. */
void dag_node_dispose(struct dag_node *node);

/* Text, bytes, or the binary CID. */
struct slice dag_node_bytes(const struct dag_node *node, const struct dag_item *item);

/* The index of the item behind this one, over whatever is in it. */
uint32_t dag_node_next(const struct dag_node *node, uint32_t index);

/* The value of a key in the map at index; 0 (which is nobody's value) if it is not there or the
 * item is no map. */
uint32_t dag_node_find(const struct dag_node *node, uint32_t map, const char *key);

/* One name of a path inside a node: a map's key, or a list's index. *found: out, the value. In
 * Kubo's words: ERROR_NOT_FOUND: there is none; ERROR_SYNTAX: it is no index; ERROR_UNSUPPORTED:
 * nothing lies below. */
MUST_USE bool dag_node_lookup(const struct dag_node *node, uint32_t at, struct slice name,
                              uint32_t *found, struct error *err);

/* Appends the path to the first link with this binary CID, "/a/0"; "" if the node is that link.
 * False: there is none. */
bool dag_node_find_link(const struct dag_node *node, struct slice cid, struct text *path);

/* Makes the item at index, and what is in it, the whole node. */
void dag_node_keep(struct dag_node *node, uint32_t index);

/* As Kubo calls them: "map", "int". */
const char *dag_kind_name(enum dag_kind kind);
/* Refuses it in Kubo's words, with ERROR_UNSUPPORTED: what was asked of it makes sense on others.
 */
bool dag_wrong_kind(const struct dag_item *item, const char *method, const char *wanted,
                    struct error *err);

enum dag_order {
    DAG_BY_BYTES,  /* dag-json */
    DAG_BY_LENGTH, /* dag-cbor: shorter keys first, then by bytes */
};

/* The indexes of a map's keys in that order: items[map].size of them. The caller frees them. */
uint32_t *dag_node_sorted_keys(const struct dag_node *node, uint32_t map, enum dag_order order);

/* For decoders. A block of 4 GiB is ERROR_LIMIT: sizes here have 32 bits. */
MUST_USE bool dag_node_begin(struct dag_node *node, struct slice block, struct error *err);
/* The pointer is valid until the next call; NULL: more than DAG_ITEMS_MAX. */
struct dag_item *dag_node_add(struct dag_node *node, enum dag_kind kind, struct error *err);
/* Ends the container at index with the items added since; a map must not have a key twice. */
MUST_USE bool dag_node_close(struct dag_node *node, uint32_t index, struct error *err);

#endif
