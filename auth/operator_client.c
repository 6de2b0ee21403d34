// SPDX-License-Identifier: Apache-2.0
#include "auth/operator_client.h"

#include "conf/config.h"
#include "http/ask.h"

#include <stdlib.h>

static int read_answer(const struct cli *cli, int status, const struct text *reply, json_t **output)
{
    json_error_t problem;
    const char *message;

    *output = json_loadb(reply->data, reply->size, 0, &problem);
    if (*output == NULL)
        return cli_fail(cli, "the gateway's answer is not JSON: %s", problem.text);
    if (status < 400)
        return CLI_DONE;
    message = json_string_value(json_object_get(*output, "message"));
    cli_fail(cli, "%s", message != NULL ? message : "the gateway refused");
    json_decref(*output);
    *output = NULL;
    return CLI_FAILED;
}

int operator_client_ask(const struct cli *cli, const char *path, json_t *input, json_t **output)
{
    char *body = json_dumps(input, JSON_COMPACT);
    struct text socket = {0}, reply = {0};
    const struct config *config = NULL;
    struct error err = {0};
    int status, result;

    json_decref(input);
    if (config_load(&config, config_find(cli_value(cli, "config")), &err)) {
        text_put_format(&socket, "%s/operators.sock", config->data);
        config_unref(&config);
    }
    if (socket.size > 0 && ask(socket.data, path, slice_of(body), &status, &reply, &err))
        result = read_answer(cli, status, &reply, output);
    else
        result = cli_fail(cli, "%s", err.text);
    free(body);
    text_dispose(&socket);
    text_dispose(&reply);
    return result;
}
