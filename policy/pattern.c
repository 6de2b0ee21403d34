// SPDX-License-Identifier: Apache-2.0
#include "policy/pattern.h"

#include "conf/suggest.h"
#include "ipfs/call_show.h"

#include <assert.h>
#include <stdio.h>

enum { EXPANSIONS_MAX = 256 };

static struct slice behind(struct slice s, size_t used)
{
    return (struct slice){s.data + used, s.size - used};
}

/* Takes the segment before the next slash, and the slash. */
static struct slice take_segment(struct slice *rest)
{
    const char *slash = memchr(rest->data, '/', rest->size);
    struct slice segment = {rest->data, slash == NULL ? rest->size : (size_t)(slash - rest->data)};

    *rest = behind(*rest, slash == NULL ? rest->size : segment.size + 1);
    return segment;
}

/* `*` is any characters. Goes back to the last star only: that is enough, and never exponential. */
static bool segment_matches(struct slice glob, struct slice name)
{
    size_t star = SIZE_MAX, retry = 0, g = 0, n = 0;

    while (n < name.size) {
        if (g < glob.size && glob.data[g] == '*') {
            star = g++;
            retry = n;
        } else if (g < glob.size && glob.data[g] == name.data[n]) {
            g++;
            n++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            n = ++retry;
        } else {
            return false;
        }
    }
    while (g < glob.size && glob.data[g] == '*')
        g++;
    return g == glob.size;
}

/* The recursion is as deep as the glob has segments. */
bool pattern_matches(struct slice glob, struct slice path)
{
    struct slice segment;

    if (glob.size == 0)
        return path.size == 0;
    segment = take_segment(&glob);
    if (slice_is(segment, "**")) {
        for (;;) {
            if (pattern_matches(glob, path))
                return true;
            if (path.size == 0)
                return false;
            take_segment(&path);
        }
    }
    if (path.size == 0 || !segment_matches(segment, take_segment(&path)))
        return false;
    return pattern_matches(glob, path);
}

static bool has_wildcard(struct slice text)
{
    return memchr(text.data, '*', text.size) != NULL;
}

static bool is_open(const struct command *command)
{
    return command->danger != DANGER_NEVER;
}

static bool is_everyday(enum command_class class)
{
    return class == CLASS_TOOL || class == CLASS_READ || class == CLASS_WRITE || class == CLASS_PIN;
}

static size_t add_class(struct pattern *pattern, enum pattern_use use, enum command_class class)
{
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command((enum command_id)id);

        if (command->class != class || (use == PATTERN_ALLOW && !is_open(command)))
            continue;
        command_set_add(&pattern->set, command->id);
        count++;
    }
    return count;
}

static bool parse_class(struct pattern *pattern, enum pattern_use use, struct slice name,
                        struct error *err)
{
    enum command_class class;
    struct suggestion near;

    pattern->is_class = true;
    if (command_class_parse(&class, name)) {
        add_class(pattern, use, class);
        return true;
    }
    suggestion_init(&near, name);
    for (int i = 0; i < CLASS_COUNT; i++)
        suggestion_offer(&near, command_class_name((enum command_class)i));
    if (near.best.size > 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "no class of commands is called '%s'; did you mean 'class:%.*s'?",
                         call_show(name).text, SLICE_ARGS(near.best));
    return error_set(err, ERROR_NOT_FOUND,
                     "no class of commands is called '%s'; there are tool, read, write, pin, "
                     "files, key, pubsub, network, repo, remote-pin and admin",
                     call_show(name).text);
}

/* Why the text is no command, and what would be. */
static bool refuse_name(struct slice text, struct error *err)
{
    struct suggestion near;

    switch (catalogue_absence(text)) {
    case ABSENT_GROUP:
        return error_set(err, ERROR_NOT_FOUND,
                         "'%.*s' is a group of commands; write '%.*s/*' for all of them, or name "
                         "one",
                         SLICE_ARGS(text), SLICE_ARGS(text));
    case ABSENT_LOCAL:
        return error_set(err, ERROR_NOT_FOUND,
                         "'%.*s' runs only on the node's own machine, never through a gateway",
                         SLICE_ARGS(text));
    case ABSENT_UNKNOWN:
        break;
    }
    suggestion_init(&near, text);
    for (int id = 0; id < COMMAND_COUNT; id++)
        suggestion_offer(&near, catalogue_command((enum command_id)id)->path);
    if (near.best.size > 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "'%s' is not a command of Kubo; did you mean '%.*s'?",
                         call_show(text).text, SLICE_ARGS(near.best));
    return error_set(err, ERROR_NOT_FOUND,
                     "'%s' is not a command of Kubo; commands are written like pin/add",
                     call_show(text).text);
}

static bool add_name(struct pattern *pattern, enum pattern_use use, struct slice text,
                     struct error *err)
{
    const struct command *command = catalogue_find(text);

    if (command == NULL)
        return refuse_name(text, err);
    if (use == PATTERN_ALLOW && !is_open(command))
        return error_set(err, ERROR_UNSUPPORTED,
                         "'%s' can harm everyone on the node, and no policy opens it; remove it",
                         command->path);
    command_set_add(&pattern->set, command->id);
    return true;
}

static bool add_glob(struct pattern *pattern, enum pattern_use use, struct slice glob,
                     struct error *err)
{
    size_t count = 0, never = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command((enum command_id)id);

