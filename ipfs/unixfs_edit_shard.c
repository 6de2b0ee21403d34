// SPDX-License-Identifier: Apache-2.0
/* Entries of a sharded directory: of each level one shard is read and written. A shard that a
 * removal leaves with one entry alone gives way to it, so that the tree is the same in whatever
 * order its entries came and went. */
#include "conf/memory.h"
#include "ipfs/murmur3.h"
#include "ipfs/unixfs_block.h"
#include "ipfs/unixfs_edit_node.h"

#include <assert.h>
#include <stdlib.h>

/* What is done, on all levels. */
struct change {
    const struct unixfs_store *store;
    struct slice name;
    uint64_t hash; /* of the name */
    const struct unixfs_entry *entry;
};

struct shard {
    struct unixfs_node node;
    uint32_t fanout;
    unsigned level, prefix; /* prefix: characters of a place */
    uint8_t bits[UNIXFS_FANOUT_MAX / 8];
};

/* What became of a shard: it has a block, or gave way to its last entry, or to nothing. */
struct outcome {
    enum { IS_SHARD, IS_ENTRY, IS_EMPTY } kind;
    struct dag_pb_link link;
    struct text name; /* of the entry */
};

static void begin(struct shard *shard, uint32_t fanout, unsigned level)
{
    shard->fanout = fanout;
    shard->level = level;
    shard->prefix = unixfs_shard_prefix_size(fanout);
}

static bool load(struct shard *shard, const struct unixfs_store *store, const struct cid *cid,
                 unsigned level, struct error *err)
{
    const struct unixfs *unixfs = &shard->node.unixfs;

    *shard = (struct shard){0};
    if (!unixfs_node_load(&shard->node, store, cid, err) || !unixfs_check_shard(unixfs, err))
        return false;
    if (level == unixfs_shard_levels(unixfs->fanout))
        return error_set(err, ERROR_SYNTAX, "sharded directory too deep");
    begin(shard, (uint32_t)unixfs->fanout, level);
    memcpy(shard->bits + shard->fanout / 8 - unixfs->data.size, unixfs->data.data,
           unixfs->data.size);
    for (size_t i = 0; i < shard->node.links.count; i++)
        if (dag_pb_edit_name(&shard->node.links, i).size < shard->prefix)
            return error_set(err, ERROR_SYNTAX, "invalid link name '%.*s'",
                             SLICE_ARGS(dag_pb_edit_name(&shard->node.links, i)));
    return true;
}

static uint8_t *byte_of(struct shard *shard, uint32_t place)
{
    return &shard->bits[shard->fanout / 8 - 1 - place / 8];
}

/* Where the link of a place stands, or would. */
static size_t index_of(struct shard *shard, uint32_t place)
{
    size_t index = 0;

    for (uint32_t at = 0; at < place; at++)
        index += *byte_of(shard, at) >> at % 8 & 1;
    return index;
}

/* False: the place is free. */
static bool find_place(struct shard *shard, uint32_t place, size_t *index, bool *is_bad)
{
    bool is_taken = (*byte_of(shard, place) >> place % 8 & 1) != 0;

    *index = index_of(shard, place);
    *is_bad = *index + (is_taken ? 1 : 0) > shard->node.links.count;
    return is_taken;
}

static bool bad_bits(struct error *err)
{
    return error_set(err, ERROR_SYNTAX,
                     "invalid index passed to operate children (likely corrupt bitfield)");
}

static struct slice entry_name(const struct shard *shard, size_t index)
{
    struct slice name = dag_pb_edit_name(&shard->node.links, index);

    return (struct slice){name.data + shard->prefix, name.size - shard->prefix};
}

/* Puts a link at a place: that of an entry, or, without a name, of a shard. */
static void put_at(struct shard *shard, uint32_t place, size_t index, struct dag_pb_link link)
{
    struct text name = {0};
    bool is_taken = (*byte_of(shard, place) >> place % 8 & 1) != 0;

    text_put_format(&name, "%0*X", (int)shard->prefix, place);
    text_put_slice(&name, link.name);
    link.name = text_slice(&name);
    if (is_taken)
        dag_pb_edit_replace(&shard->node.links, index, &link);
    else
        dag_pb_edit_insert(&shard->node.links, index, &link);
    *byte_of(shard, place) |= (uint8_t)(1U << place % 8);
    text_dispose(&name);
}

