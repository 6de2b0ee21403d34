// SPDX-License-Identifier: Apache-2.0
#include "auth/token.h"

#include "ipfs/hash.h"
#include "ipfs/multibase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 32 bytes 0x00, 0x01, ... 0x1f in base32. */
#define SECRET "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
#define ID     "abcdefgh27"
#define TOKEN  "cw1_" ID "_" SECRET

static void expect_hash(const uint8_t hash[RECORD_HASH_SIZE])
{
    uint8_t bytes[32], digest[HASH_DIGEST_MAX];

    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    hash_block(HASH_SHA2_256, (struct slice){(const char *)bytes, 32}, digest);
    assert_memory_equal(hash, digest, RECORD_HASH_SIZE);
}

static struct text basic(const char *pair)
{
    struct text value = {0};

    text_put_text(&value, "Basic ");
    multibase_encode_bare('M', pair, strlen(pair), &value);
    return value;
}

static void test_credential_reads_bearer(void **state)
{
    static const char *const values[] = {"Bearer " TOKEN, "bearer " TOKEN, "BEARER " TOKEN,
                                         "Bearer    " TOKEN};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct credential credential;
        struct error err = {0};

        assert_true(credential_parse(slice_of(values[i]), &credential, &err));
        assert_int_equal(credential.form, CREDENTIAL_BEARER);
        assert_string_equal(credential.id, ID);
        assert_string_equal(credential.member, "");
        expect_hash(credential.secret_hash);
    }
}

static void test_credential_reads_basic_with_the_id_as_user(void **state)
{
    struct text value = basic(ID ":" SECRET);
    struct credential credential;
    struct error err = {0};

    assert_true(credential_parse(text_slice(&value), &credential, &err));
    assert_int_equal(credential.form, CREDENTIAL_BASIC_ID);
    assert_string_equal(credential.id, ID);
    assert_string_equal(credential.member, "");
    expect_hash(credential.secret_hash);
    text_dispose(&value);
}

/* A member may be called like a token's id: the password tells the forms apart. */
static void test_credential_reads_basic_with_the_member_as_user(void **state)
{
    static const char *const members[] = {"alice", "ci-bot.2", ID, "a"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        char pair[256];
        struct text value;
        struct credential credential;
        struct error err = {0};

        snprintf(pair, sizeof(pair), "%s:%s", members[i], TOKEN);
        value = basic(pair);
        assert_true(credential_parse(text_slice(&value), &credential, &err));
        assert_int_equal(credential.form, CREDENTIAL_BASIC_MEMBER);
        assert_string_equal(credential.member, members[i]);
        assert_string_equal(credential.id, ID);
        expect_hash(credential.secret_hash);
        text_dispose(&value);
    }
}

