// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_pb.h"

#include "tests/unit/ipfs/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* CIDv1 raw, identity, of 00 01 02 03 04: short enough to read in a table. */
#define CID  "01550005 0001020304"
#define HASH "0a09" CID /* the field, 11 bytes */

/* Prints what the reader says: "L(cid,name,tsize) D(bytes) end" or "! text". */
static struct text described(const char *hex)
{
    struct text block = bytes_from_hex(hex), out = {0};
    struct dag_pb_reader reader;
    struct error err = {0};
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, &err)) == DAG_PB_LINK || part == DAG_PB_DATA) {
        if (part == DAG_PB_DATA) {
            text_put_format(&out, "D(%.*s) ", SLICE_ARGS(reader.data));
            continue;
        }
        text_put_text(&out, "L(");
        cid_print(&reader.link.cid, CID_BASE_16, &out);
        if (reader.link.has_name)
            text_put_format(&out, " n=%.*s", SLICE_ARGS(reader.link.name));
        if (reader.link.has_tsize)
            text_put_format(&out, " t=%llu", (unsigned long long)reader.link.tsize);
        text_put_text(&out, ") ");
    }
    if (part == DAG_PB_END)
        text_put_text(&out, "end");
    else
        text_put_format(&out, "! %s", err.text);
    text_dispose(&block);
    return out;
}

static const struct {
    const char *hex, *described;
} good[] = {
    {"", "end"},
    {"0a00", "D() end"},
    {"0a0568656c6c6f", "D(hello) end"},
    {"120b" HASH, "L(f015500050001020304) end"},
    {"120d" HASH "1200", "L(f015500050001020304 n=) end"},
    {"120d" HASH "1800", "L(f015500050001020304 t=0) end"},
    {"1212" HASH "1202 6162 18ac02", "L(f015500050001020304 n=ab t=300) end"},
    {"120d" HASH "1801 0a0178", "L(f015500050001020304 t=1) D(x) end"},
    {"0a0178 120d" HASH "1801", "D(x) L(f015500050001020304 t=1) end"},
    {"120b" HASH "120e" HASH "120161", "L(f015500050001020304) L(f015500050001020304 n=a) end"},
    {"1216" HASH "18ffffffffffffffffff01", "L(f015500050001020304 t=18446744073709551615) end"},
};

static void test_dag_pb_reads_what_the_specification_allows(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct text out = described(good[i].hex);

        if (strncmp(out.data, good[i].described, strlen(good[i].described)) != 0)
            fail_msg("%s: %s", good[i].hex, out.data);
        text_dispose(&out);
    }
}

static const struct {
    const char *hex, *refusal;
} bad[] = {
    {"0a", "dag-pb: byte 1: the number is cut off"},
    {"0a02 78", "dag-pb: byte 1: 2 bytes are announced, 1 are there"},
    {"0a8100 78", "dag-pb: byte 1: the number is not in its shortest form"},
    {"8a00 00", "dag-pb: byte 0: the number is not in its shortest form"},
    {"0affffffffffffffffff02", "dag-pb: byte 1: the number is larger than 64 bits"},
    {"0a0178 0a0179", "dag-pb: byte 3: there are two Data fields"},
    {"120b" HASH "0a00 120b" HASH, "dag-pb: byte 15: links stand on both sides of the data"},
    {"0801", "dag-pb: byte 0: field 1 with wire type 0 is neither Data nor Links"},
    {"1a00", "dag-pb: byte 0: field 3 with wire type 2 is neither Data nor Links"},
    {"0200", "dag-pb: byte 0: the field number is out of range"},
    {"0b", "dag-pb: byte 0: the wire type is none of 0, 1, 2 and 5"},
    {"1200", "dag-pb: byte 2: a link is empty: it must have a Hash"},
    {"1203 120161", "dag-pb: byte 2: a link does not begin with its Hash"},
    {"1202 1801", "dag-pb: byte 2: a link does not begin with its Hash"},
    {"1216" HASH HASH, "dag-pb: byte 13: a link's field is there twice"},
    {"1210" HASH "1801 120161", "dag-pb: byte 15: a link's fields are not in the order"},
    {"1211" HASH "120161 120161", "dag-pb: byte 16: a link's field is there twice"},
    {"120d" HASH "1000", "dag-pb: byte 13: field 2 of a link has wire type 0"},
    {"120d" HASH "2001", "dag-pb: byte 13: a link has no field 4"},
    {"1202 0a00", "dag-pb: byte 3: the link's Hash"},
    {"120c 0a0a" CID "ff", "dag-pb: byte 3: the link's Hash"},      /* a byte behind the CID */
    {"120d" HASH "1880", "dag-pb: byte 14: the number is cut off"}, /* and not into what follows */
    {"120e" HASH "188000", "dag-pb: byte 14: the number is not in its shortest form"},
};

static void test_dag_pb_refuses_with_what_and_at_which_byte(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct text out = described(bad[i].hex);
        const char *refusal = strchr(out.data, '!');

        if (refusal == NULL || strncmp(refusal + 2, bad[i].refusal, strlen(bad[i].refusal)) != 0)
            fail_msg("%s: %s", bad[i].hex, out.data);
        text_dispose(&out);
    }
}

static void test_dag_pb_refuses_every_prefix_that_ends_inside_a_field(void **state)
{
    struct text block = bytes_from_hex("1212" HASH "1202 6162 18ac02 0a03 616263");

    for (size_t size = 0; size < block.size; size++) {
        struct dag_pb_reader reader;
        struct error err = {0};
        enum dag_pb_part part;

        dag_pb_read(&reader, block.data, size);
        while ((part = dag_pb_next(&reader, &err)) == DAG_PB_LINK)
            ;
        assert_int_equal(part, size == 0 || size == 20 ? DAG_PB_END : DAG_PB_BAD);
        assert_int_equal(err.code, part == DAG_PB_END ? ERROR_NONE : ERROR_SYNTAX);
    }
    text_dispose(&block);
}

static void test_dag_pb_writes_what_it_read(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct text block = bytes_from_hex(good[i].hex), out = {0};
        struct dag_pb_reader reader;
        enum dag_pb_part part;

        dag_pb_read(&reader, block.data, block.size);
        while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA) {
            size_t before = out.size;

            if (part == DAG_PB_DATA) {
                dag_pb_put_data(&out, reader.data);
                continue;
            }
            dag_pb_put_link(&out, &reader.link);
            assert_int_equal(out.size - before, dag_pb_link_size(&reader.link));
        }
        if (part == DAG_PB_END)
            assert_true(slice_equal(text_slice(&out), text_slice(&block)));
        text_dispose(&block);
        text_dispose(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dag_pb_reads_what_the_specification_allows),
        cmocka_unit_test(test_dag_pb_refuses_with_what_and_at_which_byte),
        cmocka_unit_test(test_dag_pb_refuses_every_prefix_that_ends_inside_a_field),
        cmocka_unit_test(test_dag_pb_writes_what_it_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
