// SPDX-License-Identifier: Apache-2.0
/* upload PORT BYTES length|chunked: one POST /api/v0/add with a body of that size, shaped as a
 * multipart upload of one file. Prints {"seconds":S,"bytes":N,"status":N}. */
#include "net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static const char opening[] = "--rig\r\nContent-Disposition: form-data; name=\"file\"; "
                              "filename=\"file\"\r\nContent-Type: application/octet-stream\r\n\r\n";
static const char closing[] = "\r\n--rig--\r\n";

/* One piece of the body, as one chunk if chunked. */
static bool send_piece(int fd, const char *bytes, size_t size, bool chunked)
{
    static char framed[PIECE + 32];

    if (!chunked)
        return net_write(fd, bytes, size);
    int head = snprintf(framed, 16, "%zx\r\n", size);
    memcpy(framed + head, bytes, size);
    framed[(size_t)head + size] = '\r';
    framed[(size_t)head + size + 1] = '\n';
    return net_write(fd, framed, (size_t)head + size + 2);
}

static bool send_request(int fd, uint64_t bytes, bool chunked)
{
    static char piece[PIECE];
    char head[512], framing[64] = "Transfer-Encoding: chunked";

    if (!chunked)
        snprintf(framing, sizeof(framing), "Content-Length: %" PRIu64,
                 bytes + sizeof(opening) + sizeof(closing) - 2);
    int size = snprintf(head, sizeof(head),
                        "POST /api/v0/add?pin=false HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "Content-Type: multipart/form-data; boundary=rig\r\n%s\r\n\r\n",
                        framing);
    memset(piece, 'c', sizeof(piece));
    bool sent =
        net_write(fd, head, (size_t)size) && send_piece(fd, opening, sizeof(opening) - 1, chunked);
    for (uint64_t left = bytes; sent && left > 0;) {
        size_t now = left < PIECE ? (size_t)left : PIECE;
        sent = send_piece(fd, piece, now, chunked);
        left -= now;
    }
    sent = sent && send_piece(fd, closing, sizeof(closing) - 1, chunked);
    return sent && (!chunked || net_write(fd, "0\r\n\r\n", 5));
}

/* The status of the reply, 0 if there was none. */
static int receive_status(int fd)
{
    char reply[4096];
    size_t used = 0;

    while (used < 12) {
        ssize_t size = recv(fd, reply + used, sizeof(reply) - 1 - used, 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return 0;
        used += (size_t)size;
    }
    reply[used] = '\0';
    return (int)strtol(reply + 9, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc != 4 || (strcmp(argv[3], "length") != 0 && strcmp(argv[3], "chunked") != 0)) {
        fputs("usage: upload PORT BYTES length|chunked\n", stderr);
        return 2;
    }
    uint64_t bytes = net_number(argv[2], "BYTES", 0, UINT64_C(1) << 50);
    int fd = net_connect((uint16_t)net_number(argv[1], "PORT", 1, UINT16_MAX));
    uint64_t start = net_now_ns();
    bool sent = send_request(fd, bytes, argv[3][0] == 'c');
    int status = receive_status(fd);

    printf("{\"seconds\":%.6f,\"bytes\":%" PRIu64 ",\"status\":%d}\n",
           (double)(net_now_ns() - start) / 1e9, bytes, status);
    close(fd);
    return sent && status == 200 ? 0 : 1;
}
