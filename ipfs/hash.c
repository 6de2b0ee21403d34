// SPDX-License-Identifier: Apache-2.0
#include "ipfs/hash.h"

#include "conf/memory.h"
#include "ipfs/multicodec.h"
#include "ipfs/sha256.h"

#include <assert.h>
#include <blake2.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* The digests that OpenSSL computes. */
static const struct evp_hash {
    uint64_t code;
    size_t size;
    const EVP_MD *(*method)(void);
} evp_hashes[] = {
    {HASH_SHA1, 20, EVP_sha1},         {HASH_SHA2_256, 32, EVP_sha256},
    {HASH_SHA2_512, 64, EVP_sha512},   {HASH_SHA3_512, 64, EVP_sha3_512},
    {HASH_SHA3_384, 48, EVP_sha3_384}, {HASH_SHA3_256, 32, EVP_sha3_256},
    {HASH_SHA3_224, 28, EVP_sha3_224}, {HASH_DBL_SHA2_256, 32, EVP_sha256},
};

static const struct evp_hash *find_evp(uint64_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(evp_hashes); i++)
        if (evp_hashes[i].code == code)
            return &evp_hashes[i];
    return NULL;
}

static bool is_blake2b(uint64_t code)
{
    return code >= HASH_BLAKE2B_8 && code <= HASH_BLAKE2B_512;
}

static bool is_blake2s(uint64_t code)
{
    return code >= HASH_BLAKE2S_8 && code <= HASH_BLAKE2S_256;
}

struct hash_name hash_name(uint64_t code)
{
    struct hash_name name;

    static_assert(sizeof(name.text) == MULTICODEC_NAME_SIZE, "one size of names");
    if (!multicodec_hash_name(code, name.text))
        snprintf(name.text, sizeof(name.text), "0x%02" PRIx64, code);
    return name;
}

bool hash_find(struct slice name, uint64_t *code)
{
    return multicodec_find_hash(name, code);
}

size_t hash_size(uint64_t code)
{
    const struct evp_hash *evp = find_evp(code);

    if (evp != NULL)
        return evp->size;
    if (is_blake2b(code))
        return code - HASH_BLAKE2B_8 + 1;
    if (is_blake2s(code))
        return code - HASH_BLAKE2S_8 + 1;
    return 0;
}

bool hash_is_supported(uint64_t code)
{
    return code == HASH_IDENTITY || hash_size(code) != 0;
}

bool hash_check(uint64_t code, size_t digest_size, struct error *err)
{
    size_t min = code == HASH_IDENTITY ? 0 : HASH_DIGEST_MIN;
    size_t max = code == HASH_IDENTITY ? CID_DIGEST_MAX : hash_size(code);

    if (!hash_is_supported(code))
        return error_set(err, ERROR_UNSUPPORTED, "the hash %s is not supported",
                         hash_name(code).text);
    if (max < min)
        return error_set(err, ERROR_LIMIT, "%s is too short to prove anything: at least %d bytes",
                         hash_name(code).text, HASH_DIGEST_MIN);
    if (digest_size < min || digest_size > max)
        return error_set(err, ERROR_LIMIT, "a digest of %zu bytes of %s; %zu to %zu are accepted",
                         digest_size, hash_name(code).text, min, max);
    return true;
}

struct hash_stream {
    uint64_t code;
    EVP_MD_CTX *evp; /* NULL: blake2 */
    union {
        blake2b_state b;
        blake2s_state s;
    } blake2;
};

static void stream_begin(struct hash_stream *stream)
{
    int failed;

    if (stream->evp != NULL)
        failed = !EVP_DigestInit_ex(stream->evp, find_evp(stream->code)->method(), NULL);
    else if (is_blake2b(stream->code))
        failed = blake2b_init(&stream->blake2.b, hash_size(stream->code));
    else
        failed = blake2s_init(&stream->blake2.s, hash_size(stream->code));
    assert(!failed);
}

struct hash_stream *hash_stream_create(uint64_t code)
{
    struct hash_stream *stream = memory_alloc(sizeof(*stream));

    assert(hash_size(code) != 0);
    stream->code = code;
    if (find_evp(code) != NULL) {
        stream->evp = EVP_MD_CTX_new();
        assert(stream->evp != NULL);
    }
    stream_begin(stream);
    return stream;
}

