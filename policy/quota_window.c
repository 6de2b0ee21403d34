// SPDX-License-Identifier: Apache-2.0
#include "policy/quota_rate.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

static uint64_t slot_ms_of(uint64_t per_ms)
{
    assert(per_ms > 0);
    return per_ms / (QUOTA_WINDOW_SLOTS - 1) + (per_ms % (QUOTA_WINDOW_SLOTS - 1) != 0);
}

/* ---- turning: by one thread at a time, so that no slot is cleared that others count in already */

static void clear(struct quota_window *window, uint64_t slot)
{
    uint64_t old = atomic_exchange(&window->bytes[slot % QUOTA_WINDOW_SLOTS], 0);

    atomic_fetch_sub(&window->sum, old);
}

/* Slots of another width have other numbers. Nothing is forgotten: a reload is no way to begin
 * afresh. */
static void set_width(struct quota_window *window, uint64_t slot_ms, uint64_t now_ms)
{
    uint64_t total = 0;

    for (size_t i = 0; i < QUOTA_WINDOW_SLOTS; i++)
        total += atomic_exchange(&window->bytes[i], 0);
    atomic_store(&window->newest, now_ms / slot_ms);
    atomic_fetch_add(&window->bytes[now_ms / slot_ms % QUOTA_WINDOW_SLOTS], total);
    atomic_store(&window->slot_ms, slot_ms);
}

static void turn_to(struct quota_window *window, uint64_t slot)
{
    uint64_t newest = atomic_load(&window->newest);

    if (slot <= newest)
        return;
    if (slot - newest > QUOTA_WINDOW_SLOTS)
        newest = slot - QUOTA_WINDOW_SLOTS;
    while (newest < slot)
        clear(window, ++newest);
    atomic_store(&window->newest, slot); /* from here on others count in it */
}

static bool is_current(const struct quota_window *window, uint64_t slot_ms, uint64_t now_ms)
{
    return atomic_load(&window->slot_ms) == slot_ms &&
           atomic_load(&window->newest) >= now_ms / slot_ms;
}

/* Forgets what is older than the window. */
static void turn(struct quota_window *window, uint64_t per_ms, uint64_t now_ms)
{
    uint64_t slot_ms = slot_ms_of(per_ms);

    while (!is_current(window, slot_ms, now_ms)) {
        if (atomic_flag_test_and_set(&window->is_turning)) {
            sched_yield();
            continue;
        }
        if (atomic_load(&window->slot_ms) != slot_ms)
            set_width(window, slot_ms, now_ms);
        turn_to(window, now_ms / slot_ms);
        atomic_flag_clear(&window->is_turning);
    }
}

/* ---- counting */

uint64_t quota_window_used(struct quota_window *window, uint64_t per_ms, uint64_t now_ms)
{
    turn(window, per_ms, now_ms);
    return atomic_load(&window->sum);
}

uint64_t quota_window_take(struct quota_window *window, uint64_t limit, uint64_t per_ms,
                           uint64_t now_ms, uint64_t bytes)
{
    uint64_t used = quota_window_used(window, per_ms, now_ms);
    uint64_t taken;

    do {
        uint64_t room = used < limit ? limit - used : 0;

        taken = bytes < room ? bytes : room;
    } while (taken > 0 && !atomic_compare_exchange_weak(&window->sum, &used, used + taken));
    if (taken > 0)
        atomic_fetch_add(&window->bytes[atomic_load(&window->newest) % QUOTA_WINDOW_SLOTS], taken);
    return taken;
}

/* From one slot, as much of bytes as is in it. */
static uint64_t give_slot(_Atomic uint64_t *slot, uint64_t bytes)
{
    uint64_t there = atomic_load(slot);
    uint64_t part;

    do {
        part = bytes < there ? bytes : there;
    } while (part > 0 && !atomic_compare_exchange_weak(slot, &there, there - part));
    return part;
}

void quota_window_give(struct quota_window *window, uint64_t bytes)
{
    uint64_t newest = atomic_load(&window->newest);

    for (uint64_t back = 0; back < QUOTA_WINDOW_SLOTS && back <= newest && bytes > 0; back++) {
        uint64_t part = give_slot(&window->bytes[(newest - back) % QUOTA_WINDOW_SLOTS], bytes);

        atomic_fetch_sub(&window->sum, part);
        bytes -= part;
    }
}

uint64_t quota_window_wait_ms(struct quota_window *window, uint64_t limit, uint64_t per_ms,
                              uint64_t now_ms, uint64_t bytes)
{
    uint64_t used = quota_window_used(window, per_ms, now_ms);
    uint64_t newest = atomic_load(&window->newest), slot = newest;

    if (bytes > limit)
        return UINT64_MAX;
    /* slot: the one that is newest when so much is forgotten */
    while (used > limit - bytes && slot - newest < QUOTA_WINDOW_SLOTS) {
        uint64_t gone = atomic_load(&window->bytes[++slot % QUOTA_WINDOW_SLOTS]);

        used -= gone < used ? gone : used;
    }
    return slot == newest ? 0 : slot * slot_ms_of(per_ms) - now_ms;
}

/* ---- across a restart: 64-bit numbers, least significant byte first */

static void put_number(uint8_t *at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_number(const uint8_t *at)
{
    uint64_t value = 0;

    for (size_t i = 8; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

void quota_window_save(const struct quota_window *window, uint8_t image[QUOTA_WINDOW_IMAGE_SIZE])
{
    put_number(image, atomic_load(&window->slot_ms));
    put_number(image + 8, atomic_load(&window->newest));
    for (size_t i = 0; i < QUOTA_WINDOW_SLOTS; i++)
        put_number(image + 16 + 8 * i, atomic_load(&window->bytes[i]));
}

bool quota_window_load(struct quota_window *window, const uint8_t *image, size_t size,
                       uint64_t now_ms)
{
    uint64_t slot_ms, newest, sum = 0, now;

    if (size != QUOTA_WINDOW_IMAGE_SIZE)
        return false;
    slot_ms = get_number(image);
    newest = get_number(image + 8);
    for (size_t i = 0; i < QUOTA_WINDOW_SLOTS; i++) {
        uint64_t bytes = get_number(image + 16 + 8 * i);

        if (bytes > UINT64_MAX / 2 / QUOTA_WINDOW_SLOTS)
            return false;
        sum += bytes;
        atomic_store(&window->bytes[i], bytes);
    }
    if (slot_ms == 0)
        return sum == 0;
    atomic_store(&window->slot_ms, slot_ms);
    atomic_store(&window->newest, newest);
    atomic_store(&window->sum, sum);
    now = now_ms / slot_ms;
    if (newest > now) /* the wall clock was put back while nobody ran */
        set_width(window, slot_ms, now_ms);
    return true;
}
