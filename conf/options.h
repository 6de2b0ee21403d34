// SPDX-License-Identifier: Apache-2.0
/* One table describes every option of a configuration: from it come the defaults, parsing, ranges,
 * the errors and the reference text. The defaults are written as an operator would write them and
 * go through the same readers. */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/address.h"
#include "conf/error.h"

#include <stdint.h>
#include <stdio.h>

struct yaml;
struct yaml_node;

struct option_strings {
    char **items;
    size_t count;
};

struct option_networks {
    struct network *items;
    size_t count;
};

/* The type of the field at the option's offset. */
enum option_type {
    OPTION_TEXT,     /* char * */
    OPTION_PATH,     /* char *: made absolute from the file's own folder */
    OPTION_FILE,     /* char *: as OPTION_PATH, and must be readable */
    OPTION_SECRET,   /* char *: the trimmed content of the file named; wiped when disposed */
    OPTION_BOOL,     /* bool */
    OPTION_INTEGER,  /* uint64_t */
    OPTION_SIZE,     /* uint64_t, bytes */
    OPTION_DURATION, /* uint64_t, milliseconds */
    OPTION_ADDRESS,  /* struct address; the path of a unix socket is made absolute */
    OPTION_CHOICE,   /* unsigned: index into choices */
    OPTION_CHOICES,  /* unsigned: a list, as bits 1 << index into choices */
    OPTION_TEXTS,    /* struct option_strings */
    OPTION_NETWORKS, /* struct option_networks */
    OPTION_UNBUILT,  /* no field: the option or section is named and refused as not built */
};

struct option_choice {
    const char *name; /* a NULL ends the list */
    bool is_unbuilt;  /* refused by name */
};

struct option {
    const char *name; /* path: "limits.head_size"; a NULL ends the table */
    enum option_type type;
    size_t offset;
    const char *value; /* default, as one would write it (a list: "a, b"); NULL: not set */
    const char *help;  /* sentences, plain text */
    const char *zero;  /* what a 0 outside the range means ("never"); NULL: 0 is nothing special */
    uint64_t min, max; /* of numbers; max 0: no limit */
    const struct option_choice *choices;
    /* A further check: of a text its characters (const char *), of OPTION_TEXTS those of each item,
     * else of the parsed field. Says what would be right; place and name are put before its text.
     * May be NULL. */
    bool (*check)(const void *value, struct error *err);
};

/* Fills object (zeroed before) from the defaults and then from the document. folder: where relative
 * paths begin. On failure object may be partly filled: dispose of it all the same. */
MUST_USE bool options_read(const struct option *table, const struct yaml *yaml, const char *folder,
                           void *object, struct error *err);

/* Frees what the fields own, wipes secrets, zeroes them. */
void options_dispose(const struct option *table, void *object);

/* Sets err to "FILE:LINE:COLUMN: NAME: ..." for an option of the document (or "FILE: NAME: ..." if
 * it is not written there). Always false. For checks that look at several options. */
bool options_error(const struct yaml *yaml, const char *name, struct error *err, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* The path, absolute as from the folder. Freed by the caller. */
char *options_absolute(const char *folder, const char *path);

/* The reference text of all options, of the one named, or of those below a section ("limits").
 * False: there is none of that name. */
bool options_print(const struct option *table, const char *name, FILE *out);

/* The one line of a file with a secret, spaces around it cut off; a text that is wiped and freed by
 * its receiver. No message shows a byte of it. */
MUST_USE bool option_read_secret(const char *path, char **secret, struct error *err);

#endif
