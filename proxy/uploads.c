// SPDX-License-Identifier: Apache-2.0
#include "proxy/uploads.h"

#include "conf/memory.h"
#include "policy/decide.h"
#include "proxy/copies_wait.h"
#include "proxy/deny_gate.h"
#include "proxy/pin_call.h"
#include "proxy/refusal.h"
#include "proxy/rpc_relay.h"
#include "proxy/upload_body.h"
#include "proxy/upload_claims.h"
#include "proxy/upload_intent.h"
#include "proxy/upload_options.h"
#include "proxy/upload_reply.h"
#include "proxy/upload_room.h"

#include <stdio.h>
#include <stdlib.h>

/* One that pins: the work of its call (struct rpc). */
struct upload {
    struct rpc *rpc;
    struct upload_wish wish;
    struct owner owner;
    struct upload_intent *intent;
    struct upload_roots roots;
    struct upload_body body;
    struct view view;
    struct upload_room room;
    struct upload_reply reply;
    struct upload_claims *claims;
    struct copies_wait *copies;
    uint64_t begun_ms;
};

static void end_work(struct rpc *rpc)
{
    struct upload *upload = rpc->work;

    rpc->work = NULL;
    copies_wait_destroy(&upload->copies);
    upload_claims_destroy(&upload->claims);
    upload_room_drop(&upload->room);
    upload_intent_close(&upload->intent);
    upload_body_dispose(&upload->body);
    upload_reply_dispose(&upload->reply);
    upload_roots_dispose(&upload->roots);
    free(upload);
}

static struct upload *upload_of(struct exchange *exchange)
{
    const struct rpc *rpc = *exchange_context(exchange);

    return rpc->work;
}

/* ---- the body passes */

/* Then there is room for all of it, or nothing is taken. */
static bool has_known_length(const struct upload *upload)
{
    return upload->rpc->content_length >= 0;
}

static enum view_result see(void *upload_, struct slice content, struct meter_refusal *refusal)
{
    struct upload *upload = upload_;
    bool wants_more = upload_body_see(&upload->body, content);

    upload->reply.has_one_root = upload->wish.wraps || upload->body.has_nameless_directory;
    if (has_known_length(upload))
        return wants_more ? VIEW_MORE : VIEW_ENOUGH;
    if (!upload_room_take(&upload->room, content.size, refusal))
        return VIEW_REFUSED;
    return wants_more || upload->room.is_limited ? VIEW_MORE : VIEW_ENOUGH;
}

/* ---- the reply passes */

/* As Kubo says it there, without the word that it begins with elsewhere. */
static struct slice root_note(const struct upload *upload, size_t index)
{
    static const char prefix[] = "pin: ";
    struct slice note = slice_of(upload_claims_note(upload->claims, index));

    if (slice_starts(note, prefix))
        note = (struct slice){note.data + sizeof(prefix) - 1, note.size - (sizeof(prefix) - 1)};
    return note;
}

/* As Kubo writes them, in the order of the upload (Kubo's is any). */
static void put_root_lines(const struct upload *upload, struct text *out)
{
    for (size_t i = 0; i < upload->roots.count; i++) {
        text_put_text(out, "{\"Root\":{\"Cid\":{\"/\":\"");
        cid_print(&upload->roots.cids[i], CID_BASE_DEFAULT, out);
        text_put_text(out, "\"},\"PinErrorMsg\":\"");
        text_put_json(out, root_note(upload, i));
        text_put_text(out, "\"}}\n");
    }
}

/* At its end, everything is pinned. */
static void rewrite(void *upload_, struct slice content, bool is_last, struct text *out)
{
    struct upload *upload = upload_;

    if (!is_last) {
        upload_reply_take(&upload->reply, content, out);
        return;
    }
    if (upload->rpc->call->command->id == COMMAND_DAG_IMPORT)
        put_root_lines(upload, out);
    upload_reply_put_held(&upload->reply, out);
}

/* ---- the reply came whole */

static int status_of_fault(const struct error *fault)
{
    switch (fault->code) {
    case ERROR_UNSUPPORTED: /* in Kubo's words */
        return 500;
    case ERROR_SYNTAX:
    case ERROR_LIMIT:
        return 400;
    default:
        return 502;
    }
}

