// SPDX-License-Identifier: Apache-2.0
/* The lines and messages here are those of Kubo 0.43.1. */
#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "tests/unit/upstream/embedded/import_kit.h"

#include <stdio.h>
#include <stdlib.h>

#define A_CID       "bafkreid3naag73ev4pk4zs7ocu3yudvmro5d2gxp65y63ztamy25bnimye"
#define B_CID       "bafkreicyps4ltwevb4opncdf2tv73y5gyemewzezez5enmrkodwvobzm6a"
#define D_CID       "bafybeib7iot6cv4txrjhxiq5zt4jgxhcmz2atsxwdzkzavw3vwkeukweoi"
#define ROOT(c, e)  "{\"Root\":{\"Cid\":{\"/\":\"" c "\"},\"PinErrorMsg\":\"" e "\"}}\n"
#define STATS(n, b) "{\"Stats\":{\"BlockCount\":" n ",\"BlockBytesCount\":" b "}}\n"

/* What CARs are made of: two leaves, the directory of both, and one whose leaf is nowhere. */
struct dag {
    struct cid a, b, directory, missing, hole;
    struct text directory_block, hole_block;
};

static struct cid name(uint64_t codec, struct slice block)
{
    struct cid cid;

    hash_make_cid(&cid, 1, codec, HASH_SHA2_256, block);
    return cid;
}

static void put_link(struct text *block, const char *link_name, const struct cid *cid)
{
    struct dag_pb_link link = {
        .cid = *cid, .name = slice_of(link_name), .tsize = 7, .has_name = true, .has_tsize = true};

    dag_pb_put_link(block, &link);
}

static void make_dag(struct dag *dag)
{
    *dag = (struct dag){
        .a = name(CODEC_RAW, SLICE("block a")),
        .b = name(CODEC_RAW, SLICE("block b")),
        .missing = name(CODEC_RAW, SLICE("missing1")),
    };
    put_link(&dag->directory_block, "a", &dag->a);
    put_link(&dag->directory_block, "b", &dag->b);
    dag_pb_put_data(&dag->directory_block, SLICE("\x08\x01"));
    dag->directory = name(CODEC_DAG_PB, text_slice(&dag->directory_block));
    put_link(&dag->hole_block, "m", &dag->missing);
    dag_pb_put_data(&dag->hole_block, SLICE("\x08\x01"));
    dag->hole = name(CODEC_DAG_PB, text_slice(&dag->hole_block));
}

static void dispose_dag(struct dag *dag)
{
    text_dispose(&dag->directory_block);
    text_dispose(&dag->hole_block);
}

static void put_section(struct text *car, const struct cid *cid, struct slice block)
{
    car_put_section(car, cid, block.size);
    text_put_slice(car, block);
}

static void put_good(struct text *car, const struct dag *dag)
{
    car_put_header(car, &dag->directory, 1);
    put_section(car, &dag->directory, text_slice(&dag->directory_block));
    put_section(car, &dag->a, SLICE("block a"));
    put_section(car, &dag->b, SLICE("block b"));
}

static void put_number(struct text *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        text_put_char(out, (char)(value >> 8 * i));
}

/* A CARv2 around a CARv1. */
static void wrap(struct text *out, const struct text *car)
{
    text_put(out, "\x0a\xa1\x67version\x02", 11);
    put_number(out, 0);
    put_number(out, 0);
    put_number(out, 51);
    put_number(out, car->size);
    put_number(out, 0);
    text_put_slice(out, text_slice(car));
}

/* Up to two CARs; the second may be NULL. */
static void check(struct task_bench *bench, const char *options, const struct text *car,
                  const struct text *second, const char *output, const char *failure)
{
    static const struct import_part parts[] = {{"f", "c", NULL, NULL}, {"f", "d", NULL, NULL}};
    struct text body = {0}, target = {0};

    text_put_format(&target, "/api/v0/dag/import?%s", options);
    import_put_part(&body, &parts[0], text_slice(car));
    if (second != NULL)
        import_put_part(&body, &parts[1], text_slice(second));
    import_end_body(&body);
    import_assert(bench, target.data, text_slice(&body), output, failure);
    text_dispose(&target);
    text_dispose(&body);
}

