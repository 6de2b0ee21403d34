// SPDX-License-Identifier: Apache-2.0
#include "audit_kit.h"

#include "auth/audit_line.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

/* Five lines, in out; lines are slices of it. */
static void make_log(struct text *out, struct slice lines[5])
{
    struct audit_chain chain = {0};

    for (unsigned n = 0; n < 5; n++) {
        struct audit_entry entry = {.time_ms = n, .command = SLICE("pin/add")};
        struct text body = {0};

        audit_line_put_body(&body, &entry);
        audit_line_put(out, &chain, 0, text_slice(&body));
        text_dispose(&body);
    }
    assert_int_equal(kit_lines(out, lines, 5), 5);
}

/* What each letter of a recipe puts into the file. */
static void put_piece(struct text *out, char letter, const struct slice *lines)
{
    size_t start = out->size;
    struct slice line;

    switch (letter) {
    case 'x': /* line 3 with another time */
        text_put_slice(out, lines[2]);
        *strstr(out->data + start, "1970") = '2';
        break;
    case 'h': /* line 3 with another hash */
        text_put_slice(out, lines[2]);
        out->data[out->size - 3] = out->data[out->size - 3] == '0' ? '1' : '0';
        break;
    case 'H': /* line 3 with its hash in capitals */
        text_put_slice(out, lines[2]);
        for (size_t i = out->size - 66; i < out->size - 2; i++)
            if (out->data[i] >= 'a')
                out->data[i] = (char)(out->data[i] - 'a' + 'A');
        break;
    case 'p': /* line 3 with another previous */
        text_put_slice(out, lines[2]);
        start += strlen("{\"sequence\":3,\"previous\":\"");
        out->data[start] = out->data[start] == '0' ? '1' : '0';
        break;
    case 's': /* a space in front */
        text_put_char(out, ' ');
        text_put_slice(out, lines[2]);
        break;
    case 'r': /* CR LF */
        text_put_slice(out, lines[2]);
        text_put_char(out, '\r');
        break;
    case 'e':
        break;
    case 'u': /* not finished */
        text_put(out, lines[2].data, lines[2].size / 2);
        return;
    case 'w': /* whole but for its newline */
        text_put_slice(out, lines[2]);
        return;
    default:
        line = lines[letter - '1'];
        text_put_slice(out, line);
    }
    text_put_char(out, '\n');
}

static void test_audit_verify_names_the_first_line_that_breaks_the_chain(void **state)
{
    static const struct {
        const char *recipe;
        unsigned good, broken; /* lines */
        const char *says;
    } table[] = {
        {"12345", 5, 0, NULL},
        {"", 0, 0, NULL},
        {"345", 3, 0, NULL}, /* rotated */
        {"123", 3, 0, NULL}, /* the end cannot be missed without the ledger */
        {"12x45", 2, 3, "sequence 3 was changed"},
        {"12h45", 2, 3, "sequence 3 was changed"},
        {"12p45", 2, 3, "sequence 3 was changed"},
        {"12H45", 2, 3, "not a line"},
        {"12s45", 2, 3, "not a line"},
        {"12r45", 2, 3, "not a line"},
        {"12e345", 2, 3, "not a line"},
        {"1245", 2, 3, "sequence 4 stands where 3 must: lines were removed"},
        {"13245", 1, 2, "sequence 3 stands where 2 must: lines were removed"},
        {"123345", 3, 4, "sequence 3 stands where 4 must: lines were added or moved"},
        {"123451", 5, 6, "sequence 1 stands where 6 must"},
        {"x", 0, 1, "sequence 3 was changed"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct audit_report report;
        struct audit_chain chain = {0};
        struct text log = {0}, out = {0};
        struct slice lines[5];
        struct error err = {0};
        char place[160];
        bool result;

        make_log(&log, lines);
        for (const char *letter = table[i].recipe; *letter != '\0'; letter++)
            put_piece(&out, *letter, lines);
        kit_write(kit->path, text_slice(&out));
        result = audit_verify(kit->path, &chain, NULL, NULL, &report, &err);
        assert_int_equal(report.lines, table[i].good);
        assert_int_equal(report.broken_line, table[i].broken);
        assert_int_equal(result, table[i].broken == 0);
        assert_false(report.is_unfinished);
        snprintf(place, sizeof(place), "%s:%u: ", kit->path, table[i].broken);
        if (!result && (strstr(err.text, table[i].says) == NULL ||
                        strncmp(err.text, place, strlen(place)) != 0))
            fail_msg("%s: %s", table[i].recipe, err.text);
        text_dispose(&log);
        text_dispose(&out);
    }
}

/* A line that was made with its own right hash, but by someone who did not have the one before. */
static void test_audit_verify_finds_a_line_that_hashes_well_but_does_not_go_on(void **state)
{
    static const struct {
        uint64_t sequence; /* of the line before the forged one, as it claims */
        const char *says;
    } table[] = {{5, "sequence 6 does not go on from the line before"},
                 {6, "sequence 7 stands where 6 must"},
                 {4, "sequence 5 stands where 6 must"}};
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct audit_chain forged = {.has_begun = true, .sequence = table[i].sequence};
        struct audit_chain chain = {0};
        struct audit_report report;
        struct error err = {0};
        struct slice lines[5];
        struct text log = {0};

        make_log(&log, lines);
        audit_line_put(&log, &forged, 0, SLICE(",\"command\":\"pin/rm\""));
        kit_write(kit->path, text_slice(&log));
        assert_false(audit_verify(kit->path, &chain, NULL, NULL, &report, &err));
        assert_int_equal(report.broken_line, 6);
        assert_non_null(strstr(err.text, table[i].says));
        text_dispose(&log);
    }
}

