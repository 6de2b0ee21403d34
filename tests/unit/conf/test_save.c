// SPDX-License-Identifier: Apache-2.0
#include "conf/save.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- each of what a save does may fail, once: --wrap */

enum call { NONE, FSYNC, RENAME };

static struct {
    enum call fails;
    int after; /* so many that do not */
} fault;

static bool strikes(enum call call)
{
    if (fault.fails != call || fault.after-- > 0)
        return false;
    fault.fails = NONE;
    errno = EIO;
    return true;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return strikes(FSYNC) ? -1 : __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return strikes(RENAME) ? -1 : __real_rename(from, to);
}

/* ---- a folder of its own */

static char folder[64], path[128], beside[128];

static int setup(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(beside, sizeof(beside), "%s/.file.new", folder);
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command); // NOLINT(cert-env33-c): a path of ours
}

static void expect_content(const char *text)
{
    struct text bytes = {0};
    struct error err = {0};

    if (!save_read(path, 100, true, &bytes, &err))
        fail_msg("%s", err.text);
    assert_string_equal(bytes.data, text);
    text_dispose(&bytes);
}

static void test_save_makes_and_replaces(void **state)
{
    struct error err = {0};
    struct stat status;
    mode_t mask = umask(0777); /* of no account */

    assert_true(save_file(path, SLICE("one"), 0600, &err));
    umask(mask);
    expect_content("one");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(save_file(path, SLICE("two"), 0600, &err));
    expect_content("two");
    assert_int_equal(access(beside, F_OK), -1);
}

static void test_save_that_failed_changed_nothing(void **state)
{
    static const struct {
        enum call call;
        const char *text;
    } cases[] = {{FSYNC, ".file.new: cannot be written"}, {RENAME, "file: cannot be put in place"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};

        assert_true(save_file(path, SLICE("old"), 0600, &err));
        fault.fails = cases[i].call;
        assert_false(save_file(path, SLICE("new"), 0600, &err));
        assert_int_equal(err.code, ERROR_IO);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_int_equal(fault.fails, NONE);
        assert_int_equal(access(beside, F_OK), -1);
        expect_content("old");
    }
}

/* It may be there after a crash, or not: that is said. */
static void test_save_says_when_the_folder_was_not_synced(void **state)
{
    struct error err = {0};

    fault.fails = FSYNC;
    fault.after = 1;
    assert_false(save_file(path, SLICE("new"), 0600, &err));
    assert_non_null(strstr(err.text, "cannot be synced"));
}

static void test_save_passes_over_what_a_crash_left(void **state)
{
    struct error err = {0};

    assert_int_equal(symlink("/dev/null", beside), 0); /* or what somebody put there */
    assert_true(save_file(path, SLICE("whole"), 0600, &err));
    expect_content("whole");
}

static void test_save_refuses_where_there_is_no_folder(void **state)
{
    struct error err = {0};

    assert_false(save_file("/tmp/causeway-no-such-folder/file", SLICE("x"), 0600, &err));
    assert_int_equal(err.code, ERROR_IO);
}

static void test_save_makes_folders_once(void **state)
{
    struct error err = {0};
    struct stat status;

    assert_true(save_folder(path, 0700, &err));
    assert_true(save_folder(path, 0700, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    snprintf(beside, sizeof(beside), "%s/in", path);
    assert_true(save_file(beside, SLICE("x"), 0600, &err));
    assert_false(save_folder(beside, 0700, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
}

static void refuse_read(bool is_secret, enum error_code code, const char *text)
{
    struct text bytes = {0};
    struct error err = {0};

    assert_false(save_read(path, 10, is_secret, &bytes, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.text, text) == NULL)
        fail_msg("it says: %s", err.text);
    text_dispose(&bytes);
}

static void test_save_reads_regular_files_alone_and_secrets_that_are(void **state)
{
    struct text bytes = {0};
    struct error err = {0};

    refuse_read(false, ERROR_NOT_FOUND, "is not there");
    assert_true(save_file(path, SLICE("0123456789"), 0640, &err));
    refuse_read(true, ERROR_REFUSED, "others than its owner may open it (mode 640): chmod 600");
    assert_true(save_read(path, 10, false, &bytes, &err));
    assert_int_equal(bytes.size, 10);
    text_dispose(&bytes);
    assert_true(save_file(path, SLICE("0123456789a"), 0600, &err));
    refuse_read(true, ERROR_LIMIT, "has more than 10 bytes");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    refuse_read(false, ERROR_REFUSED, "is a link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_read(true, ERROR_REFUSED, "is no regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_save_makes_and_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_that_failed_changed_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_says_when_the_folder_was_not_synced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_save_passes_over_what_a_crash_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_refuses_where_there_is_no_folder, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_save_makes_folders_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_reads_regular_files_alone_and_secrets_that_are,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
