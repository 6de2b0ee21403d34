// SPDX-License-Identifier: Apache-2.0
#include "conf/cli_help.h"

#include "conf/suggest.h"
#include "conf/text.h"

#include <string.h>

/* Words joined by one space, as the tables write them. */
static void join(struct text *text, char **argv, int count)
{
    text_put_text(text, "");
    for (int i = 0; i < count; i++) {
        if (i > 0)
            text_put_char(text, ' ');
        text_put_text(text, argv[i]);
    }
}

/* A topic is a command whose first word is "help": `causeway help config`. */
static bool is_topic(const struct cli_command *command)
{
    return strncmp(command->words, "help ", 5) == 0;
}

void cli_print_usage(FILE *out, const struct cli_command *command)
{
    fprintf(out, "Usage: causeway %s", command->words);
    if (command->options != NULL && command->options[0].name != NULL)
        fprintf(out, " [OPTION...]");
    if (command->arguments != NULL && command->arguments[0] != '\0')
        fprintf(out, " %s", command->arguments);
    fputc('\n', out);
}

static void print_option(FILE *out, const char *name, const char *value, const char *help)
{
    struct text left = {0};

    text_put_format(&left, "--%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");
    fprintf(out, "  %-24s %s\n", left.data, help);
    text_dispose(&left);
}

void cli_print_command(FILE *out, const struct cli_command *command)
{
    cli_print_usage(out, command);
    fprintf(out, "%s\n", command->summary);
    if (command->help != NULL)
        fprintf(out, "\n%s\n", command->help);
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL; i++)
        print_option(out, command->options[i].name, command->options[i].value,
                     command->options[i].help);
    print_option(out, "json", NULL, "Print JSON, one object a line.");
    print_option(out, "help", NULL, "Print this.");
}

/* Does the command begin with these words, a whole word at the end? */
static bool begins(const struct cli_command *command, struct slice words)
{
    return words.size == 0 ||
           (slice_starts((struct slice){command->words, strlen(command->words)}, words.data) &&
            (command->words[words.size] == ' ' || command->words[words.size] == '\0'));
}

/* Prints the commands, or the topics, that begin with these words. Returns how many. */
static size_t print_matching(FILE *out, const struct cli_command *const *tables, struct slice words,
                             bool topics, const char *heading)
{
    size_t count = 0;

    for (; *tables != NULL; tables++)
        for (const struct cli_command *command = *tables; command->words != NULL; command++) {
            if (is_topic(command) != topics || !begins(command, words))
                continue;
            if (count++ == 0)
                fputs(heading, out);
            fprintf(out, "  %-24s %s\n", command->words, command->summary);
        }
    return count;
}

bool cli_print_list(FILE *out, const struct cli_command *const *tables, char **argv, int count)
{
    struct text words = {0};
    size_t found;

    join(&words, argv, count);
    if (count == 0)
        fputs("Usage: causeway COMMAND [OPTION...] [ARGUMENT...]\n", out);
    found = print_matching(out, tables, text_slice(&words), false, "\nCommands:\n");
    if (count == 0) {
        found += print_matching(out, tables, text_slice(&words), true, "\nTopics:\n");
        fputs("\nMore on one of them: causeway help COMMAND\n", out);
    }
    text_dispose(&words);
    return found > 0;
}

/* How many leading words some command begins with, so that the complaint is about the next one. */
static int known_words(const struct cli_command *const *tables, char **argv, int count)
{
    struct text words = {0};
    int known = 0;

    for (int i = 1; i <= count && known == i - 1; i++) {
        text_clear(&words);
        join(&words, argv, i);
        for (const struct cli_command *const *table = tables; *table != NULL; table++)
            for (const struct cli_command *command = *table; command->words != NULL; command++)
                if (begins(command, text_slice(&words)))
                    known = i;
    }
    text_dispose(&words);
    return known;
}

/* Offers every command's words, and what a topic has behind "help". */
static void print_nearest(FILE *err, const struct cli_command *const *tables, struct slice typed)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, typed);
    suggestion_offer(&suggestion, "help");
    for (; *tables != NULL; tables++)
        for (const struct cli_command *command = *tables; command->words != NULL; command++)
            suggestion_offer(&suggestion, command->words + (is_topic(command) ? 5 : 0));
    if (suggestion.best.size > 0)
        fprintf(err, "; did you mean '%.*s'?", SLICE_ARGS(suggestion.best));
    fprintf(err, "\nSee: causeway help\n");
}

void cli_print_unknown(FILE *err, const struct cli_command *const *tables, char **argv, int count)
{
    struct text typed = {0};
    int known = known_words(tables, argv, count);
    int shown = 0;

    while (shown < count && argv[shown][0] != '-' && shown < known + 1)
        shown++;
    join(&typed, argv, shown);
    if (known > 0 && shown == known) {
        fprintf(err, "causeway: '%s' needs another word:\n", typed.data);
        print_matching(err, tables, text_slice(&typed), false, "");
    } else {
        fprintf(err, "causeway: no command '%s'", typed.data);
        print_nearest(err, tables, text_slice(&typed));
    }
    text_dispose(&typed);
}
