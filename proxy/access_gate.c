// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_gate.h"

#include "proxy/treatment.h"

#include <assert.h>

/* config.allow numbers the classes as the catalogue does. */
static_assert((int)CONFIG_CLASS_TOOL == (int)CLASS_TOOL &&
                  (int)CONFIG_CLASS_READ == (int)CLASS_READ &&
                  (int)CONFIG_CLASS_WRITE == (int)CLASS_WRITE &&
                  (int)CONFIG_CLASS_PIN == (int)CLASS_PIN &&
                  (int)CONFIG_CLASS_FILES == (int)CLASS_FILES &&
                  (int)CONFIG_CLASS_KEY == (int)CLASS_KEY &&
                  (int)CONFIG_CLASS_PUBSUB == (int)CLASS_PUBSUB &&
                  (int)CONFIG_CLASS_NETWORK == (int)CLASS_NETWORK &&
                  (int)CONFIG_CLASS_REPO == (int)CLASS_REPO &&
                  (int)CONFIG_CLASS_REMOTE_PIN == (int)CLASS_REMOTE_PIN,
              "config_class follows command_class");

static bool allows_class(const struct config *config, const struct command *command)
{
    switch (treatment_of(command->id)) {
    case TREATMENT_NEVER:
        return false;
    case TREATMENT_COMMANDS:
        return true;
    case TREATMENT_RELAY:
    case TREATMENT_VERSION:
        break;
    }
    return (config->allow & 1U << command->class) != 0;
}

static bool gate_by_class(const struct config *config, const struct command *command,
                          struct error *err)
{
    if (allows_class(config, command))
        return true;
    if (treatment_of(command->id) == TREATMENT_NEVER)
        return error_set(
            err, ERROR_REFUSED,
            "%s is not available: on storage that several people share no gateway lets "
            "it through; whoever runs the node can run it there",
            command->path);
    return error_set(err, ERROR_REFUSED,
                     "%s is not allowed here: the class '%s' is not in `allow` of this gateway's "
                     "causeway.yaml; its operator can add it",
                     command->path, command_class_name(command->class));
}

bool access_gate(struct site *site, const struct access_question *question, struct error *err)
{
    return gate_by_class(site->snapshot->config, question->call->command, err);
}

bool access_allows_command(const struct site *site, enum command_id id)
{
    return allows_class(site->snapshot->config, catalogue_command(id));
}
