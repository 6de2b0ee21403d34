// SPDX-License-Identifier: Apache-2.0
/* causeway.yaml, as an immutable snapshot. A reload makes another one; a request keeps the one it
 * began with, so a snapshot is reference-counted. What each option means, its default and its range
 * stand in one table (config.c), from which `causeway help config` is printed. */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "conf/address.h"
#include "conf/error.h"
#include "conf/log.h"
#include "conf/options.h"

#include <stdint.h>
#include <stdio.h>

enum config_upstream_kind { CONFIG_UPSTREAM_KUBO, CONFIG_UPSTREAM_EMBEDDED };

/* Bits of config->allow, in the order of the catalogue's classes: 1 << class. */
enum config_class {
    CONFIG_CLASS_TOOL,
    CONFIG_CLASS_READ,
    CONFIG_CLASS_WRITE,
    CONFIG_CLASS_PIN,
    CONFIG_CLASS_FILES,
    CONFIG_CLASS_KEY,
    CONFIG_CLASS_PUBSUB,
    CONFIG_CLASS_NETWORK,
    CONFIG_CLASS_REPO,
    CONFIG_CLASS_REMOTE_PIN,
};

/* All three are absolute paths of files that could be read when the configuration was loaded.
 * certificate_file and key_file are both NULL (no TLS) or both set. */
struct config_tls {
    char *certificate_file;
    char *key_file;
    char *client_ca_file; /* may be NULL */
};

struct config_limits {
    uint64_t head_size; /* bytes */
    uint64_t head_timeout_ms;
    uint64_t idle_timeout_ms;      /* between requests of one connection */
    uint64_t body_idle_timeout_ms; /* no byte of a body moved */
    uint64_t min_body_rate;        /* bytes per second, measured over 30 s; 0: off */
    uint64_t connect_timeout_ms;
    uint64_t upstream_head_timeout_ms; /* 0: never */
    uint64_t upstream_idle_timeout_ms; /* 0: never */
    uint64_t drain_timeout_ms;
    uint64_t connections;               /* of clients, all workers together */
    uint64_t upstream_idle_connections; /* per worker */
    uint64_t walks;                     /* commands at once that read far more than they answer */
    uint64_t walks_each;                /* of these, of each caller */
    uint64_t trailer_size;              /* bytes */
    uint64_t chunk_extension_size;      /* bytes, of one chunk */
    uint64_t storage_high_water;        /* percent of the storage's room; 0: off */
    uint64_t collect_above;             /* likewise; 0: never */
    uint64_t collect_wait_ms;           /* 0: writes are cut at once */
};

struct config {
    char *file;   /* absolute path of what was loaded */
    char *folder; /* where relative paths begin */
    char *org;    /* may be NULL */
    char *data;   /* absolute path */
    char *node;   /* of the gateways of org, this one */
    struct {
        struct {
            struct address address;
            struct config_tls tls;
        } clients;
        struct {
            struct address address; /* IP, or ADDRESS_NONE: there is no partner port */
            char *advertise;        /* HOST:PORT that partners dial; NULL only without address */
        } partners;
        struct {
            struct address address; /* always loopback */
        } operators;
    } listen;
    struct option_strings hosts;   /* lower case, perhaps with a port */
    struct option_strings origins; /* "https://app.example.org" */
    struct option_networks trusted_proxies;
    struct {
        unsigned kind;          /* enum config_upstream_kind */
        struct address address; /* IP, unix or a name */
        char *authorization;    /* value of the Authorization header; a secret; may be NULL */
    } upstream;
    char *policy;     /* absolute path of a file or folder; NULL: none, and allow decides */
    unsigned allow;   /* bits: 1 << enum config_class */
    uint64_t workers; /* never 0: one per core was filled in */
    struct {
        char *access;   /* "stdout", "off" or an absolute path */
        unsigned level; /* enum log_level */
    } log;
    struct config_limits limits;
};

/* Which file to load: explicit (--config) if not NULL, else $CAUSEWAY_CONFIG, else
 * /etc/causeway/causeway.yaml. Borrowed. */
const char *config_find(const char *explicit_path);

/* The option whose value is the explicit path, for a command's table (conf/cli.h). */
#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE",                                                                          \
            "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"           \
    }

/* Reads, checks everything, and hands out a snapshot with one reference. An error names file, line
 * and column. Blocks on files: start-up, or a job. */
MUST_USE bool config_load(const struct config **config, const char *path, struct error *err);

/* The same from bytes, as if they stood in path: tests and the fuzzer. */
MUST_USE bool config_load_bytes(const struct config **config, const char *path, struct slice bytes,
                                struct error *err);

/* Any thread. unref clears the pointer; NULL is fine; the last one frees and wipes the secrets. */
const struct config *config_ref(const struct config *config);
void config_unref(const struct config **config);

/* The settings of the log thread; borrowed from config. */
struct log_settings config_log_settings(const struct config *config);

/* The reference: every option, or the one named, or those below a section. False: no such. */
bool config_print_reference(FILE *out, const char *name);

#endif
