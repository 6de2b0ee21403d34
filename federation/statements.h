// SPDX-License-Identifier: Apache-2.0
/* Statements at a cut (statement.h), page by page: made of our ledger for our operators and for the
 * partner who asks, and the partner's own asked for and compared.
 *
 * A statement has any number of pages, and each hangs on the one before: what is kept of one that
 * is being made is its last page without entries. Of each link one for the partner and one for our
 * operators: a new one takes the place of the one before. The last page is signed, and by its
 * `previous` all before it. Control thread. */
#ifndef FEDERATION_STATEMENTS_H
#define FEDERATION_STATEMENTS_H

#include "auth/identity_keeper.h"
#include "federation/allocations.h"
#include "federation/links.h"

struct statements;

struct statements *statements_create(struct links *links, struct allocations *allocations,
                                     struct identity_keeper *keeper, uint64_t (*now_ms)(void));
/* Before allocations_destroy: nothing more is made, and who waits for a partner is told so when the
 * links close. NULL is fine. */
void statements_stop(struct statements *statements);
/* Behind allocations_destroy and links_close: nothing of it is under way any more. NULL is fine. */
void statements_destroy(struct statements **statements);

struct statements_page {
    struct link_cut cut;
    const struct statement *ours;
    struct slice bytes, signature; /* of ours; signature: of the last page */
    /* what they say of the same ids, if they were asked and answered; else empty, and err */
    bool is_asked;
    struct slice theirs, their_signature; /* signature: checked */
    const struct error *err;
};

/* page NULL: err says why not. */
typedef void (*statements_cb)(void *arg, const struct statements_page *page,
                              const struct error *err);

struct statements_ask {
    const char *partner;
    struct link_cut cut; /* ours "": as it is now; theirs "": as they say, or as we know of it */
    bool is_alone;       /* they are not asked */
};

/* What comes behind cut.after: "" begins a statement, any other id goes on with it. on_done once,
 * at once or later. */
void statements_make(struct statements *statements, const struct statements_ask *ask,
                     statements_cb on_done, void *arg);

#endif
