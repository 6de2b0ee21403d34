// SPDX-License-Identifier: Apache-2.0
/* `causeway plan`. */
#include "conf/config.h"
#include "conf/units.h"
#include "federation/command_place.h"
#include "federation/placement_input.h"
#include "federation/placement_plan.h"
#include "ipfs/hash.h"
#include "policy/commands.h"

#include <stdlib.h>

enum { SAMPLE = 10000 }; /* objects that are made up if none are given */

const struct cli_option plan_options[] = {
    CONFIG_OPTION,
    {"objects", "FILE", "what is stored, one JSON object a line; - is standard input"},
    {"count", "N", "without --objects: how many are made up; 10000 unless given"},
    {"size", "SIZE", "without --objects: how large each is; 1GiB unless given"},
    {"sites", "FILE", "what was observed of the sites; else each is at its best"},
    {"sites-before", "FILE", "the same for OLD, if it was otherwise"},
    {"list", NULL, "also each object that changes"},
    {0},
};

const char plan_help[] =
    "What the policy NEW would move of what OLD (if it is not named, causeway.yaml's) has placed, "
    "before it is put in\n"
    "force: copies to send and their bytes, copies that go and why, site by site. Nothing is "
    "changed. An object keeps its\n"
    "copies as long as the new policy lets them be where they are; it is never placed anew as a "
    "whole.\n"
    "A line of --objects is {\"cid\":\"bafy...\",\"bytes\":1048576,\"owner\":\"member:alice\","
    "\"labels\":{\"class\":\"secret\"},\n"
    "\"sites\":[\"local\",\"beta\"]}; without \"sites\", copies are where OLD places them. Objects "
    "pass one by one, so a\n"
    "million take no more memory than one. Without --objects, made-up ones tell the shares.\n"
    "Lines of causeway pin ls --json will do, but for the bytes.\n"
    "The same policy twice with --sites-before and --sites tells what a change of the sites would "
    "move.";

struct plan_run {
    const struct cli *cli;
    struct placement_plan plan;
    struct placement_input *before, *after; /* one object, as both policies label it */
};

static void print_change(const struct plan_run *run, const struct cid *cid,
                         const struct plan_change *change)
{
    struct text out = {0};

    cid_print(cid, CID_BASE_DEFAULT, &out);
    if (run->cli->json) {
        json_t *json = plan_change_json(&run->plan, change);

        json_object_set_new(json, "cid", json_stringn(out.data, out.size));
        json_dumpf(json, run->cli->out, JSON_COMPACT);
        fputc('\n', run->cli->out);
        json_decref(json);
    } else {
        fprintf(run->cli->out, "%s", out.data);
        text_clear(&out);
        plan_change_put(&run->plan, change, &out);
        fprintf(run->cli->out, "%s\n", out.data);
    }
    text_dispose(&out);
}

static void add(struct plan_run *run)
{
    struct plan_change change;

    placement_plan_add(&run->plan, &run->before->object, run->after->labels, &change);
    if (cli_value(run->cli, "list") != NULL && plan_changes(&change))
        print_change(run, &run->before->cid, &change);
}

/* ---- objects of a file */

static bool add_line(struct plan_run *run, struct slice line, struct error *err)
{
    json_t *json;
    bool is_fine;

    if (line.size == 0)
        return true;
    json = placement_parse_line(line, err);
    is_fine = json != NULL && placement_read_parsed(run->before, run->plan.before, json, err) &&
              placement_read_parsed(run->after, run->plan.after, json, err);
    json_decref(json);
    if (is_fine)
        add(run);
    return is_fine;
}

static bool add_file(struct plan_run *run, const char *path, struct error *err)
{
    bool is_input = strcmp(path, "-") == 0, is_fine = true;
    FILE *file = is_input ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t size;

    if (file == NULL)
        return error_set_errno(err, "%s cannot be opened", path);
    while (is_fine && (size = getline(&line, &room, file)) >= 0) {
        struct slice text = {line, (size_t)size};

        number++;
        if (text.data[text.size - 1] == '\n')
            text.size--;
        is_fine = add_line(run, text, err);
    }
    free(line);
    if (!is_input)
        fclose(file);
    return is_fine || error_prefix(err, "%s:%zu", path, number);
}

