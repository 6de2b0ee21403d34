// SPDX-License-Identifier: Apache-2.0
/* files/mkdir, cp, mv, rm: what changes which names are in the tree. The order in which things are
 * looked at is Kubo's, since it decides what is said when more than one is wrong, and what stays
 * done when a later step fails. */
#include "ipfs/hash.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/reply.h"

#include <assert.h>

/* What files_not_there says, unlike the lack of a block. */
#define NOT_THERE "file does not exist"

enum task_step files_run_change(struct task *task, struct files_change *change, files_make make,
                                struct error *err)
{
    enum files_step step = files_change_run(task, change, make, err);

    if (step == FILES_BAD)
        return files_failed(err);
    return files_task_step(step);
}

static void dispose_change(struct task *task)
{
    struct files_change *change = task->state;

    files_change_dispose(change);
}

static bool flushes(const struct task *task)
{
    return call_option_bool(task->call, OPT_FLUSH, true);
}

static enum files_step made(bool ok)
{
    return ok ? FILES_DONE : FILES_BAD;
}

/* ---- mkdir */

static enum files_step make_mkdir(struct task *task, struct files_change *change, struct error *err)
{
    struct slice path = files_argument(task->call, 0);
    struct files_format format;
    bool is_given;

    if (!files_count_unflushed(task->node->files, flushes(task), err) ||
        !files_format_of(task->call, &format, &is_given, err) ||
        !files_make_directory(task, change, path, call_option_bool(task->call, OPT_PARENTS, false),
                              &format, err))
        return FILES_BAD;
    if (flushes(task) && !files_is_root(path))
        files_forget_below(change, path);
    return FILES_DONE;
}

static enum task_step run_mkdir(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_mkdir, err);
}

const struct task_command command_files_mkdir = {
    .id = COMMAND_FILES_MKDIR,
    .state_size = sizeof(struct files_change),
    .run = run_mkdir,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- cp */

/* What the source is called in messages: "/ipfs/<cid>/a" or the path in the tree, without slashes
 * behind. */
static void put_source(struct text *out, const struct call_path *path)
{
    if (path->kind != CALL_PATH_MFS) {
        text_put_text(out, path->kind == CALL_PATH_IPNS   ? "/ipns/"
                           : path->kind == CALL_PATH_IPLD ? "/ipld/"
                                                          : "/ipfs/");
        if (path->kind == CALL_PATH_IPNS)
            text_put_slice(out, path->name);
        else
            cid_print(&path->cid, CID_BASE_DEFAULT, out);
    }
    text_put_slice(out, path->subpath);
    while (out->size > 0 && out->data[out->size - 1] == '/')
        out->size--;
}

static bool find_source(struct task *task, const struct call_path *path, struct slice shown,
                        const struct cid *root, struct files_node *node, struct error *err)
{
    struct path_end end;
    bool ok = path->kind == CALL_PATH_MFS ? files_find(task, root, shown, node, err)
                                          : path_resolve(task, path, &end, err);

    if (!ok)
        return error_prefix(err, "cp: cannot get node from path %.*s", SLICE_ARGS(shown));
    if (path->kind == CALL_PATH_MFS)
        return true;
    if (end.cid.codec != CODEC_DAG_PB && end.cid.codec != CODEC_RAW)
        return error_set(err, ERROR_UNSUPPORTED,
                         "cp: source must be a valid UnixFS (dag-pb or raw codec)");
    if (files_look(task, &end.cid, node, err))
        return true;
    return err->code == ERROR_SYNTAX
               ? error_prefix(err, "cp: source must be a valid UnixFS (dag-pb or raw codec)")
               : error_prefix(err, "cp: cannot get node from path %.*s", SLICE_ARGS(shown));
}

/* With force a file there is removed. */
static bool remove_file(struct task *task, struct files_change *change, struct slice path,
                        struct error *err)
{
    struct slice dir, name;
    struct files_node node;

    files_split(path, &dir, &name);
    if (!files_lookup(task, &change->root, dir, &node, err))
        return false;
    if (!node.exists)
        return true;
    if (!node.is_directory)
        return error_set(err, ERROR_UNSUPPORTED, "not a directory: %.*s", SLICE_ARGS(dir));
    if (name.size == 0 || !files_lookup(task, &change->root, path, &node, NULL) || !node.exists)
        return true;
    if (node.is_directory)
        return error_set(err, ERROR_UNSUPPORTED, "not a file: %.*s", SLICE_ARGS(path));
    return files_set(task, change, path, NULL, err);
}

static bool make_parents(struct task *task, struct files_change *change, struct slice path,
                         struct error *err)
{
    struct files_format format;
    bool is_given;

    return files_format_of(task->call, &format, &is_given, err) &&
           (files_is_root(files_parent(path)) ||
            files_make_directory(task, change, files_parent(path), true, &format, err));
}

static bool copy_to(struct task *task, struct files_change *change, struct slice path,
                    const struct files_node *source, struct error *err)
{
    const struct call *call = task->call;
    struct files_node node;

    if (call_option_bool(call, OPT_PARENTS, false) && !make_parents(task, change, path, err))
        return false;
    if (call_option_bool(call, OPT_FORCE, false) && !remove_file(task, change, path, err))
        return error_prefix(err, "cp: cannot unlink existing file");
    if (!files_count_unflushed(task->node->files, flushes(task), err))
        return false;
    if (!files_put(task, change, path, &source->entry, err))
        return error_prefix(err, "cp: cannot put node in path %.*s", SLICE_ARGS(path));
    if (!flushes(task))
        return true;
    if (!files_flush_at(task, change, path, &node, err))
        return error_prefix(err, "cp: cannot flush the created file %.*s", SLICE_ARGS(path));
    files_forget_below(change, files_parent(path));
    return true;
}

/* In a directory it gets the name that it has. The root has none: Kubo makes it an entry ".", which
 * nobody can remove. */
static bool put_target(struct text *to, struct slice source, struct slice target, struct error *err)
{
    struct slice dir, name;

    text_put_slice(to, target);
    if (target.data[target.size - 1] != '/')
        return true;
    files_split(source, &dir, &name);
    text_put_slice(to, name);
    return name.size > 0 ||
           error_set(err, ERROR_REFUSED, "cp: the root has no name that it could get in %.*s",
                     SLICE_ARGS(target));
}

static enum files_step make_cp(struct task *task, struct files_change *change, struct error *err)
{
    const struct call_path *from = &task->call->arguments[0].path;
    struct text shown = {0}, to = {0};
    struct files_node source;
    bool ok;

    put_source(&shown, from);
    ok = put_target(&to, text_slice(&shown), files_argument(task->call, 1), err) &&
         find_source(task, from, text_slice(&shown), &change->root, &source, err) &&
         copy_to(task, change, text_slice(&to), &source, err);
    text_dispose(&shown);
    text_dispose(&to);
    return made(ok);
}

static enum task_step run_cp(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_cp, err);
}

