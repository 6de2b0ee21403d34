// SPDX-License-Identifier: Apache-2.0
/* The root, whose turn it is to change it, and what Kubo would remember of its directories. */
#include "upstream/embedded/files.h"

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/node.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define UNFLUSHED_MAX 256  /* Kubo's Internal.MFSNoFlushLimit */
#define GROWN_MAX     1024 /* directories whose growth is remembered */

/* A sharded directory that has grown since it was read. */
struct grown {
    char *path; /* trimmed */
    int64_t bytes;
};

struct files {
    struct pins *pins;
    pthread_mutex_t lock; /* of all that follows */
    struct cid root;
    bool is_changed; /* it is somebody's turn */
    int unflushed;
    char **written; /* trimmed paths of files that are written */
    size_t written_count, written_capacity;
    struct grown *grown; /* whose turn it is alone */
    size_t grown_count;
};

/* A directory with nothing in it, as `ipfs files` begins. */
static const char empty_directory[] = {0x0a, 0x02, 0x08, 0x01};

static struct slice empty_block(void)
{
    return (struct slice){empty_directory, sizeof(empty_directory)};
}

static bool read_root(struct files *files, struct error *err)
{
    struct text value = {0};
    struct error why = {0};
    bool ok;

    if (pins_get_value(files->pins, FILES_ROOT_KEY, &value, &why)) {
        ok = cid_from_bytes(&files->root, value.data, value.size, err);
        if (!ok)
            error_prefix(err, "the root of the files, in node.db");
    } else if (why.code == ERROR_NOT_FOUND) {
        hash_make_cid(&files->root, 0, CODEC_DAG_PB, HASH_SHA2_256, empty_block());
        ok = true;
    } else {
        ok = error_copy(err, &why);
    }
    text_dispose(&value);
    return ok;
}

bool files_open(struct files **files, struct pins *pins, struct error *err)
{
    struct files *opened = memory_alloc(sizeof(*opened));
    int failed = pthread_mutex_init(&opened->lock, NULL);

    assert(failed == 0);
    opened->pins = pins;
    opened->grown = memory_alloc(GROWN_MAX * sizeof(*opened->grown));
    *files = NULL;
    if (!read_root(opened, err)) {
        files_close(&opened);
        return false;
    }
    *files = opened;
    return true;
}

void files_close(struct files **files)
{
    if (*files == NULL)
        return;
    assert((*files)->written_count == 0 && !(*files)->is_changed);
    for (size_t i = 0; i < (*files)->grown_count; i++)
        free((*files)->grown[i].path);
    free((*files)->grown);
    free((*files)->written);
    pthread_mutex_destroy(&(*files)->lock);
    free(*files);
    *files = NULL;
}

struct cid files_root(struct files *files)
{
    struct cid root;

    pthread_mutex_lock(&files->lock);
    root = files->root;
    pthread_mutex_unlock(&files->lock);
    return root;
}

/* ---- blocks */

static bool get_block(void *task, const struct cid *cid, struct slice *block, struct error *err)
{
    struct cid empty;

    hash_make_cid(&empty, 0, CODEC_DAG_PB, HASH_SHA2_256, empty_block());
    if (cid_equal(cid, &empty)) { /* before the first change no store has it */
        *block = empty_block();
        return true;
    }
    return task_get(task, cid, block, err);
}

struct unixfs_store files_store(struct task *task)
{
    return (struct unixfs_store){get_block, task_sink, task};
}

/* ---- turns */

static bool begin_turn(struct files *files, struct files_change *change)
{
    bool is_free;

    pthread_mutex_lock(&files->lock);
    is_free = !files->is_changed;
    if (is_free) {
        files->is_changed = true;
        change->inside = files;
        change->root = files->root;
    }
    pthread_mutex_unlock(&files->lock);
    return is_free;
}

void files_change_dispose(struct files_change *change)
{
    struct files *files = change->inside;

    if (files == NULL)
        return;
    pthread_mutex_lock(&files->lock);
    files->is_changed = false;
    pthread_mutex_unlock(&files->lock);
    change->inside = NULL;
}

/* The blocks are durable: now the root. */
static bool put_root(struct files_change *change, struct error *err)
{
    struct files *files = change->inside;
    const struct cid *root = &change->root;

    if (!pins_put_value(files->pins, FILES_ROOT_KEY,
                        (struct slice){(const char *)root->bytes, root->size}, err))
        return false;
    pthread_mutex_lock(&files->lock);
    files->root = *root;
    pthread_mutex_unlock(&files->lock);
    return true;
}

static enum files_step end_change(struct files_change *change, struct error *err)
{
    struct cid before = files_root(change->inside);
    bool ok = cid_equal(&before, &change->root) || put_root(change, err);

