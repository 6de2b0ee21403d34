// SPDX-License-Identifier: Apache-2.0
/* Directories are compared with those that are built at once (test_unixfs_build compares these with
 * Kubo); the CIDs of files were given by `ipfs files write` of Kubo 0.43.1. */
#include "ipfs/unixfs_edit.h"

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "tests/unit/ipfs/edit_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = kit_create();
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;

    kit_destroy(&kit);
    return 0;
}

static void assert_cid(const struct cid *cid, const char *expected)
{
    struct text name = {0};

    cid_print(cid, CID_BASE_DEFAULT, &name);
    assert_string_equal(name.data, expected);
    text_dispose(&name);
}

/* ---- directories */

struct tree {
    struct kit *kit;
    struct cid cid;
    int64_t growth;
};

static struct unixfs_entry entry_of(unsigned number)
{
    struct unixfs_entry entry = {.tsize = number};

    hash_make_cid(&entry.cid, 0, CODEC_DAG_PB, HASH_SHA2_256,
                  (struct slice){(const char *)&number, sizeof(number)});
    return entry;
}

/* number: which name, and which entry under it. */
static void name_of(char name[512], unsigned number)
{
    snprintf(name, 512, "%0*u", (int)(number % 400) + 1, number);
}

static bool set(struct tree *tree, unsigned number, bool removes, struct error *err)
{
    struct unixfs_store store = kit_store(tree->kit);
    struct unixfs_entry entry = entry_of(number), result;
    char name[512];

    name_of(name, number);
    if (!unixfs_directory_set(&store, &tree->cid, slice_of(name), removes ? NULL : &entry,
                              &tree->growth, &result, err))
        return false;
    tree->cid = result.cid;
    return true;
}

/* What a directory of the numbers that are there would be, built at once. */
static struct cid built(const bool *is_there, unsigned count, bool is_sharded, int version)
{
    struct unixfs_profile profile = unixfs_profile_v0();
    struct kit *kit = kit_create();
    struct unixfs_directory *directory;
    struct unixfs_entry entry;

