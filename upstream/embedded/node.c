// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/node.h"

#include "conf/memory.h"
#include "upstream/embedded/files.h"
#include "upstream/embedded/node_key.h"
#include "upstream/embedded/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HELD_MAX = 24 << 20,    /* bytes of input and output of all tasks: beyond, each has little */
    WRITING_MAX = 16 << 20, /* bytes of blocks under way, of one task */
    WRITING_MAX_OF_ALL = 24 << 20,
    WRITING_MIN = 1 << 20,
};

static char *path_in(const char *folder, const char *name)
{
    struct text path = {0};

    text_put_format(&path, "%s/%s", folder, name);
    return path.data;
}

/* ---- scratch */

static bool remove_files(DIR *folder, const char *path, struct error *err)
{
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_type != DT_DIR && unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            return error_set_errno(err, "%s/%s cannot be removed", path, entry->d_name);
    return true;
}

/* What a process that was killed left there is nobody's. */
static bool empty_scratch(const char *path, struct error *err)
{
    DIR *folder;
    bool is_empty;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_errno(err, "the folder %s cannot be made", path);
    folder = opendir(path);
    if (folder == NULL)
        return error_set_errno(err, "the folder %s cannot be opened", path);
    is_empty = remove_files(folder, path, err);
    closedir(folder);
    return is_empty;
}

/* ---- opening and closing */

static void close_parts(struct node *node)
{
    files_close(&node->files);
    pins_close(&node->pins);
    blocks_close(&node->blocks);
}

struct node *node_ref(struct node *node)
{
    atomic_fetch_add(&node->references, 1);
    return node;
}

void node_unref(struct node **node_ptr)
{
    struct node *node = *node_ptr;

    *node_ptr = NULL;
    if (atomic_fetch_sub(&node->references, 1) > 1)
        return;
    pthread_mutex_destroy(&node->mutex);
    free(node->scratch);
    free(node->folder);
    free(node);
}

static bool open_key(struct node *node, const char *key, struct error *err)
{
    char *path = key != NULL ? memory_copy_text(key) : path_in(node->folder, "node.key");
    bool is_open = node_key_open(path, &node->peer, err);

    free(path);
    return is_open;
}

static bool open_parts(struct node *node, struct blocks_opened *opened, struct error *err)
{
    struct blocks_settings settings = {.folder = node->folder, .jobs = node->jobs};

    return blocks_open(&node->blocks, &settings, opened, err) &&
           empty_scratch(node->scratch, err) && pins_open(&node->pins, node->folder, err) &&
           files_open(&node->files, node->pins, err);
}

bool node_open(struct node **node_ptr, const struct node_settings *settings,
               struct blocks_opened *opened, struct error *err)
{
    struct node *node = memory_alloc(sizeof(*node));

    *node_ptr = NULL;
    node->jobs = settings->jobs;
    node->references = 1;
    node->folder = memory_copy_text(settings->folder);
    node->scratch = path_in(settings->folder, "scratch");
    pthread_mutex_init(&node->mutex, NULL);
    if (!open_parts(node, opened, err) || !open_key(node, settings->key, err)) {
        node_close(&node);
        return false;
    }
    *node_ptr = node;
    return true;
}

void node_close(struct node **node_ptr)
{
    if (*node_ptr == NULL)
        return;
    node_stop(*node_ptr);
    close_parts(*node_ptr);
    node_unref(node_ptr);
}

void node_stop(struct node *node)
{
    if (node != NULL)
        node->is_stopping = true;
}

/* ---- what tasks share */

bool node_start_job(struct node *node, struct loop *loop, struct job *job)
{
    return !node->is_stopping && job_start(node->jobs, loop, job);
}

void node_hold_memory(struct node *node, size_t before, size_t now)
{
    if (now > before)
        atomic_fetch_add_explicit(&node->held_memory, now - before, memory_order_relaxed);
    else if (now < before)
        atomic_fetch_sub_explicit(&node->held_memory, before - now, memory_order_relaxed);
}

/* The more at once, the fewer syncs; 16 MiB are one group of the store. */
size_t node_writing_max(struct node *node)
{
    unsigned int writers;
    size_t share;

    pthread_mutex_lock(&node->mutex);
    writers = node->writers;
    pthread_mutex_unlock(&node->mutex);
    share = WRITING_MAX_OF_ALL / (writers > 0 ? writers : 1);
    if (share > WRITING_MAX)
        return WRITING_MAX;
    return share > WRITING_MIN ? share : WRITING_MIN;
}

bool node_is_short_of_memory(const struct node *node)
{
    return atomic_load_explicit(&node->held_memory, memory_order_relaxed) > HELD_MAX;
}

/* ---- the gate */

bool node_begin_write(struct node *node)
{
    bool may_write;

    pthread_mutex_lock(&node->mutex);
    may_write = !node->is_collecting;
    if (may_write)
        node->writers++;
    pthread_mutex_unlock(&node->mutex);
    return may_write;
}

void node_end_write(struct node *node)
{
    pthread_mutex_lock(&node->mutex);
    node->writers--;
    pthread_mutex_unlock(&node->mutex);
}

bool node_close_gate(struct node *node)
{
    bool was_open;

    pthread_mutex_lock(&node->mutex);
    was_open = !node->is_collecting;
    node->is_collecting = true;
    pthread_mutex_unlock(&node->mutex);
    return was_open;
}

bool node_is_quiet(struct node *node)
{
    bool is_quiet;

    pthread_mutex_lock(&node->mutex);
    is_quiet = node->writers == 0;
    pthread_mutex_unlock(&node->mutex);
    return is_quiet;
}

void node_open_gate(struct node *node)
{
    pthread_mutex_lock(&node->mutex);
    node->is_collecting = false;
    pthread_mutex_unlock(&node->mutex);
}
