// SPDX-License-Identifier: Apache-2.0
#include "federation/allocation_codec.h"

#include "federation/document.h"

#include <assert.h>

static_assert(sizeof(enum allocation_state) == sizeof(unsigned), "enums are read as numbers");

#define FIELD(key, kind, member, limit)                                                            \
    {                                                                                              \
        key, kind, offsetof(struct allocation_record, member), limit                               \
    }

static const struct document_field fields[] = {
    FIELD("id", DOCUMENT_ULID, id, 1),
    FIELD("key", DOCUMENT_ULID, key, 0),
    FIELD("item", DOCUMENT_SMALL, item, ALLOCATION_ITEMS - 1),
    FIELD("link", DOCUMENT_ULID, link, 1),
    FIELD("role", DOCUMENT_SMALL, role, ALLOCATION_HOLDER),
    FIELD("root", DOCUMENT_CID, root, 0),
    FIELD("said", DOCUMENT_TEXT, said, ALLOCATION_SAID_SIZE),
    FIELD("seen", DOCUMENT_NUMBER, seen_ms, 0),
    FIELD("bytes", DOCUMENT_NUMBER, bytes, 0),
    FIELD("retry", DOCUMENT_NUMBER, retry_ms, 0),
    FIELD("since", DOCUMENT_NUMBER, since_ms, 0),
    FIELD("state", DOCUMENT_SMALL, state, ALLOCATION_STATES - 1),
    FIELD("there", DOCUMENT_TRUTH, is_there, 0),
    FIELD("until", DOCUMENT_NUMBER, until_ms, 0),
    FIELD("blocks", DOCUMENT_NUMBER, blocks, 0),
    FIELD("reason", DOCUMENT_SMALL, reason, ALLOCATION_REASONS - 1),
    FIELD("leaving", DOCUMENT_TRUTH, is_leaving, 0),
    FIELD("attempts", DOCUMENT_SMALL, attempts, UINT32_MAX),
    FIELD("complete", DOCUMENT_TRUTH, is_complete, 0),
    FIELD("held_key", DOCUMENT_ULID, held_key, 0),
    FIELD("orphaned", DOCUMENT_TRUTH, is_orphaned, 0),
    FIELD("position", DOCUMENT_NUMBER, position, 0),
    FIELD("priority", DOCUMENT_SIGNED, priority, 0),
    FIELD("unwanted", DOCUMENT_TRUTH, is_unwanted, 0),
    FIELD("evict_key", DOCUMENT_ULID, evict_key, 0),
    FIELD("receipted", DOCUMENT_TRUTH, is_receipted, 0),
    FIELD("release_key", DOCUMENT_ULID, release_key, 0),
    FIELD("tells_evict", DOCUMENT_TRUTH, tells_evict, 0),
    FIELD("tells_leave", DOCUMENT_TRUTH, tells_leave, 0),
};

static const struct document_shape shape = {fields, ARRAY_SIZE(fields)};

/* The version stands in front, as one byte: what follows may be another shape one day. */
void allocation_write(const struct allocation_record *record, struct text *out)
{
    text_put_char(out, ALLOCATION_CODEC_VERSION);
    document_put(&shape, record, out);
}

/* In front: version, and how many bytes of blocks follow, the lowest byte first. */
enum { CARRIED_HEAD = 5 };

void allocation_write_carried(const struct allocation_record *record, struct slice carried,
                              struct text *out)
{
    if (carried.size > 0) {
        text_put_char(out, ALLOCATION_CODEC_CARRIED);
        for (unsigned shift = 0; shift < 32; shift += 8)
            text_put_char(out, (char)(carried.size >> shift));
        text_put_slice(out, carried);
    }
    allocation_write(record, out);
}

struct slice allocation_carried(struct slice bytes)
{
    size_t size = 0;

    if (bytes.size < CARRIED_HEAD || bytes.data[0] != ALLOCATION_CODEC_CARRIED)
        return SLICE("");
    for (unsigned i = 0; i < 4; i++)
        size |= (size_t)(uint8_t)bytes.data[1 + i] << (8 * i);
    if (size > bytes.size - CARRIED_HEAD)
        size = 0; /* what is left is no record, then */
    return (struct slice){bytes.data + CARRIED_HEAD, size};
}

bool allocation_equal(const struct allocation_record *a, const struct allocation_record *b)
{
    return document_equal(&shape, a, b);
}

bool allocation_read(struct allocation_record *record, struct slice bytes, struct error *err)
{
    struct dag_node node = {0};
    bool is_read;

    *record = (struct allocation_record){0};
    if (bytes.size >= CARRIED_HEAD && bytes.data[0] == ALLOCATION_CODEC_CARRIED) {
        struct slice carried = allocation_carried(bytes);
        size_t skipped = CARRIED_HEAD + carried.size;

        bytes = (struct slice){bytes.data + skipped, bytes.size - skipped};
    }
    if (bytes.size == 0 || bytes.data[0] != ALLOCATION_CODEC_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "an allocation is kept in a form that this version does not know");
    is_read = dag_cbor_decode(&node, (struct slice){bytes.data + 1, bytes.size - 1},
                              DAG_CBOR_STRICT, err) &&
              document_read_node(&shape, &node, 0, record, err);
    dag_node_dispose(&node);
    if (!is_read)
        return error_prefix(err, "an allocation that was kept");
    return true;
}
