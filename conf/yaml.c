// SPDX-License-Identifier: Apache-2.0
/* From libyaml's events to a tree of ours. */
#include "conf/yaml.h"

#include "conf/memory.h"
#include "conf/yaml_check.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

enum { BLOCK_SIZE = 16 * 1024, READ_SIZE = 64 * 1024 };

/* Mappings up to this size are searched in order; larger ones have an index. */
enum { SCAN_MAX = 8 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

struct yaml {
    struct block *blocks;
    char *name;
    const struct yaml_node *root;
};

/* Nodes whose list or mapping is still open; each level remembers where its own begin. */
struct builder {
    struct yaml *yaml;
    yaml_parser_t parser;
    struct slice source;
    struct yaml_cursor cursor;
    const struct yaml_node **open;
    size_t open_count, open_capacity;
};

/* Zeroed memory that lives as long as the tree. */
static void *take(struct yaml *yaml, size_t size)
{
    size_t needed = (size + 15) & ~(size_t)15;
    struct block *block = yaml->blocks;

    if (block == NULL || block->size - block->used < needed) {
        size_t room = needed > BLOCK_SIZE ? needed : BLOCK_SIZE;

        block = memory_alloc(sizeof(*block) + room);
        block->size = room;
        block->next = yaml->blocks;
        yaml->blocks = block;
    }
    block->used += needed;
    return block->bytes + block->used - needed;
}

static struct yaml_node *make_node(struct builder *builder, enum yaml_kind kind,
                                   const yaml_event_t *event)
{
    struct yaml_node *node = take(builder->yaml, sizeof(*node));

    node->kind = kind;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    node->yaml = builder->yaml;
    return node;
}

static void push(struct builder *builder, const struct yaml_node *node)
{
    if (builder->open_count == builder->open_capacity) {
        builder->open_capacity = builder->open_capacity == 0 ? 64 : builder->open_capacity * 2;
        builder->open = memory_resize_array(builder->open, builder->open_capacity,
                                            sizeof(const struct yaml_node *));
    }
    builder->open[builder->open_count++] = node;
}

static bool event_error(struct builder *builder, const yaml_event_t *event, enum error_code code,
                        struct error *err, const char *what)
{
    return error_set(err, code, "%s:%zu:%zu: %s", builder->yaml->name, event->start_mark.line + 1,
                     event->start_mark.column + 1, what);
}

/* The next event, or the parser's complaint with its place. The caller deletes the event. */
static bool next_event(struct builder *builder, yaml_event_t *event, struct error *err)
{
    const yaml_parser_t *parser = &builder->parser;

    if (yaml_parser_parse(&builder->parser, event))
        return true;
    return error_set(err, ERROR_SYNTAX, "%s:%zu:%zu: %s%s%s", builder->yaml->name,
                     parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                     parser->problem != NULL ? parser->problem : "not understood",
                     parser->context != NULL ? ", " : "",
                     parser->context != NULL ? parser->context : "");
}

/* Refuses what nodes can carry besides their content. libyaml forgets a lone "!", so the source is
 * looked at. */
static bool check_decoration(struct builder *builder, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag, struct error *err)
{
    if (anchor != NULL)
        return event_error(builder, event, ERROR_UNSUPPORTED, err,
                           "an anchor (&) is not allowed; write the value out where it is needed");
    if (tag != NULL ||
        yaml_cursor_byte(&builder->cursor, builder->source, event->start_mark.index) == '!')
        return event_error(builder, event, ERROR_UNSUPPORTED, err,
                           "a tag (!) is not allowed; quote a text that begins with it");
    return true;
}

static bool build_text(struct builder *builder, const yaml_event_t *event,
                       const struct yaml_node **result, struct error *err)
{
    struct yaml_node *node = make_node(builder, YAML_TEXT, event);
    size_t size = event->data.scalar.length;
    char *copy;

    if (!check_decoration(builder, event, event->data.scalar.anchor, event->data.scalar.tag, err))
        return false;
    if (memchr(event->data.scalar.value, '\0', size) != NULL)
        return event_error(builder, event, ERROR_SYNTAX, err, "a text with a NUL is not allowed");
    copy = take(builder->yaml, size + 1);
    memcpy(copy, event->data.scalar.value, size);
    node->text = (struct slice){copy, size};
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    *result = node;
    return true;
}

static int compare_slices(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_places(const void *a_, const void *b_, void *pairs_)
{
    const struct yaml_pair *pairs = pairs_;
    uint32_t a = *(const uint32_t *)a_;
    uint32_t b = *(const uint32_t *)b_;
    int order = compare_slices(pairs[a].key->text, pairs[b].key->text);

    return order != 0 ? order : (a > b) - (a < b);
}

/* Sorts the places of the pairs by key: lookups need it, and equal keys become neighbours. */
static bool index_pairs(struct yaml_node *node, struct error *err)
{
    uint32_t *sorted = take((struct yaml *)node->yaml, node->count * sizeof(*sorted));
    uint32_t first = 0, second = UINT32_MAX; /* the duplicate that stands first in the file */

    for (uint32_t i = 0; i < node->count; i++)
        sorted[i] = i;
    qsort_r(sorted, node->count, sizeof(*sorted), compare_places, (void *)node->pairs);
    for (size_t i = 1; i < node->count; i++)
        if (sorted[i] < second &&
            slice_equal(node->pairs[sorted[i - 1]].key->text, node->pairs[sorted[i]].key->text)) {
            first = sorted[i - 1];
            second = sorted[i];
        }
    if (second != UINT32_MAX)
        return yaml_error(node->pairs[second].key, ERROR_SYNTAX, err,
                          "the key '%.*s' is given twice, first at line %u",
                          SLICE_ARGS(node->pairs[second].key->text), node->pairs[first].key->line);
    node->sorted = sorted;
    return true;
}

static bool check_key(const struct yaml_node *key, struct error *err)
{
    assert(key != NULL);
    if (key->kind != YAML_TEXT)
        return yaml_error(key, ERROR_UNSUPPORTED, err, "a key must be a text, not a %s",
                          key->kind == YAML_LIST ? "list" : "mapping");
    if (key->text.size == 0 && !key->is_quoted)
        return yaml_error(key, ERROR_SYNTAX, err, "a key is missing before the ':'");
    if (slice_is(key->text, "<<") && !key->is_quoted)
        return yaml_error(key, ERROR_UNSUPPORTED, err,
                          "a merge key (<<) is not allowed; write the keys out");
    return true;
}

/* Moves the nodes opened since `start` into the list. */
static void close_list(struct builder *builder, struct yaml_node *node, size_t start)
{
    const struct yaml_node **items;

    node->count = builder->open_count - start;
    items = take(builder->yaml, node->count * sizeof(struct yaml_node *));
    for (size_t i = 0; i < node->count; i++)
        items[i] = builder->open[start + i];
    node->items = items;
    builder->open_count = start;
}

/* The same for a mapping: keys and values alternate. */
static bool close_mapping(struct builder *builder, struct yaml_node *node, size_t start,
                          struct error *err)
{
    struct yaml_pair *pairs;

    assert((builder->open_count - start) % 2 == 0);
    node->count = (builder->open_count - start) / 2;
    pairs = take(builder->yaml, node->count * sizeof(*pairs));
    for (size_t i = 0; i < node->count; i++) {
        pairs[i].key = builder->open[start + 2 * i];
        pairs[i].value = builder->open[start + 2 * i + 1];
    }
    node->pairs = pairs;
    builder->open_count = start;
    return index_pairs(node, err);
}

static bool build(struct builder *builder, const yaml_event_t *event, unsigned depth,
                  const struct yaml_node **result, struct error *err);

/* The content of an open list or mapping, up to and with its end. Recursion is bounded by
 * YAML_DEPTH_MAX. */
static bool build_inside(struct builder *builder, struct yaml_node *node, unsigned depth,
                         struct error *err)
{
    size_t start = builder->open_count;
    bool is_going_on = true;

    while (is_going_on) {
        const struct yaml_node *child = NULL;
        yaml_event_t event;
        bool is_fine = true;

        if (!next_event(builder, &event, err))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            is_going_on = false;
        } else if (!build(builder, &event, depth, &child, err) ||
                   (node->kind == YAML_MAPPING && (builder->open_count - start) % 2 == 0 &&
                    !check_key(child, err))) {
            is_fine = false;
        } else {
            push(builder, child);
        }
        yaml_event_delete(&event);
        if (!is_fine)
            return false;
    }
    if (node->kind == YAML_MAPPING)
        return close_mapping(builder, node, start, err);
    close_list(builder, node, start);
    return true;
}

static bool build_collection(struct builder *builder, const yaml_event_t *event, unsigned depth,
                             const struct yaml_node **result, struct error *err)
{
    bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *anchor =
        is_list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    const yaml_char_t *tag =
        is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    struct yaml_node *node = make_node(builder, is_list ? YAML_LIST : YAML_MAPPING, event);

    if (depth == YAML_DEPTH_MAX)
        return event_error(builder, event, ERROR_LIMIT, err, "more than 64 levels are nested here");
    if (!check_decoration(builder, event, anchor, tag, err))
        return false;
    *result = node;
    return build_inside(builder, node, depth + 1, err);
}

static bool build(struct builder *builder, const yaml_event_t *event, unsigned depth,
                  const struct yaml_node **result, struct error *err)
{
    if (event->type == YAML_SCALAR_EVENT)
        return build_text(builder, event, result, err);
    if (event->type == YAML_ALIAS_EVENT)
        return event_error(builder, event, ERROR_UNSUPPORTED, err,
                           "an alias (*) is not allowed; write the value out, or quote the text");
    return build_collection(builder, event, depth, result, err);
}

static bool check_document(struct builder *builder, const yaml_event_t *event, struct error *err)
{
    if (builder->yaml->root != NULL)
        return event_error(builder, event, ERROR_UNSUPPORTED, err,
                           "a second document begins here; a file holds one");
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
        return event_error(builder, event, ERROR_UNSUPPORTED, err,
                           "directives (%YAML, %TAG) are not allowed");
    return true;
}

static bool build_stream(struct builder *builder, struct error *err)
{
    bool is_going_on = true;

    while (is_going_on) {
        yaml_event_t event;
        bool is_fine = true;

        if (!next_event(builder, &event, err))
            return false;
        if (event.type == YAML_STREAM_END_EVENT)
            is_going_on = false;
        else if (event.type == YAML_DOCUMENT_START_EVENT)
            is_fine = check_document(builder, &event, err);
        else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_END_EVENT)
            is_fine = build(builder, &event, 0, &builder->yaml->root, err);
        yaml_event_delete(&event);
        if (!is_fine)
            return false;
    }
    return true;
}

