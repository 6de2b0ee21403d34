// SPDX-License-Identifier: Apache-2.0
#include "proxy/context.h"

#include "conf/memory.h"
#include "proxy/quota_store.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static bool open_audit(struct context *context, const struct config *config,
                       struct log_writer *messages, struct error *err)
{
    struct text path = {0}, notice = {0};
    struct audit_settings settings = {.store = context->store};
    bool result;

    text_put_format(&path, "%s/audit.log", config->data);
    settings.path = path.data;
    result = audit_open(&context->audit, &settings, &notice, err);
    if (result && notice.size > 0)
        log_message(messages, LOG_LEVEL_WARNING, "%s", notice.data);
    text_dispose(&path);
    text_dispose(&notice);
    return result;
}

static struct throttle *make_throttle(void)
{
    static const struct throttle_settings usual = {0};
    uint8_t seed[16];

    if (RAND_bytes(seed, sizeof(seed)) != 1)
        memset(seed, 0, sizeof(seed)); /* the table still bounds what it counts */
    return throttle_create(&usual, seed);
}

bool context_open(struct context *context, const struct config *config, struct log_writer *messages,
                  struct error *err)
{
    struct store_settings settings = {.folder = config->data};

    if (!store_open(&context->store, &settings, err))
        return false;
    context->directory = directory_create();
    context->throttle = make_throttle();
    context->accounts = accounts_create();
    context->walks = memory_alloc(sizeof(*context->walks));
    context->denylist = denylist_create();
    context->writes = memory_alloc(sizeof(*context->writes));
    return directory_attach(context->directory, context->store, err) &&
           denylist_attach(context->denylist, context->store, err) &&
           open_audit(context, config, messages, err) &&
           quota_store_load(context->accounts, context->store, messages, err);
}

void context_close(struct context *context)
{
    audit_close(&context->audit);
    if (context->directory != NULL)
        directory_detach(context->directory);
    if (context->denylist != NULL)
        denylist_detach(context->denylist);
    store_close(&context->store);
    directory_destroy(&context->directory);
    throttle_destroy(&context->throttle);
    accounts_destroy(&context->accounts);
    denylist_destroy(&context->denylist);
    free(context->walks);
    context->walks = NULL;
    free(context->writes);
    context->writes = NULL;
}

void worker_tools_create(struct worker_tools *tools, const struct context *context)
{
    *tools = (struct worker_tools){
        .reader = directory_view_create(context->directory),
        .denylist = denylist_reader_create(context->denylist),
        .audit = audit_writer_create(context->audit),
    };
}

void worker_tools_dispose(struct worker_tools *tools)
{
    directory_view_destroy(&tools->reader);
    denylist_reader_destroy(&tools->denylist);
    audit_writer_destroy(&tools->audit);
}
