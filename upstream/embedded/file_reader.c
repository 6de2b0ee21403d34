// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/file_reader.h"

#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/link_stack.h"
#include "upstream/embedded/task.h"

#include <stdlib.h>

enum { METADATA_MAX = 32 }; /* of nodes that only say more about the next */

/* For the tag of a level: there are as many sizes as links, so that an offset can be found. */
enum { SIZES_FIT = 1 };

struct file_reader {
    struct link_stack *stack;
    uint64_t size;
    uint64_t left;      /* of the limit */
    uint64_t skip;      /* bytes of the leaf to come */
    struct cid pending; /* comes before what the stack has, if there is one */
    bool has_pending;
    bool is_symlink;
};

/* ---- nodes */

static struct slice data_of(struct slice block)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    do
        part = dag_pb_next(&reader, NULL);
    while (part == DAG_PB_LINK);
    return part == DAG_PB_DATA ? reader.data : (struct slice){"", 0};
}

/* A link_lister. What the sizes are of is no matter: a node without any is read to its end. */
static bool list_children(struct text *list, const struct cid *cid, struct slice block,
                          struct error *err)
{
    struct unixfs unixfs = {.message = {"", 0}};
    struct unixfs_sizes sizes;
    struct dag_pb_reader reader;
    struct error why = {0};
    enum dag_pb_part part;

    if (!unixfs_read(&unixfs, data_of(block), NULL))
        unixfs.message = (struct slice){"", 0};
    unixfs_sizes_begin(&sizes, &unixfs);
    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, &why)) != DAG_PB_END) {
        struct stacked_link link = {0};

        if (part == DAG_PB_BAD)
            return entity_refuse(err, cid, &why);
        if (part != DAG_PB_LINK)
            continue;
        link.cid = reader.link.cid;
        if (!unixfs_next_size(&sizes, &link.size))
            link.size = 0;
        link_list_put(list, &link);
    }
    return true;
}

/* What a leaf of a file may be; else in Kubo's words. */
static bool check_leaf(const struct entity *leaf, struct error *err)
{
    static const char *const names[] = {"Raw",      "Directory", "File",
                                        "Metadata", "Symlink",   "HAMTShard"};

    if (entity_is_file(leaf))
        return true;
    if (leaf->kind == ENTITY_PB)
        return error_set(err, ERROR_UNSUPPORTED, "found %s node in unexpected place",
                         names[leaf->unixfs.type]);
    return error_set(err, ERROR_UNSUPPORTED, "unrecognized node type");
}

/* Reads a node below the root. *leaf: its bytes, or {NULL, 0}: it has children, which are on the
 * stack now. */
static bool visit(struct file_reader *reader, struct task *task, const struct cid *cid,
                  struct slice *leaf, struct error *err)
{
    struct error failure = {0};
    struct entity entity;
    struct slice block;

    if (!task_get(task, cid, &block, &failure)) {
        if (failure.code == ERROR_NOT_FOUND)
            return error_set(err, ERROR_NOT_FOUND, "failed to fetch all nodes");
        return error_copy(err, &failure);
    }
    if (!entity_of(&entity, cid, block, err))
        return false;
    *leaf = (struct slice){NULL, 0};
    if (entity.link_count > 0 && !reader->is_symlink)
        return link_stack_push(reader->stack, cid, block,
                               entity.link_count == entity.unixfs.block_count ? SIZES_FIT : 0, err);
    *leaf = entity.kind == ENTITY_RAW ? block : entity.unixfs.data;
    return reader->is_symlink || check_leaf(&entity, err);
}

/* ---- opening */

/* Down one level towards the byte that is skip bytes on. False: *is_there, or err. */
static bool seek_level(struct file_reader *reader, struct task *task, bool *is_there,
                       struct error *err)
{
    struct stacked_link link;
    bool found;

    if (link_stack_tag(reader->stack) != SIZES_FIT)
        return error_set(err, ERROR_UNSUPPORTED, "file does not support seeking");
    while (link_stack_peek(reader->stack, task, &link, &found, err)) {
        struct slice leaf;

        if (!found) { /* the sizes do not add up: on with what comes behind, as Kubo does */
            reader->skip = 0;
            *is_there = true;
            return true;
        }
        if (link.size <= reader->skip) {
            reader->skip -= link.size;
            link_stack_advance(reader->stack);
            continue;
        }
        link_stack_advance(reader->stack);
        if (!visit(reader, task, &link.cid, &leaf, err))
            return false;
        reader->has_pending = *is_there = leaf.data != NULL;
        reader->pending = link.cid; /* a leaf is read again, since its bytes do not stay */
        return true;
    }
    return false;
}

