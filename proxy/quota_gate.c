// SPDX-License-Identifier: Apache-2.0
#include "proxy/quota_gate.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CACHE_SIZE = 4096,       /* places of a site's cache: a power of two */
    GRANT_BYTES = 256 << 10, /* at once, while there is plenty */
    WARN_EVERY_MS = 3600000, /* to the audit log, about one member, by one worker */
    RECORD_EVERY_MS = 1000,  /* of one quota and whom it is about: refusals come in floods */
};

/* ---- the cache: by kind, id and token; a caller that is pushed out is found anew */

struct cached {
    struct principal principal; /* kind, id and token alone; key has their bytes */
    char key[ID_SIZE + TOKEN_ID_SIZE];
    struct caller *caller;    /* NULL: nothing limits it */
    struct quota_limit *soft; /* counters of what it stores that have a soft limit: bytes, pins */
    size_t soft_bytes, soft_count;
    uint64_t warned_ms;
    bool is_set;
};

struct quota_cache {
    struct cached *places;
};

struct quota_cache *quota_cache_create(void)
{
    return memory_alloc(sizeof(struct quota_cache));
}

static void empty(struct cached *place)
{
    caller_unref(&place->caller);
    free(place->soft);
    *place = (struct cached){.is_set = false};
}

void quota_cache_destroy(struct quota_cache **cache_)
{
    struct quota_cache *cache = *cache_;

    *cache_ = NULL;
    for (size_t i = 0; cache != NULL && cache->places != NULL && i < CACHE_SIZE; i++)
        empty(&cache->places[i]);
    if (cache != NULL)
        free(cache->places);
    free(cache);
}

static uint32_t hash_slice(uint32_t hash, struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        hash = (hash ^ (uint8_t)s.data[i]) * 16777619U;
    return hash;
}

static bool is_same(const struct principal *a, const struct principal *b)
{
    return a->kind == b->kind && slice_equal(a->id, b->id) && slice_equal(a->token_id, b->token_id);
}

static void add_soft(struct cached *place, const struct quota_limit *limits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (limits[i].soft > 0)
            place->soft[place->soft_count++] = limits[i];
}

static void find_soft(struct cached *place, struct site *site, struct slice member)
{
    struct quota_limit limits[ACCOUNTS_LIMITS_MAX];
    struct owner owner = {OWNER_MEMBER, ""};
    struct accounts *accounts = site->context->accounts;
    const struct policy *policy = site->snapshot->policy;

    snprintf(owner.id, sizeof(owner.id), "%.*s", SLICE_ARGS(member));
    place->soft = memory_resize_array(NULL, 2 * (size_t)ACCOUNTS_LIMITS_MAX, sizeof(*limits));
    add_soft(place, limits, accounts_stored(accounts, policy, &owner, false, limits));
    place->soft_bytes = place->soft_count;
    add_soft(place, limits, accounts_stored(accounts, policy, &owner, true, limits));
    if (place->soft_count == 0) {
        free(place->soft);
        place->soft = NULL;
    } else {
        place->soft = memory_resize_array(place->soft, place->soft_count, sizeof(*limits));
    }
}

static void fill(struct cached *place, struct site *site, const struct principal *principal)
{
    struct slice id = principal->id, token = principal->token_id;

    empty(place);
    if (id.size > 0)
        memcpy(place->key, id.data, id.size);
    if (token.size > 0)
        memcpy(place->key + id.size, token.data, token.size);
    place->principal = (struct principal){.kind = principal->kind,
                                          .id = {place->key, id.size},
                                          .token_id = {place->key + id.size, token.size}};
    place->caller = caller_create(site->context->accounts, site->snapshot->policy, principal);
    if (principal->kind == PRINCIPAL_MEMBER)
        find_soft(place, site, id);
    place->is_set = true;
}

static struct cached *find(struct site *site, const struct principal *principal)
{
    struct quota_cache *cache = site->quotas;
    uint32_t hash = hash_slice(2166136261U + (uint32_t)principal->kind, principal->id);
    struct cached *place;

    if (site->snapshot->policy == NULL || policy_quota_count(site->snapshot->policy) == 0 ||
        principal->id.size + principal->token_id.size > sizeof(place->key))
        return NULL;
    if (cache->places == NULL)
        cache->places = memory_alloc(CACHE_SIZE * sizeof(*cache->places));
    place = &cache->places[hash_slice(hash, principal->token_id) % CACHE_SIZE];
    if (!place->is_set || !is_same(&place->principal, principal))
        fill(place, site, principal);
    return place;
}

