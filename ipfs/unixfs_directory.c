// SPDX-License-Identifier: Apache-2.0
/* A directory is one node with a link for each entry, or, if that would be large, a HAMT: a tree of
 * shards in which each level takes the next bits of the hash of a name for the place of its link.
 */
#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/murmur3.h"
#include "ipfs/unixfs_block.h"
#include "ipfs/unixfs_build.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* One entry; the bytes of its name, then those of its CID, stand in the directory's text. */
struct entry {
    uint64_t hash;
    uint64_t tsize;
    size_t offset;
    uint32_t name_size;
    uint8_t cid_size;
};

struct unixfs_directory {
    struct unixfs_profile profile;
    struct entry *entries;
    size_t count, capacity;
    struct text bytes;
};

struct unixfs_directory *unixfs_directory_create(const struct unixfs_profile *profile)
{
    struct unixfs_directory *directory = memory_alloc(sizeof(*directory));

    assert(unixfs_profile_check(profile, NULL));
    directory->profile = *profile;
    return directory;
}

void unixfs_directory_destroy(struct unixfs_directory **directory)
{
    if (*directory == NULL)
        return;
    free((*directory)->entries);
    text_dispose(&(*directory)->bytes);
    free(*directory);
    *directory = NULL;
}

static struct slice name_of(const struct unixfs_directory *directory, const struct entry *entry)
{
    return (struct slice){directory->bytes.data + entry->offset, entry->name_size};
}

static struct cid cid_of(const struct unixfs_directory *directory, const struct entry *entry)
{
    struct cid cid;
    bool ok = cid_from_bytes(&cid, directory->bytes.data + entry->offset + entry->name_size,
                             entry->cid_size, NULL);

    assert(ok); /* it was one when it came */
    return cid;
}

bool unixfs_directory_add(struct unixfs_directory *directory, struct slice name,
                          const struct unixfs_entry *entry, struct error *err)
{
    struct entry *added;

    if (name.size == 0 || slice_is(name, ".") || slice_is(name, "..") ||
        memchr(name.data, '/', name.size) != NULL || memchr(name.data, '\0', name.size) != NULL ||
        name.size > UINT16_MAX)
        return error_set(err, ERROR_SYNTAX, "'%.*s' cannot be a name in a directory",
                         (int)(name.size < 100 ? name.size : 100), name.data);
    if (directory->count == directory->capacity) {
        directory->capacity = directory->capacity == 0 ? 16 : directory->capacity * 2;
        directory->entries = memory_resize_array(directory->entries, directory->capacity,
                                                 sizeof(*directory->entries));
    }
    added = &directory->entries[directory->count++];
    *added = (struct entry){.tsize = entry->tsize,
                            .offset = directory->bytes.size,
                            .name_size = (uint32_t)name.size,
                            .cid_size = (uint8_t)entry->cid.size};
    text_put_slice(&directory->bytes, name);
    text_put(&directory->bytes, entry->cid.bytes, entry->cid.size);
    return true;
}

static int by_name(const void *a, const void *b, void *directory)
{
    struct slice x = name_of(directory, a), y = name_of(directory, b);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->hash, y = ((const struct entry *)b)->hash;

    return (x > y) - (x < y);
}

static bool sort(struct unixfs_directory *directory, struct error *err)
{
    if (directory->count == 0)
        return true;
    qsort_r(directory->entries, directory->count, sizeof(*directory->entries), by_name, directory);
    for (size_t i = 1; i < directory->count; i++)
        if (slice_equal(name_of(directory, &directory->entries[i - 1]),
                        name_of(directory, &directory->entries[i])))
            return error_set(err, ERROR_SYNTAX, "the directory has the name '%.*s' twice",
                             SLICE_ARGS(name_of(directory, &directory->entries[i])));
    return true;
}

