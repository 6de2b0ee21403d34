// SPDX-License-Identifier: Apache-2.0
/* Which policy comes into force: at a start, at a reload, after a rollback, when a file has a
 * mistake. */
#include "proxy/snapshot.h"

#include "conf/memory.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define POLICY(more)                                                                               \
    "version: 1\norg: lab.example\nmembers: {alice: {}}\nroles: {r: {allow: [cat]}}\n"             \
    "bind: [{to: \"member:alice\", roles: [r]}]\n" more
#define FIRST  POLICY("")
#define SECOND POLICY("rules: [{id: none, deny: [cat]}]\n")
#define BROKEN POLICY("rules: [{id: none, dent: [cat]}]\n")
#define UNTRUE POLICY("tests: [{as: alice, call: add, expect: allow}]\n")

struct fixture {
    char folder[64], config[96], policy[96], data[96];
    struct store *store;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));
    struct store_settings settings;
    struct error err = {0};

    snprintf(f->folder, sizeof(f->folder), "/tmp/test_snapshot.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->config, sizeof(f->config), "%s/causeway.yaml", f->folder);
    snprintf(f->policy, sizeof(f->policy), "%s/policy.yaml", f->folder);
    snprintf(f->data, sizeof(f->data), "%s/data", f->folder);
    write_file(f->config, "org: lab.example\npolicy: policy.yaml\n");
    settings = (struct store_settings){.folder = f->data};
    if (!store_open(&f->store, &settings, &err))
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[160];

    store_close(&f->store);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(f);
    return 0;
}

/* What a start (previous is NULL) or a reload makes of the files. NULL: err says why not. */
static struct snapshot *take(struct fixture *f, const struct snapshot *previous, struct error *err)
{
    struct snapshot *snapshot;

    *err = (struct error){0};
    if (!snapshot_load(&snapshot, f->config, previous, err))
        return NULL;
    if (!snapshot_add_policy(snapshot, previous, f->store, err))
        snapshot_unref(&snapshot);
    return snapshot;
}

static struct snapshot *take_policy(struct fixture *f, const char *yaml,
                                    const struct snapshot *previous)
{
    struct snapshot *snapshot;
    struct error err;

    write_file(f->policy, yaml);
    snapshot = take(f, previous, &err);
    if (snapshot == NULL)
        fail_msg("%s", err.text);
    return snapshot;
}

static void expect_refused(struct fixture *f, const struct snapshot *previous, const char *said)
{
    struct error err;

    assert_null(take(f, previous, &err));
    if (strstr(err.text, said) == NULL)
        fail_msg("'%s' is not in '%s'", said, err.text);
}

/* Versions are told apart by the moment at which they came into force. */
static void wait_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
}

static struct snapshot *roll_back(struct fixture *f, const struct snapshot *snapshot,
                                  uint64_t number)
{
    struct snapshot *rolled;
    struct error err = {0};

    wait_a_moment();
    if (!snapshot_roll_back(&rolled, snapshot, f->store, number, &err))
        fail_msg("%s", err.text);
    wait_a_moment();
    return rolled;
}

/* ---- without a policy */

static void test_snapshot_needs_no_policy(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot;
    struct error err;

    write_file(f->config, "upstream: {kind: kubo, address: \"unix:/tmp/kubo.sock\"}\n");
    snapshot = take(f, NULL, &err);
    assert_non_null(snapshot);
    assert_null(snapshot->policy);
    assert_null(snapshot->tls);
    assert_int_equal(snapshot->policy_fault.code, ERROR_NONE);
    assert_int_equal(snapshot->upstream.kind, ADDRESS_UNIX);
    snapshot_unref(&snapshot);
    assert_null(snapshot);
}

static void test_snapshot_refuses_a_configuration_with_a_mistake(void **state)
{
    struct fixture *f = *state;
    struct error err;

    write_file(f->config, "orgg: x\n");
    assert_null(take(f, NULL, &err));
    assert_non_null(strstr(err.text, "causeway.yaml:1"));
    unlink(f->config);
    assert_null(take(f, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_snapshot_refuses_a_certificate_that_is_none(void **state)
{
    struct fixture *f = *state;
    char path[128];

    snprintf(path, sizeof(path), "%s/tls.pem", f->folder);
    write_file(path, "no certificate\n");
    write_file(f->config, "listen: {clients: {address: \"127.0.0.1:9500\", tls: "
                          "{certificate_file: tls.pem, key_file: tls.pem}}}\n");
    expect_refused(f, NULL, "tls.pem");
}

/* ---- files */

static void test_snapshot_notes_the_first_policy_as_the_first_version(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = take_policy(f, FIRST, NULL);

    assert_int_equal(snapshot->policy_number, 1);
    assert_string_equal(snapshot->files_hash, policy_hash(snapshot->policy));
    assert_non_null(snapshot->certificates);
    assert_int_equal(snapshot->policy_fault.code, ERROR_NONE);
    snapshot_unref(&snapshot);
}

static void test_snapshot_of_unchanged_files_stays_with_its_version(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);
    struct snapshot *again = take_policy(f, FIRST, first);

    assert_int_equal(again->policy_number, 1);
    assert_ptr_equal(again->policy, first->policy);
    snapshot_unref(&first);
    assert_true(slice_is(policy_org(again->policy), "lab.example")); /* it has its own reference */
    snapshot_unref(&again);
    again = take_policy(f, FIRST, NULL); /* a restart */
    assert_int_equal(again->policy_number, 1);
    snapshot_unref(&again);
}

static void test_snapshot_of_changed_files_is_a_new_version(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);
    struct snapshot *second = take_policy(f, SECOND, first);

    assert_int_equal(second->policy_number, 2);
    assert_string_not_equal(policy_hash(second->policy), policy_hash(first->policy));
    snapshot_unref(&first);
    snapshot_unref(&second);
}

static void test_snapshot_refuses_a_reload_of_files_with_a_mistake(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);

    write_file(f->policy, BROKEN);
    expect_refused(f, first, "policy.yaml:6");
    write_file(f->policy, UNTRUE);
    expect_refused(f, first, "1 of the policy's own tests failed");
    unlink(f->policy);
    expect_refused(f, first, "policy.yaml");
    snapshot_unref(&first);
}

