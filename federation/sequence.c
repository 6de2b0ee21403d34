// SPDX-License-Identifier: Apache-2.0
#include "federation/sequence.h"

#include <assert.h>
#include <string.h>

/* ---- sending */

uint64_t sequence_draw(struct sequence_sender *sender, bool *must_keep)
{
    uint64_t number = sender->next == 0 ? 1 : sender->next;

    *must_keep = false;
    if (number > SEQUENCE_MAX)
        return 0;
    if (number > sender->claimed) {
        sender->claimed = number - 1 + SEQUENCE_STEP;
        *must_keep = true;
    }
    sender->next = number + 1;
    return number;
}

void sequence_raise(struct sequence_sender *sender, uint64_t floor)
{
    if (floor > sender->next && floor - sender->next <= SEQUENCE_RAISE_MAX)
        sender->next = floor;
}

struct sequence_sender sequence_sender_load(uint64_t claimed)
{
    return (struct sequence_sender){.next = claimed + 1, .claimed = claimed};
}

/* ---- taking */

struct sequence_receiver sequence_receiver_load(uint64_t claimed)
{
    return (struct sequence_receiver){.highest = claimed, .floor = claimed, .claimed = claimed};
}

static uint64_t *word_of(struct sequence_receiver *receiver, uint64_t number)
{
    return &receiver->taken[number % SEQUENCE_WINDOW / 64];
}

/* Forgets what leaves the window at its lower end. */
static void advance(struct sequence_receiver *receiver, uint64_t number)
{
    if (number - receiver->highest >= SEQUENCE_WINDOW) {
        memset(receiver->taken, 0, sizeof(receiver->taken));
    } else {
        for (uint64_t n = receiver->highest + 1; n <= number; n++)
            *word_of(receiver, n) &= ~(UINT64_C(1) << (n % 64));
    }
    receiver->highest = number;
    if (number >= SEQUENCE_WINDOW && receiver->floor < number - SEQUENCE_WINDOW)
        receiver->floor = number - SEQUENCE_WINDOW;
}

enum sequence_verdict sequence_take(struct sequence_receiver *receiver, uint64_t number,
                                    bool *must_keep)
{
    uint64_t bit = UINT64_C(1) << (number % 64);

    *must_keep = false;
    if (number == 0 || number > SEQUENCE_MAX)
        return SEQUENCE_BEYOND;
    if (number <= receiver->floor)
        return SEQUENCE_BELOW;
    if (number > receiver->highest)
        advance(receiver, number);
    else if ((*word_of(receiver, number) & bit) != 0)
        return SEQUENCE_REPEATED;
    *word_of(receiver, number) |= bit;
    if (number > receiver->claimed) {
        receiver->claimed = number - 1 + SEQUENCE_STEP;
        *must_keep = true;
    }
    return SEQUENCE_TAKEN;
}

uint64_t sequence_floor(const struct sequence_receiver *receiver)
{
    return receiver->floor + 1;
}

/* ---- from whom, for whom */

enum sequence_party sequence_party(struct sequence_pair pair, uint64_t here, uint64_t there)
{
    if (pair.from == 0 || pair.from != there)
        return SEQUENCE_FROM_UNKNOWN;
    return pair.to == here && here != 0 ? SEQUENCE_KNOWN : SEQUENCE_FOR_ANOTHER;
}

/* ---- credit */

bool credit_take(struct credit *credit, uint64_t bytes)
{
    uint64_t left = credit->bytes > credit->bytes_used ? credit->bytes - credit->bytes_used : 0;

    if (credit->items_used >= credit->items)
        return false;
    if (bytes > left && (credit->items_used > 0 || credit->bytes == 0))
        return false;
    credit->items_used++;
    credit->bytes_used += bytes;
    return true;
}

void credit_give(struct credit *credit, uint64_t bytes)
{
    assert(credit->items_used > 0 && credit->bytes_used >= bytes);
    credit->items_used--;
    credit->bytes_used -= bytes;
}

void credit_set(struct credit *credit, uint32_t items, uint64_t bytes)
{
    credit->items = items;
    credit->bytes = bytes;
}
