// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_line.h"
#include "conf/units.h"
#include "ipfs/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEX_SIZE = 2 * RECORD_HASH_SIZE };

/* What chain_step needs to know of a line. */
struct parts {
    uint64_t sequence;
    uint8_t previous[RECORD_HASH_SIZE], hash[RECORD_HASH_SIZE];
    struct slice hashed; /* what hash is the hash of */
};

static const char prefix[] = "{\"sequence\":", middle[] = ",\"previous\":\"";
static const char hash_name_text[] = ",\"hash\":\"", suffix[] = "\"}";

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes text off the front of *s. */
static bool take(struct slice *s, const char *text)
{
    size_t size = strlen(text);

    if (!slice_starts(*s, text))
        return false;
    s->data += size;
    s->size -= size;
    return true;
}

static bool take_hash(struct slice *s, uint8_t hash[RECORD_HASH_SIZE])
{
    if (s->size < HEX_SIZE)
        return false;
    for (size_t i = 0; i < RECORD_HASH_SIZE; i++) {
        int high = digit_of(s->data[2 * i]), low = digit_of(s->data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    s->data += HEX_SIZE;
    s->size -= HEX_SIZE;
    return true;
}

static bool take_number(struct slice *s, uint64_t *number)
{
    size_t size = 0;

    while (size < s->size && s->data[size] >= '0' && s->data[size] <= '9')
        size++;
    if (!units_parse_integer((struct slice){s->data, size}, number, NULL))
        return false;
    s->data += size;
    s->size -= size;
    return true;
}

static bool split(struct slice line, struct parts *parts)
{
    const size_t tail_size = sizeof(hash_name_text) - 1 + HEX_SIZE + sizeof(suffix) - 1;
    struct slice head = line, tail;

    if (line.size < tail_size)
        return false;
    tail = (struct slice){line.data + line.size - tail_size, tail_size};
    head.size -= tail_size;
    parts->hashed = head;
    return take(&head, prefix) && take_number(&head, &parts->sequence) && parts->sequence > 0 &&
           take(&head, middle) && take_hash(&head, parts->previous) && take(&head, "\"") &&
           take(&tail, hash_name_text) && take_hash(&tail, parts->hash) && slice_is(tail, suffix);
}

/* A line follows the one before; of the first one only sequence 1 says what is before it. */
static bool check_place(const struct audit_chain *chain, const struct parts *parts,
                        struct error *err)
{
    static const uint8_t nothing[RECORD_HASH_SIZE];
    const uint8_t *previous = chain->has_begun ? chain->hash : nothing;

    if (chain->has_begun && parts->sequence != chain->sequence + 1)
        return error_set(err, ERROR_MISMATCH,
                         "sequence %" PRIu64 " stands where %" PRIu64 " must: lines were %s",
                         parts->sequence, chain->sequence + 1,
                         parts->sequence > chain->sequence ? "removed" : "added or moved");
    if (!chain->has_begun && parts->sequence != 1)
        return true;
    if (!record_hash_equal(parts->previous, previous))
        return error_set(err, ERROR_MISMATCH,
                         "sequence %" PRIu64 " does not go on from %s: its \"previous\" is another "
                         "hash",
                         parts->sequence,
                         chain->has_begun ? "the line before" : "nothing, as the first line must");
    return true;
}

bool audit_chain_step(struct audit_chain *chain, struct slice line, struct error *err)
{
    uint8_t digest[HASH_DIGEST_MAX];
    struct parts parts;

    if (!split(line, &parts))
        return error_set(err, ERROR_SYNTAX,
                         "not a line of an audit log: it must begin with "
                         "{\"sequence\":NUMBER,\"previous\":\"HASH\" and end with "
                         ",\"hash\":\"HASH\"}");
    hash_block(HASH_SHA2_256, parts.hashed, digest);
    if (!record_hash_equal(digest, parts.hash))
        return error_set(err, ERROR_MISMATCH,
                         "sequence %" PRIu64 " was changed: its hash is not that of its bytes",
                         parts.sequence);
    if (!check_place(chain, &parts, err))
        return false;
    *chain = (struct audit_chain){.has_begun = true, .sequence = parts.sequence};
    memcpy(chain->hash, parts.hash, RECORD_HASH_SIZE);
    return true;
}

/* ---- a whole file */

struct walk {
    struct audit_chain *chain;
    struct audit_report *report;
    audit_line_cb each;
    void *arg;
    bool wants_more;
};

static bool check_size(size_t size, struct error *err)
{
    return size <= AUDIT_LINE_MAX ||
           error_set(err, ERROR_SYNTAX, "longer than any line of an audit log");
}

static bool step(struct walk *walk, struct slice line, struct error *err)
{
    struct audit_report *report = walk->report;

    if (!check_size(line.size, err) || !audit_chain_step(walk->chain, line, err)) {
        report->broken_line = report->lines + 1;
        return false;
    }
    if (report->lines++ == 0)
        report->first_sequence = walk->chain->sequence;
    walk->wants_more = walk->each == NULL || walk->each(walk->arg, report->lines, line);
    return true;
}

/* The whole lines of buffer; *used is how many bytes they were. */
static bool step_lines(struct walk *walk, struct slice buffer, size_t *used, struct error *err)
{
    const char *newline;

    *used = 0;
    while (walk->wants_more && *used < buffer.size &&
           (newline = memchr(buffer.data + *used, '\n', buffer.size - *used)) != NULL) {
        struct slice line = {buffer.data + *used, (size_t)(newline - buffer.data) - *used};

        if (!step(walk, line, err))
            return false;
        *used += line.size + 1;
    }
    return true;
}

static bool walk_file(struct walk *walk, FILE *file, struct error *err)
{
    struct text buffer = {0};
    bool result = true;
    size_t got = 1;

    while (result && walk->wants_more && got > 0) {
        size_t used;

        got = fread(text_reserve(&buffer, AUDIT_LINE_MAX), 1, AUDIT_LINE_MAX, file);
        buffer.size += got;
        result = step_lines(walk, text_slice(&buffer), &used, err);
        buffer.size -= used;
        memmove(buffer.data, buffer.data + used, buffer.size);
        if (result && walk->wants_more && !check_size(buffer.size, err)) {
            walk->report->broken_line = walk->report->lines + 1;
            result = false;
        }
    }
    walk->report->is_unfinished = result && walk->wants_more && buffer.size > 0;
    text_dispose(&buffer);
    return result;
}

bool audit_verify(const char *path, struct audit_chain *chain, audit_line_cb each, void *arg,
                  struct audit_report *report, struct error *err)
{
    struct walk walk = {chain, report, each, arg, true};
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    bool result;

    *report = (struct audit_report){0};
    if (file == NULL)
        return error_set_errno(err, "%s cannot be opened", path);
    result = walk_file(&walk, file, err);
    if (!result)
        error_prefix(err, "%s:%" PRIu64, path, report->broken_line);
    else if (ferror(file))
        result = error_set_errno(err, "%s cannot be read", path);
    if (file != stdin)
        fclose(file);
    return result;
}
