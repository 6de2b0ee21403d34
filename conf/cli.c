// SPDX-License-Identifier: Apache-2.0
#include "conf/cli.h"

#include "conf/cli_help.h"
#include "conf/memory.h"
#include "conf/suggest.h"
#include "conf/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum match { MATCH_RUN, MATCH_HELP, MATCH_USAGE };

const char *cli_value(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->command->options;

    for (size_t i = 0; options != NULL && options[i].name != NULL; i++)
        if (strcmp(options[i].name, name) == 0)
            return cli->values[i];
    assert(!"cli_value: the command has no such option");
    return NULL;
}

int cli_fail(const struct cli *cli, const char *format, ...)
{
    va_list args;

    fprintf(cli->err, "causeway %s: ", cli->command->words);
    va_start(args, format);
    vfprintf(cli->err, format, args);
    va_end(args);
    fputc('\n', cli->err);
    return CLI_FAILED;
}

/* How many of the count leading arguments spell the words; 0 if they do not. */
static int words_match(const char *words, char **argv, int count)
{
    int used = 0;

    while (*words != '\0') {
        size_t length = strcspn(words, " ");

        if (used == count || strlen(argv[used]) != length || memcmp(argv[used], words, length) != 0)
            return 0;
        used++;
        words += length + strspn(words + length, " ");
    }
    return used;
}

const struct cli_command *cli_find(const struct cli_command *const *tables, char **argv, int count,
                                   int *used)
{
    const struct cli_command *found = NULL;

    *used = 0;
    for (; *tables != NULL; tables++)
        for (const struct cli_command *command = *tables; command->words != NULL; command++) {
            int matched = words_match(command->words, argv, count);

            if (matched > *used) {
                *used = matched;
                found = command;
            }
        }
    return found;
}

/* Prints the first line of a usage error and what to ask for instead. Always MATCH_USAGE. */
static enum match usage_error(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum match usage_error(const struct cli *cli, const char *format, ...)
{
    va_list args;

    fprintf(cli->err, "causeway %s: ", cli->command->words);
    va_start(args, format);
    vfprintf(cli->err, format, args);
    va_end(args);
    fprintf(cli->err, "\n");
    cli_print_usage(cli->err, cli->command);
    fprintf(cli->err, "See: causeway %s --help\n", cli->command->words);
    return MATCH_USAGE;
}

static enum match unknown_option(const struct cli *cli, struct slice name)
{
    const struct cli_option *options = cli->command->options;
    struct suggestion suggestion;

    suggestion_init(&suggestion, name);
    suggestion_offer(&suggestion, "help");
    suggestion_offer(&suggestion, "json");
    for (size_t i = 0; options != NULL && options[i].name != NULL; i++)
        suggestion_offer(&suggestion, options[i].name);
    if (suggestion.best.size > 0)
        return usage_error(cli, "no option --%.*s; did you mean --%.*s?", SLICE_ARGS(name),
                           SLICE_ARGS(suggestion.best));
    return usage_error(cli, "no option --%.*s", SLICE_ARGS(name));
}

/* argv[*at] begins with "--". Steps *at over a value that stands in an argument of its own. */
static enum match parse_option(struct cli *cli, int argc, char **argv, int *at)
{
    const char *equals = strchr(argv[*at], '=');
    struct slice name = slice_of(argv[*at] + 2);
    const struct cli_option *options = cli->command->options;
    size_t i = 0;

    if (equals != NULL)
        name.size = (size_t)(equals - name.data);
    while (options != NULL && options[i].name != NULL && !slice_is(name, options[i].name))
        i++;
    if (options == NULL || options[i].name == NULL)
        return unknown_option(cli, name);
    if (cli->values[i] != NULL)
        return usage_error(cli, "--%s is given twice", options[i].name);
    if (options[i].value == NULL) {
        if (equals != NULL)
            return usage_error(cli, "--%s takes no value", options[i].name);
        cli->values[i] = "";
        return MATCH_RUN;
    }
    if (equals == NULL && *at + 1 >= argc)
        return usage_error(cli, "--%s needs a value: --%s %s", options[i].name, options[i].name,
                           options[i].value);
    cli->values[i] = equals != NULL ? equals + 1 : argv[++*at];
    return MATCH_RUN;
}

static enum match parse_argument(struct cli *cli, int argc, char **argv, int *at)
{
    const char *argument = argv[*at];

    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
        return MATCH_HELP;
    if (strcmp(argument, "--json") == 0) {
        cli->json = true;
        return MATCH_RUN;
    }
    if (argument[0] == '-' && argument[1] == '-')
        return parse_option(cli, argc, argv, at);
    if (argument[0] == '-' && argument[1] != '\0')
        return usage_error(cli, "no option %s; options are long and begin with --", argument);
    cli->arguments[cli->argument_count++] = argv[*at];
    return MATCH_RUN;
}

static enum match check_count(const struct cli *cli)
{
    const struct cli_command *command = cli->command;

    if (command->max_arguments >= 0 && cli->argument_count > command->max_arguments)
        return usage_error(cli, "'%s' is one argument too many",
                           cli->arguments[command->max_arguments]);
    if (cli->argument_count < command->min_arguments)
        return usage_error(cli, "an argument is missing: %s", command->arguments);
    return MATCH_RUN;
}

/* argv begins behind the words. */
static enum match parse(struct cli *cli, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        enum match match;

        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < argc; i++)
                cli->arguments[cli->argument_count++] = argv[i];
            break;
        }
        match = parse_argument(cli, argc, argv, &i);
        if (match != MATCH_RUN)
            return match;
    }
    return check_count(cli);
}

