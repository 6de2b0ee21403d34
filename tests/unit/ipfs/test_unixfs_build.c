// SPDX-License-Identifier: Apache-2.0
/* The CIDs here were given by `ipfs add` of Kubo 0.43.1. */
#include "ipfs/unixfs_build.h"

#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/murmur3.h"
#include "tests/unit/ipfs/dag.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every block that comes out must hash to its CID; blocks and bytes are counted. */
struct count {
    size_t blocks, bytes;
    size_t stop_at; /* 0: never */
};

static bool count_block(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct count *count = arg;

    assert_true(hash_verify(cid, block, NULL));
    count->bytes += block.size;
    if (++count->blocks == count->stop_at)
        return error_set(err, ERROR_IO, "enough");
    return true;
}

static char *content(size_t size)
{
    char *bytes = memory_alloc(size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i * 7) ^ (i >> 8) * 13 ^ (i >> 16));
    return bytes;
}

static void assert_cid(const struct unixfs_entry *entry, const char *expected)
{
    struct text name = {0};

    cid_print(&entry->cid, CID_BASE_DEFAULT, &name);
    assert_string_equal(name.data, expected);
    text_dispose(&name);
}

static struct unixfs_entry build_file(const struct unixfs_profile *profile, size_t size,
                                      size_t step, const struct unixfs_stat *stat)
{
    struct count count = {0};
    struct unixfs_file *file = unixfs_file_create(profile, count_block, &count);
    char *bytes = content(size);
    struct unixfs_entry entry;
    struct error err = {0};

    for (size_t at = 0; at < size; at += step)
        assert_true(unixfs_file_write(
            file, (struct slice){bytes + at, step < size - at ? step : size - at}, &err));
    assert_true(unixfs_file_finish(file, stat, &entry, &err));
    assert_int_equal(entry.file_size, size);
    assert_int_equal(entry.tsize, count.bytes); /* no two blocks are the same here */
    unixfs_file_destroy(&file);
    free(bytes);
    return entry;
}

