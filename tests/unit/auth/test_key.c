// SPDX-License-Identifier: Apache-2.0
#include "auth/key.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct slice none = {NULL, 0};
static const enum key_kind kinds[] = {KEY_P256, KEY_ED25519};

static void test_key_signs_and_verifies(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        EVP_PKEY *key = key_create(kinds[i]), *other = key_create(kinds[i]);
        struct text signature = {0};

        key_sign(key, "one", SLICE("message"), &signature);
        assert_true(signature.size <= KEY_SIGNATURE_MAX);
        assert_true(key_verify(key, "one", SLICE("message"), text_slice(&signature)));
        assert_false(key_verify(key, "two", SLICE("message"), text_slice(&signature)));
        assert_false(key_verify(key, "one", SLICE("messagf"), text_slice(&signature)));
        assert_false(key_verify(key, "one", SLICE(""), text_slice(&signature)));
        assert_false(key_verify(other, "one", SLICE("message"), text_slice(&signature)));
        assert_false(key_verify(key, "one", SLICE("message"), none));
        signature.data[signature.size - 1] ^= 1;
        assert_false(key_verify(key, "one", SLICE("message"), text_slice(&signature)));
        text_dispose(&signature);
        EVP_PKEY_free(key);
        EVP_PKEY_free(other);
    }
}

/* The border between context and message cannot be moved. */
static void test_key_context_ends_where_the_message_begins(void **state)
{
    EVP_PKEY *key = key_create(KEY_ED25519);
    struct text a = {0}, b = {0};

    key_sign(key, "on", SLICE("e message"), &a);
    key_sign(key, "one", SLICE(" message"), &b);
    assert_false(slice_equal(text_slice(&a), text_slice(&b)));
    text_dispose(&a);
    text_dispose(&b);
    EVP_PKEY_free(key);
}

static void test_key_public_half_comes_back(void **state)
{
    EVP_PKEY *key = key_create(KEY_ED25519), *public;
    struct text signature = {0};
    uint8_t raw[KEY_RAW_SIZE], again[KEY_RAW_SIZE];

    key_public(key, raw);
    public = key_from_public(raw);
    assert_non_null(public);
    key_public(public, again);
    assert_memory_equal(raw, again, sizeof(raw));
    assert_true(key_equal(key, public));
    key_sign(key, "c", SLICE("m"), &signature);
    assert_int_equal(signature.size, 64);
    assert_true(key_verify(public, "c", SLICE("m"), text_slice(&signature)));
    text_dispose(&signature);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
}

static void test_key_is_written_and_read(void **state)
{
    static const struct slice passphrases[] = {{NULL, 0}, {"correct horse", 13}, {"\0x", 2}};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        for (size_t j = 0; j < ARRAY_SIZE(passphrases); j++) {
            EVP_PKEY *key = key_create(kinds[i]), *again;
            struct text pem = {0};
            struct error err = {0};

            key_write(key, passphrases[j], &pem);
            assert_int_equal(strstr(pem.data, "ENCRYPTED") != NULL, passphrases[j].data != NULL);
            again = key_read(text_slice(&pem), passphrases[j], &err);
            if (again == NULL)
                fail_msg("%s", err.text);
            assert_true(key_is(again, kinds[i]) && key_equal(key, again));
            text_dispose(&pem);
            EVP_PKEY_free(key);
            EVP_PKEY_free(again);
        }
}

static void refuse(struct slice pem, struct slice passphrase, enum error_code code)
{
    struct error err = {0};

    assert_null(key_read(pem, passphrase, &err));
    assert_int_equal(err.code, code);
    assert_true(err.text[0] != '\0');
}

static void test_key_refuses_wrong_passphrases(void **state)
{
    EVP_PKEY *key = key_create(KEY_P256);
    struct text pem = {0};

    key_write(key, SLICE("right"), &pem);
    refuse(text_slice(&pem), none, ERROR_REFUSED);
    refuse(text_slice(&pem), SLICE("wrong"), ERROR_MISMATCH);
    refuse(text_slice(&pem), SLICE(""), ERROR_MISMATCH);
    text_dispose(&pem);
    EVP_PKEY_free(key);
}

static void test_key_refuses_what_is_no_key_of_its_kinds(void **state)
{
    EVP_PKEY *others[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-384")};
    EVP_PKEY *p256 = key_create(KEY_P256);
    struct text pem = {0};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_false(key_is(others[i], KEY_P256) || key_is(others[i], KEY_ED25519));
        text_clear(&pem);
        key_write(others[i], none, &pem);
        refuse(text_slice(&pem), none, ERROR_UNSUPPORTED);
        EVP_PKEY_free(others[i]);
    }
    text_clear(&pem);
    key_write(p256, none, &pem);
    refuse((struct slice){pem.data, pem.size / 2}, none, ERROR_SYNTAX);
    refuse(none, none, ERROR_SYNTAX);
    refuse(SLICE("-----BEGIN PRIVATE KEY-----\n"), none, ERROR_SYNTAX);
    EVP_PKEY_free(p256);
    text_dispose(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_signs_and_verifies),
        cmocka_unit_test(test_key_context_ends_where_the_message_begins),
        cmocka_unit_test(test_key_public_half_comes_back),
        cmocka_unit_test(test_key_is_written_and_read),
        cmocka_unit_test(test_key_refuses_wrong_passphrases),
        cmocka_unit_test(test_key_refuses_what_is_no_key_of_its_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
