// SPDX-License-Identifier: Apache-2.0
/* The block store as its callers see it: each operation started, refused, cancelled, and what is
 * there afterwards, also after opening it again. */
#include "blocks_kit.h"

#include <semaphore.h>

/* ---- puts */

static void test_blocks_put_is_there_after_it_was_answered(void **state)
{
    struct kit *kit = *state;
    struct seen seen = kit_write_many(kit, 0, 20, 1000);

    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_int_equal(seen.written.added, 20);
    assert_int_equal(seen.written.added_bytes, 20000);
    kit_expect(kit, 0, 20, 1000, true);
    kit_expect(kit, 20, 5, 1000, false);
    kit_expect_totals(kit, 20, 20000);
    kit_reopen(kit);
    assert_false(kit->opened.was_rebuilt);
    kit_expect(kit, 0, 20, 1000, true);
    kit_expect_totals(kit, 20, 20000);
}

static void test_blocks_of_every_size_are_kept(void **state)
{
    static const size_t sizes[] = {0, 1, 511, 4096, 65535, 65536, 262144, 1 << 20, BLOCKS_SIZE_MAX};
    struct kit *kit = *state;

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_int_equal(kit_write_many(kit, i, 1, sizes[i]).written.added, 1);
    kit_reopen(kit);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        kit_expect(kit, i, 1, sizes[i], true);
}

static void test_blocks_put_twice_is_kept_once(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *write = blocks_write_create();
    uint64_t disk;
    struct seen seen;

    kit_write_many(kit, 0, 10, 1000);
    disk = blocks_totals(kit->blocks).disk_bytes;
    kit_put(write, 3, 1000); /* there */
    kit_put(write, 10, 1000);
    kit_put(write, 4, 1000); /* there */
    kit_put(write, 11, 1000);
    kit_put(write, 11, 1000); /* twice in one write */
    kit_put(write, 12, 1000);
    seen = kit_write(kit, write);
    assert_int_equal(seen.written.added, 3);
    kit_expect_totals(kit, 13, 13000);
    assert_int_equal(blocks_totals(kit->blocks).disk_bytes, disk / 10 * 13);
    kit_expect(kit, 0, 13, 1000, true);
}

static void test_blocks_are_the_same_for_all_cids_of_a_multihash(void **state)
{
    struct kit *kit = *state;
    struct cid raw = kit_cid(1, 100), node;
    struct seen seen;

    kit_write_many(kit, 1, 1, 100);
    cid_make(&node, 0, CODEC_DAG_PB, HASH_SHA2_256, cid_digest(&raw), 32);
    seen = kit_read_one(kit, BLOCKS_CHECKED, &node);
    assert_int_equal(seen.states[0], ERROR_NONE);
    assert_true(cid_equal(&seen.cids[0], &node));
}

static void test_blocks_of_any_supported_hash_are_kept(void **state)
{
    static const uint64_t hashes[] = {HASH_SHA1, HASH_SHA2_512, HASH_SHA3_256, HASH_BLAKE2B_256};
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        struct blocks_write *write = blocks_write_create();
        struct error err = {0};
        struct cid cid;

        hash_make_cid(&cid, 1, CODEC_RAW, hashes[i], SLICE("some bytes"));
        assert_true(blocks_write_put(write, &cid, SLICE("some bytes"), &err));
        assert_int_equal(kit_write(kit, write).written.added, 1);
        assert_int_equal(kit_read_one(kit, BLOCKS_CHECKED, &cid).states[0], ERROR_NONE);
    }
}

