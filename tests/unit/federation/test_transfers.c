// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../http/clock.h"
#include "transfers_kit.h"

static void test_blocks_that_are_sent_arrive_whole(void **state)
{
    struct two *two = *state;
    struct transfers_counters counters;

    two_send(two);
    two_expect(two, 0, ERROR_NONE);
    assert_true(two->was_whole);
    assert_true(two->is_whole);
    assert_int_equal(two->position, two->dag->stats.blocks);
    assert_int_equal(two->bytes, two->dag->stats.bytes);
    assert_int_equal(two->rejected, 0);
    counters = transfers_counters(two->alpha.transfers);
    assert_int_equal(counters.received[TRANSFERS_DONE], 1);
    assert_true(counters.bytes_in > two->dag->stats.bytes / 2);
    assert_int_equal(transfers_counters(two->beta.transfers).sent[TRANSFERS_DONE], 1);
}

static void test_what_is_there_whole_is_not_sent_again(void **state)
{
    struct two *two = *state;

    two_send(two);
    two_expect(two, 0, ERROR_NONE);
    two_send(two);
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(two->beta.shelf.exports, 1);
    two->permit.is_whole = true; /* the record says so: nobody looks into the inbox */
    two->permit.position = two->dag->stats.blocks;
    two_send(two);
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(two->beta.shelf.exports, 1);
}

static void test_a_transfer_that_broke_off_goes_on_where_it_was(void **state)
{
    struct two *two = *state;

    two->beta.shelf.is_stuck = true;
    two->beta.shelf.breaks_off = true;
    two_send(two);
    assert_int_equal(two->err.code, ERROR_IO);
    two->beta.shelf.is_stuck = two->beta.shelf.breaks_off = false;
    for (int turn = 0; turn < 200; turn++) /* the inbox is closed */
        loop_turn(two->kit->loop, 1);
    two_send(two);
    two_expect(two, 0, ERROR_NONE);
    assert_true(two->is_whole);
    assert_true(two->beta.shelf.skip > 0);
    assert_int_equal(two->position, two->dag->stats.blocks);
}

static void test_what_is_read_back_is_taken_in(void **state)
{
    struct two *two = *state;
    char path[160];

    two_fetch(two);
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(two->beta.shelf.imports, 1);
    assert_true(two->beta.shelf.imported_bytes > two->dag->stats.bytes / 2);
    snprintf(path, sizeof(path), "%s/" KIT_LINK "." KIT_ID ".back", two->beta.inbox);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(transfers_counters(two->alpha.transfers).given[TRANSFERS_DONE], 1);
}

static void test_a_holder_that_gives_something_else_is_not_believed(void **state)
{
    struct two *two = *state;

    two->alpha.shelf.dag = two->other;
    two_fetch(two);
    assert_true(two->err.code == ERROR_MISMATCH || two->err.code == ERROR_SYNTAX);
    assert_int_equal(two->beta.shelf.imports, 0);
    assert_int_equal(transfers_counters(two->beta.transfers).fetched[TRANSFERS_BAD], 1);
}

static void test_more_than_was_reserved_is_cut_and_told(void **state)
{
    struct two *two = *state;

    two->permit.bytes_max = 100000;
    two_send(two);
    two_expect(two, 413, ERROR_REFUSED);
    assert_int_equal(two->rejected, 1);
    assert_false(two->is_whole);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_BEYOND], 1);
}

static void test_other_blocks_than_were_promised_are_refused(void **state)
{
    struct two *two = *state;

    two->beta.shelf.dag = two->other;
    two_send(two);
    two_expect(two, 400, ERROR_REFUSED);
    assert_int_equal(two->rejected, 1);
    assert_int_equal(two->position, 0);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_BAD], 1);
}

static void test_what_control_says_is_what_the_partner_hears(void **state)
{
    static const unsigned statuses[] = {403, 410, 503, 507};
    struct two *two = *state;

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        enum error_code code = statuses[i] == 503 ? ERROR_IO : ERROR_REFUSED;

        two->permit.status = statuses[i];
        strcpy(two->permit.said, "there is a reason");
        two_send(two);
        two_expect(two, statuses[i], code);
        assert_non_null(strstr(two->err.text, "there is a reason"));
        two_fetch(two);
        two_expect(two, statuses[i], code);
    }
    assert_int_equal(two->beta.shelf.exports, 0);
    assert_int_equal(two->alpha.shelf.exports, 0);
}

