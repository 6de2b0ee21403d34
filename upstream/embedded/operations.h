// SPDX-License-Identifier: Apache-2.0
/* What the operations of the embedded node share: operations.c has those that look and say,
 * operations_walk.c those that go through objects, operations_car.c those that move
 * them. */
#ifndef UPSTREAM_EMBEDDED_OPERATIONS_H
#define UPSTREAM_EMBEDDED_OPERATIONS_H

#include "upstream/embedded/embedded_private.h"
#include "upstream/embedded/operation_task.h"

/* What was asked for, and what was found so far: task->arg. Slices and the loop use it in turn. */
struct asked {
    struct cid cid, wanted;
    enum pin_mode mode;
    struct text name, path;
    operation_done on_done;
    void *arg;
    operation_progress on_progress;
    operation_pin_found on_pin;
    operation_damage_found on_damage;
    operation_content on_content;
    uint64_t skip; /* export */
    struct operation_result result;
    uint64_t told_us; /* when on_progress was called last */
    struct text page; /* of what was not told yet: see list_pins, verify */
    bool *is_gone;    /* set when this is freed; NULL: nobody asks */
};

struct asked *asked_create(operation_done on_done, void *arg);
/* Starts it, on_slice NULL: none. Always true. */
bool asked_start(struct asked *asked, struct upstream *upstream, struct operation **operation,
                 const struct task_command *command, void (*on_slice)(void *asked));

/* The same, of a task whose output is wanted. */
bool asked_start_output(struct asked *asked, struct upstream *upstream,
                        struct operation **operation, const struct task_command *command,
                        void (*on_output)(void *asked, struct slice output));

/* For on_slice. Calls on_progress, if it is time. Its caller's last act. */
void asked_tell_progress(struct asked *asked);

/* The storage said no: what pins.h refuses, what cannot be read as an object. err as upstream.h has
 * it. Always TASK_FAILED. */
enum task_step asked_refuse(struct error *err);

#endif
