// SPDX-License-Identifier: Apache-2.0
/* The embedded node: what all tasks of a process share. Its folder (data/blocks) has the blocks
 * (blocks.h), node.db (pins, the files' root) and scratch/ (what grows with an object while a task
 * runs; emptied when the node is opened). One process opens a folder at a time. */
#ifndef UPSTREAM_EMBEDDED_NODE_H
#define UPSTREAM_EMBEDDED_NODE_H

#include "conf/error.h"
#include "http/jobs.h"
#include "upstream/embedded/blocks.h"

#include <pthread.h>
#include <stdatomic.h>

struct pins;
struct files;

struct node_settings {
    const char *folder; /* made if it is missing; its parent must exist */
    struct jobs *jobs;  /* tasks run there, and reads; outlives the node */
    const char *key;    /* a file, see node_key.h; NULL: node.key in folder */
};

/* Open to tasks; the members are the node's. */
struct node {
    struct blocks *blocks;
    struct pins *pins;
    struct files *files;
    struct jobs *jobs;
    char *folder;
    char *scratch;   /* a folder */
    struct cid peer; /* who it is: node_key.h */
    /* the node's own */
    atomic_uint references;
    atomic_bool is_stopping;
    atomic_size_t held_memory;
    pthread_mutex_t mutex;
    unsigned int writers; /* under mutex, and so is the next */
    bool is_collecting;
};

/* Blocks: at the start only. opened: what the block store met; NULL is fine. */
MUST_USE bool node_open(struct node **node, const struct node_settings *settings,
                        struct blocks_opened *opened, struct error *err);
/* No task gets another slice; each that is still there fails. To be called before the job pool
 * ends. NULL is fine. */
void node_stop(struct node *node);
/* No slice runs any more. What is stored was answered (as blocks_close does); tasks whose loops
 * have still to hear of their end keep the memory until then. NULL is fine. */
void node_close(struct node **node);

struct node *node_ref(struct node *node); /* any thread, and so is the next */
void node_unref(struct node **node);

/* A slice of a task: job_start, but for a node that stops. */
MUST_USE bool node_start_job(struct node *node, struct loop *loop, struct job *job);

/* Memory of all tasks together: input and output that wait, and blocks that no write took yet. A
 * task that held `before` bytes holds `now`. */
void node_hold_memory(struct node *node, size_t before, size_t now);
/* Bytes of blocks that each task may have under way: less if there are many. */
size_t node_writing_max(struct node *node);
/* They hold so much that each should do with little. */
bool node_is_short_of_memory(const struct node *node);

/* ---- writers and garbage. Any thread; nothing here waits.
 *
 * What is written is not pinned before its command has ended: so garbage is collected only while
 * nobody writes. The engine takes every task of a command that writes in before its first slice,
 * and out when it has ended. */

/* False: garbage is collected, or about to be: not now. */
MUST_USE bool node_begin_write(struct node *node);
void node_end_write(struct node *node);

/* Whoever collects closes the gate (false: somebody else collects), waits until nobody is inside
 * (TASK_WAITS; at most so long as it likes), and opens it again, however it ended. */
MUST_USE bool node_close_gate(struct node *node);
bool node_is_quiet(struct node *node); /* nobody writes */
void node_open_gate(struct node *node);

#endif
