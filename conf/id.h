// SPDX-License-Identifier: Apache-2.0
/* The ids that people give to members, groups, partners, roles and rules:
 * [a-z0-9][a-z0-9._-]{0,62}. Any thread; no ownership. */
#ifndef CONF_ID_H
#define CONF_ID_H

#include "conf/error.h"
#include "conf/text.h"

enum { ID_SIZE = 64 }; /* the longest id and a NUL */

bool id_is_valid(struct slice id);

/* what names the thing in the error: "member", "token owner". Says which byte is wrong. */
MUST_USE bool id_check(struct slice id, const char *what, struct error *err);

#endif
