// SPDX-License-Identifier: Apache-2.0
#include "conf/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_error_keeps_the_first(void **state)
{
    struct error err = {0};

    assert_false(error_set(&err, ERROR_LIMIT, "%d is too much", 5));
    assert_false(error_set(&err, ERROR_IO, "second"));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "5 is too much");
    assert_false(error_set(NULL, ERROR_IO, "nobody asks"));
}

static void test_error_tells_errno_and_takes_a_prefix(void **state)
{
    struct error err = {0};

    errno = ENOENT;
    assert_false(error_set_errno(&err, "%s", "a.yaml"));
    assert_false(error_prefix(&err, "line %d", 3));
    assert_int_equal(err.code, ERROR_IO);
    assert_string_equal(err.text, "line 3: a.yaml: No such file or directory");
    assert_false(error_prefix(NULL, "x"));
}

static void test_error_cuts_what_is_too_long(void **state)
{
    struct error err = {0};
    char longer[2000];

    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    errno = EIO;
    error_set_errno(&err, "%s", longer);
    error_prefix(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_keeps_the_first),
        cmocka_unit_test(test_error_tells_errno_and_takes_a_prefix),
        cmocka_unit_test(test_error_cuts_what_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
