// SPDX-License-Identifier: Apache-2.0
/* What is to be done for one object: a function of the map, the ledger's rows and the copies. */
#include "federation/placer.h"

#include "policy/grants.h"
#include "store/transaction.h"

#include <string.h>

enum { SITES_MAX = 2 * PLACER_COPIES_MAX + 64 };

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
        /* a label that is gone from the policy: what it gives now */
        if (!policy_label_object(question->policy, &object, none, pin->labels, labels, &err) &&
            !policy_label_object(question->policy, &object, none, none, labels, &err))
            continue;
        for (size_t j = 0; j < count; j++)
            if (labels[j] > question->labels[j])
                question->labels[j] = labels[j];
    }
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

size_t placer_decide(const struct placement_map *map, const struct object_get *found,
                     const struct placer_copy *copies, size_t count,
                     struct placer_act acts[PLACER_ACTS_MAX], struct placement_result *result)
{
    struct question question = {.map = map, .policy = placement_map_policy(map)};
    const struct pin_record *pin = first_of_ours(found);
    struct answer answer = {.acts = acts};

    *result = (struct placement_result){0};
    if (!is_claimed(found)) {
        for (size_t i = 0; i < count && (found == NULL || !found->record.is_doubtful); i++)
            if (is_there(&copies[i]))
                act_on(&answer, PLACER_RELEASE, &copies[i]);
        return answer.count;
    }
    if (pin == NULL || !policy_has_placement(question.policy) ||
        !ask(&question, found, pin, copies, count))
        return 0;
    placement_decide(map, &question.object, result);
    for (size_t i = result->kept; i < result->count; i++)
        place_at(&answer, placement_site(map, result->sites[i]), copies, count);
    if (!found->record.is_doubtful && are_all_there(&question, result, copies, count))
        for (size_t i = 0; i < count; i++)
            if (is_there(&copies[i]) && !is_kept(&question, result, &copies[i]))
                act_on(&answer, PLACER_RELEASE, &copies[i]);
    return answer.count;
}
