// SPDX-License-Identifier: Apache-2.0
/* Two gateways on one loop: alpha with a partner port (port_kit.h), and beta, which owns an object,
 * sends it there and reads it back. Their storages and what their control says are played here. */
#ifndef TESTS_UNIT_FEDERATION_TRANSFERS_KIT_H
#define TESTS_UNIT_FEDERATION_TRANSFERS_KIT_H

#include "port_kit.h"
#include "receive_kit.h"

#include "federation/inbox.h"
#include "federation/transfers.h"
#include "upstream/upstream_private.h"

#define KIT_ID "01jd00000000000000000000zz"

enum { KIT_PIECE = 3000 };

/* A storage: it has the object, or what it calls so. */
struct shelf {
    struct upstream upstream;
    struct two *two;
    const struct kit_dag *dag; /* what is exported */
    bool lacks_it, breaks_off, is_stuck;
    unsigned exports, imports, imported_bytes;
    uint64_t skip; /* of the last export */
};

struct shelf_operation {
    struct operation operation;
    struct shelf *shelf;
    struct later later;
    struct text car;
    size_t given;
    bool is_paused, is_import;
    operation_content on_content;
    operation_done on_done;
    void *arg;
};

struct side {
    struct two *two;
    struct shelf shelf;
    struct transfers *transfers;
    char inbox[96];
    const struct peers *peers;
};

struct two {
    struct kit *kit;
    struct side alpha, beta;
    struct jobs *jobs;
    struct kit_dag *dag, *other;
    struct server beta_server; /* has a loop, and nothing else */
    SSL_CTX *beta_tls;
    struct link_limits limits; /* beta's, of the link with alpha */
    char folder[64];
    /* control of alpha */
    struct transfers_permit permit;
    bool answers_never;
    struct transfers_question *question;
    unsigned asked, received, rejected;
    uint64_t position, bytes;
    bool is_whole;
    char said[TRANSFERS_SAID_SIZE];
    /* of what beta asked for */
    struct transfer *transfer;
    unsigned moved, done, status;
    bool was_whole;
    struct error err;
};

static struct two *two_current;

/* ---- the storages */

static inline void shelf_run(struct later *later)
{
    struct shelf_operation *operation = CONTAINER_OF(later, struct shelf_operation, later);
    struct shelf *shelf = operation->shelf;
    struct operation_result result = {0};
    struct error err = {0};
    size_t size = operation->car.size - operation->given;

    if (shelf->lacks_it)
        error_set(&err, ERROR_NOT_FOUND, "a block is missing");
    else if (shelf->breaks_off && operation->given > 0)
        error_set(&err, ERROR_IO, "the disk is broken");
    if (err.code == ERROR_NONE && size > 0) {
        if (operation->is_paused || (shelf->is_stuck && operation->given > 0))
            return;
        size = size < KIT_PIECE ? size : KIT_PIECE;
        loop_later(shelf->two->kit->loop, later);
        operation->given += size;
        operation->on_content(operation->arg,
                              (struct slice){operation->car.data + operation->given - size, size});
        return;
    }
    {
        operation_done on_done = operation->on_done;
        void *arg = operation->arg;

        text_dispose(&operation->car);
        free(operation);
        on_done(arg, err.code == ERROR_NONE ? &result : NULL, err.code == ERROR_NONE ? NULL : &err);
    }
}

static inline struct shelf_operation *shelf_start(struct upstream *upstream, operation_done on_done,
                                                  void *arg)
{
    struct shelf *shelf = CONTAINER_OF(upstream, struct shelf, upstream);
    struct shelf_operation *operation = memory_alloc(sizeof(*operation));

    operation->operation.functions = upstream->functions;
    operation->shelf = shelf;
    operation->later.run = shelf_run;
    operation->on_done = on_done;
    operation->arg = arg;
    loop_later(shelf->two->kit->loop, &operation->later);
    return operation;
}

static inline bool shelf_export(struct upstream *upstream, struct operation **result,
                                const struct cid *root, uint64_t skip, operation_content on_content,
                                operation_done on_done, void *arg, struct error *err)
{
    struct shelf_operation *operation = shelf_start(upstream, on_done, arg);

    operation->on_content = on_content;
    operation->shelf->exports++;
    operation->shelf->skip = skip;
    operation->car = kit_car(operation->shelf->dag, skip, SIZE_MAX, false);
    *result = &operation->operation;
    return true;
}

static inline bool shelf_import(struct upstream *upstream, struct operation **result,
                                const char *path, operation_done on_done, void *arg,
                                struct error *err)
{
    struct shelf_operation *operation = shelf_start(upstream, on_done, arg);
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    operation->shelf->imported_bytes += (unsigned)ftell(file);
    fclose(file);
    operation->shelf->imports++;
    operation->is_import = true;
    *result = &operation->operation;
    return true;
}

