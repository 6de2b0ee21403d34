// SPDX-License-Identifier: Apache-2.0
/* The embedded node's mutable files: one tree of directories, whose root CID is kept in node.db.
 *
 * A reader takes the root once and reads what lies under it: a whole state, whatever is changed
 * meanwhile. Changes are made one after another. Each writes new blocks (those of the directories
 * on its path), waits until they are durable, and then puts the new root, durable too: what was
 * answered is there after a crash, and no root ever names a block that is not.
 *
 * Garbage: whoever collects it marks files_root, like a pin. Synchronous, for jobs. */
#ifndef UPSTREAM_EMBEDDED_FILES_H
#define UPSTREAM_EMBEDDED_FILES_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "upstream/embedded/pins.h"

struct files;
struct task;

#define FILES_ROOT_KEY "files-root" /* in node.db: the binary CID */

/* pins: outlives it. Without a root the tree is empty. */
MUST_USE bool files_open(struct files **files, struct pins *pins, struct error *err);
void files_close(struct files **files); /* NULL is fine */

/* As the last change left it. Any thread. Before the first change it is the empty directory, whose
 * block need not be in the store. */
struct cid files_root(struct files *files);

enum files_step {
    FILES_WAITS,        /* for another change to end: TASK_WAITS, then again */
    FILES_WANTS_STORED, /* TASK_WANTS_STORED, then again */
    FILES_MORE,         /* the slice is due: TASK_GO_ON, then again */
    FILES_DONE,
    FILES_BAD, /* err says why */
};

/* One change of the tree, for who makes one: zeroed at the start, in the state of a command. */
struct files_change {
    struct files *inside; /* whose turn it has; private, and so is the rest */
    bool is_made, has_failed;
    struct error why;
    struct cid root; /* as it will be */
    void *arg;       /* of who makes it */
};
/* Gives the turn back, wherever it stands. Does not wait. */
void files_change_dispose(struct files_change *change);

/* Puts what was added into the tree, for `add --to-files`. path: the option's text; one with a
 * slash at its end is a directory, in which the entry gets the name (as typed: its last part).
 * Nothing that is there is replaced. Errors in Kubo's words, "to-files: ...". */
MUST_USE enum files_step files_add_entry(struct task *task, struct files_change *change,
                                         struct slice path, struct slice name,
                                         const struct cid *cid, struct error *err);

#endif
