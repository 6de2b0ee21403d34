// SPDX-License-Identifier: Apache-2.0
/* Each message against its golden file, which stays for as long as its version is spoken; and what
 * is no message. */
#include "federation/wire.h"

#include "conf/memory.h"
#include "federation/wire_signed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATE UINT64_C(1800000000123)

static union {
    struct wire_hello hello;
    struct wire_join join;
    struct wire_joined joined;
    struct wire_heartbeat heartbeat;
    struct wire_roots roots;
    struct wire_batch batch;
    struct wire_results results;
    struct wire_statement statement;
    struct wire_end end;
    struct wire_error error;
} m;

static struct text read_file(const char *folder, const char *name)
{
    struct text text = {0};
    char path[200];
    FILE *file;
    int c;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is missing", path);
    while (file != NULL && (c = fgetc(file)) != EOF)
        text_put_char(&text, (char)c);
    if (file != NULL)
        fclose(file);
    return text;
}

static struct wire_list list_of(size_t count, size_t size)
{
    return (struct wire_list){memory_alloc(count * size), count};
}

/* ---- one of each, with every member that there is */

static void make_hello(void)
{
    m.hello = (struct wire_hello){.versions = {1, 1},
                                  .org = "beta.example",
                                  .node = "gw1",
                                  .body_max = 1048576,
                                  .items_max = 50,
                                  .roots = 7,
                                  .date_ms = DATE};
    m.hello.features = list_of(2, ID_SIZE);
    strcpy(m.hello.features.items, "batch");
    strcpy((char *)m.hello.features.items + ID_SIZE, "statement");
}

static void make_join(void)
{
    m.join = (struct wire_join){.version = 1,
                                .link = "01jd0000000000000000000000",
                                .invite_epoch = 1,
                                .last_epoch = 0,
                                .org = "beta.example",
                                .node = "gw1",
                                .address = "gw.beta.example:9501",
                                .incarnation = UINT64_C(0x0123456789abcdef),
                                .proof = {0xde, 0xad, [31] = 0x01}};
    text_put_text(&m.join.roots, "a roots document");
}

static void make_joined(void)
{
    m.joined = (struct wire_joined){.version = 1,
                                    .reaches = true,
                                    .link = "01jd0000000000000000000000",
                                    .epoch = 1,
                                    .incarnation = 16,
                                    .ignored = 2};
    text_put_text(&m.joined.roots, "a roots document");
}

static void make_heartbeat(void)
{
    m.heartbeat = (struct wire_heartbeat){.version = 1,
                                          .from = 16,
                                          .to = 17,
                                          .sequence = 9007199254740991,
                                          .state = WIRE_STATE_SUSPENDED,
                                          .confirmed = true,
                                          .suspended = true,
                                          .taken = 4096,
                                          .roots = 7,
                                          .roots_known = 3,
                                          .credit = {256, 67108864},
                                          .load = 12,
                                          .ignored = 1};
}

static void make_heartbeat_with_grants(void)
{
    make_heartbeat();
    strcpy(m.heartbeat.settled, "01jd0000000000000000000004");
    m.heartbeat.we_store = (struct wire_grant){1, 1099511627776, 1000, WIRE_NO_LIMIT};
    m.heartbeat.they_store = (struct wire_grant){.version = 1};
    m.heartbeat.draining = true;
}

static void make_roots(void)
{
    m.roots = (struct wire_roots){.version = 1, .from = 16, .to = 17, .sequence = 8};
    text_put_text(&m.roots.roots, "a roots document");
}

static void make_batch(void)
{
    struct wire_item *items;

    m.batch = (struct wire_batch){
        .version = 1, .from = 16, .to = 17, .settled = "01jd0000000000000000000001"};
    m.batch.items = list_of(2, sizeof(*items));
    items = m.batch.items.items;
    strcpy(items[0].key, "01jd0000000000000000000002");
    strcpy(items[0].action, "allocate");
    text_put_text(&items[0].with, "{\"bytes_max\":1048576,\"root\":\"bafkqaaa\"}");
    strcpy(items[1].key, "01jd0000000000000000000003");
    strcpy(items[1].action, "release");
}