static void test_dag_import_pins_the_roots_and_counts(void **state)
{
    struct dag dag;
    struct text car = {0}, second = {0}, wrapped = {0};

    make_dag(&dag);
    put_good(&car, &dag);
    car_put_header(&second, &dag.a, 1);
    wrap(&wrapped, &car);
    check(*state, "", &car, NULL, ROOT(D_CID, ""), NULL);
    check(*state, "stats=true&silent=true", &car, NULL, ROOT(D_CID, "") STATS("3", "108"), NULL);
    check(*state, "pin-roots=false", &car, NULL, "", NULL);
    check(*state, "local-only=true&stats=true", &car, NULL, STATS("3", "108"), NULL);
    check(*state, "stats=true", &wrapped, NULL, ROOT(D_CID, "") STATS("3", "108"), NULL);
    check(*state, "stats=true", &car, &car, ROOT(D_CID, "") STATS("6", "216"), NULL);
    check(*state, "stats=true", &car, &second, ROOT(D_CID, "") ROOT(A_CID, "") STATS("3", "108"),
          NULL);
    text_dispose(&car);
    text_dispose(&second);
    text_dispose(&wrapped);
    dispose_dag(&dag);
}

static void test_dag_import_says_which_root_cannot_be_pinned(void **state)
{
    struct dag dag;
    struct text car = {0}, rootless = {0};

    make_dag(&dag);
    car_put_header(&car, (struct cid[]){dag.hole, dag.missing, dag.a}, 3);
    put_section(&car, &dag.hole, text_slice(&dag.hole_block));
    put_section(&car, &dag.a, SLICE("block a"));
    check(*state, "", &car, NULL,
          ROOT("bafybeifz6k5nzqstz47fimnh6lq4vvtp22he5ohx5yf2ruexmjb4mo3aqm",
               "block was not found locally (offline): ipld: could not find "
               "bafkreihgin4zwvlhnydf5gf2ipevjv3z7xwl4htlqkeyqshqnviokm3cie")
              ROOT("bafkreihgin4zwvlhnydf5gf2ipevjv3z7xwl4htlqkeyqshqnviokm3cie",
                   "ipld: could not find "
                   "bafkreihgin4zwvlhnydf5gf2ipevjv3z7xwl4htlqkeyqshqnviokm3cie") ROOT(A_CID, ""),
          NULL);
    text_put(&rootless, "\x11\xa2\x65roots\x80\x67version\x01", 18);
    put_section(&rootless, &dag.a, SLICE("block a"));
    check(*state, "stats=true", &rootless, NULL, STATS("1", "7"), NULL);
    text_dispose(&car);
    text_dispose(&rootless);
    dispose_dag(&dag);
}

/* Cuts so many bytes off, tells what is said, and that nothing was pinned. */
static void check_cut(struct task_bench *bench, const struct text *car, size_t cut,
                      const char *failure)
{
    struct text short_car = {0};
    char *pins;

    text_put(&short_car, car->data, car->size - cut);
    check(bench, "stats=true", &short_car, NULL, "", failure);
    pins = task_bench_output(bench, "/api/v0/pin/ls?type=recursive");
    assert_string_equal(pins, "{}\n");
    free(pins);
    text_dispose(&short_car);
}

static void test_dag_import_of_a_cut_file_fails_and_pins_nothing(void **state)
{
    struct dag dag;
    struct text car = {0};

    make_dag(&dag);
    put_good(&car, &dag);
    check_cut(*state, &car, 3, "import failed after block \"" A_CID "\": unexpected EOF");
    check_cut(*state, &car, 60, "import failed after block \"" D_CID "\": unexpected EOF");
    check_cut(*state, &car, car.size - 100, "import failed: unexpected EOF");
    check_cut(*state, &car, car.size - 10, "unexpected EOF");
    check_cut(*state, &car, car.size, NULL);
    text_dispose(&car);
    dispose_dag(&dag);
}

