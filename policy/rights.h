// SPDX-License-Identifier: Apache-2.0
/* Which calls need a right besides the command: rights.def. Pure. */
#ifndef POLICY_RIGHTS_H
#define POLICY_RIGHTS_H

#include "ipfs/call.h"

/* Of every call of the command; enum policy_right, 0: none. */
unsigned policy_command_needs(enum command_id command);

/* Of this call. It may be more than its command's, never less. */
unsigned policy_call_needs(const struct call *call);

#endif
