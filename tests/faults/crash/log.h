// SPDX-License-Identifier: Apache-2.0
/* The log of what a process did to a folder: recorder.c writes it, disk.c reads it. A record is
 * this header, then size bytes; numbers are as this machine has them. */
#ifndef TESTS_FAULTS_CRASH_LOG_H
#define TESTS_FAULTS_CRASH_LOG_H

#include <stdint.h>

enum crash_kind {
    CRASH_CREATE = 1, /* file, at the path in bytes (below the folder) */
    CRASH_WRITE,      /* file, offset, bytes */
    CRASH_TRUNCATE,   /* file, to offset */
    CRASH_SYNC,       /* file */
    CRASH_SYNC_FOLDER,
    CRASH_RENAME, /* bytes: from, a NUL, to */
    CRASH_REMOVE, /* the path in bytes */
    CRASH_FOLDER, /* made: the path in bytes */
    CRASH_NOTE,   /* said to the world: bytes, one line */
};

struct crash_record {
    uint32_t kind;
    uint32_t file; /* a number for each file that was ever made */
    uint64_t offset;
    uint64_t size; /* of the bytes that follow */
};

/* The recorder's environment. */
#define CRASH_FOLDER_VARIABLE  "CRASH_FOLDER"  /* what is below it is recorded; absolute */
#define CRASH_LOG_VARIABLE     "CRASH_LOG"     /* where to */
#define CRASH_NOTES_VARIABLE   "CRASH_NOTES"   /* writes to this path are notes */
#define CRASH_NO_SYNC_VARIABLE "CRASH_NO_SYNC" /* set: as if no sync were ever called */

#endif