static void test_of_what_is_not_theirs_all_hear_the_same(void **state)
{
    static const char *const paths[] = {
        "/link/v1/allocations/01jd00000000000000000000aa",
        "/link/v1/allocations/" KIT_ID,
        "/link/v1/allocations/01jd00000000000000000000aa/blocks?from=0",
        "/link/v1/allocations/" KIT_ID "/blocks?from=0",
    };
    struct two *two = *state;
    struct client client = client_of(two->kit, &two->kit->beta);
    struct text first = {0};

    two->permit.status = 404;
    strcpy(two->permit.said, "this must not be told");
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct asked asked = {"GET", paths[i], "", NULL, KIT_UNSIGNED};
        const char *body;

        assert_int_equal(client_ask(&client, &asked), 404);
        assert_says(&client, "\"unknown\"");
        body = strstr(client.got.data, "\r\n\r\n");
        if (i == 0)
            text_put_text(&first, body);
        assert_string_equal(body, first.data);
    }
    text_dispose(&first);
    client_close(&client);
}

static void test_no_bytes_move_in_other_states(void **state)
{
    struct two *two = *state;

    two->kit->state = LINK_ISOLATED;
    two->kit->generation++;
    kit_publish(two->kit);
    two_send(two);
    two_expect(two, 503, ERROR_IO);
    assert_int_equal(two->asked, 0);
    two_view(two, LINK_SUSPENDED, 2);
    two_send(two);
    two_expect(two, 0, ERROR_REFUSED);
}

static void test_a_link_that_changes_ends_its_transfers(void **state)
{
    struct two *two = *state;

    two_send_stuck(two);
    two->kit->generation++;
    kit_publish(two->kit);
    two_wait(two);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_CHANGED], 1);
    two_send_stuck(two);
    two_view(two, LINK_ACTIVE, 7);
    two_wait(two);
    two_expect(two, 0, ERROR_REFUSED);
    assert_int_equal(transfers_counters(two->beta.transfers).sent[TRANSFERS_CHANGED], 1);
}

static void test_what_is_missing_here_is_not_sent(void **state)
{
    struct two *two = *state;

    two->beta.shelf.lacks_it = true;
    two_send(two);
    two_expect(two, 0, ERROR_NOT_FOUND);
}

static void test_a_partner_that_nobody_knows_is_not_dialled(void **state)
{
    struct two *two = *state;
    struct transfers_order order = two_order(two);

    order.partner = "gamma";
    assert_true(transfers_send(two->beta.transfers, &two->transfer, &order, two_moved, two_done,
                               two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NOT_FOUND);
}

static void test_a_spool_is_imported_and_removed(void **state)
{
    struct two *two = *state;
    struct transfers_order order = two_order(two);

    two_send(two);
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(two->alpha.shelf.imports, 1);
    assert_true(transfers_remove(two->alpha.transfers, &two->transfer, KIT_LINK, KIT_ID, two_done,
                                 two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NOT_FOUND);
    assert_true(transfers_remove(two->alpha.transfers, &two->transfer, KIT_LINK, KIT_ID, two_done,
                                 two, &two->err));
    two_wait(two); /* was made anew by the import that found nothing */
    two_expect(two, 0, ERROR_NONE);
}

/* Of another link, with the same id: there is nothing of it, and nothing of this one's goes. */
static void test_one_id_over_two_links_is_two_spools(void **state)
{
    static const char other[] = "01jd000000000000000000000t";
    struct two *two = *state;
    struct transfers_order order = two_order(two);

    two_send(two);
    order.link = other;
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NOT_FOUND);
    assert_true(transfers_remove(two->alpha.transfers, &two->transfer, other, KIT_ID, two_done, two,
                                 &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
    order.link = KIT_LINK;
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(two->alpha.shelf.imports, 1);
}

/* Whoever asks how far it is has it open for a moment: that is no reason to give it up. */
static void test_an_import_of_what_is_open_may_be_tried_again(void **state)
{
    struct two *two = *state;
    struct transfers_order order = two_order(two);
    struct transfer *import = NULL, *sending;

    two_send_stuck(two);
    sending = two->transfer; /* two_done clears it */
    assert_true(transfers_import(two->alpha.transfers, &import, &order, two_done, two, &two->err));
    for (int turns = 0; turns < KIT_TURNS && two->done == 0; turns++)
        loop_turn(two->kit->loop, 1);
    assert_int_equal(two->done, 1);
    assert_int_equal(two->err.code, ERROR_IO);
    transfers_cancel(&sending);
}

static void turn(const struct two *two, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        loop_turn(two->kit->loop, 1);
}

/* Released, or it ran out, while blocks still come. */
static void test_a_spool_that_goes_is_not_written_any_more(void **state)
{
    struct two *two = *state;
    struct transfer *removal;
    unsigned tries = 0;

    two_send_stuck(two);
    assert_true(transfers_remove(two->alpha.transfers, &removal, KIT_LINK, KIT_ID, two_done, two,
                                 &two->err));
    for (int turns = 0; turns < KIT_TURNS && two->done < 2; turns++) /* the sending one too */
        loop_turn(two->kit->loop, 1);
    assert_int_equal(two->done, 2);
    two->transfer = NULL;
    for (two->err.code = ERROR_IO; two->err.code != ERROR_NONE && tries < 50; tries++) {
        assert_true(transfers_remove(two->alpha.transfers, &removal, KIT_LINK, KIT_ID, two_done,
                                     two, &two->err));
        two_wait(two);
    }
    two_expect(two, 0, ERROR_NONE);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_REFUSED], 1);
}

static void test_a_partner_that_stalls_is_cut(void **state)
{
    struct two *two = *state;

    two_send_stuck(two);
    for (int second = 0; second < 40 && two->done == 0; second++) {
        clock_advance_ms(1000);
        turn(two, 20);
    }
    assert_int_equal(two->done, 1);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_STALLED], 1);
}

