// SPDX-License-Identifier: Apache-2.0
/* What operators do, and what goes wrong. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static struct link_event command_of(struct sim *sim, unsigned org, unsigned peer,
                                    enum link_event_kind kind)
{
    struct link_event event = {.kind = kind, .matches = true};

    (void)snprintf(event.id, sizeof(event.id), "%026u", org * SIM_ORGS_MAX + peer);
    (void)snprintf(event.peer, sizeof(event.peer), "org%u", peer);
    event.incarnation = ++sim->incarnations;
    event.expires_wall_ms = sim_now(sim, org).wall_ms + 600000;
    return event;
}

static bool command(struct sim *sim, unsigned org, unsigned peer, const struct link_event *event)
{
    struct link_actions actions;

    if (!sim->org[org].is_up)
        return false;
    sim->counts.operations++;
    sim->counts.commands++;
    if (!sim_step(sim, org, peer, event, &actions))
        return false;
    sim_trace(sim, org, peer, "%s: %s", link_event_name(event->kind), actions.said);
    return !actions.is_refused;
}

/* What is handed over on paper. */
static void hand_over(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer), *there = sim_side(sim, peer, org);
    const struct link_record *record = &side->disk.record;

    there->invitation = command_of(sim, peer, org, LINK_JOIN);
    memcpy(there->invitation.id, record->id, sizeof(record->id));
    there->invitation.epoch = record->invite_epoch;
    there->invitation.root[0] = (uint8_t)(org + 1);
    memcpy(&there->invitation.root[1], &sim->org[org].root, sizeof(uint32_t));
    there->invitation.expires_wall_ms = record->expires_wall_ms;
    there->invitation_secret = side->disk.secret;
    there->has_invitation = true;
}

static void invite(struct sim *sim, unsigned org, unsigned peer, enum link_event_kind kind)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct link_event event = command_of(sim, org, peer, kind);

    if (kind == LINK_REPIN)
        sim->counts.repins++;
    if (!command(sim, org, peer, &event))
        return;
    side->disk.secret = 1 + sim_draw(sim, UINT64_C(1) << 52);
    sim->counts.epochs++;
    hand_over(sim, org, peer);
}

static void join(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct link_event event = side->invitation;

    if (!side->has_invitation || !sim->org[org].is_up)
        return;
    event.incarnation = ++sim->incarnations;
    side->has_invitation = sim->is_troubled && sim_draw(sim, 4) == 0; /* and tried once more */
    command(sim, org, peer, &event);
}

/* Somebody else found the paper, and is faster. */
static void steal(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct link_event event = {.kind = LINK_JOIN_PROVED,
                               .root = {200},
                               .incarnation = 99,
                               .invite_epoch = side->link.record.invite_epoch};
    struct link_actions actions;

    if (sim->org[org].is_up && side->link.record.state == LINK_INVITED &&
        sim_step(sim, org, peer, &event, &actions) && actions.answer == LINK_ANSWER_JOINED)
        sim->counts.stolen++;
}

/* The words are made of the link's id, its epoch and both roots. */
static bool has_same_words(struct sim *sim, unsigned org, unsigned peer)
{
    const struct link_record *a = &sim_side(sim, org, peer)->link.record;
    const struct link_record *b = &sim_side(sim, peer, org)->link.record;

    return strcmp(a->id, b->id) == 0 && a->epoch == b->epoch && a->peer_root[0] == peer + 1 &&
           b->peer_root[0] == org + 1 && !b->is_joining && b->state != LINK_INVITED &&
           b->state != LINK_NONE;
}

static void confirm(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct link_event event = command_of(sim, org, peer, LINK_CONFIRM);

    if (side->link.record.state != LINK_PENDING || side->link.record.is_joining ||
        !sim->org[peer].is_up)
        return;
    event.matches = has_same_words(sim, org, peer);
    if (event.matches || sim_draw(sim, 3) == 0)
        command(sim, org, peer, &event);
    if (event.matches || sim_draw(sim, 3) != 0)
        return;
    event = command_of(sim, org, peer, LINK_REVOKE);
    command(sim, org, peer, &event);
}

void sim_operate(struct sim *sim, unsigned org, unsigned peer)
{
    const struct link_record *record = &sim_side(sim, org, peer)->link.record;
    struct link_event event;

    if (!sim->org[org].is_up)
        return;
    if (sim_side(sim, org, peer)->has_invitation && sim_draw(sim, 2) == 0) {
        join(sim, org, peer);
        return;
    }
    switch (sim_draw(sim, 14)) {
    case 0:
    case 1:
    case 2:
        if (record->state != LINK_INVITED || sim_draw(sim, 10) == 0)
            invite(sim, org, peer, LINK_INVITE);
        return;
    case 3:
        event = command_of(sim, org, peer, LINK_SUSPEND);
        break;
    case 4:
    case 5:
        event = command_of(sim, org, peer, LINK_RESUME);
        break;
    case 6:
        if (sim_draw(sim, 4) != 0)
            return;
        sim->counts.revocations++;
        event = command_of(sim, org, peer, LINK_REVOKE);
        break;
    case 7:
        if (sim_draw(sim, 6) != 0)
            return;
        invite(sim, org, peer, LINK_REPIN);
        return;
    case 8:
        if (sim_draw(sim, 4) != 0)
            return;
        event = command_of(sim, org, peer, LINK_CANCEL);
        break;
    case 9:
        if (sim_draw(sim, 6) == 0)
            steal(sim, org, peer);
        return;
    default:
        confirm(sim, org, peer);
        return;
    }
    command(sim, org, peer, &event);
}

