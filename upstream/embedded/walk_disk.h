// SPDX-License-Identifier: Apache-2.0
/* A walk_memory that keeps little in memory however large the DAG is: the walk_memory of
 * ipfs/walk_memory.h until that has WALK_DISK_MEMORY bytes, then a file in a folder for what lives
 * no longer than the process. The file has no name from the moment it is open: nothing is left of
 * it when the process ends, however it ends. Nothing of it is synced.
 *
 * A CID is known by 128 bits of keyed prints, so that none is ever taken for another. The file
 * takes about 30 bytes for each CID seen, and what the CIDs have for each link that is still owed.
 * One thread at a time. */
#ifndef UPSTREAM_EMBEDDED_WALK_DISK_H
#define UPSTREAM_EMBEDDED_WALK_DISK_H

#include "conf/error.h"
#include "ipfs/walk_memory.h"

#include <stddef.h>

#define WALK_DISK_MEMORY ((size_t)4 << 20)

/* folder is borrowed as long as the memory lives. ERROR_IO comes later, from its operations, when
 * the file is needed and cannot be made or written. memory_max: bytes kept in memory, about; 0:
 * WALK_DISK_MEMORY. NULL with err: no random key. */
struct walk_memory *walk_disk_create(const char *folder, size_t memory_max, struct error *err);
void walk_disk_destroy(struct walk_memory **memory); /* NULL is fine */

/* Bytes that set and stack have in memory (SQLite's pages, 1 MiB, aside), and in the file; of one
 * that walk_disk_create made. For tests and figures. */
size_t walk_disk_memory_bytes(const struct walk_memory *memory);
size_t walk_disk_file_bytes(const struct walk_memory *memory);

#endif
