// SPDX-License-Identifier: Apache-2.0
#include "federation/command_statement.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/memory.h"
#include "conf/text.h"
#include "conf/units.h"
#include "ipfs/multibase.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 128 * 1024, SIGNATURE_MAX = 128 };

const struct cli_option link_statement_options[] = {
    CONFIG_OPTION,
    {"at", "OURS,THEIRS",
     "the cut, as a statement was printed: of another time, or the other side"},
    {"local", NULL, "what our ledger says alone; they are not asked"},
    {"output", "FILE", "writes the statement there, and signatures beside it: FILE.ORG.sig"},
    {0},
};

const char link_statement_help[] =
    "What each side holds for the other, as both ledgers have it: the partner is asked for its own "
    "statement at the same cut,\n"
    "and the two are compared to the byte. What is under way stands behind the cut, so they agree "
    "whatever is being placed\n"
    "or released meanwhile. The exit code is 0 only if they agree (with --local: if it could be "
    "made).\n\n"
    "A statement is deterministic dag-cbor, in pages of at most 256 entries, each with the SHA-256 "
    "of the one before; the last\n"
    "page is signed with the key of each organization (Ed25519, over \"causeway statement 1\", a "
    "NUL, and the page). The two\n"
    "files are the same on both sides: the other side makes its own by --at and the cut the other "
    "way round, as printed.";

struct gathering {
    const struct cli *cli;
    FILE *file;           /* NULL: nothing is written */
    json_t *first, *last; /* pages; may be one */
    json_t *differing;    /* the first page that did not agree; NULL: all did */
    bool is_alone;
    size_t pages, entries;
};

/* ---- files */

static bool write_bytes(const struct gathering *gathering, FILE *file, const json_t *page,
                        const char *name)
{
    const char *text = operator_client_text(page, name, "");
    uint8_t *bytes = memory_alloc(PAGE_MAX);
    size_t size = 0;
    bool is_written = multibase_decode(slice_of(text), bytes, PAGE_MAX, &size, NULL) &&
                      fwrite(bytes, 1, size, file) == size;

    free(bytes);
    if (!is_written)
        cli_fail(gathering->cli, "the statement cannot be written: %s", strerror(errno));
    return is_written;
}

static bool write_signature(const struct gathering *gathering, const char *name, const char *org)
{
    struct text path = {0};
    FILE *file;
    bool is_written = true;

    if (operator_client_text(gathering->last, name, NULL) == NULL)
        return true;
    text_put_format(&path, "%s.%s.sig", cli_value(gathering->cli, "output"), org);
    file = fopen(path.data, "w");
    if (file == NULL) {
        cli_fail(gathering->cli, "%s: %s", path.data, strerror(errno));
        is_written = false;
    } else {
        is_written = write_bytes(gathering, file, gathering->last, name);
        is_written = fclose(file) == 0 && is_written;
    }
    text_dispose(&path);
    return is_written;
}

static const char *our_org(const json_t *page)
{
    const char *theirs = operator_client_text(page, "their_org", "");
    const json_t *sides = json_object_get(page, "sides");
    const char *first = operator_client_text(json_array_get(sides, 0), "org", "");

    return strcmp(first, theirs) != 0 ? first
                                      : operator_client_text(json_array_get(sides, 1), "org", "");
}

static bool write_signatures(const struct gathering *gathering)
{
    return gathering->file == NULL ||
           (write_signature(gathering, "signature", our_org(gathering->last)) &&
            write_signature(gathering, "their_signature",
                            operator_client_text(gathering->last, "their_org", "")));
}

/* ---- pages */

static int take_page(struct gathering *gathering, json_t *page)
{
    gathering->pages++;
    gathering->entries += (size_t)operator_client_number(page, "count");
    if (gathering->first == NULL)
        gathering->first = json_incref(page);
    json_decref(gathering->last);
    gathering->last = page;
    if (!json_is_true(json_object_get(page, "agrees")) && gathering->differing == NULL)
        gathering->differing = json_incref(page);
    return gathering->file == NULL || write_bytes(gathering, gathering->file, page, "page")
               ? CLI_DONE
               : CLI_FAILED;
}

/* Behind a page that differs they are not asked: all that follows hangs on it. */
static json_t *input_of(const struct gathering *gathering)
{
    json_t *input = json_object();
    const char *at = cli_value(gathering->cli, "at");

    if (gathering->last != NULL)
        at = operator_client_text(gathering->last, "cut", "");
    operator_client_set_text(input, "partner", gathering->cli->arguments[0]);
    operator_client_set_text(input, "at", at);
    if (gathering->last != NULL)
        operator_client_set_text(input, "after", operator_client_text(gathering->last, "last", ""));
    if (gathering->is_alone || gathering->differing != NULL)
        json_object_set_new(input, "alone", json_true());
    return input;
}

static int gather(struct gathering *gathering)
{
    json_t *page;
    int result;

    do {
        result = operator_client_ask(gathering->cli, "/link/statement", input_of(gathering), &page);
        if (result == CLI_DONE)
            result = take_page(gathering, page);
    } while (result == CLI_DONE && json_object_get(gathering->last, "last") != NULL);
    return result;
}

/* ---- what is printed */

