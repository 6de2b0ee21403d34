// SPDX-License-Identifier: Apache-2.0
#include "ca_kit.h"

/* R1 is the organization's root at first; R2, R3 come later; E is somebody else's. */
struct fixture {
    struct kit_org org;
    struct kit_root r2, r3, e;
    struct roots first; /* number 10: R1 in force, signed by it */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct roots roots;

    assert_non_null(f);
    f->org = kit_org_create("library.example.org");
    f->r2 = kit_root_create("library.example.org");
    f->r3 = kit_root_create("library.example.org");
    f->e = kit_root_create("library.example.org");
    roots = kit_roots(&f->org, 10);
    f->first = kit_sign(&roots, &f->org.root, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    roots_dispose(&f->first);
    kit_org_dispose(&f->org);
    kit_root_dispose(&f->r2);
    kit_root_dispose(&f->r3);
    kit_root_dispose(&f->e);
    free(f);
    return 0;
}

/* A document of this number with these roots in force (b may be NULL) and next (may be NULL). */
static struct roots make(struct fixture *f, uint64_t sequence, const struct kit_root *a,
                         const struct kit_root *b, const struct kit_root *next,
                         const struct kit_root *signer, const struct kit_root *second)
{
    struct roots roots = kit_roots(&f->org, sequence);

    roots_set(&roots.roots[0], text_slice(&a->der));
    if (b != NULL) {
        roots_set(&roots.roots[1], text_slice(&b->der));
        roots.root_count = 2;
    }
    if (next != NULL) {
        roots_set(&roots.next[0], text_slice(&next->der));
        roots.next_count = 1;
    }
    return kit_sign(&roots, signer, second);
}

static void accept(const struct roots *known, const struct roots *roots)
{
    struct error err = {0};

    if (roots_accept(known, roots, &err) != ROOTS_NEWER)
        fail_msg("%s", err.text);
}

static void refuse(const struct roots *known, const struct roots *roots, enum error_code code,
                   const char *text)
{
    struct error err = {0};

    assert_int_equal(roots_accept(known, roots, &err), ROOTS_REFUSED);
    if (strstr(err.text, text) == NULL)
        fail_msg("it says: %s", err.text);
    assert_int_equal(err.code, code);
}

static void test_roots_that_are_known_are_the_same(void **state)
{
    struct fixture *f = *state;
    struct roots roots = kit_roots(&f->org, 10), again = kit_sign(&roots, &f->org.root, NULL);

    /* the same document; its signature, which draws randomness, is another */
    assert_int_equal(roots_accept(&f->first, &again, NULL), ROOTS_SAME);
    roots_dispose(&again);
}

static void test_roots_are_followed_over_a_rotation(void **state)
{
    struct fixture *f = *state;
    struct kit_root *r1 = &f->org.root;
    struct roots announced = make(f, 11, r1, NULL, &f->r2, r1, NULL);
    struct roots switched = make(f, 12, &f->r2, r1, NULL, &f->r2, r1);
    struct roots retired = make(f, 13, &f->r2, NULL, NULL, &f->r2, NULL);

    accept(&f->first, &announced);
    accept(&announced, &switched);
    accept(&switched, &retired);
    accept(&f->first, &switched); /* who missed the announcement: the old root signed as well */
    accept(&announced, &retired); /* who missed the switch: the next root was known */
    refuse(&f->first, &retired, ERROR_MISMATCH, "no root that was known");
    roots_dispose(&announced);
    roots_dispose(&switched);
    roots_dispose(&retired);
}

/* The old root is lost, or stolen: what was announced takes over alone. */
static void test_roots_that_were_announced_may_take_over_alone(void **state)
{
    struct fixture *f = *state;
    struct roots announced = make(f, 11, &f->org.root, NULL, &f->r2, &f->org.root, NULL);
    struct roots taken = make(f, 12, &f->r2, NULL, NULL, &f->r2, NULL);

    accept(&announced, &taken);
    roots_dispose(&announced);
    roots_dispose(&taken);
}

/* Who signs with his own key, and says that it was another's. Borrows. */
static struct kit_root in_the_name_of(const struct kit_root *other, const struct kit_root *signer)
{
    struct kit_root root = {.signer = other->signer};

