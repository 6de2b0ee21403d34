// SPDX-License-Identifier: Apache-2.0
#include "ipfs/unixfs.h"

#include <assert.h>

enum {
    TYPE = 1,
    DATA = 2,
    FILE_SIZE = 3,
    BLOCK_SIZES = 4,
    HASH_TYPE = 5,
    FANOUT = 6,
    MODE = 7,
    MTIME = 8,
};
enum { SECONDS = 1, NANOS = 2 };

#define NANOS_MAX 999999999
#define HASH_BITS 64

/* A field of a known number in a wire type that it does not have is passed over like an unknown
 * one: 0 stands for both. */
static uint32_t known(uint32_t field, enum protobuf_wire wire)
{
    static const enum protobuf_wire wires[] = {
        [TYPE] = PROTOBUF_VARINT,      [DATA] = PROTOBUF_BYTES,
        [FILE_SIZE] = PROTOBUF_VARINT, [BLOCK_SIZES] = PROTOBUF_VARINT,
        [HASH_TYPE] = PROTOBUF_VARINT, [FANOUT] = PROTOBUF_VARINT,
        [MODE] = PROTOBUF_VARINT,      [MTIME] = PROTOBUF_BYTES,
    };

    if (field > MTIME)
        return 0;
    if (field == BLOCK_SIZES && wire == PROTOBUF_BYTES) /* many packed in one */
        return field;
    return wire == wires[field] ? field : 0;
}

static bool read_mtime(struct unixfs *node, struct slice message, struct error *err)
{
    struct unixfs_stat *stat = &node->stat;
    struct protobuf_reader wire;
    bool has_seconds = false;

    protobuf_read(&wire, message.data, message.size, false);
    stat->mtime_s = 0;
    stat->mtime_ns = 0;
    while (!protobuf_at_end(&wire)) {
        enum protobuf_wire type;
        uint64_t seconds;
        uint32_t field;
        bool ok;

        if (!protobuf_tag(&wire, &field, &type, err))
            return false;
        if (field == SECONDS && type == PROTOBUF_VARINT) {
            ok = has_seconds = protobuf_varint(&wire, &seconds, err);
            stat->mtime_s = ok ? (int64_t)seconds : 0;
        } else if (field == NANOS && type == PROTOBUF_FIXED32) {
            ok = protobuf_fixed32(&wire, &stat->mtime_ns, err);
        } else {
            ok = protobuf_skip(&wire, type, err);
        }
        if (!ok)
            return false;
    }
    stat->has_mtime = has_seconds && stat->mtime_ns <= NANOS_MAX; /* else it is no time */
    return true;
}

static bool count_packed(struct unixfs *node, struct slice packed, struct error *err)
{
    struct protobuf_reader wire;
    uint64_t size;

    protobuf_read(&wire, packed.data, packed.size, false);
    while (!protobuf_at_end(&wire)) {
        if (!protobuf_varint(&wire, &size, err))
            return error_prefix(err, "block sizes");
        node->block_count++;
    }
    return true;
}

static bool read_number(struct unixfs *node, uint32_t field, struct protobuf_reader *wire,
                        bool *has_type, struct error *err)
{
    size_t offset = protobuf_offset(wire);
    uint64_t value;

    if (!protobuf_varint(wire, &value, err))
        return false;
    switch (field) {
    case TYPE:
        if (value > UNIXFS_HAMT)
            return error_set(err, ERROR_SYNTAX, "byte %zu: there is no type %llu", offset,
                             (unsigned long long)value);
        node->type = (enum unixfs_type)value;
        *has_type = true;
        break;
    case FILE_SIZE:
        node->file_size = value;
        node->has_file_size = true;
        break;
    case BLOCK_SIZES:
        node->block_count++;
        break;
    case HASH_TYPE:
        node->hash = value;
        break;
    case FANOUT:
        node->fanout = value;
        break;
    default:
        node->stat.mode = (uint32_t)value;
    }
    return true;
}

static bool read_field(struct unixfs *node, struct protobuf_reader *wire, bool *has_type,
                       struct error *err)
{
    enum protobuf_wire type;
    struct slice bytes;
    uint32_t field;

    if (!protobuf_tag(wire, &field, &type, err))
        return false;
    field = known(field, type);
    if (field == 0)
        return protobuf_skip(wire, type, err);
    if (type == PROTOBUF_VARINT)
        return read_number(node, field, wire, has_type, err);
    if (!protobuf_bytes(wire, &bytes, err))
        return false;
    if (field == MTIME)
        return read_mtime(node, bytes, err) || error_prefix(err, "mtime");
    if (field == BLOCK_SIZES)
        return count_packed(node, bytes, err);
    node->data = bytes;
    node->has_data = true;
    return true;
}

bool unixfs_read(struct unixfs *node, struct slice message, struct error *err)
{
    struct protobuf_reader wire;
    bool has_type = false;

    *node = (struct unixfs){.message = message, .data = {"", 0}};
    protobuf_read(&wire, message.data, message.size, false);
    while (!protobuf_at_end(&wire))
        if (!read_field(node, &wire, &has_type, err))
            return error_prefix(err, "UnixFS");
    return has_type || error_set(err, ERROR_SYNTAX, "UnixFS: the type is missing");
}

