// SPDX-License-Identifier: Apache-2.0
#include "policy/ask.h"

#include "conf/id.h"
#include "conf/suggest.h"
#include "ipfs/call_show.h"

enum { WORDS_MAX = 1000, PATH_WORDS_MAX = 4 };

void asked_call_dispose(struct asked_call *asked)
{
    call_destroy(&asked->call);
    *asked = (struct asked_call){0};
}

static bool unknown_command(struct slice path, struct error *err)
{
    struct suggestion near;

    suggestion_init(&near, path);
    for (int id = 0; id < COMMAND_COUNT; id++)
        suggestion_offer(&near, catalogue_command((enum command_id)id)->path);
    if (near.best.size > 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no command '%s'; did you mean '%.*s'?",
                         call_show(path).text, SLICE_ARGS(near.best));
    return error_set(err, ERROR_NOT_FOUND, "there is no command '%s'", call_show(path).text);
}

/* A call whose arguments are to come: options are kept where the API could send the arguments
 * behind them, in a body. */
static bool parse_incomplete(struct asked_call *asked, const struct command *command,
                             struct slice target, bool has_options, struct error *err)
{
    struct error why = {0};

    asked->is_incomplete = true;
    if (command->body == BODY_ARGUMENTS && call_parse(&asked->call, target, true, &why))
        return true;
    if (!has_options) {
        asked->call = call_create(command->id);
        return true;
    }
    return error_set(err, ERROR_SYNTAX, "%s: write its arguments too", command->path);
}

/* target: "/api/v0/pin/add?..." */
static bool parse_target(struct asked_call *asked, const struct command *command,
                         struct slice target, struct error *err)
{
    const char *query = memchr(target.data, '?', target.size);
    struct slice rest = {NULL, 0};
    struct error why = {0};
    bool needs = command->argument_count > 0 && command->arguments[0].required;

    if (query != NULL)
        rest = (struct slice){query + 1, target.size - (size_t)(query + 1 - target.data)};
    if (call_parse(&asked->call, target, command->body == BODY_FILE, &why))
        return true;
    if (needs && !slice_starts(rest, "arg=") &&
        (rest.size == 0 || memmem(rest.data, rest.size, "&arg=", 5) == NULL))
        return parse_incomplete(asked, command, target, rest.size > 0, err);
    return error_copy(err, &why);
}

static bool unknown_option(const struct command *command, struct slice name, struct slice shown,
                           struct error *err)
{
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; i < command->option_count; i++)
        suggestion_offer(&near, catalogue_option_name(command->options[i].id));
    if (command->argument_count > 0)
        suggestion_offer(&near, "arg");
    if (near.best.size > 0)
        return error_set(err, ERROR_NOT_FOUND, "%s has no option '%s'; did you mean '%.*s'?",
                         command->path, call_show(shown).text, SLICE_ARGS(near.best));
    return error_set(err, ERROR_NOT_FOUND, "%s has no option '%s'", command->path,
                     call_show(shown).text);
}

/* A gateway drops what nobody knows, since clients send much. Here a person wrote it, and would
 * believe that it counts. */
static bool check_names(const struct command *command, struct slice query, struct error *err)
{
    while (query.size > 0) {
        const char *end = memchr(query.data, '&', query.size);
        struct slice pair = {query.data, end == NULL ? query.size : (size_t)(end - query.data)};
        const char *equals = pair.size > 0 ? memchr(pair.data, '=', pair.size) : NULL;
        struct slice name = {pair.data, equals == NULL ? pair.size : (size_t)(equals - pair.data)};

        if (!slice_is(name, "arg") && !catalogue_option_is_stripped(name) &&
            catalogue_option_find(command, name) == NULL)
            return unknown_option(command, name, name, err);
        query = end == NULL ? (struct slice){NULL, 0}
                            : (struct slice){end + 1, query.size - (size_t)(end + 1 - query.data)};
    }
    return true;
}

static bool ask_api(struct asked_call *asked, struct slice text, struct error *err)
{
    const char *query = memchr(text.data, '?', text.size);
    struct slice path = {text.data, query == NULL ? text.size : (size_t)(query - text.data)};
    const struct command *command = catalogue_find(path);
    struct text target = {0};
    bool is_fine;

    if (command == NULL)
        return unknown_command(path, err);
    text_put_text(&target, "/api/v0/");
    text_put_slice(&target, text);
    is_fine = parse_target(asked, command, text_slice(&target), err);
    if (is_fine && query != NULL && asked->call->dropped_options > 0)
        is_fine = check_names(command, (struct slice){query + 1, text.size - path.size - 1}, err);
    text_dispose(&target);
    return is_fine;
}

/* --- Words of the ipfs command --- */

struct words {
    struct slice items[WORDS_MAX];
    size_t count;
    struct text bytes; /* without the quotes */
};

