// SPDX-License-Identifier: Apache-2.0
/* Parts that several sections have: subjects, commands, conditions, points in time. */
#include "policy/reader.h"

#include "conf/id.h"
#include "ipfs/call_show.h"
#include "policy/expression.h"
#include "policy/moment.h"

#include <assert.h>

bool reader_time(struct reader *reader, const struct yaml_node *node, uint64_t *ms)
{
    struct error err = {0};
    struct slice text;

    if (!reader_text(reader, node, &text))
        return false;
    return moment_parse(text, ms, &err) || reader_adopt_at(reader, node, &err);
}

/* --- Subjects --- */

static bool refuse_subject(struct reader *reader, const struct yaml_node *node, struct slice text,
                           bool in_test)
{
    const struct document *document = reader->document;
    const char *kind = names_find(&document->member_names, text) != NAMES_NONE  ? "member"
                       : names_find(&document->group_names, text) != NAMES_NONE ? "group"
                                                                                : NULL;

    if (kind != NULL && !in_test)
        return reader_fault(reader, node, "say what '%.*s' is: \"%s:%.*s\"", SLICE_ARGS(text), kind,
                            SLICE_ARGS(text));
    return reader_fault(reader, node,
                        "'%s' names nobody; there are member:NAME, group:NAME, partner:NAME, "
                        "member:*, partner:*, anonymous and \"*\"",
                        call_show(text).text);
}

/* The name behind "member:" and the like. */
static bool find_subject(struct reader *reader, const struct yaml_node *node, struct slice name,
                         struct subject *subject)
{
    const struct document *document = reader->document;
    const bool is_member = subject->kind == SUBJECT_MEMBER;
    const struct names *names = is_member ? &document->member_names : &document->group_names;
    struct suggestion near;
    struct slice known;

    subject->ref.name = name;
    subject->ref.index = names_find(names, name);
    if (subject->ref.index != NAMES_NONE)
        return true;
    suggestion_init(&near, name);
    for (size_t cursor = 0; names_next(names, &cursor, &known);)
        suggestion_offer_slice(&near, known);
    if (near.best.size > 0)
        return reader_fault(reader, node, "there is no %s '%s'; did you mean '%s:%.*s'?",
                            is_member ? "member" : "group", call_show(name).text,
                            is_member ? "member" : "group", SLICE_ARGS(near.best));
    return reader_fault(reader, node, "there is no %s '%s'", is_member ? "member" : "group",
                        call_show(name).text);
}

static bool read_subject(struct reader *reader, const struct yaml_node *node, bool in_test,
                         struct subject *subject)
{
    static const struct {
        const char *text;
        enum subject_kind kind;
    } whole[] = {{"*", SUBJECT_EVERYONE},
                 {"anonymous", SUBJECT_ANONYMOUS},
                 {"member:*", SUBJECT_MEMBERS},
                 {"partner:*", SUBJECT_PARTNERS}},
      prefixes[] = {
          {"member:", SUBJECT_MEMBER}, {"group:", SUBJECT_GROUP}, {"partner:", SUBJECT_PARTNER}};
    struct slice text;

    *subject = (struct subject){.ref = {.node = node, .index = NAMES_NONE}};
    if (!reader_text(reader, node, &text))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
        if (slice_is(text, whole[i].text)) {
            subject->kind = whole[i].kind;
            return true;
        }
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t size = strlen(prefixes[i].text);
        struct slice name = {text.data + size, text.size - size};
        struct error err = {0};

        if (!slice_starts(text, prefixes[i].text))
            continue;
        subject->kind = prefixes[i].kind;
        subject->ref.name = name;
        if (!id_check(name, "name", &err))
            return reader_adopt_at(reader, node, &err);
        return subject->kind == SUBJECT_PARTNER || find_subject(reader, node, name, subject);
    }
    if (!in_test || !id_is_valid(text))
        return refuse_subject(reader, node, text, in_test);
    subject->kind = SUBJECT_MEMBER; /* tests are about members: alice is member:alice */
    return find_subject(reader, node, text, subject);
}

bool reader_subjects(struct reader *reader, const struct yaml_node *node, bool in_test,
                     struct subjects *subjects)
{
    size_t count;
    struct subject *items;
    bool is_fine = true;

    if (!reader_is_list(reader, node))
        return false;
    count = reader_count(node);
    items = reader_alloc(reader, count, sizeof(*items));
    for (size_t i = 0; i < count; i++)
        if (!read_subject(reader, reader_item(node, i), in_test, &items[i]))
            is_fine = false;
    *subjects = (struct subjects){items, is_fine ? count : 0};
    return is_fine;
}

