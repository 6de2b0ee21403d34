// SPDX-License-Identifier: Apache-2.0
/* Invitations, proofs, words and a roots document against what another implementation made
 * (tests/kit/link_*.py), and what is none of them. */
#include "federation/invitation.h"

#include "auth/words.h"
#include "federation/signature.h"
#include "golden_kit.h"
#include "ipfs/multibase.h"

static struct invitation read_good(struct slice text)
{
    struct invitation invitation;
    struct error err = {0};

    if (!invitation_parse(&invitation, text, &err))
        fail_msg("%s", err.text);
    return invitation;
}

static void test_invitation_of_another_implementation_is_read_and_printed_the_same(void **state)
{
    struct golden golden = golden_read("invitation-1.txt");
    struct invitation invitation = read_good(golden.lines[0]);
    struct text printed = {0};
    uint8_t hash[32];

    assert_string_equal(invitation.link, "01jd0000000000000000000000");
    assert_int_equal(invitation.epoch, 3);
    assert_string_equal(invitation.org, "beta.example");
    golden_hash(golden.lines[4], hash);
    assert_memory_equal(invitation.root, hash, 32);
    assert_int_equal(invitation.address_count, 2);
    assert_string_equal(invitation.addresses[0], "gw.beta.example:9501");
    assert_string_equal(invitation.addresses[1], "[2001:db8::1]:9501");
    golden_hash(golden.lines[6], hash);
    assert_memory_equal(invitation.secret, hash, 32);
    assert_true(invitation.expires_wall_ms == UINT64_C(1800086400123));
    invitation_print(&invitation, &printed);
    assert_true(slice_equal(text_slice(&printed), golden.lines[0]));
    text_dispose(&printed);
    text_dispose(&golden.text);
}

static void test_invitation_wrapped_by_a_mail_program_is_read(void **state)
{
    struct golden golden = golden_read("invitation-1.txt");
    struct text wrapped = {0};

    text_put_text(&wrapped, " \r\n");
    for (size_t i = 0; i < golden.lines[0].size; i++) {
        text_put_char(&wrapped, golden.lines[0].data[i]);
        if (i % 60 == 59)
            text_put_text(&wrapped, "\r\n\t");
    }
    read_good(text_slice(&wrapped));
    text_dispose(&wrapped);
    text_dispose(&golden.text);
}

/* Each letter left out, and each changed; each beginning of it. */
static void test_invitation_damaged_anywhere_is_refused_and_never_repeated(void **state)
{
    struct golden golden = golden_read("invitation-1.txt");
    struct slice line = golden.lines[0];
    struct invitation invitation;

    for (size_t i = 0; i < line.size; i++) {
        struct text changed = {0};
        struct error cut = {0}, swapped = {0}, lost = {0};

        assert_false(invitation_parse(&invitation, (struct slice){line.data, i}, &cut));
        text_put(&changed, line.data, line.size);
        changed.data[i] = changed.data[i] == 'a' ? 'b' : 'a';
        assert_false(invitation_parse(&invitation, text_slice(&changed), &swapped));
        memmove(changed.data + i, changed.data + i + 1, line.size - i - 1);
        changed.size--;
        assert_false(invitation_parse(&invitation, text_slice(&changed), &lost));
        assert_non_null(strstr(swapped.text, "the invitation: "));
        assert_null(strstr(swapped.text, "mzxw6"));
        text_dispose(&changed);
    }
    text_dispose(&golden.text);
}

