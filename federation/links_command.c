// SPDX-License-Identifier: Apache-2.0
/* What operators ask of links. */
#include "federation/links_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MS UINT64_C(86400000)

struct command {
    struct work work;
    enum links_what what;
    struct link_event event;
    char actor[ID_SIZE * 2];
    char org[ORG_SIZE], address[LINK_KEPT_ADDRESS_MAX + 1];
    bool has_address;
    char words[WORDS_SIZE];
    bool is_yes;
    struct link_limits limits;
    struct invitation invitation; /* JOIN: theirs; INVITE, REPIN: ours, made in the turn */
    bool makes_invitation;
    bool waits; /* a join's waiter answers */
    struct link_actions actions;
    void (*on_done)(void *arg, const struct links_answer *answer);
    void *arg;
};

static void command_free(struct command *command)
{
    OPENSSL_cleanse(&command->invitation, sizeof(command->invitation));
    free(command);
}

static void drop_command(struct work *work)
{
    struct command *command = CONTAINER_OF(work, struct command, work);
    struct links_answer answer = {.status = 503, .said = SLICE("this gateway is stopping")};

    if (!command->waits)
        command->on_done(command->arg, &answer);
    command_free(command);
}

/* ---- what is asked, in the machine's words */

static enum link_event_kind event_of(enum links_what what)
{
    switch (what) {
    case LINKS_INVITE:
        return LINK_INVITE;
    case LINKS_JOIN:
        return LINK_JOIN;
    case LINKS_CONFIRM:
        return LINK_CONFIRM;
    case LINKS_CANCEL:
        return LINK_CANCEL;
    case LINKS_SUSPEND:
        return LINK_SUSPEND;
    case LINKS_RESUME:
        return LINK_RESUME;
    case LINKS_REVOKE:
        return LINK_REVOKE;
    case LINKS_REPIN:
    case LINKS_LIMIT:
    case LINKS_DRAIN:
        break;
    }
    return LINK_REPIN;
}

static bool check_address(const struct links_command *what, struct error *err)
{
    struct address address;

    if (what->address == NULL || strcmp(what->address, "none") == 0)
        return true;
    if (!address_parse(&address, slice_of(what->address), err))
        return false;
    if (strlen(what->address) > LINK_KEPT_ADDRESS_MAX || address.kind == ADDRESS_UNIX ||
        address.port == 0)
        return error_set(err, ERROR_SYNTAX,
                         "'%.100s' is no address that a partner can dial: HOST:PORT is",
                         what->address);
    return true;
}

/* "library" of "library.example.org", or what the operator calls them. */
static bool name_partner(struct command *command, const char *wanted, struct error *err)
{
    struct slice name = {command->invitation.org, strcspn(command->invitation.org, ".")};

    if (wanted != NULL)
        name = slice_of(wanted);
    if (!id_check(name, "partner", err))
        return false;
    memcpy(command->event.peer, name.data, name.size);
    return true;
}

static bool read_invitation(struct links *links, struct command *command,
                            const struct links_command *what, struct error *err)
{
    struct invitation *invitation = &command->invitation;
    struct link_event *event = &command->event;

    if (what->text == NULL)
        return error_set(err, ERROR_SYNTAX, "an invitation is missing");
    if (!invitation_parse(invitation, slice_of(what->text), err) ||
        !name_partner(command, what->partner, err))
        return false;
    if (strcmp(invitation->org, links->settings.id.org) == 0)
        return error_set(err, ERROR_REFUSED, "this invitation is our own: it is for a partner");
    memcpy(event->id, invitation->link, sizeof(event->id));
    memcpy(event->root, invitation->root, sizeof(event->root));
    event->epoch = invitation->epoch;
    event->expires_wall_ms = invitation->expires_wall_ms;
    return true;
}

static bool read_words(struct command *command, const struct links_command *what, struct error *err)
{
    command->is_yes = what->is_yes;
    if (what->is_yes)
        return true;
    if (what->text == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "the six words are missing: `causeway link show` has them on both sides");
    return words_read(slice_of(what->text), command->words, err);
}

