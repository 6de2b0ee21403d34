// SPDX-License-Identifier: Apache-2.0
/* The command line's side of the operators' socket: asking the running gateway, and printing what
 * it answers. BLOCKS. A command that asks must have the option "config" (CONFIG_OPTION). */
#ifndef AUTH_OPERATOR_CLIENT_H
#define AUTH_OPERATOR_CLIENT_H

#include "conf/cli.h"

#include <jansson.h>

/* Asks the gateway of the command's --config for the route; input is taken over, output is the
 * caller's. CLI_DONE, or CLI_FAILED with the gateway's own sentence printed. */
int operator_client_ask(const struct cli *cli, const char *path, json_t *input, json_t **output);

/* Asks, and prints the answer: with --json as it is, else by print. As operator_client_ask. */
int operator_client_show(const struct cli *cli, const char *path, json_t *input,
                         void (*print)(const struct cli *cli, const json_t *answer));

/* A list that comes page by page: {"has_more": bool, "last": text, ROWS: [...]}. The next page is
 * asked for with {"after": last}; one that says no last ends with it: its last row's CURSOR. */
struct operator_list {
    const char *path;
    const char *rows;
    const char *cursor;     /* NULL: pages say their last */
    const char *when_empty; /* told to people if no row was printed; NULL: nothing */
    void (*put_input)(const struct cli *cli, json_t *input);     /* NULL: nothing more is asked */
    bool (*is_wanted)(const struct cli *cli, const json_t *row); /* NULL: every row is */
    void (*print_head)(const struct cli *cli);                   /* this and rows: for people */
    void (*print_row)(const struct cli *cli, const json_t *row);
};

/* Prints all of it, with --json a row a line. As operator_client_ask. */
int operator_client_list(const struct cli *cli, const struct operator_list *list);

/* Nothing if value is NULL. What is no UTF-8 becomes a text that every route refuses. */
void operator_client_set_text(json_t *input, const char *name, const char *value);

/* One line. */
void operator_client_print_json(const struct cli *cli, const json_t *object);

/* What an answer has by that name; missing (0) if it has none of that type. Borrowed. */
const char *operator_client_text(const json_t *object, const char *name, const char *missing);
long long operator_client_number(const json_t *object, const char *name);

#endif
