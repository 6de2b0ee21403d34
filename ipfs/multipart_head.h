// SPDX-License-Identifier: Apache-2.0
/* The head of one part. Part of multipart.c. Pure. */
#ifndef IPFS_MULTIPART_HEAD_H
#define IPFS_MULTIPART_HEAD_H

#include "ipfs/multipart.h"

/* Reads multipart->head, all its lines with their CRLF, into multipart->part. */
MUST_USE bool multipart_head_parse(struct multipart *multipart, struct error *err);

#endif