static void make_results(void)
{
    struct wire_result *results;

    m.results =
        (struct wire_results){.version = 1, .from = 17, .to = 16, .credit = {254, 67000000}};
    m.results.results = list_of(2, sizeof(*results));
    results = m.results.results.items;
    strcpy(results[0].key, "01jd0000000000000000000002");
    results[0].status = 201;
    text_put_text(&results[0].with, "{\"state\":\"reserved\"}");
    strcpy(results[1].key, "01jd0000000000000000000003");
    results[1].status = 507;
    strcpy(results[1].message, "the grant of 1 TiB is used up: \"beta\" holds 1 TiB");
}

static void make_statement(void)
{
    m.statement = (struct wire_statement){.version = 1,
                                          .from = 16,
                                          .to = 17,
                                          .sequence = 9,
                                          .after = "01jd0000000000000000000002",
                                          .ignored = 1};
    text_put_text(&m.statement.page, "a page");
}

static void make_statement_at_a_cut(void)
{
    m.statement = (struct wire_statement){.version = 1,
                                          .from = 16,
                                          .to = 17,
                                          .after = "01jd0000000000000000000002",
                                          .settled = "01jd0000000000000000000004",
                                          .settled_there = "01jd0000000000000000000003"};
    text_put_text(&m.statement.page, "a page");
    text_put_text(&m.statement.signature, "a signature");
}

static void make_end(void)
{
    m.end =
        (struct wire_end){.version = 1, .epoch = 3, .cause = WIRE_CAUSE_REPINNED, .date_ms = DATE};
}

static void make_error(void)
{
    m.error = (struct wire_error){.problem = WIRE_PROBLEM_NUMBER,
                                  .message = "the number 3 was used before",
                                  .epoch = 3,
                                  .floor = 4097,
                                  .retry_after_s = 5,
                                  .date_ms = DATE,
                                  .versions = {1, 1}};
}

/* Each message has a first golden file, and another for what came to it later. */
static const struct golden_case {
    enum wire_message kind;
    unsigned number;
    void (*make)(void);
} golden_cases[] = {
    {WIRE_HELLO, 1, make_hello},
    {WIRE_JOIN, 1, make_join},
    {WIRE_JOINED, 1, make_joined},
    {WIRE_HEARTBEAT, 1, make_heartbeat},
    {WIRE_ROOTS, 1, make_roots},
    {WIRE_BATCH, 1, make_batch},
    {WIRE_RESULTS, 1, make_results},
    {WIRE_STATEMENT, 1, make_statement},
    {WIRE_END, 1, make_end},
    {WIRE_ERROR, 1, make_error},
    {WIRE_STATEMENT, 2, make_statement_at_a_cut},
    {WIRE_HEARTBEAT, 2, make_heartbeat_with_grants},
};

static struct text golden_of(const struct golden_case *of)
{
    char name[64];

    snprintf(name, sizeof(name), "%s-%u.json", wire_shape(of->kind)->name, of->number);
    return read_file("golden", name);
}

static void test_wire_messages_are_printed_as_their_golden_files(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(golden_cases); i++) {
        struct text golden = golden_of(&golden_cases[i]), printed = {0};

        golden_cases[i].make();
        wire_print(golden_cases[i].kind, &m, &printed);
        text_put_char(&printed, '\n');
        assert_string_equal(printed.data, golden.data);
        wire_free(golden_cases[i].kind, &m);
        text_dispose(&printed);
        text_dispose(&golden);
    }
}

static void test_wire_golden_files_are_read_and_printed_the_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(golden_cases); i++) {
        enum wire_message kind = golden_cases[i].kind;
        struct text golden = golden_of(&golden_cases[i]), printed = {0};
        struct error err = {0};
        unsigned unknown;

        if (!wire_parse(kind, text_slice(&golden), &m, &unknown, &err))
            fail_msg("%s", err.text);
        assert_int_equal(unknown, 0);
        wire_print(kind, &m, &printed);
        text_put_char(&printed, '\n');
        assert_string_equal(printed.data, golden.data);
        wire_free(kind, &m);
        text_dispose(&printed);
        text_dispose(&golden);
    }
}

