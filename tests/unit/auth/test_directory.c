// SPDX-License-Identifier: Apache-2.0
#include "auth/directory.h"

#include "../store/kit.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#define ROLES_MAX_TEXT "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 ra rb rc rd re rf"

/* What the ledger would hold for token n: its secret's hash is n + 1 in every byte. */
static struct token_record record_of(unsigned n)
{
    struct token_record record = {.owner_kind = OWNER_MEMBER, .owner = "alice", .created_ms = 1};

    kit_token_id(record.id, n);
    memset(record.secret_hash, (int)(n + 1), RECORD_HASH_SIZE);
    return record;
}

static struct credential credential_of(unsigned n, uint8_t secret)
{
    struct credential credential = {.form = CREDENTIAL_BEARER};

    kit_token_id(credential.id, n);
    memset(credential.secret_hash, secret, RECORD_HASH_SIZE);
    return credential;
}

struct fixture {
    struct directory *directory;
    struct directory_view *reader;
    struct directory_token token;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->directory = directory_create();
    f->reader = directory_view_create(f->directory);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    directory_view_destroy(&f->reader);
    directory_destroy(&f->directory);
    free(f);
    return 0;
}

static enum directory_answer find(struct fixture *f, unsigned n, uint8_t secret, uint64_t now_ms)
{
    struct credential credential = credential_of(n, secret);

    return directory_authenticate(f->reader, &credential, now_ms, &f->token);
}

static void put(struct fixture *f, struct token_record record)
{
    directory_put(f->directory, &record);
}

/* The principal of token n, as a request would keep it. */
static const struct principal *begin(struct fixture *f, unsigned n, uint8_t secret, uint64_t now_ms)
{
    struct principal facts = {0};

    assert_int_equal(find(f, n, secret, now_ms), DIRECTORY_FOUND);
    directory_token_describe(&f->token, &facts);
    return principal_create(&facts);
}

static void test_directory_tells_every_failure_apart(void **state)
{
    struct fixture *f = *state;
    struct token_record expiring = record_of(2), revoked = record_of(3), rotated = record_of(4);

    expiring.expires_ms = 1000;
    revoked.revoked_ms = 500;
    rotated.old_until_ms = 2000;
    memset(rotated.old_secret_hash, 0x99, RECORD_HASH_SIZE);
    assert_int_equal(find(f, 1, 2, 100), DIRECTORY_UNKNOWN);
    put(f, record_of(1));
    put(f, expiring);
    put(f, revoked);
    put(f, rotated);
    assert_int_equal(find(f, 1, 2, 100), DIRECTORY_FOUND);
    assert_int_equal(find(f, 1, 3, 100), DIRECTORY_WRONG);
    assert_int_equal(find(f, 1, 0, 100), DIRECTORY_WRONG); /* not the old one that never was */
    assert_int_equal(find(f, 2, 3, 999), DIRECTORY_FOUND);
    assert_int_equal(find(f, 2, 3, 1000), DIRECTORY_EXPIRED);
    assert_int_equal(find(f, 2, 4, 1000), DIRECTORY_WRONG); /* learns nothing about the expiry */
    assert_int_equal(find(f, 3, 4, 600), DIRECTORY_REVOKED);
    assert_int_equal(find(f, 3, 5, 600), DIRECTORY_WRONG);
    assert_int_equal(find(f, 4, 5, 1999), DIRECTORY_FOUND);
    assert_int_equal(find(f, 4, 0x99, 1999), DIRECTORY_FOUND);
    assert_int_equal(find(f, 4, 0x99, 2000), DIRECTORY_SUPERSEDED);
    assert_int_equal(find(f, 4, 5, 2000), DIRECTORY_FOUND);
    assert_int_equal(find(f, 5, 6, 100), DIRECTORY_UNKNOWN);
}

