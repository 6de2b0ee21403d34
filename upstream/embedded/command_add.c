// SPDX-License-Identifier: Apache-2.0
/* A body's parts come as Kubo's iterator over them sees them: each entry at the top is added by
 * itself, as a root; a part that lies outside the directory that is open ends it. The lines of
 * files come as they are read, those of directories when their root is complete. */
#include "upstream/embedded/import_commands.h"

#include "conf/memory.h"
#include "upstream/embedded/files.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/import_lines.h"
#include "upstream/embedded/import_options.h"
#include "upstream/embedded/import_tree.h"
#include "upstream/embedded/import_wait.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"

#include <stdlib.h>

#define PROGRESS_BYTES ((uint64_t)256 << 10)
#define TARGET_MAX     ((size_t)1 << 20) /* of a symlink */

enum stage {
    STAGE_PARTS,    /* read, and put into the tree that is open */
    STAGE_BUILDING, /* a tree is complete: its directories are made */
    STAGE_TELLING,  /* and their lines put out */
    STAGE_ROOT,     /* a root is there: it is to be pinned */
    STAGE_STORED,   /* and its blocks are durable */
    STAGE_FILING,   /* it gets an entry in the mutable files */
};

enum reading { READING_NOTHING, READING_FILE, READING_SYMLINK };

/* A directory that is open. It is made when its first entry comes, or when it ends. */
struct level {
    uint64_t number; /* 0: not made yet */
    size_t path_size;
    struct unixfs_stat stat;
};

struct add {
    struct import_options options;
    struct import_lines lines;
    struct import_body body;
    enum stage stage;
    bool has_begun, has_part, has_ended, was_filed, is_nameless;
    uint64_t roots;

    struct import_tree *tree; /* NULL: none is open, and depth is 0 */
    struct level *levels;     /* from the root on */
    size_t depth, room;
    struct text path; /* of the last level */
    struct text last; /* the file that came last in it; "": something else did */

    enum reading reading;
    struct unixfs_file *file;
    struct import_wait wait; /* of the file: no whole chunk yet */
    struct unixfs_stat stat;
    struct text name, target; /* the path of what is read; of a symlink, its content */
    uint64_t bytes, told;

    struct unixfs_entry entry; /* of the root, when it is there */
    struct files_change change;
};

static bool discard(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    (void)arg, (void)cid, (void)block, (void)err;
    return true;
}

static unixfs_sink sink_of(const struct add *add)
{
    return add->options.is_only_hash ? discard : task_sink;
}

/* ---- progress */

static void tell_progress(struct task *task, struct add *add, size_t size)
{
    add->bytes += size;
    while (add->options.has_progress && add->bytes - add->told >= PROGRESS_BYTES) {
        add->told += PROGRESS_BYTES;
        import_lines_put_progress(&task->out, &add->lines, text_slice(&add->name), add->told);
    }
}

/* How often Kubo tells of the end of a file: with its last bytes, unless that line is out; where
 * the last chunk is a whole one also for each node on the right edge of the DAG that has room for
 * more, and for the DAG itself. */
static unsigned ends_of(const struct add *add)
{
    uint64_t nodes = add->bytes / add->options.profile.chunk_size;
    uint32_t links = add->options.profile.file_links;
    unsigned ends = add->bytes == 0 || add->told < add->bytes;

    if (add->bytes == 0 || add->bytes % add->options.profile.chunk_size != 0)
        return ends;
    for (; nodes > 1; nodes = (nodes + links - 1) / links)
        ends += nodes % links != 0;
    return ends + 1;
}

static void tell_end(struct task *task, struct add *add)
{
    unsigned ends = add->options.has_progress ? ends_of(add) : 0;

    add->told = add->bytes;
    for (; ends > 0; ends--)
        import_lines_put_progress(&task->out, &add->lines, text_slice(&add->name), add->told);
}

/* ---- directories */

