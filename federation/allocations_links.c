// SPDX-License-Identifier: Apache-2.0
#include "federation/allocations_links.h"

#include "conf/memory.h"
#include "federation/receipt.h"
#include "ipfs/multibase.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACTIONS = 5, BASE = 'm' };

struct allocations_links {
    struct links *links;
    struct identity_keeper *keeper;
    struct allocations *allocations;
    struct link_action actions[ACTIONS];
    struct links_watch watch;
    void (*on_link)(void *arg); /* NULL: nobody is told */
    void *on_link_arg;
    struct link_holdings holdings;
};

/* ---- what partners ask */

static void on_reply(void *item, int status, struct slice with, const char *message)
{
    link_item_answer(item, status, with, message, NULL, 0);
}

static void take(struct allocations_links *over, struct link_item *item, const char *action)
{
    bool is_known = allocations_take(over->allocations, link_item_partner(item), action,
                                     link_item_key(item), link_item_with(item), on_reply, item);

    assert(is_known);
}

static void take_reserve(void *over, struct link_item *item)
{
    take(over, item, "allocation.reserve");
}

static void take_commit(void *over, struct link_item *item)
{
    take(over, item, "allocation.commit");
}

static void take_release(void *over, struct link_item *item)
{
    take(over, item, "allocation.release");
}

static void take_receipt(void *over, struct link_item *item)
{
    take(over, item, "allocation.receipt");
}

static void take_evict(void *over, struct link_item *item)
{
    take(over, item, "allocation.evict");
}

/* ---- what we ask */

struct asking {
    struct link_ask *ask;
    allocations_answered on_done;
    void *arg;
};

static void on_answer(void *asking_, const struct wire_result *result, const struct error *err)
{
    struct asking asking = *(struct asking *)asking_;

    free(asking_);
    if (result == NULL)
        asking.on_done(asking.arg, 0, SLICE(""), NULL, err);
    else
        asking.on_done(asking.arg, (int)result->status, text_slice(&result->with), result->message,
                       NULL);
}

static bool ask(void *over_, void **operation, const char *partner, const char *key,
                const char *action, struct slice with, allocations_answered on_done, void *done_arg,
                struct error *err)
{
    struct allocations_links *over = over_;
    struct asking *asking = memory_alloc(sizeof(*asking));

    asking->on_done = on_done;
    asking->arg = done_arg;
    if (!links_ask(over->links, &asking->ask, partner, key, action, with, on_answer, asking, err)) {
        free(asking);
        return false;
    }
    *operation = asking;
    return true;
}

static void unask(void *over, void **operation)
{
    struct asking *asking = *operation;

    (void)over;
    *operation = NULL;
    links_ask_cancel(&asking->ask);
    free(asking);
}

static void settle(void *over, const char *partner, const char *key)
{
    links_settle(((struct allocations_links *)over)->links, partner, key);
}

/* ---- receipts */

static void put_bytes(struct text *out, const char *name, const struct text *bytes)
{
    text_put_format(out, "\"%s\":\"", name);
    multibase_encode(BASE, bytes->data, bytes->size, out);
    text_put_char(out, '"');
}

/* The same for the same record and key of ours, so that a receipt that is told again after a crash
 * is the same bytes: since when it is held, unless the key that signs is younger. */
static uint64_t date_of(const struct allocation_record *record, const struct roots *ours)
{
    uint64_t from_ms =
        ours->key_count > 0 ? (uint64_t)ours->keys[ours->key_count - 1].from_s * 1000 : 0;

    return record->seen_ms > from_ms ? record->seen_ms : from_ms;
}

static bool sign(void *over_, const char *partner, const struct allocation_record *record,
                 struct text *with, struct error *err)
{
    struct allocations_links *over = over_;
    const struct identity_view *us = identity_keeper_view(over->keeper);
    struct text document = {0}, signature = {0};
    struct links_peer peer;
    struct receipt receipt;

    if (us->signing_key == NULL)
        return error_set(err, ERROR_NOT_FOUND, "there is no signing key for receipts here");
    if (!links_peer(over->links, partner, &peer))
        return error_set(err, ERROR_NOT_FOUND, "there is no link with '%s'", partner);
    receipt_of(&receipt, record, peer.epoch, peer.org, us->id.org, date_of(record, &us->roots));
    receipt_write(&receipt, us->signing_key, &document, &signature);
    text_put_char(with, '{');
    put_bytes(with, "receipt", &document);
    text_put_char(with, ',');
    put_bytes(with, "signature", &signature);
    text_put_char(with, '}');
    text_dispose(&document);
    text_dispose(&signature);
    return true;
}