static void test_directory_holds_basic_to_the_member_it_names(void **state)
{
    static const struct {
        const char *member;
        enum directory_answer answer;
    } table[] = {{"alice", DIRECTORY_FOUND},
                 {"bob", DIRECTORY_OTHER_OWNER},
                 {"alic", DIRECTORY_OTHER_OWNER},
                 {"alice2", DIRECTORY_OTHER_OWNER}};
    struct fixture *f = *state;
    struct token_record partner = record_of(2);

    put(f, record_of(1));
    partner.owner_kind = OWNER_PARTNER;
    put(f, partner);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct credential credential = credential_of(1, 2);

        credential.form = CREDENTIAL_BASIC_MEMBER;
        snprintf(credential.member, ID_SIZE, "%s", table[i].member);
        assert_int_equal(directory_authenticate(f->reader, &credential, 1, &f->token),
                         table[i].answer);
        kit_token_id(credential.id, 2); /* a partner called alice is not the member alice */
        memset(credential.secret_hash, 3, RECORD_HASH_SIZE);
        assert_int_equal(directory_authenticate(f->reader, &credential, 1, &f->token),
                         DIRECTORY_OTHER_OWNER);
    }
}

static void test_directory_hands_out_owner_and_roles(void **state)
{
    struct fixture *f = *state;
    struct token_record narrowed = record_of(1), one = record_of(2), many = record_of(3);
    const struct principal *principal;

    narrowed.roles = SLICE("reader ci-uploader");
    narrowed.expires_ms = 777;
    narrowed.pin_group = SLICE("lab");
    narrowed.pin_labels = SLICE("class=secret");
    narrowed.pin_min_copies = 2;
    one.roles = SLICE("x");
    one.owner_kind = OWNER_OPERATOR;
    many.roles = SLICE(ROLES_MAX_TEXT);
    put(f, narrowed);
    put(f, one);
    put(f, many);
    put(f, record_of(4));
    principal = begin(f, 1, 2, 10);
    assert_int_equal(principal->kind, PRINCIPAL_MEMBER);
    assert_true(slice_is(principal->id, "alice"));
    assert_true(slice_is(principal->token_id, "aaaaaaaaab"));
    assert_int_equal(principal->token_role_count, 2);
    assert_true(slice_is(principal->token_roles[0], "reader"));
    assert_true(slice_is(principal->token_roles[1], "ci-uploader"));
    assert_int_equal(principal->expires_ms, 777);
    assert_true(slice_is(principal->pin_group, "lab"));
    assert_true(slice_is(principal->pin_labels, "class=secret"));
    assert_int_equal(principal->pin_min_copies, 2);
    principal_unref(&principal);
    principal = begin(f, 2, 3, 10);
    assert_int_equal(principal->kind, PRINCIPAL_OPERATOR);
    assert_int_equal(principal->token_role_count, 1);
    assert_true(slice_is(principal->token_roles[0], "x"));
    principal_unref(&principal);
    principal = begin(f, 3, 4, 10);
    assert_int_equal(principal->token_role_count, TOKEN_ROLES_MAX);
    assert_true(slice_is(principal->token_roles[15], "rf"));
    principal_unref(&principal);
    principal = begin(f, 4, 5, 10);
    assert_null(principal->token_roles);
    assert_int_equal(principal->pin_labels.size, 0);
    assert_int_equal(principal->pin_min_copies, 0);
    principal_unref(&principal);
}

static void test_directory_cuts_what_a_revoked_token_began(void **state)
{
    struct fixture *f = *state;
    struct token_record record = record_of(1);
    const struct principal *first, *other;
    uint64_t before = directory_generation(f->directory);

    put(f, record);
    put(f, record_of(2));
    first = begin(f, 1, 2, 10);
    other = begin(f, 2, 3, 10);
    put(f, record_of(3)); /* a new token takes nothing away */
    assert_true(directory_generation(f->directory) == before);
    assert_int_equal(directory_check(f->reader, first, 11), DIRECTORY_FOUND);
    record.revoked_ms = 12;
    put(f, record);
    assert_true(directory_generation(f->directory) > before);
    assert_int_equal(directory_check(f->reader, first, 13), DIRECTORY_REVOKED);
    assert_int_equal(directory_check(f->reader, other, 13), DIRECTORY_FOUND);
    principal_unref(&first);
    principal_unref(&other);
}