struct caller *quota_gate_caller(struct site *site, const struct principal *principal)
{
    struct cached *place = find(site, principal);

    return place != NULL ? place->caller : NULL;
}

/* ---- refusals */

static void record(const struct quota_use *use, const struct principal *principal,
                   const char *command, const struct caller_refusal *refusal, struct slice message)
{
    struct site *site = use->site;
    uint64_t now_ms = clock_wall_ms(), told_ms = atomic_load(&refusal->meter->told_ms);
    struct text rule = {0}, at = {0};

    if (now_ms - told_ms < RECORD_EVERY_MS ||
        !atomic_compare_exchange_strong(&refusal->meter->told_ms, &told_ms, now_ms))
        return;
    text_put_format(&rule, "quota:%.*s", SLICE_ARGS(refusal->quota->id));
    text_put_format(&at, "%s:%u", refusal->quota->place.file, refusal->quota->place.line);
    struct audit_entry entry = {
        .time_ms = now_ms,
        .request_id = slice_of(exchange_id(use->exchange)),
        .principal = principal,
        .command = slice_of(command),
        .decision = SLICE("deny"),
        .mode = SLICE("enforce"),
        .rule = text_slice(&rule),
        .at = text_slice(&at),
        .policy = slice_of(policy_hash(site->snapshot->policy)),
        .message = message,
    };
    (void)audit_put(site->tools->audit, &entry); /* a loss is counted, and the log says how many */
    text_dispose(&rule);
    text_dispose(&at);
}

static int status_of(const struct caller_refusal *refusal)
{
    return refusal->wait_ms == UINT64_MAX ? 413 : 429;
}

static void put_retry_after(struct exchange *exchange, const struct caller_refusal *refusal)
{
    if (refusal->wait_ms != UINT64_MAX)
        text_put_format(exchange_reply_headers(exchange), "Retry-After: %llu\r\n",
                        (unsigned long long)quota_retry_after_s(refusal->wait_ms));
}

static void refuse(const struct quota_use *use, const struct principal *principal,
                   const char *command, const struct caller_refusal *refusal)
{
    struct text text = {0};

    caller_put_refusal(refusal, &text);
    record(use, principal, command, refusal, text_slice(&text));
    put_retry_after(use->exchange, refusal);
    exchange_refuse(use->exchange, status_of(refusal), CLOSE_REFUSED, "%s", text.data);
    text_dispose(&text);
}

/* ---- soft limits */

static void put_warning(const struct quota_limit *limit, uint64_t used, bool is_pins,
                        struct text *out)
{
    char most[UNITS_TEXT_SIZE], now[UNITS_TEXT_SIZE];

    if (is_pins)
        text_put_format(out, "the quota %s allows %s %llu pins, and there are %llu", limit->id,
                        limit->scope, (unsigned long long)limit->limit, (unsigned long long)used);
    else
        text_put_format(out, "the quota %s allows %s %s of stored data, and %s are used", limit->id,
                        limit->scope, units_print_size(most, limit->limit),
                        units_print_size(now, used));
}

static void note(struct site *site, struct exchange *exchange, const struct principal *principal,
                 const char *command, struct slice message)
{
    struct audit_entry entry = {
        .time_ms = clock_wall_ms(),
        .request_id = slice_of(exchange_id(exchange)),
        .principal = principal,
        .command = slice_of(command),
        .decision = SLICE("allow"),
        .mode = SLICE("enforce"),
        .rule = SLICE("quota:soft"),
        .policy = slice_of(policy_hash(site->snapshot->policy)),
        .message = message,
    };

    (void)audit_put(site->tools->audit, &entry);
}

static void warn(struct cached *place, struct site *site, struct exchange *exchange,
                 const struct principal *principal, const char *command,
                 const struct quota_limit *limit, bool is_pins)
{
    struct text *headers = exchange_reply_headers(exchange);
    uint64_t now_ms = accounts_now_ms(site->context->accounts);
    struct text text = {0};

    put_warning(limit, atomic_load(&limit->counter->used), is_pins, &text);
    text_put_text(headers, "Warning: 299 causeway \"");
    text_put_json(headers, text_slice(&text));
    text_put_text(headers, "\"\r\n");
    if (now_ms - place->warned_ms >= WARN_EVERY_MS) {
        place->warned_ms = now_ms;
        note(site, exchange, principal, command, text_slice(&text));
    }
    text_dispose(&text);
}

