// SPDX-License-Identifier: Apache-2.0
#include "conf/options.h"
#include "conf/text.h"
#include "conf/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
    char *name, *path, *file, *secret;
    bool is_on;
    uint64_t count, room, wait_ms;
    struct address address;
    unsigned color, colors;
    struct option_strings words;
    struct option_networks networks;
};

static bool check_lower(const void *text, struct error *err)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            return error_set(err, ERROR_SYNTAX, "'%s' has capitals", (const char *)text);
    return true;
}

static const struct option_choice colors[] = {
    {"red", false}, {"green", false}, {"infrared", true}, {NULL, false}};

#define FIELD(name) offsetof(struct sample, name)

static const struct option table[] = {
    {"name", OPTION_TEXT, FIELD(name), "nobody", .help = "Who.", .check = check_lower},
    {"a.path", OPTION_PATH, FIELD(path), "data", .help = "Where."},
    {"a.file", OPTION_FILE, FIELD(file), .help = "What."},
    {"a.secret_file", OPTION_SECRET, FIELD(secret), .help = "Hush."},
    {"a.b.on", OPTION_BOOL, FIELD(is_on), "true", .help = "Whether."},
    {"a.b.count", OPTION_INTEGER, FIELD(count), "3", .min = 2, .max = 5, .help = "How many."},
    {"room", OPTION_SIZE, FIELD(room), "4 KiB", .zero = "off", .min = 1024, .help = "How much."},
    {"wait", OPTION_DURATION, FIELD(wait_ms), "5s", .min = 100, .max = 60000, .help = "How long."},
    {"address", OPTION_ADDRESS, FIELD(address), "127.0.0.1:1", .help = "Whom."},
    {"color", OPTION_CHOICE, FIELD(color), "green", .choices = colors, .help = "Which."},
    {"colors", OPTION_CHOICES, FIELD(colors), "red, green", .choices = colors, .help = "Which."},
    {"words", OPTION_TEXTS, FIELD(words), "x, y", .check = check_lower, .help = "Words."},
    {"networks", OPTION_NETWORKS, FIELD(networks), .help = "Nets."},
    {.name = "later", .type = OPTION_UNBUILT},
    {.name = "a.later", .type = OPTION_UNBUILT},
    {.name = NULL},
};

static bool read_source(const char *source, const char *folder, struct sample *sample,
                        struct error *err)
{
    struct yaml *yaml;
    bool is_fine;

    *sample = (struct sample){0};
    if (!yaml_load(&yaml, "f", slice_of(source), err))
        return false;
    is_fine = options_read(table, yaml, folder, sample, err);
    yaml_destroy(&yaml);
    return is_fine;
}

static void test_options_take_their_defaults(void **state)
{
    struct sample sample;
    struct error err = {0};

    assert_true(read_source("", "/etc/x", &sample, &err));
    assert_string_equal(sample.name, "nobody");
    assert_string_equal(sample.path, "/etc/x/data");
    assert_null(sample.file);
    assert_null(sample.secret);
    assert_true(sample.is_on);
    assert_int_equal(sample.count, 3);
    assert_int_equal(sample.room, 4096);
    assert_int_equal(sample.wait_ms, 5000);
    assert_string_equal(sample.address.text, "127.0.0.1:1");
    assert_int_equal(sample.color, 1);
    assert_int_equal(sample.colors, 3);
    assert_int_equal(sample.words.count, 2);
    assert_non_null(sample.words.items);
    assert_string_equal(sample.words.items[1], "y");
    assert_int_equal(sample.networks.count, 0);
    options_dispose(table, &sample);
    assert_null(sample.name);
}

