// SPDX-License-Identifier: Apache-2.0
/* What the parts of the link's machine share. A handler changes the record's flags and asks for
 * what is to be done; the state follows from them in link_settle, by the one setter. */
#ifndef FEDERATION_LINK_PRIVATE_H
#define FEDERATION_LINK_PRIVATE_H

#include "federation/link.h"

struct link_change {
    struct link *link;
    struct link_record *record; /* of link */
    const struct link_event *event;
    struct link_now now;
    struct link_actions *actions;
};

typedef void (*link_handler_fn)(struct link_change *change);

/* Never NULL: each event has an answer in each state. link_table.c */
link_handler_fn link_handler(enum link_state state, enum link_event_kind kind);

/* The one setter; asserts that the state may follow the one before. Setting the same is nothing. */
void link_set_state(struct link_change *change, enum link_state state);

static inline bool link_is_live(enum link_state state)
{
    return state == LINK_ACTIVE || state == LINK_DEGRADED || state == LINK_ISOLATED ||
           state == LINK_SUSPENDED;
}

void link_say(struct link_change *change, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void link_refuse(struct link_change *change, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void link_alarm(struct link_change *change, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Of what a peer can say again and again: left out once it has said too much. */
void link_peer_alarm(struct link_change *change, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Of what a peer says: may it change the record now, or only later (LINK_CHANGES_MAX)? A change
 * that was made is noted. */
bool link_may_change(const struct link_change *change);
void link_note_change(struct link_change *change);

void link_isolate(struct link_change *change, enum link_isolation why);
/* Forgets what was observed. */
void link_forget_evidence(struct link *link);
/* Ours. */
void link_begin_incarnation(struct link_change *change);
/* What belongs to an epoch: flags, isolation, end. The epoch itself is the caller's. */
void link_begin_epoch(struct link_change *change);
/* Both are told the epoch's number, once. */
void link_agree_on_epoch(struct link_change *change, uint64_t epoch);
void link_end_epoch(struct link_change *change, enum link_end end, enum link_state state);
bool link_has_evidence(const struct link *link, uint64_t now_ms);

/* One each for the events of link.h; what is refused or ignored is in link_refusals.c. */
void link_do_invite(struct link_change *change);
void link_do_invite_again(struct link_change *change);
void link_do_repin(struct link_change *change);
void link_do_cancel(struct link_change *change);
void link_do_join(struct link_change *change);
void link_do_join_again(struct link_change *change);
void link_do_rejoin(struct link_change *change);
void link_do_confirm(struct link_change *change);
void link_do_suspend(struct link_change *change);
void link_do_resume(struct link_change *change);
void link_do_revoke(struct link_change *change);

void link_do_take_join(struct link_change *change);
void link_do_repeat_join(struct link_change *change);
void link_do_late_join(struct link_change *change);
void link_do_unproved(struct link_change *change);
void link_do_joined(struct link_change *change);
void link_do_join_refused(struct link_change *change);
void link_do_heard(struct link_change *change);
void link_do_acked(struct link_change *change);
void link_do_roots_taken(struct link_change *change);
void link_do_end_heard(struct link_change *change);
void link_do_end_known(struct link_change *change);
void link_do_end_acked(struct link_change *change);
void link_do_peer_behind(struct link_change *change);
void link_do_untrusted(struct link_change *change);
void link_do_disowned(struct link_change *change);
void link_do_skewed(struct link_change *change);
void link_do_agreed(struct link_change *change);
void link_do_differed(struct link_change *change);

void link_do_roots_made(struct link_change *change);
void link_do_dials(struct link_change *change);
void link_do_restored_invited(struct link_change *change);
void link_do_restored(struct link_change *change);
void link_do_restored_over(struct link_change *change);
void link_do_tick_invited(struct link_change *change);
void link_do_tick_linked(struct link_change *change);
void link_do_tick_ended(struct link_change *change);

void link_do_nothing(struct link_change *change);
void link_do_refuse_none(struct link_change *change);
void link_do_refuse_invited(struct link_change *change);
void link_do_refuse_pending(struct link_change *change);
void link_do_refuse_linked(struct link_change *change);
void link_do_refuse_over(struct link_change *change);
void link_do_already_confirmed(struct link_change *change);
void link_do_already_revoked(struct link_change *change);
void link_do_answer_behind(struct link_change *change);
void link_do_answer_forbidden(struct link_change *change);
void link_do_answer_gone(struct link_change *change);
void link_do_answer_over(struct link_change *change);

#endif