const struct task_command command_files_cp = {
    .id = COMMAND_FILES_CP,
    .state_size = sizeof(struct files_change),
    .run = run_cp,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- mv */

static bool find_directory(struct task *task, const struct cid *root, struct slice path,
                           struct error *err)
{
    struct files_node node;

    return files_find(task, root, path, &node, err) &&
           (node.is_directory ||
            error_set(err, ERROR_UNSUPPORTED, "%.*s is not a directory", SLICE_ARGS(path)));
}

struct move {
    struct slice from, from_dir, from_name;
    struct text to; /* where it ends up */
};

static bool is_into_itself(const struct move *move)
{
    struct slice from = files_trim(move->from), to = files_trim(text_slice(&move->to));

    return to.size > from.size && memcmp(to.data, from.data, from.size) == 0 &&
           to.data[from.size] == '/';
}

/* Kubo compares the names of the two directories, and not where they are: what moves from one into
 * another of the same name, under its own name, stays in both. */
static bool stays(const struct move *move)
{
    struct slice to = files_trim(text_slice(&move->to)), dir, name;
    struct slice from_parent, to_parent, ignored;
    bool from_root = files_is_root(move->from_dir), to_root;

    files_split(to, &dir, &name);
    to_root = files_is_root(dir);
    files_split(files_trim(move->from_dir), &ignored, &from_parent);
    files_split(files_trim(dir), &ignored, &to_parent);
    return from_root == to_root && slice_equal(from_parent, to_parent) &&
           slice_equal(name, move->from_name);
}

/* There Kubo would take the directory out of the tree, with all that is in it; unless something of
 * that name is there, which keeps it from doing so. */
static bool refuse_itself(struct task *task, const struct cid *root, const struct move *move,
                          struct error *err)
{
    struct files_node node;

    if (!files_lookup(task, root, text_slice(&move->to), &node, err))
        return false;
    if (node.exists)
        return error_set(err, ERROR_REFUSED, "directory already has entry by that name");
    return error_set(err, ERROR_REFUSED, "cannot move %.*s into itself", SLICE_ARGS(move->from));
}

/* It goes into a directory of that name, if there is one, and takes the place of a file. */
static bool make_place(struct task *task, struct files_change *change, struct move *move,
                       bool is_directory, struct error *err)
{
    struct files_node node;

    if (!files_lookup(task, &change->root, text_slice(&move->to), &node, err))
        return false;
    if (node.is_directory) {
        text_put_char(&move->to, '/');
        text_put_slice(&move->to, move->from_name);
    }
    if (is_directory && is_into_itself(move))
        return refuse_itself(task, &change->root, move, err);
    return !node.exists || node.is_directory ||
           files_set(task, change, text_slice(&move->to), NULL, err);
}

static bool move_it(struct task *task, struct files_change *change, struct move *move,
                    struct error *err)
{
    struct files_node source;

    if (move->from_name.size == 0)
        return files_not_there(err);
    return files_find(task, &change->root, move->from, &source, err) &&
           make_place(task, change, move, source.is_directory, err) &&
           files_put(task, change, text_slice(&move->to), &source.entry, err) &&
           (stays(move) || files_set(task, change, move->from, NULL, err));
}

static bool begin_move(struct task *task, struct files_change *change, struct move *move,
                       struct error *err)
{
    struct slice to = files_argument(task->call, 1), dir, name;

    files_split(to, &dir, &name);
    if (name.size == 0)
        dir = to;
    text_put_slice(&move->to, to);
    if (name.size == 0)
        text_put_slice(&move->to, move->from_name);
    return find_directory(task, &change->root, dir, err) &&
           find_directory(task, &change->root, move->from_dir, err);
}

static enum files_step make_mv(struct task *task, struct files_change *change, struct error *err)
{
    struct move move = {.from = files_argument(task->call, 0)};
    bool ok;

    files_split(move.from, &move.from_dir, &move.from_name);
    ok = files_count_unflushed(task->node->files, flushes(task), err) &&
         begin_move(task, change, &move, err) && move_it(task, change, &move, err);
    if (ok)
        files_forget_at(change, move.from);
    if (ok && flushes(task))
        files_forget_below(change, SLICE("/"));
    text_dispose(&move.to);
    return made(ok);
}

static enum task_step run_mv(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_mv, err);
}

