// SPDX-License-Identifier: Apache-2.0
/* The operations of upstream.h on a node of its own. */
#include "pin_stage.h"
#include "upstream/embedded/embedded.h"

struct kit {
    struct stage *stage;
    struct upstream *upstream;
    struct operation *operation;
    unsigned calls;
    struct operation_result result;
    struct text path;
    struct error err;
    unsigned heard,
        cancel_at;          /* calls of on_pin and on_progress; which of them cancels (0: none) */
    uint64_t blocks, bytes; /* of the newest progress */
    struct text pins;       /* "<cid> <mode> <name>\n" */
};

static int setup(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    (void)stage_setup((void **)&kit->stage);
    kit->upstream = embedded_create(kit->stage->bench->loop, kit->stage->bench->node);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;

    upstream_destroy(&kit->upstream);
    (void)stage_teardown((void **)&kit->stage);
    text_dispose(&kit->path);
    text_dispose(&kit->pins);
    free(kit);
    return 0;
}

static void on_done(void *kit_, const struct operation_result *result, const struct error *err)
{
    struct kit *kit = kit_;

    kit->calls++;
    kit->operation = NULL;
    if (err != NULL)
        kit->err = *err;
    if (result == NULL)
        return;
    kit->result = *result;
    text_clear(&kit->path);
    text_put_slice(&kit->path, result->path);
}

static void hear(struct kit *kit)
{
    if (++kit->heard == kit->cancel_at)
        upstream_cancel(&kit->operation);
}

static void on_progress(void *kit_, uint64_t blocks, uint64_t bytes)
{
    struct kit *kit = kit_;

    kit->blocks = blocks;
    kit->bytes = bytes;
    hear(kit);
}

static void on_pin(void *kit_, const struct cid *cid, enum pin_mode mode, struct slice name)
{
    struct kit *kit = kit_;

    cid_print(cid, CID_BASE_DEFAULT, &kit->pins);
    text_put_format(&kit->pins, " %s %.*s\n", pin_mode_name(mode), SLICE_ARGS(name));
    hear(kit);
}

static void await(struct kit *kit, bool is_started)
{
    assert_true(is_started);
    assert_int_equal(kit->calls, 0);
    for (int turns = 0; kit->calls == 0 && turns < 2000; turns++)
        loop_turn(kit->stage->bench->loop, 10);
    assert_int_equal(kit->calls, 1);
    kit->calls = 0;
}

static void expect_error(struct kit *kit, enum error_code code, const char *text)
{
    char *expanded = stage_expand(kit->stage, text);

    assert_int_equal(kit->err.code, code);
    if (strstr(kit->err.text, expanded) == NULL)
        fail_msg("'%s' is not in: %s", expanded, kit->err.text);
    kit->err = (struct error){0};
    free(expanded);
}

static void pin(struct kit *kit, size_t object, enum pin_mode mode, const char *name)
{
    await(kit, upstream_pin(kit->upstream, &kit->operation, &kit->stage->cids[object], mode,
                            slice_of(name), true, on_progress, on_done, kit, &kit->err));
}

static void look(struct kit *kit, size_t object, const char *name)
{
    await(kit, upstream_look(kit->upstream, &kit->operation, &kit->stage->cids[object],
                             slice_of(name), on_done, kit, &kit->err));
    assert_int_equal(kit->err.code, ERROR_NONE);
}

static void unpin(struct kit *kit, size_t object, enum pin_mode mode)
{
    await(kit, upstream_unpin(kit->upstream, &kit->operation, &kit->stage->cids[object], mode,
                              on_done, kit, &kit->err));
}

static void measure(struct kit *kit, size_t object, enum pin_mode mode)
{
    await(kit, upstream_measure(kit->upstream, &kit->operation, &kit->stage->cids[object], mode,
                                on_done, kit, &kit->err));
}

static void expect_size(struct kit *kit, uint64_t blocks, uint64_t bytes)
{
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_true(kit->result.has_bytes);
    assert_int_equal(kit->result.blocks, blocks);
    assert_int_equal(kit->result.bytes, bytes);
}

