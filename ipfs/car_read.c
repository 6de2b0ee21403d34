// SPDX-License-Identifier: Apache-2.0
#include "ipfs/car.h"

#include "conf/memory.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/varint.h"

#include <assert.h>
#include <stdlib.h>

#define V2_HEADER_SIZE 40 /* 16 of characteristics; data offset, data size, index offset */
#define V2_DATA_MIN    51 /* behind the pragma and that header */

static const char v2_pragma[] = "\xa1\x67version\x02";

enum state {
    HEADER_LENGTH,
    HEADER,
    V2_HEADER,
    V2_PADDING, /* up to the data */
    SECTION_LENGTH,
    SECTION,
    ZEROS, /* only these may follow */
    PAST,  /* whatever follows a CARv2's data */
    BAD,
};

struct car_reader {
    struct car_limits limits;
    enum state state;
    int version;
    uint64_t offset; /* of the next byte of input */
    uint64_t start;  /* of the header or section being read */
    uint64_t end;    /* of a CARv2's data; UINT64_MAX otherwise */
    uint64_t data;   /* where a CARv2's data begins */
    uint64_t index;
    uint8_t varint[VARINT_SIZE_MAX];
    size_t varint_size;
    size_t wanted; /* bytes of the header or section */
    uint64_t refused_length;
    struct text held;
    struct text header;
    struct dag_node node; /* of header */
    uint32_t first_root;  /* index in node; 0: not read */
    uint32_t root_count;
    struct car_block block;
};

static struct car_reader *create(const struct car_limits *limits)
{
    struct car_reader *reader = memory_alloc(sizeof(*reader));

    if (limits != NULL)
        reader->limits = *limits;
    if (reader->limits.header_max == 0)
        reader->limits.header_max = CAR_HEADER_MAX;
    if (reader->limits.section_max == 0)
        reader->limits.section_max = CAR_SECTION_MAX;
    assert(reader->limits.section_max <= UINT32_MAX && reader->limits.header_max <= UINT32_MAX);
    reader->version = 1;
    reader->end = UINT64_MAX;
    return reader;
}

struct car_reader *car_reader_create(const struct car_limits *limits)
{
    return create(limits);
}

struct car_reader *car_reader_create_at(const struct car_limits *limits,
                                        const struct car_position *position)
{
    struct car_reader *reader = create(limits);

    reader->offset = reader->start = position->offset;
    reader->state = SECTION_LENGTH;
    if (position->end != 0) {
        reader->version = 2;
        reader->end = position->end;
        reader->index = position->index;
    }
    return reader;
}

void car_reader_destroy(struct car_reader **reader)
{
    if (*reader == NULL)
        return;
    text_dispose(&(*reader)->held);
    text_dispose(&(*reader)->header);
    dag_node_dispose(&(*reader)->node);
    free(*reader);
    *reader = NULL;
}

const struct car_block *car_reader_block(const struct car_reader *reader)
{
    return &reader->block;
}

int car_reader_version(const struct car_reader *reader)
{
    return reader->version;
}

uint32_t car_reader_root_count(const struct car_reader *reader)
{
    return reader->root_count;
}

struct cid car_reader_root(const struct car_reader *reader, uint32_t index)
{
    struct slice bytes;
    struct cid cid;
    bool ok;

    assert(index < reader->root_count);
    bytes = dag_node_bytes(&reader->node, &reader->node.items[reader->first_root + index]);
    ok = cid_from_bytes(&cid, bytes.data, bytes.size, NULL);
    assert(ok); /* the decoder checked it */
    return cid;
}

uint64_t car_reader_offset(const struct car_reader *reader)
{
    return reader->offset;
}

size_t car_reader_memory(const struct car_reader *reader)
{
    return reader->held.capacity + reader->header.capacity + reader->node.bytes.capacity +
           reader->node.capacity * sizeof(*reader->node.items);
}

uint64_t car_reader_refused_length(const struct car_reader *reader)
{
    return reader->refused_length;
}

struct car_position car_reader_position(const struct car_reader *reader)
{
    return (struct car_position){
        .offset = reader->offset,
        .end = reader->version == 2 ? reader->end : 0,
        .index = reader->index,
    };
}

static enum car_event fail_prefixed(struct car_reader *reader, uint64_t offset, struct error *err)
{
    reader->state = BAD;
    reader->offset = offset;
    error_prefix(err, "CAR byte %llu", (unsigned long long)offset);
    return CAR_BAD;
}

static enum car_event refuse(struct car_reader *reader, uint64_t offset, struct error *err,
                             const char *what)
{
    error_set(err, ERROR_SYNTAX, "%s", what);
    return fail_prefixed(reader, offset, err);
}

static void advance(struct car_reader *reader, struct slice *input, size_t size)
{
    input->data += size;
    input->size -= size;
    reader->offset += size;
}

