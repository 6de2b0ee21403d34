// SPDX-License-Identifier: Apache-2.0
/* `causeway policy check` and `policy test`. */
#include "conf/config.h"
#include "conf/memory.h"
#include "policy/check.h"
#include "policy/commands.h"
#include "policy/source.h"

#include <stdlib.h>
#include <time.h>

/* The path that causeway.yaml names; the caller's to free. NULL: err. */
static char *find_configured(const struct cli *cli, struct error *err)
{
    const struct config *config = NULL;
    char *path = NULL;

    if (!config_load(&config, config_find(cli_value(cli, "config")), err)) {
        error_prefix(err, "no policy is named, and causeway.yaml, which could, is not to be had");
        return NULL;
    }
    if (config->policy != NULL)
        path = memory_copy_text(config->policy);
    else
        error_set(err, ERROR_NOT_FOUND, "no policy is named, and %s has no 'policy' either",
                  config->file);
    config_unref(&config);
    return path;
}

static bool load_file(const struct policy **policy, const char *path, struct findings *findings,
                      struct error *err)
{
    struct policy_sources sources;
    struct error mistake = {0};
    bool is_fine;

    if (!policy_sources_read(&sources, path, SOURCE_NAMES_FULL, err))
        return false;
    is_fine = policy_compile(policy, sources.items, sources.count, findings, &mistake);
    policy_sources_dispose(&sources);
    if (!is_fine && findings == NULL)
        error_copy(err, &mistake);
    return is_fine;
}

bool command_policy_load(const struct cli *cli, const struct policy **policy, const char *path,
                         struct findings *findings, struct error *err)
{
    char *configured;
    bool is_fine;

    *policy = NULL;
    if (path != NULL)
        return load_file(policy, path, findings, err);
    configured = find_configured(cli, err);
    is_fine = configured != NULL && load_file(policy, configured, findings, err);
    free(configured);
    return is_fine;
}

policy_place_cb command_policy_place(const struct cli *cli)
{
    const struct policy_commands_context *context = cli->context;

    return context != NULL ? context->place : NULL;
}

static void print_json(const struct cli *cli, const struct finding *finding)
{
    struct text out = {0};

    text_put_format(&out, "{\"level\":\"%s\",\"file\":\"", finding_level_name(finding->level));
    text_put_json(&out, slice_of(finding->file));
    text_put_text(&out, "\"");
    if (finding->line > 0)
        text_put_format(&out, ",\"line\":%u,\"column\":%u", finding->line, finding->column);
    text_put_text(&out, ",\"text\":\"");
    text_put_json(&out, slice_of(finding->text));
    fprintf(cli->out, "%s\"}\n", out.data);
    text_dispose(&out);
}

void command_policy_print(const struct cli *cli, const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct text out = {0};

        if (cli->json) {
            print_json(cli, &findings->items[i]);
            continue;
        }
        finding_put(&findings->items[i], &out);
        fprintf(cli->out, "%s\n", out.data);
        text_dispose(&out);
    }
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_summary(const struct cli *cli, const struct policy *policy,
                          const struct findings *findings, const struct policy_test_counts *tests)
{
    const size_t *counts = findings->counts;

    if (cli->json)
        fprintf(cli->out,
                "{\"policy\":\"%s\",\"errors\":%zu,\"warnings\":%zu,\"notes\":%zu,"
                "\"tests_passed\":%zu,\"tests_failed\":%zu}\n",
                policy != NULL ? policy_hash(policy) : "", counts[FINDING_ERROR],
                counts[FINDING_WARNING], counts[FINDING_NOTE], tests->passed, tests->failed);
    else
        fprintf(cli->out, "%zu error%s, %zu warning%s, %zu note%s; %zu test%s passed, %zu failed\n",
                counts[FINDING_ERROR], plural(counts[FINDING_ERROR]), counts[FINDING_WARNING],
                plural(counts[FINDING_WARNING]), counts[FINDING_NOTE], plural(counts[FINDING_NOTE]),
                tests->passed, plural(tests->passed), tests->failed);
}

int command_policy_check(struct cli *cli)
{
    struct findings findings = {0};
    struct policy_test_counts tests = {0};
    const struct policy *policy;
    struct error err = {0};
    bool is_fine = command_policy_load(cli, &policy, cli->arguments[0], &findings, &err);

    if (is_fine)
        policy_check(policy, (uint64_t)time(NULL) * 1000, command_policy_place(cli), &findings,
                     &tests);
    if (err.code != ERROR_NONE) {
        cli_fail(cli, "%s", err.text);
    } else {
        command_policy_print(cli, &findings);
        print_summary(cli, policy, &findings, &tests);
        is_fine = findings.counts[FINDING_ERROR] == 0 &&
                  (cli_value(cli, "strict") == NULL || findings.counts[FINDING_WARNING] == 0);
    }
    findings_dispose(&findings);
    policy_unref(&policy);
    return is_fine ? CLI_DONE : CLI_FAILED;
}

int command_policy_test(struct cli *cli)
{
    struct findings findings = {0};
    struct policy_test_counts tests = {0};
    const struct policy *policy;
    struct error err = {0};
    bool is_fine;

    if (!command_policy_load(cli, &policy, cli->arguments[0], NULL, &err))
        return cli_fail(cli, "%s", err.text);
    is_fine = policy_run_tests(policy, command_policy_place(cli), &findings, &tests);
    command_policy_print(cli, &findings);
    if (cli->json)
        fprintf(cli->out, "{\"tests_passed\":%zu,\"tests_failed\":%zu}\n", tests.passed,
                tests.failed);
    else
        fprintf(cli->out, "%zu test%s passed, %zu failed\n", tests.passed, plural(tests.passed),
                tests.failed);
    findings_dispose(&findings);
    policy_unref(&policy);
    return is_fine ? CLI_DONE : CLI_FAILED;
}
