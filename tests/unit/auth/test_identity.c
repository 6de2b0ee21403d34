// SPDX-License-Identifier: Apache-2.0
#include "auth/identity.h"

#include "auth/peer.h"
#include "ca_kit.h"
#include "conf/save.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY CA_DAY_S

static const struct slice none = {NULL, 0};

/* ---- faults: the n-th rename fails, as if the process had ended before it */

static int renames_left = -1; /* -1: none fails */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (renames_left == 0) {
        errno = EIO;
        return -1;
    }
    if (renames_left > 0)
        renames_left--;
    return __real_rename(from, to);
}

/* ---- a folder, and what is in it */

struct fixture {
    char folder[64], keys[80];
    struct gateway_id id;
    struct identity *identity;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->folder, sizeof(f->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->keys, sizeof(f->keys), "%s/keys", f->folder);
    f->id = kit_id("library.example.org", "north");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    renames_left = -1;
    identity_close(&f->identity);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(f);
    return 0;
}

static void create(struct fixture *f, struct slice passphrase)
{
    struct identity_plan plan = {.id = f->id, .passphrase = passphrase, .now_s = KIT_NOW};
    struct error err = {0};

    if (!identity_create(f->keys, &plan, &err))
        fail_msg("%s", err.text);
}

static void open_it(struct fixture *f)
{
    struct error err = {0};

    identity_close(&f->identity);
    if (!identity_open(&f->identity, f->keys, &f->id, &err))
        fail_msg("%s", err.text);
}

static void done(bool is_done, const struct error *err)
{
    if (!is_done)
        fail_msg("%s", err->text);
}

#define DO(CALL)                                                                                   \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        done(CALL, &err);                                                                          \
    } while (0)

#define REFUSED(CALL, CODE, TEXT)                                                                  \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        assert_false(CALL);                                                                        \
        if (strstr(err.text, TEXT) == NULL)                                                        \
            fail_msg("it says: %s", err.text);                                                     \
        assert_int_equal(err.code, CODE);                                                          \
    } while (0)

/* The root's file, of those in force or next. */
static const char *root_path(const struct fixture *f, const struct root *root, char path[160])
{
    int size = snprintf(path, 160, "%s/root-", f->keys);

    for (size_t i = 0; i < 8; i++)
        size += snprintf(path + size, 160 - (size_t)size, "%02x", root->hash[i]);
    snprintf(path + size, 160 - (size_t)size, ".pem");
    return path;
}

/* What a partner says who knows these roots. */
static enum peer_verdict ask(const struct fixture *f, const struct roots *known, int64_t now_s)
{
    struct peer_trust *trust = peer_trust_create(known);
    struct peer_question question = {.others = sk_X509_new_null(), .now_s = now_s};
    struct peer_identity identity;
    enum peer_verdict verdict;
    EVP_PKEY *key;
    X509 *issuer;

    question.leaf = identity_leaf(f->identity, &key, &issuer);
    assert_non_null(question.leaf);
    assert_true(key_equal(X509_get0_pubkey(question.leaf), key));
    sk_X509_push(question.others, issuer);
    verdict = peer_verify(trust, &question, &identity, NULL);
    sk_X509_free(question.others);
    peer_trust_destroy(&trust);
    return verdict;
}

static struct renewal_plan plan_at(const struct fixture *f, int64_t now_s)
{
    struct renewal_state state = identity_state(f->identity, now_s, false);

    return renewal_step(&state);
}

/* A partner's copy of what is newest. */
static struct roots copy_roots(const struct fixture *f)
{
    struct roots roots;
    struct error err = {0};

    if (!roots_read(&roots, text_slice(&identity_roots(f->identity)->bytes), &err))
        fail_msg("%s", err.text);
    return roots;
}

/* ---- making */

