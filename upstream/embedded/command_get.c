// SPDX-License-Identifier: Apache-2.0
/* get: an object as a TAR file, or one file bare; compressed, if asked for. Depth first, as
 * directory_reader goes: at most one file is open, and the names of the way down are kept. */
#include "conf/memory.h"
#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/file_reader.h"
#include "upstream/embedded/gzip.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/tar.h"

#include <stdlib.h>
#include <time.h>

struct get {
    bool is_begun;
    bool is_tar;
    bool has_nanos;    /* times are written whole; else rounded to seconds */
    struct gzip *gzip; /* NULL: not compressed */
    struct cid root;
    struct text name; /* of the entry that is written: "root/a/b" */
    size_t root_size; /* of the root's name */
    size_t *outer;    /* for each directory that was entered: the size of its name */
    size_t depth, capacity;
    struct directory_reader *directories;
    struct cid entry; /* whose name is set, and that comes next */
    bool has_entry;
    bool is_repeatable; /* the step that failed has changed nothing */
    struct file_reader *file;
    uint64_t file_size; /* as the header says */
    uint64_t missing;   /* bytes of the file that have not come */
    bool is_end;
};

/* ---- names */

/* What a file's name is from: the last part of the path, as typed. */
static struct slice name_of(struct slice path)
{
    size_t start;

    while (path.size > 0 && path.data[path.size - 1] == '/')
        path.size--;
    for (start = path.size; start > 0; start--)
        if (path.data[start - 1] == '/' || path.data[start - 1] == ':')
            break;
    return (struct slice){path.data + start, path.size - start};
}

static bool drop_part(struct get *get)
{
    size_t end = get->name.size;

    while (end > get->root_size && get->name.data[end - 1] != '/')
        end--;
    if (end <= get->root_size)
        return false;
    get->name.size = end - 1;
    return true;
}

/* Goes down by an entry's name, which others made: as Go's path.Join cleans it, and never out of
 * the root. */
static bool enter_name(struct get *get, struct slice name, struct error *err)
{
    while (name.size > 0) {
        const char *slash = memchr(name.data, '/', name.size);
        size_t end = slash != NULL ? (size_t)(slash - name.data) : name.size;
        struct slice part = {name.data, end};

        if (slice_is(part, "..")) {
            if (!drop_part(get))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "relative UnixFS paths outside the root are not allowed, use CAR "
                                 "instead");
        } else if (part.size > 0 && !slice_is(part, ".")) {
            text_put_char(&get->name, '/');
            text_put_slice(&get->name, part);
        }
        name = (struct slice){name.data + end + (slash != NULL), name.size - end - (slash != NULL)};
    }
    return get->name.size <= TAR_NAMES_MAX ||
           error_set(err, ERROR_UNSUPPORTED, "archive/tar: header field too long");
}

static void push_name(struct get *get)
{
    if (get->depth == get->capacity) {
        get->capacity = get->capacity > 0 ? 2 * get->capacity : 16;
        get->outer = memory_resize_array(get->outer, get->capacity, sizeof(*get->outer));
    }
    get->outer[get->depth++] = get->name.size;
}

/* ---- bytes out */

static bool put(struct task *task, struct get *get, struct slice bytes, struct error *err)
{
    if (get->gzip != NULL)
        return gzip_put(get->gzip, bytes, &task->out, err);
    text_put_slice(&task->out, bytes);
    return true;
}

static bool put_text(struct task *task, struct get *get, struct text *text, struct error *err)
{
    bool ok = put(task, get, text_slice(text), err);

    text_dispose(text);
    return ok;
}

/* The time of day stands for one that is not known, as in Kubo. */
static void set_time(const struct get *get, const struct unixfs_stat *stat, struct tar_entry *entry)
{
    struct timespec now;

    entry->mtime_s = stat->mtime_s;
    entry->mtime_ns = stat->mtime_ns;
    if (!stat->has_mtime) {
        clock_gettime(CLOCK_REALTIME, &now);
        entry->mtime_s = now.tv_sec;
        entry->mtime_ns = (uint32_t)now.tv_nsec;
    }
    if (!get->has_nanos) {
        entry->mtime_s += entry->mtime_ns >= 500000000 && entry->mtime_s < INT64_MAX;
        entry->mtime_ns = 0;
    }
}

