// SPDX-License-Identifier: Apache-2.0
#include "ipfs/hash.h"

#include "conf/memory.h"
#include "ipfs/multibase.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Digests of "abc": FIPS 180-4, FIPS 202, RFC 7693; the other lengths of BLAKE2 are hashes of their
 * own, not prefixes. */
static const struct {
    uint64_t code;
    const char *name;
    const char *hex;
} abc[] = {
    {HASH_SHA1, "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {HASH_SHA2_256, "sha2-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HASH_SHA2_512, "sha2-512",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {HASH_SHA3_224, "sha3-224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
    {HASH_SHA3_256, "sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {HASH_SHA3_384, "sha3-384",
     "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
     "98d88cea927ac7f539f1edf228376d25"},
    {HASH_SHA3_512, "sha3-512",
     "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
     "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
    {HASH_DBL_SHA2_256, "dbl-sha2-256",
     "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358"},
    {HASH_BLAKE2B_8 + 0, "blake2b-8", "6b"},
    {HASH_BLAKE2B_8 + 19, "blake2b-160", "384264f676f39536840523f284921cdc68b6846b"},
    {HASH_BLAKE2B_8 + 27, "blake2b-224",
     "9bd237b02a29e43bdd6738afa5b53ff0eee178d6210b618e4511aec8"},
    {HASH_BLAKE2B_8 + 31, "blake2b-256",
     "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"},
    {HASH_BLAKE2B_8 + 32, "blake2b-264",
     "f7bb660ec10c1b537a53ff432791f8a34c09e9ecfca84288bba1ee39afec290d"
     "63"},
    {HASH_BLAKE2B_8 + 47, "blake2b-384",
     "6f56a82c8e7ef526dfe182eb5212f7db9df1317e57815dbda46083fc30f54ee6"
     "c66ba83be64b302d7cba6ce15bb556f4"},
    {HASH_BLAKE2B_8 + 62, "blake2b-504",
     "eb5324bb0b0f9ca27381f22f5e49604d7c341b77371fe5bf61fb643c8ab481c7"
     "555ef17c9b9e7c92f0daafff6c0d748cab97d2b267bf53f8225c173ea26f3e"},
    {HASH_BLAKE2B_8 + 63, "blake2b-512",
     "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
     "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"},
    {HASH_BLAKE2S_8 + 0, "blake2s-8", "0d"},
    {HASH_BLAKE2S_8 + 19, "blake2s-160", "5ae3b99be29b01834c3b508521ede60438f8de17"},
    {HASH_BLAKE2S_8 + 27, "blake2s-224",
     "0b033fc226df7abde29f67a05d3dc62cf271ef3dfea4d387407fbd55"},
    {HASH_BLAKE2S_8 + 30, "blake2s-248",
     "6ffb901930ebaf1d3cabe0b60c20de3bc9dd26269325629f1671304fe6bb26"},
    {HASH_BLAKE2S_8 + 31, "blake2s-256",
     "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"},
};

static const uint64_t refused[] = {0x18, 0x19, 0x1a, 0x1b,   0x1c,   0x1d,   0x1e,  0x20,
                                   0x22, 0xd4, 0xd5, 0x1012, 0x1013, 0x1015, 0xb301};

static void assert_digest(const uint8_t *digest, size_t size, const char *hex)
{
    struct text text = {0};

    multibase_encode_bare(CID_BASE_16, digest, size, &text);
    assert_string_equal(text.data, hex);
    text_dispose(&text);
}

static void test_hash_gives_the_published_digests(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
        uint8_t digest[HASH_DIGEST_MAX];

        hash_block(abc[i].code, SLICE("abc"), digest);
        assert_int_equal(hash_size(abc[i].code), strlen(abc[i].hex) / 2);
        assert_digest(digest, hash_size(abc[i].code), abc[i].hex);
        assert_true(hash_is_supported(abc[i].code));
    }
}

static void test_hash_knows_names_both_ways(void **state)
{
    static const struct {
        uint64_t code;
        const char *name;
    } others[] = {{0x00, "identity"},     {0x1e, "blake3"},          {0x1b, "keccak-256"},
                  {0x19, "shake-256"},    {0x20, "sha2-384"},        {0xd5, "md5"},
                  {0xb301, "skein256-8"}, {0xb3e0, "skein1024-1024"}};
    uint64_t code;

    for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
        assert_string_equal(hash_name(abc[i].code).text, abc[i].name);
        assert_true(hash_find(slice_of(abc[i].name), &code) && code == abc[i].code);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_string_equal(hash_name(others[i].code).text, others[i].name);
        assert_true(hash_find(slice_of(others[i].name), &code) && code == others[i].code);
    }
    assert_string_equal(hash_name(0x7ffe).text, "0x7ffe");
    assert_false(hash_find(SLICE("blake2b-7"), &code));
    assert_false(hash_find(SLICE("blake2b-520"), &code));
    assert_false(hash_find(SLICE("sha2-25"), &code));
    assert_false(hash_find(SLICE(""), &code));
}

static void test_hash_refuses_what_it_does_not_compute_by_name(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct error err = {0};

        assert_false(hash_is_supported(refused[i]));
        assert_int_equal(hash_size(refused[i]), 0);
        assert_false(hash_check(refused[i], 32, &err));
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        assert_non_null(strstr(err.text, hash_name(refused[i]).text));
        assert_null(strstr(err.text, "0x"));
    }
}

