// SPDX-License-Identifier: Apache-2.0
/* The file of the audit log: it always ends with a whole line, whatever a full disk or a crash did
 * to the last write. For audit.c alone. One thread at a time; blocks. */
#ifndef AUTH_AUDIT_FILE_H
#define AUTH_AUDIT_FILE_H

#include "auth/audit.h"

#include <sys/types.h>

struct audit_file {
    int fd;
    bool is_torn;   /* the last write left part of a line, which is still there */
    off_t whole_to; /* of a torn one: where it begins */
};

/* Opens or makes the file (0600), locks it against other processes, and cuts off what is behind its
 * last newline; *cut says how many bytes that were. ERROR_REFUSED: it is in use, no regular file,
 * or no audit log. */
MUST_USE bool audit_file_open(struct audit_file *file, const char *path, uint64_t *cut,
                              struct error *err);
/* Mends a torn end as far as that goes. */
void audit_file_close(struct audit_file *file);

/* Is it what path names? False if path names nothing. */
bool audit_file_is_at(const struct audit_file *file, const char *path);

/* Appends whole lines. *done: bytes of lines that are in the file now; on failure it may be some of
 * them. */
MUST_USE bool audit_file_append(struct audit_file *file, struct slice lines, size_t *done,
                                struct error *err);

/* Where the chain goes on: behind the file's last line, if the ledger's head (sequence 0: there is
 * none) is one of its lines. If it is not, the chain goes on from the head, so that audit_verify
 * stumbles over the next line; notice says what is wrong. */
MUST_USE bool audit_file_resume(const struct audit_file *file, const struct audit_head *head,
                                struct audit_chain *chain, struct text *notice, struct error *err);

#endif
