// SPDX-License-Identifier: Apache-2.0
/* The thread that waits for the disk, so that the one that writes the audit log need not:
 * fdatasync, then the head into the ledger. And what went wrong last in either. For audit.c alone.
 */
#ifndef AUTH_AUDIT_SYNC_H
#define AUTH_AUDIT_SYNC_H

#include "auth/audit.h"

struct audit_sync;

/* store may be NULL. */
MUST_USE bool audit_sync_create(struct audit_sync **sync, struct store *store, struct error *err);
/* Finishes what was started. NULL is fine. */
void audit_sync_destroy(struct audit_sync **sync);

/* fd is duplicated. False: it is still busy with the last one. With must_wait it waits instead,
 * until it is free, and always takes it. One thread. */
bool audit_sync_start(struct audit_sync *sync, int fd, const struct audit_head *head,
                      bool must_wait);

/* ---- any thread */

/* Of syncs. */
uint64_t audit_sync_failures(const struct audit_sync *sync);
/* Did the last one work? */
bool audit_sync_is_healthy(struct audit_sync *sync, struct error *err);

#endif
