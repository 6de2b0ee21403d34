// SPDX-License-Identifier: Apache-2.0
/* The embedded node's blocks, by multihash: two CIDs with the same one are the same block.
 *
 * A folder of its own (0700) has `lock` (one process at a time), segments (segment.h: appended to
 * and never changed), `index.db` (index.h: where each block is) and `reserve` (up to 8 MiB that are
 * given up when a full disk keeps blocks from being removed). A block that the index knows
 * was synced before the index was: it is there whole or not at all. One thread writes: it takes all
 * writes that wait, and makes them durable together, with one sync of the segment and one of the
 * index, before any of them is answered. Reads run in the job pool, and never wait for writes.
 *
 * In the house's way: a refused start is false with err, never calls back, and leaves what was
 * handed over with the caller; an accepted one calls on_done once, later, from the loop, frees it
 * behind that, and never calls after a cancel. Identity CIDs bear their own bytes: always found,
 * never stored. */
#ifndef UPSTREAM_EMBEDDED_BLOCKS_H
#define UPSTREAM_EMBEDDED_BLOCKS_H

#include "conf/error.h"
#include "conf/text.h"
#include "http/jobs.h"
#include "ipfs/cid.h"

struct blocks;

#define BLOCKS_SIZE_MAX  (4 << 20)  /* bytes of one block; Kubo makes none above 2 MiB */
#define BLOCKS_READ_MAX  (8 << 20)  /* bytes that one read answers */
#define BLOCKS_COUNT_MAX 10000      /* blocks of one read or list */
#define BLOCKS_WRITE_MAX (16 << 20) /* bytes of one write: see blocks_write_size */

struct blocks_settings {
    const char *folder;     /* made if it is missing; its parent must exist */
    struct jobs *jobs;      /* for the reads; outlives the blocks */
    size_t queue_bytes_max; /* of memory of writes that wait or are written; 0: 32 MiB */
    size_t segment_max;     /* bytes of a segment; 0: 128 MiB */
};

/* What opening met. */
struct blocks_opened {
    bool was_rebuilt;       /* there was no index, and it was made of the segments */
    uint64_t skipped_bytes; /* rebuilt: of segments, that are no whole block */
};

/* Takes the lock, opens the index (or makes it of the segments, if it is missing, which reads and
 * hashes all of them: what was removed and not compacted away is there again), removes what a crash
 * left. opened: NULL is fine. ERROR_REFUSED: another
 * process has the folder. Blocks: at the start only. */
MUST_USE bool blocks_open(struct blocks **blocks, const struct blocks_settings *settings,
                          struct blocks_opened *opened, struct error *err);
/* Refuses what is new, waits for what was accepted (the job pool must still run), posts the answers
 * (their loops must still turn once). NULL is fine. */
void blocks_close(struct blocks **blocks);

/* ---- writing */

struct blocks_write;

struct blocks_written {
    uint32_t added, removed; /* blocks that were not there before; that were */
    uint64_t added_bytes, removed_bytes;
    uint64_t freed_bytes; /* of the disk, by compacting */
    bool may_compact;     /* there is more to gain: compact again */
};

/* err: NULL, or nothing of this write was done, and why. */
typedef void (*blocks_written_cb)(void *arg, const struct blocks_written *result,
                                  const struct error *err);

/* A number of puts and removals, done in this order, all or none of them. */
struct blocks_write *blocks_write_create(void);
void blocks_write_destroy(
    struct blocks_write **write); /* one that was not accepted; NULL is fine */
/* Copies the block. It is not hashed here: whoever takes bytes of others has verified them
 * (hash_verify_many, in the job pool). One that is there already is left as it is, unless a read
 * has found it damaged: then it is stored anew. ERROR_UNSUPPORTED, ERROR_LIMIT: hash_check's, or it
 * is too large; the write is as before. */
MUST_USE bool blocks_write_put(struct blocks_write *write, const struct cid *cid,
                               struct slice block, struct error *err);
/* What is not there is nobody's error. Whoever removes knows that nothing needs the block. */
void blocks_write_remove(struct blocks_write *write, const struct cid *cid);
/* Of a write that does nothing else: gives the space of what was removed from one segment back to
 * the disk, if that is worth it. Takes as long as copying what is left of it; reads go on. */
void blocks_write_compact(struct blocks_write *write);
/* A block that was put and not removed since. block: until the next put. Also while it is written.
 */
bool blocks_write_find(const struct blocks_write *write, const struct cid *cid,
                       struct slice *block);
/* Bytes that it holds; whoever fills one starts it before BLOCKS_WRITE_MAX. */
size_t blocks_write_size(const struct blocks_write *write);

