// SPDX-License-Identifier: Apache-2.0
#include "audit_kit.h"

#include "auth/commands.h"

struct result {
    char *out, *err;
    int code;
};

/* Runs `causeway audit verify` with the arguments, a NULL-ended list. */
static struct result run(const char *const *arguments)
{
    static const struct cli_command *const tables[] = {auth_commands, NULL};
    struct result result = {0};
    const char *argv[16] = {"causeway", "audit", "verify"};
    size_t out_size, err_size;
    FILE *out = open_memstream(&result.out, &out_size);
    FILE *err = open_memstream(&result.err, &err_size);
    int argc = 3;

    for (; *arguments != NULL; arguments++)
        argv[argc++] = *arguments;
    result.code = cli_run(argc, (char **)argv, tables, out, err, NULL);
    fclose(out);
    fclose(err);
    return result;
}

/* pattern has @ where the path of the log is. */
static void expect_text(const struct kit *kit, const char *actual, const char *pattern)
{
    struct text expected = {0};

    text_put_text(&expected, "");
    for (; *pattern != '\0'; pattern++)
        if (*pattern == '@')
            text_put_text(&expected, kit->path);
        else
            text_put_char(&expected, *pattern);
    assert_string_equal(actual, expected.data);
    text_dispose(&expected);
}

static void expect(const struct kit *kit, const char *const *arguments, int code, const char *out,
                   const char *err)
{
    struct result result = run(arguments);

    expect_text(kit, result.out, out);
    expect_text(kit, result.err, err);
    assert_int_equal(result.code, code);
    free(result.out);
    free(result.err);
}

static void break_line_2(const struct kit *kit)
{
    struct text log = kit_read(kit->path);

    *(char *)memmem(log.data, log.size, "\"r1\"", 4) = ' ';
    kit_write(kit->path, text_slice(&log));
    text_dispose(&log);
}

static void test_audit_verify_command_says_what_is_good(void **state)
{
    struct kit *kit = *state;
    const char *text[] = {kit->path, NULL}, *json[] = {"--json", kit->path, NULL};
    FILE *file;

    kit_write_log(kit, 3);
    expect(kit, text, CLI_DONE, "@: 3 good lines, sequence 1 to 3\n", "");
    expect(kit, json, CLI_DONE,
           "{\"file\":\"@\",\"is_whole\":true,\"lines\":3,\"first_sequence\":1,"
           "\"last_sequence\":3}\n",
           "");
    file = fopen(kit->path, "ae");
    assert_non_null(file);
    fputs("{\"sequ", file);
    fclose(file);
    expect(kit, text, CLI_DONE,
           "@: 3 good lines, sequence 1 to 3; then one that is not finished: it is being written, "
           "or a crash cut it short\n",
           "");
    expect(kit, json, CLI_DONE,
           "{\"file\":\"@\",\"is_whole\":true,\"lines\":3,\"first_sequence\":1,"
           "\"last_sequence\":3,\"is_unfinished\":true}\n",
           "");
}

static void test_audit_verify_command_names_the_broken_line(void **state)
{
    struct kit *kit = *state;
    const char *text[] = {kit->path, NULL}, *json[] = {"--json", kit->path, NULL};

    kit_write_log(kit, 3);
    break_line_2(kit);
    expect(kit, text, CLI_FAILED, "@: 1 good line, sequence 1 to 1; line 2 is broken\n",
           "causeway audit verify: @:2: sequence 2 was changed: its hash is not that of its "
           "bytes\n");
    expect(kit, json, CLI_FAILED,
           "{\"file\":\"@\",\"is_whole\":false,\"lines\":1,\"first_sequence\":1,"
           "\"last_sequence\":1,\"broken_line\":2,\"error\":\"@:2: sequence 2 was changed: its "
           "hash is not that of its bytes\"}\n",
           "");
}

static void test_audit_verify_command_follows_a_rotated_log(void **state)
{
    struct kit *kit = *state;
    const char *in_order[] = {kit->moved, kit->path, NULL};
    const char *reversed[] = {kit->path, kit->moved, NULL};
    struct text log;
    struct slice lines[3] = {{0}};
    size_t first;

    kit_write_log(kit, 3);
    log = kit_read(kit->path);
    assert_int_equal(kit_lines(&log, lines, 3), 3);
    first = (size_t)(lines[1].data - log.data);
    kit_write(kit->moved, (struct slice){log.data, first});
    kit_write(kit->path, (struct slice){log.data + first, log.size - first});
    text_dispose(&log);
    expect(kit, in_order, CLI_DONE,
           "@.1: 1 good line, sequence 1 to 1\n@: 2 good lines, sequence 2 to 3\n", "");
    expect(kit, reversed, CLI_FAILED,
           "@: 2 good lines, sequence 2 to 3\n@.1: no good line; line 1 is broken\n",
           "causeway audit verify: @.1:1: sequence 1 stands where 4 must: lines were added or "
           "moved\n");
}

static void test_audit_verify_command_finds_the_log_of_a_configuration(void **state)
{
    struct kit *kit = *state;
    char config[128];
    const char *text[] = {"--config", config, NULL};
    struct text yaml = {0};

    snprintf(config, sizeof(config), "%s/causeway.yaml", kit->folder);
    text_put_format(
        &yaml, "org: example.org\ndata: %s\nupstream:\n  kind: kubo\n  address: 127.0.0.1:5001\n",
        kit->folder);
    kit_write(config, text_slice(&yaml));
    text_dispose(&yaml);
    kit_write_log(kit, 2);
    expect(kit, text, CLI_DONE, "@: 2 good lines, sequence 1 to 2\n", "");
    unlink(kit->path);
    expect(kit, text, CLI_FAILED, "@: no good line\n",
           "causeway audit verify: @ cannot be opened: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_audit_verify_command_says_what_is_good),
        KIT_TEST(test_audit_verify_command_names_the_broken_line),
        KIT_TEST(test_audit_verify_command_follows_a_rotated_log),
        KIT_TEST(test_audit_verify_command_finds_the_log_of_a_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
