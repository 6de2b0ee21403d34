// SPDX-License-Identifier: Apache-2.0
/* OpenSSL's one-shot functions fetch the algorithm by name at each call, and its contexts cannot be
 * started from the middle of a message: the older functions, deprecated but kept, do both jobs. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ipfs/sha256.h"

#include "ipfs/sha256_lanes.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* FIPS 180-4, 5.3.3. */
static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const struct {
    const char *name;
    unsigned lanes;
    sha256_lanes_fn advance;
} paths[SHA256_PATHS] = {
    [SHA256_OPENSSL] = {"openssl", 0, NULL},
#if defined(__x86_64__)
    [SHA256_AVX2] = {"avx2", 8, sha256_lanes_avx2},
    [SHA256_AVX512] = {"avx512", 16, sha256_lanes_avx512},
#else
    [SHA256_AVX2] = {"avx2", 0, NULL},
    [SHA256_AVX512] = {"avx512", 0, NULL},
#endif
};

/* A lane works through the whole chunks of its data, then through the tail: what is left, and the
 * padding. */
struct lane {
    const struct sha256_job *job; /* NULL: idle */
    const uint8_t *next;
    size_t chunks; /* to go, from next on */
    bool in_tail;
    uint8_t tail[2 * SHA256_CHUNK_SIZE];
};

struct run {
    const struct sha256_job *queue, *queue_end;
    unsigned lanes, busy;
    struct sha256_states states;
    struct lane lane[SHA256_LANES_MAX];
};

static void put_big_endian(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* FIPS 180-4, 5.1.1: a one bit, zeros, and the length in bits at the end of a chunk. */
static void begin_tail(struct lane *lane)
{
    size_t size = lane->job->data.size;
    size_t rest = size % SHA256_CHUNK_SIZE;

    lane->in_tail = true;
    lane->chunks = rest < SHA256_CHUNK_SIZE - 8 ? 1 : 2;
    memset(lane->tail, 0, sizeof(lane->tail));
    if (rest > 0)
        memcpy(lane->tail, lane->job->data.data + (size - rest), rest);
    lane->tail[rest] = 0x80;
    put_big_endian(lane->tail + lane->chunks * SHA256_CHUNK_SIZE - 8, (uint64_t)size * 8, 8);
    lane->next = lane->tail;
}

static void begin_job(struct run *run, unsigned index)
{
    struct lane *lane = &run->lane[index];

    lane->job = run->queue++;
    lane->next = (const uint8_t *)lane->job->data.data;
    lane->chunks = lane->job->data.size / SHA256_CHUNK_SIZE;
    lane->in_tail = false;
    if (lane->chunks == 0)
        begin_tail(lane);
    for (unsigned i = 0; i < 8; i++)
        run->states.words[i][index] = initial[i];
    run->busy++;
}

static void end_job(struct run *run, unsigned index)
{
    for (size_t i = 0; i < 8; i++)
        put_big_endian(run->lane[index].job->digest + i * 4, run->states.words[i][index], 4);
    run->lane[index].job = NULL;
    run->busy--;
}

static void refill(struct run *run)
{
    for (unsigned i = 0; i < run->lanes && run->queue < run->queue_end; i++)
        if (run->lane[i].job == NULL)
            begin_job(run, i);
}

/* All lanes as far as the one with the least to go. Idle ones repeat the work of a busy one. */
static void advance(struct run *run, sha256_lanes_fn kernel)
{
    const uint8_t *data[SHA256_LANES_MAX];
    const uint8_t *any = NULL;
    size_t chunks = SIZE_MAX;

    for (unsigned i = 0; i < run->lanes; i++)
        if (run->lane[i].job != NULL) {
            any = run->lane[i].next;
            if (run->lane[i].chunks < chunks)
                chunks = run->lane[i].chunks;
        }
    for (unsigned i = 0; i < run->lanes; i++)
        data[i] = run->lane[i].job != NULL ? run->lane[i].next : any;
    kernel(&run->states, data, chunks);
    for (unsigned i = 0; i < run->lanes; i++) {
        struct lane *lane = &run->lane[i];

        if (lane->job == NULL)
            continue;
        lane->next += chunks * SHA256_CHUNK_SIZE;
        lane->chunks -= chunks;
        if (lane->chunks > 0)
            continue;
        if (lane->in_tail)
            end_job(run, i);
        else
            begin_tail(lane);
    }
}

/* Takes over where the lane stands. */
static void finish_lane(struct run *run, unsigned index)
{
    struct lane *lane = &run->lane[index];
    SHA256_CTX context;

    SHA256_Init(&context);
    for (unsigned i = 0; i < 8; i++)
        context.h[i] = run->states.words[i][index];
    while (true) {
        for (; lane->chunks > 0; lane->chunks--, lane->next += SHA256_CHUNK_SIZE)
            SHA256_Transform(&context, lane->next);
        if (lane->in_tail)
            break;
        begin_tail(lane);
    }
    for (unsigned i = 0; i < 8; i++)
        run->states.words[i][index] = context.h[i];
    end_job(run, index);
}

static void run_lanes(const struct sha256_plan *plan, const struct sha256_job *jobs, size_t count)
{
    struct run run; /* not zeroed: that would cost as much as a short block */

    run.queue = jobs;
    run.queue_end = jobs + count;
    run.lanes = paths[plan->path].lanes;
    run.busy = 0;
    for (unsigned i = 0; i < run.lanes; i++)
        run.lane[i].job = NULL;
    for (refill(&run); run.busy > 0 && run.busy >= plan->min_busy; refill(&run))
        advance(&run, paths[plan->path].advance);
    for (unsigned i = 0; i < run.lanes; i++)
        if (run.lane[i].job != NULL)
            finish_lane(&run, i);
}

static void run_openssl(const struct sha256_job *job)
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Update(&context, job->data.data, job->data.size);
    SHA256_Final(job->digest, &context);
}

