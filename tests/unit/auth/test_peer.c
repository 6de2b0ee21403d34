// SPDX-License-Identifier: Apache-2.0
#include "auth/peer.h"
#include "ca_kit.h"

#include <openssl/err.h>

struct fixture {
    struct kit_org org, beta;
    struct roots roots, beta_roots;
    struct peer_trust *trust;
    EVP_PKEY *key, *rsa;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct roots roots;

    assert_non_null(f);
    f->org = kit_org_create("library.example.org");
    f->beta = kit_org_create("museum.example.net");
    roots = kit_roots(&f->org, 1);
    f->roots = kit_sign(&roots, &f->org.root, NULL);
    f->trust = peer_trust_create(&f->roots);
    f->key = key_create(KEY_P256);
    f->rsa = EVP_RSA_gen(2048);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    peer_trust_destroy(&f->trust);
    roots_dispose(&f->roots);
    kit_org_dispose(&f->org);
    kit_org_dispose(&f->beta);
    EVP_PKEY_free(f->key);
    EVP_PKEY_free(f->rsa);
    free(f);
    return 0;
}

/* Up to three others; borrowed. */
static enum peer_verdict ask(const struct peer_trust *trust, X509 *leaf, X509 *const others[3],
                             int64_t now_s, struct peer_identity *identity, struct error *err)
{
    struct peer_question question = {
        .leaf = leaf, .others = sk_X509_new_null(), .now_s = now_s, .side = PEER_IS_CLIENT};
    enum peer_verdict verdict, again;
    struct peer_identity other;

    for (size_t i = 0; i < 3 && others[i] != NULL; i++)
        sk_X509_push(question.others, others[i]);
    verdict = peer_verify(trust, &question, identity, err);
    question.side = PEER_IS_SERVER; /* both sides ask the same */
    again = peer_verify(trust, &question, &other, NULL);
    assert_int_equal(verdict, again);
    assert_int_equal(ERR_peek_error(), 0);
    sk_X509_free(question.others);
    return verdict;
}

static void test_peer_of_the_link_is_accepted(void **state)
{
    struct fixture *f = *state;
    /* whatever it sends beside, in whatever order */
    X509 *chains[][3] = {{f->org.issuer},
                         {f->org.issuer, f->org.root.certificate},
                         {f->org.leaf, f->org.root.certificate, f->org.issuer}};
    uint8_t hash[KEY_HASH_SIZE];
    char serial[CA_SERIAL_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
        struct peer_identity identity;
        struct error err = {0};

        if (ask(f->trust, f->org.leaf, chains[i], KIT_NOW, &identity, &err) != PEER_ACCEPTED)
            fail_msg("%s", err.text);
        assert_string_equal(identity.id.org, "library.example.org");
        assert_string_equal(identity.id.node, "north");
        assert_memory_equal(identity.root, f->org.root.signer.hash, KEY_HASH_SIZE);
        ca_hash(f->org.leaf, hash);
        assert_memory_equal(identity.leaf, hash, KEY_HASH_SIZE);
        assert_string_equal(identity.serial, ca_print_serial(f->org.leaf, serial));
        assert_true(identity.until_s == KIT_NOW + CA_LEAF_S);
    }
}

static void refuse(const struct peer_trust *trust, X509 *leaf, X509 *const others[3], int64_t now_s,
                   enum peer_verdict verdict, const char *text)
{
    struct peer_identity identity;
    struct error err = {0};
    enum peer_verdict found = ask(trust, leaf, others, now_s, &identity, &err);

    if (found != verdict || strstr(err.text, text) == NULL)
        fail_msg("for '%s': %s, saying: %s", text, peer_verdict_name(found), err.text);
    assert_true(err.code != ERROR_NONE);
}

