// SPDX-License-Identifier: Apache-2.0
#include "conf/options_value.h"

#include "conf/memory.h"
#include "conf/suggest.h"
#include "conf/units.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 16 * 1024 };

bool option_is_list(enum option_type type)
{
    return type == OPTION_CHOICES || type == OPTION_TEXTS || type == OPTION_NETWORKS;
}

bool option_is_number(enum option_type type)
{
    return type == OPTION_INTEGER || type == OPTION_SIZE || type == OPTION_DURATION;
}

/* ---- numbers ---- */

static const char *print_number(char out[UNITS_TEXT_SIZE], enum option_type type, uint64_t value)
{
    if (type == OPTION_SIZE)
        return units_print_size(out, value);
    if (type == OPTION_DURATION)
        return units_print_duration(out, value);
    snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64, value);
    return out;
}

static bool parse_number(const struct option *option, struct slice text, uint64_t *value,
                         struct error *err)
{
    char bound[UNITS_TEXT_SIZE];
    bool is_fine;

    if (option->type == OPTION_SIZE)
        is_fine = units_parse_size(text, value, err);
    else if (option->type == OPTION_DURATION)
        is_fine = units_parse_duration(text, value, err);
    else
        is_fine = units_parse_integer(text, value, err);
    if (!is_fine || (*value == 0 && option->zero != NULL))
        return is_fine;
    if (*value < option->min)
        return error_set(err, ERROR_LIMIT, "%.*s is too little; the least is %s", SLICE_ARGS(text),
                         print_number(bound, option->type, option->min));
    if (option->max > 0 && *value > option->max)
        return error_set(err, ERROR_LIMIT, "%.*s is too much; the most is %s", SLICE_ARGS(text),
                         print_number(bound, option->type, option->max));
    return true;
}

/* ---- texts and files ---- */

static bool is_plain_text(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return text.size > 0;
}

static bool parse_text(struct slice text, char **field, struct error *err)
{
    if (text.size == 0)
        error_set(err, ERROR_SYNTAX, "an empty text; give a value, or remove the key");
    else if (!is_plain_text(text))
        error_set(err, ERROR_SYNTAX, "a line break or control character is not allowed");
    else
        *field = memory_copy(text.data, text.size);
    return *field != NULL;
}

char *options_absolute(const char *folder, const char *path)
{
    struct text made = {0};

    if (path[0] == '/')
        return memory_copy_text(path);
    text_put_format(&made, "%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", path);
    return made.data;
}

static bool parse_path(struct slice text, const char *folder, char **field, struct error *err)
{
    char *written = NULL;

    if (!parse_text(text, &written, err))
        return false;
    *field = options_absolute(folder, written);
    free(written);
    return true;
}

/* Opens a regular file: a pipe would make the reader wait. Not yet checked: -1, with err set. */
static int open_regular(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;

    if (fd < 0) {
        error_set_errno(err, "%s cannot be read", path);
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    close(fd);
    error_set(err, ERROR_IO, "%s is not a file", path);
    return -1;
}

static bool parse_file(struct slice text, const char *folder, char **field, struct error *err)
{
    int fd;

    if (!parse_path(text, folder, field, err))
        return false;
    fd = open_regular(*field, err);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && is_space(s.data[s.size - 1]))
        s.size--;
    while (s.size > 0 && is_space(*s.data))
        s = (struct slice){s.data + 1, s.size - 1};
    return s;
}

/* At most size bytes; -1 with errno. */
static ssize_t read_up_to(int fd, char *bytes, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t got = read(fd, bytes + used, size - used);

        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)used;
}

bool option_read_secret(const char *path, char **secret_, struct error *err)
{
    char bytes[SECRET_MAX + 1];
    struct slice secret;
    ssize_t size;
    int fd = open_regular(path, err);

    *secret_ = NULL;
    if (fd < 0)
        return false;
    size = read_up_to(fd, bytes, sizeof(bytes));
    secret = trim((struct slice){bytes, size > 0 ? (size_t)size : 0});
    if (size < 0)
        error_set_errno(err, "%s cannot be read", path);
    else if (size > SECRET_MAX)
        error_set(err, ERROR_LIMIT, "%s is larger than %d KiB", path, SECRET_MAX / 1024);
    else if (!is_plain_text(secret))
        error_set(err, ERROR_SYNTAX, "%s must hold one line with the secret", path);
    else
        *secret_ = memory_copy(secret.data, secret.size);
    explicit_bzero(bytes, sizeof(bytes));
    close(fd);
    return *secret_ != NULL;
}

static bool parse_secret(struct slice text, const char *folder, char **field, struct error *err)
{
    char *path = NULL;
    bool is_read = parse_path(text, folder, &path, err) && option_read_secret(path, field, err);

    free(path);
    return is_read;
}

/* ---- choices, addresses, lists ---- */

static bool parse_choice(const struct option *option, struct slice text, unsigned *index,
                         struct error *err)
{
    struct text known = {0};
    struct suggestion suggestion;

