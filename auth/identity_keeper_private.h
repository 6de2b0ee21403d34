// SPDX-License-Identifier: Apache-2.0
/* What the parts of the identity at run time share: the work that jobs do. */
#ifndef AUTH_IDENTITY_KEEPER_PRIVATE_H
#define AUTH_IDENTITY_KEEPER_PRIVATE_H

#include "auth/identity_keeper.h"

/* Of what there is now; one reference. */
const struct identity_view *identity_view_create(const struct identity *identity,
                                                 const struct gateway_id *id);

enum { IDENTITY_SAID_SIZE = 600 };

/* What was done, and what comes next: for people. */
struct identity_report {
    char did[IDENTITY_SAID_SIZE], next[IDENTITY_SAID_SIZE];
};

/* All of these BLOCK. now_s and whether partners know the newest document come from the loop. */

/* Renews what is due and takes no passphrase. *has_changed: something was. did: what, or empty.
 * False: what is due could not be renewed. */
MUST_USE bool identity_do_due(struct identity *identity, int64_t now_s, bool is_known_to_all,
                              bool *has_changed, struct identity_report *report, struct error *err);

MUST_USE bool identity_do_rotate(struct identity *identity, const struct identity_order *order,
                                 int64_t now_s, bool is_known_to_all,
                                 struct identity_report *report, struct error *err);

MUST_USE bool identity_do_take(struct identity *identity, const struct slice *documents,
                               size_t count, int64_t now_s, struct identity_report *report,
                               struct error *err);

#endif
