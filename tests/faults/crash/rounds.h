// SPDX-License-Identifier: Apache-2.0
/* How a writer works: piece after piece, each stage after stage, by many callers at once, in rounds
 * between which the storage is closed and opened; and what it notes. */
#ifndef TESTS_FAULTS_CRASH_ROUNDS_H
#define TESTS_FAULTS_CRASH_ROUNDS_H

#include "conf/error.h"
#include "http/loop.h"

enum { CALLERS_MAX = 24 };

struct rounds;

struct caller {
    struct rounds *rounds;
    unsigned n;     /* the piece */
    unsigned stage; /* that is asked for; the first is 1 */
};

/* What a kind of storage brings. */
struct rounds_kind {
    const char *program; /* its name */
    const char *pieces;  /* what they are called in its usage */
    const char *index;   /* SQLite's file in the folder */
    unsigned callers;
    unsigned (*last_stage)(unsigned n);
    void (*open)(struct rounds *rounds);
    void (*close)(struct rounds *rounds);
    /* Besides, before piece n begins. */
    void (*begin)(struct rounds *rounds, unsigned n);
    /* Asks for the caller's stage; rounds_acknowledge follows, later. */
    void (*start)(struct caller *caller);
};

struct rounds {
    const struct rounds_kind *kind;
    const char *folder;
    struct loop *loop;
    int notes;
    unsigned next, end, under_way;
    struct caller callers[CALLERS_MAX];
};

/* `PROGRAM FOLDER NOTES PIECES`; the caller made the loop. What main returns. */
int rounds_run(struct rounds *rounds, const struct rounds_kind *kind, int argc, char **argv);
/* The caller's stage is done, and the next begins; err, if not NULL: it failed, and with it the
 * program. */
void rounds_acknowledge(struct caller *caller, const struct error *err);
/* Ends the program. */
_Noreturn void rounds_stop(const struct error *err);

#endif
