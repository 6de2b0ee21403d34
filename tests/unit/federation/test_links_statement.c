// SPDX-License-Identifier: Apache-2.0
/* Two sides of a link that compare what they hold, several pages of it, when an epoch begins that
 * is not the first. What is held are ids here, two on a page; both learn what they lack. */
#include "links_kit.h"

#include <string.h>

enum { HELD_MAX = 32, PAGE_IDS = 2 };

struct held {
    char ids[HELD_MAX][ULID_SIZE]; /* rising */
    size_t count;
    unsigned pages_taken, pages_differed, fails; /* fails: so many pages are not kept yet */
    unsigned fails_to_make;
    struct later later, made;
    link_page_cb on_done; /* waits for later */
    void *done_arg;
    link_made_cb on_made; /* waits for made */
    void *made_arg;
    struct text page;
    char next[ULID_SIZE];
    enum link_page_verdict verdict;
    uint64_t differing;
    struct link_holdings holdings;
};

static int setup(void **state)
{
    kit_begin();
    return 0;
}

static int teardown(void **state)
{
    kit_end();
    return 0;
}

static void hold(struct held *held, const char id[ULID_SIZE])
{
    size_t at = 0;

    while (at < held->count && strcmp(held->ids[at], id) < 0)
        at++;
    if (at < held->count && strcmp(held->ids[at], id) == 0)
        return;
    assert_true(held->count < HELD_MAX);
    memmove(held->ids[at + 1], held->ids[at], (held->count - at) * ULID_SIZE);
    memcpy(held->ids[at], id, ULID_SIZE);
    held->count++;
}

static bool is_held(const struct held *held, const char id[ULID_SIZE])
{
    for (size_t i = 0; i < held->count; i++)
        if (strcmp(held->ids[i], id) == 0)
            return true;
    return false;
}

/* Where a page that begins there ends in what is held; "": it is the last one. */
static const char *end_of(const struct held *held, const char *after)
{
    size_t at = 0;

    while (at < held->count && strcmp(held->ids[at], after) <= 0)
        at++;
    return at + PAGE_IDS < held->count ? held->ids[at + PAGE_IDS - 1] : "";
}

static void tell_made(struct later *later)
{
    struct held *held = CONTAINER_OF(later, struct held, made);
    struct slice page = text_slice(&held->page);
    bool fails = held->fails_to_make > 0;
    link_made_cb on_made = held->on_made;

    held->on_made = NULL;
    held->fails_to_make -= fails;
    on_made(held->made_arg, fails ? NULL : &page);
    text_dispose(&held->page);
}

/* A page that is not the last one ends with a plus. */
static void put_page(void *held_, const char *partner, const char *after, link_made_cb on_done,
                     void *done_arg)
{
    struct held *held = held_;
    const char *end = end_of(held, after);

    assert_int_equal(held->page.size, 0);
    for (size_t at = 0; at < held->count; at++)
        if (strcmp(held->ids[at], after) > 0 && (*end == '\0' || strcmp(held->ids[at], end) <= 0))
            text_put_format(&held->page, "%s\n", held->ids[at]);
    if (*end != '\0')
        text_put_char(&held->page, '+');
    held->on_made = on_done;
    held->made_arg = done_arg;
    loop_later(kit_loop(), &held->made); /* when it was read */
}

/* As far as both pages reach. */
static void set_next(struct held *held, const char *after, struct slice page)
{
    const char *ours = end_of(held, after);
    char theirs[ULID_SIZE] = "";

    if (page.size > 0 && page.data[page.size - 1] == '+')
        memcpy(theirs, page.data + page.size - 1 - ULID_SIZE, ULID_SIZE - 1);
    if (*ours == '\0' || (*theirs != '\0' && strcmp(theirs, ours) < 0))
        ours = theirs;
    snprintf(held->next, sizeof(held->next), "%s", ours);
}

static void tell(struct later *later)
{
    struct held *held = CONTAINER_OF(later, struct held, later);
    link_page_cb on_done = held->on_done;

    held->on_done = NULL;
    on_done(held->done_arg, held->verdict, held->differing, held->next);
}

