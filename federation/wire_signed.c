// SPDX-License-Identifier: Apache-2.0
#include "federation/wire_signed.h"

#include "conf/units.h"
#include "federation/sequence.h"
#include "ipfs/multibase.h"
#include "policy/moment.h"

#include <inttypes.h>

/* ---- what is signed */

static bool is_word(struct slice method)
{
    for (size_t i = 0; i < method.size; i++) {
        char c = method.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return method.size > 0 && method.size <= 16;
}

static bool is_path(struct slice path)
{
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] <= ' ' || path.data[i] > '~')
            return false;
    return path.size > 0 && path.size <= WIRE_PATH_MAX && path.data[0] == '/';
}

bool wire_signed_put(const struct wire_signed *is, struct slice method, struct slice path,
                     const uint8_t body_digest[32], struct text *out, struct error *err)
{
    char date[UNITS_TIMESTAMP_SIZE];

    if (!is_word(method) || !is_path(path))
        return error_set(err, ERROR_SYNTAX, "no method and path that can be signed");
    text_put_text(out, "causeway-link-1\n");
    text_put_slice(out, method);
    text_put_char(out, '\n');
    text_put_slice(out, path);
    text_put_format(out, "\n%s\n%" PRIu64 "\n%s %" PRIu64 "\n%s\n", is->link, is->epoch, is->node,
                    is->sequence, units_print_timestamp(date, is->date_ms));
    for (unsigned i = 0; i < 32; i++)
        text_put_format(out, "%02x", body_digest[i]);
    text_put_char(out, '\n');
    return true;
}

/* ---- the header */

void wire_signed_print(const struct wire_signed *is, struct text *out)
{
    char date[UNITS_TIMESTAMP_SIZE];

    text_put_format(
        out,
        "link=%s, epoch=%" PRIu64 ", node=%s, sequence=%" PRIu64 ", date=%s, signature=", is->link,
        is->epoch, is->node, is->sequence, units_print_timestamp(date, is->date_ms));
    multibase_encode_bare('m', is->signature, sizeof(is->signature), out);
}

/* Takes "NAME=" off the front and the value behind it, up to ", " or the end. */
static bool take(struct slice *left, const char *name, struct slice *value, struct error *err)
{
    size_t size = strlen(name);
    const char *end;

    if (left->size <= size || memcmp(left->data, name, size) != 0 || left->data[size] != '=')
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: '%s=' is missing or out of order",
                         name);
    left->data += size + 1;
    left->size -= size + 1;
    end = memchr(left->data, ',', left->size);
    *value = (struct slice){left->data, end == NULL ? left->size : (size_t)(end - left->data)};
    left->data += value->size;
    left->size -= value->size;
    if (left->size >= 2 && left->data[0] == ',' && left->data[1] == ' ') {
        left->data += 2;
        left->size -= 2;
    } else if (left->size > 0) {
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: ', ' is needed behind %s", name);
    }
    return true;
}

static bool take_number(struct slice *left, const char *name, uint64_t *number, struct error *err)
{
    struct slice value = SLICE("");

    if (!take(left, name, &value, err))
        return false;
    if (!units_parse_integer(value, number, NULL) || *number > SEQUENCE_MAX)
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: %s is no number that can be", name);
    return true;
}

static bool take_signature(struct slice *left, uint8_t signature[WIRE_SIGNATURE_SIZE],
                           struct error *err)
{
    struct slice value = SLICE("");
    size_t size;

    if (!take(left, "signature", &value, err))
        return false;
    if (!multibase_decode_bare('m', value, signature, WIRE_SIGNATURE_SIZE, &size, NULL) ||
        size != WIRE_SIGNATURE_SIZE)
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: signature is not 64 bytes in base64");
    return true;
}

static bool take_date(struct slice *left, uint64_t *date_ms, struct error *err)
{
    struct slice value = SLICE("");

    if (!take(left, "date", &value, err))
        return false;
    if (value.size != UNITS_TIMESTAMP_SIZE - 1 || value.data[10] != 'T' ||
        !moment_parse(value, date_ms, NULL))
        return error_set(err, ERROR_SYNTAX,
                         "Causeway-Signed: date is not written as 2026-01-31T23:59:59.123Z");
    return true;
}

static bool take_link(struct slice *left, char link[ULID_SIZE], struct error *err)
{
    struct slice value = SLICE("");

    if (!take(left, "link", &value, err))
        return false;
    if (!ulid_is_valid(value))
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: link is no ULID");
    memcpy(link, value.data, ULID_SIZE - 1);
    link[ULID_SIZE - 1] = '\0';
    return true;
}

static bool take_node(struct slice *left, char node[ID_SIZE], struct error *err)
{
    struct slice value = SLICE("");

    if (!take(left, "node", &value, err))
        return false;
    if (!id_is_valid(value))
        return error_set(err, ERROR_SYNTAX, "Causeway-Signed: node is no id");
    memcpy(node, value.data, value.size);
    node[value.size] = '\0';
    return true;
}

bool wire_signed_parse(struct wire_signed *is, struct slice value, struct error *err)
{
    *is = (struct wire_signed){0};
    if (value.size > WIRE_SIGNED_HEADER_MAX)
        return error_set(err, ERROR_LIMIT, "Causeway-Signed: %zu bytes; %d are allowed", value.size,
                         WIRE_SIGNED_HEADER_MAX);
    if (!take_link(&value, is->link, err) || !take_number(&value, "epoch", &is->epoch, err) ||
        !take_node(&value, is->node, err) || !take_number(&value, "sequence", &is->sequence, err) ||
        !take_date(&value, &is->date_ms, err) || !take_signature(&value, is->signature, err))
        return false;
    return value.size == 0 ||
           error_set(err, ERROR_SYNTAX, "Causeway-Signed: more behind the signature");
}

bool wire_date_is_near(uint64_t date_ms, uint64_t wall_ms, int64_t *skew_ms)
{
    uint64_t apart = date_ms > wall_ms ? date_ms - wall_ms : wall_ms - date_ms;

    *skew_ms = date_ms > wall_ms ? (int64_t)apart : -(int64_t)apart;
    return apart <= WIRE_DATE_SKEW_MS;
}