static bool read_org(struct command *command, const char *org, struct error *err)
{
    return org == NULL || org_read(slice_of(org), command->org, err);
}

static bool read_command(struct links *links, struct command *command,
                         const struct links_command *what, struct error *err)
{
    uint64_t ttl_ms = what->ttl_ms > 0 ? what->ttl_ms : TTL_MS;

    command->what = what->what;
    command->event.kind = event_of(what->what);
    command->event.incarnation = links_random();
    command->limits = what->limits;
    snprintf(command->actor, sizeof(command->actor), "%s", what->actor != NULL ? what->actor : "");
    if (!check_address(what, err) || !read_org(command, what->org, err))
        return false;
    command->has_address = what->address != NULL;
    snprintf(command->address, sizeof(command->address), "%s",
             what->address != NULL ? what->address : "");
    if (what->what == LINKS_JOIN)
        return read_invitation(links, command, what, err);
    if (what->partner == NULL)
        return error_set(err, ERROR_SYNTAX, "a partner's name is missing");
    if (!id_check(slice_of(what->partner), "partner", err))
        return false;
    snprintf(command->event.peer, sizeof(command->event.peer), "%s", what->partner);
    command->event.expires_wall_ms = links->settings.now_ms() + ttl_ms;
    if (what->what == LINKS_INVITE)
        links_draw_ulid(links, command->event.id);
    return what->what != LINKS_CONFIRM || read_words(command, what, err);
}

/* ---- answers */

static void put_invitation(struct side *side, struct command *command, json_t *output)
{
    const struct links *links = side->links;
    struct invitation *invitation = &command->invitation;
    struct text line = {0};

    memcpy(invitation->link, side->link.record.id, sizeof(invitation->link));
    invitation->epoch = side->link.record.invite_epoch;
    memcpy(invitation->org, links->settings.id.org, sizeof(invitation->org));
    memcpy(invitation->root, links->identity->roots.roots[0].hash, sizeof(invitation->root));
    snprintf(invitation->addresses[0], INVITATION_ADDRESS_SIZE, "%s", side_our_address(side));
    invitation->address_count = 1;
    invitation->expires_wall_ms = side->link.record.expires_wall_ms;
    invitation_print(invitation, &line);
    json_object_set_new(output, "invitation", json_stringn(line.data, line.size));
    OPENSSL_cleanse(line.data, line.size);
    text_dispose(&line);
}

static void finish(struct work *work)
{
    struct command *command = CONTAINER_OF(work, struct command, work);
    struct side *side = work->side;
    struct links_answer answer = {.status = 200, .said = slice_of(command->actions.said)};

    if (!command->waits) {
        answer.output = links_describe(side->links, side->link.record.peer);
        if (answer.output == NULL)
            answer.output = json_object();
        if (command->makes_invitation)
            put_invitation(side, command, answer.output);
        command->on_done(command->arg, &answer);
    }
    command_free(command);
    side_done(side);
}

static void refuse(struct command *command, const char *said)
{
    struct side *side = command->work.side;
    struct links_answer answer = {.status = 409, .said = slice_of(said)};

    command->on_done(command->arg, &answer);
    command_free(command);
    side_done(side);
}

static void refused_over(struct work *work)
{
    struct command *command = CONTAINER_OF(work, struct command, work);

    refuse(command, command->actions.said);
}

/* ---- what goes with the record */

static void keep_secret(struct side *side, struct command *command)
{
    int drawn = RAND_bytes(command->invitation.secret, INVITATION_SECRET_SIZE);

    assert(drawn == 1);
    command->makes_invitation = true;
    side->has_invitation = true;
    invitation_key(command->invitation.secret, side->invitation_key);
    side->words[0] = '\0';
    if (command->what == LINKS_INVITE)
        memcpy(side->org, command->org, sizeof(side->org));
}

