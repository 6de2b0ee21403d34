// SPDX-License-Identifier: Apache-2.0
#include "proxy/partners.h"

#include "conf/memory.h"
#include "federation/inbox.h"
#include "federation/spools.h"
#include "policy/grants.h"
#include "proxy/clock.h"
#include "proxy/gateway.h"
#include "proxy/listening.h"
#include "proxy/storage.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    LARGE_BLOCK_BUDGET = 8 * 1024 * 1024,
    STRANGERS_AT_ONCE = 256,
    ADDRESS_AT_ONCE = 16,
    ADDRESS_PER_SECOND = 20,
    BODIES_MAX = 64 * 1024 * 1024, /* several links' worth of connections */
};

/* ---- views of the links */

static void on_published(void *gateway_, const struct peers *peers)
{
    struct partners *partners = &((struct gateway *)gateway_)->partners;

    if (partners->worker != NULL) {
        worker_reload(partners->worker, peers);
        return;
    }
    peers_unref(&partners->first);
    partners->first = peers;
}

static void unref_view(const void *peers_)
{
    const struct peers *peers = peers_;

    peers_unref(&peers);
}

/* ---- identity */

static void on_identity(void *gateway)
{
    links_renewed(((struct gateway *)gateway)->partners.links);
}

static bool is_known_to_all(void *gateway)
{
    return links_know_our_roots(((struct gateway *)gateway)->partners.links);
}

/* ---- the start */

static struct gateway_id our_id(const struct config *config)
{
    struct gateway_id id;

    snprintf(id.org, sizeof(id.org), "%s", config->org);
    snprintf(id.node, sizeof(id.node), "%s", config->node);
    return id;
}

static bool open_keeper(struct gateway *gateway, struct error *err)
{
    const struct config *config = gateway->snapshot->config;
    struct text folder = {0};
    struct identity_keeper_settings settings = {.id = our_id(config),
                                                .loop = gateway->loop,
                                                .jobs = gateway->jobs,
                                                .messages = gateway->messages,
                                                .now_ms = clock_wall_ms};
    bool result;

    text_put_format(&folder, "%s/keys", config->data);
    settings.folder = folder.data;
    result = identity_keeper_open(&gateway->partners.keeper, &settings, err);
    text_dispose(&folder);
    return result;
}

static bool open_links(struct gateway *gateway, struct error *err)
{
    const struct config *config = gateway->snapshot->config;
    struct partners *partners = &gateway->partners;
    struct links_settings settings = {.loop = gateway->loop,
                                      .blocks = gateway->blocks,
                                      .pipes = gateway->pipes,
                                      .store = gateway->context.store,
                                      .jobs = gateway->jobs,
                                      .messages = gateway->messages,
                                      .keeper = partners->keeper,
                                      .id = our_id(config),
                                      .advertise = config->listen.partners.advertise,
                                      .now_ms = clock_wall_ms,
                                      .publish = on_published,
                                      .arg = gateway};

    if (!links_open(&partners->links, &settings, err))
        return false;
    partners->user = (struct identity_user){
        .on_change = on_identity, .is_known_to_all = is_known_to_all, .arg = gateway};
    identity_keeper_set_user(partners->keeper, &partners->user);
    return true;
}

/* ---- what is placed over them */

static void on_copies_changed(void *gateway, struct slice object)
{
    struct partners *partners = &((struct gateway *)gateway)->partners;

    if (partners->placer != NULL)
        placer_look(partners->placer, object);
}

/* A partner that asks at once must find what is granted to it. */
static void on_link(void *gateway)
{
    struct partners *partners = &((struct gateway *)gateway)->partners;

    placer_links_changed(partners->placer);
    drains_changed(partners->drains);
}

static void draw(void *to, size_t size)
{
    if (RAND_bytes(to, (int)size) != 1)
        abort();
}

static void on_claims(void *guests, const struct cid *object, bool is_guest)
{
    guests_note(guests, object, is_guest);
}

static void open_guests(struct gateway *gateway)
{
    struct cid_set_key key;

    draw(&key, sizeof(key));
    gateway->context.guests = guests_create(&key);
    guests_watch(gateway->context.guests, gateway->context.store);
}

