// SPDX-License-Identifier: Apache-2.0
/* How many allocations are in which state, and why those that wait do: counted as they change, so
 * that asking costs nothing. */
#include "federation/allocations_private.h"

static void add(struct allocations *allocations, struct party *party,
                const struct allocation_record *record, int64_t by)
{
    if (record->state == ALLOCATION_NONE)
        return;
    party->states[record->state] += by;
    atomic_fetch_add(&allocations->states[record->state], by);
    if (!allocation_is_stuck(record))
        return;
    party->stuck[record->reason] += by;
    atomic_fetch_add(&allocations->stuck[record->reason], by);
}

void party_count(struct party *party, const struct allocation_record *before,
                 const struct allocation_record *after)
{
    if (before != NULL)
        add(party->allocations, party, before, -1);
    if (after != NULL)
        add(party->allocations, party, after, 1);
}

void party_forget_counts(struct party *party)
{
    struct allocations *allocations = party->allocations;

    for (size_t i = 0; i < ALLOCATION_STATES; i++)
        atomic_fetch_sub(&allocations->states[i], party->states[i]);
    for (size_t i = 0; i < ALLOCATION_REASONS; i++)
        atomic_fetch_sub(&allocations->stuck[i], party->stuck[i]);
    memset(party->states, 0, sizeof(party->states));
    memset(party->stuck, 0, sizeof(party->stuck));
}

struct allocations_counters allocations_counters(const struct allocations *allocations)
{
    struct allocations_counters to;

    for (size_t i = 0; i < ALLOCATION_STATES; i++)
        to.states[i] = atomic_load(&allocations->states[i]);
    for (size_t i = 0; i < ALLOCATION_REASONS; i++)
        to.stuck[i] = atomic_load(&allocations->stuck[i]);
    return to;
}
