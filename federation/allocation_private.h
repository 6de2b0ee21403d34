// SPDX-License-Identifier: Apache-2.0
/* What the parts of the allocation's machine share. A handler changes the record; what is to be
 * done, what is journaled and what is charged follow from how it changed (allocation.c). */
#ifndef FEDERATION_ALLOCATION_PRIVATE_H
#define FEDERATION_ALLOCATION_PRIVATE_H

#include "federation/allocation.h"

struct allocation_change {
    struct allocation_record *record;
    const struct allocation_event *event;
    uint64_t wall_ms;
    struct allocation_actions *actions;
};

typedef void (*allocation_handler_fn)(struct allocation_change *change);

/* Never NULL: each event has an answer in each state. allocation_table.c */
allocation_handler_fn allocation_handler(enum allocation_state state,
                                         enum allocation_event_kind kind);

/* The one setter. Reason and words go, a wait ends. */
void allocation_set_state(struct allocation_change *change, enum allocation_state state);
/* With the event's words. */
void allocation_note(struct allocation_change *change, enum allocation_reason reason);
/* Where it is, and on from there when the time has come: base doubled for each time in a row, at
 * most max, spread by chance. */
void allocation_wait(struct allocation_change *change, enum allocation_reason reason,
                     uint64_t base_ms, uint64_t max_ms);
void allocation_retry(struct allocation_change *change, enum allocation_reason reason);
/* The item under way is over; what is to be asked next, settling says. */
void allocation_end_item(struct allocation_record *record);
void allocation_answer(struct allocation_change *change, unsigned status);
/* The item that ended was answered 410, and its allocation is not over: its key is taken no more.
 * Before a restore of ours it was settled, or before a crash it said the same in other bytes. Under
 * another one at once, then not so fast. */
void allocation_under_another_key(struct allocation_change *change);
/* The answer or failure is of the item under way. */
bool allocation_is_of_item(const struct allocation_change *change);
static inline bool allocation_has_item(const struct allocation_record *record)
{
    return record->item != ALLOCATION_NO_ITEM;
}
void allocation_set_key(char key[ULID_SIZE], const char *from);

/* allocation_owner.c */
void allocation_do_place(struct allocation_change *change);
void allocation_do_learn(struct allocation_change *change);
void allocation_do_want(struct allocation_change *change);
void allocation_do_want_back(struct allocation_change *change);
void allocation_do_release(struct allocation_change *change);
void allocation_do_release_early(struct allocation_change *change);
void allocation_do_unwanted(struct allocation_change *change);
void allocation_do_reserve_turn(struct allocation_change *change);
void allocation_do_release_turn(struct allocation_change *change);
void allocation_do_reserved_there(struct allocation_change *change);
void allocation_do_committed_there(struct allocation_change *change);
void allocation_do_released_there(struct allocation_change *change);
void allocation_do_end_item(struct allocation_change *change);
void allocation_do_ask_again(struct allocation_change *change);
void allocation_do_progress(struct allocation_change *change);
void allocation_do_send_failed(struct allocation_change *change);
void allocation_do_receipt(struct allocation_change *change);
void allocation_do_late_receipt(struct allocation_change *change);
void allocation_do_receipt_again(struct allocation_change *change);
void allocation_do_unwanted_receipt(struct allocation_change *change);
void allocation_do_evicted(struct allocation_change *change);
void allocation_do_evicted_early(struct allocation_change *change);
void allocation_do_evicted_late(struct allocation_change *change);
/* allocation_holder.c */
void allocation_do_take(struct allocation_change *change);
void allocation_do_take_again(struct allocation_change *change);
void allocation_do_take_expired(struct allocation_change *change);
void allocation_do_commit(struct allocation_change *change);
void allocation_do_commit_again(struct allocation_change *change);
void allocation_do_commit_known(struct allocation_change *change);
void allocation_do_let_go(struct allocation_change *change);
void allocation_do_let_go_again(struct allocation_change *change);
void allocation_do_received(struct allocation_change *change);
void allocation_do_rejected(struct allocation_change *change);
void allocation_do_imported(struct allocation_change *change);
void allocation_do_import_failed(struct allocation_change *change);
void allocation_do_removed(struct allocation_change *change);
void allocation_do_remove_failed(struct allocation_change *change);
void allocation_do_storage_lost(struct allocation_change *change);
void allocation_do_evict(struct allocation_change *change);
void allocation_do_evict_partial(struct allocation_change *change);
void allocation_do_evict_orphan(struct allocation_change *change);
void allocation_do_told(struct allocation_change *change);
/* allocation_links.c: what becomes of it when the link does */
void allocation_do_drain_owner(struct allocation_change *change);
void allocation_do_drain_placed(struct allocation_change *change);
void allocation_do_drain_early(struct allocation_change *change);
void allocation_do_drain_partial(struct allocation_change *change);
void allocation_do_drain_pinned(struct allocation_change *change);
void allocation_do_lose(struct allocation_change *change);
void allocation_do_forget_items(struct allocation_change *change);
void allocation_do_shorten(struct allocation_change *change);
void allocation_do_orphan(struct allocation_change *change);
void allocation_do_stay_placed(struct allocation_change *change);
void allocation_do_stay_pinned(struct allocation_change *change);
void allocation_do_granted(struct allocation_change *change);
void allocation_do_link_back(struct allocation_change *change);
void allocation_do_found(struct allocation_change *change);
void allocation_do_found_releasing(struct allocation_change *change);
void allocation_do_found_released(struct allocation_change *change);
void allocation_do_found_refused(struct allocation_change *change);
void allocation_do_not_held(struct allocation_change *change);
void allocation_do_uncommitted(struct allocation_change *change);
void allocation_do_missed(struct allocation_change *change);
void allocation_do_absent(struct allocation_change *change);
void allocation_do_believed(struct allocation_change *change);
void allocation_do_not_believed(struct allocation_change *change);
/* allocation.c */
void allocation_do_nothing(struct allocation_change *change);
void allocation_do_answer_ok(struct allocation_change *change);
void allocation_do_answer_unknown(struct allocation_change *change);
void allocation_do_answer_later(struct allocation_change *change);
void allocation_do_answer_gone(struct allocation_change *change);
void allocation_do_answer_conflict(struct allocation_change *change);
void allocation_do_tick(struct allocation_change *change);
void allocation_do_tick_stuck(struct allocation_change *change);
void allocation_do_tick_tombstone(struct allocation_change *change);
void allocation_do_tick_spooled(struct allocation_change *change);
void allocation_do_tick_leaving(struct allocation_change *change);

#endif