static void keep_invitation(struct side *side, const struct command *command)
{
    const struct invitation *invitation = &command->invitation;

    side->has_invitation = true;
    invitation_key(invitation->secret, side->invitation_key);
    side->words[0] = '\0';
    memcpy(side->org, invitation->org, sizeof(side->org));
    side->address_count = invitation->address_count;
    for (size_t i = 0; i < invitation->address_count; i++)
        memcpy(side->addresses[i], invitation->addresses[i], LINKS_ADDRESS_SIZE);
    roots_dispose(&side->roots);
    side->is_view_changed = true;
}

static void wait_for_join(struct side *side, struct command *command)
{
    struct join_waiter *waiter = memory_alloc(sizeof(*waiter));

    waiter->on_done = command->on_done;
    waiter->arg = command->arg;
    waiter->next = side->waiters;
    side->waiters = waiter;
    command->waits = true;
}

static void tell_roots(struct side *side)
{
    struct link_event event = {.kind = LINK_ROOTS_MADE,
                               .sequence = side->links->identity->roots.sequence};
    struct link_actions actions;

    side_step(side, &event, &actions);
}

static void keep(struct side *side, struct command *command, enum link_state before)
{
    bool begins = command->actions.send_join && !(before == LINK_PENDING);

    side->is_changed = true;
    tell_roots(side);
    if (command->has_address)
        snprintf(side->our_address, sizeof(side->our_address), "%s", command->address);
    if (command->what == LINKS_INVITE || command->what == LINKS_REPIN)
        keep_secret(side, command);
    if (command->what == LINKS_JOIN && begins) {
        keep_invitation(side, command);
        side_breaker(side, BREAKER_RESET, 0);
    }
    if (command->actions.send_join)
        wait_for_join(side, command);
}

/* ---- its turn */

static bool may_invite(const struct side *side, const struct command *command)
{
    const char *address = command->has_address ? command->address : side->our_address;

    if (command->what != LINKS_INVITE && command->what != LINKS_REPIN)
        return true;
    if (strcmp(address, "none") == 0)
        return false;
    return address[0] != '\0' || side->links->advertise[0] != '\0';
}

static void run_limit(struct command *command)
{
    struct side *side = command->work.side;
    enum link_state state = side->link.record.state;

    side->limits = command->limits;
    side->is_changed = true;
    peers_peer_unref(&side->peer); /* data follows it; nothing is cut for it */
    links_publish_soon(side->links);
    snprintf(command->actions.said, LINK_TEXT_SIZE,
             "the link with %s is limited so from now on; they need do nothing",
             side->link.record.peer);
    side_note(side, command->actor, "limit", state, command->actions.said);
    side_save(side, finish);
}

/* Each side may; the machine knows nothing of it, for it changes nothing of what may be said. */
static void run_drain(struct command *command, bool drains)
{
    struct side *side = command->work.side;
    const struct link_record *record = &side->link.record;

    if (drains && (!record->confirmed_here || record->end != LINK_NOT_ENDED)) {
        (void)snprintf(command->actions.said, LINK_TEXT_SIZE,
                       "the link with %s is %s: there is nothing to drain; causeway link revoke %s "
                       "ends it now",
                       record->peer, link_state_name(record->state), record->peer);
        refuse(command, command->actions.said);
        return;
    }
    if (!drains || !side_is_draining(side))
        side->drain_since_ms = drains ? side->links->settings.now_ms() : 0;
    side->drain_epoch = drains ? record->epoch : 0;
    side->is_changed = true;
    (void)snprintf(
        command->actions.said, LINK_TEXT_SIZE,
        drains ? "the link with %s is drained: nothing new is placed in either direction, what is "
                 "placed is placed elsewhere first and then released, and when nothing is left the "
                 "link ends. causeway link show has what is left; link cancel takes this back, and "
                 "link revoke now ends it at once"
               : "the link with %s is drained no more: what was not released yet stays",
        record->peer);
    side_note(side, command->actor, drains ? "drain" : "cancel drain", record->state,
              command->actions.said);
    links_tell_watch(side);
    side_send(side, CALL_HEARTBEAT);
    side_save(side, finish);
}

