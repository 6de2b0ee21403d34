// SPDX-License-Identifier: Apache-2.0
/* A small object, as its owner has it: a tree of dag-cbor lists over raw leaves, some of them there
 * twice, one of them an identity CID; and streams of it, right and wrong. */
#ifndef TESTS_UNIT_FEDERATION_RECEIVE_KIT_H
#define TESTS_UNIT_FEDERATION_RECEIVE_KIT_H

#include "ipfs/car.h"
#include "ipfs/cid_set.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/hash.h"
#include "ipfs/walk.h"

#include <assert.h>
#include <stdlib.h>

enum { KIT_BLOCKS_MAX = 4096, KIT_FAN = 8 };

struct kit_block {
    struct cid cid;
    struct text data;
};

struct kit_dag {
    struct block_source source;
    struct kit_block blocks[KIT_BLOCKS_MAX];
    size_t count;
    struct cid root;
    /* in the order of the walk, identity ones too */
    struct cid order[KIT_BLOCKS_MAX];
    struct text data[KIT_BLOCKS_MAX];
    size_t ordered;
    struct walk_stats stats;
};

static inline struct walk_memory *kit_memory(void)
{
    static const struct cid_set_key key = {{1, 2}};

    return walk_memory_create(&key, SIZE_MAX);
}

static inline struct cid kit_put(struct kit_dag *dag, uint64_t codec, uint64_t hash,
                                 const struct text *data)
{
    struct kit_block *block = &dag->blocks[dag->count++];

    hash_make_cid(&block->cid, 1, codec, hash, text_slice(data));
    text_put_slice(&block->data, text_slice(data));
    return block->cid;
}

static inline struct cid kit_leaf(struct kit_dag *dag, unsigned number, size_t size)
{
    struct text data = {0};
    bool is_inline = number % 16 == 5;
    struct cid cid;

    for (size_t i = 0; i < (is_inline ? 10 : size); i++)
        text_put_char(&data, (char)(number % 13 == 3 ? i : i * 7 + number * 31 + number / 256));
    cid = kit_put(dag, CODEC_RAW, is_inline ? HASH_IDENTITY : HASH_SHA2_256, &data);
    text_dispose(&data);
    return cid;
}

static inline struct cid kit_list(struct kit_dag *dag, const struct cid *links, size_t count)
{
    struct text data = {0};
    struct cid cid;

    dag_cbor_put_head(&data, 4, count);
    for (size_t i = 0; i < count; i++)
        dag_cbor_put_link(&data, (struct slice){(const char *)links[i].bytes, links[i].size});
    cid = kit_put(dag, CODEC_DAG_CBOR, HASH_SHA2_256, &data);
    text_dispose(&data);
    return cid;
}

static inline bool kit_get(struct block_source *source, const struct cid *cid, struct slice *block,
                           bool *found, struct error *err)
{
    const struct kit_dag *dag = CONTAINER_OF(source, struct kit_dag, source);

    *found = false;
    for (size_t i = dag->count; i > 0 && !*found; i--) {
        *found = cid_equal(&dag->blocks[i - 1].cid, cid);
        *block = text_slice(&dag->blocks[i - 1].data);
    }
    return true;
}

static inline bool kit_order(void *dag_, const struct cid *cid, struct slice block,
                             struct error *err)
{
    struct kit_dag *dag = dag_;

    dag->order[dag->ordered] = *cid;
    text_put_slice(&dag->data[dag->ordered++], block);
    return true;
}

static inline struct kit_dag *kit_dag_create(unsigned leaves, size_t leaf_size)
{
    struct kit_dag *dag = calloc(1, sizeof(*dag));
    struct cid *level = calloc(leaves, sizeof(*level));
    struct walk_memory *memory = kit_memory();
    struct walk *walk = walk_create(NULL, memory);
    size_t count = leaves;
    bool is_walked;

    dag->source.get = kit_get;
    for (unsigned i = 0; i < leaves; i++)
        level[i] = kit_leaf(dag, i, leaf_size);
    do {
        size_t above = 0;

        for (size_t i = 0; i < count; i += KIT_FAN)
            level[above++] = kit_list(dag, &level[i], count - i < KIT_FAN ? count - i : KIT_FAN);
        count = above;
    } while (count > 1);
    dag->root = level[0];
    is_walked = walk_add_roots(walk, &dag->root, 1, NULL) &&
                walk_run(walk, &dag->source, kit_order, dag, NULL);
    assert(is_walked);
    dag->stats = *walk_stats(walk);
    walk_destroy(&walk);
    walk_memory_destroy(&memory);
    free(level);
    return dag;
}

static inline void kit_dag_destroy(struct kit_dag *dag)
{
    for (size_t i = 0; i < dag->count; i++)
        text_dispose(&dag->blocks[i].data);
    for (size_t i = 0; i < dag->ordered; i++)
        text_dispose(&dag->data[i]);
    free(dag);
}

static inline void kit_section(const struct kit_dag *dag, size_t number, struct text *out)
{
    car_put_section(out, &dag->order[number], dag->data[number].size);
    text_put_slice(out, text_slice(&dag->data[number]));
}

/* Blocks [from, to) of the walk; inline ones too if is_full. */
static inline struct text kit_car(const struct kit_dag *dag, size_t from, size_t to, bool is_full)
{
    struct text car = {0};

    car_put_header(&car, &dag->root, 1);
    for (size_t i = from; i < to && i < dag->ordered; i++)
        if (is_full || dag->order[i].hash != HASH_IDENTITY)
            kit_section(dag, i, &car);
    return car;
}

#endif