static void take_page(void *held_, const char *partner, const char *after, struct slice page,
                      link_page_cb on_done, void *done_arg)
{
    struct held *held = held_;
    uint64_t differing = 0;

    assert_null(held->on_done);
    set_next(held, after, page);
    assert_true(page.size % ULID_SIZE <= 1);
    for (size_t at = 0; at + 1 < page.size; at += ULID_SIZE) {
        char id[ULID_SIZE] = "";

        memcpy(id, page.data + at, ULID_SIZE - 1);
        assert_true(strcmp(id, after) > 0);
        differing += !is_held(held, id);
        if (held->fails == 0)
            hold(held, id);
    }
    held->pages_taken++;
    held->pages_differed += differing > 0;
    held->verdict = differing > 0 ? LINK_PAGE_DIFFERS : LINK_PAGE_AGREES;
    held->differing = differing;
    if (held->fails > 0) {
        held->fails--;
        held->verdict = LINK_PAGE_FAILED;
    }
    held->on_done = on_done;
    held->done_arg = done_arg;
    loop_later(kit_loop(), &held->later); /* when it is durable */
}

static void begin(struct held *held, struct kit_org *org)
{
    held->later.run = tell;
    held->made.run = tell_made;
    held->holdings =
        (struct link_holdings){.put_page = put_page, .take_page = take_page, .arg = held};
    links_set_holdings(org->links, &held->holdings);
}

/* Whoever holds has answered before the links are closed. */
static void end(struct held *held, struct kit_org **org)
{
    links_set_holdings((*org)->links, NULL);
    later_cancel(&held->later);
    later_cancel(&held->made);
    if (held->on_done != NULL)
        tell(&held->later);
    if (held->on_made != NULL)
        tell_made(&held->made);
    kit_org_free(org);
}

static void hold_number(struct held *held, unsigned number)
{
    char id[ULID_SIZE];

    snprintf(id, sizeof(id), "01jd00000000000000%08u", number);
    hold(held, id);
}

/* The second epoch, upon which both compare. */
static void link_again(struct kit_org *a, struct kit_org *b)
{
    kit_link(a, "beta", b, "alpha");
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_REVOKE, .partner = "beta"}, 200));
    kit_wait_state(b, "alpha", LINK_REVOKED);
    kit_wait_state(a, "beta", LINK_REVOKED);
    kit_link(a, "beta", b, "alpha");
}

static void expect_same(const struct held *a, const struct held *b, size_t count)
{
    assert_int_equal(a->count, count);
    assert_int_equal(b->count, count);
    assert_memory_equal(a->ids, b->ids, count * ULID_SIZE);
}

static void test_links_agree_on_several_pages(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct held of_a = {0}, of_b = {0};

    for (unsigned i = 0; i < 7; i++) {
        hold_number(&of_a, i);
        hold_number(&of_b, i);
    }
    begin(&of_a, a);
    begin(&of_b, b);
    link_again(a, b);
    assert_in_range(of_a.pages_taken, 4, 100);
    assert_in_range(of_b.pages_taken, 4, 100);
    assert_int_equal(of_a.pages_differed + of_b.pages_differed, 0);
    expect_same(&of_a, &of_b, 7);
    end(&of_a, &a);
    end(&of_b, &b);
}

/* Each lacks something on each page, the first and the last one too. */
static void test_links_learn_from_pages_in_both_directions(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct held of_a = {0}, of_b = {0};

    for (unsigned i = 0; i < 12; i++)
        hold_number(i % 3 == 0 ? &of_a : &of_b, i);
    begin(&of_a, a);
    begin(&of_b, b);
    link_again(a, b);
    assert_true(of_a.pages_differed > 0);
    assert_true(of_b.pages_differed > 0);
    expect_same(&of_a, &of_b, 12);
    end(&of_a, &a);
    end(&of_b, &b);
}

static void test_links_compare_anew_what_could_not_be_kept(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct held of_a = {.fails = 2}, of_b = {.fails = 1};

    for (unsigned i = 0; i < 6; i++)
        hold_number(&of_a, i);
    begin(&of_a, a);
    begin(&of_b, b);
    link_again(a, b);
    assert_int_equal(of_a.fails + of_b.fails, 0);
    expect_same(&of_a, &of_b, 6);
    end(&of_a, &a);
    end(&of_b, &b);
}

static void test_links_compare_anew_what_could_not_be_read(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct held of_a = {.fails_to_make = 1}, of_b = {0};

    for (unsigned i = 0; i < 6; i++)
        hold_number(&of_a, i);
    begin(&of_a, a);
    begin(&of_b, b);
    link_again(a, b);
    assert_int_equal(of_a.fails_to_make, 0);
    expect_same(&of_a, &of_b, 6);
    end(&of_a, &a);
    end(&of_b, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_links_agree_on_several_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_learn_from_pages_in_both_directions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_compare_anew_what_could_not_be_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_compare_anew_what_could_not_be_read, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
