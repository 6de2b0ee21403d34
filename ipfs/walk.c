// SPDX-License-Identifier: Apache-2.0
#include "ipfs/walk.h"

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "ipfs/links.h"

#include <assert.h>
#include <stdlib.h>

struct walk {
    struct walk_limits limits;
    struct walk_memory *memory;
    struct walk_stats stats;
    struct cid wanted;
    uint32_t depth; /* of wanted */
    bool wants;
    struct text links; /* of one block: each CID, and how many bytes it has in one byte */
};

struct walk *walk_create(const struct walk_limits *limits, struct walk_memory *memory)
{
    struct walk *walk = memory_alloc(sizeof(*walk));

    if (limits != NULL)
        walk->limits = *limits;
    walk->memory = memory;
    return walk;
}

void walk_destroy(struct walk **walk)
{
    if (*walk == NULL)
        return;
    text_dispose(&(*walk)->links);
    free(*walk);
    *walk = NULL;
}

const struct cid *walk_wanted(const struct walk *walk)
{
    return &walk->wanted;
}

uint32_t walk_wanted_depth(const struct walk *walk)
{
    return walk->depth;
}

const struct walk_stats *walk_stats(const struct walk *walk)
{
    return &walk->stats;
}

void walk_restore(struct walk *walk, const struct walk_stats *stats)
{
    walk->stats = *stats;
}

bool walk_add_roots(struct walk *walk, const struct cid *roots, size_t count, struct error *err)
{
    while (count-- > 0) /* the first comes to lie on top */
        if (!walk->memory->ops->push(walk->memory, &roots[count], 0, err))
            return false;
    return true;
}

/* Says which block it was. Always false. */
static bool name_block(const struct walk *walk, struct error *err)
{
    struct text name = {0};

    cid_print(&walk->wanted, CID_BASE_DEFAULT, &name);
    error_prefix(err, "%s", name.data);
    text_dispose(&name);
    return false;
}

static bool note_link(void *arg, const struct cid *cid, struct error *err)
{
    struct text *links = arg;

    text_put(links, cid->bytes, cid->size);
    text_put_char(links, (char)cid->size);
    return true;
}

/* From the last to the first, so that the first comes to lie on top of the stack. */
static bool push_links(struct walk *walk, struct error *err)
{
    size_t end = walk->links.size;

    while (end > 0) {
        size_t size = (uint8_t)walk->links.data[end - 1];
        struct cid cid;
        bool seen;

        end -= size + 1;
        if (!cid_from_bytes(&cid, walk->links.data + end, size, err) ||
            !walk->memory->ops->saw(walk->memory, &cid, &seen, err))
            return false;
        if (!seen && !walk->memory->ops->push(walk->memory, &cid, walk->depth + 1, err))
            return false;
    }
    return true;
}

static bool check_limits(const struct walk *walk, size_t block_size, struct error *err)
{
    const struct walk_limits *limits = &walk->limits;

    if (limits->block != 0 && block_size > limits->block)
        return error_set(err, ERROR_LIMIT,
                         "has %zu bytes, more than the %zu that one block may have", block_size,
                         limits->block);
    if (limits->blocks != 0 && walk->stats.blocks >= limits->blocks)
        return error_set(err, ERROR_LIMIT, "the DAG has more than the %llu blocks allowed",
                         (unsigned long long)limits->blocks);
    if (limits->bytes != 0 && block_size > limits->bytes - walk->stats.bytes)
        return error_set(err, ERROR_LIMIT, "the DAG has more than the %llu bytes allowed",
                         (unsigned long long)limits->bytes);
    return true;
}

static bool take_block(struct walk *walk, struct slice block, struct error *err)
{
    bool added;

    text_clear(&walk->links);
    if (!check_limits(walk, block.size, err) ||
        !links_each(walk->wanted.codec, block, note_link, &walk->links, err))
        return name_block(walk, err);
    if (!walk->memory->ops->see(walk->memory, &walk->wanted, &added, err))
        return false;
    walk->stats.blocks++;
    walk->stats.bytes += block.size;
    if (walk->depth > walk->stats.depth)
        walk->stats.depth = walk->depth;
    return push_links(walk, err);
}

bool walk_supply(struct walk *walk, struct slice block, struct error *err)
{
    assert(walk->wants);
    walk->wants = false;
    return take_block(walk, block, err);
}

bool walk_miss(struct walk *walk, struct error *err)
{
    bool added;

    assert(walk->wants);
    walk->wants = false;
    walk->stats.missing++;
    return walk->memory->ops->see(walk->memory, &walk->wanted, &added, err);
}

bool walk_put_back(struct walk *walk, struct error *err)
{
    assert(walk->wants);
    walk->wants = false;
    return walk->memory->ops->push(walk->memory, &walk->wanted, walk->depth, err);
}

static enum walk_step meet(struct walk *walk, struct error *err)
{
    struct slice digest = {(const char *)cid_digest(&walk->wanted), walk->wanted.digest_size};

    if (walk->limits.depth != 0 && walk->depth > walk->limits.depth) {
        error_set(err, ERROR_LIMIT, "lies deeper than the %u links allowed", walk->limits.depth);
        name_block(walk, err);
        return WALK_BAD;
    }
    if (walk->wanted.hash != HASH_IDENTITY) {
        walk->wants = true;
        return WALK_WANT;
    }
    return take_block(walk, digest, err) ? WALK_INLINE : WALK_BAD;
}

enum walk_step walk_next(struct walk *walk, struct error *err)
{
    bool found, seen;

    assert(!walk->wants);
    for (;;) {
        if (!walk->memory->ops->pop(walk->memory, &walk->wanted, &walk->depth, &found, err))
            return WALK_BAD;
        if (!found)
            return WALK_DONE;
        if (!walk->memory->ops->saw(walk->memory, &walk->wanted, &seen, err))
            return WALK_BAD;
        if (!seen)
            return meet(walk, err);
    }
}

/* Fetches what is wanted and hands it on. */
static bool answer(struct walk *walk, struct block_source *source, walk_cb on_block, void *arg,
                   struct error *err)
{
    struct slice block;
    bool found;

    if (!source->get(source, &walk->wanted, &block, &found, err))
        return false;
    if (!found)
        return walk_miss(walk, err);
    return walk_supply(walk, block, err) &&
           (on_block == NULL || on_block(arg, &walk->wanted, block, err));
}

bool walk_run(struct walk *walk, struct block_source *source, walk_cb on_block, void *arg,
              struct error *err)
{
    for (;;) {
        struct slice digest;

        switch (walk_next(walk, err)) {
        case WALK_DONE:
            return true;
        case WALK_BAD:
            return false;
        case WALK_INLINE:
            digest =
                (struct slice){(const char *)cid_digest(&walk->wanted), walk->wanted.digest_size};
            if (on_block != NULL && !on_block(arg, &walk->wanted, digest, err))
                return false;
            break;
        case WALK_WANT:
            if (!answer(walk, source, on_block, arg, err))
                return false;
        }
    }
}