/* ---- limits */

enum { RATE = 128 << 10 };

/* How long it takes, in ms of the clock that the test moves. */
static uint64_t time_of(struct two *two, bool is_read)
{
    uint64_t began_us = clock_us();

    two->done = 0;
    two_begin(two, is_read ? transfers_fetch : transfers_send);
    for (int turns = 0; turns < KIT_TURNS && two->done == 0; turns++) {
        clock_advance_ms(10);
        loop_turn(two->kit->loop, 1);
    }
    assert_int_equal(two->done, 1);
    two_expect(two, 0, ERROR_NONE);
    return (clock_us() - began_us) / 1000;
}

/* A second's worth may have gone ahead, and the last piece is waited for by nobody; how much longer
 * it takes is the machine's. */
static void expect_rate(const struct two *two, uint64_t took_ms)
{
    uint64_t least_ms = two->dag->stats.bytes * 1000 / RATE;

    assert_true(least_ms > 3000);
    if (took_ms + 2000 < least_ms)
        fail_msg("%llu bytes in %llu ms: faster than %d bytes a second",
                 (unsigned long long)two->dag->stats.bytes, (unsigned long long)took_ms, RATE);
    assert_true(took_ms < 20 * least_ms);
}

static void test_a_grants_rate_holds(void **state)
{
    static const struct transfers_rate rates[] = {{"gamma", 16384}, {"beta", RATE}};
    struct two *two = *state;

    transfers_use_rates(two->alpha.transfers, rates, 2);
    turn(two, 2);
    expect_rate(two, time_of(two, false));
}

static void test_a_grants_rate_may_change_while_blocks_come(void **state)
{
    static const struct transfers_rate slow = {"beta", 16384};
    struct two *two = *state;

    transfers_use_rates(two->alpha.transfers, &slow, 1);
    turn(two, 2);
    two_begin(two, transfers_send);
    for (int turns = 0; turns < 1000; turns++) {
        clock_advance_ms(10);
        loop_turn(two->kit->loop, 1);
    }
    assert_int_equal(two->done, 0); /* it would take a minute */
    transfers_use_rates(two->alpha.transfers, NULL, 0);
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
}

/* What is read back was not placed here. */
static void test_a_grants_rate_is_not_of_what_is_read_back(void **state)
{
    static const struct transfers_rate rate = {"alpha", 16384};
    struct two *two = *state;

    transfers_use_rates(two->beta.transfers, &rate, 1);
    turn(two, 2);
    assert_true(time_of(two, true) < two->dag->stats.bytes * 1000 / 16384 / 2);
}

