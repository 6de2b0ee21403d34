// SPDX-License-Identifier: Apache-2.0
#include "proxy/rpc_gate.h"

#include "proxy/treatment.h"

#include <assert.h>

/* config.allow numbers the classes as the catalogue does. */
static_assert((int)CONFIG_CLASS_TOOL == (int)CLASS_TOOL && (int)CONFIG_CLASS_READ == CLASS_READ &&
                  (int)CONFIG_CLASS_WRITE == (int)CLASS_WRITE &&
                  (int)CONFIG_CLASS_PIN == (int)CLASS_PIN &&
                  (int)CONFIG_CLASS_FILES == (int)CLASS_FILES &&
                  (int)CONFIG_CLASS_KEY == (int)CLASS_KEY &&
                  (int)CONFIG_CLASS_PUBSUB == (int)CLASS_PUBSUB &&
                  (int)CONFIG_CLASS_NETWORK == (int)CLASS_NETWORK &&
                  (int)CONFIG_CLASS_REPO == (int)CLASS_REPO &&
                  (int)CONFIG_CLASS_REMOTE_PIN == (int)CLASS_REMOTE_PIN,
              "config_class follows command_class");

bool rpc_gate_allows_class(const struct config *config, enum command_class class)
{
    return (config->allow & 1U << class) != 0;
}

bool rpc_gate_allows_command(const struct config *config, const struct command *command)
{
    switch (treatment_of(command->id)) {
    case TREATMENT_NEVER:
        return false;
    case TREATMENT_VERSION:
    case TREATMENT_COMMANDS:
        return true;
    case TREATMENT_RELAY:
        break;
    }
    return rpc_gate_allows_class(config, command->class);
}

static bool refuse_command(const struct command *command, struct error *err)
{
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

/* Kubo does not look at a body that a command does not take; what is not looked at is not let
 * through. */
static bool check_body(const struct head *head, const struct call *call, struct error *err)
{
    if (head->body == FRAMING_NONE || call->command->body == BODY_FILE || call->wants_body)
        return true;
    if (call->command->body == BODY_ARGUMENTS)
        return error_set(err, ERROR_SYNTAX,
                         "%s takes a body only as multipart/form-data, with one argument a line",
                         call->command->path);
    return error_set(err, ERROR_SYNTAX, "%s takes no body", call->command->path);
}

bool rpc_gate_head(const struct config *config, const struct head *head, const struct call *call,
                   struct error *err)
{
    const struct command *command = call->command;
    const struct call_option *server_files = call_server_files(call);

    if (!rpc_gate_allows_command(config, command))
        return refuse_command(command, err);
    if (head->minor == 0 && (command->flags & COMMAND_CHANGES) != 0)
        return error_set(err, ERROR_SYNTAX,
                         "%s changes something and is not taken over HTTP/1.0: use HTTP/1.1",
                         command->path);
    if (server_files != NULL)
        return error_set(err, ERROR_REFUSED,
                         "%s: option '%s' is not available: with it, an upload could name files of "
                         "the server",
                         command->path, catalogue_option_name(server_files->fact->id));
    return check_body(head, call, err);
}

bool rpc_gate_arguments(const struct config *config, const struct call *call, struct error *err)
{
    return call_check(call, err); /* until there are owners, every argument may be used */
}

bool rpc_gate_needs_resolving(const struct call *call, size_t index)
{
    return call->arguments[index].path.kind == CALL_PATH_IPNS &&
           call->command->class != CLASS_KEY && call->command->id != COMMAND_RESOLVE;
}
