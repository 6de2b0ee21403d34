// SPDX-License-Identifier: Apache-2.0
/* What must hold of a folder after a crash. replay.c drives one of these; another kind of storage
 * brings its own. */
#ifndef TESTS_FAULTS_CRASH_CHECK_H
#define TESTS_FAULTS_CRASH_CHECK_H

#include "conf/error.h"
#include "conf/text.h"

struct check; /* what was said to the world so far */

struct check *check_create(void);
void check_destroy(struct check **check);
/* One note, a line or more. */
void check_note(struct check *check, struct slice note);
/* Opens what is in folder as the program does at its start. False: err says what is wrong. */
MUST_USE bool check_folder(const struct check *check, const char *folder, struct error *err);

#endif