static inline void shelf_pause(struct operation *operation)
{
    CONTAINER_OF(operation, struct shelf_operation, operation)->is_paused = true;
}

static inline void shelf_resume(struct operation *operation_)
{
    struct shelf_operation *operation = CONTAINER_OF(operation_, struct shelf_operation, operation);

    operation->is_paused = false;
    loop_later(operation->shelf->two->kit->loop, &operation->later);
}

static inline void shelf_cancel(struct operation *operation_)
{
    struct shelf_operation *operation = CONTAINER_OF(operation_, struct shelf_operation, operation);

    later_cancel(&operation->later);
    text_dispose(&operation->car);
    free(operation);
}

static inline void shelf_destroy(struct upstream *upstream)
{
}

static inline struct upstream *shelf_open(void *side_, void *source, struct loop *loop,
                                          struct block_store *blocks, struct pipe_store *pipes)
{
    static const struct upstream_functions functions = {.export = shelf_export,
                                                        .import = shelf_import,
                                                        .pause = shelf_pause,
                                                        .resume = shelf_resume,
                                                        .cancel = shelf_cancel,
                                                        .destroy = shelf_destroy};
    struct side *side = side_;

    side->shelf.upstream.functions = &functions;
    side->shelf.two = side->two;
    return &side->shelf.upstream;
}

/* ---- control of alpha */

static inline void two_permit(void *two_, struct transfers_question *question, const char *link,
                              const char *partner, const char *id, enum transfers_want want)
{
    struct two *two = two_;

    assert_string_equal(link, KIT_LINK);
    assert_string_equal(partner, "beta");
    two->asked++;
    if (two->answers_never)
        two->question = question;
    else if (strcmp(id, KIT_ID) == 0)
        transfers_permit_answer(question, &two->permit);
    else
        transfers_permit_answer(question, &(struct transfers_permit){.status = 404});
}

static inline void two_received(void *two_, const char *partner, const char *id, uint64_t position,
                                bool is_whole, uint64_t bytes, uint64_t blocks)
{
    struct two *two = two_;

    assert_string_equal(partner, "beta");
    assert_string_equal(id, KIT_ID);
    assert_int_equal(position, blocks);
    two->received++;
    two->position = position;
    two->bytes = bytes;
    two->is_whole = is_whole;
}

static inline void two_rejected(void *two_, const char *partner, const char *id, const char *said)
{
    struct two *two = two_;

    two->rejected++;
    snprintf(two->said, sizeof(two->said), "%s", said);
}

/* ---- both */

static inline void side_open(struct two *two, struct side *side, const char *name)
{
    struct transfers_settings settings = {
        .control = two->kit->loop,
        .asks = {two_permit, two_received, two_rejected, two},
        .jobs = two->jobs,
        .inbox = side->inbox,
        .now_ms = kit_now_ms,
        .open = shelf_open,
        .arg = side,
    };
    struct error err = {0};

    side->two = two;
    side->shelf.dag = two->dag;
    snprintf(side->inbox, sizeof(side->inbox), "%s/%s", two->folder, name);
    if (!inbox_prepare(side->inbox, &err))
        fail_msg("%s", err.text);
    side->transfers = transfers_create(&settings);
}

/* beta's view: of alpha, at its port. */
static inline void two_view(struct two *two, enum link_state state, uint64_t generation)
{
    struct kit *kit = two->kit;
    struct roots made = kit_roots(&kit->us, 1), roots = kit_sign(&made, &kit->us.root, NULL);
    struct peers *peers = peers_create();
    struct error err = {0};
    struct peer *peer = peers_peer_create(text_slice(&roots.bytes), &err);
    const struct peer *added = peer;
    char address[64];

    assert_non_null(peer);
    memcpy(peer->link, KIT_LINK, sizeof(peer->link));
    strcpy(peer->partner, "alpha");
    peer->state = state;
    peer->generation = generation;
    peer->limits = two->limits;
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(kit->address.sin_port));
    peers_peer_add_address(peer, address);
    peers->client_tls = two->beta_tls;
    SSL_CTX_up_ref(peers->client_tls);
    peers->us = kit_id(KIT_BETA, "north");
    peers_add(peers, peer);
    peers_seal(peers);
    peers_peer_unref(&added);
    roots_dispose(&roots);
    peers_unref(&two->beta.peers);
    two->beta.peers = peers;
    transfers_view(two->beta.transfers, &two->beta_server, peers);
}

static inline void two_prepare(struct kit *kit)
{
    struct two *two = two_current;

    two->kit = kit;
    side_open(two, &two->alpha, "alpha");
    side_open(two, &two->beta, "beta");
    kit->transfers = two->alpha.transfers;
}