/* What Kubo 0.43 says of "block a" under a digest of that hash and size. */
static void check_digest(struct task_bench *bench, uint64_t hash, const void *digest, size_t size,
                         const char *failure)
{
    struct text car = {0};
    struct cid cid;

    cid_make(&cid, 1, CODEC_RAW, hash, digest, size);
    car_put_header(&car, &cid, 1);
    put_section(&car, &cid, SLICE("block a"));
    check(bench, "", &car, NULL, "", failure);
    text_dispose(&car);
}

static void test_dag_import_refuses_digests_that_prove_too_little(void **state)
{
    uint8_t digest[HASH_DIGEST_MAX];

    hash_block(HASH_SHA2_256, SLICE("block a"), digest);
    check_digest(*state, HASH_SHA2_256, digest, 0,
                 "digest too small: sha2-256 digest got 0 bytes, minimum 20");
    check_digest(*state, HASH_SHA2_256, digest, 10,
                 "digest too small: sha2-256 digest got 10 bytes, minimum 20");
    hash_block(HASH_BLAKE2B_8 + 7, SLICE("block a"), digest);
    check_digest(*state, HASH_BLAKE2B_8 + 7, digest, 8,
                 "potentially insecure hash functions not allowed");
    check_digest(*state, HASH_BLAKE2B_8 + 7, "8 others", 8,
                 "import failed: mismatch in content integrity, expected: "
                 "bafkyrzacba4ca33unbsxe4y, got: bafkyrzacbbtxxljllculo3q");
}

static void test_dag_import_refuses_what_is_damaged(void **state)
{
    struct dag dag;
    struct text car = {0};
    struct cid cid;

    make_dag(&dag);
    car_put_header(&car, &dag.directory, 1);
    put_section(&car, &dag.directory, text_slice(&dag.directory_block));
    put_section(&car, &dag.a, SLICE("block b"));
    check(*state, "", &car, NULL, "",
          "import failed after block \"" D_CID "\": mismatch in content integrity, expected: " A_CID
          ", got: " B_CID);
    text_clear(&car);
    car_put_header(&car, &dag.directory, 1);
    put_section(&car, &dag.directory, SLICE("block a"));
    check(*state, "", &car, NULL, "",
          "import failed: mismatch in content integrity, expected: " D_CID
          ", got: bafybeid3naag73ev4pk4zs7ocu3yudvmro5d2gxp65y63ztamy25bnimye");
    text_clear(&car);
    put_good(&car, &dag);
    text_put(&car, "\x80\x80\x80\x08", 4); /* a section of 16 MiB */
    check(*state, "", &car, NULL, "",
          "import failed after block \"" B_CID
          "\": invalid section data, length of read beyond allowable maximum");
    text_clear(&car);
    car_put_header(&car, &dag.a, 1);
    cid = name(0x300539, SLICE("q"));
    put_section(&car, &cid, SLICE("q"));
    check(*state, "", &car, NULL, "",
          "import failed at block "
          "\"bag4yvqabciqi4noczu57mza33mhcaufxnezmxmxganfa3wwmdwn6vavgxjl7pty\": could not choose "
          "a decoder: no decoder registered for multicodec code 3147065 (0x300539)");
    text_clear(&car);
    text_put_text(&car, "hello world, this is no car");
    check(*state, "", &car, NULL, "", "unexpected EOF");
    text_dispose(&car);
    dispose_dag(&dag);
}

static void test_dag_import_takes_large_blocks_when_asked_to(void **state)
{
    const size_t size = ((size_t)2 << 20) + 1;
    char *content = memory_alloc(size);
    struct text car = {0}, body = {0};
    struct cid cid = name(CODEC_RAW, (struct slice){content, size});
    static const struct import_part part = {"f", "c", NULL, NULL};

    car_put_header(&car, &cid, 1);
    put_section(&car, &cid, (struct slice){content, size});
    import_put_part(&body, &part, text_slice(&car));
    import_end_body(&body);
    for (int allowed = 0; allowed < 2; allowed++) {
        struct task_bench_call call = {.target = allowed ? "/api/v0/dag/import?allow-big-block=true"
                                                         : "/api/v0/dag/import",
                                       .body = text_slice(&body),
                                       .content_type = IMPORT_TYPE,
                                       .piece_max = 100003};
        struct task_bench_reply reply;

        task_bench_run(*state, &call, &reply);
        assert_int_equal(reply.err.code == ERROR_NONE, allowed);
        assert_int_equal(strstr(reply.err.text, "produced block is over 2MiB") != NULL, !allowed);
        task_bench_reply_dispose(&reply);
    }
    text_dispose(&car);
    text_dispose(&body);
    free(content);
}

