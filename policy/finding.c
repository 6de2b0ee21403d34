// SPDX-License-Identifier: Apache-2.0
#include "policy/finding.h"

#include "conf/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE = 1024 };

void findings_dispose(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free((char *)findings->items[i].file);
        free(findings->items[i].text);
    }
    free(findings->items);
    *findings = (struct findings){0};
}

void findings_add(struct findings *findings, enum finding_level level, const char *file,
                  unsigned line, unsigned column, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    findings->counts[level]++;
    if (findings->count == FINDINGS_MAX)
        return;
    if (findings->count == findings->room) {
        findings->room = findings->room == 0 ? 16 : 2 * findings->room;
        findings->items =
            memory_resize_array(findings->items, findings->room, sizeof(*findings->items));
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    findings->items[findings->count++] = (struct finding){
        .level = level,
        .file = memory_copy_text(file),
        .line = line,
        .column = column,
        .text = memory_copy_text(text),
    };
}

static bool is_before(const struct finding *a, const struct finding *b)
{
    int order = strcmp(a->file, b->file);

    if (order != 0)
        return order < 0;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By insertion: stable, and the list is short and nearly in order. */
void findings_sort(struct findings *findings)
{
    for (size_t i = 1; i < findings->count; i++) {
        struct finding moved = findings->items[i];
        size_t place = i;

        for (; place > 0 && is_before(&moved, &findings->items[place - 1]); place--)
            findings->items[place] = findings->items[place - 1];
        findings->items[place] = moved;
    }
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[FINDING_LEVELS] = {"error", "warning", "note"};

    return names[level];
}

void finding_put(const struct finding *finding, struct text *out)
{
    text_put_text(out, finding->file);
    if (finding->line > 0)
        text_put_format(out, ":%u:%u", finding->line, finding->column);
    text_put_format(out, ": %s: %s", finding_level_name(finding->level), finding->text);
}
