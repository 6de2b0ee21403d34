// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_claims.h"

#include "conf/memory.h"

#include <stdlib.h>

/* At once, of one upload: each is an operation on the storage. */
enum { PARALLEL = 8 };

struct claim {
    struct upload_claims *claims;
    struct tracker_call *call; /* NULL: this place is free */
    size_t index;              /* of the root */
};

struct upload_claims {
    struct upload_claims_settings settings;
    struct text name, labels;
    struct claim places[PARALLEL];
    size_t next, done;
    char **notes; /* by root; NULL: none was noted */
    struct later start;
};

static void cancel_all(struct upload_claims *claims)
{
    for (size_t i = 0; i < PARALLEL; i++)
        tracker_cancel(&claims->places[i].call);
    later_cancel(&claims->start);
}

static void note(struct upload_claims *claims, size_t index, struct slice text)
{
    if (claims->notes == NULL) {
        claims->notes = memory_resize_array(NULL, claims->settings.roots->count, sizeof(char *));
        memset(claims->notes, 0, claims->settings.roots->count * sizeof(char *));
    }
    claims->notes[index] = memory_alloc(text.size + 1);
    memcpy(claims->notes[index], text.data, text.size);
}

const char *upload_claims_note(const struct upload_claims *claims, size_t index)
{
    return claims->notes == NULL || claims->notes[index] == NULL ? "" : claims->notes[index];
}

/* Its caller's last act. */
static void fail(struct upload_claims *claims, const struct tracker_answer *answer, size_t index)
{
    cancel_all(claims);
    claims->settings.on_end(claims->settings.arg, answer, index);
}

static void go_on(struct upload_claims *claims);

static void on_done(void *claim_, const struct tracker_answer *answer)
{
    struct claim *claim = claim_;
    struct upload_claims *claims = claim->claims;

    claim->call = NULL;
    if (answer->outcome == TRACKER_MISSING && claims->settings.notes_missing) {
        note(claims, claim->index, answer->text);
    } else if (answer->outcome != TRACKER_DONE) {
        fail(claims, answer, claim->index);
        return;
    }
    claims->done++;
    go_on(claims);
}

/* False: it failed, and was told. */
static bool start(struct upload_claims *claims, struct claim *claim)
{
    struct tracker_request request = claims->settings.request;
    struct tracker_answer refused = {.outcome = TRACKER_FAILED};
    struct error err = {0};
    struct text typed = {0};
    bool is_started;

    claim->claims = claims;
    claim->index = claims->next++;
    request.cid = claims->settings.roots->cids[claim->index];
    cid_print(&request.cid, CID_BASE_DEFAULT, &typed);
    request.typed = text_slice(&typed);
    is_started = tracker_start(claims->settings.tracker, claims->settings.loop, &claim->call,
                               &request, NULL, on_done, claim, &err);
    text_dispose(&typed);
    if (is_started)
        return true;
    refused.text = slice_of(err.text);
    fail(claims, &refused, claim->index);
    return false;
}

static void go_on(struct upload_claims *claims)
{
    size_t count = claims->settings.roots->count;

    if (claims->done == count) {
        claims->settings.on_end(claims->settings.arg, NULL, 0);
        return;
    }
    for (size_t i = 0; i < PARALLEL && claims->next < count; i++)
        if (claims->places[i].call == NULL && !start(claims, &claims->places[i]))
            return;
}

static void on_start(struct later *later)
{
    go_on(CONTAINER_OF(later, struct upload_claims, start));
}

struct upload_claims *upload_claims_start(const struct upload_claims_settings *settings)
{
    struct upload_claims *claims = memory_alloc(sizeof(*claims));

    claims->settings = *settings;
    text_put_slice(&claims->name, settings->request.name);
    claims->settings.request.name = text_slice(&claims->name);
    text_put_slice(&claims->labels, settings->request.labels);
    claims->settings.request.labels = text_slice(&claims->labels);
    claims->start.run = on_start;
    loop_later(settings->loop, &claims->start);
    return claims;
}

void upload_claims_destroy(struct upload_claims **claims_ptr)
{
    struct upload_claims *claims = *claims_ptr;

    if (claims == NULL)
        return;
    *claims_ptr = NULL;
    cancel_all(claims);
    for (size_t i = 0; claims->notes != NULL && i < claims->settings.roots->count; i++)
        free(claims->notes[i]);
    free(claims->notes);
    text_dispose(&claims->name);
    text_dispose(&claims->labels);
    free(claims);
}