/* ---- made-up objects */

static bool label(const struct placement_map *map, struct placement_input *input, struct error *err)
{
    const struct slice none = {NULL, 0};

    input->object.facts.labels = input->labels;
    return policy_label_object(placement_map_policy(map), &input->object.facts, none, none,
                               input->labels, err);
}

static void make_root(struct placement_input *input, uint64_t number)
{
    uint8_t digest[HASH_DIGEST_MAX], bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    hash_block(HASH_SHA2_256, (struct slice){(const char *)bytes, sizeof(bytes)}, digest);
    cid_make(&input->cid, 1, CODEC_RAW, HASH_SHA2_256, digest, 32);
    input->object.root = (struct slice){(const char *)input->cid.bytes, input->cid.size};
    input->object.facts.codec = CODEC_RAW;
}

static bool add_sample(struct plan_run *run, struct error *err)
{
    const char *count_text = cli_value(run->cli, "count"), *size_text = cli_value(run->cli, "size");
    uint64_t count = SAMPLE, size = UINT64_C(1) << 30;

    if (count_text != NULL && !units_parse_integer(slice_of(count_text), &count, err))
        return error_prefix(err, "--count");
    if (size_text != NULL && !units_parse_size(slice_of(size_text), &size, err))
        return error_prefix(err, "--size");
    run->before->object.facts.bytes = size;
    if (!label(run->plan.before, run->before, err) || !label(run->plan.after, run->after, err))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        make_root(run->before, i);
        add(run);
    }
    return true;
}

/* ---- all of it */

static void print_plan(const struct plan_run *run)
{
    struct text out = {0};

    if (run->cli->json) {
        json_t *json = placement_plan_json(&run->plan);

        json_dumpf(json, run->cli->out, JSON_COMPACT);
        fputc('\n', run->cli->out);
        json_decref(json);
        return;
    }
    if (cli_value(run->cli, "objects") == NULL)
        fprintf(run->cli->out, "made-up objects (--objects has those that there are):\n");
    placement_plan_put(&run->plan, &out);
    fputs(out.data, run->cli->out);
    text_dispose(&out);
}

static bool run_plan(const struct cli *cli, const struct placement_map *before,
                     const struct placement_map *after, struct error *err)
{
    const char *objects = cli_value(cli, "objects");
    struct placement_input inputs[2] = {{.has_held = false}, {.has_held = false}};
    struct plan_run run = {.cli = cli, .before = &inputs[0], .after = &inputs[1]};
    bool is_fine;

    placement_plan_init(&run.plan, before, after);
    is_fine = objects != NULL ? add_file(&run, objects, err) : add_sample(&run, err);
    if (is_fine)
        print_plan(&run);
    placement_plan_dispose(&run.plan);
    return is_fine;
}

int command_plan(struct cli *cli)
{
    const char *sites = cli_value(cli, "sites"), *sites_before = cli_value(cli, "sites-before");
    bool has_both = cli->argument_count == 2;
    const char *old = has_both ? cli->arguments[0] : NULL;
    const struct policy *policies[2] = {NULL, NULL};
    struct placement_map *maps[2] = {NULL, NULL};
    struct error err = {0};
    bool is_fine = command_policy_load(cli, &policies[0], old, NULL, &err) &&
                   command_policy_load(cli, &policies[1], cli->arguments[has_both], NULL, &err) &&
                   command_place_map(&maps[0], policies[0],
                                     sites_before != NULL ? sites_before : sites, &err) &&
                   command_place_map(&maps[1], policies[1], sites, &err) &&
                   run_plan(cli, maps[0], maps[1], &err);

    for (size_t i = 0; i < 2; i++) {
        placement_map_destroy(&maps[i]);
        policy_unref(&policies[i]);
    }
    return is_fine ? CLI_DONE : cli_fail(cli, "%s", err.text);
}
