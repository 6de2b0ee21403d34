// SPDX-License-Identifier: Apache-2.0
#include "policy/caller.h"

#include "conf/memory.h"
#include "policy/caller_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- making */

static bool has_meter(const struct policy_quota *quota)
{
    return quota->requests.calls > 0 || quota->concurrent > 0 || quota->upload.bytes > 0 ||
           quota->egress.bytes > 0;
}

static void print_whom(char out[ID_SIZE + 16], const struct policy_quota *quota,
                       const struct principal *principal)
{
    switch (quota->scope) {
    case QUOTA_SCOPE_ORG:
        snprintf(out, ID_SIZE + 16, "the organization");
        break;
    case QUOTA_SCOPE_MEMBER:
        snprintf(out, ID_SIZE + 16, "member %.*s", SLICE_ARGS(principal->id));
        break;
    case QUOTA_SCOPE_GROUP:
        snprintf(out, ID_SIZE + 16, "group %.*s", SLICE_ARGS(quota->group));
        break;
    case QUOTA_SCOPE_TOKEN:
        snprintf(out, ID_SIZE + 16, "token %.*s", SLICE_ARGS(principal->token_id));
        break;
    case QUOTA_SCOPE_PARTNER:
        snprintf(out, ID_SIZE + 16, "partner %.*s", SLICE_ARGS(quota->partner));
        break;
    }
}

static void add_item(struct caller *caller, const struct policy_quota *quota,
                     const struct principal *principal)
{
    struct caller_item *item = &caller->items[caller->count++];
    char whom[ID_SIZE + 16];

    print_whom(whom, quota, principal);
    *item = (struct caller_item){quota, accounts_meter(caller->accounts, quota, whom)};
    caller->has_requests = caller->has_requests || quota->requests.calls > 0;
    caller->has_upload = caller->has_upload || quota->upload.bytes > 0;
    caller->has_egress = caller->has_egress || quota->egress.bytes > 0;
    if (quota->concurrent == 0)
        return;
    caller->running_items[caller->running_count] = caller->count - 1;
    caller->running[caller->running_count++] =
        (struct quota_limit){.id = quota->label,
                             .scope = item->meter->whom,
                             .limit = quota->concurrent,
                             .counter = &item->meter->running};
}

static void put_policy(struct text *line, const char *id, uint64_t limit, uint64_t per_ms,
                       const char *unit)
{
    char field[QUOTA_HEADER_SIZE];

    quota_print_policy(field, id, limit, per_ms, unit);
    text_put_text(line, line->size == 0 ? "RateLimit-Policy: " : ", ");
    text_put_text(line, field);
}

static void make_lines(struct caller *caller)
{
    char id[ID_SIZE + 8];

    for (size_t i = 0; i < caller->count; i++) {
        const struct policy_quota *quota = caller->items[i].quota;

        snprintf(id, sizeof(id), "%.*s", SLICE_ARGS(quota->id));
        if (quota->requests.calls > 0) {
            put_policy(&caller->calls_line, id, quota->requests.calls, quota->requests.per_ms,
                       "requests");
            put_policy(&caller->upload_line, id, quota->requests.calls, quota->requests.per_ms,
                       "requests");
        }
        snprintf(id, sizeof(id), "%.*s.upload", SLICE_ARGS(quota->id));
        if (quota->upload.bytes > 0)
            put_policy(&caller->upload_line, id, quota->upload.bytes, quota->upload.per_ms,
                       "content-bytes");
    }
    if (caller->calls_line.size > 0)
        text_put_text(&caller->calls_line, "\r\n");
    if (caller->upload_line.size > 0)
        text_put_text(&caller->upload_line, "\r\n");
}

