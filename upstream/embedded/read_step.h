// SPDX-License-Identifier: Apache-2.0
/* What the readers of files and directories say: they stop when a task's slice is due, since what
 * others built may have no end of parts that hold nothing. */
#ifndef UPSTREAM_EMBEDDED_READ_STEP_H
#define UPSTREAM_EMBEDDED_READ_STEP_H

enum read_step {
    READ_GOT, /* here is the next */
    READ_DUE, /* none yet: task_is_due. Ask again in the next slice */
    READ_END,
    READ_BAD, /* err says why; only destroy */
};

#endif
