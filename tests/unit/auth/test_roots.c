// SPDX-License-Identifier: Apache-2.0
#include "ca_kit.h"

#include "ipfs/dag_cbor.h"
#include "ipfs/dag_json.h"
#include "ipfs/multibase.h"

/* ---- documents as dag-json, in which @R@ and @H@ stand for a root and its hash, @S@ and @T@ for
 * another, @K@ and @L@ for signing keys, @X@ for a certificate that is no root */

struct fixture {
    struct kit_org org;
    struct kit_root other;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->org = kit_org_create("library.example.org");
    fixture->other = kit_root_create("library.example.org");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    kit_org_dispose(&fixture->org);
    kit_root_dispose(&fixture->other);
    free(fixture);
    return 0;
}

static void put_bytes(struct text *json, const void *bytes, size_t size)
{
    text_put_text(json, "{\"/\":{\"bytes\":\"");
    multibase_encode_bare('m', bytes, size, json);
    text_put_text(json, "\"}}");
}

static void put_placeholder(struct text *json, const struct fixture *fixture, char letter)
{
    static const uint8_t keys[2][KEY_RAW_SIZE] = {{1}, {2}};
    struct text der = {0};

    switch (letter) {
    case 'R':
        put_bytes(json, fixture->org.root.der.data, fixture->org.root.der.size);
        break;
    case 'H':
        put_bytes(json, fixture->org.root.signer.hash, KEY_HASH_SIZE);
        break;
    case 'S':
        put_bytes(json, fixture->other.der.data, fixture->other.der.size);
        break;
    case 'T':
        put_bytes(json, fixture->other.signer.hash, KEY_HASH_SIZE);
        break;
    case 'K':
    case 'L':
        put_bytes(json, keys[letter - 'K'], KEY_RAW_SIZE);
        break;
    case 'X':
        ca_put_der(fixture->org.issuer, &der);
        put_bytes(json, der.data, der.size);
        break;
    default: /* 'Y': its hash */
        ca_put_der(fixture->org.issuer, &der);
        ca_hash(fixture->org.issuer, (uint8_t *)text_reserve(&der, KEY_HASH_SIZE));
        put_bytes(json, der.data + der.size, KEY_HASH_SIZE);
    }
    text_dispose(&der);
}

/* As dag-cbor. */
static struct text encode(const struct fixture *fixture, const char *template)
{
    struct text json = {0}, out = {0};
    struct dag_node node = {0};
    struct error err = {0};

    for (const char *at = template; *at != '\0'; at++) {
        if (at[0] == '@' && at[1] != '\0' && at[2] == '@') {
            put_placeholder(&json, fixture, at[1]);
            at += 2;
        } else {
            text_put_char(&json, *at);
        }
    }
    if (!dag_json_decode(&node, text_slice(&json), &err))
        fail_msg("%s: %s", err.text, json.data);
    dag_cbor_encode(&node, &out);
    dag_node_dispose(&node);
    text_dispose(&json);
    return out;
}

static struct text envelope(struct slice document, const char *signatures,
                            const struct fixture *fixture)
{
    struct text json = {0}, out;

    text_put_text(&json, "{\"document\":");
    put_bytes(&json, document.data, document.size);
    text_put_format(&json, ",\"signatures\":%s}", signatures);
    out = encode(fixture, json.data);
    text_dispose(&json);
    return out;
}

/* The good document with one field changed, or without it (NULL), or with one more. */
static struct text document_with(const struct fixture *fixture, const char *field,
                                 const char *value)
{
    static const char *const fields[][2] = {
        {"org", "\"library.example.org\""},
        {"roots", "[{\"hash\":@H@,\"certificate\":@R@}]"},
        {"version", "1"},
        {"sequence", "7"},
        {"issued_at", "1800000000"},
        {"next_roots", "[{\"hash\":@T@,\"certificate\":@S@}]"},
        {"signing_keys", "[{\"key\":@K@,\"from\":1,\"until\":5},"
                         "{\"key\":@L@,\"from\":4,\"until\":null}]"},
    };
    struct text json = {0}, out;
    bool is_known = false;

    text_put_char(&json, '{');
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        bool is_it = field != NULL && strcmp(field, fields[i][0]) == 0;
        const char *text = is_it ? value : fields[i][1];

        is_known = is_known || is_it;
        if (text != NULL)
            text_put_format(&json, "%s\"%s\":%s", json.size > 1 ? "," : "", fields[i][0], text);
    }
    if (field != NULL && !is_known)
        text_put_format(&json, ",\"%s\":%s", field, value);
    text_put_char(&json, '}');
    out = encode(fixture, json.data);
    text_dispose(&json);
    return out;
}