static bool is_below(struct slice path, struct slice directory)
{
    size_t size = directory.size == 1 ? 0 : directory.size; /* "/" */

    return directory.size > 0 && path.size > size && path.data[size] == '/' &&
           memcmp(path.data, directory.data, size) == 0;
}

/* What of the path lies below the directory that is open. */
static struct slice rest_of(const struct add *add, struct slice path)
{
    size_t size = add->path.size <= 1 ? 1 : add->path.size + 1;

    return (struct slice){path.data + size, path.size - size};
}

static void push_level(struct add *add, uint64_t number, const struct multipart_part *part)
{
    if (add->depth == add->room) {
        add->room = add->room == 0 ? 8 : add->room * 2;
        add->levels = memory_resize_array(add->levels, add->room, sizeof(*add->levels));
    }
    add->levels[add->depth++] = (struct level){
        .number = number,
        .path_size = add->path.size,
        .stat = import_options_stat(&add->options, part),
    };
    text_clear(&add->last);
}

/* Opens a directory: a part tells of it, or (NULL) only the path of what is in it does. */
static bool enter(struct task *task, struct add *add, struct slice name,
                  const struct multipart_part *part, struct error *err)
{
    struct unixfs_stat stat = import_options_stat(&add->options, part);

    if (add->depth > 0 && name.size == 0)
        return error_set(err, ERROR_UNSUPPORTED, "no path given to Mkdir");
    if (add->path.size != 1)
        text_put_char(&add->path, '/');
    text_put_slice(&add->path, name);
    if (add->depth > 0) {
        push_level(add, 0, part);
        return true;
    }
    add->lines.root = part != NULL ? *part : (struct multipart_part){0};
    add->tree = import_tree_create(task->node->scratch, &add->options.profile, &stat);
    push_level(add, IMPORT_TREE_ROOT, part);
    return true;
}

/* Makes the last level. Those above are made, since it is their entry. */
static bool make_level(struct add *add, struct error *err)
{
    struct level *level, *parent;
    size_t start;

    if (add->depth == 0 || add->levels[add->depth - 1].number != 0)
        return true;
    level = &add->levels[add->depth - 1];
    parent = level - 1;
    start = parent->path_size == 1 ? 1 : parent->path_size + 1;
    return import_tree_directory(add->tree, parent->number,
                                 (struct slice){add->path.data + start, level->path_size - start},
                                 &level->stat, &level->number, err);
}

static bool leave(struct add *add, struct error *err)
{
    if (add->options.keeps_empty_directories && !make_level(add, err))
        return false;
    if (add->depth == 1) {
        add->stage = STAGE_BUILDING;
        return true;
    }
    add->depth--;
    add->path.size = add->levels[add->depth - 1].path_size;
    text_clear(&add->last);
    return true;
}

/* ---- files and symlinks */

static void begin_entry(struct task *task, struct add *add, struct slice path)
{
    const struct multipart_part *part = &add->body.multipart.part;

    add->reading = part->kind == MULTIPART_SYMLINK ? READING_SYMLINK : READING_FILE;
    add->stat = import_options_stat(&add->options, part);
    add->bytes = add->told = 0;
    text_clear(&add->name);
    text_put(&add->name, path.data + 1, path.size - 1);
    text_clear(&add->target);
    if (add->reading == READING_FILE)
        add->file = unixfs_file_create(&add->options.profile, sink_of(add), task);
    if (add->depth > 0)
        return;
    add->lines.root = *part;
    if (part->kind == MULTIPART_SYMLINK) { /* as Go numbers them */
        add->lines.root.has_mode = true;
        add->lines.root.mode = 01000000777;
    }
}

/* What waits goes to the file. */
static bool write_waiting(struct add *add, struct error *err)
{
    struct slice bytes;
    bool ok =
        import_wait_whole(&add->wait, &bytes, err) && unixfs_file_write(add->file, bytes, err);

    import_wait_clear(&add->wait);
    return ok;
}

