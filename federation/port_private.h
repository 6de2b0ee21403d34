// SPDX-License-Identifier: Apache-2.0
/* What the files of the partner port share. */
#ifndef FEDERATION_PORT_PRIVATE_H
#define FEDERATION_PORT_PRIVATE_H

#include "federation/line_budget.h"
#include "federation/port.h"

struct port {
    struct port_settings settings;
    struct port_counters counters;
    struct server *server;      /* NULL: nothing is served yet */
    const struct peers *newest; /* counted; NULL likewise */
    struct timer cut;           /* sessions whose link has changed */
    struct caller *callers;     /* accepted connections */
    uint32_t strangers;         /* requests of who is not accepted that are read or asked about */
    uint64_t bodies;            /* bytes that the bodies of all requests may have, likewise */
    struct line_budget lines;
};

/* What is served by one view. */
struct port_site {
    struct server_settings settings;
    const struct peers *peers; /* counted */
    struct port *port;
};

/* A connection whose peer was accepted; the session's context. */
struct caller {
    struct port *port;
    struct caller *next, *previous;
    char link[ULID_SIZE];
    uint64_t epoch, generation; /* of the link when it was accepted */
    struct peer_identity who;
};

struct route {
    const char *method, *path;
    const char *name; /* for logs */
    enum wire_message kind;
    bool is_bare; /* has no body and no signature */
};

/* One request; the exchange's context. */
struct request {
    struct exchange *exchange;
    struct port_site *site;
    const struct route *route;
    const struct caller *caller; /* NULL: not accepted */
    const struct peer *peer;  /* of the view; of who is not accepted: whose name it has, or NULL */
    struct peer_identity who; /* of who is not accepted: what it claims */
    struct wire_signed is;
    bool is_known; /* who joins has a link here: what it was answered may have been lost */
    bool has_signed;
    bool is_genuine; /* the signature holds: what is answered is signed too */
    bool is_counted; /* among port->strangers */
    uint64_t body;   /* of port->bodies */
    bool is_new;     /* the first of its connection that was accepted */
    struct link_call *call;
    struct flow *flow; /* of bytes; NULL: none */
    struct timer deadline;
};

/* ---- port_signed.c */

/* What the request's Causeway-Signed says; nothing of it was checked. False: there is none, or more
 * than one, or it is not well formed. */
bool port_find_signed(const struct request *request, struct wire_signed *is, struct error *err);
/* The certificate is a node's, and so is what it signs. */
bool port_check_node(const struct request *request, struct error *err);
/* Signature, date, link. False: it was refused. */
bool port_check_signed(struct request *request, struct slice body);

/* ---- port_who.c */

/* Who is at the other end; sets caller, peer and who. PEER_ACCEPTED with caller NULL: nobody of
 * that name is known. The text of err says what is wrong. */
enum peer_verdict port_identify(struct request *request, struct error *err);
bool port_is_busy(const struct port *port, const char *link);
/* May a session be resumed that was given this blob? app is a struct port_site. */
bool port_is_ticket_good(void *app, struct slice blob);
void port_forget_caller(void *caller);
/* For server_cut_sessions; port is a struct port. */
bool port_must_go(void *port, void *caller);

/* ---- port_data.c */

/* NULL: it is not about the bytes of an allocation. */
const struct route *port_data_route(const struct head *head);
bool port_is_data(const struct route *route);
void port_serve_data(struct request *request, struct transfers *transfers);
void port_end_data(struct request *request);

/* ---- port_refuse.c */

/* What was wrong, for counters, logs and the peer. */
struct port_refusal {
    enum wire_problem problem;
    int status;         /* 0: the problem's own */
    const char *detail; /* a name: "unknown_root"; NULL: none */
    uint32_t retry_after_s;
    bool ends_connection;
};

/* Counts it and says it; the peer hears of it by port_refuse, which does this too. */
void port_note(struct request *request, const struct port_refusal *refusal,
               const struct error *why);
void port_refuse(struct request *request, const struct port_refusal *refusal,
                 const struct error *why);
/* For http_handler: errors that http/ finds itself. */
const char *port_put_error(const struct exchange *exchange, int status, const char *message,
                           struct text *body);

#endif