static void add_empty_root(struct yaml *yaml)
{
    struct yaml_node *root = take(yaml, sizeof(*root));

    *root = (struct yaml_node){.kind = YAML_MAPPING, .line = 1, .column = 1, .yaml = yaml};
    yaml->root = root;
}

static bool parse(struct yaml *yaml, struct slice source, struct error *err)
{
    struct builder builder = {.yaml = yaml, .source = source};
    bool is_fine;

    if (!yaml_parser_initialize(&builder.parser))
        abort(); /* only when out of memory */
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)source.data, source.size);
    is_fine = build_stream(&builder, err);
    yaml_parser_delete(&builder.parser);
    free(builder.open);
    if (is_fine && yaml->root == NULL)
        add_empty_root(yaml);
    return is_fine;
}

bool yaml_load(struct yaml **yaml, const char *name, struct slice bytes, struct error *err)
{
    struct yaml *made = memory_alloc(sizeof(*made));

    *yaml = made;
    made->name = memory_copy_text(name);
    if (slice_starts(bytes, "\xef\xbb\xbf")) /* the mark some editors put before UTF-8 */
        bytes = (struct slice){bytes.data + 3, bytes.size - 3};
    if (bytes.data == NULL)
        bytes = SLICE("");
    if (yaml_check_source(name, bytes, err) && parse(made, bytes, err))
        return true;
    yaml_destroy(yaml);
    return false;
}

