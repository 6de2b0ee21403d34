// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_codec.h"

#include "conf/memory.h"
#include "ipfs/cid.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_json.h"
#include "ipfs/dag_pb_node.h"
#include "ipfs/multicodec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static bool has_name(uint64_t code)
{
    char name[MULTICODEC_NAME_SIZE];

    return multicodec_codec_name(code, name) || multicodec_hash_name(code, name);
}

/* Decimal, or behind 0x. */
static bool read_number(struct slice text, uint64_t *code)
{
    char *copy, *end;
    bool is_number;

    if (text.size == 0 || *text.data < '0' || *text.data > '9')
        return false;
    copy = memory_copy(text.data, text.size);
    errno = 0;
    *code = strtoull(copy, &end, 0);
    is_number = errno == 0 && *end == '\0';
    free(copy);
    return is_number;
}

bool dag_codec_find(struct slice name, uint64_t *code, struct error *err)
{
    return multicodec_find_codec(name, code) || multicodec_find_hash(name, code) ||
           (read_number(name, code) && has_name(*code)) ||
           error_set(err, ERROR_UNSUPPORTED, "unknown multicodec: \"%.*s\"",
                     (int)(name.size < 100 ? name.size : 100), name.data);
}

bool dag_codec_check(uint64_t code, enum dag_codec_way way, struct error *err)
{
    switch (code) {
    case CODEC_DAG_JSON:
    case CODEC_DAG_CBOR:
    case CODEC_DAG_PB:
    case CODEC_RAW:
    case CODEC_JSON:
    case CODEC_CBOR:
        return true;
    case CODEC_GIT_RAW:
    case CODEC_DAG_JOSE:
        return error_set(err, ERROR_UNSUPPORTED, "codec %s is not supported by this node",
                         code == CODEC_GIT_RAW ? "git-raw" : "dag-jose");
    default:
        return error_set(err, ERROR_UNSUPPORTED,
                         "no %s registered for multicodec code %llu (0x%llx)",
                         way == DAG_CODEC_DECODER ? "decoder" : "encoder", (unsigned long long)code,
                         (unsigned long long)code);
    }
}

static bool decode_raw(struct dag_node *node, struct slice block, struct error *err)
{
    struct dag_item *item;

    if (!dag_node_begin(node, block, err) || (item = dag_node_add(node, DAG_BYTES, err)) == NULL)
        return false;
    item->size = (uint32_t)block.size;
    return true;
}

bool dag_codec_decode(struct dag_node *node, uint64_t code, struct slice block, struct error *err)
{
    switch (code) {
    case CODEC_DAG_JSON:
        return dag_json_decode(node, block, err);
    case CODEC_JSON:
        return dag_json_decode_plain(node, block, err);
    case CODEC_DAG_CBOR:
        return dag_cbor_decode(node, block, DAG_CBOR_LAX, err);
    case CODEC_CBOR:
        return dag_cbor_decode(node, block, DAG_CBOR_PLAIN, err);
    case CODEC_DAG_PB:
        return dag_pb_decode_node(node, block, DAG_PB_PLAIN, err);
    default:
        assert(code == CODEC_RAW);
        return decode_raw(node, block, err);
    }
}

bool dag_codec_show(struct dag_node *node, uint64_t code, struct slice block, struct error *err)
{
    if (code == CODEC_DAG_PB)
        return dag_pb_decode_node(node, block, DAG_PB_SHOWN, err);
    return dag_codec_check(code, DAG_CODEC_DECODER, err) &&
           dag_codec_decode(node, code, block, err);
}

bool dag_codec_encode(const struct dag_node *node, uint64_t code, struct text *out,
                      struct error *err)
{
    switch (code) {
    case CODEC_DAG_JSON:
        return dag_json_encode(node, out, err);
    case CODEC_JSON:
        return dag_json_encode_plain(node, out, err);
    case CODEC_DAG_CBOR:
        dag_cbor_encode(node, out);
        return true;
    case CODEC_CBOR:
        return dag_cbor_encode_plain(node, out, err);
    case CODEC_DAG_PB:
        return dag_pb_encode_node(node, out, err);
    default:
        assert(code == CODEC_RAW);
        if (node->items[0].kind != DAG_BYTES)
            return dag_wrong_kind(&node->items[0], "AsBytes", "bytes", err);
        text_put_slice(out, dag_node_bytes(node, &node->items[0]));
        return true;
    }
}
