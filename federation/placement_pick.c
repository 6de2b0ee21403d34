// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_pick.h"

#include "federation/placement_weight.h"

#include <assert.h>

/* Sites are rarely refused: so many of the first in order are looked for at once. */
enum { AHEAD = 16 };

#define TIER_SHIFT 59

struct ranked {
    uint64_t order;
    uint32_t place;
};

/* The first of those that the walk has not come to, in order. */
struct window {
    struct ranked items[AHEAD];
    size_t count;
};

uint64_t placement_order(const struct placement_walk *walk, size_t place)
{
    const struct placement_field *field = walk->field;
    const uint8_t *tiers = walk->own_tiers != NULL ? walk->own_tiers : field->tiers;

    return (uint64_t)tiers[place] << TIER_SHIFT |
           placement_distance(walk->object, field->hashes[place], field->classes[place]);
}

static bool comes_before(const struct ranked *a, const struct ranked *b)
{
    return a->order < b->order || (a->order == b->order && a->place < b->place);
}

static void insert(struct window *window, struct ranked item)
{
    size_t at = window->count < AHEAD ? window->count++ : AHEAD - 1;

    for (; at > 0 && comes_before(&item, &window->items[at - 1]); at--)
        window->items[at] = window->items[at - 1];
    window->items[at] = item;
}

bool placement_fits(const struct placement_field *field, const uint32_t *taken, size_t count,
                    uint32_t site, size_t *cap)
{
    for (size_t c = 0; c < field->cap_count; c++) {
        const uint32_t *domains = field->caps[c].domains;
        size_t there = 0;

        for (size_t i = 0; i < count; i++)
            there += domains[taken[i]] == domains[site];
        if (there >= field->caps[c].most) {
            *cap = c;
            return false;
        }
    }
    return true;
}

/* Whether the site comes behind all of a full window, as far as that is seen at a glance. */
static inline bool is_far(const struct placement_walk *walk, size_t place, uint64_t worst)
{
    const struct placement_field *field = walk->field;
    const uint8_t *tiers = walk->own_tiers != NULL ? walk->own_tiers : field->tiers;
    uint64_t draw = placement_draw(walk->object, field->hashes[place]);

    return ((uint64_t)tiers[place] << TIER_SHIFT |
            placement_distance_least(draw, field->classes[place])) > worst;
}

/* The first ones behind `last` (NULL: of all) that caps allow. What they do not allow now they
 * never will: only more is taken. */
static void look_ahead(const struct placement_walk *walk, const struct ranked *last,
                       const uint32_t *taken, size_t count, struct window *window)
{
    const struct placement_field *field = walk->field;
    size_t cap;

    window->count = 0;
    for (size_t i = 0; i < field->count; i++) {
        struct ranked item;

        if (window->count == AHEAD && is_far(walk, i, window->items[AHEAD - 1].order))
            continue;
        item = (struct ranked){placement_order(walk, i), (uint32_t)i};
        if ((window->count < AHEAD || comes_before(&item, &window->items[AHEAD - 1])) &&
            (last == NULL || comes_before(last, &item)) &&
            placement_fits(field, taken, count, field->sites[i], &cap))
            insert(window, item);
    }
}

static bool is_taken(const uint32_t *taken, size_t count, uint32_t site)
{
    for (size_t i = 0; i < count; i++)
        if (taken[i] == site)
            return true;
    return false;
}

static bool take(const struct placement_walk *walk, uint32_t *taken, size_t count, uint32_t site)
{
    size_t cap;

    if (is_taken(taken, count, site) || !placement_fits(walk->field, taken, count, site, &cap) ||
        !walk->may_take(walk->arg, site))
        return false;
    taken[count] = site;
    return true;
}

size_t placement_pick(const struct placement_walk *walk, uint32_t *taken, size_t count, size_t want)
{
    struct window window = {.count = 0};
    struct ranked last = {0};

    assert(want <= POLICY_COPIES_MAX);
    if (count >= want)
        return count;
    look_ahead(walk, NULL, taken, count, &window);
    while (window.count > 0) {
        for (size_t i = 0; i < window.count && count < want; i++)
            count += take(walk, taken, count, walk->field->sites[window.items[i].place]);
        if (count == want || window.count < AHEAD)
            break;
        last = window.items[window.count - 1];
        look_ahead(walk, &last, taken, count, &window);
    }
    return count;
}
