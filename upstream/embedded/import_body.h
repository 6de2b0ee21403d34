// SPDX-License-Identifier: Apache-2.0
/* The multipart body of a command with BODY_FILE, part by part, as the task's input brings it.
 *
 *     switch (import_body_next_file(&state->body, task, "expected a file", &data, err)) {
 *     case IMPORT_MORE:     return TASK_WANTS_INPUT;
 *     case IMPORT_PART:     a file begins: state->body.multipart.part
 *     case IMPORT_DATA:     *data is the next bytes of it
 *     case IMPORT_PART_END: it is whole
 *     case IMPORT_END:      there is no further file
 *     case IMPORT_BAD:      return TASK_FAILED;
 *     }
 *
 * Holds one part's head. A body that ends too early fails in the words of Kubo (Go's
 * mime/multipart), which itself takes the file that was cut off for a whole one. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_BODY_H
#define UPSTREAM_EMBEDDED_IMPORT_BODY_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/multipart.h"

struct task;

/* {0} is one at its start. */
struct import_body {
    struct multipart multipart; /* part: valid from IMPORT_PART until the next head arrives */
    bool has_begun, is_skipping;
    struct text last; /* the name of the last file, for import_body_next_file */
};

enum import_step { IMPORT_MORE, IMPORT_PART, IMPORT_DATA, IMPORT_PART_END, IMPORT_END, IMPORT_BAD };

/* Takes what it needs from task->input and tells one step. data is borrowed from the input or from
 * body, until the next call or the slice's end. */
MUST_USE enum import_step import_body_next(struct import_body *body, struct task *task,
                                           struct slice *data, struct error *err);

/* The same for commands that take files and no tree: a directory, or a part that lies in one, fails
 * with what they say then (Kubo's commands differ). Parts below the name of the last file are
 * passed over, as in Kubo; a symlink is a file that has its target. */
MUST_USE enum import_step import_body_next_file(struct import_body *body, struct task *task,
                                                const char *expected, struct slice *data,
                                                struct error *err);

void import_body_dispose(struct import_body *body);

#endif
