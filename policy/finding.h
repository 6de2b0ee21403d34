// SPDX-License-Identifier: Apache-2.0
/* What is wrong or odd in a policy: each with its place, so that one look at a file tells all.
 * One thread at a time. */
#ifndef POLICY_FINDING_H
#define POLICY_FINDING_H

#include "conf/error.h"
#include "conf/text.h"

#include <stddef.h>

enum { FINDINGS_MAX = 200 }; /* of one list; more are counted, not kept */

enum finding_level {
    FINDING_ERROR,   /* the policy is refused */
    FINDING_WARNING, /* it does what it says, and hardly what was meant */
    FINDING_NOTE,    /* worth knowing */
    FINDING_LEVELS
};

struct finding {
    enum finding_level level;
    const char *file;      /* owned by the list */
    unsigned line, column; /* from 1; 0: of the file as a whole */
    char *text;            /* a sentence without the place */
};

/* {0} is empty and valid. */
struct findings {
    struct finding *items; /* in the order found, see findings_sort */
    size_t count, room;
    size_t counts[FINDING_LEVELS]; /* those not kept included */
};

void findings_dispose(struct findings *findings);

/* file and text are copied. */
void findings_add(struct findings *findings, enum finding_level level, const char *file,
                  unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* By file, line and column; those of one place in the order found. */
void findings_sort(struct findings *findings);

/* "error", "warning", "note". */
const char *finding_level_name(enum finding_level level);

/* Appends "FILE:LINE:COLUMN: warning: TEXT". */
void finding_put(const struct finding *finding, struct text *out);

#endif
