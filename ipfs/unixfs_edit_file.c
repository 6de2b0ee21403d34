// SPDX-License-Identifier: Apache-2.0
/* A node may have bytes of its own before those of its children: Kubo makes one of a small file
 * that it appends to. It reads such a file rightly, but loses those bytes, or puts others in a
 * wrong place, when it writes over them, truncates the file, or takes a single raw child for the
 * whole. Here they are bytes as all others; the CIDs differ in these cases alone. */
#include "ipfs/unixfs_edit_file.h"

#include "conf/memory.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <stdlib.h>

bool unixfs_edit_open(struct unixfs_edit **edit, const struct unixfs_store *store,
                      const struct cid *cid, bool raw_leaves, const struct unixfs_stat *now,
                      struct error *err)
{
    struct unixfs_entry root;
    enum unixfs_type type;

    *edit = NULL;
    if (!unixfs_look(store, cid, &type, &root, err))
        return false;
    if (type == UNIXFS_SYMLINK)
        return error_set(err, ERROR_UNSUPPORTED, "symlinks not yet supported");
    if (type != UNIXFS_FILE && type != UNIXFS_RAW)
        return error_set(err, ERROR_UNSUPPORTED, "unsupported fsnode type for 'file'");
    *edit = memory_alloc(sizeof(**edit));
    **edit = (struct unixfs_edit){.store = *store,
                                  .version = cid->version,
                                  .hash = cid->hash,
                                  .raw_leaves = raw_leaves,
                                  .now = *now,
                                  .root = root};
    return true;
}

void unixfs_edit_destroy(struct unixfs_edit **edit)
{
    if (*edit == NULL)
        return;
    unixfs_append_destroy(&(*edit)->row);
    free(*edit);
    *edit = NULL;
}

uint64_t unixfs_edit_size(const struct unixfs_edit *edit)
{
    return edit->root.file_size + edit->row_size;
}

static void set_time(struct unixfs_edit *edit, struct unixfs *unixfs)
{
    if (!unixfs->stat.has_mtime)
        return;
    unixfs->stat.mtime_s = edit->now.mtime_s;
    unixfs->stat.mtime_ns = edit->now.mtime_ns;
}

static bool put_node(struct unixfs_edit *edit, struct unixfs_node *node,
                     const struct unixfs *unixfs, struct unixfs_entry *result, struct error *err)
{
    struct text message = {0};
    bool ok;

    unixfs_node_message(unixfs, &message);
    ok = unixfs_node_put(node, &edit->store, text_slice(&message), result, err);
    text_dispose(&message);
    return ok;
}

static bool put_raw(struct unixfs_edit *edit, const struct cid *old, struct slice bytes,
                    struct unixfs_entry *result, struct error *err)
{
    struct unixfs_entry put = {.tsize = bytes.size, .file_size = bytes.size};
    bool ok = unixfs_store_put(&edit->store, 1, CODEC_RAW, old->hash, bytes, &put.cid, err);

    *result = put; /* old may be part of it */
    return ok;
}

/* ---- overwriting */

/* Bytes are taken from the front of *bytes as they find their place. */
static void put_over(struct text *there, uint64_t offset, struct slice *bytes)
{
    size_t room = offset < there->size ? there->size - (size_t)offset : 0;
    size_t size = bytes->size < room ? bytes->size : room;

    if (size == 0)
        return;
    memcpy(there->data + offset, bytes->data, size);
    bytes->data += size;
    bytes->size -= size;
}

static bool over_raw(struct unixfs_edit *edit, const struct cid *cid, uint64_t offset,
                     struct slice *bytes, struct unixfs_entry *result, struct error *err)
{
    struct text copy = {0};
    struct slice block;
    bool ok = edit->store.get(edit->store.arg, cid, &block, err);

    if (ok) {
        text_put_slice(&copy, block);
        put_over(&copy, offset, bytes);
        ok = put_raw(edit, cid, text_slice(&copy), result, err);
    }
    text_dispose(&copy);
    return ok;
}

static bool over(struct unixfs_edit *edit, const struct cid *cid, uint64_t offset,
                 struct slice *bytes, unsigned depth, struct unixfs_entry *result,
                 struct error *err);