/* The file gets whole chunks: what it has, it can hand out at any moment. */
static bool write_file(struct add *add, struct slice data, struct error *err)
{
    size_t chunk = add->options.profile.chunk_size;

    while (data.size > 0) {
        size_t waiting = import_wait_size(&add->wait);
        size_t missing = chunk - waiting;
        struct slice piece = {data.data, data.size < missing ? data.size : missing};

        if (waiting == 0 && data.size >= chunk) {
            piece.size = data.size - data.size % chunk;
            if (!unixfs_file_write(add->file, piece, err))
                return false;
        } else {
            import_wait_put(&add->wait, piece);
            if (piece.size == missing && !write_waiting(add, err))
                return false;
        }
        data = (struct slice){data.data + piece.size, data.size - piece.size};
    }
    return true;
}

/* The client is waited for. Memory that the upload holds meanwhile is counted; there is little of
 * it while the node is short of it. */
static bool settle(struct task *task, struct add *add, struct error *err)
{
    bool is_short = task_is_short_of_memory(task);
    bool has_stat = add->stat.mode != 0 || add->stat.has_mtime;

    if (add->file != NULL &&
        !unixfs_file_flush(add->file, !has_stat || import_wait_size(&add->wait) > 0, err))
        return false;
    if (!import_wait_settle(&add->wait, task->node->scratch, is_short, err))
        return false;
    task_hold(task, add->wait.memory.capacity +
                        (add->tree != NULL ? import_tree_memory(add->tree, is_short) : 0));
    return true;
}

static bool take_data(struct task *task, struct add *add, struct slice data, struct error *err)
{
    if (add->reading == READING_FILE) {
        tell_progress(task, add, data.size);
        return write_file(add, data, err);
    }
    if (add->reading == READING_NOTHING) /* of a directory, or of what is passed over */
        return true;
    text_put_slice(&add->target, data);
    return add->target.size <= TARGET_MAX ||
           error_set(err, ERROR_LIMIT, "the symlink '%s' leads to more than %zu bytes",
                     add->name.data, TARGET_MAX);
}

static bool make_entry(struct task *task, struct add *add, struct unixfs_entry *entry,
                       struct error *err)
{
    bool ok;

    if (add->reading == READING_SYMLINK)
        return unixfs_make_symlink(&add->options.profile, text_slice(&add->target), &add->stat,
                                   sink_of(add), task, entry, err);
    tell_end(task, add);
    ok = write_waiting(add, err) && unixfs_file_finish(add->file, &add->stat, entry, err);
    unixfs_file_destroy(&add->file);
    return ok;
}

/* The name in the directory that is open: the entry's own CID, if it came without. */
static struct slice name_in_directory(struct add *add, const struct unixfs_entry *entry)
{
    size_t start = add->path.size <= 1 ? 0 : add->path.size;

    add->is_nameless = add->name.size == start;
    if (add->is_nameless)
        cid_print(&entry->cid, CID_BASE_DEFAULT, &add->name);
    return (struct slice){add->name.data + start, add->name.size - start};
}

static bool end_entry(struct task *task, struct add *add, struct error *err)
{
    struct unixfs_entry entry;
    struct slice name;

    if (add->reading == READING_NOTHING)
        return true;
    if (!make_entry(task, add, &entry, err))
        return false;
    name = name_in_directory(add, &entry);
    if (add->depth > 0 &&
        !import_tree_put(add->tree, add->levels[add->depth - 1].number, name, &entry, err))
        return false;
    if (!add->options.is_silent)
        import_lines_put_entry(&task->out, &add->lines, text_slice(&add->name), &entry);
    add->reading = READING_NOTHING;
    if (add->depth == 0) {
        add->entry = entry;
        add->stage = STAGE_ROOT;
    }
    text_clear(&add->last);
    if (!add->is_nameless) {
        text_put_char(&add->last, '/');
        text_put_slice(&add->last, text_slice(&add->name));
    }
    return true;
}

/* ---- parts */

