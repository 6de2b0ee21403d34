// SPDX-License-Identifier: Apache-2.0
/* The ledger as a file: checked and copied while a gateway runs on it, and put back when none does.
 * SQLite's engine alone: what others keep is backed up with their own tools.
 *
 * All of it BLOCKS, for seconds with a million pins, beside the ledger thread and not in its way:
 * it reads one moment of the ledger through a connection of its own. Any thread. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "conf/error.h"
#include "conf/text.h"
#include "store/record.h"

/* Copies the ledger of the data folder into a new file (0600), durable and whole when it returns.
 * ERROR_REFUSED: the file is there already. */
MUST_USE bool backup_write(const char *folder, const char *path, uint64_t *bytes,
                           struct error *err);

struct backup_check {
    char uuid[RECORD_UUID_SIZE];
    uint64_t faults;      /* of the file, SQLite's integrity check; at most 100 are counted */
    char first[256];      /* of these */
    uint64_t accounts;    /* that have a charge; the organization's too */
    uint64_t different;   /* whose kept usage is not what its pins add up to */
    struct usage org;     /* as counted */
    uint64_t intents;     /* open in the journal */
    uint64_t restored_ms; /* when it was restored from a backup; 0: it never was */
    uint64_t doubtful;    /* objects that were not looked at since */
    uint64_t links, allocations;
};

/* Of the ledger in a data folder. False: it cannot be read far enough to say so. */
MUST_USE bool backup_check(const char *folder, struct backup_check *check, struct error *err);

struct backup_restored {
    struct text kept; /* where the ledger that was there is now; empty: there was none */
    bool is_carried;  /* tokens, suspensions, denylist, quota windows and links are those of the
                         ledger that was there: a restore opens nothing that was closed since */
    uint64_t doubtful, intents, links;
};

/* Makes the backup the ledger of the data folder, whose lock it takes meanwhile (ERROR_REFUSED: a
 * gateway runs on it). The ledger that is there is kept beside it. Every object becomes doubtful,
 * and every open intent, link and allocation a restored one (store/record.h): nothing is unpinned
 * or removed because of what a backup says. ERROR_IO and others: the ledger is as it was. restored:
 * the caller's to dispose of, whatever came of it. */
MUST_USE bool backup_restore(const char *folder, const char *path, uint64_t now_ms,
                             struct backup_restored *restored, struct error *err);

#endif