static void refuse(struct slice value, const char *part)
{
    struct credential credential;
    struct error err = {0};

    if (credential_parse(value, &credential, &err))
        fail_msg("accepted: %.*s", SLICE_ARGS(value));
    assert_int_equal(err.code, ERROR_SYNTAX);
    if (strstr(err.text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, err.text);
    assert_null(strstr(err.text, "aaaqeaye")); /* no error repeats a secret */
    assert_null(strstr(err.text, ID));
}

static void test_credential_refuses_what_is_no_header_of_ours(void **state)
{
    static const struct {
        const char *value, *part;
    } table[] = {
        {"", "neither"},
        {"Bearer", "neither"},
        {"Bearer ", "does not begin with cw1_"},
        {TOKEN, "neither"},
        {" Bearer " TOKEN, "neither"},
        {"Bearer\t" TOKEN, "neither"},
        {"Bearer:" TOKEN, "neither"},
        {"Token " TOKEN, "neither"},
        {"Digest " TOKEN, "neither"},
        {"Bearer Bearer " TOKEN, "does not begin with cw1_"},
        {"Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "does not begin with cw1_"},
        {"Bearer CW1_" ID "_" SECRET, "does not begin with cw1_"},
        {"Bearer cw2_" ID "_" SECRET, "does not begin with cw1_"},
        {"Bearer " TOKEN " ", "has 68 characters, not 67"},
        {"Bearer " TOKEN "q", "has 68 characters, not 67"},
        {"Bearer cw1_" ID "_aaaqeaye", "has 23 characters, not 67"},
        {"Bearer cw1_" ID "-" SECRET, "has no '_' behind its id"},
        {"Bearer cw1_Abcdefgh27_" SECRET, "the token's id"},
        {"Bearer cw1_abcdefgh18_" SECRET, "the token's id"},
        {"Bearer cw1_abcdefg\xc3\xa9"
         "7_" SECRET,
         "the token's id"},
        {"Bearer cw1_" ID "_AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPQ", "secret"},
        {"Bearer cw1_" ID "_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp=", "secret"},
        {"Bearer cw1_" ID "_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp1", "secret"},
        /* the same 256 bits with other spare bits: one secret has one spelling */
        {"Bearer cw1_" ID "_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypr", "last letter"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        refuse(slice_of(table[i].value), table[i].part);
}

static void test_credential_refuses_pairs_that_are_none_of_ours(void **state)
{
    static const struct {
        const char *pair, *part;
    } table[] = {
        {"", "no ':'"},
        {"alice", "no ':'"},
        {":", "the token's id"},
        {"alice:", "the token's id"},
        {"alice:secret", "the token's id"},
        {"alice:" SECRET, "the token's id"},
        {ID ":", "secret"},
        {ID ":" SECRET "q", "secret"},
        {ID ":" SECRET ":", "secret"},
        {ID ":" SECRET "\n", "secret"},
        {":" TOKEN, "cannot be a member's"},
        {"Alice:" TOKEN, "cannot be a member's"},
        {"al ice:" TOKEN, "cannot be a member's"},
        {"alice:cw1_" ID "_", "has 15 characters"},
        {"alice::" TOKEN, "the token's id"},
        {TOKEN ":", "the token's id"},
        {"alice:" TOKEN "x", "has 68 characters"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct text value = basic(table[i].pair);

        refuse(text_slice(&value), table[i].part);
        text_dispose(&value);
    }
}

static void test_credential_reads_base64_strictly(void **state)
{
    struct text value = basic("alice:" TOKEN); /* 73 bytes: ends with "==" */
    struct credential credential;
    struct error err = {0};

    assert_int_equal(value.data[value.size - 1], '=');
    assert_true(credential_parse(text_slice(&value), &credential, &err));
    refuse((struct slice){value.data, value.size - 1}, "not base64");
    value.data[value.size - 3]++; /* a spare bit that is not zero */
    refuse(text_slice(&value), "not base64");
    value.data[value.size - 3]--;
    value.data[10] = ' ';
    refuse(text_slice(&value), "not base64");
    value.data[10] = '-'; /* the URL alphabet */
    refuse(text_slice(&value), "not base64");
    text_dispose(&value);
    value = basic("alice:" TOKEN "alice:" TOKEN "alice:" TOKEN);
    refuse(text_slice(&value), "not base64");
    text_dispose(&value);
}

static void test_credential_refuses_a_nul_inside(void **state)
{
    static const char pair[] = "ali\0ce:" TOKEN;
    struct text value = {0};

    text_put_text(&value, "Basic ");
    multibase_encode_bare('M', pair, sizeof(pair) - 1, &value);
    refuse(text_slice(&value), "cannot be a member's");
    text_dispose(&value);
    refuse((struct slice){"Bearer cw1_abcd\0fgh27_" SECRET, sizeof("Bearer " TOKEN) - 1},
           "the token's id");
}

static void test_credential_guesses_the_id_of_a_wrong_or_broken_token(void **state)
{
    static const char *const pairs[] = {"alice:" TOKEN, ID ":" SECRET};
    char id[TOKEN_ID_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct text value = basic(pairs[i]);

        id[0] = '\0';
        assert_true(credential_guess_id(text_slice(&value), id));
        assert_string_equal(id, ID);
        text_dispose(&value);
    }

    assert_true(credential_guess_id(SLICE("Bearer cw1_" ID "_cut"), id));
    assert_string_equal(id, ID);
    assert_true(credential_guess_id(SLICE("Bearer cw1_" ID), id));
    assert_false(credential_guess_id(SLICE("Bearer cw1_abc"), id));
    assert_false(credential_guess_id(SLICE("Bearer hunter2"), id));
    assert_false(credential_guess_id(SLICE("Basic eDp5"), id));
    assert_false(credential_guess_id(SLICE(""), id));
}

static void test_token_draw_makes_what_credentials_read(void **state)
{
    char ids[64][TOKEN_ID_SIZE], text[TOKEN_TEXT_SIZE], value[128];
    uint8_t hash[RECORD_HASH_SIZE];
    struct credential credential;
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        token_draw(ids[i], text, hash);
        assert_int_equal(strlen(text), TOKEN_TEXT_SIZE - 1);
        assert_true(token_id_is_valid(slice_of(ids[i])));
        snprintf(value, sizeof(value), "Bearer %s", text);
        assert_true(credential_parse(slice_of(value), &credential, &err));
        assert_string_equal(credential.id, ids[i]);
        assert_memory_equal(credential.secret_hash, hash, sizeof(hash));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

static void test_token_draw_secret_keeps_the_id(void **state)
{
    char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE];
    uint8_t first_hash[RECORD_HASH_SIZE], second_hash[RECORD_HASH_SIZE];

    token_draw_secret(ID, first, first_hash);
    token_draw_secret(ID, second, second_hash);
    assert_memory_equal(first, "cw1_" ID "_", 15);
    assert_memory_equal(second, "cw1_" ID "_", 15);
    assert_string_not_equal(first, second);
    assert_memory_not_equal(first_hash, second_hash, RECORD_HASH_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credential_reads_bearer),
        cmocka_unit_test(test_credential_reads_basic_with_the_id_as_user),
        cmocka_unit_test(test_credential_reads_basic_with_the_member_as_user),
        cmocka_unit_test(test_credential_refuses_what_is_no_header_of_ours),
        cmocka_unit_test(test_credential_refuses_pairs_that_are_none_of_ours),
        cmocka_unit_test(test_credential_reads_base64_strictly),
        cmocka_unit_test(test_credential_refuses_a_nul_inside),
        cmocka_unit_test(test_credential_guesses_the_id_of_a_wrong_or_broken_token),
        cmocka_unit_test(test_token_draw_makes_what_credentials_read),
        cmocka_unit_test(test_token_draw_secret_keeps_the_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
