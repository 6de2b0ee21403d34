// SPDX-License-Identifier: Apache-2.0
/* What both sides grant, and what is asked again when that changes: what is stuck for a grant is in
 * the ledger, and read from there by priority for as long as there is room. */
#include "federation/allocations_private.h"

enum { PAGE = 200, FIRST_MS = 50, NEXT_MS = 500 };

static bool is_same(const struct grant *a, const struct grant *b)
{
    return a->bytes == b->bytes && a->pins == b->pins && a->max_object == b->max_object;
}

void allocations_grant(struct allocations *allocations, const char *partner, struct grant we_store,
                       struct grant they_store)
{
    struct party *party = allocations_party(allocations, partner);

    if (party == NULL || (party->is_granted && is_same(&party->here.ours, &we_store) &&
                          is_same(&party->there.ours, &they_store)))
        return;
    party->is_granted = true;
    party->here.ours = we_store;
    party->there.ours = they_store;
    party_wake(party);
    party_pump(party);
}

/* A refusal may have told it before, of one; the heartbeat tells it of all. */
void allocations_told(struct allocations *allocations, const char *partner, struct grant we_store,
                      struct grant they_store)
{
    struct party *party = allocations_party(allocations, partner);

    if (party == NULL)
        return;
    party->here.theirs = they_store;
    if (party->has_told && is_same(&party->told, &we_store))
        return;
    party->has_told = true;
    party->told = party->there.theirs = we_store;
    party_wake(party);
}

struct grant_account party_here(const struct party *party)
{
    struct grant_account account = party->here;

    account.theirs = GRANT_OPEN;
    return account;
}

/* ---- asking again */

static bool has_room(const struct party *party)
{
    struct grant grant = grant_in_force(&party->there);

    return party->there.pins < grant.pins && party->there.bytes < grant.bytes;
}

static int64_t count_stuck(const struct party *party)
{
    return party->stuck[ALLOCATION_OUR_GRANT] + party->stuck[ALLOCATION_THEIR_GRANT] +
           party->stuck[ALLOCATION_QUOTA_THERE] + party->stuck[ALLOCATION_FORBIDDEN_THERE];
}

static void wake_in(struct party *party, uint64_t wait_ms)
{
    timer_arm(party->allocations->settings.loop, &party->waking.timer, wait_ms);
}

static void end_pages(struct party *party)
{
    party->waking.after = (struct allocation_entry){0};
    if (party->waking.is_due)
        wake_in(party, NEXT_MS);
}

static void on_stuck(void *party_, struct transaction *transaction)
{
    struct party *party = party_;
    const struct allocation_list *list = &transaction->allocation_list;

    party->waking.page = NULL;
    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < list->count; i++) {
        struct allocation_event event = {.kind = ALLOCATION_GRANTED};

        memcpy(event.id, list->entries[i].id, ULID_SIZE);
        task_run(task_create(party->allocations, party, ALLOCATION_OWNER, &event));
    }
    if (transaction->err.code != ERROR_NONE || !list->has_more) {
        end_pages(party);
        return;
    }
    party->waking.after = list->entries[list->count - 1];
    party->waking.after.object = party->waking.after.record = (struct slice){NULL, 0};
    wake_in(party, NEXT_MS);
}

static void read_stuck(struct timer *timer)
{
    struct party *party = CONTAINER_OF(timer, struct party, waking.timer);
    const struct allocations_settings *settings = &party->allocations->settings;
    const struct allocation_entry *after = &party->waking.after;
    struct transaction *transaction;
    struct allocation_list *list;

    if (after->id[0] == '\0')
        party->waking.is_due = false;
    if (party->is_loading || party->waking.page != NULL || !has_room(party) ||
        count_stuck(party) <= 0) {
        party->waking.after = (struct allocation_entry){0};
        return;
    }
    transaction = transaction_create(TRANSACTION_ALLOCATION_LIST);
    list = &transaction->allocation_list;
    list->by = ALLOCATION_LIST_STATE;
    list->role = ALLOCATION_OWNER;
    list->limit = PAGE;
    memcpy(list->link, party->link, ULID_SIZE);
    (void)snprintf(list->state, sizeof(list->state), "%s", allocation_state_name(ALLOCATION_STUCK));
    if (after->id[0] != '\0')
        list->after = (const struct allocation_entry *)(const void *)transaction_copy(
                          transaction, (struct slice){(const char *)after, sizeof(*after)})
                          .data;
    party->waking.page = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_stuck, party, NULL))
        return;
    party->waking.page = NULL;
    transaction_destroy(&transaction);
    wake_in(party, NEXT_MS);
}

void party_wake(struct party *party)
{
    party->waking.is_due = true;
    if (party->waking.page == NULL && party->waking.after.id[0] == '\0')
        wake_in(party, FIRST_MS);
}

void party_init_waking(struct party *party)
{
    party->waking.timer.fire = read_stuck;
}

void party_stop_waking(struct party *party)
{
    timer_disarm(&party->waking.timer);
    if (party->waking.page != NULL)
        store_cancel(party->waking.page);
    party->waking.page = NULL;
}
