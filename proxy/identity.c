// SPDX-License-Identifier: Apache-2.0
#include "proxy/identity.h"

#include "auth/certificate.h"
#include "auth/memo.h"
#include "auth/token.h"
#include "proxy/clock.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const char not_taken[] = "the credential was not accepted: it is unknown, wrong, expired or "
                                "revoked; ask this gateway's operator for a token";

static const char suspended[] =
    "this member is suspended: its credentials are good, and until whoever runs this gateway "
    "resumes it, nothing is done for it";

/* ---- where the request comes from */

static bool is_trusted_proxy(const struct config *config, const struct sockaddr *peer)
{
    for (size_t i = 0; i < config->trusted_proxies.count; i++)
        if (network_contains(&config->trusted_proxies.items[i], peer))
            return true;
    return false;
}

static bool parse_ip(struct slice text, struct sockaddr_storage *storage)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)storage;
    char copy[INET6_ADDRSTRLEN];

    if (text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    memset(storage, 0, sizeof(*storage));
    storage->ss_family = AF_INET;
    if (inet_pton(AF_INET, copy, &in->sin_addr) == 1)
        return true;
    storage->ss_family = AF_INET6;
    return inet_pton(AF_INET6, copy, &in6->sin6_addr) == 1;
}

/* The last address that no trusted proxy vouches for: what stands before it, anybody can have
 * written. */
static bool forwarded_for(const struct config *config, struct slice list,
                          struct sockaddr_storage *storage)
{
    while (list.size > 0) {
        const char *comma = memrchr(list.data, ',', list.size);
        size_t start = comma == NULL ? 0 : (size_t)(comma - list.data) + 1;
        struct slice last = {list.data + start, list.size - start};

        while (last.size > 0 && last.data[0] == ' ') {
            last.data++;
            last.size--;
        }
        while (last.size > 0 && last.data[last.size - 1] == ' ')
            last.size--;
        if (!parse_ip(last, storage))
            return false;
        if (!is_trusted_proxy(config, (const struct sockaddr *)storage) || comma == NULL)
            return true;
        list.size = (size_t)(comma - list.data);
    }
    return false;
}

const struct sockaddr *identity_client_address(const struct config *config,
                                               const struct exchange *exchange,
                                               struct sockaddr_storage *storage)
{
    const struct sockaddr *peer = exchange_peer(exchange);
    const struct header *forwarded = head_find(exchange_request(exchange), "x-forwarded-for");

    if (forwarded == NULL || !is_trusted_proxy(config, peer) ||
        !forwarded_for(config, forwarded->value, storage))
        return peer;
    return (const struct sockaddr *)storage;
}

static bool is_encrypted(const struct config *config, const struct exchange *exchange)
{
    const struct header *proto = head_find(exchange_request(exchange), "x-forwarded-proto");

    if (is_trusted_proxy(config, exchange_peer(exchange)))
        return proto != NULL && slice_equal_caseless(proto->value, SLICE("https"));
    return exchange_is_tls(exchange);
}

/* ---- credentials */

static bool refuse(struct identity_refusal *refusal, int status, const char *message)
{
    *refusal = (struct identity_refusal){.status = status, .message = message};
    return false;
}

/* Counts the failure. Who guesses is slowed down; a valid token never comes here. */
static bool refuse_credential(struct site *site, const struct sockaddr *client, struct slice value,
                              struct identity_refusal *refusal)
{
    char id[TOKEN_ID_SIZE];
    struct slice guessed = {0};

    if (credential_guess_id(value, id))
        guessed = slice_of(id);
    refuse(refusal, 401, not_taken);
    refusal->retry_after_s =
        throttle_failed(site->context->throttle, client, guessed, loop_now_ms(site->loop));
    if (refusal->retry_after_s > 0) {
        refusal->status = 429;
        refusal->message = "too many credentials from here were not accepted: check the token";
    }
    return false;
}

/* What the policy knows of a member. A name that it does not know is denied by the decision. */
static void add_member(const struct policy *policy, struct principal *facts)
{
    const struct policy_member *member = policy_member_find(policy, facts->id);

    if (facts->kind != PRINCIPAL_MEMBER || member == NULL)
        return;
    facts->groups = member->groups;
    facts->group_count = member->group_count;
    facts->attributes = member->attributes;
    facts->attribute_count = member->attribute_count;
}

static bool by_token(struct site *site, const struct exchange *exchange, struct slice value,
                     struct principal *facts, struct directory_token *token,
                     struct identity_refusal *refusal)
{
    struct credential credential;
    enum directory_answer answer;
    struct error err = {0};

    if (!facts->is_encrypted && !sockaddr_is_loopback(exchange_peer(exchange)) &&
        !is_trusted_proxy(site->snapshot->config, exchange_peer(exchange)))
        return refuse(refusal, 401,
                      "a token must not travel in clear text: use https, or a connection from this "
                      "machine; and have the token replaced, since others may have read it");
    if (!credential_parse(value, &credential, &err))
        return refuse_credential(site, facts->peer, value, refusal);
    answer = directory_authenticate(site->tools->reader, &credential, clock_wall_ms(), token);
    if (answer == DIRECTORY_SUSPENDED)
        return refuse(refusal, 403, suspended);
    if (answer != DIRECTORY_FOUND)
        return refuse_credential(site, facts->peer, value, refusal);
    directory_token_describe(token, facts);
    return true;
}

