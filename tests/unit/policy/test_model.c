// SPDX-License-Identifier: Apache-2.0
/* Random policies and requests, decided by policy/ and by the plain evaluator of model_decide.c;
 * narrowing by tokens; order and files. RIG_TIER=full takes ten million requests, otherwise a
 * hundred thousand. POLICY_SEED begins elsewhere. */
#include "kit.h"
#include "model.h"

enum { REQUESTS_PER_POLICY = 200, FILES_MAX = 4 };

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SLOWDOWN = 10 }; /* a sanitizer looks at a tenth */
#else
enum { SLOWDOWN = 1 };
#endif

/* How many of something: the full size in the full tier. */
static size_t size_of(size_t full, size_t ci)
{
    const char *tier = getenv("RIG_TIER");

    return tier != NULL && strcmp(tier, "full") == 0 ? full / SLOWDOWN : ci;
}

static uint64_t first_seed(void)
{
    const char *seed = getenv("POLICY_SEED");

    return seed != NULL ? strtoull(seed, NULL, 10) : 1;
}

static const struct policy *compile(const struct model *model, struct dice *dice, int count,
                                    struct text *shown)
{
    static const char *const names[FILES_MAX] = {"a.yaml", "b.yaml", "c.yaml", "d.yaml"};
    struct text files[FILES_MAX] = {{0}};
    struct policy_source sources[FILES_MAX];
    const struct policy *policy;
    struct error err = {0};

    model_print(model, dice, files, count);
    text_clear(shown);
    for (int i = 0; i < count; i++) {
        sources[i] = (struct policy_source){names[i], text_slice(&files[i])};
        text_put_format(shown, "--- %s\n%s", names[i], files[i].data);
    }
    if (!policy_compile(&policy, sources, (size_t)count, NULL, &err))
        fail_msg("%s\n%s", err.text, shown->data);
    for (int i = 0; i < count; i++)
        text_dispose(&files[i]);
    return policy;
}

/* The request as policy/ sees it. */
struct asked {
    struct principal principal;
    struct sockaddr_storage source;
    struct slice roles[ROLES_MAX + 1];
    struct call *call;
    struct policy_request request;
    struct text target;
};

static void set_source(struct asked *asked, const struct model_request *request)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&asked->source;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&asked->source;

    asked->source = (struct sockaddr_storage){0};
    if (request->is_v6) {
        v6->sin6_family = AF_INET6;
        memcpy(&v6->sin6_addr, request->source, 16);
    } else {
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, request->source, 4);
    }
    asked->principal.peer = request->has_source ? (struct sockaddr *)&asked->source : NULL;
}

static void set_principal(struct asked *asked, const struct model_request *request)
{
    static const char *const roles[ROLES_MAX + 1] = {"role0", "role1", "role2",
                                                     "role3", "role4", "elsewhere"};

    asked->principal = (struct principal){.kind = request->kind};
    if (request->kind == PRINCIPAL_MEMBER)
        asked->principal.id = slice_of(model_members[request->who]);
    else if (request->kind == PRINCIPAL_PARTNER)
        asked->principal.id = slice_of(model_partners[request->who]);
    else if (request->kind == PRINCIPAL_OPERATOR)
        asked->principal.id = SLICE("root");
    if (request->is_narrowed)
        asked->principal.token_roles = asked->roles;
    for (int i = 0; i <= ROLES_MAX; i++)
        if ((request->token_roles >> i & 1) != 0)
            asked->roles[asked->principal.token_role_count++] = slice_of(roles[i]);
    set_source(asked, request);
}

static void ask(struct asked *asked, const struct model_request *request)
{
    struct error err = {0};

    text_clear(&asked->target);
    model_print_request(request, &asked->target);
    set_principal(asked, request);
    asked->request =
        (struct policy_request){.now_ms = request->now_ms, .content_length = request->length};
    if (!call_parse(&asked->call, text_slice(&asked->target), request->command->body == BODY_FILE,
                    &err))
        fail_msg("%s: %s", asked->target.data, err.text);
}

/* What the decision says, in the words of the model. */
static struct model_decision translate(const struct policy *policy, const struct decision *decision)
{
    struct model_decision result = {.is_allowed = decision->is_allowed,
                                    .is_report = decision->is_report,
                                    .rights = decision->rights};
    struct text by = {0};

    decision_put_by(decision, &by);
    snprintf(result.by, sizeof(result.by), "%s", by.data);
    text_dispose(&by);
    assert_true(decision->is_final);
    assert_true(decision->report_count <= DECISION_REPORTS_MAX);
    for (size_t i = 0; i < decision->report_count; i++) {
        const struct policy_rule *rule = policy_rule(policy, decision->reports[i].rule);
        int number = rule->id.data[4] - '0';

        result.reports |= 1U << number;
        if (decision->reports[i].would_change)
            result.would_change |= 1U << number;
    }
    return result;
}

