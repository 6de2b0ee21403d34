// SPDX-License-Identifier: Apache-2.0
#include "proxy/policy_version.h"

#include "conf/memory.h"

#include <jansson.h>
#include <stdlib.h>

void policy_version_pack(const struct policy_sources *sources, struct text *out)
{
    json_t *files = json_array();
    char *text;

    for (size_t i = 0; i < sources->count; i++)
        json_array_append_new(files, json_pack("{s:s,s:s%}", "name", sources->items[i].name, "text",
                                               sources->items[i].bytes.data,
                                               sources->items[i].bytes.size));
    text = json_dumps(files, JSON_COMPACT);
    text_put_text(out, text);
    free(text);
    json_decref(files);
}

bool policy_version_unpack(struct policy_sources *sources, struct slice packed, struct error *err)
{
    json_t *files = json_loadb(packed.data, packed.size, 0, NULL);
    json_t *file;
    size_t i;

    *sources = (struct policy_sources){0};
    if (json_array_size(files) > 0)
        sources->items = memory_alloc(json_array_size(files) * sizeof(*sources->items));
    json_array_foreach(files, i, file)
    {
        const char *name, *text;
        size_t size;

        if (json_unpack(file, "{s:s,s:s%}", "name", &name, "text", &text, &size) != 0)
            continue;
        sources->items[sources->count++] = (struct policy_source){
            .name = memory_copy_text(name), .bytes = {memory_copy(text, size), size}};
    }
    json_decref(files);
    return sources->count > 0 ||
           error_set(err, ERROR_SYNTAX, "the ledger's version of the policy cannot be read");
}