    root.signer.key = signer->key;
    return root;
}

static void test_roots_refuses_what_does_not_follow(void **state)
{
    struct fixture *f = *state;
    struct kit_root *r1 = &f->org.root;
    struct kit_org beta = kit_org_create("museum.example.net");
    struct roots other = kit_roots(&beta, 11), beta_roots = kit_sign(&other, &beta.root, NULL);
    struct roots next = make(f, 11, r1, NULL, &f->r2, r1, NULL);
    struct kit_root as_r1 = in_the_name_of(r1, &f->e), as_r2 = in_the_name_of(&f->r2, &f->e);
    struct {
        const struct roots *known;
        struct roots roots;
        enum error_code code;
        const char *text;
    } cases[] = {
        {&f->first, make(f, 9, r1, NULL, NULL, r1, NULL), ERROR_REFUSED,
         "the roots document 9 of 'library.example.org': its number 9 is below 10, which was "
         "known: "
         "it is an old one"},
        /* the known number, and nobody's word for it: no alarm */
        {&f->first, make(f, 10, r1, NULL, &f->r2, &f->e, NULL), ERROR_MISMATCH,
         "no root that was known ("},
        {&f->first, make(f, 11, &f->e, NULL, NULL, &f->e, NULL), ERROR_MISMATCH,
         "no root that was known ("},
        /* a stranger puts his root in place of ours, and a signature in its name */
        {&f->first, make(f, 11, &f->e, NULL, NULL, &f->e, &as_r1), ERROR_MISMATCH, "is wrong"},
        {&f->first, make(f, 11, &f->e, r1, NULL, &f->e, &as_r1), ERROR_MISMATCH, "is wrong"},
        {&next, make(f, 12, &f->e, NULL, NULL, &f->e, &as_r2), ERROR_MISMATCH, "is wrong"},
        /* a stranger puts his root beside ours, and signs */
        {&f->first, make(f, 11, r1, &f->e, NULL, &f->e, NULL), ERROR_MISMATCH,
         "no root that was known ("},
        /* ours puts a root in force that nobody showed to have */
        {&f->first, make(f, 11, r1, &f->r2, NULL, r1, NULL), ERROR_MISMATCH,
         "which did not sign it: nobody showed that he has its key"},
        {&next, make(f, 12, &f->r2, r1, NULL, r1, NULL), ERROR_MISMATCH, "which did not sign it"},
        {&f->first, make(f, 11, &f->r2, NULL, NULL, r1, NULL), ERROR_MISMATCH,
         "none of the roots that it puts in force signed it"},
        /* what is only announced may take over, but not speak for the one in force */
        {&next, make(f, 12, r1, NULL, NULL, &f->r2, NULL), ERROR_MISMATCH,
         "none of the roots that it puts in force signed it"},
    };

    refuse(&f->first, &beta_roots, ERROR_REFUSED,
           "is of 'museum.example.net', and 'library.example.org' was expected");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        refuse(cases[i].known, &cases[i].roots, cases[i].code, cases[i].text);
        roots_dispose(&cases[i].roots);
    }
    roots_dispose(&next);
    roots_dispose(&beta_roots);
    kit_org_dispose(&beta);
}

/* Whoever can sign made two of one number: that is told apart from what anybody can send. */
static void test_roots_raise_an_alarm_over_two_of_one_number(void **state)
{
    struct fixture *f = *state;
    struct roots second = make(f, 10, &f->org.root, NULL, &f->r2, &f->org.root, NULL), known;
    struct slice bytes = text_slice(&second.bytes);
    struct error err = {0};
    bool is_newer;

    assert_int_equal(roots_accept(&f->first, &second, &err), ROOTS_FORKED);
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_non_null(strstr(err.text, "both have the number 10: the organization, or somebody with "
                                     "its key, made two"));
    assert_true(roots_read(&known, text_slice(&f->first.bytes), &err));
    assert_false(roots_follow(&known, &bytes, 1, &is_newer, NULL));
    roots_dispose(&known);
    roots_dispose(&second);
}

