// SPDX-License-Identifier: Apache-2.0
/* `causeway audit verify`: files alone, without a running gateway. */
#include "auth/audit.h"
#include "auth/commands.h"
#include "conf/config.h"

#include <inttypes.h>
#include <stdlib.h>

struct outcome {
    struct audit_report report;
    uint64_t last_sequence;
    struct error err; /* empty: whole */
};

static void print_json(const struct cli *cli, const char *path, const struct outcome *outcome)
{
    const struct audit_report *report = &outcome->report;
    struct text out = {0};

    text_put_text(&out, "{\"file\":\"");
    text_put_json(&out, slice_of(path));
    text_put_format(&out, "\",\"is_whole\":%s,\"lines\":%" PRIu64,
                    outcome->err.code == ERROR_NONE ? "true" : "false", report->lines);
    if (report->lines > 0)
        text_put_format(&out, ",\"first_sequence\":%" PRIu64 ",\"last_sequence\":%" PRIu64,
                        report->first_sequence, outcome->last_sequence);
    if (report->is_unfinished)
        text_put_text(&out, ",\"is_unfinished\":true");
    if (report->broken_line > 0)
        text_put_format(&out, ",\"broken_line\":%" PRIu64, report->broken_line);
    if (outcome->err.code != ERROR_NONE) {
        text_put_text(&out, ",\"error\":\"");
        text_put_json(&out, slice_of(outcome->err.text));
        text_put_char(&out, '"');
    }
    fprintf(cli->out, "%s}\n", out.data);
    text_dispose(&out);
}

static void print_text(const struct cli *cli, const char *path, const struct outcome *outcome)
{
    const struct audit_report *report = &outcome->report;

    if (report->lines == 0)
        fprintf(cli->out, "%s: no good line", path);
    else
        fprintf(cli->out, "%s: %" PRIu64 " good line%s, sequence %" PRIu64 " to %" PRIu64, path,
                report->lines, report->lines == 1 ? "" : "s", report->first_sequence,
                outcome->last_sequence);
    if (report->broken_line > 0)
        fprintf(cli->out, "; line %" PRIu64 " is broken", report->broken_line);
    else if (report->is_unfinished)
        fputs("; then one that is not finished: it is being written, or a crash cut it short",
              cli->out);
    fputc('\n', cli->out);
    if (outcome->err.code != ERROR_NONE)
        cli_fail(cli, "%s", outcome->err.text);
}

/* chain goes on from the file before. */
static bool verify(const struct cli *cli, const char *path, struct audit_chain *chain)
{
    struct outcome outcome = {0};
    bool result = audit_verify(path, chain, NULL, NULL, &outcome.report, &outcome.err);

    outcome.last_sequence = chain->sequence;
    if (cli->json)
        print_json(cli, path, &outcome);
    else
        print_text(cli, path, &outcome);
    return result;
}

static int verify_configured(const struct cli *cli)
{
    const struct config *config;
    struct audit_chain chain = {0};
    struct text path = {0};
    struct error err = {0};
    bool result;

    if (!config_load(&config, config_find(cli_value(cli, "config")), &err))
        return cli_fail(cli, "%s", err.text);
    text_put_format(&path, "%s/audit.log", config->data);
    config_unref(&config);
    result = verify(cli, path.data, &chain);
    text_dispose(&path);
    return result ? CLI_DONE : CLI_FAILED;
}

int command_audit_verify(struct cli *cli)
{
    struct audit_chain chain = {0};

    if (cli->argument_count == 0)
        return verify_configured(cli);
    for (int i = 0; i < cli->argument_count; i++)
        if (!verify(cli, cli->arguments[i], &chain))
            return CLI_FAILED;
    return CLI_DONE;
}