static size_t option_count(const struct cli_command *command)
{
    size_t count = 0;

    while (command->options != NULL && command->options[count].name != NULL)
        count++;
    return count;
}

/* argv begins behind the words of cli->command. */
static int run_command(struct cli *cli, int argc, char **argv)
{
    int result = CLI_USAGE;

    cli->arguments = memory_alloc(((size_t)argc + 1) * sizeof(*cli->arguments));
    cli->values = memory_alloc((option_count(cli->command) + 1) * sizeof(*cli->values));
    switch (parse(cli, argc, argv)) {
    case MATCH_RUN:
        result = cli->command->run(cli);
        break;
    case MATCH_HELP:
        cli_print_command(cli->out, cli->command);
        result = CLI_DONE;
        break;
    case MATCH_USAGE:
        break;
    }
    free(cli->arguments);
    free(cli->values);
    return result;
}

/* `causeway help WORDS`, where the words name a command or begin some. */
static int help_on(const struct cli *cli, int argc, char **argv)
{
    int used;
    const struct cli_command *command = cli_find(cli->tables, argv, argc, &used);

    if (command != NULL && used == argc) {
        cli_print_command(cli->out, command);
        return CLI_DONE;
    }
    if (cli_print_list(cli->out, cli->tables, argv, argc))
        return CLI_DONE;
    cli_print_unknown(cli->err, cli->tables, argv, argc);
    return CLI_USAGE;
}

int cli_run(int argc, char **argv, const struct cli_command *const *tables, FILE *out, FILE *err,
            void *context)
{
    struct cli cli = {.out = out, .err = err, .context = context, .tables = tables};
    const char *first = argc > 1 ? argv[1] : "";
    int used;

    if (argc < 2) {
        cli_print_list(err, tables, NULL, 0);
        return CLI_USAGE;
    }
    cli.command = cli_find(tables, argv + 1, argc - 1, &used);
    if (cli.command != NULL)
        return run_command(&cli, argc - 1 - used, argv + 1 + used);
    if (strcmp(first, "--version") == 0) {
        fprintf(out, "causeway %s\n", CAUSEWAY_VERSION);
        return CLI_DONE;
    }
    if (strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return help_on(&cli, argc - 2, argv + 2);
    if (first[0] == '-') {
        fprintf(err, "causeway: a command comes first, then its options: causeway COMMAND %s\n",
                first);
        return CLI_USAGE;
    }
    cli_print_unknown(err, tables, argv + 1, argc - 1);
    return CLI_USAGE;
}
