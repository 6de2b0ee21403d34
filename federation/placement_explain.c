// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_explain.h"

#include "conf/memory.h"
#include "federation/placement_private.h"

#include <assert.h>
#include <stdlib.h>

/* ---- what came of each site */

static bool is_among(const uint32_t *sites, size_t count, uint32_t site)
{
    for (size_t i = 0; i < count; i++)
        if (sites[i] == site)
            return true;
    return false;
}

static bool is_released(const struct placement_result *result, uint32_t site,
                        enum placement_cause *cause)
{
    for (size_t i = 0; i < result->released_count; i++)
        if (result->released[i].site == site) {
            *cause = result->released[i].cause;
            return true;
        }
    return false;
}

static void judge(struct placement_question *question, const struct placement_result *result,
                  struct placement_line *line)
{
    const struct placement_field *field = &question->rule->field;

    if (is_among(result->sites, result->kept, line->site)) {
        line->outcome = PLACEMENT_KEPT;
        return;
    }
    if (is_among(result->sites, result->count, line->site)) {
        line->outcome = PLACEMENT_TAKEN;
        return;
    }
    line->verdict = placement_verdict_fresh(question, line->site);
    if (is_released(result, line->site, &line->cause))
        line->outcome = PLACEMENT_RELEASED;
    else if (line->verdict != PLACEMENT_PASSES)
        line->outcome = PLACEMENT_REFUSED;
    else if (!placement_fits(field, result->sites, result->count, line->site, &line->cap))
        line->outcome = PLACEMENT_CUT;
    else
        line->outcome = PLACEMENT_BEHIND;
}

static void rank(struct placement_question *question, struct placement_line *line)
{
    const struct placement_map_rule *rule = question->rule;
    const uint8_t tier = placement_tier(question, line->site);
    const struct placement_field alone = {
        1, &line->site, &rule->hashes[line->site], &rule->classes[line->site], &tier, NULL, 0};
    const struct placement_walk walk = {.field = &alone,
                                        .object = placement_hash_object(question->object->root)};

    line->preferred = tier == 0 ? 0 : 1 + POLICY_PREFER_MAX - tier;
    line->score = rule->scores[line->site];
    line->class = rule->classes[line->site];
    line->order = placement_order(&walk, 0);
}