static void refuse_claim(struct upload *upload, const struct tracker_answer *answer, size_t index)
{
    struct text message = {0};

    refusal_put_answer(answer, &message);
    if (upload->roots.count > 1) {
        text_put_text(&message, " (at ");
        cid_print(&upload->roots.cids[index], CID_BASE_DEFAULT, &message);
        text_put_format(&message, ", one of %zu roots: `ipfs pin ls` shows which are pinned)",
                        upload->roots.count);
    }
    exchange_cut(upload->rpc->exchange, refusal_status(answer->outcome), CLOSE_REFUSED,
                 message.data);
    text_dispose(&message);
}

/* ---- all of it is pinned here */

static bool is_left_out(void *upload_, size_t index)
{
    const struct upload *upload = upload_;

    return upload_claims_note(upload->claims, index)[0] != '\0';
}

/* As the command's own progress has it, with what else there is to say. */
static void on_copies_progress(void *upload_, uint32_t there, uint32_t wanted)
{
    struct upload *upload = upload_;
    struct text line = {0};

    upload_reply_put_progress(&upload->reply, there, wanted, &line);
    exchange_hold_put(upload->rpc->exchange, text_slice(&line)); /* the upload may be gone */
    text_dispose(&line);
}

static void on_copies(void *upload_, int status, const char *why)
{
    struct upload *upload = upload_;

    if (why != NULL)
        exchange_cut(upload->rpc->exchange, status, CLOSE_REFUSED, why);
    else
        exchange_release(upload->rpc->exchange, (struct slice){NULL, 0});
}

static void wait_for_copies(struct upload *upload)
{
    const struct rpc *rpc = upload->rpc;
    bool has_progress = rpc->call->command->id == COMMAND_ADD && !upload->reply.is_silent &&
                        call_option_bool(rpc->call, OPT_PROGRESS, false);
    const struct copies_wait_settings settings = {.rpc = upload->rpc,
                                                  .cids = upload->roots.cids,
                                                  .count = upload->roots.count,
                                                  .copies = rpc_min_copies(rpc),
                                                  .begun_ms = upload->begun_ms,
                                                  .is_left_out = is_left_out,
                                                  .on_progress =
                                                      has_progress ? on_copies_progress : NULL,
                                                  .on_end = on_copies,
                                                  .arg = upload};

    upload->copies = copies_wait_start(&settings);
}

static void on_claimed(void *upload_, const struct tracker_answer *failed, size_t index)
{
    struct upload *upload = upload_;

    if (failed != NULL) {
        refuse_claim(upload, failed, index);
        return;
    }
    upload_intent_close(&upload->intent);
    if (copies_wait_is_needed(upload->rpc, rpc_min_copies(upload->rpc)))
        wait_for_copies(upload);
    else
        exchange_release(upload->rpc->exchange, (struct slice){NULL, 0});
}

static void claim(struct upload *upload)
{
    const struct rpc *rpc = upload->rpc;
    struct text labels = {0};
    struct upload_claims_settings settings = {
        .tracker = rpc->site->context->tracker,
        .loop = rpc->site->loop,
        .roots = &upload->roots,
        .request =
            {
                .action = TRACKER_CLAIM,
                .owner = upload->owner,
                .mode = PIN_RECURSIVE,
                .has_name = true, /* Kubo too forgets the name that was there before */
                .name = upload->wish.name,
                .min_copies = rpc_min_copies(rpc),
                .expires_ms = rpc_pin_expires_ms(rpc),
                .shortens = call_has_option(rpc->call, OPT_CW_EXPIRE_IN),
                .offline = pin_call_is_offline(rpc),
            },
        .notes_missing = rpc->call->command->id == COMMAND_DAG_IMPORT,
        .on_end = on_claimed,
        .arg = upload,
    };

    rpc_put_labels(rpc, &labels);
    settings.request.labels = text_slice(&labels);
    upload_room_drop(&upload->room); /* the claims take what it truly needs */
    upload->claims = upload_claims_start(&settings);
    text_dispose(&labels);
}

