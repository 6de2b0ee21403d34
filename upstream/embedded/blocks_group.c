// SPDX-License-Identifier: Apache-2.0
/* A group of writes: index and segment change together.
 *
 * The index's transaction is begun; blocks that it did not have are appended; the segment is
 * synced; then the index commits. So a crash leaves at most bytes behind the end that the index
 * knows, and those are cut at the next start. */
#include "conf/memory.h"
#include "upstream/embedded/blocks_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESERVE_BYTES = 8 << 20, RESERVE_BYTES_MIN = 256 << 10 };

/* ---- segments */

struct segment_state *blocks_find_segment(struct blocks *blocks, uint32_t number)
{
    size_t low = 0, high = blocks->segment_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (blocks->segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < blocks->segment_count && blocks->segments[low].number == number
               ? &blocks->segments[low]
               : NULL;
}

bool blocks_load_segments(struct blocks *blocks, struct error *err)
{
    struct segment_state *segments;
    uint32_t next;
    size_t count;

    blocks->must_load = true;
    if (!block_index_segments(blocks->index, &segments, &count, &next, err))
        return false;
    for (size_t i = 0; i < count; i++) { /* that is not stored */
        const struct segment_state *old = blocks_find_segment(blocks, segments[i].number);

        segments[i].is_damaged = old != NULL && old->is_damaged;
    }
    free(blocks->segments);
    blocks->segments = segments;
    blocks->segment_count = count;
    if (next > blocks->next_number)
        blocks->next_number = next;
    blocks->must_load = false;
    return true;
}

void blocks_close_last(struct blocks *blocks)
{
    if (blocks->fd >= 0)
        close(blocks->fd);
    blocks->fd = -1;
    blocks->is_unsynced = false;
}

static bool fail(const struct blocks *blocks, uint32_t number, const char *what, struct error *err)
{
    const char *advice = errno == ENOSPC || errno == EDQUOT
                             ? " (make room; nothing that was acknowledged is lost)"
                             : "";

    return error_set_errno(err, "%s/%010u.blocks cannot be %s%s", blocks->folder, number, what,
                           advice);
}

void blocks_reopen_last(struct blocks *blocks)
{
    char name[SEGMENT_NAME_SIZE];
    const struct segment_state *last;
    struct stat status;

    blocks_close_last(blocks);
    if (blocks->segment_count == 0)
        return;
    last = &blocks->segments[blocks->segment_count - 1];
    segment_name(last->number, name);
    blocks->fd = openat(blocks->folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    /* a file that was cut by others is left as it is, and nothing is put behind what it lacks */
    if (blocks->fd >= 0 &&
        (fstat(blocks->fd, &status) != 0 || (uint64_t)status.st_size < last->size ||
         ((uint64_t)status.st_size > last->size && ftruncate(blocks->fd, (off_t)last->size) != 0)))
        blocks_close_last(blocks);
}

static bool sync_last(struct blocks *blocks, struct error *err)
{
    if (!blocks->is_unsynced)
        return true;
    if (fdatasync(blocks->fd) != 0) { /* what is on the disk now, nobody knows */
        blocks->must_not_reuse = true;
        return fail(blocks, blocks_last_segment(blocks)->number, "synced", err);
    }
    blocks->is_unsynced = false;
    return true;
}

static bool begin_segment(struct blocks *blocks, struct error *err)
{
    struct segment_state segment = {.number = blocks->next_number, .is_dirty = true};
    char name[SEGMENT_NAME_SIZE];

    if (!sync_last(blocks, err))
        return false;
    blocks_close_last(blocks);
    if (segment.number == UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "%s has had as many segments as can be numbered",
                         blocks->folder);
    segment_name(segment.number, name);
    blocks->fd =
        openat(blocks->folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    blocks->next_number++;
    if (blocks->fd < 0 || fsync(blocks->folder_fd) != 0) {
        fail(blocks, segment.number, "made", err);
        blocks_close_last(blocks);
        return false;
    }
    blocks->segments =
        memory_resize_array(blocks->segments, blocks->segment_count + 1, sizeof(*blocks->segments));
    blocks->segments[blocks->segment_count++] = segment;
    return block_index_put_next(blocks->index, segment.number + 1, err);
}

bool blocks_next_place(struct blocks *blocks, size_t record_size, struct block_place *place,
                       struct error *err)
{
    const struct segment_state *last = blocks_last_segment(blocks);

    if ((last == NULL || (last->size > 0 && last->size + record_size > blocks->segment_max)) &&
        !begin_segment(blocks, err))
        return false;
    last = blocks_last_segment(blocks);
    place->segment = last->number;
    place->offset = last->size;
    return true;
}

bool blocks_append(struct blocks *blocks, struct slice records, struct error *err)
{
    struct segment_state *last = blocks_last_segment(blocks);

    blocks->is_unsynced = true;
    last->is_dirty = true;
    if (!segment_write(blocks->fd, records, last->size))
        return fail(blocks, last->number, "written", err);
    last->size += records.size;
    return true;
}

/* ---- one write */

/* Records of one write that lie side by side, and go into the segment with one call. */
struct stretch {
    size_t at, size;
};

static bool flush(struct blocks *blocks, const struct blocks_write *write, struct stretch *stretch,
                  struct error *err)
{
    struct slice records = {write->bytes.data + stretch->at, stretch->size};

    stretch->size = 0;
    return records.size == 0 || blocks_append(blocks, records, err);
}

/* One block less is needed of this segment. */
static void count_out(struct blocks *blocks, const struct block_place *place)
{
    struct segment_state *segment = blocks_find_segment(blocks, place->segment);

    if (segment == NULL || segment->blocks == 0 || segment->bytes < place->size)
        return;
    segment->blocks--;
    segment->bytes -= place->size;
    segment->is_dirty = true;
}

/* What the index has of this block is damaged: the one at place is the block now. */
static bool replace(struct blocks *blocks, struct slice key, const struct block_place *place,
                    struct error *err)
{
    struct segment_state *segment;
    struct block_place old;

    if (!block_index_find(blocks->index, key, &old, err) ||
        !block_index_move(blocks->index, key, place, err))
        return false;
    count_out(blocks, &old);
    segment = blocks_find_segment(blocks, old.segment);
    if (segment != NULL)
        segment->is_damaged = false; /* perhaps that was all */
    return true;
}

static bool put(struct blocks *blocks, struct blocks_write *write, const struct entry *entry,
                const struct segment_record *record, struct stretch *stretch, struct error *err)
{
    const struct segment_state *last = blocks_last_segment(blocks);
    struct block_place place = {.size = (uint32_t)record->data.size};
    struct segment_state *segment;
    bool is_new;

    /* the stretch is not in the segment's size yet: write it where another would not fit */
    if ((last == NULL || entry->at != stretch->at + stretch->size ||
         last->size + stretch->size + entry->size > blocks->segment_max) &&
        !flush(blocks, write, stretch, err))
        return false;
    if (stretch->size == 0)
        stretch->at = entry->at;
    if (!blocks_next_place(blocks, stretch->size + entry->size, &place, err))
        return false;
    place.offset += stretch->size;
    if (!block_index_add(blocks->index, record->key, &place, &is_new, err))
        return false;
    if (!is_new && !blocks_repair(blocks, record->key))
        return flush(blocks, write, stretch, err);
    if (!is_new && !replace(blocks, record->key, &place, err))
        return false;
    stretch->size += entry->size;
    segment = blocks_last_segment(blocks);
    segment->blocks++;
    segment->bytes += place.size;
    write->result.added++;
    write->result.added_bytes += place.size;
    return true;
}

static bool take_out(struct blocks *blocks, struct blocks_write *write,
                     const struct segment_record *record, struct error *err)
{
    struct error failure = {0};
    struct block_place place;

    if (!block_index_remove(blocks->index, record->key, &place, &failure))
        return failure.code == ERROR_NOT_FOUND || error_copy(err, &failure);
    count_out(blocks, &place);
    (void)blocks_repair(blocks, record->key);
    write->result.removed++;
    write->result.removed_bytes += place.size;
    return true;
}

static bool run_write(struct blocks *blocks, struct blocks_write *write, struct error *err)
{
    struct stretch stretch = {0};

    write->result = (struct blocks_written){0};
    for (size_t i = 0; i < write->count; i++) {
        const struct entry *entry = &write->entries[i];
        struct segment_record record;
        enum segment_status status =
            segment_parse((struct slice){write->bytes.data + entry->at, entry->size}, &record);

        assert(status == SEGMENT_RECORD);
        if (entry->is_put ? !put(blocks, write, entry, &record, &stretch, err)
                          : !take_out(blocks, write, &record, err))
            return false;
    }
    return flush(blocks, write, &stretch, err);
}

/* ---- the transaction */

bool blocks_begin(struct blocks *blocks, struct error *err)
{
    blocks->group_number = blocks->next_number;
    if (blocks->must_load && !blocks_load_segments(blocks, err))
        return false;
    return block_index_begin(blocks->index, err);
}

bool blocks_commit(struct blocks *blocks, struct error *err)
{
    bool is_unsure = false;

    if (!sync_last(blocks, err))
        return false;
    for (size_t i = 0; i < blocks->segment_count; i++) {
        struct segment_state *segment = &blocks->segments[i];

        if (segment->is_dirty && !block_index_put_segment(blocks->index, segment, err))
            return false;
        segment->is_dirty = false;
    }
    if (!block_index_commit(blocks->index, &is_unsure, err)) {
        blocks->must_not_reuse |= is_unsure;
        return false;
    }
    blocks->must_not_reuse = false; /* what was unsure is overwritten in the index's log */
    return true;
}

/* What the group began, so that a full disk does not keep it. */
static void remove_begun(struct blocks *blocks)
{
    char name[SEGMENT_NAME_SIZE];

    while (blocks->next_number > blocks->group_number) {
        segment_name(--blocks->next_number, name);
        unlinkat(blocks->folder_fd, name, 0);
    }
}

/* If it may be found done after a crash, its bytes stay, and nothing else is written in their
 * place: the next group begins a segment with a number of its own. */
void blocks_rollback(struct blocks *blocks)
{
    struct error ignored = {0}; /* the next group says why */

    block_index_rollback(blocks->index);
    blocks_close_last(blocks);
    if (!blocks->must_not_reuse)
        remove_begun(blocks);
    if (blocks_load_segments(blocks, &ignored) && !blocks->must_not_reuse)
        blocks_reopen_last(blocks);
}

void blocks_count_totals(struct blocks *blocks, size_t written)
{
    struct blocks_totals totals = {.segments = blocks->segment_count};

    for (size_t i = 0; i < blocks->segment_count; i++) {
        totals.count += blocks->segments[i].blocks;
        totals.bytes += blocks->segments[i].bytes;
        totals.disk_bytes += blocks->segments[i].size;
    }
    pthread_mutex_lock(&blocks->mutex);
    totals.groups = blocks->shared.totals.groups + (written > 0);
    totals.written = blocks->shared.totals.written + written;
    totals.waiting_bytes = blocks->shared.totals.waiting_bytes;
    blocks->shared.totals = totals;
    pthread_mutex_unlock(&blocks->mutex);
}

static bool run_all(struct blocks *blocks, struct blocks_write *const *group, size_t count,
                    struct error *err)
{
    bool is_done = blocks_begin(blocks, err);

    for (size_t i = 0; is_done && i < count; i++)
        is_done = run_write(blocks, group[i], err);
    is_done = is_done && blocks_commit(blocks, err);
    if (is_done)
        blocks_count_totals(blocks, count);
    else
        blocks_rollback(blocks);
    blocks_settle_repairs(blocks, is_done);
    return is_done;
}

/* ---- the reserve */

static const char reserve_name[] = "reserve";

bool blocks_drop_reserve(struct blocks *blocks)
{
    return unlinkat(blocks->folder_fd, reserve_name, 0) == 0;
}

/* As much as there is room for; without any there is none, and the next try may find some. */
void blocks_make_reserve(struct blocks *blocks)
{
    int fd =
        openat(blocks->folder_fd, reserve_name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    off_t size = RESERVE_BYTES;

    if (fd < 0)
        return;
    while (size >= RESERVE_BYTES_MIN && fallocate(fd, 0, 0, size) != 0)
        size /= 2;
    if (size < RESERVE_BYTES_MIN)
        (void)blocks_drop_reserve(blocks);
    close(fd);
}

/* ---- groups */

static bool only_removes(const struct blocks_write *write)
{
    for (size_t i = 0; i < write->count; i++)
        if (write->entries[i].is_put)
            return false;
    return true;
}

static bool run_one(struct blocks *blocks, struct blocks_write *write, struct error *err)
{
    return write->compacts ? blocks_compact(blocks, &write->result, err)
                           : run_all(blocks, &write, 1, err);
}

static void run_alone(struct blocks *blocks, struct blocks_write *write)
{
    bool is_done = run_one(blocks, write, &write->err);

    if (!is_done && only_removes(write) && block_index_was_full(blocks->index) &&
        blocks_drop_reserve(blocks)) {
        write->err = (struct error){0};
        is_done = run_one(blocks, write, &write->err);
    }
    assert(is_done || write->err.code != ERROR_NONE);
    if (is_done && write->result.freed_bytes > 0)
        blocks_make_reserve(blocks);
}

void blocks_run_group(struct blocks *blocks, struct blocks_write *const *group, size_t count)
{
    struct error ignored = {0};

    if (count == 1)
        run_alone(blocks, group[0]);
    else if (!run_all(blocks, group, count, &ignored))
        for (size_t i = 0; i < count; i++) /* what is too much for the disk must not fail others */
            run_alone(blocks, group[i]);
    for (size_t i = 0; i < count; i++)
        group[i]->result.may_compact = blocks_may_compact(blocks);
}
