// SPDX-License-Identifier: Apache-2.0
/* A bounded ring of lines with one producer and one consumer, neither of which waits.
 *
 *   | size, stream | bytes ... | size, stream | bytes ... |  free ...  |
 *   ^ head (consumer)                                     ^ tail (producer)
 *
 * A record lies in one piece, so that a line can be formatted in place: what does not fit before
 * the end of the ring begins anew at its start, behind a record that says "skip". head and tail
 * only grow; their places in the ring are their remainders. */
#ifndef CONF_LOG_RING_H
#define CONF_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_ring {
    char *bytes;
    size_t size; /* a power of two */
    /* The producer's; padding keeps the two sides off each other's cache line. */
    char padding_before[64];
    atomic_size_t tail;
    size_t write_at;   /* tail, and behind a skip that was not committed yet */
    size_t known_head; /* an older head: spares reading the consumer's cache line */
    size_t reserved;   /* bytes promised behind write_at's header; 0: none */
    unsigned stream;   /* of the reservation */
    atomic_uint_fast64_t dropped;
    /* The consumer's. */
    char padding_between[64];
    atomic_size_t head;
    size_t read_at;
    uint64_t taken_dropped;
};

struct log_record {
    const char *data; /* in the ring, until log_ring_release */
    size_t size;
    unsigned stream;
};

void log_ring_init(struct log_ring *ring, size_t size);
void log_ring_dispose(struct log_ring *ring);

/* Producer: size bytes in one piece, at most a quarter of the ring, if `spare` bytes stay free
 * behind them: what matters less leaves room for what matters more. NULL: full, counted. */
char *log_ring_reserve(struct log_ring *ring, unsigned stream, size_t size, size_t spare);
/* Producer: where the reservation begins. */
char *log_ring_reserved(const struct log_ring *ring);
/* Producer: hands used bytes of the reservation over; 0 takes it back. True: this line made the
 * ring half full, as far as the producer knows. */
bool log_ring_commit(struct log_ring *ring, size_t used);

/* Consumer: the next line. False: none. */
bool log_ring_next(struct log_ring *ring, struct log_record *record);
/* Consumer: gives the room of every line taken so far back to the producer. */
void log_ring_release(struct log_ring *ring);
/* Consumer: lines dropped since it asked last. */
uint64_t log_ring_take_dropped(struct log_ring *ring);

#endif
