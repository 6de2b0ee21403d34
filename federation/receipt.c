// SPDX-License-Identifier: Apache-2.0
#include "federation/receipt.h"

#include "federation/document.h"

#include <string.h>

#define FIELD(key, kind, member, limit)                                                            \
    {                                                                                              \
        key, kind, offsetof(struct receipt, member), limit                                         \
    }

static const struct document_field fields[] = {
    FIELD("v", DOCUMENT_NUMBER, version, 0),
    FIELD("at", DOCUMENT_NUMBER, at_ms, 0),
    FIELD("id", DOCUMENT_ULID, id, 1),
    FIELD("key", DOCUMENT_ULID, key, 1),
    FIELD("link", DOCUMENT_ULID, link, 1),
    FIELD("root", DOCUMENT_CID, root, 0),
    FIELD("bytes", DOCUMENT_NUMBER, bytes, 0),
    FIELD("epoch", DOCUMENT_NUMBER, epoch, 0),
    FIELD("owner", DOCUMENT_TEXT, owner, ORG_SIZE),
    FIELD("blocks", DOCUMENT_NUMBER, blocks, 0),
    FIELD("holder", DOCUMENT_TEXT, holder, ORG_SIZE),
};

static const struct document_shape shape = {fields, ARRAY_SIZE(fields)};

static void set_org(char org[ORG_SIZE], const char *from)
{
    size_t size = strnlen(from, ORG_SIZE - 1);

    memcpy(org, from, size);
    org[size] = '\0';
}

void receipt_of(struct receipt *receipt, const struct allocation_record *record, uint64_t epoch,
                const char *owner, const char *holder, uint64_t at_ms)
{
    *receipt = (struct receipt){
        .version = RECEIPT_VERSION,
        .epoch = epoch,
        .root = record->root,
        .bytes = record->bytes,
        .blocks = record->blocks,
        .at_ms = at_ms,
    };
    memcpy(receipt->id, record->id, ULID_SIZE);
    memcpy(receipt->key, record->held_key, ULID_SIZE);
    memcpy(receipt->link, record->link, ULID_SIZE);
    set_org(receipt->owner, owner);
    set_org(receipt->holder, holder);
}

void receipt_write(const struct receipt *receipt, EVP_PKEY *key, struct text *document,
                   struct text *signature)
{
    size_t start = document->size;

    document_put(&shape, receipt, document);
    key_sign(key, RECEIPT_CONTEXT, (struct slice){document->data + start, document->size - start},
             signature);
}

bool receipt_read(struct receipt *receipt, struct slice document, struct error *err)
{
    struct dag_node node = {0};
    bool is_read;

    *receipt = (struct receipt){0};
    if (document.size > RECEIPT_MAX)
        return error_set(err, ERROR_LIMIT, "a receipt of %zu bytes; it has at most %d",
                         document.size, RECEIPT_MAX);
    is_read = dag_cbor_decode(&node, document, DAG_CBOR_STRICT, err) &&
              document_read_node(&shape, &node, 0, receipt, err);
    dag_node_dispose(&node);
    if (!is_read)
        return error_prefix(err, "a receipt");
    if (receipt->version != RECEIPT_VERSION)
        return error_set(err, ERROR_UNSUPPORTED, "a receipt of version %llu; %d is known",
                         (unsigned long long)receipt->version, RECEIPT_VERSION);
    return true;
}

bool receipt_verify(const struct receipt *receipt, const struct roots *holder,
                    struct slice document, struct slice signature, struct error *err)
{
    for (size_t i = 0; i < holder->key_count; i++)
        if (roots_signed(holder, RECEIPT_CONTEXT, document, holder->keys[i].key, signature,
                         (int64_t)(receipt->at_ms / 1000), NULL))
            return true;
    return error_set(err, ERROR_MISMATCH,
                     "the receipt is signed by no key that '%s' had at its date", holder->org);
}

static bool differs(const char *what, const char *is, const char *wanted, struct error *err)
{
    return error_set(err, ERROR_MISMATCH, "the receipt is for %s '%s', not '%s'", what, is, wanted);
}

bool receipt_is_for(const struct receipt *receipt, const struct allocation_record *record,
                    const char *owner, const char *holder, struct error *err)
{
    if (strcmp(receipt->id, record->id) != 0)
        return differs("the allocation", receipt->id, record->id, err);
    if (strcmp(receipt->link, record->link) != 0)
        return differs("the link", receipt->link, record->link, err);
    if (strcmp(receipt->owner, owner) != 0)
        return differs("the owner", receipt->owner, owner, err);
    return strcmp(receipt->holder, holder) == 0 ||
           differs("the holder", receipt->holder, holder, err);
}
