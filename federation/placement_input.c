// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_input.h"

#include "conf/memory.h"
#include "ipfs/call_show.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS 1000000

json_t *placement_parse_line(struct slice line, struct error *err)
{
    json_error_t problem;
    json_t *json;

    if (line.size > PLACEMENT_LINE_MAX) {
        error_set(err, ERROR_LIMIT, "the line is longer than %d bytes", PLACEMENT_LINE_MAX);
        return NULL;
    }
    json = json_loadb(line.size > 0 ? line.data : "", line.size, JSON_REJECT_DUPLICATES, &problem);
    if (json_is_object(json))
        return json;
    error_set(err, ERROR_SYNTAX, "one JSON object stands on each line%s%s",
              json == NULL ? ": " : "", json == NULL ? problem.text : "");
    json_decref(json);
    return NULL;
}

static bool not_read(const char *name, const char *what, struct error *err)
{
    return error_set(err, ERROR_SYNTAX, "\"%s\" is not %s", name, what);
}

/* The readers of one member each: true if it is missing, too. */

static bool read_flag(const json_t *json, const char *name, bool *flag, struct error *err)
{
    const json_t *member = json_object_get(json, name);

    if (member == NULL)
        return true;
    *flag = json_is_true(member);
    return json_is_boolean(member) || not_read(name, "true or false", err);
}

static bool read_whole(const json_t *json, const char *name, uint64_t *number, struct error *err)
{
    const json_t *member = json_object_get(json, name);

    if (member == NULL)
        return true;
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return not_read(name, "a whole number", err);
    *number = (uint64_t)json_integer_value(member);
    return true;
}

static bool take_flag(const json_t *member, int64_t *value)
{
    *value = json_is_true(member);
    return json_is_boolean(member);
}

static bool take_bytes(const json_t *member, int64_t *value)
{
    *value = (int64_t)json_integer_value(member);
    return json_is_integer(member) && *value >= 0;
}

static bool take_ratio(const json_t *member, int64_t *value)
{
    double number = json_number_value(member);

    if (!json_is_number(member) || !(number >= 0 && number <= 1))
        return false;
    *value = (int64_t)(number * POLICY_SCORE_ONE + 0.5);
    return true;
}

static bool take_duration(const json_t *member, int64_t *value)
{
    double ms = json_number_value(member);

    if (!json_is_number(member) || !(ms >= 0 && ms <= 1e9))
        return false;
    *value = (int64_t)(ms * NS_PER_MS);
    return true;
}

static const struct {
    bool (*take)(const json_t *member, int64_t *value);
    const char *what, *suffix;
} kinds[] = {
    [SEEN_IS_BOOL] = {take_flag, "true or false", ""},
    [SEEN_IS_BYTES] = {take_bytes, "a whole number of bytes", ""},
    [SEEN_IS_RATIO] = {take_ratio, "a number from 0 to 1", ""},
    [SEEN_IS_DURATION] = {take_duration, "a number of milliseconds", "_ms"},
};

static bool read_fact(const json_t *json, enum policy_seen fact, struct policy_seen_values *seen,
                      struct error *err)
{
    enum policy_seen_kind kind = policy_seen_facts[fact].kind;
    const json_t *member;
    char name[64];

    snprintf(name, sizeof(name), "%s%s", policy_seen_facts[fact].name, kinds[kind].suffix);
    member = json_object_get(json, name);
    if (member == NULL)
        return true;
    if (!kinds[kind].take(member, &seen->values[fact]))
        return not_read(name, kinds[kind].what, err);
    seen->has |= UINT32_C(1) << fact;
    return true;
}

static bool has(const struct policy_seen_values *seen, enum policy_seen fact)
{
    return (seen->has & (UINT32_C(1) << fact)) != 0;
}

static void derive(struct policy_seen_values *seen)
{
    int64_t free_bytes = seen->values[SEEN_FREE], capacity = seen->values[SEEN_CAPACITY];

    if (has(seen, SEEN_FREE_RATIO) || !has(seen, SEEN_FREE) || !has(seen, SEEN_CAPACITY) ||
        capacity <= 0)
        return;
    if (free_bytes > capacity)
        free_bytes = capacity;
    seen->values[SEEN_FREE_RATIO] = (int64_t)((__int128)free_bytes * POLICY_SCORE_ONE / capacity);
    seen->has |= UINT32_C(1) << SEEN_FREE_RATIO;
}

static bool read_site(const json_t *json, struct placement_seen *seen, struct error *err)
{
    const json_t *site = json_object_get(json, "site");
    struct slice id = {json_string_value(site), json_string_length(site)};

    if (!json_is_string(site))
        return error_set(err, ERROR_SYNTAX, "\"site\" is missing");
    if (!id_check(id, "site", err))
        return false;
    memcpy(seen->site, id.data, id.size);
    return true;
}

bool placement_read_seen(struct placement_seen *seen, struct slice line, struct error *err)
{
    json_t *json = placement_parse_line(line, err);
    bool is_linked = true, is_granted = true, is_fine;

    *seen = (struct placement_seen){.room_bytes = UINT64_MAX};
    if (json == NULL)
        return false;
    is_fine = read_site(json, seen, err) && read_flag(json, "linked", &is_linked, err) &&
              read_flag(json, "granted", &is_granted, err) &&
              read_whole(json, "room", &seen->room_bytes, err);
    for (int i = 0; is_fine && i < POLICY_SEEN_COUNT; i++)
        is_fine = read_fact(json, (enum policy_seen)i, &seen->seen, err);
    derive(&seen->seen);
    seen->gate = !is_linked ? PLACEMENT_NO_LINK : !is_granted ? PLACEMENT_NO_GRANT : PLACEMENT_OPEN;
    json_decref(json);
    return is_fine;
}

