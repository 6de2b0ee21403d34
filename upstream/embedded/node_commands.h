// SPDX-License-Identifier: Apache-2.0
/* The commands that tell about the node, or that are pure; and what is said of those that it does
 * not have. */
#ifndef UPSTREAM_EMBEDDED_NODE_COMMANDS_H
#define UPSTREAM_EMBEDDED_NODE_COMMANDS_H

#include "upstream/embedded/task.h"

/* Of the repository that Kubo of this version would have. */
#define REPO_VERSION "18"

/* What stands for a state that this node is always in. */
extern const struct task_command command_bootstrap;
extern const struct task_command command_diag_healthy;
extern const struct task_command command_id;
extern const struct task_command command_repo_version;
extern const struct task_command command_version;

extern const struct task_command command_cid_base32;
extern const struct task_command command_cid_bases;
extern const struct task_command command_cid_codecs;
extern const struct task_command command_cid_format;
extern const struct task_command command_cid_hashes;
extern const struct task_command command_cid_inspect;

extern const struct task_command command_multibase_decode;
extern const struct task_command command_multibase_encode;
extern const struct task_command command_multibase_list;
extern const struct task_command command_multibase_transcode;

/* Why the node does not do a command that it has no struct task_command for: as Kubo says it of a
 * node that is offline (ERROR_SYNTAX where Kubo answers 400), or by the command's name. Always
 * returns false. */
bool node_lacks(const struct command *command, struct error *err);

#endif
