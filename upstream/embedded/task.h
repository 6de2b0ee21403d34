// SPDX-License-Identifier: Apache-2.0
/* What a command of the embedded node is: straight-line C that runs in slices on a thread of the
 * job pool. It reads blocks synchronously (job threads may wait for the disk), takes the client's
 * body from task->input, appends its reply to task->out, puts blocks with task_put, and says with
 * what it returns how it goes on. It knows no loop, no socket and no HTTP: between two slices the
 * engine (run.c) moves input, output and blocks. Only what may be long is cut at slices, by the
 * command's own state.
 *
 * A task runs on one thread at a time, though not always on the same. */
#ifndef UPSTREAM_EMBEDDED_TASK_H
#define UPSTREAM_EMBEDDED_TASK_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/call.h"
#include "upstream/embedded/blocks.h"

struct node;

/* What a command sees; the engine's part is behind it (task_private.h). */
struct task {
    struct node *node;
    const struct call *call;      /* with all arguments, those of a body of arguments too */
    struct slice content_type;    /* of the body, for BODY_FILE commands; {NULL, 0}: none */
    struct blocks_reader *reader; /* this slice's; not to be kept */
    /* Of the body: take from its front what is used up (task_take). What is not taken is there
     * again in the next slice, with more behind it, and perhaps elsewhere in memory. */
    struct slice input;
    bool is_input_whole; /* nothing comes behind input */
    struct text out;     /* content of the reply: append. Taken by the engine between slices */
    void *state;         /* task_command.state_size bytes, zeroed at the start; NULL if that is 0 */
    void *arg;           /* of an operation (operation_task_start); NULL: a client's call */
};

enum task_step {
    TASK_GO_ON,        /* run again, when what was put out was taken */
    TASK_WANTS_INPUT,  /* run again when there is more input, or it is whole */
    TASK_WANTS_STORED, /* run again when all blocks that were put so far are durable */
    TASK_WAITS,        /* run again in a moment (100 ms): something else must end first */
    TASK_DONE,         /* the reply is whole. What was put is made durable before the client sees
                        * its last byte */
    TASK_FAILED,       /* err says why, in Kubo's words. If no output was taken yet, ERROR_SYNTAX
                        * is answered 400, code 1; ERROR_CANCELED (not now) 503, others 500, both
                        * code 0. Of a reply in lines or of bytes (X-Chunked-Output,
                        * X-Stream-Output), what was put out goes out first */
};

struct task_command {
    enum command_id id;
    size_t state_size;
    /* Called anew for each slice, until TASK_DONE or TASK_FAILED. */
    enum task_step (*run)(struct task *task, struct error *err);
    /* Frees what state holds, once, however the task ends; NULL: nothing. In the pool, or on the
     * loop: must not wait. */
    void (*dispose)(struct task *task);
    bool writes;   /* blocks, pins or files: garbage is not collected while it runs */
    bool is_lines; /* the reply is JSON values in lines (X-Chunked-Output) */
};

/* The slice should end (TASK_GO_ON): as much is out as the client takes at once (at most 1 MiB), so
 * many blocks were put, 20 ms have passed, or nobody waits for the reply any more. To be asked in
 * every loop that can be long. */
bool task_is_due(const struct task *task);

static inline void task_take(struct task *task, size_t size)
{
    task->input.data += size;
    task->input.size -= size;
}

/* Copies. The block was hashed by who puts it. Durable before the client sees the end of the
 * reply, or the slice behind TASK_WANTS_STORED; should that fail, the task does, without being run
 * again. ERROR_LIMIT, ERROR_UNSUPPORTED: as blocks_write_put. */
MUST_USE bool task_put(struct task *task, const struct cid *cid, struct slice block,
                       struct error *err);
/* The same as a unixfs_sink, with the task as its arg. */
bool task_sink(void *task, const struct cid *cid, struct slice block, struct error *err);

/* A block that is stored, or that this task put. block: until the next task_get of this slice.
 * ERROR_NOT_FOUND in Kubo's words; ERROR_MISMATCH, ERROR_IO: see blocks.h. */
MUST_USE bool task_get(struct task *task, const struct cid *cid, struct slice *block,
                       struct error *err);
/* How large it is; reads no more than the index. Errors as task_get. */
MUST_USE bool task_size(struct task *task, const struct cid *cid, uint32_t *size,
                        struct error *err);

/* What failed did so for want of a block (ERROR_NOT_FOUND of task_get), and somebody sees to it
 * that it comes: err is cleared, and the command returns TASK_WAITS, having left its state as it
 * was before. Else false. */
bool task_waits_for_block(struct task *task, struct error *err);

/* So many bytes of memory that grow with what the client sends are held between slices: counted
 * with the input and output of all tasks. */
void task_hold(struct task *task, size_t bytes);
/* All tasks together hold too much: each should do with little. */
bool task_is_short_of_memory(const struct task *task);

/* Before the first output. The default is application/json (of is_lines with X-Chunked-Output: 1).
 * header_lines: each with CR LF; with the default's among them, if it shall stay. Copies. */
void task_reply(struct task *task, const char *content_type, const char *header_lines);
/* The head goes out, whether output follows or not: a failure from here on is told behind it, where
 * Kubo has begun its reply by then. */
void task_begin_reply(struct task *task);
/* The header lines that most replies of bytes bear. */
#define TASK_STREAM_HEADER "X-Stream-Output: 1\r\n"
#define TASK_LINES_HEADER  "X-Chunked-Output: 1\r\n"

#endif
