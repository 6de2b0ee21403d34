// SPDX-License-Identifier: Apache-2.0
/* Links, their history, the numbers that were claimed, the replies that are kept. */
#include "kit.h"
#include "store/backup.h"

static const char link_1[] = "00000000000000000000000001";
static const char link_2[] = "00000000000000000000000002";

static struct transaction *put_of(const char *partner, const char *id, uint64_t epoch)
{
    struct transaction *put = transaction_create(TRANSACTION_LINK_PUT);
    struct link_entry *entry = &put->link_put.entry;

    snprintf(entry->partner, sizeof(entry->partner), "%s", partner);
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    snprintf(entry->state, sizeof(entry->state), "active");
    entry->epoch = epoch;
    entry->record = slice_of("record");
    return put;
}

static struct transaction *get(struct kit *kit, const char *partner)
{
    struct transaction *get = transaction_create(TRANSACTION_LINK_GET);
    struct error err = {0};

    snprintf(get->link_get.partner, ID_SIZE, "%s", partner);
    if (!store_run(kit->store, get, &err))
        fail_msg("%s", err.text);
    return get;
}

static struct transaction *claim_of(const char *link, const char *node, bool is_ours,
                                    uint64_t incarnation, uint64_t claimed)
{
    struct transaction *claim = transaction_create(TRANSACTION_SEQUENCE_CLAIM);

    snprintf(claim->sequence_claim.link, ULID_SIZE, "%s", link);
    snprintf(claim->sequence_claim.record.node, ID_SIZE, "%s", node);
    claim->sequence_claim.record.is_ours = is_ours;
    claim->sequence_claim.record.incarnation = incarnation;
    claim->sequence_claim.record.claimed = claimed;
    return claim;
}

static struct transaction *sequences(struct kit *kit, const char *link)
{
    struct transaction *list = transaction_create(TRANSACTION_SEQUENCE_LIST);

    snprintf(list->sequence_list.link, ULID_SIZE, "%s", link);
    assert_true(store_run(kit->store, list, NULL));
    return list;
}

static void put_key(char key[ULID_SIZE], unsigned n)
{
    snprintf(key, ULID_SIZE, "%026u", n);
}

static struct transaction *reply_of(const char *node, unsigned key, struct slice body)
{
    struct transaction *put = transaction_create(TRANSACTION_REPLY_PUT);
    struct reply_record *record = &put->reply_put.record;

    memcpy(put->reply_put.link, link_1, sizeof(link_1));
    snprintf(record->node, sizeof(record->node), "%s", node);
    put_key(record->key, key);
    record->epoch = 3;
    memset(record->digest, (int)key, sizeof(record->digest));
    record->body = body;
    return put;
}

/* key NULL: all of it. */
static struct transaction *settle_of(const char *node, const char *key)
{
    struct transaction *settle = transaction_create(TRANSACTION_REPLY_SETTLE);

    memcpy(settle->reply_settle.link, link_1, sizeof(link_1));
    snprintf(settle->reply_settle.record.node, ID_SIZE, "%s", node);
    snprintf(settle->reply_settle.record.key, ULID_SIZE, "%s", key);
    return settle;
}

static struct transaction *replies(struct kit *kit, const char *after_node, const char *after_key,
                                   size_t limit)
{
    struct transaction *list = transaction_create(TRANSACTION_REPLY_LIST);

    memcpy(list->reply_list.link, link_1, sizeof(link_1));
    snprintf(list->reply_list.after_node, ID_SIZE, "%s", after_node);
    snprintf(list->reply_list.after_key, ULID_SIZE, "%s", after_key);
    list->reply_list.limit = limit;
    assert_true(store_run(kit->store, list, NULL));
    return list;
}

/* ---- links */

