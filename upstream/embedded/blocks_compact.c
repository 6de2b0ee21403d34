// SPDX-License-Identifier: Apache-2.0
/* Compacting: what is left of a segment is appended to the last one, and the segment is removed
 * once the index says so durably. Whoever reads it has it open, and reads on. */
#include "upstream/embedded/blocks_private.h"

#include <fcntl.h>
#include <unistd.h>

/* More than half of it is needed by nobody. */
static bool is_worth_it(const struct segment_state *segment)
{
    uint64_t left = segment->bytes + segment->blocks * (SEGMENT_HEADER + 34);

    return !segment->is_damaged && segment->size > 0 &&
           (segment->blocks == 0 || 2 * left < segment->size);
}

/* One that needs no room first: it helps on a full disk. */
static struct segment_state *find_victim(struct blocks *blocks)
{
    struct segment_state *victim = NULL;

    for (size_t i = 0; i < blocks->segment_count; i++) {
        struct segment_state *segment = &blocks->segments[i];

        if (is_worth_it(segment) && (victim == NULL || segment->blocks < victim->blocks))
            victim = segment;
    }
    return victim;
}

bool blocks_may_compact(struct blocks *blocks)
{
    return find_victim(blocks) != NULL;
}

/* What was found at this offset of a segment is what the index means. */
static bool is_needed(struct blocks *blocks, uint32_t number, uint64_t offset, struct slice key,
                      bool *is_needed, struct error *err)
{
    struct error failure = {0};
    struct block_place place;

    *is_needed = block_index_find(blocks->index, key, &place, &failure) &&
                 place.segment == number && place.offset == offset;
    return failure.code == ERROR_NONE || failure.code == ERROR_NOT_FOUND ||
           error_copy(err, &failure);
}

static bool move(struct blocks *blocks, const struct segment_record *record, struct error *err)
{
    struct slice bytes = {record->key.data - SEGMENT_HEADER, record->size};
    struct block_place place = {.size = (uint32_t)record->data.size};
    struct segment_state *last;

    if (!blocks_next_place(blocks, record->size, &place, err) ||
        !blocks_append(blocks, bytes, err) ||
        !block_index_move(blocks->index, record->key, &place, err))
        return false;
    last = blocks_last_segment(blocks);
    last->blocks++;
    last->bytes += place.size;
    return true;
}

static bool move_all(struct blocks *blocks, uint32_t number, int fd, uint64_t *moved,
                     uint64_t *moved_bytes, struct error *err)
{
    struct segment_record record;
    struct segment_scan scan;
    struct error failure = {0};
    bool must_move;

    segment_scan_init(&scan, fd);
    while (failure.code == ERROR_NONE && segment_scan_next(&scan, &record, &failure)) {
        if (!is_needed(blocks, number, scan.offset, record.key, &must_move, &failure) || !must_move)
            continue;
        if (move(blocks, &record, &failure)) {
            *moved += 1;
            *moved_bytes += record.size;
        }
    }
    segment_scan_dispose(&scan);
    return failure.code == ERROR_NONE || error_copy(err, &failure);
}

/* In a transaction. The segment goes only if each block that the index has in it was found. */
static bool empty(struct blocks *blocks, const struct segment_state *victim, const char *name,
                  uint64_t *moved_bytes, bool *is_damaged, struct error *err)
{
    uint32_t number = victim->number;
    uint64_t blocks_left = victim->blocks, moved = 0;
    bool is_done;
    int fd;

    if (number == blocks->segments[blocks->segment_count - 1].number)
        blocks_close_last(blocks);
    if (blocks_left > 0) {
        fd = openat(blocks->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            return error_set_errno(err, "%s/%s cannot be opened", blocks->folder, name);
        is_done = move_all(blocks, number, fd, &moved, moved_bytes, err);
        close(fd);
        if (!is_done)
            return false;
    }
    *is_damaged = moved != blocks_left;
    if (*is_damaged)
        return error_set(err, ERROR_MISMATCH,
                         "%s/%s is damaged: of %llu blocks %llu were found; nothing was removed",
                         blocks->folder, name, (unsigned long long)blocks_left,
                         (unsigned long long)moved);
    return block_index_drop_segment(blocks->index, number, err);
}

static void forget(struct blocks *blocks, uint32_t number)
{
    struct segment_state *gone = blocks_find_segment(blocks, number);
    size_t at = (size_t)(gone - blocks->segments);

    memmove(gone, gone + 1, (blocks->segment_count - at - 1) * sizeof(*gone));
    blocks->segment_count--;
}

bool blocks_compact(struct blocks *blocks, struct blocks_written *result, struct error *err)
{
    const struct segment_state *victim;
    char name[SEGMENT_NAME_SIZE];
    uint64_t size, moved_bytes = 0;
    bool is_damaged = false;
    uint32_t number;

    *result = (struct blocks_written){0};
    if (!blocks_begin(blocks, err))
        return false;
    victim = find_victim(blocks);
    if (victim == NULL) {
        blocks_rollback(blocks);
        return true;
    }
    number = victim->number;
    size = victim->size;
    segment_name(number, name);
    if (!empty(blocks, victim, name, &moved_bytes, &is_damaged, err) ||
        !blocks_commit(blocks, err)) {
        blocks_rollback(blocks);
        if (is_damaged && blocks_find_segment(blocks, number) != NULL)
            blocks_find_segment(blocks, number)->is_damaged = true;
        return false;
    }
    forget(blocks, number);
    unlinkat(blocks->folder_fd, name, 0); /* if a crash comes before: the next start removes it */
    result->freed_bytes = size - moved_bytes;
    blocks_count_totals(blocks, 1);
    return true;
}
