// SPDX-License-Identifier: Apache-2.0
/* Walks over random DAGs, in slices of any size, beside ipfs/walk over the same in memory. */
#include "upstream/embedded/dag_walk.h"

#include "task_bench.h"
#include "tests/unit/ipfs/dag.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BLOCKS = 300, LINKS_MAX = 5 };

/* ---- the command that walks */

struct wanted {
    const struct cid *roots;
    size_t root_count;
    struct walk_limits limits;
    bool skips_leaves, allows_missing, stops;
    struct text visits; /* out: "<size>:<depth> <cid>" of each block, "- <cid>" of each missing */
    struct walk_stats stats;
};

struct state {
    struct dag_walk *walk;
};

static bool note_block(void *task_, const struct cid *cid, struct slice block, struct error *err)
{
    struct task *task = task_;
    struct wanted *wanted = task->arg;
    const struct state *state = task->state;

    text_put_format(&wanted->visits, "%zu:%u ", block.size, dag_walk_depth(state->walk));
    cid_print(cid, CID_BASE_DEFAULT, &wanted->visits);
    text_put_char(&wanted->visits, '\n');
    return !wanted->stops || error_set(err, ERROR_CANCELED, "enough");
}

static bool note_missing(void *task_, const struct cid *cid, const struct error *why,
                         struct error *err)
{
    struct wanted *wanted = ((struct task *)task_)->arg;

    text_put_text(&wanted->visits, "- ");
    cid_print(cid, CID_BASE_DEFAULT, &wanted->visits);
    text_put_char(&wanted->visits, '\n');
    return why->code == ERROR_NOT_FOUND || error_copy(err, why);
}

static bool begin(struct task *task, struct error *err)
{
    const struct wanted *wanted = task->arg;
    struct state *state = task->state;

    state->walk = dag_walk_create(task->node, &wanted->limits, err);
    if (state->walk == NULL)
        return false;
    if (wanted->skips_leaves)
        dag_walk_skip_leaves(state->walk);
    if (wanted->allows_missing)
        dag_walk_allow_bad(state->walk, note_missing, task);
    return dag_walk_add_roots(state->walk, wanted->roots, wanted->root_count, err);
}

static enum task_step run_walk(struct task *task, struct error *err)
{
    struct wanted *wanted = task->arg;
    struct state *state = task->state;

    if (state->walk == NULL && !begin(task, err))
        return TASK_FAILED;
    switch (dag_walk_run(state->walk, task, note_block, task, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_BAD:
        return TASK_FAILED;
    case DAG_WALK_DONE:
        break;
    }
    wanted->stats = *dag_walk_stats(state->walk);
    return TASK_DONE;
}

static void dispose_walk(struct task *task)
{
    dag_walk_destroy(&((struct state *)task->state)->walk);
}

static const struct task_command walk_command = {.id = COMMAND_DAG_STAT,
                                                 .state_size = sizeof(struct state),
                                                 .run = run_walk,
                                                 .dispose = dispose_walk};

static struct error walk_blocks(struct task_bench *bench, struct wanted *wanted, bool is_always_due,
                                unsigned *slices)
{
    struct task_bench_call call = {.target = "/api/v0/dag/stat?arg=bafkqaaa",
                                   .command = &walk_command,
                                   .arg = wanted,
                                   .is_always_due = is_always_due};
    struct task_bench_reply reply;
    struct error err;

    text_clear(&wanted->visits);
    task_bench_run(bench, &call, &reply);
    err = reply.err;
    if (slices != NULL)
        *slices = reply.slices;
    task_bench_reply_dispose(&reply);
    return err;
}

/* ---- DAGs */

/* Each block links to some of those before it; some twice, some as v0, some inline. */
static struct cid build_random(struct dag *dag, unsigned seed)
{
    struct cid links[LINKS_MAX], last = dag_put_raw(dag, "leaf");
    char text[32];

    for (unsigned n = 0; n < BLOCKS; n++) {
        unsigned count = (unsigned)rand_r(&seed) % (LINKS_MAX + 1);

        snprintf(text, sizeof(text), "block %u", n);
        for (unsigned i = 0; i < count; i++)
            links[i] = dag->blocks[(unsigned)rand_r(&seed) % dag->count].cid;
        if (n % 7 == 3)
            hash_make_cid(&links[count > 0 ? count - 1 : 0], 1, CODEC_RAW, HASH_IDENTITY,
                          slice_of(text));
        if (n % 3 == 0)
            last = dag_put_raw(dag, text);
        else
            last = dag_put_links(dag, text, links, count);
    }
    links[0] = dag->blocks[dag->count - 2].cid;
    links[1] = dag->blocks[dag->count / 2].cid;
    links[2] = last;
    return dag_put_links(dag, "root", links, 3);
}

static void store(struct task_bench *bench, const struct dag *dag)
{
    for (size_t i = 0; i < dag->count; i++)
        task_bench_put(bench, &dag->blocks[i].cid, text_slice(&dag->blocks[i].data));
}

struct reference {
    struct walk *walk;
    struct text *visits;
};

static bool note_reference(void *reference_, const struct cid *cid, struct slice block,
                           struct error *err)
{
    struct reference *reference = reference_;