static void test_identity_that_was_made_can_be_used(void **state)
{
    struct fixture *f = *state;
    uint8_t key[KEY_RAW_SIZE];
    struct renewal_plan plan;

    create(f, none);
    open_it(f);
    assert_string_equal(identity_roots(f->identity)->org, "library.example.org");
    assert_int_equal(identity_roots(f->identity)->sequence, KIT_NOW);
    assert_non_null(identity_signing_key(f->identity));
    key_public(identity_signing_key(f->identity), key);
    assert_memory_equal(key, identity_roots(f->identity)->keys[0].key, KEY_RAW_SIZE);
    assert_int_equal(ask(f, identity_roots(f->identity), KIT_NOW), PEER_ACCEPTED);
    plan = plan_at(f, KIT_NOW);
    for (size_t i = 0; i < RENEWALS; i++)
        assert_false(plan.items[i].is_due);
}

static void check_modes(const char *folder, size_t *files)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat status;
    char path[400];

    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        if (S_ISDIR(status.st_mode)) {
            check_modes(path, files);
            continue;
        }
        assert_int_equal(status.st_mode & 0777, 0600);
        ++*files;
    }
    closedir(dir);
}

static void test_identity_files_are_their_owners_alone(void **state)
{
    struct fixture *f = *state;
    mode_t mask = umask(0);
    size_t files = 0;

    create(f, none);
    umask(mask);
    check_modes(f->keys, &files);
    assert_int_equal(files, 5); /* root, issuing CA, leaf, signing key, document */
}

static void test_identity_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct identity_plan plan = {.id = f->id, .now_s = KIT_NOW};

    create(f, none);
    REFUSED(identity_create(f->keys, &plan, &err), ERROR_REFUSED, "has an identity already");
    plan.id = kit_id("Library", "north");
    REFUSED(identity_create(f->keys, &plan, &err), ERROR_SYNTAX, "is no DNS name");
    plan.id = kit_id("library.example.org", "North");
    REFUSED(identity_create(f->keys, &plan, &err), ERROR_SYNTAX, "node");
}

/* Wherever it breaks off, there is none; and the next attempt makes a whole one. */
static void test_identity_is_made_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct identity_plan plan = {.id = f->id, .now_s = KIT_NOW};
    unsigned failures = 0;

    for (int i = 0;; i++) {
        bool is_made;

        renames_left = i;
        is_made = identity_create(f->keys, &plan, NULL);
        renames_left = -1;
        if (is_made)
            break;
        failures++;
        REFUSED(identity_open(&f->identity, f->keys, &f->id, &err), ERROR_NOT_FOUND,
                "there is no identity in");
        assert_null(f->identity);
    }
    assert_int_equal(failures, 5);
    open_it(f);
    assert_int_equal(ask(f, identity_roots(f->identity), KIT_NOW), PEER_ACCEPTED);
}

static void test_identity_of_another_organization_is_refused(void **state)
{
    struct fixture *f = *state;
    struct gateway_id other = kit_id("museum.example.net", "north");

    create(f, none);
    REFUSED(identity_open(&f->identity, f->keys, &other, &err), ERROR_REFUSED,
            "is of 'library.example.org', and 'museum.example.net' was expected");
}

/* ---- leaf and issuing CA */

static void test_identity_renews_its_leaf(void **state)
{
    struct fixture *f = *state;
    struct roots known;
    int64_t now_s = KIT_NOW + 4 * DAY;

    create(f, none);
    open_it(f);
    known = copy_roots(f);
    assert_true(plan_at(f, now_s).items[RENEWAL_LEAF].is_due);
    DO(identity_renew_leaf(f->identity, now_s, &err));
    assert_false(plan_at(f, now_s).items[RENEWAL_LEAF].is_due);
    open_it(f);
    assert_false(plan_at(f, now_s).items[RENEWAL_LEAF].is_due);
    assert_int_equal(ask(f, &known, KIT_NOW + 10 * DAY), PEER_ACCEPTED);
    roots_dispose(&known);
}

