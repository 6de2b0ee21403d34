// SPDX-License-Identifier: Apache-2.0
/* Reads a policy's files. The one part of policy/ that touches the file system. BLOCKS. */
#ifndef POLICY_SOURCE_H
#define POLICY_SOURCE_H

#include "policy/policy.h"

/* {0} is empty and valid. */
struct policy_sources {
    struct policy_source *items; /* sorted by name; own their names and bytes */
    size_t count;
};

/* What the files are called in messages and decisions. */
enum source_names {
    SOURCE_NAMES_SHORT, /* "rules.yaml": a member who is refused learns no path of the server */
    SOURCE_NAMES_FULL,  /* "etc/policy/rules.yaml", beginning as path does: for a terminal */
};

/* path is a file, or a folder whose *.yaml files count as one document; its other files are not
 * read, but a *.yml is refused, since somebody may rely on it. */
MUST_USE bool policy_sources_read(struct policy_sources *sources, const char *path,
                                  enum source_names names, struct error *err);
void policy_sources_dispose(struct policy_sources *sources);

#endif
