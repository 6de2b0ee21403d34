// SPDX-License-Identifier: Apache-2.0
#include "federation/peer_target.h"

#include "conf/memory.h"

#include <stdlib.h>

/* ---- the handshake */

static void prepare(void *arg, SSL *ssl)
{
    const struct target *target = arg;

    SSL_set_tlsext_host_name(ssl, target->client->settings.org);
}

static bool check_claim(const struct peer_client *client, X509 *leaf, struct error *err)
{
    struct gateway_id id;

    if (!peer_claim(leaf, &id, err))
        return false;
    return strcmp(id.org, client->settings.org) == 0 ||
           error_set(err, ERROR_REFUSED, "it is a gateway of %s, not of %s", id.org,
                     client->settings.org);
}

static enum peer_verdict check(const struct peer_client *client, SSL *ssl, struct error *err)
{
    struct peer_question question = {.leaf = SSL_get0_peer_certificate(ssl),
                                     .others = SSL_get_peer_cert_chain(ssl),
                                     .side = PEER_IS_SERVER,
                                     .now_s = (int64_t)(client->settings.now_ms() / 1000)};
    struct peer_identity identity;
    enum peer_verdict verdict;

    if (question.leaf == NULL) {
        error_set(err, ERROR_REFUSED, "it shows no certificate");
        return PEER_MALFORMED;
    }
    if (!check_claim(client, question.leaf, err))
        return PEER_WRONG_ORG;
    if (client->trust == NULL)
        return PEER_ACCEPTED;
    verdict = peer_verify(client->trust, &question, &identity, err);
    return verdict;
}

static bool verify(void *arg, SSL *ssl, struct error *err)
{
    struct target *target = arg;

    target->verdict = check(target->client, ssl, err);
    target->is_untrusted = target->verdict != PEER_ACCEPTED;
    return !target->is_untrusted;
}

/* ---- targets */

static struct target *target_create(struct peer_client *client, const struct address *address)
{
    struct target *target = memory_alloc(sizeof(*target));
    struct pool_settings settings = {
        .address = *address,
        .tls = {.context = client->tls, .prepare = prepare, .verify = verify, .arg = target},
        .max_idle = PEER_CLIENT_IDLE,
        .connect_timeout_ms = PEER_CLIENT_CONNECT_MS,
        .idle_timeout_ms = PEER_TARGET_KEPT_MS,
    };

    target->client = client;
    target->address = *address;
    target->pool = pool_create(client->settings.loop, client->settings.blocks, &settings);
    return target;
}

static void target_free_unused(struct target *target)
{
    if (target->users > 0)
        return;
    pool_destroy(&target->pool);
    free(target);
}

void peer_targets_drop(struct peer_client *client)
{
    for (size_t i = 0; i < client->target_count; i++) {
        client->targets[i]->is_gone = true;
        pool_clear(client->targets[i]->pool);
        target_free_unused(client->targets[i]);
    }
    client->target_count = 0;
    client->current = 0;
}

static struct target *find_target(struct peer_client *client, const struct address *address)
{
    for (size_t i = 0; i < client->target_count; i++)
        if (strcmp(client->targets[i]->address.text, address->text) == 0)
            return client->targets[i];
    return NULL;
}

void peer_targets_set(struct peer_client *client, const struct address *found, size_t count)
{
    struct target *targets[PEER_LOOKUP_MAX];

    for (size_t i = 0; i < count; i++) {
        struct target *known = find_target(client, &found[i]);

        targets[i] = known != NULL ? known : target_create(client, &found[i]);
    }
    for (size_t i = 0; i < client->target_count; i++) {
        bool stays = false;

        for (size_t n = 0; n < count; n++)
            stays = stays || targets[n] == client->targets[i];
        if (stays)
            continue;
        client->targets[i]->is_gone = true;
        pool_clear(client->targets[i]->pool);
        target_free_unused(client->targets[i]);
    }
    memcpy(client->targets, targets, count * sizeof(struct target *));
    client->target_count = count;
    client->current = 0;
}

void peer_target_enter(struct target *target)
{
    target->users++;
}

void peer_target_leave(struct target *target)
{
    target->users--;
    if (target->is_gone)
        target_free_unused(target);
}

void peer_target_note_served(const struct target *target)
{
    struct peer_client *client = target->client;

    for (size_t i = 0; i < client->target_count; i++)
        if (client->targets[i] == target)
            client->current = i;
}
