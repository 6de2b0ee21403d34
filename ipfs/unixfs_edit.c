// SPDX-License-Identifier: Apache-2.0
#include "ipfs/unixfs_edit.h"

#include "ipfs/hash.h"
#include "ipfs/unixfs_edit_node.h"

bool unixfs_node_load(struct unixfs_node *node, const struct unixfs_store *store,
                      const struct cid *cid, struct error *err)
{
    struct slice block;

    *node = (struct unixfs_node){.version = cid->version, .hash = cid->hash};
    if (cid->codec != CODEC_DAG_PB)
        return error_set(err, ERROR_SYNTAX, "expected protobuf dag node");
    return store->get(store->arg, cid, &block, err) && dag_pb_edit_read(&node->links, block, err) &&
           unixfs_read(&node->unixfs, text_slice(&node->links.data), err);
}

void unixfs_node_dispose(struct unixfs_node *node)
{
    dag_pb_edit_dispose(&node->links);
}

bool unixfs_store_put(const struct unixfs_store *store, int version, uint64_t codec, uint64_t hash,
                      struct slice block, struct cid *cid, struct error *err)
{
    if (hash == HASH_IDENTITY && block.size > CID_DIGEST_MAX)
        hash = HASH_SHA2_256;
    if (!hash_is_supported(hash))
        return error_set(err, ERROR_UNSUPPORTED, "the hash %s is not supported",
                         hash_name(hash).text);
    hash_make_cid(cid, codec == CODEC_RAW ? 1 : version, codec, hash, block);
    return store->put(store->arg, cid, block, err);
}

bool unixfs_node_put(struct unixfs_node *node, const struct unixfs_store *store,
                     struct slice message, struct unixfs_entry *result, struct error *err)
{
    struct text block = {0};
    bool ok;

    dag_pb_edit_write(&node->links, message, &block);
    ok = unixfs_store_put(store, node->version, CODEC_DAG_PB, node->hash, text_slice(&block),
                          &result->cid, err);
    result->tsize = block.size + node->links.tsize;
    text_dispose(&block);
    return ok;
}

bool unixfs_look(const struct unixfs_store *store, const struct cid *cid, enum unixfs_type *type,
                 struct unixfs_entry *entry, struct error *err)
{
    struct unixfs_node node;
    struct slice block;
    bool ok;

    *entry = (struct unixfs_entry){.cid = *cid};
    if (cid->codec != CODEC_DAG_PB && cid->codec != CODEC_RAW)
        return error_set(err, ERROR_UNSUPPORTED, "not unixfs node (proto or raw)");
    if (!store->get(store->arg, cid, &block, err))
        return false;
    entry->tsize = entry->file_size = block.size;
    *type = UNIXFS_RAW;
    if (cid->codec == CODEC_RAW)
        return true;
    ok = unixfs_node_load(&node, store, cid, err);
    if (ok) {
        *type = node.unixfs.type;
        entry->tsize += node.links.tsize;
        entry->file_size = *type == UNIXFS_SYMLINK ? node.unixfs.data.size : node.unixfs.file_size;
    }
    unixfs_node_dispose(&node);
    return ok;
}

bool unixfs_set_format(const struct unixfs_store *store, const struct cid *cid, int version,
                       uint64_t hash, struct unixfs_entry *result, struct error *err)
{
    struct unixfs_node node;
    bool ok = unixfs_node_load(&node, store, cid, err);

    node.version = version;
    node.hash = hash;
    ok = ok && unixfs_node_put(&node, store, text_slice(&node.links.data), result, err);
    unixfs_node_dispose(&node);
    return ok;
}

static void change_stat(struct unixfs_stat *kept, const struct unixfs_stat *stat)
{
    if (stat->mode != UINT32_MAX)
        kept->mode = (kept->mode & ~(uint32_t)07777) | (stat->mode & 07777);
    if (stat->has_mtime) {
        kept->has_mtime = true;
        kept->mtime_s = stat->mtime_s;
        kept->mtime_ns = stat->mtime_ns;
    }
}

/* A raw leaf becomes a node that has its bytes inside. */
static bool wrap_raw(const struct unixfs_store *store, const struct cid *cid,
                     const struct unixfs_stat *stat, struct unixfs_entry *result, struct error *err)
{
    struct unixfs_node node = {.version = 0, .hash = HASH_SHA2_256};
    struct text message = {0};
    struct unixfs unixfs;
    struct slice block;
    bool ok;

    if (!store->get(store->arg, cid, &block, err))
        return false;
    unixfs = (struct unixfs){.type = UNIXFS_FILE,
                             .has_data = true,
                             .data = block,
                             .has_file_size = true,
                             .file_size = block.size};
    change_stat(&unixfs.stat, stat);
    unixfs_put(&message, &unixfs, NULL, 0);
    ok = unixfs_node_put(&node, store, text_slice(&message), result, err);
    unixfs_node_dispose(&node);
    text_dispose(&message);
    return ok;
}

bool unixfs_set_stat(const struct unixfs_store *store, const struct cid *cid,
                     const struct unixfs_stat *stat, struct unixfs_entry *result, struct error *err)
{
    struct unixfs_node node;
    struct text message = {0};
    bool ok;

    if (cid->codec == CODEC_RAW)
        return wrap_raw(store, cid, stat, result, err);
    ok = unixfs_node_load(&node, store, cid, err);
    if (ok) {
        change_stat(&node.unixfs.stat, stat);
        unixfs_node_message(&node.unixfs, &message);
        ok = unixfs_node_put(&node, store, text_slice(&message), result, err);
    }
    unixfs_node_dispose(&node);
    text_dispose(&message);
    return ok;
}

void unixfs_node_message(const struct unixfs *unixfs, struct text *out)
{
    struct unixfs_sizes at;
    struct text sizes = {0};
    uint64_t size;

    unixfs_sizes_begin(&at, unixfs);
    while (unixfs_next_size(&at, &size))
        text_put(&sizes, &size, sizeof(size));
    unixfs_put(out, unixfs, (const uint64_t *)(const void *)sizes.data, sizes.size / sizeof(size));
    text_dispose(&sizes);
}
