// SPDX-License-Identifier: Apache-2.0
/* CAR files: blocks one after another behind a header that names the roots.
 * Source: ipld.io/specs/transport/car (carv1, carv2). Pure.
 *
 * The reader is pushed: it takes bytes as they come and gives events. It holds one section at most
 * (and only what has come of it), so its memory is bounded by the limits. It checks the form; that
 * blocks are what their CIDs say is car_verify's part.
 *
 *     CARv1   varint, header; then sections: varint, CID, data; ends at a section's end
 *     CARv2   pragma, 40 bytes of header, padding, a CARv1, padding, index (passed over)
 *
 * Errors say "CAR byte N: ", N counted from 0 from the start of the stream, also in a CARv2. */
#ifndef IPFS_CAR_H
#define IPFS_CAR_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAR_SECTION_MAX ((size_t)8 << 20) /* CID and data; Kubo's limit */
#define CAR_HEADER_MAX  ((size_t)1 << 20) /* Kubo's is 32 MiB */

struct car_limits {
    size_t header_max;  /* 0: CAR_HEADER_MAX */
    size_t section_max; /* 0: CAR_SECTION_MAX; more than 4 GiB is not possible */
    bool is_rootless;   /* a header may list no root, or have no list: Kubo imports such files */
    bool zero_padded;   /* a section of length 0 ends the blocks, and only zeros may follow */
};

enum car_event {
    CAR_MORE,   /* all input was taken */
    CAR_HEADER, /* once, before any block: version and roots can be asked for */
    CAR_BLOCK,  /* car_reader_block */
    CAR_END,    /* from car_reader_finish only */
    CAR_BAD,    /* err says what and where; the reader answers nothing else from now on */
};

struct car_block {
    struct cid cid;
    struct slice data; /* borrowed from the input or the reader: valid until the next call */
    uint64_t offset;   /* where its section begins in the stream */
    size_t section;    /* bytes of the section, its length included */
};

/* Between two sections: enough to go on reading from there. */
struct car_position {
    uint64_t offset;
    uint64_t end;   /* of a CARv2's payload; 0 in a CARv1 */
    uint64_t index; /* where a CARv2 says that its index is; 0: none */
};

struct car_reader;

/* limits may be NULL: the defaults. */
struct car_reader *car_reader_create(const struct car_limits *limits);
/* A reader whose input begins at a position that another one gave. There will be no CAR_HEADER. */
struct car_reader *car_reader_create_at(const struct car_limits *limits,
                                        const struct car_position *position);
void car_reader_destroy(struct car_reader **reader);

/* Takes bytes from the front of *input and stops at the first event. Call again until CAR_MORE,
 * then with more input. */
MUST_USE enum car_event car_reader_next(struct car_reader *reader, struct slice *input,
                                        struct error *err);

/* There is no more input: CAR_END, or CAR_BAD if that cuts something off. */
MUST_USE enum car_event car_reader_finish(struct car_reader *reader, struct error *err);

/* After CAR_BLOCK, until the next call. */
const struct car_block *car_reader_block(const struct car_reader *reader);

/* After CAR_HEADER. version: 1 or 2. There is at least one root, unless limits say otherwise. */
int car_reader_version(const struct car_reader *reader);
uint32_t car_reader_root_count(const struct car_reader *reader);
struct cid car_reader_root(const struct car_reader *reader, uint32_t index);

/* Bytes taken so far; after CAR_BAD, the byte that err names. */
uint64_t car_reader_offset(const struct car_reader *reader);

/* Bytes of memory that it holds between two calls. */
size_t car_reader_memory(const struct car_reader *reader);

/* After CAR_BAD with ERROR_LIMIT: the length of the header or section that is too much. */
uint64_t car_reader_refused_length(const struct car_reader *reader);

/* Where the next section begins. After CAR_HEADER or CAR_BLOCK. */
struct car_position car_reader_position(const struct car_reader *reader);

/* Appends the header of a CARv1, byte for byte as Kubo writes it. count > 0. */
void car_put_header(struct text *out, const struct cid *roots, size_t count);

/* Appends what stands before the data of a block: the section's length and the CID. */
void car_put_section(struct text *out, const struct cid *cid, size_t data_size);

/* Bytes of the whole section. */
size_t car_section_size(const struct cid *cid, size_t data_size);

#endif
