// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/import_lines.h"

static void begin(struct text *out, struct slice name)
{
    text_put_text(out, "{\"Name\":");
    reply_put_string(out, name);
}

static void end(struct text *out, const struct multipart_part *root)
{
    if (root->has_mode && root->mode != 0)
        text_put_format(out, ",\"Mode\":\"0%o\"", root->mode);
    if (root->has_mtime && root->mtime_seconds != 0)
        text_put_format(out, ",\"Mtime\":%lld", (long long)root->mtime_seconds);
    if (root->has_mtime && root->mtime_nanoseconds != 0)
        text_put_format(out, ",\"MtimeNsecs\":%u", root->mtime_nanoseconds);
    text_put_text(out, "}\n");
}

void import_lines_put_entry(struct text *out, const struct import_lines *lines, struct slice name,
                            const struct unixfs_entry *entry)
{
    begin(out, name);
    text_put_text(out, ",\"Hash\":");
    reply_put_cid_string(out, &lines->form, &entry->cid);
    text_put_text(out, ",\"Size\":\"");
    text_put_number(out, entry->tsize);
    text_put_char(out, '"');
    end(out, &lines->root);
}

void import_lines_put_progress(struct text *out, const struct import_lines *lines,
                               struct slice name, uint64_t bytes)
{
    begin(out, name);
    if (bytes > 0) {
        text_put_text(out, ",\"Bytes\":");
        text_put_number(out, bytes);
    }
    end(out, &lines->root);
}