/* True once reader->wanted bytes are together: in place if the input has them all. */
static bool gather(struct car_reader *reader, struct slice *input, struct slice *bytes)
{
    size_t missing = reader->wanted - reader->held.size;
    size_t size = missing < input->size ? missing : input->size;

    if (reader->held.size == 0 && size == reader->wanted) {
        *bytes = (struct slice){input->data, size};
        advance(reader, input, size);
        return true;
    }
    text_put(&reader->held, input->data, size);
    advance(reader, input, size);
    *bytes = text_slice(&reader->held);
    return size == missing;
}

/* CAR_END stands for "there it is". */
static enum car_event read_length(struct car_reader *reader, struct slice *input, uint64_t *length,
                                  struct error *err)
{
    enum varint_status status;
    size_t used;

    if (reader->varint_size == 0)
        reader->start = reader->offset;
    while (input->size > 0) {
        reader->varint[reader->varint_size++] = (uint8_t)*input->data;
        advance(reader, input, 1);
        status = varint_read(reader->varint, reader->varint_size, length, &used);
        if (status == VARINT_MORE)
            continue;
        reader->varint_size = 0;
        if (status == VARINT_DONE)
            return CAR_END;
        error_set(err, ERROR_SYNTAX, "the length %s", varint_status_text(status));
        return fail_prefixed(reader, reader->start, err);
    }
    return CAR_MORE;
}

static enum car_event check_length(struct car_reader *reader, uint64_t length, size_t max,
                                   const char *what, struct error *err)
{
    if (length > max) {
        reader->refused_length = length;
        error_set(err, ERROR_LIMIT, "the %s has %llu bytes, more than the %zu allowed", what,
                  (unsigned long long)length, max);
        return fail_prefixed(reader, reader->start, err);
    }
    if (reader->offset > reader->end || length > reader->end - reader->offset)
        return refuse(reader, reader->start, err,
                      "this part runs past the end of the CARv2's data");
    reader->wanted = (size_t)length;
    text_clear(&reader->held);
    return CAR_END;
}

static enum car_event read_header_length(struct car_reader *reader, struct slice *input,
                                         struct error *err)
{
    enum car_event event;
    uint64_t length;

    event = read_length(reader, input, &length, err);
    if (event != CAR_END)
        return event;
    if (length == 0)
        return refuse(reader, reader->start, err, "the header is empty");
    event = check_length(reader, length, reader->limits.header_max, "header", err);
    if (event == CAR_END)
        reader->state = HEADER;
    return event;
}

static bool check_roots(struct car_reader *reader, uint32_t list, struct error *err)
{
    const struct dag_item *roots = &reader->node.items[list];

    if (reader->limits.is_rootless && (list == 0 || (roots->kind == DAG_LIST && roots->size == 0)))
        return true;
    if (list == 0 || roots->kind != DAG_LIST || roots->size == 0)
        return error_set(err, ERROR_SYNTAX, "the header does not list one root or more");
    for (uint32_t i = 0; i < roots->size; i++) /* links have nothing in them: one item each */
        if (list + 1 + i >= roots->end || reader->node.items[list + 1 + i].kind != DAG_LINK)
            return error_set(err, ERROR_SYNTAX, "root %u of the header is not a CID", i);
    reader->first_root = list + 1;
    reader->root_count = roots->size;
    return true;
}

static bool parse_header(struct car_reader *reader, struct error *err)
{
    uint32_t version, roots;

    if (!dag_cbor_decode(&reader->node, text_slice(&reader->header), DAG_CBOR_LAX, err))
        return error_prefix(err, "the header");
    version = dag_node_find(&reader->node, 0, "version");
    roots = dag_node_find(&reader->node, 0, "roots");
    if (version == 0 || reader->node.items[version].kind != DAG_INT)
        return error_set(err, ERROR_SYNTAX, "the header has no version");
    if (reader->node.items[version].integer != 1)
        return error_set(err, ERROR_UNSUPPORTED, "version %lld%s is not supported",
                         (long long)reader->node.items[version].integer,
                         reader->version == 2 ? " inside a CARv2" : "");
    if (reader->node.items[0].size != (roots != 0 ? 2 : 1))
        return error_set(err, ERROR_SYNTAX, "the header has more than version and roots");
    return check_roots(reader, roots, err);
}

static enum car_event read_header(struct car_reader *reader, struct slice *input, struct error *err)
{
    struct slice bytes;

    if (!gather(reader, input, &bytes))
        return CAR_MORE;
    if (reader->version == 1 && slice_is(bytes, v2_pragma)) {
        reader->version = 2;
        reader->state = V2_HEADER;
        reader->wanted = V2_HEADER_SIZE;
        reader->start = reader->offset;
        text_clear(&reader->held);
        return CAR_END;
    }
    text_clear(&reader->header);
    text_put_slice(&reader->header, bytes);
    if (!parse_header(reader, err))
        return fail_prefixed(reader, reader->start, err);
    reader->state = SECTION_LENGTH;
    return CAR_HEADER;
}

static uint64_t little_endian(const char *bytes)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static enum car_event read_v2_header(struct car_reader *reader, struct slice *input,
                                     struct error *err)
{
    struct slice bytes;
    uint64_t size;