static bool get_bytes(const json_t *with, const char *name, uint8_t *bytes, size_t max,
                      struct slice *result, struct error *err)
{
    const char *text = json_string_value(json_object_get(with, name));
    size_t size;

    if (text == NULL || !multibase_decode(slice_of(text), bytes, max, &size, err))
        return error_set(err, ERROR_SYNTAX, "\"%s\" is no multibase text", name);
    *result = (struct slice){(const char *)bytes, size};
    return true;
}

/* Signed by the partner, for this allocation, in this epoch of this link. */
static bool check(struct allocations_links *over, const struct links_peer *peer, const char *id,
                  struct slice document, struct slice signature, struct receipt *receipt,
                  struct error *err)
{
    const struct identity_view *us = identity_keeper_view(over->keeper);
    struct allocation_record record = {0};

    memcpy(record.id, id, ULID_SIZE);
    memcpy(record.link, peer->link, ULID_SIZE);
    if (!receipt_read(receipt, document, err) ||
        !receipt_is_for(receipt, &record, us->id.org, peer->org, err))
        return false;
    if (receipt->epoch != peer->epoch)
        return error_set(err, ERROR_MISMATCH, "the receipt is of epoch %llu, and it is epoch %llu",
                         (unsigned long long)receipt->epoch, (unsigned long long)peer->epoch);
    return receipt_verify(receipt, peer->roots, document, signature, err);
}

static bool verify(void *over_, const char *partner, const char *id, struct slice bytes,
                   struct allocation_event *event, struct error *err)
{
    struct allocations_links *over = over_;
    json_t *with = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    uint8_t document_bytes[RECEIPT_MAX], signature_bytes[KEY_SIGNATURE_MAX];
    struct slice document = {NULL, 0}, signature = {NULL, 0};
    struct links_peer peer;
    struct receipt receipt;
    bool is_good =
        links_peer(over->links, partner, &peer) &&
        get_bytes(with, "receipt", document_bytes, sizeof(document_bytes), &document, err) &&
        get_bytes(with, "signature", signature_bytes, sizeof(signature_bytes), &signature, err) &&
        check(over, &peer, id, document, signature, &receipt, err);

    json_decref(with);
    if (!is_good)
        return error_set(err, ERROR_NOT_FOUND, "there is no link with '%s'", partner);
    event->root = receipt.root;
    event->bytes = receipt.bytes;
    event->blocks = receipt.blocks;
    memcpy(event->key, receipt.key, ULID_SIZE);
    return true;
}

/* ---- links */

static void on_link(void *over_, const char *partner, const char *link, enum link_state state)
{
    struct allocations_links *over = over_;
    enum allocations_link_state is = ALLOCATIONS_LINK_DOWN;

    if (state == LINK_NONE || link[0] == '\0')
        return;
    if (state == LINK_ACTIVE)
        is = ALLOCATIONS_LINK_UP;
    if (state == LINK_REVOKING || state == LINK_REVOKED || state == LINK_CLOSED ||
        state == LINK_EXPIRED)
        is = ALLOCATIONS_LINK_OVER;
    allocations_link(over->allocations, link, partner, is);
    if (over->on_link != NULL)
        over->on_link(over->on_link_arg);
}

static void on_grants(void *over_, const char *partner, const struct link_grants *theirs)
{
    struct allocations_links *over = over_;

    allocations_told(over->allocations, partner, theirs->we_store, theirs->they_store);
    if (over->on_link != NULL) /* sites have other room now */
        over->on_link(over->on_link_arg);
}

/* ---- statements of isolated links */

struct stated {
    char partner[ID_SIZE];
    link_made_cb on_made;     /* a page of ours is made, */
    link_page_cb on_compared; /* or one of theirs compared */
    void *arg;
    char org[ORG_SIZE];
    struct allocations_comparison both;
};

static void begin_page(const struct allocations_links *over, const struct links_peer *peer,
                       const char *after, struct statement *page)
{
    const struct identity_view *us = identity_keeper_view(over->keeper);

    statement_begin(page, peer->link, peer->epoch, us->id.org, NULL, peer->org, NULL);
    (void)snprintf(page->after, sizeof(page->after), "%s", after);
}

