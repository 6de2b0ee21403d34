// SPDX-License-Identifier: Apache-2.0
/* Gateways' links as they run, several organizations in one process: each with a ledger, an
 * identity, links on the test's own loop and a partner port on a thread of its own. */
#ifndef TESTS_UNIT_FEDERATION_LINKS_KIT_H
#define TESTS_UNIT_FEDERATION_LINKS_KIT_H

#include "auth/identity_keeper.h"
#include "federation/links.h"
#include "federation/port.h"
#include "http/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

struct kit_org {
    char name[ORG_SIZE];
    char folder[256];
    char advertise[64];
    int listen_fd; /* kept, so that a restart has the same port */
    struct log_writer *log;
    struct store *store;
    struct jobs *jobs;
    struct identity_keeper *keeper;
    struct identity_user user;
    struct links *links;
    struct port *port;
    struct worker *worker;
    uint64_t view_told;         /* number of the newest view */
    _Atomic uint64_t view_used; /* by the port */
};

void kit_begin(void); /* the loop */
void kit_end(void);
struct loop *kit_loop(void);
/* Turns the loop until it holds, or fails after 20 s, naming it. */
void kit_until(bool (*holds)(void *arg), void *arg, const char *what);
void kit_turn(uint64_t ms);
void kit_step(uint64_t ms); /* puts the clock ahead */

/* A new one; advertises its port unless it is not to be dialled. */
struct kit_org *kit_org(const char *name, bool is_dialled);
void kit_org_stop(struct kit_org *org);
void kit_org_start(struct kit_org *org); /* again, on the same folder and port */
void kit_org_free(struct kit_org **org);

/* What the command answers, waited for, and until the port knows of it. Fails if it is not this
 * status. The caller's reference. */
json_t *kit_command(struct kit_org *org, const struct links_command *command, int status);
/* The sentence of the last command's answer. */
const char *kit_said(void);

enum link_state kit_state(const struct kit_org *org, const char *partner);
/* The monotonic clock is put ahead by a heartbeat whenever nothing comes of waiting. */
void kit_wait_state(const struct kit_org *org, const char *partner, enum link_state state);
/* From nothing to active, as two operators would. */
void kit_link(struct kit_org *a, const char *b_name, struct kit_org *b, const char *a_name);
/* The invitation that a makes. Static. */
const char *kit_invite(struct kit_org *a, const char *partner);

#endif
