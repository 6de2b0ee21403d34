// SPDX-License-Identifier: Apache-2.0
#include "auth/operator_client.h"
#include "conf/text.h"

int operator_client_show(const struct cli *cli, const char *path, json_t *input,
                         void (*print)(const struct cli *cli, const json_t *answer))
{
    json_t *answer;
    int result = operator_client_ask(cli, path, input, &answer);

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        operator_client_print_json(cli, answer);
    else
        print(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- lists */

static void print_row(const struct cli *cli, const struct operator_list *list, const json_t *row)
{
    if (cli->json)
        operator_client_print_json(cli, row);
    else
        list->print_row(cli, row);
}

/* Prints one page, and leaves in after where the next one begins; empty: nowhere. Returns how many
 * rows were printed. */
static size_t print_page(const struct cli *cli, const struct operator_list *list,
                         const json_t *page, struct text *after)
{
    const json_t *rows = json_object_get(page, list->rows), *row;
    const char *last = operator_client_text(page, "last", "");
    size_t i, printed = 0;

    json_array_foreach(rows, i, row)
    {
        if (list->cursor != NULL)
            last = operator_client_text(row, list->cursor, "");
        if (list->is_wanted != NULL && !list->is_wanted(cli, row))
            continue;
        print_row(cli, list, row);
        printed++;
    }
    text_clear(after);
    text_put_text(after, last);
    return printed;
}

static int ask_for_page(const struct cli *cli, const struct operator_list *list,
                        const struct text *after, json_t **page)
{
    json_t *input = json_object();

    if (list->put_input != NULL)
        list->put_input(cli, input);
    if (after->size > 0)
        operator_client_set_text(input, "after", after->data);
    return operator_client_ask(cli, list->path, input, page);
}

int operator_client_list(const struct cli *cli, const struct operator_list *list)
{
    struct text after = {0};
    bool has_more = true, has_head = cli->json;
    size_t printed = 0;
    int result = CLI_DONE;

    while (has_more) {
        json_t *page;

        result = ask_for_page(cli, list, &after, &page);
        if (result != CLI_DONE)
            break;
        if (!has_head) /* not before it is known that there is a gateway to ask */
            list->print_head(cli);
        has_head = true;
        printed += print_page(cli, list, page, &after);
        has_more = json_is_true(json_object_get(page, "has_more")) && after.size > 0;
        json_decref(page);
    }
    if (result == CLI_DONE && printed == 0 && !cli->json && list->when_empty != NULL)
        fprintf(cli->err, "%s\n", list->when_empty);
    text_dispose(&after);
    return result;
}

/* ---- parts of questions and answers */

void operator_client_set_text(json_t *input, const char *name, const char *value)
{
    json_t *string = value != NULL ? json_string(value) : NULL;

    if (value != NULL)
        json_object_set_new(input, name, string != NULL ? string : json_string("?"));
}

void operator_client_print_json(const struct cli *cli, const json_t *object)
{
    json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}

const char *operator_client_text(const json_t *object, const char *name, const char *missing)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : missing;
}

long long operator_client_number(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}
