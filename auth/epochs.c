// SPDX-License-Identifier: Apache-2.0
#include "auth/epochs.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct retired {
    struct retired *next;
    void *pointer;
    uint64_t epoch;
};

void epochs_init(struct epochs *epochs)
{
    memset(epochs, 0, sizeof(*epochs));
    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++)
        atomic_init(&epochs->readers[i].entered, 0);
    atomic_init(&epochs->now, 1);
}

void epochs_dispose(struct epochs *epochs)
{
    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++)
        assert(!epochs->readers[i].is_taken);
    epochs_collect(epochs);
    assert(epochs->retired == NULL);
}

struct epoch_reader *epochs_take_reader(struct epochs *epochs)
{
    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++) {
        struct epoch_reader *reader = &epochs->readers[i];

        if (!reader->is_taken) {
            reader->is_taken = true;
            return reader;
        }
    }
    return NULL;
}

void epochs_give_reader(struct epoch_reader *reader)
{
    assert(reader->is_taken && atomic_load(&reader->entered) == 0);
    reader->is_taken = false;
}

/* The oldest epoch that a reader is in; UINT64_MAX: none is in any. */
static uint64_t oldest_entered(const struct epochs *epochs)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++) {
        uint64_t entered = atomic_load(&epochs->readers[i].entered);

        if (entered != 0 && entered < oldest)
            oldest = entered;
    }
    return oldest;
}

void epochs_collect(struct epochs *epochs)
{
    uint64_t oldest = oldest_entered(epochs);
    struct retired **at = &epochs->retired;

    while (*at != NULL) {
        struct retired *retired = *at;

        if (retired->epoch >= oldest) {
            at = &retired->next;
            continue;
        }
        *at = retired->next;
        free(retired->pointer);
        free(retired);
        epochs->retired_count--;
    }
}

void epochs_retire(struct epochs *epochs, void *pointer)
{
    struct retired *retired = memory_alloc(sizeof(*retired));

    retired->pointer = pointer;
    retired->epoch = atomic_fetch_add(&epochs->now, 1);
    retired->next = epochs->retired;
    epochs->retired = retired;
    epochs->retired_count++;
    epochs_collect(epochs);
}