/* A leaf that is missing, damaged, or of another node is due, and no error. */
static void test_identity_without_a_leaf_of_use_wants_one(void **state)
{
    struct fixture *f = *state;
    char path[128];

    create(f, none);
    snprintf(path, sizeof(path), "%s/leaf.pem", f->keys);
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            assert_int_equal(unlink(path), 0);
        else if (i == 1)
            DO(save_file(path, SLICE("no PEM"), 0600, &err));
        else
            f->id = kit_id("library.example.org", "south");
        open_it(f);
        assert_true(plan_at(f, KIT_NOW).items[RENEWAL_LEAF].is_due);
        DO(identity_renew_leaf(f->identity, KIT_NOW, &err));
        assert_int_equal(ask(f, identity_roots(f->identity), KIT_NOW), PEER_ACCEPTED);
    }
}

static void test_identity_refuses_files_that_others_may_open(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"leaf.pem", "issuer.pem"};
    char path[128];

    create(f, none);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->keys, names[i]);
        assert_int_equal(chmod(path, 0640), 0);
        REFUSED(identity_open(&f->identity, f->keys, &f->id, &err), ERROR_REFUSED,
                "others than its owner may open it");
        assert_int_equal(chmod(path, 0600), 0);
    }
}

static void test_identity_renews_its_issuing_ca_with_the_root(void **state)
{
    struct fixture *f = *state;
    int64_t now_s = KIT_NOW + 306 * DAY;
    struct renewal_plan plan;
    char path[160], away[160];

    create(f, SLICE("correct horse"));
    open_it(f);
    root_path(f, &identity_roots(f->identity)->roots[0], path);
    snprintf(away, sizeof(away), "%s/away", f->folder);
    assert_int_equal(__real_rename(path, away), 0);
    assert_true(plan_at(f, now_s).items[RENEWAL_ISSUER].is_due);
    REFUSED(identity_renew_issuer(f->identity, none, now_s, &err), ERROR_NOT_FOUND,
            "the root's key is needed, and is not here: bring it to");
    DO(identity_renew_leaf(f->identity, now_s, &err)); /* without it */
    assert_int_equal(__real_rename(away, path), 0);
    REFUSED(identity_renew_issuer(f->identity, none, now_s, &err), ERROR_REFUSED,
            "is encrypted, and no passphrase was given");
    REFUSED(identity_renew_issuer(f->identity, SLICE("wrong"), now_s, &err), ERROR_MISMATCH,
            "the passphrase is another");
    DO(identity_renew_issuer(f->identity, SLICE("correct horse"), now_s, &err));
    plan = plan_at(f, now_s);
    assert_false(plan.items[RENEWAL_ISSUER].is_due);
    assert_true(plan.items[RENEWAL_LEAF].is_due); /* the one there is hangs below the old CA, */
    assert_int_equal(ask(f, identity_roots(f->identity), now_s), PEER_ACCEPTED); /* and holds */
    DO(identity_renew_leaf(f->identity, now_s, &err));
    assert_false(plan_at(f, now_s).items[RENEWAL_LEAF].is_due);
    assert_int_equal(ask(f, identity_roots(f->identity), now_s), PEER_ACCEPTED);
}

static void test_identity_does_not_hang_leaves_below_a_ca_that_is_over(void **state)
{
    struct fixture *f = *state;
    char path[128];

    create(f, none);
    open_it(f);
    REFUSED(identity_renew_leaf(f->identity, KIT_NOW + CA_ISSUER_S, &err), ERROR_REFUSED,
            "is missing or over: renew it first");
    REFUSED(identity_renew_issuer(f->identity, none, KIT_NOW + CA_ROOT_S, &err), ERROR_REFUSED,
            "the root has ended");
    snprintf(path, sizeof(path), "%s/issuer.pem", f->keys);
    assert_int_equal(unlink(path), 0);
    open_it(f);
    REFUSED(identity_renew_leaf(f->identity, KIT_NOW, &err), ERROR_REFUSED, "is missing or over");
    /* the last leaf ends with its CA */
    DO(identity_renew_issuer(f->identity, none, KIT_NOW, &err));
    DO(identity_renew_leaf(f->identity, KIT_NOW + CA_ISSUER_S - DAY, &err));
    assert_false(plan_at(f, KIT_NOW + CA_ISSUER_S - 60).items[RENEWAL_LEAF].is_due);
}

