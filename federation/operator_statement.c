// SPDX-License-Identifier: Apache-2.0
#include "federation/operator_statement.h"

#include "conf/memory.h"

#include "federation/links.h"
#include "federation/statements.h"
#include "ipfs/multibase.h"

#include <stdio.h>
#include <string.h>

enum { DIFFERENCES_MAX = 20, CUT_SIZE = 2 * ULID_SIZE, BASE = 'm' };

/* ---- what is asked */

static bool read_ulid(struct slice text, char ulid[ULID_SIZE])
{
    if (text.size > 0 && !ulid_is_valid(text))
        return false;
    if (text.size > 0)
        memcpy(ulid, text.data, text.size);
    return true;
}

/* "OURS,THEIRS"; theirs may be empty. */
static bool read_cut(struct slice text, struct link_cut *cut)
{
    const char *comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
    size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;

    if (text.size == 0)
        return true;
    return comma != NULL && size > 0 && read_ulid((struct slice){text.data, size}, cut->ours) &&
           read_ulid((struct slice){comma + 1, text.size - size - 1}, cut->theirs);
}

static bool read_ask(const json_t *input, struct statements_ask *ask, struct error *err)
{
    static const char *const fields[] = {"\"partner", "\"at", "\"after", "?alone", NULL};

    if (!operator_check_fields(input, fields, err))
        return false;
    ask->partner = operator_text(input, "partner").data;
    if (ask->partner == NULL || ask->partner[0] == '\0')
        return error_set(err, ERROR_SYNTAX, "partner is missing: which one?");
    if (strncmp(ask->partner, "partner:", 8) == 0)
        ask->partner += 8;
    if (!id_check(slice_of(ask->partner), "partner", err))
        return false;
    if (!read_cut(operator_text(input, "at"), &ask->cut))
        return error_set(err, ERROR_SYNTAX,
                         "at: OURS,THEIRS, as a statement was printed: two keys of 26 characters");
    if (!read_ulid(operator_text(input, "after"), ask->cut.after))
        return error_set(err, ERROR_SYNTAX, "after: what the page before said was its last");
    ask->is_alone = json_is_true(json_object_get(input, "alone"));
    return true;
}

/* ---- what is said */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void put_bytes(json_t *out, const char *name, struct slice bytes)
{
    struct text text = {0};

    if (bytes.size == 0)
        return;
    multibase_encode(BASE, bytes.data, bytes.size, &text);
    json_object_set_new(out, name, json_stringn(text.data, text.size));
    text_dispose(&text);
}