/* Every bit of a document, and of its signature, counts. */
static void test_roots_refuses_what_was_changed(void **state)
{
    struct fixture *f = *state;
    struct roots good = make(f, 15, &f->org.root, NULL, NULL, &f->org.root, NULL);
    struct text bytes = {0};
    size_t read = 0;

    text_put_slice(&bytes, text_slice(&good.bytes));
    for (size_t i = 0; i < bytes.size; i++) {
        struct error err = {0};
        struct roots changed;

        bytes.data[i] ^= 1;
        if (roots_read(&changed, text_slice(&bytes), &err)) {
            read++;
            if (roots_accept(&f->first, &changed, &err) != ROOTS_REFUSED)
                fail_msg("changed at byte %zu", i);
            roots_dispose(&changed);
        }
        assert_true(err.code != ERROR_NONE);
        bytes.data[i] ^= 1;
    }
    assert_true(read > 100); /* keys, times, hashes: form alone does not find it */
    roots_dispose(&good);
    text_dispose(&bytes);
}

/* A second signature that is wrong is no reason to look away. */
static void test_roots_refuses_one_wrong_signature_among_right_ones(void **state)
{
    struct fixture *f = *state;
    struct roots roots = make(f, 11, &f->r2, &f->org.root, NULL, &f->r2, &f->org.root);
    struct error err = {0};
    struct text bytes = {0};
    struct roots changed;
    size_t place;

    for (size_t i = 0; i < 2; i++) {
        text_clear(&bytes);
        text_put_slice(&bytes, text_slice(&roots.bytes));
        place = (size_t)(roots.signatures[i].bytes.data - roots.bytes.data) +
                roots.signatures[i].bytes.size - 1;
        bytes.data[place] ^= 1;
        assert_true(roots_read(&changed, text_slice(&bytes), &err));
        refuse(&f->first, &changed, ERROR_MISMATCH,
               "is wrong: the document was changed, or made by somebody else");
        roots_dispose(&changed);
    }
    roots_dispose(&roots);
    text_dispose(&bytes);
}

static void test_roots_keeps_the_history_of_signing_keys(void **state)
{
    struct fixture *f = *state;
    struct roots roots = kit_roots(&f->org, 11), made, later;

    roots.keys[0].until_s = KIT_NOW; /* it ends, */
    roots.keys[1] = (struct roots_key){.key = {9}, .from_s = KIT_NOW, .until_s = ROOTS_OPEN};
    roots.key_count = 2; /* and another one begins */
    made = kit_sign(&roots, &f->org.root, NULL);
    accept(&f->first, &made);
    roots.sequence = 12;
    roots.keys[0] = roots.keys[1];
    roots.key_count = 1;
    later = kit_sign(&roots, &f->org.root, NULL);
    refuse(&made, &later, ERROR_REFUSED, "leaves out the signing key");
    roots_dispose(&later);
    roots.keys[0].from_s++;
    roots.keys[1] = (struct roots_key){.from_s = KIT_NOW + 5, .until_s = ROOTS_OPEN};
    roots.key_count = 2;
    key_public(f->org.signing_key, roots.keys[1].key);
    later = kit_sign(&roots, &f->org.root, NULL);
    refuse(&made, &later, ERROR_REFUSED, "says another beginning of the signing key");
    roots_dispose(&later);
    roots_dispose(&made);
}

/* ---- at first */

static void refuse_pin(const struct roots *roots, const char *org, const uint8_t *hash,
                       enum error_code code, const char *text)
{
    struct error err = {0};

    assert_false(roots_pin(roots, org, hash, &err));
    if (strstr(err.text, text) == NULL)
        fail_msg("it says: %s", err.text);
    assert_int_equal(err.code, code);
}