        if (!pattern_matches(glob, slice_of(command->path)))
            continue;
        count++;
        if (use == PATTERN_DENY || is_open(command))
            command_set_add(&pattern->set, command->id);
        else
            never++;
    }
    if (count > 0 && count == never)
        return error_set(err, ERROR_UNSUPPORTED,
                         "'%.*s' names only commands that can harm everyone on the node, and no "
                         "policy opens these; remove it",
                         SLICE_ARGS(glob));
    if (count == 0 && pattern->unmatched[0] == '\0')
        snprintf(pattern->unmatched, sizeof(pattern->unmatched), "%.*s", SLICE_ARGS(glob));
    return true;
}

static bool add_everything(struct pattern *pattern, enum pattern_use use)
{
    for (int class = 0; class < CLASS_COUNT; class ++)
        if (use == PATTERN_DENY || is_everyday((enum command_class) class))
            add_class(pattern, use, (enum command_class) class);
    return true;
}

/* A text without braces. */
static bool add_text(struct pattern *pattern, enum pattern_use use, struct slice text,
                     struct error *err)
{
    struct slice rest = text;

    if (text.size == 0 || text.data[0] == '/' || text.data[text.size - 1] == '/' ||
        memmem(text.data, text.size, "//", 2) != NULL)
        return error_set(err, ERROR_SYNTAX, "'%.*s' has a slash too many", SLICE_ARGS(text));
    if (slice_is(text, "**"))
        return add_everything(pattern, use);
    if (!has_wildcard(text))
        return add_name(pattern, use, text, err);
    if (has_wildcard(take_segment(&rest)))
        pattern->is_wide = true;
    return add_glob(pattern, use, text, err);
}

/* The next text that the braces make, put into out. choices counts through them like a number whose
 * digits are the braces. */
static struct slice expand(struct slice text, size_t choice, char out[PATTERN_SIZE_MAX])
{
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        size_t begin = i + 1, end, wanted, count = 1;

        if (text.data[i] != '{') {
            out[size++] = text.data[i];
            continue;
        }
        end = begin + (size_t)((char *)memchr(text.data + begin, '}', text.size - begin) -
                               (text.data + begin));
        for (size_t j = begin; j < end; j++)
            count += text.data[j] == ',';
        wanted = choice % count;
        choice /= count;
        for (; wanted > 0; begin++)
            wanted -= text.data[begin] == ',';
        for (; begin < end && text.data[begin] != ','; begin++)
            out[size++] = text.data[begin];
        i = end;
    }
    return (struct slice){out, size};
}

static bool refuse_byte(struct slice text, size_t place, struct error *err)
{
    char c = text.data[place];

    if (slice_starts(text, "/api/v0/"))
        return error_set(err, ERROR_SYNTAX,
                         "leave /api/v0/ away: commands are written like "
                         "pin/add");
    if (c == ' ' || c == '.')
        return error_set(err, ERROR_SYNTAX,
                         "'%s': commands are written with slashes between the words, like pin/add",
                         call_show(text).text);
    return error_set(err, ERROR_SYNTAX,
                     "'%s': the %zu. character cannot stand in a command; there are lower-case "
                     "letters, '-', '/', and *, ** and {a,b}",
                     call_show(text).text, place + 1);
}

static bool is_path_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '/' || c == '*';
}

/* Characters and braces; how many texts the braces make. */
static bool check_shape(struct slice text, size_t *expansions, struct error *err)
{
    size_t choices = 0; /* 0: outside of braces */

    *expansions = 1;
    if (text.size == 0 || text.size >= PATTERN_SIZE_MAX)
        return error_set(err, ERROR_SYNTAX,
                         text.size == 0 ? "a command is missing here"
                                        : "this is too long for a command");
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == '{' && choices == 0) {
            choices = 1;
        } else if (c == ',' && choices > 0) {
            choices++;
        } else if (c == '}' && choices > 0) {
            *expansions *= choices;
            choices = 0;
        } else if (c == '{' || c == '}') {
            return error_set(err, ERROR_SYNTAX,
                             "'%s': braces do not stand inside of braces, and "
                             "each has its counterpart",
                             call_show(text).text);
        } else if (!is_path_byte(c) || (c == '/' && i == 0)) {
            return refuse_byte(text, i, err);
        }
        if (*expansions > EXPANSIONS_MAX)
            return error_set(err, ERROR_LIMIT, "'%s': these braces make more than %d texts",
                             call_show(text).text, EXPANSIONS_MAX);
    }
    if (choices > 0)
        return error_set(err, ERROR_SYNTAX, "'%s': a '}' is missing", call_show(text).text);
    return true;
}

bool pattern_parse(struct pattern *pattern, enum pattern_use use, struct slice text,
                   struct error *err)
{
    char room[PATTERN_SIZE_MAX] = "";
    size_t expansions;

    *pattern = (struct pattern){0};
    if (slice_starts(text, "class:"))
        return parse_class(pattern, use, behind(text, 6), err);
    if (!check_shape(text, &expansions, err))
        return false;
    for (size_t i = 0; i < expansions; i++)
        if (!add_text(pattern, use, expand(text, i, room), err))
            return false;
    return true;
}

void pattern_put_hint(struct slice glob, struct text *out)
{
    struct slice rest = glob, first = take_segment(&rest);
    struct suggestion near;

    if (has_wildcard(first))
        return;
    suggestion_init(&near, first);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        struct slice path = slice_of(catalogue_command((enum command_id)id)->path);
        struct slice group = take_segment(&path);

        if (slice_equal(group, first)) {
            text_put_format(out, "; there is '%s', for one",
                            catalogue_command((enum command_id)id)->path);
            return;
        }
        if (path.size > 0)
            suggestion_offer_slice(&near, group);
    }
    if (near.best.size > 0)
        text_put_format(out, "; did you mean '%.*s/%.*s'?", SLICE_ARGS(near.best),
                        SLICE_ARGS(rest));
}
