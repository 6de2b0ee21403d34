// SPDX-License-Identifier: Apache-2.0
#include "ipfs/cid.h"

#include "ipfs/hash.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ALL_BASES "fFbBcCvVtTkKzmMuU"

static struct cid parsed(const char *text)
{
    struct error err = {0};
    struct cid cid;

    if (!cid_parse(&cid, slice_of(text), &err))
        fail_msg("%s: %s", text, err.text);
    return cid;
}

static void assert_prints(const struct cid *cid, enum cid_base base, const char *expected)
{
    struct text text = {0};

    cid_print(cid, base, &text);
    assert_string_equal(text.data, expected);
    text_dispose(&text);
}

/* The empty UnixFS directory, the "hello world" of the IPFS documents, and others in daily use. */
static const struct {
    const char *text;
    const char *v1_base32;
    uint64_t codec, hash;
    int version;
    int digest_size;
} known[] = {
    {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
     "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", CODEC_DAG_PB, HASH_SHA2_256, 0,
     32},
    {"bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
     "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", CODEC_DAG_PB, HASH_SHA2_256, 1,
     32},
    {"zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
     "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su", CODEC_RAW, HASH_SHA2_256, 1,
     32},
    {"bafkqaaa", "bafkqaaa", CODEC_RAW, HASH_IDENTITY, 1, 0},
    {"bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
     "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", CODEC_DAG_CBOR, HASH_SHA2_256,
     1, 32},
};

static void test_cid_reads_known_identifiers(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct cid cid = parsed(known[i].text);

        assert_true(cid.codec == known[i].codec && cid.hash == known[i].hash);
        assert_int_equal(cid.version, known[i].version);
        assert_int_equal(cid.digest_size, known[i].digest_size);
        assert_prints(&cid, CID_BASE_32, known[i].v1_base32);
    }
}

static void test_cid_prints_and_reads_back_in_every_base(void **state)
{
    struct cid cid = parsed(known[0].v1_base32);

    for (const char *base = ALL_BASES; *base != '\0'; base++) {
        struct text text = {0};
        struct cid back;

        cid_print(&cid, (enum cid_base) * base, &text);
        assert_int_equal(text.data[0], *base);
        back = parsed(text.data);
        assert_true(cid_equal(&cid, &back));
        text_dispose(&text);
    }
}

static void test_cid_prints_v0_bare_and_as_v1_in_any_other_base(void **state)
{
    struct cid cid = parsed(known[0].text);

    assert_prints(&cid, CID_BASE_DEFAULT, known[0].text);
    assert_prints(&cid, CID_BASE_32, known[0].v1_base32);
    assert_prints(&cid, CID_BASE_58BTC, "zdj7WbTaiJT1fgatdet9Ei9iDB5hdCxkbVyhyh8YTUnXMiwYi");
}

static void test_cid_keeps_a_peer_key(void **state)
{
    struct cid cid = parsed("k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r");

    assert_int_equal(cid.codec, CODEC_LIBP2P_KEY);
    assert_int_equal(cid.hash, HASH_IDENTITY);
    assert_int_equal(cid.digest_size, 36);
    assert_prints(&cid, CID_BASE_36,
                  "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r");
}

static void test_cid_make_and_read_agree_on_every_part(void **state)
{
    static const struct {
        uint64_t codec, hash;
        int version;
        size_t size;
    } parts[] = {
        {CODEC_DAG_PB, HASH_SHA2_256, 0, 32},
        {CODEC_RAW, HASH_SHA2_256, 1, 32},
        {CODEC_DAG_JSON, HASH_BLAKE2B_256, 1, 32},
        {CODEC_JSON, HASH_SHA2_512, 1, 64},
        {CODEC_RAW, HASH_IDENTITY, 1, 0},
        {CODEC_RAW, HASH_IDENTITY, 1, CID_DIGEST_MAX},
        {((uint64_t)1 << 63) - 1, ((uint64_t)1 << 63) - 1, 1, CID_DIGEST_MAX},
    };
    uint8_t digest[CID_DIGEST_MAX];

    for (size_t i = 0; i < sizeof(digest); i++)
        digest[i] = (uint8_t)(200 - i);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        struct cid made, read;
        size_t used;

        cid_make(&made, parts[i].version, parts[i].codec, parts[i].hash, digest, parts[i].size);
        made.bytes[made.size] = 0xee; /* what follows a CID is not its own */
        assert_true(cid_read(&read, made.bytes, made.size + 1U, &used, NULL));
        assert_int_equal(used, made.size);
        assert_true(cid_equal(&made, &read));
        assert_true(read.codec == parts[i].codec && read.hash == parts[i].hash);
        assert_int_equal(read.version, parts[i].version);
        assert_int_equal(read.digest_size, parts[i].size);
        assert_memory_equal(cid_digest(&read), digest, parts[i].size);
        assert_int_equal(read.hash_offset, made.hash_offset);
        assert_int_equal(read.digest_offset, made.digest_offset);
        assert_int_equal(cid_multihash(&read).size, made.size - made.hash_offset);
    }
}

static void test_cid_v0_becomes_v1_and_v1_stays(void **state)
{
    struct cid v0 = parsed(known[0].text), v1 = parsed(known[1].text);
    struct cid from_v0 = cid_to_v1(&v0), from_v1 = cid_to_v1(&v1);

    assert_false(cid_equal(&v0, &v1));
    assert_true(cid_equal(&from_v0, &v1));
    assert_true(cid_equal(&from_v1, &v1));
    assert_true(slice_equal(cid_multihash(&v0), cid_multihash(&v1)));
}

