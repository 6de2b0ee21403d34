// SPDX-License-Identifier: Apache-2.0
/* cat: the bytes of files, one behind the other; offset and length count over all of them. All are
 * opened before the first byte goes out, so that what is wrong with one is said by a status. */
#include "conf/memory.h"
#include "upstream/embedded/file_reader.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"

#include <stdlib.h>

struct file {
    struct cid cid;
    uint64_t offset, limit;
};

struct cat {
    size_t argument; /* to be looked at next */
    int64_t offset;  /* that is left of the option */
    int64_t length;  /* of the option; -1: all */
    uint64_t total;  /* bytes of what was chosen */
    struct file *files;
    size_t count, capacity;
    bool is_begun, is_chosen, is_replied;
    size_t reading; /* of files */
    struct file_reader *reader;
};

static void add_file(struct cat *cat, const struct cid *cid, uint64_t limit)
{
    if (cat->count == cat->capacity) {
        cat->capacity = cat->capacity > 0 ? 2 * cat->capacity : 1;
        cat->files = memory_resize_array(cat->files, cat->capacity, sizeof(*cat->files));
    }
    cat->files[cat->count++] = (struct file){*cid, (uint64_t)cat->offset, limit};
}

/* Takes what the options want of a file of this size. The arithmetic is Kubo's, for sizes that lie,
 * too. */
static void choose(struct cat *cat, const struct cid *cid, int64_t size)
{
    uint64_t wanted = (uint64_t)size - (uint64_t)cat->offset;
    uint64_t limit = UINT64_MAX;

    cat->total += wanted;
    if (cat->length > 0 && cat->total >= (uint64_t)cat->length) {
        uint64_t over = cat->total - (uint64_t)cat->length;

        if (over > 0)
            limit = wanted - over;
        cat->total = (uint64_t)cat->length;
        cat->is_chosen = true;
    }
    add_file(cat, cid, limit);
    cat->offset = 0;
}

/* Whether the offset can be found is seen by going there. */
static bool check_offset(struct task *task, const struct cid *cid, int64_t offset,
                         struct error *err)
{
    struct file_reader *reader;
    bool ok =
        offset == 0 || file_reader_open(&reader, task, cid, (uint64_t)offset, UINT64_MAX, err);

    if (ok && offset > 0)
        file_reader_destroy(&reader);
    return ok;
}

static bool look_at(struct task *task, struct cat *cat, const struct call_path *path,
                    struct error *err)
{
    struct file_reader *reader;
    struct path_end end;
    int64_t size;

    if (!path_resolve(task, path, &end, err) ||
        !file_reader_open(&reader, task, &end.cid, 0, UINT64_MAX, err))
        return false;
    size = (int64_t)file_reader_size(reader);
    file_reader_destroy(&reader);
    if (cat->offset > size) {
        cat->offset -= size;
        return true;
    }
    if (!check_offset(task, &end.cid, cat->offset, err))
        return false;
    choose(cat, &end.cid, size);
    return true;
}

static bool begin(struct task *task, struct cat *cat, struct error *err)
{
    cat->is_begun = true;
    cat->offset = call_option_number(task->call, OPT_OFFSET, 0);
    cat->length = call_option_number(task->call, OPT_LENGTH, -1);
    cat->is_chosen = cat->length == 0;
    if (cat->offset < 0)
        return error_set(err, ERROR_UNSUPPORTED, "cannot specify negative offset");
    return cat->length >= 0 || !call_has_option(task->call, OPT_LENGTH) ||
           error_set(err, ERROR_UNSUPPORTED, "cannot specify negative length");
}

static void reply(struct task *task, struct cat *cat)
{
    struct text lines = {0};

    text_put_format(&lines, TASK_STREAM_HEADER "X-Content-Length: %llu\r\n",
                    (unsigned long long)cat->total);
    task_reply(task, "text/plain", lines.data);
    cat->is_replied = true;
    text_dispose(&lines);
}

/* The next piece of the file that is being read. */
static enum task_step put_piece(struct task *task, struct cat *cat, struct error *err)
{
    const struct file *file = &cat->files[cat->reading];
    struct slice piece;

    if (cat->reader == NULL &&
        !file_reader_open(&cat->reader, task, &file->cid, file->offset, file->limit, err))
        return TASK_FAILED;
    switch (file_reader_next(cat->reader, task, &piece, err)) {
    case READ_GOT:
        text_put_slice(&task->out, piece);
        break;
    case READ_DUE:
        break;
    case READ_END:
        file_reader_destroy(&cat->reader);
        cat->reading++;
        break;
    case READ_BAD:
        return TASK_FAILED;
    }
    return TASK_GO_ON;
}

/* Each of its steps may be made again when a block was missing. */
static enum task_step wait_or_fail(struct task *task, struct error *err)
{
    return task_waits_for_block(task, err) ? TASK_WAITS : TASK_FAILED;
}

/* Looks at one argument, or puts one piece out. */
static enum task_step step(struct task *task, struct cat *cat, struct error *err)
{
    if (!cat->is_begun && !begin(task, cat, err))
        return TASK_FAILED;
    if (!cat->is_chosen) {
        if (!look_at(task, cat, &task->call->arguments[cat->argument].path, err))
            return wait_or_fail(task, err);
        if (++cat->argument == task->call->argument_count)
            cat->is_chosen = true;
    }
    if (!cat->is_chosen)
        return TASK_GO_ON;
    if (!cat->is_replied)
        reply(task, cat);
    if (cat->reading == cat->count)
        return TASK_DONE;
    return put_piece(task, cat, err) == TASK_FAILED ? wait_or_fail(task, err) : TASK_GO_ON;
}

static enum task_step run(struct task *task, struct error *err)
{
    enum task_step next;

    do
        next = step(task, task->state, err);
    while (next == TASK_GO_ON && !task_is_due(task));
    return next;
}

static void dispose(struct task *task)
{
    struct cat *cat = task->state;

    file_reader_destroy(&cat->reader);
    free(cat->files);
}

const struct task_command command_cat = {
    .id = COMMAND_CAT,
    .state_size = sizeof(struct cat),
    .run = run,
    .dispose = dispose,
};
