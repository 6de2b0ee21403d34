// SPDX-License-Identifier: Apache-2.0
/* What ledger_writer.c does to the ledger, for ledger.c to look for: its pieces are pins. */
#ifndef TESTS_FAULTS_CRASH_LEDGER_STAGES_H
#define TESTS_FAULTS_CRASH_LEDGER_STAGES_H

#include "conf/ulid.h"

#include <stdio.h>

enum stage {
    STAGE_NONE,
    STAGE_INTENT,    /* in the journal */
    STAGE_CLAIMED,   /* the pin, not confirmed */
    STAGE_CONFIRMED, /* charged */
    STAGE_RENAMED,
    STAGE_REMOVED,
    STAGE_CLOSED, /* out of the journal again */
    STAGE_COUNT
};

#define RENAMED "another name"

static inline void stage_pin_id(char id[ULID_SIZE], unsigned n)
{
    snprintf(id, ULID_SIZE, "%026u", n);
}

/* How far pin n goes. */
static inline unsigned stage_last(unsigned n)
{
    return STAGE_INTENT + n % (STAGE_COUNT - 1);
}

#endif