static int compare_lines(const void *a_, const void *b_)
{
    const struct placement_line *a = a_, *b = b_;
    bool is_a_taken = a->outcome <= PLACEMENT_TAKEN, is_b_taken = b->outcome <= PLACEMENT_TAKEN;

    if (is_a_taken != is_b_taken)
        return is_a_taken ? -1 : 1;
    if (!is_a_taken && a->outcome != b->outcome)
        return a->outcome < b->outcome ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

void placement_explain(struct placement_trace *trace, const struct placement_map *map,
                       const struct placement_object *object)
{
    struct placement_question question;

    *trace = (struct placement_trace){.map = map, .object = object};
    placement_decide(map, object, &trace->result);
    placement_ask(&question, map, object);
    if (question.rule == NULL)
        return;
    trace->count = map->site_count;
    trace->lines = memory_alloc((trace->count + 1) * sizeof(*trace->lines));
    for (size_t i = 0; i < trace->count; i++) {
        trace->lines[i].site = (uint32_t)i;
        judge(&question, &trace->result, &trace->lines[i]);
        rank(&question, &trace->lines[i]);
    }
    qsort(trace->lines, trace->count, sizeof(*trace->lines), compare_lines);
}

void placement_trace_dispose(struct placement_trace *trace)
{
    free(trace->lines);
    *trace = (struct placement_trace){.map = NULL};
}

/* ---- in words */

static const char *outcome_name(enum placement_outcome outcome)
{
    static const char *const names[] = {
        [PLACEMENT_KEPT] = "kept",         [PLACEMENT_TAKEN] = "taken",
        [PLACEMENT_RELEASED] = "released", [PLACEMENT_REFUSED] = "refused",
        [PLACEMENT_CUT] = "spread",        [PLACEMENT_BEHIND] = "not needed"};

    return names[outcome];
}

static const struct placement_map_rule *rule_of(const struct placement_map *map,
                                                const struct placement_result *result)
{
    for (size_t i = 0; i < map->rule_count; i++)
        if (map->rules[i].rule == result->rule)
            return &map->rules[i];
    return NULL;
}

/* Without values: equal reasons are counted together. */
static void put_reason(const struct placement_trace *trace, const struct placement_line *line,
                       struct text *out)
{
    const struct placement_map_rule *rule = rule_of(trace->map, &trace->result);
    const struct policy_cap *cap = &rule->rule->caps[line->cap];

    switch (line->outcome) {
    case PLACEMENT_RELEASED:
        text_put_text(out, placement_cause_name(line->cause));
        break;
    case PLACEMENT_REFUSED:
        placement_put_verdict(rule, line->verdict, out);
        break;
    case PLACEMENT_CUT:
        text_put_format(out, "at most %u in one %.*s", cap->most, SLICE_ARGS(cap->attribute));
        break;
    default:
        text_put_text(out, outcome_name(line->outcome));
    }
}

/* ": site.free is 5, object.size is 10", or ": 'FR' has them". */
static void put_values(const struct placement_trace *trace, const struct placement_line *line,
                       struct text *out)
{
    const struct placement_map_rule *rule = rule_of(trace->map, &trace->result);
    struct slice value;

    if (line->outcome == PLACEMENT_REFUSED && line->verdict >= PLACEMENT_PART_FIRST) {
        struct placement_question question;

        placement_ask(&question, trace->map, trace->object);
        placement_look_at(&question, line->site);
        text_put_text(out, ": ");
        expression_put_values(rule->rule->filter, &question.facts,
                              rule->rule->parts[line->verdict - PLACEMENT_PART_FIRST].text, out);
    } else if (line->outcome == PLACEMENT_CUT) {
        value = policy_site_attribute(trace->map->policy, line->site,
                                      rule->rule->caps[line->cap].attribute);
        text_put_format(out, ": %.*s has them", SLICE_ARGS(value));
    }
}

/* What a line's reason depends on, without the values. */
struct reason {
    enum placement_outcome outcome;
    unsigned detail;
    const struct placement_line *example;
    size_t count;
};

/* Of gates, parts of a filter, caps, causes, and the outcomes without any. */
enum { REASONS_MAX = PLACEMENT_PART_FIRST + POLICY_PARTS_MAX + POLICY_CAPS_MAX + 16 };

static struct reason reason_of(const struct placement_line *line)
{
    unsigned detail = line->outcome == PLACEMENT_REFUSED    ? line->verdict
                      : line->outcome == PLACEMENT_CUT      ? (unsigned)line->cap
                      : line->outcome == PLACEMENT_RELEASED ? (unsigned)line->cause
                                                            : 0;

    return (struct reason){line->outcome, detail, line, 1};
}

static size_t count_reason(struct reason *reasons, size_t count, struct reason reason)
{
    for (size_t i = 0; i < count; i++)
        if (reasons[i].outcome == reason.outcome && reasons[i].detail == reason.detail) {
            reasons[i].count++;
            return count;
        }
    assert(count < REASONS_MAX);
    reasons[count] = reason;
    return count + 1;
}

/* "1 taken, 2 no link": every reason with how many sites it is of. */
static void put_counts(const struct placement_trace *trace, struct text *out)
{
    struct reason reasons[REASONS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < trace->count; i++)
        count = count_reason(reasons, count, reason_of(&trace->lines[i]));
    for (size_t i = 0; i < count; i++) {
        text_put_format(out, "%s%zu ", i > 0 ? ", " : "", reasons[i].count);
        put_reason(trace, reasons[i].example, out);
    }
}

static void put_answer(const struct placement_map *map, const struct placement_result *result,
                       struct text *out)
{
    const struct policy_placement_rule *rule = result->rule;

    (void)map;
    text_put_format(out, "%s: ", placement_state_name(result->state));
    if (rule == NULL)
        text_put_text(out, "no rule is for it, so it stays here");
    else
        text_put_format(out, "%zu of at least %u and at best %u copies by rule '%.*s' (%s:%u)",
                        result->count, result->min, result->want, SLICE_ARGS(rule->id),
                        rule->place.file, rule->place.line);
}

static void put_terms(const struct placement_trace *trace, const struct placement_line *line,
                      struct text *out)
{
    const struct policy_placement_rule *rule = trace->result.rule;
    const struct placement_seen *seen = trace->map->seen[line->site];

    for (size_t i = 0; i < rule->term_count; i++) {
        uint32_t share =
            placement_term(&rule->terms[i], policy_site_facts(trace->map->policy, line->site),
                           seen != NULL ? &seen->seen : NULL);

        text_put_format(out, "%s%u x %.*s %.4g%%", i > 0 ? ", " : " = ", rule->terms[i].weight,
                        SLICE_ARGS(rule->terms[i].text), (double)share / 10000);
    }
}

static void put_line(const struct placement_trace *trace, const struct placement_line *line,
                     struct text *out)
{
    struct slice id = placement_site(trace->map, line->site);

    text_put_format(out, "  %-16.*s ", SLICE_ARGS(id));
    if (line->outcome == PLACEMENT_RELEASED)
        text_put_text(out, "released: ");
    put_reason(trace, line, out);
    put_values(trace, line, out);
    if (line->outcome <= PLACEMENT_TAKEN || line->outcome == PLACEMENT_BEHIND) {
        text_put_format(out, "; prefer %u, score %.4g%%", line->preferred,
                        (double)line->score / 10000);
        put_terms(trace, line, out);
        text_put_format(out, ", class %u", line->class);
    }
    text_put_char(out, '\n');
}

void placement_trace_put(const struct placement_trace *trace, size_t max_sites, struct text *out)
{
    size_t told = 0, left_out = 0;

    put_answer(trace->map, &trace->result, out);
    text_put_char(out, '\n');
    for (size_t i = 0; i < trace->count; i++) {
        bool is_taken = trace->lines[i].outcome <= PLACEMENT_RELEASED;

        if (is_taken || told < max_sites)
            put_line(trace, &trace->lines[i], out);
        else
            left_out++;
        told += !is_taken;
    }
    if (left_out > 0)
        text_put_format(out, "  and %zu more\n", left_out);
    if (trace->count == 0)
        return;
    text_put_format(out, "of %zu sites: ", trace->count);
    put_counts(trace, out);
    text_put_char(out, '\n');
}

void placement_put_reason(const struct placement_map *map, const struct placement_object *object,
                          const struct placement_result *result, struct text *out)
{
    struct placement_trace trace;

    put_answer(map, result, out);
    placement_explain(&trace, map, object);
    if (trace.count > 0) {
        text_put_format(out, "; of %zu sites: ", trace.count);
        put_counts(&trace, out);
    }
    placement_trace_dispose(&trace);
}

/* ---- as JSON */

static json_t *text_json(struct slice text)
{
    json_t *made = json_stringn(text.data, text.size);

    return made != NULL ? made : json_null();
}

static json_t *terms_json(const struct placement_trace *trace, const struct placement_line *line)
{
    const struct policy_placement_rule *rule = trace->result.rule;
    const struct placement_seen *seen = trace->map->seen[line->site];
    json_t *terms = json_array();

    for (size_t i = 0; i < rule->term_count; i++) {
        uint32_t share =
            placement_term(&rule->terms[i], policy_site_facts(trace->map->policy, line->site),
                           seen != NULL ? &seen->seen : NULL);

        json_array_append_new(
            terms, json_pack("{s:o, s:I, s:I}", "value", text_json(rule->terms[i].text), "weight",
                             (json_int_t)rule->terms[i].weight, "millionths", (json_int_t)share));
    }
    return terms;
}

static json_t *line_json(const struct placement_trace *trace, const struct placement_line *line)
{
    struct text reason = {0};
    json_t *made;

    put_reason(trace, line, &reason);
    put_values(trace, line, &reason);
    made = json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:o}", "site",
                     text_json(placement_site(trace->map, line->site)), "outcome",
                     outcome_name(line->outcome), "reason", text_json(text_slice(&reason)),
                     "preferred", (json_int_t)line->preferred, "score_millionths",
                     (json_int_t)line->score, "class", (json_int_t)line->class, "order",
                     (json_int_t)line->order, "terms", terms_json(trace, line));
    text_dispose(&reason);
    return made;
}

json_t *placement_trace_json(const struct placement_trace *trace)
{
    const struct placement_result *result = &trace->result;
    json_t *lines = json_array(), *sites = json_array();

    for (size_t i = 0; i < result->count; i++)
        json_array_append_new(sites, text_json(placement_site(trace->map, result->sites[i])));
    for (size_t i = 0; i < trace->count; i++)
        json_array_append_new(lines, line_json(trace, &trace->lines[i]));
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o, s:o}", "state",
                     placement_state_name(result->state), "rule",
                     result->rule != NULL ? text_json(result->rule->id) : json_null(), "min",
                     (json_int_t)result->min, "want", (json_int_t)result->want, "version",
                     (json_int_t)trace->map->version, "sites", sites, "why", lines);
}