/* ---- roots */

static bool all_know(const struct sim *sim, unsigned org, uint64_t roots)
{
    for (unsigned peer = 0; peer < sim->orgs; peer++) {
        const struct link_record *record = &sim->org[org].sides[peer].link.record;

        if (peer != org && record->state >= LINK_PENDING && record->state <= LINK_SUSPENDED &&
            record->roots_known_there < roots)
            return false;
    }
    return true;
}

/* A document names the next root; it is used only when every peer has a document that names it. */
static void rotate(struct sim *sim, unsigned org)
{
    struct sim_org *o = &sim->org[org];

    if (o->roots_used < o->roots) {
        if (all_know(sim, org, o->roots)) {
            o->roots_used = o->roots;
            sim->counts.rotations++;
        }
        return;
    }
    o->roots++;
    for (unsigned peer = 0; peer < sim->orgs; peer++) {
        struct link_event event = {.kind = LINK_ROOTS_MADE, .sequence = o->roots};
        struct link_actions actions;

        if (peer != org && o->is_up)
            sim_step(sim, org, peer, &event, &actions);
    }
}

/* ---- trouble */

static void worsen_path(struct sim *sim, unsigned from, unsigned to)
{
    struct sim_path *path = &sim->path[from][to];

    path->lost = (unsigned)(sim_draw(sim, 3) == 0 ? sim_draw(sim, 500) : sim_draw(sim, 50));
    path->doubled = (unsigned)sim_draw(sim, 300);
    path->delay_ms = sim_draw(sim, 4) == 0 ? sim_draw(sim, 8000) : sim_draw(sim, 300);
    path->is_cut = sim_draw(sim, 5) == 0;
    sim->counts.cuts += path->is_cut;
}

static void back_up(struct sim *sim, unsigned org)
{
    unsigned backup = (unsigned)sim_draw(sim, SIM_BACKUPS);

    for (unsigned peer = 0; peer < sim->orgs; peer++)
        sim->org[org].backups[backup][peer] = sim->org[org].sides[peer].disk;
    sim->org[org].has_backup[backup] = true;
}

void sim_trouble(struct sim *sim)
{
    unsigned org = (unsigned)sim_draw(sim, sim->orgs), other = (unsigned)sim_draw(sim, sim->orgs);
    unsigned backup = (unsigned)sim_draw(sim, SIM_BACKUPS);

    switch (sim_draw(sim, 16)) {
    case 0:
        if (sim->org[org].is_up)
            sim_crash(sim, org);
        return;
    case 1:
    case 2:
        back_up(sim, org);
        return;
    case 3:
        if (sim->org[org].has_backup[backup] && sim_draw(sim, 3) == 0)
            sim_restore(sim, org, backup);
        return;
    case 4:
        sim->org[org].clock_ms =
            (int64_t)sim_draw(sim, sim_draw(sim, 3) == 0 ? 7200000 : 20000) - 10000;
        sim->counts.clocks++;
        return;
    case 5:
        rotate(sim, org);
        return;
    case 6:
    case 7:
    case 8:
        if (!sim->org[org].is_up)
            sim_start(sim, org);
        return;
    default:
        if (org != other)
            worsen_path(sim, org, other);
        return;
    }
}

/* ---- and peace */

void sim_mend(struct sim *sim)
{
    sim->is_troubled = false;
    for (unsigned a = 0; a < sim->orgs; a++) {
        sim->org[a].clock_ms = 0;
        for (unsigned b = 0; b < sim->orgs; b++)
            sim->path[a][b] = (struct sim_path){.delay_ms = 50};
        if (!sim->org[a].is_up)
            sim_start(sim, a);
    }
}

/* What an operator does who reads `link list` and follows what it says. */
static void mend_link(struct sim *sim, unsigned org, unsigned peer)
{
    const struct sim_side *side = sim_side(sim, org, peer);
    const struct link_record *record = &side->link.record;
    struct link_event event = command_of(sim, org, peer, LINK_RESUME);

    if (side->has_invitation) {
        join(sim, org, peer);
    } else if (record->state == LINK_PENDING &&
               (side->link.is_unknown_there || side->link.is_untrusted)) {
        event.kind = LINK_REVOKE;
        command(sim, org, peer, &event);
    } else if (record->state == LINK_PENDING) {
        confirm(sim, org, peer);
    } else if ((side->link.is_unknown_there || side->link.is_untrusted) &&
               record->state >= LINK_ACTIVE && record->state <= LINK_SUSPENDED) {
        invite(sim, org, peer, LINK_REPIN);
    } else if (record->suspended_here) {
        command(sim, org, peer, &event);
    } else if (record->state == LINK_INVITED) {
        event.kind = LINK_CANCEL;
        command(sim, org, peer, &event);
    }
}

void sim_mend_round(struct sim *sim)
{
    for (unsigned a = 0; a < sim->orgs; a++)
        for (unsigned b = 0; b < sim->orgs; b++)
            if (a != b)
                mend_link(sim, a, b);
}
