// SPDX-License-Identifier: Apache-2.0
/* Small objects, whose blocks go with their reservation: read out of the storage where they are
 * placed, and taken in where they come, as many at a time as wait: the storage makes them durable
 * together, and whoever comes meanwhile goes with the next. */
#include "proxy/partner_data_private.h"

#include "conf/memory.h"
#include "ipfs/car.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TOGETHER_BYTES = 1024 * 1024, PATH_SIZE = 64 };

/* Those that are taken in together, by way of one file in memory: the ledger has their blocks until
 * the storage does. */
struct carrying {
    struct partner_data *data;
    struct work *works;
    struct operation *import; /* NULL: it has ended, and they are told */
    int fd;
};

static void begin_next(struct partner_data *data);

/* ---- the file */

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);

        if (written <= 0)
            return false;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return true;
}

static int make_file(struct slice car, struct error *err)
{
    int fd = memfd_create("carried", MFD_CLOEXEC);

    if (fd >= 0 && write_all(fd, car))
        return fd;
    error_set_errno(err, "a file in memory cannot be made");
    if (fd >= 0)
        close(fd);
    return -1;
}

static void carrying_free(struct carrying *carrying)
{
    if (carrying->fd >= 0)
        close(carrying->fd);
    free(carrying);
}

/* ---- they are in the storage, or not */

static void finish(struct carrying *carrying, const struct error *err)
{
    struct partner_data *data = carrying->data;
    struct error why = {0};
    struct work *work;

    if (err != NULL)
        why = *err;
    while ((work = carrying->works) != NULL) { /* who is told may cancel others */
        carrying->works = work->next_carried;
        work->next_carried = NULL;
        work->is_carried_here = false;
        partner_claim(work, 0, err != NULL ? &why : NULL);
    }
    data->carrying = NULL;
    carrying_free(carrying);
    begin_next(data);
}

static void on_stored(void *carrying_, const struct operation_result *result,
                      const struct error *err)
{
    struct carrying *carrying = carrying_;

    (void)result;
    carrying->import = NULL;
    finish(carrying, err);
}

/* ---- who is next */

static void on_again(struct timer *timer)
{
    begin_next(CONTAINER_OF(timer, struct partner_data, carried_again));
}

static struct carrying *gather(struct partner_data *data, struct error *err)
{
    struct carrying *carrying = memory_alloc(sizeof(*carrying));
    struct work **at = &data->carried;
    struct text car = {0};

    carrying->data = data;
    carrying->works = data->carried;
    car_put_header(&car, &data->carried->root, 1);
    for (; *at != NULL && car.size < TOGETHER_BYTES; at = &(*at)->next_carried)
        text_put_slice(&car, text_slice(&(*at)->carried));
    data->carried = *at;
    *at = NULL;
    if (data->carried == NULL)
        data->carried_end = &data->carried;
    carrying->fd = make_file(text_slice(&car), err);
    text_dispose(&car);
    return carrying;
}

