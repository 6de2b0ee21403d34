// SPDX-License-Identifier: Apache-2.0
#include "policy/accounts.h"

#include "conf/memory.h"
#include "policy/accounts_private.h"

#include <stdlib.h>
#include <time.h>

static uint64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t accounts_now_ms(const struct accounts *accounts)
{
    return read_clock_ms(CLOCK_MONOTONIC_COARSE) + accounts->clock_offset_ms;
}

struct accounts *accounts_create(void)
{
    struct accounts *accounts = memory_alloc(sizeof(*accounts));

    *accounts = (struct accounts){.policy = NULL};
    pthread_mutex_init(&accounts->mutex, NULL);
    accounts->clock_offset_ms =
        read_clock_ms(CLOCK_REALTIME_COARSE) - read_clock_ms(CLOCK_MONOTONIC_COARSE);
    return accounts;
}

static void destroy_window(struct accounts_window *window)
{
    if (window == NULL)
        return;
    free(window->quota);
    free(window->whom);
    free(window);
}

static void destroy_meters(struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->meter_count; i++) {
        destroy_window(accounts->meters[i]->upload);
        destroy_window(accounts->meters[i]->egress);
        free(accounts->meters[i]->whom);
        free(accounts->meters[i]);
        free(accounts->meter_keys[i]);
    }
    free(accounts->meters);
    free(accounts->meter_keys);
    names_dispose(&accounts->meter_names);
}

void accounts_destroy(struct accounts **accounts_)
{
    struct accounts *accounts = *accounts_;

    *accounts_ = NULL;
    if (accounts == NULL)
        return;
    for (size_t i = 0; i < accounts->stored_count; i++) {
        free(accounts->stored[i]->key);
        free(accounts->stored[i]->scope);
        free(accounts->stored[i]->groups);
        free(accounts->stored[i]);
    }
    free(accounts->stored);
    names_dispose(&accounts->stored_names);
    destroy_meters(accounts);
    policy_unref(&accounts->policy);
    pthread_mutex_destroy(&accounts->mutex);
    free(accounts);
}
