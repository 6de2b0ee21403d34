// SPDX-License-Identifier: Apache-2.0
/* /causeway/v1: what members ask of the gateway itself. */
#ifndef PROXY_MEMBER_H
#define PROXY_MEMBER_H

#include "proxy/site.h"

/* GET /causeway/v1/whoami: who the credential makes the caller, and what that gives. */
void member_serve(struct site *site, struct exchange *exchange);

#endif
