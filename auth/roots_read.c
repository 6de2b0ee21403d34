// SPDX-License-Identifier: Apache-2.0
#include "auth/roots.h"

#include "ipfs/dag_cbor.h"
#include "ipfs/dag_node.h"

#include <inttypes.h>
#include <stdio.h>

#define SEQUENCE_MAX ((INT64_C(1) << 53) - 1) /* what every language reads exactly */

/* ---- fields: a map has exactly those that are asked for */

struct field {
    const char *name;
    enum dag_kind kind;
    bool may_be_null;
};

/* values: the index of each field's value. */
static bool take_fields(const struct dag_node *node, uint32_t map, const struct field *fields,
                        size_t count, uint32_t *values, struct error *err)
{
    if (node->items[map].kind != DAG_MAP)
        return error_set(err, ERROR_SYNTAX, "it is no map");
    for (size_t i = 0; i < count; i++) {
        const struct dag_item *item;

        values[i] = dag_node_find(node, map, fields[i].name);
        item = &node->items[values[i]];
        if (values[i] == 0)
            return error_set(err, ERROR_SYNTAX, "\"%s\" is missing", fields[i].name);
        if (item->kind != fields[i].kind && !(fields[i].may_be_null && item->kind == DAG_NULL))
            return error_set(err, ERROR_SYNTAX, "\"%s\" is not of the kind %s", fields[i].name,
                             dag_kind_name(fields[i].kind));
    }
    if (node->items[map].size != count)
        return error_set(err, ERROR_SYNTAX, "it has %" PRIu32 " fields, where %zu are known",
                         node->items[map].size, count);
    return true;
}

static bool take_hash(const struct dag_node *node, uint32_t index, const char *name,
                      uint8_t out[KEY_HASH_SIZE], struct error *err)
{
    struct slice bytes = dag_node_bytes(node, &node->items[index]);

    if (bytes.size != KEY_HASH_SIZE)
        return error_set(err, ERROR_SYNTAX, "\"%s\" has %zu bytes, and not %d", name, bytes.size,
                         KEY_HASH_SIZE);
    memcpy(out, bytes.data, KEY_HASH_SIZE);
    return true;
}

static bool take_seconds(const struct dag_node *node, uint32_t index, const char *name,
                         int64_t *out, struct error *err)
{
    *out = node->items[index].integer;
    return (*out >= 0 && *out <= SEQUENCE_MAX) ||
           error_set(err, ERROR_SYNTAX, "\"%s\" is %" PRId64 ", which is no time", name, *out);
}

static bool check_size(const struct dag_node *node, uint32_t list, const char *name, size_t min,
                       size_t max, struct error *err)
{
    uint32_t size = node->items[list].size;

    return (size >= min && size <= max) ||
           error_set(err, ERROR_LIMIT, "\"%s\" has %" PRIu32 " entries, where %zu to %zu may be",
                     name, size, min, max);
}

/* ---- roots */

static bool check_root(const struct root *root, struct error *err)
{
    X509 *certificate = ca_read_der(root->der, err);
    uint8_t hash[KEY_HASH_SIZE];
    bool result;

    if (certificate == NULL)
        return false;
    ca_hash(certificate, hash);
    result = memcmp(hash, root->hash, KEY_HASH_SIZE) == 0 ||
             error_set(err, ERROR_MISMATCH, "\"hash\" is not the hash of \"certificate\"");
    result = result && ca_check_root(certificate, err);
    X509_free(certificate);
    return result;
}

static bool take_root(const struct dag_node *node, uint32_t index, struct root *root,
                      struct error *err)
{
    static const struct field fields[] = {{"hash", DAG_BYTES, false},
                                          {"certificate", DAG_BYTES, false}};
    uint32_t values[ARRAY_SIZE(fields)] = {0};

    if (!take_fields(node, index, fields, ARRAY_SIZE(fields), values, err) ||
        !take_hash(node, values[0], "hash", root->hash, err))
        return false;
    root->der = dag_node_bytes(node, &node->items[values[1]]);
    return check_root(root, err);
}

static bool take_roots(const struct dag_node *node, uint32_t list, const char *name,
                       struct root *roots, size_t min, size_t max, size_t *count, struct error *err)
{
    uint32_t at = list + 1;

