// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/paths.h"

bool path_resolve(struct task *task, const struct call_path *path, struct path_end *end,
                  struct error *err)
{
    (void)task;
    end->cid = path->cid;
    end->rest = (struct slice){"", 0};
    if (path->kind == CALL_PATH_IPFS && path->subpath.size == 0)
        return true;
    return error_set(err, ERROR_UNSUPPORTED, "paths below a root are not built yet");
}