void sha256_run(const struct sha256_plan *plan, const struct sha256_job *jobs, size_t count)
{
    assert(plan->min_busy <= paths[plan->path].lanes);
    if (plan->path != SHA256_OPENSSL && count >= plan->min_busy) {
        run_lanes(plan, jobs, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        run_openssl(&jobs[i]);
}

const char *sha256_path_name(enum sha256_path path)
{
    return paths[path].name;
}

#if defined(__x86_64__)

bool sha256_path_usable(enum sha256_path path)
{
    switch (path) {
    case SHA256_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    case SHA256_AVX2:
        return __builtin_cpu_supports("avx2");
    default:
        return path == SHA256_OPENSSL;
    }
}

static bool has_sha_extensions(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

#else

bool sha256_path_usable(enum sha256_path path)
{
    return path == SHA256_OPENSSL;
}

static bool has_sha_extensions(void)
{
    return false;
}

#endif

/* Asking the processor for its features can take microseconds under a hypervisor: asked once. */
static bool knows_sha_extensions(void)
{
    static atomic_int answer; /* 0: not asked yet. Whoever comes second finds the same. */
    int known = atomic_load_explicit(&answer, memory_order_relaxed);

    if (known == 0) {
        known = has_sha_extensions() ? 1 : -1;
        atomic_store_explicit(&answer, known, memory_order_relaxed);
    }
    return known > 0;
}

/* Measured by tests/bench/bench_hash: on a Zen 5 core OpenSSL ran at 1.8 GB/s with the SHA
 * extensions and at 0.66 GB/s without; 16 full AVX-512 lanes at 4.8 GB/s, 8 AVX2 lanes at 1.7. So a
 * vector of AVX-512 costs as much as 6 chunks of OpenSSL with the extensions and one of AVX2 more
 * than 8: with them AVX2 never pays. The counts leave room for cores whose vectors are slower in
 * proportion, and for blocks so short that putting them into a lane is most of the work. */
struct sha256_plan sha256_plan(void)
{
    bool sha = knows_sha_extensions();

    if (sha256_path_usable(SHA256_AVX512))
        return (struct sha256_plan){SHA256_AVX512, sha ? 10 : 4};
    if (sha256_path_usable(SHA256_AVX2) && !sha)
        return (struct sha256_plan){SHA256_AVX2, 4};
    return (struct sha256_plan){SHA256_OPENSSL, 0};
}

void sha256_many(const struct sha256_job *jobs, size_t count)
{
    struct sha256_plan plan = sha256_plan();

    sha256_run(&plan, jobs, count);
}
