// SPDX-License-Identifier: Apache-2.0
/* Reads: one job each. A connection of the index is lent to it, so that there are as many as
 * threads of the pool. A segment is opened by who reads it: once open, it may be removed. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/blocks_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 5 }; /* compacting may take a segment away under a look-up, now and then */

/* An open segment: blocks that were added together lie side by side. */
struct open_segment {
    uint32_t number; /* 0: none */
    int fd;
};

/* What looks blocks up, one after the other. */
struct look_up {
    struct blocks *blocks;
    struct reader *connection;
    struct open_segment open;
    enum blocks_mode mode;
    struct text bytes; /* records that were read */
    struct error err;  /* the first thing that went wrong with other than ERROR_NOT_FOUND */
};

struct blocks_read {
    struct job job;
    struct look_up up;
    bool is_list;
    size_t limit;       /* of a list */
    struct slice after; /* into after_bytes */
    char after_bytes[CID_BYTES_MAX];
    struct block_found *found;
    size_t *places; /* of the data in up.bytes */
    size_t count, capacity;
    atomic_bool is_canceled;
    blocks_found_cb on_done;
    void *arg;
};

/* ---- one block, on any thread */

static struct reader *take_reader(struct blocks *blocks, struct error *err)
{
    struct reader *reader;
    bool is_new;

    pthread_mutex_lock(&blocks->mutex);
    reader = blocks->shared.readers;
    if (reader != NULL)
        blocks->shared.readers = reader->next;
    pthread_mutex_unlock(&blocks->mutex);
    if (reader != NULL)
        return reader;
    reader = memory_alloc(sizeof(*reader));
    if (block_index_open(&reader->index, blocks->folder, false, &is_new, err))
        return reader;
    free(reader);
    return NULL;
}

static void give_reader(struct blocks *blocks, struct reader *reader)
{
    pthread_mutex_lock(&blocks->mutex);
    reader->next = blocks->shared.readers;
    blocks->shared.readers = reader;
    pthread_mutex_unlock(&blocks->mutex);
}

static void close_segment(struct open_segment *open)
{
    if (open->number != 0)
        close(open->fd);
    open->number = 0;
}

