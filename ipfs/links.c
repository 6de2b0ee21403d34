// SPDX-License-Identifier: Apache-2.0
#include "ipfs/links.h"

#include "ipfs/dag_cbor.h"
#include "ipfs/dag_json.h"
#include "ipfs/dag_pb.h"
#include "ipfs/multicodec.h"

#include <stdio.h>

bool links_check(uint64_t codec, struct error *err)
{
    char name[MULTICODEC_NAME_SIZE];

    switch (codec) {
    case CODEC_DAG_PB:
    case CODEC_DAG_CBOR:
    case CODEC_DAG_JSON:
    case CODEC_RAW:
    case CODEC_CBOR:
    case CODEC_JSON:
    case CODEC_LIBP2P_KEY:
        return true;
    default:
        break;
    }
    if (!multicodec_codec_name(codec, name))
        snprintf(name, sizeof(name), "0x%llx", (unsigned long long)codec);
    return error_set(err, ERROR_UNSUPPORTED,
                     "codec %s is not supported: the links of its blocks cannot be read", name);
}

static bool dag_pb_links(struct slice block, links_cb on_link, void *arg, struct error *err)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, err)) != DAG_PB_END) {
        if (part == DAG_PB_BAD)
            return false;
        if (part == DAG_PB_LINK && !on_link(arg, &reader.link.cid, err))
            return false;
    }
    return true;
}

bool links_each(uint64_t codec, struct slice block, links_cb on_link, void *arg, struct error *err)
{
    switch (codec) {
    case CODEC_DAG_PB:
        return dag_pb_links(block, on_link, arg, err);
    case CODEC_DAG_CBOR:
        return dag_cbor_links(block, on_link, arg, err);
    case CODEC_DAG_JSON:
        return dag_json_links(block, on_link, arg, err);
    default:
        return links_check(codec, err);
    }
}