/* ERROR_LIMIT: too much waits already; try again when an own write was answered. Any thread that
 * has a loop; on_done comes there. on_done NULL (and then loop, too): nobody waits. */
MUST_USE bool blocks_write_start(struct blocks *blocks, struct loop *loop,
                                 struct blocks_write *write, blocks_written_cb on_done, void *arg,
                                 struct error *err);
/* On a thread without a loop: waits until it is durable, and frees it, whatever came of it. */
MUST_USE bool blocks_write_now(struct blocks *blocks, struct blocks_write **write,
                               struct blocks_written *result, struct error *err);
/* From its loop: on_done will not be called. What was asked for may be done all the same. */
void blocks_write_cancel(struct blocks_write **write);

/* ---- reading */

struct blocks_read;

enum blocks_mode {
    BLOCKS_SIZE,    /* whether it is there, and how large: from the index alone */
    BLOCKS_DATA,    /* its bytes */
    BLOCKS_CHECKED, /* its bytes, that hash to the CID */
};

struct block_found {
    struct cid cid; /* as asked for; of a list: v1, raw */
    /* ERROR_NONE: it is there. ERROR_NOT_FOUND. ERROR_MISMATCH: its bytes on disk are damaged.
     * ERROR_IO: they could not be read. */
    enum error_code state;
    uint32_t size;
    struct slice data; /* until on_done returns; not of BLOCKS_SIZE and lists */
};

/* found: one for each CID, in the order of asking; fewer, but at least one, if there were more than
 * BLOCKS_READ_MAX bytes: ask again for the rest. err: NULL, or the first thing that went wrong with
 * other than ERROR_NOT_FOUND (which block, file, offset); count 0: with all of it. */
typedef void (*blocks_found_cb)(void *arg, const struct block_found *found, size_t count,
                                const struct error *err);

struct blocks_read *blocks_read_create(enum blocks_mode mode);
void blocks_read_destroy(struct blocks_read **read); /* one that was not accepted; NULL is fine */
/* At most BLOCKS_COUNT_MAX times. */
void blocks_read_add(struct blocks_read *read, const struct cid *cid);
MUST_USE bool blocks_read_start(struct blocks *blocks, struct loop *loop, struct blocks_read *read,
                                blocks_found_cb on_done, void *arg, struct error *err);
/* Up to limit (1 to BLOCKS_COUNT_MAX) blocks behind `after` (NULL: from the first on) in the order
 * of multihashes. No snapshot: what comes or goes meanwhile may be seen, or not. *read: out. */
MUST_USE bool blocks_list_start(struct blocks *blocks, struct loop *loop, struct blocks_read **read,
                                const struct cid *after, size_t limit, blocks_found_cb on_done,
                                void *arg, struct error *err);
/* From its loop: on_done will not be called. */
void blocks_read_cancel(struct blocks_read **read);

/* ---- reading on a thread without a loop: a job that needs one block after the other */

struct blocks_reader;

/* Cheap: connections of the index are kept. checks: every block that is read is hashed. To be
 * destroyed before blocks_close is called, which waits for it. One thread at a time. */
struct blocks_reader *blocks_reader_create(struct blocks *blocks, bool checks);
void blocks_reader_destroy(struct blocks_reader **reader); /* NULL is fine */
/* block: until the next call. ERROR_NOT_FOUND, with a text of no use to anybody; ERROR_MISMATCH:
 * damaged on disk; ERROR_IO. */
MUST_USE bool blocks_reader_get(struct blocks_reader *reader, const struct cid *cid,
                                struct slice *block, struct error *err);
/* From the index alone. */
MUST_USE bool blocks_reader_size(struct blocks_reader *reader, const struct cid *cid,
                                 uint32_t *size, struct error *err);

typedef void (*blocks_listed_cb)(void *arg, const struct cid *cid, uint32_t size);

/* As blocks_list_start; the reader may be used within on_block. *count: how many there were. */
MUST_USE bool blocks_reader_list(struct blocks_reader *reader, const struct cid *after,
                                 size_t limit, blocks_listed_cb on_block, void *arg, size_t *count,
                                 struct error *err);

/* ---- counting */

struct blocks_totals {
    uint64_t count, bytes; /* blocks that are there, and their bytes */
    uint64_t disk_bytes;   /* of segments, what was removed and not yet compacted included */
    uint64_t segments;
    uint64_t groups, written; /* since the start: writes that shared syncs; writes */
    uint64_t waiting_bytes;   /* of memory of writes that were not answered yet */
};

/* As the last durable write left them. Any thread; does not wait for the disk. */
struct blocks_totals blocks_totals(struct blocks *blocks);

#endif