static void test_link_put_keeps_every_field(void **state)
{
    struct kit *kit = *state;
    struct transaction *put = put_of("beta", link_1, 7), *found;
    struct link_entry *entry = &put->link_put.entry;

    entry->ended_epoch = 5;
    entry->roots = (struct slice){"ro\0ots", 6};
    entry->address = slice_of("gw.beta.example:9501");
    entry->words = slice_of("one two three four five six");
    entry->limits = slice_of("limits");
    entry->has_invitation = true;
    memset(entry->invitation_hash, 9, RECORD_HASH_SIZE);
    entry->breaker_is_open = true;
    entry->breaker_attempt = 4;
    entry->breaker_retry_ms = 123456;
    entry->is_restored = true; /* not looked at */
    kit_run(kit, put, ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit);
    found = get(kit, "beta");
    entry = &found->link_get.entry;
    assert_string_equal(entry->partner, "beta");
    assert_string_equal(entry->id, link_1);
    assert_string_equal(entry->state, "active");
    assert_int_equal(entry->epoch, 7);
    assert_int_equal(entry->ended_epoch, 5);
    assert_true(slice_is(entry->record, "record"));
    assert_int_equal(entry->roots.size, 6);
    assert_memory_equal(entry->roots.data, "ro\0ots", 6);
    assert_true(slice_is(entry->address, "gw.beta.example:9501"));
    assert_true(slice_is(entry->words, "one two three four five six"));
    assert_true(slice_is(entry->limits, "limits"));
    assert_true(entry->has_invitation);
    assert_int_equal(entry->invitation_hash[31], 9);
    assert_true(entry->breaker_is_open);
    assert_int_equal(entry->breaker_attempt, 4);
    assert_int_equal(entry->breaker_retry_ms, 123456);
    assert_false(entry->is_restored);
    transaction_destroy(&found);
}

static void test_link_that_nobody_made_is_not_found(void **state)
{
    struct transaction *get = transaction_create(TRANSACTION_LINK_GET);

    snprintf(get->link_get.partner, ID_SIZE, "beta");
    kit_run(*state, get, ERROR_NOT_FOUND);
}

static void test_epoch_of_a_link_never_goes_down(void **state)
{
    struct kit *kit = *state;
    struct transaction *found, *ended;

    ended = put_of("beta", link_1, 3);
    ended->link_put.entry.ended_epoch = 3;
    kit_run(kit, ended, ERROR_NONE);
    kit_run(kit, put_of("beta", link_1, 2), ERROR_REFUSED);
    kit_run(kit, put_of("beta", link_1, 4), ERROR_NONE);
    found = get(kit, "beta");
    assert_int_equal(found->link_get.entry.epoch, 4);
    assert_int_equal(found->link_get.entry.ended_epoch, 3); /* what ended stays ended */
    transaction_destroy(&found);
}

static void test_link_id_is_of_one_partner(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, put_of("beta", link_1, 3), ERROR_NONE);
    kit_run(kit, put_of("gamma", link_1, 4), ERROR_MISMATCH);
    kit_run(kit, put_of("gamma", link_2, 1), ERROR_NONE);
    kit_run(kit, put_of("beta", link_2, 4), ERROR_MISMATCH);
}

static void test_link_of_another_id_begins_anew(void **state)
{
    struct kit *kit = *state;
    struct transaction *list, *found;
    char key[ULID_SIZE];

    kit_run(kit, put_of("beta", link_1, 3), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", true, 1, 4096), ERROR_NONE);
    kit_run(kit, reply_of("main", 1, slice_of("answer")), ERROR_NONE);
    put_key(key, 0);
    kit_run(kit, settle_of("main", key), ERROR_NONE);
    kit_run(kit, put_of("beta", link_2, 1), ERROR_NONE);
    found = get(kit, "beta");
    assert_int_equal(found->link_get.entry.epoch, 1);
    transaction_destroy(&found);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.count, 0);
    assert_int_equal(list->sequence_list.settled_count, 0);
    transaction_destroy(&list);
    list = replies(kit, "", "", 10);
    assert_int_equal(list->reply_list.count, 0);
    transaction_destroy(&list);
}

