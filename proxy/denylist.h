// SPDX-License-Identifier: Apache-2.0
/* What nobody gets here, by multihash: whatever form of a CID it comes in, version, base or codec.
 *
 * The ledger has the list; all of it is held in memory and follows the ledger's changes at once. A
 * lookup takes no lock and does no I/O; changes come from the ledger thread. */
#ifndef PROXY_DENYLIST_H
#define PROXY_DENYLIST_H

#include "ipfs/cid.h"
#include "store/store.h"

struct denylist;
struct denylist_reader;

struct denylist *denylist_create(void);
/* Every reader was destroyed, and the store no longer speaks to it: denylist_detach. */
void denylist_destroy(struct denylist **denylist);

/* Reads the ledger's list and follows its changes from then on. Blocks: at the start. */
MUST_USE bool denylist_attach(struct denylist *denylist, struct store *store, struct error *err);
void denylist_detach(struct denylist *denylist);

/* Any thread; they take a lock among writers. What denylist_attach uses, and tests. */
void denylist_put(struct denylist *denylist, const struct denied_record *record);
void denylist_remove(struct denylist *denylist, struct slice multihash);

/* Any thread. Of a list that is empty nothing has to be looked up. */
bool denylist_is_empty(const struct denylist *denylist);

/* One for each thread that looks up, used by that thread alone. At most 256 at a time. */
struct denylist_reader *denylist_reader_create(struct denylist *denylist);
void denylist_reader_destroy(struct denylist_reader **reader);

/* The reader's thread. True: it is denied; the reason, which may be empty, is appended. */
bool denylist_find(struct denylist_reader *reader, const struct cid *cid, struct text *reason);

#endif
