// SPDX-License-Identifier: Apache-2.0
/* A directory is one node with a link for each entry, or, if that would be large, a HAMT
 * (unixfs_hamt.c). */
#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/unixfs_block.h"
#include "ipfs/unixfs_build.h"

#include <assert.h>
#include <stdlib.h>

/* One entry; the bytes of its name, then those of its CID, stand in the directory's text. */
struct entry {
    uint64_t place;
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
    struct unixfs_extent extent;
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
    unixfs_extent_add(&directory->extent, &directory->profile, name, entry);
    return true;
}

static int by_name(const void *a, const void *b, void *directory)
{
    struct slice x = name_of(directory, a), y = name_of(directory, b);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->place, y = ((const struct entry *)b)->place;

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

void unixfs_extent_add(struct unixfs_extent *extent, const struct unixfs_profile *profile,
                       struct slice name, const struct unixfs_entry *entry)
{
    struct dag_pb_link link = {.cid = entry->cid,
                               .name = name,
                               .tsize = entry->tsize,
                               .has_name = true,
                               .has_tsize = true};

    extent->count++;
    extent->bytes += profile->estimate == UNIXFS_BY_BLOCK ? dag_pb_link_size(&link)
                                                          : name.size + entry->cid.size;
}

static void put_message(struct text *message, const struct unixfs_stat *stat)
{
    struct unixfs node = {.type = UNIXFS_DIRECTORY};

    if (stat != NULL)
        node.stat = *stat;
    unixfs_put(message, &node, NULL, 0);
}

bool unixfs_must_shard(const struct unixfs_extent *extent, const struct unixfs_profile *profile,
                       const struct unixfs_stat *stat)
{
    struct text message = {0};
    uint64_t bytes = extent->bytes;

    if (profile->directory_links != 0 && extent->count > profile->directory_links)
        return true;
    if (profile->estimate == UNIXFS_BY_BLOCK) {
        put_message(&message, stat);
        bytes += 1 + protobuf_varint_size(message.size) + message.size;
        text_dispose(&message);
    }
    return bytes > profile->directory_bytes;
}

static bool write_basic(const struct unixfs_directory *directory, const struct unixfs_out *out,
                        const struct unixfs_stat *stat, struct unixfs_entry *entry,
                        struct error *err)
{
    struct text links = {0}, message = {0};
    uint64_t tsize = 0;
    bool ok;

    for (size_t i = 0; i < directory->count; i++) {
        struct dag_pb_link link = link_of(directory, &directory->entries[i]);

        dag_pb_put_link(&links, &link);
        tsize += link.tsize;
    }
    put_message(&message, stat);
    ok = unixfs_write_node(out, text_slice(&links), text_slice(&message), tsize, entry, err);
    text_dispose(&links);
    text_dispose(&message);
    return ok;
}

static bool write_hamt(struct unixfs_directory *directory, const struct unixfs_out *out,
                       const struct unixfs_stat *stat, struct unixfs_entry *entry,
                       struct error *err)
{
    struct unixfs_hamt *hamt = unixfs_hamt_create(&out->profile, out->to.sink, out->to.arg);
    bool ok = true;

    for (size_t i = 0; i < directory->count; i++)
        directory->entries[i].place = unixfs_hamt_place(name_of(directory, &directory->entries[i]));
    qsort(directory->entries, directory->count, sizeof(*directory->entries), by_place);
    for (size_t i = 0; ok && i < directory->count; i++) {
        const struct entry *added = &directory->entries[i];
        struct unixfs_entry child = {.cid = cid_of(directory, added), .tsize = added->tsize};

        ok = unixfs_hamt_add(hamt, name_of(directory, added), &child, err);
    }
    ok = ok && unixfs_hamt_finish(hamt, stat, entry, err);
    unixfs_hamt_destroy(&hamt);
    return ok;
}

bool unixfs_directory_finish(struct unixfs_directory *directory, const struct unixfs_stat *stat,
                             unixfs_sink sink, void *arg, struct unixfs_entry *entry,
                             struct error *err)
{
    struct unixfs_out out = {{sink, arg}, directory->profile};

    if (!sort(directory, err))
        return false;
    return unixfs_must_shard(&directory->extent, &directory->profile, stat)
               ? write_hamt(directory, &out, stat, entry, err)
               : write_basic(directory, &out, stat, entry, err);
}