    text_put_format(reference->visits, "%zu:%u ", block.size, walk_wanted_depth(reference->walk));
    cid_print(cid, CID_BASE_DEFAULT, reference->visits);
    text_put_char(reference->visits, '\n');
    (void)err;
    return true;
}

static struct walk_stats walk_reference(struct dag *dag, const struct cid *root,
                                        struct text *visits)
{
    struct walk_memory *memory = walk_memory_create(&(struct cid_set_key){{1, 2}}, SIZE_MAX);
    struct reference reference = {walk_create(NULL, memory), visits};
    struct walk_stats stats;
    struct error err = {0};

    assert_true(walk_add_roots(reference.walk, root, 1, &err));
    if (!walk_run(reference.walk, &dag->source, note_reference, &reference, &err))
        fail_msg("%s", err.text);
    stats = *walk_stats(reference.walk);
    walk_destroy(&reference.walk);
    walk_memory_destroy(&memory);
    return stats;
}

/* ---- */

static void test_dag_walk_sees_what_a_walk_in_memory_sees_whatever_its_slices(void **state)
{
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct dag dag = {0};
        struct cid root = build_random(&dag, seed);
        struct wanted wanted = {.roots = &root, .root_count = 1};
        struct text expected = {0};
        struct walk_stats stats = walk_reference(&dag, &root, &expected);
        unsigned slices;

        store(*state, &dag);
        for (unsigned way = 0; way < 4; way++) {
            wanted.skips_leaves = (way & 1) != 0;
            assert_int_equal(walk_blocks(*state, &wanted, (way & 2) != 0, &slices).code,
                             ERROR_NONE);
            assert_string_equal(wanted.visits.data, expected.data);
            assert_int_equal(wanted.stats.blocks, stats.blocks);
            assert_int_equal(wanted.stats.bytes, stats.bytes);
            if ((way & 2) != 0)
                assert_in_range(slices, stats.blocks, stats.blocks + 1);
        }
        text_dispose(&wanted.visits);
        text_dispose(&expected);
        dag_dispose(&dag);
    }
}

static void test_dag_walk_takes_several_roots_once_each(void **state)
{
    struct dag dag = {0};
    struct cid a = dag_put_raw(&dag, "a"), b = dag_put_links(&dag, "b", &a, 1);
    struct cid roots[] = {b, a, b};
    struct wanted wanted = {.roots = roots, .root_count = 3};

    store(*state, &dag);
    assert_int_equal(walk_blocks(*state, &wanted, true, NULL).code, ERROR_NONE);
    assert_int_equal(wanted.stats.blocks, 2);
    text_dispose(&wanted.visits);
    dag_dispose(&dag);
}

static void test_dag_walk_names_a_missing_block_or_passes_over_it(void **state)
{
    struct dag dag = {0};
    struct cid a = dag_put_raw(&dag, "here"), gone, root;
    struct wanted wanted = {.roots = &root, .root_count = 1};
    struct error err;
    char text[200];

    hash_make_cid(&gone, 1, CODEC_RAW, HASH_SHA2_256, SLICE("gone"));
    root = dag_put_links(&dag, "root", (struct cid[]){gone, a}, 2);
    store(*state, &dag);
    for (unsigned way = 0; way < 2; way++) {
        wanted.skips_leaves = way == 1;
        err = walk_blocks(*state, &wanted, false, NULL);
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        assert_string_equal(err.text,
                            "block was not found locally (offline): ipld: could not find "
                            "bafkreibiho4553yc42cdvp5vhdx2d3fhbaa33ctqdq7zqgi6ci2jmm4si4");
    }
    wanted.allows_missing = true;
    assert_int_equal(walk_blocks(*state, &wanted, false, NULL).code, ERROR_NONE);
    assert_int_equal(wanted.stats.missing, 1);
    assert_int_equal(wanted.stats.blocks, 2);
    snprintf(text, sizeof(text), "- %s\n4:1 ",
             "bafkreibiho4553yc42cdvp5vhdx2d3fhbaa33ctqdq7zqgi6ci2jmm4si4");
    assert_non_null(strstr(wanted.visits.data, text));
    text_dispose(&wanted.visits);
    dag_dispose(&dag);
}

static void test_dag_walk_ends_where_its_limits_or_its_caller_say(void **state)
{
    struct dag dag = {0};
    struct cid a = dag_put_raw(&dag, "aaaa"), root = dag_put_links(&dag, "root", &a, 1);
    struct wanted wanted = {.roots = &root, .root_count = 1, .limits = {.blocks = 1}};

    store(*state, &dag);
    assert_int_equal(walk_blocks(*state, &wanted, false, NULL).code, ERROR_LIMIT);
    wanted.limits = (struct walk_limits){.blocks = 2};
    assert_int_equal(walk_blocks(*state, &wanted, false, NULL).code, ERROR_NONE);
    wanted.stops = true;
    assert_int_equal(walk_blocks(*state, &wanted, false, NULL).code, ERROR_CANCELED);
    assert_string_equal(strchr(wanted.visits.data, '\n'), "\n"); /* one visit */
    text_dispose(&wanted.visits);
    dag_dispose(&dag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_dag_walk_sees_what_a_walk_in_memory_sees_whatever_its_slices, task_bench_setup,
            task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_walk_takes_several_roots_once_each,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_walk_names_a_missing_block_or_passes_over_it,
                                        task_bench_setup, task_bench_teardown),
        cmocka_unit_test_setup_teardown(test_dag_walk_ends_where_its_limits_or_its_caller_say,
                                        task_bench_setup, task_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