static void test_link_put_refuses_more_than_is_kept(void **state)
{
    static const size_t sizes[] = {LINK_RECORD_MAX, LINK_ROOTS_MAX, LINK_ADDRESS_MAX,
                                   LINK_WORDS_MAX, LINK_RECORD_MAX};
    struct kit *kit = *state;
    char *bytes = memory_alloc(LINK_RECORD_MAX + 1);

    memset(bytes, 'x', LINK_RECORD_MAX + 1);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (size_t over = 0; over < 2; over++) {
            struct transaction *put = put_of("beta", link_1, 1);
            struct slice *fields[] = {&put->link_put.entry.record, &put->link_put.entry.roots,
                                      &put->link_put.entry.address, &put->link_put.entry.words,
                                      &put->link_put.entry.limits};

            *fields[i] = (struct slice){bytes, sizes[i] + over};
            kit_run(kit, put, over == 0 ? ERROR_NONE : ERROR_LIMIT);
        }
    free(bytes);
}

static void test_link_list_pages_by_partner(void **state)
{
    struct kit *kit = *state;
    char after[ID_SIZE] = "", id[ULID_SIZE], name[ID_SIZE];
    bool has_more = true;
    unsigned seen = 0;

    for (unsigned n = 0; n < 7; n++) {
        put_key(id, n);
        snprintf(name, sizeof(name), "partner-%u", (n * 3) % 7);
        kit_run(kit, put_of(name, id, 1), ERROR_NONE);
    }
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_LINK_LIST);

        memcpy(list->link_list.after, after, sizeof(after));
        list->link_list.limit = 3;
        assert_true(store_run(kit->store, list, NULL));
        for (size_t i = 0; i < list->link_list.count; i++) {
            snprintf(name, sizeof(name), "partner-%u", seen++);
            assert_string_equal(list->link_list.entries[i].partner, name);
            memcpy(after, name, sizeof(after));
        }
        has_more = list->link_list.has_more;
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 7);
}

/* ---- history */

static struct transaction *event_of(const char *partner, uint64_t at_ms)
{
    struct transaction *add = transaction_create(TRANSACTION_LINK_EVENT_ADD);
    struct link_history *history = &add->link_event_add.history;

    snprintf(add->link_event_add.partner, ID_SIZE, "%s", partner);
    *history = (struct link_history){.at_ms = at_ms,
                                     .epoch = 2,
                                     .from = "pending",
                                     .to = "active",
                                     .actor = slice_of("operator:root"),
                                     .event = slice_of("confirm"),
                                     .said = slice_of("the words are the same")};
    return add;
}

static struct transaction *events(struct kit *kit, const char *partner, uint64_t before,
                                  size_t limit)
{
    struct transaction *list = transaction_create(TRANSACTION_LINK_EVENT_LIST);

    snprintf(list->link_event_list.partner, ID_SIZE, "%s", partner);
    list->link_event_list.before = before;
    list->link_event_list.limit = limit;
    assert_true(store_run(kit->store, list, NULL));
    return list;
}

static void test_history_of_a_partner_is_listed_newest_first(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    const struct link_history *history;
    uint64_t before = 0, at_ms = 10;

    for (unsigned n = 1; n <= 10; n++) {
        kit_run(kit, event_of("beta", n), ERROR_NONE);
        kit_run(kit, event_of("gamma", 100), ERROR_NONE);
    }
    do {
        list = events(kit, "beta", before, 4);
        for (size_t i = 0; i < list->link_event_list.count; i++) {
            history = &list->link_event_list.entries[i];
            assert_int_equal(history->at_ms, at_ms--);
            assert_true(before == 0 || history->number < before);
            before = history->number;
            assert_int_equal(history->epoch, 2);
            assert_string_equal(history->from, "pending");
            assert_string_equal(history->to, "active");
            assert_true(slice_is(history->actor, "operator:root"));
            assert_true(slice_is(history->event, "confirm"));
            assert_true(slice_is(history->said, "the words are the same"));
        }
        if (at_ms == 0)
            assert_false(list->link_event_list.has_more);
        transaction_destroy(&list);
    } while (at_ms > 0);
}

