// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/pin_walk.h"

#include "conf/memory.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/task.h"

#include <stdlib.h>

struct pin_walk {
    struct node *node;
    struct pin_walk_settings settings;
    struct dag_walk *walk; /* NULL: to be made anew for the next pin */
    struct cid root;
    bool has_root;  /* root is a pin: that is walked, or was walked last */
    bool is_inside; /* it is walked */
    bool forgets;
};

struct pin_walk *pin_walk_create(struct node *node, const struct pin_walk_settings *settings)
{
    struct pin_walk *walk = memory_alloc(sizeof(*walk));

    walk->node = node;
    walk->settings = *settings;
    return walk;
}

void pin_walk_destroy(struct pin_walk **walk)
{
    if (*walk != NULL)
        dag_walk_destroy(&(*walk)->walk);
    free(*walk);
    *walk = NULL;
}

static bool make_walk(struct pin_walk *walk, struct error *err)
{
    walk->walk = dag_walk_create(walk->node, NULL, err);
    if (walk->walk == NULL)
        return false;
    dag_walk_skip_leaves(walk->walk);
    if (walk->settings.on_bad != NULL)
        dag_walk_allow_bad(walk->walk, walk->settings.on_bad, walk->settings.arg);
    return true;
}

static bool enter(struct pin_walk *walk, bool *is_end, struct error *err)
{
    if (!pins_next(walk->node->pins, PIN_RECURSIVE, walk->has_root ? &walk->root : NULL,
                   &walk->root, is_end, err))
        return false;
    if (*is_end)
        return true;
    walk->has_root = walk->is_inside = true;
    return (walk->walk != NULL || make_walk(walk, err)) &&
           dag_walk_add_roots(walk->walk, &walk->root, 1, err);
}

static bool leave(struct pin_walk *walk, struct error *err)
{
    walk->is_inside = false;
    if (walk->settings.on_pin != NULL &&
        !walk->settings.on_pin(walk->settings.arg, &walk->root, err))
        return false;
    if (walk->forgets)
        dag_walk_destroy(&walk->walk);
    walk->forgets = false;
    return true;
}

enum dag_walk_step pin_walk_run(struct pin_walk *walk, struct task *task, struct error *err)
{
    enum dag_walk_step step;
    bool is_end = false;

    do {
        if (!walk->is_inside && !enter(walk, &is_end, err))
            return DAG_WALK_BAD;
        if (is_end)
            return DAG_WALK_DONE;
        step = dag_walk_run(walk->walk, task, walk->settings.on_block, walk->settings.arg, err);
        if (step != DAG_WALK_DONE)
            return step;
        if (!leave(walk, err))
            return DAG_WALK_BAD;
    } while (!task_is_due(task));
    return DAG_WALK_MORE;
}

const struct cid *pin_walk_root(const struct pin_walk *walk)
{
    return &walk->root;
}

void pin_walk_forget(struct pin_walk *walk)
{
    walk->forgets = true;
}
