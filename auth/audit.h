// SPDX-License-Identifier: Apache-2.0
/* The audit log: who asked for what, and what was decided by which rule. One JSON object a line in
 * an append-only file (0600), each chained to the one before:
 *
 *   {"sequence":8,"previous":"<64 hex>","time":"2026-...Z", ... ,"hash":"<64 hex>"}
 *
 * hash is the SHA-256 of the line's bytes up to, and without, ,"hash": . previous is the hash of
 * the line before; of the very first line it is 64 zeros. So any program can check a log without
 * understanding it, and no line can be changed, removed or added but at the end. The ledger keeps
 * the head (sequence and hash), which shows when the end is missing.
 *
 * *Durability.* Threads of its own write and sync, so that no loop waits: lines reach the file
 * within 50 ms, and the disk (fdatasync) within about a second; behind that the head goes to the
 * ledger. A crash of the process can lose the last 50 ms, a power failure the last second.
 *
 * *Room.* Each thread that records has a ring of 256 KiB. What does not fit, or cannot be written
 * (disk full), is not forgotten quietly: audit_put says so to its caller, who may refuse the
 * request, and the next line that is written has "lost": how many there were.
 *
 * *Members* of a line, in this order; what is empty is left out:
 *
 *   sequence, previous   the chain: 1, 2, ...
 *   lost                 records before this one that could not be written. A line may consist of
 *                        this and its time alone
 *   time                 RFC 3339, UTC
 *   request              the request's id
 *   principal            {"kind", "id", "token", "roles", "certificate", "peer", "encrypted"};
 *                        roles is there, perhaps empty, if the token is narrowed to some
 *   command              "pin/add"
 *   arguments            ["...", ...], and how many arguments_left_out
 *   options              [["name", "value"], ...], and how many options_left_out
 *   body_size            as declared
 *   decision, mode, rule, at, policy, message
 *   hash
 *
 * A text of more than 2 KiB is cut; arguments and options have 16 KiB each, and what does not fit
 * is left out from the first one on that does not: no argument is ever cut in the middle. */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "auth/principal.h"
#include "conf/error.h"
#include "store/store.h"

#include <stdint.h>

struct audit;
struct audit_writer;

struct audit_settings {
    const char *path;
    struct store *store; /* keeps the head; NULL: nobody does. Closed after the audit log */
};

/* Opens or makes the file, cuts off a line that a crash left unfinished, finds where the chain goes
 * on, starts the thread. notice (may be NULL) gets a sentence for the log if file and ledger do not
 * agree: the log goes on, and audit_verify will name the line. Blocks: at the start. */
MUST_USE bool audit_open(struct audit **audit, const struct audit_settings *settings,
                         struct text *notice, struct error *err);
/* Writes what is in the rings. Every writer was destroyed. NULL is fine. */
void audit_close(struct audit **audit);

/* For SIGHUP, after the file was moved away: opens the path anew; the chain goes on in the new
 * file. Any thread; done by the audit thread soon after. */
void audit_reopen(struct audit *audit);

struct audit_counters {
    uint64_t records, lost, failures; /* written; not written; failed writes and syncs */
};

struct audit_counters audit_counters(const struct audit *audit);

/* Does everything work? False: the file cannot be written, or the disk or the ledger did not take
 * what was; err says why. Any thread; takes a lock. */
bool audit_is_healthy(struct audit *audit, struct error *err);

/* Takes a lock: once per thread. The writer is its thread's alone. */
struct audit_writer *audit_writer_create(struct audit *audit);
void audit_writer_destroy(struct audit_writer **writer);

struct audit_pair {
    struct slice name, value;
};

/* Borrowed until audit_put returns. What is empty or NULL is left out of the line. */
struct audit_entry {
    uint64_t time_ms; /* since 1970 */
    struct slice request_id;
    const struct principal *principal;
    struct slice command;          /* "pin/add"; of an operator "token new" */
    const struct slice *arguments; /* as in the call */
    size_t argument_count;
    const struct audit_pair *options;
    size_t option_count;
    bool has_body_size;
    uint64_t body_size;    /* declared */
    struct slice decision; /* "allow", "deny" */
    struct slice mode;     /* "enforce", "report" */
    struct slice rule;     /* its id, or what stands for it: "default" */
    struct slice at;       /* "policy.yaml:12" */
    struct slice policy;   /* hash of the policy, hex */
    struct slice message;  /* the reason */
};

/* The writer's thread; never waits. False: there is no room, or the file cannot be written; the
 * record is counted as lost. */
bool audit_put(struct audit_writer *writer, const struct audit_entry *entry);

/* ---- checking: files, no thread */

/* Where a chain is. {0} is before the first line. */
struct audit_chain {
    bool has_begun;
    uint64_t sequence; /* of the last line */
    uint8_t hash[RECORD_HASH_SIZE];
};

/* Does line (without its newline) go on the chain? Then chain steps over it. The first line may
 * have any sequence: a log may have been rotated. Pure. */
MUST_USE bool audit_chain_step(struct audit_chain *chain, struct slice line, struct error *err);

struct audit_report {
    uint64_t lines; /* that were good */
    uint64_t first_sequence;
    uint64_t broken_line; /* 1-based; 0: none */
    bool is_unfinished;   /* bytes without a newline at the end: being written, or of a crash */
};

/* Follows chain through the file; path "-" is standard input. False: a line is broken
 * (report->broken_line, and err says how) or the file cannot be read. each (may be NULL) gets every
 * good line; it returns false to stop. Blocks. */
typedef bool (*audit_line_cb)(void *arg, uint64_t number, struct slice line);
MUST_USE bool audit_verify(const char *path, struct audit_chain *chain, audit_line_cb each,
                           void *arg, struct audit_report *report, struct error *err);

#endif