static const char good_signatures[] = "[{\"root\":@H@,\"signature\":{\"/\":{\"bytes\":\"AAAA\"}}}]";

static void test_roots_reads_every_field(void **state)
{
    struct fixture *fixture = *state;
    struct text document = document_with(fixture, NULL, NULL);
    struct text bytes = envelope(text_slice(&document), good_signatures, fixture);
    struct error err = {0};
    struct roots roots;

    if (!roots_read(&roots, text_slice(&bytes), &err))
        fail_msg("%s", err.text);
    assert_string_equal(roots.org, "library.example.org");
    assert_int_equal(roots.sequence, 7);
    assert_int_equal(roots.issued_s, 1800000000);
    assert_int_equal(roots.root_count, 1);
    assert_memory_equal(roots.roots[0].hash, fixture->org.root.signer.hash, KEY_HASH_SIZE);
    assert_true(slice_equal(roots.roots[0].der, text_slice(&fixture->org.root.der)));
    assert_int_equal(roots.next_count, 1);
    assert_true(slice_equal(roots.next[0].der, text_slice(&fixture->other.der)));
    assert_int_equal(roots.key_count, 2);
    assert_int_equal(roots.keys[0].key[0], 1);
    assert_int_equal(roots.keys[0].from_s, 1);
    assert_int_equal(roots.keys[0].until_s, 5);
    assert_int_equal(roots.keys[1].from_s, 4);
    assert_true(roots.keys[1].until_s == ROOTS_OPEN);
    assert_int_equal(roots.signature_count, 1);
    assert_int_equal(roots.signatures[0].bytes.size, 3);
    assert_true(slice_equal(roots.document, text_slice(&document)));
    roots_dispose(&roots);
    text_dispose(&bytes);
    text_dispose(&document);
}

static void refuse(struct slice bytes, enum error_code code, const char *text, size_t number)
{
    struct error err = {0};
    struct roots roots;

    if (roots_read(&roots, bytes, &err))
        fail_msg("case %zu (%s) was taken", number, text);
    if (strstr(err.text, text) == NULL)
        fail_msg("case %zu says: %s", number, err.text);
    assert_int_equal(err.code, code);
    assert_int_equal(roots.root_count, 0);
    assert_null(roots.bytes.data);
}

#define ROOT  "{\"hash\":@H@,\"certificate\":@R@}"
#define OTHER "{\"hash\":@T@,\"certificate\":@S@}"

