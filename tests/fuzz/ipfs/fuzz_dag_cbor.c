// SPDX-License-Identifier: Apache-2.0
/* Strict input is its own canonical form; the form of lax input is strict; each mode takes what a
 * stricter one took; JSON made of a block reads back as the same block but for whole floats. */
#include "ipfs/dag_cbor.h"

#include "ipfs/dag_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *arg, const struct cid *cid, struct error *err)
{
    ++*(size_t *)arg;
    return true;
}

static size_t count_links(const struct dag_node *node)
{
    size_t links = 0;

    for (uint32_t i = 0; i < node->count; i++)
        links += node->items[i].kind == DAG_LINK;
    return links;
}

static void check_json(const struct dag_node *node)
{
    struct text json = {0}, again = {0};
    struct dag_node back = {0};

    if (dag_json_encode(node, &json, NULL) && dag_json_decode(&back, text_slice(&json), NULL)) {
        if (!dag_json_encode(&back, &again, NULL))
            abort();
        /* text that was not UTF-8 is replaced once, and then stays: compare only what is */
        if (memmem(json.data, json.size, "ufffd", 5) == NULL &&
            !slice_equal(text_slice(&json), text_slice(&again)) && strstr(json.data, "-0") == NULL)
            abort();
    }
    dag_node_dispose(&back);
    text_dispose(&json);
    text_dispose(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice block = {(const char *)data, size};
    struct dag_node strict = {0}, lax = {0}, again = {0};
    struct text out = {0};
    size_t links = 0;
    bool is_strict = dag_cbor_decode(&strict, block, DAG_CBOR_STRICT, NULL);
    bool is_lax = dag_cbor_decode(&lax, block, DAG_CBOR_LAX, NULL);
    bool has_links = dag_cbor_links(block, count, &links, NULL);

    if ((is_strict && !is_lax) || (is_lax && !has_links))
        abort();
    if (is_lax) {
        if (links != count_links(&lax))
            abort();
        dag_cbor_encode(&lax, &out);
        if (is_strict && !slice_equal(text_slice(&out), block))
            abort();
        if (!dag_cbor_decode(&again, text_slice(&out), DAG_CBOR_LAX, NULL))
            abort();
        check_json(&lax);
    }
    dag_node_dispose(&strict);
    dag_node_dispose(&lax);
    dag_node_dispose(&again);
    text_dispose(&out);
    return 0;
}
