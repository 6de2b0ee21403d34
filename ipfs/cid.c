// SPDX-License-Identifier: Apache-2.0
#include "ipfs/cid.h"

#include "ipfs/hash.h"
#include "ipfs/multibase.h"
#include "ipfs/varint.h"

#include <assert.h>
#include <inttypes.h>

#define V0_BYTES       34
#define V0_CHARS       46
#define V0_DIGEST_SIZE 32
#define USUAL_BYTES    36 /* of a CIDv1 of sha2-256 */

/* What is being read, and how far: all errors name the byte where the trouble starts. */
struct cursor {
    const uint8_t *data;
    size_t size, at;
};

static bool read_number(struct cursor *cursor, const char *what, uint64_t *value, struct error *err)
{
    size_t used;
    enum varint_status status =
        varint_read(cursor->data + cursor->at, cursor->size - cursor->at, value, &used);

    if (status != VARINT_DONE)
        return error_set(err, ERROR_SYNTAX, "byte %zu of the CID: the %s %s", cursor->at, what,
                         varint_status_text(status));
    cursor->at += used;
    return true;
}

static bool read_multihash(struct cid *cid, struct cursor *cursor, struct error *err)
{
    size_t size_at, left;
    uint64_t size;

    cid->hash_offset = (uint8_t)cursor->at;
    if (!read_number(cursor, "hash code", &cid->hash, err))
        return false;
    size_at = cursor->at;
    if (!read_number(cursor, "digest length", &size, err))
        return false;
    left = cursor->size - cursor->at;
    if (size > CID_DIGEST_MAX)
        return error_set(err, ERROR_LIMIT,
                         "byte %zu of the CID: a digest of %" PRIu64 " bytes; at most %d are taken",
                         size_at, size, CID_DIGEST_MAX);
    if (hash_size(cid->hash) != 0 && size > hash_size(cid->hash))
        return error_set(err, ERROR_SYNTAX,
                         "byte %zu of the CID: a digest of %" PRIu64 " bytes; %s has only %zu",
                         size_at, size, hash_name(cid->hash).text, hash_size(cid->hash));
    if (size > left)
        return error_set(err, ERROR_SYNTAX,
                         "byte %zu of the CID: the digest is cut short: %zu of %" PRIu64 " bytes",
                         cursor->at, left, size);
    cid->digest_offset = (uint8_t)cursor->at;
    cid->digest_size = (uint8_t)size;
    cursor->at += size;
    return true;
}

static bool read_v0(struct cid *cid, struct cursor *cursor, struct error *err)
{
    cid->version = 0;
    cid->codec = CODEC_DAG_PB;
    return read_multihash(cid, cursor, err);
}

static bool read_v1(struct cid *cid, struct cursor *cursor, struct error *err)
{
    uint64_t version;

    if (!read_number(cursor, "version", &version, err))
        return false;
    if (version != 1)
        return error_set(err, version > 3 ? ERROR_SYNTAX : ERROR_UNSUPPORTED,
                         "byte 0 of the CID: version %" PRIu64 "; versions 0 and 1 are read",
                         version);
    cid->version = 1;
    return read_number(cursor, "codec", &cid->codec, err) && read_multihash(cid, cursor, err);
}

static bool is_v0_start(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == HASH_SHA2_256 && data[1] == V0_DIGEST_SIZE;
}

/* Version 1, a codec of one byte, sha2-256: nearly all there are. Listing the links of a file's
 * nodes runs at twice the speed for it. */
static bool read_usual(struct cid *cid, const uint8_t *data, size_t size)
{
    if (size < USUAL_BYTES || data[0] != 1 || data[1] >= 0x80 || !is_v0_start(data + 2, size - 2))
        return false;
    cid->version = 1;
    cid->codec = data[1];
    cid->hash = HASH_SHA2_256;
    cid->hash_offset = 2;
    cid->digest_offset = 4;
    cid->digest_size = V0_DIGEST_SIZE;
    cid->size = USUAL_BYTES;
    memcpy(cid->bytes, data, USUAL_BYTES);
    return true;
}

