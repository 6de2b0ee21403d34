// SPDX-License-Identifier: Apache-2.0
#include "proxy/listening.h"

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

static int listen_on(const struct address *address, bool shared, struct error *err)
{
    const char *path = ((const struct sockaddr_un *)(const void *)&address->sockaddr)->sun_path;
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0) {
        error_set_errno(err, "listening on %s", address->text);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared && address->kind == ADDRESS_IP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address->kind == ADDRESS_UNIX)
        unlink(path); /* of a process that is gone; ours is kept by the data folder's lock */
    if (bind(fd, (const struct sockaddr *)&address->sockaddr, address->size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        error_set_errno(err, "listening on %s", address->text);
        close(fd);
        return -1;
    }
    return fd;
}

bool listening_open(const struct address *address, int *fds, uint32_t count, struct address *actual,
                    struct error *err)
{
    socklen_t size = sizeof(actual->sockaddr);
    struct sockaddr_storage bound;

    fds[0] = listen_on(address, true, err);
    if (fds[0] < 0)
        return false;
    *actual = *address;
    if (address->kind == ADDRESS_IP && getsockname(fds[0], (struct sockaddr *)&bound, &size) == 0)
        address_from_sockaddr(actual, (const struct sockaddr *)&bound, size);
    for (uint32_t i = 1; i < count; i++) {
        fds[i] = address->kind == ADDRESS_IP ? listen_on(actual, true, err)
                                             : fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0)
            return error_set_errno(err, "listening on %s", address->text);
    }
    return true;
}
