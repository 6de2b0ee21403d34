// SPDX-License-Identifier: Apache-2.0
#include "ipfs/car.h"

#include "ipfs/dag_cbor.h"
#include "ipfs/varint.h"

#include <assert.h>

static void put_varint(struct text *out, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];

    text_put(out, bytes, varint_write(bytes, value));
}

static struct slice cid_slice(const struct cid *cid)
{
    return (struct slice){(const char *)cid->bytes, cid->size};
}

void car_put_header(struct text *out, const struct cid *roots, size_t count)
{
    struct text header = {0};

    assert(count > 0);
    dag_cbor_put_head(&header, 5, 2);
    dag_cbor_put_head(&header, 3, 5);
    text_put_text(&header, "roots");
    dag_cbor_put_head(&header, 4, count);
    for (size_t i = 0; i < count; i++)
        dag_cbor_put_link(&header, cid_slice(&roots[i]));
    dag_cbor_put_head(&header, 3, 7);
    text_put_text(&header, "version");
    dag_cbor_put_head(&header, 0, 1);
    put_varint(out, header.size);
    text_put_slice(out, text_slice(&header));
    text_dispose(&header);
}

void car_put_section(struct text *out, const struct cid *cid, size_t data_size)
{
    put_varint(out, cid->size + data_size);
    text_put_slice(out, cid_slice(cid));
}

size_t car_section_size(const struct cid *cid, size_t data_size)
{
    size_t size = cid->size + data_size;

    return varint_size(size) + size;
}
