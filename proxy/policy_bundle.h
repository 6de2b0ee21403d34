// SPDX-License-Identifier: Apache-2.0
/* The files of a policy, together: read from disk, or packed into one text, which is how the ledger
 * keeps a version. Blocks on files: the start, a job, the command line. */
#ifndef PROXY_POLICY_BUNDLE_H
#define PROXY_POLICY_BUNDLE_H

#include "conf/arena.h"
#include "policy/policy.h"

struct policy_bundle {
    struct policy_source *sources; /* by name; names are file names without folders */
    size_t count;
    struct arena arena;
};

/* path: a file, or a folder whose *.yaml files count as one. */
MUST_USE bool policy_bundle_read(struct policy_bundle *bundle, const char *path, struct error *err);

/* As JSON: [{"name", "text"}, ...]. */
void policy_bundle_pack(const struct policy_bundle *bundle, struct text *out);
MUST_USE bool policy_bundle_unpack(struct policy_bundle *bundle, struct slice packed,
                                   struct error *err);

void policy_bundle_dispose(struct policy_bundle *bundle); /* empty ones too */

#endif
