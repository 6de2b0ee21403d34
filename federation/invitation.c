// SPDX-License-Identifier: Apache-2.0
#include "federation/invitation.h"

#include "federation/sequence.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_cbor_scan.h"
#include "ipfs/dag_node.h"
#include "ipfs/multibase.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>

#define PREFIX "cwi1"

enum { VERSION = 1, CHECK_SIZE = 4, PROOF_CONTEXT_SIZE = 16 };

/* ---- printing */

static void put_text(struct text *out, const char *text)
{
    dag_cbor_put_head(out, CBOR_TEXT, strlen(text));
    text_put_text(out, text);
}

static void put_bytes(struct text *out, const char *name, const uint8_t *bytes, size_t size)
{
    put_text(out, name);
    dag_cbor_put_head(out, CBOR_BYTES, size);
    text_put(out, bytes, size);
}

static void put_number(struct text *out, const char *name, uint64_t number)
{
    put_text(out, name);
    dag_cbor_put_head(out, CBOR_UINT, number);
}

/* In dag-cbor's order of names. */
static void put_document(struct text *out, const struct invitation *invitation)
{
    dag_cbor_put_head(out, CBOR_MAP, 8);
    put_number(out, "v", VERSION);
    put_text(out, "org");
    put_text(out, invitation->org);
    put_text(out, "link");
    put_text(out, invitation->link);
    put_bytes(out, "root", invitation->root, sizeof(invitation->root));
    put_number(out, "epoch", invitation->epoch);
    put_bytes(out, "secret", invitation->secret, sizeof(invitation->secret));
    put_number(out, "expires", invitation->expires_wall_ms);
    put_text(out, "addresses");
    dag_cbor_put_head(out, CBOR_LIST, invitation->address_count);
    for (size_t i = 0; i < invitation->address_count; i++)
        put_text(out, invitation->addresses[i]);
}

static void put_check(struct text *document)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)document->data, document->size, digest);
    text_put(document, digest, CHECK_SIZE);
}

static void wipe(struct text *text)
{
    if (text->data != NULL)
        OPENSSL_cleanse(text->data, text->capacity);
    text_dispose(text);
}

void invitation_print(const struct invitation *invitation, struct text *out)
{
    struct text document = {0};

    assert(invitation->address_count >= 1 && invitation->address_count <= INVITATION_ADDRESSES_MAX);
    put_document(&document, invitation);
    put_check(&document);
    text_put_text(out, PREFIX);
    multibase_encode_bare('b', document.data, document.size, out);
    wipe(&document);
}

/* ---- parsing */

static bool take_text(const struct dag_node *node, const char *name, struct slice *value,
                      struct error *err)
{
    uint32_t at = dag_node_find(node, 0, name);

    if (at == 0 || node->items[at].kind != DAG_TEXT)
        return error_set(err, ERROR_SYNTAX, "it has no \"%s\"", name);
    *value = dag_node_bytes(node, &node->items[at]);
    return true;
}

static bool take_bytes(const struct dag_node *node, const char *name, uint8_t out[32],
                       struct error *err)
{
    uint32_t at = dag_node_find(node, 0, name);

    if (at == 0 || node->items[at].kind != DAG_BYTES || node->items[at].size != 32)
        return error_set(err, ERROR_SYNTAX, "it has no \"%s\" of 32 bytes", name);
    memcpy(out, dag_node_bytes(node, &node->items[at]).data, 32);
    return true;
}

static bool take_number(const struct dag_node *node, const char *name, uint64_t *out,
                        struct error *err)
{
    uint32_t at = dag_node_find(node, 0, name);

    if (at == 0 || node->items[at].kind != DAG_INT || node->items[at].integer < 1 ||
        (uint64_t)node->items[at].integer > SEQUENCE_MAX)
        return error_set(err, ERROR_SYNTAX, "it has no number \"%s\"", name);
    *out = (uint64_t)node->items[at].integer;
    return true;
}

static bool take_version(const struct dag_node *node, struct error *err)
{
    uint64_t version = 0;

    if (!take_number(node, "v", &version, err))
        return false;
    return version == VERSION ||
           error_set(err, ERROR_UNSUPPORTED,
                     "it is of version %" PRIu64 ", and this gateway reads version %d: update it",
                     version, VERSION);
}

static bool is_address(struct slice address)
{
    for (size_t i = 0; i < address.size; i++)
        if (address.data[i] <= ' ' || address.data[i] > '~')
            return false;
    return address.size > 0 && address.size < INVITATION_ADDRESS_SIZE;
}

static bool take_addresses(const struct dag_node *node, struct invitation *invitation,
                           struct error *err)
{
    uint32_t list = dag_node_find(node, 0, "addresses"), at = list + 1;

    if (list == 0 || node->items[list].kind != DAG_LIST || node->items[list].size < 1 ||
        node->items[list].size > INVITATION_ADDRESSES_MAX)
        return error_set(err, ERROR_SYNTAX, "it has not 1 to %d addresses",
                         INVITATION_ADDRESSES_MAX);
    for (uint32_t i = 0; i < node->items[list].size; i++, at = dag_node_next(node, at)) {
        struct slice address = SLICE("");

        if (node->items[at].kind == DAG_TEXT)
            address = dag_node_bytes(node, &node->items[at]);
        if (!is_address(address))
            return error_set(err, ERROR_SYNTAX, "address %" PRIu32 " is none", i + 1);
        memcpy(invitation->addresses[i], address.data, address.size);
        invitation->address_count++;
    }
    return true;
}