static void test_history_forgets_the_oldest_beyond_its_limit(void **state)
{
    struct kit *kit = *state;
    struct transaction *group[250], *list;

    kit_run(kit, event_of("gamma", 1), ERROR_NONE);
    for (unsigned n = 0; n < LINK_HISTORY_MAX + 250; n += 250) {
        for (unsigned i = 0; i < 250; i++)
            group[i] = event_of("beta", n + i);
        assert_true(store_start_all(kit->store, NULL, group, 250, NULL, NULL, NULL));
    }
    list = events(kit, "beta", 0, 2000);
    assert_int_equal(list->link_event_list.count, LINK_HISTORY_MAX);
    assert_int_equal(list->link_event_list.entries[LINK_HISTORY_MAX - 1].at_ms, 250);
    transaction_destroy(&list);
    list = events(kit, "gamma", 0, 2000);
    assert_int_equal(list->link_event_list.count, 1);
    transaction_destroy(&list);
}

static void test_history_refuses_a_text_that_is_too_long(void **state)
{
    struct transaction *add = event_of("beta", 1);
    char said[LINK_SAID_MAX + 1];

    memset(said, 'x', sizeof(said));
    add->link_event_add.history.said = (struct slice){said, sizeof(said)};
    kit_run(*state, add, ERROR_LIMIT);
}

/* ---- numbers */

static void test_claim_of_one_incarnation_never_goes_down(void **state)
{
    static const struct {
        uint64_t incarnation, claimed, kept;
    } claims[] = {
        {UINT64_MAX, 4096, 4096}, /* incarnations may be any number */
        {UINT64_MAX, 8192, 8192},
        {UINT64_MAX, 4096, 8192},
        {7, 4096, 4096}, /* another one begins anew */
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
        struct transaction *list;

        kit_run(kit, claim_of(link_1, "main", true, claims[i].incarnation, claims[i].claimed),
                ERROR_NONE);
        list = sequences(kit, link_1);
        assert_int_equal(list->sequence_list.count, 1);
        assert_int_equal(list->sequence_list.records[0].incarnation, claims[i].incarnation);
        assert_int_equal(list->sequence_list.records[0].claimed, claims[i].kept);
        transaction_destroy(&list);
    }
}

static void test_claims_are_of_a_link_a_side_and_a_node(void **state)
{
    static const struct {
        const char *node;
        bool is_ours;
        uint64_t claimed;
    } expected[] = {{"main", true, 1}, {"main", false, 2}, {"north", false, 3}};
    struct kit *kit = *state;
    struct transaction *list;

    kit_run(kit, claim_of(link_1, "north", false, 5, 3), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", false, 5, 2), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", true, 5, 1), ERROR_NONE);
    kit_run(kit, claim_of(link_2, "main", true, 5, 9), ERROR_NONE);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_string_equal(list->sequence_list.records[i].node, expected[i].node);
        assert_int_equal(list->sequence_list.records[i].is_ours, expected[i].is_ours);
        assert_int_equal(list->sequence_list.records[i].claimed, expected[i].claimed);
    }
    transaction_destroy(&list);
}