    profile.cid_version = version;
    profile.directory_bytes = is_sharded ? 0 : UINT64_MAX;
    directory = unixfs_directory_create(&profile);
    for (unsigned i = 0; i < count; i++) {
        char name[512];

        name_of(name, i);
        entry = entry_of(i);
        if (is_there[i])
            assert_true(unixfs_directory_add(directory, slice_of(name), &entry, NULL));
    }
    assert_true(unixfs_directory_finish(directory, NULL, kit_store(kit).put, kit, &entry, NULL));
    unixfs_directory_destroy(&directory);
    kit_destroy(&kit);
    return entry.cid;
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void assert_built(const struct tree *tree, const bool *is_there, unsigned count,
                         bool is_sharded, int version)
{
    struct cid expected = built(is_there, count, is_sharded, version);

    assert_true(cid_equal(&tree->cid, &expected));
}

static void test_plain_directory_is_the_same_whatever_came_and_went(void **state)
{
    for (int version = 0; version < 2; version++) {
        struct tree tree = {*state, kit_empty_directory(*state, version, HASH_SHA2_256), 0};
        bool is_there[60] = {false};
        uint64_t random = 1 + (uint64_t)version;

        for (unsigned i = 0; i < 600; i++) {
            unsigned number = (unsigned)(random_next(&random) % ARRAY_SIZE(is_there));
            bool removes = random_next(&random) % 2 == 0;
            struct error err = {0};

            assert_int_equal(set(&tree, number, removes, &err), !removes || is_there[number]);
            assert_int_equal(err.code, removes && !is_there[number] ? ERROR_NOT_FOUND : 0);
            is_there[number] = !removes;
            assert_built(&tree, is_there, ARRAY_SIZE(is_there), false, version);
        }
    }
}

static void test_sharded_directory_is_the_same_whatever_came_and_went(void **state)
{
    static bool is_there[3000];
    struct tree tree = {*state, kit_empty_directory(*state, 0, HASH_SHA2_256), 0};
    uint64_t random = 3;
    unsigned count = 0;

    memset(is_there, 0, sizeof(is_there));
    for (; count < 2000; count++) { /* more than 256 KiB of names and CIDs */
        assert_true(set(&tree, count, false, NULL));
        is_there[count] = true;
    }
    assert_built(&tree, is_there, count, true, 0);
    for (unsigned i = 0; i < 700; i++) {
        unsigned number = (unsigned)(random_next(&random) % ARRAY_SIZE(is_there));

        assert_int_equal(set(&tree, number, is_there[number], NULL), true);
        is_there[number] = !is_there[number];
    }
    assert_built(&tree, is_there, ARRAY_SIZE(is_there), true, 0);
}

static void test_directory_is_sharded_when_it_is_large_and_plain_when_it_is_small(void **state)
{
    static bool is_there[2000];
    struct tree tree = {*state, kit_empty_directory(*state, 1, HASH_SHA2_256), 0};
    unsigned count = 0;
    uint64_t size = 0;
    char name[512];

    memset(is_there, 0, sizeof(is_there));
    for (;; count++) {
        name_of(name, count);
        if (size + strlen(name) + 34 > UNIXFS_DIRECTORY_MAX)
            break;
        size += strlen(name) + 34;
        assert_true(set(&tree, count, false, NULL));
        is_there[count] = true;
    }
    assert_built(&tree, is_there, count, false, 1);
    assert_true(set(&tree, count, false, NULL));
    is_there[count] = true;
    assert_built(&tree, is_there, count + 1, true, 1);
    assert_true(tree.growth > 0);

    /* what has grown is not looked at; forgotten, it is */
    assert_true(set(&tree, 0, true, NULL));
    is_there[0] = false;
    tree.growth = 0;
    assert_true(set(&tree, 100, true, NULL));
    is_there[100] = false;
    assert_true(set(&tree, 200, true, NULL));
    is_there[200] = false;
    assert_built(&tree, is_there, count + 1, false, 1);
}

static void test_edits_of_directories_say_what_is_missing(void **state)
{
    struct tree tree = {*state, kit_empty_directory(*state, 0, HASH_SHA2_256), 0};
    struct error err = {0};

    assert_false(set(&tree, 1, true, &err));
    assert_string_equal(err.text, "file does not exist");
    tree.cid = kit_empty_file(*state, 0, HASH_SHA2_256);
    err = (struct error){0};
    assert_false(set(&tree, 1, false, &err));
    assert_string_equal(err.text, "merkledag node was not a directory or shard");
    tree.cid = entry_of(7).cid;
    err = (struct error){0};
    assert_false(set(&tree, 1, false, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_shard_whose_bits_lie_is_refused(void **state)
{
    static const char message[] =
        "\x08\x05\x12\x01\x03\x28\x22\x30\x80\x02"; /* two bits, no link */
    struct tree tree = {
        *state,
        kit_put_message(*state, 0, HASH_SHA2_256, (struct slice){message, sizeof(message) - 1}), 0};

    for (unsigned i = 0; i < 2000; i++) {
        struct error err = {0};
        struct cid before = tree.cid;

        if (!set(&tree, i, false, &err))
            assert_int_equal(err.code, ERROR_SYNTAX);
        tree.cid = before;
    }
}

/* ---- files */

enum { CHUNK = 256 << 10 };

static char *content(size_t size)
{
    char *bytes = memory_alloc(size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i * 7) ^ (i >> 8) * 13 ^ (i >> 16));
    return bytes;
}

static void skip_to(struct unixfs_edit *edit, uint64_t offset)
{
    static const char zeros[4096];

    while (unixfs_edit_size(edit) < offset) {
        uint64_t gap = offset - unixfs_edit_size(edit);

        assert_true(unixfs_edit_append(
            edit, (struct slice){zeros, gap < sizeof(zeros) ? (size_t)gap : sizeof(zeros)}, NULL));
    }
    assert_true(unixfs_edit_flush(edit, NULL));
}

/* As files/write does. */
static struct unixfs_entry write_at(struct kit *kit, const struct cid *file, bool raw,
                                    bool truncates, uint64_t offset, size_t size)
{
    struct unixfs_store store = kit_store(kit);
    struct unixfs_stat now = {.has_mtime = true};
    struct unixfs_edit *edit;
    struct unixfs_entry result;
    char *bytes = content(size);
    size_t over, at;

    assert_true(unixfs_edit_open(&edit, &store, file, raw, &now, NULL));
    if (truncates)
        assert_true(unixfs_edit_truncate(edit, NULL));
    skip_to(edit, offset);
    over = (size_t)(unixfs_edit_size(edit) - offset);
    over = over < size ? over : size;
    assert_true(unixfs_edit_overwrite(edit, offset, (struct slice){bytes, over}, NULL));
    for (at = over; at < size; at += CHUNK)
        assert_true(unixfs_edit_append(
            edit, (struct slice){bytes + at, size - at < CHUNK ? size - at : CHUNK}, NULL));
    assert_true(unixfs_edit_finish(edit, &result, NULL));
    assert_int_equal(result.file_size, unixfs_edit_size(edit));
    unixfs_edit_destroy(&edit);
    free(bytes);
    return result;
}

static const struct {
    int version;
    uint64_t hash;
    bool raw;
    bool truncates; /* behind the first write */
    struct {
        uint32_t offset, size;
    } writes[4];
    uint64_t tsize;
    const char *cid;
} files[] = {
    {0,
     HASH_SHA2_256,
     false,
     false,
     {{0, 5}},
     63,
     "QmTq3b5oZjJ5zK52PpNg5MEuzeqBYMKaU82c1uUkgXEdin"},
    {1,
     HASH_SHA2_256,
     true,
     false,
     {{0, 5}},
     5,
     "bafkreibgvdglonyr2jmmemhmimq5r5usftifdmvyapadbngpatpaimezwy"},
    {0,
     HASH_SHA2_256,
     false,
     false,
     {{0, 1000}, {500, 1000}, {1500, 300000}},
     301746,
     "QmVuBJg8hdpDpTvcs8Po4BwefX39Zp2h5SfZWxpQUHKUdP"},
    {1,
     HASH_SHA2_256,
     true,
     false,
     {{0, 1000}, {500, 1000}, {1500, 300000}},
     301704,
     "bafybeictuqrtoua7ipnhgymfm2bpu2jpen3ygndgvswepznkzyhkftrxb4"},
    {1,
     HASH_SHA2_256,
     false,
     false,
     {{0, 600000}, {262140, 10}},
     600200,
     "bafybeid3swit3u55sbhiccasvzdwbpuvamjybfkfxyzcap5aey46znwzvq"},
    {0,
     HASH_SHA2_256,
     false,
     false,
     {{100000, 10}},
     101495,
     "QmSEMymkaDDTYQESGDWXBSXt2LHL5AsCDshfeUz5sqwhQi"},
    {1,
     HASH_SHA2_256,
     true,
     false,
     {{0, 3}, {100000, 10}},
     101310,
     "bafybeicyee7j7yeotvzfh43fmpusfbjmtyaa42gw5vffsm5l7pt7st25xm"},
    {0,
     HASH_SHA2_256,
     false,
     false,
     {{0, 1}, {4000000, 1}, {4000001, 5}},
     4056149,
     "QmNin9Y49uw3AkfcyskpuHVp5Qhh5rZKRVBnwiLSWsNQvy"},
    {1,
     HASH_SHA2_256,
     true,
     false,
     {{0, 1}, {1000000, 1}, {2500000, 300000}, {2000000, 700000}},
     2829755,
     "bafybeibvahtxhwfwnrxggkj4v3lxcbqoanjxigjyo347ydvdnn65adhvj4"},
    {0,
     HASH_SHA2_256,
     false,
     true,
     {{0, 300000}},
     58,
     "QmXLQEtfBaKn3XvkJTKnRHsLWzuodStH7g6A7iX7iw5gog"},
    {0,
     HASH_SHA2_256,
     false,
     true,
     {{0, 300000}, {0, 10}},
     120,
     "QmeNt1bLx4GCjUyp7WR2yrn1fghF6L93UF47kXfgGS9CAm"},
    {1,
     HASH_SHA2_256,
     true,
     true,
     {{0, 300000}, {0, 10}},
     108,
     "bafybeigimv5ljs23wuwt6npz5kde6bkssahxbkaregmpmbg2dcesvoq4ji"},
    {1,
     HASH_SHA2_256,
     true,
     true,
     {{0, 5}},
     0,
     "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
    {1,
     HASH_BLAKE2B_256,
     true,
     false,
     {{0, 2097152}, {2097152, 100}},
     2097725,
     "bafykbzacebg5e6lucbpmdb7xhjrzw5s5gljvvlewh5dvdin3zzketac5sg4ie"},
};

static void test_written_files_have_kubos_cids(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct unixfs_entry entry = {.cid =
                                         kit_empty_file(*state, files[i].version, files[i].hash)};

        for (size_t j = 0; j < 4; j++) {
            bool truncates = files[i].truncates && j == 1;
            uint32_t size = files[i].writes[j].size;

            if (size > 0 || truncates)
                entry = write_at(*state, &entry.cid, files[i].raw, truncates,
                                 files[i].writes[j].offset, size);
        }
        assert_cid(&entry.cid, files[i].cid);
        assert_int_equal(entry.tsize, files[i].tsize);
    }
}

static void test_file_of_many_appends_has_kubos_cid(void **state)
{
    struct unixfs_entry entry = {.cid = kit_empty_file(*state, 1, HASH_SHA2_256)};

    for (unsigned i = 0; i < 400; i++)
        entry = write_at(*state, &entry.cid, true, false, i * 10, 10);
    assert_cid(&entry.cid, "bafybeidnhz7r3p3xmi2uqfaxatkhh2qq2rwk4voo4pzzrcvvi74ixh3cey");
    assert_int_equal(entry.tsize, 22519);
}

/* A node that has bytes of its own before its children: what Kubo makes of an added file. */
static void test_bytes_of_a_node_with_children_are_kept(void **state)
{
    struct unixfs_store store = kit_store(*state);
    static const char message[] = "\x08\x02\x12\x05hello\x18\x05";
    struct unixfs_entry entry = {.cid =
                                     kit_put_message(*state, 1, HASH_SHA2_256,
                                                     (struct slice){message, sizeof(message) - 1})};
    enum unixfs_type type;
    struct unixfs_stat now = {0};
    struct unixfs_edit *edit;
    struct slice block;

    entry = write_at(*state, &entry.cid, true, false, 5, 3); /* and is not taken for its child */
    assert_int_equal(entry.cid.codec, CODEC_DAG_PB);
    assert_int_equal(entry.file_size, 8);
    assert_true(unixfs_edit_open(&edit, &store, &entry.cid, true, &now, NULL));
    assert_true(unixfs_edit_overwrite(edit, 4, SLICE("XYZ"), NULL));
    assert_true(unixfs_edit_finish(edit, &entry, NULL));
    unixfs_edit_destroy(&edit);
    assert_true(store.get(store.arg, &entry.cid, &block, NULL));
    assert_non_null(memmem(block.data, block.size, "hellX", 5));

    assert_true(unixfs_edit_open(&edit, &store, &entry.cid, true, &now, NULL));
    assert_true(unixfs_edit_truncate(edit, NULL));
    assert_true(unixfs_edit_finish(edit, &entry, NULL));
    unixfs_edit_destroy(&edit);
    assert_true(unixfs_look(&store, &entry.cid, &type, &entry, NULL));
    assert_int_equal(entry.file_size, 0);
}

static void test_edits_of_files_fail_when_a_block_is_missing(void **state)
{
    struct unixfs_store store = kit_store(*state);
    struct unixfs_entry entry = {.cid = kit_empty_file(*state, 1, HASH_SHA2_256)};
    struct unixfs_stat now = {0};
    struct unixfs_edit *edit;
    struct error err = {0};
    struct cid leaf;
    char *bytes = content(CHUNK);

    entry = write_at(*state, &entry.cid, true, false, 0, 600000);
    hash_make_cid(&leaf, 1, CODEC_RAW, HASH_SHA2_256, (struct slice){bytes, CHUNK});
    kit_lose(*state, &leaf);
    free(bytes);
    assert_true(unixfs_edit_open(&edit, &store, &entry.cid, true, &now, NULL));
    assert_false(unixfs_edit_overwrite(edit, 10, SLICE("x"), &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    unixfs_edit_destroy(&edit);
}

static void test_symlinks_and_directories_are_no_files(void **state)
{
    struct unixfs_store store = kit_store(*state);
    struct unixfs_stat now = {0};
    struct unixfs_edit *edit;
    struct error err = {0};
    struct cid cid = kit_put_message(*state, 0, HASH_SHA2_256, SLICE("\x08\x04\x12\x01/"));

    assert_false(unixfs_edit_open(&edit, &store, &cid, false, &now, &err));
    assert_string_equal(err.text, "symlinks not yet supported");
    assert_null(edit);
    err = (struct error){0};
    cid = kit_empty_directory(*state, 0, HASH_SHA2_256);
    assert_false(unixfs_edit_open(&edit, &store, &cid, false, &now, &err));
    assert_string_equal(err.text, "unsupported fsnode type for 'file'");
}

static void test_mode_and_time_are_kept_by_a_node(void **state)
{
    struct unixfs_store store = kit_store(*state);
    struct unixfs_entry entry = {.cid = kit_empty_directory(*state, 0, HASH_SHA2_256)};
    struct unixfs_stat mode = {.mode = 0755}, time = {.mode = UINT32_MAX, .has_mtime = true};

    time.mtime_s = 123;
    time.mtime_ns = 5;
    assert_true(unixfs_set_stat(&store, &entry.cid, &mode, &entry, NULL));
    assert_cid(&entry.cid, "QmRviohgafvCsbkiTgfQFipbuXJ6k1YtoiaQW4quttJPKu"); /* Kubo's */
    assert_true(unixfs_set_stat(&store, &entry.cid, &time, &entry, NULL));
    assert_cid(&entry.cid, "QmbpkpMK55SjmzCM3SutabSNZ9vCGsMpEQLznucffLo83F");
    assert_true(unixfs_set_format(&store, &entry.cid, 1, HASH_SHA2_256, &entry, NULL));
    assert_int_equal(entry.cid.version, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_plain_directory_is_the_same_whatever_came_and_went),
        TEST(test_sharded_directory_is_the_same_whatever_came_and_went),
        TEST(test_directory_is_sharded_when_it_is_large_and_plain_when_it_is_small),
        TEST(test_edits_of_directories_say_what_is_missing),
        TEST(test_shard_whose_bits_lie_is_refused),
        TEST(test_written_files_have_kubos_cids),
        TEST(test_file_of_many_appends_has_kubos_cid),
        TEST(test_bytes_of_a_node_with_children_are_kept),
        TEST(test_edits_of_files_fail_when_a_block_is_missing),
        TEST(test_symlinks_and_directories_are_no_files),
        TEST(test_mode_and_time_are_kept_by_a_node),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
