// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "conf/yaml.h"
#include "policy/source.h"

#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own, at `path`. */
struct folder {
    char path[64];
};

static int make_folder(void **state)
{
    struct folder *folder = malloc(sizeof(*folder));

    snprintf(folder->path, sizeof(folder->path), "/tmp/test-source-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static void write_file(const struct folder *folder, const char *name, const char *bytes)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -r '%s'", folder->path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
    free(folder);
    return 0;
}

static void test_source_reads_one_file(void **state)
{
    const struct folder *folder = *state;
    struct policy_sources sources;
    struct error err = {0};
    char path[512];

    write_file(folder, "p.txt", "version: 1\n");
    snprintf(path, sizeof(path), "%s/p.txt", folder->path);
    assert_true(policy_sources_read(&sources, path, SOURCE_NAMES_SHORT, &err));
    assert_int_equal(sources.count, 1);
    assert_string_equal(sources.items[0].name, "p.txt");
    assert_true(slice_is(sources.items[0].bytes, "version: 1\n"));
    policy_sources_dispose(&sources);
    policy_sources_dispose(&sources); /* {0} is valid */
    assert_true(policy_sources_read(&sources, path, SOURCE_NAMES_FULL, &err));
    assert_string_equal(sources.items[0].name, path);
    policy_sources_dispose(&sources);
}

static void test_source_reads_an_empty_file(void **state)
{
    const struct folder *folder = *state;
    struct policy_sources sources;
    struct error err = {0};

    write_file(folder, "empty.yaml", "");
    assert_true(policy_sources_read(&sources, folder->path, SOURCE_NAMES_SHORT, &err));
    assert_int_equal(sources.count, 1);
    assert_int_equal(sources.items[0].bytes.size, 0);
    policy_sources_dispose(&sources);
}

static void test_source_reads_the_yaml_files_of_a_folder_by_name(void **state)
{
    const struct folder *folder = *state;
    struct policy_sources sources;
    struct error err = {0};
    char path[512];

    write_file(folder, "b.yaml", "b");
    write_file(folder, "a.yaml", "a");
    write_file(folder, "README", "no");
    write_file(folder, "a.yaml~", "no");
    write_file(folder, ".a.yaml", "no");
    write_file(folder, ".a.yml", "no");
    write_file(folder, ".yaml", "no");
    assert_true(policy_sources_read(&sources, folder->path, SOURCE_NAMES_SHORT, &err));
    assert_int_equal(sources.count, 2);
    assert_string_equal(sources.items[0].name, "a.yaml");
    assert_true(slice_is(sources.items[0].bytes, "a"));
    assert_string_equal(sources.items[1].name, "b.yaml");
    policy_sources_dispose(&sources);
    assert_true(policy_sources_read(&sources, folder->path, SOURCE_NAMES_FULL, &err));
    snprintf(path, sizeof(path), "%s/a.yaml", folder->path);
    assert_string_equal(sources.items[0].name, path);
    policy_sources_dispose(&sources);
}

static void refuse(const char *path, const char *message)
{
    struct policy_sources sources;
    struct error err = {0};

    assert_false(policy_sources_read(&sources, path, SOURCE_NAMES_SHORT, &err));
    if (strstr(err.text, message) == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(sources.count, 0);
    assert_null(sources.items);
}

static void test_source_refuses_what_somebody_may_have_relied_on(void **state)
{
    const struct folder *folder = *state;

    refuse(folder->path, "has no *.yaml file");
    write_file(folder, "a.yaml", "a");
    write_file(folder, "rules.yml", "a");
    refuse(folder->path, "rules.yml would not be read: the files of a policy end in .yaml");
}

static void test_source_says_what_cannot_be_read(void **state)
{
    const struct folder *folder = *state;
    char path[512];

    snprintf(path, sizeof(path), "%s/none.yaml", folder->path);
    refuse(path, "none.yaml does not exist");
    snprintf(path, sizeof(path), "%s/loop.yaml", folder->path);
    assert_int_equal(symlink("loop.yaml", path), 0);
    refuse(path, "loop.yaml cannot be opened");
    refuse(folder->path, "loop.yaml cannot be opened");
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/sub.yaml", folder->path);
    assert_int_equal(mkdir(path, 0700), 0);
    refuse(folder->path, "sub.yaml cannot be read");
}

static void test_source_stops_at_too_many_files(void **state)
{
    const struct folder *folder = *state;
    char name[32];

    for (int i = 0; i <= POLICY_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "%d.yaml", i);
        write_file(folder, name, "");
    }
    refuse(folder->path, "has more than 256 files");
}

static void test_source_stops_reading_behind_the_largest_document(void **state)
{
    const struct folder *folder = *state;
    struct policy_sources sources;
    struct error err = {0};
    char path[512];

    write_file(folder, "big.yaml", "x");
    snprintf(path, sizeof(path), "%s/big.yaml", folder->path);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    assert_true(policy_sources_read(&sources, path, SOURCE_NAMES_SHORT, &err));
    assert_true(sources.items[0].bytes.size > YAML_SIZE_MAX); /* so that it is told */
    assert_true(sources.items[0].bytes.size < 2 * (size_t)YAML_SIZE_MAX);
    policy_sources_dispose(&sources);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_source_reads_one_file),
        IN_FOLDER(test_source_reads_an_empty_file),
        IN_FOLDER(test_source_reads_the_yaml_files_of_a_folder_by_name),
        IN_FOLDER(test_source_refuses_what_somebody_may_have_relied_on),
        IN_FOLDER(test_source_says_what_cannot_be_read),
        IN_FOLDER(test_source_stops_at_too_many_files),
        IN_FOLDER(test_source_stops_reading_behind_the_largest_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