static void test_audit_verify_takes_sequence_1_only_behind_nothing(void **state)
{
    struct audit_chain forged = {.has_begun = true, .hash = {1}}, chain = {0};
    struct error err = {0};
    struct text line = {0};

    audit_line_put(&line, &forged, 0, SLICE(""));
    assert_int_equal(forged.sequence, 1);
    assert_false(audit_chain_step(&chain, (struct slice){line.data, line.size - 1}, &err));
    assert_non_null(strstr(err.text, "does not go on from nothing"));
    assert_false(chain.has_begun);
    text_dispose(&line);
}

static void test_audit_verify_refuses_sequences_that_are_no_numbers(void **state)
{
    static const char *const sequences[] = {"0",   "01", "-1", "", "18446744073709551616",
                                            "1.0", " 1"};

    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        struct audit_chain chain = {0};
        struct error err = {0};
        struct text line = {0};

        text_put_format(&line, "{\"sequence\":%s,\"previous\":\"%064d\",\"hash\":\"%064d\"}",
                        sequences[i], 0, 0);
        assert_false(audit_chain_step(&chain, text_slice(&line), &err));
        assert_int_equal(err.code, ERROR_SYNTAX);
        text_dispose(&line);
    }
}

static void test_audit_verify_tells_unfinished_from_broken(void **state)
{
    static const char *const recipes[] = {"12u", "12w", "u"};
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
        struct audit_chain chain = {0};
        struct text log = {0}, out = {0};
        struct audit_report report;
        struct slice lines[5];

        make_log(&log, lines);
        for (const char *letter = recipes[i]; *letter != '\0'; letter++)
            put_piece(&out, *letter, lines);
        kit_write(kit->path, text_slice(&out));
        report = kit_verify(kit->path, &chain);
        assert_int_equal(report.lines, strlen(recipes[i]) - 1);
        assert_true(report.is_unfinished);
        text_dispose(&log);
        text_dispose(&out);
    }
}

static void test_audit_verify_goes_on_from_file_to_file(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct slice lines[5];
    struct error err = {0};
    struct text log = {0};
    size_t first;

    make_log(&log, lines);
    first = (size_t)(lines[3].data - log.data);
    kit_write(kit->moved, (struct slice){log.data, first});
    kit_write(kit->path, (struct slice){log.data + first, log.size - first});
    report = kit_verify(kit->moved, &chain);
    assert_int_equal(report.lines, 3);
    report = kit_verify(kit->path, &chain);
    assert_int_equal(report.lines, 2);
    assert_int_equal(report.first_sequence, 4);
    assert_int_equal(chain.sequence, 5);

    /* The newest first: the first line of the older one stumbles. */
    assert_false(audit_verify(kit->moved, &chain, NULL, NULL, &report, &err));
    assert_int_equal(report.broken_line, 1);
    text_dispose(&log);
}

