// SPDX-License-Identifier: Apache-2.0
/* The cells of the table in which nothing changes. */
#include "federation/link_private.h"

/* Late, doubled, or about something that is over. */
void link_do_nothing(struct link_change *change)
{
}

/* The event has the partner's name if the record has none. */
static const char *peer_of(const struct link_change *change)
{
    return change->record->peer[0] != '\0' ? change->record->peer : change->event->peer;
}

void link_do_refuse_none(struct link_change *change)
{
    link_refuse(change,
                "there is no link with %s; `causeway link invite` or `causeway link join` "
                "begins one",
                peer_of(change));
}

void link_do_refuse_invited(struct link_change *change)
{
    link_refuse(change,
                "nobody has joined by our invitation for %s yet; they run `causeway link join` "
                "with it, or `causeway link revoke %s` makes it void",
                peer_of(change), peer_of(change));
}

void link_do_refuse_pending(struct link_change *change)
{
    link_refuse(change,
                "the link with %s waits to be confirmed; compare the six words and run `causeway "
                "link confirm`, or `causeway link revoke %s`",
                peer_of(change), peer_of(change));
}

void link_do_refuse_linked(struct link_change *change)
{
    link_refuse(change,
                "%s is linked already. If they lost their keys, `causeway link repin %s`; if it is "
                "to end, `causeway link revoke %s`",
                peer_of(change), peer_of(change), peer_of(change));
}

void link_do_refuse_over(struct link_change *change)
{
    link_refuse(change, "the link with %s is over; `causeway link invite %s` begins a new one",
                peer_of(change), peer_of(change));
}

void link_do_answer_behind(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_BEHIND;
}

void link_do_answer_forbidden(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_FORBIDDEN;
}

void link_do_answer_gone(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_GONE;
}

void link_do_answer_over(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_OVER;
}