static bool seek(struct file_reader *reader, struct task *task, struct error *err)
{
    bool is_there = reader->skip == 0;
    struct slice leaf;

    if (is_there)
        return true;
    if (!visit(reader, task, &reader->pending, &leaf, err))
        return false;
    reader->has_pending = is_there = leaf.data != NULL;
    while (!is_there)
        if (!seek_level(reader, task, &is_there, err))
            return false;
    return true;
}

/* The first link of a node that only says more about what is behind it. */
static bool read_metadata(struct cid *cid, struct slice block, struct error *err)
{
    struct dag_pb_reader reader;

    dag_pb_read(&reader, block.data, block.size);
    for (;;) {
        enum dag_pb_part part = dag_pb_next(&reader, NULL);

        if (part == DAG_PB_LINK)
            break;
        if (part != DAG_PB_DATA)
            return error_set(err, ERROR_UNSUPPORTED, "incorrectly formatted metadata object");
    }
    *cid = reader.link.cid;
    return cid->codec == CODEC_DAG_PB ||
           error_set(err, ERROR_UNSUPPORTED, "expected protobuf dag node");
}

static bool open_root(struct file_reader *reader, struct task *task, struct error *err)
{
    struct cid *cid = &reader->pending;
    struct entity root;

    for (unsigned i = 0; i < METADATA_MAX; i++) {
        if (!entity_read(&root, task, cid, err))
            return false;
        reader->size = root.file_size;
        reader->is_symlink = root.kind == ENTITY_PB && root.unixfs.type == UNIXFS_SYMLINK;
        if (entity_is_file(&root) || reader->is_symlink)
            return true;
        if (root.kind != ENTITY_PB)
            return error_set(err, ERROR_UNSUPPORTED, "unknown node type");
        if (entity_is_directory(&root))
            return error_set(err, ERROR_UNSUPPORTED, "this dag node is a directory");
        if (!read_metadata(cid, root.block, err))
            return false;
    }
    return error_set(err, ERROR_LIMIT, "metadata about metadata, %d times: not supported",
                     METADATA_MAX);
}

bool file_reader_open(struct file_reader **reader_ptr, struct task *task, const struct cid *cid,
                      uint64_t offset, uint64_t limit, struct error *err)
{
    struct file_reader *reader = memory_alloc(sizeof(*reader));

    *reader =
        (struct file_reader){.pending = *cid, .has_pending = true, .left = limit, .skip = offset};
    reader->stack = link_stack_create(list_children);
    *reader_ptr = reader;
    if (open_root(reader, task, err) && seek(reader, task, err))
        return true;
    file_reader_destroy(reader_ptr);
    return false;
}

void file_reader_destroy(struct file_reader **reader)
{
    if (*reader == NULL)
        return;
    link_stack_destroy(&(*reader)->stack);
    free(*reader);
    *reader = NULL;
}

uint64_t file_reader_size(const struct file_reader *reader)
{
    return reader->size;
}

/* ---- reading */

/* The node to be visited next; found: there is one. */
static bool take_next(struct file_reader *reader, struct task *task, struct cid *cid, bool *found,
                      struct error *err)
{
    struct stacked_link link;

    *found = reader->has_pending;
    *cid = reader->pending;
    reader->has_pending = false;
    while (!*found && link_stack_depth(reader->stack) > 0) {
        if (!link_stack_peek(reader->stack, task, &link, found, err))
            return false;
        if (*found)
            link_stack_advance(reader->stack);
        else
            link_stack_pop(reader->stack);
        *cid = link.cid;
    }
    return true;
}

/* What is wanted of a leaf. */
static struct slice cut(struct file_reader *reader, struct slice leaf)
{
    size_t skip = reader->skip < leaf.size ? (size_t)reader->skip : leaf.size;

    reader->skip = 0; /* there is no more of it elsewhere, whatever the sizes said */
    leaf = (struct slice){leaf.data + skip, leaf.size - skip};
    if (leaf.size > reader->left)
        leaf.size = (size_t)reader->left;
    reader->left -= leaf.size;
    return leaf;
}

enum read_step file_reader_next(struct file_reader *reader, struct task *task, struct slice *piece,
                                struct error *err)
{
    do {
        struct slice leaf = {NULL, 0};
        struct cid cid;
        bool found;

        if (reader->left == 0)
            return READ_END;
        if (!take_next(reader, task, &cid, &found, err))
            return READ_BAD;
        if (!found)
            return READ_END;
        if (!visit(reader, task, &cid, &leaf, err)) {
            reader->pending = cid; /* it may come: the next call looks again */
            reader->has_pending = true;
            return READ_BAD;
        }
        if (leaf.data == NULL)
            continue;
        *piece = cut(reader, leaf);
        if (piece->size > 0)
            return READ_GOT;
    } while (!task_is_due(task));
    return READ_DUE;
}
