// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/blocks.h"

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "store/lock.h"
#include "upstream/embedded/blocks_private.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    QUEUE_BYTES_MAX = 32 << 20,
    SEGMENT_MAX = 128 << 20,
    GROUP_MAX = 1024,      /* writes that share a sync */
    GROUP_BYTES = 8 << 20, /* or so: who writes much fills the next one while this one is synced */
    WRITE_OVERHEAD = 512,  /* what a write takes beside its bytes */
};

/* ---- the writer's thread */

/* Takes what waits, at most one group; what compacts is one of its own. 0: the store closes, and
 * nothing waits. */
static size_t take_group(struct blocks *blocks, struct blocks_write *group[GROUP_MAX])
{
    struct blocks_write *write;
    size_t count = 0, bytes = 0;

    pthread_mutex_lock(&blocks->mutex);
    while (blocks->shared.first == NULL && !blocks->shared.must_stop)
        pthread_cond_wait(&blocks->wakeup, &blocks->mutex);
    while ((write = blocks->shared.first) != NULL && count < GROUP_MAX && bytes < GROUP_BYTES &&
           (count == 0 || (!write->compacts && !group[0]->compacts))) {
        blocks->shared.first = write->next;
        group[count++] = write;
        bytes += write->bytes.size;
    }
    if (blocks->shared.first == NULL)
        blocks->shared.end = &blocks->shared.first;
    pthread_mutex_unlock(&blocks->mutex);
    return count;
}

/* Memory, not bytes alone: a text has up to twice the room that it needs. */
static size_t weight(const struct blocks_write *write)
{
    return WRITE_OVERHEAD + write->bytes.capacity + write->capacity * sizeof(*write->entries) +
           write->slot_count * sizeof(*write->slots);
}

static void deliver(struct message *message, void *receiver)
{
    struct blocks_write *write = CONTAINER_OF(message, struct blocks_write, message);

    if (write->on_done != NULL)
        write->on_done(write->arg, &write->result,
                       write->err.code == ERROR_NONE ? NULL : &write->err);
    blocks_write_destroy(&write);
}

static void answer(struct blocks *blocks, struct blocks_write *write)
{
    bool is_waited_for = write->waiter != NULL;

    if (write->err.code != ERROR_NONE)
        write->result = (struct blocks_written){0};
    pthread_mutex_lock(&blocks->mutex);
    blocks->shared.totals.waiting_bytes -= weight(write);
    write->is_answered = true;
    if (is_waited_for)
        pthread_cond_signal(write->waiter);
    pthread_mutex_unlock(&blocks->mutex);
    if (is_waited_for) /* whose it is again */
        return;
    write->message.deliver = deliver;
    if (write->loop != NULL)
        loop_post(write->loop, &write->message);
    else
        blocks_write_destroy(&write);
}

static void *run(void *blocks_)
{
    struct blocks *blocks = blocks_;
    struct blocks_write *group[GROUP_MAX];
    size_t count;

    pthread_setname_np(pthread_self(), "blocks");
    while ((count = take_group(blocks, group)) > 0) {
        blocks_run_group(blocks, group, count);
        for (size_t i = 0; i < count; i++)
            answer(blocks, group[i]);
    }
    return NULL;
}

static bool start_thread(struct blocks *blocks, struct error *err)
{
    sigset_t all, old;
    int cause;

    sigfillset(&all); /* signals are the control thread's */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    cause = pthread_create(&blocks->thread, NULL, run, blocks);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return cause == 0 || error_set(err, ERROR_IO, "the block store's thread cannot be started");
}

/* ---- opening and closing */

static void dispose(struct blocks *blocks)
{
    for (struct reader *reader = blocks->shared.readers, *next; reader != NULL; reader = next) {
        next = reader->next;
        block_index_close(&reader->index);
        free(reader);
    }
    blocks_close_last(blocks);
    block_index_close(&blocks->index); /* the last: folds the write-ahead log into the file */
    lock_give(&blocks->lock_fd);
    if (blocks->folder_fd >= 0)
        close(blocks->folder_fd);
    pthread_cond_destroy(&blocks->idle);
    pthread_cond_destroy(&blocks->wakeup);
    pthread_mutex_destroy(&blocks->mutex);
    free(blocks->shared.damaged);
    free(blocks->segments);
    free(blocks->folder);
    free(blocks);
}