static inline void two_make_tls(struct two *two)
{
    struct kit_org *beta = &two->kit->beta;
    struct tls_identity identity = {.leaf = beta->leaf, .key = beta->leaf_key};
    struct error err = {0};

    identity.chain = sk_X509_new_null();
    sk_X509_push(identity.chain, beta->issuer);
    two->beta_tls = tls_peer_client_create(&identity, "causeway/1", &err);
    sk_X509_free(identity.chain);
    if (two->beta_tls == NULL)
        fail_msg("%s", err.text);
}

static inline int two_setup(void **state)
{
    struct two *two = memory_alloc(sizeof(*two));
    void *kit;

    two_current = two;
    snprintf(two->folder, sizeof(two->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(two->folder));
    two->dag = kit_dag_create(400, 5000);
    two->other = kit_dag_create(300, 4000);
    two->jobs = jobs_create(2, 64);
    kit_setup_with(&kit, two_prepare);
    two_make_tls(two);
    two->beta_server.loop = two->kit->loop;
    two_view(two, LINK_ACTIVE, 1);
    two->permit = (struct transfers_permit){
        .status = 200, .root = two->dag->root, .bytes_max = two->dag->stats.bytes};
    *state = two;
    return 0;
}

static inline void two_end_beta(struct two *two)
{
    transfers_cancel(&two->transfer);
    for (int turn = 0; turn < 3; turn++)
        loop_turn(two->kit->loop, 0);
    transfers_destroy(&two->beta.transfers);
}

static inline int two_teardown(void **state)
{
    struct two *two = *state;
    void *kit = two->kit;
    char command[160];

    if (two->beta.transfers != NULL)
        two_end_beta(two);
    peers_unref(&two->beta.peers);
    server_destroy(&two->kit->server);
    if (two->question != NULL)
        transfers_permit_answer(two->question, &two->permit);
    for (int turn = 0; turn < 3; turn++)
        loop_turn(two->kit->loop, 0);
    transfers_destroy(&two->alpha.transfers);
    jobs_destroy(&two->jobs);
    for (int turn = 0; turn < 3; turn++)
        loop_turn(two->kit->loop, 0);
    kit_teardown(&kit);
    SSL_CTX_free(two->beta_tls);
    kit_dag_destroy(two->dag);
    kit_dag_destroy(two->other);
    snprintf(command, sizeof(command), "rm -rf '%s'", two->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(two);
    return 0;
}

/* ---- what beta asks for */

static inline void two_moved(void *two_, uint64_t position, bool is_whole)
{
    struct two *two = two_;

    two->moved++;
    two->was_whole = is_whole;
}

static inline void two_done(void *two_, unsigned status, const struct error *err)
{
    struct two *two = two_;

    two->transfer = NULL;
    two->done++;
    two->status = status;
    two->err = (struct error){0};
    if (err != NULL)
        two->err = *err;
}

static inline struct transfers_order two_order(const struct two *two)
{
    return (struct transfers_order){.partner = "alpha",
                                    .id = KIT_ID,
                                    .link = KIT_LINK,
                                    .root = &two->dag->root,
                                    .bytes_max = two->dag->stats.bytes};
}

static inline void two_begin(struct two *two,
                             bool (*what)(struct transfers *, struct transfer **,
                                          const struct transfers_order *, transfers_moved,
                                          transfers_ended, void *, struct error *))
{
    const struct transfers_order order = two_order(two);

    assert_true(
        what(two->beta.transfers, &two->transfer, &order, two_moved, two_done, two, &two->err));
}

static inline void two_wait(struct two *two)
{
    unsigned before = two->done;

    for (int turn = 0; turn < KIT_TURNS && two->done == before; turn++)
        loop_turn(two->kit->loop, 1);
    if (two->done == before)
        fail_msg("it does not end");
    for (int turn = 0; turn < 5; turn++) /* what is told behind it */
        loop_turn(two->kit->loop, 1);
}

static inline void two_send(struct two *two)
{
    two_begin(two, transfers_send);
    two_wait(two);
}

/* Blocks are on their way, and no more come. An inbox that is just being closed refuses it for a
 * moment. */
static inline void two_send_stuck(struct two *two)
{
    uint64_t before = transfers_counters(two->alpha.transfers).bytes_in;

    two->beta.shelf.is_stuck = true;
    two->done = 1; /* nothing is under way */
    for (int turn = 0; turn < KIT_TURNS; turn++) {
        if (two->done > 0) {
            two->done = 0;
            two_begin(two, transfers_send);
        }
        loop_turn(two->kit->loop, 1);
        if (transfers_counters(two->alpha.transfers).bytes_in > before)
            return;
    }
    fail_msg("no blocks come: %s", two->err.text);
}

static inline void two_fetch(struct two *two)
{
    two_begin(two, transfers_fetch);
    two_wait(two);
}

static inline void two_expect(const struct two *two, unsigned status, enum error_code code)
{
    if (two->err.code != code || two->status != status)
        fail_msg("ends with %u, %d '%s', not %u, %d", two->status, two->err.code, two->err.text,
                 status, code);
}

#endif
