// SPDX-License-Identifier: Apache-2.0
#include "federation/statements.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Borrowed for the call; page NULL: err says why not. */
typedef void (*run_cb)(void *arg, const struct statement *page, struct slice bytes,
                       struct slice signature, const struct error *err);

/* A statement of which some pages were made. */
struct run {
    struct run *next;
    struct statements *statements;
    char partner[ID_SIZE];
    bool is_theirs; /* the partner asks for it */
    bool is_busy;
    struct link_cut cut; /* after: of the next page */
    struct statement page;
    run_cb on_done;
    void *arg;
};

struct statements {
    struct links *links;
    struct allocations *allocations; /* NULL: they are being closed */
    struct identity_keeper *keeper;
    uint64_t (*now_ms)(void);
    struct run *runs;
    struct link_cutter cutter;
};

/* ---- pages of ours */

static struct run **find(struct statements *statements, const char *partner, bool is_theirs)
{
    struct run **run = &statements->runs;

    while (*run != NULL &&
           ((*run)->is_theirs != is_theirs || strcmp((*run)->partner, partner) != 0))
        run = &(*run)->next;
    return run;
}

static void run_free(struct run *run)
{
    *find(run->statements, run->partner, run->is_theirs) = run->next;
    free(run);
}

static void sign(const struct run *run, struct slice bytes, struct text *signature)
{
    EVP_PKEY *key = identity_keeper_view(run->statements->keeper)->signing_key;

    if (run->page.is_last && key != NULL)
        key_sign(key, STATEMENT_CONTEXT, bytes, signature);
}

static void on_made(void *run_, const struct error *err)
{
    struct run *run = run_;
    struct text bytes = {0}, signature = {0};
    bool is_over = err != NULL || run->page.is_last;

    run->is_busy = false;
    if (err == NULL) {
        statement_write(&run->page, &bytes);
        sign(run, text_slice(&bytes), &signature);
    }
    run->on_done(run->arg, err == NULL ? &run->page : NULL, text_slice(&bytes),
                 text_slice(&signature), err);
    if (is_over) {
        run_free(run);
    } else {
        statement_continue(&run->page, text_slice(&bytes));
        memcpy(run->cut.after, run->page.after, ULID_SIZE);
    }
    text_dispose(&bytes);
    text_dispose(&signature);
}

static void begin(struct run *run, const struct links_peer *peer, const struct link_cut *cut)
{
    const struct identity_view *us = identity_keeper_view(run->statements->keeper);

    run->cut = *cut;
    statement_begin(&run->page, peer->link, peer->epoch, us->id.org, cut->ours, peer->org,
                    cut->theirs);
}

static bool is_at(const struct run *run, const struct link_cut *cut)
{
    return strcmp(run->cut.after, cut->after) == 0 && strcmp(run->cut.ours, cut->ours) == 0 &&
           strcmp(run->cut.theirs, cut->theirs) == 0;
}

/* The run that this page is of; NULL with err. */
static struct run *run_for(struct statements *statements, const char *partner, bool is_theirs,
                           const struct link_cut *cut, struct error *err)
{
    struct run *run = *find(statements, partner, is_theirs);
    struct links_peer peer;

    if (statements->allocations == NULL) {
        error_set(err, ERROR_CANCELED, "this gateway is stopping");
    } else if (run != NULL && run->is_busy) {
        error_set(err, ERROR_LIMIT, "a page of this statement is being made");
    } else if (cut->after[0] != '\0') {
        if (run != NULL && is_at(run, cut))
            return run;
        error_set(err, ERROR_REFUSED,
                  "this statement is not being made any more: begin with its first page");
    } else if (!links_peer(statements->links, partner, &peer)) {
        error_set(err, ERROR_NOT_FOUND, "there is no link with '%s'", partner);
    } else {
        if (run == NULL) {
            run = memory_alloc(sizeof(*run));
            run->statements = statements;
            run->is_theirs = is_theirs;
            (void)snprintf(run->partner, sizeof(run->partner), "%s", partner);
            run->next = statements->runs;
            statements->runs = run;
        }
        begin(run, &peer, cut);
        return run;
    }
    return NULL;
}

static void make_page(struct statements *statements, const char *partner, bool is_theirs,
                      const struct link_cut *cut, run_cb on_done, void *arg)
{
    struct error err = {0};
    struct run *run = run_for(statements, partner, is_theirs, cut, &err);
    struct slice nothing = {NULL, 0};

    if (run == NULL) {
        on_done(arg, NULL, nothing, nothing, &err);
        return;
    }
    run->is_busy = true;
    run->on_done = on_done;
    run->arg = arg;
    allocations_state(statements->allocations, run->partner,
                      identity_keeper_view(statements->keeper)->id.org, &run->page, on_made, run);
}

/* Our side of the cut, if it is open; else whether it is one. */
static bool settle(struct statements *statements, const char *partner, struct link_cut *cut,
                   struct error *err)
{
    if (cut->ours[0] == '\0')
        return allocations_settled(statements->allocations, partner, cut->ours, err);
    return allocations_is_settled(statements->allocations, partner, cut->ours, err);
}

/* ---- for the partner */

struct making {
    struct link_cut cut;
    link_cut_cb on_done;
    void *arg;
};

static void on_theirs_made(void *making_, const struct statement *page, struct slice bytes,
                           struct slice signature, const struct error *err)
{
    struct making *making = making_;
    struct link_cut_page made = {.cut = &making->cut, .page = bytes, .signature = signature};