static void open_allocations(struct gateway *gateway)
{
    struct partners *partners = &gateway->partners;
    struct allocations_settings settings = {
        .loop = gateway->loop,
        .store = gateway->context.store,
        .messages = gateway->messages,
        .now_ms = clock_wall_ms,
        .random = draw,
        .ways = {.replan = on_copies_changed, .replan_arg = gateway}};
    struct placer_settings placer = {.loop = gateway->loop,
                                     .store = gateway->context.store,
                                     .links = partners->links,
                                     .messages = gateway->messages,
                                     .now_ms = clock_wall_ms,
                                     .on_claims = on_claims};

    struct drains_settings drains = {.loop = gateway->loop,
                                     .store = gateway->context.store,
                                     .links = partners->links,
                                     .messages = gateway->messages};
    struct partner_reads_settings reads = {.loop = gateway->loop,
                                           .store = gateway->context.store,
                                           .tracker = gateway->context.tracker,
                                           .data = partners->data,
                                           .messages = gateway->messages};

    partners->over = allocations_links_create(partners->links, partners->keeper);
    allocations_links_fill(partners->over, &settings.ways);
    partner_data_fill(partners->data, &settings.ways);
    placer.allocations = partners->allocations = allocations_create(&settings);
    partner_data_use(partners->data, partners->allocations, partners->transfers);
    allocations_links_serve(partners->over, partners->allocations);
    partners->statements =
        statements_create(partners->links, partners->allocations, partners->keeper, clock_wall_ms);
    open_guests(gateway);
    placer.claims_arg = gateway->context.guests;
    drains.allocations = partners->allocations;
    partners->drains = drains_create(&drains);
    partners->placer = placer_create(&placer);
    allocations_links_watch(partners->over, on_link, gateway);
    reads.allocations = partners->allocations;
    partners->reads = partner_reads_create(&reads);
    gateway->context.retrievals = partner_reads_retrievals(partners->reads);
    gateway->context.placer = partners->placer;
    partners_use(gateway);
}

static void use_rates(struct transfers *transfers, const struct policy *policy)
{
    size_t count = policy == NULL ? 0 : policy_grant_count(policy), used = 0;
    struct transfers_rate *rates = memory_alloc((count + 1) * sizeof(*rates));

    for (size_t i = 0; i < count; i++) {
        const struct policy_grant *grant = policy_grant(policy, i);

        if (grant->we_store.rate == 0)
            continue;
        rates[used].rate = grant->we_store.rate;
        snprintf(rates[used].partner, sizeof(rates->partner), "%.*s", SLICE_ARGS(grant->partner));
        used++;
    }
    transfers_use_rates(transfers, rates, used);
    free(rates);
}

void partners_use(struct gateway *gateway)
{
    if (gateway->partners.transfers != NULL)
        use_rates(gateway->partners.transfers, gateway->snapshot->policy);
    if (gateway->partners.placer != NULL)
        placer_use(gateway->partners.placer, gateway->snapshot->policy);
}

/* What is left there costs room, and nothing else: no reason not to serve. */
static void tidy_inbox(const struct gateway *gateway, const char *inbox)
{
    struct error err = {0};
    unsigned removed;

    if (!spools_tidy(inbox, gateway->context.store, &removed, &err))
        log_message(gateway->messages, LOG_LEVEL_WARNING, "%s is not tidied up: %s", inbox,
                    err.text);
    if (removed > 0)
        log_message(gateway->messages, LOG_LEVEL_INFO,
                    "%u transfers that nobody goes on with were removed from %s", removed, inbox);
}

/* On the worker's thread. */
static struct upstream *open_storage(void *gateway_, void *snapshot_, struct loop *loop,
                                     struct block_store *blocks, struct pipe_store *pipes)
{
    const struct gateway *gateway = gateway_;
    struct snapshot *snapshot = snapshot_;
    struct upstream *upstream =
        storage_open(loop, blocks, pipes, snapshot, gateway->context.node, gateway->jobs);

    snapshot_unref(&snapshot);
    return upstream;
}

static bool start_data(struct gateway *gateway, struct log_writer *log, struct error *err)
{
    struct partners *partners = &gateway->partners;
    const struct partner_data_settings data = {.loop = gateway->loop,
                                               .store = gateway->context.store,
                                               .tracker = gateway->context.tracker,
                                               .gate = gateway->context.writes};
    struct transfers_settings settings = {.control = gateway->loop,
                                          .jobs = gateway->jobs,
                                          .log = log,
                                          .now_ms = clock_wall_ms,
                                          .open = open_storage,
                                          .arg = gateway};
    struct text inbox = {0};
    bool is_ready;

    text_put_format(&inbox, "%s/inbox", gateway->snapshot->config->data);
    is_ready = inbox_prepare(inbox.data, err);
    if (is_ready) {
        tidy_inbox(gateway, inbox.data);
        partners->data = partner_data_create(&data);
        partner_data_use_storage(partners->data, gateway->storage);
        settings.asks = partner_data_control(partners->data);
        settings.inbox = inbox.data;
        settings.source = snapshot_ref(gateway->snapshot);
        partners->transfers = transfers_create(&settings);
    }
    text_dispose(&inbox);
    return is_ready;
}

