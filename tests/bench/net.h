// SPDX-License-Identifier: Apache-2.0
/* What the programs of the bench share: loopback sockets, a monotonic clock, an end with a message.
 * They are measuring tools for inputs that they make themselves: an unexpected state ends them. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints the text, and errno's if it is set, and exits with 1. */
void net_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A whole number in [min, max] from the command line, or net_fail with its name. */
uint64_t net_number(const char *text, const char *name, uint64_t min, uint64_t max);

/* A blocking TCP connection to 127.0.0.1, Nagle off. */
int net_connect(uint16_t port);

/* A non-blocking listener on 127.0.0.1 with SO_REUSEPORT; port 0 draws one. */
int net_listen(uint16_t port);
uint16_t net_port(int fd); /* of a bound socket */

void net_no_delay(int fd);
void net_no_block(int fd);

/* Writes everything to a blocking socket; false if the peer has closed. */
bool net_write(int fd, const void *bytes, size_t size);

/* Raises the number of descriptors to what the system allows. */
void net_raise_descriptors(void);

uint64_t net_now_ns(void); /* CLOCK_MONOTONIC */

#endif