static bool split(struct words *words, struct slice text, struct error *err)
{
    char quote = '\0';
    bool is_inside = false;
    size_t starts[WORDS_MAX] = {0};

    text_reserve(&words->bytes, text.size + 1);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (quote == '\0' && (c == ' ' || c == '\t' || c == '\n')) {
            is_inside = false;
            continue;
        }
        if (!is_inside) {
            if (words->count == WORDS_MAX)
                return error_set(err, ERROR_LIMIT, "a call has at most %d words", WORDS_MAX);
            starts[words->count++] = words->bytes.size;
            is_inside = true;
        }
        if (quote == '\0' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else
            text_put_char(&words->bytes, c);
        words->items[words->count - 1].size = words->bytes.size - starts[words->count - 1];
    }
    for (size_t i = 0; i < words->count; i++)
        words->items[i].data = words->bytes.data + starts[i];
    return quote == '\0' || error_set(err, ERROR_SYNTAX, "a %c is missing in the call", quote);
}

/* The command that most of the first words name; *used says how many. */
static const struct command *find_command(const struct words *words, size_t *used)
{
    const struct command *found = NULL;
    struct text path = {0};

    for (size_t i = 0; i < words->count && i < PATH_WORDS_MAX; i++) {
        const struct command *command;

        text_put_text(&path, i > 0 ? "/" : "");
        text_put_slice(&path, words->items[i]);
        command = catalogue_find(text_slice(&path));
        if (command != NULL) {
            found = command;
            *used = i + 1;
        }
    }
    text_dispose(&path);
    return found;
}

static void put_escaped(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~/:", c) != NULL);

        if (is_plain)
            text_put_char(out, c);
        else
            text_put_format(out, "%%%02X", (uint8_t)c);
    }
}

static void put_parameter(struct text *out, struct slice name, struct slice value)
{
    text_put_char(out, memchr(out->data, '?', out->size) == NULL ? '?' : '&');
    put_escaped(out, name);
    text_put_char(out, '=');
    put_escaped(out, value);
}

/* "--name=value", "--name value", "--flag", "-r". */
static bool put_option(const struct command *command, const struct words *words, size_t *at,
                       struct text *out, struct error *err)
{
    struct slice word = words->items[*at], name = word, value = SLICE("true");
    const struct catalogue_option *option;
    const char *equals;

    for (int i = 0; i < 2 && name.size > 0 && name.data[0] == '-'; i++)
        name = (struct slice){name.data + 1, name.size - 1};
    equals = memchr(name.data, '=', name.size);
    if (equals != NULL) {
        value = (struct slice){equals + 1, name.size - (size_t)(equals + 1 - name.data)};
        name.size = (size_t)(equals - name.data);
    }
    option = catalogue_option_find(command, name);
    if (option == NULL)
        return unknown_option(command, name, word, err);
    if (equals == NULL && option->type != OPT_TYPE_BOOL) {
        if (*at + 1 == words->count)
            return error_set(err, ERROR_SYNTAX, "the value of '%s' is missing",
                             call_show(word).text);
        value = words->items[++*at];
    }
    put_parameter(out, name, value);
    return true;
}

static bool put_words(const struct command *command, const struct words *words, size_t from,
                      struct text *out, struct error *err)
{
    const size_t kinds = command->argument_count;
    bool takes_many = kinds > 0 && command->arguments[kinds - 1].many;
    size_t arguments = 0;

    for (size_t i = from; i < words->count; i++) {
        if (words->items[i].size > 1 && words->items[i].data[0] == '-') {
            if (!put_option(command, words, &i, out, err))
                return false;
        } else if (command->body != BODY_FILE || takes_many || arguments < kinds) {
            put_parameter(out, SLICE("arg"), words->items[i]);
            arguments++;
        }
    }
    return true;
}

static bool ask_words(struct asked_call *asked, struct words *words, struct slice text,
                      struct error *err)
{
    const struct command *command;
    struct text target = {0};
    size_t used = 0;
    bool is_fine;

    if (!split(words, text, err))
        return false;
    command = find_command(words, &used);
    if (command == NULL)
        return words->count > 0 ? unknown_command(words->items[0], err)
                                : error_set(err, ERROR_SYNTAX, "a call is missing");
    text_put_format(&target, "/api/v0/%s", command->path);
    is_fine = put_words(command, words, used, &target, err) &&
              parse_target(asked, command, text_slice(&target), err);
    text_dispose(&target);
    return is_fine;
}

bool ask_call(struct asked_call *asked, struct slice text, struct error *err)
{
    struct words words = {.count = 0};
    bool is_fine;

    *asked = (struct asked_call){0};
    if (slice_starts(text, "/api/v0/"))
        text = (struct slice){text.data + 8, text.size - 8};
    if (text.size > 0 && memchr(text.data, ' ', text.size) == NULL)
        is_fine = ask_api(asked, text, err);
    else
        is_fine = ask_words(asked, &words, text, err);
    text_dispose(&words.bytes);
    if (!is_fine)
        asked_call_dispose(asked);
    return is_fine;
}

bool ask_principal(struct principal *principal, struct slice text, struct error *err)
{
    enum principal_kind kind = PRINCIPAL_MEMBER;

    *principal = (struct principal){.kind = PRINCIPAL_ANONYMOUS};
    if (slice_is(text, "anonymous"))
        return true;
    if (slice_starts(text, "member:"))
        text = (struct slice){text.data + 7, text.size - 7};
    else if (slice_starts(text, "partner:")) {
        text = (struct slice){text.data + 8, text.size - 8};
        kind = PRINCIPAL_PARTNER;
    }
    *principal = (struct principal){.kind = kind, .id = text};
    return id_check(text, principal_kind_name(kind), err);
}
