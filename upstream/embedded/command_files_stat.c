// SPDX-License-Identifier: Apache-2.0
/* files/stat, of a path of the tree or of /ipfs. Its format is the client's business; only what
 * cannot go together is refused. */
#include "ipfs/dag_pb.h"
#include "ipfs/unixfs_edit.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/link_stack.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/node_links.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/reply.h"

struct stat {
    bool is_walking;
    struct cid cid;
    bool is_local; /* so far */
    uint64_t bytes;
    struct link_stack *stack;
};

/* Kubo's own format, when a caller sends it, is none that somebody chose. */
static bool has_format(const struct call *call)
{
    static const char kubos[] = "<hash>\nSize: <size>\nCumulativeSize: <cumulsize>\nChildBlocks: "
                                "<childs>\nType: <type>\nMode: <mode> (<mode-octal>)\nMtime: "
                                "<mtime>";

    return call_has_option(call, OPT_FORMAT) &&
           !slice_is(call_option_text(call, OPT_FORMAT), kubos);
}

static bool check_options(const struct call *call, struct error *err)
{
    int formats = (call_option_bool(call, OPT_HASH, false) ? 1 : 0) +
                  (call_option_bool(call, OPT_SIZE, false) ? 1 : 0) + (has_format(call) ? 1 : 0);

    return formats < 2 || error_set(err, ERROR_SYNTAX,
                                    "invalid parameters: format was set by multiple options. Only "
                                    "one format option is allowed");
}

static bool find_cid(struct task *task, struct cid *cid, struct error *err)
{
    const struct call_path *path = &task->call->arguments[0].path;
    struct cid root = files_root(task->node->files);
    struct files_node node;
    struct path_end end;

    if (path->kind != CALL_PATH_MFS) {
        if (!path_resolve(task, path, &end, err))
            return false;
        *cid = end.cid;
        return true;
    }
    if (!files_find(task, &root, path->subpath, &node, err))
        return false;
    *cid = node.entry.cid;
    return true;
}

/* As Go's os.FileMode has it: other bits for what is above 0777, and for directories and symlinks.
 */
static uint32_t go_mode(const struct unixfs *unixfs)
{
    uint32_t bits = unixfs->stat.mode & 07777;
    uint32_t mode = (bits & 0777) | (bits & 06000) << 12 | (bits & 01000) << 11;

    if (unixfs->type == UNIXFS_SYMLINK)
        return bits != 0 ? mode | 1U << 27 : 1U << 27 | 0777;
    if (bits != 0 && (unixfs->type == UNIXFS_DIRECTORY || unixfs->type == UNIXFS_HAMT))
        mode |= 1U << 31;
    return mode;
}

struct shown {
    uint64_t size, cumulative;
    size_t blocks;
    struct unixfs unixfs; /* borrowed from the block */
};

static bool read_links(struct slice block, struct shown *shown, struct error *err)
{
    struct dag_pb_reader reader;
    struct slice data = {NULL, 0};

    dag_pb_read(&reader, block.data, block.size);
    for (;;) {
        switch (dag_pb_next(&reader, err)) {
        case DAG_PB_LINK:
            shown->blocks++;
            shown->cumulative += reader.link.tsize;
            break;
        case DAG_PB_DATA:
            data = reader.data;
            break;
        case DAG_PB_END:
            return unixfs_read(&shown->unixfs, data, err);
        case DAG_PB_BAD:
            return false;
        }
    }
}

static bool look(struct task *task, const struct cid *cid, struct shown *shown, struct error *err)
{
    struct unixfs_store store = files_store(task);
    struct slice block;

    *shown = (struct shown){.unixfs.type = UNIXFS_RAW};
    if (!store.get(store.arg, cid, &block, err))
        return false;
    shown->size = shown->cumulative = block.size;
    if (cid->codec == CODEC_RAW)
        return true;
    if (cid->codec != CODEC_DAG_PB)
        return error_set(err, ERROR_UNSUPPORTED, "not unixfs node (proto or raw)");
    if (!read_links(block, shown, err))
        return false;
    switch (shown->unixfs.type) {
    case UNIXFS_FILE:
    case UNIXFS_RAW:
        shown->size = shown->unixfs.file_size;
        break;
    case UNIXFS_SYMLINK:
        shown->size = shown->unixfs.data.size;
        break;
    default:
        shown->size = 0;
    }
    return true;
}

