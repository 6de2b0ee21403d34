// SPDX-License-Identifier: Apache-2.0
/* What is to be done for one object: a function of the map, the ledger's rows and the copies. */
#include "federation/placer.h"

#include "policy/grants.h"
#include "store/transaction.h"

#include <string.h>

enum { SITES_MAX = 2 * PLACER_COPIES_MAX + 64, WAITING_TOLD = 8 };

struct question {
    const struct placement_map *map;
    const struct policy *policy;
    struct placement_object object;
    uint8_t labels[POLICY_LABELS_MAX];
    uint32_t held[SITES_MAX], barred[SITES_MAX];
};

static bool is_ours(const struct pin_record *pin)
{
    return pin->owner.kind != OWNER_PARTNER && pin->held == PIN_RECURSIVE &&
           pin->state != PIN_REMOVING;
}

static const struct pin_record *first_of_ours(const struct object_get *found)
{
    for (size_t i = 0; found != NULL && i < found->count; i++)
        if (is_ours(&found->pins[i]))
            return &found->pins[i];
    return NULL;
}

/* Confirmed, lost, failed or on its way: somebody here wants it. */
static bool is_claimed(const struct object_get *found)
{
    for (size_t i = 0; found != NULL && i < found->count; i++)
        if (found->pins[i].owner.kind != OWNER_PARTNER && found->pins[i].state != PIN_REMOVING)
            return true;
    return false;
}

bool placer_is_guest(const struct object_get *found)
{
    for (size_t i = 0; found != NULL && i < found->count; i++)
        if (found->pins[i].owner.kind == OWNER_PARTNER)
            return !is_claimed(found);
    return false;
}

/* ---- copies */

/* There, or on its way there. */
static bool is_held(const struct placer_copy *copy)
{
    return !copy->is_leaving && !copy->is_unwanted && copy->state >= ALLOCATION_QUEUED &&
           copy->state <= ALLOCATION_PLACED;
}

/* It refused lately, or asked us to take it back. */
static bool is_barred(const struct placer_copy *copy)
{
    return copy->is_leaving || copy->state == ALLOCATION_STUCK || copy->state == ALLOCATION_REFUSED;
}

/* There is something to release. */
static bool is_there(const struct placer_copy *copy)
{
    return !copy->is_unwanted && !copy->is_restored &&
           ((copy->state >= ALLOCATION_QUEUED && copy->state <= ALLOCATION_PLACED) ||
            copy->state == ALLOCATION_STUCK);
}

static bool is_at(const struct placer_copy *copy, struct slice site)
{
    return slice_is(site, copy->partner);
}

/* ---- the question */

/* The tightest of all claims. */
static void label(struct question *question, const struct object_get *found)
{
    size_t count = policy_label_count(question->policy);
    uint8_t labels[POLICY_LABELS_MAX];
    struct slice none = {NULL, 0};

    for (size_t i = 0; i < found->count; i++) {
        const struct pin_record *pin = &found->pins[i];
        struct policy_object object = {.owner = &pin->owner};
        struct error err = {0};

        if (!is_ours(pin))
            continue;
        /* What was asked for may be looser than what the policy gives now: then it changes nothing.
         * A label that is gone from the policy: what it gives now. */
        if (!policy_label_object(question->policy, &object, pin->labels, none, labels, &err) &&
            !policy_label_object(question->policy, &object, none, none, labels, &err))
            continue;
        for (size_t j = 0; j < count; j++)
            if (labels[j] > question->labels[j])
                question->labels[j] = labels[j];
    }
}

/* The most of all claims. */
static uint32_t asked_copies(const struct object_get *found)
{
    uint32_t most = 0;

    for (size_t i = 0; i < found->count; i++)
        if (is_ours(&found->pins[i]) && found->pins[i].min_copies > most)
            most = found->pins[i].min_copies;
    return most;
}

static void add(uint32_t *sites, size_t *count, uint32_t site)
{
    for (size_t i = 0; i < *count; i++)
        if (sites[i] == site)
            return;
    if (site != PLACEMENT_NONE && *count < SITES_MAX)
        sites[(*count)++] = site;
}

/* What `data` of a grant does not cover, does not go there. */
static void bar_uncovered(struct question *question)
{
    for (uint32_t i = 0; i < placement_site_count(question->map); i++) {
        struct slice site = placement_site(question->map, i);
        const struct policy_grant *grant = policy_grant_find(question->policy, site);

        if (!slice_is(site, "local") &&
            (grant == NULL ||
             !policy_grant_covers(question->policy, grant, &question->object.facts)))
            add(question->barred, &question->object.barred_count, i);
    }
}