static uint64_t root_bytes(const struct kit *kit)
{
    uint64_t bytes = 0;

    for (size_t i = ONE; i <= ROOT; i++)
        bytes += kit->stage->dag.blocks[i].data.size;
    return bytes;
}

static void test_a_pin_is_measured_and_looked_at(void **state)
{
    struct kit *kit = *state;
    uint64_t other = kit->stage->dag.blocks[OTHER].data.size;

    look(kit, ROOT, "ours");
    assert_int_equal(kit->result.ours, PIN_NONE);
    assert_int_equal(kit->result.foreign, PIN_NONE);
    pin(kit, ROOT, PIN_RECURSIVE, "ours");
    expect_size(kit, 5, root_bytes(kit));
    pin(kit, OTHER, PIN_DIRECT, "ours");
    expect_size(kit, 0, other);
    look(kit, ROOT, "ours");
    assert_int_equal(kit->result.ours, PIN_RECURSIVE);
    assert_int_equal(kit->result.foreign, PIN_NONE);
    look(kit, OTHER, "theirs");
    assert_int_equal(kit->result.ours, PIN_NONE);
    assert_int_equal(kit->result.foreign, PIN_DIRECT);
}

static void test_looking_sees_both_forms(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};

    assert_true(pins_add(kit->stage->bench->node->pins, &kit->stage->cids[OLD], PIN_RECURSIVE,
                         SLICE("ours"), &err));
    look(kit, OLD, "ours");
    assert_int_equal(kit->result.ours, PIN_NONE);
    assert_int_equal(kit->result.foreign, PIN_NONE);
    assert_int_equal(kit->result.foreign_v0, PIN_RECURSIVE);
    pin(kit, OLD, PIN_RECURSIVE, "ours"); /* in its v1 form */
    look(kit, LEFT, "ours");
    assert_int_equal(kit->result.ours, PIN_RECURSIVE);
    assert_int_equal(kit->result.foreign_v0, PIN_RECURSIVE);
    unpin(kit, OLD, PIN_RECURSIVE); /* the form that is given */
    look(kit, LEFT, "ours");
    assert_int_equal(kit->result.ours, PIN_RECURSIVE);
    assert_int_equal(kit->result.foreign_v0, PIN_NONE);
}

static void test_what_is_missing_is_not_pinned(void **state)
{
    struct kit *kit = *state;

    pin(kit, OTHER, PIN_RECURSIVE, "ours");
    expect_error(kit, ERROR_NOT_FOUND, "ipld: could not find @gone");
    pin(kit, GONE, PIN_DIRECT, "ours");
    expect_error(kit, ERROR_NOT_FOUND, "ipld: could not find @gone");
    look(kit, OTHER, "ours");
    assert_int_equal(kit->result.ours, PIN_NONE);
    measure(kit, OTHER, PIN_RECURSIVE);
    expect_error(kit, ERROR_NOT_FOUND, "ipld: could not find @gone");
}

static void test_objects_are_measured_where_they_lie(void **state)
{
    struct kit *kit = *state;

    measure(kit, ROOT, PIN_RECURSIVE);
    expect_size(kit, 5, root_bytes(kit));
    measure(kit, ROOT, PIN_DIRECT);
    expect_size(kit, 1, kit->stage->dag.blocks[ROOT].data.size);
}

static void test_unpinning_says_no_as_it_should(void **state)
{
    struct kit *kit = *state;

    unpin(kit, ROOT, PIN_RECURSIVE);
    expect_error(kit, ERROR_NOT_FOUND, "not pinned or pinned indirectly");
    pin(kit, ROOT, PIN_RECURSIVE, "ours");
    unpin(kit, ROOT, PIN_DIRECT);
    expect_error(kit, ERROR_UNSUPPORTED, "@root is pinned recursively");
    unpin(kit, ROOT, PIN_RECURSIVE);
    assert_int_equal(kit->err.code, ERROR_NONE);
}

static void list(struct kit *kit)
{
    await(kit, upstream_list_pins(kit->upstream, &kit->operation, on_pin, on_done, kit, &kit->err));
}

