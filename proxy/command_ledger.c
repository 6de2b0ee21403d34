// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_ledger.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/clock.h"
#include "proxy/operator_ledger.h"
#include "store/lock.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The data folder, the caller's. NULL: it was said what is wrong. */
static char *find_folder(const struct cli *cli)
{
    const struct config *config = NULL;
    struct error err = {0};
    char *folder;

    if (!config_load(&config, config_find(cli_value(cli, "config")), &err)) {
        cli_fail(cli, "%s", err.text);
        return NULL;
    }
    folder = memory_copy_text(config->data);
    config_unref(&config);
    return folder;
}

/* From where the command was called, not from where the gateway runs. The caller's. */
static char *whole_path(const char *path)
{
    struct text whole = {0};
    char here[PATH_MAX];

    if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
        return memory_copy_text(path);
    text_put_format(&whole, "%s/%s", here, path);
    return whole.data;
}

/* Asks the gateway that holds the folder's lock; if none does, does offline what it would have
 * done. *output is the caller's if the result is CLI_DONE. */
static int ask_or_do(const struct cli *cli, const char *path, const char *target, json_t **output,
                     bool (*offline)(const char *folder, const char *target, json_t **output,
                                     struct error *err))
{
    char *folder = find_folder(cli);
    struct error err = {0};
    int lock_fd, result;

    if (folder == NULL)
        return CLI_FAILED;
    if (access(folder, F_OK) != 0) {
        result = cli_fail(cli, "there is no data folder %s", folder);
    } else if (lock_take(folder, &lock_fd, &err)) {
        result = offline(folder, target, output, &err) ? CLI_DONE : cli_fail(cli, "%s", err.text);
        lock_give(&lock_fd);
    } else if (err.code == ERROR_REFUSED) {
        json_t *input = json_object();

        if (target != NULL)
            json_object_set_new(input, "path", json_string(target));
        result = operator_client_ask(cli, path, input, output);
    } else {
        result = cli_fail(cli, "%s", err.text);
    }
    free(folder);
    return result;
}

/* ---- check */

static bool check_offline(const char *folder, const char *target, json_t **output,
                          struct error *err)
{
    struct backup_check check;

    if (!backup_check(folder, &check, err))
        return false;
    *output = ledger_describe(&check);
    json_object_set_new(*output, "upstream", json_null());
    return true;
}

static void print_upstream(const struct cli *cli, const json_t *upstream)
{
    const char *fault = operator_client_text(upstream, "fault", NULL);
    const json_t *examples = json_object_get(upstream, "examples");
    json_t *example;
    size_t i;

    if (json_is_null(upstream)) {
        fprintf(cli->out, "upstream      not compared\n");
    } else if (fault != NULL) {
        fprintf(cli->out, "upstream      not compared: %s\n", fault);
    } else {
        fprintf(cli->out, "upstream      %lld foreign pins, %lld lost\n",
                operator_client_number(upstream, "foreign"),
                operator_client_number(upstream, "lost"));
        json_array_foreach(examples, i, example)
            fprintf(cli->out, "              %s\n", json_string_value(example));
    }
}

static void print_check(const struct cli *cli, const json_t *check)
{
    const char *fault = operator_client_text(check, "fault", NULL);
    const char *restored = operator_client_text(check, "restored", NULL);

    fprintf(cli->out, "ledger        %s\n", json_string_value(json_object_get(check, "uuid")));
    if (fault == NULL)
        fprintf(cli->out, "file          whole\n");
    else
        fprintf(cli->out, "file          DAMAGED in %lld places; the first: %s\n",
                operator_client_number(check, "faults"), fault);
    fprintf(cli->out, "pins          %lld of %lld objects, %lld bytes\n",
            operator_client_number(check, "pins"), operator_client_number(check, "objects"),
            operator_client_number(check, "bytes"));
    fprintf(cli->out, "usage         %lld of %lld accounts differ from their pins\n",
            operator_client_number(check, "different_accounts"),
            operator_client_number(check, "accounts"));
    fprintf(cli->out, "journal       %lld open\n", operator_client_number(check, "intents"));
    if (operator_client_number(check, "links") > 0)
        fprintf(cli->out, "links         %lld, with %lld allocations\n",
                operator_client_number(check, "links"),
                operator_client_number(check, "allocations"));
    if (restored != NULL)
        fprintf(cli->out, "restored      %s; %lld objects not looked at since\n", restored,
                operator_client_number(check, "doubtful_objects"));
    print_upstream(cli, json_object_get(check, "upstream"));
}

