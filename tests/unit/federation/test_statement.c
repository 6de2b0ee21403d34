// SPDX-License-Identifier: Apache-2.0
/* Statements that agree to the byte, what makes them differ, and signed receipts. */
#include "allocation_kit.h"

#include "federation/receipt.h"
#include "federation/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define US     "library.example.org"
#define THEM   "archive.example.org"
#define OURS   "00000000000000000000000200"
#define THEIRS "00000000000000000000009500"

/* What the owner and the holder have of one allocation. */
static struct allocation_record record_of(enum allocation_role role, unsigned number)
{
    struct kit kit = kit_reach(role == ALLOCATION_OWNER ? ALLOCATION_PLACED : ALLOCATION_PINNED);

    (void)snprintf(kit.record.id, ULID_SIZE, "%026u", number);
    (void)snprintf(kit.record.held_key, ULID_SIZE, "%026u", 9000 + number % 7);
    kit.record.bytes = 100 + number;
    return kit.record;
}

static struct statement *pages(const char *org, unsigned count, unsigned *page_count,
                               uint8_t digest[STATEMENT_DIGEST_SIZE])
{
    struct statement *page = calloc(1, sizeof(*page)), *copy = calloc(1, sizeof(*copy));
    bool is_us = strcmp(org, US) == 0;
    struct text bytes = {0};

    *page_count = 1;
    statement_begin(page, KIT_LINK, 3, org, is_us ? OURS : THEIRS, is_us ? THEM : US,
                    is_us ? THEIRS : OURS);
    for (unsigned i = 1; i <= count; i++) {
        struct allocation_record record =
            record_of(is_us ? ALLOCATION_OWNER : ALLOCATION_HOLDER, i);

        if (statement_add(page, &record, statement_side_of(page, org)) == STATEMENT_ADDED)
            continue;
        text_clear(&bytes);
        statement_write(page, &bytes);
        assert_true(statement_read(copy, text_slice(&bytes), NULL));
        statement_continue(page, text_slice(&bytes));
        assert_int_equal(statement_add(page, &record, statement_side_of(page, org)),
                         STATEMENT_ADDED);
        (*page_count)++;
    }
    page->is_last = true;
    text_clear(&bytes);
    statement_write(page, &bytes);
    assert_true(bytes.size <= STATEMENT_PAGE_MAX);
    assert_true(statement_read(copy, text_slice(&bytes), NULL));
    assert_memory_equal(copy, page, sizeof(*page));
    statement_digest(text_slice(&bytes), digest);
    text_dispose(&bytes);
    free(copy);
    return page;
}

static void test_statement_of_both_sides_is_the_same_bytes(void **state)
{
    static const unsigned counts[] = {0, 1, STATEMENT_ENTRIES_MAX, STATEMENT_ENTRIES_MAX + 1, 1000};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        uint8_t a[STATEMENT_DIGEST_SIZE], b[STATEMENT_DIGEST_SIZE];
        unsigned a_pages, b_pages;
        struct statement *ours = pages(US, counts[i], &a_pages, a);
        struct statement *theirs = pages(THEM, counts[i], &b_pages, b);

        assert_int_equal(a_pages, b_pages);
        assert_memory_equal(a, b, sizeof(a));
        assert_int_equal(statement_compare(ours, theirs, NULL, NULL), 0);
        assert_int_equal(ours->sides[statement_side_of(ours, THEM)].pins, counts[i]);
        free(ours);
        free(theirs);
    }
}

static void test_statement_has_what_is_held_at_its_cut(void **state)
{
    static const struct {
        const char *held, *release, *evict;
        enum statement_added added;
    } cases[] = {
        {"00000000000000000000009500", "", "", STATEMENT_ADDED},
        {"00000000000000000000009501", "", "", STATEMENT_NOT_IN_IT},
        {"", "", "", STATEMENT_NOT_IN_IT},
        {"00000000000000000000009000", "00000000000000000000000200", "", STATEMENT_NOT_IN_IT},
        {"00000000000000000000009000", "00000000000000000000000201", "", STATEMENT_ADDED},
        {"00000000000000000000009000", "", "00000000000000000000009500", STATEMENT_NOT_IN_IT},
        {"00000000000000000000009000", "", "00000000000000000000009501", STATEMENT_ADDED},
    };
    struct statement *page = calloc(1, sizeof(*page));

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct allocation_record record = record_of(ALLOCATION_OWNER, 1);

        memcpy(record.held_key, cases[i].held, strlen(cases[i].held) + 1);
        memcpy(record.release_key, cases[i].release, strlen(cases[i].release) + 1);
        memcpy(record.evict_key, cases[i].evict, strlen(cases[i].evict) + 1);
        statement_begin(page, KIT_LINK, 3, US, OURS, THEM, THEIRS);
        assert_int_equal(statement_add(page, &record, statement_side_of(page, US)), cases[i].added);
    }
    free(page);
}

