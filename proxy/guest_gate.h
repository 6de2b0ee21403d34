// SPDX-License-Identifier: Apache-2.0
/* What is here for partners alone is missing for those who may not read what others have. */
#ifndef PROXY_GUEST_GATE_H
#define PROXY_GUEST_GATE_H

#include "proxy/rpc_call.h"

/* True: the call names a root that is only a partner's, and was refused in the words of a storage
 * that does not have it. Whoever may read anything, and what lets go of a pin, passes. Names were
 * resolved before. Loop thread only. */
bool guest_gate_refuses(struct rpc *rpc);

#endif
