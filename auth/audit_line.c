// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_line.h"

#include "conf/address.h"
#include "conf/units.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The inside of a JSON string, cut before the character that does not fit. */
static void put_cut(struct text *out, struct slice s, size_t max)
{
    size_t start = out->size;

    if (s.size <= max) {
        text_put_json(out, s);
        if (out->size - start <= max)
            return;
        out->size = start;
    }
    while (s.size > 0) {
        size_t length = utf8_length(s), before = out->size;

        if (length == 0)
            length = 1;
        text_put_json(out, (struct slice){s.data, length});
        if (out->size - start > max) {
            out->size = before;
            return;
        }
        s.data += length;
        s.size -= length;
    }
}

static void put_member(struct text *out, const char *name, struct slice value)
{
    if (value.size == 0)
        return;
    text_put_text(out, ",\"");
    text_put_text(out, name);
    text_put_text(out, "\":\"");
    put_cut(out, value, AUDIT_TEXT_MAX);
    text_put_char(out, '"');
}

static void put_number(struct text *out, const char *name, uint64_t value)
{
    text_put_format(out, ",\"%s\":%" PRIu64, name, value);
}

static void put_roles(struct text *out, const struct principal *principal)
{
    if (principal->token_roles == NULL)
        return;
    text_put_text(out, ",\"roles\":[");
    for (size_t i = 0; i < principal->token_role_count && i < TOKEN_ROLES_MAX; i++) {
        text_put_text(out, i > 0 ? ",\"" : "\"");
        put_cut(out, principal->token_roles[i], ID_SIZE);
        text_put_char(out, '"');
    }
    text_put_char(out, ']');
}

static void put_peer(struct text *out, const struct sockaddr *peer)
{
    struct address address;

    if (peer == NULL)
        return;
    if (peer->sa_family != AF_INET && peer->sa_family != AF_INET6) {
        put_member(out, "peer", SLICE("unix"));
        return;
    }
    address_from_sockaddr(&address, peer,
                          peer->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                     : sizeof(struct sockaddr_in6));
    put_member(out, "peer", address_host(&address));
}

/* Groups and attributes are left out: the policy, whose hash the line has, gives them. */
static void put_principal(struct text *out, const struct principal *principal)
{
    if (principal == NULL)
        return;
    text_put_format(out, ",\"principal\":{\"kind\":\"%s\"", principal_kind_name(principal->kind));
    put_member(out, "id", principal->id);
    put_member(out, "token", principal->token_id);
    put_roles(out, principal);
    put_member(out, "certificate", principal->certificate_name);
    put_peer(out, principal->peer);
    text_put_format(out, ",\"encrypted\":%s}", principal->is_encrypted ? "true" : "false");
}

/* Starts an item of a list that began at `start`; false: s alone would be too long for what is
 * left. */
static bool begin_item(struct text *out, size_t start, size_t size)
{
    if (out->size - start + size > AUDIT_LIST_MAX)
        return false;
    if (out->size > start)
        text_put_char(out, ',');
    return true;
}

static void put_arguments(struct text *out, const struct audit_entry *entry)
{
    size_t start, count = 0;

    if (entry->argument_count == 0)
        return;
    text_put_text(out, ",\"arguments\":[");
    for (start = out->size; count < entry->argument_count; count++) {
        struct slice argument = entry->arguments[count];
        size_t before = out->size;

        if (!begin_item(out, start, argument.size))
            break;
        text_put_char(out, '"');
        text_put_json(out, argument);
        text_put_char(out, '"');
        if (out->size - start > AUDIT_LIST_MAX) {
            out->size = before;
            break;
        }
    }
    text_put_char(out, ']');
    if (count < entry->argument_count)
        put_number(out, "arguments_left_out", entry->argument_count - count);
}

static void put_options(struct text *out, const struct audit_entry *entry)
{
    size_t start, count = 0;

    if (entry->option_count == 0)
        return;
    text_put_text(out, ",\"options\":[");
    for (start = out->size; count < entry->option_count; count++) {
        const struct audit_pair *option = &entry->options[count];
        size_t before = out->size;

        if (!begin_item(out, start, option->name.size + option->value.size))
            break;
        text_put_text(out, "[\"");
        text_put_json(out, option->name);
        text_put_text(out, "\",\"");
        text_put_json(out, option->value);
        text_put_text(out, "\"]");
        if (out->size - start > AUDIT_LIST_MAX) {
            out->size = before;
            break;
        }
    }
    text_put_char(out, ']');
    if (count < entry->option_count)
        put_number(out, "options_left_out", entry->option_count - count);
}

void audit_line_put_bare_body(struct text *out, uint64_t time_ms)
{
    char time[UNITS_TIMESTAMP_SIZE];

    text_put_format(out, ",\"time\":\"%s\"", units_print_timestamp(time, time_ms));
}

void audit_line_put_body(struct text *out, const struct audit_entry *entry)
{
    size_t start = out->size;

    audit_line_put_bare_body(out, entry->time_ms);
    put_member(out, "request", entry->request_id);
    put_principal(out, entry->principal);
    put_member(out, "command", entry->command);
    put_arguments(out, entry);
    put_options(out, entry);
    if (entry->has_body_size)
        put_number(out, "body_size", entry->body_size);
    put_member(out, "decision", entry->decision);
    put_member(out, "mode", entry->mode);
    put_member(out, "rule", entry->rule);
    put_member(out, "at", entry->at);
    put_member(out, "policy", entry->policy);
    put_member(out, "message", entry->message);
    assert(out->size - start <= AUDIT_BODY_MAX);
}

void audit_line_print_hash(char out[2 * RECORD_HASH_SIZE], const uint8_t hash[RECORD_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < RECORD_HASH_SIZE; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

static void put_hash(struct text *out, const uint8_t hash[RECORD_HASH_SIZE])
{
    const size_t size = (size_t)2 * RECORD_HASH_SIZE;

    audit_line_print_hash(text_reserve(out, size), hash);
    out->size += size;
}

void audit_line_put(struct text *out, struct audit_chain *chain, uint64_t lost, struct slice body)
{
    uint8_t digest[HASH_DIGEST_MAX];
    size_t start = out->size;

    text_put_format(out, "{\"sequence\":%" PRIu64 ",\"previous\":\"", chain->sequence + 1);
    put_hash(out, chain->hash);
    text_put_char(out, '"');
    if (lost > 0)
        put_number(out, "lost", lost);
    text_put_slice(out, body);
    hash_block(HASH_SHA2_256, (struct slice){out->data + start, out->size - start}, digest);
    text_put_text(out, ",\"hash\":\"");
    put_hash(out, digest);
    text_put_text(out, "\"}\n");
    chain->has_begun = true;
    chain->sequence++;
    memcpy(chain->hash, digest, RECORD_HASH_SIZE);
}
