// SPDX-License-Identifier: Apache-2.0
#include "auth/identity.h"

#include "auth/identity_private.h"
#include "conf/memory.h"
#include "conf/save.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

static const struct slice no_passphrase = {NULL, 0};

static struct ca_terms draw_terms(int64_t now_s, int64_t length_s, const X509 *issuer)
{
    uint8_t serial[CA_SERIAL_SIZE];

    if (RAND_bytes(serial, sizeof(serial)) != 1) {
        fprintf(stderr, "causeway: the system gives no random bytes\n");
        abort();
    }
    return ca_terms_at(now_s, length_s, issuer != NULL ? ca_until_s(issuer) : INT64_MAX, serial);
}

/* ---- certificates and their files */

static bool make_root(const char *folder, const char *org, struct slice passphrase, int64_t now_s,
                      struct bundle *root, struct error *err)
{
    struct ca_terms terms = draw_terms(now_s, CA_ROOT_S, NULL);
    uint8_t hash[KEY_HASH_SIZE];
    struct text path = {0};
    bool result;

    root->key = key_create(KEY_P256);
    root->chain[root->count++] = ca_make_root(org, root->key, &terms);
    ca_hash(root->chain[0], hash);
    result = bundle_write(root, identity_root_path(&path, folder, hash), passphrase, err);
    text_dispose(&path);
    return result;
}

static bool make_issuer(const char *folder, const char *org, const struct bundle *root,
                        int64_t now_s, struct bundle *issuer, struct error *err)
{
    struct ca_terms terms = draw_terms(now_s, CA_ISSUER_S, root->chain[0]);
    struct text path = {0};
    bool result;

    issuer->key = key_create(KEY_P256);
    issuer->chain[issuer->count++] =
        ca_make_issuer(org, issuer->key, &terms, root->chain[0], root->key);
    result = bundle_write(issuer, identity_path(&path, folder, "issuer.pem"), no_passphrase, err);
    text_dispose(&path);
    return result;
}

static bool make_leaf(const char *folder, const struct gateway_id *id, const struct bundle *issuer,
                      int64_t now_s, struct bundle *leaf, struct error *err)
{
    struct ca_terms terms = draw_terms(now_s, CA_LEAF_S, issuer->chain[0]);
    struct text path = {0};
    bool result;

    leaf->key = key_create(KEY_P256);
    leaf->chain[leaf->count++] = ca_make_leaf(id, leaf->key, &terms, issuer->chain[0], issuer->key);
    X509_up_ref(issuer->chain[0]);
    leaf->chain[leaf->count++] = issuer->chain[0];
    result = bundle_write(leaf, identity_path(&path, folder, "leaf.pem"), no_passphrase, err);
    text_dispose(&path);
    return result;
}

static bool make_signing_key(const char *folder, uint8_t public[KEY_RAW_SIZE], struct error *err)
{
    struct bundle bundle = {.key = key_create(KEY_ED25519)};
    struct text path = {0};
    bool result;

    key_public(bundle.key, public);
    result =
        bundle_write(&bundle, identity_signing_path(&path, folder, public), no_passphrase, err);
    text_dispose(&path);
    bundle_dispose(&bundle);
    return result;
}

/* ---- a new organization */

static bool write_first(const char *folder, const struct identity_plan *plan,
                        const struct bundle *root, const uint8_t key[KEY_RAW_SIZE],
                        struct error *err)
{
    struct roots roots = {.issued_s = plan->now_s, .root_count = 1, .key_count = 1};
    struct roots_signer signer = {.key = root->key};
    struct text der = {0}, bytes = {0};
    bool result;

    snprintf(roots.org, sizeof(roots.org), "%s", plan->id.org);
    roots.sequence = roots_next_sequence(0, plan->now_s);
    ca_put_der(root->chain[0], &der);
    roots_set(&roots.roots[0], text_slice(&der));
    memcpy(signer.hash, roots.roots[0].hash, sizeof(signer.hash));
    roots.keys[0].from_s = plan->now_s - CA_SLACK_S > 0 ? plan->now_s - CA_SLACK_S : 0;
    roots.keys[0].until_s = ROOTS_OPEN;
    memcpy(roots.keys[0].key, key, KEY_RAW_SIZE);
    result = roots_write(&roots, &signer, 1, &bytes, err) &&
             documents_write(folder, roots.sequence, text_slice(&bytes), err);
    text_dispose(&der);
    text_dispose(&bytes);
    return result;
}