/* Every prefix, and every byte changed: refused with a reason, or a message that prints. */
static void test_wire_golden_files_cut_or_changed_are_refused_or_whole(void **state)
{
    for (size_t n = 0; n < ARRAY_SIZE(golden_cases); n++) {
        enum wire_message kind = golden_cases[n].kind;
        struct text golden = golden_of(&golden_cases[n]);

        for (size_t i = 0; i < golden.size; i++) {
            struct error err = {0};
            struct text printed = {0};
            unsigned unknown;
            char kept = golden.data[i];

            if (i + 1 < golden.size) { /* the last byte is a newline */
                assert_false(wire_parse(kind, (struct slice){golden.data, i}, &m, &unknown, &err));
                assert_true(err.text[0] != '\0');
            }
            wire_free(kind, &m);
            golden.data[i] ^= 4;
            err = (struct error){0};
            if (wire_parse(kind, text_slice(&golden), &m, &unknown, &err))
                wire_print(kind, &m, &printed);
            else
                assert_true(err.text[0] != '\0');
            golden.data[i] = kept;
            wire_free(kind, &m);
            text_dispose(&printed);
        }
        text_dispose(&golden);
    }
}

/* ---- what is refused */

#define HEARTBEAT_WITH(from, more)                                                                 \
    "{\"v\":1,\"from\":" from ",\"to\":" INC                                                       \
    ",\"state\":\"active\",\"confirmed\":true,\"suspended\":false,"                                \
    "\"isolated\":false,\"taken\":0,\"roots\":1,\"roots_known\":0,"                                \
    "\"credit\":{\"items\":1,\"bytes\":2},\"load\":0" more "}"
#define INC "\"0000000000000010\""

