// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/directory_reader.h"

#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/murmur3.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/link_stack.h"
#include "upstream/embedded/task.h"

#include <stdlib.h>

/* The tag of a level: 0: a directory's own block; else how many shards lie above it. */

enum link_kind { LINK_ENTRY, LINK_SHARD };

struct directory_reader {
    struct link_stack *stack;
};

/* ---- blocks */

static bool check_shard(const struct entity *shard, struct error *err)
{
    uint64_t fanout = shard->unixfs.fanout;
    struct error why = {0};

    if (shard->kind != ENTITY_PB)
        return error_set(err, ERROR_UNSUPPORTED, "expected protobuf dag node");
    if (shard->unixfs.type != UNIXFS_HAMT)
        return error_set(err, ERROR_UNSUPPORTED, "node was not a dir shard");
    if (shard->unixfs.hash != UNIXFS_HASH_MURMUR3)
        return error_set(err, ERROR_UNSUPPORTED, "only murmur3 supported as hash function");
    if (fanout == 0 || (fanout & (fanout - 1)) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "hamt size should be a power of two");
    if (shard->unixfs.data.size > (fanout + 7) / 8)
        return error_set(err, ERROR_UNSUPPORTED,
                         "hamt bitfield of %zu bytes exceeds fanout of %llu",
                         shard->unixfs.data.size, (unsigned long long)fanout);
    return unixfs_check_shard(&shard->unixfs, &why) ||
           error_set(err, ERROR_UNSUPPORTED, "%s", why.text);
}

static bool check_directory(const struct entity *entity, struct error *err)
{
    if (!entity_is_directory(entity))
        return error_set(err, ERROR_UNSUPPORTED, "this dag node is not a directory");
    return entity->unixfs.type == UNIXFS_DIRECTORY || check_shard(entity, err);
}

static bool read_directory(struct entity *entity, struct task *task, const struct cid *cid,
                           struct error *err)
{
    return entity_read(entity, task, cid, err) && check_directory(entity, err);
}

/* What a shard's link is: its place is cut off the name. */
static bool split_name(const struct entity *shard, struct slice *name, enum link_kind *kind,
                       struct error *err)
{
    unsigned prefix = unixfs_shard_prefix_size(shard->unixfs.fanout);

    if (name->size < prefix)
        return error_set(err, ERROR_UNSUPPORTED, "invalid link name '%.*s'", SLICE_ARGS(*name));
    *kind = name->size == prefix ? LINK_SHARD : LINK_ENTRY;
    *name = (struct slice){name->data + prefix, name->size - prefix};
    return true;
}

/* A link_lister, of directories and of shards. */
static bool list_entries(struct text *list, const struct cid *cid, struct slice block,
                         struct error *err)
{
    struct dag_pb_reader reader;
    struct entity entity;
    enum dag_pb_part part;

    if (!entity_of(&entity, cid, block, err) || !check_directory(&entity, err))
        return false;
    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, err)) != DAG_PB_END) {
        struct stacked_link link;
        enum link_kind kind = LINK_ENTRY;

        if (part == DAG_PB_BAD) /* not here: entity_of has been over it */
            return false;
        if (part != DAG_PB_LINK)
            continue;
        link.cid = reader.link.cid;
        link.name = reader.link.name;
        link.size = reader.link.tsize;
        if (entity.unixfs.type == UNIXFS_HAMT && !split_name(&entity, &link.name, &kind, err))
            return false;
        link.kind = (uint8_t)kind;
        link_list_put(list, &link);
    }
    if (entity.unixfs.type == UNIXFS_DIRECTORY)
        link_list_sort(list);
    return true;
}

/* ---- reading one after another */

bool directory_reader_open(struct directory_reader **reader, struct task *task,
                           const struct cid *cid, struct error *err)
{
    *reader = memory_alloc(sizeof(**reader));
    (*reader)->stack = link_stack_create(list_entries);
    if (directory_reader_enter(*reader, task, cid, err))
        return true;
    directory_reader_destroy(reader);
    return false;
}

void directory_reader_destroy(struct directory_reader **reader)
{
    if (*reader == NULL)
        return;
    link_stack_destroy(&(*reader)->stack);
    free(*reader);
    *reader = NULL;
}

bool directory_reader_enter(struct directory_reader *reader, struct task *task,
                            const struct cid *cid, struct error *err)
{
    struct slice block;

    return task_get(task, cid, &block, err) && link_stack_push(reader->stack, cid, block, 0, err);
}

bool directory_reader_leave(struct directory_reader *reader)
{
    link_stack_pop(reader->stack);
    return link_stack_depth(reader->stack) > 0;
}