static void limit_us(struct two *two, struct link_limits limits)
{
    two->kit->limits = limits;
    kit_publish(two->kit);
}

static void limit_them(struct two *two, struct link_limits limits)
{
    two->limits = limits;
    two_view(two, LINK_ACTIVE, 1);
}

/* Of either side, in both directions. */
static void test_the_bandwidth_of_a_link_holds(void **state)
{
    const struct link_limits limits = {.bandwidth = RATE};

    for (unsigned i = 0; i < 4; i++) {
        void *again;
        struct two *two;

        two_setup(&again);
        two = again;
        if (i % 2 == 0)
            limit_us(two, limits);
        else
            limit_them(two, limits);
        expect_rate(two, time_of(two, i >= 2));
        two_teardown(&again);
    }
}

static uint32_t hour_of(uint64_t wall_ms)
{
    return UINT32_C(1) << (wall_ms / 3600000 % 24);
}

static void test_no_bytes_move_in_other_hours(void **state)
{
    struct two *two = *state;
    uint32_t others = LINK_HOURS_ALL & ~hour_of(kit_now_ms());

    limit_us(two, (struct link_limits){.hours = others});
    two_send(two);
    two_expect(two, 503, ERROR_IO);
    assert_non_null(strstr(two->err.text, "no bytes move at this hour"));
    assert_int_equal(two->asked, 1); /* how far it is, it may ask */
    limit_us(two, (struct link_limits){.hours = hour_of(kit_now_ms())});
    limit_them(two, (struct link_limits){.hours = others});
    two_begin(two, transfers_send);
    turn(two, 100);
    assert_int_equal(two->done, 1); /* of the first: this one waits */
    limit_them(two, (struct link_limits){.hours = LINK_HOURS_ALL});
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
}

static void test_hours_that_end_cut_what_is_under_way(void **state)
{
    struct two *two = *state;

    limit_us(two, (struct link_limits){.hours = hour_of(kit_now_ms())});
    two_send_stuck(two);
    kit_wall_ms += 3600000;
    for (int second = 0; second < 40 && two->done == 0; second++) {
        clock_advance_ms(1000);
        turn(two, 20);
    }
    kit_wall_ms -= 3600000;
    assert_int_equal(two->done, 1);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    assert_int_equal(transfers_counters(two->alpha.transfers).received[TRANSFERS_CHANGED], 1);
}

/* ---- room is not held, and no spool stays, for what brings nothing */

/* A header, and not one block. */
static int put_nothing(struct client *client, const struct text *header)
{
    struct text request = {0};
    int status;

    text_put_format(&request,
                    "PUT /link/v1/allocations/" KIT_ID "/blocks?from=0 HTTP/1.1\r\nHost: " KIT_US
                    "\r\nContent-Type: application/vnd.ipld.car; version=1\r\nContent-Length: "
                    "%zu\r\n\r\n",
                    header->size);
    text_put_slice(&request, text_slice(header));
    client_send_text(client, &request);
    status = client_reply(client);
    text_dispose(&request);
    return status;
}

static void test_a_request_that_brings_nothing_is_not_told(void **state)
{
    struct two *two = *state;
    struct client client = client_of(two->kit, &two->kit->beta);
    struct text header = {0};
    unsigned taken = 0;

    car_put_header(&header, &two->dag->root, 1);
    for (unsigned tries = 0; tries < 100 && taken < 3; tries++) {
        int status = put_nothing(&client, &header);

        assert_true(status == 200 || status == 429); /* the one before is just being closed */
        taken += status == 200;
        turn(two, 20);
    }
    assert_int_equal(taken, 3);
    assert_int_equal(two->received, 0);
    assert_int_equal(two->rejected, 0);
    text_dispose(&header);
    client_close(&client);
}

static bool has_spool(const struct two *two)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/" KIT_LINK "." KIT_ID ".back", two->beta.inbox);
    return access(path, F_OK) == 0;
}

static void wait_without_spool(struct two *two)
{
    for (int turns = 0; turns < KIT_TURNS && has_spool(two); turns++)
        loop_turn(two->kit->loop, 1);
    assert_false(has_spool(two));
}

static void begin_reading(struct two *two)
{
    two->alpha.shelf.is_stuck = true;
    two_begin(two, transfers_fetch);
    for (int turns = 0; turns < KIT_TURNS && !has_spool(two); turns++)
        loop_turn(two->kit->loop, 1);
    assert_true(has_spool(two));
}

