// SPDX-License-Identifier: Apache-2.0
/* What the whole process shares and no reload changes: the ledger, the directory of tokens, the
 * audit log, the pin tracker, what is used of quotas. Opened before the first worker starts, closed
 * after the last one ended.
 */
#ifndef PROXY_CONTEXT_H
#define PROXY_CONTEXT_H

#include "auth/audit.h"
#include "auth/directory.h"
#include "auth/throttle.h"
#include "conf/config.h"
#include "policy/accounts.h"
#include "proxy/denylist.h"
#include "proxy/guests.h"
#include "proxy/walks.h"
#include "proxy/write_gate.h"
#include "store/store.h"
#include "upstream/embedded/node.h"
#include "upstream/tracker.h"

struct context {
    struct store *store;
    struct directory *directory;
    struct audit *audit;
    struct throttle *throttle; /* of wrong credentials; no worker has one for itself */
    struct tracker *tracker;   /* the control thread's; made and ended by it */
    struct accounts *accounts;
    struct walks *walks;
    struct denylist *denylist;
    struct write_gate *writes;
    struct guests *guests;         /* what only partners have here; NULL: there are no links */
    struct retrievals *retrievals; /* the control thread's; NULL: no partner holds anything */
    struct placer *placer;         /* the control thread's; NULL: nothing is placed at partners */
    struct node *node;             /* the embedded one; NULL: the storage is elsewhere */
};

/* Makes the data folder if need be; takes its lock. Blocks. */
MUST_USE bool context_open(struct context *context, const struct config *config,
                           struct log_writer *messages, struct error *err);
void context_close(struct context *context);

/* What each worker has of these for itself alone. */
struct worker_tools {
    struct directory_view *reader;
    struct denylist_reader *denylist;
    struct audit_writer *audit;
};

void worker_tools_create(struct worker_tools *tools, const struct context *context);
void worker_tools_dispose(struct worker_tools *tools);

#endif
