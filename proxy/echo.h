// SPDX-License-Identifier: Apache-2.0
/* Arguments that a reply repeats, shown as they were typed: a name goes upstream as the path that
 * it stood for, and Kubo's `ls` repeats that path. Pure. */
#ifndef PROXY_ECHO_H
#define PROXY_ECHO_H

#include "conf/text.h"
#include "ipfs/catalogue.h"

struct echo_pair {
    struct text sent, typed; /* with what stands around them in the reply */
};

/* {0} is a valid one that changes nothing. */
struct echo {
    struct echo_pair *pairs;
    size_t count;
    struct text held; /* the end of what came, which may be the beginning of a pair's sent */
};

/* Commands whose replies repeat no argument are left alone. */
void echo_add(struct echo *echo, enum command_id command, struct slice sent, struct slice typed);

static inline bool echo_is_empty(const struct echo *echo)
{
    return echo->count == 0;
}

/* A half_rewrite (http/half.h) whose arg is the echo. Holds back no more than it must. */
void echo_rewrite(void *echo, struct slice content, bool is_last, struct text *out);

void echo_dispose(struct echo *echo);

#endif