static bool take_document(const struct dag_node *node, struct invitation *invitation,
                          struct error *err)
{
    struct slice org = SLICE(""), link = SLICE("");

    if (!take_version(node, err) || !take_text(node, "org", &org, err) ||
        !org_read(org, invitation->org, err) || !take_text(node, "link", &link, err))
        return false;
    if (!ulid_is_valid(link))
        return error_set(err, ERROR_SYNTAX, "\"link\" is no ULID");
    memcpy(invitation->link, link.data, link.size);
    if (!take_bytes(node, "root", invitation->root, err) ||
        !take_number(node, "epoch", &invitation->epoch, err) ||
        !take_bytes(node, "secret", invitation->secret, err) ||
        !take_number(node, "expires", &invitation->expires_wall_ms, err) ||
        !take_addresses(node, invitation, err))
        return false;
    return node->items[0].size == 8 || error_set(err, ERROR_SYNTAX, "it has more than is known");
}

static bool check(struct slice bytes, struct slice *document, struct error *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    if (bytes.size <= CHECK_SIZE)
        return error_set(err, ERROR_MISMATCH, "it is cut short");
    *document = (struct slice){bytes.data, bytes.size - CHECK_SIZE};
    SHA256((const uint8_t *)document->data, document->size, digest);
    return memcmp(digest, bytes.data + document->size, CHECK_SIZE) == 0 ||
           error_set(err, ERROR_MISMATCH,
                     "a letter of it is missing or changed; copy the whole line again");
}

static bool read_bytes(struct slice bytes, struct invitation *invitation, struct error *err)
{
    struct dag_node node = {0};
    struct slice document = {0};
    bool result = check(bytes, &document, err) &&
                  dag_cbor_decode(&node, document, DAG_CBOR_STRICT, err) &&
                  take_document(&node, invitation, err);

    dag_node_dispose(&node);
    return result;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool read_text(struct slice letters, struct invitation *invitation, struct error *err)
{
    uint8_t bytes[INVITATION_TEXT_MAX];
    size_t size = 0;
    bool result;

    if (!slice_starts(letters, PREFIX))
        return error_set(err, ERROR_SYNTAX, "it does not begin with " PREFIX);
    letters.data += sizeof(PREFIX) - 1;
    letters.size -= sizeof(PREFIX) - 1;
    if (!multibase_decode_bare('b', letters, bytes, sizeof(bytes), &size, NULL))
        result = error_set(err, ERROR_MISMATCH,
                           "a letter of it is missing or changed; copy the whole line again");
    else
        result = read_bytes((struct slice){(const char *)bytes, size}, invitation, err);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return result;
}

bool invitation_parse(struct invitation *invitation, struct slice text, struct error *err)
{
    struct text letters = {0};
    bool result;

    memset(invitation, 0, sizeof(*invitation));
    if (text.size > INVITATION_TEXT_MAX)
        return error_set(err, ERROR_LIMIT, "the invitation: it is longer than any");
    for (size_t i = 0; i < text.size; i++)
        if (!is_blank(text.data[i]))
            text_put_char(&letters, text.data[i]);
    result = read_text(text_slice(&letters), invitation, err);
    wipe(&letters);
    if (result)
        return true;
    OPENSSL_cleanse(invitation, sizeof(*invitation));
    return error_prefix(err, "the invitation");
}

/* ---- the proof */

void invitation_key(const uint8_t secret[INVITATION_SECRET_SIZE], uint8_t key[INVITATION_KEY_SIZE])
{
    SHA256(secret, INVITATION_SECRET_SIZE, key);
}

void invitation_prove(const uint8_t key[INVITATION_KEY_SIZE], const struct invitation_bond *bond,
                      uint8_t proof[INVITATION_PROOF_SIZE])
{
    static const char context[PROOF_CONTEXT_SIZE] = "causeway join 1"; /* and its NUL */
    struct text bond_bytes = {0};
    unsigned size = 0;

    text_put(&bond_bytes, context, sizeof(context));
    text_put(&bond_bytes, bond->link, ULID_SIZE - 1);
    text_put(&bond_bytes, bond->exporter, sizeof(bond->exporter));
    text_put(&bond_bytes, bond->inviter_root, sizeof(bond->inviter_root));
    text_put(&bond_bytes, bond->joiner_root, sizeof(bond->joiner_root));
    HMAC(EVP_sha256(), key, INVITATION_KEY_SIZE, (const uint8_t *)bond_bytes.data, bond_bytes.size,
         proof, &size);
    assert(size == INVITATION_PROOF_SIZE);
    text_dispose(&bond_bytes);
}

bool invitation_is_proved(const uint8_t key[INVITATION_KEY_SIZE],
                          const struct invitation_bond *bond,
                          const uint8_t proof[INVITATION_PROOF_SIZE])
{
    uint8_t right[INVITATION_PROOF_SIZE];

    invitation_prove(key, bond, right);
    return CRYPTO_memcmp(right, proof, INVITATION_PROOF_SIZE) == 0;
}