/* ---- roots */

static void test_identity_changes_its_root_and_strands_nobody(void **state)
{
    struct fixture *f = *state;
    struct slice documents[ROOTS_FOLLOW_MAX];
    struct roots first, announced, at_first;
    int64_t now_s = KIT_NOW;
    bool is_newer;
    size_t count;

    create(f, none);
    open_it(f);
    first = copy_roots(f);
    at_first = copy_roots(f);
    DO(identity_announce_root(f->identity, none, SLICE("new"), now_s += DAY, &err));
    REFUSED(identity_announce_root(f->identity, none, none, now_s, &err), ERROR_REFUSED,
            "a next root is announced already");
    announced = copy_roots(f);
    open_it(f); /* what it knows of times comes from the documents */
    assert_false(plan_at(f, now_s + 29 * DAY).items[RENEWAL_SWITCH_ROOT].is_due);
    assert_true(plan_at(f, now_s + 30 * DAY).items[RENEWAL_SWITCH_ROOT].is_due);

    now_s += 30 * DAY;
    REFUSED(identity_retire_root(f->identity, none, now_s, &err), ERROR_REFUSED,
            "only one root is in force");
    REFUSED(identity_switch_root(f->identity, none, none, now_s, &err), ERROR_REFUSED,
            "no passphrase was given");
    DO(identity_switch_root(f->identity, none, SLICE("new"), now_s, &err));
    REFUSED(identity_switch_root(f->identity, none, SLICE("new"), now_s, &err), ERROR_REFUSED,
            "no next root is announced");
    open_it(f);
    assert_true(plan_at(f, now_s).items[RENEWAL_ISSUER].is_due); /* below the new root */
    DO(identity_renew_issuer(f->identity, SLICE("new"), now_s, &err));
    DO(identity_renew_leaf(f->identity, now_s, &err));
    assert_int_equal(ask(f, identity_roots(f->identity), now_s), PEER_ACCEPTED);
    assert_int_equal(ask(f, &announced, now_s), PEER_ACCEPTED); /* saw the announcement alone */
    assert_int_equal(ask(f, &first, now_s), PEER_UNKNOWN_ROOT); /* was away, so it asks, */
    count = identity_documents(f->identity, first.sequence, documents);
    assert_int_equal(count, 2);
    DO(roots_follow(&first, documents, count, &is_newer, &err));
    assert_true(is_newer);
    assert_int_equal(ask(f, &first, now_s), PEER_ACCEPTED); /* and knows */

    assert_true(plan_at(f, now_s + 30 * DAY).items[RENEWAL_RETIRE_ROOT].is_due);
    now_s += 30 * DAY;
    DO(identity_retire_root(f->identity, SLICE("new"), now_s, &err));
    DO(identity_renew_leaf(f->identity, now_s, &err));
    count = identity_documents(f->identity, at_first.sequence, documents);
    DO(roots_follow(&at_first, documents, count, &is_newer, &err)); /* away over all of it */
    assert_int_equal(at_first.root_count, 1);
    assert_int_equal(ask(f, &at_first, now_s), PEER_ACCEPTED);
    assert_int_equal(identity_documents(f->identity, at_first.sequence, documents), 0);
    open_it(f);
    assert_int_equal(identity_roots(f->identity)->sequence, at_first.sequence);
    roots_dispose(&first);
    roots_dispose(&announced);
    roots_dispose(&at_first);
}

