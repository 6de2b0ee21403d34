// SPDX-License-Identifier: Apache-2.0
#include "federation/operator.h"

/* False: refused, since there is no port where partners could speak. */
static bool has_links(struct operator_call *call)
{
    const struct operator_site *site = operator_site(call);

    if (site->links != NULL)
        return true;
    operator_refuse(call, 409, "%s",
                    site->links_missing != NULL
                        ? site->links_missing
                        : "this gateway has no port for partners: set org and "
                          "listen.partners.address in causeway.yaml, and start it anew");
    return false;
}

static void run_unbuilt(struct operator_call *call)
{
    if (has_links(call))
        operator_refuse(call, 409, "not built");
}

const struct operator_route federation_routes[] = {
    {"/link/invite", run_unbuilt}, {"/link/join", run_unbuilt},    {"/link/confirm", run_unbuilt},
    {"/link/cancel", run_unbuilt}, {"/link/suspend", run_unbuilt}, {"/link/resume", run_unbuilt},
    {"/link/revoke", run_unbuilt}, {"/link/repin", run_unbuilt},   {"/link/limit", run_unbuilt},
    {"/link/list", run_unbuilt},   {"/link/show", run_unbuilt},    {NULL, NULL},
};