static void put_digest(json_t *out, struct slice bytes)
{
    uint8_t digest[STATEMENT_DIGEST_SIZE];
    char text[2 * STATEMENT_DIGEST_SIZE + 1];

    statement_digest(bytes, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(&text[2 * i], 3, "%02x", digest[i]);
    json_object_set_new(out, "digest", json_string(text));
}

static json_t *describe_sides(const struct statement *page)
{
    json_t *sides = json_array();

    for (size_t i = 0; i < 2; i++)
        json_array_append_new(sides, json_pack("{s:s,s:o,s:o,s:s}", "org", page->sides[i].org,
                                               "pins", number(page->sides[i].pins), "bytes",
                                               number(page->sides[i].bytes), "settled",
                                               page->sides[i].settled));
    return sides;
}

struct differing {
    const struct statement *page;
    json_t *list;
    size_t count;
};

static void on_difference(void *differing_, const struct statement_entry *ours,
                          const struct statement_entry *theirs)
{
    struct differing *differing = differing_;
    const struct statement_entry *entry = ours != NULL ? ours : theirs;
    struct text cid = {0};

    if (differing->count++ >= DIFFERENCES_MAX)
        return;
    cid_print(&entry->root, CID_BASE_DEFAULT, &cid);
    json_array_append_new(differing->list,
                          json_pack("{s:s,s:s,s:s,s:s}", "id", entry->id, "cid", cid.data, "holder",
                                    differing->page->sides[entry->side].org, "is",
                                    ours == NULL     ? "theirs"
                                    : theirs == NULL ? "ours"
                                                     : "both"));
    text_dispose(&cid);
}

/* Of the ids that both pages reach: a page that lacks an entry reaches further. */
static void shorten(struct statement *page, const struct statement *other)
{
    if (other->is_last || other->count == 0)
        return;
    while (page->count > 0 &&
           strcmp(page->entries[page->count - 1].id, other->entries[other->count - 1].id) > 0)
        page->count--;
}

static void compare(json_t *out, const struct statements_page *page)
{
    struct statement *ours = memory_alloc(sizeof(*ours)), *theirs = memory_alloc(sizeof(*theirs));
    struct differing differing = {.page = page->ours, .list = json_array()};
    struct error err = {0};

    *ours = *page->ours;
    if (!statement_read(theirs, page->theirs, &err)) {
        json_object_set_new(out, "why", json_string(err.text));
    } else {
        shorten(ours, theirs);
        shorten(theirs, ours);
        (void)statement_compare(ours, theirs, on_difference, &differing);
        json_object_set_new(
            out, "why",
            differing.count > 0
                ? json_sprintf("%zu entries of this page differ", differing.count)
                : json_string(
                      "the entries of this page are the same, what is said of both is not"));
    }
    json_object_set_new(out, "differences", differing.list);
    free(ours);
    free(theirs);
}

static void put_verdict(json_t *out, const struct statements_page *page)
{
    bool is_same = slice_equal(page->bytes, page->theirs);

    if (page->theirs.size == 0) {
        json_object_set_new(out, "agrees", json_null());
        json_object_set_new(
            out, "why", json_string(page->err != NULL ? page->err->text : "they were not asked"));
        return;
    }
    json_object_set_new(out, "agrees", json_boolean(is_same && page->err == NULL));
    if (!is_same)
        compare(out, page);
    else if (page->err != NULL)
        json_object_set_new(out, "why", json_string(page->err->text));
}

static const char *their_org(const struct statement *page, const char *partner,
                             const struct links *links)
{
    struct links_peer peer;

    return links_peer(links, partner, &peer) ? page->sides[statement_side_of(page, peer.org)].org
                                             : "";
}

static json_t *describe(const struct statements_page *page, const char *partner,
                        const struct links *links)
{
    const struct statement *ours = page->ours;
    char cut[CUT_SIZE], there[CUT_SIZE];
    json_t *out;

    (void)snprintf(cut, sizeof(cut), "%s,%s", page->cut.ours, page->cut.theirs);
    (void)snprintf(there, sizeof(there), "%s,%s", page->cut.theirs, page->cut.ours);
    out = json_pack("{s:s,s:s,s:s*,s:s,s:o,s:o,s:i,s:s}", "partner", partner, "cut", cut, "there",
                    page->cut.theirs[0] != '\0' ? there : NULL, "link", ours->link, "epoch",
                    number(ours->epoch), "sides", describe_sides(ours), "count", (int)ours->count,
                    "their_org", their_org(ours, partner, links));
    if (!ours->is_last)
        json_object_set_new(out, "last", json_string(ours->entries[ours->count - 1].id));
    put_bytes(out, "page", page->bytes);
    put_digest(out, page->bytes);
    put_bytes(out, "signature", page->signature);
    put_bytes(out, "their_signature", page->their_signature);
    put_verdict(out, page);
    return out;
}

static void on_page(void *call_, const struct statements_page *page, const struct error *err)
{
    struct operator_call *call = call_;
    const char *partner = operator_text(operator_input(call), "partner").data;

    if (strncmp(partner, "partner:", 8) == 0)
        partner += 8;
    if (page == NULL)
        operator_refuse_error(call, err);
    else
        operator_answer(call, 200, describe(page, partner, operator_site(call)->links));
}

static void run_statement(struct operator_call *call)
{
    const struct operator_site *site = operator_site(call);
    struct statements_ask ask = {0};
    struct links_peer peer;
    struct error err = {0};

    if (site->links == NULL || site->statements == NULL)
        operator_refuse(call, 409, "%s",
                        site->links_missing != NULL ? site->links_missing
                                                    : "this gateway has no port for partners");
    else if (!read_ask(operator_input(call), &ask, &err))
        operator_refuse_error(call, &err);
    else if (!links_peer(site->links, ask.partner, &peer) || peer.epoch == 0)
        operator_refuse(call, 404,
                        "there is no link with %s; causeway link list has those that there are",
                        ask.partner);
    else
        statements_make(site->statements, &ask, on_page, call);
}

const struct operator_route statement_routes[] = {
    {"/link/statement", run_statement},
    {NULL, NULL},
};
