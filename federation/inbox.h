// SPDX-License-Identifier: Apache-2.0
/* What comes from partners, on disk until the storage has it: inbox/NAME/00001.car, 00002.car, ...,
 * each a CARv1 with the object's root, of at most INBOX_PART_MAX bytes (a block more).
 *
 * Nothing is synced: what is here is in the storage, durably, before anybody is told that it is
 * kept, and a disk that had to write it twice would be half as fast. A process that ends loses
 * nothing of it; a machine that does may lose anything. What is there is the truth: opening a spool
 * reads its parts again (hashing the last one alone, or, after the machine was started anew, all:
 * spool_mark.h), cuts off what was torn and all behind it, and knows how far it is. What a walk
 * remembers lives in a file without a name (walk_disk.h), so memory does not grow with the object.
 *
 * Everything here blocks: for jobs. One thread at a time per spool. */
#ifndef FEDERATION_INBOX_H
#define FEDERATION_INBOX_H

#include "conf/error.h"
#include "conf/ulid.h"
#include "federation/receive.h"

#define INBOX_PART_MAX ((size_t)32 << 20)
enum { INBOX_PATH_MAX = 4096 };

/* Makes the folder, if it is not there. */
MUST_USE bool inbox_prepare(const char *folder, struct error *err);

/* A spool's name: LINK.ID of what a partner places here, LINK.ID.back of what is read back from
 * there. Ids are drawn by whoever owns the object, so the same one may come over two links, or from
 * both ends of one: neither is to touch, or to learn of, what came of the other. */
enum { SPOOL_NAME_SIZE = 2 * ULID_SIZE + 5 };
enum spool_use { SPOOL_PLACED, SPOOL_BACK };
void spool_name(char name[SPOOL_NAME_SIZE], const char *link, const char *id, enum spool_use use);
/* False: it is no spool's name. */
bool spool_name_read(struct slice name, char link[ULID_SIZE], char id[ULID_SIZE],
                     enum spool_use *use);

/* Each spool that is there. False: the folder cannot be read, or on_spool stopped. */
typedef bool (*inbox_cb)(void *arg, const char *name, struct error *err);
MUST_USE bool inbox_each(const char *folder, inbox_cb on_spool, void *arg, struct error *err);

struct spool;

struct spool_settings {
    const char *folder; /* the inbox; data/inbox. Copied */
    char name[SPOOL_NAME_SIZE];
    struct cid root;
    struct walk_limits limits; /* see receive_create */
    size_t part_max;           /* 0: INBOX_PART_MAX */
};

/* Begins, or goes on with what is there. NULL with err: ERROR_IO; ERROR_SYNTAX, ERROR_MISMATCH:
 * what is there is not of this object: spool_remove, and begin anew. */
struct spool *spool_open(const struct spool_settings *settings, struct error *err);
/* The same in pieces, for jobs that are to be short: nothing is read yet; then one part after the
 * other, until *is_read. Nothing else but spool_close before that. */
struct spool *spool_open_unread(const struct spool_settings *settings, struct error *err);
MUST_USE bool spool_read_part(struct spool *spool, bool *is_read, struct error *err);
/* NULL is fine. */
void spool_close(struct spool **spool);

/* As their namesakes in receive.h. After a failure the spool is closed, and opened again or
 * removed. */
void spool_begin(struct spool *spool);
MUST_USE bool spool_take(struct spool *spool, struct slice input, struct error *err);
/* What was taken is verified and written: *position may be told. */
MUST_USE bool spool_flush(struct spool *spool, uint64_t *position, struct error *err);
/* The stream is over: well, or (is_cut) somewhere in between. Flushed. */
MUST_USE bool spool_end(struct spool *spool, bool is_cut, struct error *err);

uint64_t spool_position(const struct spool *spool); /* as of the last flush */
/* Nothing is missing: known after spool_open and spool_end. */
bool spool_is_whole(const struct spool *spool);
const struct walk_stats *spool_stats(const struct spool *spool);

/* For upstream_import, one after the other: 1 to spool_parts, each whole when the spool is. */
unsigned spool_parts(const struct spool *spool);
void spool_part_path(const char *folder, const char *name, unsigned number,
                     char path[INBOX_PATH_MAX]);

/* The parts behind that one. */
MUST_USE bool spool_remove_behind(const char *folder, const char *name, unsigned number,
                                  struct error *err);
/* All of it; none there is fine. Not while it is open. */
MUST_USE bool spool_remove(const char *folder, const char *name, struct error *err);

#endif
