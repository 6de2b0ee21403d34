// SPDX-License-Identifier: Apache-2.0
/* The balanced layout: leaves in a row; above them nodes of up to file_links children each, row
 * upon row, until a row has one node. Each row but the leaves keeps the children of its last node,
 * which is written when one more child comes, or at the end. */
#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/unixfs_block.h"
#include "ipfs/unixfs_build.h"

#include <assert.h>
#include <stdlib.h>

#define BATCH_LEAVES 16 /* as many lanes hash side by side */
#define BATCH_BYTES  ((size_t)8 << 20)

struct row {
    struct text links; /* the children, as they stand in dag-pb */
    uint64_t *sizes;   /* of the file's bytes in each */
    uint32_t count;
    uint64_t tsize;
    uint64_t file_size;
    struct unixfs_entry only; /* the first child: the root, if there comes no other */
};

struct unixfs_file {
    struct unixfs_out out;
    struct text chunk;  /* the one being filled */
    struct text leaves; /* chunks that wait to be hashed */
    size_t leaf_sizes[BATCH_LEAVES];
    size_t waiting;
    size_t batch;
    uint64_t leaf_count;
    struct row *rows; /* as many as there are levels */
    size_t row_count;
    struct text message, block; /* scratch */
};

struct unixfs_file *unixfs_file_create(const struct unixfs_profile *profile, unixfs_sink sink,
                                       void *arg)
{
    struct unixfs_file *file = memory_alloc(sizeof(*file));

    assert(unixfs_profile_check(profile, NULL));
    file->out = (struct unixfs_out){{sink, arg}, *profile};
    file->batch = BATCH_BYTES / profile->chunk_size;
    if (file->batch > BATCH_LEAVES)
        file->batch = BATCH_LEAVES;
    return file;
}

void unixfs_file_destroy(struct unixfs_file **file)
{
    if (*file == NULL)
        return;
    for (size_t i = 0; i < (*file)->row_count; i++) {
        text_dispose(&(*file)->rows[i].links);
        free((*file)->rows[i].sizes);
    }
    free((*file)->rows);
    text_dispose(&(*file)->chunk);
    text_dispose(&(*file)->leaves);
    text_dispose(&(*file)->message);
    text_dispose(&(*file)->block);
    free(*file);
    *file = NULL;
}

/* Writes the node that a row has gathered, and empties the row. */
static bool write_node(struct unixfs_file *file, struct row *row, const struct unixfs_stat *stat,
                       struct unixfs_entry *entry, struct error *err)
{
    struct unixfs node = {.type = UNIXFS_FILE, .has_file_size = true, .file_size = row->file_size};

    if (stat != NULL)
        node.stat = *stat;
    text_clear(&file->message);
    text_clear(&file->block);
    unixfs_put(&file->message, &node, row->sizes, row->count);
    unixfs_put_node(&file->block, &file->out.profile, text_slice(&row->links),
                    text_slice(&file->message));
    entry->tsize = row->tsize + file->block.size;
    entry->file_size = row->file_size;
    text_clear(&row->links);
    row->count = 0;
    row->tsize = row->file_size = 0;
    return unixfs_emit(&file->out, text_slice(&file->block), &entry->cid, err);
}

static void add_child(struct unixfs_file *file, struct row *row, const struct unixfs_entry *child)
{
    struct dag_pb_link link = {
        .cid = child->cid, .has_name = true, .has_tsize = true, .tsize = child->tsize};

    if (row->sizes == NULL)
        row->sizes = memory_resize_array(NULL, file->out.profile.file_links, sizeof(*row->sizes));
    if (row->count == 0)
        row->only = *child;
    dag_pb_put_link(&row->links, &link);
    row->sizes[row->count++] = child->file_size;
    row->tsize += child->tsize;
    row->file_size += child->file_size;
}

static void add_row(struct unixfs_file *file)
{
    file->rows = memory_resize_array(file->rows, file->row_count + 1, sizeof(*file->rows));
    file->rows[file->row_count++] = (struct row){0};
}

/* Puts a child into row i, after writing the nodes that it makes complete. */
static bool put_child(struct unixfs_file *file, size_t i, struct unixfs_entry child,
                      struct error *err)
{
    for (;; i++) {
        struct row *row;
        struct unixfs_entry node;

        if (i == file->row_count)
            add_row(file);
        row = &file->rows[i];
        if (row->count < file->out.profile.file_links) {
            add_child(file, row, &child);
            return true;
        }
        if (!write_node(file, row, NULL, &node, err))
            return false;
        add_child(file, row, &child);
        child = node;
    }
}

/* Appends a leaf to file->block; returns its size. */
static size_t wrap_leaf(struct unixfs_file *file, struct slice data, const struct unixfs_stat *stat)
{
    size_t before = file->block.size;
    struct unixfs node = {.type = UNIXFS_FILE,
                          .has_data = data.size > 0,
                          .data = data,
                          .has_file_size = true,
                          .file_size = data.size};

    if (stat != NULL)
        node.stat = *stat;
    text_clear(&file->message);
    unixfs_put(&file->message, &node, NULL, 0);
    unixfs_put_node(&file->block, &file->out.profile, (struct slice){NULL, 0},
                    text_slice(&file->message));
    return file->block.size - before;
}

