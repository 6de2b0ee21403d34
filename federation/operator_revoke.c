// SPDX-License-Identifier: Apache-2.0
#include "federation/operator_links.h"

#include "conf/memory.h"
#include "federation/drains.h"
#include "federation/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_mode(const json_t *input, struct error *err)
{
    struct slice mode = operator_text(input, "mode");

    return mode.data == NULL || slice_is(mode, "now") || slice_is(mode, "restrict") ||
           slice_is(mode, "drain") ||
           error_set(err, ERROR_SYNTAX,
                     "a link is revoked 'now', 'restrict' or 'drain', not '%.32s'", mode.data);
}

static bool read_revoke(struct operator_call *call, struct links_command *command,
                        struct error *err)
{
    return read_mode(operator_input(call), err);
}

static const char *const revoke_fields[] = {"\"partner", "\"mode", NULL};

/* What is alive over a link, by the ledger, before it is ended. */
struct counting {
    char link[ULID_SIZE];
    enum allocation_role role;
    uint64_t live[ALLOCATION_HOLDER + 1];
};

static void count_next(struct operator_call *call);

static void on_counted(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct counting *counting = *operator_context(call);

    if (transaction->err.code != ERROR_NONE) {
        free(counting);
        *operator_context(call) = NULL;
        operator_refuse_error(call, &transaction->err);
        return;
    }
    counting->live[counting->role] = drains_count_live(&transaction->allocation_sum);
    counting->role = counting->role == ALLOCATION_OWNER ? ALLOCATION_HOLDER : ALLOCATION_HOLDER + 1;
    count_next(call);
}

static void end_counting(struct operator_call *call)
{
    struct counting counting = *(struct counting *)*operator_context(call);
    uint64_t ours = counting.live[ALLOCATION_OWNER], theirs = counting.live[ALLOCATION_HOLDER];

    free(*operator_context(call));
    *operator_context(call) = NULL;
    if (ours + theirs == 0)
        links_operator_run(call, LINKS_REVOKE, revoke_fields, read_revoke);
    else
        operator_refuse(call, 409,
                        "the link is not ended: %llu allocations of ours are alive there, and %llu "
                        "of theirs here; causeway allocation list has them. By 'now' it ends all "
                        "the same: copies there count no more, and nothing is deleted",
                        (unsigned long long)ours, (unsigned long long)theirs);
}

static void count_next(struct operator_call *call)
{
    const struct counting *counting = *operator_context(call);
    struct transaction *sum;
    struct error err = {0};

    if (counting->role > ALLOCATION_HOLDER) {
        end_counting(call);
        return;
    }
    sum = transaction_create(TRANSACTION_ALLOCATION_SUM);
    memcpy(sum->allocation_sum.link, counting->link, ULID_SIZE);
    sum->allocation_sum.role = (uint8_t)counting->role;
    if (store_start(operator_site(call)->store, operator_site(call)->loop, sum, on_counted, call,
                    &err))
        return;
    transaction_destroy(&sum);
    free(*operator_context(call));
    *operator_context(call) = NULL;
    operator_refuse_error(call, &err);
}

/* False: there is no such link, or nothing has a name there yet. */
static bool count_first(struct operator_call *call)
{
    struct slice partner = operator_text(operator_input(call), "partner");
    json_t *link =
        partner.data == NULL ? NULL : links_describe(operator_site(call)->links, partner.data);
    const char *id = json_string_value(json_object_get(link, "id"));
    struct counting *counting;

    if (id != NULL) {
        counting = memory_alloc(sizeof(*counting));
        counting->role = ALLOCATION_OWNER;
        snprintf(counting->link, sizeof(counting->link), "%s", id);
        *operator_context(call) = counting;
        count_next(call);
    }
    json_decref(link);
    return id != NULL;
}

void links_operator_revoke(struct operator_call *call)
{
    struct slice mode = operator_text(operator_input(call), "mode");

    if (operator_site(call)->links != NULL && mode.data != NULL && slice_is(mode, "restrict") &&
        count_first(call))
        return;
    links_operator_run(call,
                       mode.data != NULL && slice_is(mode, "drain") ? LINKS_DRAIN : LINKS_REVOKE,
                       revoke_fields, read_revoke);
}
