// SPDX-License-Identifier: Apache-2.0
/* The process, as its control thread sees it. serve.c starts and ends it, reload.c changes what is
 * in force, operator.c answers operators about it. Control thread only. */
#ifndef PROXY_GATEWAY_H
#define PROXY_GATEWAY_H

#include "conf/log.h"
#include "http/jobs.h"
#include "http/worker.h"
#include "proxy/adoption.h"
#include "proxy/context.h"
#include "proxy/garbage.h"
#include "proxy/operator_ledger.h"
#include "proxy/operator_socket.h"
#include "proxy/operator_transfer.h"
#include "proxy/operators.h"
#include "proxy/owners.h"
#include "proxy/partners.h"
#include "proxy/quota_store.h"
#include "proxy/site.h"
#include "proxy/snapshot.h"
#include "proxy/verification.h"

struct gateway_worker {
    struct worker *worker;
    struct site_keep keep;
};

struct gateway {
    const char *config_path;
    uint64_t started_ms; /* since 1970 */
    struct snapshot *snapshot;
    struct error reload_fault; /* of the last reload; ERROR_NONE: it went well */
    struct context context;
    struct log *log;
    struct log_writer *messages;
    struct loop *loop;
    struct jobs *jobs;
    struct block_store *blocks; /* of storage */
    struct pipe_store *pipes;
    struct upstream *storage; /* the tracker's, and of what stands on it: */
    struct expiry *expiry;
    struct sweep *sweep;
    struct garbage *garbage;
    struct adoption *adoption;
    struct verification *verification;
    struct pin_inquiry *inquiries; /* operator_pins.c */
    struct sweep_waiter first_sweep;
    struct timer sweep_timer;
    struct transaction *sweep_page;   /* is there anything in the ledger? */
    struct denylist_reader *denylist; /* the control thread's */
    struct owners owners;
    struct member_transfer transfer;
    struct gateway_worker *workers;
    uint32_t worker_count;          /* that run */
    uint32_t stopped_workers;       /* whose loops still exist */
    struct address clients_address; /* as bound */
    struct partners partners;

    struct server *health; /* listen.operators.address */
    struct operators_context health_context;
    struct server *desk; /* the operators' socket */
    struct operator_desk desk_context;
    struct ledger_compare ledger_compare; /* start NULL: upstream is not compared */

    struct io signals, watch; /* signalfd; inotify on the policy */
    struct timer settle;      /* a change of the policy's files settles */
    struct quota_keeper quotas;
    struct timer uses;  /* the ledger is told which tokens were used */
    struct timer purge; /* ... and forgets those that ended long ago */
    bool is_draining, must_end;
    bool is_reloading, reload_again;
};

/* ---- reload.c */

/* Loads everything anew in a job, and puts it in force if nothing is wrong with it. on_done (may be
 * NULL) is called once, later, with what came of it; the snapshot before stays in force on an
 * error. */
typedef void (*reload_done)(void *arg, const struct error *err);
void reload_start(struct gateway *gateway, reload_done on_done, void *arg);

/* The same, and the policy is the ledger's version of that number. */
void reload_roll_back(struct gateway *gateway, uint64_t number, reload_done on_done, void *arg);

/* Watches the policy's files; a change reloads once it has settled. Without a policy, nothing is
 * watched. */
void reload_watch(struct gateway *gateway);

/* Operators name members and roles as the policy in force has them: struct operator_site's checks.
 */
bool gateway_check_member(void *gateway, struct slice id, struct error *err);
bool gateway_check_role(void *gateway, struct slice role, struct error *err);

/* ---- operator.c: /status, /reload, /policy/list, /policy/rollback */
extern const struct operator_route gateway_routes[];

/* Of calls that came to its desk. */
struct gateway *gateway_of_call(const struct operator_call *call);

#endif