static bool put_header(struct task *task, struct get *get, enum tar_type type,
                       const struct unixfs_stat *stat, struct slice target, struct error *err)
{
    static const uint32_t usual[] = {
        [TAR_FILE] = 0644, [TAR_SYMLINK] = 0777, [TAR_DIRECTORY] = 0755};
    struct tar_entry entry = {.type = type, .name = text_slice(&get->name), .target = target};
    struct text header = {0};

    entry.size = type == TAR_FILE ? get->file_size : 0;
    entry.mode = stat->mode & 07777;
    if (entry.mode == 0 || type == TAR_SYMLINK)
        entry.mode = usual[type];
    set_time(get, stat, &entry);
    if (tar_put_header(&header, &entry, err))
        return put_text(task, get, &header, err);
    text_dispose(&header);
    return false;
}

/* ---- entries */

static bool begin_file(struct task *task, struct get *get, const struct cid *cid, struct error *err)
{
    if (!file_reader_open(&get->file, task, cid, 0, UINT64_MAX, err))
        return false;
    get->file_size = get->missing = file_reader_size(get->file);
    return (int64_t)get->file_size >= 0 ||
           error_set(err, ERROR_UNSUPPORTED,
                     "archive/tar: cannot encode header: negative size on header-only type");
}

static bool begin_entry(struct task *task, struct get *get, struct error *err)
{
    const struct cid *cid = &get->entry;
    struct unixfs_stat stat;
    struct entity entity;

    if (!entity_read(&entity, task, cid, err)) {
        get->is_repeatable = true;
        return false;
    }
    get->has_entry = false;
    if (entity.kind == ENTITY_NODE)
        return error_set(err, ERROR_UNSUPPORTED, "unknown node type");
    stat = entity.unixfs.stat;
    if (entity_is_directory(&entity)) {
        push_name(get);
        if (!put_header(task, get, TAR_DIRECTORY, &stat, (struct slice){"", 0}, err))
            return false;
        return get->directories == NULL ? directory_reader_open(&get->directories, task, cid, err)
                                        : directory_reader_enter(get->directories, task, cid, err);
    }
    if (entity.kind == ENTITY_PB && entity.unixfs.type == UNIXFS_SYMLINK)
        return put_header(task, get, TAR_SYMLINK, &stat, entity.unixfs.data, err);
    return begin_file(task, get, cid, err) &&
           put_header(task, get, TAR_FILE, &stat, (struct slice){"", 0}, err);
}

static bool end_file(struct task *task, struct get *get, struct error *err)
{
    struct text padding = {0};

    file_reader_destroy(&get->file);
    if (!get->is_tar)
        return true;
    if (get->missing > 0)
        return error_set(err, ERROR_UNSUPPORTED, "archive/tar: missed writing %llu bytes",
                         (unsigned long long)get->missing);
    tar_put_padding(&padding, get->file_size);
    return put_text(task, get, &padding, err);
}

static bool go_on_file(struct task *task, struct get *get, struct error *err)
{
    struct slice piece;

    switch (file_reader_next(get->file, task, &piece, err)) {
    case READ_GOT:
        break;
    case READ_DUE:
        return true;
    case READ_END:
        return end_file(task, get, err);
    case READ_BAD:
        get->is_repeatable = true;
        return false;
    }
    if (get->is_tar && piece.size > get->missing)
        return error_set(err, ERROR_UNSUPPORTED, "archive/tar: write too long");
    get->missing -= get->is_tar ? piece.size : 0;
    return put(task, get, piece, err);
}

static bool go_on_directory(struct task *task, struct get *get, struct error *err)
{
    struct directory_entry entry;

    get->name.size = get->outer[get->depth - 1];
    switch (directory_reader_next(get->directories, task, &entry, err)) {
    case READ_GOT:
        get->entry = entry.cid;
        get->has_entry = true;
        return enter_name(get, entry.name, err);
    case READ_DUE:
        return true;
    case READ_END:
        get->depth--;
        if (!directory_reader_leave(get->directories))
            directory_reader_destroy(&get->directories);
        return true;
    case READ_BAD:
        get->is_repeatable = true;
        break;
    }
    return false;
}

