// SPDX-License-Identifier: Apache-2.0
/* The reference text of an option table. */
#include "conf/options.h"
#include "conf/options_value.h"
#include "conf/text.h"
#include "conf/units.h"

#include <inttypes.h>
#include <string.h>

enum { WIDTH = 96, INDENT = 4 };

static const char *const type_names[] = {
    [OPTION_TEXT] = "text",
    [OPTION_PATH] = "path",
    [OPTION_FILE] = "path of a file",
    [OPTION_SECRET] = "path of a file with a secret",
    [OPTION_BOOL] = "true or false",
    [OPTION_INTEGER] = "number",
    [OPTION_SIZE] = "size",
    [OPTION_DURATION] = "duration",
    [OPTION_ADDRESS] = "address",
    [OPTION_CHOICE] = "one of",
    [OPTION_CHOICES] = "list of",
    [OPTION_TEXTS] = "list of texts",
    [OPTION_NETWORKS] = "list of networks",
};

/* Words, broken at the width, behind an indent. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        if (column == 0 || column + 1 + size > WIDTH) {
            fprintf(out, "%s%*s", column > 0 ? "\n" : "", INDENT, "");
            column = INDENT;
        } else {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, size, out);
        column += size;
        text += size;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static const char *print_bound(char out[UNITS_TEXT_SIZE], enum option_type type, uint64_t value)
{
    if (type == OPTION_SIZE)
        return units_print_size(out, value);
    if (type == OPTION_DURATION)
        return units_print_duration(out, value);
    snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64, value);
    return out;
}

static void print_range(FILE *out, const struct option *option)
{
    char least[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];

    if (!option_is_number(option->type))
        return;
    print_bound(least, option->type, option->min);
    if (option->max > 0)
        fprintf(out, ", %s to %s", least, print_bound(most, option->type, option->max));
    else if (option->min > 0)
        fprintf(out, ", at least %s", least);
    if (option->zero != NULL)
        fprintf(out, ", or 0: %s", option->zero);
}

static void print_choices(FILE *out, const struct option *option)
{
    const char *separator = " ";

    for (size_t i = 0; option->choices != NULL && option->choices[i].name != NULL; i++) {
        if (option->choices[i].is_unbuilt)
            continue;
        fprintf(out, "%s%s", separator, option->choices[i].name);
        separator = ", ";
    }
}

static void print_option(FILE *out, const struct option *option)
{
    fprintf(out, "%s: %s", option->name, type_names[option->type]);
    print_choices(out, option);
    print_range(out, option);
    fputc('\n', out);
    print_wrapped(out, option->help);
    if (option->value != NULL && option_is_list(option->type))
        fprintf(out, "%*sDefault: [%s]\n\n", INDENT, "", option->value);
    else
        fprintf(out, "%*sDefault: %s\n\n", INDENT, "",
                option->value != NULL ? option->value : "not set");
}

/* The name itself, or a section that it lies in. */
static bool is_asked_for(const struct option *option, const char *name)
{
    size_t size;

    if (name == NULL)
        return true;
    size = strlen(name);
    return strncmp(option->name, name, size) == 0 &&
           (option->name[size] == '\0' || option->name[size] == '.');
}

bool options_print(const struct option *table, const char *name, FILE *out)
{
    bool any = false;

    for (; table->name != NULL; table++)
        if (table->type != OPTION_UNBUILT && is_asked_for(table, name)) {
            print_option(out, table);
            any = true;
        }
    return any;
}
