// SPDX-License-Identifier: Apache-2.0
/* dag/export: an object as a CARv1, byte for byte Kubo's. With local-only, of what is here: no
 * inline blocks then, and one block for each multihash, as there. */
#include "ipfs/car.h"
#include "ipfs/hash.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/walk_disk.h"

enum { PLACE_MAX = 150 }; /* bytes of a path in a message */

struct export_state {
    struct dag_walk *walk;     /* NULL: nothing was begun */
    struct walk_memory *known; /* of local-only: multihashes that were put out, as raw CIDs */
};

static bool check_options(const struct call *call, struct error *err)
{
    return !call_option_bool(call, OPT_LOCAL_ONLY, false) ||
           call_option_bool(call, OPT_OFFLINE, true) ||
           error_set(err, ERROR_UNSUPPORTED,
                     "--local-only implies --offline and cannot be combined with "
                     "--offline=false; please drop one of them");
}

/* local-only: what cannot be had is left out, and nobody is told. */
static bool pass_over(void *arg, const struct cid *cid, const struct error *why, struct error *err)
{
    return true;
}

static bool begin_walk(struct task *task, const struct cid *root, struct error *err)
{
    struct export_state *state = task->state;

    state->walk = dag_walk_create(task->node, NULL, err);
    if (state->walk == NULL || !dag_walk_add_roots(state->walk, root, 1, err))
        return false;
    dag_walk_keep_trail(state->walk);
    if (!call_option_bool(task->call, OPT_LOCAL_ONLY, false))
        return true;
    dag_walk_allow_bad(state->walk, pass_over, NULL);
    state->known = walk_disk_create(task->node->scratch, 0, err);
    return state->known != NULL;
}

/* Whether the root is here is told by the status. What a path has behind the last block counts for
 * nothing, as in Kubo. */
static bool begin(struct task *task, struct error *err)
{
    struct path_end end;
    uint32_t size;

    if (!check_options(task->call, err) ||
        !path_resolve(task, &task->call->arguments[0].path, &end, err) ||
        !task_size(task, &end.cid, &size, err) || !begin_walk(task, &end.cid, err))
        return false;
    task_reply(task, "application/vnd.ipld.car", TASK_STREAM_HEADER);
    car_put_header(&task->out, &end.cid, 1);
    return true;
}

static bool is_wanted(struct export_state *state, const struct cid *cid, bool *wanted,
                      struct error *err)
{
    struct cid block;

    *wanted = state->known == NULL;
    if (*wanted || cid->hash == HASH_IDENTITY)
        return true;
    cid_make(&block, 1, CODEC_RAW, cid->hash, cid_digest(cid), cid->digest_size);
    return state->known->ops->see(state->known, &block, wanted, err);
}

static bool put_block(void *task_, const struct cid *cid, struct slice block, struct error *err)
{
    struct task *task = task_;
    bool wanted;

    if (!is_wanted(task->state, cid, &wanted, err))
        return false;
    if (wanted) {
        car_put_section(&task->out, cid, block.size);
        text_put_slice(&task->out, block);
    }
    return true;
}

/* Where it failed, as Kubo says it; nothing of what would leave no room for the rest. */
static void put_place(struct task *task, struct text *out)
{
    const struct dag_walk *walk = ((struct export_state *)task->state)->walk;
    struct text place = {0};

    if (dag_walk_put_place(walk, task, &place) && place.size <= PLACE_MAX) {
        text_put_text(out, "error traversing node at ");
        reply_put_quoted(out, text_slice(&place));
        text_put_text(out, ": ");
    }
    text_put_text(out, "could not load link \"");
    cid_print(dag_walk_at(walk), CID_BASE_DEFAULT, out);
    text_put_text(out, "\": ");
    text_dispose(&place);
}

/* In Kubo's words. */
static void explain(struct task *task, struct error *err)
{
    const struct export_state *state = task->state;
    const char *advice = "";
    struct error why = *err;
    struct text place = {0};

    if (dag_walk_stats(state->walk)->blocks == 0)
        text_put_text(&place, "root blk load failed: ");
    else
        text_put_text(&place, "walk failed: ");
    if (dag_walk_stats(state->walk)->blocks > 0)
        put_place(task, &place);
    if (why.code == ERROR_NOT_FOUND)
        advice = call_has_option(task->call, OPT_OFFLINE)
                     ? " (currently offline, perhaps retry without the offline flag)"
                     : " (currently offline, perhaps retry after attaching to the network)";
    *err = (struct error){0};
    error_set(err, why.code, "%s%s%s", place.data, why.text, advice);
    text_dispose(&place);
}

static enum task_step run_dag_export(struct task *task, struct error *err)
{
    struct export_state *state = task->state;

    if (state->walk == NULL && !begin(task, err))
        return dag_command_fail(err);
    switch (dag_walk_run(state->walk, task, put_block, task, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_DONE:
        return TASK_DONE;
    case DAG_WALK_BAD:
        break;
    }
    explain(task, err);
    return dag_command_fail(err);
}

static void dispose_dag_export(struct task *task)
{
    struct export_state *state = task->state;

    dag_walk_destroy(&state->walk);
    walk_disk_destroy(&state->known);
}

const struct task_command command_dag_export = {.id = COMMAND_DAG_EXPORT,
                                                .state_size = sizeof(struct export_state),
                                                .run = run_dag_export,
                                                .dispose = dispose_dag_export};
