// SPDX-License-Identifier: Apache-2.0
#include "ca_kit.h"

#include <openssl/err.h>

static void test_ca_terms_begin_in_the_past_and_end_with_what_signs(void **state)
{
    static const uint8_t serial[CA_SERIAL_SIZE] = {1, 2};
    struct ca_terms terms = ca_terms_at(KIT_NOW, CA_LEAF_S, INT64_MAX, serial);

    assert_int_equal(terms.from_s, KIT_NOW - 3600);
    assert_int_equal(terms.until_s, KIT_NOW + 7 * 86400);
    assert_memory_equal(terms.serial, serial, sizeof(serial));
    terms = ca_terms_at(KIT_NOW, CA_LEAF_S, KIT_NOW + 5, serial);
    assert_int_equal(terms.until_s, KIT_NOW + 5);
}

static void test_ca_makes_what_was_asked_for(void **state)
{
    struct kit_org org = kit_org_create("library.example.org");
    X509 *all[] = {org.root.certificate, org.issuer, org.leaf};
    static const long path_lengths[] = {1, 0, -1};
    static const int64_t ends[] = {CA_ROOT_S, CA_ISSUER_S, CA_LEAF_S};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(X509_get_version(all[i]), 2);
        assert_true(X509_get_pathlen(all[i]) == path_lengths[i]);
        assert_true(ca_from_s(all[i]) == KIT_NOW - CA_SLACK_S);
        assert_true(ca_until_s(all[i]) == KIT_NOW + ends[i]);
        assert_int_equal(X509_check_ca(all[i]), i < 2);
        assert_true(X509_get_key_usage(all[i]) ==
                    (i < 2 ? KU_KEY_CERT_SIGN : KU_DIGITAL_SIGNATURE));
    }
    assert_int_equal(X509_verify(org.issuer, org.root.key), 1);
    assert_int_equal(X509_verify(org.leaf, org.issuer_key), 1);
    assert_int_equal(X509_check_issued(org.root.certificate, org.issuer), X509_V_OK);
    assert_int_equal(X509_check_issued(org.issuer, org.leaf), X509_V_OK);
    kit_org_dispose(&org);
}

static void test_ca_serial_numbers_are_positive_and_of_one_length(void **state)
{
    static const struct {
        uint8_t byte;
        const char *text;
    } cases[] = {
        {0x00, "40000000000000000000000000000000"},
        {0xff, "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
    };
    EVP_PKEY *key = key_create(KEY_P256);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ca_terms terms = {.from_s = 0, .until_s = 1};
        char text[CA_SERIAL_TEXT_SIZE];
        X509 *root;

        memset(terms.serial, cases[i].byte, sizeof(terms.serial));
        root = ca_make_root("example.org", key, &terms);
        assert_string_equal(ca_print_serial(root, text), cases[i].text);
        X509_free(root);
    }
    EVP_PKEY_free(key);
}

/* The longest name an organization may have, and times beyond 2049 (another ASN.1 type). */
static void test_ca_has_room_for_the_longest_name_and_late_times(void **state)
{
    struct ca_terms terms = {.from_s = INT64_C(2524608000), .until_s = INT64_C(4102444800)};
    EVP_PKEY *key = key_create(KEY_P256);
    struct gateway_id id = kit_id("", "north");
    struct error err = {0};
    struct text der = {0};
    X509 *root, *issuer, *leaf, *again;

    for (size_t i = 0; i < ORG_SIZE - 1; i++)
        id.org[i] = i % 64 == 63 ? '.' : 'o';
    id.org[ORG_SIZE - 1] = '\0';
    root = ca_make_root(id.org, key, &terms);
    issuer = ca_make_issuer(id.org, key, &terms, root, key);
    leaf = ca_make_leaf(&id, key, &terms, issuer, key);
    ca_put_der(root, &der);
    again = ca_read_der(text_slice(&der), &err);
    if (again == NULL)
        fail_msg("%s", err.text);
    assert_true(ca_check_root(again, &err));
    assert_true(ca_from_s(again) == terms.from_s && ca_until_s(again) == terms.until_s);
    X509_free(root);
    X509_free(issuer);
    X509_free(leaf);
    X509_free(again);
    EVP_PKEY_free(key);
    text_dispose(&der);
}