const struct task_command command_files_mv = {
    .id = COMMAND_FILES_MV,
    .state_size = sizeof(struct files_change),
    .run = run_mv,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- rm */

struct rm {
    struct files_change change; /* the first: see dispose_change */
    size_t done;                /* arguments */
    struct text failures;       /* lines of the reply */
};

static bool remove_path(struct task *task, struct files_change *change, struct slice path,
                        struct error *err)
{
    bool force = call_option_bool(task->call, OPT_FORCE, false);
    struct slice dir, name;
    struct files_node node;

    if (path.size == 1)
        return error_set(err, ERROR_REFUSED, "cannot delete root");
    if (path.data[path.size - 1] == '/')
        path.size--;
    files_split(path, &dir, &name);
    if (!files_lookup(task, &change->root, dir, &node, err))
        return false;
    if (!node.exists)
        return force || files_not_there(err);
    if (!node.is_directory)
        return error_set(err, ERROR_UNSUPPORTED,
                         "expected *mfs.Directory, didn't get it. This is likely a race condition");
    if (!force && !files_find(task, &change->root, path, &node, err))
        return false;
    if (!force && node.is_directory && !call_option_bool(task->call, OPT_RECURSIVE, false))
        return error_set(err, ERROR_REFUSED, "path is a directory, use -r to remove directories");
    if (!files_set(task, change, path, NULL, err))
        return force && slice_is(slice_of(err->text), NOT_THERE);
    files_forget_at(change, path);
    files_forget_below(change, dir);
    return true;
}

static enum files_step make_rm(struct task *task, struct files_change *change, struct error *err)
{
    struct rm *rm = task->state;

    while (rm->done < task->call->argument_count) {
        struct slice path = files_argument(task->call, rm->done++);
        struct error why = {0};
        struct text line = {0};

        if (!remove_path(task, change, path, &why)) {
            text_put_format(&line, "%.*s: %s", SLICE_ARGS(path), why.text);
            reply_put_string(&rm->failures, text_slice(&line));
            text_put_char(&rm->failures, '\n');
            text_dispose(&line);
        }
        if (task_is_due(task))
            return FILES_MORE;
    }
    if (rm->failures.size == 0)
        return FILES_DONE;
    error_set(err, ERROR_REFUSED, "can't remove some files");
    return FILES_BAD;
}

/* What could not be removed is told in lines; then the reply breaks off with an error. */
static enum task_step run_rm(struct task *task, struct error *err)
{
    struct rm *rm = task->state;
    enum task_step step;

    if (!flushes(task)) {
        error_set(err, ERROR_REFUSED,
                  "files rm always flushes for safety. The --flush flag cannot be set to false "
                  "for this command");
        return TASK_FAILED;
    }
    step = files_run_change(task, &rm->change, make_rm, err);
    if (step == TASK_FAILED)
        text_put_slice(&task->out, text_slice(&rm->failures));
    return step;
}

static void dispose_rm(struct task *task)
{
    struct rm *rm = task->state;

    text_dispose(&rm->failures);
    files_change_dispose(&rm->change);
}

const struct task_command command_files_rm = {
    .id = COMMAND_FILES_RM,
    .state_size = sizeof(struct rm),
    .run = run_rm,
    .dispose = dispose_rm,
    .writes = true,
    .is_lines = true,
};