static void test_hash_accepts_the_sizes_that_kubo_accepts(void **state)
{
    static const struct {
        uint64_t code;
        size_t size;
        enum error_code error;
        const char *says;
    } table[] = {
        {HASH_SHA2_256, 32, ERROR_NONE, ""},
        {HASH_SHA2_256, 20, ERROR_NONE, ""},
        {HASH_SHA2_256, 19, ERROR_LIMIT, "19 bytes of sha2-256; 20 to 32"},
        {HASH_SHA2_256, 0, ERROR_LIMIT, "0 bytes of sha2-256"},
        {HASH_SHA2_256, 33, ERROR_LIMIT, "33 bytes of sha2-256"},
        {HASH_SHA1, 20, ERROR_NONE, ""},
        {HASH_SHA2_512, 64, ERROR_NONE, ""},
        {HASH_SHA2_512, 20, ERROR_NONE, ""},
        {HASH_IDENTITY, 0, ERROR_NONE, ""},
        {HASH_IDENTITY, 128, ERROR_NONE, ""},
        {HASH_IDENTITY, 129, ERROR_LIMIT, "129 bytes of identity; 0 to 128"},
        {HASH_BLAKE2B_8 + 19, 20, ERROR_NONE, ""},
        {HASH_BLAKE2B_8 + 18, 19, ERROR_LIMIT, "blake2b-152 is too short"},
        {HASH_BLAKE2S_8 + 18, 20, ERROR_LIMIT, "blake2s-152 is too short"},
        {HASH_BLAKE2B_512, 64, ERROR_NONE, ""},
        {0x1e, 32, ERROR_UNSUPPORTED, "the hash blake3 is not supported"},
        {0x7ffe, 32, ERROR_UNSUPPORTED, "the hash 0x7ffe is not supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};

        assert_int_equal(hash_check(table[i].code, table[i].size, &err),
                         table[i].error == ERROR_NONE);
        assert_int_equal(err.code, table[i].error);
        if (strstr(err.text, table[i].says) == NULL)
            fail_msg("%zu: %s", i, err.text);
    }
}

static uint8_t *random_bytes(size_t size)
{
    uint8_t *bytes = memory_alloc(size);
    uint32_t draw = 7;

    for (size_t i = 0; i < size; i++) {
        draw = draw * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(draw >> 24);
    }
    return bytes;
}

/* More jobs than a batch has, of all hashes in turn. */
static void test_hash_many_equals_one_by_one(void **state)
{
    enum { COUNT = 1200 };
    uint8_t *bytes = random_bytes(5000);
    struct hash_job *jobs = memory_alloc(COUNT * sizeof(*jobs));

    for (size_t i = 0; i < COUNT; i++)
        jobs[i] = (struct hash_job){
            .data = {(char *)bytes + i % 70, i * 37 % 4900},
            .code = i % 3 == 0 ? HASH_SHA2_256 : abc[i % ARRAY_SIZE(abc)].code,
        };
    hash_many(jobs, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct hash_stream *stream = hash_stream_create(jobs[i].code);
        uint8_t digest[HASH_DIGEST_MAX];

        hash_stream_update(stream, jobs[i].data.data, jobs[i].data.size);
        hash_stream_finish(stream, digest);
        assert_memory_equal(jobs[i].digest, digest, hash_size(jobs[i].code));
        hash_stream_destroy(&stream);
    }
    hash_many(jobs, 0);
    free(jobs);
    free(bytes);
}

static void test_hash_stream_takes_pieces_and_begins_anew(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
        struct hash_stream *stream = hash_stream_create(abc[i].code);
        uint8_t digest[HASH_DIGEST_MAX];

        for (int round = 0; round < 3; round++) {
            hash_stream_update(stream, "a", 1);
            hash_stream_update(stream, NULL, 0);
            hash_stream_update(stream, "bc", 2);
            hash_stream_finish(stream, digest);
            assert_digest(digest, hash_size(abc[i].code), abc[i].hex);
        }
        hash_stream_destroy(&stream);
        assert_null(stream);
        hash_stream_destroy(&stream);
    }
}

