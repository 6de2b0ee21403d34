// SPDX-License-Identifier: Apache-2.0
/* What the two sides of a link hold for each other, as a document that both make of their own
 * ledgers and that is the same to the byte if they agree.
 *
 * Deterministic dag-cbor, in pages by the allocations' ids; each page has the SHA-256 of the one
 * before, so the digest of the last is the digest of all. Signatures are detached.
 *
 *   {"v": 1, "last": bool, "link": ULID, "after": ULID or "", "epoch": n, "side_a": side,
 *    "side_b": side, "entries": [entry, ...], "previous": 32 bytes}
 *   side:  {"org": DNS name, "pins": n, "bytes": n, "settled": ULID or ""}     a: the lesser name
 *   entry: {"id": ULID, "key": ULID, "root": link, "side": 0 or 1, "bytes": n, "blocks": n}
 *
 * entry.side is the holder; pins and bytes are what that side holds, up to and with this page.
 *
 * A statement is cut at a pair of numbers, one of each side: `settled`, the key of that side's last
 * item up to which it has durably seen all answers. (Keys of one side go up. The numbers of
 * messages would not do: an item may have gone in several, and only its receiver knows in which it
 * came.) Everything up to the cut took effect on both sides, whatever is under way above it, and an
 * entry is in the statement if the item that made it held is within the cut and none that ended it
 * is. So both sides make the same one at any time later, too.
 *
 * With both `settled` empty it is no cut, but what each side believes now: what an isolated link
 * compares, and learns from (statement_compare).
 *
 * Pure; any thread. */
#ifndef FEDERATION_STATEMENT_H
#define FEDERATION_STATEMENT_H

#include "auth/gateway_id.h"
#include "federation/allocation.h"

#define STATEMENT_CONTEXT "causeway statement 1"

enum {
    STATEMENT_VERSION = 1,
    STATEMENT_ENTRIES_MAX = 256, /* of a page */
    STATEMENT_PAGE_MAX = 96 * 1024,
    STATEMENT_DIGEST_SIZE = 32,
};

struct statement_entry {
    char id[ULID_SIZE];
    char key[ULID_SIZE]; /* of the item that made it held */
    struct cid root;
    unsigned side; /* the holder's */
    uint64_t bytes, blocks;
};

struct statement_side {
    char org[ORG_SIZE];
    uint64_t pins, bytes;
    char settled[ULID_SIZE];
};

struct statement {
    uint64_t version;
    bool is_last;
    char link[ULID_SIZE];
    char after[ULID_SIZE]; /* entries have greater ids; "": the first page */
    uint64_t epoch;
    uint8_t previous[STATEMENT_DIGEST_SIZE]; /* zeros: the first page */
    struct statement_side sides[2];
    struct statement_entry entries[STATEMENT_ENTRIES_MAX]; /* by id, then side */
    size_t count;
};

/* A first page without entries. The sides in any order; settled NULL for both: no cut. */
void statement_begin(struct statement *page, const char *link, uint64_t epoch, const char *org,
                     const char *settled, const char *other, const char *other_settled);
/* 0 or 1. */
unsigned statement_side_of(const struct statement *page, const char *org);

enum statement_added { STATEMENT_ADDED, STATEMENT_NOT_IN_IT, STATEMENT_FULL };

/* The next record of ours, in the order of ids, the holder's after the owner's of the same id.
 * FULL: write the page, go on with statement_continue, and add it again. our_side:
 * statement_side_of. */
enum statement_added statement_add(struct statement *page, const struct allocation_record *record,
                                   unsigned our_side);
/* Makes it the page after itself; bytes are those of the page that was written. */
void statement_continue(struct statement *page, struct slice bytes);

void statement_write(const struct statement *page, struct text *out);
/* Also checks that entries are in order, and what a page says of itself. */
MUST_USE bool statement_read(struct statement *page, struct slice bytes, struct error *err);
void statement_digest(struct slice bytes, uint8_t digest[STATEMENT_DIGEST_SIZE]);

/* What one side says and the other does not, or says differently (then both). */
typedef void (*statement_difference)(void *arg, const struct statement_entry *ours,
                                     const struct statement_entry *theirs);
/* Compares pages that cover the same ids; returns how many entries differ. */
size_t statement_compare(const struct statement *ours, const struct statement *theirs,
                         statement_difference on_difference, void *arg);

#endif
