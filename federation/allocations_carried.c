// SPDX-License-Identifier: Apache-2.0
/* Reservations of small objects take their blocks along: one item in place of a question, a
 * transfer and a commitment. */
#include "federation/allocations_private.h"
#include "federation/carried.h"

static void on_read(void *entry_, struct slice car, const struct error *err)
{
    struct entry *entry = entry_;
    struct allocation_event event = {.kind = ALLOCATION_UNANSWERED};

    entry->operations[OPERATION_READ] = NULL;
    if (err == NULL) {
        entry_ask(entry, car);
        return;
    }
    event.said = slice_of(err->text);
    memcpy(event.key, entry->record.key, ULID_SIZE);
    if (err->code == ERROR_NOT_FOUND) {
        event.kind = ALLOCATION_SEND_FAILED;
        event.reason = ALLOCATION_MISSING_HERE;
    }
    entry_tell(entry, &event);
}

/* The same bytes each time that it is asked under one key: an object is what its CID says. */
bool entry_carries(const struct entry *entry)
{
    return entry->record.item == ALLOCATION_ITEM_RESERVE &&
           entry->record.bytes <= CARRIED_BYTES_MAX;
}

void entry_read(struct entry *entry)
{
    const struct allocations_ways *ways = &entry->party->allocations->settings.ways;
    struct error err = {0};

    if (entry->operations[OPERATION_READ] == NULL &&
        !ways->read(ways->arg, &entry->operations[OPERATION_READ], &entry->record, CARRIED_CAR_MAX,
                    on_read, entry, &err))
        on_read(entry, SLICE(""), &err);
}