int command_ledger_check(struct cli *cli)
{
    json_t *check = NULL;
    int result = ask_or_do(cli, "/ledger/check", NULL, &check, check_offline);
    bool is_fine;

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        operator_client_print_json(cli, check);
    else
        print_check(cli, check);
    is_fine = operator_client_number(check, "faults") == 0 &&
              operator_client_number(check, "different_accounts") == 0 &&
              operator_client_number(json_object_get(check, "upstream"), "lost") == 0;
    json_decref(check);
    return is_fine ? CLI_DONE : CLI_FAILED;
}

/* ---- backup */

static bool backup_offline(const char *folder, const char *target, json_t **output,
                           struct error *err)
{
    uint64_t bytes;

    if (!backup_write(folder, target, &bytes, err))
        return false;
    *output = json_pack("{s:s,s:I}", "path", target, "bytes", (json_int_t)bytes);
    return true;
}

int command_ledger_backup(struct cli *cli)
{
    char *path = whole_path(cli->arguments[0]);
    json_t *output = NULL;
    int result = ask_or_do(cli, "/ledger/backup", path, &output, backup_offline);

    free(path);
    if (result != CLI_DONE)
        return result;
    if (cli->json)
        operator_client_print_json(cli, output);
    else
        fprintf(cli->out, "%s: %lld bytes\n", json_string_value(json_object_get(output, "path")),
                operator_client_number(output, "bytes"));
    json_decref(output);
    return CLI_DONE;
}

/* ---- restore */

static void print_restored(const struct cli *cli, const char *folder,
                           const struct backup_restored *restored)
{
    const char *kept = restored->kept.size > 0 ? restored->kept.data : NULL;
    json_t *object;

    if (cli->json) {
        object =
            json_pack("{s:s?,s:b,s:I,s:I,s:I}", "kept", kept, "carried_over", restored->is_carried,
                      "doubtful_objects", (json_int_t)restored->doubtful, "intents",
                      (json_int_t)restored->intents, "links", (json_int_t)restored->links);
        operator_client_print_json(cli, object);
        json_decref(object);
        return;
    }
    fprintf(cli->out, "%s/ledger.db is the backup now.\n", folder);
    if (kept != NULL)
        fprintf(cli->out, "The ledger that was there is kept as %s.\n", kept);
    if (restored->is_carried)
        fprintf(cli->out, "Tokens, suspended members, the denylist and what is known of partners "
                          "are still those of\nthat ledger.\n");
    else
        fprintf(cli->out, "Tokens, suspended members and the denylist are the backup's: what was "
                          "revoked since is\nin force again. See causeway token list before the "
                          "gateway starts to serve.\n");
    if (restored->links > 0)
        fprintf(cli->out,
                "Each of %llu links is isolated until both sides have compared what they hold; "
                "nothing is deleted.\n%s",
                (unsigned long long)restored->links,
                restored->is_carried ? ""
                                     : "A link that was revoked since is one of them: revoke it "
                                       "again.\n");
    fprintf(cli->out,
            "%llu objects and %llu intents will be looked at anew; nothing is unpinned because of "
            "them.\n",
            (unsigned long long)restored->doubtful, (unsigned long long)restored->intents);
}

int command_ledger_restore(struct cli *cli)
{
    struct backup_restored restored;
    char *folder = find_folder(cli);
    struct error err = {0};
    bool is_done;

    if (folder == NULL)
        return CLI_FAILED;
    is_done = backup_restore(folder, cli->arguments[0], clock_wall_ms(), &restored, &err);
    if (is_done)
        print_restored(cli, folder, &restored);
    else
        cli_fail(cli, "%s", err.text);
    text_dispose(&restored.kept);
    free(folder);
    return is_done ? CLI_DONE : CLI_FAILED;
}