static void test_pins_are_listed_the_recursive_ones_first(void **state)
{
    struct kit *kit = *state;
    char *wanted;

    list(kit);
    assert_int_equal(kit->result.count, 0);
    pin(kit, ONE, PIN_DIRECT, "a name");
    pin(kit, ROOT, PIN_RECURSIVE, "");
    list(kit);
    assert_int_equal(kit->result.count, 2);
    wanted = stage_expand(kit->stage, "@root recursive \n@one direct a name\n");
    assert_string_equal(kit->pins.data, wanted);
    free(wanted);
}

static void pin_many(struct kit *kit, unsigned count)
{
    struct error err = {0};

    for (unsigned n = 0; n < count; n++) {
        struct cid cid;

        hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256,
                      (struct slice){(const char *)&n, sizeof(n)});
        assert_true(pins_add(kit->stage->bench->node->pins, &cid,
                             n % 2 ? PIN_DIRECT : PIN_RECURSIVE, SLICE("many"), &err));
    }
}

static void test_a_list_of_many_pages_is_whole(void **state)
{
    struct kit *kit = *state;

    pin_many(kit, 1100);
    list(kit);
    assert_int_equal(kit->result.count, 1100);
    assert_int_equal(kit->heard, 1100);
}

static void test_a_list_can_be_cut_at_any_pin(void **state)
{
    struct kit *kit = *state;

    pin_many(kit, 300);
    for (unsigned at = 1; at <= 300; at += 23) {
        kit->heard = 0;
        kit->cancel_at = at;
        assert_true(
            upstream_list_pins(kit->upstream, &kit->operation, on_pin, on_done, kit, &kit->err));
        while (kit->heard < at)
            loop_turn(kit->stage->bench->loop, 10);
        assert_null(kit->operation);
        for (int turns = 0; turns < 5; turns++)
            loop_turn(kit->stage->bench->loop, 1);
        assert_int_equal(kit->heard, at);
        assert_int_equal(kit->calls, 0);
    }
}

static void contains(struct kit *kit, size_t root, size_t wanted)
{
    await(kit, upstream_contains(kit->upstream, &kit->operation, &kit->stage->cids[root],
                                 &kit->stage->cids[wanted], on_done, kit, &kit->err));
}

static void test_what_lies_below_a_root_is_found(void **state)
{
    struct kit *kit = *state;

    contains(kit, ROOT, TWO);
    assert_int_equal(kit->result.count, 1);
    contains(kit, ROOT, OLD); /* in another form */
    assert_int_equal(kit->result.count, 1);
    contains(kit, ROOT, ROOT);
    assert_int_equal(kit->result.count, 0);
    contains(kit, RIGHT, ONE);
    assert_int_equal(kit->result.count, 0);
    contains(kit, OTHER, ONE);
    expect_error(kit, ERROR_NOT_FOUND, "ipld: could not find @gone");
}

static void test_paths_are_resolved(void **state)
{
    struct kit *kit = *state;
    char *path = stage_expand(kit->stage, "/ipfs/@root");

    await(kit, upstream_resolve(kit->upstream, &kit->operation, slice_of(path), 1000, true, on_done,
                                kit, &kit->err));
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_string_equal(kit->path.data, path);
    free(path);
    await(kit, upstream_resolve(kit->upstream, &kit->operation, SLICE("/ipns/example.org"), 1000,
                                true, on_done, kit, &kit->err));
    assert_int_not_equal(kit->err.code, ERROR_NONE);
}

static void test_garbage_is_collected_and_counted(void **state)
{
    struct kit *kit = *state;

    pin(kit, RIGHT, PIN_RECURSIVE, "ours");
    await(kit, upstream_gc(kit->upstream, &kit->operation, on_done, kit, &kit->err));
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_int_equal(kit->result.count, 4);
    assert_true(stage_has(kit->stage, RIGHT) && stage_has(kit->stage, TWO));
    assert_false(stage_has(kit->stage, ROOT));
    stage_lose(kit->stage, TWO);
    await(kit, upstream_gc(kit->upstream, &kit->operation, on_done, kit, &kit->err));
    expect_error(kit, ERROR_NOT_FOUND, "@two, which the pin @right needs");
}