static void test_directory_cuts_at_the_end_of_a_rotations_grace(void **state)
{
    struct fixture *f = *state;
    struct token_record record = record_of(1);
    const struct principal *first, *second, *late;
    struct error err = {0};
    uint8_t secret[RECORD_HASH_SIZE];

    put(f, record);
    first = begin(f, 1, 2, 10);
    memset(secret, 0x70, sizeof(secret));
    assert_true(token_record_rotate(&record, secret, 100, 200, &err));
    put(f, record);
    late = begin(f, 1, 2, 150); /* with the old secret, when it was old already */
    second = begin(f, 1, 0x70, 150);
    assert_true(late->has_old_secret && !second->has_old_secret);
    assert_int_equal(directory_check(f->reader, first, 199), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, late, 199), DIRECTORY_FOUND);
    assert_int_equal(find(f, 1, 2, 199), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, first, 200), DIRECTORY_SUPERSEDED);
    assert_int_equal(directory_check(f->reader, late, 200), DIRECTORY_SUPERSEDED);
    assert_int_equal(find(f, 1, 2, 200), DIRECTORY_SUPERSEDED);
    assert_int_equal(directory_check(f->reader, second, 200), DIRECTORY_FOUND);
    memset(secret, 0x71, sizeof(secret));
    assert_true(token_record_rotate(&record, secret, 160, 0, &err));
    put(f, record);
    assert_int_equal(directory_check(f->reader, first, 161), DIRECTORY_SUPERSEDED);
    assert_int_equal(directory_check(f->reader, late, 161), DIRECTORY_SUPERSEDED);
    assert_int_equal(directory_check(f->reader, second, 161), DIRECTORY_SUPERSEDED);
    assert_int_equal(find(f, 1, 0x70, 161), DIRECTORY_WRONG);
    assert_int_equal(find(f, 1, 0x71, 161), DIRECTORY_FOUND);
    principal_unref(&first);
    principal_unref(&late);
    principal_unref(&second);
    first = begin(f, 1, 0x71, 170);
    assert_int_equal(directory_check(f->reader, first, 171), DIRECTORY_FOUND);
    principal_unref(&first);
}

static void test_directory_cuts_at_the_expiry_as_it_is_now(void **state)
{
    struct fixture *f = *state;
    struct token_record record = record_of(1);
    const struct principal *first;

    record.expires_ms = 100;
    put(f, record);
    first = begin(f, 1, 2, 10);
    assert_int_equal(directory_check(f->reader, first, 99), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, first, 100), DIRECTORY_EXPIRED);
    record.expires_ms = 200; /* put off: what runs may go on */
    put(f, record);
    assert_int_equal(directory_check(f->reader, first, 150), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, first, 200), DIRECTORY_EXPIRED);
    record.expires_ms = 50; /* brought forward */
    put(f, record);
    assert_int_equal(directory_check(f->reader, first, 60), DIRECTORY_EXPIRED);
    principal_unref(&first);
}

static void test_directory_ends_the_sessions_of_a_principal_whatever_its_credential(void **state)
{
    struct fixture *f = *state;
    const struct principal *alice, *certificate, *partner, *anonymous;

    put(f, record_of(1));
    alice = begin(f, 1, 2, 10);
    certificate =
        principal_create(&(struct principal){.kind = PRINCIPAL_MEMBER,
                                             .id = SLICE("alice"),
                                             .generation = directory_generation(f->directory),
                                             .expires_ms = 5000});
    partner = principal_create(&(struct principal){
        .kind = PRINCIPAL_PARTNER,
        .id = SLICE("alice"),
        .generation = directory_generation(f->directory),
    });
    anonymous =
        principal_create(&(struct principal){.generation = directory_generation(f->directory)});
    directory_end_sessions(f->directory, PRINCIPAL_MEMBER, SLICE("alice"));
    assert_int_equal(directory_check(f->reader, alice, 20), DIRECTORY_ENDED);
    assert_int_equal(directory_check(f->reader, certificate, 20), DIRECTORY_ENDED);
    assert_int_equal(directory_check(f->reader, partner, 20), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, anonymous, 20), DIRECTORY_FOUND);
    principal_unref(&alice);
    alice = begin(f, 1, 2, 30); /* whether she may come back is for the policy to say */
    assert_int_equal(directory_check(f->reader, alice, 40), DIRECTORY_FOUND);
    principal_unref(&alice);
    principal_unref(&certificate);
    certificate =
        principal_create(&(struct principal){.kind = PRINCIPAL_MEMBER,
                                             .id = SLICE("bob"),
                                             .generation = directory_generation(f->directory),
                                             .expires_ms = 5000});
    assert_int_equal(directory_check(f->reader, certificate, 4999), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, certificate, 5000), DIRECTORY_EXPIRED);
    principal_unref(&certificate);
    principal_unref(&partner);
    principal_unref(&anonymous);
}

