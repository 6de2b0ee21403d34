// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call.h"

#include "conf/memory.h"
#include "ipfs/call_parts.h"
#include "ipfs/call_show.h"
#include "ipfs/call_value.h"

#include <assert.h>
#include <stdlib.h>

struct call *call_create(enum command_id id)
{
    struct call *call = memory_alloc(sizeof(*call));

    call->command = catalogue_command(id);
    return call;
}

void call_destroy(struct call **call)
{
    if (*call == NULL)
        return;
    arena_dispose(&(*call)->memory);
    free(*call);
    *call = NULL;
}

/* The array with room for one more: twice as much each time, the old one left to the arena. */
static void *grow(struct call *call, void *array, size_t count, size_t *room, size_t element)
{
    void *larger;

    if (count < *room)
        return array;
    *room = *room == 0 ? 4 : *room * 2;
    larger = arena_alloc(&call->memory, *room * element);
    if (count > 0)
        memcpy(larger, array, count * element);
    return larger;
}

/* --- Arguments --- */

/* What the argument at that index is, or NULL: one too many. */
static const struct catalogue_argument *argument_fact(const struct command *command, size_t index)
{
    if (index < command->argument_count)
        return &command->arguments[index];
    if (command->argument_count > 0 && command->arguments[command->argument_count - 1].many)
        return &command->arguments[command->argument_count - 1];
    return NULL;
}

static bool is_path(enum argument_kind kind)
{
    return kind >= ARGUMENT_PATH && kind <= ARGUMENT_MFS_OR_PATH;
}

static bool read_argument(struct call *call, struct call_argument *argument, struct error *err)
{
    /* Without a slash the clean subpath is "" or "/". */
    static const size_t short_room = 2;
    struct slice text = argument->text;
    bool deep = text.size > 0 && memchr(text.data, '/', text.size) != NULL;

    argument->path.kind = CALL_PATH_NONE; /* the CID stays as it is: nobody reads it then */
    argument->path.name = argument->path.subpath = (struct slice){NULL, 0};
    if (!is_path(argument->kind))
        return true;
    return call_path_parse(&argument->path, argument->kind, text,
                           arena_alloc(&call->memory, deep ? text.size + 2 : short_room), err);
}

static bool check_text(struct slice text, const char *what, struct error *err)
{
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        return error_set(err, ERROR_SYNTAX, "%s holds a NUL byte", what);
    return slice_is_utf8(text) || error_set(err, ERROR_SYNTAX, "%s is not UTF-8 text", what);
}

bool call_put_argument(struct call *call, struct slice text, bool from_body, struct error *err)
{
    const struct catalogue_argument *fact = argument_fact(call->command, call->argument_count);
    struct call_argument *argument;

    if (fact == NULL && call->command->argument_count == 0)
        return error_set(err, ERROR_SYNTAX, "takes no arguments");
    if (fact == NULL)
        return error_set(err, ERROR_SYNTAX, "takes no more than %zu argument%s",
                         call->command->argument_count,
                         call->command->argument_count == 1 ? "" : "s");
    if (call->argument_count >= CALL_ARGUMENTS_MAX)
        return error_set(err, ERROR_LIMIT, "takes no more than %d arguments at once",
                         CALL_ARGUMENTS_MAX);
    if (!check_text(text, "an argument", err))
        return false;
    call->arguments = grow(call, call->arguments, call->argument_count, &call->argument_room,
                           sizeof(*call->arguments));
    argument = &call->arguments[call->argument_count];
    argument->text = text;
    argument->typed = text;
    argument->kind = fact->kind;
    argument->from_body = from_body;
    call->argument_count++;
    return read_argument(call, argument, err);
}

bool call_add_argument(struct call *call, struct slice text, struct error *err)
{
    struct slice copy = {arena_copy(&call->memory, text.data, text.size), text.size};

    return call_put_argument(call, copy, false, err);
}

bool call_set_argument(struct call *call, size_t index, struct slice text, struct error *err)
{
    struct call_argument *argument = &call->arguments[index];

    assert(index < call->argument_count);
    if (!check_text(text, "an argument", err))
        return false;
    argument->text = (struct slice){arena_copy(&call->memory, text.data, text.size), text.size};
    return read_argument(call, argument, err);
}

bool call_check(const struct call *call, struct error *err)
{
    const struct command *command = call->command;

    for (size_t i = call->argument_count; i < command->argument_count; i++)
        if (command->arguments[i].required)
            return error_set(err, ERROR_SYNTAX, "argument \"%s\" is required",
                             command->arguments[i].name);
    return true;
}

/* --- Options --- */

/* Where a value of that option belongs: behind those before it and its own. */
static size_t place_of(const struct call *call, enum command_option_id id)
{
    size_t place = call->option_count;

    while (place > 0 && call->options[place - 1].fact->id > id)
        place--;
    return place;
}

static const struct call_option *find(const struct call *call, enum command_option_id id)
{
    for (size_t i = 0; i < call->option_count; i++)
        if (call->options[i].fact->id == id)
            return &call->options[i];
    return NULL;
}

static bool refuse_value(const struct call_option *option, const char *right, struct error *err)
{
    return error_set(err, ERROR_SYNTAX, "option '%s' is '%s', but must be %s",
                     catalogue_option_name(option->fact->id), call_show(option->text).text, right);
}