/* ---- the whole */

static bool begin_gzip(const struct call *call, struct get *get, struct error *err)
{
    int64_t level = call_option_number(call, OPT_COMPRESSION_LEVEL, GZIP_LEVEL_USUAL);

    if (!call_option_bool(call, OPT_COMPRESS, false))
        return true;
    if (call_has_option(call, OPT_COMPRESSION_LEVEL) && (level < 1 || level > 9))
        return error_set(err, ERROR_UNSUPPORTED, "compression level must be between 1 and 9");
    get->gzip = gzip_create((int)level);
    return true;
}

static void reply(struct task *task, const struct get *get, uint64_t size)
{
    struct text lines = {0};

    text_put_format(&lines, TASK_STREAM_HEADER "X-Content-Length: %llu\r\n",
                    (unsigned long long)size);
    task_reply(task, get->gzip != NULL ? "application/gzip" : "application/x-tar", lines.data);
    text_dispose(&lines);
}

/* size: what the header says of the whole. */
static bool look_at_root(struct task *task, struct get *get, uint64_t *size, struct error *err)
{
    struct entity entity;

    if (!entity_read(&entity, task, &get->root, err))
        return false;
    if (entity_is_directory(&entity)) {
        *size = entity.tsize;
        return get->is_tar || error_set(err, ERROR_UNSUPPORTED, "file is not regular");
    }
    if (!file_reader_open(&get->file, task, &get->root, 0, UINT64_MAX, err))
        return false;
    *size = file_reader_size(get->file);
    if (get->is_tar)
        file_reader_destroy(&get->file); /* its header comes first */
    return true;
}

static bool begin(struct task *task, struct get *get, struct error *err)
{
    const struct call *call = task->call;
    struct path_end end;
    uint64_t size;

    get->is_begun = true;
    get->has_nanos = !call_option_bool(call, OPT_ARCHIVE, false);
    if (!begin_gzip(call, get, err) || !path_resolve(task, &call->arguments[0].path, &end, err))
        return false;
    get->is_tar = !get->has_nanos || get->gzip == NULL;
    get->root = get->entry = end.cid;
    text_put_slice(&get->name, name_of(call->arguments[0].text));
    get->root_size = get->name.size;
    if (!look_at_root(task, get, &size, err))
        return false;
    reply(task, get, size);
    get->has_entry = get->is_tar;
    return true;
}

static bool end(struct task *task, struct get *get, struct error *err)
{
    struct text last = {0};

    get->is_end = true;
    if (get->is_tar)
        tar_put_end(&last);
    return put_text(task, get, &last, err) &&
           (get->gzip == NULL || gzip_end(get->gzip, &task->out, err));
}

static bool begin_or_reset(struct task *task, struct get *get, struct error *err)
{
    if (begin(task, get, err))
        return true;
    gzip_destroy(&get->gzip);
    text_clear(&get->name);
    get->is_begun = false;
    get->is_repeatable = true;
    return false;
}

static bool step(struct task *task, struct get *get, struct error *err)
{
    if (!get->is_begun)
        return begin_or_reset(task, get, err);
    if (get->has_entry)
        return begin_entry(task, get, err);
    if (get->file != NULL)
        return go_on_file(task, get, err);
    if (get->directories != NULL)
        return go_on_directory(task, get, err);
    return end(task, get, err);
}

static enum task_step run(struct task *task, struct error *err)
{
    struct get *get = task->state;

    do {
        get->is_repeatable = false;
        if (!step(task, get, err))
            return get->is_repeatable && task_waits_for_block(task, err) ? TASK_WAITS : TASK_FAILED;
        if (get->is_end)
            return TASK_DONE;
    } while (!task_is_due(task));
    return TASK_GO_ON;
}

static void dispose(struct task *task)
{
    struct get *get = task->state;

    directory_reader_destroy(&get->directories);
    file_reader_destroy(&get->file);
    gzip_destroy(&get->gzip);
    text_dispose(&get->name);
    free(get->outer);
}

const struct task_command command_get = {
    .id = COMMAND_GET,
    .state_size = sizeof(struct get),
    .run = run,
    .dispose = dispose,
};
