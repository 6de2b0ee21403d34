// SPDX-License-Identifier: Apache-2.0
/* files/write: bytes of the body over, and behind, those of a file.
 *
 * The file is edited as it stood at the beginning, while the tree goes on to change; its entry is
 * set when all has come, so that a body that breaks off changes nothing. Meanwhile nobody else
 * writes to that path.
 *
 * Kubo writes 2 MiB at a time, cut where its reads happen to end, so the leaves of a longer write
 * are others each time. Here all that one call appends is one row of whole chunks; up to 2 MiB the
 * CIDs are Kubo's. */
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/import_wait.h"
#include "upstream/embedded/node.h"

enum {
    CHUNK = 256 << 10,
    OVER_MAX = 2 << 20, /* bytes that are written over at once */
    ZEROS = 4096,       /* leaves of what was skipped */
};

/* Bytes that one write may skip beyond the end of the file. They become leaves of zeros, all of
 * them one block: neither the disk nor a quota would end the work on an offset of 2^60. Kubo has no
 * bound.
 */
#define SKIP_MAX ((uint64_t)1 << 30)

struct write {
    struct files_change change;
    enum { WAITS, SKIPS, READS, ENDS } stage;
    bool is_alone; /* at the path */
    bool has_file, existed;
    struct files_format format; /* of what is created */
    struct unixfs_edit *edit;   /* NULL: it came to nothing, see failed */
    struct unixfs_entry result;
    uint64_t offset;         /* where the next bytes go */
    uint64_t left;           /* of the option count */
    struct import_wait wait; /* bytes that are not enough to be written at once */
    struct import_body body;
    struct error failed; /* told at the end: what was done before is kept, as in Kubo */
};

static struct slice path_of(const struct task *task)
{
    return files_argument(task->call, 0);
}

static bool is_on(const struct task *task, enum command_option_id option)
{
    return call_option_bool(task->call, option, false);
}

/* ---- the target */

/* Whether the file may be created; what stands at its path is node. */
static bool check_creation(struct task *task, const struct cid *root, struct error *err)
{
    struct slice dir, name;
    struct files_node above;

    if (!is_on(task, OPT_CREATE))
        return files_not_there(err);
    files_split(path_of(task), &dir, &name);
    if (!files_find(task, root, dir, &above, err))
        return false;
    return above.is_directory ||
           error_set(err, ERROR_UNSUPPORTED,
                     "expected *mfs.Directory, didn't get it. This is likely a race condition");
}

static bool check_target(struct task *task, const struct cid *root, struct files_node *node,
                         struct error *err)
{
    struct slice path = path_of(task);

    if (!files_lookup(task, root, path, node, err))
        return false;
    if (node->is_directory)
        return error_set(err, ERROR_UNSUPPORTED, "%.*s was not a file", SLICE_ARGS(path));
    return true;
}

static bool make_parents(struct task *task, struct files_change *change, struct error *err)
{
    const struct write *write = task->state;
    struct slice parent = files_parent(path_of(task));

    return !is_on(task, OPT_PARENTS) || files_is_root(parent) ||
           files_make_directory(task, change, parent, true, &write->format, err);
}

static enum files_step make_write(struct task *task, struct files_change *change, struct error *err)
{
    struct write *write = task->state;
    struct files_node node;

    if (!make_parents(task, change, err) || !check_target(task, &change->root, &node, err))
        return FILES_BAD;
    if (!node.exists && !write->existed && !check_creation(task, &change->root, err))
        return FILES_BAD;
    /* a file that was removed meanwhile stays so */
    if (write->edit != NULL && node.exists >= write->existed &&
        !files_set(task, change, path_of(task), &write->result, err))
        return FILES_BAD;
    if (call_option_bool(task->call, OPT_FLUSH, true))
        files_forget_below(change, files_parent(path_of(task)));
    if (write->failed.code == ERROR_NONE)
        return FILES_DONE;
    *err = write->failed;
    return FILES_BAD;
}

/* ---- beginning */

/* A file with nothing in it. */
static bool put_empty(struct task *task, const struct files_format *format, struct cid *cid,
                      struct error *err)
{
    struct unixfs unixfs = {.type = UNIXFS_FILE, .has_file_size = true};
    struct text message = {0}, block = {0};
    bool ok;

