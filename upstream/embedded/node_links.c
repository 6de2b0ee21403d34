// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/node_links.h"

#include "ipfs/dag_pb.h"
#include "ipfs/links.h"
#include "upstream/embedded/entity.h"

static bool put_link(void *list, const struct cid *cid, struct error *err)
{
    struct stacked_link link = {.cid = *cid};

    (void)err;
    link_list_put(list, &link);
    return true;
}

static bool list_pb(struct text *list, struct slice block, struct error *err)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, err)) != DAG_PB_END) {
        struct stacked_link link;

        if (part == DAG_PB_BAD)
            return false;
        if (part != DAG_PB_LINK)
            continue;
        link = (struct stacked_link){
            .cid = reader.link.cid, .name = reader.link.name, .size = reader.link.tsize};
        link_list_put(list, &link);
    }
    return true;
}

bool node_links_list(struct text *list, const struct cid *cid, struct slice block,
                     struct error *err)
{
    struct error why = {0};

    if (!entity_check_codec(cid, err))
        return false;
    return (cid->codec == CODEC_DAG_PB ? list_pb(list, block, &why)
                                       : links_each(cid->codec, block, put_link, list, &why)) ||
           entity_refuse(err, cid, &why);
}
