// SPDX-License-Identifier: Apache-2.0
/* Every path against OpenSSL's own digest function. RIG_TIER=full takes a million blocks for each;
 * RIG_SEED repeats a run. */
#include "ipfs/sha256.h"

#include "conf/memory.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define JOBS_MAX 70
#define POOL     (1 << 20) /* random bytes that blocks are cut from */

/* Lanes to the end, lanes to the last vector that pays, and lanes only while all are busy. */
static const struct sha256_plan plans[] = {
    {SHA256_OPENSSL, 0}, {SHA256_AVX2, 1},   {SHA256_AVX2, 4},    {SHA256_AVX2, 8},
    {SHA256_AVX512, 1},  {SHA256_AVX512, 4}, {SHA256_AVX512, 10}, {SHA256_AVX512, 16},
};

static void digest_of(struct slice data, uint8_t *digest)
{
    assert_int_equal(EVP_Digest(data.data, data.size, digest, NULL, EVP_sha256(), NULL), 1);
}

static void put_hex(const uint8_t *digest, char *out)
{
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(out + i * 2, 3, "%02x", digest[i]);
}

static void test_sha256_gives_the_published_digests_on_every_path(void **state)
{
    char *million = memory_alloc(1000000);
    const struct {
        struct slice data;
        const char *hex;
    } table[] = {
        {{NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SLICE("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {SLICE("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklm"
               "nopqrlmnopqrsmnopqrstnopqrstu"),
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {{million, 1000000}, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };

    memset(million, 'a', 1000000);
    for (size_t p = 0; p < ARRAY_SIZE(plans); p++) {
        struct sha256_job jobs[ARRAY_SIZE(table)];
        uint8_t digests[ARRAY_SIZE(table)][SHA256_SIZE];

        if (!sha256_path_usable(plans[p].path))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
            jobs[i] = (struct sha256_job){table[i].data, digests[i]};
        sha256_run(&plans[p], jobs, ARRAY_SIZE(table));
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
            char hex[2 * SHA256_SIZE + 1];

            put_hex(digests[i], hex);
            assert_string_equal(hex, table[i].hex);
        }
    }
    free(million);
}

/* Around each chunk border the tail has another shape. */
static void test_sha256_pads_every_length_on_every_path(void **state)
{
    static uint8_t data[64 * 5 + 8];
    uint8_t digests[16][SHA256_SIZE], expected[SHA256_SIZE];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 1);
    for (size_t p = 0; p < ARRAY_SIZE(plans); p++)
        for (size_t size = 0; size <= sizeof(data) && sha256_path_usable(plans[p].path); size++) {
            struct slice block = {(const char *)data, size};
            struct sha256_job jobs[16];

            digest_of(block, expected);
            for (int i = 0; i < 16; i++)
                jobs[i] = (struct sha256_job){block, digests[i]};
            sha256_run(&plans[p], jobs, 16);
            for (int i = 0; i < 16; i++)
                assert_memory_equal(digests[i], expected, SHA256_SIZE);
        }
}

static void test_sha256_may_write_the_digest_over_the_data(void **state)
{
    for (size_t p = 0; p < ARRAY_SIZE(plans); p++) {
        uint8_t blocks[16][300], expected[16][SHA256_SIZE];
        struct sha256_job jobs[16];

        if (!sha256_path_usable(plans[p].path))
            continue;
        for (int i = 0; i < 16; i++) {
            memset(blocks[i], i, sizeof(blocks[i]));
            jobs[i] = (struct sha256_job){{(char *)blocks[i], 32 + (size_t)i * 16}, blocks[i]};
            digest_of(jobs[i].data, expected[i]);
        }
        sha256_run(&plans[p], jobs, 16);
        for (int i = 0; i < 16; i++)
            assert_memory_equal(blocks[i], expected[i], SHA256_SIZE);
    }
}

static void test_sha256_of_no_jobs_does_nothing(void **state)
{
    for (size_t p = 0; p < ARRAY_SIZE(plans); p++)
        if (sha256_path_usable(plans[p].path))
            sha256_run(&plans[p], NULL, 0);
    sha256_many(NULL, 0);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Mostly short, at times long: lanes must be refilled at very different moments. */
static size_t random_size(uint64_t *seed)
{
    uint64_t draw = next_random(seed);

    switch (draw % 64) {
    case 0:
        return (draw >> 8) % 70000;
    case 1:
        return (draw >> 8) % 8 * 64;
    default:
        return (draw >> 8) % (draw & 0x40 ? 200 : 1500);
    }
}

static const uint8_t *pool_create(uint64_t *seed)
{
    uint8_t *pool = memory_alloc(POOL);

    for (size_t i = 0; i < POOL; i += 8) {
        uint64_t draw = next_random(seed);

        memcpy(pool + i, &draw, 8);
    }
    return pool;
}

/* Runs one batch of random blocks, and returns how many they were. */
static size_t check_batch(const struct sha256_plan *plan, const uint8_t *pool, uint64_t *seed)
{
    uint8_t digests[JOBS_MAX][SHA256_SIZE], expected[SHA256_SIZE];
    struct sha256_job jobs[JOBS_MAX];
    size_t count = 1 + next_random(seed) % JOBS_MAX;

    for (size_t i = 0; i < count; i++) {
        size_t size = random_size(seed);
        size_t at = next_random(seed) % (POOL - size);

        jobs[i] = (struct sha256_job){{(const char *)pool + at, size}, digests[i]};
    }
    sha256_run(plan, jobs, count);
    for (size_t i = 0; i < count; i++) {
        digest_of(jobs[i].data, expected);
        if (memcmp(digests[i], expected, SHA256_SIZE) != 0)
            fail_msg("%s, at least %u busy: block %zu of %zu, %zu bytes, differs",
                     sha256_path_name(plan->path), plan->min_busy, i, count, jobs[i].data.size);
    }
    return count;
}

static void test_sha256_equals_openssl_on_random_lengths_and_alignments(void **state)
{
    const char *tier = getenv("RIG_TIER"), *given = getenv("RIG_SEED");
    size_t wanted = tier != NULL && strcmp(tier, "full") == 0 ? 1000000 : 20000;
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    const uint8_t *pool;

    print_message("RIG_SEED=%llu\n", (unsigned long long)seed);
    seed = seed * 2 + 1; /* never zero */
    pool = pool_create(&seed);
    for (int path = 0; path < SHA256_PATHS; path++) {
        size_t done = 0;

        if (!sha256_path_usable((enum sha256_path)path)) {
            print_message("%s: this processor has it not\n", sha256_path_name(path));
            continue;
        }
        for (size_t p = 0; done < wanted; p = (p + 1) % ARRAY_SIZE(plans))
            if (plans[p].path == (enum sha256_path)path)
                done += check_batch(&plans[p], pool, &seed);
        print_message("%s: %zu blocks\n", sha256_path_name(path), done);
    }
    free((void *)pool);
}

/* No assertions here: cmocka's belong to the main thread. */
static void *hash_in_thread(void *digest)
{
    static const char data[] = "the same bytes for every lane of every thread";
    uint8_t digests[20][SHA256_SIZE];
    struct sha256_job jobs[20];

    for (int i = 0; i < 20; i++)
        jobs[i] = (struct sha256_job){SLICE(data), digests[i]};
    for (int i = 0; i < 100; i++)
        sha256_many(jobs, 20);
    memcpy(digest, digests[19], SHA256_SIZE);
    return NULL;
}

static void test_sha256_runs_on_many_threads_at_once(void **state)
{
    uint8_t digests[4][SHA256_SIZE], expected[SHA256_SIZE];
    pthread_t threads[4];

    digest_of(SLICE("the same bytes for every lane of every thread"), expected);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, digests[i]), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_memory_equal(digests[i], expected, SHA256_SIZE);
    }
}

static void test_sha256_plan_is_one_that_this_processor_has(void **state)
{
    struct sha256_plan plan = sha256_plan(), again = sha256_plan();

    assert_true(sha256_path_usable(plan.path));
    assert_int_equal(plan.path, again.path);
    assert_int_equal(plan.min_busy, again.min_busy);
    assert_true(sha256_path_usable(SHA256_OPENSSL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_sha256_runs_on_many_threads_at_once), /* first: it asks the processor */
        cmocka_unit_test(test_sha256_gives_the_published_digests_on_every_path),
        cmocka_unit_test(test_sha256_pads_every_length_on_every_path),
        cmocka_unit_test(test_sha256_may_write_the_digest_over_the_data),
        cmocka_unit_test(test_sha256_of_no_jobs_does_nothing),
        cmocka_unit_test(test_sha256_equals_openssl_on_random_lengths_and_alignments),
        cmocka_unit_test(test_sha256_plan_is_one_that_this_processor_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
