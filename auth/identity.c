// SPDX-License-Identifier: Apache-2.0
#include "auth/identity.h"

#include "auth/identity_private.h"
#include "auth/peer.h"
#include "conf/memory.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdlib.h>

static const struct slice no_passphrase = {NULL, 0};

/* ---- documents */

static void note_times(struct identity *identity, const struct roots *before,
                       const struct roots *roots)
{
    bool has_switched =
        before == NULL || memcmp(before->roots[0].hash, roots->roots[0].hash, KEY_HASH_SIZE) != 0;
    bool is_announced = roots->next_count > 0 &&
                        (before == NULL || before->next_count == 0 ||
                         memcmp(before->next[0].hash, roots->next[0].hash, KEY_HASH_SIZE) != 0);

    if (has_switched)
        identity->switched_s = roots->issued_s;
    if (is_announced)
        identity->announced_s = roots->issued_s;
}

/* The first is taken on its own word: whoever can write here is the organization. */
static bool follows(const struct identity *identity, const struct roots *roots, struct error *err)
{
    if (identity->documents.count == 0)
        return roots_pin(roots, identity->id.org, roots->roots[0].hash, err);
    switch (roots_accept(&identity->roots, roots, err)) {
    case ROOTS_NEWER:
        return true;
    case ROOTS_SAME:
        return error_set(err, ERROR_REFUSED, "the roots document is there twice");
    case ROOTS_FORKED:
    case ROOTS_REFUSED:
        break;
    }
    return false;
}

bool identity_take(struct identity *identity, struct slice bytes, struct error *err)
{
    size_t count = identity->documents.count;
    const struct roots *before = count > 0 ? &identity->roots : NULL;
    struct roots roots;

    if (!roots_read(&roots, bytes, err))
        return false;
    if (!follows(identity, &roots, err)) {
        roots_dispose(&roots);
        return false;
    }
    note_times(identity, before, &roots);
    identity->is_kept =
        memory_resize_array(identity->is_kept, count + 1, sizeof(*identity->is_kept));
    identity->is_kept[count] = roots_must_keep(before, &roots);
    documents_add(&identity->documents, bytes);
    roots_dispose(&identity->roots);
    identity->roots = roots;
    return true;
}

static bool load_documents(struct identity *identity, struct error *err)
{
    struct documents found;
    bool result = documents_read(&found, identity->folder, err);

    for (size_t i = 0; result && i < found.count; i++)
        result = identity_take(identity, text_slice(&found.list[i]), err) ||
                 error_prefix(err, "%s/roots: document %zu", identity->folder, i + 1);
    if (result && found.count == 0)
        result = error_set(err, ERROR_NOT_FOUND, "there is no identity in %s", identity->folder);
    documents_dispose(&found);
    return result;
}

size_t identity_documents(const struct identity *identity, uint64_t known,
                          struct slice documents[ROOTS_FOLLOW_MAX])
{
    size_t count = 0, all = identity->documents.count;

    for (size_t i = 0; i < all && count < ROOTS_FOLLOW_MAX; i++) {
        struct slice bytes = text_slice(&identity->documents.list[i]);
        struct error ignored = {0};
        struct roots roots;

        if (!identity->is_kept[i] && i + 1 < all)
            continue;
        if (!roots_read(&roots, bytes, &ignored))
            continue; /* it was read before */
        if (roots.sequence > known)
            documents[count++] = bytes;
        roots_dispose(&roots);
    }
    return count;
}

/* ---- keys and certificates */

/* What is missing, or not what it should be, is made anew; what cannot be opened is an error. */
static bool load_bundle(struct identity *identity, const char *name, size_t count,
                        struct bundle *bundle, struct error *err)
{
    struct text path = {0};
    struct error found = {0};
    bool result;

    bundle_dispose(bundle);
    identity_path(&path, identity->folder, name);
    result = bundle_read(bundle, path.data, count, no_passphrase, &found);
    text_dispose(&path);
    if (result || found.code == ERROR_NOT_FOUND || found.code == ERROR_SYNTAX ||
        found.code == ERROR_MISMATCH)
        return true;
    return error_copy(err, &found);
}

bool identity_load_issuer(struct identity *identity, struct error *err)
{
    return load_bundle(identity, "issuer.pem", 1, &identity->issuer, err);
}

bool identity_load_leaf(struct identity *identity, struct error *err)
{
    struct error ignored = {0};
    struct gateway_id claim;

    if (!load_bundle(identity, "leaf.pem", 2, &identity->leaf, err))
        return false;
    if (identity->leaf.count > 0 &&
        (!peer_claim(identity->leaf.chain[0], &claim, &ignored) ||
         strcmp(claim.org, identity->id.org) != 0 || strcmp(claim.node, identity->id.node) != 0))
        bundle_dispose(&identity->leaf); /* another gateway's */
    return true;
}