static bool open_files(struct blocks *blocks, struct blocks_opened *opened, struct error *err)
{
    bool is_new;

    if (!lock_take(blocks->folder, &blocks->lock_fd, err))
        return false;
    blocks->folder_fd = open(blocks->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blocks->folder_fd < 0)
        return error_set_errno(err, "the folder %s cannot be opened", blocks->folder);
    (void)blocks_drop_reserve(blocks); /* a full disk must not keep us from starting */
    if (!block_index_open(&blocks->index, blocks->folder, true, &is_new, err) ||
        (is_new && !blocks_rebuild(blocks, opened, err)) || !blocks_load_segments(blocks, err) ||
        !blocks_remove_strays(blocks, err))
        return false;
    blocks_reopen_last(blocks);
    blocks_make_reserve(blocks);
    blocks_count_totals(blocks, 0);
    return true;
}

bool blocks_open(struct blocks **blocks_ptr, const struct blocks_settings *settings,
                 struct blocks_opened *opened, struct error *err)
{
    struct blocks *blocks = memory_alloc(sizeof(*blocks));
    struct blocks_opened unused;

    if (opened == NULL)
        opened = &unused;
    *opened = (struct blocks_opened){0};
    *blocks_ptr = NULL;
    blocks->folder = memory_copy_text(settings->folder);
    blocks->jobs = settings->jobs;
    blocks->queue_bytes_max =
        settings->queue_bytes_max > 0 ? settings->queue_bytes_max : QUEUE_BYTES_MAX;
    blocks->segment_max = settings->segment_max > 0 ? settings->segment_max : SEGMENT_MAX;
    blocks->fd = blocks->folder_fd = blocks->lock_fd = -1;
    blocks->shared.end = &blocks->shared.first;
    pthread_mutex_init(&blocks->mutex, NULL);
    pthread_cond_init(&blocks->wakeup, NULL);
    pthread_cond_init(&blocks->idle, NULL);
    if (!open_files(blocks, opened, err) || !start_thread(blocks, err)) {
        dispose(blocks);
        return false;
    }
    *blocks_ptr = blocks;
    return true;
}

void blocks_close(struct blocks **blocks_ptr)
{
    struct blocks *blocks = *blocks_ptr;

    if (blocks == NULL)
        return;
    *blocks_ptr = NULL;
    pthread_mutex_lock(&blocks->mutex);
    blocks->shared.must_stop = true;
    pthread_cond_signal(&blocks->wakeup);
    while (blocks->shared.reads > 0)
        pthread_cond_wait(&blocks->idle, &blocks->mutex);
    pthread_mutex_unlock(&blocks->mutex);
    pthread_join(blocks->thread, NULL);
    dispose(blocks);
}

struct blocks_totals blocks_totals(struct blocks *blocks)
{
    struct blocks_totals totals;

    pthread_mutex_lock(&blocks->mutex);
    totals = blocks->shared.totals;
    pthread_mutex_unlock(&blocks->mutex);
    return totals;
}

/* ---- writes */

struct blocks_write *blocks_write_create(void)
{
    return memory_alloc(sizeof(struct blocks_write));
}

void blocks_write_destroy(struct blocks_write **write_ptr)
{
    struct blocks_write *write = *write_ptr;

    if (write == NULL)
        return;
    *write_ptr = NULL;
    text_dispose(&write->bytes);
    free(write->entries);
    free(write->slots);
    free(write);
}

/* The end of a key is the digest's: as good as chance. */
static size_t first_slot(const struct blocks_write *write, struct slice key)
{
    uint64_t number = 0;
    size_t size = key.size < sizeof(number) ? key.size : sizeof(number);

    memcpy(&number, key.data + key.size - size, size);
    return (size_t)(number * 0x9e3779b97f4a7c15U >> 32) & (write->slot_count - 1);
}

static bool is_entry_of(const struct blocks_write *write, const struct entry *entry,
                        struct slice key, struct segment_record *record)
{
    struct slice bytes = {write->bytes.data + entry->at, entry->size};

    return segment_parse(bytes, record) == SEGMENT_RECORD && slice_equal(record->key, key);
}

/* The slot of this key's last entry, or the free one where it belongs. */
static uint32_t *find_slot(const struct blocks_write *write, struct slice key,
                           struct segment_record *record)
{
    size_t at = first_slot(write, key);

    while (write->slots[at] != 0 &&
           !is_entry_of(write, &write->entries[write->slots[at] - 1], key, record))
        at = (at + 1) & (write->slot_count - 1);
    return &write->slots[at];
}

static void fill_slot(struct blocks_write *write, size_t i)
{
    const struct entry *entry = &write->entries[i];
    struct slice bytes = {write->bytes.data + entry->at, entry->size};
    struct segment_record record, same;

    if (segment_parse(bytes, &record) == SEGMENT_RECORD)
        *find_slot(write, record.key, &same) = (uint32_t)i + 1;
}

