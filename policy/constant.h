// SPDX-License-Identifier: Apache-2.0
/* Values that stand in the document: of vars and of members' attributes.
 *
 * What another YAML reader could take for something else than it looks (no, on, 0o17, 1_000, 1.5, a
 * date, ~) must be quoted. Plain digits are a number; with a unit of conf/units.h a size or a
 * duration; true and false are truth values; everything else, and all that is quoted, is a text. */
#ifndef POLICY_CONSTANT_H
#define POLICY_CONSTANT_H

#include "conf/arena.h"
#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

struct yaml_node;

enum constant_type {
    CONSTANT_BOOL,
    CONSTANT_INTEGER,  /* sizes too, in bytes */
    CONSTANT_DURATION, /* ns */
    CONSTANT_TEXT,
    CONSTANT_LIST, /* of one of the others, all of one type */
};

enum { CONSTANT_ITEMS_MAX = 1000, CONSTANT_TEXT_MAX = 1000 };

struct constant {
    enum constant_type type;
    int64_t number;    /* of a bool (0, 1), integer, duration */
    struct slice text; /* as written; of all but lists */
    const struct constant *items;
    size_t count;
};

/* From a scalar or a list of scalars. Texts are borrowed from the tree, lists lie in the arena. The
 * error has its place. */
MUST_USE bool constant_read(struct constant *constant, const struct yaml_node *node,
                            struct arena *arena, struct error *err);

/* "a number", "a list of texts". */
const char *constant_type_name(const struct constant *constant);

/* Whether both have the same type, and lists the same type of items. */
bool constant_same_type(const struct constant *a, const struct constant *b);

#endif
