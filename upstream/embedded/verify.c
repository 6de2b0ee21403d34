// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/verify.h"

#include "conf/memory.h"
#include "upstream/embedded/gate.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/task.h"

#include <stdlib.h>

enum { PAGE = 1000 };

struct verify {
    struct node *node;
    verify_checked_cb on_checked;
    void *arg;
    bool drops;
    struct gate gate; /* closed while blocks may be dropped */
    struct verify_counts counts;
    struct cid after; /* the last one that was checked */
    bool has_after;
    size_t page_count, next;
    struct cid page[PAGE]; /* that is checked */
};

struct verify *verify_create(struct node *node, bool drops, verify_checked_cb on_checked, void *arg)
{
    struct verify *verify = memory_alloc(sizeof(*verify));

    verify->node = node;
    verify->drops = drops;
    verify->on_checked = on_checked;
    verify->arg = arg;
    return verify;
}

void verify_destroy(struct verify **verify)
{
    if (*verify != NULL)
        gate_open(&(*verify)->gate);
    free(*verify);
    *verify = NULL;
}

const struct verify_counts *verify_counts(const struct verify *verify)
{
    return &verify->counts;
}

static bool drop(struct verify *verify, const struct cid *cid, struct error *err)
{
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;

    blocks_write_remove(write, cid);
    return blocks_write_now(verify->node->blocks, &write, &written, err);
}

/* One that was removed since the page was listed is nobody's, and whole. */
static bool check(struct verify *verify, struct blocks_reader *reader, const struct cid *cid,
                  struct error *err)
{
    struct error why = {0};
    struct slice block;
    bool is_damaged = !blocks_reader_get(reader, cid, &block, &why) && why.code != ERROR_NOT_FOUND;

    verify->counts.checked++;
    verify->counts.damaged += is_damaged;
    if (is_damaged && verify->drops) {
        if (!drop(verify, cid, err))
            return false;
        verify->counts.dropped++;
    }
    verify->on_checked(verify->arg, cid, is_damaged ? &why : NULL, &verify->counts);
    return true;
}

static void on_listed(void *verify_, const struct cid *cid, uint32_t size)
{
    struct verify *verify = verify_;

    verify->page[verify->page_count++] = *cid;
}

static bool list_page(struct verify *verify, struct blocks_reader *reader, struct error *err)
{
    size_t count;

    if (verify->page_count > 0) {
        verify->after = verify->page[verify->page_count - 1];
        verify->has_after = true;
    }
    verify->page_count = verify->next = 0;
    return blocks_reader_list(reader, verify->has_after ? &verify->after : NULL, PAGE, on_listed,
                              verify, &count, err);
}

static enum verify_step run_checked(struct verify *verify, struct task *task,
                                    struct blocks_reader *reader, struct error *err)
{
    do {
        if (verify->next == verify->page_count && !list_page(verify, reader, err))
            return VERIFY_BAD;
        if (verify->page_count == 0)
            return VERIFY_DONE;
        if (!check(verify, reader, &verify->page[verify->next++], err))
            return VERIFY_BAD;
    } while (!task_is_due(task));
    return VERIFY_MORE;
}

enum verify_step verify_run(struct verify *verify, struct task *task, struct error *err)
{
    struct blocks_reader *reader;
    enum verify_step step;
    enum gate_step gate =
        verify->drops ? gate_close(&verify->gate, verify->node, err) : GATE_IS_QUIET;

    if (gate != GATE_IS_QUIET)
        return gate == GATE_WAITS ? VERIFY_WAITS : VERIFY_BAD;
    reader = blocks_reader_create(verify->node->blocks, true);
    step = run_checked(verify, task, reader, err);
    blocks_reader_destroy(&reader);
    return step;
}