static void test_peer_of_another_organization_is_refused(void **state)
{
    struct fixture *f = *state;
    struct gateway_id id = kit_id("library.example.org", "north");
    struct ca_terms terms = kit_terms(KIT_NOW - 1, KIT_NOW + 1000);
    /* beta's CA says that it is ours: constrained or not */
    X509 *liar = ca_make_leaf(&id, f->key, &terms, f->beta.issuer, f->beta.issuer_key);
    struct roots roots = kit_roots(&f->beta, 1), beta_roots;
    struct peer_trust *beta_trust;

    refuse(f->trust, f->beta.leaf, (X509 *[3]){f->beta.issuer}, KIT_NOW, PEER_WRONG_ORG,
           "is of 'museum.example.net', and this link is with 'library.example.org'");
    refuse(f->trust, liar, (X509 *[3]){f->beta.issuer, f->beta.root.certificate}, KIT_NOW,
           PEER_UNKNOWN_ROOT, "leads to no root that is known of this organization");
    /* on beta's own link, what beta's CA says of others is of no meaning either */
    beta_roots = kit_sign(&roots, &f->beta.root, NULL);
    beta_trust = peer_trust_create(&beta_roots);
    refuse(beta_trust, liar, (X509 *[3]){f->beta.issuer}, KIT_NOW, PEER_WRONG_ORG,
           "is of 'library.example.org', and this link is with 'museum.example.net'");
    peer_trust_destroy(&beta_trust);
    roots_dispose(&beta_roots);
    X509_free(liar);
}

/* The constraint in the CA holds even where the name of the link would not be asked for. */
static void test_peer_whose_ca_may_not_name_it_is_refused(void **state)
{
    struct fixture *f = *state;
    struct roots roots = kit_roots(&f->beta, 1), named;
    struct gateway_id id = kit_id("library.example.org", "north");
    struct ca_terms terms = kit_terms(KIT_NOW - 1, KIT_NOW + 1000);
    X509 *liar = ca_make_leaf(&id, f->key, &terms, f->beta.issuer, f->beta.issuer_key);
    struct peer_trust *trust;

    snprintf(roots.org, sizeof(roots.org), "library.example.org"); /* beta's root, our name */
    named = kit_sign(&roots, &f->beta.root, NULL);
    trust = peer_trust_create(&named);
    refuse(trust, liar, (X509 *[3]){f->beta.issuer}, KIT_NOW, PEER_REFUSED,
           "has a name that its CA may not give");
    peer_trust_destroy(&trust);
    roots_dispose(&named);
    X509_free(liar);
}

static void test_peer_out_of_its_time_is_refused(void **state)
{
    struct fixture *f = *state;
    X509 *chain[3] = {f->org.issuer};
    struct peer_identity identity;
    struct error err = {0};

    assert_int_equal(ask(f->trust, f->org.leaf, chain, KIT_NOW - CA_SLACK_S, &identity, &err),
                     PEER_ACCEPTED);
    assert_int_equal(ask(f->trust, f->org.leaf, chain, KIT_NOW + CA_LEAF_S - 1, &identity, &err),
                     PEER_ACCEPTED);
    refuse(f->trust, f->org.leaf, chain, KIT_NOW + CA_LEAF_S + 1, PEER_EXPIRED,
           "the certificate has expired");
    refuse(f->trust, f->org.leaf, chain, KIT_NOW + CA_ISSUER_S + 1, PEER_EXPIRED,
           "the issuing CA has expired");
    refuse(f->trust, f->org.leaf, chain, KIT_NOW + CA_ROOT_S + 1, PEER_EXPIRED,
           "the root has expired");
    refuse(f->trust, f->org.leaf, chain, KIT_NOW - CA_SLACK_S - 1, PEER_NOT_YET,
           "is not valid yet: a clock is wrong");
}

static void test_peer_with_an_incomplete_chain_is_refused(void **state)
{
    struct fixture *f = *state;

    refuse(f->trust, f->org.leaf, (X509 *[3]){NULL}, KIT_NOW, PEER_UNKNOWN_ROOT,
           "leads to no root that is known");
    refuse(f->trust, f->org.leaf, (X509 *[3]){f->org.root.certificate}, KIT_NOW, PEER_UNKNOWN_ROOT,
           "leads to no root that is known");
    refuse(f->trust, f->org.leaf, (X509 *[3]){f->beta.issuer}, KIT_NOW, PEER_UNKNOWN_ROOT,
           "leads to no root that is known");
}

/* ---- forms of leaves. Each differs from a good one in one thing */

#define NAME                                                                                       \
    {                                                                                              \
        NID_subject_alt_name, "URI:spiffe://library.example.org/gateway/north"                     \
    }
