// SPDX-License-Identifier: Apache-2.0
#include "notes.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void notes_write(int file, char what, unsigned n, unsigned stage)
{
    char line[48];
    int size = snprintf(line, sizeof(line), "%c %u %u\n", what, n, stage);

    if (write(file, line, (size_t)size) != size)
        exit(1);
}

void notes_read(struct notes *notes, struct slice note)
{
    char *line = memory_copy(note.data, note.size);
    unsigned n, stage;
    char what;

    if (sscanf(line, "%c %u %u", &what, &n, &stage) != 3 || n >= PIECES_MAX)
        abort();
    if (what == 'S')
        notes->said[n].started = (uint8_t)stage;
    else
        notes->said[n].acknowledged = (uint8_t)stage;
    if (n >= notes->count)
        notes->count = n + 1;
    free(line);
}