static void test_directory_answers_a_suspended_member_so_until_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    struct token_record other = record_of(2), partner = record_of(3);
    const struct principal *before, *resumed;

    snprintf(other.owner, ID_SIZE, "bob");
    partner.owner_kind = OWNER_PARTNER;
    put(f, record_of(1));
    put(f, other);
    put(f, partner);
    before = begin(f, 1, 2, 100);
    directory_suspend(f->directory, PRINCIPAL_MEMBER, SLICE("alice"));
    assert_int_equal(find(f, 1, 2, 100), DIRECTORY_SUSPENDED);
    assert_int_equal(find(f, 1, 3, 100), DIRECTORY_WRONG); /* learns nothing */
    assert_int_equal(find(f, 2, 3, 100), DIRECTORY_FOUND);
    assert_int_equal(find(f, 3, 4, 100), DIRECTORY_FOUND); /* a partner of that name */
    assert_int_equal(directory_check(f->reader, before, 100), DIRECTORY_SUSPENDED);
    assert_true(directory_is_suspended(f->reader, PRINCIPAL_MEMBER, SLICE("alice")));
    directory_resume(f->directory, PRINCIPAL_MEMBER, SLICE("alice"));
    assert_false(directory_is_suspended(f->reader, PRINCIPAL_MEMBER, SLICE("alice")));
    resumed = begin(f, 1, 2, 100);
    assert_int_equal(directory_check(f->reader, resumed, 100), DIRECTORY_FOUND);
    assert_int_equal(directory_check(f->reader, before, 100), DIRECTORY_ENDED);
    principal_unref(&before);
    principal_unref(&resumed);
}

static void test_directory_collects_uses_coarsely_and_once(void **state)
{
    struct fixture *f = *state;
    struct token_record known = record_of(2);
    struct token_use uses[8];
    uint64_t start_ms = UINT64_C(1700000000000);

    known.used_ms = start_ms;
    put(f, record_of(1));
    put(f, known);
    assert_int_equal(directory_collect_uses(f->directory, uses, 8), 0);
    find(f, 1, 2, start_ms);
    find(f, 1, 2, start_ms + 59000);  /* within a minute: no trace */
    find(f, 1, 9, start_ms + 900000); /* a wrong secret is no use */
    find(f, 2, 3, start_ms + 30000);
    assert_int_equal(directory_collect_uses(f->directory, uses, 8), 1);
    assert_string_equal(uses[0].id, "aaaaaaaaab");
    assert_true(uses[0].used_ms == start_ms);
    assert_int_equal(directory_collect_uses(f->directory, uses, 8), 0);
    find(f, 1, 2, start_ms + 60000);
    find(f, 2, 3, start_ms + 60000);
    put(f, known); /* a change in between does not forget it */
    assert_int_equal(directory_collect_uses(f->directory, uses, 1), 1);
    assert_int_equal(directory_collect_uses(f->directory, uses, 8), 1);
    assert_int_equal(directory_collect_uses(f->directory, uses, 8), 0);
}