#define PLAIN                                                                                      \
    {                                                                                              \
        NID_basic_constraints, "critical,CA:FALSE"                                                 \
    }
#define SIGNS                                                                                      \
    {                                                                                              \
        NID_key_usage, "critical,digitalSignature"                                                 \
    }
#define USES                                                                                       \
    {                                                                                              \
        NID_ext_key_usage, "clientAuth,serverAuth"                                                 \
    }
#define KEYS                                                                                       \
    {NID_subject_key_identifier, "hash"},                                                          \
    {                                                                                              \
        NID_authority_key_identifier, "keyid"                                                      \
    }

static void test_peer_with_a_leaf_of_another_form_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        EVP_PKEY *key; /* NULL: P-256 */
        const EVP_MD *digest;
        struct kit_extension extensions[8];
        enum peer_verdict verdict;
        const char *text;
    } cases[] = {
        {NULL, NULL, {NAME, PLAIN, SIGNS, USES, KEYS}, PEER_ACCEPTED, ""},
        {f->rsa,
         NULL,
         {NAME, PLAIN, SIGNS, USES, KEYS},
         PEER_MALFORMED,
         "the certificate: its key is not ECDSA on P-256"},
        {NULL,
         EVP_sha512(),
         {NAME, PLAIN, SIGNS, USES, KEYS},
         PEER_MALFORMED,
         "it is not signed by ECDSA with SHA-256"},
        {NULL, NULL, {PLAIN, SIGNS, USES, KEYS}, PEER_MALFORMED, "has 0 alternative names"},
        {NULL,
         NULL,
         {{NID_subject_alt_name, "URI:spiffe://library.example.org/gateway/north,DNS:x.example"},
          PLAIN,
          SIGNS,
          USES,
          KEYS},
         PEER_MALFORMED,
         "has 2 alternative names"},
        {NULL,
         NULL,
         {{NID_subject_alt_name, "URI:spiffe://library.example.org/gateway/north,IP:10.0.0.1"},
          PLAIN,
          SIGNS,
          USES,
          KEYS},
         PEER_MALFORMED,
         "has 2 alternative names"},
        {NULL,
         NULL,
         {{NID_subject_alt_name, "URI:spiffe://library.example.org/gateway/north,"
                                 "URI:spiffe://library.example.org/gateway/south"},
          PLAIN,
          SIGNS,
          USES,
          KEYS},
         PEER_MALFORMED,
         "has 2 alternative names"},
        {NULL,
         NULL,
         {{NID_subject_alt_name, "DNS:library.example.org"}, PLAIN, SIGNS, USES, KEYS},
         PEER_MALFORMED,
         "that of a gateway has one"},
        {NULL,
         NULL,
         {{NID_subject_alt_name, "URI:spiffe://library.example.org/member/alice"},
          PLAIN,
          SIGNS,
          USES,
          KEYS},
         PEER_MALFORMED,
         "names no gateway"},
        {NULL,
         NULL,
         {NAME, PLAIN, SIGNS, {NID_ext_key_usage, "clientAuth"}, KEYS},
         PEER_REFUSED,
         ""},
        {NULL,
         NULL,
         {NAME, PLAIN, SIGNS, {NID_ext_key_usage, "serverAuth"}, KEYS},
         PEER_REFUSED,
         ""},
        {NULL,
         NULL,
         {NAME, PLAIN, SIGNS, {NID_ext_key_usage, "emailProtection"}, KEYS},
         PEER_REFUSED,
         "is not for this side of TLS"},
        {NULL,
         NULL,
         {NAME, PLAIN, SIGNS, KEYS},
         PEER_REFUSED,
         "is not for TLS clients and servers both"},
        {NULL,
         NULL,
         {NAME, PLAIN, {NID_key_usage, "critical,keyAgreement"}, USES, KEYS},
         PEER_REFUSED,
         ""},
        {NULL,
         NULL,
         {NAME,
          {NID_basic_constraints, "critical,CA:TRUE"},
          {NID_key_usage, "critical,keyCertSign,digitalSignature"},
          USES,
          KEYS},
         PEER_REFUSED,
         "is a CA's, and not a gateway's"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct kit_form form = {
            .key = cases[i].key != NULL ? cases[i].key : f->key,
            .issuer = f->org.issuer,
            .issuer_key = f->org.issuer_key,
            .from_s = KIT_NOW - 1,
            .until_s = KIT_NOW + 1000,
            .digest = cases[i].digest,
        };
        X509 *chain[3] = {f->org.issuer}, *leaf;
        struct peer_identity identity;
        struct error err = {0};

        memcpy(form.extensions, cases[i].extensions, sizeof(form.extensions));
        leaf = kit_certificate(&form);
        if (cases[i].verdict == PEER_ACCEPTED)
            assert_int_equal(ask(f->trust, leaf, chain, KIT_NOW, &identity, &err), PEER_ACCEPTED);
        else
            refuse(f->trust, leaf, chain, KIT_NOW, cases[i].verdict, cases[i].text);
        X509_free(leaf);
    }
}