static void run_command(struct work *work)
{
    struct command *command = CONTAINER_OF(work, struct command, work);
    struct side *side = work->side;
    enum link_state before = side->link.record.state;

    if (command->what == LINKS_LIMIT) {
        run_limit(command);
        return;
    }
    if (command->what == LINKS_DRAIN || (command->what == LINKS_CANCEL && side_is_draining(side))) {
        run_drain(command, command->what == LINKS_DRAIN);
        return;
    }
    if (!may_invite(side, command)) {
        refuse(command, "who is invited must be able to dial us: say where with --address "
                        "HOST:PORT, or in listen.partners.advertise");
        return;
    }
    if (command->what == LINKS_CONFIRM)
        command->event.matches =
            side->words[0] != '\0' && (command->is_yes || strcmp(command->words, side->words) == 0);
    side_step(side, &command->event, &command->actions);
    if (command->actions.is_refused) {
        side_save(side, refused_over);
        return;
    }
    keep(side, command, before);
    side_note(side, command->actor, link_event_name(command->event.kind), before,
              command->actions.said);
    side_save(side, finish);
}

/* ---- beginning */

/* One that was made for a command that was refused serves the next. */
static struct side *blank_side(struct links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        struct side *side = links->sides[i];

        if (side->link.record.state == LINK_NONE && side->work == NULL && side->works == NULL)
            return side;
    }
    return links_add_side(links);
}

/* An organization is its name and its root, and is linked once: another name here does not make
 * another organization of it. */
static bool check_org(const struct links *links, const struct invitation *invitation,
                      const struct side *side, struct error *err)
{
    const struct side *other = links_by_org(links, invitation->org, side);
    bool has_root = other != NULL && memcmp(other->link.record.peer_root, invitation->root,
                                            sizeof(invitation->root)) == 0;

    if (other != NULL)
        return error_set(err, ERROR_REFUSED,
                         "%s is linked here already, as '%s'%s; run `causeway link revoke %s` "
                         "first if that link is to go",
                         invitation->org, other->link.record.peer,
                         has_root ? "" : ", by another root than this invitation has",
                         other->link.record.peer);
    return side == NULL || side->org[0] == '\0' || strcmp(side->org, invitation->org) == 0 ||
           strcmp(side->link.record.id, invitation->link) != 0 ||
           error_set(err, ERROR_REFUSED,
                     "this invitation is of %s, for a link that is with %s: ask who sent it",
                     invitation->org, side->org);
}

static bool makes_side(enum links_what what)
{
    return what == LINKS_INVITE || what == LINKS_JOIN;
}

bool links_command(struct links *links, const struct links_command *what,
                   void (*on_done)(void *arg, const struct links_answer *answer), void *arg,
                   struct error *err)
{
    struct command *command = memory_alloc(sizeof(*command));
    struct side *side, *same;

    if (!read_command(links, command, what, err)) {
        command_free(command);
        return false;
    }
    side = links_by_partner(links, command->event.peer);
    same = what->what == LINKS_JOIN ? links_by_id(links, command->event.id) : NULL;
    if (same != NULL && what->partner == NULL) /* a rejoin, under the name that we have for them */
        side = same;
    if (same != NULL && same != side) {
        error_set(err, ERROR_REFUSED, "this invitation is for the link with '%s'",
                  same->link.record.peer);
    } else if (side == NULL && !makes_side(what->what)) {
        error_set(err, ERROR_NOT_FOUND,
                  "there is no link with '%s'; `causeway link list` has those that there are",
                  command->event.peer);
    } else if (side != NULL && side_is_full(side)) {
        error_set(err, ERROR_LIMIT, "too much waits for this link; try again");
    } else if (what->what == LINKS_JOIN) {
        (void)check_org(links, &command->invitation, side, err);
    }
    if (err->code != ERROR_NONE) {
        command_free(command);
        return false;
    }
    if (side == NULL)
        side = blank_side(links);
    if (side == same && side != NULL)
        memcpy(command->event.peer, side->link.record.peer, sizeof(command->event.peer));
    command->on_done = on_done;
    command->arg = arg;
    command->work.run = run_command;
    command->work.drop = drop_command;
    side_do(side, &command->work);
    return true;
}
