// SPDX-License-Identifier: Apache-2.0
/* What a writer says to the world, one line each: "S n stage", the stage of piece n was asked for;
 * "A n stage", it was acknowledged. The stages of a piece follow each other without a gap. */
#ifndef TESTS_FAULTS_CRASH_NOTES_H
#define TESTS_FAULTS_CRASH_NOTES_H

#include "conf/text.h"

enum { PIECES_MAX = 10000 };

struct said {
    uint8_t started, acknowledged; /* stages */
};

struct notes {
    struct said said[PIECES_MAX];
    unsigned count; /* of the pieces that were begun */
};

/* what: 'S' or 'A'. Ends the program if it cannot. */
void notes_write(int file, char what, unsigned n, unsigned stage);
void notes_read(struct notes *notes, struct slice note);

#endif