/* --- Commands --- */

static bool told_unmatched(struct reader *reader, const struct yaml_node *node,
                           enum pattern_use use, const struct pattern *pattern)
{
    struct text hint = {0};

    pattern_put_hint(slice_of(pattern->unmatched), &hint);
    if (use == PATTERN_DENY) /* what was to be closed would stay open */
        reader_fault(reader, node, "'%s' matches no command%s", pattern->unmatched,
                     hint.data != NULL ? hint.data : "");
    else
        reader_warn(reader, node, "'%s' matches no command%s", pattern->unmatched,
                    hint.data != NULL ? hint.data : "");
    text_dispose(&hint);
    return use == PATTERN_ALLOW;
}

/* A wildcard at the front reaches where its author may not have looked. */
static void warn_wide(struct reader *reader, const struct yaml_node *node,
                      const struct pattern *pattern)
{
    struct text reached = {0};
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command((enum command_id)id);

        if (!command_set_has(&pattern->set, command->id) || command->class <= CLASS_PIN)
            continue;
        if (count++ < 4)
            text_put_format(&reached, "%s%s (%s)", count > 1 ? ", " : "", command->path,
                            command_class_name(command->class));
    }
    if (count > 0)
        reader_warn(reader, node,
                    "'%.*s' also opens %s%s; name the commands or classes that are meant",
                    SLICE_ARGS(node->text), reached.data, count > 4 ? " and more" : "");
    text_dispose(&reached);
}

static_assert(CLASS_TOOL < CLASS_PIN && CLASS_READ < CLASS_PIN && CLASS_WRITE < CLASS_PIN &&
                  CLASS_FILES > CLASS_PIN,
              "the everyday classes come first");

bool reader_commands(struct reader *reader, const struct yaml_node *node, enum pattern_use use,
                     struct command_set *set)
{
    bool is_fine = reader_is_list(reader, node);

    for (size_t i = 0; is_fine && i < reader_count(node); i++) {
        const struct yaml_node *item = reader_item(node, i);
        struct error err = {0};
        struct pattern pattern;
        struct slice text;

        if (!reader_text(reader, item, &text)) {
            is_fine = false;
        } else if (!pattern_parse(&pattern, use, text, &err)) {
            is_fine = reader_adopt_at(reader, item, &err);
        } else {
            if (pattern.unmatched[0] != '\0' && !told_unmatched(reader, item, use, &pattern))
                is_fine = false;
            if (pattern.is_wide && use == PATTERN_ALLOW)
                warn_wide(reader, item, &pattern);
            bits_unite(set->bits, pattern.set.bits, COMMAND_SET_WORDS);
        }
    }
    return is_fine;
}

/* --- Conditions --- */

/* Where a byte of the condition stands in the file: known for texts that are written on one line
 * without escapes; for others it is where they begin. */
static void add_condition_fault(struct reader *reader, const struct yaml_node *node, size_t offset,
                                const struct error *err)
{
    unsigned column = node->column;

    if (memchr(node->text.data, '\n', node->text.size) == NULL) {
        column += node->is_quoted;
        for (size_t i = 0; i < offset; i++)
            column += ((uint8_t)node->text.data[i] & 0xc0) != 0x80;
    }
    findings_add(reader->findings, FINDING_ERROR, yaml_name(node->yaml), node->line, column,
                 "%s (in the condition %s)", err->text, call_show(node->text).text);
}

bool reader_placement_condition(struct reader *reader, const struct yaml_node *node,
                                enum expression_about about, bool is_value,
                                struct document_condition *condition)
{
    struct document *document = reader->document;
    struct error err = {0};
    size_t offset = 0;

    condition->node = node;
    if (!reader_text(reader, node, &condition->text))
        return false;
    if (expression_compile_placement(&condition->expression, condition->text, about, is_value,
                                     document, &document->arena, &offset, &err))
        return true;
    add_condition_fault(reader, node, offset, &err);
    return false;
}

bool reader_condition(struct reader *reader, const struct yaml_node *node,
                      const struct command_set *commands, struct document_condition *condition)
{
    struct document *document = reader->document;
    struct error err = {0};
    size_t offset = 0;

    condition->node = node;
    if (!reader_text(reader, node, &condition->text))
        return false;
    if (commands != NULL && bits_is_empty(commands->bits, COMMAND_SET_WORDS))
        return false; /* told already */
    if (expression_compile(&condition->expression, condition->text, commands, document,
                           &document->arena, &offset, &err))
        return true;
    add_condition_fault(reader, node, offset, &err);
    return false;
}
