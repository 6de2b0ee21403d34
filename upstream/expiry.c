// SPDX-License-Identifier: Apache-2.0
#include "upstream/expiry.h"

#include "conf/log.h"
#include "conf/memory.h"

#include <stdlib.h>

enum {
    PAGE = 100,           /* at once: each is an operation upstream */
    EVERY_MS = 2 * 1000,  /* between passes */
    AGAIN_MS = 30 * 1000, /* ... when one of the last could not be released */
};

struct release {
    struct expiry *expiry;
    struct tracker_call *call; /* NULL: it was answered */
};

struct expiry {
    struct expiry_settings settings;
    struct expiry_counters counters;
    struct timer timer;
    struct transaction *page; /* being read */
    struct release releases[PAGE];
    size_t begun, waiting; /* of releases */
    uint64_t until_ms;     /* of this pass; 0: none is under way */
    uint64_t after_ms;
    char after[ULID_SIZE];
    bool has_more;
    uint64_t pass_failures;
    bool is_paused;
};

static void read_page(struct expiry *expiry);

static void end_pass(struct expiry *expiry)
{
    if (expiry->pass_failures > 0)
        log_message(expiry->settings.messages, LOG_LEVEL_WARNING,
                    "%llu pins whose time is over could not be removed; tried again in %d s",
                    (unsigned long long)expiry->pass_failures, AGAIN_MS / 1000);
    timer_arm(expiry->settings.loop, &expiry->timer,
              expiry->pass_failures > 0 ? AGAIN_MS : EVERY_MS);
    expiry->until_ms = 0;
}

static void go_on(struct expiry *expiry)
{
    if (expiry->waiting > 0)
        return;
    if (expiry->has_more && !expiry->is_paused)
        read_page(expiry);
    else
        end_pass(expiry);
}

static void on_released(void *release_, const struct tracker_answer *answer)
{
    struct release *release = release_;
    struct expiry *expiry = release->expiry;

    release->call = NULL;
    expiry->waiting--;
    if (answer->outcome == TRACKER_DONE) {
        expiry->counters.released++;
    } else if (answer->outcome != TRACKER_NOT_PINNED) { /* its owner was faster */
        expiry->counters.failed++;
        expiry->pass_failures++;
    }
    go_on(expiry);
}

static void start_release(struct expiry *expiry, const struct pin_record *record)
{
    struct release *release = &expiry->releases[expiry->begun++];
    struct tracker_request request = {
        .action = TRACKER_RELEASE, .owner = record->owner, .mode = PIN_RECURSIVE};
    struct error err = {0};

    release->expiry = expiry;
    memcpy(request.id, record->id, sizeof(request.id));
    if (cid_from_bytes(&request.cid, record->key.data, record->key.size, &err) &&
        tracker_start(expiry->settings.tracker, expiry->settings.loop, &release->call, &request,
                      NULL, on_released, release, &err)) {
        expiry->waiting++;
        return;
    }
    expiry->begun--;
    expiry->counters.failed++;
    expiry->pass_failures++;
}

static void on_page(void *expiry_, struct transaction *transaction)
{
    struct expiry *expiry = expiry_;
    const struct pin_expired *page = &transaction->pin_expired;

    expiry->page = NULL;
    expiry->has_more = false;
    if (transaction->err.code != ERROR_NONE) {
        log_message(expiry->settings.messages, LOG_LEVEL_ERROR,
                    "the ledger does not tell which pins' time is over: %s", transaction->err.text);
        expiry->pass_failures++;
        go_on(expiry);
        return;
    }
    expiry->has_more = page->has_more;
    for (size_t i = 0; i < page->count; i++) {
        const struct pin_record *record = &page->records[i];

        expiry->after_ms = record->expires_ms;
        memcpy(expiry->after, record->id, sizeof(expiry->after));
        start_release(expiry, record);
    }
    go_on(expiry);
}

static void read_page(struct expiry *expiry)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_EXPIRED);
    struct pin_expired *page = &transaction->pin_expired;
    struct error err = {0};

    page->until_ms = expiry->until_ms;
    page->after_ms = expiry->after_ms;
    memcpy(page->after, expiry->after, sizeof(page->after));
    page->limit = PAGE;
    expiry->begun = expiry->waiting = 0;
    if (store_start(expiry->settings.store, expiry->settings.loop, transaction, on_page, expiry,
                    &err)) {
        expiry->page = transaction;
        return;
    }
    transaction_destroy(&transaction);
    expiry->pass_failures++;
    end_pass(expiry);
}

static void on_timer(struct timer *timer)
{
    struct expiry *expiry = CONTAINER_OF(timer, struct expiry, timer);

    if (expiry->is_paused) {
        timer_arm(expiry->settings.loop, timer, EVERY_MS);
        return;
    }
    expiry->until_ms = expiry->settings.now_ms();
    expiry->after_ms = 0;
    memset(expiry->after, 0, sizeof(expiry->after));
    expiry->pass_failures = 0;
    read_page(expiry);
}

struct expiry *expiry_create(const struct expiry_settings *settings)
{
    struct expiry *expiry = memory_alloc(sizeof(*expiry));

    expiry->settings = *settings;
    expiry->timer.fire = on_timer;
    timer_arm(settings->loop, &expiry->timer, EVERY_MS);
    return expiry;
}

void expiry_destroy(struct expiry **expiry_ptr)
{
    struct expiry *expiry = *expiry_ptr;

    if (expiry == NULL)
        return;
    *expiry_ptr = NULL;
    timer_disarm(&expiry->timer);
    if (expiry->page != NULL)
        store_cancel(expiry->page);
    for (size_t i = 0; i < expiry->begun; i++)
        tracker_cancel(&expiry->releases[i].call);
    free(expiry);
}

void expiry_pause(struct expiry *expiry, bool is_paused)
{
    expiry->is_paused = is_paused;
}

struct expiry_counters expiry_counters(const struct expiry *expiry)
{
    return expiry->counters;
}