static bool take_two(void *seen_, uint64_t number, struct slice line)
{
    uint64_t *seen = seen_;

    assert_true(slice_starts(line, "{\"sequence\":"));
    assert_int_equal(line.data[line.size - 1], '}');
    assert_int_equal(number, ++*seen);
    return number < 2;
}

static void test_audit_verify_stops_when_its_reader_has_enough(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct slice lines[5];
    struct error err = {0};
    struct text log = {0};
    uint64_t seen = 0;

    make_log(&log, lines);
    kit_write(kit->path, text_slice(&log));
    assert_true(audit_verify(kit->path, &chain, take_two, &seen, &report, &err));
    assert_int_equal(seen, 2);
    assert_int_equal(report.lines, 2);
    assert_int_equal(chain.sequence, 2);
    assert_false(report.is_unfinished);
    text_dispose(&log);
}

static void test_audit_verify_reads_lines_of_any_length_that_is_allowed(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0}, made = {0};
    struct text body = {0}, log = {0};

    text_put_text(&body, ",\"message\":\"");
    while (body.size < AUDIT_BODY_MAX - 1)
        text_put_char(&body, 'a');
    text_put_char(&body, '"');
    for (unsigned i = 0; i < 9; i++)
        audit_line_put(&log, &made, UINT64_MAX, text_slice(&body));
    kit_write(kit->path, text_slice(&log));
    assert_int_equal(kit_verify(kit->path, &chain).lines, 9);

    text_dispose(&body);
    text_dispose(&log);
}

static void test_audit_verify_refuses_lines_longer_than_any(void **state)
{
    struct kit *kit = *state;

    for (int has_newline = 0; has_newline <= 1; has_newline++) {
        struct audit_chain chain = {0}, made = {0};
        struct text body = {0}, log = {0};
        struct audit_report report;
        struct error err = {0};

        audit_line_put(&log, &made, 0, SLICE(""));
        text_put_text(&body, ",\"message\":\"");
        while (body.size < AUDIT_LINE_MAX)
            text_put_char(&body, 'a');
        text_put_char(&body, '"');
        audit_line_put(&log, &made, 0, text_slice(&body));
        log.size -= has_newline == 0;
        kit_write(kit->path, text_slice(&log));
        assert_false(audit_verify(kit->path, &chain, NULL, NULL, &report, &err));
        assert_int_equal(report.broken_line, 2);
        assert_non_null(strstr(err.text, "longer than any line"));
        text_dispose(&body);
        text_dispose(&log);
    }
}

static void test_audit_verify_says_why_a_file_cannot_be_read(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};

    assert_false(audit_verify(kit->path, &chain, NULL, NULL, &report, &err));
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.text, strerror(ENOENT)));
    err = (struct error){0};
    assert_false(audit_verify(kit->folder, &chain, NULL, NULL, &report, &err));
    assert_non_null(strstr(err.text, strerror(EISDIR)));
}

static void test_audit_verify_reads_standard_input(void **state)
{
    struct audit_chain chain = {0};
    struct audit_report report;
    struct slice lines[5];
    struct error err = {0};
    struct text log = {0};
    FILE *old = stdin;

    make_log(&log, lines);
    stdin = fmemopen(log.data, log.size, "r");
    assert_true(audit_verify("-", &chain, NULL, NULL, &report, &err));
    fclose(stdin);
    stdin = old;
    assert_int_equal(report.lines, 5);
    text_dispose(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_audit_verify_names_the_first_line_that_breaks_the_chain),
        KIT_TEST(test_audit_verify_finds_a_line_that_hashes_well_but_does_not_go_on),
        KIT_TEST(test_audit_verify_takes_sequence_1_only_behind_nothing),
        KIT_TEST(test_audit_verify_refuses_sequences_that_are_no_numbers),
        KIT_TEST(test_audit_verify_tells_unfinished_from_broken),
        KIT_TEST(test_audit_verify_goes_on_from_file_to_file),
        KIT_TEST(test_audit_verify_stops_when_its_reader_has_enough),
        KIT_TEST(test_audit_verify_reads_lines_of_any_length_that_is_allowed),
        KIT_TEST(test_audit_verify_refuses_lines_longer_than_any),
        KIT_TEST(test_audit_verify_says_why_a_file_cannot_be_read),
        KIT_TEST(test_audit_verify_reads_standard_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
