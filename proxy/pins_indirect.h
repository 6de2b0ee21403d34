// SPDX-License-Identifier: Apache-2.0
/* Indirect pins, of one CID at a time. Loop thread only. */
#ifndef PROXY_PINS_INDIRECT_H
#define PROXY_PINS_INDIRECT_H

#include "proxy/pin_call.h"

/* Looks for one of the owner's recursive pins that cids[index] lies below; on_done once, later: its
 * root (borrowed), or NULL. The call is refused if that cannot be found out. */
void pins_find_indirect(struct pin_call *pins,
                        void (*on_done)(struct pin_call *pins, const struct cid *root));

#endif
