// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_reply.h"

#include <jansson.h>

/* ---- one line */

static struct slice member_text(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);

    return (struct slice){json_string_value(member), json_string_length(member)};
}

static bool is_root(const struct upload_reply *reply, struct slice name)
{
    if (reply->has_one_root)
        return name.size == 0;
    return name.size == 0 || memchr(name.data, '/', name.size) == NULL;
}

/* The CID that a line says is to be pinned; none: {NULL, 0}. */
static struct slice find_root(const struct upload_reply *reply, const json_t *line)
{
    switch (reply->command) {
    case COMMAND_DAG_PUT:
        return member_text(json_object_get(line, "Cid"), "/");
    case COMMAND_BLOCK_PUT:
        return member_text(line, "Key");
    case COMMAND_ADD:
        if (is_root(reply, member_text(line, "Name")))
            return member_text(line, "Hash");
        break;
    default:
        break;
    }
    return (struct slice){NULL, 0};
}

static void add_root(struct upload_reply *reply, struct slice text)
{
    struct cid cid;

    if (cid_parse(&cid, text, &reply->fault))
        upload_roots_add(reply->roots, &cid, &reply->fault);
    else
        error_prefix(&reply->fault, "the storage's reply names a root that cannot be read");
}

/* {"Name","Bytes"}: what `add` has read of a file. */
static void note_progress(struct upload_reply *reply, const json_t *line)
{
    const json_t *bytes = json_object_get(line, "Bytes");

    if (reply->command != COMMAND_ADD || !json_is_integer(bytes) || json_integer_value(bytes) < 0)
        return;
    text_clear(&reply->name);
    text_put_slice(&reply->name, member_text(line, "Name"));
    reply->bytes = (uint64_t)json_integer_value(bytes);
}

static void learn(struct upload_reply *reply, struct slice line)
{
    json_t *object = ndjson_object(line, &reply->fault);
    struct slice root;

    if (object == NULL)
        return;
    if (slice_is(member_text(object, "Type"), "error") &&
        json_object_get(object, "Message") != NULL) {
        error_set(&reply->fault, ERROR_UNSUPPORTED, "%.*s",
                  SLICE_ARGS(member_text(object, "Message")));
    } else {
        note_progress(reply, object);
        root = find_root(reply, object);
        if (root.size > 0)
            add_root(reply, root);
    }
    json_decref(object);
}

static bool has_fault(const struct upload_reply *reply)
{
    return reply->fault.code != ERROR_NONE;
}

static void take_line(struct upload_reply *reply, enum ndjson_step step, struct slice line,
                      struct text *out)
{
    if (step == NDJSON_LONG)
        error_set(&reply->fault, ERROR_LIMIT,
                  "the storage's reply has a line of more than %d bytes, and what it names cannot "
                  "be pinned: shorten the file's name",
                  NDJSON_LINE_MAX);
    else
        learn(reply, line);
    if (has_fault(reply) || reply->is_silent)
        return;
    upload_reply_put_held(reply, out);
    text_put_slice(&reply->held, line);
    text_put_char(&reply->held, '\n');
}

/* ---- all of them */

void upload_reply_take(struct upload_reply *reply, struct slice content, struct text *out)
{
    enum ndjson_step step;
    struct slice line;

    while (!has_fault(reply) && (step = ndjson_next(&reply->lines, &content, &line)) != NDJSON_MORE)
        take_line(reply, step, line, out);
}

/* What Kubo says behind its last line went wrong. */
static struct slice find_stream_error(struct slice trailers)
{
    static const struct slice name = SLICE("x-stream-error:");

    while (trailers.size > name.size) {
        const char *end = memchr(trailers.data, '\n', trailers.size);
        size_t size = end == NULL ? trailers.size : (size_t)(end - trailers.data);
        struct slice value = {trailers.data + name.size, 0};

        if (size >= name.size &&
            slice_equal_caseless((struct slice){trailers.data, name.size}, name)) {
            value.size = size - name.size;
            while (value.size > 0 && value.data[value.size - 1] == '\r')
                value.size--;
            for (; value.size > 0 && value.data[0] == ' '; value.size--)
                value.data++;
            return value;
        }
        trailers.data += size + (end != NULL);
        trailers.size -= size + (end != NULL);
    }
    return (struct slice){NULL, 0};
}

void upload_reply_end(struct upload_reply *reply, struct slice trailers)
{
    struct slice said = find_stream_error(trailers);
    struct slice line;
    enum ndjson_step step;

    if (!has_fault(reply) && (step = ndjson_finish(&reply->lines, &line)) != NDJSON_MORE) {
        struct text before = {0};

        take_line(reply, step, line, &before);
        text_put_slice(&before, text_slice(&reply->held)); /* two lines, if the last had no end */
        text_dispose(&reply->held);
        reply->held = before;
    }
    if (said.size > 0 && !has_fault(reply))
        error_set(&reply->fault, ERROR_UNSUPPORTED, "%.*s", SLICE_ARGS(said));
}

void upload_reply_put_progress(const struct upload_reply *reply, uint32_t copies, uint32_t wanted,
                               struct text *out)
{
    text_put_text(out, "{\"Name\":\"");
    text_put_json(out, text_slice(&reply->name));
    text_put_format(out, "\",\"Bytes\":%llu,\"Copies\":%u,\"MinCopies\":%u}\n",
                    (unsigned long long)reply->bytes, copies, wanted);
}

void upload_reply_put_held(struct upload_reply *reply, struct text *out)
{
    text_put_slice(out, text_slice(&reply->held));
    text_clear(&reply->held);
}

void upload_reply_dispose(struct upload_reply *reply)
{
    ndjson_dispose(&reply->lines);
    text_dispose(&reply->held);
    text_dispose(&reply->name);
}
