// SPDX-License-Identifier: Apache-2.0
/* What half.c, half_produce.c and half_hold.c share. */
#ifndef HTTP_HALF_PRIVATE_H
#define HTTP_HALF_PRIVATE_H

#include "http/half.h"

/* Reads, or pieces made, before other connections get their turn. */
enum { HALF_ROUNDS = 8 };

/* HALF_REFUSED, and why. */
void half_refuse(struct half *half, const struct meter_refusal *refusal);

/* Queues half->made as content, in the message's framing. */
void half_queue_made(struct half *half);

void half_queue_waiting_head(struct half *half);

/* Queues the end of the message, and what the rewrite kept back if it was not asked for it. */
void half_queue_end(struct half *half);

/* Appends what the rewrite kept back to half->made. */
void half_rewrite_end(struct half *half);

/* true: all was written. false: half->last says why not. */
bool half_flush(struct half *half);

/* half_run of a half with produce. */
enum half_result half_run_produced(struct half *half);

#endif
