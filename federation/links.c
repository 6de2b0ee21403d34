// SPDX-License-Identifier: Apache-2.0
/* All links: opening, closing, finding, and the view of them that others have. */
#include "federation/links_private.h"

#include "conf/memory.h"
#include "http/tls.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define ALPN "causeway/1"

struct link_now links_now(const struct links *links)
{
    return (struct link_now){.ms = loop_now_ms(links->settings.loop),
                             .wall_ms = links->settings.now_ms()};
}

static void draw(void *bytes, int size)
{
    int drawn = RAND_bytes(bytes, size);

    assert(drawn == 1);
}

uint64_t links_random(void)
{
    uint64_t number = 0;

    while (number == 0)
        draw(&number, sizeof(number));
    return number;
}

void links_draw_ulid(struct links *links, char ulid[ULID_SIZE])
{
    uint8_t random[ULID_RANDOM_SIZE];

    draw(random, sizeof(random));
    ulid_draw(&links->ulids, links->settings.now_ms(), random, ulid);
}

/* ---- finding */

struct side *links_by_partner(const struct links *links, const char *partner)
{
    for (size_t i = 0; i < links->count; i++)
        if (strcmp(links->sides[i]->link.record.peer, partner) == 0)
            return links->sides[i];
    return NULL;
}

struct side *links_by_id(const struct links *links, const char *id)
{
    for (size_t i = 0; i < links->count; i++)
        if (strcmp(links->sides[i]->link.record.id, id) == 0)
            return links->sides[i];
    return NULL;
}

const struct side *links_by_org(const struct links *links, const char *org, const struct side *but)
{
    for (size_t i = 0; i < links->count; i++) {
        const struct side *side = links->sides[i];

        if (side != but && strcmp(side->org, org) == 0 && side->link.record.state >= LINK_PENDING &&
            side->link.record.state < LINK_REVOKING)
            return side;
    }
    return NULL;
}

/* ---- the view */

/* A link that is over stays in it, so that the peer can be told. */
static bool is_seen(const struct side *side)
{
    return side->link.record.state != LINK_NONE && side->roots.sequence > 0;
}

static const struct peer *view_of(struct side *side)
{
    const struct link_record *record = &side->link.record;
    struct peer *peer;

    if (side->peer != NULL)
        return side->peer;
    peer = peers_peer_create(text_slice(&side->roots.bytes), NULL);
    assert(peer != NULL); /* it was read before */
    memcpy(peer->link, record->id, sizeof(peer->link));
    memcpy(peer->partner, record->peer, sizeof(peer->partner));
    peer->epoch = record->epoch;
    peer->state = record->state;
    peer->generation = side->generation;
    memcpy(peer->root, record->peer_root, sizeof(peer->root));
    peer->limits = side->limits;
    for (size_t i = 0; i < side->address_count && i < PEERS_ADDRESSES; i++)
        peers_peer_add_address(peer, side->addresses[i]);
    side->peer = peer;
    return peer;
}

static void up_ref_tls(SSL_CTX **to, SSL_CTX *from)
{
    if (from != NULL)
        SSL_CTX_up_ref(from);
    *to = from;
}

static void publish(struct later *later)
{
    struct links *links = CONTAINER_OF(later, struct links, publish);
    struct peers *peers = peers_create();

    peers->number = ++links->view_number;
    peers->us = links->settings.id;
    up_ref_tls(&peers->server_tls, links->server_tls);
    up_ref_tls(&peers->client_tls, links->client_tls);
    if (links->identity->signing_key != NULL)
        EVP_PKEY_up_ref(links->identity->signing_key);
    peers->signing_key = links->identity->signing_key;
    for (size_t i = 0; i < links->count; i++) {
        struct side *side = links->sides[i];

        if (side->has_invitation && side->link.record.is_inviter)
            peers->has_invitations = true;
        if (side->link.record.is_joining)
            peers->is_joining = true;
        if (is_seen(side))
            peers_add(peers, view_of(side));
    }
    peers_seal(peers);
    links->settings.publish(links->settings.arg, peers);
}

void links_publish_soon(struct links *links)
{
    loop_later(links->settings.loop, &links->publish);
}

/* ---- who works over links */

bool links_peer(const struct links *links, const char *partner, struct links_peer *peer)
{
    const struct side *side = links_by_partner(links, partner);

    if (side == NULL)
        return false;
    *peer = (struct links_peer){
        .link = side->link.record.id,
        .org = side->org,
        .state = side->link.record.state,
        .epoch = side->link.record.epoch,
        .roots = &side->roots,
        .settled = side->replies.settled,
        .is_draining = side_is_draining(side),
        .is_draining_there = side->is_draining_there,
    };
    return true;
}

void links_tell_watch(const struct side *side)
{
    const struct links_watch *watch = side->links->watch;

    if (watch != NULL)
        watch->on_link(watch->arg, side->link.record.peer, side->link.record.id,
                       side->link.record.state);
}

void links_set_watch(struct links *links, const struct links_watch *watch)
{
    links->watch = watch;
    for (size_t i = 0; i < links->count; i++)
        links_tell_watch(links->sides[i]);
}

/* ---- our identity */

static STACK_OF(X509) * chain_of(const struct identity_view *view)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    assert(chain != NULL);
    if (view->issuer != NULL)
        sk_X509_push(chain, view->issuer);
    return chain;
}