static const json_t *verdict_of(const struct gathering *gathering)
{
    return gathering->differing != NULL ? gathering->differing : gathering->last;
}

static void print_json(const struct gathering *gathering)
{
    const json_t *last = gathering->last, *verdict = verdict_of(gathering);
    json_t *out = json_object();
    static const char *const names[] = {"partner",   "link",           "epoch",  "cut",
                                        "there",     "sides",          "digest", "signature",
                                        "their_org", "their_signature"};
    static const char *const verdicts[] = {"agrees", "why", "differences"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (json_object_get(last, names[i]) != NULL)
            json_object_set(out, names[i], json_object_get(last, names[i]));
    json_object_set_new(out, "entries", json_integer((json_int_t)gathering->entries));
    json_object_set_new(out, "pages", json_integer((json_int_t)gathering->pages));
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
        if (json_object_get(verdict, verdicts[i]) != NULL)
            json_object_set(out, verdicts[i], json_object_get(verdict, verdicts[i]));
    operator_client_print_json(gathering->cli, out);
    json_decref(out);
}

static void print_sides(const struct cli *cli, const json_t *page)
{
    const json_t *sides = json_object_get(page, "sides"), *side;
    char size[UNITS_TEXT_SIZE];
    size_t i;

    json_array_foreach((json_t *)sides, i, side)
    {
        fprintf(cli->out, "  %-32s holds %lld objects, %s\n", operator_client_text(side, "org", ""),
                operator_client_number(side, "pins"),
                units_print_size(size, (uint64_t)operator_client_number(side, "bytes")));
    }
}

static void print_differences(const struct cli *cli, const json_t *page)
{
    const json_t *list = json_object_get(page, "differences"), *each;
    size_t i;

    json_array_foreach((json_t *)list, i, each)
    {
        const char *is = operator_client_text(each, "is", "");

        fprintf(cli->out, "  %s  %s  at %s: %s\n", operator_client_text(each, "id", ""),
                operator_client_text(each, "cid", ""), operator_client_text(each, "holder", ""),
                strcmp(is, "ours") == 0     ? "in ours alone"
                : strcmp(is, "theirs") == 0 ? "in theirs alone"
                                            : "said differently");
    }
}

static void print_verdict(const struct gathering *gathering)
{
    const struct cli *cli = gathering->cli;
    const json_t *verdict = verdict_of(gathering), *agrees = json_object_get(verdict, "agrees");
    const char *org = operator_client_text(gathering->last, "their_org", "");
    struct text why = {0};

    text_put_json(&why, slice_of(operator_client_text(verdict, "why", "")));
    if (json_is_true(agrees))
        fprintf(cli->out, "%s says the same to the byte%s.\n", org,
                operator_client_text(gathering->last, "their_signature", NULL) != NULL
                    ? ", and signed it"
                    : "");
    else if (json_is_false(agrees))
        fprintf(cli->out, "%s says something else: %s\n", org, why.size > 0 ? why.data : "");
    else
        fprintf(cli->out, "Not compared: %s\n", why.size > 0 ? why.data : "");
    print_differences(cli, verdict);
    text_dispose(&why);
}

static void print_people(const struct gathering *gathering)
{
    const struct cli *cli = gathering->cli;
    const json_t *last = gathering->last;

    fprintf(cli->out, "Statement of the link with %s, epoch %lld\n",
            operator_client_text(last, "their_org", ""), operator_client_number(last, "epoch"));
    print_sides(cli, last);
    fprintf(cli->out, "  %zu entries in %zu pages, SHA-256 %s\n", gathering->entries,
            gathering->pages, operator_client_text(last, "digest", ""));
    fprintf(cli->out, "  at the cut %s\n", operator_client_text(last, "cut", ""));
    if (operator_client_text(last, "there", NULL) != NULL)
        fprintf(cli->out, "  they say the same with --at %s\n",
                operator_client_text(last, "there", ""));
    print_verdict(gathering);
}

static bool begin_file(struct gathering *gathering)
{
    const char *path = cli_value(gathering->cli, "output");

    if (path == NULL)
        return true;
    gathering->file = fopen(path, "w");
    if (gathering->file == NULL)
        cli_fail(gathering->cli, "%s: %s", path, strerror(errno));
    return gathering->file != NULL;
}

static int end(struct gathering *gathering, int result)
{
    bool is_kept = gathering->file == NULL || fclose(gathering->file) == 0;

    if (!is_kept)
        result = cli_fail(gathering->cli, "the statement cannot be written: %s", strerror(errno));
    if (result == CLI_DONE && !gathering->is_alone && gathering->differing != NULL)
        result = CLI_FAILED;
    json_decref(gathering->first);
    json_decref(gathering->last);
    json_decref(gathering->differing);
    return result;
}

int command_link_statement(struct cli *cli)
{
    struct gathering gathering = {.cli = cli, .is_alone = cli_value(cli, "local") != NULL};
    int result;

    if (!begin_file(&gathering))
        return CLI_FAILED;
    result = gather(&gathering);
    if (result == CLI_DONE && !write_signatures(&gathering))
        result = CLI_FAILED;
    if (result == CLI_DONE && cli->json)
        print_json(&gathering);
    else if (result == CLI_DONE)
        print_people(&gathering);
    return end(&gathering, result);
}
