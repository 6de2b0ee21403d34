// SPDX-License-Identifier: Apache-2.0
/* What the routes about links (operator.h) have in common. A file has one subject: operator.c the
 * routes and the commands that are one event, operator_revoke.c, operator_limit.c, operator_show.c
 * (list, show). Control thread. */
#ifndef FEDERATION_OPERATOR_LINKS_H
#define FEDERATION_OPERATOR_LINKS_H

#include "auth/operator.h"
#include "federation/links.h"

/* ---- the routes that have a file of their own */

void links_operator_revoke(struct operator_call *call);
void links_operator_limit(struct operator_call *call);
void links_operator_list(struct operator_call *call);
void links_operator_show(struct operator_call *call);

/* ---- for all of them */

/* The fields of a route that takes a partner alone; ended by NULL. */
extern const char *const links_operator_partner_alone[];

/* False: the call was refused, since there is no port where partners could speak. */
MUST_USE bool links_operator_is_there(struct operator_call *call);

/* 404: there is no link with partner. */
void links_operator_refuse(struct operator_call *call, const char *partner);

/* Of input's "partner", with or without "partner:" before it; borrowed of input. */
MUST_USE bool links_operator_read_partner(const json_t *input, struct links_command *command,
                                          struct error *err);

/* Reads the input's fields (as of operator_check_fields), gives the command to the links and
 * answers what they say. read: what there is beyond the partner's name; NULL: nothing. */
void links_operator_run(struct operator_call *call, enum links_what what, const char *const *fields,
                        bool (*read)(struct operator_call *call, struct links_command *command,
                                     struct error *err));

#endif
