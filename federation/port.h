// SPDX-License-Identifier: Apache-2.0
/* The partner port: what is done with a request before control hears of it. One for each link
 * worker; that worker's loop thread only, but for the counters.
 *
 * The handshake takes any well-formed certificate. Who it is, the view says (peers.h): the
 * certificate claims an organization, and the trust of a link with it, alone, bears that out or
 * does not. Who is not accepted reaches POST /link/v1/join, with at most 16 KiB within 5 s, and is
 * otherwise answered 403 `stranger` with the reason; its body is not read. What is accepted is
 * remembered for the connection, and in its tickets, until the link's generation changes: then both
 * are cut within a second.
 *
 * The order of checks: path and method, who it is, Causeway-Signed, the body's size (before the
 * body), signature, date. Epoch, incarnations, number and state are control's (links_take). Errors
 * are `error` messages of wire.h. Every refusal is counted, and said in the log; at most
 * PORT_LINES_MAX a second, for strangers could fill it. */
#ifndef FEDERATION_PORT_H
#define FEDERATION_PORT_H

#include "auth/audit.h"
#include "federation/peers.h"
#include "federation/wire.h"
#include "federation/wire_signed.h"
#include "http/server.h"

struct links;
struct link_call;
struct link_inbound;
struct link_outcome;

enum { PORT_LINES_MAX = 10, PORT_JOINS_MAX = 16 };

/* Written by the worker's thread, read by any: server_counter. */
struct port_counters {
    uint64_t messages[WIRE_MESSAGES];  /* taken: given to control */
    uint64_t refused[PEER_FORGED + 1]; /* strangers, by verdict; accepted ones: no link at all */
    uint64_t problems[WIRE_PROBLEM_STATE + 1]; /* answered by the port itself */
    uint64_t cut;                              /* sessions, for their link had changed */
};

typedef void (*port_done)(void *arg, const struct link_outcome *outcome);

struct port_settings {
    /* links_take and links_take_cancel, with links */
    bool (*take)(struct links *links, struct loop *loop, struct link_call **call,
                 const struct link_inbound *inbound, port_done on_done, void *arg,
                 struct error *err);
    void (*cancel)(struct link_call **call);
    struct links *links;
    uint64_t (*now_ms)(void);   /* since 1970 */
    struct log_writer *log;     /* the worker's */
    struct audit_writer *audit; /* the worker's; taken over. NULL: none */
};

struct port;

struct port *port_create(const struct port_settings *settings);
void port_destroy(struct port **port); /* after its worker has stopped */

/* For http/worker: the snapshot is a struct peers, arg the port. */
struct server_settings *port_make_settings(struct server *server, const void *peers, void *port);

const struct port_counters *port_counters(const struct port *port);

#endif