static void test_peer_cannot_fill_the_ledger_with_nodes(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    char node[ID_SIZE], key[ULID_SIZE];

    put_key(key, 1);
    for (unsigned n = 0; n < LINK_NODES_MAX + 1; n++) {
        enum error_code expected = n < LINK_NODES_MAX ? ERROR_NONE : ERROR_LIMIT;

        snprintf(node, sizeof(node), "node-%u", n);
        kit_run(kit, claim_of(link_1, node, false, 5, 2), expected);
        kit_run(kit, settle_of(node, key), expected);
    }
    kit_run(kit, claim_of(link_1, "node-0", false, 6, 2), ERROR_NONE); /* known ones go on */
    kit_run(kit, settle_of("node-0", key), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", true, 5, 2), ERROR_NONE);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.count, LINK_NODES_MAX + 1);
    assert_int_equal(list->sequence_list.settled_count, LINK_NODES_MAX);
    transaction_destroy(&list);
}

/* ---- replies */

static void test_reply_is_kept_as_it_was_and_once(void **state)
{
    struct kit *kit = *state;
    const struct reply_record *record;
    struct transaction *list;

    kit_run(kit, reply_of("main", 5, (struct slice){"an\0swer", 7}), ERROR_NONE);
    kit_run(kit, reply_of("main", 5, slice_of("another")), ERROR_MISMATCH);
    kit_run(kit, reply_of("north", 5, slice_of("north's")), ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit);
    list = replies(kit, "", "", 10);
    assert_int_equal(list->reply_list.count, 2);
    record = &list->reply_list.records[0];
    assert_string_equal(record->node, "main");
    assert_string_equal(record->key, "00000000000000000000000005");
    assert_int_equal(record->epoch, 3);
    assert_int_equal(record->digest[31], 5);
    assert_int_equal(record->body.size, 7);
    assert_memory_equal(record->body.data, "an\0swer", 7);
    assert_true(slice_is(list->reply_list.records[1].body, "north's"));
    transaction_destroy(&list);
}

static void test_replies_up_to_what_is_settled_are_forgotten(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    char key[ULID_SIZE];

    for (unsigned n = 1; n <= 9; n++) {
        kit_run(kit, reply_of("main", n, slice_of("x")), ERROR_NONE);
        kit_run(kit, reply_of("north", n, slice_of("x")), ERROR_NONE);
    }
    put_key(key, 6);
    kit_run(kit, settle_of("main", key), ERROR_NONE);
    put_key(key, 2);
    kit_run(kit, settle_of("main", key), ERROR_NONE); /* going back changes nothing */
    list = replies(kit, "", "", 3);
    assert_int_equal(list->reply_list.count, 3);
    assert_true(list->reply_list.has_more);
    assert_string_equal(list->reply_list.records[0].key, "00000000000000000000000007");
    transaction_destroy(&list);
    list = replies(kit, "main", "00000000000000000000000009", 20);
    assert_int_equal(list->reply_list.count, 9);
    assert_string_equal(list->reply_list.records[0].node, "north");
    transaction_destroy(&list);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.settled_count, 1);
    assert_string_equal(list->sequence_list.settled[0].node, "main");
    assert_string_equal(list->sequence_list.settled[0].key, "00000000000000000000000006");
    transaction_destroy(&list);
}

static void test_settling_nothing_forgets_all_of_the_node(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    char key[ULID_SIZE];

    put_key(key, 1);
    kit_run(kit, reply_of("main", 9, slice_of("x")), ERROR_NONE);
    kit_run(kit, reply_of("north", 9, slice_of("x")), ERROR_NONE);
    kit_run(kit, settle_of("main", key), ERROR_NONE);
    kit_run(kit, settle_of("main", ""), ERROR_NONE);
    list = replies(kit, "", "", 20);
    assert_int_equal(list->reply_list.count, 1);
    assert_string_equal(list->reply_list.records[0].node, "north");
    transaction_destroy(&list);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.settled_count, 0);
    transaction_destroy(&list);
}

static void test_reply_that_is_too_large_is_refused(void **state)
{
    struct kit *kit = *state;
    char *bytes = memory_alloc(REPLY_BYTES_MAX + 1);

    memset(bytes, 'x', REPLY_BYTES_MAX + 1);
    kit_run(kit, reply_of("main", 1, (struct slice){bytes, REPLY_BYTES_MAX}), ERROR_NONE);
    kit_run(kit, reply_of("main", 2, (struct slice){bytes, REPLY_BYTES_MAX + 1}), ERROR_LIMIT);
    free(bytes);
}

/* ---- restores */

static void write_backup(struct kit *kit, const char *name, char path[160])
{
    struct error err = {0};
    uint64_t bytes;

    snprintf(path, 160, "%s/%s", kit->base, name);
    if (!backup_write(kit->folder, path, &bytes, &err))
        fail_msg("%s", err.text);
}