    if (!gather(reader, input, &bytes))
        return CAR_MORE;
    reader->data = little_endian(bytes.data + 16);
    size = little_endian(bytes.data + 24);
    reader->index = little_endian(bytes.data + 32);
    if (reader->data < V2_DATA_MIN || reader->data > INT64_MAX)
        return refuse(reader, reader->start + 16, err,
                      "the data of a CARv2 cannot begin inside its header, or beyond 2^63");
    if (size == 0 || size > INT64_MAX - reader->data)
        return refuse(reader, reader->start + 24, err, "the data of a CARv2 cannot have that size");
    if (reader->index != 0 && reader->index < reader->data + size)
        return refuse(reader, reader->start + 32, err,
                      "the index of a CARv2 cannot begin inside its data");
    reader->end = reader->data + size;
    reader->state = V2_PADDING;
    return CAR_END;
}

static enum car_event skip_padding(struct car_reader *reader, struct slice *input)
{
    uint64_t left = reader->data - reader->offset;

    if (left > input->size) {
        advance(reader, input, input->size);
        return CAR_MORE;
    }
    advance(reader, input, (size_t)left);
    reader->state = HEADER_LENGTH;
    return CAR_END;
}

static enum car_event read_section_length(struct car_reader *reader, struct slice *input,
                                          struct error *err)
{
    enum car_event event;
    uint64_t length;

    if (reader->varint_size == 0 && reader->offset == reader->end) {
        reader->state = PAST;
        return CAR_END;
    }
    event = read_length(reader, input, &length, err);
    if (event != CAR_END)
        return event;
    if (length == 0 && reader->limits.zero_padded) {
        reader->state = ZEROS;
        return CAR_END;
    }
    if (length == 0)
        return refuse(reader, reader->start, err, "a section is empty");
    event = check_length(reader, length, reader->limits.section_max, "section", err);
    if (event == CAR_END)
        reader->state = SECTION;
    return event;
}

static enum car_event read_section(struct car_reader *reader, struct slice *input,
                                   struct error *err)
{
    struct car_block *block = &reader->block;
    struct slice bytes;
    size_t used;

    if (!gather(reader, input, &bytes))
        return CAR_MORE;
    if (!cid_read(&block->cid, bytes.data, bytes.size, &used, err)) {
        error_prefix(err, "the section's CID");
        return fail_prefixed(reader, reader->start, err);
    }
    block->data = (struct slice){bytes.data + used, bytes.size - used};
    block->offset = reader->start;
    block->section = (size_t)(reader->offset - reader->start);
    reader->state = SECTION_LENGTH;
    return CAR_BLOCK;
}

static enum car_event read_zeros(struct car_reader *reader, struct slice *input, struct error *err)
{
    for (size_t i = 0; i < input->size; i++)
        if (input->data[i] != 0)
            return refuse(reader, reader->offset + i, err, "data behind the section that ends it");
    advance(reader, input, input->size);
    return CAR_MORE;
}

/* One step; CAR_END stands for "on to the next state". */
static enum car_event step(struct car_reader *reader, struct slice *input, struct error *err)
{
    switch (reader->state) {
    case HEADER_LENGTH:
        return read_header_length(reader, input, err);
    case HEADER:
        return read_header(reader, input, err);
    case V2_HEADER:
        return read_v2_header(reader, input, err);
    case V2_PADDING:
        return skip_padding(reader, input);
    case SECTION_LENGTH:
        return read_section_length(reader, input, err);
    case SECTION:
        return read_section(reader, input, err);
    case ZEROS:
        return read_zeros(reader, input, err);
    case PAST:
        advance(reader, input, input->size);
        return CAR_MORE;
    case BAD:
        break;
    }
    error_set(err, ERROR_SYNTAX, "CAR byte %llu: was refused already",
              (unsigned long long)reader->offset);
    return CAR_BAD;
}

enum car_event car_reader_next(struct car_reader *reader, struct slice *input, struct error *err)
{
    enum car_event event = CAR_END;

    while (event == CAR_END && (input->size > 0 || reader->state == BAD))
        event = step(reader, input, err);
    return event == CAR_END ? CAR_MORE : event;
}

enum car_event car_reader_finish(struct car_reader *reader, struct error *err)
{
    struct slice none = {"", 0};

    switch (reader->state) {
    case HEADER_LENGTH:
    case HEADER:
    case V2_HEADER:
    case V2_PADDING:
        return refuse(reader, reader->offset, err,
                      reader->offset == 0 ? "there are no bytes: a CAR has a header"
                                          : "the CAR ends inside its header");
    case SECTION_LENGTH:
        if (reader->end != UINT64_MAX && reader->offset < reader->end)
            return refuse(reader, reader->offset, err, "the CARv2 ends inside its data");
        if (reader->varint_size > 0)
            return refuse(reader, reader->start, err, "the section is cut off");
        break;
    case SECTION:
        return refuse(reader, reader->start, err, "the section is cut off");
    case ZEROS:
    case PAST:
        break;
    case BAD:
        return step(reader, &none, err);
    }
    if (reader->index > reader->offset)
        return refuse(reader, reader->offset, err, "the CARv2 ends before its index");
    return CAR_END;
}
