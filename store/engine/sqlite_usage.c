// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

/* The organization's account has a kind of its own, and no owner. */
static void bind_account(struct sqlite_run *run, const struct owner *owner)
{
    sqlite_bind_text(run, 1, owner == NULL ? SLICE("org") : slice_of(owner_kind_name(owner->kind)));
    sqlite_bind_text(run, 2, owner == NULL ? SLICE("") : slice_of(owner->id));
}

static void read_usage(struct sqlite_run *run, struct usage *usage)
{
    usage->bytes = sqlite_integer(run, 0);
    usage->objects = sqlite_integer(run, 1);
    usage->pins = sqlite_integer(run, 2);
}

bool sqlite_usage_of(struct sqlite *sqlite, const struct owner *owner, struct usage *usage,
                     struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    *usage = (struct usage){0};
    if (!sqlite_begin(&run, sqlite, STATEMENT_USAGE_GET, err))
        return false;
    bind_account(&run, owner);
    is_read = sqlite_step(&run, &has_row);
    if (is_read && has_row)
        read_usage(&run, usage);
    sqlite_end(&run);
    return is_read;
}

/* An account without a charge has no row. */
static bool set(struct sqlite *sqlite, const struct owner *owner, const struct usage *usage,
                struct error *err)
{
    bool is_zero = usage->bytes == 0 && usage->objects == 0 && usage->pins == 0;
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, is_zero ? STATEMENT_USAGE_DELETE : STATEMENT_USAGE_SET, err))
        return false;
    bind_account(&run, owner);
    if (!is_zero) {
        sqlite_bind_integer(&run, 3, usage->bytes);
        sqlite_bind_integer(&run, 4, usage->objects);
        sqlite_bind_integer(&run, 5, usage->pins);
    }
    return sqlite_finish(&run);
}

bool sqlite_usage_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct usage_get *in = &transaction->usage_get;

    return sqlite_usage_of(sqlite, in->is_org ? NULL : &in->owner, &in->usage, err);
}

/* ---- charges */

/* The strongest mode that the owner (NULL: anybody) holds of the object. */
static bool get_mode(struct sqlite *sqlite, uint64_t object, const struct owner *owner,
                     enum pin_mode *mode, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, owner == NULL ? STATEMENT_CHARGE_ORG : STATEMENT_CHARGE_OWNER,
                      err))
        return false;
    if (owner == NULL) {
        sqlite_bind_integer(&run, 1, object);
    } else {
        bind_account(&run, owner);
        sqlite_bind_integer(&run, 3, object);
    }
    is_read = sqlite_step(&run, &has_row);
    *mode = is_read ? (enum pin_mode)sqlite_integer(&run, 0) : PIN_NONE;
    sqlite_end(&run);
    return is_read;
}

static bool get_sizes(struct sqlite *sqlite, uint64_t object, uint64_t bytes[PIN_MODE_COUNT],
                      struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_SIZES, err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    is_read = sqlite_step(&run, &has_row);
    bytes[PIN_NONE] = 0;
    for (int i = 0; i < 2; i++)
        bytes[PIN_DIRECT + i] = is_read && has_row ? sqlite_integer(&run, i) : 0;
    sqlite_end(&run);
    return is_read;
}

bool sqlite_charge_get(struct sqlite *sqlite, uint64_t object, const struct owner *owner,
                       struct sqlite_charge *charge, struct error *err)
{
    uint64_t bytes[PIN_MODE_COUNT];
    enum pin_mode own, org;

    if (!get_sizes(sqlite, object, bytes, err) || !get_mode(sqlite, object, owner, &own, err) ||
        !get_mode(sqlite, object, NULL, &org, err))
        return false;
    *charge = (struct sqlite_charge){
        .owner = {.bytes = bytes[own], .objects = own != PIN_NONE},
        .org = {.bytes = bytes[org], .objects = org != PIN_NONE},
    };
    return true;
}

/* False: what is kept is less than what is to be taken off. */
static bool move(uint64_t *value, uint64_t before, uint64_t after)
{
    if (*value < before || *value - before > INT64_MAX - after)
        return false;
    *value = *value - before + after;
    return true;
}

static bool settle(struct sqlite *sqlite, const struct owner *owner, const struct usage *before,
                   const struct usage *after, int pins, struct error *err)
{
    struct usage usage;

    if (before->bytes == after->bytes && before->objects == after->objects && pins == 0)
        return true;
    if (!sqlite_usage_of(sqlite, owner, &usage, err))
        return false;
    if (!move(&usage.bytes, before->bytes, after->bytes) ||
        !move(&usage.objects, before->objects, after->objects) ||
        !move(&usage.pins, pins<0, pins> 0))
        return error_set(err, ERROR_IO,
                         "the ledger %s: the usage of %s %s does not cover its pins; recount it",
                         sqlite->path, owner == NULL ? "the" : owner_kind_name(owner->kind),
                         owner == NULL ? "organization" : owner->id);
    return set(sqlite, owner, &usage, err);
}

bool sqlite_charge_settle(struct sqlite *sqlite, uint64_t object, const struct owner *owner,
                          const struct sqlite_charge *before, int owner_pins, int org_pins,
                          struct error *err)
{
    struct sqlite_charge after;

    return sqlite_charge_get(sqlite, object, owner, &after, err) &&
           settle(sqlite, owner, &before->owner, &after.owner, owner_pins, err) &&
           settle(sqlite, NULL, &before->org, &after.org, org_pins, err);
}
