// SPDX-License-Identifier: Apache-2.0
/* Which principal a client certificate stands for: by its subject alternative names (RFC 5280,
 * section 4.2.1.6), never by its subject. The certificate was verified by TLS before; here it is
 * only read. Pure; any thread.
 *
 * A name is written with its kind in front, as the policy's members list it:
 *   uri:spiffe://example.org/ci   dns:build.example.org   email:alice@example.org
 * Compared byte for byte, after DNS names and the domain of an e-mail address became lower case. */
#ifndef AUTH_CERTIFICATE_H
#define AUTH_CERTIFICATE_H

#include "conf/arena.h"
#include "conf/error.h"
#include "conf/id.h"

#include <openssl/x509.h>

enum { CERTIFICATE_NAMES_MAX = 64, CERTIFICATE_NAME_SIZE = 1024 };

/* The URI, DNS and e-mail names, in their order; other kinds are passed over. The texts are in
 * arena. Fails on what could be read in two ways: a NUL or control inside, an empty name, too many,
 * a wildcard. */
MUST_USE bool certificate_names(const X509 *certificate, struct arena *arena,
                                struct slice names[CERTIFICATE_NAMES_MAX], size_t *count,
                                struct error *err);

/* The id of the member that lists this name; false: none does. */
typedef bool (*certificate_find_cb)(void *arg, struct slice name, char id[ID_SIZE]);

/* Asks find for each name. True: exactly one member was found; name is the first that found it
 * (in arena). ERROR_NOT_FOUND: none, and the text lists the names it has. ERROR_REFUSED: they name
 * two members. */
MUST_USE bool certificate_map(const X509 *certificate, certificate_find_cb find, void *arg,
                              struct arena *arena, char id[ID_SIZE], struct slice *name,
                              struct error *err);

/* A name as people write it in a policy: checks the kind, and makes it what certificate_names would
 * say. The result is in arena. */
MUST_USE bool certificate_name_parse(struct slice text, struct arena *arena, struct slice *name,
                                     struct error *err);

#endif