/* NULL: there is no such link. */
static struct stated *begin_stated(struct allocations_links *over, const char *partner,
                                   const char *after, void *arg)
{
    struct stated *stated;
    struct links_peer peer;

    if (!links_peer(over->links, partner, &peer))
        return NULL;
    stated = memory_alloc(sizeof(*stated));
    stated->arg = arg;
    (void)snprintf(stated->partner, sizeof(stated->partner), "%s", partner);
    (void)snprintf(stated->org, sizeof(stated->org), "%s",
                   identity_keeper_view(over->keeper)->id.org);
    begin_page(over, &peer, after, &stated->both.ours);
    return stated;
}

static void on_stated(void *stated_, const struct error *err)
{
    struct stated *stated = stated_;
    const struct statement *page = &stated->both.ours;
    bool is_nothing = page->after[0] == '\0' && page->is_last && page->count == 0;
    struct text bytes = {0};
    struct slice made;

    if (err == NULL && !is_nothing)
        statement_write(page, &bytes);
    made = text_slice(&bytes);
    stated->on_made(stated->arg, err == NULL ? &made : NULL);
    text_dispose(&bytes);
    free(stated);
}

static void put_page(void *over_, const char *partner, const char *after, link_made_cb on_done,
                     void *done_arg)
{
    struct allocations_links *over = over_;
    struct stated *stated = begin_stated(over, partner, after, done_arg);

    if (stated == NULL) {
        on_done(done_arg, NULL);
        return;
    }
    stated->on_made = on_done;
    allocations_state(over->allocations, stated->partner, stated->org, &stated->both.ours,
                      on_stated, stated);
}

static void on_compared(void *stated_, const struct error *err)
{
    struct stated *stated = stated_;
    const struct allocations_comparison *both = &stated->both;
    enum link_page_verdict verdict = both->differing == 0 ? LINK_PAGE_AGREES : LINK_PAGE_DIFFERS;

    stated->on_compared(stated->arg, err != NULL ? LINK_PAGE_FAILED : verdict, both->differing,
                        err != NULL ? "" : both->next);
    free(stated);
}

static void take_page(void *over_, const char *partner, const char *after, struct slice page,
                      link_page_cb on_done, void *done_arg)
{
    struct allocations_links *over = over_;
    struct stated *stated = begin_stated(over, partner, after, done_arg);
    struct statement *theirs;

    if (stated == NULL) {
        on_done(done_arg, LINK_PAGE_FAILED, 0, "");
        return;
    }
    stated->on_compared = on_done;
    theirs = &stated->both.theirs;
    *theirs = stated->both.ours;
    theirs->is_last = true;
    if (page.size > 0 && !statement_read(theirs, page, NULL)) {
        free(stated);
        on_done(done_arg, LINK_PAGE_FAILED, 0, "");
        return;
    }
    allocations_compare(over->allocations, stated->partner, stated->org, &stated->both, on_compared,
                        stated);
}

/* ---- */

struct allocations_links *allocations_links_create(struct links *links,
                                                   struct identity_keeper *keeper)
{
    struct allocations_links *over = memory_alloc(sizeof(*over));

    over->links = links;
    over->keeper = keeper;
    return over;
}

void allocations_links_fill(struct allocations_links *over, struct allocations_ways *ways)
{
    ways->ask = ask;
    ways->unask = unask;
    ways->settle = settle;
    ways->sign = sign;
    ways->verify = verify;
    ways->link_arg = over;
}

void allocations_links_serve(struct allocations_links *over, struct allocations *allocations)
{
    static const struct link_action actions[ACTIONS] = {
        {.name = "allocation.reserve", .take = take_reserve},
        {.name = "allocation.commit", .take = take_commit},
        {.name = "allocation.release", .take = take_release},
        {.name = "allocation.receipt", .take = take_receipt},
        {.name = "allocation.evict", .take = take_evict},
    };

    over->allocations = allocations;
    for (size_t i = 0; i < ACTIONS; i++) {
        over->actions[i] = actions[i];
        over->actions[i].arg = over;
        links_serve(over->links, &over->actions[i]);
    }
    over->watch = (struct links_watch){on_link, on_grants, over};
    links_set_watch(over->links, &over->watch);
    over->holdings = (struct link_holdings){put_page, take_page, over};
    links_set_holdings(over->links, &over->holdings);
}

void allocations_links_watch(struct allocations_links *over, void (*on_change)(void *arg),
                             void *arg)
{
    over->on_link = on_change;
    over->on_link_arg = arg;
}

void allocations_links_destroy(struct allocations_links **over)
{
    free(*over);
    *over = NULL;
}
