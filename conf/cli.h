// SPDX-License-Identifier: Apache-2.0
/* The command line. Each folder's commands.c exports a table of these; main concatenates them.
 * Parsing, usage errors, `causeway help`, the man page and completion all come from the tables. */
#ifndef CONF_CLI_H
#define CONF_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes of every command. */
enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_option {
    const char *name;  /* without the dashes: "config" */
    const char *value; /* what stands behind it in the help, e.g. "FILE"; NULL: a flag */
    const char *help;  /* one line */
};

struct cli;

struct cli_command {
    const char *words;                /* "serve", "car verify" */
    const char *arguments;            /* "FILE...", shown in the usage line; "" for none */
    int min_arguments, max_arguments; /* max < 0: any number */
    const char *summary;              /* one line, for the list */
    const char *help;                 /* paragraphs, for `causeway help WORDS`; may be NULL */
    const struct cli_option
        *options; /* ends with a NULL name; may be NULL. --help and --json are everyone's */
    int (*run)(struct cli *cli); /* returns an enum cli_exit */
};

/* A topic of `causeway help` is a command whose words begin with "help": "help config". It is
 * listed apart, and run like any other. */

/* One parsed command line, handed to run. */
struct cli {
    const struct cli_command *command;
    char **arguments; /* borrowed from argv */
    int argument_count;
    const char **values; /* by index into command->options; NULL: not given; a flag's value is "" */
    bool json;           /* --json: one object a line */
    FILE *out, *err;
    void *context; /* what main passed to cli_run */
    const struct cli_command *const *tables;
};

/* The value of an option of this command, or NULL. The name must be one of the command's. */
const char *cli_value(const struct cli *cli, const char *name);

/* "causeway WORDS: " and the text and a newline to cli->err. Returns CLI_FAILED. */
int cli_fail(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Finds the command that argv names (longest match of words), parses and runs it. tables is a
 * NULL-ended list of tables, each ended by a command with NULL words. Usage errors print what would
 * be right and return CLI_USAGE. `help`, `help WORDS`, `--help`, `--version` are answered here. */
int cli_run(int argc, char **argv, const struct cli_command *const *tables, FILE *out, FILE *err,
            void *context);

#endif
