// SPDX-License-Identifier: Apache-2.0
/* A budget of content bytes for one direction of an exchange. What passes is taken from it before
 * it passes; when it is used up, the meter's owner is asked for more, or says no: then the exchange
 * is refused, or cut if its reply has begun. Framing and heads cost nothing, and nobody is asked
 * for a byte that never comes: who sends exactly what was granted is not refused. Loop thread
 * only. */
#ifndef HTTP_METER_H
#define HTTP_METER_H

#include "http/framing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why there is no more: as exchange_refuse would be told. Headers such as Retry-After are put into
 * exchange_reply_headers. */
struct meter_refusal {
    int status;
    char message[480]; /* a sentence */
};

/* The handler's memory, until on_end; left and passed are then what was not used, to be given back,
 * and what was. */
struct meter {
    uint64_t left;   /* content bytes that may pass yet */
    uint64_t passed; /* content bytes that were taken from the budget */
    /* So many bytes more, at least one; or 0 with *refusal. At once; must not tell the exchange
     * anything but a header. A refusal is final. */
    uint64_t (*grant)(void *arg, struct meter_refusal *refusal);
    void *arg;
    struct meter_refusal refusal; /* filled when grant said no */
};

static inline void meter_take(struct meter *meter, uint64_t size)
{
    meter->left -= size;
    meter->passed += size;
}

/* May size bytes pass? Asks for what is missing; takes nothing. */
bool meter_allows(struct meter *meter, uint64_t size);

/* Raw bytes of a body, a part of it perhaps: *used is how many of them were framing that was dealt
 * with because no budget was left. METER_OPEN: content, at most meter->left bytes of it, may be
 * taken from what is behind them (perhaps nothing is). */
enum meter_result { METER_OPEN, METER_REFUSED, METER_BAD_FRAMING };
enum meter_result meter_open(struct meter *meter, struct decoder *decoder, char *data, size_t size,
                             size_t *used);

#endif
