// SPDX-License-Identifier: Apache-2.0
/* An organization's identity on its gateway: the keys, certificates and documents in data/keys/,
 * and what makes and renews them. What is due when is renewal.h's to say.
 *
 *   root-<hash>.pem      a root's private key and certificate; may be encrypted, and may be away:
 *                        it is needed only for what renewal.h says. <hash>: 16 letters of its hash
 *   issuer.pem           the issuing CA's private key and certificate
 *   leaf.pem             the leaf's private key, the leaf, the issuing CA: as TLS wants it
 *   signing-<key>.pem    an Ed25519 private key; <key>: 16 letters of its public half
 *   roots/<number>.cbor  the signed roots documents, all of them. The highest number is in force,
 *                        and says which roots and signing keys are
 *
 * Folders are 0700 and files 0600; a file that others may open is refused. Each is written whole or
 * not at all, and a document after the keys that it names: after a crash what is in force is what
 * it was, or what it was to become. A key that no document names is of no meaning.
 *
 * Blocks on files, and on scrypt where a passphrase is; not for a loop. One thread at a time, and
 * one process: the data folder's lock. Nothing here reads a clock. */
#ifndef AUTH_IDENTITY_H
#define AUTH_IDENTITY_H

#include "auth/renewal.h"
#include "auth/roots.h"

struct identity;

struct identity_plan {
    struct gateway_id id;
    struct slice passphrase; /* of the root; {NULL, 0}: it is not encrypted */
    int64_t now_s;
};

/* Makes a new organization: root, signing key, issuing CA, leaf, the first document. folder's
 * parent must be there. ERROR_REFUSED: the folder has an identity already. */
MUST_USE bool identity_create(const char *folder, const struct identity_plan *plan,
                              struct error *err);

/* Reads what is there. A leaf or issuing CA that is missing or of no use is no error: it is due.
 * ERROR_NOT_FOUND: there is no identity. id: who this gateway is to be; a folder of another
 * organization is refused. */
MUST_USE bool identity_open(struct identity **identity, const char *folder,
                            const struct gateway_id *id, struct error *err);
void identity_close(struct identity **identity);

/* ---- what there is; borrowed until the next call that renews something */

const struct roots *identity_roots(const struct identity *identity);
/* NULL: there is none. */
X509 *identity_leaf(const struct identity *identity, EVP_PKEY **key, X509 **issuer);
/* The newest that is in force. NULL: its file is not here. */
EVP_PKEY *identity_signing_key(const struct identity *identity);

/* Those documents that a partner needs who knows the one of this number (0: none), in their order,
 * the newest last; at most ROOTS_FOLLOW_MAX, for one answer: the partner asks on. Returns how many.
 */
size_t identity_documents(const struct identity *identity, uint64_t known,
                          struct slice documents[ROOTS_FOLLOW_MAX]);

struct renewal_state identity_state(const struct identity *identity, int64_t now_s,
                                    bool is_known_to_all);

/* ---- what renews it. Each refuses, with what is to be done, and changes nothing then. */

MUST_USE bool identity_renew_leaf(struct identity *identity, int64_t now_s, struct error *err);

/* Of the root that is first in force; a new leaf is due then. passphrase: of the root. */
MUST_USE bool identity_renew_issuer(struct identity *identity, struct slice passphrase,
                                    int64_t now_s, struct error *err);

/* Makes a root and lists it as next. */
MUST_USE bool identity_announce_root(struct identity *identity, struct slice passphrase,
                                     struct slice next_passphrase, int64_t now_s,
                                     struct error *err);

/* Puts the next root in force, before the one that is, which stays for a while. A new issuing CA is
 * due then. */
MUST_USE bool identity_switch_root(struct identity *identity, struct slice passphrase,
                                   struct slice next_passphrase, int64_t now_s, struct error *err);

/* Takes the second root in force out of the document. passphrase: of the first. */
MUST_USE bool identity_retire_root(struct identity *identity, struct slice passphrase,
                                   int64_t now_s, struct error *err);

/* A new signing key from now on; the one before ends then, and stays listed. */
MUST_USE bool identity_renew_signing_key(struct identity *identity, struct slice passphrase,
                                         int64_t now_s, struct error *err);

/* ---- after a restore from a backup */

/* Documents of ours that a partner kept, as they were sent, in order: those that follow from the
 * newest are kept here, too, and those that are known are passed over. *is_newer: something was
 * taken; the signing key that it names may not be here. ERROR_MISMATCH and others: one that does
 * not follow; what was before it is kept. */
MUST_USE bool identity_adopt(struct identity *identity, const struct slice *documents, size_t count,
                             bool *is_newer, struct error *err);

#endif