static void test_roots_are_pinned_by_hash_and_organization(void **state)
{
    struct fixture *f = *state;
    const uint8_t *hash = f->org.root.signer.hash;
    struct roots two = make(f, 11, &f->org.root, &f->r2, &f->r3, &f->org.root, NULL), changed;
    struct error err = {0};
    struct text bytes = {0};

    assert_true(roots_pin(&f->first, "library.example.org", hash, &err));
    assert_true(roots_pin(&two, "library.example.org", hash, &err));
    refuse_pin(&f->first, "museum.example.net", hash, ERROR_REFUSED,
               "is of 'library.example.org', and 'museum.example.net' was expected");
    refuse_pin(&f->first, "library.example.org", f->r2.signer.hash, ERROR_MISMATCH,
               "that was agreed on is");
    refuse_pin(&two, "library.example.org", f->r2.signer.hash, ERROR_MISMATCH,
               "is not signed by its root");
    refuse_pin(&two, "library.example.org", f->r3.signer.hash, ERROR_MISMATCH,
               "that was agreed on is"); /* next is not in force */
    text_put_slice(&bytes, text_slice(&f->first.bytes));
    bytes.data[bytes.size - 1] ^= 1; /* of the signature */
    assert_true(roots_read(&changed, text_slice(&bytes), &err));
    refuse_pin(&changed, "library.example.org", hash, ERROR_MISMATCH, "is wrong");
    roots_dispose(&changed);
    roots_dispose(&two);
    text_dispose(&bytes);
}

/* ---- many */

static void test_roots_are_followed_however_long_a_partner_was_away(void **state)
{
    struct fixture *f = *state;
    struct kit_root *r1 = &f->org.root;
    struct roots documents[] = {
        make(f, 11, r1, NULL, &f->r2, r1, NULL),
        make(f, 12, &f->r2, r1, NULL, &f->r2, r1),
        make(f, 13, &f->r2, NULL, NULL, &f->r2, NULL),
        make(f, 14, &f->r2, NULL, &f->r3, &f->r2, NULL),
        make(f, 15, &f->r3, &f->r2, NULL, &f->r3, &f->r2),
        make(f, 16, &f->r3, NULL, NULL, &f->r3, NULL),
    };
    struct slice bytes[ARRAY_SIZE(documents)];
    bool is_newer;

    for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
        bytes[i] = text_slice(&documents[i].bytes);
    /* from whatever was known, and with whatever of it sent again */
    for (size_t from = 0; from < ARRAY_SIZE(documents); from++)
        for (size_t sent = 0; sent <= from; sent++) {
            struct error err = {0};
            struct roots known;

            assert_true(roots_read(&known, bytes[from], &err));
            if (!roots_follow(&known, bytes + sent, ARRAY_SIZE(documents) - sent, &is_newer, &err))
                fail_msg("from %zu, sent %zu: %s", from, sent, err.text);
            assert_int_equal(known.sequence, 16);
            assert_int_equal(is_newer, from + 1 < ARRAY_SIZE(documents));
            roots_dispose(&known);
        }
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
        roots_dispose(&documents[i]);
}

