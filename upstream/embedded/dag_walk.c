// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/dag_walk.h"

#include "conf/memory.h"
#include "ipfs/dag_codec.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/task.h"
#include "upstream/embedded/walk_disk.h"

#include <assert.h>
#include <stdlib.h>

struct dag_walk {
    struct walk *walk;
    struct walk_memory *memory;
    bool skips_leaves;
    struct cid *trail;      /* the last block of each depth; NULL: not kept */
    dag_walk_bad_cb on_bad; /* NULL: a bad block ends the walk */
    void *bad_arg;
};

struct dag_walk *dag_walk_create(struct node *node, const struct walk_limits *limits,
                                 struct error *err)
{
    struct walk_memory *memory = walk_disk_create(node->scratch, 0, err);
    struct dag_walk *walk;

    if (memory == NULL)
        return NULL;
    walk = memory_alloc(sizeof(*walk));
    walk->memory = memory;
    walk->walk = walk_create(limits, memory);
    return walk;
}

void dag_walk_destroy(struct dag_walk **walk)
{
    if (*walk == NULL)
        return;
    walk_destroy(&(*walk)->walk);
    walk_disk_destroy(&(*walk)->memory);
    free((*walk)->trail);
    free(*walk);
    *walk = NULL;
}

bool dag_walk_add_roots(struct dag_walk *walk, const struct cid *roots, size_t count,
                        struct error *err)
{
    return walk_add_roots(walk->walk, roots, count, err);
}

void dag_walk_allow_bad(struct dag_walk *walk, dag_walk_bad_cb on_bad, void *arg)
{
    walk->on_bad = on_bad;
    walk->bad_arg = arg;
}

void dag_walk_skip_leaves(struct dag_walk *walk)
{
    walk->skips_leaves = true;
}

void dag_walk_keep_trail(struct dag_walk *walk)
{
    walk->trail = memory_resize_array(NULL, DAG_WALK_TRAIL, sizeof(*walk->trail));
}

const struct cid *dag_walk_at(const struct dag_walk *walk)
{
    return walk_wanted(walk->walk);
}

uint32_t dag_walk_depth(const struct dag_walk *walk)
{
    return walk_wanted_depth(walk->walk);
}

const struct walk_stats *dag_walk_stats(const struct dag_walk *walk)
{
    return walk_stats(walk->walk);
}

static bool has_no_links(uint64_t codec)
{
    return codec == CODEC_RAW || codec == CODEC_CBOR || codec == CODEC_JSON ||
           codec == CODEC_LIBP2P_KEY;
}

/* The block that is wanted, or of a leaf that nobody looks at its size. */
static bool fetch(const struct dag_walk *walk, struct task *task, struct slice *block,
                  struct error *err)
{
    const struct cid *cid = walk_wanted(walk->walk);
    uint32_t size;

    if (!walk->skips_leaves || !has_no_links(cid->codec))
        return task_get(task, cid, block, err);
    if (!task_size(task, cid, &size, err))
        return false;
    *block = (struct slice){NULL, size};
    return true;
}

/* *is_here: out, block is the wanted one, and the walk has it. */
static bool answer(struct dag_walk *walk, struct task *task, struct slice *block, bool *is_here,
                   struct error *err)
{
    struct error why = {0};

    *is_here = fetch(walk, task, block, &why);
    if (*is_here)
        return walk_supply(walk->walk, *block, err);
    if (walk->on_bad == NULL || (why.code != ERROR_NOT_FOUND && why.code != ERROR_MISMATCH))
        return error_copy(err, &why);
    return walk->on_bad(walk->bad_arg, walk_wanted(walk->walk), &why, err) &&
           walk_miss(walk->walk, err);
}

/* Depth first: the last block of a depth is above all that are deeper and come before the next. */
static void leave_trail(const struct dag_walk *walk)
{
    uint32_t depth = walk_wanted_depth(walk->walk);

    if (walk->trail != NULL && depth < DAG_WALK_TRAIL)
        walk->trail[depth] = *walk_wanted(walk->walk);
}

static bool put_link(struct task *task, const struct cid *above, const struct cid *below,
                     struct text *out)
{
    struct slice cid = {(const char *)below->bytes, below->size};
    struct dag_node node = {0};
    struct slice block;
    bool found = task_get(task, above, &block, NULL) &&
                 dag_codec_show(&node, above->codec, block, NULL) &&
                 dag_node_find_link(&node, cid, out);

    dag_node_dispose(&node);
    return found;
}

bool dag_walk_put_place(const struct dag_walk *walk, struct task *task, struct text *out)
{
    uint32_t depth = walk_wanted_depth(walk->walk);
    size_t start = out->size;

    assert(walk->trail != NULL);
    if (depth > DAG_WALK_TRAIL)
        return false;
    for (uint32_t i = 0; i < depth; i++)
        if (!put_link(task, &walk->trail[i],
                      i + 1 < depth ? &walk->trail[i + 1] : walk_wanted(walk->walk), out))
            return false;
    if (out->size > start) { /* no slash at the start */
        memmove(out->data + start, out->data + start + 1, out->size - start - 1);
        out->size--;
    }
    return true;
}

enum dag_walk_step dag_walk_run(struct dag_walk *walk, struct task *task, walk_cb on_block,
                                void *arg, struct error *err)
{
    do {
        const struct cid *cid = walk_wanted(walk->walk);
        struct slice block = {NULL, 0};
        bool is_here = true;

        switch (walk_next(walk->walk, err)) {
        case WALK_DONE:
            return DAG_WALK_DONE;
        case WALK_BAD:
            return DAG_WALK_BAD;
        case WALK_INLINE:
            block = (struct slice){(const char *)cid_digest(cid), cid->digest_size};
            break;
        case WALK_WANT:
            if (!answer(walk, task, &block, &is_here, err))
                return DAG_WALK_BAD;
        }
        leave_trail(walk);
        if (is_here && on_block != NULL && !on_block(arg, cid, block, err))
            return DAG_WALK_BAD;
    } while (!task_is_due(task));
    return DAG_WALK_MORE;
}
