// SPDX-License-Identifier: Apache-2.0
/* Meters: of each quota, for each whom it is about. */
#include "conf/memory.h"
#include "policy/accounts_private.h"

#include <stdlib.h>

/* ---- with the mutex held */

static char *make_key(struct slice quota, const char *whom)
{
    struct text key = {0};
    char *copy;

    text_put_slice(&key, quota);
    text_put_char(&key, '/');
    text_put_text(&key, whom);
    copy = memory_copy_text(key.data);
    text_dispose(&key);
    return copy;
}

static struct accounts_meter *get_meter(struct accounts *accounts, struct slice quota,
                                        const char *whom)
{
    char *key = make_key(quota, whom);
    uint32_t at = names_find(&accounts->meter_names, slice_of(key));
    struct accounts_meter *meter;

    if (at != NAMES_NONE) {
        free(key);
        return accounts->meters[at];
    }
    if (accounts->meter_count == accounts->meter_room) {
        accounts->meter_room = accounts->meter_room * 2 + 16;
        accounts->meters = memory_resize_array(accounts->meters, accounts->meter_room,
                                               sizeof(struct accounts_meter *));
        accounts->meter_keys =
            memory_resize_array(accounts->meter_keys, accounts->meter_room, sizeof(char *));
    }
    meter = memory_alloc(sizeof(*meter));
    *meter = (struct accounts_meter){.whom = memory_copy_text(whom)};
    names_add(&accounts->meter_names, slice_of(key), (uint32_t)accounts->meter_count);
    accounts->meter_keys[accounts->meter_count] = key;
    accounts->meters[accounts->meter_count++] = meter;
    return meter;
}

static char *copy_slice(struct slice s)
{
    struct text text = {0};
    char *copy;

    text_put_slice(&text, s);
    copy = memory_copy_text(text.size > 0 ? text.data : "");
    text_dispose(&text);
    return copy;
}

static struct accounts_window *get_window(struct accounts_window **window, struct slice quota,
                                          const char *whom, const char *dimension)
{
    if (*window != NULL)
        return *window;
    *window = memory_alloc(sizeof(**window));
    **window = (struct accounts_window){
        .quota = copy_slice(quota), .whom = memory_copy_text(whom), .dimension = dimension};
    return *window;
}

/* A looser rate must not wait for what a tighter one had to. */
static void set_rate(struct accounts *accounts, struct accounts_meter *meter,
                     const struct quota_rate *rate)
{
    struct quota_rate *now = &meter->rate_of;

    if (rate->calls == 0 ||
        (now->calls == rate->calls && now->per_ms == rate->per_ms && now->burst == rate->burst))
        return;
    if (now->calls > 0)
        quota_rate_change(now, rate, &meter->rate, accounts_now_ms(accounts));
    *now = *rate;
}

/* ---- for callers */

struct accounts_meter *accounts_meter(struct accounts *accounts, const struct policy_quota *quota,
                                      const char *whom)
{
    struct accounts_meter *meter;

    pthread_mutex_lock(&accounts->mutex);
    meter = get_meter(accounts, quota->id, whom);
    if (quota->upload.bytes > 0)
        get_window(&meter->upload, quota->id, whom, "upload");
    if (quota->egress.bytes > 0)
        get_window(&meter->egress, quota->id, whom, "egress");
    set_rate(accounts, meter, &quota->requests);
    pthread_mutex_unlock(&accounts->mutex);
    return meter;
}

/* ---- across restarts */

void accounts_touch(struct accounts *accounts, struct accounts_window *window)
{
    if (atomic_load(&window->is_dirty) || atomic_exchange(&window->is_dirty, true))
        return;
    window->next_dirty = atomic_load(&accounts->dirty);
    while (!atomic_compare_exchange_weak(&accounts->dirty, &window->next_dirty, window))
        ;
}

struct accounts_window *accounts_collect(struct accounts *accounts)
{
    return atomic_exchange(&accounts->dirty, NULL);
}

void accounts_restore(struct accounts *accounts, const struct window_record *record,
                      uint64_t now_ms)
{
    bool is_upload = slice_is(record->dimension, "upload");
    struct accounts_meter *meter;
    struct accounts_window *window;
    char *whom = copy_slice(record->id);

    pthread_mutex_lock(&accounts->mutex);
    meter = get_meter(accounts, record->scope, whom);
    window = get_window(is_upload ? &meter->upload : &meter->egress, record->scope, whom,
                        is_upload ? "upload" : "egress");
    if (!quota_window_load(&window->window, (const uint8_t *)record->bytes.data, record->bytes.size,
                           now_ms))
        window->window = (struct quota_window){0};
    pthread_mutex_unlock(&accounts->mutex);
    free(whom);
}