static void test_invitation_says_what_is_wrong_with_it(void **state)
{
    static const struct {
        const char *text, *said;
        enum error_code code;
    } rows[] = {
        {"", "the invitation: it does not begin with cwi1", ERROR_SYNTAX},
        {"CWI1abc", "it does not begin with cwi1", ERROR_SYNTAX},
        {"cwi1", "cut short", ERROR_MISMATCH},
        {"cwi1aaaaaaaaaaaaaaaa", "missing or changed", ERROR_MISMATCH},
        {"cwi1!!!!", "missing or changed; copy the whole line again", ERROR_MISMATCH},
    };
    struct invitation invitation;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_false(invitation_parse(&invitation, slice_of(rows[i].text), &err));
        if (err.code != rows[i].code || strstr(err.text, rows[i].said) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

static void test_invitation_proof_is_what_another_implementation_makes(void **state)
{
    struct golden golden = golden_read("proof-1.txt");
    struct invitation_bond bond = {.link = "01jd0000000000000000000000"};
    uint8_t secret[32], key[32], right[32], proof[32];

    golden_hash(golden.lines[0], secret);
    golden_hash(golden.lines[2], bond.exporter);
    golden_hash(golden.lines[3], bond.inviter_root);
    golden_hash(golden.lines[4], bond.joiner_root);
    golden_hash(golden.lines[5], right);
    invitation_key(secret, key);
    invitation_prove(key, &bond, proof);
    assert_memory_equal(proof, right, 32);
    assert_true(invitation_is_proved(key, &bond, proof));
    bond.exporter[0] ^= 1; /* another connection: a relay's */
    assert_false(invitation_is_proved(key, &bond, proof));
    bond.exporter[0] ^= 1;
    bond.joiner_root[31] ^= 1;
    assert_false(invitation_is_proved(key, &bond, proof));
    text_dispose(&golden.text);
}

static void test_invitation_words_are_what_another_implementation_makes(void **state)
{
    struct golden golden = golden_read("words-1.txt");
    struct words_transcript transcript = {
        .link = golden.lines[0],
        .epoch = 3,
        .inviter.org = "beta.example",
        .joiner.org = "alpha.example",
    };
    char words[WORDS_SIZE];

    golden_hash(golden.lines[3], transcript.inviter.root);
    golden_hash(golden.lines[5], transcript.joiner.root);
    golden_hash(golden.lines[6], transcript.exporter);
    assert_true(slice_is(golden.lines[7], words_of(&transcript, words)));
    text_dispose(&golden.text);
}

static void test_invitation_roots_document_of_another_implementation_is_pinned(void **state)
{
    struct golden golden = golden_read("roots-document-1.txt");
    uint8_t bytes[ROOTS_BYTES_MAX], hash[32], next[32], key[32];
    struct roots roots = {0};
    struct error err = {0};
    size_t size = 0;

    golden_hash(golden.lines[2], hash);
    golden_hash(golden.lines[3], next);
    golden_hash(golden.lines[4], key);
    assert_true(multibase_decode(golden.lines[5], bytes, sizeof(bytes), &size, &err));
    if (!roots_read(&roots, (struct slice){(const char *)bytes, size}, &err) ||
        !roots_pin(&roots, "beta.example", hash, &err))
        fail_msg("%s", err.text);
    assert_true(roots.sequence == 1800000000);
    assert_memory_equal(roots.next[0].hash, next, 32);
    assert_memory_equal(roots.keys[0].key, key, 32);
    roots_dispose(&roots);
    text_dispose(&golden.text);
}

static void test_invitation_signed_message_of_another_implementation_verifies(void **state)
{
    struct golden document = golden_read("roots-document-1.txt");
    struct golden golden = golden_read("signed-2.txt"), body = golden_read("batch-1.json");
    struct signature_of of = {SLICE("POST"), SLICE("/link/v1/batch"), body.lines[0]};
    struct slice value = golden.lines[8];
    uint8_t bytes[ROOTS_BYTES_MAX];
    struct roots roots = {0};
    struct wire_signed is = {0};
    struct error err = {0};
    size_t size = 0;

    value.data += strlen("Causeway-Signed: ");
    value.size -= strlen("Causeway-Signed: ");
    assert_true(multibase_decode(document.lines[5], bytes, sizeof(bytes), &size, &err));
    if (!roots_read(&roots, (struct slice){(const char *)bytes, size}, &err) ||
        !wire_signed_parse(&is, value, &err) || !signature_check(&roots, &is, &of, &err))
        fail_msg("%s", err.text);
    is.sequence++;
    assert_false(signature_check(&roots, &is, &of, &err));
    roots_dispose(&roots);
    text_dispose(&document.text);
    text_dispose(&golden.text);
    text_dispose(&body.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invitation_of_another_implementation_is_read_and_printed_the_same),
        cmocka_unit_test(test_invitation_wrapped_by_a_mail_program_is_read),
        cmocka_unit_test(test_invitation_damaged_anywhere_is_refused_and_never_repeated),
        cmocka_unit_test(test_invitation_says_what_is_wrong_with_it),
        cmocka_unit_test(test_invitation_proof_is_what_another_implementation_makes),
        cmocka_unit_test(test_invitation_words_are_what_another_implementation_makes),
        cmocka_unit_test(test_invitation_roots_document_of_another_implementation_is_pinned),
        cmocka_unit_test(test_invitation_signed_message_of_another_implementation_verifies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
