// SPDX-License-Identifier: Apache-2.0
/* `causeway place`. */
#include "federation/command_place.h"

#include "conf/config.h"
#include "conf/memory.h"
#include "conf/units.h"
#include "federation/placement_explain.h"
#include "federation/placement_input.h"
#include "policy/commands.h"

#include <stdlib.h>

enum { SITES_TOLD = 50 }; /* of those that are not taken */

const struct cli_option place_options[] = {
    {"policy", "POLICY", "a file, or a folder of *.yaml files; else causeway.yaml's policy"},
    CONFIG_OPTION,
    {"size", "SIZE", "how large it is, such as 1GiB; 0 unless given"},
    {"owner", "OWNER", "member:ID or group:ID whose pin it is; else nobody's"},
    {"label", "LABELS", "NAME=VALUE,...: as a request would ask"},
    {"min-copies", "N", "as a request would ask"},
    {"sites", "FILE", "what was observed of the sites; else each is at its best"},
    {"explain", NULL, "every site with what came of it and why"},
    {0},
};

const char place_help[] =
    "Which sites get copies of CID, by the policy; without CID, of any object of that size, owner "
    "and labels. The answer\n"
    "is the same on every machine. --explain tells for each site whether it is taken, which part "
    "of the filter does not\n"
    "hold and with which values, what it scores term by term, and which cap of `spread` left it "
    "out; the last line counts\n"
    "the reasons. A line of the file of --sites is one site, what is left away was not observed:\n"
    "  {\"site\":\"beta\",\"linked\":true,\"granted\":true,\"room\":1099511627776,\"healthy\":true,"
    "\"free\":1099511627776,\n"
    "   \"capacity\":2199023255552,\"load\":0.1,\"rtt_ms\":35,\"uptime\":0.999,\"verified\":1}\n"
    "The exit code is 1 if there are fewer copies than the rule wants at least.";

bool command_place_map(struct placement_map **map, const struct policy *policy, const char *sites,
                       struct error *err)
{
    size_t count = policy_site_count(policy);
    struct placement_seen *seen;

    if (!policy_has_placement(policy))
        return error_set(err, ERROR_NOT_FOUND, "the policy has no section 'placement'");
    if (sites != NULL) {
        if (!placement_load_seen(&seen, &count, sites, err))
            return false;
    } else {
        seen = memory_alloc((count + 1) * sizeof(*seen));
        for (size_t i = 0; i < count; i++)
            seen[i] = placement_seen_ideal(policy_site(policy, i));
    }
    placement_map_create(map, policy, seen, count, NULL, 1, 0);
    free(seen);
    return true;
}

/* ---- the object */

static bool read_cid(const struct cli *cli, struct placement_input *input, struct error *err)
{
    struct slice text = slice_of(cli->argument_count > 0 ? cli->arguments[0] : "bafkqaaa");
    struct cid cid;

    if (!cid_parse(&cid, text, err))
        return error_prefix(err, "'%.*s' is no CID", SLICE_ARGS(text));
    input->cid = cid_to_v1(&cid);
    input->object.root = (struct slice){(const char *)input->cid.bytes, input->cid.size};
    input->object.facts.codec = input->cid.codec;
    return true;
}

static bool read_owner(const struct cli *cli, struct placement_input *input, struct error *err)
{
    const char *text = cli_value(cli, "owner"), *colon = text != NULL ? strchr(text, ':') : NULL;
    struct slice id = slice_of(colon != NULL ? colon + 1 : text != NULL ? text : "");

    if (text == NULL)
        return true;
    input->owner.kind = OWNER_MEMBER;
    if (colon != NULL &&
        !owner_kind_parse(&input->owner.kind, (struct slice){text, (size_t)(colon - text)}))
        return error_set(err, ERROR_SYNTAX, "--owner: write member:ID or group:ID");
    if (!id_check(id, "owner", err))
        return error_prefix(err, "--owner");
    memcpy(input->owner.id, id.data, id.size);
    input->object.facts.owner = &input->owner;
    return true;
}

static bool read_numbers(const struct cli *cli, struct placement_input *input, struct error *err)
{
    const char *size = cli_value(cli, "size"), *copies = cli_value(cli, "min-copies");
    uint64_t number = 0;

    if (size != NULL && !units_parse_size(slice_of(size), &input->object.facts.bytes, err))
        return error_prefix(err, "--size");
    if (copies != NULL && !units_parse_integer(slice_of(copies), &number, err))
        return error_prefix(err, "--min-copies");
    if (number > POLICY_COPIES_MAX)
        return error_set(err, ERROR_LIMIT, "--min-copies: at most %d", POLICY_COPIES_MAX);
    input->object.min_copies = (uint32_t)number;
    return true;
}

static bool read_labels(const struct cli *cli, const struct policy *policy,
                        struct placement_input *input, struct error *err)
{
    const char *labels = cli_value(cli, "label");

    input->object.facts.labels = input->labels;
    return policy_label_object(policy, &input->object.facts, (struct slice){NULL, 0},
                               slice_of(labels != NULL ? labels : ""), input->labels, err) ||
           error_prefix(err, "--label");
}

/* ---- the answer */

static void print_short(const struct cli *cli, const struct placement_trace *trace)
{
    const struct placement_result *result = &trace->result;
    struct text out = {0};

    placement_put_reason(trace->map, trace->object, result, &out);
    text_put_char(&out, '\n');
    for (size_t i = 0; i < result->count; i++)
        text_put_format(&out, "  %.*s\n", SLICE_ARGS(placement_site(trace->map, result->sites[i])));
    fputs(out.data, cli->out);
    text_dispose(&out);
}

static void print_long(const struct cli *cli, const struct placement_trace *trace)
{
    struct text out = {0};

    if (cli_value(cli, "sites") == NULL)
        fprintf(cli->out,
                "no values were observed (--sites): each site is taken as linked, healthy "
                "and empty\n");
    placement_trace_put(trace, SITES_TOLD, &out);
    fputs(out.data, cli->out);
    text_dispose(&out);
}

static void print_json(const struct cli *cli, const struct placement_trace *trace)
{
    json_t *json = placement_trace_json(trace);

    if (cli_value(cli, "explain") == NULL)
        json_object_del(json, "why");
    json_dumpf(json, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
    json_decref(json);
}

static int answer(const struct cli *cli, const struct placement_map *map,
                  const struct placement_input *input)
{
    struct placement_trace trace;
    enum placement_state state;

    placement_explain(&trace, map, &input->object);
    state = trace.result.state;
    if (cli->json)
        print_json(cli, &trace);
    else if (cli_value(cli, "explain") != NULL)
        print_long(cli, &trace);
    else
        print_short(cli, &trace);
    placement_trace_dispose(&trace);
    return state == PLACEMENT_STUCK ? CLI_FAILED : CLI_DONE;
}

int command_place(struct cli *cli)
{
    struct placement_input input = {.has_held = false};
    const struct policy *policy = NULL;
    struct placement_map *map = NULL;
    struct error err = {0};
    int result;

    if (!read_cid(cli, &input, &err) || !read_owner(cli, &input, &err) ||
        !read_numbers(cli, &input, &err)) {
        cli_fail(cli, "%s", err.text);
        return CLI_USAGE;
    }
    if (command_policy_load(cli, &policy, cli_value(cli, "policy"), NULL, &err) &&
        read_labels(cli, policy, &input, &err) &&
        command_place_map(&map, policy, cli_value(cli, "sites"), &err))
        result = answer(cli, map, &input);
    else
        result = cli_fail(cli, "%s", err.text);
    placement_map_destroy(&map);
    policy_unref(&policy);
    return result;
}
