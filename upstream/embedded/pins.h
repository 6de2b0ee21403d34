// SPDX-License-Identifier: Apache-2.0
/* What the embedded node pins, and the few values that it keeps beside (the root of its files):
 * `node.db`, an SQLite file in the node's folder.
 *
 * A pin is of a CID in the very form that it was given: v0 and v1 of one block are two pins. What
 * it does when something is pinned twice is Kubo's: a CID has one pin, the strongest mode asked
 * for, and the name that was given last.
 *
 * Synchronous: for jobs, not for loops. Any thread; one mutex inside. A change is durable when its
 * function returns true, and was not made when it returns false. ERROR_IO: the file cannot be read
 * or written, and what to do about it. Whether blocks are there is not looked at here. */
#ifndef UPSTREAM_EMBEDDED_PINS_H
#define UPSTREAM_EMBEDDED_PINS_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "store/record.h" /* enum pin_mode */

struct pins;

/* folder must exist; the file is made if it is missing. ERROR_UNSUPPORTED: a newer Causeway wrote
 * it. */
MUST_USE bool pins_open(struct pins **pins, const char *folder, struct error *err);
void pins_close(struct pins **pins); /* NULL is fine */

/* "pin name is N bytes (max 255 bytes)": ERROR_LIMIT. */
MUST_USE bool pins_check_name(struct slice name, struct error *err);

/* PIN_RECURSIVE takes a direct pin's place; PIN_DIRECT of what is pinned recursively is
 * ERROR_REFUSED, "<cid> already pinned recursively". The name replaces the one it had, an empty one
 * too. Made durable before: the blocks. */
MUST_USE bool pins_add(struct pins *pins, const struct cid *cid, enum pin_mode mode,
                       struct slice name, struct error *err);

/* ERROR_NOT_FOUND: "not pinned or pinned indirectly". PIN_DIRECT of what is pinned recursively:
 * ERROR_REFUSED, "<cid> is pinned recursively"; PIN_RECURSIVE takes either. */
MUST_USE bool pins_remove(struct pins *pins, const struct cid *cid, enum pin_mode mode,
                          struct error *err);

/* `to` is pinned recursively with the name of `from`, which is unpinned then, in one step. Of one
 * CID: nothing. ERROR_REFUSED: "'from' cid was not recursively pinned already", "'to' cid was
 * already recursively pinned". */
MUST_USE bool pins_update(struct pins *pins, const struct cid *from, const struct cid *to,
                          bool unpins, struct error *err);
/* Whether pins_update would do it now. */
MUST_USE bool pins_check_update(struct pins *pins, const struct cid *from, const struct cid *to,
                                struct error *err);

/* *mode: PIN_NONE if it has no pin of its own. name (NULL: not asked for) is cleared first. */
MUST_USE bool pins_find(struct pins *pins, const struct cid *cid, enum pin_mode *mode,
                        struct text *name, struct error *err);

/* cid and name are borrowed. No function of pins may be called within. False stops the list, which
 * returns true all the same. */
typedef bool (*pins_listed)(void *arg, const struct cid *cid, struct slice name);

/* Up to limit pins of this mode behind `after` (NULL: from the first on), in Kubo's order: that of
 * the binary CIDs in base64url. *count: how many on_pin was called with. No snapshot from one page
 * to the next. */
MUST_USE bool pins_list(struct pins *pins, enum pin_mode mode, const struct cid *after,
                        size_t limit, pins_listed on_pin, void *arg, size_t *count,
                        struct error *err);

/* The pin of this mode behind `after` (NULL: the first), in the same order. *is_end: there is none.
 * next may be what after points to. */
MUST_USE bool pins_next(struct pins *pins, enum pin_mode mode, const struct cid *after,
                        struct cid *next, bool *is_end, struct error *err);

/* ---- values: "files-root" */

/* ERROR_NOT_FOUND: there is none. value is cleared first. */
MUST_USE bool pins_get_value(struct pins *pins, const char *key, struct text *value,
                             struct error *err);
MUST_USE bool pins_put_value(struct pins *pins, const char *key, struct slice value,
                             struct error *err);

#endif
