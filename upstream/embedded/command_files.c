// SPDX-License-Identifier: Apache-2.0
/* files/ls, files/read, files/flush: what is in the tree. */
#include "upstream/embedded/command_files.h"

#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/file_reader.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/reply.h"

enum task_step files_failed(struct error *err)
{
    if (err->code == ERROR_SYNTAX) /* a block's, and nothing that the caller wrote */
        err->code = ERROR_MISMATCH;
    return TASK_FAILED;
}

/* ---- ls */

struct ls {
    struct reply_form form;
    bool is_long, has_begun, has_entry;
    struct directory_reader *reader;
};

static void put_entry(struct task *task, struct slice name, const struct files_node *node,
                      const struct reply_form *form)
{
    struct ls *ls = task->state;
    struct text *out = &task->out;

    text_put_text(out, ls->has_entry ? ",{\"Name\":" : "[{\"Name\":");
    ls->has_entry = true;
    reply_put_string(out, name);
    text_put_format(
        out, ",\"Type\":%d,\"Size\":%llu,\"Hash\":", node != NULL && node->is_directory ? 1 : 0,
        node != NULL && !node->is_directory ? (unsigned long long)node->entry.file_size : 0);
    if (node != NULL)
        reply_put_cid_string(out, form, &node->entry.cid);
    else
        text_put_text(out, "\"\"");
    text_put_char(out, '}');
}

static enum task_step end_ls(struct task *task)
{
    const struct ls *ls = task->state;

    text_put_text(&task->out, ls->has_entry ? "]}\n" : "null}\n");
    return TASK_DONE;
}

/* Kubo reads the whole directory before it answers, so what fails does before any output. */
static bool begin_ls(struct task *task, bool *is_whole, struct error *err)
{
    struct ls *ls = task->state;
    struct slice path = files_argument(task->call, 0), dir, name;
    struct cid root = files_root(task->node->files);
    struct files_node node;

    ls->has_begun = true;
    ls->is_long = call_option_bool(task->call, OPT_LONG, false);
    if (!files_find(task, &root, path, &node, err) || !reply_form_of(task->call, &ls->form, err))
        return false;
    text_put_text(&task->out, "{\"Entries\":");
    *is_whole = !node.is_directory || node.entry.tsize <= 4; /* an empty one need not be stored */
    if (node.is_directory)
        return *is_whole || directory_reader_open(&ls->reader, task, &node.entry.cid, err);
    files_split(path, &dir, &name);
    put_entry(task, name, ls->is_long ? &node : NULL, &ls->form);
    return true;
}

static enum read_step next_ls(struct task *task, struct error *err)
{
    struct ls *ls = task->state;
    struct directory_entry entry;
    struct text name = {0};
    struct files_node node;
    static const struct reply_form as_it_is = {CID_BASE_DEFAULT, false}; /* as in Kubo */
    enum read_step step = directory_reader_next(ls->reader, task, &entry, err);

    if (step != READ_GOT)
        return step;
    text_put_slice(&name, entry.name);
    if (ls->is_long && !files_look(task, &entry.cid, &node, err))
        step = READ_BAD;
    else
        put_entry(task, text_slice(&name), ls->is_long ? &node : NULL, &as_it_is);
    text_dispose(&name);
    return step;
}

static enum task_step run_ls(struct task *task, struct error *err)
{
    struct ls *ls = task->state;
    bool is_whole = false;

    if (!ls->has_begun && !begin_ls(task, &is_whole, err))
        return files_failed(err);
    if (is_whole)
        return end_ls(task);
    for (;;) {
        switch (next_ls(task, err)) {
        case READ_GOT:
            if (task_is_due(task))
                return TASK_GO_ON;
            break;
        case READ_DUE:
            return TASK_GO_ON;
        case READ_END:
            return end_ls(task);
        case READ_BAD:
            return files_failed(err);
        }
    }
}

static void dispose_ls(struct task *task)
{
    struct ls *ls = task->state;

    directory_reader_destroy(&ls->reader);
}

const struct task_command command_files_ls = {
    .id = COMMAND_FILES_LS,
    .state_size = sizeof(struct ls),
    .run = run_ls,
    .dispose = dispose_ls,
};

/* ---- read */

struct read {
    struct file_reader *reader;
};

static bool check_range(const struct call *call, struct slice path, const struct files_node *node,
                        struct error *err)
{
    int64_t offset = call_option_number(call, OPT_OFFSET, 0);

    if (node->is_directory)
        return error_set(err, ERROR_UNSUPPORTED, "%.*s was not a file", SLICE_ARGS(path));
    if (node->type == UNIXFS_SYMLINK)
        return error_set(err, ERROR_UNSUPPORTED, "symlinks not yet supported");
    if (offset < 0)
        return error_set(err, ERROR_UNSUPPORTED, "cannot specify negative offset");
    if ((uint64_t)offset > node->entry.file_size)
        return error_set(err, ERROR_UNSUPPORTED, "offset was past end of file (%lld > %llu)",
                         (long long)offset, (unsigned long long)node->entry.file_size);
    return call_option_number(call, OPT_COUNT, 0) >= 0 ||
           error_set(err, ERROR_UNSUPPORTED, "cannot specify negative 'count'");
}

static bool begin_read(struct task *task, struct error *err)
{
    struct read *read = task->state;
    const struct call *call = task->call;
    struct slice path = files_argument(call, 0);
    struct cid root = files_root(task->node->files);
    uint64_t limit = UINT64_MAX;
    struct files_node node;

    if (!files_find(task, &root, path, &node, err))
        return error_prefix(err, "%.*s", SLICE_ARGS(path));
    if (!check_range(call, path, &node, err))
        return false;
    if (call_has_option(call, OPT_COUNT))
        limit = (uint64_t)call_option_number(call, OPT_COUNT, 0);
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    return file_reader_open(&read->reader, task, &node.entry.cid,
                            (uint64_t)call_option_number(call, OPT_OFFSET, 0), limit, err);
}

static enum task_step run_read(struct task *task, struct error *err)
{
    struct read *read = task->state;
    struct slice piece;

    if (read->reader == NULL && !begin_read(task, err))
        return files_failed(err);
    for (;;) {
        switch (file_reader_next(read->reader, task, &piece, err)) {
        case READ_GOT:
            text_put_slice(&task->out, piece);
            if (task_is_due(task))
                return TASK_GO_ON;
            break;
        case READ_DUE:
            return TASK_GO_ON;
        case READ_END:
            return TASK_DONE;
        case READ_BAD:
            return files_failed(err);
        }
    }
}

static void dispose_read(struct task *task)
{
    struct read *read = task->state;

    file_reader_destroy(&read->reader);
}

const struct task_command command_files_read = {
    .id = COMMAND_FILES_READ,
    .state_size = sizeof(struct read),
    .run = run_read,
    .dispose = dispose_read,
};
