// SPDX-License-Identifier: Apache-2.0
#include "links_kit.h"

#include "auth/words.h"
#include "conf/memory.h"
#include "federation/peers.h"
#include "http/block.h"
#include "http/splice.h"
#include "tests/unit/http/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US  UINT64_C(20000000) /* as it passes */
/* Whoever waits so long for another state waits for a timer, a heartbeat most likely. */
#define QUIET_US UINT64_C(1000000)

static struct loop *loop;
static struct block_store *blocks;
static struct pipe_store *pipes;
static uint64_t stepped_us; /* in all */
static char said[4096];

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void kit_begin(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the gateway does */
    loop = loop_create(NULL);
    blocks = block_store_create(0);
    pipes = pipe_store_create();
}

void kit_end(void)
{
    kit_turn(20);
    pipe_store_destroy(&pipes);
    block_store_destroy(&blocks);
    loop_destroy(&loop);
}

struct loop *kit_loop(void)
{
    return loop;
}

/* Without what was stepped over. */
static uint64_t passed_us(void)
{
    return clock_us() - stepped_us;
}

void kit_step(uint64_t ms)
{
    stepped_us += ms * 1000;
    clock_advance_ms(ms);
}

void kit_turn(uint64_t ms)
{
    uint64_t end = clock_us() + ms * 1000;

    do
        loop_turn(loop, 5);
    while (clock_us() < end);
}

static void wait_until(bool (*holds)(void *arg), void *arg, const char *what, bool steps)
{
    uint64_t begun = passed_us(), stepped = begun;

    while (!holds(arg)) {
        if (passed_us() - begun > WAIT_US)
            fail_msg("did not come to pass: %s", what);
        if (steps && passed_us() - stepped > QUIET_US) {
            kit_step(LINK_HEARTBEAT_MS);
            stepped = passed_us();
        }
        loop_turn(loop, 10);
    }
}

void kit_until(bool (*holds)(void *arg), void *arg, const char *what)
{
    wait_until(holds, arg, what, false);
}

/* ---- an organization */

static void unref_view(const void *view)
{
    const struct peers *peers = view;

    peers_unref(&peers);
}

static struct server_settings *use_view(struct server *server, const void *view, void *org_)
{
    struct kit_org *org = org_;
    uint64_t number = ((const struct peers *)view)->number;
    struct server_settings *made = port_make_settings(server, view, org->port);

    atomic_store(&org->view_used, number);
    return made;
}

static void start_worker(struct kit_org *org, const struct peers *first)
{
    struct port_settings settings = {.links = org->links,
                                     .take = links_take,
                                     .cancel = links_take_cancel,
                                     .tell_skew = links_tell_skew,
                                     .now_ms = wall_ms,
                                     .bodies_max = 16 << 20};
    struct worker_options options = {.id = 1,
                                     .cpu = -1,
                                     .listen_fd = dup(org->listen_fd),
                                     .max_connections = 100,
                                     .large_block_budget = 1 << 20,
                                     .make_settings = use_view,
                                     .arg = org,
                                     .unref_snapshot = unref_view};

    org->port = port_create(&settings);
    org->worker = worker_create(&options, first);
}

/* The first view comes before there are links to give to the port. */
static const struct peers *first_view;

static void publish(void *org_, const struct peers *view)
{
    struct kit_org *org = org_;

    org->view_told = view->number;
    if (org->worker != NULL)
        worker_reload(org->worker, view);
    else
        first_view = view;
}

static void on_identity(void *org)
{
    links_renewed(((struct kit_org *)org)->links);
}

static bool is_known_to_all(void *org)
{
    return links_know_our_roots(((struct kit_org *)org)->links);
}

static void open_keeper(struct kit_org *org, const struct gateway_id *id)
{
    struct error err = {0};
    char keys[512];
    struct identity_keeper_settings settings = {
        .folder = keys, .id = *id, .loop = loop, .jobs = org->jobs, .now_ms = wall_ms};

    snprintf(keys, sizeof(keys), "%s/keys", org->folder);
    if (!identity_keeper_open(&org->keeper, &settings, &err))
        fail_msg("%s", err.text);
}

void kit_org_start(struct kit_org *org)
{
    struct store_settings store = {.folder = org->folder};
    struct links_settings settings = {.loop = loop,
                                      .blocks = blocks,
                                      .pipes = pipes,
                                      .advertise = org->advertise,
                                      .now_ms = wall_ms,
                                      .publish = publish,
                                      .arg = org,
                                      .id.node = "main"};
    struct error err = {0};

    snprintf(settings.id.org, sizeof(settings.id.org), "%s", org->name);
    if (!store_open(&org->store, &store, &err))
        fail_msg("%s", err.text);
    org->jobs = jobs_create(2, 64);
    open_keeper(org, &settings.id);
    settings.store = org->store;
    settings.jobs = org->jobs;
    settings.keeper = org->keeper;
    if (!links_open(&org->links, &settings, &err))
        fail_msg("%s", err.text);
    org->user = (struct identity_user){
        .on_change = on_identity, .is_known_to_all = is_known_to_all, .arg = org};
    identity_keeper_set_user(org->keeper, &org->user);
    start_worker(org, first_view);
}

