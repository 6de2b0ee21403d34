// SPDX-License-Identifier: Apache-2.0
#include "auth/roots.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAME_SIZE = 17 }; /* so much of a hash names a root to a person */

static const char *print_name(const uint8_t hash[KEY_HASH_SIZE], char name[NAME_SIZE])
{
    for (size_t i = 0; i < (NAME_SIZE - 1) / 2; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    return name;
}

/* ---- which roots, which signatures */

static const struct root *find(const struct root *roots, size_t count,
                               const uint8_t hash[KEY_HASH_SIZE])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(roots[i].hash, hash, KEY_HASH_SIZE) == 0)
            return &roots[i];
    return NULL;
}

static const struct root *find_listed(const struct roots *roots, const uint8_t hash[KEY_HASH_SIZE])
{
    const struct root *root = find(roots->roots, roots->root_count, hash);

    return root != NULL ? root : find(roots->next, roots->next_count, hash);
}

static bool has_signed(const struct roots *roots, const struct root *root)
{
    for (size_t i = 0; i < roots->signature_count; i++)
        if (memcmp(roots->signatures[i].root, root->hash, KEY_HASH_SIZE) == 0)
            return true;
    return false;
}

static bool any_signed(const struct roots *roots, const struct root *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_signed(roots, &list[i]))
            return true;
    return false;
}

static bool is_good(const struct roots *roots, const struct roots_signature *signature,
                    const struct root *root)
{
    struct error ignored = {0};
    X509 *certificate = ca_read_der(root->der, &ignored);
    bool result;

    assert(certificate != NULL); /* it was read once before */
    result =
        key_verify(X509_get0_pubkey(certificate), ROOTS_CONTEXT, roots->document, signature->bytes);
    X509_free(certificate);
    return result;
}

/* Those of roots that neither document lists say nothing; all others are right. */
static bool check_signatures(const struct roots *known, const struct roots *roots,
                             struct error *err)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < roots->signature_count; i++) {
        const struct roots_signature *signature = &roots->signatures[i];
        const struct root *root = find_listed(roots, signature->root);

        if (root == NULL && known != NULL)
            root = find_listed(known, signature->root);
        if (root != NULL && !is_good(roots, signature, root))
            return error_set(err, ERROR_MISMATCH,
                             "the signature of the root %s is wrong: the document was changed, or "
                             "made by somebody else",
                             print_name(signature->root, name));
    }
    return true;
}

/* ---- at first */

bool roots_pin(const struct roots *roots, const char *org, const uint8_t hash[KEY_HASH_SIZE],
               struct error *err)
{
    const struct root *root = find(roots->roots, roots->root_count, hash);
    char name[NAME_SIZE], other[NAME_SIZE];

    if (strcmp(roots->org, org) != 0)
        return error_set(err, ERROR_REFUSED, "the roots document is of '%s', and '%s' was expected",
                         roots->org, org);
    if (root == NULL)
        return error_set(err, ERROR_MISMATCH,
                         "the root of '%s' that was agreed on is %s, and its document puts %s in "
                         "force",
                         org, print_name(hash, name), print_name(roots->roots[0].hash, other));
    if (!has_signed(roots, root))
        return error_set(err, ERROR_MISMATCH,
                         "the roots document of '%s' is not signed by its root %s", org,
                         print_name(hash, name));
    return check_signatures(NULL, roots, err) ||
           error_prefix(err, "the roots document of '%s'", org);
}

/* ---- from one to the next */

static bool check_new_roots(const struct roots *known, const struct roots *roots, struct error *err)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < roots->root_count; i++) {
        const struct root *root = &roots->roots[i];

        if (find(known->roots, known->root_count, root->hash) == NULL && !has_signed(roots, root))
            return error_set(err, ERROR_MISMATCH,
                             "it puts the root %s in force, which did not sign it: nobody showed "
                             "that he has its key",
                             print_name(root->hash, name));
    }
    return true;
}

static const struct roots_key *find_key(const struct roots *roots, const uint8_t key[KEY_RAW_SIZE])
{
    for (size_t i = 0; i < roots->key_count; i++)
        if (memcmp(roots->keys[i].key, key, KEY_RAW_SIZE) == 0)
            return &roots->keys[i];
    return NULL;
}

/* What was signed once can be checked for ever: history is only added to. */
static bool check_history(const struct roots *known, const struct roots *roots, struct error *err)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < known->key_count; i++) {
        const struct roots_key *before = &known->keys[i], *after = find_key(roots, before->key);

        if (after == NULL)
            return error_set(err, ERROR_REFUSED,
                             "it leaves out the signing key %s, which was listed: keys get an end, "
                             "but stay",
                             print_name(before->key, name));
        if (after->from_s != before->from_s)
            return error_set(err, ERROR_REFUSED,
                             "it says another beginning of the signing key %s than before",
                             print_name(before->key, name));
    }
    return true;
}

