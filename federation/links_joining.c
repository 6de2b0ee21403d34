// SPDX-License-Identifier: Apache-2.0
/* Joining, at the side that was invited: the proof, whom we believe, the words. */
#include "federation/links_call.h"
#include "federation/words_job.h"

#include "conf/memory.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

struct joining {
    struct words_job *words;
    struct roots roots; /* theirs, believed; sequence 0: the answer was none to believe */
    uint64_t epoch, incarnation;
    bool reaches;
    uint8_t exporter[32];
    char why[LINK_TEXT_SIZE];
};

void join_free(void *joining_)
{
    struct joining *joining = joining_;

    if (joining == NULL)
        return;
    words_job_cancel(&joining->words);
    roots_dispose(&joining->roots);
    free(joining);
}

/* ---- asking */

/* The connection is there: the proof is bound to it. */
static void put_join(void *call_, const uint8_t exporter[32], struct text *body)
{
    struct call *call = call_;
    struct side *side = call->side;
    const struct link_record *record = &side->link.record;
    const struct roots *ours = &side->links->identity->roots;
    struct wire_join join = {.version = WIRE_VERSION_MAX,
                             .invite_epoch = record->invite_epoch,
                             .last_epoch = record->epoch,
                             .incarnation = record->incarnation_here,
                             .roots = ours->bytes};
    struct invitation_bond bond = {.link = record->id};

    memcpy(join.link, record->id, sizeof(join.link));
    memcpy(join.org, side->links->settings.id.org, sizeof(join.org));
    memcpy(join.node, side->links->settings.id.node, sizeof(join.node));
    snprintf(join.address, sizeof(join.address), "%s", side_our_address(side));
    memcpy(bond.exporter, exporter, sizeof(bond.exporter));
    memcpy(bond.inviter_root, record->peer_root, sizeof(bond.inviter_root));
    memcpy(bond.joiner_root, ours->roots[0].hash, sizeof(bond.joiner_root));
    invitation_prove(side->invitation_key, &bond, join.proof);
    text_clear(body);
    wire_print(WIRE_JOIN, &join, body);
}

static struct peer_client *make_client(const struct side *side)
{
    const struct links_settings *settings = &side->links->settings;
    struct peer_client_settings of = {.loop = settings->loop,
                                      .blocks = settings->blocks,
                                      .pipes = settings->pipes,
                                      .jobs = settings->jobs,
                                      .now_ms = settings->now_ms};
    const char *addresses[LINKS_ADDRESSES];
    struct peer_client *client;

    memcpy(of.org, side->org, sizeof(of.org));
    client = peer_client_create(&of);
    for (size_t i = 0; i < side->address_count; i++)
        addresses[i] = side->addresses[i];
    peer_client_renew(client, side->links->client_tls, NULL);
    peer_client_set_addresses(client, addresses, side->address_count);
    return client;
}

static void join_send(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    struct peer_client_request what = {.method = call_method(CALL_JOIN),
                                       .path = call_path(CALL_JOIN),
                                       .is_fresh = true,
                                       .put_body = put_join};
    struct error err = {0};

    call->client = make_client(side);
    if (peer_client_start(call->client, &call->request, &what, call_on_answer, call, &err)) {
        links_count(&side->links->sent);
        side_done(side);
        return;
    }
    side_breaker(side, BREAKER_CANCELED, 0);
    join_answer_waiters(side, 409, err.text);
    call_drop(call);
}

void join_begin(struct call *call)
{
    call->joining = memory_alloc(sizeof(struct joining));
    side_save(call->side, join_send);
}

/* ---- whom we believe: by the document, and by the certificate of this very connection */

static bool check_chain(const struct side *side, const struct roots *roots,
                        const struct peer_client_answer *answer, struct error *err)
{
    struct peer_trust *trust = peer_trust_create(roots);
    struct peer_question question = {.leaf = answer->leaf,
                                     .others = answer->others,
                                     .side = PEER_IS_SERVER,
                                     .now_s = (int64_t)(side->links->settings.now_ms() / 1000)};
    struct peer_identity who;
    enum peer_verdict verdict = peer_verify(trust, &question, &who, err);

    peer_trust_destroy(&trust);
    return verdict == PEER_ACCEPTED;
}