    files_change_dispose(change);
    if (ok && !change->has_failed)
        return FILES_DONE;
    if (ok)
        error_copy(err, &change->why);
    return FILES_BAD;
}

enum files_step files_change_run(struct task *task, struct files_change *change, files_make make,
                                 struct error *err)
{
    struct cid before;
    enum files_step step;

    if (change->is_made)
        return end_change(change, err);
    if (change->inside == NULL && !begin_turn(task->node->files, change))
        return FILES_WAITS;
    step = make(task, change, &change->why);
    if (step == FILES_MORE)
        return step;
    change->is_made = true;
    change->has_failed = step == FILES_BAD;
    before = files_root(change->inside);
    return cid_equal(&before, &change->root) ? end_change(change, err) : FILES_WANTS_STORED;
}

enum task_step files_task_step(enum files_step step)
{
    static const enum task_step steps[] = {
        [FILES_WAITS] = TASK_WAITS, [FILES_WANTS_STORED] = TASK_WANTS_STORED,
        [FILES_MORE] = TASK_GO_ON,  [FILES_DONE] = TASK_DONE,
        [FILES_BAD] = TASK_FAILED,
    };

    return steps[step];
}

/* ---- growth */

static bool is_below(struct slice path, const char *other)
{
    return path.size == 0 ? *other != '\0'
                          : strncmp(other, path.data, path.size) == 0 && other[path.size] == '/';
}

static void forget(struct files *files, struct slice path, bool is_itself)
{
    size_t kept = 0;

    path = files_trim(path);
    for (size_t i = 0; i < files->grown_count; i++) {
        struct grown *grown = &files->grown[i];

        if (is_below(path, grown->path) || (is_itself && slice_is(path, grown->path)))
            free(grown->path);
        else
            files->grown[kept++] = *grown;
    }
    files->grown_count = kept;
}

void files_forget_below(struct files_change *change, struct slice path)
{
    forget(change->inside, path, false);
}

void files_forget_at(struct files_change *change, struct slice path)
{
    forget(change->inside, path, true);
}

int64_t files_growth(struct files *files, struct slice path)
{
    for (size_t i = 0; i < files->grown_count; i++)
        if (slice_is(path, files->grown[i].path))
            return files->grown[i].bytes;
    return 0;
}

void files_set_growth(struct files *files, struct slice path, int64_t bytes)
{
    size_t i = 0;

    while (i < files->grown_count && !slice_is(path, files->grown[i].path))
        i++;
    if (i == files->grown_count && bytes == 0)
        return;
    if (i == GROWN_MAX) /* then they shrink sooner than Kubo's would */
        forget(files, SLICE(""), true);
    i = i < files->grown_count ? i : files->grown_count;
    if (i == files->grown_count)
        files->grown[files->grown_count++].path = memory_copy(path.data, path.size);
    files->grown[i].bytes = bytes;
}

/* ---- what else is remembered */

bool files_count_unflushed(struct files *files, bool flushes, struct error *err)
{
    bool ok = true;

    pthread_mutex_lock(&files->lock);
    if (flushes)
        files->unflushed = 0;
    else if (files->unflushed >= UNFLUSHED_MAX)
        ok = error_set(err, ERROR_REFUSED,
                       "reached limit of %d unflushed MFS operations. To resolve: 1) run 'ipfs "
                       "files flush' to persist changes, 2) use --flush=true (default), or 3) "
                       "increase Internal.MFSNoFlushLimit in config",
                       UNFLUSHED_MAX);
    else
        files->unflushed++;
    pthread_mutex_unlock(&files->lock);
    return ok;
}

static size_t find_written(const struct files *files, struct slice path)
{
    size_t i = 0;

    while (i < files->written_count && !slice_is(path, files->written[i]))
        i++;
    return i;
}

bool files_begin_file(struct files *files, struct slice path)
{
    bool is_free;

    path = files_trim(path);
    pthread_mutex_lock(&files->lock);
    is_free = find_written(files, path) == files->written_count;
    if (is_free) {
        if (files->written_count == files->written_capacity) {
            files->written_capacity = files->written_capacity * 2 + 8;
            files->written = memory_resize_array(files->written, files->written_capacity,
                                                 sizeof(*files->written));
        }
        files->written[files->written_count++] = memory_copy(path.data, path.size);
    }
    pthread_mutex_unlock(&files->lock);
    return is_free;
}

void files_end_file(struct files *files, struct slice path)
{
    size_t i;

    pthread_mutex_lock(&files->lock);
    i = find_written(files, files_trim(path));
    assert(i < files->written_count);
    free(files->written[i]);
    files->written[i] = files->written[--files->written_count];
    pthread_mutex_unlock(&files->lock);
}