struct caller *caller_create(struct accounts *accounts, const struct policy *policy,
                             const struct principal *principal)
{
    size_t count = policy_quota_count(policy);
    struct caller *caller;

    if (count == 0)
        return NULL;
    caller = memory_alloc(sizeof(*caller));
    *caller = (struct caller){.references = 1,
                              .policy = policy_ref(policy),
                              .accounts = accounts,
                              .items = memory_resize_array(NULL, count, sizeof(*caller->items)),
                              .running = memory_resize_array(NULL, count, sizeof(*caller->running)),
                              .running_items = memory_resize_array(NULL, count, sizeof(size_t))};
    for (size_t i = 0; i < count; i++) {
        const struct policy_quota *quota = policy_quota(policy, i);

        if (has_meter(quota) && policy_quota_applies(policy, quota, principal))
            add_item(caller, quota, principal);
    }
    make_lines(caller);
    if (caller->count == 0)
        caller_unref(&caller);
    return caller;
}

struct caller *caller_ref(struct caller *caller)
{
    caller->references++;
    return caller;
}

void caller_unref(struct caller **caller_)
{
    struct caller *caller = *caller_;

    *caller_ = NULL;
    if (caller == NULL || --caller->references > 0)
        return;
    text_dispose(&caller->calls_line);
    text_dispose(&caller->upload_line);
    free(caller->items);
    free(caller->running);
    free(caller->running_items);
    policy_unref(&caller->policy);
    free(caller);
}

/* ---- calls */

static void give_rates(struct caller *caller, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (caller->items[i].quota->requests.calls > 0)
            quota_rate_give(&caller->items[i].quota->requests, &caller->items[i].meter->rate);
}

/* The others that would refuse as well may have longer to wait. */
static void find_longest_wait(struct caller *caller, size_t from, uint64_t now_ms,
                              struct caller_refusal *refusal)
{
    for (size_t i = from; i < caller->count; i++) {
        const struct caller_item *item = &caller->items[i];
        struct quota_rate_verdict verdict;

        if (item->quota->requests.calls == 0)
            continue;
        if (quota_rate_take(&item->quota->requests, &item->meter->rate, now_ms, &verdict)) {
            quota_rate_give(&item->quota->requests, &item->meter->rate);
        } else if (verdict.wait_ms > refusal->wait_ms || refusal->quota == NULL) {
            *refusal = (struct caller_refusal){CALLER_REQUESTS, item->quota, item->meter,
                                               item->quota->requests.burst, verdict.wait_ms};
        }
    }
}

static bool take_rates(struct caller *caller, uint64_t now_ms, struct caller_refusal *refusal)
{
    caller->tightest = NULL;
    for (size_t i = 0; i < caller->count; i++) {
        const struct caller_item *item = &caller->items[i];
        struct quota_rate_verdict verdict;

        if (item->quota->requests.calls == 0)
            continue;
        if (!quota_rate_take(&item->quota->requests, &item->meter->rate, now_ms, &verdict)) {
            *refusal = (struct caller_refusal){CALLER_REQUESTS, item->quota, item->meter,
                                               item->quota->requests.burst, verdict.wait_ms};
            give_rates(caller, i);
            find_longest_wait(caller, i + 1, now_ms, refusal);
            return false;
        }
        if (caller->tightest == NULL || verdict.left < caller->rate.left) {
            caller->tightest = item;
            caller->rate = verdict;
        }
    }
    return true;
}

bool caller_begin(struct caller *caller, uint64_t now_ms, struct caller_refusal *refusal)
{
    struct quota_verdict verdict;
    const struct caller_item *item;

    if (!take_rates(caller, now_ms, refusal))
        return false;
    if (caller->running_count == 0 ||
        quota_take(caller->running, caller->running_count, 1, &verdict))
        return true;
    give_rates(caller, caller->count);
    item = &caller->items[caller->running_items[verdict.tightest - caller->running]];
    *refusal =
        (struct caller_refusal){CALLER_CONCURRENT, item->quota, item->meter, verdict.used, 1000};
    return false;
}

void caller_end(struct caller *caller)
{
    quota_give(caller->running, caller->running_count, 1);
}

/* ---- bytes */