static void on_damage(void *kit_, struct slice what)
{
    struct kit *kit = kit_;

    text_put_slice(&kit->pins, what);
    hear(kit);
}

static void verify(struct kit *kit)
{
    text_clear(&kit->pins);
    kit->heard = 0;
    await(kit, upstream_verify(kit->upstream, &kit->operation, NULL, on_damage, on_done, kit,
                               &kit->err));
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_int_equal(kit->result.blocks, 6);
    assert_int_equal(kit->result.count, kit->heard);
}

static void test_every_block_is_verified(void **state)
{
    struct kit *kit = *state;

    verify(kit);
    assert_int_equal(kit->heard, 0);
    stage_damage(kit->stage, ONE);
    stage_damage(kit->stage, ROOT);
    verify(kit);
    assert_int_equal(kit->heard, 2);
    assert_non_null(strstr(kit->pins.data, "the block's bytes are damaged"));
    kit->cancel_at = 1;
    kit->heard = 0;
    assert_true(
        upstream_verify(kit->upstream, &kit->operation, NULL, on_damage, on_done, kit, &kit->err));
    for (int turns = 0; turns < 50; turns++)
        loop_turn(kit->stage->bench->loop, 1);
    assert_int_equal(kit->heard, 1);
    assert_int_equal(kit->calls, 0);
}

static void test_the_disk_says_how_full_it_is(void **state)
{
    struct kit *kit = *state;

    await(kit, upstream_capacity(kit->upstream, &kit->operation, on_done, kit, &kit->err));
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_true(kit->result.used > 0);
    assert_true(kit->result.total > kit->result.used);
}

/* The gate is closed: nothing moves, and that is told. */
static void test_a_pin_that_waits_says_that_it_is_alive(void **state)
{
    struct kit *kit = *state;

    assert_true(node_close_gate(kit->stage->bench->node));
    assert_true(upstream_pin(kit->upstream, &kit->operation, &kit->stage->cids[ROOT], PIN_RECURSIVE,
                             SLICE("ours"), true, on_progress, on_done, kit, &kit->err));
    for (int turns = 0; kit->heard == 0 && turns < 500; turns++)
        loop_turn(kit->stage->bench->loop, 10);
    assert_true(kit->heard > 0);
    assert_int_equal(kit->calls, 0);
    node_open_gate(kit->stage->bench->node);
    for (int turns = 0; kit->calls == 0 && turns < 500; turns++)
        loop_turn(kit->stage->bench->loop, 10);
    assert_int_equal(kit->calls, 1);
    assert_int_equal(kit->err.code, ERROR_NONE);
}

static void test_an_operation_that_is_cancelled_is_not_heard_of(void **state)
{
    struct kit *kit = *state;

    for (int turns = 0; turns < 6; turns++) {
        assert_true(upstream_gc(kit->upstream, &kit->operation, on_done, kit, &kit->err));
        for (int turn = 0; turn < turns && kit->calls == 0; turn++)
            loop_turn(kit->stage->bench->loop, 0);
        upstream_cancel(&kit->operation);
        kit->calls = 0;
        for (int turn = 0; turn < 20; turn++)
            loop_turn(kit->stage->bench->loop, 1);
        assert_int_equal(kit->calls, 0);
    }
    pin(kit, ROOT, PIN_RECURSIVE, ""); /* the gate is open, whatever was cut */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_pin_is_measured_and_looked_at),
        TEST(test_looking_sees_both_forms),
        TEST(test_what_is_missing_is_not_pinned),
        TEST(test_objects_are_measured_where_they_lie),
        TEST(test_unpinning_says_no_as_it_should),
        TEST(test_pins_are_listed_the_recursive_ones_first),
        TEST(test_a_list_of_many_pages_is_whole),
        TEST(test_a_list_can_be_cut_at_any_pin),
        TEST(test_what_lies_below_a_root_is_found),
        TEST(test_paths_are_resolved),
        TEST(test_garbage_is_collected_and_counted),
        TEST(test_every_block_is_verified),
        TEST(test_the_disk_says_how_full_it_is),
        TEST(test_a_pin_that_waits_says_that_it_is_alive),
        TEST(test_an_operation_that_is_cancelled_is_not_heard_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
