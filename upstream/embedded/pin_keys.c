// SPDX-License-Identifier: Apache-2.0
/* First all arguments are resolved and looked up; only what has no pin of its own is searched below
 * the others. */
#include "upstream/embedded/pin_keys.h"

#include "conf/memory.h"
#include "ipfs/cid_set.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/pin_walk.h"
#include "upstream/embedded/pins.h"

#include <stdlib.h>

struct key {
    struct cid cid;
    enum pin_mode mode; /* that counts; PIN_NONE: it has none of its own */
    bool is_indirect;
    struct cid via;
    size_t name, name_size; /* in names */
};

struct pin_keys {
    struct slice type;
    pin_keys_found on_found;
    void *arg;
    size_t resolved, told, count;
    size_t searched; /* that are searched below pins, and not found yet */
    struct cid_set wanted;
    struct text names;
    struct pin_walk *walk;
    struct key keys[];
};

/* Whoever makes two CIDs that share a print makes the search slower, not wrong. */
static const struct cid_set_key no_secret;

struct pin_keys *pin_keys_create(const struct task *task, struct slice type,
                                 pin_keys_found on_found, void *arg)
{
    size_t count = task->call->argument_count;
    struct pin_keys *keys = memory_alloc(sizeof(*keys) + count * sizeof(keys->keys[0]));

    keys->type = type;
    keys->on_found = on_found;
    keys->arg = arg;
    keys->count = count;
    cid_set_init(&keys->wanted, &no_secret);
    return keys;
}

void pin_keys_destroy(struct pin_keys **keys)
{
    if (*keys != NULL) {
        pin_walk_destroy(&(*keys)->walk);
        cid_set_dispose(&(*keys)->wanted);
        text_dispose(&(*keys)->names);
    }
    free(*keys);
    *keys = NULL;
}

static bool counts(const struct pin_keys *keys, const char *type)
{
    return slice_is(keys->type, "all") || slice_is(keys->type, type);
}

/* As Kubo has it: what is pinned recursively is not indirect, what is pinned directly may be. */
static bool look(struct pin_keys *keys, struct task *task, struct key *key, struct error *err)
{
    struct text name = {0};
    enum pin_mode mode;

    if (!pins_find(task->node->pins, &key->cid, &mode, &name, err))
        return false;
    if (mode != PIN_NONE && counts(keys, pin_mode_name(mode))) {
        key->mode = mode;
        key->name = keys->names.size;
        key->name_size = name.size;
        text_put_slice(&keys->names, text_slice(&name));
    } else if (mode != PIN_RECURSIVE && counts(keys, "indirect")) {
        (void)cid_set_add(&keys->wanted, &key->cid);
        keys->searched++;
    }
    text_dispose(&name);
    return true;
}

static bool resolve(struct pin_keys *keys, struct task *task, struct error *err)
{
    struct key *key = &keys->keys[keys->resolved];
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[keys->resolved].path, &end, err))
        return false;
    key->cid = end.cid;
    keys->resolved++;
    return look(keys, task, key, err);
}

/* ---- below other pins */

static bool on_block(void *keys_, const struct cid *cid, struct slice block, struct error *err)
{
    struct pin_keys *keys = keys_;

    if (!cid_set_has(&keys->wanted, cid))
        return true;
    for (size_t i = 0; i < keys->count; i++) {
        struct key *key = &keys->keys[i];

        if (key->mode == PIN_NONE && !key->is_indirect && cid_equal(&key->cid, cid)) {
            key->is_indirect = true;
            key->via = *pin_walk_root(keys->walk);
            keys->searched--;
        }
    }
    return true;
}

static bool search(struct pin_keys *keys, struct task *task, bool *is_end, struct error *err)
{
    const struct pin_walk_settings settings = {.on_block = on_block, .arg = keys};

    if (keys->walk == NULL)
        keys->walk = pin_walk_create(task->node, &settings);
    switch (pin_walk_run(keys->walk, task, err)) {
    case DAG_WALK_DONE:
        *is_end = true;
        return true;
    case DAG_WALK_MORE:
        *is_end = keys->searched == 0;
        return true;
    case DAG_WALK_BAD:
        break;
    }
    return false;
}

/* ---- */

static bool tell(struct pin_keys *keys, struct task *task, struct error *err)
{
    const struct key *key = &keys->keys[keys->told];
    struct slice typed = task->call->arguments[keys->told].typed;
    struct slice name = {keys->names.data + key->name, key->name_size};

    if (key->mode == PIN_NONE && !key->is_indirect)
        return error_set(err, ERROR_NOT_FOUND, "path '%.*s' is not pinned", SLICE_ARGS(typed));
    keys->told++;
    if (key->mode == PIN_NONE)
        return keys->on_found(keys->arg, &key->cid, SLICE("indirect"), &key->via, name, err);
    return keys->on_found(keys->arg, &key->cid, slice_of(pin_mode_name(key->mode)), NULL, name,
                          err);
}

bool pin_keys_run(struct pin_keys *keys, struct task *task, bool *is_end, struct error *err)
{
    bool is_searched = false;

    while (keys->resolved < keys->count) {
        if (!resolve(keys, task, err))
            return false;
        if (task_is_due(task))
            return true;
    }
    if (keys->searched > 0) {
        if (!search(keys, task, &is_searched, err))
            return false;
        if (!is_searched)
            return true;
        keys->searched = 0;
    }
    while (keys->told < keys->count)
        if (!tell(keys, task, err))
            return false;
    *is_end = true;
    return true;
}