static bool believe(struct side *side, struct joining *joining,
                    const struct peer_client_answer *answer, struct error *err)
{
    struct wire_joined joined = {0};
    struct roots roots = {0};
    unsigned unknown = 0;
    bool is_good = wire_parse(WIRE_JOINED, answer->body, &joined, &unknown, err) &&
                   roots_read(&roots, text_slice(&joined.roots), err) &&
                   roots_pin(&roots, side->org, side->link.record.peer_root, err) &&
                   check_chain(side, &roots, answer, err) &&
                   (strcmp(joined.link, side->link.record.id) == 0 ||
                    error_set(err, ERROR_MISMATCH, "it answers for another link"));

    if (is_good) {
        joining->roots = roots;
        roots = (struct roots){0};
        joining->epoch = joined.epoch;
        joining->incarnation = joined.incarnation;
        joining->reaches = joined.reaches;
        memcpy(joining->exporter, answer->exporter, sizeof(joining->exporter));
    }
    roots_dispose(&roots);
    wire_free(WIRE_JOINED, &joined);
    return is_good;
}

void join_answered(struct call *call, const struct peer_client_answer *answer)
{
    struct joining *joining = call->joining;
    struct error err = {0};

    if (answer->failure == PEER_ANSWERED && answer->status == 200 &&
        !believe(call->side, joining, answer, &err))
        snprintf(joining->why, sizeof(joining->why), "%.390s", err.text);
}

/* ---- what becomes of it */

void join_answer_waiters(struct side *side, int status, const char *said)
{
    struct join_waiter *waiter = side->waiters, *next;
    struct links_answer answer = {.status = status, .said = slice_of(said)};

    side->waiters = NULL;
    for (; waiter != NULL; waiter = next) {
        next = waiter->next;
        answer.output = status < 400 ? links_describe(side->links, side->link.record.peer) : NULL;
        waiter->on_done(waiter->arg, &answer);
        free(waiter);
    }
}

/* Their words are not repeated. */
static const char *reason_of(uint64_t problem)
{
    switch ((enum wire_problem)problem) {
    case WIRE_PROBLEM_PROOF:
        return "the invitation is not theirs, or somebody stands between (proof)";
    case WIRE_PROBLEM_USED:
        return "somebody has joined by this invitation already (used)";
    case WIRE_PROBLEM_GONE:
        return "the invitation has run out or was made void (gone)";
    case WIRE_PROBLEM_STRANGER:
        return "they have no invitation open, or do not take our certificate (stranger)";
    case WIRE_PROBLEM_VERSION:
        return "they speak no version of the protocol that we do (version)";
    case WIRE_PROBLEM_MALFORMED:
        return "they do not understand what we sent (malformed)";
    default:
        return NULL;
    }
}

static void try_again(struct call *call, const char *why)
{
    struct side *side = call->side;
    char said[2 * LINK_TEXT_SIZE];

    snprintf(side->last_failure, sizeof(side->last_failure), "%s", why);
    snprintf(said, sizeof(said),
             "%s has not let us join yet: %s. It is tried again by itself until the invitation "
             "runs out; `causeway link show %s` says how it goes, `causeway link revoke %s` gives "
             "it up",
             side->org, why, side->link.record.peer, side->link.record.peer);
    join_answer_waiters(side, 503, said);
    side_save(side, call_finish);
}

static void refused(struct call *call, const char *reason)
{
    struct side *side = call->side;
    struct link_event event = {.kind = LINK_JOIN_REFUSED, .reason = reason};
    struct link_actions actions;
    char said[2 * LINK_TEXT_SIZE];

    side_step(side, &event, &actions);
    side->has_invitation = false;
    side->is_changed = true;
    snprintf(side->last_failure, sizeof(side->last_failure), "%s", reason);
    snprintf(said, sizeof(said), "%s did not let us join: %s", side->org, reason);
    join_answer_waiters(side, 403, said);
    side_save(side, call_finish);
}

