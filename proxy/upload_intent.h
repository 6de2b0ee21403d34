// SPDX-License-Identifier: Apache-2.0
/* An upload stands in the ledger's journal from before its first byte goes upstream until its roots
 * are pinned or it came to nothing. Loop thread only. */
#ifndef PROXY_UPLOAD_INTENT_H
#define PROXY_UPLOAD_INTENT_H

#include "proxy/site.h"
#include "store/record.h"

struct upload_intent;

/* It is durable (err NULL), or cannot be. Never from inside upload_intent_open. */
typedef void (*upload_intent_done)(void *arg, const struct error *err);

/* False: the ledger takes nothing now; on_open is not called. */
MUST_USE bool upload_intent_open(struct upload_intent **intent, const struct site *site,
                                 const struct owner *owner, const char *command,
                                 upload_intent_done on_open, void *arg, struct error *err);

/* The upload ended. on_open is not called any more. Clears *intent; NULL is fine. */
void upload_intent_close(struct upload_intent **intent);

#endif
