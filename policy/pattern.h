// SPDX-License-Identifier: Apache-2.0
/* Which commands a text names: "pin/add", "class:read", or a glob.
 *
 * A glob is matched against the paths of the catalogue, segment by segment: `*` stands for any
 * characters of one segment, `**` as a segment for any number of segments, none included, {a,b} for
 * one of the texts between the commas. Pure. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/catalogue.h"
#include "policy/bits.h"

struct command_set {
    uint64_t bits[BITS_WORDS(COMMAND_COUNT)];
};

enum { COMMAND_SET_WORDS = BITS_WORDS(COMMAND_COUNT), PATTERN_SIZE_MAX = 200 };

enum pattern_use {
    PATTERN_ALLOW, /* "**" is the classes tool, read, write and pin; commands of danger 4 are left
                      out, and naming one is an error */
    PATTERN_DENY,  /* "**" is every command */
};

struct pattern {
    struct command_set set;
    bool is_class; /* "class:NAME" */
    bool is_wide;  /* a wildcard stands in the first segment, and the text is not "**" */
    /* The first glob among those that the braces make that matches nothing; "": each matches. */
    char unmatched[PATTERN_SIZE_MAX];
};

/* An exact name that is no command is an error with the nearest that is one; so is, in an allow,
 * what names only commands that no policy opens. A glob that matches nothing is told in
 * pattern->unmatched. The error has no place; the caller puts it before. */
MUST_USE bool pattern_parse(struct pattern *pattern, enum pattern_use use, struct slice text,
                            struct error *err);

/* Whether a glob without braces matches a path. */
bool pattern_matches(struct slice glob, struct slice path);

/* Appends "; did you mean 'files/'?" or the like for a glob that matches nothing, or nothing. */
void pattern_put_hint(struct slice glob, struct text *out);

static inline bool command_set_has(const struct command_set *set, enum command_id id)
{
    return bits_has(set->bits, id);
}

static inline void command_set_add(struct command_set *set, enum command_id id)
{
    bits_set(set->bits, id);
}

#endif
