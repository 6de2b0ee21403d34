// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/segment.h"

#include "ipfs/cid.h"
#include "upstream/embedded/blocks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static const uint8_t magic[4] = {0xc1, 'b', 'l', 'k'};

/* ---- records */

void segment_put_record(struct text *out, struct slice key, struct slice data)
{
    uint8_t header[SEGMENT_HEADER];

    assert(key.size > 0 && key.size <= CID_BYTES_MAX && data.size <= BLOCKS_SIZE_MAX);
    memcpy(header, magic, sizeof(magic));
    for (int i = 0; i < 4; i++)
        header[4 + i] = (uint8_t)(data.size >> (8 * i));
    header[8] = (uint8_t)key.size;
    text_put(out, header, sizeof(header));
    text_put_slice(out, key);
    text_put_slice(out, data);
}

enum segment_status segment_parse(struct slice bytes, struct segment_record *record)
{
    const uint8_t *header = (const uint8_t *)bytes.data;
    size_t size;

    if (memcmp(bytes.data, magic, bytes.size < sizeof(magic) ? bytes.size : sizeof(magic)) != 0)
        return SEGMENT_BAD;
    if (bytes.size < SEGMENT_HEADER)
        return SEGMENT_MORE;
    size = header[4] | (size_t)header[5] << 8 | (size_t)header[6] << 16 | (size_t)header[7] << 24;
    if (size > BLOCKS_SIZE_MAX || header[8] == 0 || header[8] > CID_BYTES_MAX)
        return SEGMENT_BAD;
    record->size = segment_record_size(header[8], size);
    if (bytes.size < record->size)
        return SEGMENT_MORE;
    record->key = (struct slice){bytes.data + SEGMENT_HEADER, header[8]};
    record->data = (struct slice){bytes.data + SEGMENT_HEADER + header[8], size};
    return SEGMENT_RECORD;
}

/* ---- files */

void segment_name(uint32_t number, char name[SEGMENT_NAME_SIZE])
{
    snprintf(name, SEGMENT_NAME_SIZE, "%010u.blocks", number);
}

bool segment_number(const char *name, uint32_t *number)
{
    char again[SEGMENT_NAME_SIZE];

    *number = (uint32_t)strtoul(name, NULL, 10);
    segment_name(*number, again);
    return *number > 0 && strcmp(name, again) == 0;
}

bool segment_write(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.size > 0) {
        ssize_t size = pwrite(fd, bytes.data, bytes.size, (off_t)offset);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            errno = size == 0 ? ENOSPC : errno;
            return false;
        }
        bytes = (struct slice){bytes.data + size, bytes.size - (size_t)size};
        offset += (uint64_t)size;
    }
    return true;
}

ssize_t segment_read(int fd, char *out, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(fd, out + done, size - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* ---- scanning */

void segment_scan_init(struct segment_scan *scan, int fd)
{
    *scan = (struct segment_scan){.fd = fd};
    text_reserve(&scan->buffer, CHUNK);
}

void segment_scan_dispose(struct segment_scan *scan)
{
    text_dispose(&scan->buffer);
}

/* Puts more of the file behind what was not taken yet. */
static bool fill(struct segment_scan *scan, struct error *err)
{
    size_t left = scan->buffer.size - scan->at;
    ssize_t size;

    if (scan->at > 0)
        memmove(scan->buffer.data, scan->buffer.data + scan->at, left);
    scan->buffer.size = left;
    scan->at = 0;
    size = segment_read(scan->fd, text_reserve(&scan->buffer, CHUNK), CHUNK, scan->read_to);
    if (size < 0)
        return error_set_errno(err, "a segment cannot be read at offset %llu",
                               (unsigned long long)scan->read_to);
    scan->buffer.size += (size_t)size;
    scan->read_to += (uint64_t)size;
    scan->is_all_read = size < CHUNK;
    return true;
}

static void skip(struct segment_scan *scan, size_t size)
{
    scan->at += size;
    scan->skipped_bytes += size;
}

/* To the next byte that may begin a record. */
static void skip_bad(struct segment_scan *scan)
{
    const char *from = scan->buffer.data + scan->at;
    size_t left = scan->buffer.size - scan->at;
    const char *next = memchr(from + 1, magic[0], left - 1);

    skip(scan, next != NULL ? (size_t)(next - from) : left);
}

bool segment_scan_next(struct segment_scan *scan, struct segment_record *record, struct error *err)
{
    for (;;) {
        struct slice bytes = {scan->buffer.data + scan->at, scan->buffer.size - scan->at};
        enum segment_status status = bytes.size > 0 ? segment_parse(bytes, record) : SEGMENT_MORE;

        if (status == SEGMENT_RECORD) {
            scan->offset = scan->read_to - bytes.size;
            scan->at += record->size;
            scan->end = scan->offset + record->size;
            return true;
        }
        if (status == SEGMENT_MORE && !scan->is_all_read) {
            if (!fill(scan, err))
                return false;
        } else if (bytes.size == 0) {
            return false;
        } else {
            skip_bad(scan); /* also a record that the file's end cuts: another may be in it */
        }
    }
}

void segment_scan_reject(struct segment_scan *scan, const struct segment_record *record)
{
    scan->at -= record->size;
    skip(scan, 1);
}
