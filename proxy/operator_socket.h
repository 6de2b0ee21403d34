// SPDX-License-Identifier: Apache-2.0
/* The operators' socket: data/operators.sock, for root and for the user whom the gateway runs as,
 * as the kernel says of the peer. One JSON object in, one out; the routes are the folders' own
 * (operator.c). On the control loop. */
#ifndef PROXY_OPERATOR_SOCKET_H
#define PROXY_OPERATOR_SOCKET_H

#include "auth/audit.h"
#include "auth/operator.h"
#include "http/server.h"

struct operator_desk {
    struct operator_site site;
    struct audit_writer *audit; /* what operators asked for is recorded, reading apart */
    const struct operator_route *const *tables; /* ended by NULL */
};

/* The settings of a server whose sessions come from the socket. desk is borrowed and lives as long
 * as the server. */
struct server_settings *operator_socket_settings(const struct operator_desk *desk);

/* Listens on path (0600). -1 with err. */
int operator_socket_listen(const char *path, struct error *err);

#endif
