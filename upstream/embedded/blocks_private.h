// SPDX-License-Identifier: Apache-2.0
/* What the files of the block store share: blocks.c opens, queues and answers, blocks_group.c makes
 * groups durable, blocks_compact.c and blocks_rebuild.c go through segments, blocks_read.c reads,
 * blocks_damage.c knows what is damaged. */
#ifndef UPSTREAM_EMBEDDED_BLOCKS_PRIVATE_H
#define UPSTREAM_EMBEDDED_BLOCKS_PRIVATE_H

#include "upstream/embedded/blocks.h"
#include "upstream/embedded/index.h"
#include "upstream/embedded/segment.h"

#include <pthread.h>

struct entry {
    bool is_put;
    size_t at; /* of its record in bytes; a removal's has no data */
    size_t size;
};

struct blocks_write {
    struct text bytes; /* records as they go into a segment */
    struct entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* numbers of entries plus one, by their keys; 0: free. To find puts by */
    size_t slot_count;
    bool compacts;
    struct blocks_written result;
    struct error err;
    struct loop *loop;
    blocks_written_cb on_done;
    void *arg;
    pthread_cond_t *waiter; /* of who waits without a loop; NULL: nobody */
    bool is_answered;       /* under the mutex of the blocks, for the waiter */
    struct message message;
    struct blocks_write *next;
};

struct reader {
    struct block_index *index;
    struct reader *next;
};

struct blocks {
    char *folder;
    struct jobs *jobs;
    int folder_fd, lock_fd;
    size_t queue_bytes_max;
    uint64_t segment_max;

    /* the writer's, once it runs */
    struct block_index *index;
    struct segment_state *segments; /* in the order of numbers */
    size_t segment_count;
    uint32_t next_number;  /* of the segment to come */
    uint32_t group_number; /* what it was when the group began */
    int fd;                /* of the last segment, if it may be appended to; else -1 */
    bool is_unsynced;
    bool must_load;      /* segments is not as the index has it */
    bool must_not_reuse; /* what a group wrote since the last commit may be found done after a
                          * crash, though it failed
                          */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wakeup; /* of the writer */
    pthread_cond_t idle;   /* no read is under way */
    struct {               /* under mutex */
        struct blocks_write *first, **end;
        bool must_stop;
        struct blocks_totals totals;
        struct reader *readers; /* that are not in use */
        unsigned int reads;
        struct damaged *damaged; /* blocks_damage.c */
        size_t damaged_count;
    } shared;
};

/* ---- blocks_group.c: of the writer's thread */

/* Does these writes and makes them durable; sets result and err of each. */
void blocks_run_group(struct blocks *blocks, struct blocks_write *const *group, size_t count);

/* One transaction of the index, and what is appended meanwhile: begin, then commit, or roll back,
 * also if commit failed. */
MUST_USE bool blocks_begin(struct blocks *blocks, struct error *err);
MUST_USE bool blocks_commit(struct blocks *blocks, struct error *err);
void blocks_rollback(struct blocks *blocks);
MUST_USE bool blocks_append(struct blocks *blocks, struct slice records, struct error *err);
/* Where the next record of this size goes; begins a new segment if it must. */
MUST_USE bool blocks_next_place(struct blocks *blocks, size_t record_size,
                                struct block_place *place, struct error *err);
MUST_USE bool blocks_load_segments(struct blocks *blocks, struct error *err);
struct segment_state *blocks_find_segment(struct blocks *blocks, uint32_t number);
/* The segment that is appended to. */
static inline struct segment_state *blocks_last_segment(struct blocks *blocks)
{
    return blocks->fd < 0 ? NULL : &blocks->segments[blocks->segment_count - 1];
}
/* Goes on where the last segment ends, if it can be appended to. */
void blocks_reopen_last(struct blocks *blocks);
/* The next record begins a segment. */
void blocks_close_last(struct blocks *blocks);
void blocks_count_totals(struct blocks *blocks, size_t written);

/* Room on the disk that is kept for removing, which must go on when there is no other: the index
 * writes before it frees anything. False: there was none. */
bool blocks_drop_reserve(struct blocks *blocks);
void blocks_make_reserve(struct blocks *blocks);

/* ---- blocks_compact.c, in a group of its own */

MUST_USE bool blocks_compact(struct blocks *blocks, struct blocks_written *result,
                             struct error *err);
bool blocks_may_compact(struct blocks *blocks);

/* ---- blocks_damage.c */

/* A block's bytes or record are not what they should be. Any thread. */
void blocks_note_damage(struct blocks *blocks, struct slice key);
/* Of the writer's thread. True: this block is damaged, and shall be stored anew in this group. */
bool blocks_repair(struct blocks *blocks, struct slice key);
/* The group is durable, or came to nothing. */
void blocks_settle_repairs(struct blocks *blocks, bool is_done);

/* ---- blocks_rebuild.c, at the start */

MUST_USE bool blocks_rebuild(struct blocks *blocks, struct blocks_opened *opened,
                             struct error *err);
/* Removes the files of segments that the index does not know: a crash left them. */
MUST_USE bool blocks_remove_strays(struct blocks *blocks, struct error *err);
typedef bool (*blocks_on_segment)(struct blocks *blocks, uint32_t number, void *arg,
                                  struct error *err);
/* Each file that is a segment by its name; stops at the first false. */
MUST_USE bool blocks_each_file(struct blocks *blocks, blocks_on_segment on_segment, void *arg,
                               struct error *err);

#endif