/* begin: where the node's children begin in its bytes. */
static bool over_children(struct unixfs_edit *edit, struct unixfs_node *node, uint64_t begin,
                          uint64_t offset, struct slice *bytes, unsigned depth, struct error *err)
{
    struct unixfs_sizes sizes;
    struct unixfs_entry changed;
    uint64_t size;

    unixfs_sizes_begin(&sizes, &node->unixfs);
    for (size_t i = 0; i < node->links.count && bytes->size > 0; i++) {
        struct dag_pb_link link = dag_pb_edit_link(&node->links, i);
        struct text name = {0};

        if (!unixfs_next_size(&sizes, &size))
            return error_set(err, ERROR_SYNTAX, "the file does not say how large its parts are");
        if (begin + size > offset) {
            size_t before = bytes->size;
            uint64_t room = begin + size - offset;

            if (!over(edit, &link.cid, offset - begin, bytes, depth + 1, &changed, err))
                return false;
            /* else nodes without bytes could lead to each other without end */
            if (before - bytes->size != (room < before ? room : before))
                return error_set(err, ERROR_SYNTAX,
                                 "a part of the file is not as large as it says");
            text_put_slice(&name, link.name);
            link.name = text_slice(&name);
            link.cid = changed.cid; /* its size stays what it was, as in Kubo */
            dag_pb_edit_replace(&node->links, i, &link);
            text_dispose(&name);
            offset = begin + size;
        }
        begin += size;
    }
    return true;
}

static bool over_node(struct unixfs_edit *edit, struct unixfs_node *node, uint64_t offset,
                      struct slice *bytes, unsigned depth, struct unixfs_entry *result,
                      struct error *err)
{
    struct unixfs unixfs = node->unixfs;
    bool is_leaf = node->links.count == 0, ok = true;
    struct text own = {0};

    text_put_slice(&own, unixfs.data);
    if (is_leaf)
        set_time(edit, &unixfs);
    put_over(&own, offset, bytes);
    if (!is_leaf)
        ok = over_children(edit, node, own.size, offset > own.size ? offset : own.size, bytes,
                           depth, err);
    if (ok && !is_leaf && own.size == 0) {
        ok = unixfs_node_put(node, &edit->store, text_slice(&node->links.data), result, err);
    } else if (ok) {
        unixfs.data = text_slice(&own);
        ok = put_node(edit, node, &unixfs, result, err);
    }
    text_dispose(&own);
    return ok;
}

/* Recursion: once for each node on the way down, UNIXFS_DEPTH_MAX at most. */
static bool over(struct unixfs_edit *edit, const struct cid *cid, uint64_t offset,
                 struct slice *bytes, unsigned depth, struct unixfs_entry *result,
                 struct error *err)
{
    struct unixfs_node node;
    bool ok;

    if (depth == UNIXFS_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "the file is deeper than %d nodes", UNIXFS_DEPTH_MAX);
    if (cid->codec == CODEC_RAW)
        return over_raw(edit, cid, offset, bytes, result, err);
    ok = unixfs_node_load(&node, &edit->store, cid, err) &&
         over_node(edit, &node, offset, bytes, depth, result, err);
    unixfs_node_dispose(&node);
    return ok;
}

bool unixfs_edit_overwrite(struct unixfs_edit *edit, uint64_t offset, struct slice bytes,
                           struct error *err)
{
    struct unixfs_entry changed;

    assert(edit->row == NULL && offset + bytes.size <= edit->root.file_size);
    if (bytes.size == 0)
        return true;
    if (!over(edit, &edit->root.cid, offset, &bytes, 0, &changed, err))
        return false;
    if (bytes.size > 0)
        return error_set(err, ERROR_SYNTAX, "the file is not as large as it says");
    changed.file_size = edit->root.file_size;
    edit->root = changed;
    return true;
}

/* ---- truncating */

static bool cut(struct unixfs_edit *edit, const struct cid *cid, unsigned depth,
                struct unixfs_entry *result, struct error *err);

static bool cut_leaf(struct unixfs_edit *edit, struct unixfs_node *node,
                     struct unixfs_entry *result, struct error *err)
{
    struct unixfs unixfs = node->unixfs;

    unixfs.data.size = 0;
    unixfs.has_file_size = true;
    unixfs.file_size = 0;
    set_time(edit, &unixfs);
    node->version = 0; /* as Kubo's is */
    node->hash = HASH_SHA2_256;
    return put_node(edit, node, &unixfs, result, err);
}

