// SPDX-License-Identifier: Apache-2.0
/* A HAMT is a tree of shards in which each level takes the next bits of the hash of a name for the
 * place of its link. With the names in the order of their hashes it is written depth first: only
 * the shards on the way to the last name are open, and that name waits for the next one, since how
 * many bits the two share says how deep it lies. */
#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/murmur3.h"
#include "ipfs/unixfs_block.h"
#include "ipfs/unixfs_build.h"

#include <assert.h>
#include <stdlib.h>

#define LEVELS_MAX 21 /* of 3 bits each in the 64 of a hash */

struct shard {
    struct text links;
    uint64_t tsize;
    uint8_t bits[UNIXFS_FANOUT_MAX / 8]; /* the last byte has the lowest places */
};

struct unixfs_hamt {
    struct unixfs_out out;
    struct shard *shards[LEVELS_MAX]; /* those down to `depth` are open */
    unsigned depth;
    bool has_last;
    uint64_t place; /* of the last name */
    struct text name;
    struct unixfs_entry last;
};

uint64_t unixfs_hamt_place(struct slice name)
{
    return murmur3_64(name);
}

static struct shard *open_shard(struct unixfs_hamt *hamt, unsigned level)
{
    struct shard *shard = hamt->shards[level];

    if (shard == NULL)
        shard = hamt->shards[level] = memory_alloc(sizeof(*shard));
    text_clear(&shard->links);
    memset(shard->bits, 0, sizeof(shard->bits));
    shard->tsize = 0;
    return shard;
}

struct unixfs_hamt *unixfs_hamt_create(const struct unixfs_profile *profile, unixfs_sink sink,
                                       void *arg)
{
    struct unixfs_hamt *hamt = memory_alloc(sizeof(*hamt));

    assert(unixfs_profile_check(profile, NULL));
    hamt->out = (struct unixfs_out){{sink, arg}, *profile};
    open_shard(hamt, 0);
    return hamt;
}

void unixfs_hamt_destroy(struct unixfs_hamt **hamt)
{
    if (*hamt == NULL)
        return;
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        if ((*hamt)->shards[i] != NULL)
            text_dispose(&(*hamt)->shards[i]->links);
        free((*hamt)->shards[i]);
    }
    text_dispose(&(*hamt)->name);
    free(*hamt);
    *hamt = NULL;
}

/* Links an entry, or the shard of the next level (without a name), from the shard of a level. Its
 * name begins with the place: "0A". */
static void put_link(struct unixfs_hamt *hamt, unsigned level, struct slice name,
                     const struct unixfs_entry *entry)
{
    uint32_t fanout = hamt->out.profile.fanout;
    uint32_t place = unixfs_shard_place(fanout, hamt->place, level);
    struct shard *shard = hamt->shards[level];
    struct text placed = {0};
    struct dag_pb_link link = {
        .cid = entry->cid, .tsize = entry->tsize, .has_name = true, .has_tsize = true};

    text_put_format(&placed, "%0*X", (int)unixfs_shard_prefix_size(fanout), place);
    text_put_slice(&placed, name);
    link.name = text_slice(&placed);
    dag_pb_put_link(&shard->links, &link);
    text_dispose(&placed);
    shard->bits[fanout / 8 - 1 - place / 8] |= (uint8_t)(1U << place % 8);
    shard->tsize += entry->tsize;
}

static bool write_shard(struct unixfs_hamt *hamt, unsigned level, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry, struct error *err)
{
    const struct shard *shard = hamt->shards[level];
    struct text message = {0};
    bool ok;

    unixfs_put_shard(&message, shard->bits, hamt->out.profile.fanout, stat);
    ok = unixfs_write_node(&hamt->out, text_slice(&shard->links), text_slice(&message),
                           shard->tsize, entry, err);
    text_dispose(&message);
    return ok;
}

/* How many levels two names share, from the root on. */
static unsigned shared_levels(const struct unixfs_hamt *hamt, uint64_t a, uint64_t b)
{
    uint32_t fanout = hamt->out.profile.fanout;
    unsigned level = 0, levels = unixfs_shard_levels(fanout);

    while (level < levels &&
           unixfs_shard_place(fanout, a, level) == unixfs_shard_place(fanout, b, level))
        level++;
    return level;
}

/* Links the last name, which shares so many levels with the one behind it, and writes the shards
 * that end with it. */
static bool put_last(struct unixfs_hamt *hamt, unsigned shared, struct error *err)
{
    struct unixfs_entry shard;

    while (hamt->depth < shared)
        open_shard(hamt, ++hamt->depth);
    put_link(hamt, hamt->depth, text_slice(&hamt->name), &hamt->last);
    for (; hamt->depth > shared; hamt->depth--) {
        if (!write_shard(hamt, hamt->depth, NULL, &shard, err))
            return false;
        put_link(hamt, hamt->depth - 1, (struct slice){NULL, 0}, &shard);
    }
    return true;
}

bool unixfs_hamt_add(struct unixfs_hamt *hamt, struct slice name, const struct unixfs_entry *entry,
                     struct error *err)
{
    uint64_t place = unixfs_hamt_place(name);
    unsigned shared;

    if (hamt->has_last) {
        assert(place >= hamt->place);
        shared = shared_levels(hamt, hamt->place, place);
        if (shared == unixfs_shard_levels(hamt->out.profile.fanout))
            return error_set(err, ERROR_LIMIT,
                             "the names '%.*s' and '%.*s' have the same hash: a sharded directory "
                             "cannot have both",
                             SLICE_ARGS(text_slice(&hamt->name)), SLICE_ARGS(name));
        if (!put_last(hamt, shared, err))
            return false;
    }
    hamt->has_last = true;
    hamt->place = place;
    hamt->last = *entry;
    text_clear(&hamt->name);
    text_put_slice(&hamt->name, name);
    return true;
}

bool unixfs_hamt_finish(struct unixfs_hamt *hamt, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry, struct error *err)
{
    if (hamt->has_last && !put_last(hamt, 0, err))
        return false;
    return write_shard(hamt, 0, stat, entry, err);
}