static void start_worker(struct gateway *gateway, int listen_fd, struct log_writer *log)
{
    struct partners *partners = &gateway->partners;
    struct port_settings port = {.links = partners->links,
                                 .transfers = partners->transfers,
                                 .take = links_take,
                                 .cancel = links_take_cancel,
                                 .tell_skew = links_tell_skew,
                                 .now_ms = clock_wall_ms,
                                 .bodies_max = BODIES_MAX,
                                 .log = log,
                                 .audit = audit_writer_create(gateway->context.audit)};
    struct worker_options options = {.id = (uint32_t)gateway->snapshot->config->workers + 1,
                                     .name = "partners",
                                     .cpu = -1,
                                     .listen_fd = listen_fd,
                                     .max_connections = CONNECTIONS_MAX,
                                     .large_block_budget = LARGE_BLOCK_BUDGET,
                                     .strangers = {.at_once = STRANGERS_AT_ONCE,
                                                   .address_at_once = ADDRESS_AT_ONCE,
                                                   .address_per_second = ADDRESS_PER_SECOND},
                                     .log = port.log,
                                     .make_settings = port_make_settings,
                                     .unref_snapshot = unref_view};
    const struct peers *first = partners->first;

    partners->port = options.arg = port_create(&port);
    partners->first = NULL;
    partners->worker = worker_create(&options, first);
}

bool partners_start(struct gateway *gateway, struct error *err)
{
    const struct config *config = gateway->snapshot->config;
    struct partners *partners = &gateway->partners;
    struct log_writer *log;
    int fd;

    if (config->listen.partners.address.kind == ADDRESS_NONE)
        return true;
    log = log_writer_create(gateway->log, "partners");
    if (!open_keeper(gateway, err) || !open_links(gateway, err) ||
        !listening_open(&config->listen.partners.address, &fd, 1, &partners->address, err))
        return false;
    if (!start_data(gateway, log, err)) {
        close(fd);
        return false;
    }
    open_allocations(gateway);
    start_worker(gateway, fd, log);
    log_message(gateway->messages, LOG_LEVEL_INFO,
                "serving partners on %s; they are told to dial %s", partners->address.text,
                config->listen.partners.advertise);
    return true;
}

void partners_use_storage(struct gateway *gateway, struct snapshot *loaded)
{
    struct partners *partners = &gateway->partners;

    if (partners->worker == NULL)
        return;
    transfers_renew(partners->transfers, snapshot_ref(loaded));
    partner_data_use_storage(partners->data, gateway->storage);
}

/* ---- the end */

void partners_drain(struct gateway *gateway, uint64_t deadline_ms)
{
    if (gateway->partners.worker != NULL)
        worker_drain(gateway->partners.worker, deadline_ms);
}

bool partners_have_drained(const struct gateway *gateway)
{
    return gateway->partners.worker == NULL || worker_has_ended(gateway->partners.worker);
}

void partners_stop(struct gateway *gateway)
{
    struct partners *partners = &gateway->partners;

    worker_stop(partners->worker);
    if (partners->reads != NULL)
        loop_turn(gateway->loop, 0); /* clients' workers have ended: nobody waits for a read */
    gateway->context.retrievals = NULL;
    gateway->context.placer = NULL;
    gateway->desk_context.site.allocations = NULL;
    gateway->desk_context.site.placer = NULL;
    partner_reads_destroy(&partners->reads);
    if (partners->over != NULL)
        allocations_links_watch(partners->over, NULL, NULL);
    placer_destroy(&partners->placer);
    if (gateway->context.guests != NULL)
        guests_unwatch(gateway->context.guests, gateway->context.store);
    guests_destroy(&gateway->context.guests); /* clients' workers have ended */
    statements_stop(partners->statements);
    allocations_destroy(&partners->allocations);
    if (partners->data != NULL) {
        partner_data_use(partners->data, NULL, NULL);
        partner_data_use_storage(partners->data, NULL);
    }
    if (partners->keeper != NULL)
        identity_keeper_set_user(partners->keeper, NULL);
    links_close(&partners->links);
    drains_destroy(&partners->drains);
    statements_destroy(&partners->statements);
    allocations_links_destroy(&partners->over);
    identity_keeper_close(&partners->keeper);
    port_destroy(&partners->port); /* its timer must not fire below: there is no server any more */
    if (partners->worker != NULL)
        worker_settle(partners->worker);
    transfers_destroy(&partners->transfers);
    peers_unref(&partners->first);
}

void partners_free(struct gateway *gateway)
{
    worker_destroy(&gateway->partners.worker);
    partner_data_destroy(&gateway->partners.data);
}

/* ---- how it stands */

json_t *partners_describe(const struct gateway *gateway)
{
    const struct partners *partners = &gateway->partners;
    struct links_counters counters;
    json_t *links;

    if (partners->links == NULL)
        return json_null();
    counters = links_counters(partners->links);
    links = json_object();
    for (enum link_state state = LINK_NONE + 1; state < LINK_STATES; state++)
        if (counters.states[state] > 0)
            json_object_set_new(links, link_state_name(state),
                                json_integer((json_int_t)counters.states[state]));
    return json_pack("{s:s,s:s,s:o,s:o}", "address", partners->address.text, "advertise",
                     gateway->snapshot->config->listen.partners.advertise, "links", links,
                     "identity", operator_describe_identity(partners->keeper));
}