static void test_cid_refuses_text_and_says_what(void **state)
{
    static const struct {
        const char *text;
        enum error_code code;
        const char *says;
    } bad[] = {
        {"", ERROR_SYNTAX, "nothing is there"},
        {"Q", ERROR_SYNTAX, "no base has the prefix 'Q'"},
        {"Qm", ERROR_SYNTAX, "has 46 characters, not 2"},
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N", ERROR_SYNTAX,
         "has 46 characters, not 45"},
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nnn", ERROR_SYNTAX, "not 47"},
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA30n", ERROR_SYNTAX, "character 45, '0'"},
        {"Qmzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", ERROR_SYNTAX,
         "not a sha2-256 multihash"},
        {"zQmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", ERROR_SYNTAX,
         "CIDv0 inside a multibase"},
        {"b", ERROR_SYNTAX, "byte 0 of the CID: nothing is there"},
        {"bafkqaaaa", ERROR_SYNTAX, "1 more bytes follow the CID"},
        {"/ipfs/bafkqaaa", ERROR_SYNTAX, "no base has the prefix '/'"},
        {"bafkqaaa/", ERROR_SYNTAX, "character 9, '/'"},
        {" bafkqaaa", ERROR_SYNTAX, "prefix byte 0x20"},
        {"12D3KooWGwmhp9ZBzDVoGj9bDQ5PTfSnDHoGE3dNcBpVBjzWpZ6j", ERROR_SYNTAX, "prefix '1'"},
        {"hybhoy", ERROR_UNSUPPORTED, "base32z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err = {0};
        struct cid cid;

        if (cid_parse(&cid, slice_of(bad[i].text), &err))
            fail_msg("'%s' was accepted", bad[i].text);
        if (err.code != bad[i].code || strstr(err.text, bad[i].says) == NULL)
            fail_msg("'%s' was refused with %d '%s'", bad[i].text, err.code, err.text);
    }
}

static void test_cid_refuses_bytes_and_says_where(void **state)
{
    static const struct {
        struct slice bytes;
        enum error_code code;
        const char *says;
    } bad[] = {
        {{"", 0}, ERROR_SYNTAX, "byte 0 of the CID: nothing"},
        {{"\x12", 1}, ERROR_SYNTAX, "version 18"},
        {{"\x12\x20", 2}, ERROR_SYNTAX, "byte 2 of the CID: the digest is cut short: 0 of 32"},
        {{"\x02\x55\x00\x00", 4}, ERROR_UNSUPPORTED, "version 2"},
        {{"\x81\x00\x55\x00\x00", 5},
         ERROR_SYNTAX,
         "byte 0 of the CID: the version is not written"},
        {{"\x01", 1}, ERROR_SYNTAX, "byte 1 of the CID: the codec is cut short"},
        {{"\x01\xd5\x00\x00\x00", 5}, ERROR_SYNTAX, "byte 1 of the CID: the codec is not written"},
        {{"\x01\x55\x80\x00\x00", 5}, ERROR_SYNTAX, "byte 2 of the CID: the hash code is not"},
        {{"\x01\x55\x12", 3}, ERROR_SYNTAX, "byte 3 of the CID: the digest length is cut"},
        {{"\x01\x55\x12\x82\x00\x01\x02", 7}, ERROR_SYNTAX, "byte 3 of the CID: the digest length"},
        {{"\x01\x55\x12\x21\x00", 5}, ERROR_SYNTAX, "33 bytes; sha2-256 has only 32"},
        {{"\x01\x55\x00\x81\x01\x00", 6}, ERROR_LIMIT, "129 bytes; at most 128"},
        {{"\x01\x55\x00\x02\x00", 5}, ERROR_SYNTAX, "byte 4 of the CID: the digest is cut"},
        {{"\x01\x55\x00\x00\x00", 5}, ERROR_SYNTAX, "byte 4: 1 more bytes follow"},
        {{"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", 13},
         ERROR_SYNTAX,
         "longer than 9"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err = {0};
        struct cid cid;

        if (cid_from_bytes(&cid, bad[i].bytes.data, bad[i].bytes.size, &err))
            fail_msg("%zu was accepted", i);
        if (err.code != bad[i].code || strstr(err.text, bad[i].says) == NULL)
            fail_msg("%zu was refused with %d '%s'", i, err.code, err.text);
    }
}

static void test_cid_refuses_every_truncation(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct cid whole = parsed(known[i].text);

        assert_false(cid_from_bytes(&whole, NULL, 0, NULL));
        for (size_t size = 1; size < whole.size; size++) {
            uint8_t *cut = malloc(size); /* exact, so that the sanitizer sees a byte too many */
            struct cid cid;
            size_t used;

            assert_non_null(cut);
            memcpy(cut, whole.bytes, size);
            assert_false(cid_read(&cid, cut, size, &used, NULL));
            free(cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cid_reads_known_identifiers),
        cmocka_unit_test(test_cid_prints_and_reads_back_in_every_base),
        cmocka_unit_test(test_cid_prints_v0_bare_and_as_v1_in_any_other_base),
        cmocka_unit_test(test_cid_keeps_a_peer_key),
        cmocka_unit_test(test_cid_make_and_read_agree_on_every_part),
        cmocka_unit_test(test_cid_v0_becomes_v1_and_v1_stays),
        cmocka_unit_test(test_cid_refuses_text_and_says_what),
        cmocka_unit_test(test_cid_refuses_bytes_and_says_where),
        cmocka_unit_test(test_cid_refuses_every_truncation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
