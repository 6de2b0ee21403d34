// SPDX-License-Identifier: Apache-2.0
#include "federation/statement.h"

#include "federation/document.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <string.h>

enum { MAJOR_LIST = 4, MAJOR_MAP = 5 };

#define FIELD_OF(type, key, kind, member, limit)                                                   \
    {                                                                                              \
        key, kind, offsetof(type, member), limit                                                   \
    }
#define ENTRY(key, kind, member, limit) FIELD_OF(struct statement_entry, key, kind, member, limit)
#define SIDE(key, kind, member, limit)  FIELD_OF(struct statement_side, key, kind, member, limit)
#define PAGE(key, kind, member, limit)  FIELD_OF(struct statement, key, kind, member, limit)

static const struct document_field entry_fields[] = {
    ENTRY("id", DOCUMENT_ULID, id, 1),         ENTRY("key", DOCUMENT_ULID, key, 0),
    ENTRY("root", DOCUMENT_CID, root, 0),      ENTRY("side", DOCUMENT_SMALL, side, 1),
    ENTRY("bytes", DOCUMENT_NUMBER, bytes, 0), ENTRY("blocks", DOCUMENT_NUMBER, blocks, 0),
};
static const struct document_shape entry_shape = {entry_fields, ARRAY_SIZE(entry_fields)};

static const struct document_field side_fields[] = {
    SIDE("org", DOCUMENT_TEXT, org, ORG_SIZE),
    SIDE("pins", DOCUMENT_NUMBER, pins, 0),
    SIDE("bytes", DOCUMENT_NUMBER, bytes, 0),
    SIDE("settled", DOCUMENT_ULID, settled, 0),
};
static const struct document_shape side_shape = {side_fields, ARRAY_SIZE(side_fields)};

/* Those before "entries", which stands between them in the order of keys. */
static const struct document_field page_fields[] = {
    PAGE("v", DOCUMENT_NUMBER, version, 0),   PAGE("last", DOCUMENT_TRUTH, is_last, 0),
    PAGE("link", DOCUMENT_ULID, link, 1),     PAGE("after", DOCUMENT_ULID, after, 0),
    PAGE("epoch", DOCUMENT_NUMBER, epoch, 0),
};
static const struct document_field previous_field =
    PAGE("previous", DOCUMENT_DIGEST, previous, STATEMENT_DIGEST_SIZE);
static const char *const side_keys[2] = {"side_a", "side_b"};
enum { PAGE_MEMBERS = ARRAY_SIZE(page_fields) + 4 };

/* ---- making */

static void set_side(struct statement_side *side, const char *org, const char *settled)
{
    size_t size = strnlen(org, ORG_SIZE - 1);

    memcpy(side->org, org, size);
    if (settled != NULL)
        memcpy(side->settled, settled, strnlen(settled, ULID_SIZE - 1));
}

void statement_begin(struct statement *page, const char *link, uint64_t epoch, const char *org,
                     const char *settled, const char *other, const char *other_settled)
{
    unsigned ours = strcmp(org, other) < 0 ? 0 : 1;

    memset(page, 0, sizeof(*page));
    page->version = STATEMENT_VERSION;
    page->epoch = epoch;
    memcpy(page->link, link, ULID_SIZE);
    set_side(&page->sides[ours], org, settled);
    set_side(&page->sides[1 - ours], other, other_settled);
}

unsigned statement_side_of(const struct statement *page, const char *org)
{
    return strcmp(page->sides[0].org, org) == 0 ? 0 : 1;
}

static bool is_cut(const struct statement *page)
{
    return page->sides[0].settled[0] != '\0' || page->sides[1].settled[0] != '\0';
}

static bool is_in_it(const struct statement *page, const struct allocation_record *record,
                     unsigned holder)
{
    if (!is_cut(page))
        return allocation_is_stated(record);
    return allocation_is_held(record, page->sides[1 - holder].settled, page->sides[holder].settled);
}