static void make_contexts(struct links *links)
{
    const struct identity_view *view = links->identity;
    STACK_OF(X509) *chain = chain_of(view);
    struct tls_identity identity = {.leaf = view->leaf, .chain = chain, .key = view->key};
    struct error err = {0};

    SSL_CTX_free(links->server_tls);
    SSL_CTX_free(links->client_tls);
    links->server_tls = links->client_tls = NULL;
    if (view->leaf != NULL)
        links->server_tls = tls_peer_server_create(&identity, ALPN, &err);
    if (links->server_tls != NULL)
        links->client_tls = tls_peer_client_create(&identity, ALPN, &err);
    if (links->client_tls == NULL)
        log_message(links->settings.messages, LOG_LEVEL_ERROR,
                    "links: there is no certificate to show to partners: %s",
                    err.code != ERROR_NONE ? err.text : "the identity has no leaf");
    sk_X509_free(chain);
}

struct roots_made {
    struct work work;
    uint64_t sequence;
};

static void drop_roots_made(struct work *work)
{
    free(CONTAINER_OF(work, struct roots_made, work));
}

static void roots_made_over(struct work *work)
{
    struct side *side = work->side;

    drop_roots_made(work);
    side_done(side);
}

static void run_roots_made(struct work *work)
{
    struct roots_made *made = CONTAINER_OF(work, struct roots_made, work);
    struct link_event event = {.kind = LINK_ROOTS_MADE, .sequence = made->sequence};
    struct link_actions actions;

    if (work->side->link.record.state != LINK_NONE)
        side_step(work->side, &event, &actions);
    side_save(work->side, roots_made_over);
}

void links_tell_roots(struct side *side)
{
    struct roots_made *made = memory_alloc(sizeof(*made));

    made->work.run = run_roots_made;
    made->work.drop = drop_roots_made;
    made->sequence = side->links->identity->roots.sequence;
    side_do(side, &made->work);
}

static void take_identity(struct links *links)
{
    bool has_same_leaf;
    const struct identity_view *view =
        identity_view_ref(identity_keeper_view(links->settings.keeper));

    has_same_leaf = links->identity != NULL && links->identity->leaf == view->leaf;
    identity_view_unref(&links->identity);
    links->identity = view;
    if (has_same_leaf && links->client_tls != NULL)
        return;
    make_contexts(links);
    for (size_t i = 0; i < links->count; i++)
        side_renew_client(links->sides[i]);
}

void links_renewed(struct links *links)
{
    take_identity(links);
    for (size_t i = 0; i < links->count; i++)
        links_tell_roots(links->sides[i]);
    links_publish_soon(links);
}

static bool is_gone(enum link_state state)
{
    return state == LINK_NONE || state == LINK_INVITED || state >= LINK_REVOKING;
}

bool links_know_our_roots(const struct links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        const struct link_record *record = &links->sides[i]->link.record;

        if (!is_gone(record->state) && record->roots_known_there < links->identity->roots.sequence)
            return false;
    }
    return true;
}

/* ---- opening and closing */

bool links_open(struct links **result, const struct links_settings *settings, struct error *err)
{
    struct links *links = memory_alloc(sizeof(*links));

    links->settings = *settings;
    snprintf(links->advertise, sizeof(links->advertise), "%s",
             settings->advertise != NULL ? settings->advertise : "");
    links->publish.run = publish;
    atomic_init(&links->call_count, 1);
    take_identity(links);
    if (!links_load(links, err)) {
        links_close(&links);
        return false;
    }
    for (size_t i = 0; i < links->count; i++) {
        side_renew_client(links->sides[i]);
        links_tell_roots(links->sides[i]);
    }
    publish(&links->publish);
    *result = links;
    return true;
}

void links_close(struct links **links_ptr)
{
    struct links *links = *links_ptr;

    *links_ptr = NULL;
    if (links == NULL)
        return;
    links->is_closing = true;
    later_cancel(&links->publish);
    for (size_t i = 0; i < links->count; i++)
        side_dispose(links->sides[i]);
    SSL_CTX_free(links->server_tls);
    SSL_CTX_free(links->client_tls);
    identity_view_unref(&links->identity);
    free(links->actions);
    free(links->sides);
    links_drop(links);
}

/* Requests of link workers may still be on their way, in either direction. */
void links_drop(struct links *links)
{
    if (atomic_fetch_sub(&links->call_count, 1) == 1)
        free(links);
}

struct links_counters links_counters(const struct links *links_)
{
    struct links *links = (struct links *)links_; /* atomics are read only */
    struct links_counters counters = {0};

    for (unsigned i = 0; i < LINK_STATES; i++)
        counters.states[i] = atomic_load(&links->states[i]);
    counters.sent = atomic_load(&links->sent);
    counters.answered = atomic_load(&links->answered);
    counters.failed = atomic_load(&links->failed);
    counters.untrusted = atomic_load(&links->untrusted);
    counters.taken = atomic_load(&links->taken);
    counters.refused = atomic_load(&links->refused);
    counters.items_sent = atomic_load(&links->items_sent);
    counters.items_taken = atomic_load(&links->items_taken);
    counters.items_repeated = atomic_load(&links->items_repeated);
    counters.items_refused = atomic_load(&links->items_refused);
    return counters;
}

void links_set_holdings(struct links *links, const struct link_holdings *holdings)
{
    links->holdings = holdings;
}