    unixfs_put(&message, &unixfs, NULL, 0);
    dag_pb_put_data(&block, text_slice(&message));
    hash_make_cid(cid, format->version, CODEC_DAG_PB, format->hash, text_slice(&block));
    ok = task_put(task, cid, text_slice(&block), err);
    text_dispose(&message);
    text_dispose(&block);
    return ok;
}

static bool open_file(struct task *task, const struct files_node *node, struct error *err)
{
    struct write *write = task->state;
    struct unixfs_store store = files_store(task);
    struct unixfs_stat now = files_now();
    struct cid cid = node->entry.cid;
    bool raw;

    write->existed = node->exists;
    if (!node->exists && !files_check_format(&write->format, err))
        return false;
    if (!node->exists && !put_empty(task, &write->format, &cid, err))
        return false;
    raw = call_option_bool(task->call, OPT_RAW_LEAVES, cid.version > 0);
    return unixfs_edit_open(&write->edit, &store, &cid, raw, &now, err) &&
           (!is_on(task, OPT_TRUNCATE) || unixfs_edit_truncate(write->edit, err));
}

static bool check_options(struct task *task, struct error *err)
{
    struct write *write = task->state;
    int64_t offset = call_option_number(task->call, OPT_OFFSET, 0);
    bool is_given;

    if (!files_count_unflushed(task->node->files, call_option_bool(task->call, OPT_FLUSH, true),
                               err) ||
        !files_format_of(task->call, &write->format, &is_given, err))
        return false;
    if (offset < 0)
        return error_set(err, ERROR_UNSUPPORTED, "cannot have negative write offset");
    write->offset = (uint64_t)offset;
    return true;
}

static bool check_count(struct task *task)
{
    struct write *write = task->state;
    int64_t count = call_option_number(task->call, OPT_COUNT, INT64_MAX);

    write->left = (uint64_t)count;
    return count >= 0 ||
           error_set(&write->failed, ERROR_UNSUPPORTED, "cannot have negative byte count");
}

/* Refused, the file stays as it is. */
static bool check_gap(struct write *write, struct error *err)
{
    uint64_t size = unixfs_edit_size(write->edit);

    if (write->offset <= size || write->offset - size <= SKIP_MAX)
        return true;
    unixfs_edit_destroy(&write->edit);
    return error_set(err, ERROR_LIMIT,
                     "the write offset %llu is more than %llu bytes beyond the end of the file, "
                     "which has %llu: write nearer to it, in several calls",
                     (unsigned long long)write->offset, (unsigned long long)SKIP_MAX,
                     (unsigned long long)size);
}

/* With parents, directories are made even if the rest comes to nothing. */
static bool begin(struct task *task, struct error *err)
{
    struct write *write = task->state;
    struct cid root = files_root(task->node->files);
    struct files_node node;
    bool ok;

    if (!check_options(task, err))
        return false;
    ok = check_target(task, &root, &node, &write->failed) &&
         (node.exists || (is_on(task, OPT_PARENTS) && is_on(task, OPT_CREATE)) ||
          check_creation(task, &root, &write->failed)) &&
         open_file(task, &node, &write->failed) && check_gap(write, &write->failed);
    if (ok)
        write->stage = check_count(task) ? SKIPS : ENDS;
    else if (is_on(task, OPT_PARENTS))
        write->stage = ENDS;
    else
        *err = write->failed;
    return write->stage != WAITS;
}

/* ---- bytes */

/* What lies between the end of the file and the offset becomes zeros. False: the slice is due, or
 * err is set. */
static bool skip(struct task *task, struct error *err)
{
    static const char zeros[ZEROS];
    struct write *write = task->state;

    while (unixfs_edit_size(write->edit) < write->offset) {
        uint64_t gap = write->offset - unixfs_edit_size(write->edit);
        struct slice leaf = {zeros, gap < ZEROS ? (size_t)gap : ZEROS};

        if (!unixfs_edit_append(write->edit, leaf, err) || task_is_due(task))
            return false;
    }
    return unixfs_edit_flush(write->edit, err);
}

/* How many of the next bytes go over others. */
static uint64_t over_left(const struct write *write)
{
    uint64_t size = unixfs_edit_size(write->edit);

    return write->offset < size ? size - write->offset : 0;
}