static void test_roots_refuses_documents_of_another_form(void **state)
{
    static const struct {
        const char *field, *value;
        enum error_code code;
        const char *text;
    } cases[] = {
        {"org", NULL, ERROR_SYNTAX, "\"org\" is missing"},
        {"org", "1", ERROR_SYNTAX, "\"org\" is not of the kind string"},
        {"org", "\"\"", ERROR_SYNTAX, "\"org\": the name of an organization has 1 to 253"},
        {"org", "\"Library.example.org\"", ERROR_SYNTAX, "is no DNS name"},
        {"org", "\"a\\u0000b\"", ERROR_SYNTAX, "byte 2 of an organization's name is 0x00"},
        {"more", "1", ERROR_SYNTAX, "it has 8 fields, where 7 are known"},
        {"version", "2", ERROR_UNSUPPORTED, "it is of version 2, and this gateway reads version 1"},
        {"version", "0", ERROR_UNSUPPORTED, "it is of version 0"},
        {"version", "\"1\"", ERROR_SYNTAX, "\"version\" is not of the kind int"},
        {"version", NULL, ERROR_SYNTAX, "\"version\" is missing"},
        {"sequence", "0", ERROR_SYNTAX, "\"sequence\" is 0"},
        {"sequence", "-1", ERROR_SYNTAX, "\"sequence\" is -1"},
        {"sequence", "9007199254740992", ERROR_SYNTAX, "\"sequence\" is 9007199254740992"},
        {"sequence", "1.5", ERROR_SYNTAX, "\"sequence\" is not of the kind int"},
        {"issued_at", "-1", ERROR_SYNTAX, "\"issued_at\" is -1, which is no time"},
        {"issued_at", "null", ERROR_SYNTAX, "\"issued_at\" is not of the kind int"},
        {"roots", "[]", ERROR_LIMIT, "\"roots\" has 0 entries, where 1 to 2 may be"},
        {"roots", "[1,2,3]", ERROR_LIMIT, "\"roots\" has 3 entries"},
        {"roots", "{}", ERROR_SYNTAX, "\"roots\" is not of the kind list"},
        {"roots", "[1]", ERROR_SYNTAX, "entry 1 of \"roots\": it is no map"},
        {"roots", "[" ROOT ",{\"hash\":@H@}]", ERROR_SYNTAX,
         "entry 2 of \"roots\": \"certificate\" is missing"},
        {"roots", "[{\"hash\":@H@,\"certificate\":\"x\"}]", ERROR_SYNTAX,
         "\"certificate\" is not of the kind bytes"},
        {"roots", "[{\"hash\":{\"/\":{\"bytes\":\"AAAA\"}},\"certificate\":@R@}]", ERROR_SYNTAX,
         "\"hash\" has 3 bytes, and not 32"},
        {"roots", "[{\"hash\":@T@,\"certificate\":@R@}]", ERROR_MISMATCH,
         "\"hash\" is not the hash of \"certificate\""},
        {"roots", "[{\"hash\":@H@,\"certificate\":{\"/\":{\"bytes\":\"AAAA\"}}}]", ERROR_SYNTAX,
         "it is no certificate that can be read"},
        {"roots", "[{\"hash\":@Y@,\"certificate\":@X@}]", ERROR_MISMATCH,
         "the root is not signed by its own key"},
        {"roots", "[" ROOT "," ROOT "]", ERROR_SYNTAX, "a root is listed twice"},
        {"roots", "[" OTHER "]", ERROR_SYNTAX, "a root is listed twice"},
        {"next_roots", "[" OTHER "," OTHER "]", ERROR_LIMIT, "\"next_roots\" has 2 entries"},
        {"next_roots", NULL, ERROR_SYNTAX, "\"next_roots\" is missing"},
        {"signing_keys", "[]", ERROR_LIMIT, "\"signing_keys\" has 0 entries"},
        {"signing_keys", "[{\"key\":@K@,\"from\":1}]", ERROR_SYNTAX,
         "entry 1 of \"signing_keys\": \"until\" is missing"},
        {"signing_keys", "[{\"key\":@R@,\"from\":1,\"until\":null}]", ERROR_SYNTAX, "\"key\" has"},
        {"signing_keys", "[{\"key\":@K@,\"from\":-1,\"until\":null}]", ERROR_SYNTAX,
         "\"from\" is -1, which is no time"},
        {"signing_keys", "[{\"key\":@K@,\"from\":5,\"until\":5}]", ERROR_SYNTAX,
         "\"until\" is not behind \"from\""},
        {"signing_keys", "[{\"key\":@K@,\"from\":5,\"until\":true}]", ERROR_SYNTAX,
         "\"until\" is not of the kind int"},
        {"signing_keys",
         "[{\"key\":@K@,\"from\":1,\"until\":2},{\"key\":@K@,\"from\":2,\"until\":null}]",
         ERROR_SYNTAX, "entry 2 of \"signing_keys\": the key is listed twice"},
        {"signing_keys",
         "[{\"key\":@K@,\"from\":2,\"until\":3},{\"key\":@L@,\"from\":2,\"until\":null}]",
         ERROR_SYNTAX, "its \"from\" is not behind that of the entry before"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text document = document_with(*state, cases[i].field, cases[i].value);
        struct text bytes = envelope(text_slice(&document), good_signatures, *state);

        refuse(text_slice(&bytes), cases[i].code, cases[i].text, i);
        text_dispose(&bytes);
        text_dispose(&document);
    }
}

static void test_roots_refuses_envelopes_of_another_form(void **state)
{
#define SIGNATURE(ROOT, BYTES) "{\"root\":" ROOT ",\"signature\":{\"/\":{\"bytes\":\"" BYTES "\"}}}"
    static const struct {
        const char *signatures;
        enum error_code code;
        const char *text;
    } cases[] = {
        {"[]", ERROR_LIMIT, "\"signatures\" has 0 entries, where 1 to 4 may be"},
        {"[1,2,3,4,5]", ERROR_LIMIT, "\"signatures\" has 5 entries"},
        {"[1]", ERROR_SYNTAX, "entry 1 of \"signatures\": it is no map"},
        {"{}", ERROR_SYNTAX, "\"signatures\" is not of the kind list"},
        {"[{\"root\":@H@}]", ERROR_SYNTAX, "\"signature\" is missing"},
        {"[" SIGNATURE("@K@", "") "]", ERROR_SYNTAX, "\"signature\" has 0 bytes"},
        {"[{\"root\":@K@,\"signature\":@R@}]", ERROR_SYNTAX, "bytes, and not 1 to 72"},
        {"[" SIGNATURE("@L@", "AA") "," SIGNATURE("@K@", "AA") "]", ERROR_SYNTAX,
         "entry 2 of \"signatures\": \"root\" is not above that of the entry before"},
        {"[" SIGNATURE("@K@", "AA") "," SIGNATURE("@K@", "AA") "]", ERROR_SYNTAX,
         "\"root\" is not above"},
        {"[" SIGNATURE("@R@", "AA") "]", ERROR_SYNTAX, "\"root\" has"},
    };
#undef SIGNATURE
    struct text document = document_with(*state, NULL, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text bytes = envelope(text_slice(&document), cases[i].signatures, *state);

        refuse(text_slice(&bytes), cases[i].code, cases[i].text, i);
        text_dispose(&bytes);
    }
    text_dispose(&document);
}

static void test_roots_refuses_bytes_that_are_not_the_one_way(void **state)
{
    struct text document = document_with(*state, NULL, NULL), bytes, wide = {0};
    struct slice all;

    refuse((struct slice){NULL, 0}, ERROR_SYNTAX, "the roots document: dag-cbor: byte 0", 0);
    bytes = envelope(SLICE("\xa0\x00"), good_signatures, *state);
    refuse(text_slice(&bytes), ERROR_SYNTAX, "\"document\": dag-cbor: byte 1: more bytes", 1);
    text_dispose(&bytes);
    bytes = envelope(SLICE("\x01"), good_signatures, *state);
    refuse(text_slice(&bytes), ERROR_SYNTAX, "the roots document: it is no map", 2);
    text_dispose(&bytes);
    bytes = envelope(text_slice(&document), good_signatures, *state);
    text_put_char(&bytes, 0);
    refuse(text_slice(&bytes), ERROR_SYNTAX, "more bytes behind the value", 3);
    bytes.size--;
    all = text_slice(&bytes);
    for (size_t size = 0; size < all.size; size++) /* cut off anywhere */
        refuse((struct slice){all.data, size}, ERROR_SYNTAX, "the roots document: ", 100 + size);
    text_put(&wide, "\xb8\x02", 2); /* a map of 2, not in the shortest form */
    text_put(&wide, all.data + 1, all.size - 1);
    refuse(text_slice(&wide), ERROR_SYNTAX, "shortest form", 4);
    text_reserve(&bytes, ROOTS_BYTES_MAX);
    refuse((struct slice){bytes.data, ROOTS_BYTES_MAX + 1}, ERROR_LIMIT, "at most 8192 bytes", 5);
    text_dispose(&bytes);
    text_dispose(&wide);
    text_dispose(&document);
}

static void test_roots_that_are_written_read_back_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct roots made = kit_roots(&fixture->org, 9), read;
    struct text again = {0};
    struct error err = {0};

    roots_set(&made.next[0], text_slice(&fixture->other.der));
    made.next_count = 1;
    read = kit_sign(&made, &fixture->org.root, &fixture->other);
    assert_int_equal(read.signature_count, 2);
    assert_string_equal(read.org, made.org);
    assert_int_equal(read.sequence, 9);
    assert_true(read.keys[0].until_s == ROOTS_OPEN);
    /* what was read is written again in the same bytes, but for the signatures */
    assert_true(roots_write(&read, &fixture->org.root.signer, 1, &again, &err));
    roots_dispose(&made); /* borrows only */
    assert_true(roots_read(&made, text_slice(&again), &err));
    assert_true(slice_equal(made.document, read.document));
    roots_dispose(&made);
    roots_dispose(&read);
    text_dispose(&again);
}