bool caller_meters(const struct caller *caller, enum caller_dimension flow)
{
    return flow == CALLER_UPLOAD ? caller->has_upload : caller->has_egress;
}

static struct caller_refusal refuse_window(const struct caller_item *item,
                                           enum caller_dimension flow, uint64_t now_ms,
                                           uint64_t bytes)
{
    const struct policy_quota_window *limit = caller_window_limit(item, flow);
    struct quota_window *window = &caller_window(item, flow)->window;

    return (struct caller_refusal){
        .dimension = flow,
        .quota = item->quota,
        .meter = item->meter,
        .used = quota_window_used(window, limit->per_ms, now_ms),
        .wait_ms = quota_window_wait_ms(window, limit->bytes, limit->per_ms, now_ms, bytes),
    };
}

/* The least room of all, and whose it is. */
static uint64_t least_room(const struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                           const struct caller_item **tightest)
{
    uint64_t least = UINT64_MAX;

    *tightest = NULL;
    for (size_t i = 0; i < caller->count; i++) {
        const struct caller_item *item = &caller->items[i];
        const struct policy_quota_window *limit = caller_window_limit(item, flow);
        uint64_t used;

        if (limit->bytes == 0)
            continue;
        used = quota_window_used(&caller_window(item, flow)->window, limit->per_ms, now_ms);
        if (*tightest == NULL || limit->bytes < used + least) {
            *tightest = item;
            least = used < limit->bytes ? limit->bytes - used : 0;
        }
    }
    return least;
}

bool caller_has_room(struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                     uint64_t bytes, struct caller_refusal *refusal)
{
    const struct caller_item *tightest;

    if (least_room(caller, flow, now_ms, &tightest) >= bytes)
        return true;
    assert(tightest != NULL);
    *refusal = refuse_window(tightest, flow, now_ms, bytes);
    return false;
}

/* From all, or none: how many. */
static uint64_t take_all(struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                         uint64_t bytes)
{
    for (size_t i = 0; i < caller->count; i++) {
        const struct caller_item *item = &caller->items[i];
        const struct policy_quota_window *limit = caller_window_limit(item, flow);
        uint64_t taken;

        if (limit->bytes == 0)
            continue;
        taken = quota_window_take(&caller_window(item, flow)->window, limit->bytes, limit->per_ms,
                                  now_ms, bytes);
        for (size_t j = 0; j < i && taken < bytes; j++)
            if (caller_window_limit(&caller->items[j], flow)->bytes > 0)
                quota_window_give(&caller_window(&caller->items[j], flow)->window, bytes - taken);
        bytes = taken;
        if (bytes == 0)
            break;
        accounts_touch(caller->accounts, caller_window(item, flow));
    }
    return bytes;
}

uint64_t caller_take(struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                     uint64_t bytes, bool is_needed, struct caller_refusal *refusal)
{
    const struct caller_item *tightest;
    uint64_t room = least_room(caller, flow, now_ms, &tightest);
    uint64_t share = room / 64 + 1, taken;

    taken = take_all(caller, flow, now_ms, is_needed || bytes < share ? bytes : share);
    if (taken == 0) {
        (void)least_room(caller, flow, now_ms, &tightest);
        assert(tightest != NULL); /* who is not metered does not ask */
        *refusal = refuse_window(tightest, flow, now_ms, 1);
    }
    return taken;
}

void caller_give(struct caller *caller, enum caller_dimension flow, uint64_t taken_ms,
                 uint64_t now_ms, uint64_t bytes)
{
    for (size_t i = 0; i < caller->count && bytes > 0; i++) {
        const struct policy_quota_window *limit = caller_window_limit(&caller->items[i], flow);

        if (limit->bytes == 0 || now_ms - taken_ms >= limit->per_ms)
            continue; /* it is forgotten already */
        quota_window_give(&caller_window(&caller->items[i], flow)->window, bytes);
        accounts_touch(caller->accounts, caller_window(&caller->items[i], flow));
    }
}
