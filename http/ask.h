// SPDX-License-Identifier: Apache-2.0
/* One request to the running gateway's operators' socket, for the command line. BLOCKS: never on a
 * loop. */
#ifndef HTTP_ASK_H
#define HTTP_ASK_H

#include "conf/error.h"
#include "conf/text.h"

/* POST path with a JSON body to the unix socket; the reply's body is appended to reply and its
 * status stored. ERROR_NOT_FOUND: no gateway listens there; the text says how to start one. */
MUST_USE bool ask(const char *socket_path, const char *path, struct slice json, int *status,
                  struct text *reply, struct error *err);

#endif
