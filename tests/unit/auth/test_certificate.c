// SPDX-License-Identifier: Apache-2.0
#include "auth/certificate.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A certificate that nobody signed: only its names matter here. */
static X509 *certificate_create(void)
{
    X509 *certificate = X509_new();

    assert_non_null(certificate);
    return certificate;
}

static void add_name(GENERAL_NAMES *names, int type, struct slice text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();

    assert_true(ASN1_STRING_set(value, text.data, (int)text.size));
    GENERAL_NAME_set0_value(name, type, value);
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

static void add_extension(X509 *certificate, GENERAL_NAMES *names)
{
    assert_int_equal(
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    GENERAL_NAMES_free(names);
}

struct san {
    int type;
    struct slice text;
};

/* names ends with a text of NULL. */
static X509 *certificate_with(const struct san *sans)
{
    X509 *certificate = certificate_create();
    GENERAL_NAMES *names = GENERAL_NAMES_new();

    for (; sans->text.data != NULL; sans++)
        add_name(names, sans->type, sans->text);
    add_extension(certificate, names);
    return certificate;
}

/* As OpenSSL's configuration writes them: "URI:...,DNS:...,IP:..." */
static X509 *certificate_from(const char *text)
{
    X509 *certificate = certificate_create();
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);

    assert_non_null(extension);
    assert_true(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
    return certificate;
}

static void test_certificate_names_come_in_order_with_their_kind(void **state)
{
    X509 *certificate =
        certificate_from("URI:spiffe://Example.org/CI,IP:192.0.2.1,DNS:Build.Example.ORG,"
                         "email:Alice@Example.org,RID:1.2.3.4,DNS:xn--bcher-kva.example");
    static const char *const expected[] = {"uri:spiffe://Example.org/CI", "dns:build.example.org",
                                           "email:Alice@example.org", "dns:xn--bcher-kva.example"};
    struct slice names[CERTIFICATE_NAMES_MAX];
    struct arena arena = {0};
    struct error err = {0};
    size_t count;

    assert_true(certificate_names(certificate, &arena, names, &count, &err));
    assert_int_equal(count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names[i].data, expected[i]);
    arena_dispose(&arena);
    X509_free(certificate);
}

static void test_certificate_without_names_has_none(void **state)
{
    X509 *certificate = certificate_create();
    struct slice names[CERTIFICATE_NAMES_MAX];
    struct arena arena = {0};
    struct error err = {0};
    size_t count = 7;

    assert_true(certificate_names(certificate, &arena, names, &count, &err));
    assert_int_equal(count, 0);
    arena_dispose(&arena);
    X509_free(certificate);
}

/* A subject is not looked at, whatever it says. */
static void test_certificate_subject_names_nobody(void **state)
{
    X509 *certificate = certificate_create();
    struct slice names[CERTIFICATE_NAMES_MAX];
    struct arena arena = {0};
    struct error err = {0};
    size_t count = 7;

    assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                           (const unsigned char *)"build.example.org", -1, -1, 0));
    assert_true(certificate_names(certificate, &arena, names, &count, &err));
    assert_int_equal(count, 0);
    arena_dispose(&arena);
    X509_free(certificate);
}

