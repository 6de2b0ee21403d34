// SPDX-License-Identifier: Apache-2.0
/* What a caller is told about its limits. */
#include "conf/units.h"
#include "policy/caller_private.h"

#include <stdio.h>

/* ---- refusals */

static void put_window(const struct caller_refusal *refusal, struct text *out)
{
    bool is_upload = refusal->dimension == CALLER_UPLOAD;
    const struct policy_quota_window *limit =
        is_upload ? &refusal->quota->upload : &refusal->quota->egress;
    char bytes[UNITS_TEXT_SIZE], used[UNITS_TEXT_SIZE], per[UNITS_TEXT_SIZE];

    text_put_format(out, "the quota %s allows %s %s of %s per %s, and %s are used",
                    refusal->quota->label, refusal->meter->whom,
                    units_print_size(bytes, limit->bytes), is_upload ? "upload" : "downloads",
                    units_print_duration(per, limit->per_ms),
                    units_print_size(used, refusal->used));
}

/* Whole seconds, or minutes and hours if it is long; never less than it is. */
static void put_wait(uint64_t wait_ms, struct text *out)
{
    static const struct {
        uint64_t below_s, each_s;
        const char *unit;
    } steps[] = {{120, 1, "s"}, {7200, 60, "minutes"}, {UINT64_MAX, 3600, "hours"}};
    uint64_t seconds = wait_ms / 1000 + (wait_ms % 1000 != 0);
    size_t i = 0;

    while (seconds >= steps[i].below_s)
        i++;
    text_put_number(out, seconds < 1 ? 1 : (seconds + steps[i].each_s - 1) / steps[i].each_s);
    text_put_char(out, ' ');
    text_put_text(out, steps[i].unit);
}

void caller_put_refusal(const struct caller_refusal *refusal, struct text *out)
{
    const struct policy_quota *quota = refusal->quota;
    char per[UNITS_TEXT_SIZE];

    switch (refusal->dimension) {
    case CALLER_REQUESTS:
        text_put_format(out,
                        "too many requests: the quota %s allows %s %llu per %s, %llu at once, and "
                        "they are used up",
                        quota->label, refusal->meter->whom,
                        (unsigned long long)quota->requests.calls,
                        units_print_duration(per, quota->requests.per_ms),
                        (unsigned long long)quota->requests.burst);
        break;
    case CALLER_CONCURRENT:
        text_put_format(out,
                        "too many calls at once: the quota %s allows %s %llu, and %llu are running",
                        quota->label, refusal->meter->whom, (unsigned long long)quota->concurrent,
                        (unsigned long long)refusal->used);
        break;
    case CALLER_UPLOAD:
    case CALLER_EGRESS:
        put_window(refusal, out);
        break;
    }
    if (refusal->wait_ms == UINT64_MAX) {
        text_put_text(out, "; this is more than it ever allows at once: make it smaller");
    } else {
        text_put_text(out, "; try again in ");
        put_wait(refusal->wait_ms, out);
    }
    text_put_text(out, ", or ask whoever runs this gateway for more");
}

/* ---- headers */

static void put_limit(struct text *out, bool is_first, const struct policy_quota *quota,
                      const char *suffix, uint64_t left, uint64_t reset_ms)
{
    text_put_text(out, is_first ? "RateLimit: \"" : ", \"");
    text_put_slice(out, quota->id);
    text_put_text(out, suffix);
    text_put_text(out, "\";r=");
    text_put_number(out, left);
    text_put_text(out, ";t=");
    text_put_number(out, reset_ms / 1000 + (reset_ms % 1000 != 0));
}

void caller_put_headers(struct caller *caller, uint64_t now_ms, bool has_body, struct text *out)
{
    const struct text *line = has_body ? &caller->upload_line : &caller->calls_line;
    bool is_first = true;

    if (line->size == 0)
        return;
    text_put_slice(out, text_slice(line));
    if (caller->tightest != NULL) {
        put_limit(out, true, caller->tightest->quota, "", caller->rate.left, caller->rate.reset_ms);
        is_first = false;
    }
    for (size_t i = 0; has_body && i < caller->count; i++) {
        struct caller_standing upload;

        if (!caller_stands(caller, i, CALLER_UPLOAD, now_ms, &upload))
            continue;
        put_limit(out, is_first, upload.quota, ".upload", upload.left, upload.reset_ms);
        is_first = false;
    }
    text_put_text(out, "\r\n");
}

/* ---- how things stand */

size_t caller_count(const struct caller *caller)
{
    return caller->count;
}

/* The rate as it is, without taking of it: what is left is worked out from one that is given back.
 */
static void look_at_rate(const struct caller_item *item, uint64_t now_ms,
                         struct caller_standing *standing)
{
    const struct quota_rate *rate = &item->quota->requests;
    struct quota_rate_verdict verdict = quota_rate_look(rate, &item->meter->rate, now_ms);

    standing->limit = rate->burst;
    standing->left = verdict.left;
    standing->used = rate->burst - verdict.left;
    standing->per_ms = rate->per_ms;
    standing->reset_ms = verdict.reset_ms;
}

static void look_at_window(const struct caller_item *item, enum caller_dimension flow,
                           uint64_t now_ms, struct caller_standing *standing)
{
    const struct policy_quota_window *limit = caller_window_limit(item, flow);
    struct quota_window *window = &caller_window(item, flow)->window;

    standing->limit = limit->bytes;
    standing->used = quota_window_used(window, limit->per_ms, now_ms);
    standing->left = standing->used < limit->bytes ? limit->bytes - standing->used : 0;
    standing->per_ms = limit->per_ms;
    standing->reset_ms =
        quota_window_wait_ms(window, limit->bytes, limit->per_ms, now_ms, limit->bytes);
}

static bool has_limit(const struct policy_quota *quota, enum caller_dimension dimension)
{
    switch (dimension) {
    case CALLER_REQUESTS:
        return quota->requests.calls > 0;
    case CALLER_CONCURRENT:
        return quota->concurrent > 0;
    case CALLER_UPLOAD:
        return quota->upload.bytes > 0;
    case CALLER_EGRESS:
        return quota->egress.bytes > 0;
    }
    return false;
}

bool caller_stands(struct caller *caller, size_t index, enum caller_dimension dimension,
                   uint64_t now_ms, struct caller_standing *standing)
{
    const struct caller_item *item = &caller->items[index];

    if (!has_limit(item->quota, dimension))
        return false;
    *standing = (struct caller_standing){
        .quota = item->quota, .whom = item->meter->whom, .dimension = dimension};
    if (dimension == CALLER_REQUESTS) {
        look_at_rate(item, now_ms, standing);
    } else if (dimension == CALLER_CONCURRENT) {
        standing->limit = item->quota->concurrent;
        standing->used = atomic_load(&item->meter->running.used);
        standing->left = standing->used < standing->limit ? standing->limit - standing->used : 0;
    } else {
        look_at_window(item, dimension, now_ms, standing);
    }
    return true;
}