static struct backup_restored restore(struct kit *kit, const char *path, bool is_carried)
{
    static uint64_t now_ms =
        1700000000000; /* no two in one second: the ledgers kept are named so */
    struct backup_restored restored;
    struct error err = {0};

    store_close(&kit->store);
    now_ms += 1000;
    if (!backup_restore(kit->folder, path, now_ms, &restored, &err))
        fail_msg("%s", err.text);
    assert_int_equal(restored.is_carried, is_carried);
    text_dispose(&restored.kept);
    kit_open(kit);
    return restored;
}

static struct transaction *state_of(const char *partner, const char *id, uint64_t epoch,
                                    const char *state, uint64_t ended_epoch)
{
    struct transaction *put = put_of(partner, id, epoch);

    snprintf(put->link_put.entry.state, ENTRY_STATE_SIZE, "%s", state);
    put->link_put.entry.ended_epoch = ended_epoch;
    return put;
}

static void expect_link(struct kit *kit, const char *partner, uint64_t epoch, const char *state,
                        uint64_t ended_epoch)
{
    struct transaction *found = get(kit, partner);

    assert_int_equal(found->link_get.entry.epoch, epoch);
    assert_string_equal(found->link_get.entry.state, state);
    assert_int_equal(found->link_get.entry.ended_epoch, ended_epoch);
    assert_true(found->link_get.entry.is_restored);
    transaction_destroy(&found);
}

static void test_restore_marks_every_link_and_what_ended_since_stays_ended(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    char path[160];

    kit_run(kit, state_of("beta", link_1, 1, "active", 0), ERROR_NONE);
    kit_run(kit, state_of("gamma", link_2, 5, "active", 4), ERROR_NONE);
    kit_run(kit, event_of("beta", 1), ERROR_NONE);
    write_backup(kit, "backup", path);
    kit_run(kit, state_of("beta", link_1, 1, "revoked", 1), ERROR_NONE);
    kit_run(kit, event_of("beta", 2), ERROR_NONE);
    kit_run(kit, state_of("delta", "00000000000000000000000003", 1, "expired", 1), ERROR_NONE);
    assert_int_equal(restore(kit, path, true).links, 3);
    expect_link(kit, "beta", 1, "revoked", 1);
    expect_link(kit, "gamma", 5, "active", 4);
    expect_link(kit, "delta", 1, "expired", 1);
    list = events(kit, "beta", 0, 10);
    assert_int_equal(list->link_event_list.count, 2);
    transaction_destroy(&list);
    kit_run(kit, state_of("gamma", link_2, 5, "isolated", 0), ERROR_NONE); /* it was told */
    list = get(kit, "gamma");
    assert_false(list->link_get.entry.is_restored);
    transaction_destroy(&list);
}

static void test_restore_to_an_empty_place_marks_every_link(void **state)
{
    struct kit *kit = *state;
    char path[160];

    kit_run(kit, state_of("beta", link_1, 3, "active", 2), ERROR_NONE);
    write_backup(kit, "backup", path);
    store_close(&kit->store);
    snprintf(kit->folder, sizeof(kit->folder), "%s/anew", kit->base);
    kit_open(kit); /* another ledger: of another organization, as far as we know */
    restore(kit, path, false);
    expect_link(kit, "beta", 3, "active", 2);
}

/* Back to an early copy while the later one was damaged; and then the later one turns up. */
static void test_link_that_the_backup_knows_better_learns_what_ended(void **state)
{
    struct kit *kit = *state;
    char early[160], late[160], ledger[160];

    kit_run(kit, state_of("beta", link_1, 3, "active", 2), ERROR_NONE);
    write_backup(kit, "early", early);
    kit_run(kit, state_of("beta", link_1, 9, "active", 2), ERROR_NONE);
    write_backup(kit, "late", late);
    store_close(&kit->store);
    kit_path(kit, "ledger.db", ledger);
    assert_int_equal(unlink(ledger), 0);
    kit_open(kit);
    restore(kit, early, false);
    kit_run(kit, state_of("beta", link_1, 4, "active", 3), ERROR_NONE);
    restore(kit, late, true);
    expect_link(kit, "beta", 9, "active", 3);
}