static void test_identity_puts_three_roots_in_force_at_no_time(void **state)
{
    struct fixture *f = *state;

    create(f, none);
    open_it(f);
    DO(identity_announce_root(f->identity, none, none, KIT_NOW + 1, &err));
    DO(identity_switch_root(f->identity, none, none, KIT_NOW + 2, &err));
    DO(identity_announce_root(f->identity, none, none, KIT_NOW + 3, &err));
    REFUSED(identity_switch_root(f->identity, none, none, KIT_NOW + 4, &err), ERROR_REFUSED,
            "2 roots are in force already");
}

static void test_identity_has_a_new_signing_key_and_the_history_of_the_old(void **state)
{
    struct fixture *f = *state;
    struct slice documents[ROOTS_FOLLOW_MAX];
    struct text signature = {0};
    uint8_t old[KEY_RAW_SIZE], fresh[KEY_RAW_SIZE];
    const struct roots *roots;
    int64_t now_s = KIT_NOW + DAY;
    uint64_t before;

    create(f, none);
    open_it(f);
    before = identity_roots(f->identity)->sequence;
    key_public(identity_signing_key(f->identity), old);
    key_sign(identity_signing_key(f->identity), "receipt", SLICE("x"), &signature);
    DO(identity_renew_signing_key(f->identity, none, now_s, &err));
    open_it(f);
    roots = identity_roots(f->identity);
    assert_int_equal(roots->key_count, 2);
    assert_true(roots->keys[0].until_s == now_s && roots->keys[1].from_s == now_s);
    key_public(identity_signing_key(f->identity), fresh);
    assert_memory_not_equal(fresh, old, KEY_RAW_SIZE);
    DO(roots_signed(roots, "receipt", SLICE("x"), old, text_slice(&signature), now_s - 1, &err));
    REFUSED(roots_signed(roots, "receipt", SLICE("x"), old, text_slice(&signature), now_s, &err),
            ERROR_REFUSED, "no longer in force");
    /* of documents that changed no root a partner needs the newest alone */
    DO(identity_renew_signing_key(f->identity, none, now_s, &err));
    assert_int_equal(identity_documents(f->identity, before, documents), 1);
    assert_int_equal(identity_documents(f->identity, 0, documents), 2);
    text_dispose(&signature);
}

/* A gateway that went back to an old copy of its folder draws no number twice. */
static void test_identity_that_was_restored_goes_on_above_what_was_seen(void **state)
{
    struct fixture *f = *state;
    char command[300];
    struct roots seen;

    create(f, none);
    snprintf(command, sizeof(command), "cp -rp '%s' '%s/copy'", f->keys, f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    open_it(f);
    DO(identity_renew_signing_key(f->identity, none, KIT_NOW + DAY, &err));
    seen = copy_roots(f);
    snprintf(command, sizeof(command), "rm -r '%s' && mv '%s/copy' '%s'", f->keys, f->folder,
             f->keys);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    open_it(f);
    DO(identity_announce_root(f->identity, none, none, KIT_NOW + 2 * DAY, &err));
    assert_true(identity_roots(f->identity)->sequence > seen.sequence);
    /* the key that the copy does not know is missing: that is said, not passed over */
    REFUSED(roots_accept(&seen, identity_roots(f->identity), &err) == ROOTS_NEWER, ERROR_REFUSED,
            "leaves out the signing key");
    roots_dispose(&seen);
}

/* Whatever of a change breaks off: it is as it was, or as it was to be, and goes on. */
static void test_identity_changes_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    int64_t now_s = KIT_NOW + DAY;

    create(f, none);
    for (int i = 0; i < 2; i++) {
        open_it(f);
        renames_left = i;
        assert_false(identity_announce_root(f->identity, none, none, now_s, NULL));
        renames_left = i;
        assert_false(identity_renew_signing_key(f->identity, none, now_s, NULL));
        renames_left = 0;
        assert_false(identity_renew_leaf(f->identity, now_s, NULL));
        assert_false(identity_renew_issuer(f->identity, none, now_s, NULL));
        renames_left = -1;
        assert_int_equal(identity_roots(f->identity)->sequence, KIT_NOW);
        assert_int_equal(ask(f, identity_roots(f->identity), now_s), PEER_ACCEPTED);
        open_it(f);
        assert_int_equal(identity_roots(f->identity)->sequence, KIT_NOW);
        assert_non_null(identity_signing_key(f->identity));
        assert_int_equal(ask(f, identity_roots(f->identity), now_s), PEER_ACCEPTED);
    }
    DO(identity_announce_root(f->identity, none, none, now_s, &err));
}

