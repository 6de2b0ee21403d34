// SPDX-License-Identifier: Apache-2.0
/* The partner port: what is done with a request before control hears of it. One for each link
 * worker; that worker's loop thread only, but for the counters.
 *
 * The handshake takes any well-formed certificate. Who it is, the view says (peers.h): the
 * certificate claims an organization, and the trust of a link with it, alone, bears that out or
 * does not. Who is not accepted reaches POST /link/v1/join, with at most 16 KiB within 5 s, and is
 * otherwise answered 403 `stranger` with the reason; its body is not read, and the connection ends.
 * One more way is open to who has the name of a link's organization and an unknown root: POST
 * /link/v1/roots, for the documents prove themselves; a signature by a key that is not known yet
 * does not refuse them either. What is accepted is remembered for the connection, and in its
 * tickets, until the link's generation changes: then both end within a second, and an answer that
 * is on its way still goes out.
 *
 * Bytes of allocations (transfers.h) come and go unsigned: the connection says whose they are, and
 * every block is checked.
 *
 * The order of checks: who it is, path and method, Causeway-Signed, the body's size (before the
 * body), signature, date, whether the link is the connection's. Epoch, incarnations, number and
 * state are control's (links_take). Errors are `error` messages of wire.h, and signed if the
 * request was genuine. Every refusal of the port's own is counted and, at most PORT_LINES_MAX a
 * second, said in the log and in the audit log: strangers could fill them. */
#ifndef FEDERATION_PORT_H
#define FEDERATION_PORT_H

#include "auth/audit.h"
#include "federation/links.h"
#include "federation/peers.h"
#include "federation/transfers.h"
#include "http/server.h"

enum {
    PORT_LINES_MAX = 10,
    PORT_STRANGERS_MAX = 16, /* requests of theirs that are read, or asked about, at once */
    PORT_SESSIONS_MAX = 16,  /* of one link; more are busy */
};

#define PORT_STRANGER_MS UINT64_C(5000) /* for a body */
#define PORT_CUT_MS      UINT64_C(250)  /* from a change of a link to the end of its connections */

/* Written by the worker's thread, read by any: server_counter. */
struct port_counters {
    uint64_t taken[WIRE_MESSAGES];    /* given to control */
    uint64_t resumed;                 /* connections accepted by their ticket */
    uint64_t accepted;                /* others */
    uint64_t unknown;                 /* requests of who is not accepted: nobody of that name */
    uint64_t verdicts[PEER_VERDICTS]; /* ... and why, of all others */
    uint64_t problems[WIRE_PROBLEMS]; /* refused by the port itself */
    uint64_t cut;                     /* connections, for their link had changed */
};

/* Borrowed for the port's life, but for audit. */
struct port_settings {
    struct links *links;
    struct transfers *transfers; /* the bytes of allocations; NULL: there are none to be had */
    /* links_take, links_take_cancel and links_tell_skew, but in tests */
    bool (*take)(struct links *links, struct loop *loop, struct link_call **call,
                 const struct link_inbound *inbound, link_done_cb on_done, void *arg,
                 struct error *err);
    void (*cancel)(struct link_call **call);
    void (*tell_skew)(struct links *links, const char link[ULID_SIZE], int64_t skew_ms);
    uint64_t (*now_ms)(void);   /* since 1970 */
    uint64_t bodies_max;        /* bytes of bodies that are read, or asked about, at once */
    struct log_writer *log;     /* the worker's */
    struct audit_writer *audit; /* the worker's; taken over. NULL: none */
};

struct port;

struct port *port_create(const struct port_settings *settings);
/* Between worker_stop and worker_settle, in which its timer would fire. NULL is fine. */
void port_destroy(struct port **port);

/* For http/worker: the snapshot is a struct peers, arg the port. */
struct server_settings *port_make_settings(struct server *server, const void *peers, void *port);

/* Any thread. */
const struct port_counters *port_counters(const struct port *port);

#endif