void hash_stream_destroy(struct hash_stream **stream)
{
    if (*stream == NULL)
        return;
    EVP_MD_CTX_free((*stream)->evp);
    free(*stream);
    *stream = NULL;
}

void hash_stream_update(struct hash_stream *stream, const void *data, size_t size)
{
    int failed;

    if (size == 0)
        return;
    if (stream->evp != NULL)
        failed = !EVP_DigestUpdate(stream->evp, data, size);
    else if (is_blake2b(stream->code))
        failed = blake2b_update(&stream->blake2.b, data, size);
    else
        failed = blake2s_update(&stream->blake2.s, data, size);
    assert(!failed);
}

static void hash_evp(const EVP_MD *method, struct slice data, uint8_t *digest)
{
    int done = EVP_Digest(data.data, data.size, digest, NULL, method, NULL);

    assert(done);
}

void hash_stream_finish(struct hash_stream *stream, uint8_t digest[HASH_DIGEST_MAX])
{
    size_t size = hash_size(stream->code);
    int failed;

    if (stream->evp != NULL)
        failed = !EVP_DigestFinal_ex(stream->evp, digest, NULL);
    else if (is_blake2b(stream->code))
        failed = blake2b_final(&stream->blake2.b, digest, size);
    else
        failed = blake2s_final(&stream->blake2.s, digest, size);
    assert(!failed);
    if (stream->code == HASH_DBL_SHA2_256)
        hash_evp(EVP_sha256(), (struct slice){(char *)digest, size}, digest);
    stream_begin(stream);
}

static void hash_blake2(uint64_t code, struct slice data, uint8_t *digest)
{
    struct hash_stream stream = {.code = code};

    stream_begin(&stream);
    hash_stream_update(&stream, data.data, data.size);
    hash_stream_finish(&stream, digest);
}

static bool is_sha256(uint64_t code)
{
    return code == HASH_SHA2_256 || code == HASH_DBL_SHA2_256;
}

static void hash_other(struct hash_job *job)
{
    const struct evp_hash *evp = find_evp(job->code);

    assert(hash_size(job->code) != 0);
    if (evp != NULL)
        hash_evp(evp->method(), job->data, job->digest);
    else
        hash_blake2(job->code, job->data, job->digest);
}

/* Jobs are handed to the lanes in batches of this many: enough to keep 16 lanes busy to the end of
 * a batch, few enough for the stack. */
#define BATCH 256

/* Runs the batch, and once more over the digests for those that are hashed twice. */
static void run_sha256(struct sha256_job *batch, struct hash_job **jobs, size_t count)
{
    size_t again = 0;

    sha256_many(batch, count);
    for (size_t i = 0; i < count; i++)
        if (jobs[i]->code == HASH_DBL_SHA2_256)
            batch[again++] =
                (struct sha256_job){{(char *)jobs[i]->digest, SHA256_SIZE}, jobs[i]->digest};
    if (again > 0)
        sha256_many(batch, again);
}

void hash_many(struct hash_job *jobs, size_t count)
{
    struct sha256_job batch[BATCH];
    struct hash_job *batched[BATCH];
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_sha256(jobs[i].code)) {
            hash_other(&jobs[i]);
            continue;
        }
        batch[waiting] = (struct sha256_job){jobs[i].data, jobs[i].digest};
        batched[waiting++] = &jobs[i];
        if (waiting == BATCH) {
            run_sha256(batch, batched, waiting);
            waiting = 0;
        }
    }
    if (waiting > 0)
        run_sha256(batch, batched, waiting);
}

void hash_block(uint64_t code, struct slice data, uint8_t digest[HASH_DIGEST_MAX])
{
    struct hash_job job = {.data = data, .code = code};

    hash_many(&job, 1);
    memcpy(digest, job.digest, hash_size(code));
}

void hash_make_cid(struct cid *cid, int version, uint64_t codec, uint64_t hash, struct slice block)
{
    uint8_t digest[HASH_DIGEST_MAX];

    if (hash == HASH_IDENTITY) {
        cid_make(cid, version, codec, hash, block.data, block.size);
        return;
    }
    hash_block(hash, block, digest);
    cid_make(cid, version, codec, hash, digest, hash_size(hash));
}
