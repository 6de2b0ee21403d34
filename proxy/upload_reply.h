// SPDX-License-Identifier: Apache-2.0
/* A view of the reply to an upload as it passes by: learns what is to be pinned, and keeps the last
 * line back, so that a reply that came whole has been acknowledged. Holds one line and the roots,
 * however many lines there are. Pure.
 *
 * Kubo's lines (0.39 to 0.43.1):
 *
 *   add         {"Name","Bytes"} while it reads, {"Name","Hash","Size"} for each file and
 * directory. Kubo pins every entry at the top, whose name has no slash; with wrap-with-directory,
 * and where the upload is one directory without a name, the last one alone, whose name is empty
 *   dag/put     {"Cid":{"/":cid}} for each node: pinned are all
 *   block/put   {"Key":cid,"Size"} for each block: pinned are all
 *   dag/import  {"Stats"}, if asked for: the roots are in the upload (upload_body.h)
 *
 * An error behind the first line is a line of its own or, mostly, a trailer: none of it is a whole
 * reply. */
#ifndef PROXY_UPLOAD_REPLY_H
#define PROXY_UPLOAD_REPLY_H

#include "ipfs/catalogue.h"
#include "ipfs/ndjson.h"
#include "proxy/upload_roots.h"

/* {0} with the first four set begins one. */
struct upload_reply {
    enum command_id command;
    bool has_one_root;          /* of add: the entry without a name, and nothing else */
    bool is_silent;             /* no line passes */
    struct upload_roots *roots; /* found ones are added */
    struct ndjson lines;
    struct text held; /* the last line */
    struct text name; /* of the last line of progress, and its number */
    uint64_t bytes;
    struct error fault; /* the reply must not be taken for whole; nothing passes any more */
};

/* Takes content; what may pass is appended to out. */
void upload_reply_take(struct upload_reply *reply, struct slice content, struct text *out);

/* It came whole, with these trailers (lines). After it, fault and roots are final. */
void upload_reply_end(struct upload_reply *reply, struct slice trailers);

/* A line of `add` as it writes them of its progress, of the last file again, with what there is to
 * say of copies. Clients know its members, and take no notice of the others. */
void upload_reply_put_progress(const struct upload_reply *reply, uint32_t copies, uint32_t wanted,
                               struct text *out);

/* What was held back. */
void upload_reply_put_held(struct upload_reply *reply, struct text *out);

void upload_reply_dispose(struct upload_reply *reply);

#endif
