// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

static bool check(const struct window_record *window, struct error *err)
{
    if (window->scope.size > WINDOW_NAME_MAX || window->id.size > WINDOW_NAME_MAX ||
        window->dimension.size > WINDOW_NAME_MAX)
        return error_set(err, ERROR_LIMIT, "a quota window with a name above %d bytes",
                         WINDOW_NAME_MAX);
    if (window->bytes.size > WINDOW_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "a quota window of %zu bytes; at most %d are kept",
                         window->bytes.size, WINDOW_BYTES_MAX);
    return true;
}

static void bind_names(struct sqlite_run *run, const struct window_record *window)
{
    sqlite_bind_text(run, 1, window->scope);
    sqlite_bind_text(run, 2, window->id);
    sqlite_bind_text(run, 3, window->dimension);
}

static bool put(struct sqlite *sqlite, const struct window_record *window, struct error *err)
{
    bool is_gone = window->bytes.size == 0;
    struct sqlite_run run;

    if (!check(window, err) ||
        !sqlite_begin(&run, sqlite, is_gone ? STATEMENT_WINDOW_DELETE : STATEMENT_WINDOW_PUT, err))
        return false;
    bind_names(&run, window);
    if (!is_gone)
        sqlite_bind_bytes(&run, 4, window->bytes.data, window->bytes.size);
    return sqlite_finish(&run);
}

bool sqlite_window_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct window_put *in = &transaction->window_put;

    for (size_t i = 0; i < in->count; i++)
        if (!put(sqlite, &in->windows[i], err))
            return false;
    return true;
}

static bool read_record(struct sqlite_run *run, void *record, struct arena *arena)
{
    *(struct window_record *)record = (struct window_record){
        .scope = sqlite_read_bytes(run, 0, arena),
        .id = sqlite_read_bytes(run, 1, arena),
        .dimension = sqlite_read_bytes(run, 2, arena),
        .bytes = sqlite_read_bytes(run, 3, arena),
    };
    return true;
}

bool sqlite_window_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct window_list *in = &transaction->window_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 4);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_WINDOW_LIST, err))
        return false;
    bind_names(&run, &in->after);
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}