static void grow(struct blocks_write *write)
{
    write->capacity = write->capacity > 0 ? 2 * write->capacity : 16;
    write->entries = memory_resize_array(write->entries, write->capacity, sizeof(*write->entries));
    free(write->slots);
    write->slot_count = 2 * write->capacity;
    write->slots = memory_alloc(write->slot_count * sizeof(*write->slots));
    for (size_t i = 0; i < write->count; i++)
        fill_slot(write, i);
}

static void add_entry(struct blocks_write *write, bool is_put, const struct cid *cid,
                      struct slice block)
{
    struct entry entry = {.is_put = is_put, .at = write->bytes.size};

    assert(!write->compacts);
    segment_put_record(&write->bytes, cid_multihash(cid), block);
    entry.size = write->bytes.size - entry.at;
    if (write->count == write->capacity)
        grow(write);
    write->entries[write->count] = entry;
    fill_slot(write, write->count++);
}

bool blocks_write_put(struct blocks_write *write, const struct cid *cid, struct slice block,
                      struct error *err)
{
    if (!hash_check(cid->hash, cid->digest_size, err))
        return false;
    if (cid->hash == HASH_IDENTITY)
        return true;
    if (block.size > BLOCKS_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "a block has %zu bytes, and %d are the most", block.size,
                         BLOCKS_SIZE_MAX);
    add_entry(write, true, cid, block);
    return true;
}

void blocks_write_remove(struct blocks_write *write, const struct cid *cid)
{
    if (cid->hash != HASH_IDENTITY)
        add_entry(write, false, cid, (struct slice){NULL, 0});
}

void blocks_write_compact(struct blocks_write *write)
{
    assert(write->count == 0);
    write->compacts = true;
}

bool blocks_write_find(const struct blocks_write *write, const struct cid *cid, struct slice *block)
{
    struct segment_record record;
    uint32_t slot;

    if (write->count == 0)
        return false;
    slot = *find_slot(write, cid_multihash(cid), &record);
    if (slot == 0 || !write->entries[slot - 1].is_put)
        return false;
    *block = record.data;
    return true;
}

size_t blocks_write_size(const struct blocks_write *write)
{
    return write->bytes.size;
}

/* With the mutex held. */
static bool enqueue_locked(struct blocks *blocks, struct blocks_write *write, struct error *err)
{
    uint64_t waiting = blocks->shared.totals.waiting_bytes;

    if (blocks->shared.must_stop)
        return error_set(err, ERROR_REFUSED, "the block store is closing");
    if (waiting > 0 && waiting + weight(write) > blocks->queue_bytes_max)
        return error_set(err, ERROR_LIMIT,
                         "%llu bytes of blocks wait to be written, and %zu are the most; the disk "
                         "is too slow for what is asked",
                         (unsigned long long)waiting, blocks->queue_bytes_max);
    write->next = NULL;
    *blocks->shared.end = write;
    blocks->shared.end = &write->next;
    blocks->shared.totals.waiting_bytes += weight(write);
    pthread_cond_signal(&blocks->wakeup);
    return true;
}

/* Gives room back that nothing was put into: it would count as waiting. */
static void trim(struct blocks_write *write)
{
    struct text *bytes = &write->bytes;

    if (bytes->capacity / 4 * 3 < bytes->size || bytes->size == 0)
        return;
    bytes->capacity = bytes->size + 1;
    bytes->data = memory_resize(bytes->data, bytes->capacity);
}

bool blocks_write_start(struct blocks *blocks, struct loop *loop, struct blocks_write *write,
                        blocks_written_cb on_done, void *arg, struct error *err)
{
    bool is_accepted;

    assert(loop != NULL || on_done == NULL);
    trim(write);
    write->loop = loop;
    write->on_done = on_done;
    write->arg = arg;
    pthread_mutex_lock(&blocks->mutex);
    is_accepted = enqueue_locked(blocks, write, err);
    pthread_mutex_unlock(&blocks->mutex);
    return is_accepted;
}

bool blocks_write_now(struct blocks *blocks, struct blocks_write **write_ptr,
                      struct blocks_written *result, struct error *err)
{
    pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
    struct blocks_write *write = *write_ptr;
    bool is_done;

    write->waiter = &answered;
    pthread_mutex_lock(&blocks->mutex);
    is_done = enqueue_locked(blocks, write, err);
    while (is_done && !write->is_answered)
        pthread_cond_wait(&answered, &blocks->mutex);
    pthread_mutex_unlock(&blocks->mutex);
    pthread_cond_destroy(&answered);
    *result = write->result;
    if (is_done && write->err.code != ERROR_NONE)
        is_done = error_copy(err, &write->err);
    blocks_write_destroy(write_ptr);
    return is_done;
}

void blocks_write_cancel(struct blocks_write **write)
{
    if (*write != NULL)
        (*write)->on_done = NULL;
    *write = NULL;
}