static void test_certificate_refuses_names_that_could_be_read_in_two_ways(void **state)
{
    static const struct {
        struct san sans[3];
        const char *says;
    } table[] = {
        {{{GEN_DNS, {"a.example\0.evil.example", 23}}}, "byte 10 is 0x00"},
        {{{GEN_URI, {"spiffe://a/\nb", 13}}}, "byte 12 is 0x0a"},
        {{{GEN_EMAIL, {"al ice@example.org", 18}}}, "byte 3 is 0x20"},
        {{{GEN_DNS, {"b\xc3\xbc.example", 11}}}, "byte 2 is 0xc3"},
        {{{GEN_DNS, {"a.example", 9}}, {GEN_URI, {"", 0}}}, "(uri): it is empty"},
        {{{GEN_DNS, {"*.example.org", 13}}}, "a wildcard names nobody"},
        {{{GEN_EMAIL, {"alice@*.org", 11}}}, "a wildcard names nobody"},
        {{{GEN_DNS, {"example.org.", 12}}}, "between the dots"},
        {{{GEN_DNS, {".example.org", 12}}}, "between the dots"},
        {{{GEN_DNS, {"a..b", 4}}}, "between the dots"},
        {{{GEN_DNS, {"a/b", 3}}}, "'/' does not belong"},
        {{{GEN_EMAIL, {"alice", 5}}}, "local-part@domain"},
        {{{GEN_EMAIL, {"@example.org", 12}}}, "local-part@domain"},
        {{{GEN_EMAIL, {"alice@evil@example.org", 22}}}, "local-part@domain"},
        {{{GEN_EMAIL, {"alice@", 6}}}, "between the dots"},
        {{{GEN_URI, {"ci", 2}}}, "scheme:rest"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        X509 *certificate = certificate_with(table[i].sans);
        struct slice names[CERTIFICATE_NAMES_MAX];
        struct arena arena = {0};
        struct error err = {0};
        size_t count;

        assert_false(certificate_names(certificate, &arena, names, &count, &err));
        if (strstr(err.text, table[i].says) == NULL)
            fail_msg("%zu: %s", i, err.text);
        arena_dispose(&arena);
        X509_free(certificate);
    }
}

static void test_certificate_refuses_two_extensions(void **state)
{
    X509 *certificate = certificate_from("DNS:a.example");
    GENERAL_NAMES *more = GENERAL_NAMES_new();
    struct slice names[CERTIFICATE_NAMES_MAX];
    struct arena arena = {0};
    struct error err = {0};
    size_t count;

    add_name(more, GEN_DNS, SLICE("b.example"));
    add_extension(certificate, more);
    assert_false(certificate_names(certificate, &arena, names, &count, &err));
    assert_int_equal(err.code, ERROR_SYNTAX);
    assert_non_null(strstr(err.text, "there twice"));
    arena_dispose(&arena);
    X509_free(certificate);
}

static void test_certificate_takes_as_many_names_as_it_says(void **state)
{
    for (size_t wanted = CERTIFICATE_NAMES_MAX; wanted <= CERTIFICATE_NAMES_MAX + 1; wanted++) {
        X509 *certificate = certificate_create();
        GENERAL_NAMES *all = GENERAL_NAMES_new();
        struct slice names[CERTIFICATE_NAMES_MAX];
        struct arena arena = {0};
        struct error err = {0};
        size_t count;

        for (size_t i = 0; i < wanted; i++)
            add_name(all, GEN_DNS, SLICE("a.example"));
        add_extension(certificate, all);
        assert_int_equal(certificate_names(certificate, &arena, names, &count, &err),
                         wanted == CERTIFICATE_NAMES_MAX);
        if (wanted == CERTIFICATE_NAMES_MAX)
            assert_int_equal(count, wanted);
        else
            assert_int_equal(err.code, ERROR_LIMIT);
        arena_dispose(&arena);
        X509_free(certificate);
    }
}

static void test_certificate_takes_names_as_long_as_it_says(void **state)
{
    char uri[CERTIFICATE_NAME_SIZE];
    struct arena arena = {0};
    struct slice name;

    memset(uri, 'a', sizeof(uri));
    for (size_t i = 0; i < 13; i++)
        uri[i] = "uri:spiffe://"[i];
    assert_true(certificate_name_parse((struct slice){uri, CERTIFICATE_NAME_SIZE - 1}, &arena,
                                       &name, NULL));
    assert_int_equal(name.size, CERTIFICATE_NAME_SIZE - 1);
    assert_false(
        certificate_name_parse((struct slice){uri, CERTIFICATE_NAME_SIZE}, &arena, &name, NULL));
    arena_dispose(&arena);
}

/* ---- whose they are */

struct member {
    const char *name, *id;
};

static bool find_member(void *members, struct slice name, char id[ID_SIZE])
{
    for (const struct member *member = members; member->name != NULL; member++)
        if (slice_is(name, member->name)) {
            snprintf(id, ID_SIZE, "%s", member->id);
            return true;
        }
    return false;
}

static void test_certificate_maps_to_exactly_one_member(void **state)
{
    struct member members[] = {{"uri:spiffe://example.org/ci", "ci"},
                               {"dns:build.example.org", "ci"},
                               {"email:alice@example.org", "alice"},
                               {NULL, NULL}};
    static const struct {
        const char *sans, *id, *name;
        enum error_code code;
        const char *says;
    } table[] = {
        {"DNS:other.example,URI:spiffe://example.org/ci", "ci", "uri:spiffe://example.org/ci",
         ERROR_NONE, ""},
        {"DNS:BUILD.example.org,URI:spiffe://example.org/ci", "ci", "dns:build.example.org",
         ERROR_NONE, ""},
        {"email:alice@example.org", "alice", "email:alice@example.org", ERROR_NONE, ""},
        {"email:Alice@example.org,IP:192.0.2.1", "", "", ERROR_NOT_FOUND,
         "no member has any name of the certificate: email:Alice@example.org"},
        {"URI:spiffe://example.org/CI,DNS:x.example", "", "", ERROR_NOT_FOUND,
         "uri:spiffe://example.org/CI, dns:x.example"},
        {"IP:192.0.2.1", "", "", ERROR_NOT_FOUND, "no subject alternative name"},
        {"DNS:build.example.org,email:alice@example.org", "", "", ERROR_REFUSED,
         "dns:build.example.org is 'ci', and email:alice@example.org is 'alice'"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        X509 *certificate = certificate_from(table[i].sans);
        struct arena arena = {0};
        struct error err = {0};
        char id[ID_SIZE];
        struct slice name;
        bool result = certificate_map(certificate, find_member, members, &arena, id, &name, &err);

        assert_int_equal(err.code, table[i].code);
        assert_int_equal(result, table[i].code == ERROR_NONE);
        if (result) {
            assert_string_equal(id, table[i].id);
            assert_true(slice_is(name, table[i].name));
        } else if (strstr(err.text, table[i].says) == NULL) {
            fail_msg("%zu: %s", i, err.text);
        }
        arena_dispose(&arena);
        X509_free(certificate);
    }
}

/* One bad name spoils the others: who made it may have meant another. */
static void test_certificate_with_one_bad_name_maps_to_nobody(void **state)
{
    struct member members[] = {{"dns:build.example.org", "ci"}, {NULL, NULL}};
    X509 *certificate = certificate_from("DNS:build.example.org,DNS:*.example.org");
    struct arena arena = {0};
    struct error err = {0};
    char id[ID_SIZE];
    struct slice name;

    assert_false(certificate_map(certificate, find_member, members, &arena, id, &name, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    arena_dispose(&arena);
    X509_free(certificate);
}

static void test_certificate_name_of_a_policy_becomes_what_certificates_say(void **state)
{
    static const struct {
        const char *text, *name, *says;
    } table[] = {
        {"dns:Build.Example.ORG", "dns:build.example.org", ""},
        {"email:Alice@Example.ORG", "email:Alice@example.org", ""},
        {"uri:spiffe://Example.org/CI", "uri:spiffe://Example.org/CI", ""},
        {"spiffe://example.org/ci", "", "begins with its kind"},
        {"DNS:example.org", "", "begins with its kind"},
        {"", "", "begins with its kind"},
        {"dns:", "", "the dns name of a certificate: it is empty"},
        {"dns:*.example.org", "", "wildcard"},
        {"email:alice", "", "local-part@domain"},
        {"uri:a b", "", "byte 2 is 0x20"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct slice name;
        bool result = certificate_name_parse(slice_of(table[i].text), &arena, &name, &err);

        assert_int_equal(result, table[i].name[0] != '\0');
        if (result)
            assert_true(slice_is(name, table[i].name));
        else if (strstr(err.text, table[i].says) == NULL)
            fail_msg("%zu: %s", i, err.text);
        arena_dispose(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_names_come_in_order_with_their_kind),
        cmocka_unit_test(test_certificate_without_names_has_none),
        cmocka_unit_test(test_certificate_subject_names_nobody),
        cmocka_unit_test(test_certificate_refuses_names_that_could_be_read_in_two_ways),
        cmocka_unit_test(test_certificate_refuses_two_extensions),
        cmocka_unit_test(test_certificate_takes_as_many_names_as_it_says),
        cmocka_unit_test(test_certificate_takes_names_as_long_as_it_says),
        cmocka_unit_test(test_certificate_maps_to_exactly_one_member),
        cmocka_unit_test(test_certificate_with_one_bad_name_maps_to_nobody),
        cmocka_unit_test(test_certificate_name_of_a_policy_becomes_what_certificates_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