static void test_hash_verifies_whole_and_truncated_digests(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
        uint8_t digest[HASH_DIGEST_MAX];
        size_t whole = hash_size(abc[i].code);

        hash_block(abc[i].code, SLICE("abc"), digest);
        for (size_t size = 20; size <= whole; size++) {
            struct error err = {0};
            struct cid cid;

            cid_make(&cid, 1, CODEC_RAW, abc[i].code, digest, size);
            assert_true(hash_verify(&cid, SLICE("abc"), NULL));
            assert_false(hash_verify(&cid, SLICE("abd"), &err));
            assert_int_equal(err.code, ERROR_MISMATCH);
            assert_non_null(strstr(err.text, abc[i].name));
            cid.bytes[cid.digest_offset + size - 1] ^= 1; /* the last byte counts too */
            assert_false(hash_verify(&cid, SLICE("abc"), NULL));
        }
    }
}

static void test_hash_does_not_take_a_short_prefix_for_proof(void **state)
{
    uint8_t digest[HASH_DIGEST_MAX];

    hash_block(HASH_SHA2_256, SLICE("abc"), digest);
    for (size_t size = 0; size < 20; size++) {
        struct error err = {0};
        struct cid cid;

        cid_make(&cid, 1, CODEC_RAW, HASH_SHA2_256, digest, size);
        assert_false(hash_verify(&cid, SLICE("abc"), &err));
        assert_int_equal(err.code, ERROR_LIMIT);
    }
}

