// SPDX-License-Identifier: Apache-2.0
/* Browsers are not members: which requests a web page may have sent, and which of those are let in.
 * Host guards against DNS rebinding, Origin and Referer against pages of other sites, and CORS
 * headers tell the browsers of the sites that are listed in `origins`. Pure. */
#ifndef PROXY_BROWSER_H
#define PROXY_BROWSER_H

#include "conf/config.h"
#include "http/head.h"

/* false with err (a sentence for the caller, ERROR_REFUSED): the request is not let in. Puts the
 * CORS headers of a listed origin into reply_headers either way, since a page may only read a
 * refusal that carries them. */
MUST_USE bool browser_check(const struct config *config, const struct head *head,
                            struct text *reply_headers, struct error *err);

/* A listed origin asks what it may send (OPTIONS with Access-Control-Request-Method): adds the
 * answer's headers. */
void browser_put_preflight(const struct head *head, struct text *reply_headers);

#endif