static bool ask(struct question *question, const struct object_get *found,
                const struct pin_record *pin, const struct placer_copy *copies, size_t count)
{
    const struct object_record *record = &found->record;
    struct error err = {0};
    struct cid cid;

    if (record->upstream != PIN_RECURSIVE || !record->has_bytes[PIN_RECURSIVE] ||
        !cid_from_bytes(&cid, record->key.data, record->key.size, &err))
        return false;
    label(question, found);
    question->object = (struct placement_object){
        .root = record->key,
        .facts = {.bytes = record->bytes[PIN_RECURSIVE],
                  .codec = cid.codec,
                  .labels = question->labels,
                  .owner = &pin->owner},
        .min_copies = asked_copies(found),
        .held = question->held,
        .barred = question->barred,
    };
    add(question->held, &question->object.held_count,
        placement_site_find(question->map, SLICE("local")));
    for (size_t i = 0; i < count; i++) {
        uint32_t site = placement_site_find(question->map, slice_of(copies[i].partner));

        if (is_held(&copies[i]))
            add(question->held, &question->object.held_count, site);
        else if (is_barred(&copies[i]))
            add(question->barred, &question->object.barred_count, site);
    }
    bar_uncovered(question);
    return true;
}

/* ---- what follows */

struct answer {
    struct placer_act *acts;
    size_t count;
};

static void act_on(struct answer *answer, enum placer_what what, const struct placer_copy *copy)
{
    if (answer->count < PLACER_ACTS_MAX)
        answer->acts[answer->count++] = (struct placer_act){.what = what,
                                                            .partner = copy->partner,
                                                            .partner_size = strlen(copy->partner),
                                                            .id = copy->id};
}

/* One that is on its way out is kept rather than sent anew. */
static void place_at(struct answer *answer, struct slice site, const struct placer_copy *copies,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_at(&copies[i], site) && copies[i].is_unwanted &&
            (copies[i].state == ALLOCATION_RELEASING || copies[i].state == ALLOCATION_PLACED)) {
            act_on(answer, PLACER_WANT, &copies[i]);
            return;
        }
    }
    if (!slice_is(site, "local") && answer->count < PLACER_ACTS_MAX)
        answer->acts[answer->count++] = (struct placer_act){
            .what = PLACER_PLACE, .partner = site.data, .partner_size = site.size};
}

static bool is_counted_at(struct slice site, const struct placer_copy *copies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_at(&copies[i], site) && is_held(&copies[i]) && copies[i].counts)
            return true;
    return slice_is(site, "local");
}

/* Is there evidence of each copy that is to be? */
static bool are_all_there(const struct question *question, const struct placement_result *result,
                          const struct placer_copy *copies, size_t count)
{
    if (result->rule == NULL || result->state != PLACEMENT_COMPLETE ||
        result->count != result->kept)
        return false;
    for (size_t i = 0; i < result->count; i++)
        if (!is_counted_at(placement_site(question->map, result->sites[i]), copies, count))
            return false;
    return true;
}

static bool is_kept(const struct question *question, const struct placement_result *result,
                    const struct placer_copy *copy)
{
    uint32_t site = placement_site_find(question->map, slice_of(copy->partner));

    if (site == PLACEMENT_NONE) /* a policy that does not name it any more deletes nothing there */
        return true;
    if (copy->is_leaving || copy->state == ALLOCATION_STUCK)
        return false;
    for (size_t i = 0; i < result->count; i++)
        if (result->sites[i] == site)
            return true;
    return false;
}

/* No answer: result stays as it is. */
static bool decide(struct question *question, const struct object_get *found,
                   const struct placer_copy *copies, size_t count, struct placement_result *result)
{
    const struct pin_record *pin = first_of_ours(found);

    if (pin == NULL || !policy_has_placement(question->policy) ||
        !ask(question, found, pin, copies, count))
        return false;
    placement_decide(question->map, &question->object, result);
    return true;
}

size_t placer_decide(const struct placement_map *map, const struct object_get *found,
                     const struct placer_copy *copies, size_t count,
                     struct placer_act acts[PLACER_ACTS_MAX], struct placement_result *result)
{
    struct question question = {.map = map, .policy = placement_map_policy(map)};
    struct answer answer = {.acts = acts};

    *result = (struct placement_result){0};
    if (!is_claimed(found)) {
        for (size_t i = 0; i < count && (found == NULL || !found->record.is_doubtful); i++)
            if (is_there(&copies[i]))
                act_on(&answer, PLACER_RELEASE, &copies[i]);
        return answer.count;
    }
    if (!decide(&question, found, copies, count, result))
        return 0;
    for (size_t i = result->kept; i < result->count; i++)
        place_at(&answer, placement_site(map, result->sites[i]), copies, count);
    if (!found->record.is_doubtful && are_all_there(&question, result, copies, count))
        for (size_t i = 0; i < count; i++)
            if (is_there(&copies[i]) && !is_kept(&question, result, &copies[i]))
                act_on(&answer, PLACER_RELEASE, &copies[i]);
    return answer.count;
}