static void count_sides(void *arg, const struct statement_entry *ours,
                        const struct statement_entry *theirs)
{
    unsigned *counts = arg;

    counts[ours != NULL && theirs != NULL ? 2 : ours == NULL]++;
}

static void test_statement_comparison_names_what_differs(void **state)
{
    uint8_t digest[STATEMENT_DIGEST_SIZE];
    unsigned page_count, counts[3] = {0};
    struct statement *ours = pages(US, 5, &page_count, digest);
    struct statement *theirs = pages(THEM, 6, &page_count, digest);

    ours->entries[2].bytes++;
    memmove(&theirs->entries[0], &theirs->entries[1], 5 * sizeof(theirs->entries[0]));
    theirs->count--;
    assert_int_equal(statement_compare(ours, theirs, count_sides, counts), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(counts[i], 1);
    free(ours);
    free(theirs);
}

static void test_statement_that_is_cut_or_changed_is_refused(void **state)
{
    uint8_t digest[STATEMENT_DIGEST_SIZE];
    unsigned page_count;
    struct statement *page = pages(US, 3, &page_count, digest), *read = calloc(1, sizeof(*read));
    struct text bytes = {0};
    struct error err = {0};

    statement_write(page, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_false(statement_read(read, (struct slice){bytes.data, size}, NULL));
    page->sides[0].bytes++;
    text_clear(&bytes);
    statement_write(page, &bytes);
    assert_false(statement_read(read, text_slice(&bytes), &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    page->sides[0].bytes--;
    memcpy(page->entries[2].id, page->entries[0].id, ULID_SIZE);
    text_clear(&bytes);
    statement_write(page, &bytes);
    assert_false(statement_read(read, text_slice(&bytes), NULL));
    text_dispose(&bytes);
    free(page);
    free(read);
}

static void test_receipt_is_read_as_it_was_signed(void **state)
{
    struct allocation_record record = record_of(ALLOCATION_HOLDER, 4);
    EVP_PKEY *key = key_create(KEY_ED25519), *other = key_create(KEY_ED25519);
    struct roots roots = {.org = THEM, .key_count = 1, .keys = {{.until_s = ROOTS_OPEN}}};
    struct text document = {0}, signature = {0};
    struct receipt made, read;

    key_public(key, roots.keys[0].key);
    receipt_of(&made, &record, 3, US, THEM, KIT_WALL);
    receipt_write(&made, key, &document, &signature);
    assert_true(document.size <= RECEIPT_MAX);
    assert_true(receipt_read(&read, text_slice(&document), NULL));
    assert_true(cid_equal(&read.root, &record.root));
    assert_int_equal(read.bytes, record.bytes);
    assert_string_equal(read.key, record.held_key);
    assert_true(receipt_is_for(&read, &record, US, THEM, NULL));
    assert_false(receipt_is_for(&read, &record, THEM, US, NULL));
    assert_true(receipt_verify(&read, &roots, text_slice(&document), text_slice(&signature), NULL));
    document.data[document.size - 1] ^= 1;
    assert_false(
        receipt_verify(&read, &roots, text_slice(&document), text_slice(&signature), NULL));
    document.data[document.size - 1] ^= 1;
    key_public(other, roots.keys[0].key);
    assert_false(
        receipt_verify(&read, &roots, text_slice(&document), text_slice(&signature), NULL));
    for (size_t size = 0; size < document.size; size++)
        assert_false(receipt_read(&read, (struct slice){document.data, size}, NULL));
    text_dispose(&document);
    text_dispose(&signature);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_of_both_sides_is_the_same_bytes),
        cmocka_unit_test(test_statement_has_what_is_held_at_its_cut),
        cmocka_unit_test(test_statement_comparison_names_what_differs),
        cmocka_unit_test(test_statement_that_is_cut_or_changed_is_refused),
        cmocka_unit_test(test_receipt_is_read_as_it_was_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
