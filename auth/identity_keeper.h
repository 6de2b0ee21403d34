// SPDX-License-Identifier: Apache-2.0
/* The organization's identity while the gateway runs (identity.h has its files).
 *
 * On one loop, the control thread's; what blocks is done by jobs, one at a time. What there is, is
 * handed out as a counted view that never changes: a loop has the one it began with, and on_change
 * says when there is another. Leaf and issuing CA are renewed here when renewal.h says so; the
 * issuing CA only if the root's key is here and not encrypted, else the log says each day what is
 * to be done. Roots and signing keys change when an operator says so, and only then. */
#ifndef AUTH_IDENTITY_KEEPER_H
#define AUTH_IDENTITY_KEEPER_H

#include "auth/identity.h"
#include "conf/log.h"
#include "http/jobs.h"

#include <stdatomic.h>

/* Any thread; see identity_view_ref. Nothing of it changes. */
struct identity_view {
    struct gateway_id id;
    X509 *leaf;             /* NULL: none that is of use; the log said why */
    X509 *issuer;           /* to be sent behind it */
    EVP_PKEY *key;          /* of the leaf */
    EVP_PKEY *signing_key;  /* NULL: the newest one's file is not here */
    struct roots roots;     /* the newest document; as it is sent: roots.bytes */
    struct text *documents; /* see identity_view_documents */
    uint64_t *sequences;
    size_t document_count;
    _Atomic unsigned references;
};

const struct identity_view *identity_view_ref(const struct identity_view *view);
void identity_view_unref(const struct identity_view **view); /* NULL is fine */

/* As identity_documents: those that a partner needs who knows the one of this number, in order. */
size_t identity_view_documents(const struct identity_view *view, uint64_t known,
                               struct slice documents[ROOTS_FOLLOW_MAX]);

struct identity_keeper;

/* Borrowed, until identity_keeper_close returns. */
struct identity_keeper_settings {
    const char *folder; /* data/keys; its parent is there */
    struct gateway_id id;
    struct loop *loop;
    struct jobs *jobs;
    struct log_writer *messages;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
};

/* Opens the identity, or makes a new one if there is none (root without a passphrase), and renews
 * what is due. BLOCKS: for the start. */
MUST_USE bool identity_keeper_open(struct identity_keeper **keeper,
                                   const struct identity_keeper_settings *settings,
                                   struct error *err);
/* Who waits is answered, with an error, though what runs is done. A job that runs must still end on
 * this loop before it is destroyed: destroy jobs, turn the loop. NULL is fine. */
void identity_keeper_close(struct identity_keeper **keeper);

/* The one in force; borrowed until the loop turns. Never NULL. */
const struct identity_view *identity_keeper_view(const struct identity_keeper *keeper);

/* Who uses the identity; one. */
struct identity_user {
    void (*on_change)(void *arg); /* another view is in force */
    /* Has every partner that is not gone the newest roots document? */
    bool (*is_known_to_all)(void *arg);
    void *arg;
};

/* Copied. NULL: nobody any more; who asked for identity_keeper_take is not answered then. */
void identity_keeper_set_user(struct identity_keeper *keeper, const struct identity_user *user);

/* Looks at once whether something is due; it does so of itself, each hour at least. */
void identity_keeper_check(struct identity_keeper *keeper);

/* What is due and when, as it was last looked at; borrowed. */
const struct renewal_plan *identity_keeper_plan(const struct identity_keeper *keeper);

/* ---- what operators ask */

enum identity_rotation {
    IDENTITY_LEAF,
    IDENTITY_ISSUER, /* and a leaf of it */
    IDENTITY_ROOT,   /* its next stage: announce, switch (with issuing CA and leaf), retire */
    IDENTITY_SIGNING_KEY,
};

struct identity_order {
    enum identity_rotation what;
    struct slice passphrase;      /* of the root that is first in force; empty: not encrypted */
    struct slice next_passphrase; /* of the next root: to be made with, or made with */
    bool is_forced; /* the next stage though it is not due yet: partners that have not heard of the
                       one before refuse us until they have */
};

/* Good until on_done returns. */
struct identity_outcome {
    const struct error *err; /* NULL: done */
    const char *did;         /* one sentence: "The leaf was renewed." */
    const char *next;        /* what comes next, and by when; may be empty */
    const struct identity_view *view;
};

typedef void (*identity_done_cb)(void *arg, const struct identity_outcome *outcome);

/* Copies; the copies are wiped. on_done once, later. ERROR_REFUSED: another one is under way; it is
 * not called then. */
MUST_USE bool identity_keeper_rotate(struct identity_keeper *keeper,
                                     const struct identity_order *order, identity_done_cb on_done,
                                     void *arg, struct error *err);

/* ---- what partners know better
 *
 * A gateway that was restored from before a change of its roots document learns of it from whom it
 * told: documents of ours, as they were sent, in order. Kept if they follow from what we have. A
 * signing key whose file is not here is replaced, if the root's key is here and not encrypted. */
MUST_USE bool identity_keeper_take(struct identity_keeper *keeper, const struct slice *documents,
                                   size_t count, identity_done_cb on_done, void *arg,
                                   struct error *err);

#endif