static void put_decision(struct text *out, const char *who, const struct model_decision *decision)
{
    text_put_format(out, "%s: %s%s by %s, rights %u, reports %x, would change %x\n", who,
                    decision->is_allowed ? "allow" : "deny", decision->is_report ? " (report)" : "",
                    decision->by, decision->rights, decision->reports, decision->would_change);
}

static bool is_same(const struct model_decision *a, const struct model_decision *b)
{
    return a->is_allowed == b->is_allowed && a->is_report == b->is_report &&
           strcmp(a->by, b->by) == 0 && a->rights == b->rights && a->reports == b->reports &&
           a->would_change == b->would_change;
}

static void differ(uint64_t seed, const struct text *policy, const struct asked *asked,
                   const struct model_decision *ours, const struct model_decision *theirs)
{
    struct text out = {0};

    text_put_format(&out, "seed %llu\n%s\n", (unsigned long long)seed, policy->data);
    principal_put(&out, &asked->principal);
    for (size_t i = 0; i < asked->principal.token_role_count; i++)
        text_put_format(&out, " %.*s", SLICE_ARGS(asked->principal.token_roles[i]));
    text_put_format(&out, " %s now=%llu length=%lld\n", asked->target.data,
                    (unsigned long long)asked->request.now_ms,
                    (long long)asked->request.content_length);
    put_decision(&out, "policy", ours);
    put_decision(&out, "model ", theirs);
    fail_msg("%s", out.data);
}

/* How often each outcome was met: a test that only ever sees denials shows little. */
struct tally {
    size_t requests, allowed, by_role, by_rule, narrowed, reported;
};

static void count(struct tally *tally, const struct model_decision *decision, bool is_narrowed)
{
    tally->requests++;
    tally->allowed += decision->is_allowed;
    tally->by_role += strncmp(decision->by, "role:", 5) == 0;
    tally->by_rule += strncmp(decision->by, "rule", 4) == 0;
    tally->narrowed += is_narrowed && decision->is_allowed;
    tally->reported += decision->reports != 0;
}

static void compare_one(uint64_t seed, const struct model *model, const struct policy *policy,
                        const struct text *shown, struct dice *dice, struct asked *asked,
                        struct tally *tally)
{
    struct model_request request;
    struct model_decision theirs, ours;
    struct decision decision;

    model_ask(&request, model, dice);
    ask(asked, &request);
    policy_decide(policy, &asked->principal, asked->call, &asked->request, &decision);
    ours = translate(policy, &decision);
    model_decide(model, &request, &theirs);
    if (!is_same(&ours, &theirs))
        differ(seed, shown, asked, &ours, &theirs);
    count(tally, &ours, request.is_narrowed);
    call_destroy(&asked->call);
}

static void test_model_decides_as_policy_does(void **state)
{
    size_t wanted = size_of(10000000, 100000);
    struct model *model = malloc(sizeof(*model));
    struct asked asked = {.target = {0}};
    struct text shown = {0};
    struct tally tally = {0};

    (void)state;
    for (uint64_t seed = first_seed(); tally.requests < wanted; seed++) {
        struct dice dice = {seed};
        const struct policy *policy;

        model_make(model, &dice);
        policy = compile(model, &dice, 1 + (int)dice_throw(&dice, FILES_MAX), &shown);
        for (int i = 0; i < REQUESTS_PER_POLICY; i++)
            compare_one(seed, model, policy, &shown, &dice, &asked, &tally);
        policy_unref(&policy);
    }
    print_message("%zu requests: %zu allowed, %zu by a role, %zu by a rule, %zu narrowed and "
                  "allowed, %zu reported\n",
                  tally.requests, tally.allowed, tally.by_role, tally.by_rule, tally.narrowed,
                  tally.reported);
    /* every kind of outcome has to come up */
    assert_true(tally.allowed > wanted / 10 && tally.allowed < wanted * 9 / 10);
    assert_true(tally.by_role > wanted / 20 && tally.by_rule > wanted / 20);
    assert_true(tally.narrowed > wanted / 200 && tally.reported > wanted / 200);
    text_dispose(&shown);
    text_dispose(&asked.target);
    free(model);
}

