// SPDX-License-Identifier: Apache-2.0
#include "ipfs/unixfs.h"

#include "ipfs/murmur3.h"
#include "tests/unit/ipfs/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* "TYPE data=.. size=.. blocks=[..] hash=.. fanout=.. mode=.. mtime=..", or "! why" */
static struct text described(const char *hex)
{
    static const char *const types[] = {"raw", "directory", "file", "metadata", "symlink", "hamt"};
    struct text message = bytes_from_hex(hex), out = {0};
    struct unixfs_sizes sizes;
    struct error err = {0};
    struct unixfs node;
    uint64_t size;
    uint32_t count = 0;

    if (!unixfs_read(&node, text_slice(&message), &err)) {
        text_put_format(&out, "! %s", err.text);
        text_dispose(&message);
        return out;
    }
    text_put_text(&out, types[node.type]);
    if (node.has_data)
        text_put_format(&out, " data=%.*s", SLICE_ARGS(node.data));
    if (node.has_file_size)
        text_put_format(&out, " size=%llu", (unsigned long long)node.file_size);
    unixfs_sizes_begin(&sizes, &node);
    for (; unixfs_next_size(&sizes, &size); count++)
        text_put_format(&out, " block=%llu", (unsigned long long)size);
    assert_int_equal(count, node.block_count);
    if (node.hash != 0 || node.fanout != 0)
        text_put_format(&out, " hash=%d fanout=%d", (int)node.hash, (int)node.fanout);
    if (node.stat.mode != 0)
        text_put_format(&out, " mode=%o", node.stat.mode);
    if (node.stat.has_mtime)
        text_put_format(&out, " mtime=%lld.%u", (long long)node.stat.mtime_s, node.stat.mtime_ns);
    text_dispose(&message);
    return out;
}

static const struct {
    const char *hex, *described;
    bool canonical;
} rows[] = {
    {"0801", "directory", true},
    {"08021800", "file size=0", true},
    {"0802120568656c6c6f1805", "file data=hello size=5", true},
    {"0804120161", "symlink data=a", true},
    {"08041200", "symlink data=", true},
    {"0802180a20062004", "file size=10 block=6 block=4", true},
    {"0802180a2203060401", "file size=10 block=6 block=4 block=1", false}, /* packed */
    {"0802180a2006220204012003", "file size=10 block=6 block=4 block=1 block=3", false},
    {"0805 120103 2822 308002", "hamt data=\x03 hash=34 fanout=256", true},
    {"080138ed03", "directory mode=755", true},
    {"0801 388080808010", "directory", false}, /* more than 32 bits: the low ones count */
    {"0801420208 01", "directory mtime=1.0", true},
    {"0801420708011501000000", "directory mtime=1.1", true},
    {"0801420d08fbffffffffffffffff0115", "! UnixFS: byte 3: 13 bytes are announced", false},
    {"0801420b08fbffffffffffffffff01", "directory mtime=-5.0", true},
    {"08014205 1501000000", "directory", false},      /* no seconds: no time */
    {"08014207 0801 1500ca9a3b", "directory", false}, /* 1,000,000,000 ns: no time */
    {"18050802", "file size=5", false},               /* any order */
    {"0802180518061807", "file size=7", false},       /* the last counts */
    {"0802080118 00", "directory size=0", false},
    {"0801 4a0161 500a 5d01020304 61 0102030405060708", "directory", false}, /* unknown fields */
    {"0801 1001", "directory", false},    /* Data as a number: unknown */
    {"8801 00 0801", "directory", false}, /* field 17 */
    {"", "! UnixFS: the type is missing", false},
    {"1805", "! UnixFS: the type is missing", false},
    {"0806", "! UnixFS: byte 1: there is no type 6", false},
    {"08", "! UnixFS: byte 1: the number is cut off", false},
    {"08021205", "! UnixFS: byte 3: 5 bytes are announced, 0 are there", false},
    {"0801 13", "! UnixFS: byte 2: the wire type is none of", false},
    {"0801 00", "! UnixFS: byte 2: the field number", false},
    {"0801 420108", "! UnixFS: mtime: byte 1: the number is cut off", false},
    {"0802 2202 0180", "! UnixFS: block sizes: byte 1: the number is cut off", false},
    {"0801 5d010203", "! UnixFS: byte 3: the 32-bit number is cut off", false},
};

static void test_unixfs_reads_messages_as_protocol_buffers_are_read(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = described(rows[i].hex);

        if (strncmp(out.data, rows[i].described, strlen(rows[i].described)) != 0 ||
            (out.data[0] != '!' && out.size != strlen(rows[i].described)))
            fail_msg("%s: %s", rows[i].hex, out.data);
        text_dispose(&out);
    }
}

static void test_unixfs_writes_canonical_messages(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text message = bytes_from_hex(rows[i].hex), out = {0};
        struct unixfs_sizes iterator;
        struct unixfs node;
        uint64_t sizes[8];
        size_t count = 0;

        if (rows[i].canonical) {
            assert_true(unixfs_read(&node, text_slice(&message), NULL));
            unixfs_sizes_begin(&iterator, &node);
            while (count < ARRAY_SIZE(sizes) && unixfs_next_size(&iterator, &sizes[count]))
                count++;
            unixfs_put(&out, &node, sizes, count);
            if (!slice_equal(text_slice(&out), text_slice(&message)))
                fail_msg("%s", rows[i].hex);
        }
        text_dispose(&message);
        text_dispose(&out);
    }
}

static void test_unixfs_checks_shards(void **state)
{
    static const struct {
        struct unixfs node;
        const char *refusal;
    } shards[] = {
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 256}, NULL},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 8, .data = {"\x01", 1}}, NULL},
        {{.type = UNIXFS_DIRECTORY, .hash = 0x22, .fanout = 256}, "not a shard"},
        {{.type = UNIXFS_HAMT, .hash = 0x23, .fanout = 256}, "hash 0x23"},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 0}, "fanout of 0"},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 4}, "fanout of 4"},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 100}, "fanout of 100"},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 2048}, "fanout of 2048"},
        {{.type = UNIXFS_HAMT, .hash = 0x22, .fanout = 8, .data = {"\x01\x01", 2}}, "more bits"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(shards); i++) {
        struct error err = {0};

        assert_int_equal(unixfs_check_shard(&shards[i].node, &err), shards[i].refusal == NULL);
        if (shards[i].refusal != NULL && strstr(err.text, shards[i].refusal) == NULL)
            fail_msg("%zu: %s", i, err.text);
    }
}

/* From the Go package spaolacci/murmur3, which Kubo uses. */
static void test_murmur3_hashes_as_published(void **state)
{
    static const struct {
        const char *text;
        uint64_t hash;
    } hashes[] = {
        {"", 0x0000000000000000},
        {"a", 0x85555565f6597889},
        {"hello", 0xcbd8a7b341bd9b02},
        {"0123456789abcdef", 0x4be06d94cf4ad1a7},
        {"0123456789abcdefg", 0x8e32612daa45f9de},
        {"The quick brown fox jumps over the lazy dog", 0xe34bbc7bbc071b6c},
    };

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        assert_true(murmur3_64(slice_of(hashes[i].text)) == hashes[i].hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unixfs_reads_messages_as_protocol_buffers_are_read),
        cmocka_unit_test(test_unixfs_writes_canonical_messages),
        cmocka_unit_test(test_unixfs_checks_shards),
        cmocka_unit_test(test_murmur3_hashes_as_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