static bool refuse_existing(const char *folder, struct error *err)
{
    struct documents found;
    bool is_free;

    if (!documents_read(&found, folder, err))
        return false;
    is_free = found.count == 0;
    documents_dispose(&found);
    return is_free ||
           error_set(err, ERROR_REFUSED,
                     "%s has an identity already, and nothing was changed: partners know "
                     "the organization by it",
                     folder);
}

bool identity_create(const char *folder, const struct identity_plan *plan, struct error *err)
{
    struct bundle root = {0}, issuer = {0}, leaf = {0};
    uint8_t key[KEY_RAW_SIZE];
    bool result = org_read(slice_of(plan->id.org), (char[ORG_SIZE]){0}, err) &&
                  id_check(slice_of(plan->id.node), "node", err) &&
                  save_folder(folder, 0700, err) && refuse_existing(folder, err) &&
                  make_root(folder, plan->id.org, plan->passphrase, plan->now_s, &root, err) &&
                  make_signing_key(folder, key, err) &&
                  make_issuer(folder, plan->id.org, &root, plan->now_s, &issuer, err) &&
                  make_leaf(folder, &plan->id, &issuer, plan->now_s, &leaf, err) &&
                  write_first(folder, plan, &root, key, err);

    bundle_dispose(&root);
    bundle_dispose(&issuer);
    bundle_dispose(&leaf);
    return result;
}

/* ---- renewing what hangs below the root */

bool identity_renew_leaf(struct identity *identity, int64_t now_s, struct error *err)
{
    struct bundle leaf = {0};
    bool result;

    if (identity->issuer.count == 0 || ca_until_s(identity->issuer.chain[0]) <= now_s)
        return error_set(err, ERROR_REFUSED,
                         "the issuing CA in %s is missing or over: renew it first, which takes the "
                         "root's key",
                         identity->folder);
    result = make_leaf(identity->folder, &identity->id, &identity->issuer, now_s, &leaf, err);
    bundle_dispose(&leaf);
    return result && identity_load_leaf(identity, err);
}

/* The key of a root that is listed. */
static bool open_root(const struct identity *identity, const struct root *listed,
                      struct slice passphrase, struct bundle *root, struct error *err)
{
    struct error found = {0};
    uint8_t hash[KEY_HASH_SIZE];
    struct text path = {0};
    bool result;

    identity_root_path(&path, identity->folder, listed->hash);
    result = bundle_read(root, path.data, 1, passphrase, &found);
    if (result) {
        ca_hash(root->chain[0], hash);
        result =
            memcmp(hash, listed->hash, KEY_HASH_SIZE) == 0 ||
            error_set(err, ERROR_MISMATCH, "%s: it is another root than its name says", path.data);
    } else if (found.code == ERROR_NOT_FOUND) {
        error_set(err, ERROR_NOT_FOUND,
                  "the root's key is needed, and is not here: bring it to %s, and take it away "
                  "again afterwards",
                  path.data);
    } else {
        error_copy(err, &found);
    }
    if (!result)
        bundle_dispose(root);
    text_dispose(&path);
    return result;
}

bool identity_renew_issuer(struct identity *identity, struct slice passphrase, int64_t now_s,
                           struct error *err)
{
    struct bundle root = {0}, issuer = {0};
    bool result;

    if (!open_root(identity, &identity->roots.roots[0], passphrase, &root, err))
        return false;
    if (ca_until_s(root.chain[0]) <= now_s)
        result = error_set(err, ERROR_REFUSED,
                           "the root has ended: another one is to be put in "
                           "force");
    else
        result = make_issuer(identity->folder, identity->id.org, &root, now_s, &issuer, err);
    bundle_dispose(&root);
    bundle_dispose(&issuer);
    return result && identity_load_issuer(identity, err);
}

/* ---- new documents. What is changed is a copy of the newest, whose bytes it borrows */

static struct roots begin(const struct identity *identity, int64_t now_s)
{
    struct roots roots = identity->roots;

    roots.sequence = roots_next_sequence(identity->roots.sequence, now_s);
    roots.issued_s = now_s;
    return roots;
}

