// SPDX-License-Identifier: Apache-2.0
/* How the parsers of a call put its parts together. Part of call.c. Pure. */
#ifndef IPFS_CALL_PARTS_H
#define IPFS_CALL_PARTS_H

#include "ipfs/call.h"

/* Appends an argument whose text lives as long as the call. */
MUST_USE bool call_put_argument(struct call *call, struct slice text, bool from_body,
                                struct error *err);

/* Adds a value, text living as long as the call, at its place in the order. Refuses a second value
 * of an option that takes one. */
MUST_USE bool call_put_option(struct call *call, const struct catalogue_option *fact,
                              struct slice text, struct error *err);

#endif