static void test_identity_refuses_documents_that_do_not_follow(void **state)
{
    struct fixture *f = *state;
    struct kit_org other = kit_org_create("library.example.org");
    struct roots roots = kit_roots(&other, KIT_NOW + 5), signed_roots;
    char path[160];

    create(f, none);
    signed_roots = kit_sign(&roots, &other.root, NULL);
    snprintf(path, sizeof(path), "%s/roots/%016" PRIu64 ".cbor", f->keys, (uint64_t)KIT_NOW + 5);
    DO(save_file(path, text_slice(&signed_roots.bytes), 0600, &err));
    REFUSED(identity_open(&f->identity, f->keys, &f->id, &err), ERROR_MISMATCH,
            "/keys/roots: document 2: the roots document");
    DO(save_file(path, SLICE("x"), 0600, &err));
    REFUSED(identity_open(&f->identity, f->keys, &f->id, &err), ERROR_SYNTAX,
            "/keys/roots: document 2: the roots document");
    roots_dispose(&signed_roots);
    kit_org_dispose(&other);
}

/* ---- keys under other names */

static void test_identity_refuses_keys_under_the_name_of_others(void **state)
{
    struct fixture *f = *state;
    const struct roots *roots;
    char first[160], second[160], command[400];

    create(f, none);
    open_it(f);
    DO(identity_announce_root(f->identity, none, none, KIT_NOW + 1, &err));
    roots = identity_roots(f->identity);
    root_path(f, &roots->roots[0], first);
    root_path(f, &roots->next[0], second);
    snprintf(command, sizeof(command), "cp '%s' '%s'", second, first);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    REFUSED(identity_renew_issuer(f->identity, none, KIT_NOW + 2, &err), ERROR_MISMATCH,
            "it is another root than its name says");
    identity_close(&f->identity);
    snprintf(command, sizeof(command), "cp '%s/leaf.pem' '%s'/signing-*.pem", f->keys, f->keys);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    REFUSED(identity_open(&f->identity, f->keys, &f->id, &err), ERROR_MISMATCH,
            "it is no Ed25519 key");
    snprintf(command, sizeof(command), "rm '%s'/signing-*.pem", f->keys);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    open_it(f);
    assert_null(identity_signing_key(f->identity));
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_identity_that_was_made_can_be_used),
        TEST(test_identity_files_are_their_owners_alone),
        TEST(test_identity_is_made_once),
        TEST(test_identity_is_made_whole_or_not_at_all),
        TEST(test_identity_of_another_organization_is_refused),
        TEST(test_identity_renews_its_leaf),
        TEST(test_identity_without_a_leaf_of_use_wants_one),
        TEST(test_identity_refuses_files_that_others_may_open),
        TEST(test_identity_renews_its_issuing_ca_with_the_root),
        TEST(test_identity_does_not_hang_leaves_below_a_ca_that_is_over),
        TEST(test_identity_changes_its_root_and_strands_nobody),
        TEST(test_identity_puts_three_roots_in_force_at_no_time),
        TEST(test_identity_has_a_new_signing_key_and_the_history_of_the_old),
        TEST(test_identity_that_was_restored_goes_on_above_what_was_seen),
        TEST(test_identity_changes_whole_or_not_at_all),
        TEST(test_identity_refuses_documents_that_do_not_follow),
        TEST(test_identity_refuses_keys_under_the_name_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
