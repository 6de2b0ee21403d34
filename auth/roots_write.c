// SPDX-License-Identifier: Apache-2.0
#include "auth/roots.h"

#include "ipfs/dag_cbor.h"
#include "ipfs/dag_cbor_scan.h"

#include <assert.h>
#include <stdlib.h>

uint64_t roots_next_sequence(uint64_t before, int64_t now_s)
{
    uint64_t now = now_s > 0 ? (uint64_t)now_s : 0;

    return now > before ? now : before + 1;
}

void roots_set(struct root *root, struct slice der)
{
    struct error err = {0};
    X509 *certificate = ca_read_der(der, &err);

    assert(certificate != NULL); /* one of ours */
    ca_hash(certificate, root->hash);
    root->der = der;
    X509_free(certificate);
}

/* ---- fields, in dag-cbor's order: shorter names first */

static void put_text(struct text *out, const char *text)
{
    dag_cbor_put_head(out, CBOR_TEXT, strlen(text));
    text_put_text(out, text);
}

static void put_bytes(struct text *out, const void *bytes, size_t size)
{
    dag_cbor_put_head(out, CBOR_BYTES, size);
    text_put(out, bytes, size);
}

static void put_number(struct text *out, const char *name, int64_t number)
{
    assert(number >= 0);
    put_text(out, name);
    dag_cbor_put_head(out, CBOR_UINT, (uint64_t)number);
}

static void put_roots(struct text *out, const char *name, const struct root *roots, size_t count)
{
    put_text(out, name);
    dag_cbor_put_head(out, CBOR_LIST, count);
    for (size_t i = 0; i < count; i++) {
        dag_cbor_put_head(out, CBOR_MAP, 2);
        put_text(out, "hash");
        put_bytes(out, roots[i].hash, KEY_HASH_SIZE);
        put_text(out, "certificate");
        put_bytes(out, roots[i].der.data, roots[i].der.size);
    }
}

static void put_keys(struct text *out, const struct roots *roots)
{
    put_text(out, "signing_keys");
    dag_cbor_put_head(out, CBOR_LIST, roots->key_count);
    for (size_t i = 0; i < roots->key_count; i++) {
        dag_cbor_put_head(out, CBOR_MAP, 3);
        put_text(out, "key");
        put_bytes(out, roots->keys[i].key, KEY_RAW_SIZE);
        put_number(out, "from", roots->keys[i].from_s);
        if (roots->keys[i].until_s != ROOTS_OPEN) {
            put_number(out, "until", roots->keys[i].until_s);
        } else {
            put_text(out, "until");
            text_put_char(out, (char)0xf6); /* null */
        }
    }
}

static void put_document(struct text *out, const struct roots *roots)
{
    dag_cbor_put_head(out, CBOR_MAP, 7);
    put_text(out, "org");
    put_text(out, roots->org);
    put_roots(out, "roots", roots->roots, roots->root_count);
    put_number(out, "version", ROOTS_VERSION);
    put_number(out, "sequence", (int64_t)roots->sequence);
    put_number(out, "issued_at", roots->issued_s);
    put_roots(out, "next_roots", roots->next, roots->next_count);
    put_keys(out, roots);
}

/* ---- signatures */

static int by_hash(const void *a_, const void *b_)
{
    const struct roots_signer *a = a_, *b = b_;

    return memcmp(a->hash, b->hash, KEY_HASH_SIZE);
}

static void put_signatures(struct text *out, struct slice document,
                           const struct roots_signer *signers, size_t count)
{
    struct roots_signer sorted[ROOTS_SIGNATURES_MAX];
    struct text signature = {0};

    memcpy(sorted, signers, count * sizeof(*signers));
    qsort(sorted, count, sizeof(*sorted), by_hash);
    put_text(out, "signatures");
    dag_cbor_put_head(out, CBOR_LIST, count);
    for (size_t i = 0; i < count; i++) {
        text_clear(&signature);
        key_sign(sorted[i].key, ROOTS_CONTEXT, document, &signature);
        dag_cbor_put_head(out, CBOR_MAP, 2);
        put_text(out, "root");
        put_bytes(out, sorted[i].hash, KEY_HASH_SIZE);
        put_text(out, "signature");
        put_bytes(out, signature.data, signature.size);
    }
    text_dispose(&signature);
}

bool roots_write(const struct roots *roots, const struct roots_signer *signers, size_t count,
                 struct text *bytes, struct error *err)
{
    struct text document = {0};
    size_t before = bytes->size;
    struct roots again;
    bool result;

    assert(count >= 1 && count <= ROOTS_SIGNATURES_MAX);
    put_document(&document, roots);
    dag_cbor_put_head(bytes, CBOR_MAP, 2);
    put_text(bytes, "document");
    put_bytes(bytes, document.data, document.size);
    put_signatures(bytes, text_slice(&document), signers, count);
    text_dispose(&document);
    result = roots_read(&again, (struct slice){bytes->data + before, bytes->size - before}, err);
    if (!result)
        bytes->size = before;
    roots_dispose(&again);
    return result;
}

static bool is_same(const struct root *a, size_t a_count, const struct root *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (memcmp(a[i].hash, b[i].hash, KEY_HASH_SIZE) != 0)
            return false;
    return true;
}

bool roots_must_keep(const struct roots *before, const struct roots *roots)
{
    return before == NULL ||
           !is_same(before->roots, before->root_count, roots->roots, roots->root_count) ||
           !is_same(before->next, before->next_count, roots->next, roots->next_count);
}
