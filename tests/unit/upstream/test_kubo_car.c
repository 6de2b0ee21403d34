// SPDX-License-Identifier: Apache-2.0
/* Objects as CARs, out of a node and into it. */
#include "ipfs/car.h"
#include "ipfs/hash.h"
#include "operation_stage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT "/api/v0/dag/export?arg=" CID_RAW "&offline=true&progress=false"
#define IMPORT "/api/v0/dag/import?allow-big-block=true&offline=true&pin-roots=false&stats=true"
#define STATS  "{\"Stats\":{\"BlockCount\":2,\"BlockBytesCount\":12}}\n"

struct fixture {
    struct operation_stage *o;
    void *base;
    struct text car; /* two blocks, whatever they are */
    size_t first, second;
    char file[32];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    uint8_t digest[32] = {7};
    struct cid root, child;
    int fd;

    operation_stage_setup(&f->base);
    f->o = f->base;
    assert_true(cid_parse(&root, slice_of(CID_RAW), NULL));
    cid_make(&child, 1, CODEC_RAW, HASH_SHA2_256, digest, sizeof(digest));
    car_put_header(&f->car, &root, 1);
    f->first = f->car.size;
    car_put_section(&f->car, &root, 5);
    text_put_text(&f->car, "first");
    f->second = f->car.size;
    car_put_section(&f->car, &child, 6);
    text_put_text(&f->car, "second");
    strcpy(f->file, "/tmp/test-car-XXXXXX");
    fd = mkstemp(f->file);
    assert_int_equal(write(fd, f->car.data, f->car.size), (ssize_t)f->car.size);
    close(fd);
    f->o->s->settings.jobs = jobs_create(1, 4);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct jobs *jobs = f->o->s->settings.jobs;

    jobs_destroy(&jobs);
    turn_for(f->o->s->stage->loop, 2);
    unlink(f->file);
    text_dispose(&f->car);
    operation_stage_teardown(&f->base);
    free(f);
    return 0;
}

/* The node's reply to an export: the CAR in a length, cut short by so much. */
static struct peer *reply_export(struct fixture *f, size_t cut)
{
    struct peer *node = stage_asked(f->o, EXPORT);
    char head[120];

    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", f->car.size);
    peer_send(node, head);
    peer_send_bytes(node, f->car.data, f->car.size - cut);
    return node;
}

static void expect_content(struct fixture *f, size_t from)
{
    struct text expected = {0};

    text_put(&expected, f->car.data, f->first);
    text_put(&expected, f->car.data + from, f->car.size - from);
    assert_true(slice_equal(text_slice(&f->o->content), text_slice(&expected)));
    text_dispose(&expected);
}

static void test_export_passes_what_is_wanted(void **state)
{
    struct fixture *f = *state;
    const size_t from[] = {f->first, f->second, f->car.size};

    for (uint64_t skip = 0; skip < ARRAY_SIZE(from); skip++) {
        struct peer *node;

        assert_true(stage_export(f->o, CID_RAW, skip));
        node = reply_export(f, 0);
        stage_await_end(f->o, ERROR_NONE, "");
        expect_content(f, from[skip]);
        stage_drop(f->o->s->stage, node);
        turn_for(f->o->s->stage->loop, 2); /* an idle connection is dropped with it */
    }
}

static void test_export_fails_beyond_the_last_block(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 3));
    reply_export(f, 0);
    stage_await_end(f->o, ERROR_MISMATCH, "fewer blocks");
    assert_int_equal(f->o->content.size, 0);
}

static void test_export_fails_when_the_node_says_no(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 0));
    stage_reply(stage_asked(f->o, EXPORT), "500 Internal Server Error",
                "{\"Message\":\"block was not found locally (offline): ipld: could not find x\","
                "\"Code\":0,\"Type\":\"error\"}");
    stage_await_end(f->o, ERROR_NOT_FOUND, "not found locally");
}

static void test_export_fails_with_the_trailer(void **state)
{
    struct fixture *f = *state;
    struct peer *node;
    char size[16];

    assert_true(stage_export(f->o, CID_RAW, 0));
    node = stage_asked(f->o, EXPORT);
    snprintf(size, sizeof(size), "%zx\r\n", f->second);
    peer_send(node, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer_send(node, size);
    peer_send_bytes(node, f->car.data, f->second);
    peer_send(node, "\r\n0\r\nX-Stream-Error: ipld: could not find y\r\n\r\n");
    stage_await_end(f->o, ERROR_NOT_FOUND, "could not find y");
}

static void test_export_fails_when_the_node_goes_away(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 0));
    stage_drop(f->o->s->stage, reply_export(f, 3));
    STAGE_AWAIT(f->o->s->stage, f->o->calls == 1);
    assert_int_not_equal(f->o->err.code, ERROR_NONE);
}

static void test_export_fails_on_what_is_no_car(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 0));
    stage_reply(stage_asked(f->o, EXPORT), "200 OK", "what is no CAR");
    stage_await_end(f->o, ERROR_MISMATCH, "malformed CAR");
}