/* The longest name, every root and key that may be listed, two signatures. */
static void test_roots_have_room_for_all_that_may_be_listed(void **state)
{
    char name[ORG_SIZE];
    struct kit_root next, other;
    struct roots made, read;
    struct kit_org org;

    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 64 == 63 ? '.' : 'o';
    name[sizeof(name) - 1] = '\0';
    org = kit_org_create(name);
    other = kit_root_create(name);
    next = kit_root_create(name);
    made = kit_roots(&org, 1);
    roots_set(&made.roots[1], text_slice(&other.der));
    roots_set(&made.next[0], text_slice(&next.der));
    made.root_count = ROOTS_MAX;
    made.next_count = ROOTS_NEXT_MAX;
    for (made.key_count = 0; made.key_count < ROOTS_KEYS_MAX; made.key_count++)
        made.keys[made.key_count] = (struct roots_key){.key = {(uint8_t)made.key_count},
                                                       .from_s = KIT_NOW + (int64_t)made.key_count,
                                                       .until_s = KIT_NOW + CA_ROOT_S};
    read = kit_sign(&made, &org.root, &other);
    assert_int_equal(read.key_count, ROOTS_KEYS_MAX);
    assert_true(read.bytes.size + 2 * (KEY_HASH_SIZE + KEY_SIGNATURE_MAX + 32) <= ROOTS_BYTES_MAX);
    roots_dispose(&read);
    kit_org_dispose(&org);
    kit_root_dispose(&other);
    kit_root_dispose(&next);
}

