// SPDX-License-Identifier: Apache-2.0
#include "federation/operator_links.h"

#include "federation/links.h"

/* ---- limit: what is not said stays */

static bool read_limits_in_force(struct operator_call *call, struct links_command *command,
                                 struct error *err)
{
    json_t *link = links_describe(operator_site(call)->links, command->partner);
    const json_t *limits = json_object_get(link, "limits");
    struct slice hours = operator_text(limits, "hours");
    bool is_fine = true;

    if (link == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no link with %s; causeway link list has those that there are",
                         command->partner);
    command->limits.bandwidth = (uint64_t)json_integer_value(json_object_get(limits, "bandwidth"));
    if (hours.size > 0)
        is_fine = link_limits_parse_hours(hours, &command->limits.hours, err);
    json_decref(link);
    return is_fine;
}

static bool read_limit(struct operator_call *call, struct links_command *command, struct error *err)
{
    struct slice bandwidth = operator_text(operator_input(call), "bandwidth"),
                 hours = operator_text(operator_input(call), "hours");

    return read_limits_in_force(call, command, err) &&
           (bandwidth.data == NULL ||
            link_limits_parse_bandwidth(bandwidth, &command->limits.bandwidth, err)) &&
           (hours.data == NULL || link_limits_parse_hours(hours, &command->limits.hours, err));
}

/* Nothing is to be changed: they are shown. */
static void show_limits(struct operator_call *call)
{
    struct links_command command = {0};
    struct error err = {0};
    json_t *link;

    if (!links_operator_read_partner(operator_input(call), &command, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    link = links_describe(operator_site(call)->links, command.partner);
    if (link == NULL) {
        links_operator_refuse(call, command.partner);
        return;
    }
    json_object_set_new(link, "said", json_string("nothing was changed"));
    operator_answer(call, 200, link);
}

void links_operator_limit(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"bandwidth", "\"hours", NULL};
    const json_t *input = operator_input(call);

    if (operator_site(call)->links != NULL && json_object_size(input) == 1)
        show_limits(call);
    else
        links_operator_run(call, LINKS_LIMIT, fields, read_limit);
}