static void test_directory_holds_100000_tokens_below_64_mib(void **state)
{
    enum { COUNT = 100000 };
    struct fixture *f = *state;
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, after;
    struct directory_counters counters;

    for (unsigned n = 0; n < COUNT; n++) {
        struct token_record record = record_of(n);

        snprintf(record.owner, ID_SIZE, "member-%u.of-a-long-name.example", n);
        record.roles = SLICE("reader uploader pinner");
        put(f, record);
    }
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    counters = directory_counters(f->directory);
    assert_int_equal(counters.tokens, COUNT);
    assert_true(counters.bytes < (size_t)64 << 20);
    assert_true(after - before < (size_t)64 << 20); /* 0 under a sanitizer */
    assert_int_equal(counters.retired, 0);
    for (unsigned n = 0; n < COUNT; n += 997) {
        assert_int_equal(find(f, n, (uint8_t)(n + 1), 1), DIRECTORY_FOUND);
        assert_int_equal(find(f, n + COUNT, 1, 1), DIRECTORY_UNKNOWN);
    }
}

static void test_directory_forgets_removed_tokens_and_frees_them(void **state)
{
    struct fixture *f = *state;
    uint64_t empty = directory_counters(f->directory).bytes;
    const struct principal *running;
    struct token_record record;

    for (unsigned n = 0; n < 400; n++)
        put(f, record_of(n));
    running = begin(f, 7, 8, 1);
    for (unsigned n = 0; n < 400; n++) {
        record = record_of(n);
        directory_remove(f->directory, record.id);
    }
    directory_remove(f->directory, record.id); /* again */
    assert_int_equal(find(f, 7, 8, 1), DIRECTORY_UNKNOWN);
    assert_int_equal(directory_check(f->reader, running, 1), DIRECTORY_UNKNOWN);
    assert_int_equal(directory_counters(f->directory).tokens, 0);
    assert_true(directory_counters(f->directory).bytes == empty);
    put(f, record_of(7));
    assert_int_equal(find(f, 7, 8, 1), DIRECTORY_FOUND);
    principal_unref(&running);
}

/* ---- with the ledger */

static void test_directory_follows_the_ledger(void **state)
{
    struct kit *kit = *state;
    struct fixture f = {.directory = directory_create()};
    struct transaction *rotate = transaction_create(TRANSACTION_TOKEN_ROTATE);
    struct transaction *revoke = transaction_create(TRANSACTION_TOKEN_REVOKE);
    struct transaction *purge = transaction_create(TRANSACTION_TOKEN_PURGE);
    struct error err = {0};

    for (unsigned n = 0; n < 2500; n++) /* more than two pages, which are read behind these */
        assert_true(store_start(kit->store, NULL, kit_token_add(n, "alice"), NULL, NULL, &err));
    assert_true(directory_attach(f.directory, kit->store, &err));
    f.reader = directory_view_create(f.directory);
    for (unsigned n = 0; n < 2500; n++)
        assert_int_equal(find(&f, n, (uint8_t)(n % 255 + 1), 1), DIRECTORY_FOUND);
    kit_run(kit, kit_token_add(5000, "bob"), ERROR_NONE); /* known once it was acknowledged */
    assert_int_equal(find(&f, 5000, 5000 % 255 + 1, 1), DIRECTORY_FOUND);
    assert_string_equal(f.token.owner, "bob");
    kit_token_id(rotate->token_rotate.id, 5000);
    memset(rotate->token_rotate.secret_hash, 0xee, RECORD_HASH_SIZE);
    rotate->token_rotate.now_ms = 5;
    rotate->token_rotate.old_until_ms = 50;
    kit_run(kit, rotate, ERROR_NONE);
    assert_int_equal(find(&f, 5000, 0xee, 6), DIRECTORY_FOUND);
    assert_int_equal(find(&f, 5000, 5000 % 255 + 1, 6), DIRECTORY_FOUND);
    assert_int_equal(find(&f, 5000, 5000 % 255 + 1, 50), DIRECTORY_SUPERSEDED);
    kit_token_id(revoke->token_revoke.id, 5000);
    revoke->token_revoke.now_ms = 60;
    kit_run(kit, revoke, ERROR_NONE);
    assert_int_equal(find(&f, 5000, 0xee, 61), DIRECTORY_REVOKED);
    kit_run(kit, kit_token_add(5000, "mallory"), ERROR_MISMATCH); /* what failed changes nothing */
    assert_int_equal(find(&f, 5000, 0xee, 61), DIRECTORY_REVOKED);
    purge->token_purge.ended_ms = 60;
    purge->token_purge.limit = 10;
    kit_run(kit, purge, ERROR_NONE);
    assert_int_equal(find(&f, 5000, 0xee, 61), DIRECTORY_UNKNOWN);
    assert_int_equal(find(&f, 4, 5, 61), DIRECTORY_FOUND);
    assert_int_equal(directory_counters(f.directory).tokens, 2500);
    assert_int_equal(directory_counters(f.directory).retired, 0);
    directory_detach(f.directory);
    kit_run(kit, kit_token_add(6000, "bob"), ERROR_NONE);
    assert_int_equal(find(&f, 6000, 6000 % 255 + 1, 1), DIRECTORY_UNKNOWN);
    directory_view_destroy(&f.reader);
    directory_destroy(&f.directory);
}