/* One step on the way of the next part to its place. */
static bool place_part(struct task *task, struct add *add, struct error *err)
{
    const struct multipart_part *part = &add->body.multipart.part;
    struct slice path = part->filename, rest;
    const char *slash;

    if (add->depth > 0 && !is_below(path, text_slice(&add->path)))
        return leave(add, err);
    if (add->depth == 0 && add->options.wraps)
        return enter(task, add, (struct slice){NULL, 0}, NULL, err);
    if (!make_level(add, err))
        return false;
    rest = rest_of(add, path);
    slash = rest.size > 0 ? memchr(rest.data, '/', rest.size) : NULL;
    if (is_below(path, text_slice(&add->last))) {
        add->has_part = false; /* below a file: Kubo passes it over */
        return true;
    }
    if (slash != NULL)
        return enter(task, add, (struct slice){rest.data, (size_t)(slash - rest.data)}, NULL, err);
    add->has_part = false;
    if (part->kind == MULTIPART_DIRECTORY)
        return enter(task, add, rest, part, err);
    begin_entry(task, add, path);
    return true;
}

/* Behind the last part. */
static enum task_step end_body(struct task *task, struct add *add, struct error *err)
{
    if (add->depth > 0)
        return leave(add, err) ? TASK_GO_ON : TASK_FAILED;
    if (add->roots > 0)
        return TASK_DONE;
    if (add->options.wraps)
        return enter(task, add, (struct slice){NULL, 0}, NULL, err) ? TASK_GO_ON : TASK_FAILED;
    error_set(err, ERROR_UNSUPPORTED, "expected a file argument");
    return TASK_FAILED;
}

static enum task_step read_parts(struct task *task, struct add *add, struct error *err)
{
    struct slice data;
    bool ok = true;

    if (add->has_part)
        return place_part(task, add, err) ? TASK_GO_ON : TASK_FAILED;
    if (add->has_ended)
        return end_body(task, add, err);
    switch (import_body_next(&add->body, task, &data, err)) {
    case IMPORT_MORE:
        return TASK_WANTS_INPUT;
    case IMPORT_PART:
        add->has_part = true;
        break;
    case IMPORT_DATA:
        ok = take_data(task, add, data, err);
        break;
    case IMPORT_PART_END:
        ok = end_entry(task, add, err);
        break;
    case IMPORT_END:
        add->has_ended = true;
        break;
    case IMPORT_BAD:
        ok = false;
        break;
    }
    return ok ? TASK_GO_ON : TASK_FAILED;
}

/* ---- roots */

static enum task_step build_tree(struct task *task, struct add *add, struct error *err)
{
    enum read_step step = import_tree_build(add->tree, task, sink_of(add), task, err);

    if (step == READ_END)
        add->stage = STAGE_TELLING;
    return step == READ_BAD ? TASK_FAILED : TASK_GO_ON;
}

/* add->name becomes the name of what lies at this path below the root. */
static void name_line(struct add *add, struct slice path)
{
    text_clear(&add->name);
    text_put(&add->name, add->path.data + 1, add->path.size - 1);
    if (add->name.size > 0 && path.size > 0)
        text_put_char(&add->name, '/');
    text_put_slice(&add->name, path);
}

static enum task_step tell_tree(struct task *task, struct add *add, struct error *err)
{
    struct unixfs_entry entry;
    struct slice path;

    switch (import_tree_next(add->tree, task, &path, &entry, err)) {
    case READ_GOT:
        name_line(add, path);
        import_lines_put_entry(&task->out, &add->lines, text_slice(&add->name), &entry);
        return TASK_GO_ON;
    case READ_DUE:
        return TASK_GO_ON;
    case READ_END:
        break;
    case READ_BAD:
        return TASK_FAILED;
    }
    add->entry = import_tree_root(add->tree);
    import_tree_destroy(&add->tree);
    add->depth = 0;
    name_line(add, (struct slice){NULL, 0});
    add->is_nameless = add->name.size == 0;
    text_clear(&add->path);
    text_clear(&add->last);
    add->stage = STAGE_ROOT;
    return TASK_GO_ON;
}

