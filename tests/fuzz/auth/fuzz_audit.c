// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an audit log: line by line and as a file, the same is found. What is good stays good
 * when it is checked again, and no longer holds with any bit of it changed. And any bytes as the
 * texts of a record: the line is JSON, has no newline inside, and goes on the chain. */
#include "auth/audit_line.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines until the first that breaks; 0 in *broken: none does. */
static struct audit_chain follow(struct slice log, uint64_t *good, uint64_t *broken)
{
    struct audit_chain chain = {0};
    const char *newline;

    *good = *broken = 0;
    while ((newline = memchr(log.data, '\n', log.size)) != NULL) {
        struct slice line = {log.data, (size_t)(newline - log.data)};
        struct error err = {0};

        if (line.size > AUDIT_LINE_MAX || !audit_chain_step(&chain, line, &err)) {
            *broken = *good + 1;
            break;
        }
        ++*good;
        log.data += line.size + 1;
        log.size -= line.size + 1;
    }
    return chain;
}

static FILE *file_of(struct slice bytes)
{
    FILE *file = tmpfile();

    assert(file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    rewind(file);
    return file;
}

static void check_file(struct slice log)
{
    struct audit_chain expected, chain = {0};
    struct audit_report report;
    struct error err = {0};
    uint64_t good, broken;
    FILE *old = stdin;
    bool result;

    expected = follow(log, &good, &broken);
    stdin = file_of(log);
    result = audit_verify("-", &chain, NULL, NULL, &report, &err);
    fclose(stdin);
    stdin = old;
    assert(report.lines == good && report.broken_line == broken && result == (broken == 0));
    assert(chain.sequence == expected.sequence &&
           memcmp(chain.hash, expected.hash, sizeof(chain.hash)) == 0);
    assert(result || err.text[0] != '\0');
}

/* The bytes become a file's first line: with the hash that they must have, or not. */
static void check_line(struct slice line, uint8_t flip)
{
    struct audit_chain chain = {0}, again = {0};
    struct text changed = {0};

    if (!audit_chain_step(&chain, line, NULL))
        return;
    assert(chain.has_begun && chain.sequence > 0);
    assert(!audit_chain_step(&chain, line, NULL)); /* it does not follow itself */
    text_put_slice(&changed, line);
    changed.data[flip * line.size / 256] ^= (char)(1 << flip % 8);
    assert(!audit_chain_step(&again, text_slice(&changed), NULL));
    text_dispose(&changed);
}

static void check_record(struct slice text)
{
    struct slice arguments[] = {text, {text.data, text.size / 2}};
    struct audit_pair options[] = {{text, text}};
    struct principal principal = {.id = text, .token_roles = arguments, .token_role_count = 2};
    struct audit_entry entry = {
        .time_ms = text.size,
        .request_id = text,
        .principal = &principal,
        .command = text,
        .arguments = arguments,
        .argument_count = 2,
        .options = options,
        .option_count = 1,
        .message = text,
    };
    struct audit_chain chain = {0}, followed = {0};
    struct text body = {0}, line = {0};
    json_t *object;

    audit_line_put_body(&body, &entry);
    assert(body.size <= AUDIT_BODY_MAX);
    audit_line_put(&line, &chain, text.size, text_slice(&body));
    assert(memchr(line.data, '\n', line.size) == line.data + line.size - 1);
    object = json_loadb(line.data, line.size - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert(object != NULL);
    json_decref(object);
    line.size--;
    assert(audit_chain_step(&followed, text_slice(&line), NULL));
    assert(followed.sequence == chain.sequence &&
           memcmp(followed.hash, chain.hash, sizeof(chain.hash)) == 0);
    check_line(text_slice(&line), text.size > 0 ? (uint8_t)text.data[0] : 0);
    text_dispose(&body);
    text_dispose(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};

    check_file(bytes);
    check_line(bytes, size > 0 ? data[size / 2] : 0);
    check_record(bytes);
    return 0;
}
