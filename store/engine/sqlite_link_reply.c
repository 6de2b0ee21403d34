// SPDX-License-Identifier: Apache-2.0
/* Numbers that were claimed, and replies that are kept. */
#include "store/engine/sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { INCARNATION_SIZE = 17 }; /* 16 hexadecimal digits and a NUL */

static bool too_many_nodes(const char *link, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "link %s: the numbers of at most %d nodes are kept", link,
                     LINK_NODES_MAX);
}

/* ---- numbers */

static bool read_incarnation(struct sqlite_run *run, int column, uint64_t *incarnation)
{
    char text[INCARNATION_SIZE];

    if (!sqlite_read_text(run, column, text, sizeof(text)))
        return false;
    *incarnation = strtoull(text, NULL, 16);
    return true;
}

/* is_there: has this node a row? claimed: as it is kept for this incarnation, 0 for another one. */
static bool find_claim(struct sqlite *sqlite, const struct sequence_claim *in, bool *is_there,
                       uint64_t *claimed, struct error *err)
{
    struct sqlite_run run;
    uint64_t incarnation = 0;
    bool is_read;

    *claimed = 0;
    if (!sqlite_begin(&run, sqlite, STATEMENT_SEQUENCE_GET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_integer(&run, 2, in->record.is_ours);
    sqlite_bind_text(&run, 3, slice_of(in->record.node));
    is_read =
        sqlite_step(&run, is_there) && (!*is_there || read_incarnation(&run, 0, &incarnation));
    if (is_read && *is_there && incarnation == in->record.incarnation)
        *claimed = sqlite_integer(&run, 1);
    sqlite_end(&run);
    return is_read;
}

static bool count_nodes(struct sqlite *sqlite, const struct sequence_claim *in, uint64_t *count,
                        struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_SEQUENCE_COUNT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_integer(&run, 2, in->record.is_ours);
    is_read = sqlite_step(&run, &has_row);
    *count = is_read && has_row ? sqlite_integer(&run, 0) : 0;
    sqlite_end(&run);
    return is_read;
}

bool sqlite_sequence_claim(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    const struct sequence_claim *in = &transaction->sequence_claim;
    char incarnation[INCARNATION_SIZE];
    uint64_t claimed, nodes = 0;
    struct sqlite_run run;
    bool is_there;

    if (!find_claim(sqlite, in, &is_there, &claimed, err) ||
        (!is_there && !count_nodes(sqlite, in, &nodes, err)))
        return false;
    if (nodes >= LINK_NODES_MAX)
        return too_many_nodes(in->link, err);
    if (!sqlite_begin(&run, sqlite, STATEMENT_SEQUENCE_PUT, err))
        return false;
    snprintf(incarnation, sizeof(incarnation), "%016" PRIx64, in->record.incarnation);
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_integer(&run, 2, in->record.is_ours);
    sqlite_bind_text(&run, 3, slice_of(in->record.node));
    sqlite_bind_text(&run, 4, slice_of(incarnation));
    sqlite_bind_integer(&run, 5, in->record.claimed > claimed ? in->record.claimed : claimed);
    return sqlite_finish(&run);
}

static bool read_sequence(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct sequence_record *record = record_;

    (void)arena;
    record->is_ours = sqlite_integer(run, 1) != 0;
    record->claimed = sqlite_integer(run, 3);
    return sqlite_read_text(run, 0, record->node, sizeof(record->node)) &&
           read_incarnation(run, 2, &record->incarnation);
}

static bool read_settled(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct settled_record *record = record_;

    (void)arena;
    return sqlite_read_text(run, 0, record->node, sizeof(record->node)) &&
           sqlite_read_text(run, 1, record->key, sizeof(record->key));
}

bool sqlite_sequence_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct sequence_list *in = &transaction->sequence_list;
    bool has_more; /* never: there are no more */
    const struct sqlite_page sequences = {.limit = (size_t)2 * LINK_NODES_MAX,
                                          .record_size = sizeof(*in->records),
                                          .limit_parameter = 2,
                                          .count = &in->count,
                                          .has_more = &has_more};
    const struct sqlite_page settled = {.limit = LINK_NODES_MAX,
                                        .record_size = sizeof(*in->settled),
                                        .limit_parameter = 2,
                                        .count = &in->settled_count,
                                        .has_more = &has_more};
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_SEQUENCE_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    in->records = sqlite_read_page(&run, &sequences, read_sequence, &transaction->arena);
    if (in->records == NULL || !sqlite_begin(&run, sqlite, STATEMENT_SETTLED_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    in->settled = sqlite_read_page(&run, &settled, read_settled, &transaction->arena);
    return in->settled != NULL;
}

/* ---- replies */

bool sqlite_reply_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct reply_put *in = &transaction->reply_put;
    const struct reply_record *record = &in->record;
    struct sqlite_run run;

    if (record->body.size > REPLY_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "a reply of %zu bytes; at most %d are kept",
                         record->body.size, REPLY_BYTES_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_REPLY_INSERT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_text(&run, 2, slice_of(record->node));
    sqlite_bind_text(&run, 3, slice_of(record->key));
    sqlite_bind_integer(&run, 4, record->epoch);
    sqlite_bind_bytes(&run, 5, record->digest, RECORD_HASH_SIZE);
    sqlite_bind_bytes(&run, 6, record->body.data, record->body.size);
    if (!sqlite_finish(&run))
        return false;
    return sqlite3_changes(sqlite->db) == 1 ||
           error_set(err, ERROR_MISMATCH, "link %s: item %s of %s was answered before", in->link,
                     record->key, record->node);
}

/* With link, node and, if it has one, key as its parameters. */
static bool run_with(struct sqlite *sqlite, enum statement statement, const struct reply_settle *in,
                     bool has_key, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, statement, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_text(&run, 2, slice_of(in->record.node));
    if (has_key)
        sqlite_bind_text(&run, 3, slice_of(in->record.key));
    return sqlite_finish(&run);
}

static bool has_room(struct sqlite *sqlite, const struct reply_settle *in, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_SETTLED_COUNT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_text(&run, 2, slice_of(in->record.node));
    is_read = sqlite_step(&run, &has_row);
    if (is_read && has_row && sqlite_integer(&run, 0) >= LINK_NODES_MAX)
        is_read = too_many_nodes(in->link, err);
    sqlite_end(&run);
    return is_read;
}

bool sqlite_reply_settle(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct reply_settle *in = &transaction->reply_settle;

    if (in->record.key[0] == '\0')
        return run_with(sqlite, STATEMENT_REPLY_DELETE_NODE, in, false, err) &&
               run_with(sqlite, STATEMENT_SETTLED_DELETE, in, false, err);
    return has_room(sqlite, in, err) && run_with(sqlite, STATEMENT_REPLY_SETTLE, in, true, err) &&
           run_with(sqlite, STATEMENT_SETTLED_PUT, in, true, err);
}

static bool read_reply(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct reply_record *record = record_;

    record->epoch = sqlite_integer(run, 2);
    record->body = sqlite_read_bytes(run, 4, arena);
    return sqlite_read_text(run, 0, record->node, sizeof(record->node)) &&
           sqlite_read_text(run, 1, record->key, sizeof(record->key)) &&
           sqlite_read_hash(run, 3, record->digest);
}

bool sqlite_reply_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct reply_list *in = &transaction->reply_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 4);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_REPLY_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_text(&run, 2, slice_of(in->after_node));
    sqlite_bind_text(&run, 3, slice_of(in->after_key));
    in->records = sqlite_read_page(&run, &page, read_reply, &transaction->arena);
    return in->records != NULL;
}
