// SPDX-License-Identifier: Apache-2.0
/* How a line of the audit log is made. The thread that records makes the body, all that the chain
 * does not need to know; the audit thread puts the chain around it. For audit.c alone. Pure. */
#ifndef AUTH_AUDIT_LINE_H
#define AUTH_AUDIT_LINE_H

#include "auth/audit.h"

enum {
    /* Each of a record's texts, as it stands in the line. What is longer is cut. */
    AUDIT_TEXT_MAX = 2048,
    /* Of a record's arguments together, and of its options. What does not fit is left out. */
    AUDIT_LIST_MAX = 16 * 1024,
    /* A body is never longer: a quarter of a ring. */
    AUDIT_BODY_MAX = 64 * 1024 - 8,
    /* Nor a line, its newline not counted. */
    AUDIT_LINE_MAX = AUDIT_BODY_MAX + 512,
};

/* Appends the members of the object from "time" on, each with a comma before it. */
void audit_line_put_body(struct text *out, const struct audit_entry *entry);

/* The body of a line that only says how many were lost. */
void audit_line_put_bare_body(struct text *out, uint64_t time_ms);

/* Appends the line that goes on chain, and a newline; chain steps over it. lost: 0 is left out. */
void audit_line_put(struct text *out, struct audit_chain *chain, uint64_t lost, struct slice body);

/* "0123...": lower case, no NUL behind it. */
void audit_line_print_hash(char out[2 * RECORD_HASH_SIZE], const uint8_t hash[RECORD_HASH_SIZE]);

#endif
