// SPDX-License-Identifier: Apache-2.0
/* A request target becomes a call. */
#include "ipfs/call.h"
#include "ipfs/call_parts.h"
#include "ipfs/call_show.h"

#define PREFIX       "/api/v0/"
#define PATH_RAW_MAX 384 /* with every byte of the longest command escaped, and room to spare */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %-escapes once, into out, which has as much room as the input. */
static bool unescape(struct slice in, bool plus_is_space, char *out, struct slice *result)
{
    size_t used = 0;

    for (size_t i = 0; i < in.size; i++) {
        char c = in.data[i];

        if (c == '%') {
            int high = i + 2 < in.size ? hex_digit(in.data[i + 1]) : -1;
            int low = i + 2 < in.size ? hex_digit(in.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[used++] = c;
    }
    *result = (struct slice){out, used};
    return true;
}

/* --- The path --- */

/* Whether a command stands before some slash: then someone put an argument into the path. */
static const struct command *command_before_slash(struct slice path)
{
    for (size_t i = path.size; i > 0; i--)
        if (path.data[i - 1] == '/') {
            const struct command *command = catalogue_find((struct slice){path.data, i - 1});

            if (command != NULL)
                return command;
        }
    return NULL;
}

static void refuse_path(struct slice path, struct error *err)
{
    const struct command *before = command_before_slash(path);
    enum catalogue_absence absence = catalogue_absence(path);

    if (absence == ABSENT_GROUP)
        error_set(err, ERROR_NOT_FOUND, "'%s' is a group of commands, not a command",
                  call_show(path).text);
    else if (absence == ABSENT_LOCAL)
        error_set(err, ERROR_NOT_FOUND, "'%s' runs only on the node's own machine",
                  call_show(path).text);
    else if (before != NULL)
        error_set(err, ERROR_NOT_FOUND,
                  "no command '%s': an argument goes behind the path, as in %s?arg=..",
                  call_show(path).text, before->path);
    else
        error_set(err, ERROR_NOT_FOUND, "no command '%s'", call_show(path).text);
}

/* NULL with err set: none. */
static const struct command *find_command(struct slice path, struct error *err)
{
    const size_t prefix = sizeof(PREFIX) - 1;
    char room[PATH_RAW_MAX];
    const struct command *command;

    if (path.size > sizeof(room)) {
        error_set(err, ERROR_NOT_FOUND, "no command '%s'", call_show(path).text);
        return NULL;
    }
    if (path.size > 0 && path.data[0] == '/' && !unescape(path, false, room, &path)) {
        error_set(err, ERROR_SYNTAX, "a bad %%-escape in the path");
        return NULL;
    }
    if (path.size <= prefix || memcmp(path.data, PREFIX, prefix) != 0) {
        error_set(err, ERROR_NOT_FOUND, "no such path; commands are below " PREFIX);
        return NULL;
    }
    path = (struct slice){path.data + prefix, path.size - prefix};
    command = catalogue_find(path);
    if (command == NULL)
        refuse_path(path, err);
    return command;
}

/* --- The query --- */

static bool check_raw(struct slice query, struct error *err)
{
    for (size_t i = 0; i < query.size; i++) {
        unsigned char c = (unsigned char)query.data[i];

        if (c <= ' ' || c == 0x7f || c == '#')
            return error_set(err, ERROR_SYNTAX, "byte 0x%02x in the query must be written %%%02X",
                             c, c);
        if (c == ';') /* Go drops what holds one; others take it for a separator */
            return error_set(err, ERROR_SYNTAX, "';' in the query must be written %%3B");
    }
    return true;
}

static bool put_option(struct call *call, struct slice name, struct slice value, struct error *err)
{
    const struct catalogue_option *fact = catalogue_option_find(call->command, name);

    if (fact != NULL)
        return call_put_option(call, fact, value, err);
    if (name.size == 0)
        return error_set(err, ERROR_SYNTAX, "an option in the query has no name");
    if (!catalogue_option_is_stripped(name))
        call->dropped_options++;
    return true;
}

/* One `name=value`. room has as much as the pair is long; what is kept stays in it. */
static bool parse_pair(struct call *call, struct slice pair, char *room, struct error *err)
{
    const char *equals = memchr(pair.data, '=', pair.size);
    size_t size = equals == NULL ? pair.size : (size_t)(equals - pair.data);
    struct slice name = {pair.data, size};
    struct slice value = {pair.data + size, 0};

    if (equals != NULL)
        value = (struct slice){equals + 1, pair.size - size - 1};
    if (!unescape(name, true, room, &name) || !unescape(value, true, room + size, &value))
        return error_set(err, ERROR_SYNTAX, "a bad %%-escape in the query");
    if (slice_is(name, "arg"))
        return call_put_argument(call, value, false, err);
    return put_option(call, name, value, err);
}

static bool parse_query(struct call *call, struct slice query, struct error *err)
{
    char *room;

    if (query.size == 0)
        return true;
    arena_reserve(&call->memory, query.size + 64 * sizeof(struct call_option));
    room = arena_alloc(&call->memory, query.size);
    if (!check_raw(query, err))
        return false;
    while (query.size > 0) {
        const char *ampersand = memchr(query.data, '&', query.size);
        size_t size = ampersand == NULL ? query.size : (size_t)(ampersand - query.data);
        size_t used = ampersand == NULL ? size : size + 1;

        if (size > 0 && !parse_pair(call, (struct slice){query.data, size}, room, err))
            return false;
        room += size;
        query = (struct slice){query.data + used, query.size - used};
    }
    return true;
}

static bool finish(struct call *call, bool has_multipart, struct error *err)
{
    switch (call->command->body) {
    case BODY_FILE:
        if (!has_multipart)
            return error_set(err, ERROR_SYNTAX,
                             "a file is required, as a body of type multipart/form-data");
        break;
    case BODY_ARGUMENTS:
        call->wants_body = has_multipart;
        if (has_multipart)
            return true; /* the rest may stand in the body */
        break;
    case BODY_NONE:
        break;
    }
    return call_check(call, err);
}

const struct command *call_command(struct slice target, struct error *err)
{
    const char *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);

    if (mark != NULL)
        target.size = (size_t)(mark - target.data);
    return find_command(target, err);
}

bool call_parse(struct call **call, struct slice target, bool has_multipart, struct error *err)
{
    const char *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    size_t size = mark == NULL ? target.size : (size_t)(mark - target.data);
    struct slice query = {mark, 0};
    const struct command *command;

    *call = NULL;
    if (mark != NULL)
        query = (struct slice){mark + 1, target.size - size - 1};
    command = find_command((struct slice){target.data, size}, err);
    if (command == NULL)
        return false;
    *call = call_create(command->id);
    if (parse_query(*call, query, err) && finish(*call, has_multipart, err))
        return true;
    if (err != NULL && err->code != ERROR_UNSUPPORTED) /* those are in Kubo's own words */
        error_prefix(err, "%s", command->path);
    call_destroy(call);
    return false;
}
