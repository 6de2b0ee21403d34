// SPDX-License-Identifier: Apache-2.0
#include "proxy/snapshot.h"

#include "conf/memory.h"
#include "federation/placement_test.h"
#include "http/tls.h"
#include "policy/finding.h"
#include "policy/grants.h"
#include "policy/test.h"
#include "proxy/clock.h"
#include "proxy/policy_version.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

static bool load_tls(struct snapshot *snapshot, const struct snapshot *previous, struct error *err)
{
    const struct config_tls *tls = &snapshot->config->listen.clients.tls;
    struct tls_files files = {
        .certificate = tls->certificate_file,
        .key = tls->key_file,
        .client_ca = tls->client_ca_file,
    };

    if (files.certificate == NULL)
        return true;
    snapshot->tls = tls_server_create(&files, previous != NULL ? previous->tls : NULL, err);
    return snapshot->tls != NULL;
}

/* An embedded node is opened at the start, for as long as the process lives. */
static bool check_kind(const struct snapshot *snapshot, const struct snapshot *previous,
                       struct error *err)
{
    return previous == NULL || previous->config->upstream.kind == snapshot->config->upstream.kind ||
           error_set(err, ERROR_UNSUPPORTED,
                     "%s: upstream.kind is another than the gateway was started with: restart it, "
                     "or set it back",
                     snapshot->config->file);
}

static bool find_upstream(struct snapshot *snapshot, struct error *err)
{
    size_t count;

    if (snapshot->config->upstream.kind == CONFIG_UPSTREAM_EMBEDDED) {
        strcpy(snapshot->upstream.text, "embedded");
        return true;
    }
    return address_resolve(&snapshot->config->upstream.address, &snapshot->upstream, 1, &count,
                           err);
}

bool snapshot_load(struct snapshot **result, const char *path, const struct snapshot *previous,
                   struct error *err)
{
    struct snapshot *snapshot = memory_alloc(sizeof(*snapshot));

    atomic_init(&snapshot->references, 1);
    if (config_load(&snapshot->config, path, err) && check_kind(snapshot, previous, err) &&
        load_tls(snapshot, previous, err) && find_upstream(snapshot, err)) {
        *result = snapshot;
        return true;
    }
    snapshot_unref(&snapshot);
    return false;
}

/* ---- the policy: files, and versions in the ledger */

static bool check_org(const struct snapshot *snapshot, const struct policy *policy,
                      struct error *err)
{
    const char *ours = snapshot->config->org;

    return slice_is(policy_org(policy), ours) ||
           error_set(err, ERROR_MISMATCH,
                     "the policy is of organization '%.*s', and this gateway of '%s': org must be "
                     "the same in both",
                     SLICE_ARGS(policy_org(policy)), ours);
}

/* Before a version is noted as good: nothing may be found wrong with it afterwards. */
static bool check_certificates(const struct policy *policy, struct error *err)
{
    struct certificate_index *index = NULL;
    bool result = certificate_index_create(&index, policy, err);

    certificate_index_destroy(&index);
    return result;
}

/* Without a port for partners nobody keeps to them, so nobody may rely on them. */
static bool check_partners(const struct snapshot *snapshot, const struct policy *policy,
                           struct error *err)
{
    const char *section = policy_has_placement(policy)     ? "placement"
                          : policy_grant_count(policy) > 0 ? "grants"
                                                           : NULL;

    return section == NULL || snapshot->config->listen.partners.address.kind != ADDRESS_NONE ||
           error_set(err, ERROR_REFUSED,
                     "the policy has a section '%s', and this gateway no port for partners: set "
                     "listen.partners.address in causeway.yaml, or remove the section",
                     section);
}

static bool compile(const struct snapshot *snapshot, const struct policy_sources *sources,
                    const struct policy **policy, struct error *err)
{
    if (!policy_compile(policy, sources->items, sources->count, NULL, err))
        return false;
    if (check_org(snapshot, *policy, err) && check_certificates(*policy, err) &&
        check_partners(snapshot, *policy, err))
        return true;
    policy_unref(policy);
    return false;
}

/* A policy that fails its own tests does not come into force: err has the first failure, and how
 * many there are. */
static bool pass_tests(const struct policy *policy, struct error *err)
{
    struct policy_test_counts counts = {0};
    struct findings findings = {0};
    struct text first = {0};
    bool passed = policy_run_tests(policy, placement_test, &findings, &counts);

    if (!passed && findings.count > 0) {
        finding_put(&findings.items[0], &first);
        error_set(err, ERROR_REFUSED, "%zu of the policy's own tests failed: %s", counts.failed,
                  first.data);
    }
    text_dispose(&first);
    findings_dispose(&findings);
    return passed;
}

/* What the files say, compiled and passed by its own tests. */
static bool read_files(const struct snapshot *snapshot, struct policy_sources *sources,
                       const struct policy **policy, struct error *err)
{
    if (!policy_sources_read(sources, snapshot->config->policy, SOURCE_NAMES_SHORT, err))
        return false;
    if (compile(snapshot, sources, policy, err)) {
        if (pass_tests(*policy, err))
            return true;
        policy_unref(policy);
    }
    policy_sources_dispose(sources);
    return false;
}

