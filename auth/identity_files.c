// SPDX-License-Identifier: Apache-2.0
#include "auth/identity_files.h"

#include "conf/memory.h"
#include "conf/save.h"
#include "conf/units.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEM_MAX = 64 * 1024, NAMED_BYTES = 8, FILE_MODE = 0600, FOLDER_MODE = 0700 };

#define NUMBER_FORMAT "%016" PRIu64 /* of 2^53 at most */
enum { NUMBER_LETTERS = 16 };

/* ---- paths */

const char *identity_path(struct text *path, const char *folder, const char *name)
{
    text_clear(path);
    text_put_format(path, "%s/%s", folder, name);
    return path->data;
}

static const char *path_of(struct text *path, const char *folder, const char *kind,
                           const uint8_t *bytes)
{
    text_clear(path);
    text_put_format(path, "%s/%s-", folder, kind);
    for (size_t i = 0; i < NAMED_BYTES; i++)
        text_put_format(path, "%02x", bytes[i]);
    text_put_text(path, ".pem");
    return path->data;
}

const char *identity_root_path(struct text *path, const char *folder,
                               const uint8_t hash[KEY_HASH_SIZE])
{
    return path_of(path, folder, "root", hash);
}

const char *identity_signing_path(struct text *path, const char *folder,
                                  const uint8_t key[KEY_RAW_SIZE])
{
    return path_of(path, folder, "signing", key);
}

/* ---- keys with certificates */

void bundle_dispose(struct bundle *bundle)
{
    EVP_PKEY_free(bundle->key);
    while (bundle->count > 0)
        X509_free(bundle->chain[--bundle->count]);
    memset(bundle, 0, sizeof(*bundle));
}

static void wipe(struct text *secret)
{
    if (secret->data != NULL)
        OPENSSL_cleanse(secret->data, secret->capacity);
    text_dispose(secret);
}

static bool parse(struct bundle *bundle, struct slice pem, size_t count, struct slice passphrase,
                  struct error *err)
{
    EVP_PKEY *public;

    bundle->key = key_read(pem, passphrase, err);
    if (bundle->key == NULL)
        return false;
    if (count == 0)
        return true;
    if (!ca_read_pem(pem, bundle->chain, IDENTITY_CHAIN_MAX, &bundle->count, err))
        return false;
    if (bundle->count != count)
        return error_set(err, ERROR_SYNTAX, "there are %zu certificates in it, and not %zu",
                         bundle->count, count);
    public = X509_get0_pubkey(bundle->chain[0]);
    return (public != NULL && key_equal(public, bundle->key)) ||
           error_set(err, ERROR_MISMATCH, "the private key is not that of the certificate");
}

bool bundle_read(struct bundle *bundle, const char *path, size_t count, struct slice passphrase,
                 struct error *err)
{
    struct text pem = {0};
    bool result;

    memset(bundle, 0, sizeof(*bundle));
    result = save_read(path, PEM_MAX, true, &pem, err);
    if (result && !parse(bundle, text_slice(&pem), count, passphrase, err))
        result = error_prefix(err, "%s", path);
    if (!result)
        bundle_dispose(bundle);
    wipe(&pem);
    return result;
}

bool bundle_write(const struct bundle *bundle, const char *path, struct slice passphrase,
                  struct error *err)
{
    struct text pem = {0};
    bool result;

    text_reserve(&pem, PEM_MAX); /* it does not move, and leaves no copy behind */
    key_write(bundle->key, passphrase, &pem);
    for (size_t i = 0; i < bundle->count; i++)
        ca_put_pem(bundle->chain[i], &pem);
    result = save_file(path, text_slice(&pem), FILE_MODE, err);
    wipe(&pem);
    return result;
}

/* ---- documents */

void documents_dispose(struct documents *documents)
{
    for (size_t i = 0; i < documents->count; i++)
        text_dispose(&documents->list[i]);
    free(documents->list);
    memset(documents, 0, sizeof(*documents));
}

void documents_add(struct documents *documents, struct slice bytes)
{
    documents->list =
        memory_resize_array(documents->list, documents->count + 1, sizeof(*documents->list));
    documents->list[documents->count] = (struct text){0};
    text_put_slice(&documents->list[documents->count++], bytes);
}

static bool is_document(const char *name)
{
    for (size_t i = 0; i < NUMBER_LETTERS; i++)
        if (name[i] < '0' || name[i] > '9')
            return false;
    return strcmp(name + NUMBER_LETTERS, ".cbor") == 0;
}

static int only_documents(const struct dirent *entry)
{
    return is_document(entry->d_name);
}

/* Names have one length, so that their order is that of the numbers. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool documents_read(struct documents *documents, const char *folder, struct error *err)
{
    struct text path = {0}, bytes = {0};
    struct dirent **entries = NULL;
    bool result = true;
    int count = scandir(identity_path(&path, folder, "roots"), &entries, only_documents, by_name);

    memset(documents, 0, sizeof(*documents));
    if (count < 0 && errno != ENOENT)
        result = error_set_errno(err, "%s: cannot be read", path.data);
    for (int i = 0; i < count; i++) {
        text_clear(&path);
        text_put_format(&path, "%s/roots/%s", folder, entries[i]->d_name);
        text_clear(&bytes);
        result = result && save_read(path.data, ROOTS_BYTES_MAX, false, &bytes, err);
        if (result)
            documents_add(documents, text_slice(&bytes));
        free(entries[i]);
    }
    free(entries);
    text_dispose(&path);
    text_dispose(&bytes);
    if (!result)
        documents_dispose(documents);
    return result;
}

bool documents_write(const char *folder, uint64_t sequence, struct slice bytes, struct error *err)
{
    struct text path = {0};
    bool result = save_folder(identity_path(&path, folder, "roots"), FOLDER_MODE, err);

    text_put_format(&path, "/" NUMBER_FORMAT ".cbor", sequence);
    result = result && save_file(path.data, bytes, FILE_MODE, err);
    text_dispose(&path);
    return result;
}