static void test_blocks_put_refuses_what_cannot_be_a_block(void **state)
{
    struct blocks_write *write = blocks_write_create();
    char *large = memory_alloc(BLOCKS_SIZE_MAX + 1);
    uint8_t digest[64] = {0};
    struct error err = {0};
    struct cid cid;

    cid_make(&cid, 1, CODEC_RAW, 0x7fff, digest, 32);
    assert_false(blocks_write_put(write, &cid, SLICE("x"), &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    err = (struct error){0};
    cid_make(&cid, 1, CODEC_RAW, HASH_SHA2_256, digest, 10);
    assert_false(blocks_write_put(write, &cid, SLICE("x"), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    err = (struct error){0};
    cid_make(&cid, 1, CODEC_RAW, HASH_SHA2_256, digest, 32);
    assert_false(blocks_write_put(write, &cid, (struct slice){large, BLOCKS_SIZE_MAX + 1}, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(blocks_write_size(write), 0);
    blocks_write_destroy(&write);
    free(large);
}

static void test_blocks_identity_is_always_there_and_never_stored(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *write = blocks_write_create();
    struct error err = {0};
    uint8_t digest[HASH_DIGEST_MAX];
    struct seen seen;
    struct cid cid;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_IDENTITY, SLICE("tiny"));
    assert_true(blocks_write_put(write, &cid, SLICE("tiny"), &err));
    blocks_write_remove(write, &cid);
    seen = kit_write(kit, write);
    assert_int_equal(seen.written.added + seen.written.removed, 0);
    seen = kit_read_one(kit, BLOCKS_CHECKED, &cid);
    assert_int_equal(seen.states[0], ERROR_NONE);
    assert_int_equal(seen.sizes[0], 4);
    hash_block(HASH_SHA2_256, SLICE("tiny"), digest);
    assert_memory_equal(seen.digests[0], digest, 32);
    kit_expect_totals(kit, 0, 0);
}

/* ---- many at once */

static void test_blocks_that_wait_share_a_sync(void **state)
{
    enum { WRITES = 200 };
    struct kit *kit = *state;
    struct seen *seen = memory_alloc(WRITES * sizeof(*seen));
    struct blocks_totals totals;

    for (unsigned n = 0; n < WRITES; n++) {
        struct blocks_write *write = blocks_write_create();

        kit_put(write, n, 100);
        assert_true(blocks_write_start(kit->blocks, kit->loop, write, kit_on_written, &seen[n],
                                       &seen[n].err));
    }
    for (unsigned n = 0; n < WRITES; n++) {
        kit_await(kit, &seen[n]);
        assert_int_equal(seen[n].written.added, 1);
    }
    totals = blocks_totals(kit->blocks);
    assert_int_equal(totals.written, WRITES);
    assert_in_range(totals.groups, 1, WRITES - 1);
    assert_int_equal(totals.waiting_bytes, 0);
    kit_expect(kit, 0, WRITES, 100, true);
    free(seen);
}

static void test_blocks_fill_segment_after_segment(void **state)
{
    struct kit *kit = *state;

    kit_write_many(kit, 0, 300, 1000); /* in one write */
    for (unsigned n = 300; n < 330; n++)
        kit_write_many(kit, n, 1, 10000);
    assert_in_range(blocks_totals(kit->blocks).segments, 9, 12);
    kit_reopen(kit);
    kit_expect(kit, 0, 300, 1000, true);
    kit_expect(kit, 300, 30, 10000, true);
    kit_write_many(kit, 400, 1, 1000);
    kit_expect(kit, 400, 1, 1000, true);
}

/* ---- reads */

static void test_blocks_read_answers_in_order_with_what_is_not_there(void **state)
{
    struct kit *kit = *state;
    struct blocks_read *read = blocks_read_create(BLOCKS_DATA);
    struct seen seen;

    kit_write_many(kit, 0, 5, 500);
    for (unsigned n = 0; n < 10; n++) {
        struct cid cid = kit_cid(9 - n, 500);

        blocks_read_add(read, &cid);
    }
    seen = kit_read(kit, read);
    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_int_equal(seen.count, 10);
    for (unsigned n = 0; n < 10; n++) {
        struct cid cid = kit_cid(9 - n, 500);

        assert_true(cid_equal(&seen.cids[n], &cid));
        assert_int_equal(seen.states[n], n < 5 ? ERROR_NOT_FOUND : ERROR_NONE);
        if (n >= 5)
            assert_memory_equal(seen.digests[n], cid_digest(&cid), 32);
    }
}

static void test_blocks_size_reads_no_segment(void **state)
{
    struct kit *kit = *state;
    struct cid cid = kit_cid(1, 700);
    char path[160];
    struct seen seen;

    kit_write_many(kit, 1, 1, 700);
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(unlink(path), 0);
    seen = kit_read_one(kit, BLOCKS_SIZE, &cid);
    assert_int_equal(seen.states[0], ERROR_NONE);
    assert_int_equal(seen.sizes[0], 700);
}

static void test_blocks_read_answers_no_more_than_fits(void **state)
{
    struct kit *kit = *state;
    struct blocks_read *read = blocks_read_create(BLOCKS_DATA);
    struct seen seen;

    for (unsigned n = 0; n < 12; n++) {
        struct cid cid = kit_cid(n, 1 << 20);

        kit_write_many(kit, n, 1, 1 << 20);
        blocks_read_add(read, &cid);
    }
    seen = kit_read(kit, read);
    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_in_range(seen.count, 7, 8);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(seen.states[i], ERROR_NONE);
}

static void test_blocks_list_goes_through_all_in_order(void **state)
{
    struct kit *kit = *state;
    struct cid last;
    const struct cid *after = NULL;
    unsigned count = 0;

    kit_write_many(kit, 0, 100, 64);
    for (;;) {
        struct blocks_read *list;
        struct seen seen = {0};

        assert_true(blocks_list_start(kit->blocks, kit->loop, &list, after, 7, kit_on_found, &seen,
                                      &seen.err));
        kit_await(kit, &seen);
        if (seen.count == 0)
            break;
        for (size_t i = 0; i < seen.count; i++) {
            assert_true(after == NULL || memcmp(cid_multihash(after).data,
                                                cid_multihash(&seen.cids[i]).data, 34) < 0);
            assert_int_equal(seen.sizes[i], 64);
            last = seen.cids[i];
            after = &last;
            count++;
        }
    }
    assert_int_equal(count, 100);
}

/* ---- removal */

static void test_blocks_removed_are_gone_and_can_come_back(void **state)
{
    struct kit *kit = *state;
    struct seen seen;

    kit_write_many(kit, 0, 10, 1000);
    seen = kit_remove_many(kit, 5, 10, 1000); /* five of them were never there */
    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_int_equal(seen.written.removed, 5);
    assert_int_equal(seen.written.removed_bytes, 5000);
    kit_expect(kit, 0, 5, 1000, true);
    kit_expect(kit, 5, 5, 1000, false);
    kit_expect_totals(kit, 5, 5000);
    kit_reopen(kit);
    kit_expect(kit, 5, 5, 1000, false);
    kit_write_many(kit, 5, 5, 1000);
    kit_expect(kit, 0, 10, 1000, true);
    kit_expect_totals(kit, 10, 10000);
}

static void test_blocks_compact_frees_the_disk_and_keeps_the_rest(void **state)
{
    struct kit *kit = *state;
    uint64_t before, freed = 0;
    struct seen seen;

    kit_write_many(kit, 0, 600, 1000);
    before = blocks_totals(kit->blocks).disk_bytes;
    seen = kit_compact(kit);
    assert_false(seen.written.may_compact);
    assert_int_equal(seen.written.freed_bytes, 0);
    seen = kit_remove_many(kit, 0, 500, 1000);
    assert_true(seen.written.may_compact);
    assert_int_equal(blocks_totals(kit->blocks).disk_bytes, before);
    do {
        seen = kit_compact(kit);
        assert_int_equal(seen.err.code, ERROR_NONE);
        freed += seen.written.freed_bytes;
    } while (seen.written.may_compact);
    assert_in_range(freed, 480 * 1043, 500 * 1043);
    assert_int_equal(blocks_totals(kit->blocks).disk_bytes, before - freed);
    kit_expect(kit, 500, 100, 1000, true);
    kit_reopen(kit);
    kit_expect(kit, 0, 500, 1000, false);
    kit_expect(kit, 500, 100, 1000, true);
    kit_expect_totals(kit, 100, 100000);
}

static void test_blocks_can_be_read_while_they_are_moved(void **state)
{
    struct kit *kit = *state;
    struct seen reads[8];

    kit_write_many(kit, 0, 400, 1000);
    for (unsigned round = 0; round < 6; round++) {
        struct blocks_write *write = blocks_write_create();

        kit_remove_many(kit, round * 50, 45, 1000); /* 5 of each 50 stay */
        blocks_write_compact(write);
        assert_true(blocks_write_start(kit->blocks, NULL, write, NULL, NULL, &reads[0].err));
        for (unsigned i = 0; i < ARRAY_SIZE(reads); i++) {
            struct blocks_read *read = blocks_read_create(BLOCKS_CHECKED);

            reads[i] = (struct seen){0};
            for (unsigned n = 0; n < 5 * (round + 1); n++) {
                struct cid cid = kit_cid(n / 5 * 50 + 45 + n % 5, 1000);

                blocks_read_add(read, &cid);
            }
            assert_true(blocks_read_start(kit->blocks, kit->loop, read, kit_on_found, &reads[i],
                                          &reads[i].err));
        }
        for (unsigned i = 0; i < ARRAY_SIZE(reads); i++) {
            kit_await(kit, &reads[i]);
            assert_int_equal(reads[i].err.code, ERROR_NONE);
            for (unsigned n = 0; n < 5 * (round + 1); n++)
                assert_int_equal(reads[i].states[n], ERROR_NONE);
        }
    }
}

/* ---- refused, cancelled, closed */

static void test_blocks_write_is_refused_while_too_much_waits(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *writes[16], *write = NULL; /* made before: they come faster than a sync */
    struct seen seen = {0};
    unsigned accepted = 0;

    blocks_close(&kit->blocks);
    kit->settings.queue_bytes_max = 1 << 20;
    kit_open(kit);
    for (unsigned n = 0; n < ARRAY_SIZE(writes); n++) {
        writes[n] = blocks_write_create();
        for (unsigned i = 0; i < 3; i++)
            kit_put(writes[n], 3 * n + i, 300000);
    }
    for (unsigned n = 0; n < ARRAY_SIZE(writes) && write == NULL; n++) {
        if (blocks_write_start(kit->blocks, kit->loop, writes[n], kit_on_written, &seen, &seen.err))
            accepted++;
        else
            write = writes[n];
    }
    for (unsigned n = accepted + 1; n < ARRAY_SIZE(writes); n++)
        blocks_write_destroy(&writes[n]);
    assert_non_null(write);
    assert_int_equal(seen.err.code, ERROR_LIMIT);
    for (int turns = 0; seen.calls < accepted && turns < 1000; turns++)
        loop_turn(kit->loop, 10);
    assert_int_equal(seen.calls, accepted);
    seen = (struct seen){0};
    assert_int_equal(kit_write(kit, write).written.added, 3); /* it stayed ours, and goes now */
}

struct gate {
    struct job job;
    sem_t open;
    unsigned done;
};

static void wait_for_gate(struct job *job)
{
    sem_wait(&CONTAINER_OF(job, struct gate, job)->open);
}

static void on_gate(struct job *job)
{
    CONTAINER_OF(job, struct gate, job)->done++;
}

/* Both threads of the pool wait. */
static void close_gates(struct kit *kit, struct gate gates[2])
{
    for (int i = 0; i < 2; i++) {
        gates[i] = (struct gate){.job = {.run = wait_for_gate, .on_done = on_gate}};
        sem_init(&gates[i].open, 0, 0);
        assert_true(job_start(kit->jobs, kit->loop, &gates[i].job));
    }
}

static void wait_for_gates(struct kit *kit, struct gate gates[2])
{
    while (gates[0].done + gates[1].done < 2)
        loop_turn(kit->loop, 10);
    for (int i = 0; i < 2; i++)
        sem_destroy(&gates[i].open);
}

static void open_gates(struct kit *kit, struct gate gates[2])
{
    for (int i = 0; i < 2; i++)
        sem_post(&gates[i].open);
    wait_for_gates(kit, gates);
}

static void test_blocks_read_is_refused_while_too_many_jobs_wait(void **state)
{
    struct kit *kit = *state;
    struct cid cid = kit_cid(1, 10);
    struct seen seen = {0}, refused = {0};
    struct blocks_read *read;
    unsigned accepted = 0;
    struct gate gates[2];

    kit_write_many(kit, 1, 1, 10);
    close_gates(kit, gates);
    for (;;) {
        read = blocks_read_create(BLOCKS_DATA);
        blocks_read_add(read, &cid);
        if (!blocks_read_start(kit->blocks, kit->loop, read, kit_on_found, &seen, &seen.err))
            break;
        accepted++;
        assert_in_range(accepted, 1, 100);
    }
    assert_int_equal(seen.err.code, ERROR_LIMIT);
    blocks_read_destroy(&read);
    assert_false(blocks_list_start(kit->blocks, kit->loop, &read, NULL, 1, kit_on_found, &refused,
                                   &refused.err));
    assert_null(read);
    open_gates(kit, gates);
    for (int turns = 0; seen.calls < accepted && turns < 1000; turns++)
        loop_turn(kit->loop, 10);
    assert_int_equal(seen.calls, accepted);
    assert_int_equal(refused.calls, 0);
}

static void test_blocks_canceled_read_is_not_answered(void **state)
{
    struct kit *kit = *state;
    struct cid cid = kit_cid(1, 10);
    struct seen seen = {0}, after;
    struct blocks_read *reads[2], *list;
    struct gate gates[2];

    kit_write_many(kit, 1, 1, 10);
    close_gates(kit, gates);
    for (int i = 0; i < 2; i++) {
        reads[i] = blocks_read_create(BLOCKS_DATA);
        blocks_read_add(reads[i], &cid);
        assert_true(
            blocks_read_start(kit->blocks, kit->loop, reads[i], kit_on_found, &seen, &seen.err));
    }
    assert_true(
        blocks_list_start(kit->blocks, kit->loop, &list, NULL, 5, kit_on_found, &seen, &seen.err));
    blocks_read_cancel(&reads[0]); /* before it ran */
    blocks_read_cancel(&list);
    assert_null(list);
    for (int i = 0; i < 2; i++)
        sem_post(&gates[i].open);
    usleep(20000);
    blocks_read_cancel(&reads[1]); /* it has run, and its answer waits */
    wait_for_gates(kit, gates);
    after = kit_read_one(kit, BLOCKS_DATA, &cid);
    assert_int_equal(after.calls, 1);
    loop_turn(kit->loop, 10);
    assert_int_equal(seen.calls, 0);
}

static void test_blocks_canceled_write_is_not_answered_and_done_all_the_same(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *write = blocks_write_create();
    struct seen seen = {0};

    kit_put(write, 1, 10);
    assert_true(
        blocks_write_start(kit->blocks, kit->loop, write, kit_on_written, &seen, &seen.err));
    blocks_write_cancel(&write);
    assert_null(write);
    kit_write_many(kit, 2, 1, 10);
    loop_turn(kit->loop, 0);
    assert_int_equal(seen.calls, 0);
    kit_expect(kit, 1, 2, 10, true);
}

static void test_blocks_close_finishes_what_was_accepted(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *write = blocks_write_create();
    struct cid cid = kit_cid(0, 1000);
    struct blocks_read *read = blocks_read_create(BLOCKS_DATA);
    struct seen written = {0}, found = {0};

    kit_write_many(kit, 0, 1, 1000);
    blocks_read_add(read, &cid);
    for (unsigned n = 1; n < 100; n++)
        kit_put(write, n, 1000);
    assert_true(
        blocks_write_start(kit->blocks, kit->loop, write, kit_on_written, &written, &written.err));
    assert_true(blocks_read_start(kit->blocks, kit->loop, read, kit_on_found, &found, &found.err));
    blocks_close(&kit->blocks);
    assert_int_equal(written.calls + found.calls, 0);
    kit_await(kit, &written);
    kit_await(kit, &found);
    assert_int_equal(written.written.added, 99);
    assert_int_equal(found.states[0], ERROR_NONE);
    kit_open(kit);
    kit_expect(kit, 0, 100, 1000, true);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_blocks_put_is_there_after_it_was_answered),
        TEST(test_blocks_of_every_size_are_kept),
        TEST(test_blocks_put_twice_is_kept_once),
        TEST(test_blocks_are_the_same_for_all_cids_of_a_multihash),
        TEST(test_blocks_of_any_supported_hash_are_kept),
        TEST(test_blocks_put_refuses_what_cannot_be_a_block),
        TEST(test_blocks_identity_is_always_there_and_never_stored),
        TEST(test_blocks_that_wait_share_a_sync),
        TEST(test_blocks_fill_segment_after_segment),
        TEST(test_blocks_read_answers_in_order_with_what_is_not_there),
        TEST(test_blocks_size_reads_no_segment),
        TEST(test_blocks_read_answers_no_more_than_fits),
        TEST(test_blocks_list_goes_through_all_in_order),
        TEST(test_blocks_removed_are_gone_and_can_come_back),
        TEST(test_blocks_compact_frees_the_disk_and_keeps_the_rest),
        TEST(test_blocks_can_be_read_while_they_are_moved),
        TEST(test_blocks_write_is_refused_while_too_much_waits),
        TEST(test_blocks_read_is_refused_while_too_many_jobs_wait),
        TEST(test_blocks_canceled_read_is_not_answered),
        TEST(test_blocks_canceled_write_is_not_answered_and_done_all_the_same),
        TEST(test_blocks_close_finishes_what_was_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
