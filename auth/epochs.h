// SPDX-License-Identifier: Apache-2.0
/* When may memory be freed that other threads read without a lock? Readers announce themselves for
 * the length of a look; a writer takes a pointer out of reach and retires it; what is retired is
 * freed once every reader who could have seen it has left.
 *
 * Proof sketch. All accesses to `now`, to `entered` and to the shared pointer are sequentially
 * consistent. A reader stores entered = now, then loads the pointer. The writer replaces the
 * pointer, then retires the old one with E = now++. A reader that loaded the old pointer did so
 * before the replacement, hence read now <= E before it; so the writer's scan finds its entered,
 * not above E, until it leaves. */
#ifndef AUTH_EPOCHS_H
#define AUTH_EPOCHS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EPOCHS_READERS_MAX = 256 };

struct epoch_reader {
    atomic_uint_fast64_t entered;                                   /* 0: outside */
    bool is_taken;                                                  /* the writers' */
    char padding[64 - sizeof(atomic_uint_fast64_t) - sizeof(bool)]; /* a cache line each */
};

struct retired;

struct epochs {
    struct epoch_reader readers[EPOCHS_READERS_MAX];
    atomic_uint_fast64_t now; /* from 1 */
    struct retired *retired;  /* the writers' */
    size_t retired_count;
};

void epochs_init(struct epochs *epochs);
void epochs_dispose(struct epochs *epochs); /* no reader is left; frees what is retired */

/* Writers, one at a time: */

/* NULL: there are EPOCHS_READERS_MAX already. */
struct epoch_reader *epochs_take_reader(struct epochs *epochs);
void epochs_give_reader(struct epoch_reader *reader);
/* pointer was taken out of readers' reach; it is given to free() as soon as may be. */
void epochs_retire(struct epochs *epochs, void *pointer);
/* Frees what may be. epochs_retire does so, too. */
void epochs_collect(struct epochs *epochs);

/* The reader's thread; never waits. */
static inline void epoch_enter(const struct epochs *epochs, struct epoch_reader *reader)
{
    atomic_store(&reader->entered, atomic_load(&epochs->now));
}

static inline void epoch_leave(struct epoch_reader *reader)
{
    atomic_store_explicit(&reader->entered, 0, memory_order_release);
}

#endif