static bool begin_import(struct carrying *carrying, struct error *err)
{
    char path[PATH_SIZE];

    if (carrying->fd < 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", carrying->fd);
    return upstream_import(carrying->data->storage, &carrying->import, path, on_stored, carrying,
                           err);
}

static void begin_next(struct partner_data *data)
{
    struct error err = {0};

    if (data->carrying != NULL || data->carried == NULL || data->storage == NULL)
        return;
    data->carrying = gather(data, &err);
    if (!begin_import(data->carrying, &err))
        finish(data->carrying, &err);
}

/* What comes in one turn goes together. */
static void begin_soon(struct partner_data *data)
{
    data->carried_again.fire = on_again;
    if (!timer_is_armed(&data->carried_again))
        timer_arm(data->settings.loop, &data->carried_again, 0);
}

void partner_carry(struct work *work, struct slice carried)
{
    struct partner_data *data = work->data;

    text_put_slice(&work->carried, carried);
    work->is_carried_here = true;
    *data->carried_end = work;
    data->carried_end = &work->next_carried;
    begin_soon(data);
}

/* ---- the end of one, or of the storage */

/* In front of those that wait. */
static void put_back(struct partner_data *data, struct carrying *carrying)
{
    struct work **at = &carrying->works;

    while (*at != NULL)
        at = &(*at)->next_carried;
    if (data->carried == NULL && carrying->works != NULL)
        data->carried_end = at;
    *at = data->carried;
    data->carried = carrying->works;
}

static bool unlink_from(struct work **at, const struct work *work)
{
    while (*at != NULL && *at != work)
        at = &(*at)->next_carried;
    if (*at == NULL)
        return false;
    *at = work->next_carried;
    return true;
}

static void give_up_carrying(struct partner_data *data)
{
    struct carrying *carrying = data->carrying;

    if (carrying == NULL)
        return;
    data->carrying = NULL;
    put_back(data, carrying);
    upstream_cancel(&carrying->import);
    carrying_free(carrying);
}

void partner_carry_no_more(struct work *work)
{
    struct partner_data *data = work->data;
    struct work **at = &data->carried;

    if (!work->is_carried_here)
        return;
    work->is_carried_here = false;
    if (data->carrying == NULL || !unlink_from(&data->carrying->works, work))
        unlink_from(&data->carried, work);
    else if (data->carrying->works == NULL && data->carrying->import != NULL)
        give_up_carrying(data);
    while (*at != NULL)
        at = &(*at)->next_carried;
    data->carried_end = at;
    begin_soon(data);
}

void partner_data_use_storage(struct partner_data *data, struct upstream *storage)
{
    struct error err = {0};
    struct work *work;

    give_up_carrying(data);
    data->storage = storage;
    error_set(&err, ERROR_CANCELED, "the storage is another one now");
    while ((work = data->reads) != NULL) {
        data->reads = work->next_read;
        upstream_cancel(&work->read);
        work->is_reading = false;
        work->on_read(work->arg, SLICE(""), &err);
        work_free(work);
    }
    if (storage != NULL)
        begin_soon(data);
    else
        timer_disarm(&data->carried_again);
}

/* ---- reading one */

static void end_read(struct work *work, bool is_too_large, const struct error *err)
{
    struct error why = {0};

    if (err != NULL)
        why = *err;
    partner_read_no_more(work);
    work->on_read(work->arg, is_too_large ? SLICE("") : text_slice(&work->carried),
                  err != NULL ? &why : NULL);
    work_free(work);
}

static void on_content(void *work_, struct slice content)
{
    struct work *work = work_;

    text_put_slice(&work->carried, content);
    if (work->carried.size > work->read_max)
        end_read(work, true, NULL);
}

static void on_exported(void *work_, const struct operation_result *result, const struct error *err)
{
    struct work *work = work_;

    (void)result;
    work->read = NULL;
    end_read(work, false, err);
}

void partner_read_no_more(struct work *work)
{
    struct work **at = &work->data->reads;

    if (!work->is_reading)
        return;
    work->is_reading = false;
    while (*at != work)
        at = &(*at)->next_read;
    *at = work->next_read;
    upstream_cancel(&work->read);
}

bool partner_read(void *data_, void **operation, const struct allocation_record *record, size_t max,
                  allocations_read on_read, void *done_arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work;

    if (data->storage == NULL)
        return error_set(err, ERROR_CANCELED, "this gateway is stopping");
    work = work_create(data, WORK_READ, "", record->id, &record->root, done_arg);
    work->on_read = on_read;
    work->read_max = max;
    if (!upstream_export(data->storage, &work->read, &work->root, 0, on_content, on_exported, work,
                         err)) {
        work_free(work);
        return false;
    }
    work->is_reading = true;
    work->next_read = data->reads;
    data->reads = work;
    *operation = work;
    return true;
}