/* Nothing is written that a partner who knows the newest would not take. */
static bool publish(struct identity *identity, const struct roots *roots,
                    const struct roots_signer *signers, size_t count, struct error *err)
{
    struct text bytes = {0};
    struct roots again = {0};
    bool result = roots_write(roots, signers, count, &bytes, err) &&
                  roots_read(&again, text_slice(&bytes), err) &&
                  roots_accept(&identity->roots, &again, err) == ROOTS_NEWER &&
                  documents_write(identity->folder, roots->sequence, text_slice(&bytes), err) &&
                  identity_take(identity, text_slice(&bytes), err);

    roots_dispose(&again);
    text_dispose(&bytes);
    return result;
}

static struct roots_signer signer_of(const struct bundle *root)
{
    struct roots_signer signer = {.key = root->key};

    ca_hash(root->chain[0], signer.hash);
    return signer;
}

static bool publish_alone(struct identity *identity, const struct roots *roots,
                          const struct bundle *root, struct error *err)
{
    struct roots_signer signer = signer_of(root);

    return publish(identity, roots, &signer, 1, err);
}

bool identity_announce_root(struct identity *identity, struct slice passphrase,
                            struct slice next_passphrase, int64_t now_s, struct error *err)
{
    struct roots roots = begin(identity, now_s);
    struct bundle root = {0}, next = {0};
    struct text der = {0};
    bool result;

    if (roots.next_count > 0)
        return error_set(err, ERROR_REFUSED, "a next root is announced already");
    result = open_root(identity, &roots.roots[0], passphrase, &root, err) &&
             make_root(identity->folder, identity->id.org, next_passphrase, now_s, &next, err);
    if (result) {
        ca_put_der(next.chain[0], &der);
        roots_set(&roots.next[0], text_slice(&der));
        roots.next_count = 1;
        result = publish_alone(identity, &roots, &root, err);
    }
    bundle_dispose(&root);
    bundle_dispose(&next);
    text_dispose(&der);
    return result;
}

bool identity_switch_root(struct identity *identity, struct slice passphrase,
                          struct slice next_passphrase, int64_t now_s, struct error *err)
{
    struct roots roots = begin(identity, now_s);
    struct bundle old = {0}, next = {0};
    bool result;

    if (roots.next_count == 0)
        return error_set(err, ERROR_REFUSED,
                         "no next root is announced, so none can be put in "
                         "force");
    if (roots.root_count == ROOTS_MAX)
        return error_set(err, ERROR_REFUSED,
                         "%d roots are in force already: the old one is to be retired first",
                         ROOTS_MAX);
    result = open_root(identity, &roots.roots[0], passphrase, &old, err) &&
             open_root(identity, &roots.next[0], next_passphrase, &next, err);
    if (result) {
        roots.roots[1] = roots.roots[0];
        roots.roots[0] = roots.next[0];
        roots.root_count = 2;
        roots.next_count = 0;
        result = publish(identity, &roots,
                         (struct roots_signer[]){signer_of(&next), signer_of(&old)}, 2, err);
    }
    bundle_dispose(&old);
    bundle_dispose(&next);
    return result;
}

bool identity_retire_root(struct identity *identity, struct slice passphrase, int64_t now_s,
                          struct error *err)
{
    struct roots roots = begin(identity, now_s);
    struct bundle root = {0};
    bool result;

    if (roots.root_count < 2)
        return error_set(err, ERROR_REFUSED, "only one root is in force, and it stays");
    roots.root_count = 1;
    result = open_root(identity, &roots.roots[0], passphrase, &root, err) &&
             publish_alone(identity, &roots, &root, err);
    bundle_dispose(&root);
    return result;
}

bool identity_renew_signing_key(struct identity *identity, struct slice passphrase, int64_t now_s,
                                struct error *err)
{
    struct roots roots = begin(identity, now_s);
    struct roots_key *before = &roots.keys[roots.key_count - 1], *fresh = before + 1;
    struct bundle root = {0};
    bool result;

    if (roots.key_count == ROOTS_KEYS_MAX)
        return error_set(err, ERROR_LIMIT, "%d signing keys are listed, and no more can be",
                         ROOTS_KEYS_MAX);
    fresh->from_s = now_s > before->from_s ? now_s : before->from_s + 1;
    fresh->until_s = ROOTS_OPEN;
    before->until_s = before->until_s < fresh->from_s ? before->until_s : fresh->from_s;
    roots.key_count++;
    result = open_root(identity, &roots.roots[0], passphrase, &root, err) &&
             make_signing_key(identity->folder, fresh->key, err) &&
             publish_alone(identity, &roots, &root, err) &&
             identity_load_signing_key(identity, err);
    bundle_dispose(&root);
    return result;
}
