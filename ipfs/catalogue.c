// SPDX-License-Identifier: Apache-2.0
#include "ipfs/catalogue.h"

#include <assert.h>

/* The words of catalogue.def. */
#define ONE(kind, name)           TAKES(kind, name, true, false)
#define MAYBE(kind, name)         TAKES(kind, name, false, false)
#define MANY(kind, name)          TAKES(kind, name, true, true)
#define ANY(kind, name)           TAKES(kind, name, false, true)
// clang-format off
#define TAKES(kind, name, required, many) {ARGUMENT_##kind, name, required, many}
#define VALUE(id, type, kind, server_files, alias) \
    {OPT_##id, OPT_TYPE_##type, ARGUMENT_##kind, server_files, alias}
// clang-format on
#define BOOL(id, alias)           VALUE(id, BOOL, TEXT, false, alias)
#define SERVER_FILES(id)          VALUE(id, BOOL, TEXT, true, NULL)
#define INT32(id, alias)          VALUE(id, INT32, TEXT, false, alias)
#define INT64(id, alias)          VALUE(id, INT64, TEXT, false, alias)
#define UINT32(id, alias)         VALUE(id, UINT32, TEXT, false, alias)
#define UINT64(id, alias)         VALUE(id, UINT64, TEXT, false, alias)
#define TEXT(id, alias)           VALUE(id, TEXT, TEXT, false, alias)
#define TEXTS(id, alias)          VALUE(id, TEXTS, TEXT, false, alias)
#define DURATION(id, alias)       VALUE(id, DURATION, TEXT, false, alias)
#define TEXT_OF(kind, id, alias)  VALUE(id, TEXT, kind, false, alias)
#define TEXTS_OF(kind, id, alias) VALUE(id, TEXTS, kind, false, alias)

#define ARGS(...)                                                                                  \
    .arguments = (const struct catalogue_argument[]){__VA_ARGS__},                                 \
    .argument_count = ARRAY_SIZE(((const struct catalogue_argument[]){__VA_ARGS__}))
#define OPTS(...)                                                                                  \
    .options = (const struct catalogue_option[]){__VA_ARGS__},                                     \
    .option_count = ARRAY_SIZE(((const struct catalogue_option[]){__VA_ARGS__}))
#define NO_ARGS .arguments = NULL
#define NO_OPTS .options = NULL

static const struct command commands[COMMAND_COUNT] = {
#define COMMAND(name, route, group, risk, takes, gives, lines, bits, release, ...)                 \
    {.path = route,                                                                                \
     .id = COMMAND_##name,                                                                         \
     .class = CLASS_##group,                                                                       \
     .danger = (enum command_danger)risk,                                                          \
     .body = BODY_##takes,                                                                         \
     .reply = REPLY_##gives,                                                                       \
     .lines_with = OPT_##lines,                                                                    \
     .flags = bits,                                                                                \
     .since = release,                                                                             \
     __VA_ARGS__},
#include "ipfs/catalogue.def"
};

static const struct catalogue_option global_options[] = {
#define GLOBAL(...) __VA_ARGS__,
#include "ipfs/catalogue.def"
};

static const struct catalogue_option own_options[] = {
#define OWN(...) __VA_ARGS__,
#include "ipfs/catalogue.def"
};

static const struct slice option_names[OPT_IDS] = {
    {"", 0},
#define OPTION(id, name) {name, sizeof(name) - 1},
#include "ipfs/catalogue.def"
};

static const char *const stripped_options[] = {
#define STRIPPED(name) name,
#include "ipfs/catalogue.def"
};

static const struct {
    const char *path;
    enum catalogue_absence absence;
} absent[] = {
#define GROUP(path) {path, ABSENT_GROUP},
#define LOCAL(path) {path, ABSENT_LOCAL},
#include "ipfs/catalogue.def"
    {"daemon", ABSENT_LOCAL},
    {"init", ABSENT_LOCAL},
};

static const char *const class_names[CLASS_COUNT] = {
    [CLASS_TOOL] = "tool",     [CLASS_READ] = "read",
    [CLASS_WRITE] = "write",   [CLASS_PIN] = "pin",
    [CLASS_FILES] = "files",   [CLASS_KEY] = "key",
    [CLASS_PUBSUB] = "pubsub", [CLASS_NETWORK] = "network",
    [CLASS_REPO] = "repo",     [CLASS_REMOTE_PIN] = "remote-pin",
    [CLASS_ADMIN] = "admin",
};

const struct command *catalogue_command(enum command_id id)
{
    assert((unsigned)id < COMMAND_COUNT);
    return &commands[id];
}

/* Byte order, the shorter first. */
static int compare(struct slice a, const char *text)
{
    struct slice b = slice_of(text);
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

const struct command *catalogue_find(struct slice path)
{
    size_t low = 0, high = COMMAND_COUNT;

    while (path.size > 0 && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(path, commands[middle].path);

        if (order == 0)
            return &commands[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* name is not empty. Most candidates fall at the length or the first letter. */
static inline bool is_called(const struct catalogue_option *option, struct slice name)
{
    const struct slice *own = &option_names[option->id];
    const char *alias = option->alias;

    if (own->size == name.size && own->data[0] == name.data[0] &&
        memcmp(own->data, name.data, name.size) == 0)
        return true;
    return alias != NULL && alias[0] == name.data[0] && slice_is(name, alias);
}

const struct catalogue_option *catalogue_option_find(const struct command *command,
                                                     struct slice name)
{
    if (name.size == 0)
        return NULL;
    for (size_t i = 0; i < command->option_count; i++)
        if (is_called(&command->options[i], name))
            return &command->options[i];
    for (size_t i = 0; i < ARRAY_SIZE(global_options); i++)
        if (is_called(&global_options[i], name))
            return &global_options[i];
    if ((command->flags & COMMAND_CLAIMS) == 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(own_options); i++)
        if (is_called(&own_options[i], name))
            return &own_options[i];
    return NULL;
}

const struct catalogue_option *catalogue_option(const struct command *command,
                                                enum command_option_id id)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].id == id)
            return &command->options[i];
    for (size_t i = 0; i < ARRAY_SIZE(global_options); i++)
        if (global_options[i].id == id)
            return &global_options[i];
    if ((command->flags & COMMAND_CLAIMS) == 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(own_options); i++)
        if (own_options[i].id == id)
            return &own_options[i];
    return NULL;
}

bool catalogue_option_is_own(enum command_option_id id)
{
    for (size_t i = 0; i < ARRAY_SIZE(own_options); i++)
        if (own_options[i].id == id)
            return true;
    return false;
}

const char *catalogue_option_name(enum command_option_id id)
{
    assert((unsigned)id < OPT_IDS);
    return option_names[id].data;
}

bool catalogue_option_is_stripped(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(stripped_options); i++)
        if (slice_is(name, stripped_options[i]))
            return true;
    return false;
}

enum catalogue_absence catalogue_absence(struct slice path)
{
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (slice_is(path, absent[i].path))
            return absent[i].absence;
    return ABSENT_UNKNOWN;
}

const char *command_class_name(enum command_class class)
{
    assert((unsigned)class < CLASS_COUNT);
    return class_names[class];
}

bool command_class_parse(enum command_class *class, struct slice name)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (slice_is(name, class_names[i])) {
            *class = (enum command_class)i;
            return true;
        }
    return false;
}