static void test_roots_are_not_written_if_they_would_be_refused(void **state)
{
    struct fixture *fixture = *state;
    struct roots roots = kit_roots(&fixture->org, 0);
    struct text bytes = {0};
    struct error err = {0};

    text_put_text(&bytes, "before");
    assert_false(roots_write(&roots, &fixture->org.root.signer, 1, &bytes, &err));
    assert_non_null(strstr(err.text, "\"sequence\" is 0"));
    assert_int_equal(bytes.size, 6);
    text_dispose(&bytes);
}

static void test_roots_numbers_grow_whatever_the_clock_does(void **state)
{
    assert_int_equal(roots_next_sequence(0, KIT_NOW), KIT_NOW);
    assert_int_equal(roots_next_sequence(KIT_NOW, KIT_NOW), KIT_NOW + 1);
    assert_int_equal(roots_next_sequence(KIT_NOW + 5, KIT_NOW), KIT_NOW + 6);
    assert_int_equal(roots_next_sequence(3, -1), 4);
    assert_int_equal(roots_next_sequence(0, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_reads_every_field),
        cmocka_unit_test(test_roots_refuses_documents_of_another_form),
        cmocka_unit_test(test_roots_refuses_envelopes_of_another_form),
        cmocka_unit_test(test_roots_refuses_bytes_that_are_not_the_one_way),
        cmocka_unit_test(test_roots_that_are_written_read_back_the_same),
        cmocka_unit_test(test_roots_have_room_for_all_that_may_be_listed),
        cmocka_unit_test(test_roots_are_not_written_if_they_would_be_refused),
        cmocka_unit_test(test_roots_numbers_grow_whatever_the_clock_does),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
