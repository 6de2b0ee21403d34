// SPDX-License-Identifier: Apache-2.0
#include "auth/identity_keeper.h"
#include "auth/identity_keeper_private.h"
#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

/* ---- making one */

static void add_document(struct identity_view *view, struct slice bytes, uint64_t sequence)
{
    size_t count = view->document_count++;

    view->documents = memory_resize_array(view->documents, count + 1, sizeof(*view->documents));
    view->sequences = memory_resize_array(view->sequences, count + 1, sizeof(*view->sequences));
    view->documents[count] = (struct text){0};
    text_put_slice(&view->documents[count], bytes);
    view->sequences[count] = sequence;
}

static uint64_t sequence_of(struct slice bytes)
{
    struct error err = {0};
    struct roots roots;
    uint64_t sequence;
    bool is_read = roots_read(&roots, bytes, &err);

    assert(is_read); /* it was read before */
    sequence = roots.sequence;
    roots_dispose(&roots);
    return sequence;
}

static void add_documents(struct identity_view *view, const struct identity *identity)
{
    struct slice documents[ROOTS_FOLLOW_MAX];
    uint64_t known = 0;
    size_t count;

    do {
        count = identity_documents(identity, known, documents);
        for (size_t i = 0; i < count; i++) {
            known = sequence_of(documents[i]);
            add_document(view, documents[i], known);
        }
    } while (count == ROOTS_FOLLOW_MAX);
}

const struct identity_view *identity_view_create(const struct identity *identity,
                                                 const struct gateway_id *id)
{
    struct identity_view *view = memory_alloc(sizeof(*view));
    EVP_PKEY *key = NULL, *signing_key = identity_signing_key(identity);
    X509 *issuer = NULL, *leaf = identity_leaf(identity, &key, &issuer);
    struct error err = {0};
    bool is_read;

    view->references = 1;
    view->id = *id;
    if (leaf != NULL) {
        X509_up_ref(leaf);
        X509_up_ref(issuer);
        EVP_PKEY_up_ref(key);
        view->leaf = leaf;
        view->issuer = issuer;
        view->key = key;
    }
    if (signing_key != NULL && EVP_PKEY_up_ref(signing_key) == 1)
        view->signing_key = signing_key;
    is_read = roots_read(&view->roots, text_slice(&identity_roots(identity)->bytes), &err);
    assert(is_read);
    add_documents(view, identity);
    return view;
}

/* ---- using it */

const struct identity_view *identity_view_ref(const struct identity_view *view)
{
    atomic_fetch_add(&((struct identity_view *)view)->references, 1);
    return view;
}

void identity_view_unref(const struct identity_view **view_)
{
    struct identity_view *view = (struct identity_view *)*view_;

    *view_ = NULL;
    if (view == NULL || atomic_fetch_sub(&view->references, 1) > 1)
        return;
    X509_free(view->leaf);
    X509_free(view->issuer);
    EVP_PKEY_free(view->key);
    EVP_PKEY_free(view->signing_key);
    roots_dispose(&view->roots);
    for (size_t i = 0; i < view->document_count; i++)
        text_dispose(&view->documents[i]);
    free(view->documents);
    free(view->sequences);
    free(view);
}

size_t identity_view_documents(const struct identity_view *view, uint64_t known,
                               struct slice documents[ROOTS_FOLLOW_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < view->document_count && count < ROOTS_FOLLOW_MAX; i++)
        if (view->sequences[i] > known)
            documents[count++] = text_slice(&view->documents[i]);
    return count;
}
