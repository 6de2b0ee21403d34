// SPDX-License-Identifier: Apache-2.0
#include "http/ask.h"

#include "http/framing.h"
#include "http/head.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_S = 60, REPLY_MAX = 256 * 1024 * 1024 };

static int connect_to(const char *path, struct error *err)
{
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set(err, ERROR_LIMIT, "%s: a socket's path has at most %zu bytes", path,
                  sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        return fd;
    }
    if (errno == ENOENT || errno == ECONNREFUSED)
        error_set(err, ERROR_NOT_FOUND,
                  "no gateway runs here (nobody listens on %s); start it: causeway serve", path);
    else
        error_set_errno(err, "%s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, const struct text *bytes, struct error *err)
{
    size_t sent = 0;

    while (sent < bytes->size) {
        ssize_t put = send(fd, bytes->data + sent, bytes->size - sent, MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_set_errno(err, "asking the gateway");
        sent += (size_t)put;
    }
    return true;
}

/* The gateway closes behind its reply. */
static bool receive_all(int fd, struct text *bytes, struct error *err)
{
    for (;;) {
        char *room = text_reserve(bytes, 65536);
        ssize_t got = recv(fd, room, 65536, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, "waiting for the gateway's answer");
        if (got == 0)
            return true;
        bytes->size += (size_t)got;
        if (bytes->size > REPLY_MAX)
            return error_set(err, ERROR_LIMIT, "the gateway's answer is too large");
    }
}

static bool take_body(struct decoder *decoder, char *data, size_t size, struct text *reply)
{
    while (size > 0 && !decoder->is_done) {
        struct iovec content[16];
        int count = ARRAY_SIZE(content);
        size_t used;

        if (decoder_read(decoder, data, size, &used, content, &count) == DECODE_BAD)
            return false;
        for (int i = 0; i < count; i++)
            text_put(reply, content[i].iov_base, content[i].iov_len);
        data += used;
        size -= used;
    }
    return decoder->is_done;
}

static bool read_reply(struct text *raw, int *status, struct text *reply, struct error *err)
{
    static const struct framing_limits limits = {.trailer_size = 1024, .extension_size = 256};
    struct head_fault fault = {.text = "it ended too early"};
    struct decoder decoder;
    struct head head;
    bool result;

    if (raw->size == 0 ||
        head_parse_reply(&head, raw->data, raw->size, 0, false, &fault) != HEAD_DONE)
        return error_set(err, ERROR_SYNTAX, "the gateway's answer cannot be read: %s", fault.text);
    *status = head.status;
    decoder_init(&decoder, head.body, head.content_length, &limits);
    result =
        take_body(&decoder, raw->data + head.size, raw->size - head.size, reply) || decoder.is_done;
    decoder_dispose(&decoder);
    return result || error_set(err, ERROR_SYNTAX, "the gateway's answer ended too early");
}

bool ask(const char *socket_path, const char *path, struct slice json, int *status,
         struct text *reply, struct error *err)
{
    struct text request = {0}, raw = {0};
    int fd = connect_to(socket_path, err);
    bool result;

    if (fd < 0)
        return false;
    text_put_format(&request,
                    "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                    path, json.size);
    text_put_slice(&request, json);
    result = send_all(fd, &request, err) && receive_all(fd, &raw, err) &&
             read_reply(&raw, status, reply, err);
    close(fd);
    text_dispose(&request);
    text_dispose(&raw);
    return result;
}