static X509 *leaf_below(X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key)
{
    struct gateway_id id = kit_id("library.example.org", "north");
    struct ca_terms terms = kit_terms(KIT_NOW - 1, KIT_NOW + 1000);

    return ca_make_leaf(&id, key, &terms, issuer, issuer_key);
}

static void test_peer_with_a_chain_of_another_shape_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ca_terms terms = kit_terms(KIT_NOW - 1, KIT_NOW + 1000);
    X509 *direct = leaf_below(f->org.root.certificate, f->org.root.key, f->key);
    X509 *second =
        ca_make_issuer("library.example.org", f->key, &terms, f->org.issuer, f->org.issuer_key);
    X509 *deep = leaf_below(second, f->key, f->key);
    X509 *below_leaf = leaf_below(f->org.leaf, f->org.leaf_key, f->key);
    struct peer_question many = {
        .leaf = f->org.leaf, .others = sk_X509_new_null(), .now_s = KIT_NOW};
    struct peer_identity identity;
    struct error err = {0};

    refuse(f->trust, direct, (X509 *[3]){NULL}, KIT_NOW, PEER_REFUSED,
           "is signed by the root itself, and not by an issuing CA");
    refuse(f->trust, deep, (X509 *[3]){second, f->org.issuer}, KIT_NOW, PEER_REFUSED, "");
    refuse(f->trust, below_leaf, (X509 *[3]){f->org.leaf, f->org.issuer}, KIT_NOW, PEER_REFUSED,
           "");
    refuse(f->trust, f->org.root.certificate, (X509 *[3]){NULL}, KIT_NOW, PEER_MALFORMED,
           "has 0 alternative names");
    for (int i = 0; i < 5; i++)
        sk_X509_push(many.others, f->org.issuer);
    assert_int_equal(peer_verify(f->trust, &many, &identity, &err), PEER_MALFORMED);
    assert_non_null(strstr(err.text, "it sent 5 certificates, and at most 4 may be"));
    sk_X509_free(many.others);
    X509_free(direct);
    X509_free(second);
    X509_free(deep);
    X509_free(below_leaf);
}

/* A certificate with the issuer's name and key identifier that another key signed. */
static void test_peer_with_a_wrong_signature_is_refused(void **state)
{
    struct fixture *f = *state;
    X509 *forged = leaf_below(f->org.issuer, f->key, f->key);

    refuse(f->trust, forged, (X509 *[3]){f->org.issuer}, KIT_NOW, PEER_FORGED,
           "the certificate has a wrong signature");
    X509_free(forged);
}