/* The whole file, at most YAML_SIZE_MAX + 1 bytes of it. */
static bool read_all(int fd, const char *path, struct text *content, struct error *err)
{
    while (content->size <= YAML_SIZE_MAX) {
        char *room = text_reserve(content, READ_SIZE);
        ssize_t got = read(fd, room, READ_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, "%s cannot be read", path);
        if (got == 0)
            break;
        content->size += (size_t)got;
    }
    return true;
}

bool yaml_load_file(struct yaml **yaml, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct text content = {0};
    bool is_fine;

    *yaml = NULL;
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s does not exist", path);
    if (fd < 0)
        return error_set_errno(err, "%s cannot be opened", path);
    is_fine = read_all(fd, path, &content, err) && yaml_load(yaml, path, text_slice(&content), err);
    close(fd);
    text_dispose(&content);
    return is_fine;
}

void yaml_destroy(struct yaml **yaml)
{
    struct yaml *old = *yaml;

    *yaml = NULL;
    if (old == NULL)
        return;
    while (old->blocks != NULL) {
        struct block *block = old->blocks;

        old->blocks = block->next;
        free(block);
    }
    free(old->name);
    free(old);
}

const struct yaml_node *yaml_root(const struct yaml *yaml)
{
    return yaml->root;
}

const char *yaml_name(const struct yaml *yaml)
{
    return yaml->name;
}

static const struct yaml_node *get(const struct yaml_node *node, struct slice key)
{
    size_t low = 0, high;

    if (node == NULL || node->kind != YAML_MAPPING)
        return NULL;
    if (node->count <= SCAN_MAX) {
        for (size_t i = 0; i < node->count; i++)
            if (slice_equal(node->pairs[i].key->text, key))
                return node->pairs[i].value;
        return NULL;
    }
    for (high = node->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct yaml_pair *pair = &node->pairs[node->sorted[middle]];
        int order = compare_slices(key, pair->key->text);

        if (order == 0)
            return pair->value;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
    return get(node, slice_of(key));
}

const struct yaml_node *yaml_get_path(const struct yaml_node *node, const char *path)
{
    while (node != NULL) {
        size_t size = strcspn(path, ".");

        node = get(node, (struct slice){path, size});
        if (path[size] == '\0')
            break;
        path += size + 1;
    }
    return node;
}