static enum task_step pin_root(struct task *task, struct add *add, struct error *err)
{
    if (!pins_add(task->node->pins, &add->entry.cid, PIN_RECURSIVE, add->options.pin_name, err))
        return TASK_FAILED;
    add->stage = STAGE_FILING;
    return TASK_GO_ON;
}

static bool check_filing(const struct add *add, struct error *err)
{
    struct slice path = add->options.to_files;

    if (add->is_nameless)
        return error_set(err, ERROR_UNSUPPORTED, "to-files: cannot add unnamed files to MFS");
    if (add->was_filed && path.data[path.size - 1] != '/')
        return error_set(err, ERROR_UNSUPPORTED,
                         "to-files: MFS destination is a file: only one entry can be copied to "
                         "\"%.*s\"",
                         SLICE_ARGS(path));
    return true;
}

/* Lines that wait for the client go out before the change of the files begins: in its turn a client
 * that does not read would keep all other changes waiting. */
static bool must_tell_first(const struct task *task, const struct add *add)
{
    return add->stage == STAGE_FILING && add->options.to_files.data != NULL &&
           add->change.inside == NULL && task->out.size > 0;
}

static enum task_step file_root(struct task *task, struct add *add, struct error *err)
{
    if (add->options.to_files.data != NULL) {
        if (!check_filing(add, err))
            return TASK_FAILED;
        switch (files_add_entry(task, &add->change, add->options.to_files, text_slice(&add->name),
                                &add->entry.cid, err)) {
        case FILES_WAITS:
            return TASK_WAITS;
        case FILES_WANTS_STORED:
            return TASK_WANTS_STORED;
        case FILES_MORE:
            return TASK_GO_ON;
        case FILES_BAD:
            return TASK_FAILED;
        case FILES_DONE:
            break;
        }
        files_change_dispose(&add->change);
        add->change = (struct files_change){0};
        add->was_filed = true;
    }
    add->roots++;
    add->stage = STAGE_PARTS;
    return TASK_GO_ON;
}

/* ---- */

static enum task_step advance(struct task *task, struct add *add, struct error *err)
{
    switch (add->stage) {
    case STAGE_PARTS:
        return read_parts(task, add, err);
    case STAGE_BUILDING:
        return build_tree(task, add, err);
    case STAGE_TELLING:
        return tell_tree(task, add, err);
    case STAGE_ROOT:
        add->stage = add->options.pins ? STAGE_STORED : STAGE_FILING;
        return add->options.pins ? TASK_WANTS_STORED : TASK_GO_ON;
    case STAGE_STORED:
        return pin_root(task, add, err);
    case STAGE_FILING:
        return file_root(task, add, err);
    }
    return TASK_FAILED;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct add *add = task->state;
    enum task_step step;

    if (!add->has_begun && (!import_options_read(task->call, &add->options, err) ||
                            !reply_form_of(task->call, &add->lines.form, err)))
        return TASK_FAILED;
    add->has_begun = true;
    do
        step = advance(task, add, err);
    while (step == TASK_GO_ON && !task_is_due(task) && !must_tell_first(task, add));
    if (step == TASK_WANTS_INPUT && !settle(task, add, err))
        return TASK_FAILED;
    return step;
}

static void dispose(struct task *task)
{
    struct add *add = task->state;

    import_body_dispose(&add->body);
    import_tree_destroy(&add->tree);
    unixfs_file_destroy(&add->file);
    import_wait_dispose(&add->wait);
    files_change_dispose(&add->change);
    free(add->levels);
    text_dispose(&add->path);
    text_dispose(&add->last);
    text_dispose(&add->name);
    text_dispose(&add->target);
}

const struct task_command command_add = {
    .id = COMMAND_ADD,
    .state_size = sizeof(struct add),
    .run = run,
    .dispose = dispose,
    .writes = true,
    .is_lines = true,
};
