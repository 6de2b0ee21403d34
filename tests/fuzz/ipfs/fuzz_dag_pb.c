// SPDX-License-Identifier: Apache-2.0
/* What the reader accepts, the writer must write back byte for byte; as a node it must be a block
 * again that does not change any more. */
#include "ipfs/dag_pb.h"
#include "ipfs/dag_pb_node.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* block as a node, as a block. False: it is none, or has a Tsize that no node has. */
static bool pass(struct slice block, struct text *out)
{
    struct dag_node node = {0};
    struct error err = {0};
    bool ok = dag_pb_decode_node(&node, block, DAG_PB_PLAIN, &err) &&
              dag_pb_encode_node(&node, out, &err);

    dag_node_dispose(&node);
    return ok;
}

static void pass_twice(struct slice block)
{
    struct text once = {0}, twice = {0};

    if (pass(block, &once)) {
        if (once.size != block.size || !pass(text_slice(&once), &twice) ||
            !slice_equal(text_slice(&once), text_slice(&twice)))
            abort();
    }
    text_dispose(&once);
    text_dispose(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dag_pb_reader reader;
    struct text out = {0};
    struct error err = {0};
    enum dag_pb_part part;

    dag_pb_read(&reader, data, size);
    while ((part = dag_pb_next(&reader, &err)) == DAG_PB_LINK || part == DAG_PB_DATA) {
        if (part == DAG_PB_LINK)
            dag_pb_put_link(&out, &reader.link);
        else
            dag_pb_put_data(&out, reader.data);
    }
    if ((part == DAG_PB_BAD) != (err.code != ERROR_NONE))
        abort();
    if (part == DAG_PB_END && (out.size != size || (size > 0 && memcmp(out.data, data, size) != 0)))
        abort();
    text_dispose(&out);
    pass_twice((struct slice){(const char *)data, size});
    return 0;
}
