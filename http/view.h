// SPDX-License-Identifier: Apache-2.0
/* Somebody who looks at the content of one direction of an exchange before it passes, and changes
 * none of it. While there is one, content is read, never moved inside the kernel. Loop thread only.
 */
#ifndef HTTP_VIEW_H
#define HTTP_VIEW_H

#include "conf/text.h"
#include "http/meter.h"

enum view_result {
    VIEW_MORE,
    VIEW_ENOUGH, /* it is not called any more */
    VIEW_REFUSED /* the content must not pass; *refusal says why */
};

/* The handler's memory, until on_end. */
struct view {
    /* At once; must not tell the exchange anything but a header. content is good until it returns.
     */
    enum view_result (*see)(void *arg, struct slice content, struct meter_refusal *refusal);
    void *arg;
    struct meter_refusal refusal; /* filled when see refused */
};

#endif
