// SPDX-License-Identifier: Apache-2.0
#include "federation/grants.h"

#include <assert.h>
#include <inttypes.h>

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct grant grant_in_force(const struct grant_account *account)
{
    const struct grant *a = &account->ours, *b = &account->theirs;

    return (struct grant){
        .bytes = less(a->bytes, b->bytes),
        .pins = less(a->pins, b->pins),
        .max_object = less(a->max_object, b->max_object),
    };
}

static bool fits(const struct grant_account *account, const struct grant *grant, uint64_t bytes)
{
    return bytes <= grant->max_object && account->pins < grant->pins &&
           account->bytes <= grant->bytes && bytes <= grant->bytes - account->bytes;
}

static bool is_nothing(const struct grant *grant)
{
    return grant->bytes == 0 || grant->pins == 0 || grant->max_object == 0;
}

enum allocation_room grant_room(const struct grant_account *account, uint64_t bytes)
{
    if (is_nothing(&account->ours))
        return ALLOCATION_ROOM_NOT_GRANTED;
    if (!fits(account, &account->ours, bytes))
        return ALLOCATION_ROOM_OUR_GRANT;
    return fits(account, &account->theirs, bytes) ? ALLOCATION_ROOM : ALLOCATION_ROOM_THEIR_GRANT;
}

static uint64_t add(uint64_t used, int64_t change)
{
    assert(change >= 0 || used >= (uint64_t)-change);
    return used + (uint64_t)change;
}

void grant_charge(struct grant_account *account, int64_t bytes, int64_t pins)
{
    account->bytes = add(account->bytes, bytes);
    account->pins = add(account->pins, pins);
}

void grant_explain(const struct grant_account *account, uint64_t bytes, struct text *out)
{
    struct grant grant = grant_in_force(account);

    if (is_nothing(&grant))
        text_put_text(out, "nothing is granted");
    else if (bytes > grant.max_object)
        text_put_format(
            out, "%" PRIu64 " bytes are more than the %" PRIu64 " bytes granted for one object",
            bytes, grant.max_object);
    else if (account->pins >= grant.pins)
        text_put_format(out, "all %" PRIu64 " pins granted are used", grant.pins);
    else
        text_put_format(out,
                        "%" PRIu64 " bytes more pass the %" PRIu64
                        " bytes granted, of which %" PRIu64 " are used",
                        bytes, grant.bytes, account->bytes);
}
