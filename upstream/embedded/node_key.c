// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/node_key.h"

#include "conf/memory.h"
#include "ipfs/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUBLIC_SIZE = 32 };

/* 0: the folder of path is there. */
static int make_folder(const char *path)
{
    const char *end = strrchr(path, '/');
    char *folder;
    int result;

    if (end == NULL || end == path)
        return 0;
    folder = memory_copy(path, (size_t)(end - path));
    result = mkdir(folder, 0700) == 0 || errno == EEXIST ? 0 : -1;
    free(folder);
    return result;
}

static FILE *create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 ? NULL : fdopen(fd, "w");
}

/* Whole and durable, or not there. */
static bool save(EVP_PKEY *key, const char *path, struct error *err)
{
    struct text beside = {0};
    bool is_saved;
    FILE *file;

    text_put_format(&beside, "%s.new", path);
    file = make_folder(path) == 0 ? create(beside.data) : NULL;
    is_saved = file != NULL && PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) &&
               fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL)
        is_saved = fclose(file) == 0 && is_saved;
    is_saved = is_saved && rename(beside.data, path) == 0;
    text_dispose(&beside);
    return is_saved || error_set_errno(err, "the node's key %s cannot be written", path);
}

static EVP_PKEY *make(const char *path, struct error *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    if (key == NULL) {
        error_set(err, ERROR_IO, "a key for the node cannot be made");
    } else if (!save(key, path, err)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static EVP_PKEY *load(const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key;

    if (file == NULL && errno == ENOENT)
        return make(path, err);
    if (file == NULL) {
        error_set_errno(err, "the node's key %s cannot be read", path);
        return NULL;
    }
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (key == NULL)
        error_set(err, ERROR_SYNTAX,
                  "%s is no private key in PEM form; without the file, a new key is made", path);
    return key;
}

bool node_key_open(const char *path, struct cid *peer, struct error *err)
{
    uint8_t form[4 + PUBLIC_SIZE] = {8, 1, 0x12, PUBLIC_SIZE}; /* type Ed25519, then the key */
    size_t size = PUBLIC_SIZE;
    EVP_PKEY *key = load(path, err);
    bool is_ours;

    if (key == NULL)
        return false;
    is_ours = EVP_PKEY_get_raw_public_key(key, form + 4, &size) == 1 && size == PUBLIC_SIZE &&
              EVP_PKEY_is_a(key, "ED25519");
    EVP_PKEY_free(key);
    if (!is_ours)
        return error_set(err, ERROR_UNSUPPORTED, "%s is no Ed25519 key", path);
    cid_make(peer, 1, CODEC_LIBP2P_KEY, HASH_IDENTITY, form, sizeof(form));
    return true;
}
