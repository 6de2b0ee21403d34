// SPDX-License-Identifier: Apache-2.0
/* Who a gateway is on a link: its organization and its node, and the one way to write both.
 *
 *   spiffe://<org>/gateway/<node>      spiffe://library.example.org/gateway/north-1
 *
 * Source: the SPIFFE ID specification, section 2; stricter here: nothing is percent-encoded, no
 * port, no query, no slash at the end. Pure; any thread. */
#ifndef AUTH_GATEWAY_ID_H
#define AUTH_GATEWAY_ID_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/text.h"

enum {
    ORG_SIZE = 254, /* the longest DNS name and a NUL */
    GATEWAY_URI_SIZE = 9 + (ORG_SIZE - 1) + 9 + ID_SIZE,
};

struct gateway_id {
    char org[ORG_SIZE]; /* a DNS name in lower case */
    char node[ID_SIZE]; /* see conf/id.h */
};

/* Copies a name that is an organization's. */
MUST_USE bool org_read(struct slice text, char org[ORG_SIZE], struct error *err);

MUST_USE bool gateway_id_parse(struct slice uri, struct gateway_id *id, struct error *err);
/* Returns uri. */
const char *gateway_id_print(const struct gateway_id *id, char uri[GATEWAY_URI_SIZE]);

#endif
