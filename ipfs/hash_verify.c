// SPDX-License-Identifier: Apache-2.0
/* Blocks against their CIDs. */
#include "ipfs/hash.h"

#include <assert.h>
#include <string.h>

#define BATCH 128

/* Says which block it was by its CID: what a person can look for. */
static bool refuse(const struct hash_claim *claim, struct error *err)
{
    struct text name = {0};

    cid_print(claim->cid, CID_BASE_DEFAULT, &name);
    error_set(err, ERROR_MISMATCH, "the block of %zu bytes is not %s: its %s differs",
              claim->block.size, name.data, hash_name(claim->cid->hash).text);
    text_dispose(&name);
    return false;
}

static bool check(const struct hash_claim *claim, struct error *err)
{
    return hash_check(claim->cid->hash, claim->cid->digest_size, err);
}

/* A digest may be cut short: its length, which hash_check has judged, says how much of it counts.
 */
static bool is_digest(const struct cid *cid, const void *digest, size_t size)
{
    assert(cid->digest_size <= size);
    return cid->digest_size == 0 || memcmp(cid_digest(cid), digest, cid->digest_size) == 0;
}

static bool settle(struct hash_claim *claim, bool holds, struct error *err)
{
    claim->holds = holds;
    return holds || refuse(claim, err);
}

/* err keeps what was told first. */
static bool verify_batch(struct hash_claim *claims, size_t count, struct error *err)
{
    struct hash_job jobs[BATCH];
    size_t waiting = 0;
    bool all = true;

    for (size_t i = 0; i < count; i++)
        if (check(&claims[i], NULL) && claims[i].cid->hash != HASH_IDENTITY)
            jobs[waiting++] =
                (struct hash_job){.data = claims[i].block, .code = claims[i].cid->hash};
    hash_many(jobs, waiting);
    waiting = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cid *cid = claims[i].cid;
        bool holds;

        claims[i].holds = false;
        if (!check(&claims[i], err)) {
            all = false;
            continue;
        }
        holds = cid->hash == HASH_IDENTITY
                    ? claims[i].block.size == cid->digest_size &&
                          is_digest(cid, claims[i].block.data, claims[i].block.size)
                    : is_digest(cid, jobs[waiting++].digest, hash_size(cid->hash));
        all = settle(&claims[i], holds, err) && all;
    }
    return all;
}

bool hash_verify_many(struct hash_claim *claims, size_t count, struct error *err)
{
    bool all = true;

    for (size_t i = 0; i < count; i += BATCH) {
        size_t batch = count - i < BATCH ? count - i : BATCH;

        all = verify_batch(claims + i, batch, err) && all;
    }
    return all;
}

bool hash_verify(const struct cid *cid, struct slice block, struct error *err)
{
    struct hash_claim claim = {.cid = cid, .block = block};

    return hash_verify_many(&claim, 1, err);
}