static void test_what_came_of_a_read_that_was_given_up_is_kept_for_a_while(void **state)
{
    struct two *two = *state;

    begin_reading(two);
    transfers_cancel(&two->transfer);
    turn(two, 50);
    clock_advance_ms(TRANSFERS_KEPT_MS / 2);
    turn(two, 50);
    assert_true(has_spool(two));
    clock_advance_ms(TRANSFERS_KEPT_MS / 2);
    wait_without_spool(two);
}

static void test_a_read_that_begins_again_keeps_what_came(void **state)
{
    struct two *two = *state;

    begin_reading(two);
    transfers_cancel(&two->transfer);
    turn(two, 50);
    two->alpha.shelf.is_stuck = false;
    two->err.code = ERROR_IO;
    for (int tries = 0; tries < 50 && two->err.code != ERROR_NONE; tries++)
        two_fetch(two);
    two_expect(two, 0, ERROR_NONE);
    wait_without_spool(two);
    clock_advance_ms(2 * TRANSFERS_KEPT_MS);
    turn(two, 50); /* nothing is left to be looked at */
}

static void test_what_was_not_promised_goes_at_once(void **state)
{
    struct two *two = *state;

    two->alpha.shelf.dag = two->other;
    two_fetch(two);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    clock_advance_ms(1500);
    wait_without_spool(two);
}

/* ---- refused, failing, silent, gone: each of what is asked for */

static bool nowhere(void *arg, void *session_context)
{
    return true;
}