static bool read_integer(struct call *call, struct call_option *option, struct error *err)
{
    char canonical[CALL_NUMBER_TEXT_MAX];
    bool is_signed = option->fact->type == OPT_TYPE_INT32 || option->fact->type == OPT_TYPE_INT64;

    if (!call_value_integer(option->fact->type, option->text, &option->number, canonical))
        return refuse_value(
            option,
            is_signed ? "a whole number that fits" : "a whole number that fits, not below 0", err);
    if (!slice_is(option->text, canonical))
        option->text = (struct slice){arena_copy(&call->memory, canonical, strlen(canonical)),
                                      strlen(canonical)};
    return true;
}

/* A text option that means more than its text. */
static bool read_text(struct call *call, struct call_option *option, struct error *err)
{
    struct slice text = option->text;
    struct call_path path;

    if (option->fact->id == OPT_ENCODING && !slice_is(text, "json") && !slice_is(text, "text") &&
        !slice_is(text, "xml"))
        return refuse_value(option, "json, text or xml", err);
    if (option->fact->kind != ARGUMENT_MFS)
        return true;
    if (text.size == 0) /* Kubo reads an empty one as the root */
        option->text = SLICE("/");
    return call_path_parse(&path, ARGUMENT_MFS, option->text,
                           arena_alloc(&call->memory, option->text.size + 2), err) ||
           error_prefix(err, "%s", catalogue_option_name(option->fact->id));
}

static bool read_value(struct call *call, struct call_option *option, struct error *err)
{
    if (!check_text(option->text, "an option", err))
        return false;
    switch (option->fact->type) {
    case OPT_TYPE_BOOL:
        if (!call_value_bool(option->text, &option->number))
            return refuse_value(option, "true or false", err);
        option->text = option->number ? SLICE("true") : SLICE("false");
        return true;
    case OPT_TYPE_TEXT:
    case OPT_TYPE_TEXTS:
        return read_text(call, option, err);
    case OPT_TYPE_DURATION:
        return call_value_duration(option->text, &option->number) ||
               refuse_value(option, "a duration such as 30s or 1m30s", err);
    default:
        return read_integer(call, option, err);
    }
}

bool call_put_option(struct call *call, const struct catalogue_option *fact, struct slice text,
                     struct error *err)
{
    size_t place = place_of(call, fact->id);
    struct call_option option = {.fact = fact, .text = text};

    if (call->option_count >= CALL_OPTIONS_MAX)
        return error_set(err, ERROR_LIMIT, "takes no more than %d options at once",
                         CALL_OPTIONS_MAX);
    if (place > 0 && call->options[place - 1].fact->id == fact->id && fact->type != OPT_TYPE_TEXTS)
        return error_set(err, ERROR_SYNTAX, "option '%s' is given twice",
                         catalogue_option_name(fact->id));
    if (!read_value(call, &option, err))
        return false;
    call->options =
        grow(call, call->options, call->option_count, &call->option_room, sizeof(*call->options));
    memmove(call->options + place + 1, call->options + place,
            (call->option_count - place) * sizeof(*call->options));
    call->options[place] = option;
    call->option_count++;
    return true;
}

bool call_has_option(const struct call *call, enum command_option_id id)
{
    return find(call, id) != NULL;
}

bool call_option_bool(const struct call *call, enum command_option_id id, bool otherwise)
{
    return call_option_number(call, id, otherwise) != 0;
}

int64_t call_option_number(const struct call *call, enum command_option_id id, int64_t otherwise)
{
    const struct call_option *option = find(call, id);

    return option == NULL ? otherwise : option->number;
}

struct slice call_option_text(const struct call *call, enum command_option_id id)
{
    const struct call_option *option = find(call, id);

    return option == NULL ? (struct slice){NULL, 0} : option->text;
}

void call_drop_option(struct call *call, enum command_option_id id)
{
    size_t kept = 0;

    for (size_t i = 0; i < call->option_count; i++)
        if (call->options[i].fact->id != id)
            call->options[kept++] = call->options[i];
    call->option_count = kept;
}

void call_set_option(struct call *call, enum command_option_id id, struct slice text)
{
    const struct catalogue_option *fact = catalogue_option(call->command, id);
    struct slice copy = {arena_copy(&call->memory, text.data, text.size), text.size};
    bool is_valid;

    assert(fact != NULL);
    call_drop_option(call, id);
    is_valid = call_put_option(call, fact, copy, NULL);
    assert(is_valid);
}

void call_set_option_bool(struct call *call, enum command_option_id id, bool value)
{
    call_set_option(call, id, value ? SLICE("true") : SLICE("false"));
}

/* --- Facts --- */

enum reply_kind call_reply(const struct call *call)
{
    const struct command *command = call->command;

    if (command->lines_with != OPT_NONE && call_option_bool(call, command->lines_with, false))
        return REPLY_LINES;
    return command->reply;
}

const struct call_option *call_server_files(const struct call *call)
{
    for (size_t i = 0; i < call->option_count; i++)
        if (call->options[i].fact->names_server_files && call->options[i].number != 0)
            return &call->options[i];
    return NULL;
}

bool call_has_body_arguments(const struct call *call)
{
    return call->argument_count > 0 && call->arguments[call->argument_count - 1].from_body;
}
