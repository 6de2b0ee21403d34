// SPDX-License-Identifier: Apache-2.0
/* What tls.c and tls_peer.c share. */
#ifndef HTTP_TLS_PRIVATE_H
#define HTTP_TLS_PRIVATE_H

#include "http/tls.h"

/* Options, modes and buffers as io.c expects them. */
void tls_set_up(SSL_CTX *context);

#endif