static struct dag_pb_link link_of(const struct unixfs_directory *directory,
                                  const struct entry *entry)
{
    return (struct dag_pb_link){
        .cid = cid_of(directory, entry),
        .name = name_of(directory, entry),
        .tsize = entry->tsize,
        .has_name = true,
        .has_tsize = true,
    };
}

static void put_message(struct text *message, const struct unixfs_stat *stat)
{
    struct unixfs node = {.type = UNIXFS_DIRECTORY};

    if (stat != NULL)
        node.stat = *stat;
    unixfs_put(message, &node, NULL, 0);
}

/* The size that decides, as Kubo estimates it. */
static bool is_large(const struct unixfs_directory *directory, struct slice message)
{
    const struct unixfs_profile *profile = &directory->profile;
    uint64_t size = 0;

    if (profile->directory_links != 0 && directory->count > profile->directory_links)
        return true;
    if (profile->estimate == UNIXFS_BY_BLOCK)
        size = 1 + protobuf_varint_size(message.size) + message.size;
    for (size_t i = 0; i < directory->count; i++) {
        struct dag_pb_link link = link_of(directory, &directory->entries[i]);

        size += profile->estimate == UNIXFS_BY_BLOCK ? dag_pb_link_size(&link)
                                                     : link.name.size + link.cid.size;
    }
    return size > profile->directory_bytes;
}

/* Writes links and message as one node, whose children weigh tsize. */
static bool write_node(const struct unixfs_out *out, const struct text *links,
                       const struct text *message, uint64_t tsize, struct unixfs_entry *entry,
                       struct error *err)
{
    struct text block = {0};
    bool ok;

    unixfs_put_node(&block, &out->profile, text_slice(links), text_slice(message));
    ok = unixfs_emit(out, text_slice(&block), &entry->cid, err);
    entry->tsize = tsize + block.size;
    entry->file_size = 0;
    text_dispose(&block);
    return ok;
}

static bool write_basic(const struct unixfs_directory *directory, const struct unixfs_out *out,
                        const struct text *message, struct unixfs_entry *entry, struct error *err)
{
    struct text links = {0};
    uint64_t tsize = 0;
    bool ok;

    for (size_t i = 0; i < directory->count; i++) {
        struct dag_pb_link link = link_of(directory, &directory->entries[i]);

        dag_pb_put_link(&links, &link);
        tsize += link.tsize;
    }
    ok = write_node(out, &links, message, tsize, entry, err);
    text_dispose(&links);
    return ok;
}

/* The entries from first to last (behind it), whose names share the hash bits above level. */
struct shard {
    size_t first, last;
    unsigned level;
    struct text links;
    uint64_t tsize;
    uint8_t bits[UNIXFS_FANOUT_MAX / 8]; /* the last byte has the lowest places */
};

/* "0A" and the name: the place comes first in the name of a link. */
static void put_shard_link(const struct unixfs_profile *profile, struct shard *shard,
                           uint32_t place, const struct dag_pb_link *link)
{
    struct dag_pb_link placed = *link;
    struct text name = {0};
    size_t bytes = profile->fanout / 8;

    text_put_format(&name, "%0*X", (int)unixfs_shard_prefix_size(profile->fanout), place);
    text_put_slice(&name, link->name);
    placed.name = text_slice(&name);
    dag_pb_put_link(&shard->links, &placed);
    text_dispose(&name);
    shard->bits[bytes - 1 - place / 8] |= (uint8_t)(1U << place % 8);
    shard->tsize += link->tsize;
}

static bool finish_shard(const struct unixfs_out *out, struct shard *shard,
                         const struct unixfs_stat *stat, struct unixfs_entry *entry,
                         struct error *err)
{
    struct slice bits = {(const char *)shard->bits, out->profile.fanout / 8};
    struct text message = {0};
    struct unixfs node;
    bool ok;