void unixfs_sizes_begin(struct unixfs_sizes *sizes, const struct unixfs *node)
{
    protobuf_read(&sizes->wire, node->message.data, node->message.size, false);
    protobuf_read(&sizes->packed, NULL, 0, false);
}

bool unixfs_next_size(struct unixfs_sizes *sizes, uint64_t *size)
{
    while (protobuf_at_end(&sizes->packed)) {
        enum protobuf_wire type;
        struct slice bytes;
        uint32_t field;

        /* unixfs_read has been over it: nothing fails here */
        if (protobuf_at_end(&sizes->wire) || !protobuf_tag(&sizes->wire, &field, &type, NULL))
            return false;
        if (field == BLOCK_SIZES && type == PROTOBUF_VARINT)
            return protobuf_varint(&sizes->wire, size, NULL);
        if (field != BLOCK_SIZES || type != PROTOBUF_BYTES) {
            if (!protobuf_skip(&sizes->wire, type, NULL))
                return false;
        } else if (protobuf_bytes(&sizes->wire, &bytes, NULL)) {
            protobuf_read(&sizes->packed, bytes.data, bytes.size, false);
        }
    }
    return protobuf_varint(&sizes->packed, size, NULL);
}

bool unixfs_check_shard(const struct unixfs *node, struct error *err)
{
    uint64_t fanout = node->fanout;

    if (node->type != UNIXFS_HAMT)
        return error_set(err, ERROR_SYNTAX, "UnixFS: not a shard of a directory");
    if (node->hash != UNIXFS_HASH_MURMUR3)
        return error_set(err, ERROR_UNSUPPORTED,
                         "UnixFS: a shard by hash 0x%llx: only murmur3 (0x22) is supported",
                         (unsigned long long)node->hash);
    if (fanout < 8 || fanout > UNIXFS_FANOUT_MAX || (fanout & (fanout - 1)) != 0)
        return error_set(err, ERROR_SYNTAX,
                         "UnixFS: a shard with a fanout of %llu: a power of two from 8 to %d would "
                         "be right",
                         (unsigned long long)fanout, UNIXFS_FANOUT_MAX);
    if (node->data.size > fanout / 8)
        return error_set(err, ERROR_SYNTAX, "UnixFS: a shard with more bits than its fanout");
    return true;
}

/* Bits that each level takes. */
static unsigned width_of(uint64_t fanout)
{
    assert(fanout >= 8 && (fanout & (fanout - 1)) == 0);
    return (unsigned)__builtin_ctzll(fanout);
}

unsigned unixfs_shard_levels(uint64_t fanout)
{
    return HASH_BITS / width_of(fanout);
}

unsigned unixfs_shard_prefix_size(uint64_t fanout)
{
    return (width_of(fanout) + 3) / 4;
}

uint32_t unixfs_shard_place(uint64_t fanout, uint64_t hash, unsigned level)
{
    unsigned width = width_of(fanout);

    assert(level < unixfs_shard_levels(fanout));
    return (uint32_t)(hash << (level * width) >> (HASH_BITS - width));
}

bool unixfs_shard_has(const struct unixfs *node, uint32_t place)
{
    size_t byte = place / 8; /* from the end: the bits are one number, without zeros in front */

    return byte < node->data.size &&
           ((unsigned char)node->data.data[node->data.size - 1 - byte] >> place % 8 & 1) != 0;
}

static void put_mtime(struct text *out, const struct unixfs_stat *stat)
{
    struct text message = {0};

    assert(stat->mtime_ns <= NANOS_MAX);
    protobuf_put_number(&message, SECONDS, (uint64_t)stat->mtime_s);
    if (stat->mtime_ns > 0) {
        text_put_char(&message, (char)(NANOS << 3 | PROTOBUF_FIXED32));
        for (unsigned shift = 0; shift < 32; shift += 8)
            text_put_char(&message, (char)(stat->mtime_ns >> shift));
    }
    protobuf_put_bytes(out, MTIME, text_slice(&message));
    text_dispose(&message);
}

void unixfs_put(struct text *out, const struct unixfs *node, const uint64_t *sizes, size_t count)
{
    protobuf_put_number(out, TYPE, node->type);
    if (node->has_data)
        protobuf_put_bytes(out, DATA, node->data);
    if (node->has_file_size)
        protobuf_put_number(out, FILE_SIZE, node->file_size);
    for (size_t i = 0; i < count; i++)
        protobuf_put_number(out, BLOCK_SIZES, sizes[i]);
    if (node->hash != 0)
        protobuf_put_number(out, HASH_TYPE, node->hash);
    if (node->fanout != 0)
        protobuf_put_number(out, FANOUT, node->fanout);
    if (node->stat.mode != 0)
        protobuf_put_number(out, MODE, node->stat.mode);
    if (node->stat.has_mtime)
        put_mtime(out, &node->stat);
}