static void test_hash_verifies_identity_by_its_bytes(void **state)
{
    struct error err = {0};
    struct cid cid;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_IDENTITY, SLICE("abc"));
    assert_true(hash_verify(&cid, SLICE("abc"), NULL));
    assert_false(hash_verify(&cid, SLICE("abcd"), NULL));
    assert_false(hash_verify(&cid, SLICE("ab"), NULL));
    assert_false(hash_verify(&cid, SLICE("abd"), &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    hash_make_cid(&cid, 1, CODEC_RAW, HASH_IDENTITY, (struct slice){NULL, 0});
    assert_true(hash_verify(&cid, (struct slice){NULL, 0}, NULL));
    assert_false(hash_verify(&cid, SLICE("a"), NULL));
}

static void test_hash_makes_the_cid_of_a_block(void **state)
{
    struct text text = {0};
    struct cid cid;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256, SLICE("hello world"));
    cid_print(&cid, CID_BASE_DEFAULT, &text);
    assert_string_equal(text.data, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    text_clear(&text);
    hash_make_cid(&cid, 0, CODEC_DAG_PB, HASH_SHA2_256, SLICE("\n\2\10\1")); /* empty folder */
    cid_print(&cid, CID_BASE_DEFAULT, &text);
    assert_string_equal(text.data, "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
    text_dispose(&text);
}

/* Good and bad claims of all kinds, more than a batch has; and the first bad one is the one told.
 */
static void test_hash_verify_many_judges_each_claim_alone(void **state)
{
    enum { COUNT = 400 };
    uint8_t *bytes = random_bytes(2000);
    struct cid *cids = memory_alloc(COUNT * sizeof(*cids));
    struct hash_claim *claims = memory_alloc(COUNT * sizeof(*claims));
    struct error err = {0};
    bool expected[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        struct slice block = {(char *)bytes + i, 10 + i * 3 % 80};
        uint64_t code = i % 7 == 5 ? HASH_IDENTITY : i % 2 ? HASH_SHA2_256 : HASH_BLAKE2B_256;

        hash_make_cid(&cids[i], 1, CODEC_RAW, code, block);
        claims[i] = (struct hash_claim){&cids[i], block, i % 3 == 0};
        expected[i] = i < 150 || i % 11 != 0;
        if (!expected[i])
            claims[i].block.data++;
    }
    cid_make(&cids[149], 1, CODEC_RAW, 0x1e, cids, 32);
    expected[149] = false;
    assert_false(hash_verify_many(claims, COUNT, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(claims[i].holds, expected[i]);
    err = (struct error){0};
    assert_false(hash_verify_many(claims + 150, COUNT - 150, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    assert_true(hash_verify_many(claims, 149, NULL));
    for (size_t i = 0; i < COUNT; i++) /* one bad one at the front, all others good */
        claims[i] = claims[i < 1 ? 399 : 3];
    claims[0].block.data++;
    assert_false(hash_verify_many(claims, COUNT, NULL));
    assert_false(claims[0].holds);
    assert_true(claims[COUNT - 1].holds);
    assert_true(hash_verify_many(claims, 0, NULL));
    free(claims);
    free(cids);
    free(bytes);
}

static void test_hash_mismatch_names_the_cid_and_the_size(void **state)
{
    struct error err = {0};
    struct cid cid;

    assert_true(cid_parse(
        &cid, SLICE("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"), NULL));
    assert_false(hash_verify(&cid, SLICE("hello worlds"), &err));
    assert_string_equal(err.text,
                        "the block of 12 bytes is not "
                        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e: its sha2-256 "
                        "differs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_gives_the_published_digests),
        cmocka_unit_test(test_hash_knows_names_both_ways),
        cmocka_unit_test(test_hash_refuses_what_it_does_not_compute_by_name),
        cmocka_unit_test(test_hash_accepts_the_sizes_that_kubo_accepts),
        cmocka_unit_test(test_hash_many_equals_one_by_one),
        cmocka_unit_test(test_hash_stream_takes_pieces_and_begins_anew),
        cmocka_unit_test(test_hash_verifies_whole_and_truncated_digests),
        cmocka_unit_test(test_hash_does_not_take_a_short_prefix_for_proof),
        cmocka_unit_test(test_hash_verifies_identity_by_its_bytes),
        cmocka_unit_test(test_hash_makes_the_cid_of_a_block),
        cmocka_unit_test(test_hash_verify_many_judges_each_claim_alone),
        cmocka_unit_test(test_hash_mismatch_names_the_cid_and_the_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
