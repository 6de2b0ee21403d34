// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_pb.h"

enum { NODE_DATA = 1, NODE_LINKS = 2 };
enum { LINK_HASH = 1, LINK_NAME = 2, LINK_TSIZE = 3 };

void dag_pb_read(struct dag_pb_reader *reader, const void *block, size_t size)
{
    protobuf_read(&reader->wire, block, size, true);
    reader->had_data = false;
    reader->links = DAG_PB_NO_LINKS;
}

static bool refuse(struct error *err, size_t offset, const char *what)
{
    return error_set(err, ERROR_SYNTAX, "byte %zu: %s", offset, what);
}

/* Each field must come behind the one before it: that is order and "at most once" in one. */
static bool check_link_field(uint32_t field, enum protobuf_wire wire, uint32_t previous,
                             size_t offset, struct error *err)
{
    if (field < LINK_HASH || field > LINK_TSIZE)
        return error_set(err, ERROR_SYNTAX, "byte %zu: a link has no field %u", offset, field);
    if (wire != (field == LINK_TSIZE ? PROTOBUF_VARINT : PROTOBUF_BYTES))
        return error_set(err, ERROR_SYNTAX, "byte %zu: field %u of a link has wire type %d", offset,
                         field, (int)wire);
    if (field <= previous)
        return refuse(err, offset,
                      field == previous ? "a link's field is there twice"
                                        : "a link's fields are not in the order Hash, Name, Tsize");
    return true;
}

static bool read_hash(struct dag_pb_reader *reader, struct error *err)
{
    size_t offset = protobuf_offset(&reader->wire);
    struct slice hash;

    if (!protobuf_bytes(&reader->wire, &hash, err))
        return false;
    if (!cid_from_bytes(&reader->link.cid, hash.data, hash.size, err))
        return error_prefix(err, "byte %zu: the link's Hash", offset);
    return true;
}

static bool read_link_fields(struct dag_pb_reader *reader, struct error *err)
{
    uint32_t previous = 0;

    reader->link.has_name = reader->link.has_tsize = false;
    reader->link.name = (struct slice){NULL, 0};
    reader->link.tsize = 0;
    while (!protobuf_at_end(&reader->wire)) {
        size_t offset = protobuf_offset(&reader->wire);
        enum protobuf_wire wire;
        uint32_t field;
        bool ok;

        if (!protobuf_tag(&reader->wire, &field, &wire, err) ||
            !check_link_field(field, wire, previous, offset, err))
            return false;
        if (field == LINK_HASH) {
            ok = read_hash(reader, err);
        } else if (previous == 0) {
            return refuse(err, offset, "a link does not begin with its Hash");
        } else if (field == LINK_NAME) {
            ok = reader->link.has_name = protobuf_bytes(&reader->wire, &reader->link.name, err);
        } else {
            ok = reader->link.has_tsize = protobuf_varint(&reader->wire, &reader->link.tsize, err);
        }
        if (!ok)
            return false;
        previous = field;
    }
    return previous != 0 ||
           refuse(err, protobuf_offset(&reader->wire), "a link is empty: it must have a Hash");
}

/* Reads the fields of one link with the reader's end narrowed to it, so that offsets stay those of
 * the block. */
static enum dag_pb_part read_link(struct dag_pb_reader *reader, size_t offset, struct error *err)
{
    const uint8_t *end = reader->wire.end;
    struct slice bytes;
    bool ok;

    if (reader->links == DAG_PB_PAST_LINKS) {
        refuse(err, offset, "links stand on both sides of the data");
        return DAG_PB_BAD;
    }
    if (!protobuf_bytes(&reader->wire, &bytes, err))
        return DAG_PB_BAD;
    reader->links = DAG_PB_IN_LINKS;
    reader->wire.end = reader->wire.at;
    reader->wire.at -= bytes.size;
    ok = read_link_fields(reader, err);
    reader->wire.end = end;
    return ok ? DAG_PB_LINK : DAG_PB_BAD;
}

static enum dag_pb_part read_data(struct dag_pb_reader *reader, size_t offset, struct error *err)
{
    if (reader->had_data) {
        refuse(err, offset, "there are two Data fields");
        return DAG_PB_BAD;
    }
    if (!protobuf_bytes(&reader->wire, &reader->data, err))
        return DAG_PB_BAD;
    reader->had_data = true;
    if (reader->links == DAG_PB_IN_LINKS)
        reader->links = DAG_PB_PAST_LINKS;
    return DAG_PB_DATA;
}

static enum dag_pb_part next_part(struct dag_pb_reader *reader, struct error *err)
{
    size_t offset = protobuf_offset(&reader->wire);
    enum protobuf_wire wire;
    uint32_t field;

    if (protobuf_at_end(&reader->wire))
        return DAG_PB_END;
    if (!protobuf_tag(&reader->wire, &field, &wire, err))
        return DAG_PB_BAD;
    if (field == NODE_LINKS && wire == PROTOBUF_BYTES)
        return read_link(reader, offset, err);
    if (field == NODE_DATA && wire == PROTOBUF_BYTES)
        return read_data(reader, offset, err);
    error_set(err, ERROR_SYNTAX, "byte %zu: field %u with wire type %d is neither Data nor Links",
              offset, field, (int)wire);
    return DAG_PB_BAD;
}

enum dag_pb_part dag_pb_next(struct dag_pb_reader *reader, struct error *err)
{
    enum dag_pb_part part = next_part(reader, err);

    if (part == DAG_PB_BAD)
        error_prefix(err, "dag-pb");
    return part;
}

static size_t link_content_size(const struct dag_pb_link *link)
{
    size_t size = 1 + protobuf_varint_size(link->cid.size) + link->cid.size;

    if (link->has_name)
        size += 1 + protobuf_varint_size(link->name.size) + link->name.size;
    if (link->has_tsize)
        size += 1 + protobuf_varint_size(link->tsize);
    return size;
}

size_t dag_pb_link_size(const struct dag_pb_link *link)
{
    size_t size = link_content_size(link);

    return 1 + protobuf_varint_size(size) + size;
}

void dag_pb_put_link(struct text *out, const struct dag_pb_link *link)
{
    text_put_char(out, NODE_LINKS << 3 | PROTOBUF_BYTES);
    protobuf_put_varint(out, link_content_size(link));
    protobuf_put_bytes(out, LINK_HASH,
                       (struct slice){(const char *)link->cid.bytes, link->cid.size});
    if (link->has_name)
        protobuf_put_bytes(out, LINK_NAME, link->name);
    if (link->has_tsize)
        protobuf_put_number(out, LINK_TSIZE, link->tsize);
}

void dag_pb_put_data(struct text *out, struct slice data)
{
    protobuf_put_bytes(out, NODE_DATA, data);
}
