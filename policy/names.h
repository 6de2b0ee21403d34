// SPDX-License-Identifier: Apache-2.0
/* Names and the numbers they stand for. Names are borrowed. Filled by one thread; then any number
 * of threads may look up. */
#ifndef POLICY_NAMES_H
#define POLICY_NAMES_H

#include "conf/text.h"

#include <stdint.h>

enum { NAMES_NONE = UINT32_MAX };

struct names_slot;

/* {0} is empty and valid. */
struct names {
    struct names_slot *slots;
    size_t room; /* a power of two */
    size_t count;
};

void names_dispose(struct names *names);

/* NAMES_NONE: added. Else the number that the name has already, and nothing was changed. */
uint32_t names_add(struct names *names, struct slice name, uint32_t number);

/* The number, or NAMES_NONE. */
uint32_t names_find(const struct names *names, struct slice name);

/* All names, in no order: *cursor begins with 0. False: there are no more. */
bool names_next(const struct names *names, size_t *cursor, struct slice *name);

#endif
