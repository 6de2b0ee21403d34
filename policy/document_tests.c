// SPDX-License-Identifier: Apache-2.0
/* tests. */
#include "policy/reader.h"

#include "conf/address.h"
#include "ipfs/call_show.h"

static bool read_calls(struct reader *reader, const struct yaml_node *node,
                       struct document_test *test)
{
    struct document_ref *calls;
    bool is_fine = true;

    if (!reader_is_list(reader, node))
        return false;
    test->call_count = reader_count(node);
    calls = reader_alloc(reader, test->call_count, sizeof(*calls));
    test->calls = calls;
    for (size_t i = 0; i < test->call_count; i++) {
        calls[i].node = reader_item(node, i);
        if (!reader_text(reader, calls[i].node, &calls[i].name))
            is_fine = false;
    }
    return is_fine;
}

static bool read_expectation(struct reader *reader, const struct yaml_node *node,
                             struct document_test *test)
{
    const struct yaml_node *expect = reader_need(reader, node, "expect");
    struct slice text = {0};

    if (expect == NULL || !reader_text(reader, expect, &text))
        return false;
    test->expects_allow = slice_is(text, "allow");
    if (test->expects_allow || slice_is(text, "deny"))
        return true;
    return reader_fault(reader, expect, "a test expects allow or deny, not '%s'",
                        call_show(text).text);
}

/* Who calls: `as` with `expect`, or `only`. */
static bool read_who(struct reader *reader, const struct yaml_node *node,
                     struct document_test *test)
{
    const struct yaml_node *as = yaml_get(node, "as"), *only = yaml_get(node, "only");

    if ((as == NULL) == (only == NULL))
        return reader_fault(reader, node,
                            "a test has either 'as' with 'expect', or 'only': who is "
                            "allowed, while everybody else is denied");
    test->is_only = only != NULL;
    if (test->is_only && (yaml_get(node, "expect") != NULL || yaml_get(node, "by") != NULL))
        return reader_fault(reader, only,
                            "'only' says what is expected; leave 'expect' and 'by' "
                            "away");
    if (!reader_subjects(reader, test->is_only ? only : as, true, &test->as))
        return false;
    for (size_t i = 0; !test->is_only && i < test->as.count; i++)
        if (test->as.items[i].kind == SUBJECT_EVERYONE)
            return reader_fault(reader, as, "a test names who calls; \"*\" is no caller");
    return test->is_only || read_expectation(reader, node, test);
}

static bool read_token_roles(struct reader *reader, const struct yaml_node *node,
                             struct document_test *test)
{
    struct slice *roles;

    if (node->kind == YAML_LIST && node->count == 0)
        return reader_fault(reader, node, "a token is narrowed to at least one role");
    if (!reader_is_list(reader, node))
        return false;
    test->role_count = reader_count(node);
    roles = reader_alloc(reader, test->role_count, sizeof(*roles));
    test->roles = roles;
    for (size_t i = 0; i < test->role_count; i++) {
        struct document_ref ref;

        if (!reader_find(reader, reader_item(node, i), &reader->document->role_names, "role", &ref))
            return false;
        roles[i] = ref.name;
    }
    return true;
}

static bool read_from(struct reader *reader, const struct yaml_node *node,
                      struct document_test *test)
{
    struct network address;
    struct error err = {0};

    test->from.node = node;
    if (!reader_text(reader, node, &test->from.name))
        return false;
    if (memchr(test->from.name.data, '/', test->from.name.size) == NULL &&
        network_parse(&address, test->from.name, &err))
        return true;
    return reader_fault(reader, node, "'%s' is no address; write 192.0.2.1 or \"2001:db8::1\"",
                        call_show(test->from.name).text);
}

static bool read_length(struct reader *reader, const struct yaml_node *node,
                        struct document_test *test)
{
    struct error err = {0};
    uint64_t length;

    if (!yaml_read_size(node, &length, &err))
        return reader_adopt(reader, &err);
    if (length > INT64_MAX)
        return reader_fault(reader, node, "that is too large");
    test->content_length = (int64_t)length;
    return true;
}

/* What the request is like, apart from who and what. */
static bool read_circumstances(struct reader *reader, const struct yaml_node *node,
                               struct document_test *test)
{
    const struct yaml_node *value;
    bool is_fine = true;