static bool write_pending(struct write *write, struct error *err)
{
    struct slice bytes;
    bool ok = import_wait_whole(&write->wait, &bytes, err);

    if (ok && bytes.size > 0)
        ok = over_left(write) > 0 ? unixfs_edit_overwrite(write->edit, write->offset, bytes, err)
                                  : unixfs_edit_append(write->edit, bytes, err);
    write->offset += bytes.size;
    import_wait_clear(&write->wait);
    return ok;
}

/* Gathers bytes until there are as many as are written at once. */
static bool take_bytes(struct write *write, struct slice bytes, struct error *err)
{
    if (bytes.size > write->left)
        bytes.size = (size_t)write->left;
    write->left -= bytes.size;
    while (bytes.size > 0) {
        uint64_t over = over_left(write);
        size_t whole = over == 0 ? CHUNK : over < OVER_MAX ? (size_t)over : OVER_MAX;
        size_t size = whole - import_wait_size(&write->wait);

        size = bytes.size < size ? bytes.size : size;
        import_wait_put(&write->wait, (struct slice){bytes.data, size});
        bytes.data += size;
        bytes.size -= size;
        if (import_wait_size(&write->wait) == whole && !write_pending(write, err))
            return false;
    }
    return true;
}

/* The end of the first file, or of what may be one. */
static enum task_step end_bytes(struct task *task, struct error *err)
{
    struct write *write = task->state;

    if (!write->has_file)
        error_set(&write->failed, ERROR_UNSUPPORTED, "expected a file argument");
    if (!write_pending(write, err))
        return files_failed(err);
    write->stage = ENDS;
    return TASK_GO_ON;
}

static enum task_step read_bytes(struct task *task, struct error *err)
{
    struct write *write = task->state;
    struct slice data;

    for (;;) {
        switch (import_body_next_file(&write->body, task, "file argument was nil", &data, err)) {
        case IMPORT_MORE:
            return TASK_WANTS_INPUT;
        case IMPORT_PART:
            write->has_file = true;
            break;
        case IMPORT_DATA:
            if (!take_bytes(write, data, err))
                return files_failed(err);
            if (task_is_due(task))
                return TASK_GO_ON;
            break;
        case IMPORT_PART_END:
        case IMPORT_END:
            return end_bytes(task, err);
        case IMPORT_BAD:
            return TASK_FAILED;
        }
    }
}

static bool settle(struct task *task, struct error *err)
{
    struct write *write = task->state;

    if (!import_wait_settle(&write->wait, task->node->scratch, task_is_short_of_memory(task), err))
        return false;
    task_hold(task, write->wait.memory.capacity);
    return true;
}

/* ---- the whole */

static enum task_step end_write(struct task *task, struct error *err)
{
    struct write *write = task->state;

    if (write->change.inside == NULL && write->edit != NULL &&
        !unixfs_edit_finish(write->edit, &write->result, err))
        return files_failed(err);
    return files_run_change(task, &write->change, make_write, err);
}

static enum task_step run_write(struct task *task, struct error *err)
{
    struct write *write = task->state;
    enum task_step step;

    switch (write->stage) {
    case WAITS:
        if (!write->is_alone && !files_begin_file(task->node->files, path_of(task)))
            return TASK_WAITS;
        write->is_alone = true;
        if (!begin(task, err))
            return files_failed(err);
        return TASK_GO_ON;
    case SKIPS:
        if (skip(task, err))
            write->stage = READS;
        else if (err->code != ERROR_NONE)
            return files_failed(err);
        return TASK_GO_ON;
    case READS:
        step = read_bytes(task, err);
        return step == TASK_FAILED || settle(task, err) ? step : files_failed(err);
    case ENDS:
        break;
    }
    return end_write(task, err);
}

static void dispose_write(struct task *task)
{
    struct write *write = task->state;

    unixfs_edit_destroy(&write->edit);
    import_wait_dispose(&write->wait);
    import_body_dispose(&write->body);
    files_change_dispose(&write->change);
    if (write->is_alone)
        files_end_file(task->node->files, path_of(task));
}

const struct task_command command_files_write = {
    .id = COMMAND_FILES_WRITE,
    .state_size = sizeof(struct write),
    .run = run_write,
    .dispose = dispose_write,
    .writes = true,
    .is_lines = true,
};