/* Kubo keeps the children up to the first that has bytes, which is cut in turn. */
static bool cut_node(struct unixfs_edit *edit, struct unixfs_node *node, unsigned depth,
                     struct unixfs_entry *result, struct error *err)
{
    struct unixfs unixfs = node->unixfs;
    struct text message = {0}, sizes = {0};
    struct unixfs_entry child = {0};
    enum unixfs_type type;
    struct dag_pb_link link;
    size_t kept = 0;
    bool ok = true;

    while (ok && kept < node->links.count && child.file_size == 0) {
        link = dag_pb_edit_link(&node->links, kept++);
        ok = unixfs_look(&edit->store, &link.cid, &type, &child, err);
    }
    while (node->links.count >= kept && node->links.count > 0)
        dag_pb_edit_remove(&node->links, node->links.count - 1);
    ok = ok && cut(edit, &child.cid, depth + 1, &child, err);
    if (ok) {
        link = (struct dag_pb_link){.cid = child.cid, .tsize = child.tsize};
        dag_pb_edit_insert(&node->links, node->links.count, &link);
        for (size_t i = 0; i < node->links.count; i++)
            text_put(&sizes, &(uint64_t){0}, sizeof(uint64_t));
        unixfs.data.size = 0;
        unixfs.has_file_size = true;
        unixfs.file_size = 0;
        unixfs_put(&message, &unixfs, (const uint64_t *)(const void *)sizes.data,
                   node->links.count);
        ok = unixfs_node_put(node, &edit->store, text_slice(&message), result, err);
    }
    text_dispose(&message);
    text_dispose(&sizes);
    return ok;
}

/* Recursion: once for each node on the way down, UNIXFS_DEPTH_MAX at most. */
static bool cut(struct unixfs_edit *edit, const struct cid *cid, unsigned depth,
                struct unixfs_entry *result, struct error *err)
{
    struct unixfs_node node;
    bool ok;

    if (depth == UNIXFS_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "the file is deeper than %d nodes", UNIXFS_DEPTH_MAX);
    if (cid->codec == CODEC_RAW)
        return put_raw(edit, cid, (struct slice){"", 0}, result, err);
    ok = unixfs_node_load(&node, &edit->store, cid, err);
    if (ok)
        ok = node.links.count == 0 ? cut_leaf(edit, &node, result, err)
                                   : cut_node(edit, &node, depth, result, err);
    result->file_size = 0;
    unixfs_node_dispose(&node);
    return ok;
}

bool unixfs_edit_truncate(struct unixfs_edit *edit, struct error *err)
{
    assert(edit->row == NULL);
    if (edit->root.file_size == 0)
        return true;
    return cut(edit, &edit->root.cid, 0, &edit->root, err);
}

/* ---- appending */

bool unixfs_edit_append(struct unixfs_edit *edit, struct slice leaf, struct error *err)
{
    if (edit->row == NULL && !unixfs_append_begin(&edit->row, edit, err))
        return false;
    edit->row_size += leaf.size;
    return unixfs_append_leaf(edit->row, leaf, err);
}

bool unixfs_edit_flush(struct unixfs_edit *edit, struct error *err)
{
    bool ok = edit->row == NULL || unixfs_append_end(edit->row, err);

    if (!ok)
        return false;
    unixfs_append_destroy(&edit->row);
    edit->row_size = 0;
    return true;
}

/* Whether the file is one raw leaf, and *leaf that. */
static bool find_single_leaf(struct unixfs_edit *edit, struct unixfs_entry *leaf)
{
    const struct cid *root = &edit->root.cid;
    enum unixfs_type type;
    struct unixfs_node node;
    bool is_single;

    if (!edit->raw_leaves || root->codec != CODEC_DAG_PB)
        return false;
    is_single = unixfs_node_load(&node, &edit->store, root, NULL) && node.links.count == 1 &&
                !node.unixfs.stat.has_mtime && (node.unixfs.stat.mode & 07777) == 0 &&
                node.unixfs.data.size == 0;
    if (is_single) {
        struct cid child = dag_pb_edit_link(&node.links, 0).cid;

        is_single =
            child.codec == CODEC_RAW && unixfs_look(&edit->store, &child, &type, leaf, NULL);
    }
    unixfs_node_dispose(&node);
    return is_single;
}

bool unixfs_edit_finish(struct unixfs_edit *edit, struct unixfs_entry *result, struct error *err)
{
    if (!unixfs_edit_flush(edit, err))
        return false;
    if (!find_single_leaf(edit, result))
        *result = edit->root;
    return true;
}
