// SPDX-License-Identifier: Apache-2.0
/* What strangers may cost a server: how many of their connections there are at once, in all and of
 * one address, and how many a second of one address. A stranger is whoever was not vouched for
 * (exchange_vouch), so handshakes count, and what was not accepted behind them.
 *
 * An address is an IPv4 address or an IPv6 network of /64. The table is of one size for ever: an
 * address that is forgotten, since many others came, begins anew. Pure; one thread. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* 0: no limit; all of them 0: no guard is needed. */
struct guard_limits {
    uint32_t at_once;            /* in all: a new one drives out the oldest */
    uint32_t address_at_once;    /* more are refused */
    uint32_t address_per_second; /* more are refused; twice as many may come in a burst */
};

struct guard;

/* NULL if there are no limits. random: for the table, so that nobody can aim at a place in it. */
struct guard *guard_create(const struct guard_limits *limits, uint64_t random);
void guard_destroy(struct guard **guard);

/* A connection from there: true, and it counts until guard_leave; or it is refused. Others than
 * AF_INET and AF_INET6 are neither limited nor counted. */
bool guard_enter(struct guard *guard, const struct sockaddr *address, uint64_t now_ms);
void guard_leave(struct guard *guard, const struct sockaddr *address);

/* There are more than at_once. */
bool guard_is_over(const struct guard *guard);

#endif
