// SPDX-License-Identifier: Apache-2.0
/* What the reader accepts, the writer must write back byte for byte. */
#include "ipfs/dag_pb.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    return 0;
}