static void clear_at(struct shard *shard, uint32_t place, size_t index)
{
    dag_pb_edit_remove(&shard->node.links, index);
    *byte_of(shard, place) &= (uint8_t) ~(1U << place % 8);
}

static bool write_shard(const struct change *change, struct shard *shard, struct dag_pb_link *link,
                        struct error *err)
{
    struct unixfs_stat stat = shard->node.unixfs.stat;
    struct unixfs_entry put;
    struct text message = {0};
    bool ok;

    stat.mode &= 07777;
    unixfs_put_shard(&message, shard->bits, shard->fanout, &stat);
    ok = unixfs_node_put(&shard->node, change->store, text_slice(&message), &put, err);
    *link = (struct dag_pb_link){.cid = put.cid, .tsize = put.tsize};
    text_dispose(&message);
    return ok;
}

/* A shard of the new entry and one that was in its place. Recursion: once for each level. */
static bool fork(const struct change *change, const struct shard *above, unsigned level,
                 const struct dag_pb_link *old, const struct dag_pb_link *new,
                 struct dag_pb_link *link, struct error *err)
{
    struct shard shard = {.node = {.version = above->node.version, .hash = above->node.hash}};
    uint32_t old_place, new_place;
    struct dag_pb_link below;
    bool ok = true;

    if (level == unixfs_shard_levels(above->fanout))
        return error_set(err, ERROR_LIMIT, "sharded directory too deep");
    begin(&shard, above->fanout, level);
    old_place = unixfs_shard_place(shard.fanout, murmur3_64(old->name), level);
    new_place = unixfs_shard_place(shard.fanout, change->hash, level);
    if (old_place == new_place) {
        ok = fork(change, above, level + 1, old, new, &below, err);
        if (ok)
            put_at(&shard, new_place, 0, below);
    } else {
        put_at(&shard, old_place, 0, *old);
        put_at(&shard, new_place, old_place < new_place ? 1 : 0, *new);
    }
    ok = ok && write_shard(change, &shard, link, err);
    unixfs_node_dispose(&shard.node);
    return ok;
}

static struct dag_pb_link link_of(const struct change *change)
{
    return (struct dag_pb_link){
        .cid = change->entry->cid, .name = change->name, .tsize = change->entry->tsize};
}

static bool not_there(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "file does not exist");
}

/* The place has an entry: of this name, or of another one. */
static bool set_entry(const struct change *change, struct shard *shard, uint32_t place,
                      size_t index, struct error *err)
{
    struct slice there = entry_name(shard, index);
    struct dag_pb_link link, old;
    struct text name = {0};
    bool ok;

    if (slice_equal(there, change->name)) {
        if (change->entry != NULL)
            put_at(shard, place, index, link_of(change));
        else
            clear_at(shard, place, index);
        return true;
    }
    if (change->entry == NULL)
        return not_there(err);
    text_put_slice(&name, there);
    old = dag_pb_edit_link(&shard->node.links, index);
    old.name = text_slice(&name);
    link = link_of(change);
    ok = fork(change, shard, shard->level + 1, &old, &link, &link, err);
    if (ok) {
        link.name = (struct slice){NULL, 0};
        put_at(shard, place, index, link);
    }
    text_dispose(&name);
    return ok;
}

static bool set_below(const struct change *change, const struct cid *cid, unsigned level,
                      struct outcome *outcome, struct error *err);

/* The place has a shard. */
static bool set_in_child(const struct change *change, struct shard *shard, uint32_t place,
                         size_t index, struct error *err)
{
    struct cid cid = dag_pb_edit_link(&shard->node.links, index).cid;
    struct outcome below = {0};
    bool ok = set_below(change, &cid, shard->level + 1, &below, err);

    if (ok && below.kind == IS_EMPTY)
        clear_at(shard, place, index);
    else if (ok)
        put_at(shard, place, index, below.link);
    text_dispose(&below.name);
    return ok;
}

static bool set_here(const struct change *change, struct shard *shard, struct error *err)
{
    uint32_t place = unixfs_shard_place(shard->fanout, change->hash, shard->level);
    bool is_bad;
    size_t index;

    if (!find_place(shard, place, &index, &is_bad)) {
        if (change->entry == NULL)
            return not_there(err);
        if (is_bad)
            return bad_bits(err);
        put_at(shard, place, index, link_of(change));
        return true;
    }
    if (is_bad)
        return bad_bits(err);
    if (entry_name(shard, index).size > 0)
        return set_entry(change, shard, place, index, err);
    return set_in_child(change, shard, place, index, err);
}

