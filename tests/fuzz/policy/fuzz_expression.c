// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a condition: refused at a byte of it, or evaluated to the same answer twice. The
 * first byte chooses what the condition is for. */
#include "policy/document.h"
#include "policy/expression.h"
#include "policy/satisfy.h"

#include <assert.h>

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
    is_pattern = pattern_parse(&pattern, PATTERN_DENY, slice_of(uses[use].pattern), &err);
    assert(is_pattern);
    if (expression_compile(&expression, text, &pattern.set, &document, &arena, &offset, &err))
        evaluate(expression, uses[use].target);
    else
        assert(err.text[0] != '\0' && offset <= text.size && expression == NULL);
    arena_dispose(&arena);
    return 0;
}