bool identity_load_signing_key(struct identity *identity, struct error *err)
{
    const struct roots *roots = &identity->roots;
    const uint8_t *public = roots->keys[roots->key_count - 1].key;
    struct bundle bundle = {0};
    uint8_t found[KEY_RAW_SIZE];
    struct error failed = {0};
    struct text path = {0};
    bool result;

    EVP_PKEY_free(identity->signing_key);
    identity->signing_key = NULL;
    identity_signing_path(&path, identity->folder, public);
    result = bundle_read(&bundle, path.data, 0, no_passphrase, &failed);
    if (!result && failed.code == ERROR_NOT_FOUND)
        result = true;
    else if (!result)
        error_copy(err, &failed);
    else if (!key_is(bundle.key, KEY_ED25519))
        result = error_set(err, ERROR_MISMATCH, "%s: it is no Ed25519 key", path.data);
    if (result && bundle.key != NULL) {
        key_public(bundle.key, found);
        if (memcmp(found, public, KEY_RAW_SIZE) != 0)
            result = error_set(err, ERROR_MISMATCH, "%s: it is another key than its name says",
                               path.data);
    }
    if (result) {
        identity->signing_key = bundle.key;
        bundle.key = NULL;
    }
    bundle_dispose(&bundle);
    text_dispose(&path);
    return result;
}

/* ---- all of it */

bool identity_open(struct identity **identity_, const char *folder, const struct gateway_id *id,
                   struct error *err)
{
    struct identity *identity = memory_alloc(sizeof(*identity));

    identity->folder = memory_copy_text(folder);
    identity->id = *id;
    *identity_ = identity;
    if (load_documents(identity, err) && identity_load_signing_key(identity, err) &&
        identity_load_issuer(identity, err) && identity_load_leaf(identity, err))
        return true;
    identity_close(identity_);
    return false;
}

void identity_close(struct identity **identity_)
{
    struct identity *identity = *identity_;

    if (identity == NULL)
        return;
    roots_dispose(&identity->roots);
    documents_dispose(&identity->documents);
    free(identity->is_kept);
    bundle_dispose(&identity->issuer);
    bundle_dispose(&identity->leaf);
    EVP_PKEY_free(identity->signing_key);
    free(identity->folder);
    free(identity);
    *identity_ = NULL;
}

const struct roots *identity_roots(const struct identity *identity)
{
    return &identity->roots;
}

X509 *identity_leaf(const struct identity *identity, EVP_PKEY **key, X509 **issuer)
{
    if (identity->leaf.count == 0)
        return NULL;
    *key = identity->leaf.key;
    *issuer = identity->leaf.chain[1];
    return identity->leaf.chain[0];
}

EVP_PKEY *identity_signing_key(const struct identity *identity)
{
    return identity->signing_key;
}

static struct renewal_span span_of(const X509 *certificate)
{
    return (struct renewal_span){ca_from_s(certificate), ca_until_s(certificate)};
}

static bool is_signed_by(X509 *certificate, X509 *issuer)
{
    bool result = X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

    ERR_clear_error();
    return result;
}

struct renewal_state identity_state(const struct identity *identity, int64_t now_s,
                                    bool is_known_to_all)
{
    struct error ignored = {0};
    X509 *root = ca_read_der(identity->roots.roots[0].der, &ignored);
    X509 *issuer = identity->issuer.count > 0 ? identity->issuer.chain[0] : NULL;
    X509 *leaf = identity->leaf.count > 0 ? identity->leaf.chain[0] : NULL;
    struct renewal_state state = {
        .now_s = now_s,
        .has_next_root = identity->roots.next_count > 0,
        .announced_s = identity->announced_s,
        .is_known_to_all = is_known_to_all,
        .has_old_root = identity->roots.root_count > 1,
        .switched_s = identity->switched_s,
    };

    assert(root != NULL); /* it was read before */
    state.root = span_of(root);
    if (issuer != NULL) {
        state.issuer = span_of(issuer);
        state.issuer_is_of_root = is_signed_by(issuer, root);
    }
    if (leaf != NULL) {
        state.leaf = span_of(leaf);
        state.leaf_is_of_issuer = issuer != NULL && is_signed_by(leaf, issuer);
    }
    X509_free(root);
    return state;
}

/* ---- what a partner knows better */

static bool adopt_one(struct identity *identity, struct slice bytes, bool *is_newer,
                      struct error *err)
{
    struct roots roots;
    bool is_taken = true;

    if (!roots_read(&roots, bytes, err))
        return false;
    if (roots.sequence > identity->roots.sequence) {
        is_taken = roots_accept(&identity->roots, &roots, err) == ROOTS_NEWER &&
                   documents_write(identity->folder, roots.sequence, bytes, err) &&
                   identity_take(identity, bytes, err);
        *is_newer = *is_newer || is_taken;
    }
    roots_dispose(&roots);
    return is_taken;
}

bool identity_adopt(struct identity *identity, const struct slice *documents, size_t count,
                    bool *is_newer, struct error *err)
{
    bool result = true;

    *is_newer = false;
    for (size_t i = 0; result && i < count; i++)
        result = adopt_one(identity, documents[i], is_newer, err);
    return (!*is_newer || identity_load_signing_key(identity, err)) && result;
}
