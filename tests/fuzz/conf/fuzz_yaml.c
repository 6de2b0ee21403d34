// SPDX-License-Identifier: Apache-2.0
/* Any bytes: a tree whose every node is sound, or an error with a text. */
#include "conf/yaml.h"

#include <assert.h>

static void check_node(const struct yaml_node *node)
{
    assert(node->line >= 1 && node->column >= 1 && node->yaml != NULL);
    if (node->kind == YAML_TEXT) {
        assert(node->text.data[node->text.size] == '\0');
        assert(strlen(node->text.data) == node->text.size);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_LIST) {
            check_node(node->items[i]);
            continue;
        }
        check_node(node->pairs[i].key);
        check_node(node->pairs[i].value);
        assert(yaml_get(node, node->pairs[i].key->text.data) == node->pairs[i].value);
    }
}

static void read_all_types(const struct yaml_node *node)
{
    struct address address;
    struct slice text;
    uint64_t number;
    bool truth;

    for (size_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++) {
        const struct yaml_node *value = node->pairs[i].value;
        struct error errors[6] = {0};

        assert(yaml_read_text(value, &text, &errors[0]) || errors[0].text[0] != '\0');
        assert(yaml_read_bool(value, &truth, &errors[1]) || errors[1].text[0] != '\0');
        assert(yaml_read_integer(value, &number, &errors[2]) || errors[2].text[0] != '\0');
        assert(yaml_read_size(value, &number, &errors[3]) || errors[3].text[0] != '\0');
        assert(yaml_read_duration(value, &number, &errors[4]) || errors[4].text[0] != '\0');
        assert(yaml_read_address(value, &address, &errors[5]) || errors[5].text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice source = {(const char *)data, size};
    struct error err = {0};
    struct yaml *yaml;

    if (yaml_load(&yaml, "fuzz", source, &err)) {
        check_node(yaml_root(yaml));
        read_all_types(yaml_root(yaml));
    } else {
        assert(err.code != ERROR_NONE && strncmp(err.text, "fuzz:", 5) == 0);
    }
    yaml_destroy(&yaml);
    assert(yaml == NULL);
    return 0;
}