static void test_options_read_what_is_written(void **state)
{
    struct sample sample;
    struct error err = {0};

    if (!read_source("name: me\n"
                     "a: {path: /abs, b: {on: false, count: 5}}\n"
                     "room: 0\n"
                     "wait: 1m\n"
                     "address: unix:run/sock\n"
                     "color: red\n"
                     "colors: [green]\n"
                     "words: []\n"
                     "networks: [10.0.0.0/8, '::1']\n",
                     "/etc/x", &sample, &err))
        fail_msg("%s", err.text);
    assert_string_equal(sample.name, "me");
    assert_string_equal(sample.path, "/abs");
    assert_false(sample.is_on);
    assert_int_equal(sample.count, 5);
    assert_int_equal(sample.room, 0);
    assert_int_equal(sample.wait_ms, 60000);
    assert_string_equal(sample.address.text, "unix:/etc/x/run/sock");
    assert_int_equal(sample.color, 0);
    assert_int_equal(sample.colors, 2);
    assert_int_equal(sample.words.count, 0);
    assert_int_equal(sample.networks.count, 2);
    assert_non_null(sample.networks.items);
    assert_int_equal(sample.networks.items[1].prefix_bits, 128);
    options_dispose(table, &sample);
}

static void test_options_refuse_with_place_and_name(void **state)
{
    static const struct {
        const char *source;
        const char *says;
    } cases[] = {
        {"nmae: x\n", "f:1:1: unknown key 'nmae'; did you mean name?"},
        {"a:\n  pth: x\n", "f:2:3: unknown key 'pth' in a; did you mean path?"},
        {"a: {b: {cuont: 3}}\n", "f:1:9: unknown key 'cuont' in a.b; did you mean count?"},
        {"count: 3\n", "f:1:1: unknown key 'count'; did you mean a.b.count?"},
        {"zzzz: 1\n", "f:1:1: unknown key 'zzzz'; causeway help config lists the options"},
        {"a.path: x\n", "f:1:1: unknown key 'a.path'; a key has no dots"},
        {"a.b: {on: true}\n", "f:1:1: unknown key 'a.b'; a key has no dots"},
        {"'': x\n", "f:1:1: unknown key ''"},
        {"name.x: 1\n", "f:1:1: unknown key 'name.x'"},
        {"later: x\n", "f:1:1: later is not built yet in this version; remove it"},
        {"a: {later: {}}\n", "f:1:5: a.later is not built yet"},
        {"[]\n", "f:1:1: expected a mapping: 'KEY: VALUE' lines below it, found a list"},
        {"x\n", "f:1:1: expected a mapping"},
        {"a: x\n", "f:1:4: expected a mapping"},
        {"a:\n", "f:1:3: nothing is written here; expected a mapping"},
        {"name:\n", "f:1:6: no value is written"},
        {"name: [x]\n", "f:1:7: expected one value, found a list"},
        {"name: ''\n", "f:1:7: name: an empty text"},
        {"name: \"a\\nb\"\n", "f:1:7: name: a line break or control character"},
        {"name: Me\n", "f:1:7: name: 'Me' has capitals"},
        {"words: x\n", "f:1:8: expected a list"},
        {"words: [x, Y]\n", "f:1:12: words: 'Y' has capitals"},
        {"words: [[x]]\n", "f:1:9: expected one value, found a list"},
        {"a: {b: {on: yes}}\n", "f:1:13: 'yes' is not read as a truth value; write a plain true"},
        {"a: {b: {count: 1}}\n", "f:1:16: a.b.count: 1 is too little; the least is 2"},
        {"a: {b: {count: 6}}\n", "f:1:16: a.b.count: 6 is too much; the most is 5"},
        {"a: {b: {count: 0}}\n", "f:1:16: a.b.count: 0 is too little"},
        {"a: {b: {count: '3'}}\n", "f:1:16: a.b.count: '3' is quoted"},
        {"a: {b: {count: 0x3}}\n", "f:1:16: a.b.count: '0x3' is not decimal"},
        {"room: 1023\n", "f:1:7: room: 1023 is too little; the least is 1 KiB"},
        {"wait: 61s\n", "f:1:7: wait: 61s is too much; the most is 1m"},
        {"wait: 5\n", "f:1:7: wait: '5' has no unit"},
        {"address: here\n", "f:1:10: address: 'here' has no port"},
        {"color: gren\n", "f:1:8: color: unknown value 'gren'; did you mean green?"},
        {"color: blue\n", "f:1:8: color: unknown value 'blue'; it is one of red, green"},
        {"color: infrared\n", "f:1:8: color: infrared is not built yet"},
        {"colors: [red, red]\n", "f:1:15: colors: 'red' is listed twice"},
        {"networks: [10.0.0.1/8]\n", "f:1:12: networks: '10.0.0.1/8' has bits set"},
        {"a: {file: none}\n", "f:1:11: a.file: /nowhere/none cannot be read: No such file"},
        {"a: {file: /dev}\n", "f:1:11: a.file: /dev is not a file"},
        {"a: {secret_file: none}\n", "f:1:18: a.secret_file: /nowhere/none cannot be read"},
        {"a: {secret_file: /dev/zero}\n", "f:1:18: a.secret_file: /dev/zero is not a file"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct sample sample;

        if (read_source(cases[i].source, "/nowhere", &sample, &err))
            fail_msg("taken: %s", cases[i].source);
        options_dispose(table, &sample);
        if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("expected '%s', got '%s'", cases[i].says, err.text);
    }
}

static bool read_secret(const char *content, size_t size, char **secret, struct error *err)
{
    char path[] = "/tmp/test_options.XXXXXX";
    int fd = mkstemp(path);
    struct sample sample;
    char source[96];
    bool is_fine;

    assert_true(fd >= 0 && write(fd, content, size) == (ssize_t)size);
    close(fd);
    snprintf(source, sizeof(source), "a: {secret_file: %s}", path);
    is_fine = read_source(source, "/", &sample, err);
    *secret = sample.secret != NULL ? strdup(sample.secret) : NULL;
    options_dispose(table, &sample);
    unlink(path);
    return is_fine;
}

static void test_options_read_secrets_and_never_show_them(void **state)
{
    static const char *const refused[] = {"", " \n", "hunter2\nhunter3\n", "hunter2\x01"};
    char *large = calloc(1, 20000), *secret;
    struct error err = {0};

    assert_true(read_secret(" Bearer hunter2 \r\n", 18, &secret, &err));
    assert_string_equal(secret, "Bearer hunter2");
    free(secret);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        err = (struct error){0};
        assert_false(read_secret(refused[i], strlen(refused[i]), &secret, &err));
        assert_null(secret);
        assert_non_null(strstr(err.text, "must hold one line with the secret"));
        assert_null(strstr(err.text, "hunter"));
    }
    memset(large, 'x', 20000);
    err = (struct error){0};
    assert_false(read_secret(large, 20000, &secret, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    free(large);
}

static void test_options_error_finds_the_place(void **state)
{
    struct error written = {0}, absent = {0};
    struct yaml *yaml;

    assert_true(yaml_load(&yaml, "f", SLICE("a:\n  b:\n    count: 3\n"), NULL));
    assert_false(options_error(yaml, "a.b.count", &written, "odd: %d", 3));
    assert_string_equal(written.text, "f:3:12: a.b.count: odd: 3");
    assert_false(options_error(yaml, "room", &absent, "missing"));
    assert_string_equal(absent.text, "f: room: missing");
    yaml_destroy(&yaml);
}

static void test_options_print_their_reference(void **state)
{
    size_t size;
    char *printed;
    FILE *out = open_memstream(&printed, &size);

    assert_true(options_print(table, NULL, out));
    fclose(out);
    assert_non_null(strstr(printed, "a.b.count: number, 2 to 5\n    How many.\n    Default: 3\n"));
    assert_non_null(strstr(printed, "room: size, at least 1 KiB, or 0: off\n"));
    assert_non_null(strstr(printed, "colors: list of red, green\n"));
    assert_non_null(strstr(printed, "    Default: [red, green]\n"));
    assert_non_null(strstr(printed, "a.file: path of a file\n    What.\n    Default: not set\n"));
    assert_null(strstr(printed, "later"));
    assert_null(strstr(printed, "infrared"));
    free(printed);
    out = open_memstream(&printed, &size);
    assert_true(options_print(table, "a.b", out));
    assert_false(options_print(table, "a.c", out));
    assert_false(options_print(table, "roo", out));
    assert_false(options_print(table, "later", out));
    fclose(out);
    assert_null(strstr(printed, "a.path"));
    assert_non_null(strstr(printed, "a.b.on"));
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_take_their_defaults),
        cmocka_unit_test(test_options_read_what_is_written),
        cmocka_unit_test(test_options_refuse_with_place_and_name),
        cmocka_unit_test(test_options_read_secrets_and_never_show_them),
        cmocka_unit_test(test_options_error_finds_the_place),
        cmocka_unit_test(test_options_print_their_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
