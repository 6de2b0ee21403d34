// SPDX-License-Identifier: Apache-2.0
/* The tokens of a dag-cbor block, one by one. For dag_cbor.c. */
#ifndef IPFS_DAG_CBOR_SCAN_H
#define IPFS_DAG_CBOR_SCAN_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_node.h"

enum cbor_major {
    CBOR_UINT,
    CBOR_NINT, /* -1 - n */
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_LIST,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE,
};

enum cbor_step {
    CBOR_ITEM,  /* scan->kind and its value; for a list or map, what is in it follows, then: */
    CBOR_CLOSE, /* the innermost container ended */
    CBOR_DONE,  /* the block was read whole */
    CBOR_BAD,
};

struct cbor_frame {
    uint64_t left; /* items to come: a map has two for each entry */
    bool is_map;
    struct slice key; /* the last one, for the order */
};

struct cbor_scan {
    enum dag_kind kind;
    uint64_t size;      /* entries of a list or map */
    bool truth;         /* DAG_BOOL */
    int64_t integer;    /* DAG_INT */
    uint64_t natural;   /* DAG_UINT */
    double real;        /* DAG_FLOAT */
    struct slice bytes; /* DAG_TEXT, DAG_BYTES; DAG_LINK: the binary CID */
    struct cid cid;     /* DAG_LINK */

    const uint8_t *start, *at, *end;
    enum dag_cbor_mode mode;
    bool began;
    unsigned depth;
    struct cbor_frame frames[DAG_DEPTH_MAX];
};

void cbor_scan_begin(struct cbor_scan *scan, struct slice block, enum dag_cbor_mode mode);
MUST_USE enum cbor_step cbor_scan_next(struct cbor_scan *scan, struct error *err);

#endif
