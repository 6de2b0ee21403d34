// SPDX-License-Identifier: Apache-2.0
/* A database of SQLite's that is changed behind the back of its owner. */
#ifndef TESTS_UNIT_STORE_EDIT_H
#define TESTS_UNIT_STORE_EDIT_H

#include "conf/text.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Runs sql on the file of this name in the folder; fails the test if it cannot. */
static inline void edit_database(const char *folder, const char *name, const char *sql)
{
    struct text path = {0};
    char *message = NULL;
    sqlite3 *db;

    text_put_format(&path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open(path.data, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    text_dispose(&path);
}

#endif