static void test_export_fails_on_silence(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 0));
    reply_export(f, 3);
    STAGE_AWAIT(f->o->s->stage, f->o->content.size > 0);
    clock_advance_ms(600001);
    stage_await_end(f->o, ERROR_TIMEOUT, "");
}

static void test_export_waits_while_it_is_paused(void **state)
{
    struct fixture *f = *state;

    f->o->pauses = true;
    assert_true(stage_export(f->o, CID_RAW, 0));
    reply_export(f, 0);
    STAGE_AWAIT(f->o->s->stage, f->o->content.size > 0);
    turn_for(f->o->s->stage->loop, 5);
    assert_int_equal(f->o->calls, 0);
    f->o->pauses = false;
    upstream_resume(f->o->operation);
    stage_await_end(f->o, ERROR_NONE, "");
    expect_content(f, f->first);
}

static void test_export_may_be_canceled_with_its_content(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_export(f->o, CID_RAW, 0));
    f->o->cancel_at = 1;
    reply_export(f, 0);
    STAGE_AWAIT(f->o->s->stage, f->o->heard == 1);
    turn_for(f->o->s->stage->loop, 5);
    assert_int_equal(f->o->calls, 0);
    f->o->cancel_at = 0;
}

/* ---- import */

static void test_import_sends_the_file(void **state)
{
    struct fixture *f = *state;
    struct peer *node;

    assert_true(stage_import(f->o, f->file));
    node = stage_accept(f->o->s->stage);
    peer_await(node, "POST " IMPORT " HTTP/1.1\r\n");
    peer_await(node, "Content-Type: multipart/form-data; boundary=causeway-import\r\n");
    peer_await(node, "second");
    peer_await(node, "\r\n--causeway-import--\r\n");
    peer_await(node, "0\r\n\r\n");
    stage_reply(node, "200 OK", STATS);
    stage_await_end(f->o, ERROR_NONE, "");
    assert_int_equal(f->o->result.blocks, 2);
    assert_int_equal(f->o->result.bytes, 12);
}

static void test_import_fails_when_the_file_cannot_be_read(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_import(f->o, "/nonexistent/part.car"));
    peer_await(stage_accept(f->o->s->stage), IMPORT);
    stage_await_end(f->o, ERROR_IO, "/nonexistent/part.car");
}

static void test_import_fails_when_the_node_says_no_or_makes_no_sense(void **state)
{
    static const struct {
        const char *status, *body;
        enum error_code code;
        const char *word;
    } cases[] = {
        {"500 Internal Server Error", "{\"Message\":\"no space left\",\"Type\":\"error\"}",
         ERROR_UNSUPPORTED, "no space left"},
        {"200 OK", "{\"Message\":\"no space left\",\"Type\":\"error\"}\n", ERROR_UNSUPPORTED,
         "no space left"},
        {"200 OK", "", ERROR_MISMATCH, "count of blocks"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *node;

        assert_true(stage_import(f->o, f->file));
        node = stage_accept(f->o->s->stage);
        peer_await(node, "0\r\n\r\n");
        stage_reply(node, cases[i].status, cases[i].body);
        stage_await_end(f->o, cases[i].code, cases[i].word);
    }
}

static void test_import_fails_when_the_node_goes_away(void **state)
{
    struct fixture *f = *state;
    struct peer *node;

    assert_true(stage_import(f->o, f->file));
    node = stage_accept(f->o->s->stage);
    peer_await(node, IMPORT);
    stage_drop(f->o->s->stage, node);
    STAGE_AWAIT(f->o->s->stage, f->o->calls == 1);
    assert_int_not_equal(f->o->err.code, ERROR_NONE);
}

static void test_import_may_be_canceled_while_it_reads(void **state)
{
    struct fixture *f = *state;

    assert_true(stage_import(f->o, f->file));
    peer_await(stage_accept(f->o->s->stage), IMPORT);
    upstream_cancel(&f->o->operation);
    turn_for(f->o->s->stage->loop, 10);
    assert_int_equal(f->o->calls, 0);
}

static void test_both_are_refused_where_they_cannot_start(void **state)
{
    struct fixture *f = *state;

    assert_true(
        address_parse(&f->o->s->stage->upstream.address, SLICE("unix:/nowhere/socket"), NULL));
    assert_false(stage_export(f->o, CID_RAW, 0));
    assert_false(stage_import(f->o, f->file));
    assert_int_equal(f->o->calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_export_passes_what_is_wanted),
        TEST(test_export_fails_beyond_the_last_block),
        TEST(test_export_fails_when_the_node_says_no),
        TEST(test_export_fails_with_the_trailer),
        TEST(test_export_fails_when_the_node_goes_away),
        TEST(test_export_fails_on_what_is_no_car),
        TEST(test_export_fails_on_silence),
        TEST(test_export_waits_while_it_is_paused),
        TEST(test_export_may_be_canceled_with_its_content),
        TEST(test_import_sends_the_file),
        TEST(test_import_fails_when_the_file_cannot_be_read),
        TEST(test_import_fails_when_the_node_says_no_or_makes_no_sense),
        TEST(test_import_fails_when_the_node_goes_away),
        TEST(test_import_may_be_canceled_while_it_reads),
        TEST(test_both_are_refused_where_they_cannot_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
