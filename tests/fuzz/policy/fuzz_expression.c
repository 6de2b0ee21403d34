// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a condition, or as a condition or value of placement: refused at a byte of it, or
 * evaluated to the same answer twice. The first byte chooses what it is for. */
#include "policy/document.h"
#include "policy/expression.h"
#include "policy/satisfy.h"

#include <assert.h>
#include <stdlib.h>

static void evaluate(const struct expression *expression, const char *target)
{
    struct principal principal = {.kind = PRINCIPAL_MEMBER, .id = SLICE("alice")};
    struct policy_request request = {.now_ms = 1, .content_length = 5};
    struct expression_facts facts = {.principal = &principal, .request = &request};
    struct expression_clause clauses[8];
    struct text values = {0};
    struct error err = {0};
    struct call *call;
    bool is_parsed =
        call_parse(&call, slice_of(target), slice_is(slice_of(target), "/api/v0/add"), &err);
    enum truth truth;

    assert(is_parsed);
    facts.call = call;
    truth = expression_evaluate(expression, &facts);
    assert(truth == expression_evaluate(expression, &facts));
    expression_clauses(expression, &facts, clauses, ARRAY_SIZE(clauses));
    expression_put_values(expression, &facts, clauses[0].text, &values);
    expression_unguarded(expression);
    if (!expression_can_hold(expression)) /* a no is certain */
        assert(truth != TRUTH_TRUE);
    if (!expression_can_fail(expression))
        assert(truth != TRUTH_FALSE);
    text_dispose(&values);
    call_destroy(&call);
}

/* ---- of placement */

static const char sites[] =
    "version: 1\n"
    "org: lab.example\n"
    "groups: {lab: {}}\n"
    "vars: {eu: [DE, FR]}\n"
    "placement:\n"
    "  labels: {class: {values: [public, secret]}}\n"
    "  sites:\n"
    "    local: {attributes: {country: DE, racks: 2, own: true, tags: [a, b]}}\n"
    "    beta: {attributes: {country: FR, racks: 3}}\n";

static void evaluate_placement(const struct expression *expression,
                               const struct document_site *site)
{
    const struct owner owner = {.kind = OWNER_MEMBER, .id = "alice"};
    const struct policy_object object = {.bytes = 1 << 20, .codec = 0x70, .owner = &owner};
    const struct policy_seen_values seen = {.has = 0x5a, .values = {[SEEN_FREE] = INT64_MAX}};
    const struct slice groups[] = {SLICE("lab")};
    const struct expression_facts facts = {.object = &object,
                                           .owner_groups = groups,
                                           .owner_group_count = 1,
                                           .site = site,
                                           .seen = &seen};
    struct expression_part parts[POLICY_PARTS_MAX];
    size_t count = expression_parts(expression, parts, POLICY_PARTS_MAX);
    int64_t first = 0, second = 0;
    struct text values = {0};
    bool is_known = expression_number(expression, &facts, &first);

    assert(count > 0);
    assert(is_known == expression_number(expression, &facts, &second) && first == second);
    if (expression_result(expression) == RESULT_TRUTH) {
        enum truth all = expression_evaluate(expression, &facts);

        assert(is_known == (all != TRUTH_UNKNOWN));
        for (size_t i = 0; i < count && i < POLICY_PARTS_MAX; i++)
            if (expression_evaluate_part(expression, &parts[i], &facts) == TRUTH_FALSE)
                assert(all == TRUTH_FALSE);
        if (!expression_can_hold(expression))
            assert(all != TRUTH_TRUE);
    }
    expression_put_values(expression, &facts, parts[0].text, &values);
    text_dispose(&values);
}

static void try_placement(uint8_t choice, struct slice text, struct arena *arena)
{
    const struct policy_source source = {"p", SLICE(sites)};
    const struct expression *expression;
    struct findings findings = {0};
    struct document document;
    struct error err = {0};
    size_t offset = 0;
    bool is_fine = document_read(&document, &source, 1, &findings);

    assert(is_fine);
    if (expression_compile_placement(&expression, text,
                                     (choice & 1) != 0 ? ABOUT_SITE : ABOUT_OBJECT,
                                     (choice & 2) != 0, &document, arena, &offset, &err))
        for (size_t i = 0; i < document.site_count; i++)
            evaluate_placement(expression, &document.sites[i]);
    else
        assert(err.text[0] != '\0' && offset <= text.size && expression == NULL);
    findings_dispose(&findings);
    document_dispose(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *pattern, *target;
    } uses[] = {
        {"add", "/api/v0/add"},
        {"pin/add", "/api/v0/pin/add?recursive=false&name=x&"
                    "arg=QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"},
        {"files/rm", "/api/v0/files/rm?arg=/home/alice/x"},
        {"version", "/api/v0/version"},
    };
    struct document document = {.file_count = 0};
    const struct expression *expression;
    struct arena arena = {0};
    struct pattern pattern;
    struct error err = {0};
    struct slice text;
    size_t offset = 0, use;
    bool is_pattern;

    if (size == 0)
        return 0;
    use = data[0] % ARRAY_SIZE(uses);
    text = (struct slice){arena_copy(&arena, data + 1, size - 1), size - 1};
    if (data[0] >= 128) {
        try_placement(data[0], text, &arena);
        arena_dispose(&arena);
        return 0;
    }
    is_pattern = pattern_parse(&pattern, PATTERN_DENY, slice_of(uses[use].pattern), &err);
    assert(is_pattern);
    if (expression_compile(&expression, text, &pattern.set, &document, &arena, &offset, &err))
        evaluate(expression, uses[use].target);
    else
        assert(err.text[0] != '\0' && offset <= text.size && expression == NULL);
    arena_dispose(&arena);
    return 0;
}