static void test_nothing_begins_before_the_port_is_open(void **state)
{
    struct two *two = *state;
    const struct transfers_settings settings = {
        .control = two->kit->loop, .jobs = two->jobs, .inbox = two->beta.inbox};
    struct transfers *closed = transfers_create(&settings);
    struct transfers_order order = two_order(two);
    struct transfer *transfer = NULL;
    struct error err = {0};

    assert_false(transfers_send(closed, &transfer, &order, two_moved, two_done, two, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_false(transfers_fetch(closed, &transfer, &order, two_moved, two_done, two, &err));
    assert_false(transfers_import(closed, &transfer, &order, two_done, two, &err));
    assert_false(transfers_remove(closed, &transfer, KIT_LINK, KIT_ID, two_done, two, &err));
    assert_null(transfer);
    turn(two, 5);
    assert_int_equal(two->done, 0);
    transfers_destroy(&closed);
}

static void test_a_holder_that_never_answers_is_given_up(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        void *again;
        struct two *two;

        two_setup(&again);
        two = again;
        two->answers_never = true;
        two_begin(two, i == 0 ? transfers_send : transfers_fetch);
        for (int turns = 0; turns < KIT_TURNS && two->question == NULL; turns++)
            loop_turn(two->kit->loop, 1);
        assert_non_null(two->question);
        for (int second = 0; second < 200 && two->done == 0; second++) {
            clock_advance_ms(1000);
            turn(two, 3);
        }
        assert_int_equal(two->done, 1);
        assert_int_not_equal(two->err.code, ERROR_NONE);
        two_teardown(&again);
    }
}

static void test_a_holder_that_goes_in_the_middle_ends_a_sending(void **state)
{
    struct two *two = *state;

    two_send_stuck(two);
    server_cut_sessions(two->kit->server, nowhere, NULL);
    two_wait(two);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    two->beta.shelf.is_stuck = false;
    for (int tries = 0; tries < 50 && two->err.code != ERROR_NONE; tries++)
        two_send(two); /* the inbox is just being closed */
    two_expect(two, 0, ERROR_NONE);
    assert_true(two->is_whole);
}

static void test_a_holder_that_goes_in_the_middle_ends_a_reading(void **state)
{
    struct two *two = *state;

    begin_reading(two);
    for (int turns = 0; turns < KIT_TURNS && transfers_counters(two->beta.transfers).bytes_in == 0;
         turns++)
        loop_turn(two->kit->loop, 1);
    server_cut_sessions(two->kit->server, nowhere, NULL);
    two_wait(two);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    assert_int_equal(two->beta.shelf.imports, 0);
    two->alpha.shelf.is_stuck = false;
    for (int tries = 0; tries < 50 && two->err.code != ERROR_NONE; tries++)
        two_fetch(two);
    two_expect(two, 0, ERROR_NONE);
}

static void test_a_storage_that_fails_ends_an_import(void **state)
{
    struct two *two = *state;
    struct transfers_order order = two_order(two);

    two_send(two);
    two->alpha.shelf.lacks_it = true;
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    assert_int_not_equal(two->err.code, ERROR_NONE);
    two->alpha.shelf.lacks_it = false;
    assert_true(
        transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
}

static void test_imports_and_removals_may_be_given_up_at_any_time(void **state)
{
    struct two *two = *state;
    struct transfers_order order = two_order(two);

    two_send(two);
    for (unsigned turns = 0; turns < 30; turns++) {
        two->done = 0;
        assert_true(transfers_import(two->alpha.transfers, &two->transfer, &order, two_done, two,
                                     &two->err));
        turn(two, turns);
        transfers_cancel(&two->transfer);
        turn(two, 5);
        assert_true(two->done <= 1);
    }
    for (unsigned turns = 0; turns < 10; turns++) {
        assert_true(transfers_remove(two->alpha.transfers, &two->transfer, KIT_LINK, KIT_ID,
                                     two_done, two, &two->err));
        turn(two, turns);
        transfers_cancel(&two->transfer);
    }
    turn(two, 20);
}

static void test_what_cannot_be_removed_is_said(void **state)
{
    struct two *two = *state;
    char path[160];

    two_send(two);
    snprintf(path, sizeof(path), "%s/" KIT_LINK "." KIT_ID "/of somebody else", two->alpha.inbox);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(transfers_remove(two->alpha.transfers, &two->transfer, KIT_LINK, KIT_ID, two_done,
                                 two, &two->err));
    two_wait(two);
    assert_int_equal(two->err.code, ERROR_IO);
    assert_int_equal(rmdir(path), 0);
    assert_true(transfers_remove(two->alpha.transfers, &two->transfer, KIT_LINK, KIT_ID, two_done,
                                 two, &two->err));
    two_wait(two);
    two_expect(two, 0, ERROR_NONE);
}

/* Whoever asked leaves at any moment: nothing is called, and nothing is left. */
static void test_whoever_asks_may_leave_at_any_time(void **state)
{
    struct two *two = *state;

    for (unsigned turns = 0; turns < 60; turns += turns < 20 ? 1 : 3) {
        two_begin(two, turns % 2 == 0 ? transfers_send : transfers_fetch);
        for (unsigned turn = 0; turn < turns && two->transfer != NULL; turn++)
            loop_turn(two->kit->loop, 1);
        two->done = 0;
        transfers_cancel(&two->transfer);
        for (int turn = 0; turn < 10; turn++)
            loop_turn(two->kit->loop, 1);
        assert_int_equal(two->done, 0);
    }
}

static void test_the_end_may_come_at_any_time(void **state)
{
    for (unsigned turns = 0; turns < 40; turns += 2) {
        void *again;
        struct two *two;

        two_setup(&again);
        two = again;
        two_begin(two, turns % 4 == 0 ? transfers_send : transfers_fetch);
        for (unsigned turn = 0; turn < turns && two->transfer != NULL; turn++)
            loop_turn(two->kit->loop, 1);
        two_end_beta(two);
        two_teardown(&again);
    }
}

/* Each question reads a spool: one link has not all of the job pool. */
static void test_questions_of_a_link_are_counted(void **state)
{
    static const char question[] =
        "GET /link/v1/allocations/" KIT_ID " HTTP/1.1\r\nHost: " KIT_US "\r\n\r\n";
    struct two *two = *state;
    struct transfers_question *questions[TRANSFERS_OF_LINK];
    struct client clients[TRANSFERS_OF_LINK], last = client_of(two->kit, &two->kit->beta);
    struct asked asked = {"GET", "/link/v1/allocations/" KIT_ID, "", NULL, KIT_UNSIGNED};

    two->answers_never = true;
    for (unsigned i = 0; i < TRANSFERS_OF_LINK; i++) {
        clients[i] = client_of(two->kit, &two->kit->beta);
        client_send(&clients[i], question, sizeof(question) - 1);
        for (int turn = 0; turn < KIT_TURNS && two->asked <= i; turn++)
            loop_turn(two->kit->loop, 1);
        assert_int_equal(two->asked, i + 1);
        questions[i] = two->question;
    }
    assert_int_equal(client_ask(&last, &asked), 429);
    assert_says(&last, "\"busy\"");
    two->question = NULL;
    for (unsigned i = 0; i < TRANSFERS_OF_LINK; i++) {
        transfers_permit_answer(questions[i], &two->permit);
        assert_int_equal(client_reply(&clients[i]), 200);
        client_close(&clients[i]);
    }
    assert_int_equal(two->asked, TRANSFERS_OF_LINK);
    client_close(&last);
}

static void test_a_partner_may_leave_while_control_thinks(void **state)
{
    struct two *two = *state;

    two->answers_never = true;
    two_begin(two, transfers_send);
    for (int turn = 0; turn < KIT_TURNS && two->question == NULL; turn++)
        loop_turn(two->kit->loop, 1);
    assert_non_null(two->question);
    transfers_cancel(&two->transfer);
    for (int turn = 0; turn < 100; turn++)
        loop_turn(two->kit->loop, 1);
    assert_int_equal(two->done, 0);
}

int main(void)
{
#define TWO_TEST(test) cmocka_unit_test_setup_teardown(test, two_setup, two_teardown)
    const struct CMUnitTest tests[] = {
        TWO_TEST(test_blocks_that_are_sent_arrive_whole),
        TWO_TEST(test_what_is_there_whole_is_not_sent_again),
        TWO_TEST(test_a_transfer_that_broke_off_goes_on_where_it_was),
        TWO_TEST(test_what_is_read_back_is_taken_in),
        TWO_TEST(test_a_holder_that_gives_something_else_is_not_believed),
        TWO_TEST(test_more_than_was_reserved_is_cut_and_told),
        TWO_TEST(test_other_blocks_than_were_promised_are_refused),
        TWO_TEST(test_what_control_says_is_what_the_partner_hears),
        TWO_TEST(test_of_what_is_not_theirs_all_hear_the_same),
        TWO_TEST(test_no_bytes_move_in_other_states),
        TWO_TEST(test_a_link_that_changes_ends_its_transfers),
        TWO_TEST(test_what_is_missing_here_is_not_sent),
        TWO_TEST(test_a_partner_that_nobody_knows_is_not_dialled),
        TWO_TEST(test_a_spool_is_imported_and_removed),
        TWO_TEST(test_one_id_over_two_links_is_two_spools),
        TWO_TEST(test_an_import_of_what_is_open_may_be_tried_again),
        TWO_TEST(test_a_spool_that_goes_is_not_written_any_more),
        TWO_TEST(test_a_partner_that_stalls_is_cut),
        TWO_TEST(test_a_grants_rate_holds),
        TWO_TEST(test_a_grants_rate_may_change_while_blocks_come),
        TWO_TEST(test_a_grants_rate_is_not_of_what_is_read_back),
        cmocka_unit_test(test_the_bandwidth_of_a_link_holds),
        TWO_TEST(test_no_bytes_move_in_other_hours),
        TWO_TEST(test_hours_that_end_cut_what_is_under_way),
        TWO_TEST(test_a_request_that_brings_nothing_is_not_told),
        TWO_TEST(test_what_came_of_a_read_that_was_given_up_is_kept_for_a_while),
        TWO_TEST(test_a_read_that_begins_again_keeps_what_came),
        TWO_TEST(test_what_was_not_promised_goes_at_once),
        TWO_TEST(test_nothing_begins_before_the_port_is_open),
        cmocka_unit_test(test_a_holder_that_never_answers_is_given_up),
        TWO_TEST(test_a_holder_that_goes_in_the_middle_ends_a_sending),
        TWO_TEST(test_a_holder_that_goes_in_the_middle_ends_a_reading),
        TWO_TEST(test_a_storage_that_fails_ends_an_import),
        TWO_TEST(test_imports_and_removals_may_be_given_up_at_any_time),
        TWO_TEST(test_what_cannot_be_removed_is_said),
        TWO_TEST(test_whoever_asks_may_leave_at_any_time),
        cmocka_unit_test(test_the_end_may_come_at_any_time),
        TWO_TEST(test_questions_of_a_link_are_counted),
        TWO_TEST(test_a_partner_may_leave_while_control_thinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