static bool put_leaf(struct unixfs_file *file, const struct hash_job *job, size_t data_size,
                     struct error *err)
{
    const struct unixfs_profile *profile = &file->out.profile;
    struct unixfs_entry leaf = {.tsize = job->data.size, .file_size = data_size};

    uint64_t codec = profile->raw_leaves ? CODEC_RAW : CODEC_DAG_PB;

    if (unixfs_is_inline(profile, job->data.size))
        hash_make_cid(&leaf.cid, 1, codec, HASH_IDENTITY, job->data);
    else
        cid_make(&leaf.cid, profile->raw_leaves ? 1 : profile->cid_version, codec, profile->hash,
                 job->digest, hash_size(profile->hash));
    return file->out.to.sink(file->out.to.arg, &leaf.cid, job->data, err) &&
           put_child(file, 0, leaf, err);
}

/* The blocks of the leaves that wait: their data, or nodes around them, which are in *nodes then.
 */
static void make_jobs(struct unixfs_file *file, const struct unixfs_stat *stat,
                      struct hash_job jobs[BATCH_LEAVES], struct text *nodes)
{
    const char *at = file->leaves.data;

    text_clear(&file->block);
    for (size_t i = 0; i < file->waiting; i++) {
        struct slice data = {at, file->leaf_sizes[i]};

        at += data.size;
        jobs[i] = (struct hash_job){.data = data, .code = file->out.profile.hash};
        if (!file->out.profile.raw_leaves)
            jobs[i].data.size = wrap_leaf(file, data, stat);
    }
    if (file->out.profile.raw_leaves)
        return;
    *nodes = file->block; /* it grows no more: now they can be pointed at */
    file->block = (struct text){0};
    at = nodes->data;
    for (size_t i = 0; i < file->waiting; i++) {
        jobs[i].data.data = at;
        at += jobs[i].data.size;
    }
}

/* Hashes the leaves that wait, side by side. stat: for the only leaf of a file. */
static bool flush_leaves(struct unixfs_file *file, const struct unixfs_stat *stat,
                         struct error *err)
{
    struct hash_job jobs[BATCH_LEAVES];
    struct text nodes = {0};
    bool ok = true;

    make_jobs(file, stat, jobs, &nodes);
    hash_many(jobs, file->waiting);
    for (size_t i = 0; ok && i < file->waiting; i++)
        ok = put_leaf(file, &jobs[i], file->leaf_sizes[i], err);
    text_dispose(&nodes);
    text_clear(&file->leaves);
    file->waiting = 0;
    return ok;
}

static bool add_leaf(struct unixfs_file *file, struct slice data, struct error *err)
{
    if (file->waiting == file->batch && !flush_leaves(file, NULL, err))
        return false;
    text_put_slice(&file->leaves, data);
    file->leaf_sizes[file->waiting++] = data.size;
    file->leaf_count++;
    return true;
}

bool unixfs_file_write(struct unixfs_file *file, struct slice bytes, struct error *err)
{
    size_t chunk_size = file->out.profile.chunk_size;

    while (bytes.size > 0) {
        size_t missing = chunk_size - file->chunk.size;
        size_t size = missing < bytes.size ? missing : bytes.size;

        if (file->chunk.size == 0 && size == chunk_size) { /* whole in the input */
            if (!add_leaf(file, (struct slice){bytes.data, size}, err))
                return false;
        } else {
            text_put(&file->chunk, bytes.data, size);
            if (size == missing) {
                if (!add_leaf(file, text_slice(&file->chunk), err))
                    return false;
                text_clear(&file->chunk);
            }
        }
        bytes.data += size;
        bytes.size -= size;
    }
    return true;
}

bool unixfs_file_flush(struct unixfs_file *file, bool even_first, struct error *err)
{
    bool ok;

    if (file->waiting == 0 || (file->leaf_count == 1 && !even_first))
        return true;
    ok = flush_leaves(file, NULL, err);
    text_dispose(&file->leaves);
    text_dispose(&file->block);
    return ok;
}

bool unixfs_file_finish(struct unixfs_file *file, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry, struct error *err)
{
    if ((file->chunk.size > 0 || file->leaf_count == 0) &&
        !add_leaf(file, text_slice(&file->chunk), err))
        return false;
    if (!flush_leaves(file, file->leaf_count == 1 ? stat : NULL, err))
        return false;
    for (size_t i = 0;; i++) {
        struct row *row = &file->rows[i];
        bool is_top = i + 1 == file->row_count;

        if (is_top && row->count == 1) {
            *entry = row->only;
            return true;
        }
        if (!write_node(file, row, is_top ? stat : NULL, entry, err))
            return false;
        if (is_top)
            return true;
        if (!put_child(file, i + 1, *entry, err))
            return false;
    }
}
