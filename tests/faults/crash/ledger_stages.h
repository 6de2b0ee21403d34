// SPDX-License-Identifier: Apache-2.0
/* What ledger_writer.c does to the ledger, for ledger.c to look for: its pieces are pins, each with
 * a partner of its own behind it. What a stage of a link writes is several transactions, of which
 * all are there or none. */
#ifndef TESTS_FAULTS_CRASH_LEDGER_STAGES_H
#define TESTS_FAULTS_CRASH_LEDGER_STAGES_H

#include "conf/id.h"
#include "conf/ulid.h"

#include <stdio.h>

enum stage {
    STAGE_NONE,
    STAGE_INTENT,    /* in the journal */
    STAGE_CLAIMED,   /* the pin, not confirmed */
    STAGE_CONFIRMED, /* charged */
    STAGE_RENAMED,
    STAGE_REMOVED,
    STAGE_CLOSED,  /* out of the journal again */
    STAGE_LINKED,  /* a link, its history, the numbers it claims */
    STAGE_TAKEN,   /* an allocation of the partner's, the reply to it, more numbers */
    STAGE_SETTLED, /* pinned; the reply is not needed any more */
    STAGE_ENDED,   /* the link, and its history; the allocation is forgotten */
    STAGE_COUNT
};

#define RENAMED "another name"

enum { CLAIMED_FIRST = 4096, CLAIMED_NEXT = 8192 };

static inline void stage_pin_id(char id[ULID_SIZE], unsigned n)
{
    snprintf(id, ULID_SIZE, "%026u", n);
}

static inline void stage_partner(char partner[ID_SIZE], unsigned n)
{
    snprintf(partner, ID_SIZE, "partner-%05u", n);
}

/* How far pin n goes. */
static inline unsigned stage_last(unsigned n)
{
    return STAGE_INTENT + n % (STAGE_COUNT - 1);
}

#endif
