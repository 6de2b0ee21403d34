// SPDX-License-Identifier: Apache-2.0
/* The trickle layout: a node has up to LINKS leaves, then four nodes of level 1 (leaves alone),
 * four of level 2 (leaves, then four of level 1), and so on; the root goes on without end.
 *
 * A row of leaves begins where the last one ended: along the right edge, from the root down. Kubo
 * takes the level of that place from the number of children alone, and takes it one too high, so a
 * file of several rows has other levels than one of a single row. The same is done here, rule by
 * rule, for the same CIDs. Only the nodes of the right edge are in memory. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "ipfs/unixfs_edit_file.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#define LINKS   174
#define REPEAT  4
#define ENDLESS INT_MAX

/* A node of the right edge, which gets children yet: leaves; then its last child is filled up
 * (`reopens`: to which level); then `repeats` children more of the level that child has; then, from
 * `level` on and below `limit`, four of each. */
struct frame {
    struct unixfs_node node;
    struct text sizes; /* uint64_t, of its children's bytes */
    uint64_t file_size;
    bool reopens;
    int reopen_limit;
    int repeats, repeat_level;
    int level, left, limit; /* left: of the children of this level */
};

struct unixfs_append {
    struct unixfs_edit *edit;
    bool raw_leaves;
    bool only_leaves; /* so far, all of the row stand in the root */
    struct frame *frames[UNIXFS_DEPTH_MAX];
    size_t depth;
    struct text message; /* scratch */
};

static size_t children_of(const struct frame *frame)
{
    return frame->node.links.count;
}

static struct frame *top_of(struct unixfs_append *row)
{
    return row->frames[row->depth - 1];
}

static void destroy_frame(struct frame *frame)
{
    unixfs_node_dispose(&frame->node);
    text_dispose(&frame->sizes);
    free(frame);
}

static bool push(struct unixfs_append *row, struct frame *frame, struct error *err)
{
    if (row->depth == UNIXFS_DEPTH_MAX) {
        destroy_frame(frame);
        return error_set(err, ERROR_LIMIT, "the file is deeper than %d nodes", UNIXFS_DEPTH_MAX);
    }
    row->frames[row->depth++] = frame;
    return true;
}

static void add_child(struct frame *frame, const struct unixfs_entry *child)
{
    struct dag_pb_link link = {.cid = child->cid, .tsize = child->tsize};

    dag_pb_edit_insert(&frame->node.links, children_of(frame), &link);
    text_put(&frame->sizes, &child->file_size, sizeof(child->file_size));
    frame->file_size += child->file_size;
}

/* ---- opening nodes */

/* One that is not there yet. */
static struct frame *new_frame(const struct unixfs_edit *edit, int limit)
{
    struct frame *frame = memory_alloc(sizeof(*frame));

    frame->node.version = edit->version;
    frame->node.hash = edit->hash;
    frame->node.unixfs.type = UNIXFS_FILE;
    frame->level = 1;
    frame->left = REPEAT;
    frame->limit = limit;
    return frame;
}

static bool read_sizes(struct frame *frame, struct error *err)
{
    struct unixfs_sizes at;
    uint64_t size;

    unixfs_sizes_begin(&at, &frame->node.unixfs);
    while (unixfs_next_size(&at, &size))
        text_put(&frame->sizes, &size, sizeof(size));
    frame->file_size = frame->node.unixfs.file_size;
    return frame->sizes.size / sizeof(size) == children_of(frame) ||
           error_set(err, ERROR_SYNTAX, "the file has %zu links and %zu sizes of them",
                     children_of(frame), frame->sizes.size / sizeof(size));
}

/* Where a node that is there goes on. is_root: Kubo counts its levels in another way. */
static void place(struct frame *frame, bool is_root, int limit)
{
    size_t count = children_of(frame);
    int depth, repeat;

    frame->limit = limit;
    frame->left = REPEAT;
    if (count <= LINKS) {
        frame->level = 2;
        return;
    }
    depth = (int)((count - LINKS) / REPEAT) + 1;
    repeat = (int)((count - LINKS) % REPEAT);
    frame->level = depth + 1;
    frame->reopens = true;
    frame->repeat_level = is_root ? depth - 1 : depth;
    frame->reopen_limit = frame->repeat_level - 1;
    frame->repeats = repeat == 0 ? 0 : REPEAT - repeat;
    /* a node that has reached its level gets nothing more, not even below */
    if (!is_root && depth == limit) {
        frame->reopens = false;
        frame->repeats = 0;
    }
}

static bool load_frame(struct unixfs_append *row, const struct cid *cid, bool is_root, int limit,
                       struct error *err)
{
    struct frame *frame = memory_alloc(sizeof(*frame));

    if (!unixfs_node_load(&frame->node, &row->edit->store, cid, err) || !read_sizes(frame, err)) {
        destroy_frame(frame);
        return false;
    }
    place(frame, is_root, limit);
    return push(row, frame, err);
}

/* The last child leaves its parent, and comes back when it is written. */
static bool reopen(struct unixfs_append *row, struct frame *frame, struct error *err)
{
    size_t last = children_of(frame) - 1;
    struct cid cid = dag_pb_edit_link(&frame->node.links, last).cid;
    uint64_t size;

    frame->reopens = false;
    if (frame->reopen_limit == 0)
        return true;
    if (!load_frame(row, &cid, false, frame->reopen_limit, err))
        return false;
    dag_pb_edit_remove(&frame->node.links, last);
    frame->sizes.size -= sizeof(size);
    memcpy(&size, frame->sizes.data + frame->sizes.size, sizeof(size));
    frame->file_size -= size;
    return true;
}