static void hear_problem(struct call *call)
{
    struct wire_error error = {0};
    unsigned unknown = 0;
    char why[LINK_TEXT_SIZE];
    const char *reason = NULL;

    if (wire_parse(WIRE_ERROR, text_slice(&call->answer), &error, &unknown, NULL))
        reason = reason_of(error.problem);
    if (reason != NULL) {
        refused(call, reason);
        return;
    }
    snprintf(why, sizeof(why), "they answered with status %d", call->status);
    try_again(call, why);
}

/* ---- let in */

static void say_joined(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    const char *org = side->org;
    char said[3 * LINK_TEXT_SIZE];

    snprintf(said, sizeof(said),
             "%s has let us join. Compare the six words with them on the phone: %s. Then run "
             "`causeway link confirm %s WORDS`, and they run `causeway link confirm` too.%s%s%s",
             org, side->words, side->link.record.peer,
             side->reaches_us > 0 ? " Both sides can dial the other" : "",
             side->reaches_us < 0 ? " They cannot dial us" : "",
             side->reaches_us < 0 && side_our_address(side)[0] != '\0'
                 ? " at the address that we told: check listen.partners.advertise and the way there"
                 : "");
    join_answer_waiters(side, 200, said);
    call_finish(work);
}

static void take_words(void *call_, const char *words)
{
    struct call *call = call_;
    struct side *side = call->side;
    struct joining *joining = call->joining;
    struct link_event event = {.kind = LINK_JOIN_ACCEPTED,
                               .epoch = joining->epoch,
                               .incarnation = joining->incarnation,
                               .sequence = joining->roots.sequence};
    struct link_event dials = {.kind = LINK_DIALS, .no_way_here = !joining->reaches};
    struct link_actions actions;
    bool is_read;

    joining->words = NULL;
    SHA256((const unsigned char *)joining->roots.bytes.data, joining->roots.bytes.size,
           event.document);
    is_read = side_set_roots(side, text_slice(&joining->roots.bytes), NULL);
    assert(is_read);
    snprintf(side->words, sizeof(side->words), "%s", words);
    side_step(side, &event, &actions);
    side_step(side, &dials, &actions);
    side->reaches_us = joining->reaches ? 1 : -1;
    side->has_invitation = false;
    side->is_changed = side->is_view_changed = true;
    side->last_failure[0] = '\0';
    side_save(side, say_joined);
}

static void begin_words(struct call *call)
{
    struct side *side = call->side;
    struct joining *joining = call->joining;
    const struct links *links = side->links;
    struct words_question question = {.epoch = joining->epoch};
    struct error err = {0};

    memcpy(question.link, side->link.record.id, sizeof(question.link));
    memcpy(question.inviter_org, side->org, ORG_SIZE);
    memcpy(question.inviter_root, side->link.record.peer_root, KEY_HASH_SIZE);
    memcpy(question.joiner_org, links->settings.id.org, ORG_SIZE);
    memcpy(question.joiner_root, links->identity->roots.roots[0].hash, KEY_HASH_SIZE);
    memcpy(question.exporter, joining->exporter, WORDS_EXPORTER_SIZE);
    if (!words_job_start(&joining->words, links->settings.jobs, links->settings.loop, &question,
                         take_words, call, &err))
        try_again(call, err.text);
}

void join_heard(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct joining *joining = call->joining;
    struct side *side = call->side;

    call_tell_breaker(call);
    if (!side->link.record.is_joining) {
        side_save(side, call_finish);
    } else if (call->failure != PEER_ANSWERED) {
        links_count(call->failure == PEER_UNTRUSTED ? &side->links->untrusted
                                                    : &side->links->failed);
        try_again(call, call->why);
    } else if (call->status != 200) {
        hear_problem(call);
    } else if (joining->roots.sequence == 0) {
        links_count(&side->links->untrusted);
        try_again(call, joining->why);
    } else {
        begin_words(call);
    }
}