/* Below the root a removal may leave a shard that is none any more. */
static bool settle(const struct change *change, struct shard *shard, struct outcome *outcome,
                   struct error *err)
{
    const struct dag_pb_edit *links = &shard->node.links;

    if (change->entry == NULL && shard->level > 0 && links->count == 0) {
        outcome->kind = IS_EMPTY;
        return true;
    }
    if (change->entry == NULL && shard->level > 0 && links->count == 1 &&
        entry_name(shard, 0).size > 0) {
        outcome->kind = IS_ENTRY;
        text_put_slice(&outcome->name, entry_name(shard, 0));
        outcome->link = dag_pb_edit_link(links, 0);
        outcome->link.name = text_slice(&outcome->name);
        return true;
    }
    outcome->kind = IS_SHARD;
    return write_shard(change, shard, &outcome->link, err);
}

/* Recursion: once for each level. */
static bool set_below(const struct change *change, const struct cid *cid, unsigned level,
                      struct outcome *outcome, struct error *err)
{
    struct shard *shard = memory_alloc(sizeof(*shard)); /* not on the stack: there are 21 levels */
    bool ok = load(shard, change->store, cid, level, err) && set_here(change, shard, err) &&
              settle(change, shard, outcome, err);

    unixfs_node_dispose(&shard->node);
    free(shard);
    return ok;
}

bool unixfs_shard_set(const struct unixfs_store *store, const struct cid *root, struct slice name,
                      const struct unixfs_entry *entry, struct unixfs_entry *result,
                      struct error *err)
{
    struct change change = {.store = store, .name = name, .hash = murmur3_64(name), .entry = entry};
    struct outcome outcome = {0};
    bool ok = set_below(&change, root, 0, &outcome, err);

    *result = (struct unixfs_entry){.cid = outcome.link.cid, .tsize = outcome.link.tsize};
    text_dispose(&outcome.name);
    return ok;
}

bool unixfs_shard_find(const struct unixfs_store *store, const struct cid *root, struct slice name,
                       struct dag_pb_link *link, bool *found, struct error *err)
{
    uint64_t hash = murmur3_64(name);
    struct cid at = *root;
    bool is_bad = false, goes_on = true;

    *found = false;
    for (unsigned level = 0; goes_on; level++) {
        struct shard shard;
        size_t index;
        bool ok = load(&shard, store, &at, level, err);

        goes_on = ok && find_place(&shard, unixfs_shard_place(shard.fanout, hash, level), &index,
                                   &is_bad);
        if (goes_on && is_bad)
            ok = bad_bits(err);
        if (goes_on && ok) {
            *link = dag_pb_edit_link(&shard.node.links, index);
            goes_on = entry_name(&shard, index).size == 0;
            *found = !goes_on && slice_equal(entry_name(&shard, index), name);
            link->name = name;
            at = link->cid;
        }
        unixfs_node_dispose(&shard.node);
        if (!ok)
            return false;
    }
    return true;
}

/* A walk over all entries. Of shards that lead to each other there could be any number: only so
 * many are visited, far more than a directory that becomes a plain one can have. */
struct each {
    const struct unixfs_store *store;
    unixfs_shard_cb on_entry;
    void *arg;
    unsigned visited;
    bool stops;
};
#define VISITED_MAX 65536

static bool each_below(struct each *each, const struct cid *cid, unsigned level, struct error *err)
{
    struct shard *shard;
    bool ok;

    if (++each->visited > VISITED_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d shards with few entries", VISITED_MAX);
    shard = memory_alloc(sizeof(*shard));
    ok = load(shard, each->store, cid, level, err);
    for (size_t i = 0; ok && !each->stops && i < shard->node.links.count; i++) {
        struct dag_pb_link link = dag_pb_edit_link(&shard->node.links, i);

        link.name = entry_name(shard, i);
        ok = link.name.size > 0 ? each->on_entry(each->arg, &link, &each->stops, err)
                                : each_below(each, &link.cid, level + 1, err);
    }
    unixfs_node_dispose(&shard->node);
    free(shard);
    return ok;
}

bool unixfs_shard_each(const struct unixfs_store *store, const struct cid *root,
                       unixfs_shard_cb on_entry, void *arg, struct error *err)
{
    struct each each = {.store = store, .on_entry = on_entry, .arg = arg};

    return each_below(&each, root, 0, err);
}