/* A file that is one raw leaf becomes a node with that leaf. */
static bool wrap_leaf(struct unixfs_append *row, struct error *err)
{
    struct frame *frame = new_frame(row->edit, ENDLESS);

    add_child(frame, &row->edit->root);
    place(frame, true, ENDLESS);
    return push(row, frame, err);
}

bool unixfs_append_begin(struct unixfs_append **row, struct unixfs_edit *edit, struct error *err)
{
    struct unixfs_append *begun = memory_alloc(sizeof(*begun));
    bool is_leaf = edit->root.cid.codec == CODEC_RAW;

    begun->edit = edit;
    begun->raw_leaves = edit->raw_leaves || is_leaf;
    *row = begun;
    if (!(is_leaf ? wrap_leaf(begun, err) : load_frame(begun, &edit->root.cid, true, ENDLESS, err)))
        return false;
    begun->only_leaves = children_of(begun->frames[0]) < LINKS;
    return true;
}

void unixfs_append_destroy(struct unixfs_append **row)
{
    if (*row == NULL)
        return;
    while ((*row)->depth > 0)
        destroy_frame((*row)->frames[--(*row)->depth]);
    text_dispose(&(*row)->message);
    free(*row);
    *row = NULL;
}

/* ---- closing nodes */

static bool write_frame(struct unixfs_append *row, struct frame *frame, struct unixfs_entry *entry,
                        struct error *err)
{
    struct unixfs unixfs = frame->node.unixfs;

    unixfs.has_file_size = true;
    unixfs.file_size = entry->file_size = frame->file_size;
    text_clear(&row->message);
    unixfs_put(&row->message, &unixfs, (const uint64_t *)(const void *)frame->sizes.data,
               frame->sizes.size / sizeof(uint64_t));
    return unixfs_node_put(&frame->node, &row->edit->store, text_slice(&row->message), entry, err);
}

static bool pop(struct unixfs_append *row, struct error *err)
{
    struct frame *frame = top_of(row);
    struct unixfs_entry entry;
    bool ok = write_frame(row, frame, &entry, err);

    row->depth--;
    destroy_frame(frame);
    if (ok && row->depth > 0)
        add_child(top_of(row), &entry);
    else if (ok)
        row->edit->root = entry;
    return ok;
}

bool unixfs_append_end(struct unixfs_append *row, struct error *err)
{
    struct unixfs *root = &row->frames[0]->node.unixfs;

    if (row->only_leaves && root->stat.has_mtime) { /* Kubo sets it in no other case */
        root->stat.mtime_s = row->edit->now.mtime_s;
        root->stat.mtime_ns = row->edit->now.mtime_ns;
    }
    while (row->depth > 0)
        if (!pop(row, err))
            return false;
    return true;
}

/* ---- leaves */

static bool put_leaf(struct unixfs_append *row, struct slice bytes, struct unixfs_entry *leaf,
                     struct error *err)
{
    struct unixfs_edit *edit = row->edit;
    struct unixfs_node node = {.version = edit->version, .hash = edit->hash};
    struct unixfs unixfs = {.type = UNIXFS_RAW,
                            .has_data = true,
                            .data = bytes,
                            .has_file_size = true,
                            .file_size = bytes.size};

    leaf->file_size = leaf->tsize = bytes.size;
    if (row->raw_leaves && edit->hash == HASH_IDENTITY && bytes.size > CID_DIGEST_MAX)
        return error_set(err, ERROR_LIMIT,
                         "digest too large: identity digest got %zu bytes, maximum %d", bytes.size,
                         CID_DIGEST_MAX);
    if (row->raw_leaves)
        return unixfs_store_put(&edit->store, edit->version, CODEC_RAW, edit->hash, bytes,
                                &leaf->cid, err);
    text_clear(&row->message);
    unixfs_put(&row->message, &unixfs, NULL, 0);
    return unixfs_node_put(&node, &edit->store, text_slice(&row->message), leaf, err);
}

/* Makes the top of the stack a node that has room for a leaf. */
static bool find_room(struct unixfs_append *row, struct error *err)
{
    for (;;) {
        struct frame *frame = top_of(row);
        bool ok;

        if (children_of(frame) < LINKS)
            return true;
        row->only_leaves = false;
        if (frame->reopens) {
            ok = reopen(row, frame, err);
        } else if (frame->repeats > 0) {
            frame->repeats--;
            ok = push(row, new_frame(row->edit, frame->repeat_level), err);
        } else if (frame->level < frame->limit) {
            ok = push(row, new_frame(row->edit, frame->level), err);
            if (--frame->left == 0) {
                frame->level++;
                frame->left = REPEAT;
            }
        } else {
            ok = pop(row, err);
        }
        if (!ok)
            return false;
    }
}

bool unixfs_append_leaf(struct unixfs_append *row, struct slice leaf, struct error *err)
{
    struct unixfs_entry entry;

    assert(leaf.size > 0 && leaf.size <= UNIXFS_CHUNK_MAX);
    if (!find_room(row, err) || !put_leaf(row, leaf, &entry, err))
        return false;
    add_child(top_of(row), &entry);
    return true;
}