    if (!check_size(node, list, name, min, max, err))
        return false;
    for (*count = 0; *count < node->items[list].size; at = dag_node_next(node, at), ++*count)
        if (!take_root(node, at, &roots[*count], err))
            return error_prefix(err, "entry %zu of \"%s\"", *count + 1, name);
    return true;
}

static bool check_distinct(const struct roots *roots, struct error *err)
{
    const struct root *all[ROOTS_MAX + ROOTS_NEXT_MAX];
    size_t count = 0;

    for (size_t i = 0; i < roots->root_count; i++)
        all[count++] = &roots->roots[i];
    for (size_t i = 0; i < roots->next_count; i++)
        all[count++] = &roots->next[i];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (memcmp(all[i]->hash, all[j]->hash, KEY_HASH_SIZE) == 0)
                return error_set(err, ERROR_SYNTAX, "a root is listed twice");
    return true;
}

/* ---- signing keys */

static bool take_key(const struct dag_node *node, uint32_t index, struct roots_key *key,
                     struct error *err)
{
    static const struct field fields[] = {
        {"key", DAG_BYTES, false}, {"from", DAG_INT, false}, {"until", DAG_INT, true}};
    uint32_t values[ARRAY_SIZE(fields)] = {0};

    if (!take_fields(node, index, fields, ARRAY_SIZE(fields), values, err) ||
        !take_hash(node, values[0], "key", key->key, err) ||
        !take_seconds(node, values[1], "from", &key->from_s, err))
        return false;
    key->until_s = ROOTS_OPEN;
    if (node->items[values[2]].kind == DAG_NULL)
        return true;
    return take_seconds(node, values[2], "until", &key->until_s, err) &&
           (key->until_s > key->from_s ||
            error_set(err, ERROR_SYNTAX, "\"until\" is not behind \"from\""));
}

/* One way to list them; and no key stands there twice. */
static bool check_key_order(const struct roots *roots, size_t index, struct error *err)
{
    const struct roots_key *key = &roots->keys[index];

    for (size_t i = 0; i < index; i++)
        if (memcmp(roots->keys[i].key, key->key, KEY_RAW_SIZE) == 0)
            return error_set(err, ERROR_SYNTAX, "the key is listed twice");
    return index == 0 || roots->keys[index - 1].from_s < key->from_s ||
           error_set(err, ERROR_SYNTAX, "its \"from\" is not behind that of the entry before");
}

static bool take_keys(const struct dag_node *node, uint32_t list, struct roots *roots,
                      struct error *err)
{
    uint32_t at = list + 1;

    if (!check_size(node, list, "signing_keys", 1, ROOTS_KEYS_MAX, err))
        return false;
    for (uint32_t i = 0; i < node->items[list].size; i++, at = dag_node_next(node, at)) {
        if (!take_key(node, at, &roots->keys[i], err) || !check_key_order(roots, i, err))
            return error_prefix(err, "entry %" PRIu32 " of \"signing_keys\"", i + 1);
        roots->key_count = i + 1;
    }
    return true;
}

/* ---- the document */

static bool take_org(struct slice text, struct roots *roots, struct error *err)
{
    return org_read(text, roots->org, err) || error_prefix(err, "\"org\"");
}

static bool take_sequence(int64_t sequence, struct roots *roots, struct error *err)
{
    roots->sequence = (uint64_t)sequence;
    return (sequence >= 1 && sequence <= SEQUENCE_MAX) ||
           error_set(err, ERROR_SYNTAX, "\"sequence\" is %" PRId64 ", and not 1 to %" PRId64,
                     sequence, SEQUENCE_MAX);
}

static bool take_version(int64_t version, struct error *err)
{
    return version == ROOTS_VERSION ||
           error_set(err, ERROR_UNSUPPORTED,
                     "it is of version %" PRId64 ", and this gateway reads version %d", version,
                     ROOTS_VERSION);
}

