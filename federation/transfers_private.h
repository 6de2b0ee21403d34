// SPDX-License-Identifier: Apache-2.0
/* What the files of transfers share. All of it is the link worker's loop's, but where it says
 * otherwise. */
#ifndef FEDERATION_TRANSFERS_PRIVATE_H
#define FEDERATION_TRANSFERS_PRIVATE_H

#include "federation/inbox.h"
#include "federation/peer_client.h"
#include "federation/transfers.h"
#include "http/errand.h"

#include <stdatomic.h>

enum {
    SINK_ROOM = 2 << 20,   /* bytes that wait for a job */
    SOURCE_ROOM = 1 << 20, /* bytes that wait for the connection */
    TRANSFERS_IMPORTS = 2, /* at once */
};

/* ---- transfers_pace.c: bytes a second of one link and direction */

struct pace {
    uint64_t rate;    /* 0: not limited */
    int64_t left;     /* below 0: what was taken ahead */
    uint64_t seen_ms; /* when left was right */
};

/* 0: go on; else: not before so many ms. */
uint64_t pace_wait_ms(struct pace *pace, uint64_t now_ms);
void pace_take(struct pace *pace, size_t size);
/* Not more than that at once: what is taken ahead is a burst. */
size_t pace_piece(const struct pace *pace);

/* ---- transfers_sink.c: a spool, written by jobs */

struct sink;

struct sink_user {
    void (*on_open)(void *arg);  /* the position is known */
    void (*on_room)(void *arg);  /* after sink_put said no more */
    void (*on_moved)(void *arg); /* the position has grown, and is durable; or the parts have */
    /* Behind sink_end, or when it failed: the last call. The spool is closed. */
    void (*on_end)(void *arg, const struct error *err);
};

/* NULL with err: somebody has it open (ERROR_IO: not for long). settings->folder is filled in. */
struct sink *sink_open(struct transfers *all, const struct spool_settings *settings,
                       const struct sink_user *user, void *arg, struct error *err);
/* After on_open. False: no more until on_room; what was given is taken all the same. */
bool sink_put(struct sink *sink, struct slice content);
bool sink_has_room(const struct sink *sink);
/* The stream ended well; or somewhere in between. */
void sink_end(struct sink *sink);
void sink_end_cut(struct sink *sink);
/* Nothing is called any more. What came is kept. Clears *sink; NULL is fine. */
void sink_drop(struct sink **sink);
/* The transfers end: of all that are open. */
void sinks_abandon(struct transfers *all);

/* Has anybody this spool open? Not whoever was told of its end. */
bool sink_is_open(const struct transfers *all, const char *name);
uint64_t sink_position(const struct sink *sink);
bool sink_is_whole(const struct sink *sink);
/* All of them; while blocks come, all but the last one are as they will be, and durable. */
unsigned sink_parts(const struct sink *sink);
uint64_t sink_bytes(const struct sink *sink);
/* The parts of a spool that was closed whole a short time ago, and not opened or removed since; 0:
 * that is not known. */
unsigned whole_parts(const struct transfers *all, const char *name);
void whole_forget(struct transfers *all, const char *name);
/* Is it what came that was wrong, and not our disk? */
bool sink_error_is_theirs(const struct error *err);

/* ---- transfers_removal.c: spools that go */

/* Ends transfer when it is gone; NULL: nobody waits. False: it is open, or is going already, or
 * there is no room for the job: another time. */
MUST_USE bool removal_start(struct transfers *all, const char *name, struct transfer *transfer,
                            struct error *err);
bool removal_is_under_way(const struct transfers *all, const char *name);
/* What came of a read that ended without success: whoever reads it again within keep_ms goes on
 * with it (leftover_forget); then it goes. */
void leftover_add(struct transfers *all, const char *name, uint64_t keep_ms);
void leftover_forget(struct transfers *all, const char *name);
void leftovers_tidy(struct timer *timer);
/* The transfers end: the start tidies up. */
void removals_abandon(struct transfers *all);

/* ---- transfers_source.c: an export, piece by piece */

struct storage;

struct source {
    struct transfers *all;
    struct storage *storage; /* NULL: not started, or disposed of */
    struct operation *export;
    struct text buffer;
    size_t given; /* bytes of it that were produced */
    struct pace *pace;
    struct timer timer; /* the pace */
    bool is_paused, is_begun, is_ended;
    struct error err; /* is_ended: of what failed, if anything did */
    /* The first content is there, or the end: once. */
    void (*on_begin)(void *arg);
    /* produce may be asked again. */
    void (*on_more)(void *arg);
    void *arg;
};

/* on_begin, on_more, arg and pace are set. */
MUST_USE bool source_start(struct source *source, struct transfers *all, const struct cid *root,
                           uint64_t skip, struct error *err);
