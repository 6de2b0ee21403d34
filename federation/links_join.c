// SPDX-License-Identifier: Apache-2.0
/* Joining, at the side that invited: the proof first, then whose document and certificate it is,
 * the words, and a try to dial back. */
#include "federation/links_inbound.h"
#include "federation/words_job.h"

#include "conf/memory.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define DIAL_BACK_MS UINT64_C(3000)

struct joined {
    struct inbound *inbound;
    struct wire_join join;
    struct roots roots;
    unsigned unknown;
    struct words_job *words;
    struct peer_client *client;
    struct peer_request *request;
    bool reaches;
};

static void joined_free(struct joined *joined)
{
    words_job_cancel(&joined->words);
    peer_request_cancel(&joined->request);
    peer_client_destroy(&joined->client);
    wire_free(WIRE_JOIN, &joined->join);
    roots_dispose(&joined->roots);
    free(joined);
}

static void drop_join(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);

    joined_free(inbound->joining);
    inbound_refuse(inbound, WIRE_PROBLEM_LATER, "this gateway is stopping");
    inbound_send(inbound);
}

static void finish(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);

    joined_free(inbound->joining);
    inbound_finish(work);
}

/* ---- checks */

/* The invitation has the root that was first in force when it was made. */
static bool is_proved(const struct side *side, const struct joined *joined)
{
    const struct roots *ours = &side->links->identity->roots;
    struct invitation_bond bond = {.link = side->link.record.id};

    memcpy(bond.exporter, joined->inbound->is.exporter, sizeof(bond.exporter));
    memcpy(bond.joiner_root, joined->roots.roots[0].hash, sizeof(bond.joiner_root));
    for (size_t i = 0; side->has_invitation && i < ours->root_count; i++) {
        memcpy(bond.inviter_root, ours->roots[i].hash, sizeof(bond.inviter_root));
        if (invitation_is_proved(side->invitation_key, &bond, joined->join.proof))
            return true;
    }
    return false;
}

static bool check_certificate(const struct joined *joined, struct error *err)
{
    const struct link_inbound *is = &joined->inbound->is;
    struct peer_trust *trust = peer_trust_create(&joined->roots);
    struct peer_question question = {
        .leaf = is->leaf,
        .others = is->others,
        .side = PEER_IS_CLIENT,
        .now_s = (int64_t)(joined->inbound->links->settings.now_ms() / 1000)};
    struct peer_identity who;
    enum peer_verdict verdict = peer_verify(trust, &question, &who, err);

    peer_trust_destroy(&trust);
    return verdict == PEER_ACCEPTED;
}

static bool check_who(const struct side *side, const struct joined *joined, struct error *err)
{
    const char *org = joined->join.org;
    const struct side *other = links_by_org(side->links, org, side);

    if (strcmp(org, side->links->settings.id.org) == 0)
        return error_set(err, ERROR_REFUSED, "%s is our own organization", org);
    if (side->link.record.state == LINK_INVITED && side->org[0] != '\0' &&
        strcmp(side->org, org) != 0)
        return error_set(err, ERROR_REFUSED, "the invitation is for %s, not for %s", side->org,
                         org);
    if (other != NULL)
        return error_set(err, ERROR_REFUSED, "%s is linked here already, by another link", org);
    return roots_pin(&joined->roots, org, joined->roots.roots[0].hash, err) &&
           check_certificate(joined, err);
}

/* ---- the machine */

static void put_joined(struct side *side, struct joined *joined)
{
    struct wire_joined message = {.version = WIRE_VERSION_MAX,
                                  .epoch = side->link.record.epoch,
                                  .incarnation = side->link.record.incarnation_here,
                                  .roots = side->links->identity->roots.bytes,
                                  .reaches = joined->reaches,
                                  .ignored = joined->unknown};

    memcpy(message.link, side->link.record.id, sizeof(message.link));
    inbound_put(joined->inbound, WIRE_JOINED, &message);
}

static void after_dial(struct joined *joined)
{
    struct side *side = joined->inbound->work.side;
    struct link_event dials = {.kind = LINK_DIALS,
                               .no_way_there = !joined->reaches,
                               .no_way_here = side_our_address(side)[0] == '\0'};
    struct link_actions actions;

    side_step(side, &dials, &actions);
    put_joined(side, joined);
    side_save(side, finish);
}

/* Whatever is answered: who answers has their certificate. */
static void on_dialled(void *joined_, const struct peer_client_answer *answer)
{
    struct joined *joined = joined_;
    struct side *side = joined->inbound->work.side;

    joined->request = NULL;
    joined->reaches = answer->failure == PEER_ANSWERED;
    snprintf(side->last_failure, sizeof(side->last_failure), "%.390s",
             answer->err != NULL ? answer->err->text : "");
    after_dial(joined);
}

static void dial_back(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct joined *joined = inbound->joining;
    const struct links_settings *settings = &inbound->links->settings;
    struct peer_client_settings of = {.loop = settings->loop,
                                      .blocks = settings->blocks,
                                      .pipes = settings->pipes,
                                      .jobs = settings->jobs,
                                      .now_ms = settings->now_ms};
    struct peer_client_request hello = {
        .method = "GET", .path = "/link/v1/hello", .timeout_ms = DIAL_BACK_MS};
    const char *address = joined->join.address;
    struct error err = {0};

    memcpy(of.org, joined->join.org, sizeof(of.org));
    joined->client = peer_client_create(&of);
    peer_client_renew(joined->client, inbound->links->client_tls, &joined->roots);
    peer_client_set_addresses(joined->client, &address, address[0] != '\0');
    if (!peer_client_start(joined->client, &joined->request, &hello, on_dialled, joined, &err))
        after_dial(joined);
}