    test->content_length = -1;
    if ((value = yaml_get(node, "roles")) != NULL)
        is_fine = read_token_roles(reader, value, test) && is_fine;
    if ((value = yaml_get(node, "from")) != NULL)
        is_fine = read_from(reader, value, test) && is_fine;
    if ((value = yaml_get(node, "at")) != NULL)
        is_fine = reader_time(reader, value, &test->at_ms) && is_fine;
    if ((value = yaml_get(node, "content_length")) != NULL)
        is_fine = read_length(reader, value, test) && is_fine;
    return is_fine;
}

/* The id of a rule, role:NAME, or the name of another cause. */
static bool read_by(struct reader *reader, const struct yaml_node *node, struct document_test *test)
{
    struct document_ref found;
    struct slice *by = &test->by.name;

    test->by.node = node;
    if (node == NULL)
        return true;
    if (!reader_text(reader, node, by))
        return false;
    if (decision_is_cause(*by))
        return true;
    if (!slice_starts(*by, "role:"))
        return reader_find(reader, node, &reader->document->rule_names, "rule", &found);
    found.name = (struct slice){by->data + 5, by->size - 5};
    if (names_find(&reader->document->role_names, found.name) != NAMES_NONE)
        return true;
    return reader_fault(reader, node, "there is no role '%s'", call_show(found.name).text);
}

/* The ids of the quotas that apply, all of them; an empty list: none does. */
static bool read_quotas(struct reader *reader, const struct yaml_node *node,
                        struct document_test *test)
{
    const struct names *names = &reader->document->quota_names;
    uint32_t *quotas;
    bool is_fine = true;

    test->quotas_node = node;
    if (node->kind == YAML_LIST && node->count == 0)
        return true;
    if (!reader_is_list(reader, node))
        return false;
    quotas = reader_alloc(reader, reader_count(node), sizeof(*quotas));
    test->quotas = quotas;
    for (size_t i = 0; i < reader_count(node); i++) {
        struct document_ref found;

        if (reader_find(reader, reader_item(node, i), names, "quota", &found))
            quotas[test->quota_count++] = found.index;
        else
            is_fine = false;
    }
    return is_fine;
}

/* A test of quotas alone: {as: alice, quotas: [all, each]}. */
static bool read_quota_test(struct reader *reader, const struct yaml_node *node,
                            struct document_test *test)
{
    static const char *const known[] = {"as", "quotas", NULL};
    const struct yaml_node *as = reader_need(reader, node, "as");

    if (!reader_keys(reader, node, known) || as == NULL)
        return reader_fault(reader, node,
                            "a test of quotas says 'as' and 'quotas', all that apply, and nothing "
                            "else");
    if (!reader_subjects(reader, as, true, &test->as))
        return false;
    for (size_t i = 0; i < test->as.count; i++)
        if (test->as.items[i].kind == SUBJECT_EVERYONE)
            return reader_fault(reader, as, "a test names who calls; \"*\" is no caller");
    return read_quotas(reader, yaml_get(node, "quotas"), test);
}

static bool read_test(struct reader *reader, const struct yaml_node *node,
                      struct document_test *test)
{
    static const char *const known[] = {"as",    "only", "call", "calls",          "expect", "by",
                                        "roles", "from", "at",   "content_length", NULL};
    const struct yaml_node *call, *calls;
    bool is_fine;

    test->node = node;
    if (yaml_get(node, "quotas") != NULL)
        return read_quota_test(reader, node, test);
    if (yaml_get(node, "place") != NULL)
        return document_read_place_test(reader, node, test);
    is_fine = reader_keys(reader, node, known);
    if (!is_fine)
        return false;
    call = yaml_get(node, "call");
    calls = yaml_get(node, "calls");
    if ((call == NULL) == (calls == NULL))
        return reader_fault(reader, node, "a test has 'call' (or 'calls' for several)");
    is_fine = read_calls(reader, call != NULL ? call : calls, test);
    is_fine = read_who(reader, node, test) && is_fine;
    is_fine = read_by(reader, yaml_get(node, "by"), test) && is_fine;
    return read_circumstances(reader, node, test) && is_fine;
}

void document_read_tests(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;

    document->tests = reader_alloc(reader, section->items, sizeof(*document->tests));
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count; i++) {
            struct document_test *test = &document->tests[document->test_count];

            if (read_test(reader, section->nodes[f]->items[i], test))
                document->test_count++;
            else
                *test = (struct document_test){0};
        }
}
