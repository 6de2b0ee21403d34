// SPDX-License-Identifier: Apache-2.0
/* What operators ask of a running gateway: one JSON object in, one out. A folder's operator.c
 * exports a table of routes; proxy/ mounts them on the operators' socket, after it has checked that
 * the caller is an operator. Handlers know no HTTP but a status.
 *
 * A request is one call. proxy/ makes it, runs its route, and is answered once, later, on the loop;
 * if the asker goes away first it cancels, and whatever the handler does then is let go. */
#ifndef AUTH_OPERATOR_H
#define AUTH_OPERATOR_H

#include "auth/directory.h"
#include "auth/principal.h"
#include "http/loop.h"
#include "store/store.h"

#include <jansson.h>

struct allocations;
struct placer;
struct identity_keeper;
struct links;
struct operator_call;
struct statements;

struct operator_route {
    const char *path; /* "/token/new"; every route is a POST. NULL ends a table */
    /* Must lead to exactly one operator_answer or operator_refuse, at once or later. */
    void (*run)(struct operator_call *call);
};

/* body becomes the callee's: a JSON object; {"message": "..."} with a status of 400 and more. */
typedef void (*operator_answer_cb)(void *arg, int status, json_t *body);

/* What a handler may use. Borrowed; outlives every call, canceled ones too: a call ends when what
 * it began has ended. */
struct operator_site {
    struct loop *loop;
    struct store *store;
    struct directory *directory;
    /* What the policy in force says; false: err says why not. NULL: not asked. */
    bool (*check_member)(void *policy, struct slice id, struct error *err);
    bool (*check_role)(void *policy, struct slice role, struct error *err);
    void *policy;
    struct links *links;             /* federation/links.h; NULL: there are none, and why */
    const char *links_missing;       /* which line of causeway.yaml is missing; NULL: not known */
    struct identity_keeper *keeper;  /* auth/identity_keeper.h; NULL: as links */
    struct allocations *allocations; /* federation/allocations.h; NULL: nothing is placed */
    struct statements *statements;   /* federation/statements.h; NULL: as links */
    struct placer *placer;           /* federation/placer.h; NULL as well */
};

/* For proxy/. input is taken over: a JSON object. A reference on principal is taken. on_answer is
 * called once, later, from the loop; the call frees itself behind it. */
struct operator_call *operator_start(const struct operator_route *route,
                                     const struct operator_site *site,
                                     const struct principal *principal, json_t *input,
                                     uint64_t now_ms, operator_answer_cb on_answer, void *arg);
/* on_answer will not be called. What the handler began is done all the same. */
void operator_cancel(struct operator_call *call);

/* NULL: there is no such route. */
const struct operator_route *operator_find(const struct operator_route *const *tables,
                                           struct slice path);

/* ---- for handlers */

const struct operator_site *operator_site(const struct operator_call *call);
const json_t *operator_input(const struct operator_call *call);
const struct principal *operator_principal(const struct operator_call *call);
uint64_t operator_now_ms(const struct operator_call *call); /* since 1970 */
/* For the handler's own state; NULL at first. */
void **operator_context(struct operator_call *call);

/* output is taken over. */
void operator_answer(struct operator_call *call, int status, json_t *output);
void operator_refuse(struct operator_call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The status that goes with the error's code: 404, 409 (refused, mismatch), 400, 503, 500. */
void operator_refuse_error(struct operator_call *call, const struct error *err);

/* Gives a transaction to the site's store. on_done is called with its results if it went well; else
 * the call is refused with its error. */
void operator_transact(struct operator_call *call, struct transaction *transaction,
                       void (*on_done)(struct operator_call *call,
                                       struct transaction *transaction));

/* Text of the object's own, or {NULL, 0} if the member is missing or no string. */
struct slice operator_text(const json_t *object, const char *name);

/* Each field of the input is one of these (ended by NULL), and what the letter before its name
 * says: " a text, [ an array, # a whole number, ? true or false. */
MUST_USE bool operator_check_fields(const json_t *input, const char *const *fields,
                                    struct error *err);

/* /token/new, /token/list, /token/rotate, /token/revoke: operator_token.c says what they take. */
extern const struct operator_route auth_routes[];
/* /identity/rotate: operator_identity.c says what it takes. */
extern const struct operator_route identity_routes[];
/* An identity, as operator_identity.c says. Control thread. */
json_t *operator_describe_identity(const struct identity_keeper *keeper);

#endif