/* True: one is on the denylist, and the reply has ended. */
static bool is_denied(struct upload *upload)
{
    for (size_t i = 0; i < upload->roots.count; i++) {
        struct cid cid = upload->roots.cids[i];
        struct text shown = {0};
        bool is_refused;

        cid_print(&cid, CID_BASE_DEFAULT, &shown);
        is_refused = deny_gate_refuses(upload->rpc, text_slice(&shown), &cid);
        text_dispose(&shown);
        if (is_refused)
            return true; /* the upload may be gone */
    }
    return false;
}

static void on_held(struct exchange *exchange)
{
    struct upload *upload = upload_of(exchange);
    const struct error *fault = &upload->reply.fault;

    upload_reply_end(&upload->reply, exchange_upstream_trailers(exchange));
    if (fault->code == ERROR_NONE && !upload_body_is_known(&upload->body))
        fault = &upload->body.fault;
    if (fault->code != ERROR_NONE) {
        exchange_cut(exchange, status_of_fault(fault), CLOSE_REFUSED, fault->text);
        return;
    }
    upload_roots_settle(&upload->roots);
    if (!is_denied(upload))
        claim(upload);
}

/* ---- beginning */

static void on_intent(void *upload_, const struct error *err)
{
    struct upload *upload = upload_;
    struct rpc *rpc = upload->rpc;
    struct upstream_request request;

    if (err != NULL) {
        exchange_refuse(rpc->exchange, 503, CLOSE_FAILED, "the gateway's ledger: %s", err->text);
        return;
    }
    request = rpc_relay_request(rpc);
    request.view = &upload->view;
    request.rewrite = rewrite;
    request.rewrite_arg = upload;
    request.holds_end = request.holds_head = request.is_for_success = true;
    request.on_held = on_held;
    upstream_relay(rpc->site->upstream, rpc->exchange, &request);
}

static void start(struct rpc *rpc, const struct upload_wish *wish, const struct owner *owner)
{
    struct upload *upload = memory_alloc(sizeof(*upload));
    const struct command *command = rpc->call->command;
    struct meter_refusal refusal;
    struct error err = {0};

    *upload = (struct upload){
        .rpc = rpc, .wish = *wish, .owner = *owner, .begun_ms = loop_now_ms(rpc->site->loop)};
    upload_body_init(&upload->body, command->id, text_slice(&rpc->content_type), &upload->roots);
    upload->view = (struct view){.see = see, .arg = upload};
    upload->reply = (struct upload_reply){.command = command->id,
                                          .has_one_root = wish->wraps,
                                          .is_silent = wish->is_silent,
                                          .roots = &upload->roots};
    rpc->work = upload;
    rpc->end_work = end_work;
    upload_room_open(&upload->room, rpc->site, owner);
    if (has_known_length(upload) &&
        !upload_room_take(&upload->room, (uint64_t)rpc->content_length, &refusal))
        exchange_refuse(rpc->exchange, refusal.status, CLOSE_REFUSED, "%s", refusal.message);
    else if (!upload_intent_open(&upload->intent, rpc->site, owner, command->path, on_intent,
                                 upload, &err))
        exchange_refuse(rpc->exchange, 503, CLOSE_FAILED, "the gateway's ledger: %s", err.text);
}

static bool may_share(const struct rpc *rpc, const struct upload_wish *wish, struct error *err)
{
    return !wish->needs_shared || (rpc->rights & RIGHT_SHARED_NODE) != 0 ||
           error_set(err, ERROR_REFUSED,
                     "%s: to-files writes into the tree of files that all members share, and needs "
                     "the right shared-node",
                     rpc->call->command->path);
}

void uploads_treat(struct rpc *rpc)
{
    struct upload_wish wish;
    struct owner owner;
    struct error err = {0};

    if (!rpc_check_own_options(rpc, &err) || !upload_options_take(&wish, rpc->call, &err) ||
        !may_share(rpc, &wish, &err) ||
        (wish.pins &&
         (!rpc_owner(rpc, &owner, &err) || !rpc_check_copies(rpc, PIN_RECURSIVE, &err))))
        rpc_refuse(rpc, &err);
    else if (wish.pins)
        start(rpc, &wish, &owner);
    else
        rpc_relay(rpc);
}