/* By id, then side. */
static int compare(const struct statement_entry *a, const struct statement_entry *b)
{
    int by_id = strcmp(a->id, b->id);

    return by_id != 0 ? by_id : (int)a->side - (int)b->side;
}

static void add(struct statement *page, const struct statement_entry *entry)
{
    page->entries[page->count++] = *entry;
    page->sides[entry->side].pins++;
    page->sides[entry->side].bytes += entry->bytes;
}

enum statement_added statement_add(struct statement *page, const struct allocation_record *record,
                                   unsigned our_side)
{
    unsigned holder = record->role == ALLOCATION_HOLDER ? our_side : 1 - our_side;
    struct statement_entry entry = {
        .root = record->root, .side = holder, .bytes = record->bytes, .blocks = record->blocks};
    size_t at = page->count;

    if (!is_in_it(page, record, holder))
        return STATEMENT_NOT_IN_IT;
    if (page->count == STATEMENT_ENTRIES_MAX)
        return STATEMENT_FULL;
    memcpy(entry.id, record->id, ULID_SIZE);
    memcpy(entry.key, record->held_key, ULID_SIZE);
    add(page, &entry);
    /* two of one id, which only a peer that draws ids as it likes can make */
    for (; at > 0 && compare(&page->entries[at - 1], &page->entries[at]) > 0; at--) {
        struct statement_entry later = page->entries[at - 1];

        page->entries[at - 1] = page->entries[at];
        page->entries[at] = later;
    }
    return STATEMENT_ADDED;
}

void statement_continue(struct statement *page, struct slice bytes)
{
    assert(page->count > 0 && !page->is_last);
    memcpy(page->after, page->entries[page->count - 1].id, ULID_SIZE);
    statement_digest(bytes, page->previous);
    memset(page->entries, 0, sizeof(page->entries));
    page->count = 0;
}

void statement_write(const struct statement *page, struct text *out)
{
    dag_cbor_put_head(out, MAJOR_MAP, PAGE_MEMBERS);
    for (size_t i = 0; i < ARRAY_SIZE(page_fields); i++)
        document_put_field(&page_fields[i], page, out);
    document_put_key(side_keys[0], out);
    document_put(&side_shape, &page->sides[0], out);
    document_put_key(side_keys[1], out);
    document_put(&side_shape, &page->sides[1], out);
    document_put_key("entries", out);
    dag_cbor_put_head(out, MAJOR_LIST, page->count);
    for (size_t i = 0; i < page->count; i++)
        document_put(&entry_shape, &page->entries[i], out);
    document_put_field(&previous_field, page, out);
}

void statement_digest(struct slice bytes, uint8_t digest[STATEMENT_DIGEST_SIZE])
{
    uint8_t whole[HASH_DIGEST_MAX];

    hash_block(HASH_SHA2_256, bytes, whole);
    memcpy(digest, whole, STATEMENT_DIGEST_SIZE);
}

/* ---- reading */

static bool read_entries(struct statement *page, const struct dag_node *node, struct error *err)
{
    uint32_t list = dag_node_find(node, 0, "entries"), at = list + 1;

    if (list == 0 || node->items[list].kind != DAG_LIST ||
        node->items[list].size > STATEMENT_ENTRIES_MAX)
        return error_set(err, ERROR_SYNTAX, "\"entries\" is not a list of at most %d",
                         STATEMENT_ENTRIES_MAX);
    page->count = node->items[list].size;
    for (size_t i = 0; i < page->count; i++, at = dag_node_next(node, at))
        if (!document_read_node(&entry_shape, node, at, &page->entries[i], err))
            return error_prefix(err, "entry %zu", i);
    return true;
}

