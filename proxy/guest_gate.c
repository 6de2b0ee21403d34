// SPDX-License-Identifier: Apache-2.0
#include "proxy/guest_gate.h"

#include "proxy/deny_gate.h"
#include "proxy/reads.h"

static void refuse(struct rpc *rpc, const struct cid *cid)
{
    struct error err = {0};
    struct text text = {0};

    cid_print(cid, CID_BASE_DEFAULT, &text);
    error_set(&err, ERROR_UNSUPPORTED,
              "block was not found locally (offline): ipld: could not find %s", text.data);
    rpc_refuse(rpc, &err);
    text_dispose(&text);
}

bool guest_gate_refuses(struct rpc *rpc)
{
    const struct guests *guests = rpc->site->context->guests;
    const struct call *call = rpc->call;

    if (guests == NULL || !reads_are_offline(rpc))
        return false;
    for (size_t i = 0; i < call->argument_count; i++) {
        const struct call_path *path = &call->arguments[i].path;

        if (!deny_gate_concerns(call, i) || !guests_have(guests, &path->cid))
            continue;
        refuse(rpc, &path->cid);
        return true;
    }
    return false;
}
