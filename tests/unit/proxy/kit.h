// SPDX-License-Identifier: Apache-2.0
/* Configurations, heads and calls out of texts, for the tests of proxy/. */
#ifndef TESTS_PROXY_KIT_H
#define TESTS_PROXY_KIT_H

#include "conf/config.h"
#include "http/head.h"
#include "ipfs/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CID "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

static inline const struct config *kit_config(const char *yaml)
{
    const struct config *config;
    struct error err = {0};

    if (!config_load_bytes(&config, "/tmp/causeway.yaml", slice_of(yaml), &err))
        fail_msg("%s", err.text);
    return config;
}

/* The head borrows from text: all of a request, with its empty line. */
static inline struct head kit_head(const char *text)
{
    struct head_fault fault;
    struct head head;

    if (head_parse_request(&head, text, strlen(text), 0, &fault) != HEAD_DONE)
        fail_msg("%s", fault.text);
    return head;
}

/* "pin/add?arg=.." */
static inline struct call *kit_call(const char *target, bool has_multipart)
{
    struct error err = {0};
    struct call *call;
    char path[512];
    int size = snprintf(path, sizeof(path), "/api/v0/%s", target);

    if (!call_parse(&call, (struct slice){path, (size_t)size}, has_multipart, &err))
        fail_msg("%s: %s", target, err.text);
    return call;
}

#endif
