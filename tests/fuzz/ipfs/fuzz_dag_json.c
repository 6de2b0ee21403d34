// SPDX-License-Identifier: Apache-2.0
/* What is read can be written in both forms, and the CBOR is strict. */
#include "ipfs/dag_json.h"

#include "ipfs/dag_cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ignore(void *arg, const struct cid *cid, struct error *err)
{
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice block = {(const char *)data, size};
    struct dag_node node = {0}, again = {0};
    struct text json = {0}, cbor = {0};
    bool ok = dag_json_decode(&node, block, NULL);

    if (dag_json_links(block, ignore, NULL, NULL) != ok)
        abort();
    if (ok) {
        if (!dag_json_encode(&node, &json, NULL))
            abort();
        dag_cbor_encode(&node, &cbor);
        if (!dag_cbor_decode(&again, text_slice(&cbor), DAG_CBOR_STRICT, NULL))
            abort();
    }
    dag_node_dispose(&node);
    dag_node_dispose(&again);
    text_dispose(&json);
    text_dispose(&cbor);
    return 0;
}
