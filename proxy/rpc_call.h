// SPDX-License-Identifier: Apache-2.0
/* A call of the RPC API on its way through the gates and its treatment: the exchange's context,
 * from the head until the exchange ends. Loop thread only. */
#ifndef PROXY_RPC_CALL_H
#define PROXY_RPC_CALL_H

#include "auth/principal.h"
#include "ipfs/call.h"
#include "proxy/echo.h"
#include "proxy/quota_gate.h"
#include "proxy/site.h"

struct bringing;

struct rpc {
    struct exchange *exchange;
    struct site *site;
    const struct principal *principal;
    struct call *call;
    int64_t content_length;   /* of the client's body; -1: not known */
    unsigned pending;         /* what the decision did not know yet */
    unsigned rights;          /* enum policy_right, of the last decision */
    struct text content_type; /* of the client's body, which the head's bytes do not outlive */
    struct text disposition;  /* kubo's Go client names the upload in the request's own head */
    struct echo echo;         /* names, as the reply shall show them */
    struct quota_use quotas;
    struct walk_place walk; /* held until the end: walks.h */
    struct operation *resolving;
    size_t resolving_index;                 /* the argument that is being resolved */
    struct bringing *bringing;              /* bring_back.h; NULL: nothing had to be */
    void (*on_not_denied)(struct rpc *rpc); /* deny_gate.h */
    bool is_writing;                        /* it is inside the write gate */
    /* What a treatment keeps, and how it ends: called once, when the exchange has ended. */
    void *work;
    void (*end_work)(struct rpc *rpc);
};

/* Whose pins this call is about: the member, a group it is in (`cw-owner`, or what its token
 * fixes), or without a policy the operator. False: nobody's, or what `cw-label` asks for is not
 * known or looser than what the policy gives; err says why. */
MUST_USE bool rpc_owner(const struct rpc *rpc, struct owner *owner, struct error *err);

/* This gateway's own options: is what they say possible? */
MUST_USE bool rpc_check_own_options(const struct rpc *rpc, struct error *err);
/* Of a call that pins: can there be as many copies as are asked for? */
MUST_USE bool rpc_check_copies(const struct rpc *rpc, enum pin_mode mode, struct error *err);

/* How many copies this call asks for, the one here with them, or its token: the more. 0: neither.
 */
uint32_t rpc_min_copies(const struct rpc *rpc);
/* Appends what the token says of labels, then what the call asks for: "class=secret,...". */
void rpc_put_labels(const struct rpc *rpc, struct text *out);

/* When what this call pins shall end, by `cw-expire-in` and by its token: the sooner. 0: never. */
uint64_t rpc_pin_expires_ms(const struct rpc *rpc);

/* It writes nothing more: garbage may be collected while it is still under way. */
void rpc_leave_writing(struct rpc *rpc);
/* It will write again. False: it may not now, and was answered. */
MUST_USE bool rpc_enter_writing(struct rpc *rpc);

/* Answers with err's sentence: 403 for ERROR_REFUSED, 404, 500 (as Kubo) for ERROR_UNSUPPORTED,
 * else 400. */
void rpc_refuse(struct rpc *rpc, const struct error *err);

/* Looks up what a path of /ipns or /ipfs stands for, as far as the caller may read, in rpc's
 * `resolving`. As upstream_resolve. */
MUST_USE bool rpc_resolve(struct rpc *rpc, struct slice path, operation_done on_done,
                          struct error *err);
/* Answers that it could not be looked up, in the storage's own words if it had any. */
void rpc_refuse_unresolved(struct rpc *rpc, struct slice name, const struct error *err);

#endif