static void test_model_narrowing_never_widens(void **state)
{
    size_t wanted = size_of(1000000, 20000), narrower = 0, done = 0;
    struct model *model = malloc(sizeof(*model));
    struct asked asked = {.target = {0}};
    struct text shown = {0};

    (void)state;
    for (uint64_t seed = first_seed(); done < wanted; seed++) {
        struct dice dice = {seed ^ UINT64_C(0x1234567)};
        const struct policy *policy;

        model_make(model, &dice);
        policy = compile(model, &dice, 1, &shown);
        for (int i = 0; i < REQUESTS_PER_POLICY; i++, done++) {
            struct model_request request;
            struct decision narrowed, whole;

            model_ask(&request, model, &dice);
            request.is_narrowed = true;
            request.token_roles = (unsigned)dice_throw(&dice, 1U << (ROLES_MAX + 1));
            ask(&asked, &request);
            policy_decide(policy, &asked.principal, asked.call, &asked.request, &narrowed);
            asked.principal.token_roles = NULL;
            asked.principal.token_role_count = 0;
            policy_decide(policy, &asked.principal, asked.call, &asked.request, &whole);
            if ((narrowed.is_allowed && !whole.is_allowed) ||
                (narrowed.rights & ~whole.rights) != 0)
                fail_msg("seed %llu: a narrowed token may do more: %s\n%s",
                         (unsigned long long)seed, asked.target.data, shown.data);
            narrower += whole.is_allowed && !narrowed.is_allowed;
            call_destroy(&asked.call);
        }
        policy_unref(&policy);
    }
    print_message("%zu narrowed: %zu may do less, none more\n", done, narrower);
    assert_true(narrower > wanted / 100);
    text_dispose(&shown);
    text_dispose(&asked.target);
    free(model);
}

static void test_model_order_and_files_change_nothing(void **state)
{
    size_t count = size_of(20000, 300);
    struct model *model = malloc(sizeof(*model));
    struct asked asked = {.target = {0}};
    struct text shown = {0}, other_shown = {0};

    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + count; seed++) {
        struct dice dice = {seed ^ UINT64_C(0xabcdef)};
        const struct policy *policy, *other;

        model_make(model, &dice);
        policy = compile(model, &dice, 1, &shown);
        other = compile(model, &dice, 1 + (int)dice_throw(&dice, FILES_MAX), &other_shown);
        for (int i = 0; i < 40; i++) {
            struct model_request request;
            struct decision a, b;
            struct model_decision first, second;

            model_ask(&request, model, &dice);
            ask(&asked, &request);
            policy_decide(policy, &asked.principal, asked.call, &asked.request, &a);
            policy_decide(other, &asked.principal, asked.call, &asked.request, &b);
            first = translate(policy, &a);
            second = translate(other, &b);
            if (!is_same(&first, &second))
                fail_msg("seed %llu: %s\n%s\n%s", (unsigned long long)seed, asked.target.data,
                         shown.data, other_shown.data);
            call_destroy(&asked.call);
        }
        policy_unref(&policy);
        policy_unref(&other);
    }
    print_message("%zu policies reordered and split: none decides otherwise\n", count);
    text_dispose(&shown);
    text_dispose(&other_shown);
    text_dispose(&asked.target);
    free(model);
}

/* While arguments are still to come: a denial stays one, and a final permission too. */
static void test_model_pending_arguments_only_postpone(void **state)
{
    size_t wanted = size_of(1000000, 20000), postponed = 0;
    struct model *model = malloc(sizeof(*model));
    struct asked asked = {.target = {0}}, part = {.target = {0}};
    struct text shown = {0};

    (void)state;
    for (uint64_t seed = first_seed(), done = 0; done < wanted; seed++) {
        struct dice dice = {seed ^ UINT64_C(0x777)};
        const struct policy *policy;

        model_make(model, &dice);
        policy = compile(model, &dice, 1, &shown);
        for (int i = 0; i < REQUESTS_PER_POLICY; i++, done++) {
            struct model_request request;
            struct decision whole, first;
            int kept;

            model_ask(&request, model, &dice);
            kept = (int)dice_throw(&dice, (uint64_t)request.argument_count + 1);
            ask(&asked, &request);
            asked.call->argument_count = (size_t)kept; /* the others come later */
            asked.request.pending = PENDING_ARGUMENTS;
            policy_decide(policy, &asked.principal, asked.call, &asked.request, &first);
            asked.call->argument_count = (size_t)request.argument_count;
            asked.request.pending = 0;
            policy_decide(policy, &asked.principal, asked.call, &asked.request, &whole);
            if (first.is_final && first.is_allowed != whole.is_allowed)
                fail_msg("seed %llu: %s with %d arguments first\n%s", (unsigned long long)seed,
                         asked.target.data, kept, shown.data);
            assert_true(first.is_final || first.is_allowed);
            postponed += !first.is_final;
            call_destroy(&asked.call);
        }
        policy_unref(&policy);
    }
    assert_true(postponed > wanted / 100);
    text_dispose(&shown);
    text_dispose(&asked.target);
    text_dispose(&part.target);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_decides_as_policy_does),
        cmocka_unit_test(test_model_narrowing_never_widens),
        cmocka_unit_test(test_model_order_and_files_change_nothing),
        cmocka_unit_test(test_model_pending_arguments_only_postpone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