    while (bits.size > 0 && *bits.data == 0) { /* as a number: no zeros in front */
        bits.data++;
        bits.size--;
    }
    node = (struct unixfs){.type = UNIXFS_HAMT,
                           .has_data = bits.size > 0,
                           .data = bits,
                           .hash = UNIXFS_HASH_MURMUR3,
                           .fanout = out->profile.fanout};
    if (stat != NULL)
        node.stat = *stat;
    unixfs_put(&message, &node, NULL, 0);
    ok = write_node(out, &shard->links, &message, shard->tsize, entry, err);
    text_dispose(&message);
    return ok;
}

static bool write_shard(const struct unixfs_directory *directory, const struct unixfs_out *out,
                        struct shard *shard, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry, struct error *err);

/* The entries from first on that share a place: one is linked, more are a shard of their own. */
static bool put_place(const struct unixfs_directory *directory, const struct unixfs_out *out,
                      struct shard *shard, size_t first, size_t last, struct error *err)
{
    const struct entry *entry = &directory->entries[first];
    uint32_t place = unixfs_shard_place(out->profile.fanout, entry->hash, shard->level);
    struct shard below = {.first = first, .last = last, .level = shard->level + 1};
    struct unixfs_entry made;
    struct dag_pb_link link;
    bool ok;

    if (last - first == 1) {
        link = link_of(directory, entry);
        put_shard_link(&out->profile, shard, place, &link);
        return true;
    }
    ok = write_shard(directory, out, &below, NULL, &made, err);
    text_dispose(&below.links);
    if (!ok)
        return false;
    link = (struct dag_pb_link){
        .cid = made.cid, .tsize = made.tsize, .has_name = true, .has_tsize = true};
    put_shard_link(&out->profile, shard, place, &link);
    return true;
}

/* Recursion: once for each level, 21 at most (of 3 bits each in the 64 of a hash). */
static bool write_shard(const struct unixfs_directory *directory, const struct unixfs_out *out,
                        struct shard *shard, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry, struct error *err)
{
    const struct entry *entries = directory->entries;
    uint32_t fanout = out->profile.fanout;
    size_t first = shard->first;

    if (shard->level == unixfs_shard_levels(out->profile.fanout))
        return error_set(err, ERROR_LIMIT,
                         "the names '%.*s' and '%.*s' have the same hash: a sharded directory "
                         "cannot have both",
                         SLICE_ARGS(name_of(directory, &entries[first])),
                         SLICE_ARGS(name_of(directory, &entries[first + 1])));
    while (first < shard->last) {
        uint32_t place = unixfs_shard_place(fanout, entries[first].hash, shard->level);
        size_t last = first + 1;

        while (last < shard->last &&
               unixfs_shard_place(fanout, entries[last].hash, shard->level) == place)
            last++;
        if (!put_place(directory, out, shard, first, last, err))
            return false;
        first = last;
    }
    return finish_shard(out, shard, stat, entry, err);
}

static bool write_hamt(struct unixfs_directory *directory, const struct unixfs_out *out,
                       const struct unixfs_stat *stat, struct unixfs_entry *entry,
                       struct error *err)
{
    struct shard root = {.last = directory->count};
    bool ok;

    for (size_t i = 0; i < directory->count; i++)
        directory->entries[i].hash = murmur3_64(name_of(directory, &directory->entries[i]));
    qsort(directory->entries, directory->count, sizeof(*directory->entries), by_hash);
    ok = write_shard(directory, out, &root, stat, entry, err);
    text_dispose(&root.links);
    return ok;
}

bool unixfs_directory_finish(struct unixfs_directory *directory, const struct unixfs_stat *stat,
                             unixfs_sink sink, void *arg, struct unixfs_entry *entry,
                             struct error *err)
{
    struct unixfs_out out = {{sink, arg}, directory->profile};
    struct text message = {0};
    bool ok = sort(directory, err);

    put_message(&message, stat);
    if (ok)
        ok = is_large(directory, text_slice(&message))
                 ? write_hamt(directory, &out, stat, entry, err)
                 : write_basic(directory, &out, &message, entry, err);
    text_dispose(&message);
    return ok;
}
