// SPDX-License-Identifier: Apache-2.0
/* A disk that crashed: what may be on it after a prefix of a recorded log.
 *
 * What was synced is there. Of what was not, each write to a file is there whole, or not at all, or
 * torn: some of its sectors of 512 bytes; truncations are there or not; each by itself, whatever
 * was done later. Of a folder's changes (creations, renames, removals) a prefix is there, as a
 * journaling file system has it; a sync of the folder makes all of them last. */
#ifndef TESTS_FAULTS_CRASH_DISK_H
#define TESTS_FAULTS_CRASH_DISK_H

#include "log.h"

#include <stdbool.h>
#include <stddef.h>

struct disk;

/* What is left of what was not synced. */
enum disk_rest {
    DISK_ALL,    /* the process died, the machine did not */
    DISK_NONE,   /* the machine did, and nothing had reached the disk */
    DISK_SUBSET, /* by the seed */
};

/* Ends the process if the file cannot be read or is no log. */
struct disk *disk_open(const char *log);
void disk_close(struct disk **disk);

/* Takes the next record; NULL at the end. bytes: borrowed. */
const struct crash_record *disk_step(struct disk *disk, const char **bytes);
/* Writes that are not synced now, and changes of the folder. */
size_t disk_pending(const struct disk *disk);

/* Puts the files as they may be now into folder (which is empty). */
void disk_write(const struct disk *disk, enum disk_rest rest, uint64_t seed, const char *folder);

#endif