static void keep_who(struct side *side, struct joined *joined, const char *words)
{
    bool is_read = side_set_roots(side, text_slice(&joined->roots.bytes), NULL);

    assert(is_read);
    memcpy(side->org, joined->join.org, sizeof(side->org));
    snprintf(side->words, sizeof(side->words), "%s", words);
    side_set_address(side, joined->join.address);
    side->joined_ms = loop_now_ms(side->links->settings.loop);
    side->is_changed = side->is_view_changed = true;
}

static void take_words(void *joined_, const char *words)
{
    struct joined *joined = joined_;
    struct side *side = joined->inbound->work.side;

    joined->words = NULL;
    keep_who(side, joined, words);
    log_message(side->links->settings.messages, LOG_LEVEL_INFO, "link %s: %s joined",
                side->link.record.peer, side->org);
    side_save(side, dial_back);
}

static void begin_words(struct side *side, struct joined *joined)
{
    const struct links *links = side->links;
    struct words_question question = {.epoch = side->link.record.epoch};
    struct error err = {0};

    memcpy(question.link, side->link.record.id, sizeof(question.link));
    memcpy(question.inviter_org, links->settings.id.org, ORG_SIZE);
    memcpy(question.inviter_root, links->identity->roots.roots[0].hash, KEY_HASH_SIZE);
    memcpy(question.joiner_org, joined->join.org, ORG_SIZE);
    memcpy(question.joiner_root, joined->roots.roots[0].hash, KEY_HASH_SIZE);
    memcpy(question.exporter, joined->inbound->is.exporter, WORDS_EXPORTER_SIZE);
    if (words_job_start(&joined->words, links->settings.jobs, links->settings.loop, &question,
                        take_words, joined, &err))
        return;
    keep_who(side, joined, ""); /* they ask again */
    inbound_refuse(joined->inbound, WIRE_PROBLEM_LATER, "%s", err.text);
    side_save(side, finish);
}

static enum link_answer step(struct side *side, const struct joined *joined,
                             enum link_event_kind kind)
{
    struct link_event event = {.kind = kind,
                               .epoch = joined->join.last_epoch,
                               .invite_epoch = joined->join.invite_epoch,
                               .incarnation = joined->join.incarnation,
                               .sequence = joined->roots.sequence};
    struct link_actions actions;

    memcpy(event.root, joined->roots.roots[0].hash, sizeof(event.root));
    SHA256((const unsigned char *)joined->roots.bytes.data, joined->roots.bytes.size,
           event.document);
    side_step(side, &event, &actions);
    return actions.answer;
}

static void run_join(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct joined *joined = inbound->joining;
    struct side *side = work->side;
    bool had_peer = side->link.record.state != LINK_INVITED;
    struct error err = {0};
    enum link_answer answer;

    if (!is_proved(side, joined)) {
        inbound_put_machine(inbound, side, step(side, joined, LINK_JOIN_UNPROVED));
        side_save(side, finish);
        return;
    }
    if (!check_who(side, joined, &err)) {
        inbound_refuse(inbound, WIRE_PROBLEM_STRANGER, "%s", err.text);
        side_save(side, finish);
        return;
    }
    answer = step(side, joined, LINK_JOIN_PROVED);
    if (!inbound_put_machine(inbound, side, answer)) {
        side_save(side, finish);
    } else if (had_peer && side->link.record.state != LINK_PENDING) {
        joined->reaches = !side->link.record.only_they_dial; /* long ago: nothing is new */
        put_joined(side, joined);
        side_save(side, finish);
    } else {
        begin_words(side, joined);
    }
}

/* ---- before a turn */

static void refuse_early(struct joined *joined, enum wire_problem problem, const char *text)
{
    struct inbound *inbound = joined->inbound;

    inbound_refuse(inbound, problem, "%s", text);
    joined_free(joined);
    inbound_send(inbound);
}

void join_take(struct inbound *inbound)
{
    struct joined *joined = memory_alloc(sizeof(*joined));
    struct error err = {0};
    struct side *side;

    joined->inbound = inbound;
    inbound->joining = joined;
    if (!wire_parse(WIRE_JOIN, inbound->is.body, &joined->join, &joined->unknown, &err) ||
        !roots_read(&joined->roots, text_slice(&joined->join.roots), &err)) {
        refuse_early(joined,
                     err.code == ERROR_UNSUPPORTED ? WIRE_PROBLEM_VERSION : WIRE_PROBLEM_MALFORMED,
                     err.text);
        return;
    }
    side = links_by_id(inbound->links, joined->join.link);
    if (side == NULL)
        refuse_early(joined, WIRE_PROBLEM_PROOF, "this is no proof of having an invitation");
    else if (side_is_full(side))
        refuse_early(joined, WIRE_PROBLEM_BUSY, "too much waits for this link");
    else {
        inbound->work.run = run_join;
        inbound->work.drop = drop_join;
        side_do(side, &inbound->work);
    }
}