static void hash_bytes(const char *hex, uint8_t hash[RECORD_HASH_SIZE])
{
    for (size_t i = 0; i < RECORD_HASH_SIZE; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        hash[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

/* Notes the version; it becomes the ledger's active one. */
static bool note(struct snapshot *snapshot, const struct policy_sources *sources,
                 const struct policy *policy, struct store *store, struct error *err)
{
    struct transaction *put = transaction_create(TRANSACTION_POLICY_PUT);
    struct text packed = {0};
    bool result;

    policy_version_pack(sources, &packed);
    hash_bytes(policy_hash(policy), put->policy_put.hash);
    put->policy_put.now_ms = clock_wall_ms();
    put->policy_put.bytes = transaction_copy(put, text_slice(&packed));
    text_dispose(&packed);
    result = store_run(store, put, err);
    if (result)
        snapshot->policy_number = put->policy_put.record.number;
    transaction_destroy(&put);
    return result;
}

/* Puts a version of the ledger into force: the one of that number, or with 0 the active one. Its
 * own tests are not run: it was in force before. */
static bool take_version(struct snapshot *snapshot, struct store *store, uint64_t number,
                         struct error *err)
{
    struct transaction *get = transaction_create(TRANSACTION_POLICY_GET);
    struct policy_sources sources = {0};
    bool result;

    get->policy_get.number = number;
    result = store_run(store, get, err) &&
             policy_version_unpack(&sources, get->policy_get.record.bytes, err) &&
             compile(snapshot, &sources, &snapshot->policy, err);
    if (result)
        snapshot->policy_number = get->policy_get.record.number;
    policy_sources_dispose(&sources);
    transaction_destroy(&get);
    return result;
}

/* At the start: were the files left behind by a rollback? Then the ledger knows them, and a version
 * that came into force after them. */
static bool was_rolled_back(const char *files_hash, struct store *store)
{
    struct transaction *files = transaction_create(TRANSACTION_POLICY_GET);
    struct transaction *active = transaction_create(TRANSACTION_POLICY_GET);
    struct error unknown = {0};
    bool result;

    files->policy_get.has_hash = true;
    hash_bytes(files_hash, files->policy_get.hash);
    result = store_run(store, files, &unknown) && store_run(store, active, &unknown) &&
             !files->policy_get.record.is_active &&
             active->policy_get.record.activated_ms > files->policy_get.record.activated_ms;
    transaction_destroy(&files);
    transaction_destroy(&active);
    return result;
}

static void keep_in_force(struct snapshot *snapshot, const struct snapshot *previous)
{
    snapshot->policy = policy_ref(previous->policy);
    snapshot->policy_number = previous->policy_number;
}

static bool put_files_in_force(struct snapshot *snapshot, const struct snapshot *previous,
                               struct store *store, struct error *err)
{
    const struct policy *policy;
    struct policy_sources sources = {0};
    bool result = true;

    if (!read_files(snapshot, &sources, &policy, err))
        return false;
    memcpy(snapshot->files_hash, policy_hash(policy), POLICY_HASH_SIZE);
    if (previous != NULL && previous->policy != NULL &&
        strcmp(previous->files_hash, snapshot->files_hash) == 0) {
        keep_in_force(snapshot, previous); /* they say what they said */
    } else if (previous == NULL && was_rolled_back(snapshot->files_hash, store)) {
        result = take_version(snapshot, store, 0, err);
    } else {
        result = note(snapshot, &sources, policy, store, err);
        if (result)
            snapshot->policy = policy_ref(policy);
    }
    policy_unref(&policy);
    policy_sources_dispose(&sources);
    return result;
}

bool snapshot_add_policy(struct snapshot *snapshot, const struct snapshot *previous,
                         struct store *store, struct error *err)
{
    struct error none = {0};

    if (snapshot->config->policy == NULL)
        return true;
    if (!put_files_in_force(snapshot, previous, store, &snapshot->policy_fault) &&
        !(previous == NULL && take_version(snapshot, store, 0, &none))) {
        *err = snapshot->policy_fault;
        return false;
    }
    return certificate_index_create(&snapshot->certificates, snapshot->policy, err);
}

bool snapshot_roll_back(struct snapshot **result, const struct snapshot *snapshot,
                        struct store *store, uint64_t number, struct error *err)
{
    struct transaction *activate = transaction_create(TRANSACTION_POLICY_ACTIVATE);
    struct snapshot *copy = memory_alloc(sizeof(*copy));
    bool done;

    atomic_init(&copy->references, 1);
    copy->config = config_ref(snapshot->config);
    copy->tls = snapshot->tls;
    if (copy->tls != NULL)
        SSL_CTX_up_ref(copy->tls);
    copy->upstream = snapshot->upstream;
    memcpy(copy->files_hash, snapshot->files_hash, POLICY_HASH_SIZE);
    activate->policy_activate.number = number;
    activate->policy_activate.now_ms = clock_wall_ms();
    done = take_version(copy, store, number, err) &&
           certificate_index_create(&copy->certificates, copy->policy, err) &&
           store_run(store, activate, err);
    transaction_destroy(&activate);
    if (done)
        *result = copy;
    else
        snapshot_unref(&copy);
    return done;
}

/* ---- counting */

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void snapshot_unref(struct snapshot **snapshot_ptr)
{
    struct snapshot *snapshot = *snapshot_ptr;

    *snapshot_ptr = NULL;
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) > 1)
        return;
    SSL_CTX_free(snapshot->tls);
    certificate_index_destroy(&snapshot->certificates);
    policy_unref(&snapshot->policy);
    config_unref(&snapshot->config);
    free(snapshot);
}