    suggestion_init(&suggestion, text);
    for (unsigned i = 0; option->choices[i].name != NULL; i++) {
        const struct option_choice *choice = &option->choices[i];

        if (slice_is(text, choice->name)) {
            text_dispose(&known);
            *index = i;
            return !choice->is_unbuilt ||
                   error_set(err, ERROR_UNSUPPORTED, "%s is not built yet in this version",
                             choice->name);
        }
        if (choice->is_unbuilt)
            continue;
        suggestion_offer(&suggestion, choice->name);
        text_put_format(&known, "%s%s", known.size > 0 ? ", " : "", choice->name);
    }
    if (suggestion.best.size > 0)
        error_set(err, ERROR_SYNTAX, "unknown value '%.*s'; did you mean %.*s?", SLICE_ARGS(text),
                  SLICE_ARGS(suggestion.best));
    else
        error_set(err, ERROR_SYNTAX, "unknown value '%.*s'; it is one of %s", SLICE_ARGS(text),
                  known.data);
    text_dispose(&known);
    return false;
}

static bool parse_choices(const struct option *option, struct slice text, unsigned *bits,
                          struct error *err)
{
    unsigned index = 0;

    if (!parse_choice(option, text, &index, err))
        return false;
    if ((*bits & 1u << index) != 0)
        return error_set(err, ERROR_SYNTAX, "'%.*s' is listed twice", SLICE_ARGS(text));
    *bits |= 1u << index;
    return true;
}

/* The path of a unix socket begins at the folder, like every other path. */
static bool parse_address(struct slice text, const char *folder, struct address *address,
                          struct error *err)
{
    struct text absolute = {0};
    bool is_fine = address_parse(address, text, err);

    if (is_fine && address->kind == ADDRESS_UNIX && address->text[sizeof("unix:") - 1] != '/') {
        text_put_format(&absolute, "unix:%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/",
                        address->text + sizeof("unix:") - 1);
        is_fine = address_parse(address, text_slice(&absolute), err);
        text_dispose(&absolute);
    }
    return is_fine;
}

static bool add_text(struct slice text, struct option_strings *list, struct error *err)
{
    char *item = NULL;

    if (!parse_text(text, &item, err))
        return false;
    list->items = memory_resize_array(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = item;
    return true;
}

static bool add_network(struct slice text, struct option_networks *list, struct error *err)
{
    struct network network = {0};

    if (!network_parse(&network, text, err))
        return false;
    list->items = memory_resize_array(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = network;
    return true;
}

static bool parse_bool(struct slice text, bool *field, struct error *err)
{
    *field = slice_is(text, "true");
    return *field || slice_is(text, "false") ||
           error_set(err, ERROR_SYNTAX, "'%.*s' is neither true nor false", SLICE_ARGS(text));
}

static bool parse_by_type(const struct option *option, struct slice text, const char *folder,
                          void *field, struct error *err)
{
    switch (option->type) {
    case OPTION_TEXT:
        return parse_text(text, field, err);
    case OPTION_PATH:
        return parse_path(text, folder, field, err);
    case OPTION_FILE:
        return parse_file(text, folder, field, err);
    case OPTION_SECRET:
        return parse_secret(text, folder, field, err);
    case OPTION_BOOL:
        return parse_bool(text, field, err);
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION:
        return parse_number(option, text, field, err);
    case OPTION_ADDRESS:
        return parse_address(text, folder, field, err);
    case OPTION_CHOICE:
        return parse_choice(option, text, field, err);
    case OPTION_CHOICES:
        return parse_choices(option, text, field, err);
    case OPTION_TEXTS:
        return add_text(text, field, err);
    case OPTION_NETWORKS:
        return add_network(text, field, err);
    case OPTION_UNBUILT:
        break;
    }
    assert(!"an option that is not built has no value");
    return false;
}

/* What the option's own check looks at. */
static const void *checked(const struct option *option, const void *field)
{
    const struct option_strings *strings = field;
    const char *const *text = field;

    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_FILE:
    case OPTION_SECRET:
        return *text;
    case OPTION_TEXTS:
        return strings->items[strings->count - 1];
    default:
        return field;
    }
}

bool option_parse(const struct option *option, struct slice text, const char *folder, void *field,
                  struct error *err)
{
    return parse_by_type(option, text, folder, field, err) &&
           (option->check == NULL || option->check(checked(option, field), err));
}

static void dispose_text(char **field, bool is_secret)
{
    if (*field != NULL && is_secret)
        explicit_bzero(*field, strlen(*field));
    free(*field);
    *field = NULL;
}

static void dispose_texts(struct option_strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct option_strings){0};
}

static void dispose_networks(struct option_networks *list)
{
    free(list->items);
    *list = (struct option_networks){0};
}

void option_dispose(enum option_type type, void *field)
{
    switch (type) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_FILE:
    case OPTION_SECRET:
        dispose_text(field, type == OPTION_SECRET);
        break;
    case OPTION_TEXTS:
        dispose_texts(field);
        break;
    case OPTION_NETWORKS:
        dispose_networks(field);
        break;
    case OPTION_CHOICE:
    case OPTION_CHOICES:
        *(unsigned *)field = 0;
        break;
    case OPTION_BOOL:
        *(bool *)field = false;
        break;
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION:
        *(uint64_t *)field = 0;
        break;
    case OPTION_ADDRESS:
        *(struct address *)field = (struct address){0};
        break;
    case OPTION_UNBUILT:
        break;
    }
}