/* As half_produce: breaks if the export failed. */
enum produce_result source_produce(struct source *source, struct text *out);
void source_dispose(struct source *source);

/* ---- transfers.c */

/* One link. */
struct lane {
    struct transfers *all;
    struct lane *next;
    const struct peer *peer; /* counted */
    struct peer_client *client;
    struct pace in, out; /* of the link */
    struct pace placed;  /* of what the partner places here */
    unsigned sending, fetching, receiving, giving, asking;
};

/* One opened storage, as long as somebody uses it. */
struct storage {
    struct transfers *all;
    struct upstream *upstream;
    unsigned users;
    bool is_old;
};

struct transfers_atomic {
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t received[TRANSFERS_ENDS], given[TRANSFERS_ENDS];
    _Atomic uint64_t sent[TRANSFERS_ENDS], fetched[TRANSFERS_ENDS];
    _Atomic uint64_t imported, removed;
};

struct flow;
struct leftover;
struct removal;

/* A spool that is whole, and on its way into the storage. */
struct whole {
    char name[SPOOL_NAME_SIZE];
    unsigned parts;
};

enum { WHOLES_MAX = 64 };

struct transfers {
    struct transfers_settings settings;
    char *inbox;
    struct loop *loop; /* set by the first view */
    struct block_store *blocks;
    struct pipe_store *pipes;
    const struct peers *peers; /* counted */
    struct storage *storage;
    struct transfers_rate *rates;
    size_t rate_count;
    struct lane *lanes;
    struct sink *sinks;
    struct whole wholes[WHOLES_MAX]; /* a ring */
    size_t next_whole;
    struct removal *removals;
    struct leftover *leftovers; /* the newest first */
    struct timer tidy;
    struct transfer *waiting, *running; /* of our own */
    struct flow *flows;                 /* of partners; port_data.c */
    unsigned sending, fetching, receiving, giving, asking, importing;
    struct later run; /* looks at what waits */
    struct timer again, hours;
    struct transfers_atomic counters;
};

struct lane *transfers_lane(struct transfers *all, const struct peer *peer);
struct storage *transfers_use_storage(struct transfers *all);
void transfers_leave_storage(struct storage *storage);

/* One that has ended, or whose lane is free again: looks at what waits, later. */
void transfers_run_soon(struct transfers *all);

/* ---- transfers_order.c: what control asked for */

enum order_kind { ORDER_SEND, ORDER_FETCH, ORDER_IMPORT, ORDER_REMOVE };

/* One part of it, into the storage. */
struct import_slot {
    struct transfer *transfer;
    struct operation *operation; /* NULL: none */
};

enum { IMPORT_SLOTS = 2 }; /* while one is made durable, the next is read */

struct transfer {
    struct errand errand;
    struct transfers *all;
    enum order_kind kind;
    char partner[ID_SIZE], id[ULID_SIZE];
    char spool[SPOOL_NAME_SIZE]; /* "": not known yet, or none */
    struct cid root;
    struct walk_limits limits;
    int32_t priority;
    uint64_t bytes;
    /* of both threads */
    _Atomic uint64_t position;
    atomic_bool is_whole;
    /* control's */
    transfers_moved on_moved;
    transfers_ended on_done;
    void *arg;
    /* the answer: the loop's until it is told */
    unsigned status;
    struct error err;
    /* the loop's */
    struct transfer *next;
    bool is_running;
    struct lane *lane;
    struct peer_request *request;
    struct source source;
    struct sink *sink;
    struct timer pace;
    struct storage *storage;
    struct import_slot imports[IMPORT_SLOTS];
    struct removal *removal;
    unsigned part, parts;
    uint64_t from;
    size_t untold; /* bytes that came since control was told that something does */
};

/* Its turn has come. */
void transfer_run(struct transfer *transfer);
/* Ends it, and tells control. err NULL: done. */
void transfer_end(struct transfer *transfer, enum transfers_end how, unsigned status,
                  const struct error *err);
/* What it has under way is given up. */
void transfer_stop(struct transfer *transfer);

/* transfers_send.c, transfers_fetch.c: begin; and what they have of their own */
void transfer_send(struct transfer *transfer);
void transfer_fetch(struct transfer *transfer);
void transfer_import(struct transfer *transfer);
void transfer_remove(struct transfer *transfer);
void transfer_forget_removal(struct transfer *transfer);
/* What the holder said instead of what was wanted. */
void transfer_fail_answer(struct transfer *transfer, const struct peer_client_answer *answer);

/* ---- port_data.c */

/* Of links that changed: those of this lane are cut. */
void flows_cut(struct transfers *all, const struct lane *lane, const char *why);
/* What comes of this allocation: its spool is to go. */
void flows_cut_spool(struct transfers *all, const char *name);

#endif