static void test_roots_are_followed_all_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct roots good = make(f, 11, &f->org.root, NULL, NULL, &f->org.root, NULL);
    struct roots bad = make(f, 12, &f->e, NULL, NULL, &f->e, NULL), known;
    struct slice bytes[] = {text_slice(&good.bytes), text_slice(&bad.bytes)};
    struct slice many[ROOTS_FOLLOW_MAX + 1] = {{0}};
    struct error err = {0};
    bool is_newer = true;

    assert_true(roots_read(&known, text_slice(&f->first.bytes), &err));
    assert_false(roots_follow(&known, bytes, 2, &is_newer, &err));
    assert_non_null(strstr(err.text, "document 2 of 2: the roots document 12"));
    assert_false(is_newer);
    assert_int_equal(known.sequence, 10);
    err = (struct error){0};
    assert_false(roots_follow(&known, (struct slice[]){SLICE("x")}, 1, &is_newer, &err));
    assert_int_equal(err.code, ERROR_SYNTAX);
    err = (struct error){0};
    assert_false(roots_follow(&known, many, ARRAY_SIZE(many), &is_newer, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    err = (struct error){0};
    assert_true(roots_follow(&known, NULL, 0, &is_newer, &err));
    assert_false(is_newer);
    roots_dispose(&known);
    roots_dispose(&good);
    roots_dispose(&bad);
}

static void test_roots_that_a_partner_needs_are_those_that_changed_them(void **state)
{
    struct fixture *f = *state;
    struct kit_root *r1 = &f->org.root;
    struct roots keys = make(f, 11, r1, NULL, NULL, r1, NULL);
    struct roots announced = make(f, 12, r1, NULL, &f->r2, r1, NULL);
    struct roots switched = make(f, 13, &f->r2, r1, NULL, &f->r2, r1);

    assert_true(roots_must_keep(NULL, &f->first));
    assert_false(roots_must_keep(&f->first, &keys));
    assert_true(roots_must_keep(&keys, &announced));
    assert_true(roots_must_keep(&announced, &switched));
    roots_dispose(&keys);
    roots_dispose(&announced);
    roots_dispose(&switched);
}

/* ---- what signing keys signed */

static void test_roots_say_what_their_signing_keys_signed(void **state)
{
    struct fixture *f = *state;
    struct roots roots = kit_roots(&f->org, 11);
    uint8_t key[KEY_RAW_SIZE], none[KEY_RAW_SIZE] = {5};
    struct text signature = {0};
    struct slice made;

    roots.keys[0].until_s = KIT_NOW;
    roots = kit_sign(&roots, &f->org.root, NULL);
    key_public(f->org.signing_key, key);
    key_sign(f->org.signing_key, "receipt", SLICE("bytes"), &signature);
    made = text_slice(&signature);
    assert_true(roots_signed(&roots, "receipt", SLICE("bytes"), key, made, KIT_NOW - 1, NULL));
    {
        const struct {
            const uint8_t *key;
            const char *context;
            int64_t at_s;
            enum error_code code;
            const char *text;
        } cases[] = {
            {none, "receipt", KIT_NOW - 1, ERROR_NOT_FOUND, "is none that 'library"},
            {key, "receipt", KIT_NOW, ERROR_REFUSED, "was no longer in force"},
            {key, "receipt", KIT_NOW - CA_SLACK_S - 1, ERROR_REFUSED, "was not in force yet"},
            {key, "statement", KIT_NOW - 1, ERROR_MISMATCH, "is not one of the signing key"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct error err = {0};

            assert_false(roots_signed(&roots, cases[i].context, SLICE("bytes"), cases[i].key, made,
                                      cases[i].at_s, &err));
            assert_int_equal(err.code, cases[i].code);
            assert_non_null(strstr(err.text, cases[i].text));
        }
    }
    roots_dispose(&roots);
    text_dispose(&signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_that_are_known_are_the_same),
        cmocka_unit_test(test_roots_are_followed_over_a_rotation),
        cmocka_unit_test(test_roots_that_were_announced_may_take_over_alone),
        cmocka_unit_test(test_roots_refuses_what_does_not_follow),
        cmocka_unit_test(test_roots_raise_an_alarm_over_two_of_one_number),
        cmocka_unit_test(test_roots_refuses_what_was_changed),
        cmocka_unit_test(test_roots_refuses_one_wrong_signature_among_right_ones),
        cmocka_unit_test(test_roots_keeps_the_history_of_signing_keys),
        cmocka_unit_test(test_roots_are_pinned_by_hash_and_organization),
        cmocka_unit_test(test_roots_are_followed_however_long_a_partner_was_away),
        cmocka_unit_test(test_roots_are_followed_all_or_not_at_all),
        cmocka_unit_test(test_roots_that_a_partner_needs_are_those_that_changed_them),
        cmocka_unit_test(test_roots_say_what_their_signing_keys_signed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