static bool check_signers(const struct roots *known, const struct roots *roots, struct error *err)
{
    char name[NAME_SIZE];

    if (!any_signed(roots, known->roots, known->root_count) &&
        !any_signed(roots, known->next, known->next_count))
        return error_set(err, ERROR_MISMATCH,
                         "no root that was known (%s%s) signed it: ask for the documents between, "
                         "or, if the organization has lost its root, for a new invitation",
                         print_name(known->roots[0].hash, name),
                         known->root_count + known->next_count > 1 ? " and others" : "");
    if (!any_signed(roots, roots->roots, roots->root_count))
        return error_set(err, ERROR_MISMATCH, "none of the roots that it puts in force signed it");
    return true;
}

static bool check_not_old(const struct roots *known, const struct roots *roots, struct error *err)
{
    return roots->sequence >= known->sequence ||
           error_set(err, ERROR_REFUSED,
                     "its number %" PRIu64 " is below %" PRIu64
                     ", which was known: it is an old one",
                     roots->sequence, known->sequence);
}

static enum roots_news compare(const struct roots *known, const struct roots *roots,
                               struct error *err)
{
    if (!check_not_old(known, roots, err) || !check_signers(known, roots, err) ||
        !check_signatures(known, roots, err))
        return ROOTS_REFUSED;
    if (roots->sequence == known->sequence) {
        error_set(err, ERROR_REFUSED,
                  "it differs from the one that was known, and both have the number %" PRIu64
                  ": the organization, or somebody with its key, made two",
                  roots->sequence);
        return ROOTS_FORKED;
    }
    return check_new_roots(known, roots, err) && check_history(known, roots, err) ? ROOTS_NEWER
                                                                                  : ROOTS_REFUSED;
}

enum roots_news roots_accept(const struct roots *known, const struct roots *roots,
                             struct error *err)
{
    enum roots_news news;

    if (strcmp(roots->org, known->org) != 0) {
        error_set(err, ERROR_REFUSED, "the roots document is of '%s', and '%s' was expected",
                  roots->org, known->org);
        return ROOTS_REFUSED;
    }
    if (roots->sequence == known->sequence && slice_equal(roots->document, known->document))
        return ROOTS_SAME;
    news = compare(known, roots, err);
    if (news != ROOTS_NEWER)
        error_prefix(err, "the roots document %" PRIu64 " of '%s'", roots->sequence, roots->org);
    return news;
}

/* ---- many */

static bool follow_one(struct roots *current, struct slice document, const struct roots *known,
                       bool *is_newer, struct error *err)
{
    const struct roots *from = *is_newer ? current : known;
    struct roots next;
    enum roots_news news;

    if (!roots_read(&next, document, err))
        return false;
    /* whoever answers may not know what is known here */
    news = next.sequence < from->sequence && strcmp(next.org, from->org) == 0
               ? ROOTS_SAME
               : roots_accept(from, &next, err);
    if (news != ROOTS_NEWER) {
        roots_dispose(&next);
        return news == ROOTS_SAME;
    }
    roots_dispose(current);
    *current = next;
    *is_newer = true;
    return true;
}

bool roots_follow(struct roots *known, const struct slice *documents, size_t count, bool *is_newer,
                  struct error *err)
{
    struct roots current = {0};

    *is_newer = false;
    if (count > ROOTS_FOLLOW_MAX)
        return error_set(err, ERROR_LIMIT, "%zu roots documents came at once, and %d may", count,
                         ROOTS_FOLLOW_MAX);
    for (size_t i = 0; i < count; i++) {
        if (follow_one(&current, documents[i], known, is_newer, err))
            continue;
        roots_dispose(&current);
        *is_newer = false;
        return error_prefix(err, "document %zu of %zu", i + 1, count);
    }
    if (*is_newer) {
        roots_dispose(known);
        *known = current;
    }
    return true;
}

/* ---- what its signing keys signed */

bool roots_signed(const struct roots *roots, const char *context, struct slice message,
                  const uint8_t key[KEY_RAW_SIZE], struct slice signature, int64_t at_s,
                  struct error *err)
{
    const struct roots_key *listed = find_key(roots, key);
    char name[NAME_SIZE];
    EVP_PKEY *public;
    bool is_right;

    print_name(key, name);
    if (listed == NULL)
        return error_set(err, ERROR_NOT_FOUND, "the signing key %s is none that '%s' lists", name,
                         roots->org);
    if (at_s < listed->from_s)
        return error_set(err, ERROR_REFUSED,
                         "the signing key %s of '%s' was not in force yet at that time", name,
                         roots->org);
    if (at_s >= listed->until_s)
        return error_set(err, ERROR_REFUSED,
                         "the signing key %s of '%s' was no longer in force at that time", name,
                         roots->org);
    public = key_from_public(key);
    is_right = public != NULL && key_verify(public, context, message, signature);
    EVP_PKEY_free(public);
    return is_right || error_set(err, ERROR_MISMATCH,
                                 "the signature is not one of the signing key %s of '%s' over this",
                                 name, roots->org);
}