static bool read_page(struct statement *page, const struct dag_node *node, struct error *err)
{
    if (node->items[0].kind != DAG_MAP || node->items[0].size != PAGE_MEMBERS)
        return error_set(err, ERROR_SYNTAX, "it is no map of %d members", PAGE_MEMBERS);
    for (size_t i = 0; i < ARRAY_SIZE(page_fields); i++)
        if (!document_read_field(&page_fields[i], node, 0, page, err))
            return false;
    for (unsigned side = 0; side < 2; side++) {
        uint32_t at = dag_node_find(node, 0, side_keys[side]);

        if (at == 0)
            return error_set(err, ERROR_SYNTAX, "\"%s\" is missing", side_keys[side]);
        if (!document_read_node(&side_shape, node, at, &page->sides[side], err))
            return false;
    }
    return document_read_field(&previous_field, node, 0, page, err) &&
           read_entries(page, node, err);
}

/* What the page before had is the difference: it cannot be more than what is said. */
static bool check_sums(const struct statement *page, struct error *err)
{
    bool is_first = page->after[0] == '\0';

    for (unsigned side = 0; side < 2; side++) {
        uint64_t pins = 0, bytes = 0;

        for (size_t i = 0; i < page->count; i++) {
            pins += page->entries[i].side == side;
            if (page->entries[i].side == side &&
                __builtin_add_overflow(bytes, page->entries[i].bytes, &bytes))
                return error_set(err, ERROR_LIMIT, "its sizes are more than a number holds");
        }
        if (pins > page->sides[side].pins || bytes > page->sides[side].bytes ||
            (is_first && (pins != page->sides[side].pins || bytes != page->sides[side].bytes)))
            return error_set(err, ERROR_MISMATCH, "its sums of '%s' are not those of its entries",
                             page->sides[side].org);
    }
    return true;
}

static bool check_page(const struct statement *page, struct error *err)
{
    if (page->version != STATEMENT_VERSION)
        return error_set(err, ERROR_UNSUPPORTED, "version %llu; %d is known",
                         (unsigned long long)page->version, STATEMENT_VERSION);
    if (strcmp(page->sides[0].org, page->sides[1].org) >= 0)
        return error_set(err, ERROR_SYNTAX, "its sides are not in order");
    for (size_t i = 0; i < page->count; i++) {
        const struct statement_entry *entry = &page->entries[i];

        if (strcmp(entry->id, page->after) < 0 || (i > 0 && compare(entry - 1, entry) >= 0))
            return error_set(err, ERROR_SYNTAX, "entry %zu is out of order", i);
    }
    return check_sums(page, err);
}

bool statement_read(struct statement *page, struct slice bytes, struct error *err)
{
    struct dag_node node = {0};
    bool is_read;

    memset(page, 0, sizeof(*page));
    if (bytes.size > STATEMENT_PAGE_MAX)
        return error_set(err, ERROR_LIMIT, "a page of a statement has at most %d bytes",
                         STATEMENT_PAGE_MAX);
    is_read = dag_cbor_decode(&node, bytes, DAG_CBOR_STRICT, err) && read_page(page, &node, err) &&
              check_page(page, err);
    dag_node_dispose(&node);
    return is_read || error_prefix(err, "a statement's page");
}

/* ---- comparing */

static bool is_same(const struct statement_entry *a, const struct statement_entry *b)
{
    return cid_equal(&a->root, &b->root) && strcmp(a->key, b->key) == 0 && a->bytes == b->bytes &&
           a->blocks == b->blocks;
}

size_t statement_compare(const struct statement *ours, const struct statement *theirs,
                         statement_difference on_difference, void *arg)
{
    size_t a = 0, b = 0, count = 0;

    while (a < ours->count || b < theirs->count) {
        const struct statement_entry *our = a < ours->count ? &ours->entries[a] : NULL;
        const struct statement_entry *their = b < theirs->count ? &theirs->entries[b] : NULL;
        int order = our == NULL ? 1 : their == NULL ? -1 : compare(our, their);

        a += order <= 0;
        b += order >= 0;
        if (order == 0 && is_same(our, their))
            continue;
        count++;
        if (on_difference != NULL)
            on_difference(arg, order <= 0 ? our : NULL, order >= 0 ? their : NULL);
    }
    return count;
}
