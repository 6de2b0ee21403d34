// SPDX-License-Identifier: Apache-2.0
/* Signatures of requests and answers over a link: who signs and who checks (wire_signed.h says what
 * is signed). Ed25519 by the organization's signing key, with the context SIGNATURE_CONTEXT and a
 * NUL before the eight lines, as everything that an organization signs (auth/key.h).
 *
 * Pure; any thread. */
#ifndef FEDERATION_SIGNATURE_H
#define FEDERATION_SIGNATURE_H

#include "auth/roots.h"
#include "federation/wire_signed.h"

#define SIGNATURE_CONTEXT "causeway link 1"
#define SIGNATURE_HEADER  "Causeway-Signed"

/* What a signature is of. */
struct signature_of {
    struct slice method; /* "POST"; of an answer its status, "200" */
    struct slice path;   /* of the request, also for its answer */
    struct slice body;
};

/* Fills is->signature; the rest of it is set. */
void signature_make(EVP_PKEY *key, struct wire_signed *is, const struct signature_of *of);

/* By a key that the document lists for the message's date? The text of err says why not.
 * ERROR_SYNTAX: the path cannot be signed. */
MUST_USE bool signature_check(const struct roots *roots, const struct wire_signed *is,
                              const struct signature_of *of, struct error *err);

#endif