static bool find_certificate(void *certificates, struct slice name, char id[ID_SIZE])
{
    struct slice found = certificate_index_find(certificates, name);

    if (found.data == NULL)
        return false;
    memcpy(id, found.data, found.size);
    id[found.size] = '\0';
    return true;
}

static bool by_certificate(struct site *site, X509 *certificate, struct arena *arena,
                           struct principal *facts, struct identity_refusal *refusal)
{
    char *id = arena_alloc(arena, ID_SIZE);
    struct error err = {0};

    if (!certificate_map(certificate, find_certificate, site->snapshot->certificates, arena, id,
                         &facts->certificate_name, &err))
        return refuse(refusal, 401,
                      "no member of this gateway's policy has a name that your certificate has");
    facts->kind = PRINCIPAL_MEMBER;
    facts->id = slice_of(id);
    facts->generation = directory_generation(site->context->directory);
    if (directory_is_suspended(site->tools->reader, PRINCIPAL_MEMBER, facts->id))
        return refuse(refusal, 403, suspended);
    return true;
}

static const struct header *only_authorization(const struct head *head, bool *is_ambiguous)
{
    const struct header *found = NULL;

    *is_ambiguous = false;
    for (size_t i = 0; i < head->header_count; i++)
        if (slice_equal_caseless(head->headers[i].name, SLICE("authorization"))) {
            *is_ambiguous = found != NULL;
            found = &head->headers[i];
        }
    return found;
}

static bool establish(struct site *site, const struct exchange *exchange,
                      const struct header *authorization, const struct principal **principal,
                      struct identity_refusal *refusal)
{
    const struct config *config = site->snapshot->config;
    X509 *certificate = exchange_peer_certificate(exchange);
    struct sockaddr_storage storage;
    struct directory_token token;
    struct principal facts = {.kind = PRINCIPAL_ANONYMOUS};
    struct arena arena = {0};
    bool result = true;

    facts.peer = identity_client_address(config, exchange, &storage);
    facts.is_encrypted = is_encrypted(config, exchange);
    if (site->snapshot->policy == NULL)
        result = true;
    else if (authorization != NULL)
        result = by_token(site, exchange, authorization->value, &facts, &token, refusal);
    else if (certificate != NULL)
        result = by_certificate(site, certificate, &arena, &facts, refusal);
    if (result && site->snapshot->policy != NULL)
        add_member(site->snapshot->policy, &facts);
    if (result)
        *principal = principal_create(&facts);
    arena_dispose(&arena);
    return result;
}

/* The same, but for a credential that its connection sent before: then that principal stands. */
static bool establish_once(struct site *site, const struct exchange *exchange,
                           const struct header *authorization, const struct principal **principal,
                           struct identity_refusal *refusal)
{
    void **kept = exchange_session_context(exchange);
    struct memo *memo = *kept;
    uint64_t now_ms = clock_wall_ms();
    uint8_t hash[RECORD_HASH_SIZE];

    memo_hash(authorization->value, hash);
    *principal = memo_find(memo, site->context->directory, site->number, hash, now_ms);
    if (*principal != NULL)
        return true;
    if (!establish(site, exchange, authorization, principal, refusal))
        return false;
    memo_keep(&memo, site->number, hash, *principal, now_ms);
    *kept = memo;
    return true;
}

void identity_forget(void *memo_)
{
    struct memo *memo = memo_;

    memo_destroy(&memo);
}

bool identity_establish(struct site *site, const struct exchange *exchange,
                        const struct principal **principal, struct identity_refusal *refusal)
{
    const struct snapshot *snapshot = site->snapshot;
    bool is_ambiguous;
    const struct header *authorization =
        only_authorization(exchange_request(exchange), &is_ambiguous);

    if (snapshot->policy != NULL && is_ambiguous)
        return refuse(refusal, 400, "Authorization is given more than once: send one token");
    if (snapshot->policy != NULL && authorization != NULL &&
        !is_trusted_proxy(snapshot->config, exchange_peer(exchange)))
        return establish_once(site, exchange, authorization, principal, refusal);
    return establish(site, exchange, authorization, principal, refusal);
}

void identity_refuse(struct exchange *exchange, const struct identity_refusal *refusal)
{
    struct text *headers = exchange_reply_headers(exchange);

    if (refusal->status == 401)
        text_put_text(headers, IDENTITY_CHALLENGE);
    if (refusal->retry_after_s == 0) {
        exchange_refuse(exchange, refusal->status, CLOSE_REFUSED, "%s", refusal->message);
        return;
    }
    text_put_format(headers, "Retry-After: %u\r\n", refusal->retry_after_s);
    exchange_refuse(exchange, refusal->status, CLOSE_REFUSED, "%s, and try again in %u s",
                    refusal->message, refusal->retry_after_s);
}