static void refuse_der(struct slice der, enum error_code code, const char *text)
{
    struct error err = {0};

    assert_null(ca_read_der(der, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.text, text) == NULL)
        fail_msg("it says: %s", err.text);
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_ca_reads_certificates_whole_and_in_the_one_way(void **state)
{
    struct kit_root root = kit_root_create("example.org");
    struct error err = {0};
    struct text der = {0};
    X509 *again = ca_read_der(text_slice(&root.der), &err);
    uint8_t hash[KEY_HASH_SIZE];

    assert_non_null(again);
    ca_hash(again, hash);
    assert_memory_equal(hash, root.signer.hash, sizeof(hash));
    X509_free(again);
    refuse_der((struct slice){NULL, 0}, ERROR_SYNTAX, "no certificate");
    refuse_der((struct slice){root.der.data, root.der.size - 1}, ERROR_SYNTAX, "no certificate");
    refuse_der(SLICE("-----BEGIN CERTIFICATE-----"), ERROR_SYNTAX, "no certificate");
    text_put_slice(&der, text_slice(&root.der));
    text_put_char(&der, 0);
    refuse_der(text_slice(&der), ERROR_SYNTAX, "bytes stand behind it");
    text_reserve(&der, CA_DER_MAX);
    refuse_der((struct slice){der.data, CA_DER_MAX + 1}, ERROR_LIMIT, "at most 4096 bytes");
    text_dispose(&der);
    kit_root_dispose(&root);
}

struct pem_case {
    struct slice pem;
    size_t max;
    enum error_code code;
    const char *text;
};

static void test_ca_reads_the_certificates_of_a_pem_text(void **state)
{
    struct kit_org org = kit_org_create("example.org");
    X509 *read[2] = {NULL};
    struct text pem = {0}, two;
    struct error err = {0};
    size_t count;
    struct pem_case cases[4];

    key_write(org.leaf_key, (struct slice){NULL, 0}, &pem); /* passed over */
    ca_put_pem(org.leaf, &pem);
    ca_put_pem(org.issuer, &pem);
    two = pem;
    assert_true(ca_read_pem(text_slice(&two), read, 2, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(X509_cmp(read[0], org.leaf), 0);
    assert_int_equal(X509_cmp(read[1], org.issuer), 0);
    X509_free(read[0]);
    X509_free(read[1]);
    cases[0] = (struct pem_case){text_slice(&two), 1, ERROR_LIMIT, "more than 1 certificates"};
    cases[1] = (struct pem_case){SLICE(""), 2, ERROR_SYNTAX, "there is no certificate in it"};
    cases[2] = (struct pem_case){
        {two.data, two.size - 60}, 2, ERROR_SYNTAX, "certificate 2 of it cannot be read"};
    cases[3] =
        (struct pem_case){SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                          2, ERROR_SYNTAX, "certificate 1 of it cannot be read"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        err = (struct error){0};
        assert_false(ca_read_pem(cases[i].pem, read, cases[i].max, &count, &err));
        assert_int_equal(err.code, cases[i].code);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
        assert_int_equal(count, 0);
    }
    text_dispose(&pem);
    kit_org_dispose(&org);
}

static void test_ca_refuses_roots_that_are_none(void **state)
{
    EVP_PKEY *p256 = key_create(KEY_P256), *ed25519 = key_create(KEY_ED25519);
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
#define CA                                                                                         \
    {                                                                                              \
        NID_basic_constraints, "critical,CA:TRUE"                                                  \
    }
#define SIGNS                                                                                      \
    {                                                                                              \
        NID_key_usage, "critical,keyCertSign"                                                      \
    }
    struct {
        struct kit_form form;
        enum error_code code;
        const char *text; /* NULL: it is one */
    } cases[] = {
        {{.key = p256, .issuer_key = p256, .extensions = {CA, SIGNS}}, ERROR_NONE, NULL},
        {{.key = rsa, .issuer_key = rsa, .extensions = {CA, SIGNS}},
         ERROR_UNSUPPORTED,
         "key is not ECDSA on P-256"},
        {{.key = p384, .issuer_key = p384, .extensions = {CA, SIGNS}},
         ERROR_UNSUPPORTED,
         "key is not ECDSA on P-256"},
        {{.key = p256, .issuer_key = p256, .extensions = {CA, SIGNS}, .digest = EVP_sha384()},
         ERROR_UNSUPPORTED,
         "not signed by ECDSA with SHA-256"},
        {{.key = p256, .issuer_key = p256, .extensions = {SIGNS}},
         ERROR_REFUSED,
         "is no CA that may sign"},
        {{.key = p256,
          .issuer_key = p256,
          .extensions = {{NID_basic_constraints, "critical,CA:FALSE"}, SIGNS}},
         ERROR_REFUSED,
         "is no CA that may sign"},
        {{.key = p256,
          .issuer_key = p256,
          .extensions = {CA, {NID_key_usage, "critical,digitalSignature"}}},
         ERROR_REFUSED,
         "is no CA that may sign"},
    };
#undef CA
#undef SIGNS

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        X509 *root;

        cases[i].form.from_s = KIT_NOW;
        cases[i].form.until_s = KIT_NOW + 1;
        root = kit_certificate(&cases[i].form);
        assert_int_equal(ca_check_root(root, &err), cases[i].text == NULL);
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].text != NULL && strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
        X509_free(root);
    }
    EVP_PKEY_free(p256);
    EVP_PKEY_free(ed25519);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ca_terms_begin_in_the_past_and_end_with_what_signs),
        cmocka_unit_test(test_ca_makes_what_was_asked_for),
        cmocka_unit_test(test_ca_serial_numbers_are_positive_and_of_one_length),
        cmocka_unit_test(test_ca_has_room_for_the_longest_name_and_late_times),
        cmocka_unit_test(test_ca_reads_certificates_whole_and_in_the_one_way),
        cmocka_unit_test(test_ca_reads_the_certificates_of_a_pem_text),
        cmocka_unit_test(test_ca_refuses_roots_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
