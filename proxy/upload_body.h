// SPDX-License-Identifier: Apache-2.0
/* A view of an upload's multipart body as it passes by: what must be known of it to pin what Kubo
 * would. Holds one part's head and one CAR header at most. Pure.
 *
 *   dag/import  the roots that the header of each CAR names
 *   add         whether the upload is one directory without a name, as Kubo's Go client sends it:
 *               then no entry's name shows what stands at the top. Looks at the first head only
 *
 * What cannot be read is a fault that counts only if the storage takes the upload all the same. */
#ifndef PROXY_UPLOAD_BODY_H
#define PROXY_UPLOAD_BODY_H

#include "ipfs/car.h"
#include "ipfs/catalogue.h"
#include "ipfs/multipart.h"
#include "proxy/upload_roots.h"

struct upload_body {
    enum command_id command;
    struct upload_roots *roots;
    struct multipart multipart;
    struct car_reader *car; /* of the part whose header is not read yet */
    bool has_nameless_directory;
    bool has_ended; /* all that is of use is known */
    struct error fault;
};

/* content_type is the request's. */
void upload_body_init(struct upload_body *body, enum command_id command, struct slice content_type,
                      struct upload_roots *roots);

/* False: nothing more is of use. */
bool upload_body_see(struct upload_body *body, struct slice content);

/* The storage took the upload: was everything of use seen? Else fault says what was not. */
MUST_USE bool upload_body_is_known(struct upload_body *body);

void upload_body_dispose(struct upload_body *body);

#endif