static bool read_shard(struct directory_reader *reader, struct entity *shard, struct task *task,
                       const struct cid *cid, struct error *err)
{
    uint32_t above = link_stack_tag(reader->stack) + 1;

    if (!entity_read(shard, task, cid, err) || !check_shard(shard, err))
        return false;
    return above < unixfs_shard_levels(shard->unixfs.fanout) ||
           error_set(err, ERROR_UNSUPPORTED, "sharded directory too deep");
}

/* The link that is next. A shard that is missing leaves it there. */
static bool enter_shard(struct directory_reader *reader, struct task *task, const struct cid *cid,
                        struct error *err)
{
    uint32_t above = link_stack_tag(reader->stack) + 1;
    struct entity shard;

    if (!read_shard(reader, &shard, task, cid, err))
        return false;
    link_stack_advance(reader->stack);
    return link_stack_push(reader->stack, cid, shard.block, above, err);
}

enum read_step directory_reader_next(struct directory_reader *reader, struct task *task,
                                     struct directory_entry *entry, struct error *err)
{
    do {
        struct stacked_link link;
        bool found;

        if (!link_stack_peek(reader->stack, task, &link, &found, err))
            return READ_BAD;
        if (found) {
            if (link.kind == LINK_ENTRY) {
                link_stack_advance(reader->stack);
                *entry = (struct directory_entry){link.name, link.cid, link.size};
                return READ_GOT;
            }
            if (!enter_shard(reader, task, &link.cid, err))
                return READ_BAD;
        } else if (link_stack_tag(reader->stack) == 0) {
            return READ_END;
        } else {
            link_stack_pop(reader->stack);
        }
    } while (!task_is_due(task));
    return READ_DUE;
}

/* ---- looking one up */

/* The link at an index of the block; found: there is one. */
static bool link_at(struct slice block, uint32_t index, struct dag_pb_link *link)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA)
        if (part == DAG_PB_LINK && index-- == 0) {
            *link = reader.link;
            return true;
        }
    return false;
}

/* Its index counts the places before it that are taken. */
static uint32_t index_of_place(const struct unixfs *shard, uint32_t place)
{
    uint32_t index = 0;

    for (uint32_t i = 0; i < place; i++)
        index += unixfs_shard_has(shard, i);
    return index;
}

/* Where the way to a name goes on in this shard. kind: LINK_SHARD: into the next one. */
static bool find_in_shard(const struct entity *shard, struct slice name, unsigned level,
                          struct dag_pb_link *link, enum link_kind *kind, bool *found,
                          struct error *err)
{
    uint64_t fanout = shard->unixfs.fanout;
    struct slice rest;
    uint32_t place;

    *found = false;
    if (level >= unixfs_shard_levels(fanout))
        return error_set(err, ERROR_UNSUPPORTED, "sharded directory too deep");
    place = unixfs_shard_place(fanout, murmur3_64(name), level);
    if (!unixfs_shard_has(&shard->unixfs, place))
        return true;
    if (!link_at(shard->block, index_of_place(&shard->unixfs, place), link))
        return error_set(err, ERROR_UNSUPPORTED,
                         "invalid index passed to operate children (likely corrupt bitfield)");
    rest = link->name;
    if (!split_name(shard, &rest, kind, err))
        return false;
    *found = *kind == LINK_SHARD || slice_equal(rest, name);
    return true;
}

static bool find_sharded(struct task *task, struct entity *shard, struct slice name,
                         struct dag_pb_link *link, bool *found, struct error *err)
{
    uint64_t fanout = shard->unixfs.fanout;

    for (unsigned level = 0;; level++) {
        enum link_kind kind = LINK_ENTRY;

        if (!find_in_shard(shard, name, level, link, &kind, found, err))
            return false;
        if (!*found || kind == LINK_ENTRY)
            return true;
        if (!entity_read(shard, task, &link->cid, err) || !check_shard(shard, err))
            return false;
        if (shard->unixfs.fanout != fanout)
            return error_set(err, ERROR_UNSUPPORTED,
                             "a directory with shards of different fanouts: not supported");
    }
}

static bool find_plain(struct slice block, struct slice name, struct dag_pb_link *link)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA)
        if (part == DAG_PB_LINK && slice_equal(reader.link.name, name)) {
            *link = reader.link;
            return true;
        }
    return false;
}

bool directory_find(struct task *task, const struct cid *directory, struct slice name,
                    struct directory_entry *entry, bool *found, struct error *err)
{
    struct dag_pb_link link;
    struct entity entity;

    *found = false;
    if (!read_directory(&entity, task, directory, err))
        return false;
    if (entity.unixfs.type == UNIXFS_DIRECTORY)
        *found = find_plain(entity.block, name, &link);
    else if (!find_sharded(task, &entity, name, &link, found, err))
        return false;
    if (*found)
        *entry = (struct directory_entry){name, link.cid, link.tsize};
    return true;
}
