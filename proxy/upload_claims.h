// SPDX-License-Identifier: Apache-2.0
/* The claims of an upload's roots: in their order, a few at a time. Loop thread only. */
#ifndef PROXY_UPLOAD_CLAIMS_H
#define PROXY_UPLOAD_CLAIMS_H

#include "proxy/upload_roots.h"
#include "upstream/tracker.h"

struct upload_claims;

struct upload_claims_settings {
    struct tracker *tracker;
    struct loop *loop;
    const struct upload_roots *roots; /* settled; they outlive the claims */
    /* For every root, but for its cid and typed. Its texts are borrowed for the call. */
    struct tracker_request request;
    /* A root whose blocks are not here is noted, and the others go on: dag/import. Else it is a
     * failure. */
    bool notes_missing;
    /* All were seen to: failed NULL; or what the first failure was, of the root at index. Once,
     * later; no claim is under way then. */
    void (*on_end)(void *arg, const struct tracker_answer *failed, size_t index);
    void *arg;
};

struct upload_claims *upload_claims_start(const struct upload_claims_settings *settings);

/* Why the root at index is not pinned, of those that were noted; "": it is. */
const char *upload_claims_note(const struct upload_claims *claims, size_t index);

/* Those under way are given up. Clears *claims; NULL is fine. */
void upload_claims_destroy(struct upload_claims **claims);

#endif