bool cid_read(struct cid *cid, const void *data, size_t size, size_t *used, struct error *err)
{
    struct cursor cursor = {data, size, 0};

    if (read_usual(cid, data, size)) {
        *used = USUAL_BYTES;
        return true;
    }
    if (size == 0)
        return error_set(err, ERROR_SYNTAX, "byte 0 of the CID: nothing is there");
    if (!(is_v0_start(data, size) ? read_v0 : read_v1)(cid, &cursor, err))
        return false;
    cid->size = (uint16_t)cursor.at;
    memcpy(cid->bytes, data, cursor.at);
    *used = cursor.at;
    return true;
}

bool cid_from_bytes(struct cid *cid, const void *data, size_t size, struct error *err)
{
    size_t used = 0;

    if (!cid_read(cid, data, size, &used, err))
        return false;
    if (used != size)
        return error_set(err, ERROR_SYNTAX, "byte %zu: %zu more bytes follow the CID", used,
                         size - used);
    return true;
}

static bool parse_v0(struct cid *cid, struct slice text, struct error *err)
{
    uint8_t bytes[V0_BYTES];
    size_t size;

    if (text.size != V0_CHARS)
        return error_set(err, ERROR_SYNTAX, "a CID that starts with Qm has %d characters, not %zu",
                         V0_CHARS, text.size);
    if (!multibase_decode_bare(CID_BASE_58BTC, text, bytes, sizeof(bytes), &size, err))
        return false;
    if (size != V0_BYTES || !is_v0_start(bytes, size))
        return error_set(err, ERROR_SYNTAX,
                         "starts with Qm, but is not a sha2-256 multihash in base58btc");
    return cid_from_bytes(cid, bytes, size, err);
}

bool cid_parse(struct cid *cid, struct slice text, struct error *err)
{
    uint8_t bytes[CID_BYTES_MAX];
    size_t size;

    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "a CID was expected, and nothing is there");
    if (slice_starts(text, "Qm"))
        return parse_v0(cid, text, err);
    if (!multibase_decode(text, bytes, sizeof(bytes), &size, err))
        return false;
    if (is_v0_start(bytes, size))
        return error_set(err, ERROR_SYNTAX,
                         "a CIDv0 inside a multibase; it is written in base58btc without a prefix");
    return cid_from_bytes(cid, bytes, size, err);
}

void cid_print(const struct cid *cid, enum cid_base base, struct text *out)
{
    struct cid v1;

    if (cid->version == 0 && base == CID_BASE_DEFAULT) {
        multibase_encode_bare(CID_BASE_58BTC, cid->bytes, cid->size, out);
        return;
    }
    v1 = cid_to_v1(cid);
    multibase_encode(base == CID_BASE_DEFAULT ? CID_BASE_32 : (char)base, v1.bytes, v1.size, out);
}

void cid_make(struct cid *cid, int version, uint64_t codec, uint64_t hash, const void *digest,
              size_t digest_size)
{
    size_t at = 0;

    assert(version == 0 || version == 1);
    assert(version == 1 ||
           (codec == CODEC_DAG_PB && hash == HASH_SHA2_256 && digest_size == V0_DIGEST_SIZE));
    assert(digest_size <= CID_DIGEST_MAX);
    *cid = (struct cid){.codec = codec, .hash = hash, .version = (uint8_t)version};
    if (version == 1) {
        cid->bytes[at++] = 1;
        at += varint_write(cid->bytes + at, codec);
    }
    cid->hash_offset = (uint8_t)at;
    at += varint_write(cid->bytes + at, hash);
    at += varint_write(cid->bytes + at, digest_size);
    cid->digest_offset = (uint8_t)at;
    cid->digest_size = (uint8_t)digest_size;
    if (digest_size > 0)
        memcpy(cid->bytes + at, digest, digest_size);
    cid->size = (uint16_t)(at + digest_size);
}

struct cid cid_to_v1(const struct cid *cid)
{
    struct cid v1;

    if (cid->version == 1)
        return *cid;
    cid_make(&v1, 1, cid->codec, cid->hash, cid_digest(cid), cid->digest_size);
    return v1;
}

bool cid_has_v0(const struct cid *cid)
{
    return cid->codec == CODEC_DAG_PB && cid->hash == HASH_SHA2_256 &&
           cid->digest_size == V0_DIGEST_SIZE;
}

struct cid cid_to_v0(const struct cid *cid)
{
    struct cid v0;

    cid_make(&v0, 0, cid->codec, cid->hash, cid_digest(cid), cid->digest_size);
    return v0;
}