static void test_snapshot_starts_with_the_last_good_version_when_files_have_a_mistake(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);
    struct snapshot *restarted = take_policy(f, BROKEN, NULL);

    assert_int_equal(restarted->policy_number, 1);
    assert_string_equal(policy_hash(restarted->policy), policy_hash(first->policy));
    assert_non_null(strstr(restarted->policy_fault.text, "policy.yaml:6"));
    assert_string_equal(restarted->files_hash, "");
    snapshot_unref(&first);
    first = take_policy(f, SECOND, restarted); /* mended */
    assert_int_equal(first->policy_number, 2);
    assert_int_equal(first->policy_fault.code, ERROR_NONE);
    snapshot_unref(&first);
    snapshot_unref(&restarted);
}

static void test_snapshot_does_not_start_without_any_good_version(void **state)
{
    struct fixture *f = *state;

    write_file(f->policy, BROKEN);
    expect_refused(f, NULL, "policy.yaml:6");
    write_file(f->policy, UNTRUE);
    expect_refused(f, NULL, "1 of the policy's own tests failed");
}

static void test_snapshot_refuses_the_policy_of_another_organization(void **state)
{
    struct fixture *f = *state;

    write_file(f->policy, FIRST);
    write_file(f->config, "org: other.example\npolicy: policy.yaml\n");
    expect_refused(f, NULL, "'lab.example', and this gateway of 'other.example'");
}

/* ---- rollbacks */

static void test_snapshot_rolls_back_and_stays_so_while_the_files_say_the_same(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);
    struct snapshot *second = take_policy(f, SECOND, first);
    struct snapshot *rolled = roll_back(f, second, 1), *reloaded, *restarted;

    assert_int_equal(rolled->policy_number, 1);
    assert_string_equal(policy_hash(rolled->policy), policy_hash(first->policy));
    assert_string_equal(rolled->files_hash, second->files_hash);
    reloaded = take_policy(f, SECOND, rolled);
    assert_int_equal(reloaded->policy_number, 1);
    restarted = take_policy(f, SECOND, NULL);
    assert_int_equal(restarted->policy_number, 1);
    assert_string_equal(policy_hash(restarted->policy), policy_hash(first->policy));
    snapshot_unref(&first);
    snapshot_unref(&second);
    snapshot_unref(&rolled);
    snapshot_unref(&reloaded);
    snapshot_unref(&restarted);
}

static void test_snapshot_of_files_that_change_behind_a_rollback_comes_into_force(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL);
    struct snapshot *second = take_policy(f, SECOND, first);
    struct snapshot *rolled = roll_back(f, second, 1);
    struct snapshot *third = take_policy(f, SECOND "vars: {}\n", rolled);

    assert_int_equal(third->policy_number, 3);
    snapshot_unref(&first);
    snapshot_unref(&second);
    snapshot_unref(&rolled);
    snapshot_unref(&third);
}

static void test_snapshot_rolls_back_to_no_version_that_never_was(void **state)
{
    struct fixture *f = *state;
    struct snapshot *first = take_policy(f, FIRST, NULL), *rolled, *again;
    struct error err = {0};

    assert_false(snapshot_roll_back(&rolled, first, f->store, 7, &err));
    assert_int_not_equal(err.code, ERROR_NONE);
    again = take_policy(f, FIRST, NULL); /* and nothing has changed */
    assert_int_equal(again->policy_number, 1);
    snapshot_unref(&first);
    snapshot_unref(&again);
}

/* ---- counting */

static void test_snapshot_lives_until_its_last_reference(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = take_policy(f, FIRST, NULL);
    struct snapshot *other = snapshot_ref(snapshot);

    snapshot_unref(&snapshot);
    assert_null(snapshot);
    assert_string_equal(other->config->org, "lab.example");
    snapshot_unref(&other);
    snapshot_unref(&other); /* NULL is fine */
}

#define SNAPSHOT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SNAPSHOT_TEST(test_snapshot_needs_no_policy),
        SNAPSHOT_TEST(test_snapshot_refuses_a_configuration_with_a_mistake),
        SNAPSHOT_TEST(test_snapshot_refuses_a_certificate_that_is_none),
        SNAPSHOT_TEST(test_snapshot_notes_the_first_policy_as_the_first_version),
        SNAPSHOT_TEST(test_snapshot_of_unchanged_files_stays_with_its_version),
        SNAPSHOT_TEST(test_snapshot_of_changed_files_is_a_new_version),
        SNAPSHOT_TEST(test_snapshot_refuses_a_reload_of_files_with_a_mistake),
        SNAPSHOT_TEST(test_snapshot_starts_with_the_last_good_version_when_files_have_a_mistake),
        SNAPSHOT_TEST(test_snapshot_does_not_start_without_any_good_version),
        SNAPSHOT_TEST(test_snapshot_refuses_the_policy_of_another_organization),
        SNAPSHOT_TEST(test_snapshot_rolls_back_and_stays_so_while_the_files_say_the_same),
        SNAPSHOT_TEST(test_snapshot_of_files_that_change_behind_a_rollback_comes_into_force),
        SNAPSHOT_TEST(test_snapshot_rolls_back_to_no_version_that_never_was),
        SNAPSHOT_TEST(test_snapshot_lives_until_its_last_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