/* ---- readers beside a writer: for the sanitizers, and for the promise below */

enum { READERS = 3, TOKENS = 64, CHANGES = 4000 };

struct race {
    struct directory *directory;
    atomic_bool must_stop;
    atomic_uint revoked; /* tokens below this one are revoked, for certain */
};

static void *read_on(void *race_)
{
    struct race *race = race_;
    struct directory_view *reader = directory_view_create(race->directory);
    struct directory_token token;
    unsigned n = 0;

    while (!atomic_load(&race->must_stop)) {
        struct credential credential = credential_of(n, (uint8_t)(n + 1));
        unsigned revoked = atomic_load(&race->revoked);
        enum directory_answer answer = directory_authenticate(reader, &credential, 1, &token);

        if (answer == DIRECTORY_FOUND && (n < revoked || strcmp(token.id, credential.id) != 0))
            abort(); /* a revoked token was let in, or another one was handed out */
        if (answer != DIRECTORY_FOUND && answer != DIRECTORY_REVOKED && answer != DIRECTORY_UNKNOWN)
            abort();
        n = (n + 1) % TOKENS;
    }
    directory_view_destroy(&reader);
    return NULL;
}

static void test_directory_is_read_while_it_changes(void **state)
{
    struct fixture *f = *state;
    struct race race = {.directory = f->directory};
    pthread_t threads[READERS];

    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &race), 0);
    for (unsigned i = 0; i < CHANGES; i++) {
        put(f, record_of(i % TOKENS));
        put(f, record_of(TOKENS + i)); /* grows the table, again and again */
    }
    for (unsigned n = 0; n < TOKENS; n++) {
        struct token_record record = record_of(n);

        record.revoked_ms = 1;
        put(f, record);
        atomic_store(&race.revoked, n + 1);
    }
    atomic_store(&race.must_stop, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(directory_counters(f->directory).retired, 0);
    assert_int_equal(directory_counters(f->directory).tokens, TOKENS + CHANGES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_directory_tells_every_failure_apart),
        TEST(test_directory_holds_basic_to_the_member_it_names),
        TEST(test_directory_hands_out_owner_and_roles),
        TEST(test_directory_cuts_what_a_revoked_token_began),
        TEST(test_directory_cuts_at_the_end_of_a_rotations_grace),
        TEST(test_directory_cuts_at_the_expiry_as_it_is_now),
        TEST(test_directory_ends_the_sessions_of_a_principal_whatever_its_credential),
        TEST(test_directory_answers_a_suspended_member_so_until_it_is_resumed),
        TEST(test_directory_collects_uses_coarsely_and_once),
        TEST(test_directory_holds_100000_tokens_below_64_mib),
        TEST(test_directory_forgets_removed_tokens_and_frees_them),
        cmocka_unit_test_setup_teardown(test_directory_follows_the_ledger, kit_setup, kit_teardown),
        TEST(test_directory_is_read_while_it_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