static void put_stat(struct task *task, const struct reply_form *form, const struct shown *shown)
{
    const struct stat *stat = task->state;
    const struct unixfs *unixfs = &shown->unixfs;
    bool is_directory = unixfs->type == UNIXFS_DIRECTORY || unixfs->type == UNIXFS_HAMT;
    struct text *out = &task->out;

    text_put_text(out, "{\"Hash\":");
    reply_put_cid_string(out, form, &stat->cid);
    text_put_format(out, ",\"Size\":%llu,\"CumulativeSize\":%llu,\"Blocks\":%zu,\"Type\":\"%s\"",
                    (unsigned long long)shown->size, (unsigned long long)shown->cumulative,
                    shown->blocks, is_directory ? "directory" : "file");
    if (stat->is_walking) {
        text_put_text(out, ",\"WithLocality\":true");
        if (stat->is_local)
            text_put_text(out, ",\"Local\":true");
        if (stat->bytes != 0)
            text_put_format(out, ",\"SizeLocal\":%llu", (unsigned long long)stat->bytes);
    }
    if (unixfs->stat.has_mtime && unixfs->stat.mtime_s != 0)
        text_put_format(out, ",\"Mtime\":%lld", (long long)unixfs->stat.mtime_s);
    if (unixfs->stat.has_mtime && unixfs->stat.mtime_ns != 0)
        text_put_format(out, ",\"MtimeNsecs\":%u", unixfs->stat.mtime_ns);
    if (go_mode(unixfs) != 0)
        text_put_format(out, ",\"Mode\":\"%04o\"", go_mode(unixfs));
    text_put_text(out, "}\n");
}

/* ---- with-local: each block as often as it is linked */

static bool enter(struct task *task, const struct cid *cid, struct error *err)
{
    struct stat *stat = task->state;
    struct unixfs_store store = files_store(task);
    struct error why = {0};
    struct slice block;

    if (!store.get(store.arg, cid, &block, &why)) {
        stat->is_local = false;
        return why.code == ERROR_NOT_FOUND || error_copy(err, &why);
    }
    stat->bytes += block.size;
    return cid->codec == CODEC_RAW || link_stack_push(stat->stack, cid, block, 0, err);
}

static bool begin_walk(struct task *task, struct error *err)
{
    struct stat *stat = task->state;

    stat->is_walking = stat->is_local = true;
    stat->stack = link_stack_create(node_links_list);
    return enter(task, &stat->cid, err);
}

/* One step; the walk has ended when there is no level left. */
static bool go_on(struct task *task, struct error *err)
{
    struct stat *stat = task->state;
    struct stacked_link link;
    bool found;

    if (!link_stack_peek(stat->stack, task, &link, &found, err))
        return false;
    if (!found) {
        link_stack_pop(stat->stack);
        return true;
    }
    link_stack_advance(stat->stack);
    return enter(task, &link.cid, err);
}

static bool has_walked(const struct stat *stat)
{
    return stat->stack == NULL || link_stack_depth(stat->stack) == 0;
}

static enum task_step run_stat(struct task *task, struct error *err)
{
    struct stat *stat = task->state;
    struct reply_form form;
    struct shown shown;

    if (!stat->is_walking) {
        if (!check_options(task->call, err))
            return TASK_FAILED;
        if (!find_cid(task, &stat->cid, err) || !look(task, &stat->cid, &shown, err))
            return files_failed(err);
        if (call_option_bool(task->call, OPT_WITH_LOCAL, false) && !begin_walk(task, err))
            return files_failed(err);
    }
    while (!has_walked(stat)) {
        if (!go_on(task, err))
            return files_failed(err);
        if (!has_walked(stat) && task_is_due(task))
            return TASK_GO_ON;
    }
    if (!reply_form_of(task->call, &form, err) || !look(task, &stat->cid, &shown, err))
        return files_failed(err);
    put_stat(task, &form, &shown);
    return TASK_DONE;
}

static void dispose_stat(struct task *task)
{
    struct stat *stat = task->state;

    link_stack_destroy(&stat->stack);
}

const struct task_command command_files_stat = {
    .id = COMMAND_FILES_STAT,
    .state_size = sizeof(struct stat),
    .run = run_stat,
    .dispose = dispose_stat,
};
