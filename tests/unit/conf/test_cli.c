// SPDX-License-Identifier: Apache-2.0
#include "conf/cli.h"
#include "conf/commands.h"
#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Runs a command line and keeps what it printed. */
struct fixture {
    char *out, *err;
    size_t out_size, err_size;
    char seen[256]; /* what run was given */
    int result;
};

static int run_car(struct cli *cli)
{
    struct fixture *f = cli->context;
    size_t used = (size_t)snprintf(f->seen, sizeof(f->seen), "%s%s", cli->command->words,
                                   cli->json ? " json" : "");

    for (int i = 0; i < cli->argument_count; i++)
        used +=
            (size_t)snprintf(f->seen + used, sizeof(f->seen) - used, " [%s]", cli->arguments[i]);
    if (cli_value(cli, "root") != NULL)
        used += (size_t)snprintf(f->seen + used, sizeof(f->seen) - used, " root=%s",
                                 cli_value(cli, "root"));
    if (cli_value(cli, "quick") != NULL)
        snprintf(f->seen + used, sizeof(f->seen) - used, " quick");
    return CLI_DONE;
}

static int run_status(struct cli *cli)
{
    return cli_fail(cli, "%s does not answer", "127.0.0.1:9502");
}

static const struct cli_option car_options[] = {
    {"root", "CID", "The root to begin with."},
    {"quick", NULL, "Headers only."},
    {NULL, NULL, NULL},
};

static const struct cli_command first_table[] = {
    {"car", "", 0, 0, "About CAR files.", NULL, car_options, run_car},
    {"car verify", "FILE...", 1, -1, "Check a file.", "Reads all of it.", car_options, run_car},
    {"car ls", "FILE", 1, 1, "List a file.", NULL, car_options, run_car},
    {.words = NULL},
};

static const struct cli_command second_table[] = {
    {"status", "", 0, 0, "How it goes.", NULL, NULL, run_status},
    {"token new", "NAME", 1, 1, "Make a token.", NULL, NULL, run_status},
    {"token list", "", 0, 0, "List tokens.", NULL, NULL, run_status},
    {.words = NULL},
};

static const struct cli_command *const tables[] = {first_table, second_table, conf_commands, NULL};

/* line: words between spaces. */
static void run(struct fixture *f, const char *line)
{
    char program[] = "causeway", copy[256], *argv[32] = {program}, *rest = copy, *word;
    FILE *out = open_memstream(&f->out, &f->out_size);
    FILE *err = open_memstream(&f->err, &f->err_size);
    int argc = 1;

    f->seen[0] = '\0';
    snprintf(copy, sizeof(copy), "%s", line);
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word != '\0')
            argv[argc++] = word;
    f->result = cli_run(argc, argv, tables, out, err, f);
    fclose(out);
    fclose(err);
}

static void forget(struct fixture *f)
{
    free(f->out);
    free(f->err);
    *f = (struct fixture){0};
}

static void test_cli_runs_the_longest_match_with_its_options(void **state)
{
    static const struct {
        const char *line;
        const char *seen;
    } cases[] = {
        {"car", "car"},
        {"car --quick", "car quick"},
        {"car verify a", "car verify [a]"},
        {"car verify a b c", "car verify [a] [b] [c]"},
        {"car verify --root bafy a", "car verify [a] root=bafy"},
        {"car verify --root=bafy a", "car verify [a] root=bafy"},
        {"car verify --root= a", "car verify [a] root="},
        {"car verify a --root bafy --quick", "car verify [a] root=bafy quick"},
        {"car verify --json a", "car verify json [a]"},
        {"car verify -- --root", "car verify [--root]"},
        {"car verify -", "car verify [-]"},
        {"car verify --root --quick a", "car verify [a] root=--quick"},
        {"car ls verify", "car ls [verify]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f = {0};

        run(&f, cases[i].line);
        if (f.result != CLI_DONE || f.err_size != 0)
            fail_msg("%s: %d %s", cases[i].line, f.result, f.err);
        assert_string_equal(f.seen, cases[i].seen);
        forget(&f);
    }
}

static void test_cli_says_what_would_be_right(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"", "Usage: causeway COMMAND"},
        {"stauts", "no command 'stauts'; did you mean 'status'?"},
        {"token nwe x", "no command 'token nwe'; did you mean 'token new'?"},
        {"token", "'token' needs another word:\n  token new"},
        {"token --json", "'token' needs another word"},
        {"zzzzzz", "no command 'zzzzzz'\nSee: causeway help"},
        {"--json status", "a command comes first"},
        {"help stat", "no command 'stat'; did you mean 'status'?"},
        {"help confg", "did you mean 'config'?"},
        {"car verify", "an argument is missing: FILE..."},
        {"car ls a b", "'b' is one argument too many\nUsage: causeway car ls [OPTION...] FILE\n"},
        {"status x", "'x' is one argument too many"},
        {"car --rot x", "no option --rot; did you mean --root?"},
        {"car --root", "--root needs a value: --root CID"},
        {"car --quick=yes", "--quick takes no value"},
        {"car --quick --quick", "--quick is given twice"},
        {"car -q", "no option -q; options are long"},
        {"status --roott", "no option --roott\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f = {0};

        run(&f, cases[i].line);
        assert_int_equal(f.result, CLI_USAGE);
        assert_string_equal(f.seen, "");
        assert_int_equal(f.out_size, 0);
        if (strstr(f.err, cases[i].says) == NULL)
            fail_msg("'%s' printed: %s", cases[i].line, f.err);
        forget(&f);
    }
}

static void test_cli_helps_from_the_tables(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"help", "  car verify               Check a file.\n"},
        {"help", "Topics:\n  help config "},
        {"--help", "Commands:\n  car "},
        {"-h", "Commands:\n  car "},
        {"help car verify",
         "Usage: causeway car verify [OPTION...] FILE...\nCheck a file.\n\nReads"},
        {"help car verify", "  --root CID               The root to begin with.\n"},
        {"car verify --help", "Usage: causeway car verify [OPTION...] FILE...\n"},
        {"car verify a -h", "Usage: causeway car verify [OPTION...] FILE...\n"},
        {"help token", "  token list               List tokens.\n"},
        {"help config", "limits.head_size: size, 4 KiB to 256 KiB\n"},
        {"help config limits.head_size", "Default: 64 KiB\n"},
        {"--version", "causeway " CAUSEWAY_VERSION "\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f = {0};

        run(&f, cases[i].line);
        assert_int_equal(f.result, CLI_DONE);
        assert_int_equal(f.err_size, 0);
        assert_string_equal(f.seen, "");
        if (strstr(f.out, cases[i].says) == NULL)
            fail_msg("'%s' printed: %s", cases[i].line, f.out);
        forget(&f);
    }
}

static void test_cli_fail_names_the_command(void **state)
{
    struct fixture f = {0};

    run(&f, "status");
    assert_int_equal(f.result, CLI_FAILED);
    assert_string_equal(f.err, "causeway status: 127.0.0.1:9502 does not answer\n");
    forget(&f);
    run(&f, "help config limits.head_siz");
    assert_int_equal(f.result, CLI_FAILED);
    assert_non_null(strstr(f.err, "no option or section 'limits.head_siz'"));
    forget(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_runs_the_longest_match_with_its_options),
        cmocka_unit_test(test_cli_says_what_would_be_right),
        cmocka_unit_test(test_cli_helps_from_the_tables),
        cmocka_unit_test(test_cli_fail_names_the_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
