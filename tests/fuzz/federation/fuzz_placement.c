// SPDX-License-Identifier: Apache-2.0
/* Any lines as what was observed of sites, and as objects: what is refused has a reason; of what is
 * taken, placement makes an answer that keeps to the rule, twice the same, and explains it. */
#include "federation/placement_explain.h"
#include "federation/placement_input.h"

#include <assert.h>
#include <stdlib.h>

enum { SEEN_MAX = 64 };

static const char yaml[] =
    "version: 1\n"
    "org: lab.example\n"
    "members: {alice: {groups: [lab]}}\n"
    "groups: {lab: {}}\n"
    "roles: {r: {allow: add}}\n"
    "bind: [{to: \"member:*\", roles: r}]\n"
    "placement:\n"
    "  labels: {class: {values: [public, secret], give: [{to: \"group:lab\", value: secret}]}}\n"
    "  sites:\n"
    "    local: {attributes: {country: DE}}\n"
    "    beta: {attributes: {country: FR}}\n"
    "    gamma: {attributes: {country: FR}}\n"
    "    delta: {attributes: {country: US}}\n"
    "  rules:\n"
    "    - id: most\n"
    "      copies: {min: 2, want: 3}\n"
    "      filter: \"site.healthy and site.free - object.size > 2 * object.size\"\n"
    "      score: [{value: site.free_ratio, weight: 1}, {value: site.rtt, worst: 1s, best: 0s, "
    "weight: 2}]\n"
    "      spread: {country: 1}\n"
    "      prefer: \"site.load < 50% or object.size > 1GiB\"\n"
    "    - {id: secret, priority: 1, for: \"label.class == 'secret' and 'lab' in owner.groups\", "
    "copies: {min: 2}}\n";

static bool has(const uint32_t *sites, size_t count, uint32_t site)
{
    for (size_t i = 0; i < count; i++)
        if (sites[i] == site)
            return true;
    return false;
}

static void check_result(const struct placement_map *map, const struct placement_object *object,
                         const struct placement_result *result)
{
    assert(result->kept <= result->count && result->count <= result->want);
    for (size_t i = 0; i < result->count; i++) {
        assert(result->sites[i] < placement_site_count(map));
        assert(!has(result->sites, i, result->sites[i]));
        assert(has(object->held, object->held_count, result->sites[i]) == (i < result->kept) ||
               result->rule == NULL);
    }
    for (size_t i = 0; i < result->released_count; i++)
        assert(has(object->held, object->held_count, result->released[i].site) &&
               !has(result->sites, result->count, result->released[i].site));
}

static void check_object(const struct placement_map *map, const struct placement_object *object)
{
    struct placement_result result, again;
    struct placement_trace trace;
    struct text out = {0};
    json_t *json;

    placement_decide(map, object, &result);
    check_result(map, object, &result);
    placement_explain(&trace, map, object);
    again = trace.result;
    assert(again.count == result.count &&
           memcmp(again.sites, result.sites, result.count * sizeof(result.sites[0])) == 0);
    placement_trace_put(&trace, 2, &out);
    placement_put_reason(map, object, &result, &out);
    json = placement_trace_json(&trace);
    assert(json != NULL && out.size > 0);
    json_decref(json);
    text_dispose(&out);
    placement_trace_dispose(&trace);
}

static struct slice take_line(struct slice *rest)
{
    const char *end = memchr(rest->data, '\n', rest->size);
    struct slice line = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    size_t used = end == NULL ? line.size : line.size + 1;

    *rest = (struct slice){rest->data + used, rest->size - used};
    return line;
}

static size_t read_seen(struct slice text, struct placement_seen *seen)
{
    size_t count = 0;

    while (text.size > 0 && count < SEEN_MAX) {
        struct slice line = take_line(&text);
        struct error err = {0};

        if (placement_read_seen(&seen[count], line, &err))
            count++;
        else
            assert(err.code != ERROR_NONE && err.text[0] != '\0');
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct policy *policy; /* made once: the same for every input */
    static struct placement_seen seen[SEEN_MAX];
    const struct policy_source source = {"p", SLICE(yaml)};
    struct slice rest = {(const char *)data, size};
    struct placement_map *map;
    struct error err = {0};
    bool is_fine = policy != NULL || policy_compile(&policy, &source, 1, NULL, &err);

    assert(is_fine);
    placement_map_create(&map, policy, seen, read_seen(rest, seen), NULL, 1, 1);
    while (rest.size > 0) {
        struct slice line = take_line(&rest);
        static struct placement_input input;
        struct error why = {0};

        if (placement_read_object(&input, map, line, &why))
            check_object(map, &input.object);
        else
            assert(why.code != ERROR_NONE && why.text[0] != '\0');
    }
    placement_map_destroy(&map);
    return 0;
}
