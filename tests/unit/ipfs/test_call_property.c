// SPDX-License-Identifier: Apache-2.0
/* What holds for every call. RIG_TIER=full: a million calls instead of ten thousand; RIG_SEED: the
 * seed. A failure names the seed and the call. */
#include "ipfs/call.h"
#include "tests/tools/generator.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed(void)
{
    const char *given = getenv("RIG_SEED");

    return given == NULL ? 1 : strtoull(given, NULL, 10);
}

static unsigned count(void)
{
    const char *tier = getenv("RIG_TIER");

    return tier != NULL && strcmp(tier, "full") == 0 ? 1000000 : 10000;
}

static bool is_same_path(const struct call_path *a, const struct call_path *b)
{
    if (a->kind != b->kind || !slice_equal(a->subpath, b->subpath) ||
        !slice_equal(a->name, b->name))
        return false;
    return (a->kind != CALL_PATH_IPFS && a->kind != CALL_PATH_IPLD) || cid_equal(&a->cid, &b->cid);
}

static bool is_same(const struct call *a, const struct call *b)
{
    if (a->command != b->command || a->argument_count != b->argument_count ||
        a->option_count != b->option_count)
        return false;
    for (size_t i = 0; i < a->argument_count; i++)
        if (!slice_equal(a->arguments[i].text, b->arguments[i].text) ||
            a->arguments[i].kind != b->arguments[i].kind ||
            a->arguments[i].from_body != b->arguments[i].from_body ||
            !is_same_path(&a->arguments[i].path, &b->arguments[i].path))
            return false;
    for (size_t i = 0; i < a->option_count; i++)
        if (a->options[i].fact != b->options[i].fact ||
            a->options[i].number != b->options[i].number ||
            !slice_equal(a->options[i].text, b->options[i].text))
            return false;
    return true;
}

/* Only what needs no thought to read: every reader reads it alike. */
static bool is_plain(const char *target)
{
    for (const char *p = target; *p != '\0'; p++)
        if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') && (*p < '0' || *p > '9') &&
            strchr("-_.~/:%?&=", *p) == NULL)
            return false;
    return true;
}

/* Parses the target, and the body if the call wants one. */
static struct call *parse(struct slice target, struct slice body, const char *type, bool multipart,
                          struct error *err)
{
    struct call *call;

    *err = (struct error){0};
    if (!call_parse(&call, target, multipart, err))
        return NULL;
    if (call->wants_body && !call_body_arguments(call, body, slice_of(type), err))
        call_destroy(&call);
    return call;
}

/* This gateway's own options are not printed. */
static void drop_own(struct call *call)
{
    for (size_t i = call->option_count; i > 0; i--)
        if (catalogue_option_is_own(call->options[i - 1].fact->id))
            call_drop_option(call, call->options[i - 1].fact->id);
}

static void check_call(struct call *call, struct slice raw)
{
    struct text target = {0};
    struct text body = {0};
    struct text again = {0};
    struct error err;
    struct call *second;

    drop_own(call);
    call_print_target(call, &target);
    if (call_has_body_arguments(call))
        call_print_body_arguments(call, &body);
    second = parse(text_slice(&target), text_slice(&body),
                   "multipart/form-data; boundary=" CALL_BOUNDARY,
                   call_has_body_arguments(call) || call->command->body == BODY_FILE, &err);
    if (second == NULL) {
        fail_msg("%.*s printed as %s: %s", SLICE_ARGS(raw), target.data, err.text);
        return;
    }
    call_print_target(second, &again);
    if (!is_same(call, second) || strcmp(target.data, again.data) != 0 || !is_plain(target.data))
        fail_msg("%.*s printed as %s and then as %s", SLICE_ARGS(raw), target.data, again.data);
    if (second->dropped_options != 0 || strstr(target.data, "SECRET") != NULL)
        fail_msg("%.*s kept what it should drop: %s", SLICE_ARGS(raw), target.data);
    call_destroy(&second);
    text_dispose(&target);
    text_dispose(&body);
    text_dispose(&again);
}

static void check_refusal(const struct error *err, struct slice raw)
{
    bool known = err->code == ERROR_NOT_FOUND || err->code == ERROR_SYNTAX ||
                 err->code == ERROR_LIMIT || err->code == ERROR_UNSUPPORTED;

    if (!known || strlen(err->text) < 10 || strpbrk(err->text, "\r\n") != NULL ||
        !slice_is_utf8(slice_of(err->text)))
        fail_msg("%.*s: code %d, '%s'", SLICE_ARGS(raw), err->code, err->text);
}

static void test_call_property_printing_and_parsing_are_inverse(void **state)
{
    struct generator generator;
    struct text target = {0};
    struct text body = {0};
    unsigned accepted = 0;

    print_message("seed %" PRIu64 "\n", seed());
    generator_init(&generator, seed());
    for (unsigned i = 0; i < count(); i++) {
        bool multipart = generate_call(&generator, &target, &body);
        struct error err;
        struct call *call = parse(text_slice(&target), text_slice(&body),
                                  "multipart/form-data; boundary=B", multipart, &err);

        if (call == NULL && strstr(err.text, "a file is required") != NULL)
            call = parse(text_slice(&target), text_slice(&body), "", true, &err);
        if (call == NULL) {
            check_refusal(&err, text_slice(&target));
            continue;
        }
        check_call(call, text_slice(&target));
        accepted++;
        call_destroy(&call);
    }
    assert_true(accepted > count() / 2);
    assert_true(accepted < count() - count() / 20);
    text_dispose(&target);
    text_dispose(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_property_printing_and_parsing_are_inverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