static void test_wire_names_what_is_wrong_and_where(void **state)
{
    static const struct {
        enum wire_message kind;
        const char *body;
        enum error_code code;
        const char *text;
    } rows[] = {
        {WIRE_HEARTBEAT, "", ERROR_SYNTAX, "heartbeat: no JSON at byte"},
        {WIRE_HEARTBEAT, "[]", ERROR_SYNTAX, "heartbeat: an object is needed"},
        {WIRE_HEARTBEAT, "{}", ERROR_SYNTAX, "heartbeat: 'v' is missing"},
        {WIRE_HEARTBEAT, "{\"v\":2}", ERROR_UNSUPPORTED,
         "heartbeat: v: version 2; 1 to 1 are spoken here"},
        {WIRE_HEARTBEAT, "{\"v\":\"1\"}", ERROR_SYNTAX, "v: a whole number"},
        {WIRE_HEARTBEAT, "{\"v\":1.0}", ERROR_SYNTAX, "v: a whole number"},
        {WIRE_HEARTBEAT, "{\"v\":-1}", ERROR_SYNTAX, "v: a whole number"},
        {WIRE_HEARTBEAT, "{\"v\":1,\"v\":1}", ERROR_SYNTAX, "no JSON"},
        {WIRE_HEARTBEAT, "{\"v\":1} {}", ERROR_SYNTAX, "no JSON"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH("\"0000000000000000\"", ""), ERROR_SYNTAX,
         "from: an incarnation is never 0"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH("\"000000000000001G\"", ""), ERROR_SYNTAX,
         "from: character 16 is no lower-case hex digit"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH("16", ""), ERROR_SYNTAX, "from: a string is needed"},
        {WIRE_HEARTBEAT, "{\"v\":1,\"from\":" INC ",\"to\":null}", ERROR_SYNTAX,
         "to: a string is needed"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH(INC, ",\"sequence\":9007199254740992"), ERROR_SYNTAX,
         "sequence: a whole number from 0 to 9007199254740991"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH(INC, ",\"x\":\"\\u0000\""), ERROR_SYNTAX, "no JSON"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH(INC, ",\"x\":\"\xff\""), ERROR_SYNTAX, "no JSON"},
        {WIRE_HEARTBEAT, HEARTBEAT_WITH(INC, ",\"x\":[[[[[[[[1]]]]]]]]"), ERROR_LIMIT,
         "nested deeper than 8"},
        {WIRE_END,
         "{\"v\":1,\"epoch\":1,\"cause\":\"bored\",\"date\":\"2026-01-31T23:59:59.123Z\"}",
         ERROR_SYNTAX, "cause: none of the names that are known here, such as 'revoked'"},
        {WIRE_END, "{\"v\":1,\"epoch\":1,\"cause\":\"revoked\",\"date\":\"2026-01-31\"}",
         ERROR_SYNTAX, "date: no date such as"},
        {WIRE_END,
         "{\"v\":1,\"epoch\":1,\"cause\":\"revoked\",\"date\":\"2026-13-31T23:59:59.123Z\"}",
         ERROR_SYNTAX, "end: date: "},
        {WIRE_BATCH, "{\"v\":1,\"from\":" INC ",\"to\":" INC ",\"items\":[]}", ERROR_LIMIT,
         "items: a list of 0; 1 to 50 are allowed"},
        {WIRE_BATCH, "{\"v\":1,\"from\":" INC ",\"to\":" INC ",\"items\":[{\"key\":\"x\"}]}",
         ERROR_SYNTAX, "batch: items: item 1: key: no ULID"},
        {WIRE_BATCH,
         "{\"v\":1,\"from\":" INC ",\"to\":" INC
         ",\"items\":[{\"key\":\"01jd0000000000000000000002\",\"do\":\"x\",\"with\":[]}]}",
         ERROR_SYNTAX, "item 1: with: an object is needed"},
        {WIRE_ROOTS, "{\"v\":1,\"from\":" INC ",\"to\":" INC ",\"sequence\":1,\"roots\":\"zabc\"}",
         ERROR_SYNTAX, "roots: roots: no bytes in base64"},
        {WIRE_ERROR, "{\"error\":\"busy\",\"message\":\"a\\nb\"}", ERROR_SYNTAX,
         "message: a control character"},
        {WIRE_ERROR, "{\"error\":\"busy\",\"message\":\"\"}", ERROR_LIMIT,
         "message: 0 bytes of text"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        unsigned unknown;

        assert_false(wire_parse(rows[i].kind, slice_of(rows[i].body), &m, &unknown, &err));
        if (err.code != rows[i].code || strstr(err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %d %s", i, (int)err.code, err.text);
        wire_free(rows[i].kind, &m);
    }
}

static void test_wire_org_is_a_dns_name_in_lower_case(void **state)
{
    static const struct {
        const char *org;
        bool is_good;
    } rows[] = {
        {"beta.example", true},
        {"b", true},
        {"a-b.c0", true},
        {"", false},
        {"Beta.example", false},
        {".beta", false},
        {"beta.", false},
        {"a..b", false},
        {"-a.b", false},
        {"a-.b", false},
        {"a.-b", false},
        {"a.b-", false},
        {"a_b.c", false},
        {"a b", false},
        {"a/b", false},
        {"a123456789b123456789c123456789d123456789e123456789f123456789g12.x", true},
        {"a123456789b123456789c123456789d123456789e123456789f123456789g123.x", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text body = {0};
        unsigned unknown;

        text_put_format(&body,
                        "{\"versions\":{\"min\":1,\"max\":1},\"org\":\"%s\",\"node\":\"n\","
                        "\"features\":[],\"must\":[],\"body_max\":1024,\"items_max\":1,\"roots\":0,"
                        "\"date\":\"2026-01-31T23:59:59.123Z\"}",
                        rows[i].org);
        if (wire_parse(WIRE_HELLO, text_slice(&body), &m, &unknown, NULL) != rows[i].is_good)
            fail_msg("%s", rows[i].org);
        wire_free(WIRE_HELLO, &m);
        text_dispose(&body);
    }
}

static void test_wire_leaves_out_and_counts_what_a_later_version_added(void **state)
{
    static const char body[] = HEARTBEAT_WITH(INC, ",\"later\":{\"a\":1},\"x\":[1,2]");
    unsigned unknown;

    assert_true(wire_parse(WIRE_HEARTBEAT, slice_of(body), &m, &unknown, NULL));
    assert_int_equal(unknown, 2);
    assert_int_equal(m.heartbeat.to, 16);
    wire_free(WIRE_HEARTBEAT, &m);
}

static void test_wire_bodies_have_bounds(void **state)
{
    for (size_t n = 0; n < ARRAY_SIZE(golden_cases); n++) {
        enum wire_message kind = golden_cases[n].kind;
        struct text golden = golden_of(&golden_cases[n]);
        struct error err = {0};
        unsigned unknown;

        while (golden.size < wire_body_max(kind))
            text_put_char(&golden, ' ');
        assert_true(wire_parse(kind, text_slice(&golden), &m, &unknown, &err));
        wire_free(kind, &m);
        text_put_char(&golden, ' ');
        assert_false(wire_parse(kind, text_slice(&golden), &m, &unknown, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        wire_free(kind, &m);
        text_dispose(&golden);
    }
}

static void test_wire_a_full_batch_fits_its_bound(void **state)
{
    struct text body = {0};
    struct wire_item *items;
    unsigned unknown;

    m.batch = (struct wire_batch){.version = 1, .from = 16, .to = 17};
    m.batch.items = list_of(WIRE_ITEMS_MAX, sizeof(*items));
    items = m.batch.items.items;
    for (unsigned i = 0; i < WIRE_ITEMS_MAX; i++) {
        snprintf(items[i].key, ULID_SIZE, "%026u", i);
        memset(items[i].action, 'a', ID_SIZE - 1);
        text_put_text(&items[i].with, "{\"x\":\"");
        while (items[i].with.size < WIRE_WITH_MAX - 2)
            text_put_char(&items[i].with, 'y');
        text_put_text(&items[i].with, "\"}");
    }
    wire_print(WIRE_BATCH, &m, &body);
    wire_free(WIRE_BATCH, &m);
    assert_true(wire_parse(WIRE_BATCH, text_slice(&body), &m, &unknown, NULL));
    assert_int_equal(m.batch.items.count, WIRE_ITEMS_MAX);
    wire_free(WIRE_BATCH, &m);
    text_dispose(&body);
}

static void test_wire_chooses_the_greatest_version_that_both_speak(void **state)
{
    static const struct {
        struct wire_versions ours, theirs;
        uint64_t version; /* 0: none */
        const char *text;
    } rows[] = {
        {{1, 1}, {1, 1}, 1, ""},
        {{1, 2}, {2, 3}, 2, ""},
        {{2, 3}, {1, 2}, 2, ""},
        {{3, 4}, {1, 2}, 0, "they must update"},
        {{1, 2}, {3, 4}, 0, "we must update"},
        {{1, 2}, {2, 1}, 0, "version 2 to 1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        uint64_t version = 0;
        bool is_good = wire_choose_version(rows[i].ours, rows[i].theirs, &version, &err);

        assert_int_equal(is_good, rows[i].version != 0);
        assert_int_equal(version, rows[i].version);
        if (!is_good)
            assert_non_null(strstr(err.text, rows[i].text));
    }
}

static void test_wire_names_a_feature_that_must_be_known_and_is_not(void **state)
{
    static const char *const known[] = {"batch", "statement", NULL};
    struct error err = {0};

    make_hello();
    assert_true(wire_check_must(&m.hello.must, known, &err));
    assert_true(wire_check_must(&m.hello.features, known, &err));
    strcpy((char *)m.hello.features.items + ID_SIZE, "erasure");
    assert_false(wire_check_must(&m.hello.features, known, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "'erasure'"));
    wire_free(WIRE_HELLO, &m);
}

static void test_wire_problems_have_a_status(void **state)
{
    for (enum wire_problem problem = 0; problem <= WIRE_PROBLEM_STATE; problem++) {
        unsigned status = wire_problem_status(problem);

        assert_true(status >= 400 && status != 500);
    }
}

/* ---- what is signed */

static struct wire_signed a_signed(void)
{
    struct wire_signed is = {.link = "01jd0000000000000000000000",
                             .epoch = 3,
                             .node = "gw1",
                             .sequence = 17,
                             .date_ms = DATE};

    for (unsigned i = 0; i < WIRE_SIGNATURE_SIZE; i++)
        is.signature[i] = (uint8_t)(3 * i);
    return is;
}

static void test_wire_signed_is_as_its_golden_file(void **state)
{
    static const uint8_t digest[32] = {0xde, 0xad, 0xbe, 0xef};
    struct text golden = read_file("golden", "signed-1.txt"), out = {0};
    struct wire_signed is = a_signed();

    assert_true(wire_signed_put(&is, SLICE("POST"), SLICE("/link/v1/batch"), digest, &out, NULL));
    text_put_text(&out, "Causeway-Signed: ");
    wire_signed_print(&is, &out);
    text_put_char(&out, '\n');
    assert_string_equal(out.data, golden.data);
    text_dispose(&golden);
    text_dispose(&out);
}

static void test_wire_signed_refuses_what_could_be_two_messages(void **state)
{
    static const uint8_t digest[32] = {0};
    static const struct {
        const char *method, *path;
        bool is_good;
    } rows[] = {
        {"POST", "/link/v1/end", true}, {"200", "/link/v1/end", true},
        {"post", "/x", false},          {"", "/x", false},
        {"POST\n", "/x", false},        {"POST", "", false},
        {"POST", "x", false},           {"POST", "/x\ny", false},
        {"POST", "/x y", false},        {"POST", "/\x7f", false},
    };
    struct wire_signed is = a_signed();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = {0};

        assert_int_equal(wire_signed_put(&is, slice_of(rows[i].method), slice_of(rows[i].path),
                                         digest, &out, NULL),
                         rows[i].is_good);
        text_dispose(&out);
    }
}

static void test_wire_signed_header_is_read_back_and_in_one_spelling(void **state)
{
    struct wire_signed is = a_signed(), read;
    struct text header = {0}, again = {0};
    struct error err = {0};

    wire_signed_print(&is, &header);
    assert_true(wire_signed_parse(&read, text_slice(&header), &err));
    wire_signed_print(&read, &again);
    assert_string_equal(again.data, header.data);
    assert_memory_equal(read.signature, is.signature, sizeof(is.signature));
    for (size_t i = 0; i < header.size; i++) {
        char kept = header.data[i];

        assert_false(wire_signed_parse(&read, (struct slice){header.data, i}, NULL));
        header.data[i] = kept == ' ' ? '\t' : ' ';
        assert_false(wire_signed_parse(&read, text_slice(&header), NULL));
        header.data[i] = kept;
    }
    text_put_char(&header, ' ');
    assert_false(wire_signed_parse(&read, text_slice(&header), NULL));
    text_dispose(&header);
    text_dispose(&again);
}

static void test_wire_dates_may_be_300_seconds_apart(void **state)
{
    int64_t skew;

    assert_true(wire_date_is_near(DATE + WIRE_DATE_SKEW_MS, DATE, &skew));
    assert_int_equal(skew, 300000);
    assert_true(wire_date_is_near(DATE, DATE + WIRE_DATE_SKEW_MS, &skew));
    assert_int_equal(skew, -300000);
    assert_false(wire_date_is_near(DATE + WIRE_DATE_SKEW_MS + 1, DATE, &skew));
    assert_false(wire_date_is_near(0, DATE, &skew));
}

static void test_wire_refuses_more_values_than_are_read_in_time(void **state)
{
    struct text body = {0};
    struct wire_batch batch;
    struct error err = {0};
    unsigned unknown = 0;

    text_put_text(&body, "{\"v\":1,\"x\":[\"a,b,c\"");
    for (unsigned i = 0; i < 10000; i++)
        text_put_text(&body, ",1");
    text_put_text(&body, "]}");
    assert_false(wire_parse(WIRE_BATCH, text_slice(&body), &batch, &unknown, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "more than 10000 values"));
    text_dispose(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_messages_are_printed_as_their_golden_files),
        cmocka_unit_test(test_wire_golden_files_are_read_and_printed_the_same),
        cmocka_unit_test(test_wire_golden_files_cut_or_changed_are_refused_or_whole),
        cmocka_unit_test(test_wire_names_what_is_wrong_and_where),
        cmocka_unit_test(test_wire_org_is_a_dns_name_in_lower_case),
        cmocka_unit_test(test_wire_leaves_out_and_counts_what_a_later_version_added),
        cmocka_unit_test(test_wire_bodies_have_bounds),
        cmocka_unit_test(test_wire_a_full_batch_fits_its_bound),
        cmocka_unit_test(test_wire_chooses_the_greatest_version_that_both_speak),
        cmocka_unit_test(test_wire_names_a_feature_that_must_be_known_and_is_not),
        cmocka_unit_test(test_wire_problems_have_a_status),
        cmocka_unit_test(test_wire_signed_is_as_its_golden_file),
        cmocka_unit_test(test_wire_signed_refuses_what_could_be_two_messages),
        cmocka_unit_test(test_wire_signed_header_is_read_back_and_in_one_spelling),
        cmocka_unit_test(test_wire_dates_may_be_300_seconds_apart),
        cmocka_unit_test(test_wire_refuses_more_values_than_are_read_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