static void test_peer_is_trusted_under_the_next_root_and_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct kit_org next = kit_org_create("library.example.org");
    struct roots made = kit_roots(&f->org, 2), announced, gone;
    struct peer_trust *trust;
    struct peer_identity identity;
    struct error err = {0};

    roots_set(&made.next[0], text_slice(&next.root.der));
    made.next_count = 1;
    announced = kit_sign(&made, &f->org.root, NULL);
    refuse(f->trust, next.leaf, (X509 *[3]){next.issuer}, KIT_NOW, PEER_UNKNOWN_ROOT,
           "leads to no root that is known");
    trust = peer_trust_create(&announced);
    assert_int_equal(ask(trust, next.leaf, (X509 *[3]){next.issuer}, KIT_NOW, &identity, &err),
                     PEER_ACCEPTED);
    assert_memory_equal(identity.root, next.root.signer.hash, KEY_HASH_SIZE);
    assert_int_equal(ask(trust, f->org.leaf, (X509 *[3]){f->org.issuer}, KIT_NOW, &identity, &err),
                     PEER_ACCEPTED);
    assert_memory_equal(identity.root, f->org.root.signer.hash, KEY_HASH_SIZE);
    peer_trust_destroy(&trust);

    made = kit_roots(&next, 3); /* the old one retired */
    gone = kit_sign(&made, &next.root, NULL);
    trust = peer_trust_create(&gone);
    refuse(trust, f->org.leaf, (X509 *[3]){f->org.issuer}, KIT_NOW, PEER_UNKNOWN_ROOT,
           "leads to no root that is known");
    peer_trust_destroy(&trust);
    roots_dispose(&announced);
    roots_dispose(&gone);
    kit_org_dispose(&next);
}

static bool deny(void *arg, const uint8_t root[KEY_HASH_SIZE], const char *serial)
{
    return strcmp(serial, arg) == 0;
}

static void test_peer_with_a_denied_serial_number_is_refused(void **state)
{
    struct fixture *f = *state;
    char serial[CA_SERIAL_TEXT_SIZE], other[] = "40";
    struct peer_question question = {
        .leaf = f->org.leaf, .others = sk_X509_new_null(), .now_s = KIT_NOW, .denied = deny};
    struct peer_identity identity;
    struct error err = {0};

    sk_X509_push(question.others, f->org.issuer);
    ca_print_serial(f->org.leaf, serial);
    question.arg = other;
    assert_int_equal(peer_verify(f->trust, &question, &identity, &err), PEER_ACCEPTED);
    question.arg = serial;
    assert_int_equal(peer_verify(f->trust, &question, &identity, &err), PEER_DENIED);
    assert_non_null(strstr(err.text, "is denied on this link"));
    sk_X509_free(question.others);
}

static void test_peer_claims_a_gateway_before_it_is_verified(void **state)
{
    struct fixture *f = *state;
    struct gateway_id id;
    struct error err = {0};

    assert_true(peer_claim(f->beta.leaf, &id, &err));
    assert_string_equal(id.org, "museum.example.net");
    assert_string_equal(id.node, "north");
    assert_false(peer_claim(f->org.issuer, &id, &err));
    assert_non_null(strstr(err.text, "has 0 alternative names"));
}

static void test_peer_serial_numbers_that_are_none_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const serials[] = {"-1",
                                          "1461501637330902918203684832716283019655932542976"};

    for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
        X509 *leaf = leaf_below(f->org.issuer, f->org.issuer_key, f->key);
        BIGNUM *number = NULL;

        BN_dec2bn(&number, serials[i]);
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(leaf));
        X509_sign(leaf, f->org.issuer_key, EVP_sha256());
        refuse(f->trust, leaf, (X509 *[3]){f->org.issuer}, KIT_NOW, PEER_MALFORMED,
               "its serial number is negative, or longer than 20 bytes");
        BN_free(number);
        X509_free(leaf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_of_the_link_is_accepted),
        cmocka_unit_test(test_peer_of_another_organization_is_refused),
        cmocka_unit_test(test_peer_whose_ca_may_not_name_it_is_refused),
        cmocka_unit_test(test_peer_out_of_its_time_is_refused),
        cmocka_unit_test(test_peer_with_an_incomplete_chain_is_refused),
        cmocka_unit_test(test_peer_with_a_leaf_of_another_form_is_refused),
        cmocka_unit_test(test_peer_with_a_chain_of_another_shape_is_refused),
        cmocka_unit_test(test_peer_with_a_wrong_signature_is_refused),
        cmocka_unit_test(test_peer_is_trusted_under_the_next_root_and_the_old_one),
        cmocka_unit_test(test_peer_with_a_denied_serial_number_is_refused),
        cmocka_unit_test(test_peer_claims_a_gateway_before_it_is_verified),
        cmocka_unit_test(test_peer_serial_numbers_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