/* ---- how it stands */

static bool is_here(const struct object_get *found)
{
    return found != NULL && found->record.upstream == PIN_RECURSIVE;
}

/* The first that counts at its partner. */
static bool is_first_there(const struct placer_copy *copies, size_t index)
{
    if (!copies[index].counts)
        return false;
    for (size_t i = 0; i < index; i++)
        if (copies[i].counts && strcmp(copies[i].partner, copies[index].partner) == 0)
            return false;
    return true;
}

static uint32_t count_there(const struct object_get *found, const struct placer_copy *copies,
                            size_t count)
{
    uint32_t there = is_here(found);

    for (size_t i = 0; i < count; i++)
        there += is_first_there(copies, i);
    return there;
}

/* Those say themselves why they are not there. */
static size_t count_stuck(const struct placer_copy *copies, size_t count)
{
    size_t stuck = 0;

    for (size_t i = 0; i < count; i++)
        stuck += copies[i].state == ALLOCATION_STUCK && !copies[i].is_unwanted;
    return stuck;
}

void placer_stand(const struct placement_map *map, const struct object_get *found,
                  const struct placer_copy *copies, size_t count,
                  const struct placement_result *result, struct placer_stand *stand)
{
    *stand = (struct placer_stand){.there = count_there(found, copies, count), .wait = 1};
    if (map == NULL || !policy_has_placement(placement_map_policy(map)) ||
        first_of_ours(found) == NULL) {
        stand->is_final = true;
    } else if (result->want > 0) { /* placement was asked */
        stand->is_final = result->rule == NULL;
        stand->wait = result->rule != NULL ? result->rule->wait : 1;
        stand->is_short =
            result->rule != NULL && result->count + count_stuck(copies, count) < result->want;
    }
}

/* "2 copies exist: local, beta" */
static void put_there(const struct object_get *found, const struct placer_copy *copies,
                      size_t count, struct text *out)
{
    uint32_t there = count_there(found, copies, count);
    bool is_first = !is_here(found);

    text_put_format(out, "%u cop%s exist%s%s", there, there == 1 ? "y" : "ies",
                    there == 1 ? "s" : "", there > 0 ? ": " : "");
    if (is_here(found))
        text_put_text(out, "local");
    for (size_t i = 0; i < count; i++)
        if (is_first_there(copies, i)) {
            text_put_format(out, "%s%s", is_first ? "" : ", ", copies[i].partner);
            is_first = false;
        }
}

static bool is_counted_partner(const struct placer_copy *copies, size_t count, const char *partner)
{
    for (size_t i = 0; i < count; i++)
        if (copies[i].counts && strcmp(copies[i].partner, partner) == 0)
            return true;
    return false;
}

/* Those that are to be, and are not yet. */
static void put_waiting(const struct placer_copy *copies, size_t count, struct text *out)
{
    size_t told = 0;

    for (size_t i = 0; i < count; i++) {
        if (copies[i].why == NULL || copies[i].is_unwanted ||
            is_counted_partner(copies, count, copies[i].partner))
            continue;
        if (told++ == WAITING_TOLD) {
            text_put_text(out, "; ...");
            return;
        }
        text_put_format(out, "; %s: %s", copies[i].partner, copies[i].why);
    }
}

/* Why nothing is placed of it, whatever happens; NULL: it is. */
static const char *why_never(const struct placement_map *map, const struct object_get *found)
{
    if (found == NULL || found->count == 0)
        return "nobody here has pinned it";
    if (map == NULL || !policy_has_placement(placement_map_policy(map)))
        return "the policy places no copies at partners: it has no section placement";
    if (first_of_ours(found) != NULL)
        return NULL;
    for (size_t i = 0; i < found->count; i++)
        if (found->pins[i].owner.kind != OWNER_PARTNER && found->pins[i].held == PIN_DIRECT)
            return "it is pinned direct alone, and copies at partners are of whole objects: pin it "
                   "recursively";
    return is_claimed(found) ? "no pin of it here is confirmed"
                             : "it is here for a partner, and goes nowhere else";
}

void placer_put_stand(const struct placement_map *map, const struct object_get *found,
                      const struct placer_copy *copies, size_t count, struct text *out)
{
    struct question question = {.map = map};
    const char *never = why_never(map, found);
    struct placement_result result = {0};

    put_there(found, copies, count, out);
    put_waiting(copies, count, out);
    text_put_text(out, "; ");
    if (never != NULL) {
        text_put_text(out, never);
        return;
    }
    question.policy = placement_map_policy(map);
    if (decide(&question, found, copies, count, &result))
        placement_put_reason(map, &question.object, &result, out);
    else
        text_put_text(out, "it is not pinned here as a whole now");
}