void quota_gate_warn(struct site *site, struct exchange *exchange,
                     const struct principal *principal, const char *command)
{
    struct cached *place = find(site, principal);

    for (size_t i = 0; place != NULL && place->soft != NULL && i < place->soft_count; i++) {
        const struct quota_limit *limit = &place->soft[i];

        if (atomic_load(&limit->counter->used) <= limit->soft)
            continue;
        warn(place, site, exchange, principal, command, limit, i >= place->soft_bytes);
        return;
    }
}

/* ---- a call begins */

bool quota_gate_begin(struct quota_use *use, struct site *site, struct exchange *exchange,
                      const struct principal *principal, const char *command)
{
    struct caller *caller = quota_gate_caller(site, principal);
    struct caller_refusal refusal = {0};

    if (caller == NULL)
        return true;
    use->site = site;
    use->exchange = exchange;
    if (!caller_begin(caller, accounts_now_ms(site->context->accounts), &refusal)) {
        refuse(use, principal, command, &refusal);
        return false;
    }
    use->caller = caller_ref(caller);
    return true;
}

/* ---- bytes */

static uint64_t grant(void *flow_, struct meter_refusal *said)
{
    struct quota_flow *flow = flow_;
    struct quota_use *use = flow->use;
    uint64_t now_ms = accounts_now_ms(use->site->context->accounts);
    bool is_declared = flow->declared > 0;
    uint64_t wanted = is_declared && flow->declared < GRANT_BYTES ? flow->declared : GRANT_BYTES;
    struct caller_refusal refusal;
    struct text text = {0};
    uint64_t taken =
        caller_take(use->caller, flow->dimension, now_ms, wanted, is_declared, &refusal);

    if (taken > 0) {
        flow->taken_ms = now_ms;
        flow->declared -= is_declared ? taken : 0;
        return taken;
    }
    caller_put_refusal(&refusal, &text);
    put_retry_after(use->exchange, &refusal);
    said->status = 429;
    snprintf(said->message, sizeof(said->message), "%s", text.data);
    text_dispose(&text);
    return 0;
}

static struct meter *open_flow(struct quota_use *use, struct quota_flow *flow,
                               enum caller_dimension dimension, uint64_t declared)
{
    if (!caller_meters(use->caller, dimension))
        return NULL;
    *flow = (struct quota_flow){.use = use, .dimension = dimension, .declared = declared};
    flow->meter.grant = grant;
    flow->meter.arg = flow;
    return &flow->meter;
}

static bool has_room(struct quota_use *use, enum caller_dimension dimension, uint64_t bytes,
                     struct caller_refusal *refusal)
{
    return bytes == 0 || !caller_meters(use->caller, dimension) ||
           caller_has_room(use->caller, dimension, accounts_now_ms(use->site->context->accounts),
                           bytes, refusal);
}

bool quota_gate_meter(struct quota_use *use, const struct principal *principal, const char *command,
                      bool has_body, int64_t content_length)
{
    uint64_t declared = has_body && content_length > 0 ? (uint64_t)content_length : 0;
    uint64_t least = has_body && content_length < 0 ? 1 : declared;
    struct caller_refusal refusal;
    struct meter *request = NULL, *reply;

    if (use->caller == NULL)
        return true;
    if (!has_room(use, CALLER_UPLOAD, least, &refusal) ||
        !has_room(use, CALLER_EGRESS, 1, &refusal)) {
        refuse(use, principal, command, &refusal);
        return false;
    }
    if (has_body)
        request = open_flow(use, &use->upload, CALLER_UPLOAD, declared);
    reply = open_flow(use, &use->egress, CALLER_EGRESS, 0);
    if (request != NULL || reply != NULL)
        exchange_set_meters(use->exchange, request, reply);
    caller_put_headers(use->caller, accounts_now_ms(use->site->context->accounts), has_body,
                       exchange_reply_headers(use->exchange));
    return true;
}

/* What is left in the meter did not pass. */
static void close_flow(struct quota_use *use, const struct quota_flow *flow)
{
    if (flow->use != NULL)
        caller_give(use->caller, flow->dimension, flow->taken_ms,
                    accounts_now_ms(use->site->context->accounts), flow->meter.left);
}

void quota_gate_end(struct quota_use *use)
{
    if (use->caller == NULL)
        return;
    close_flow(use, &use->upload);
    close_flow(use, &use->egress);
    caller_end(use->caller);
    caller_unref(&use->caller);
}
