// SPDX-License-Identifier: Apache-2.0
/* Requests and replies that the tests of an exchange share. */
#ifndef TESTS_UNIT_HTTP_EXCHANGE_KIT_H
#define TESTS_UNIT_HTTP_EXCHANGE_KIT_H

#include "stage.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELLO     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define CLOSE     "Connection: close\r\n"
#define HELLO_CLOSED                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n" CLOSE "\r\nhello\n"
#define FORBIDDEN "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
#define OK_REPLY  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#endif
