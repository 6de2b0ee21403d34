// SPDX-License-Identifier: Apache-2.0
/* Segments: files of whole blocks, one behind the other. A segment is appended to, read anywhere,
 * and removed as a whole.
 *
 *     record = c1 62 6c 6b, size of the data (4 bytes, little-endian), size of the key (1), key,
 * data
 *
 * The key is the data's multihash, so that a record proves itself, and a segment can be read
 * without an index. File names: the segment's number in ten digits, ".blocks". Blocks on files. */
#ifndef UPSTREAM_EMBEDDED_SEGMENT_H
#define UPSTREAM_EMBEDDED_SEGMENT_H

#include "conf/error.h"
#include "conf/text.h"

#include <sys/types.h>

enum { SEGMENT_HEADER = 9, SEGMENT_NAME_SIZE = 24 };

struct segment_record {
    struct slice key, data; /* borrowed from what was parsed */
    size_t size;            /* of the whole record */
};

enum segment_status {
    SEGMENT_RECORD,
    SEGMENT_MORE, /* the bytes end inside a record that may go on */
    SEGMENT_BAD,  /* no record begins here */
};

/* Appends. key: 1 to CID_BYTES_MAX bytes; data: at most BLOCKS_SIZE_MAX. */
void segment_put_record(struct text *out, struct slice key, struct slice data);
static inline size_t segment_record_size(size_t key_size, size_t data_size)
{
    return SEGMENT_HEADER + key_size + data_size;
}
/* Reads the record at the start. Looks at its form, not at its hash. Pure. */
enum segment_status segment_parse(struct slice bytes, struct segment_record *record);

void segment_name(uint32_t number, char name[SEGMENT_NAME_SIZE]);
/* False: the file is no segment. */
MUST_USE bool segment_number(const char *name, uint32_t *number);

/* All of it, or false with errno. */
MUST_USE bool segment_write(int fd, struct slice bytes, uint64_t offset);
/* As much as there is, up to size; -1 with errno. */
ssize_t segment_read(int fd, char *out, size_t size, uint64_t offset);

/* Goes through a segment's records; what is none is skipped up to where one begins again. */
struct segment_scan {
    int fd;                 /* not its own */
    uint64_t offset;        /* of the record that was found */
    uint64_t end;           /* behind the last record that was found */
    uint64_t skipped_bytes; /* that are no record */
    struct text buffer;     /* what was read */
    size_t at;              /* in the buffer: what comes next */
    uint64_t read_to;       /* the file's offset behind the buffer */
    bool is_all_read;
};

void segment_scan_init(struct segment_scan *scan, int fd);
void segment_scan_dispose(struct segment_scan *scan);
/* False at the end, or if reading failed (err). record: until the next call. */
MUST_USE bool segment_scan_next(struct segment_scan *scan, struct segment_record *record,
                                struct error *err);
/* The bytes of the record that was found last are no block: they count as skipped, and the search
 * goes on inside them. */
void segment_scan_reject(struct segment_scan *scan, const struct segment_record *record);

#endif
