// SPDX-License-Identifier: Apache-2.0
/* At the start: an index is made of the segments if there is none; what a crash left is removed. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/blocks_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the files */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

bool blocks_each_file(struct blocks *blocks, blocks_on_segment on_segment, void *arg,
                      struct error *err)
{
    DIR *folder = opendir(blocks->folder);
    uint32_t *numbers = NULL, number;
    const struct dirent *entry;
    size_t count = 0;
    bool is_done = true;

    if (folder == NULL)
        return error_set_errno(err, "the folder %s cannot be read", blocks->folder);
    while ((entry = readdir(folder)) != NULL) // NOLINT(concurrency-mt-unsafe): its own stream
        if (segment_number(entry->d_name, &number)) {
            numbers = memory_resize_array(numbers, count + 1, sizeof(*numbers));
            numbers[count++] = number;
        }
    closedir(folder);
    if (count > 0)
        qsort(numbers, count, sizeof(*numbers), compare);
    for (size_t i = 0; is_done && i < count; i++)
        is_done = on_segment(blocks, numbers[i], arg, err);
    free(numbers);
    return is_done;
}

static bool remove_stray(struct blocks *blocks, uint32_t number, void *arg, struct error *err)
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(number, name);
    if (blocks_find_segment(blocks, number) == NULL)
        unlinkat(blocks->folder_fd, name, 0);
    return true;
}

bool blocks_remove_strays(struct blocks *blocks, struct error *err)
{
    return blocks_each_file(blocks, remove_stray, NULL, err);
}

/* ---- the index */

static bool is_block(const struct segment_record *record)
{
    uint8_t bytes[2 + CID_BYTES_MAX] = {1, CODEC_RAW};
    struct cid cid;

    memcpy(bytes + 2, record->key.data, record->key.size);
    return cid_from_bytes(&cid, bytes, 2 + record->key.size, NULL) &&
           hash_verify(&cid, record->data, NULL);
}

static bool add(struct blocks *blocks, struct segment_scan *scan,
                const struct segment_record *record, struct segment_state *segment,
                struct error *err)
{
    struct block_place place = {segment->number, (uint32_t)record->data.size, scan->offset};
    bool is_new;

    if (!is_block(record)) {
        segment_scan_reject(scan, record);
        return true;
    }
    segment->size = scan->end;
    if (!block_index_add(blocks->index, record->key, &place, &is_new, err))
        return false;
    segment->blocks += is_new;
    segment->bytes += is_new ? place.size : 0;
    return true;
}

static bool add_segment(struct blocks *blocks, uint32_t number, void *opened_, struct error *err)
{
    struct blocks_opened *opened = opened_;
    struct segment_state segment = {.number = number};
    struct segment_record record;
    char name[SEGMENT_NAME_SIZE];
    struct segment_scan scan;
    struct error failure = {0};
    int fd;

    segment_name(number, name);
    fd = openat(blocks->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set_errno(err, "%s/%s cannot be opened", blocks->folder, name);
    segment_scan_init(&scan, fd);
    while (failure.code == ERROR_NONE && segment_scan_next(&scan, &record, &failure))
        (void)add(blocks, &scan, &record, &segment, &failure);
    opened->skipped_bytes += scan.skipped_bytes;
    segment_scan_dispose(&scan);
    close(fd);
    if (failure.code != ERROR_NONE)
        return error_set(err, failure.code, "%s/%s: %s", blocks->folder, name, failure.text);
    opened->was_rebuilt = true;
    return block_index_put_segment(blocks->index, &segment, err) &&
           block_index_put_next(blocks->index, number + 1, err);
}

bool blocks_rebuild(struct blocks *blocks, struct blocks_opened *opened, struct error *err)
{
    bool is_unsure;

    if (block_index_begin(blocks->index, err) && block_index_make(blocks->index, err) &&
        blocks_each_file(blocks, add_segment, opened, err) &&
        block_index_commit(blocks->index, &is_unsure, err))
        return true;
    block_index_rollback(blocks->index);
    return false;
}