static void test_restore_takes_no_number_twice_and_keeps_replies_with_their_effects(void **state)
{
    struct kit *kit = *state;
    struct transaction *list;
    char path[160], key[ULID_SIZE];

    kit_run(kit, put_of("beta", link_1, 1), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", true, 5, 4096), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", false, 6, 4096), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "north", false, 6, 4096), ERROR_NONE);
    kit_run(kit, reply_of("main", 1, slice_of("answer")), ERROR_NONE);
    write_backup(kit, "backup", path);
    kit_run(kit, claim_of(link_1, "main", true, 5, 8192), ERROR_NONE);
    kit_run(kit, claim_of(link_1, "main", false, 7, 4096), ERROR_NONE); /* they were restored */
    kit_run(kit, reply_of("main", 2, slice_of("answer")), ERROR_NONE);
    put_key(key, 1);
    kit_run(kit, settle_of("main", key), ERROR_NONE);
    restore(kit, path, true);
    list = sequences(kit, link_1);
    assert_int_equal(list->sequence_list.count, 3);
    assert_int_equal(list->sequence_list.records[0].claimed, 8192);
    assert_int_equal(list->sequence_list.records[1].incarnation, 7);
    assert_int_equal(list->sequence_list.records[2].incarnation, 6);
    assert_int_equal(list->sequence_list.settled_count, 0);
    transaction_destroy(&list);
    list = replies(kit, "", "", 10); /* what the backup has the effects of */
    assert_int_equal(list->reply_list.count, 1);
    assert_string_equal(list->reply_list.records[0].key, "00000000000000000000000001");
    transaction_destroy(&list);
}

static void test_check_counts_links(void **state)
{
    struct kit *kit = *state;
    struct backup_check check;

    kit_run(kit, put_of("beta", link_1, 1), ERROR_NONE);
    kit_run(kit, put_of("gamma", link_2, 1), ERROR_NONE);
    assert_true(backup_check(kit->folder, &check, NULL));
    assert_int_equal(check.links, 2);
    assert_int_equal(check.allocations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_link_put_keeps_every_field),
        KIT_TEST(test_link_that_nobody_made_is_not_found),
        KIT_TEST(test_epoch_of_a_link_never_goes_down),
        KIT_TEST(test_link_id_is_of_one_partner),
        KIT_TEST(test_link_of_another_id_begins_anew),
        KIT_TEST(test_link_put_refuses_more_than_is_kept),
        KIT_TEST(test_link_list_pages_by_partner),
        KIT_TEST(test_history_of_a_partner_is_listed_newest_first),
        KIT_TEST(test_history_forgets_the_oldest_beyond_its_limit),
        KIT_TEST(test_history_refuses_a_text_that_is_too_long),
        KIT_TEST(test_claim_of_one_incarnation_never_goes_down),
        KIT_TEST(test_claims_are_of_a_link_a_side_and_a_node),
        KIT_TEST(test_peer_cannot_fill_the_ledger_with_nodes),
        KIT_TEST(test_reply_is_kept_as_it_was_and_once),
        KIT_TEST(test_replies_up_to_what_is_settled_are_forgotten),
        KIT_TEST(test_settling_nothing_forgets_all_of_the_node),
        KIT_TEST(test_reply_that_is_too_large_is_refused),
        KIT_TEST(test_restore_marks_every_link_and_what_ended_since_stays_ended),
        KIT_TEST(test_restore_to_an_empty_place_marks_every_link),
        KIT_TEST(test_link_that_the_backup_knows_better_learns_what_ended),
        KIT_TEST(test_restore_takes_no_number_twice_and_keeps_replies_with_their_effects),
        KIT_TEST(test_check_counts_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