static bool open_segment(struct blocks *blocks, struct open_segment *open, uint32_t number)
{
    char name[SEGMENT_NAME_SIZE];

    if (open->number == number)
        return true;
    close_segment(open);
    segment_name(number, name);
    open->fd = openat(blocks->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (open->fd < 0)
        return false;
    open->number = number;
    return true;
}

static bool look_up_begin(struct look_up *up)
{
    up->connection = take_reader(up->blocks, &up->err);
    return up->connection != NULL;
}

static void look_up_end(struct look_up *up)
{
    if (up->connection != NULL)
        give_reader(up->blocks, up->connection);
    up->connection = NULL;
    close_segment(&up->open);
}

/* What is wrong with one block; the others may be read all the same. */
static void blame(struct look_up *up, struct block_found *found, const struct block_place *place,
                  enum error_code code, const char *what)
{
    struct text cid = {0};

    found->state = code;
    found->size = 0;
    if (code == ERROR_MISMATCH)
        blocks_note_damage(up->blocks, cid_multihash(&found->cid));
    cid_print(&found->cid, CID_BASE_DEFAULT, &cid);
    error_set(&up->err, code, "block %s: %s/%010u.blocks at offset %llu: %s", cid.data,
              up->blocks->folder, place->segment, (unsigned long long)place->offset, what);
    text_dispose(&cid);
}

/* Whether these bytes are the record that the index means. */
static bool is_record_of(struct slice bytes, const struct block_found *found,
                         struct segment_record *record)
{
    return segment_parse(bytes, record) == SEGMENT_RECORD && record->size == bytes.size &&
           slice_equal(record->key, cid_multihash(&found->cid));
}

static void read_record(struct look_up *up, struct block_found *found,
                        const struct block_place *place, size_t *at)
{
    size_t size = segment_record_size(cid_multihash(&found->cid).size, place->size);
    char *bytes = text_reserve(&up->bytes, size);
    ssize_t got = segment_read(up->open.fd, bytes, size, place->offset);
    struct segment_record record;

    if (got < 0) {
        char text[128];

        blame(up, found, place, ERROR_IO, strerror_r(errno, text, sizeof(text)));
    } else if ((size_t)got < size) {
        blame(up, found, place, ERROR_MISMATCH, "the file ends before the block does");
    } else if (!is_record_of((struct slice){bytes, size}, found, &record)) {
        blame(up, found, place, ERROR_MISMATCH, "the block's record is damaged");
    } else if (up->mode == BLOCKS_CHECKED && !hash_verify(&found->cid, record.data, NULL)) {
        blame(up, found, place, ERROR_MISMATCH, "the block's bytes are damaged");
    } else {
        found->state = ERROR_NONE;
        found->size = place->size;
        *at = up->bytes.size + (size_t)(record.data.data - bytes);
        up->bytes.size += size;
    }
}

static void read_identity(struct look_up *up, struct block_found *found, size_t *at)
{
    found->state = ERROR_NONE;
    found->size = found->cid.digest_size;
    *at = up->bytes.size;
    text_put(&up->bytes, cid_digest(&found->cid), found->cid.digest_size);
}

/* One block; at: out, where its bytes are in up->bytes. False: no more can be read; up->err is
 * set, or there is no room for this one. */
static bool look_up(struct look_up *up, struct block_found *found, size_t *at)
{
    struct error failure = {0};
    struct block_place place;

    if (found->cid.hash == HASH_IDENTITY) {
        read_identity(up, found, at);
        return true;
    }
    for (int tries = 0; tries < TRIES; tries++) {
        if (!block_index_find(up->connection->index, cid_multihash(&found->cid), &place,
                              &failure)) {
            found->state = ERROR_NOT_FOUND;
            if (failure.code != ERROR_NOT_FOUND)
                up->err = failure;
            return failure.code == ERROR_NOT_FOUND;
        }
        found->state = ERROR_NONE;
        found->size = place.size;
        if (up->mode == BLOCKS_SIZE)
            return true;
        if (up->bytes.size > 0 && up->bytes.size + place.size > BLOCKS_READ_MAX)
            return false;
        if (open_segment(up->blocks, &up->open, place.segment)) {
            read_record(up, found, &place, at);
            return true;
        }
        if (errno != ENOENT)
            break;
    }
    blame(up, found, &place, errno == ENOENT ? ERROR_MISMATCH : ERROR_IO,
          errno == ENOENT ? "the file is not there" : "the file cannot be opened");
    return true;
}

/* ---- in the job */

static void read_all(struct blocks_read *read)
{
    bool goes_on = true;
    size_t i = 0;

    for (; goes_on && i < read->count && !read->is_canceled; i++)
        goes_on = look_up(&read->up, &read->found[i], &read->places[i]);
    read->count = goes_on ? i : i - 1;
    for (i = 0; i < read->count; i++) /* now that the bytes move no more */
        if (read->up.mode != BLOCKS_SIZE && read->found[i].state == ERROR_NONE)
            read->found[i].data =
                (struct slice){read->up.bytes.data + read->places[i], read->found[i].size};
}

static struct block_found *add_found(struct blocks_read *read)
{
    if (read->count == read->capacity) {
        read->capacity = read->capacity > 0 ? 2 * read->capacity : 16;
        read->found = memory_resize_array(read->found, read->capacity, sizeof(*read->found));
        read->places = memory_resize_array(read->places, read->capacity, sizeof(*read->places));
    }
    read->found[read->count] = (struct block_found){.state = ERROR_NOT_FOUND};
    return &read->found[read->count++];
}

/* A list, as its callback gets it. */
struct listing {
    blocks_listed_cb on_block;
    void *arg;
    size_t count;
};

static void on_key(void *listing_, struct slice key, uint32_t size)
{
    uint8_t bytes[2 + CID_BYTES_MAX] = {1, CODEC_RAW};
    struct listing *listing = listing_;
    struct cid cid;

    if (key.size > CID_BYTES_MAX)
        return;
    memcpy(bytes + 2, key.data, key.size);
    if (!cid_from_bytes(&cid, bytes, 2 + key.size, NULL))
        return;
    listing->count++;
    listing->on_block(listing->arg, &cid, size);
}

static void add_listed(void *read, const struct cid *cid, uint32_t size)
{
    struct block_found *found = add_found(read);

    *found = (struct block_found){.cid = *cid, .state = ERROR_NONE, .size = size};
}

static void list_all(struct blocks_read *read)
{
    struct listing listing = {.on_block = add_listed, .arg = read};

    if (!block_index_list(read->up.connection->index, read->after, read->limit, on_key, &listing,
                          &read->up.err))
        read->count = 0;
}

/* From here on the store may close. */
static void stop_reading(struct blocks *blocks)
{
    pthread_mutex_lock(&blocks->mutex);
    if (--blocks->shared.reads == 0)
        pthread_cond_signal(&blocks->idle);
    pthread_mutex_unlock(&blocks->mutex);
}

static void run(struct job *job)
{
    struct blocks_read *read = CONTAINER_OF(job, struct blocks_read, job);

    if (read->is_canceled || !look_up_begin(&read->up))
        read->count = 0;
    else if (!read->is_list)
        read_all(read);
    else
        list_all(read);
    look_up_end(&read->up);
    stop_reading(read->up.blocks);
}

static void on_run(struct job *job)
{
    struct blocks_read *read = CONTAINER_OF(job, struct blocks_read, job);

    if (read->on_done != NULL)
        read->on_done(read->arg, read->found, read->count,
                      read->up.err.code == ERROR_NONE ? NULL : &read->up.err);
    blocks_read_destroy(&read);
}

/* ---- on the loop */

struct blocks_read *blocks_read_create(enum blocks_mode mode)
{
    struct blocks_read *read = memory_alloc(sizeof(*read));

    read->up.mode = mode;
    return read;
}

void blocks_read_destroy(struct blocks_read **read_ptr)
{
    struct blocks_read *read = *read_ptr;

    if (read == NULL)
        return;
    *read_ptr = NULL;
    text_dispose(&read->up.bytes);
    free(read->found);
    free(read->places);
    free(read);
}

void blocks_read_add(struct blocks_read *read, const struct cid *cid)
{
    assert(read->count < BLOCKS_COUNT_MAX);
    add_found(read)->cid = *cid;
}

/* With the mutex held, so that the store is not closed between the look and the start. */
static bool start_locked(struct blocks *blocks, struct loop *loop, struct blocks_read *read,
                         struct error *err)
{
    if (blocks->shared.must_stop)
        return error_set(err, ERROR_REFUSED, "the block store is closing");
    if (!job_start(blocks->jobs, loop, &read->job))
        return error_set(err, ERROR_LIMIT, "too many jobs wait already to read blocks, too");
    blocks->shared.reads++;
    return true;
}

bool blocks_read_start(struct blocks *blocks, struct loop *loop, struct blocks_read *read,
                       blocks_found_cb on_done, void *arg, struct error *err)
{
    bool is_accepted;

    read->job = (struct job){.run = run, .on_done = on_run};
    read->up.blocks = blocks;
    read->on_done = on_done;
    read->arg = arg;
    pthread_mutex_lock(&blocks->mutex);
    is_accepted = start_locked(blocks, loop, read, err);
    pthread_mutex_unlock(&blocks->mutex);
    return is_accepted;
}

bool blocks_list_start(struct blocks *blocks, struct loop *loop, struct blocks_read **read_ptr,
                       const struct cid *after, size_t limit, blocks_found_cb on_done, void *arg,
                       struct error *err)
{
    struct blocks_read *read = blocks_read_create(BLOCKS_SIZE);

    assert(limit > 0 && limit <= BLOCKS_COUNT_MAX);
    read->is_list = true;
    read->limit = limit;
    if (after != NULL) {
        struct slice key = cid_multihash(after);

        memcpy(read->after_bytes, key.data, key.size);
        read->after = (struct slice){read->after_bytes, key.size};
    }
    *read_ptr = read;
    if (blocks_read_start(blocks, loop, read, on_done, arg, err))
        return true;
    blocks_read_destroy(read_ptr);
    return false;
}

void blocks_read_cancel(struct blocks_read **read)
{
    if (*read != NULL) {
        (*read)->on_done = NULL;
        (*read)->is_canceled = true;
    }
    *read = NULL;
}

/* ---- without a loop */

struct blocks_reader {
    struct look_up up;
};

struct blocks_reader *blocks_reader_create(struct blocks *blocks, bool checks)
{
    struct blocks_reader *reader = memory_alloc(sizeof(*reader));

    reader->up.blocks = blocks;
    reader->up.mode = checks ? BLOCKS_CHECKED : BLOCKS_DATA;
    pthread_mutex_lock(&blocks->mutex);
    blocks->shared.reads++;
    pthread_mutex_unlock(&blocks->mutex);
    return reader;
}

void blocks_reader_destroy(struct blocks_reader **reader_ptr)
{
    struct blocks_reader *reader = *reader_ptr;

    if (reader == NULL)
        return;
    *reader_ptr = NULL;
    look_up_end(&reader->up);
    text_dispose(&reader->up.bytes);
    stop_reading(reader->up.blocks);
    free(reader);
}

static bool get(struct blocks_reader *reader, enum blocks_mode mode, struct block_found *found,
                size_t *at, struct error *err)
{
    struct look_up *up = &reader->up;
    enum blocks_mode own = up->mode;

    up->err = (struct error){0};
    text_clear(&up->bytes);
    if (up->connection == NULL && !look_up_begin(up))
        return error_copy(err, &up->err);
    up->mode = mode;
    if (!look_up(up, found, at))
        found->state = up->err.code;
    up->mode = own;
    if (found->state == ERROR_NONE)
        return true;
    return error_set(err, found->state, "%s",
                     found->state == ERROR_NOT_FOUND ? "no such block" : up->err.text);
}

bool blocks_reader_get(struct blocks_reader *reader, const struct cid *cid, struct slice *block,
                       struct error *err)
{
    struct block_found found = {.cid = *cid};
    size_t at = 0;

    if (!get(reader, reader->up.mode, &found, &at, err))
        return false;
    *block = (struct slice){reader->up.bytes.data + at, found.size};
    return true;
}

bool blocks_reader_size(struct blocks_reader *reader, const struct cid *cid, uint32_t *size,
                        struct error *err)
{
    struct block_found found = {.cid = *cid};
    size_t at = 0;

    if (!get(reader, BLOCKS_SIZE, &found, &at, err))
        return false;
    *size = found.size;
    return true;
}

bool blocks_reader_list(struct blocks_reader *reader, const struct cid *after, size_t limit,
                        blocks_listed_cb on_block, void *arg, size_t *count, struct error *err)
{
    struct listing listing = {.on_block = on_block, .arg = arg};
    struct slice key = after != NULL ? cid_multihash(after) : (struct slice){NULL, 0};
    struct look_up *up = &reader->up;
    bool is_listed;

    up->err = (struct error){0};
    is_listed = (up->connection != NULL || look_up_begin(up)) &&
                block_index_list(up->connection->index, key, limit, on_key, &listing, &up->err);
    *count = listing.count;
    return is_listed || error_copy(err, &up->err);
}