/* ---- objects */

static bool read_cid(const json_t *json, struct placement_input *input, struct error *err)
{
    const json_t *member = json_object_get(json, "cid");
    struct slice text = {json_string_value(member), json_string_length(member)};
    struct cid cid;

    if (!json_is_string(member))
        return error_set(err, ERROR_SYNTAX, "\"cid\" is missing");
    if (!cid_parse(&cid, text, err))
        return error_prefix(err, "'%s' is no CID", call_show(text).text);
    input->cid = cid_to_v1(&cid);
    input->object.root = (struct slice){(const char *)input->cid.bytes, input->cid.size};
    input->object.facts.codec = input->cid.codec;
    return true;
}

/* "member:alice"; a bare name is a member. */
static bool read_owner(const json_t *json, struct placement_input *input, struct error *err)
{
    const json_t *member = json_object_get(json, "owner");
    struct slice text = {json_string_value(member), json_string_length(member)};
    const char *colon;

    if (member == NULL || json_is_null(member))
        return true;
    if (!json_is_string(member))
        return not_read("owner", "a text such as member:alice", err);
    input->owner.kind = slice_is(text, "operator") ? OWNER_OPERATOR : OWNER_MEMBER;
    colon = memchr(text.data, ':', text.size);
    if (colon != NULL) {
        struct slice kind = {text.data, (size_t)(colon - text.data)};

        if (!owner_kind_parse(&input->owner.kind, kind))
            return not_read("owner", "member:NAME, group:NAME, partner:NAME or operator:NAME", err);
        text = (struct slice){colon + 1, text.size - kind.size - 1};
    }
    if (!id_check(text, "owner", err))
        return false;
    memcpy(input->owner.id, text.data, text.size);
    input->object.facts.owner = &input->owner;
    return true;
}

static bool read_labels(const json_t *json, const struct policy *policy,
                        struct placement_input *input, struct error *err)
{
    json_t *labels = json_object_get(json, "labels"), *value;
    struct text asked = {0};
    const char *name;
    bool is_fine = true;

    if (labels != NULL && !json_is_object(labels))
        return not_read("labels", "an object of names and values", err);
    json_object_foreach(labels, name, value)
    {
        is_fine = is_fine && json_is_string(value);
        text_put_format(&asked, "%s%s=%s", asked.size > 0 ? "," : "", name,
                        json_is_string(value) ? json_string_value(value) : "");
    }
    is_fine = is_fine ? policy_label_object(policy, &input->object.facts, (struct slice){NULL, 0},
                                            text_slice(&asked), input->labels, err)
                      : not_read("labels", "an object of names and texts", err);
    input->object.facts.labels = input->labels;
    text_dispose(&asked);
    return is_fine;
}

static bool is_held(const struct placement_input *input, uint32_t site)
{
    for (size_t i = 0; i < input->object.held_count; i++)
        if (input->held[i] == site)
            return true;
    return false;
}

static bool read_held(const json_t *json, const struct placement_map *map,
                      struct placement_input *input, struct error *err)
{
    const json_t *sites = json_object_get(json, "sites"), *site;
    size_t i;

    if (sites == NULL)
        return true;
    if (!json_is_array(sites) || json_array_size(sites) > PLACEMENT_INPUT_HELD_MAX)
        return not_read("sites", "a list of sites, 64 at most", err);
    input->has_held = true;
    input->object.held = input->held;
    json_array_foreach(sites, i, site)
    {
        struct slice id = {json_string_value(site), json_string_length(site)};
        uint32_t found;

        if (!json_is_string(site))
            return not_read("sites", "a list of texts", err);
        found = placement_site_find(map, id);
        if (found == PLACEMENT_NONE)
            input->elsewhere++;
        else if (!is_held(input, found))
            input->held[input->object.held_count++] = found;
    }
    return true;
}

bool placement_read_parsed(struct placement_input *input, const struct placement_map *map,
                           const json_t *json, struct error *err)
{
    *input = (struct placement_input){.has_held = false};
    return read_cid(json, input, err) &&
           read_whole(json, "bytes", &input->object.facts.bytes, err) &&
           read_owner(json, input, err) &&
           read_labels(json, placement_map_policy(map), input, err) &&
           read_held(json, map, input, err);
}

bool placement_read_object(struct placement_input *input, const struct placement_map *map,
                           struct slice line, struct error *err)
{
    json_t *json = placement_parse_line(line, err);
    bool is_fine = json != NULL && placement_read_parsed(input, map, json, err);

    json_decref(json);
    return is_fine;
}

/* ---- a file */

static bool load_line(struct placement_seen **sites, size_t *count, struct slice line,
                      struct error *err)
{
    if ((*count & (*count - 1)) == 0)
        *sites = memory_resize_array(*sites, *count == 0 ? 1 : 2 * *count, sizeof(**sites));
    if (!placement_read_seen(&(*sites)[*count], line, err))
        return false;
    (*count)++;
    return true;
}

bool placement_load_seen(struct placement_seen **sites, size_t *count, const char *path,
                         struct error *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t size;
    bool is_fine = true;

    *sites = NULL;
    *count = 0;
    if (file == NULL)
        return error_set_errno(err, "%s cannot be opened", path);
    while (is_fine && (size = getline(&line, &room, file)) >= 0) {
        struct slice text = {line, (size_t)size};

        number++;
        if (text.size > 0 && text.data[text.size - 1] == '\n')
            text.size--;
        is_fine = text.size == 0 || load_line(sites, count, text, err);
    }
    free(line);
    fclose(file);
    if (is_fine)
        return true;
    free(*sites);
    *sites = NULL;
    return error_prefix(err, "%s:%zu", path, number);
}
