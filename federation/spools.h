// SPDX-License-Identifier: Apache-2.0
/* What a crash left in the inbox and nobody will ask for again: spools of reads, which begin anew,
 * and those of allocations that the ledger does not know (any more). */
#ifndef FEDERATION_SPOOLS_H
#define FEDERATION_SPOOLS_H

#include "conf/error.h"
#include "store/store.h"

/* BLOCKS: at the start, before anything is transferred. *removed: how many went. False: the folder
 * or the ledger cannot be read, or a spool not be removed; the others are as they were. */
MUST_USE bool spools_tidy(const char *inbox, struct store *store, unsigned *removed,
                          struct error *err);

#endif
