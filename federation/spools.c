// SPDX-License-Identifier: Apache-2.0
#include "federation/spools.h"

#include "federation/allocation.h"
#include "federation/inbox.h"

#include <string.h>

struct tidying {
    const char *inbox;
    struct store *store;
    unsigned removed;
};

static bool is_known(const struct tidying *tidying, const char *link, const char *id, bool *known,
                     struct error *err)
{
    struct transaction *get = transaction_create(TRANSACTION_ALLOCATION_GET);
    struct error why = {0};
    bool is_read;

    memcpy(get->allocation_get.link, link, ULID_SIZE);
    memcpy(get->allocation_get.id, id, ULID_SIZE);
    get->allocation_get.role = ALLOCATION_HOLDER;
    *known = store_run(tidying->store, get, &why);
    transaction_destroy(&get);
    is_read = *known || why.code == ERROR_NOT_FOUND;
    return is_read || error_copy(err, &why);
}

static bool look(void *tidying_, const char *name, struct error *err)
{
    struct tidying *tidying = tidying_;
    char link[ULID_SIZE], id[ULID_SIZE];
    enum spool_use use = SPOOL_BACK;
    bool known = false;

    if (!spool_name_read(slice_of(name), link, id, &use))
        return true;
    if (use == SPOOL_PLACED && !is_known(tidying, link, id, &known, err))
        return false;
    if (known)
        return true;
    tidying->removed++;
    return spool_remove(tidying->inbox, name, err);
}

bool spools_tidy(const char *inbox, struct store *store, unsigned *removed, struct error *err)
{
    struct tidying tidying = {inbox, store, 0};
    bool is_tidy = inbox_each(inbox, look, &tidying, err);

    *removed = tidying.removed;
    return is_tidy;
}