static const struct {
    uint32_t size, version, chunk, links;
    const char *cid;
} files[] = {
    {0, 0, 262144, 174, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"},
    {0, 1, 262144, 174, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
    {1, 0, 262144, 174, "QmS9JArPwa55ePgDnyg6TzX24mYTS1b1vLqWNebyVotKxQ"},
    {1, 1, 262144, 174, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"},
    {262143, 0, 262144, 174, "QmPaCc1QvGEGyy9ZQrPH4WtoNuiAie1HDuigYrjs9Dw4XA"},
    {262143, 1, 262144, 174, "bafkreigtcyg3yzz7mc2s4o6n64ximqodka7qm4p4f23xjv2r57nwwyzpde"},
    {262144, 0, 262144, 174, "QmRxZjEqde1m1sZSZofBoLTuXGMFNFd2acNERhaghBjB2W"},
    {262144, 1, 262144, 174, "bafkreic4uhi65gyrijwlxmtxdzrtqyqcnvzs6qjutas4asnqar7og55pne"},
    {262145, 0, 262144, 174, "QmScg8kzJcvEtXaFJHsmK7mcJhU913A1vPYCFRmQ9f2Rs4"},
    {262145, 1, 262144, 174, "bafybeigj674bk77sd2miyxwxpydggy5p3ilgvi2tduhbvh7wfpgni2cmxa"},
    {524288, 0, 262144, 174, "Qma2VxHQsPhJRCykmgckNhVCed4NVuvXN427PJ8HD4xyPq"},
    {524288, 1, 262144, 174, "bafybeidoshr3eiopj5bdvbih2ajqvywqy43z4kpadd3ie23avsispwjelq"},
    {1000000, 0, 262144, 174, "QmP286GNiWVxhXfWeHZQ174vzZeUoQL4LehCwJ2juDtVUm"},
    {1000000, 1, 262144, 174, "bafybeienpoppqj7x45enjrfwbqppahzdq43yi7dzkld5miv36bhjwzea24"},
    {9, 0, 10, 3, "QmbtSfWsfqdpsbhQnYCByPFAPD8k5pGVrWTmWyg6fe3vLQ"},
    {9, 1, 10, 3, "bafkreibykkqjalaeu4zzejzpedm2gepa7tsyq2z3wiqv5sb6lp25mmdqmq"},
    {10, 0, 10, 3, "QmV1YSP8bFugrtnFQEKjfrC1V65rFLCMAkPCRx8F2WP4zC"},
    {10, 1, 10, 3, "bafkreiay3jkal6m25wuatcoe33x2lev7bpfrbcffi255mol6futokprj7y"},
    {11, 0, 10, 3, "QmXqbYRAjhb16sq7JqeSqkoQMHgGBv6NKVeeDttdniEc7B"},
    {11, 1, 10, 3, "bafybeicij6znbq5rm4yc2n4c3ms4dyxpbus67rlnpe7tswoze2zwrtjp3e"},
    {89, 0, 10, 3, "Qmc3WQnvTgRf8uGaiCpH7eHQxYW5vPh4CEv5CMzdxyxKUE"},
    {89, 1, 10, 3, "bafybeickkzeil5sbbvjgoqgm3ootn7my62wytjfdpkf4xpsrsgu46o62da"},
    {90, 0, 10, 3, "QmY5AJYhmiGmD3uqoPHVoQxcDYszBWw7hBaxtQAVCvB448"},
    {90, 1, 10, 3, "bafybeickbdk5ixttjk6o2db7ukr4nkgug4n626fpphtov7gkhf3bpi2fee"},
    {91, 0, 10, 3, "QmV6MTV3MGB1MrFSTfF2evWdPoYZUxTtxPPMoDAYpnN9KE"},
    {91, 1, 10, 3, "bafybeigsn72zvlokphfejf5ok54ogpnqjzabe76n5k4cfxndfrnkthxyv4"},
    {100, 0, 10, 3, "QmY2hPrfqNc71p1J1fd52akVdQobfPiMnRp19yLKpqzhAz"},
    {100, 1, 10, 3, "bafybeifn2chyco6eycqhzr4gmhle3ro2qs46ersnysv3wsbuiaqzkizjya"},
    {900, 0, 10, 3, "QmbMUucC2HV1aiFr4ecTycgaanb6jmnRmDcDmVbZos7jzp"},
    {900, 1, 10, 3, "bafybeihe2326poj6nbofombtelsyuxyrr7j7rt3enbd6ow7xlbzem5zkra"},
    {901, 0, 10, 3, "QmUTTbtNUH9eS4dWn2UQswCBBmMXv5hB1WCoryETA3vy9g"},
    {901, 1, 10, 3, "bafybeia7wysam5pt6uxws2lj46vdlbdhbmboqwjdvpxm5wmeupvowvvesy"},
    {1000, 0, 10, 3, "Qmb72AK7sRdNhK3CH7HQ36f7TmGPriQdJFmQtrDkebkNJ9"},
    {1000, 1, 10, 3, "bafybeicv5gxp2qrkkw7npaiqfrl2x2z3tulh3v7dojeepnjul6ovpayt4a"},
    {1740, 1, 10, 174, "bafybeifqcqdojenuty43fp7m4exod67qclhvuhbr45rqzykqgrr27zjdje"},
    {1741, 1, 10, 174, "bafybeiepxnksta4udhiayfnljmprwb6fsrkgthhjkmireqthyappsbtoqq"},
};

static void test_unixfs_file_has_the_cid_that_kubo_gives(void **state)
{
    static const size_t steps[] = {1000000, 262144, 100003, 7};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
            struct unixfs_profile profile =
                files[i].version == 0 ? unixfs_profile_v0() : unixfs_profile_v1();
            struct unixfs_entry entry;

            if (steps[j] == 7 && files[i].size > 2000)
                continue;
            profile.chunk_size = files[i].chunk;
            profile.file_links = files[i].links;
            entry = build_file(&profile, files[i].size, steps[j], NULL);
            assert_cid(&entry, files[i].cid);
        }
}

static void test_unixfs_file_keeps_mode_and_mtime_in_the_root(void **state)
{
    struct unixfs_profile profile = unixfs_profile_v0();
    struct unixfs_stat full = {04751, true, 1700000000, 123456789}, past = {0, true, -5, 0};
    const struct {
        const struct unixfs_stat *stat;
        const char *cid;
    } rows[] = {{&full, "QmSwVWwb4qGFqMYFN7HyitovqTMSi1NSL9ipuqE8vhAQ9f"},
                {&past, "QmQ7SJtpn8LGDGhAc3YStWVncbSU1EHwP2puz1iG2FWbgL"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct count count = {0};
        struct unixfs_file *file = unixfs_file_create(&profile, count_block, &count);
        struct unixfs_entry entry;

        assert_true(unixfs_file_write(file, SLICE("hello"), NULL));
        assert_true(unixfs_file_finish(file, rows[i].stat, &entry, NULL));
        assert_cid(&entry, rows[i].cid);
        unixfs_file_destroy(&file);
    }
}

static struct unixfs_entry build_letters(const struct unixfs_profile *profile, size_t size)
{
    struct count count = {0};
    struct unixfs_file *file = unixfs_file_create(profile, count_block, &count);
    char letters[200];
    struct unixfs_entry entry;

    memset(letters, 'x', sizeof(letters));
    assert_true(unixfs_file_write(file, (struct slice){letters, size}, NULL));
    assert_true(unixfs_file_finish(file, NULL, &entry, NULL));
    unixfs_file_destroy(&file);
    return entry;
}

static void test_unixfs_small_blocks_are_their_own_cids_when_inlined(void **state)
{
    static const struct {
        int version;
        uint32_t limit;
        const char *small, *large, *directory;
    } rows[] = {
        {0, 32, "bafyaahakdieaeequpb4hq6dypb4hq6dypb4hq6dypb4hq6dydaka",
         "Qmb3ND2iZ23EXdCxs3QqAYH7qKPeifLjD3j2mpRAhs8yrH",
         "QmcdGs4CRYb4vvrZytb3WnY3Ge3a4xCeCvAKUB4a1UA5ax"},
        {1, 128, "bafkqafdypb4hq6dypb4hq6dypb4hq6dypb4hq6a",
         "bafkreifkedbd4mqbqnafaz46dwejig42n7wqkv6ju4c4wlbrlyxgh7kinu",
         "bafyaauysd4fbqakvaakhq6dypb4hq6dypb4hq6dypb4hq6dypb4bealbdakbelakeqavkeraviqmeprsagbua"
         "udhtyoyrfa3tjx62bkxzgtqlszmgfpc4y75jbwrealcddeaccqcbaaq"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct unixfs_profile profile =
            rows[i].version == 0 ? unixfs_profile_v0() : unixfs_profile_v1();
        struct unixfs_directory *directory;
        struct unixfs_entry small, large, entry;
        struct count count = {0};

        profile.inlines = true;
        profile.inline_limit = rows[i].limit;
        small = build_letters(&profile, 20);
        large = build_letters(&profile, 200);
        assert_cid(&small, rows[i].small);
        assert_cid(&large, rows[i].large);
        directory = unixfs_directory_create(&profile);
        assert_true(unixfs_directory_add(directory, SLICE("a"), &small, NULL));
        assert_true(unixfs_directory_add(directory, SLICE("b"), &large, NULL));
        assert_true(unixfs_directory_finish(directory, NULL, count_block, &count, &entry, NULL));
        assert_cid(&entry, rows[i].directory);
        unixfs_directory_destroy(&directory);
    }
}

static void test_unixfs_blocks_of_more_than_a_digest_cannot_be_inlined(void **state)
{
    struct unixfs_profile profile = unixfs_profile_v1();
    struct error err = {0};

    profile.inlines = true;
    profile.inline_limit = 129;
    assert_false(unixfs_profile_check(&profile, &err));
    assert_string_equal(err.text, "inline-limit 129 exceeds maximum allowed size of 128 bytes");
}

static void test_unixfs_file_may_be_flushed_at_any_moment(void **state)
{
    struct unixfs_profile profile = unixfs_profile_v0();
    struct unixfs_stat stat = {.mode = 0644};
    char *bytes = content(1741);

    profile.chunk_size = 10;
    for (size_t size = 0; size <= 1741; size += size < 40 ? 1 : 567) {
        struct unixfs_entry expected = build_file(&profile, size, 7, &stat), entry;
        struct count count = {0};
        struct unixfs_file *file = unixfs_file_create(&profile, count_block, &count);

        for (size_t i = 0; i < size; i += 5) {
            assert_true(unixfs_file_write(
                file, (struct slice){bytes + i, size - i < 5 ? size - i : 5}, NULL));
            assert_true(unixfs_file_flush(file, i + 5 < size, NULL));
        }
        assert_true(unixfs_file_finish(file, &stat, &entry, NULL));
        assert_true(cid_equal(&entry.cid, &expected.cid));
        unixfs_file_destroy(&file);
    }
    free(bytes);
}

static void test_unixfs_file_holds_a_bounded_number_of_chunks(void **state)
{
    struct unixfs_profile profile = unixfs_profile_v1();
    struct count count = {0};
    struct unixfs_file *file;
    char chunk[100] = {0};

    profile.chunk_size = sizeof(chunk);
    file = unixfs_file_create(&profile, count_block, &count);
    for (size_t i = 1; i <= 1000; i++) {
        assert_true(unixfs_file_write(file, (struct slice){chunk, sizeof(chunk)}, NULL));
        assert_true(count.blocks + 16 >= i);
    }
    unixfs_file_destroy(&file); /* in the middle */
}

static void test_unixfs_file_stops_when_told(void **state)
{
    struct unixfs_profile profile = unixfs_profile_v1();

    profile.chunk_size = 10;
    profile.file_links = 3;
    for (size_t stop = 1; stop < 20; stop++) {
        struct count count = {.stop_at = stop};
        struct unixfs_file *file = unixfs_file_create(&profile, count_block, &count);
        char *bytes = content(1000);
        struct unixfs_entry entry;
        struct error err = {0};

        assert_false(unixfs_file_write(file, (struct slice){bytes, 1000}, &err) &&
                     unixfs_file_finish(file, NULL, &entry, &err));
        assert_string_equal(err.text, "enough");
        unixfs_file_destroy(&file);
        free(bytes);
    }
}

/* Files named by format, each with its number as content. */
static struct unixfs_directory *numbered(const struct unixfs_profile *profile, const char *format,
                                         int count)
{
    struct unixfs_directory *directory = unixfs_directory_create(profile);

    for (int i = count; i-- > 0;) {
        struct count blocks = {0};
        struct unixfs_file *file = unixfs_file_create(profile, count_block, &blocks);
        struct text name = {0}, number = {0};
        struct unixfs_entry entry;

        text_put_format(&name, "%s%d", format, i);
        text_put_format(&number, "%d", i);
        assert_true(unixfs_file_write(file, text_slice(&number), NULL));
        assert_true(unixfs_file_finish(file, NULL, &entry, NULL));
        assert_true(unixfs_directory_add(directory, text_slice(&name), &entry, NULL));
        unixfs_file_destroy(&file);
        text_dispose(&name);
        text_dispose(&number);
    }
    return directory;
}

static const struct {
    int count, version;
    const char *name;
    uint32_t links, fanout;
    const char *cid;
} directories[] = {
    {0, 0, "x", 0, 256, "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"},
    {3, 0, "f", 0, 256, "QmZrUXQZ4BfnJespzhtvBXtFm2ydQs7ypEwGK4Y82rGygU"},
    {3, 1, "f", 0, 256, "bafybeiew7s3tfrzlicbgzhtmochwrlu45eqsingqgxneg5o5rurkgedhie"},
    {300, 0, "entry-", 8, 256, "Qmdrj3qbWFbmqaKRguLgvXfq937JzsV4iJ4ZR1y7JxtnJd"},
    {300, 1, "entry-", 8, 8, "bafybeigsmmc3y5cv66ovfdjgpt2opj2c446rau4hn2hrfqj35a2duuamey"},
    {50, 0, "n", 8, 1024, "QmYkro8jLgiXiicj4Qr1Ry3uyuv9GDSaP2HaraNBDThpug"},
};

static void test_unixfs_directory_has_the_cid_that_kubo_gives(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
        struct unixfs_profile profile =
            directories[i].version == 0 ? unixfs_profile_v0() : unixfs_profile_v1();
        struct unixfs_directory *directory;
        struct count count = {0};
        struct unixfs_entry entry;

        profile.directory_links = directories[i].links;
        profile.fanout = directories[i].fanout;
        directory = numbered(&profile, directories[i].name, directories[i].count);
        assert_true(unixfs_directory_finish(directory, NULL, count_block, &count, &entry, NULL));
        assert_cid(&entry, directories[i].cid);
        unixfs_directory_destroy(&directory);
    }
}

/* The first size that is sharded is one above the threshold. */
static void test_unixfs_directory_is_sharded_above_the_threshold(void **state)
{
    static const struct {
        enum unixfs_estimate estimate;
        uint64_t size; /* of the entry "name" with a CIDv1, in an empty directory */
    } rows[] = {{UNIXFS_BY_LINKS, 4 + 36}, {UNIXFS_BY_BLOCK, 4 + 2 + 38 + 6 + 2}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (int over = 0; over < 2; over++) {
            struct unixfs_profile profile = unixfs_profile_v1();
            struct unixfs_directory *directory = unixfs_directory_create(&profile);
            struct unixfs_entry entry = {.tsize = 1};
            struct count count = {0};

            unixfs_directory_destroy(&directory);
            profile.estimate = rows[i].estimate;
            profile.directory_bytes = rows[i].size - (unsigned)over;
            directory = unixfs_directory_create(&profile);
            hash_make_cid(&entry.cid, 1, CODEC_RAW, HASH_SHA2_256, SLICE("x"));
            assert_true(unixfs_directory_add(directory, SLICE("name"), &entry, NULL));
            assert_true(
                unixfs_directory_finish(directory, NULL, count_block, &count, &entry, NULL));
            if (over) /* fanout and bits, and a place before the name */
                assert_true(count.bytes > rows[1].size);
            else
                assert_int_equal(count.bytes, rows[1].size);
            unixfs_directory_destroy(&directory);
        }
}

/* Blocks by CID, for reading back what was built. */
static bool keep_block(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct cid put = dag_put(arg, cid->codec, HASH_SHA2_256, block);

    assert_true(cid_equal(&put, cid));
    return true;
}

/* Follows the places of a name's hash; the CID of the entry, or false. */
static bool look_up(struct dag *dag, struct cid cid, struct slice name, struct cid *found)
{
    for (unsigned level = 0;; level++) {
        struct slice block = {NULL, 0};
        struct dag_pb_reader reader;
        struct text wanted = {0};
        struct unixfs shard;
        bool is_there = false, is_entry = false;
        uint32_t place;

        assert_true(dag_get(&dag->source, &cid, &block, &is_there, NULL) && is_there);
        dag_pb_read(&reader, block.data, block.size);
        while (dag_pb_next(&reader, NULL) != DAG_PB_DATA)
            ;
        assert_true(unixfs_read(&shard, reader.data, NULL) && unixfs_check_shard(&shard, NULL));
        place = unixfs_shard_place(shard.fanout, murmur3_64(name), level);
        if (!unixfs_shard_has(&shard, place))
            return false;
        text_put_format(&wanted, "%0*X", (int)unixfs_shard_prefix_size(shard.fanout), place);
        dag_pb_read(&reader, block.data, block.size);
        is_there = false;
        while (!is_there && dag_pb_next(&reader, NULL) == DAG_PB_LINK)
            is_there = slice_starts(reader.link.name, wanted.data);
        assert_true(is_there);
        cid = reader.link.cid;
        is_entry = reader.link.name.size > wanted.size;
        if (is_entry) {
            *found = cid;
            is_there = slice_equal((struct slice){reader.link.name.data + wanted.size,
                                                  reader.link.name.size - wanted.size},
                                   name);
        }
        text_dispose(&wanted);
        if (is_entry)
            return is_there;
    }
}

static void test_unixfs_directory_finds_names_by_their_hash(void **state)
{
    static const uint32_t fanouts[] = {8, 16, 64, 256, 1024};

    for (size_t i = 0; i < ARRAY_SIZE(fanouts); i++) {
        struct unixfs_profile profile = unixfs_profile_v1();
        struct unixfs_directory *directory;
        struct unixfs_entry root;
        struct dag dag = {0};

        profile.directory_links = 1;
        profile.fanout = fanouts[i];
        directory = numbered(&profile, "name-", 300);
        assert_true(unixfs_directory_finish(directory, NULL, keep_block, &dag, &root, NULL));
        for (int number = 0; number < 400; number++) {
            struct cid found = {0}, expected;
            char name[32], content[32];

            snprintf(name, sizeof(name), "name-%d", number);
            snprintf(content, sizeof(content), "%d", number);
            hash_make_cid(&expected, 1, CODEC_RAW, HASH_SHA2_256, slice_of(content));
            assert_int_equal(look_up(&dag, root.cid, slice_of(name), &found), number < 300);
            assert_true(number >= 300 || cid_equal(&found, &expected));
        }
        unixfs_directory_destroy(&directory);
        dag_dispose(&dag);
    }
}

static void test_unixfs_directory_refuses_names(void **state)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "a\0b"};
    struct unixfs_profile profile = unixfs_profile_v0();
    struct unixfs_directory *directory = unixfs_directory_create(&profile);
    struct unixfs_entry entry = {0};
    struct count count = {0};
    struct error err = {0};

    hash_make_cid(&entry.cid, 0, CODEC_DAG_PB, HASH_SHA2_256, SLICE("x"));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(unixfs_directory_add(
            directory, (struct slice){bad[i], i == 5 ? 3 : strlen(bad[i])}, &entry, NULL));
    assert_true(unixfs_directory_add(directory, SLICE("twice"), &entry, NULL));
    assert_true(unixfs_directory_add(directory, SLICE("other"), &entry, NULL));
    assert_true(unixfs_directory_add(directory, SLICE("twice"), &entry, NULL));
    assert_false(unixfs_directory_finish(directory, NULL, count_block, &count, &entry, &err));
    assert_non_null(strstr(err.text, "'twice' twice"));
    unixfs_directory_destroy(&directory);
}

static void test_unixfs_profile_refuses_what_no_dag_has(void **state)
{
    struct unixfs_profile good = unixfs_profile_v0(), rows[8];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        rows[i] = good;
    rows[0].chunk_size = 0;
    rows[1].chunk_size = UNIXFS_CHUNK_MAX + 1;
    rows[2].file_links = 1;
    rows[3].fanout = 24;
    rows[4].hash = HASH_BLAKE2B_256; /* in a CIDv0 */
    rows[5].cid_version = 2;
    rows[6].cid_version = 1;
    rows[6].hash = HASH_IDENTITY;
    rows[7].cid_version = 1;
    rows[7].hash = 0x1e;
    assert_true(unixfs_profile_check(&good, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_false(unixfs_profile_check(&rows[i], NULL));
}

static void test_unixfs_chunker_is_read_or_refused_by_name(void **state)
{
    static const struct {
        const char *text, *refusal;
        size_t size; /* 0: refused */
    } rows[] = {
        {"", NULL, 262144},
        {"default", NULL, 262144},
        {"size-1", NULL, 1},
        {"size-1048576", NULL, 1048576},
        {"size-2096896", NULL, 2096896},
        {"size-2096897", "1 to 2096896", 0},
        {"size-0", "1 to", 0},
        {"size-", "size-N", 0},
        {"size--1", "size-N", 0},
        {"size-1k", "size-N", 0},
        {"size", "size-N", 0},
        {"rabin-1-2-3", "'rabin-1-2-3' is not supported", 0},
        {"buzhash", "'buzhash' is not supported", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        size_t size = 0;

        assert_int_equal(unixfs_parse_chunker(slice_of(rows[i].text), &size, &err),
                         rows[i].size != 0);
        assert_int_equal(size, rows[i].size);
        if (rows[i].refusal != NULL && strstr(err.text, rows[i].refusal) == NULL)
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unixfs_file_has_the_cid_that_kubo_gives),
        cmocka_unit_test(test_unixfs_file_keeps_mode_and_mtime_in_the_root),
        cmocka_unit_test(test_unixfs_small_blocks_are_their_own_cids_when_inlined),
        cmocka_unit_test(test_unixfs_blocks_of_more_than_a_digest_cannot_be_inlined),
        cmocka_unit_test(test_unixfs_file_may_be_flushed_at_any_moment),
        cmocka_unit_test(test_unixfs_file_holds_a_bounded_number_of_chunks),
        cmocka_unit_test(test_unixfs_file_stops_when_told),
        cmocka_unit_test(test_unixfs_directory_has_the_cid_that_kubo_gives),
        cmocka_unit_test(test_unixfs_directory_is_sharded_above_the_threshold),
        cmocka_unit_test(test_unixfs_directory_finds_names_by_their_hash),
        cmocka_unit_test(test_unixfs_directory_refuses_names),
        cmocka_unit_test(test_unixfs_profile_refuses_what_no_dag_has),
        cmocka_unit_test(test_unixfs_chunker_is_read_or_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
