// SPDX-License-Identifier: Apache-2.0
/* export, import: objects as CARs, out of the node and into it. */
#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/hash.h"
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/operations.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- export */

struct exporting {
    struct dag_walk *walk; /* NULL: not begun */
    uint64_t skipped;
};

static bool begin_export(struct task *task, struct error *err)
{
    struct exporting *exporting = task->state;
    const struct asked *asked = task->arg;

    exporting->walk = dag_walk_create(task->node, NULL, err);
    if (exporting->walk == NULL || !dag_walk_add_roots(exporting->walk, &asked->cid, 1, err))
        return false;
    car_put_header(&task->out, &asked->cid, 1);
    return true;
}

static bool put_block(void *task_, const struct cid *cid, struct slice block, struct error *err)
{
    struct task *task = task_;
    struct exporting *exporting = task->state;
    struct asked *asked = task->arg;

    if (exporting->skipped < asked->skip) {
        exporting->skipped++;
        return true;
    }
    asked->result.blocks++;
    car_put_section(&task->out, cid, block.size);
    text_put_slice(&task->out, block);
    return true;
}

static enum task_step export_run(struct task *task, struct error *err)
{
    struct exporting *exporting = task->state;
    const struct asked *asked = task->arg;

    if (exporting->walk == NULL && !begin_export(task, err))
        return asked_refuse(err);
    switch (dag_walk_run(exporting->walk, task, put_block, task, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_BAD:
        return asked_refuse(err);
    case DAG_WALK_DONE:
        break;
    }
    if (exporting->skipped == asked->skip)
        return TASK_DONE;
    error_set(err, ERROR_MISMATCH, "the object has %llu blocks, and not %llu to leave out",
              (unsigned long long)exporting->skipped, (unsigned long long)asked->skip);
    return TASK_FAILED;
}

static void export_dispose(struct task *task)
{
    dag_walk_destroy(&((struct exporting *)task->state)->walk);
}

static void tell_output(void *asked_, struct slice output)
{
    struct asked *asked = asked_;

    asked->on_content(asked->arg, output);
}

bool embedded_export(struct upstream *upstream, struct operation **operation,
                     const struct cid *root, uint64_t skip, operation_content on_content,
                     operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {
        .state_size = sizeof(struct exporting), .run = export_run, .dispose = export_dispose};
    struct asked *asked = asked_create(on_done, arg);

    asked->cid = *root;
    asked->skip = skip;
    asked->on_content = on_content;
    return asked_start_output(asked, upstream, operation, &command, tell_output);
}

/* ---- import */

enum { PIECE = 256 * 1024 };

struct importing {
    int fd; /* 0: not opened */
    struct car_reader *reader;
    char *piece;
    struct slice input; /* within piece */
};

static bool open_file(struct importing *importing, const char *path, struct error *err)
{
    importing->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (importing->fd < 0) {
        importing->fd = 0;
        return error_set_errno(err, "%s", path);
    }
    importing->reader = car_reader_create(NULL);
    importing->piece = memory_alloc(PIECE);
    return true;
}

/* *is_end: there is no more. */
static bool read_piece(struct importing *importing, const char *path, bool *is_end,
                       struct error *err)
{
    ssize_t got = read(importing->fd, importing->piece, PIECE);

    if (got < 0)
        return error_set_errno(err, "%s", path);
    importing->input = (struct slice){importing->piece, (size_t)got};
    *is_end = got == 0;
    return true;
}

/* What lay in a file may have changed since it was verified. */
static bool take_block(struct task *task, struct importing *importing, struct error *err)
{
    const struct car_block *block = car_reader_block(importing->reader);
    struct asked *asked = task->arg;

    if (!hash_verify(&block->cid, block->data, err))
        return false;
    asked->result.blocks++;
    asked->result.bytes += block->data.size;
    return task_put(task, &block->cid, block->data, err);
}

static enum task_step import_piece(struct task *task, struct error *err)
{
    struct importing *importing = task->state;
    const struct asked *asked = task->arg;
    bool is_end = false;

    switch (car_reader_next(importing->reader, &importing->input, err)) {
    case CAR_HEADER:
        return TASK_GO_ON;
    case CAR_BLOCK:
        return take_block(task, importing, err) ? TASK_GO_ON : TASK_FAILED;
    case CAR_MORE:
        if (!read_piece(importing, asked->path.data, &is_end, err))
            return TASK_FAILED;
        if (!is_end)
            return TASK_GO_ON;
        return car_reader_finish(importing->reader, err) == CAR_END ? TASK_DONE : TASK_FAILED;
    case CAR_END:
    case CAR_BAD:
        break;
    }
    return TASK_FAILED;
}

static enum task_step import_run(struct task *task, struct error *err)
{
    struct importing *importing = task->state;
    const struct asked *asked = task->arg;
    enum task_step step = TASK_GO_ON;

    if (importing->fd == 0 && !open_file(importing, asked->path.data, err))
        return TASK_FAILED;
    while (step == TASK_GO_ON && !task_is_due(task))
        step = import_piece(task, err);
    return step;
}

static void import_dispose(struct task *task)
{
    struct importing *importing = task->state;

    if (importing->fd > 0)
        close(importing->fd);
    car_reader_destroy(&importing->reader);
    free(importing->piece);
}

bool embedded_import(struct upstream *upstream, struct operation **operation, const char *path,
                     operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {.state_size = sizeof(struct importing),
                                                .run = import_run,
                                                .dispose = import_dispose,
                                                .writes = true};
    struct asked *asked = asked_create(on_done, arg);

    text_put_text(&asked->path, path);
    return asked_start(asked, upstream, operation, &command, NULL);
}
