// SPDX-License-Identifier: Apache-2.0
/* Small DAGs in memory, and CARs of them. */
#ifndef TESTS_UNIT_IPFS_DAG_H
#define TESTS_UNIT_IPFS_DAG_H

#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/walk.h"

#include <stdio.h>
#include <stdlib.h>

struct dag_block {
    struct cid cid;
    struct text data;
};

struct dag {
    struct block_source source;
    struct dag_block *blocks;
    size_t count;
};

static inline bool dag_get(struct block_source *source, const struct cid *cid, struct slice *block,
                           bool *found, struct error *err)
{
    struct dag *dag = CONTAINER_OF(source, struct dag, source);

    *found = false;
    for (size_t i = 0; i < dag->count && !*found; i++) {
        *found = cid_equal(&dag->blocks[i].cid, cid);
        *block = text_slice(&dag->blocks[i].data);
    }
    return true;
}

static inline void dag_dispose(struct dag *dag)
{
    for (size_t i = 0; i < dag->count; i++)
        text_dispose(&dag->blocks[i].data);
    free(dag->blocks);
    *dag = (struct dag){0};
}

/* Puts a block under the CID that it has. */
static inline struct cid dag_put(struct dag *dag, uint64_t codec, uint64_t hash, struct slice data)
{
    struct dag_block *block;

    dag->source.get = dag_get;
    dag->blocks = memory_resize_array(dag->blocks, dag->count + 1, sizeof(*dag->blocks));
    block = &dag->blocks[dag->count++];
    *block = (struct dag_block){0};
    text_put_slice(&block->data, data);
    hash_make_cid(&block->cid, 1, codec, hash, data);
    return block->cid;
}

static inline struct cid dag_put_raw(struct dag *dag, const char *text)
{
    return dag_put(dag, CODEC_RAW, HASH_SHA2_256, slice_of(text));
}

/* A dag-pb block with these links and a text that makes it itself. */
static inline struct cid dag_put_links(struct dag *dag, const char *text, const struct cid *links,
                                       size_t count)
{
    struct text block = {0};
    struct cid cid;

    for (size_t i = 0; i < count; i++)
        dag_pb_put_link(&block, &(struct dag_pb_link){.cid = links[i], .has_name = true});
    dag_pb_put_data(&block, slice_of(text));
    cid = dag_put(dag, CODEC_DAG_PB, HASH_SHA2_256, text_slice(&block));
    text_dispose(&block);
    return cid;
}

static inline void dag_put_section(struct text *car, const struct cid *cid, struct slice data)
{
    car_put_section(car, cid, data.size);
    text_put_slice(car, data);
}

/* Appends the section of a block that the DAG has. */
static inline void dag_put_car_block(const struct dag *dag, struct text *car, const struct cid *cid)
{
    for (size_t i = 0; i < dag->count; i++)
        if (cid_equal(&dag->blocks[i].cid, cid)) {
            dag_put_section(car, cid, text_slice(&dag->blocks[i].data));
            return;
        }
}

#endif
