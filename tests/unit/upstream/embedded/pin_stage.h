// SPDX-License-Identifier: Apache-2.0
/* What the tests of pins, garbage and the repository share: a node with a few objects, and calls in
 * whose texts @root, @left, ... stand for the objects' CIDs. Each call is run in slices as large as
 * they may be, or as small: the stage says which. */
#ifndef TESTS_UNIT_UPSTREAM_EMBEDDED_PIN_STAGE_H
#define TESTS_UNIT_UPSTREAM_EMBEDDED_PIN_STAGE_H

#include "task_bench.h"
#include "tests/unit/ipfs/dag.h"
#include "upstream/embedded/files.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"

#include <ctype.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* @root -> @left, @right; @left -> @one, @two; @right -> @two; @other -> @gone. All but @gone are
 * in the store. @old is @left in its v0 form. */
enum { ONE, TWO, LEFT, RIGHT, ROOT, GONE, OTHER, OLD, OBJECTS };

static const char *const stage_names[OBJECTS] = {"one",  "two",  "left",  "right",
                                                 "root", "gone", "other", "old"};

struct stage {
    struct task_bench *bench;
    struct dag dag;
    struct cid cids[OBJECTS];
    bool is_always_due;
};

static inline void stage_store(struct stage *stage, size_t object)
{
    task_bench_put(stage->bench, &stage->cids[object], text_slice(&stage->dag.blocks[object].data));
}

static inline int stage_setup(void **state)
{
    struct stage *stage = memory_alloc(sizeof(*stage));
    struct cid *cids = stage->cids;

    (void)task_bench_setup((void **)&stage->bench);
    cids[ONE] = dag_put_raw(&stage->dag, "one");
    cids[TWO] = dag_put_raw(&stage->dag, "two");
    cids[LEFT] = dag_put_links(&stage->dag, "left", &cids[ONE], 2);
    cids[RIGHT] = dag_put_links(&stage->dag, "right", &cids[TWO], 1);
    cids[ROOT] = dag_put_links(&stage->dag, "root", &cids[LEFT], 2);
    cids[GONE] = dag_put_raw(&stage->dag, "gone");
    cids[OTHER] = dag_put_links(&stage->dag, "other", &cids[GONE], 1);
    cid_make(&cids[OLD], 0, CODEC_DAG_PB, HASH_SHA2_256, cid_digest(&cids[LEFT]), 32);
    for (size_t i = 0; i < OLD; i++)
        if (i != GONE)
            stage_store(stage, i);
    *state = stage;
    return 0;
}

static inline int stage_setup_due(void **state)
{
    int result = stage_setup(state);

    ((struct stage *)*state)->is_always_due = true;
    return result;
}

static inline int stage_teardown(void **state)
{
    struct stage *stage = *state;

    (void)task_bench_teardown((void **)&stage->bench);
    dag_dispose(&stage->dag);
    free(stage);
    return 0;
}

/* Both ways. */
#define STAGE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown),                            \
        cmocka_unit_test_setup_teardown(name, stage_setup_due, stage_teardown)

static inline void stage_put_cid(const struct stage *stage, const char **at, struct text *out)
{
    size_t size = 0;

    while (islower((unsigned char)(*at)[1 + size]))
        size++;
    for (size_t i = 0; i < OBJECTS; i++)
        if (slice_is((struct slice){*at + 1, size}, stage_names[i]))
            cid_print(&stage->cids[i], CID_BASE_DEFAULT, out);
    *at += 1 + size;
}

/* The caller frees it. */
static inline char *stage_expand(const struct stage *stage, const char *template)
{
    struct text out = {0};

    text_put_text(&out, "");
    while (*template != '\0')
        if (*template == '@')
            stage_put_cid(stage, &template, &out);
        else
            text_put_char(&out, *template ++);
    return out.data != NULL ? out.data : memory_copy_text("");
}

static inline void stage_run(struct stage *stage, const char *target,
                             struct task_bench_reply *reply)
{
    struct text path = {0};
    char *expanded = stage_expand(stage, target);

    text_put_format(&path, "/api/v0/%s", expanded);
    task_bench_run(
        stage->bench,
        &(struct task_bench_call){.target = path.data, .is_always_due = stage->is_always_due},
        reply);
    text_dispose(&path);
    free(expanded);
}

static inline void stage_compare(const struct stage *stage, const char *target, struct slice got,
                                 const char *wanted)
{
    char *expanded = stage_expand(stage, wanted);

    if (!slice_is(got, expanded))
        fail_msg("%s:\n%.*s\n but wanted is\n%s", target, SLICE_ARGS(got), expanded);
    free(expanded);
}

static inline void stage_expect(struct stage *stage, const char *target, const char *output)
{
    struct task_bench_reply reply;

    stage_run(stage, target, &reply);
    if (reply.err.code != ERROR_NONE)
        fail_msg("%s: %s", target, reply.err.text);
    stage_compare(stage, target, text_slice(&reply.output), output);
    task_bench_reply_dispose(&reply);
}

/* output: what came before. */
static inline void stage_expect_failure(struct stage *stage, const char *target,
                                        const char *message, const char *output)
{
    struct task_bench_reply reply;

    stage_run(stage, target, &reply);
    if (reply.err.code == ERROR_NONE)
        fail_msg("%s: it did not fail", target);
    stage_compare(stage, target, slice_of(reply.err.text), message);
    stage_compare(stage, target, text_slice(&reply.output), output);
    task_bench_reply_dispose(&reply);
}

/* Spoils one byte of what an object's block has on disk. */
static inline void stage_damage(struct stage *stage, size_t object)
{
    struct slice data = text_slice(&stage->dag.blocks[object].data);
    char path[128], bytes[4096];
    ssize_t size;
    char *found;
    int fd;

    snprintf(path, sizeof(path), "%s/blocks/0000000001.blocks", stage->bench->folder);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    size = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(size > 0);
    found = memmem(bytes, (size_t)size, data.data, data.size);
    assert_non_null(found);
    assert_int_equal(pwrite(fd, "\xff", 1, found - bytes + (off_t)data.size - 1), 1);
    close(fd);
}

static inline bool stage_has(struct stage *stage, size_t object)
{
    struct blocks_reader *reader = blocks_reader_create(stage->bench->node->blocks, false);
    uint32_t size;
    bool has = blocks_reader_size(reader, &stage->cids[object], &size, NULL);

    blocks_reader_destroy(&reader);
    return has;
}

/* A block goes, as if it had been lost. */
static inline void stage_lose(struct stage *stage, size_t object)
{
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;
    struct error err = {0};

    blocks_write_remove(write, &stage->cids[object]);
    assert_true(blocks_write_now(stage->bench->node->blocks, &write, &written, &err));
    assert_int_equal(written.removed, 1);
}

#endif
