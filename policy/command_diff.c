// SPDX-License-Identifier: Apache-2.0
/* `causeway policy diff`. */
#include "policy/commands.h"
#include "policy/diff.h"
#include "policy/replay.h"

#include <errno.h>
#include <stdlib.h>

struct replay {
    const struct cli *cli;
    const struct policy *before, *after;
    size_t requests, changed, incomplete, unlike_recorded;
};

static void put_outcome(const struct decision *decision, struct text *out)
{
    text_put_format(out, "%s by ", decision->is_allowed ? "allowed" : "denied");
    decision_put_by(decision, out);
}

static void put_json_outcome(const char *name, const struct decision *decision, struct text *out)
{
    text_put_format(out, ",\"%s\":\"%s\",\"%s_by\":\"", name,
                    decision->is_allowed ? "allow" : "deny", name);
    decision_put_by(decision, out);
    text_put_char(out, '"');
}

static void print_change(const struct replay *replay, const struct replayed *request, size_t number,
                         const struct decision *before, const struct decision *after)
{
    struct text out = {0};

    if (replay->cli->json) {
        text_put_format(&out, "{\"kind\":\"request\",\"line\":%zu,\"principal\":\"", number);
        principal_put(&out, &request->principal);
        text_put_format(&out, "\",\"command\":\"%s\"", request->call->command->path);
        put_json_outcome("before", before, &out);
        put_json_outcome("after", after, &out);
        text_put_char(&out, '}');
    } else {
        text_put_format(&out, "  line %zu: ", number);
        principal_put(&out, &request->principal);
        text_put_format(&out, " %s: ", request->call->command->path);
        put_outcome(before, &out);
        text_put_text(&out, " -> ");
        put_outcome(after, &out);
    }
    fprintf(replay->cli->out, "%s\n", out.data);
    text_dispose(&out);
}

static void decide_both(struct replay *replay, const struct replayed *request, size_t number)
{
    struct decision before, after;

    policy_decide(replay->before, &request->principal, request->call, &request->request, &before);
    policy_decide(replay->after, &request->principal, request->call, &request->request, &after);
    replay->requests++;
    replay->unlike_recorded += before.is_allowed != request->was_allowed;
    if (before.is_allowed == after.is_allowed)
        return;
    replay->changed++;
    print_change(replay, request, number, &before, &after);
}

static bool replay_line(struct replay *replay, struct slice line, size_t number, struct error *err)
{
    enum replay_answer answer;
    struct replayed request;

    if (!replay_read(&request, line, &answer, err))
        return error_prefix(err, "line %zu", number);
    replay->incomplete += answer == REPLAY_INCOMPLETE;
    if (answer == REPLAY_REQUEST) {
        decide_both(replay, &request, number);
        replayed_dispose(&request);
    }
    return true;
}

static bool replay_file(struct replay *replay, const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t size;
    bool is_fine = true;

    if (file == NULL)
        return error_set_errno(err, "%s cannot be opened", path);
    while (is_fine && (size = getline(&line, &room, file)) >= 0) {
        struct slice text = {line, (size_t)size};

        if (text.size == 0 || text.data[text.size - 1] != '\n')
            break; /* it is being written */
        text.size--;
        is_fine = replay_line(replay, text, ++number, err);
    }
    free(line);
    fclose(file);
    return is_fine || error_prefix(err, "%s", path);
}

static void print_replay(const struct replay *replay)
{
    if (replay->cli->json) {
        fprintf(replay->cli->out,
                "{\"kind\":\"requests\",\"decided\":%zu,\"changed\":%zu,\"incomplete\":%zu,"
                "\"unlike_recorded\":%zu}\n",
                replay->requests, replay->changed, replay->incomplete, replay->unlike_recorded);
        return;
    }
    fprintf(replay->cli->out, "%zu of %zu recorded requests would be decided otherwise\n",
            replay->changed, replay->requests);
    if (replay->incomplete > 0)
        fprintf(replay->cli->out, "%zu were recorded without all arguments, and left out\n",
                replay->incomplete);
    if (replay->unlike_recorded > 0)
        fprintf(replay->cli->out,
                "%zu were decided otherwise than the first policy does: another one was in force\n",
                replay->unlike_recorded);
}

static void print_diff(const struct cli *cli, const struct policy *before,
                       const struct policy *after)
{
    struct policy_diff diff;
    struct text out = {0};

    policy_diff(before, after, &diff);
    if (cli->json)
        policy_diff_put_json(&diff, &out);
    else
        policy_diff_put(&diff, &out);
    fputs(out.data != NULL ? out.data : "", cli->out);
    text_dispose(&out);
    policy_diff_dispose(&diff);
}

int command_policy_diff(struct cli *cli)
{
    const char *audit = cli_value(cli, "audit");
    struct replay replay = {.cli = cli};
    struct error err = {0};
    bool has_both = cli->argument_count == 2;
    const char *before = has_both ? cli->arguments[0] : NULL;
    const char *after = cli->arguments[has_both ? 1 : 0];
    bool is_fine = command_policy_load(cli, &replay.before, before, NULL, &err) &&
                   command_policy_load(cli, &replay.after, after, NULL, &err);

    if (is_fine) {
        print_diff(cli, replay.before, replay.after);
        is_fine = audit == NULL || replay_file(&replay, audit, &err);
        if (is_fine && audit != NULL)
            print_replay(&replay);
    }
    policy_unref(&replay.before);
    policy_unref(&replay.after);
    return is_fine ? CLI_DONE : cli_fail(cli, "%s", err.text);
}
