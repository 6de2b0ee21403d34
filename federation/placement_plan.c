// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_plan.h"

#include "conf/memory.h"
#include "conf/units.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *cause_name(size_t cause)
{
    return cause == PLAN_GONE ? "gone" : placement_cause_name((enum placement_cause)cause);
}

/* ---- both policies' sites */

static int compare_ids(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Both lists are sorted: merged as one. */
void placement_plan_init(struct placement_plan *plan, const struct placement_map *before,
                         const struct placement_map *after)
{
    size_t old_count = placement_site_count(before), new_count = placement_site_count(after);
    uint32_t i = 0, j = 0;

    *plan = (struct placement_plan){.before = before, .after = after};
    plan->sites = memory_alloc((old_count + new_count + 1) * sizeof(*plan->sites));
    plan->before_sites = memory_alloc((old_count + 1) * sizeof(*plan->before_sites));
    plan->after_sites = memory_alloc((new_count + 1) * sizeof(*plan->after_sites));
    plan->carried = memory_alloc((old_count + 1) * sizeof(*plan->carried));
    while (i < old_count || j < new_count) {
        int order = i == old_count ? 1
                    : j == new_count
                        ? -1
                        : compare_ids(placement_site(before, i), placement_site(after, j));
        uint32_t place = (uint32_t)plan->site_count++;

        plan->sites[place].id = order <= 0 ? placement_site(before, i) : placement_site(after, j);
        if (order <= 0) {
            plan->before_sites[i] = place;
            plan->carried[i++] = order == 0 ? j : PLACEMENT_NONE;
        }
        if (order >= 0)
            plan->after_sites[j++] = place;
    }
}

void placement_plan_dispose(struct placement_plan *plan)
{
    free(plan->sites);
    free(plan->before_sites);
    free(plan->after_sites);
    free(plan->carried);
    *plan = (struct placement_plan){.before = NULL};
}

/* ---- one object */

/* Where its copies are: as told, or as the policy before has it. */
static void find_before(const struct placement_plan *plan, const struct placement_object *object,
                        struct placement_result *before)
{
    size_t count = object->held_count < POLICY_COPIES_MAX ? object->held_count : POLICY_COPIES_MAX;

    placement_decide(plan->before, object, before);
    if (object->held == NULL)
        return;
    memcpy(before->sites, object->held, count * sizeof(before->sites[0]));
    before->count = before->kept = count;
    before->state = count >= before->want  ? PLACEMENT_COMPLETE
                    : count >= before->min ? PLACEMENT_DEGRADED
                                           : PLACEMENT_STUCK;
}

static void tally_out(struct placement_plan *plan, uint32_t site, size_t cause, uint64_t bytes)
{
    plan->released[cause]++;
    plan->released_bytes[cause] += bytes;
    plan->sites[site].copies_out++;
    plan->sites[site].bytes_out += bytes;
}

static void tally_before(struct placement_plan *plan, const struct plan_change *change,
                         uint64_t bytes)
{
    plan->states_before[change->before.state]++;
    for (size_t i = 0; i < change->before.count; i++) {
        uint32_t old = change->before.sites[i], site = plan->before_sites[old];

        plan->sites[site].copies_before++;
        plan->sites[site].bytes_before += bytes;
        if (plan->carried[old] == PLACEMENT_NONE)
            tally_out(plan, site, PLAN_GONE, bytes);
    }
}

static void tally_after(struct placement_plan *plan, const struct plan_change *change,
                        uint64_t bytes)
{
    const struct placement_result *after = &change->after;

    plan->states_after[after->state]++;
    for (size_t i = 0; i < after->count; i++) {
        struct plan_site *site = &plan->sites[plan->after_sites[after->sites[i]]];

        site->copies_after++;
        site->bytes_after += bytes;
        site->copies_in += i >= after->kept;
        site->bytes_in += i >= after->kept ? bytes : 0;
    }
    for (size_t i = 0; i < after->released_count; i++)
        tally_out(plan, plan->after_sites[after->released[i].site], after->released[i].cause,
                  bytes);
    plan->added += after->count - after->kept;
    plan->added_bytes += (after->count - after->kept) * bytes;
}

void placement_plan_add(struct placement_plan *plan, const struct placement_object *object,
                        const uint8_t *after_labels, struct plan_change *change)
{
    struct placement_object then = *object;
    uint32_t held[POLICY_COPIES_MAX];
    uint64_t bytes = object->facts.bytes;

    find_before(plan, object, &change->before);
    then.facts.labels = after_labels;
    then.held = held;
    then.held_count = 0;
    change->gone = 0;
    for (size_t i = 0; i < change->before.count; i++) {
        uint32_t carried = plan->carried[change->before.sites[i]];

        if (carried == PLACEMENT_NONE)
            change->gone++;
        else
            held[then.held_count++] = carried;
    }
    placement_decide(plan->after, &then, &change->after);
    plan->objects++;
    plan->bytes += bytes;
    plan->changed += plan_changes(change);
    tally_before(plan, change, bytes);
    tally_after(plan, change, bytes);
}

/* ---- in words */

static void put_bytes(uint64_t bytes, struct text *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double shown = (double)bytes;
    size_t unit = 0;

    for (; shown >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
        shown /= 1024;
    text_put_format(out, "%.4g %s", shown, units[unit]);
}

static void put_states(const uint64_t *states, struct text *out)
{
    for (int i = 0; i <= PLACEMENT_STUCK; i++)
        text_put_format(out, "%s%" PRIu64 " %s", i > 0 ? ", " : "", states[i],
                        placement_state_name((enum placement_state)i));
}

static bool is_touched(const struct plan_site *site)
{
    return site->copies_in > 0 || site->copies_out > 0 || site->copies_before != site->copies_after;
}

static void put_sites(const struct placement_plan *plan, struct text *out)
{
    bool has_head = false;

    for (size_t i = 0; i < plan->site_count; i++) {
        const struct plan_site *site = &plan->sites[i];

        if (!is_touched(site))
            continue;
        if (!has_head)
            text_put_format(out, "%-20s %12s %12s %12s %12s  %s\n", "SITE", "BEFORE", "AFTER", "IN",
                            "OUT", "BYTES IN");
        has_head = true;
        text_put_format(out, "%-20.*s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "  ",
                        SLICE_ARGS(site->id), site->copies_before, site->copies_after,
                        site->copies_in, site->copies_out);
        put_bytes(site->bytes_in, out);
        text_put_char(out, '\n');
    }
}

void placement_plan_put(const struct placement_plan *plan, struct text *out)
{
    text_put_format(out, "%" PRIu64 " of %" PRIu64 " objects change; copies to send: %" PRIu64 ", ",
                    plan->changed, plan->objects, plan->added);
    put_bytes(plan->added_bytes, out);
    text_put_text(out, "\ncopies that go:");
    for (size_t i = 0; i < PLAN_CAUSES; i++)
        text_put_format(out, " %" PRIu64 " %s%s", plan->released[i], cause_name(i),
                        i + 1 < PLAN_CAUSES ? "," : "\n");
    text_put_text(out, "objects before: ");
    put_states(plan->states_before, out);
    text_put_text(out, "\nobjects after:  ");
    put_states(plan->states_after, out);
    text_put_char(out, '\n');
    put_sites(plan, out);
}

void plan_change_put(const struct placement_plan *plan, const struct plan_change *change,
                     struct text *out)
{
    const struct placement_result *before = &change->before, *after = &change->after;

    for (size_t i = 0; i < before->count; i++)
        if (plan->carried[before->sites[i]] == PLACEMENT_NONE)
            text_put_format(out, " -%.*s (gone)",
                            SLICE_ARGS(placement_site(plan->before, before->sites[i])));
    for (size_t i = 0; i < after->released_count; i++)
        text_put_format(out, " -%.*s (%s)",
                        SLICE_ARGS(placement_site(plan->after, after->released[i].site)),
                        cause_name(after->released[i].cause));
    for (size_t i = after->kept; i < after->count; i++)
        text_put_format(out, " +%.*s", SLICE_ARGS(placement_site(plan->after, after->sites[i])));
    if (after->state != before->state)
        text_put_format(out, " %s", placement_state_name(after->state));
}

/* ---- as JSON */

static json_t *id_json(struct slice id)
{
    return json_stringn(id.data, id.size);
}

static json_t *states_json(const uint64_t *states)
{
    json_t *made = json_object();

    for (int i = 0; i <= PLACEMENT_STUCK; i++)
        json_object_set_new(made, placement_state_name((enum placement_state)i),
                            json_integer((json_int_t)states[i]));
    return made;
}

static json_t *sites_json(const struct placement_plan *plan)
{
    json_t *sites = json_array();

    for (size_t i = 0; i < plan->site_count; i++) {
        const struct plan_site *site = &plan->sites[i];

        if (is_touched(site))
            json_array_append_new(
                sites,
                json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "site",
                          id_json(site->id), "copies_before", (json_int_t)site->copies_before,
                          "copies_after", (json_int_t)site->copies_after, "copies_in",
                          (json_int_t)site->copies_in, "copies_out", (json_int_t)site->copies_out,
                          "bytes_before", (json_int_t)site->bytes_before, "bytes_after",
                          (json_int_t)site->bytes_after, "bytes_in", (json_int_t)site->bytes_in,
                          "bytes_out", (json_int_t)site->bytes_out));
    }
    return sites;
}

json_t *placement_plan_json(const struct placement_plan *plan)
{
    json_t *released = json_object();

    for (size_t i = 0; i < PLAN_CAUSES; i++)
        json_object_set_new(released, cause_name(i), json_integer((json_int_t)plan->released[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "kind", "plan",
                     "objects", (json_int_t)plan->objects, "bytes", (json_int_t)plan->bytes,
                     "changed", (json_int_t)plan->changed, "copies_added", (json_int_t)plan->added,
                     "bytes_added", (json_int_t)plan->added_bytes, "released", released,
                     "states_before", states_json(plan->states_before), "states_after",
                     states_json(plan->states_after), "sites", sites_json(plan));
}

json_t *plan_change_json(const struct placement_plan *plan, const struct plan_change *change)
{
    const struct placement_result *before = &change->before, *after = &change->after;
    json_t *added = json_array(), *released = json_array();

    for (size_t i = after->kept; i < after->count; i++)
        json_array_append_new(added, id_json(placement_site(plan->after, after->sites[i])));
    for (size_t i = 0; i < before->count; i++)
        if (plan->carried[before->sites[i]] == PLACEMENT_NONE)
            json_array_append_new(released,
                                  json_pack("{s:o, s:s}", "site",
                                            id_json(placement_site(plan->before, before->sites[i])),
                                            "cause", cause_name(PLAN_GONE)));
    for (size_t i = 0; i < after->released_count; i++)
        json_array_append_new(
            released, json_pack("{s:o, s:s}", "site",
                                id_json(placement_site(plan->after, after->released[i].site)),
                                "cause", cause_name(after->released[i].cause)));
    return json_pack("{s:s, s:o, s:o, s:s}", "kind", "object", "added", added, "released", released,
                     "state", placement_state_name(after->state));
}
