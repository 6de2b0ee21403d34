// SPDX-License-Identifier: Apache-2.0
#include "ipfs/unixfs_build.h"

#include "conf/units.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/unixfs_block.h"

struct unixfs_profile unixfs_profile_v0(void)
{
    return (struct unixfs_profile){
        .cid_version = 0,
        .hash = HASH_SHA2_256,
        .raw_leaves = false,
        .chunk_size = (size_t)256 << 10,
        .file_links = 174,
        .directory_bytes = 256 << 10,
        .estimate = UNIXFS_BY_LINKS,
        .fanout = 256,
    };
}

struct unixfs_profile unixfs_profile_v1(void)
{
    struct unixfs_profile profile = unixfs_profile_v0();

    profile.cid_version = 1;
    profile.raw_leaves = true;
    return profile;
}

struct unixfs_profile unixfs_profile_v1_2025(void)
{
    struct unixfs_profile profile = unixfs_profile_v1();

    profile.chunk_size = (size_t)1 << 20;
    profile.file_links = 1024;
    profile.estimate = UNIXFS_BY_BLOCK;
    return profile;
}

static bool check_hash(const struct unixfs_profile *profile, struct error *err)
{
    if (profile->cid_version != 0 && profile->cid_version != 1)
        return error_set(err, ERROR_UNSUPPORTED, "CID version %d: 0 and 1 are supported",
                         profile->cid_version);
    if (profile->cid_version == 0 && profile->hash != HASH_SHA2_256)
        return error_set(err, ERROR_UNSUPPORTED, "a CIDv0 is of sha2-256, not of %s",
                         hash_name(profile->hash).text);
    if (profile->hash == HASH_IDENTITY)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the identity hash is not supported for all blocks: inline small ones");
    return hash_check(profile->hash, hash_size(profile->hash), err);
}

bool unixfs_profile_check(const struct unixfs_profile *profile, struct error *err)
{
    uint32_t fanout = profile->fanout;

    if (!check_hash(profile, err))
        return false;
    if (profile->chunk_size == 0 || profile->chunk_size > UNIXFS_CHUNK_MAX)
        return error_set(err, ERROR_LIMIT, "chunks of %zu bytes: 1 to %zu would be right",
                         profile->chunk_size, UNIXFS_CHUNK_MAX);
    if (profile->file_links < 2)
        return error_set(err, ERROR_LIMIT, "%u links in a node of a file: 2 is the least",
                         profile->file_links);
    if (fanout < 8 || fanout > UNIXFS_FANOUT_MAX || (fanout & (fanout - 1)) != 0)
        return error_set(err, ERROR_LIMIT,
                         "a fanout of %u: a power of two from 8 to %d would be right", fanout,
                         UNIXFS_FANOUT_MAX);
    if (profile->inlines && profile->inline_limit > CID_DIGEST_MAX)
        return error_set(err, ERROR_LIMIT,
                         "inline-limit %u exceeds maximum allowed size of %d bytes",
                         profile->inline_limit, CID_DIGEST_MAX);
    return true;
}

bool unixfs_parse_chunker(struct slice text, size_t *chunk_size, struct error *err)
{
    struct slice number = text;
    uint64_t size;

    if (text.size == 0 || slice_is(text, "default")) {
        *chunk_size = unixfs_profile_v0().chunk_size;
        return true;
    }
    if (slice_starts(text, "rabin") || slice_starts(text, "buzhash"))
        return error_set(err, ERROR_UNSUPPORTED,
                         "chunker '%.*s' is not supported: \"size-N\" is, N in bytes",
                         SLICE_ARGS(text));
    if (slice_starts(text, "size-")) {
        number.data += strlen("size-");
        number.size -= strlen("size-");
    }
    if (!slice_starts(text, "size-") || !units_parse_integer(number, &size, NULL))
        return error_set(err, ERROR_SYNTAX, "chunker '%.*s': \"size-N\" would be right, N in bytes",
                         SLICE_ARGS(text));
    if (size == 0 || size > UNIXFS_CHUNK_MAX)
        return error_set(err, ERROR_LIMIT, "chunker '%.*s': 1 to %zu bytes would be right",
                         SLICE_ARGS(text), UNIXFS_CHUNK_MAX);
    *chunk_size = (size_t)size;
    return true;
}

void unixfs_put_node(struct text *out, const struct unixfs_profile *profile, struct slice links,
                     struct slice message)
{
    if (profile->data_first)
        dag_pb_put_data(out, message);
    text_put_slice(out, links);
    if (!profile->data_first)
        dag_pb_put_data(out, message);
}

bool unixfs_is_inline(const struct unixfs_profile *profile, size_t size)
{
    return profile->inlines && size <= profile->inline_limit;
}

void unixfs_put_shard(struct text *out, const uint8_t *bits, uint32_t fanout,
                      const struct unixfs_stat *stat)
{
    struct slice number = {(const char *)bits, fanout / 8};
    struct unixfs node;

    while (number.size > 0 && *number.data == 0) { /* as a number: no zeros in front */
        number.data++;
        number.size--;
    }
    node = (struct unixfs){.type = UNIXFS_HAMT,
                           .has_data = number.size > 0,
                           .data = number,
                           .hash = UNIXFS_HASH_MURMUR3,
                           .fanout = fanout};
    if (stat != NULL)
        node.stat = *stat;
    unixfs_put(out, &node, NULL, 0);
}

bool unixfs_emit(const struct unixfs_out *out, struct slice block, struct cid *cid,
                 struct error *err)
{
    if (unixfs_is_inline(&out->profile, block.size))
        hash_make_cid(cid, 1, CODEC_DAG_PB, HASH_IDENTITY, block);
    else
        hash_make_cid(cid, out->profile.cid_version, CODEC_DAG_PB, out->profile.hash, block);
    return out->to.sink(out->to.arg, cid, block, err);
}

bool unixfs_write_node(const struct unixfs_out *out, struct slice links, struct slice message,
                       uint64_t tsize, struct unixfs_entry *entry, struct error *err)
{
    struct text block = {0};
    bool ok;

    unixfs_put_node(&block, &out->profile, links, message);
    ok = unixfs_emit(out, text_slice(&block), &entry->cid, err);
    entry->tsize = tsize + block.size;
    entry->file_size = 0;
    text_dispose(&block);
    return ok;
}

bool unixfs_make_symlink(const struct unixfs_profile *profile, struct slice target,
                         const struct unixfs_stat *stat, unixfs_sink sink, void *arg,
                         struct unixfs_entry *entry, struct error *err)
{
    struct unixfs_out out = {{sink, arg}, *profile};
    struct unixfs node = {.type = UNIXFS_SYMLINK, .has_data = true, .data = target};
    struct text message = {0}, block = {0};
    bool ok;

    if (stat != NULL)
        node.stat = *stat;
    node.stat.mode = 0;
    unixfs_put(&message, &node, NULL, 0);
    unixfs_put_node(&block, profile, (struct slice){NULL, 0}, text_slice(&message));
    ok = unixfs_emit(&out, text_slice(&block), &entry->cid, err);
    entry->tsize = block.size;
    entry->file_size = target.size;
    text_dispose(&message);
    text_dispose(&block);
    return ok;
}