/* A CAR whose section has so many bytes in all. */
static void run_section(struct task_bench *bench, size_t size, const char *target,
                        struct task_bench_reply *reply)
{
    static const struct import_part part = {"f", "c", NULL, NULL};
    char *content = memory_alloc(size);
    struct cid cid = name(CODEC_RAW, (struct slice){content, size});
    struct text car = {0}, body = {0};

    car_put_header(&car, &cid, 1);
    put_section(&car, &cid, (struct slice){content, size - cid.size});
    import_put_part(&body, &part, text_slice(&car));
    import_end_body(&body);
    task_bench_run(bench,
                   &(struct task_bench_call){.target = target,
                                             .body = text_slice(&body),
                                             .content_type = IMPORT_TYPE,
                                             .piece_max = 100003},
                   reply);
    text_dispose(&car);
    text_dispose(&body);
    free(content);
}

/* Before it has come: nothing of it is held. */
static void test_dag_import_refuses_a_section_too_large_by_its_length(void **state)
{
    static const struct {
        size_t size;
        const char *target, *failure;
    } rows[] = {
        {(size_t)3 << 20, "/api/v0/dag/import",
         "import failed: produced block is over 2MiB: big blocks can't be exchanged with other "
         "peers. consider using UnixFS for automatic chunking of bigger files, or pass "
         "--allow-big-block to override"},
        {(size_t)5 << 20, "/api/v0/dag/import?allow-big-block=true",
         "import failed: a block of more than 4194304 bytes: the embedded node stores none, "
         "whatever the option allow-big-block says"},
        {(size_t)9 << 20, "/api/v0/dag/import?allow-big-block=true",
         "import failed: invalid section data, length of read beyond allowable maximum"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct task_bench_reply reply;

        run_section(*state, rows[i].size, rows[i].target, &reply);
        assert_string_equal(reply.err.text, rows[i].failure);
        assert_in_range(reply.held_max, 0, 64 << 10);
        task_bench_reply_dispose(&reply);
    }
}

static void test_dag_import_counts_the_section_that_it_holds(void **state)
{
    const size_t size = (size_t)1 << 20;
    struct task_bench_reply reply;

    run_section(*state, size, "/api/v0/dag/import", &reply);
    assert_non_null(strstr(reply.err.text, "mismatch in content integrity"));
    assert_in_range(reply.held_max, size - 100003, 4 * size);
    task_bench_reply_dispose(&reply);
}

static void test_dag_import_refuses_calls_as_kubo_does(void **state)
{
    static const struct import_part inside[] = {{"f", "d/c", "x", NULL}, {NULL, NULL, NULL, NULL}};
    static const struct import_part none[] = {{NULL, NULL, NULL, NULL}};

    import_assert_parts(*state, "/api/v0/dag/import", inside, "", "expected a file handle");
    import_assert_parts(*state, "/api/v0/dag/import", none, "", NULL);
    import_assert_parts(*state, "/api/v0/dag/import?local-only=true&pin-roots=true", none, "",
                        "--local-only implies --pin-roots=false and cannot be combined with "
                        "--pin-roots=true; please drop one of them");
}

/* A node of its own for each: what one imported is not there for the next. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dag_import_pins_the_roots_and_counts, task_bench_setup,
                                        task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_says_which_root_cannot_be_pinned,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_of_a_cut_file_fails_and_pins_nothing,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_refuses_digests_that_prove_too_little,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_refuses_what_is_damaged, task_bench_setup,
                                        task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_takes_large_blocks_when_asked_to,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_refuses_a_section_too_large_by_its_length,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_counts_the_section_that_it_holds,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_import_refuses_calls_as_kubo_does,
                                        task_bench_setup, task_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