static bool take_document(const struct dag_node *node, struct roots *roots, struct error *err)
{
    enum { ORG, ROOTS, VERSION, SEQUENCE, ISSUED, NEXT, KEYS, FIELDS };
    static const struct field fields[FIELDS] = {
        [ORG] = {"org", DAG_TEXT, false},           [ROOTS] = {"roots", DAG_LIST, false},
        [VERSION] = {"version", DAG_INT, false},    [SEQUENCE] = {"sequence", DAG_INT, false},
        [ISSUED] = {"issued_at", DAG_INT, false},   [NEXT] = {"next_roots", DAG_LIST, false},
        [KEYS] = {"signing_keys", DAG_LIST, false},
    };
    static const struct field version[] = {{"version", DAG_INT, false}};
    uint32_t at[FIELDS] = {0},
             where = node->items[0].kind == DAG_MAP ? dag_node_find(node, 0, version[0].name) : 0;

    /* another version may have other fields */
    if (where != 0 && node->items[where].kind == DAG_INT &&
        !take_version(node->items[where].integer, err))
        return false;
    return take_fields(node, 0, fields, FIELDS, at, err) &&
           take_org(dag_node_bytes(node, &node->items[at[ORG]]), roots, err) &&
           take_sequence(node->items[at[SEQUENCE]].integer, roots, err) &&
           take_seconds(node, at[ISSUED], "issued_at", &roots->issued_s, err) &&
           take_roots(node, at[ROOTS], "roots", roots->roots, 1, ROOTS_MAX, &roots->root_count,
                      err) &&
           take_roots(node, at[NEXT], "next_roots", roots->next, 0, ROOTS_NEXT_MAX,
                      &roots->next_count, err) &&
           check_distinct(roots, err) && take_keys(node, at[KEYS], roots, err);
}

/* ---- what is around it */

static bool take_signature(const struct dag_node *node, uint32_t index, struct roots *roots,
                           struct error *err)
{
    static const struct field fields[] = {{"root", DAG_BYTES, false},
                                          {"signature", DAG_BYTES, false}};
    struct roots_signature *signature = &roots->signatures[roots->signature_count];
    uint32_t values[ARRAY_SIZE(fields)] = {0};

    if (!take_fields(node, index, fields, ARRAY_SIZE(fields), values, err) ||
        !take_hash(node, values[0], "root", signature->root, err))
        return false;
    signature->bytes = dag_node_bytes(node, &node->items[values[1]]);
    if (signature->bytes.size == 0 || signature->bytes.size > KEY_SIGNATURE_MAX)
        return error_set(err, ERROR_SYNTAX, "\"signature\" has %zu bytes, and not 1 to %d",
                         signature->bytes.size, KEY_SIGNATURE_MAX);
    if (roots->signature_count > 0 &&
        memcmp(signature[-1].root, signature->root, KEY_HASH_SIZE) >= 0)
        return error_set(err, ERROR_SYNTAX, "\"root\" is not above that of the entry before");
    roots->signature_count++;
    return true;
}

static bool take_envelope(const struct dag_node *node, struct roots *roots, struct error *err)
{
    static const struct field fields[] = {{"document", DAG_BYTES, false},
                                          {"signatures", DAG_LIST, false}};
    uint32_t values[ARRAY_SIZE(fields)] = {0}, at;

    if (!take_fields(node, 0, fields, ARRAY_SIZE(fields), values, err) ||
        !check_size(node, values[1], "signatures", 1, ROOTS_SIGNATURES_MAX, err))
        return false;
    roots->document = dag_node_bytes(node, &node->items[values[0]]);
    at = values[1] + 1;
    for (uint32_t i = 0; i < node->items[values[1]].size; i++, at = dag_node_next(node, at))
        if (!take_signature(node, at, roots, err))
            return error_prefix(err, "entry %" PRIu32 " of \"signatures\"", i + 1);
    return true;
}

static bool read_all(struct roots *roots, struct error *err)
{
    struct dag_node node = {0};
    bool result = dag_cbor_decode(&node, text_slice(&roots->bytes), DAG_CBOR_STRICT, err) &&
                  take_envelope(&node, roots, err);

    result = result && (dag_cbor_decode(&node, roots->document, DAG_CBOR_STRICT, err) ||
                        error_prefix(err, "\"document\""));
    result = result && take_document(&node, roots, err);
    dag_node_dispose(&node);
    return result;
}

bool roots_read(struct roots *roots, struct slice bytes, struct error *err)
{
    memset(roots, 0, sizeof(*roots));
    if (bytes.size > ROOTS_BYTES_MAX)
        return error_set(err, ERROR_LIMIT,
                         "a roots document has at most %d bytes, and this has %zu", ROOTS_BYTES_MAX,
                         bytes.size);
    text_put_slice(&roots->bytes, bytes);
    if (read_all(roots, err))
        return true;
    roots_dispose(roots);
    return error_prefix(err, "the roots document");
}

void roots_dispose(struct roots *roots)
{
    text_dispose(&roots->bytes);
    memset(roots, 0, sizeof(*roots));
}
