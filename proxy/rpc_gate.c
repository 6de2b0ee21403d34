// SPDX-License-Identifier: Apache-2.0
#include "proxy/rpc_gate.h"

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

bool rpc_gate(const struct head *head, const struct call *call, struct error *err)
{
    const struct command *command = call->command;
    const struct call_option *server_files = call_server_files(call);

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

bool rpc_gate_needs_resolving(const struct call *call, size_t index)
{
    const struct call_argument *argument = &call->arguments[index];

    return argument->path.kind == CALL_PATH_IPNS && argument->kind != ARGUMENT_NAME &&
           argument->kind != ARGUMENT_NAME_PATH && call->command->id != COMMAND_RESOLVE &&
           call->command->id != COMMAND_NAME_PUBLISH;
}