    making->on_done(making->arg, page != NULL ? &made : NULL, err);
    free(making);
}

static void make_theirs(void *statements, const char *partner, const struct link_cut *cut,
                        link_cut_cb on_done, void *arg)
{
    struct making *making;
    struct link_cut both = *cut;
    struct error err = {0};

    if (!settle(statements, partner, &both, &err)) {
        on_done(arg, NULL, &err);
        return;
    }
    making = memory_alloc(sizeof(*making));
    *making = (struct making){.cut = both, .on_done = on_done, .arg = arg};
    make_page(statements, partner, true, &both, on_theirs_made, making);
}

/* ---- for our operators */

struct comparing {
    struct statements *statements;
    char partner[ID_SIZE];
    struct statements_page page;
    struct text theirs, their_signature;
    struct error err;
    statements_cb on_done;
    void *arg;
};

static void comparing_end(struct comparing *comparing, const struct error *err)
{
    comparing->on_done(comparing->arg, err == NULL ? &comparing->page : NULL, err);
    text_dispose(&comparing->theirs);
    text_dispose(&comparing->their_signature);
    free(comparing);
}

static bool is_signed(const struct comparing *comparing, const struct links_peer *peer)
{
    int64_t now_s = (int64_t)(comparing->statements->now_ms() / 1000);

    for (size_t i = 0; i < peer->roots->key_count; i++)
        if (roots_signed(peer->roots, STATEMENT_CONTEXT, text_slice(&comparing->theirs),
                         peer->roots->keys[i].key, text_slice(&comparing->their_signature), now_s,
                         NULL))
            return true;
    return false;
}

static void check_signature(struct comparing *comparing)
{
    struct links_peer peer;

    if (comparing->their_signature.size == 0 ||
        (links_peer(comparing->statements->links, comparing->partner, &peer) &&
         is_signed(comparing, &peer)))
        return;
    text_clear(&comparing->their_signature);
    error_set(&comparing->err, ERROR_MISMATCH,
              "their statement is signed by no key that we know of %s", comparing->partner);
}

static void on_ours_made(void *comparing_, const struct statement *page, struct slice bytes,
                         struct slice signature, const struct error *err)
{
    struct comparing *comparing = comparing_;

    check_signature(comparing);
    comparing->page.ours = page;
    comparing->page.bytes = bytes;
    comparing->page.signature = signature;
    comparing->page.theirs = text_slice(&comparing->theirs);
    comparing->page.their_signature = text_slice(&comparing->their_signature);
    if (comparing->err.code != ERROR_NONE)
        comparing->page.err = &comparing->err;
    comparing_end(comparing, page == NULL ? err : NULL);
}

static void make_ours(struct comparing *comparing)
{
    make_page(comparing->statements, comparing->partner, false, &comparing->page.cut, on_ours_made,
              comparing);
}

/* What they said last of what they have settled: good for ever, if not the newest. */
static void close_cut(struct comparing *comparing)
{
    struct links_peer peer;

    if (comparing->page.cut.theirs[0] == '\0' &&
        links_peer(comparing->statements->links, comparing->partner, &peer))
        (void)snprintf(comparing->page.cut.theirs, ULID_SIZE, "%s", peer.settled);
}

static void on_their_page(void *comparing_, const struct link_cut_page *page,
                          const struct error *err)
{
    struct comparing *comparing = comparing_;

    if (page != NULL) {
        comparing->page.cut = *page->cut;
        text_put_slice(&comparing->theirs, page->page);
        text_put_slice(&comparing->their_signature, page->signature);
    } else {
        comparing->err = *err;
        close_cut(comparing);
    }
    make_ours(comparing);
}

void statements_make(struct statements *statements, const struct statements_ask *ask,
                     statements_cb on_done, void *arg)
{
    struct comparing *comparing;
    struct link_cut cut = ask->cut;
    struct error err = {0};

    if (!settle(statements, ask->partner, &cut, &err)) {
        on_done(arg, NULL, &err);
        return;
    }
    comparing = memory_alloc(sizeof(*comparing));
    comparing->statements = statements;
    comparing->page = (struct statements_page){.cut = cut, .is_asked = !ask->is_alone};
    comparing->on_done = on_done;
    comparing->arg = arg;
    (void)snprintf(comparing->partner, sizeof(comparing->partner), "%s", ask->partner);
    if (!ask->is_alone && links_ask_cut(statements->links, comparing->partner, &cut, on_their_page,
                                        comparing, &comparing->err))
        return;
    close_cut(comparing);
    make_ours(comparing);
}

/* ---- */

struct statements *statements_create(struct links *links, struct allocations *allocations,
                                     struct identity_keeper *keeper, uint64_t (*now_ms)(void))
{
    struct statements *statements = memory_alloc(sizeof(*statements));

    *statements = (struct statements){
        .links = links,
        .allocations = allocations,
        .keeper = keeper,
        .now_ms = now_ms,
        .cutter = {.make = make_theirs, .arg = statements},
    };
    links_set_cutter(links, &statements->cutter);
    return statements;
}

void statements_stop(struct statements *statements)
{
    if (statements != NULL)
        statements->allocations = NULL;
}

void statements_destroy(struct statements **statements_ptr)
{
    struct statements *statements = *statements_ptr;

    if (statements == NULL)
        return;
    *statements_ptr = NULL;
    for (struct run *run = statements->runs, *next; run != NULL; run = next) {
        next = run->next;
        free(run);
    }
    free(statements);
}
