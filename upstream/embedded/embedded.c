// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/embedded.h"

#include "conf/memory.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/embedded_private.h"
#include "upstream/embedded/import_commands.h"
#include "upstream/embedded/node_commands.h"
#include "upstream/embedded/operation_task.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/serve.h"

#include <stdlib.h>

/* The commands that the node has. A command's file exports it:
 * [COMMAND_CAT] = &command_cat, in the order of names. */
static const struct task_command *const commands[COMMAND_COUNT] = {
    [COMMAND_ADD] = &command_add,
    [COMMAND_BLOCK_GET] = &command_block_get,
    [COMMAND_BLOCK_PUT] = &command_block_put,
    [COMMAND_BLOCK_STAT] = &command_block_stat,
    [COMMAND_BOOTSTRAP] = &command_bootstrap,
    [COMMAND_BOOTSTRAP_LIST] = &command_bootstrap,
    [COMMAND_CAT] = &command_cat,
    [COMMAND_CID_BASE32] = &command_cid_base32,
    [COMMAND_CID_BASES] = &command_cid_bases,
    [COMMAND_CID_CODECS] = &command_cid_codecs,
    [COMMAND_CID_FORMAT] = &command_cid_format,
    [COMMAND_CID_HASHES] = &command_cid_hashes,
    [COMMAND_CID_INSPECT] = &command_cid_inspect,
    [COMMAND_DAG_EXPORT] = &command_dag_export,
    [COMMAND_DAG_GET] = &command_dag_get,
    [COMMAND_DAG_IMPORT] = &command_dag_import,
    [COMMAND_DAG_PUT] = &command_dag_put,
    [COMMAND_DAG_RESOLVE] = &command_dag_resolve,
    [COMMAND_DAG_STAT] = &command_dag_stat,
    [COMMAND_DIAG_HEALTHY] = &command_diag_healthy,
    [COMMAND_FILES_CHCID] = &command_files_chcid,
    [COMMAND_FILES_CHMOD] = &command_files_chmod,
    [COMMAND_FILES_CP] = &command_files_cp,
    [COMMAND_FILES_FLUSH] = &command_files_flush,
    [COMMAND_FILES_LS] = &command_files_ls,
    [COMMAND_FILES_MKDIR] = &command_files_mkdir,
    [COMMAND_FILES_MV] = &command_files_mv,
    [COMMAND_FILES_READ] = &command_files_read,
    [COMMAND_FILES_RM] = &command_files_rm,
    [COMMAND_FILES_STAT] = &command_files_stat,
    [COMMAND_FILES_TOUCH] = &command_files_touch,
    [COMMAND_FILES_WRITE] = &command_files_write,
    [COMMAND_GET] = &command_get,
    [COMMAND_ID] = &command_id,
    [COMMAND_LS] = &command_ls,
    [COMMAND_MULTIBASE_DECODE] = &command_multibase_decode,
    [COMMAND_MULTIBASE_ENCODE] = &command_multibase_encode,
    [COMMAND_MULTIBASE_LIST] = &command_multibase_list,
    [COMMAND_MULTIBASE_TRANSCODE] = &command_multibase_transcode,
    [COMMAND_PIN_ADD] = &command_pin_add,
    [COMMAND_PIN_LS] = &command_pin_ls,
    [COMMAND_PIN_RM] = &command_pin_rm,
    [COMMAND_PIN_UPDATE] = &command_pin_update,
    [COMMAND_PIN_VERIFY] = &command_pin_verify,
    [COMMAND_REFS] = &command_refs,
    [COMMAND_REFS_LOCAL] = &command_refs_local,
    [COMMAND_REPO_GC] = &command_repo_gc,
    [COMMAND_REPO_LS] = &command_repo_ls,
    [COMMAND_REPO_STAT] = &command_repo_stat,
    [COMMAND_REPO_VERIFY] = &command_repo_verify,
    [COMMAND_REPO_VERSION] = &command_repo_version,
    [COMMAND_RESOLVE] = &command_resolve,
    [COMMAND_STATS_REPO] = &command_stats_repo,
    [COMMAND_VERSION] = &command_version,
};

const struct task_command *embedded_command(enum command_id id)
{
    return commands[id];
}

/* ---- the table behind upstream.h */

static void relay(struct upstream *upstream, struct exchange *exchange,
                  const struct upstream_request *request)
{
    const struct task_command *command = embedded_command(request->call->command->id);
    struct embedded *embedded = embedded_of(upstream);
    struct error err = {0};

    if (command != NULL) {
        serve_exchange(embedded->node, embedded->loop, exchange, command, request);
        return;
    }
    (void)node_lacks(request->call->command, &err);
    serve_error(exchange, request, &err);
}

static const char *address(const struct upstream *upstream)
{
    return "embedded";
}

static void destroy(struct upstream *upstream)
{
    struct embedded *embedded = embedded_of(upstream);

    operation_task_cancel_all(embedded);
    node_unref(&embedded->node);
    free(embedded);
}

static const struct upstream_functions functions = {
    .relay = relay,
    .look = embedded_look,
    .pin = embedded_pin,
    .unpin = embedded_unpin,
    .measure = embedded_measure,
    .list_pins = embedded_list_pins,
    .contains = embedded_contains,
    .resolve = embedded_resolve,
    .gc = embedded_gc,
    .export = embedded_export,
    .import = embedded_import,
    .verify = embedded_verify,
    .capacity = embedded_capacity,
    .pause = operation_task_pause,
    .resume = operation_task_resume,
    .cancel = operation_task_cancel,
    .block_max = BLOCKS_SIZE_MAX,
    .address = address,
    .destroy = destroy,
};

struct upstream *embedded_create(struct loop *loop, struct node *node)
{
    struct embedded *embedded = memory_alloc(sizeof(*embedded));

    embedded->base.functions = &functions;
    embedded->loop = loop;
    embedded->node = node_ref(node);
    return &embedded->base;
}