void kit_org_stop(struct kit_org *org)
{
    identity_keeper_set_user(org->keeper, NULL);
    worker_stop(org->worker);
    links_close(&org->links);
    port_destroy(&org->port); /* its timer must not fire below */
    worker_settle(org->worker);
    worker_destroy(&org->worker);
    identity_keeper_close(&org->keeper);
    jobs_destroy(&org->jobs);
    store_close(&org->store);
    kit_turn(5);
}

static int listen_anywhere(struct address *address)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    address_from_sockaddr(address, (struct sockaddr *)&any, size);
    return fd;
}

struct kit_org *kit_org(const char *name, bool is_dialled)
{
    struct kit_org *org = memory_alloc(sizeof(*org));
    struct address address;

    snprintf(org->name, sizeof(org->name), "%s", name);
    snprintf(org->folder, sizeof(org->folder), "/tmp/causeway-links-XXXXXX");
    assert_non_null(mkdtemp(org->folder));
    org->listen_fd = listen_anywhere(&address);
    if (is_dialled)
        snprintf(org->advertise, sizeof(org->advertise), "%s", address.text);
    kit_org_start(org);
    return org;
}

void kit_org_free(struct kit_org **org_ptr)
{
    struct kit_org *org = *org_ptr;
    char command[300];

    *org_ptr = NULL;
    if (org->links != NULL)
        kit_org_stop(org);
    close(org->listen_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", org->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(org);
}

/* ---- operators */

struct answered {
    bool is_done;
    int status;
    json_t *output;
};

static void on_answer(void *answered_, const struct links_answer *answer)
{
    struct answered *answered = answered_;

    answered->is_done = true;
    answered->status = answer->status;
    answered->output = answer->output;
    snprintf(said, sizeof(said), "%.*s", SLICE_ARGS(answer->said));
}

static bool is_answered(void *answered)
{
    return ((struct answered *)answered)->is_done;
}

static bool is_view_used(void *org_)
{
    struct kit_org *org = org_;

    return atomic_load(&org->view_used) == org->view_told;
}

json_t *kit_command(struct kit_org *org, const struct links_command *command, int status)
{
    struct answered answered = {0};
    struct error err = {0};

    if (!links_command(org->links, command, on_answer, &answered, &err)) {
        snprintf(said, sizeof(said), "%s", err.text);
        assert_int_equal(400, status);
        return NULL;
    }
    kit_until(is_answered, &answered, "an answer to an operator");
    if (answered.status != status)
        fail_msg("answered with %d: %s", answered.status, said);
    for (int turns = 0; turns < 4; turns++)
        loop_turn(loop, 0); /* what has changed is published at the end of one of them */
    kit_until(is_view_used, org, "the port's use of the newest view");
    return answered.output;
}

const char *kit_said(void)
{
    return said;
}

enum link_state kit_state(const struct kit_org *org, const char *partner)
{
    json_t *shown = links_describe(org->links, partner);
    const char *name = json_string_value(json_object_get(shown, "state"));
    enum link_state state = LINK_NONE;

    for (unsigned i = 0; name != NULL && i < LINK_STATES; i++)
        if (strcmp(link_state_name((enum link_state)i), name) == 0)
            state = (enum link_state)i;
    json_decref(shown);
    return state;
}

struct wanted {
    const struct kit_org *org;
    const char *partner;
    enum link_state state;
};

static bool has_state(void *wanted_)
{
    struct wanted *wanted = wanted_;

    return kit_state(wanted->org, wanted->partner) == wanted->state;
}

void kit_wait_state(const struct kit_org *org, const char *partner, enum link_state state)
{
    struct wanted wanted = {org, partner, state};
    char what[128];

    snprintf(what, sizeof(what), "%s: the link with %s is %s", org->name, partner,
             link_state_name(state));
    wait_until(has_state, &wanted, what, true);
}

const char *kit_invite(struct kit_org *a, const char *partner)
{
    static char invitation[4096];
    json_t *made =
        kit_command(a, &(struct links_command){.what = LINKS_INVITE, .partner = partner}, 200);

    snprintf(invitation, sizeof(invitation), "%s",
             json_string_value(json_object_get(made, "invitation")));
    json_decref(made);
    return invitation;
}

void kit_link(struct kit_org *a, const char *b_name, struct kit_org *b, const char *a_name)
{
    char words[WORDS_SIZE];
    json_t *joined =
        kit_command(b,
                    &(struct links_command){
                        .what = LINKS_JOIN, .partner = a_name, .text = kit_invite(a, b_name)},
                    200);

    snprintf(words, sizeof(words), "%s", json_string_value(json_object_get(joined, "words")));
    json_decref(joined);
    json_decref(kit_command(
        a, &(struct links_command){.what = LINKS_CONFIRM, .partner = b_name, .text = words}, 200));
    json_decref(kit_command(
        b, &(struct links_command){.what = LINKS_CONFIRM, .partner = a_name, .text = words}, 200));
    kit_wait_state(a, b_name, LINK_ACTIVE);
    kit_wait_state(b, a_name, LINK_ACTIVE);
}
