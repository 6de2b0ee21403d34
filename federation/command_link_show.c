// SPDX-License-Identifier: Apache-2.0
/* `causeway link list` and `link show`. What partners wrote is printed as JSON prints it: none of
 * their bytes may reach a terminal as a control. */
#include "auth/operator_client.h"
#include "conf/text.h"
#include "conf/units.h"
#include "federation/command_link.h"

#include <string.h>

#define LIST_FORMAT "%-24s  %-9s  %-9s  %-9s  %s\n"

static const json_t *part(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

/* "3.2 s", "5 min", "2 h"; "never" if there was none. */
static const char *print_age(char out[24], const json_t *age_ms)
{
    double seconds = json_number_value(age_ms) / 1000;

    if (!json_is_number(age_ms))
        return "never";
    if (seconds < 100)
        snprintf(out, 24, "%.1f s ago", seconds);
    else if (seconds < 6000)
        snprintf(out, 24, "%.0f min ago", seconds / 60);
    else
        snprintf(out, 24, "%.0f h ago", seconds / 3600);
    return out;
}

/* ---- list */

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "PARTNER", "STATE", "HEARD", "ANSWERED", "WHY");
}

static void print_row(const struct cli *cli, const json_t *link)
{
    const json_t *evidence = part(link, "evidence");
    char heard[24], acked[24];

    fprintf(cli->out, LIST_FORMAT, operator_client_text(link, "partner", "?"),
            operator_client_text(link, "state", "?"), print_age(heard, part(evidence, "heard_ms")),
            print_age(acked, part(evidence, "acked_ms")), operator_client_text(link, "why", ""));
}

int command_link_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/link/list",
        .rows = "links",
        .cursor = "partner",
        .when_empty = "there is no link; causeway link invite PARTNER begins one",
        .print_head = print_head,
        .print_row = print_row,
    };

    return operator_client_list(cli, &list);
}

/* ---- show */

static void print_line(const struct cli *cli, const char *label, const char *text)
{
    fprintf(cli->out, "%-10s %s\n", label, text);
}

static void print_text(const struct cli *cli, const char *label, const json_t *object,
                       const char *name)
{
    const char *text = operator_client_text(object, name, NULL);

    if (text != NULL)
        print_line(cli, label, text);
}

static void print_identity(const struct cli *cli, const json_t *link)
{
    const char *org = operator_client_text(link, "org", NULL);

    fprintf(cli->out, "%-10s %s%s%s%s, epoch %lld, %s\n", "link",
            operator_client_text(link, "partner", "?"), org != NULL ? " (" : "",
            org != NULL ? org : "", org != NULL ? ")" : "", operator_client_number(link, "epoch"),
            operator_client_text(link, "id", "?"));
    fprintf(cli->out, "%-10s %s since %s\n", "state", operator_client_text(link, "state", "?"),
            operator_client_text(link, "since", "?"));
    print_text(cli, "why", link, "why");
    print_text(cli, "words", link, "words");
    print_text(cli, "expires", link, "expires");
}

static void print_sides(const struct cli *cli, const json_t *link)
{
    const json_t *confirmed = part(link, "confirmed"), *suspended = part(link, "suspended");

    fprintf(cli->out, "%-10s here: %s; there: %s\n", "confirmed",
            json_is_true(part(confirmed, "here")) ? "yes" : "no",
            json_is_true(part(confirmed, "there")) ? "yes" : "no");
    if (json_is_true(part(suspended, "here")) || json_is_true(part(suspended, "there")))
        fprintf(cli->out, "%-10s by %s\n", "suspended",
                !json_is_true(part(suspended, "there"))  ? "us"
                : !json_is_true(part(suspended, "here")) ? "them"
                                                         : "both");
}

/* One, or a list of them. */
static void put_addresses(struct text *out, const json_t *addresses)
{
    const json_t *address;
    size_t i;

    if (json_string_length(addresses) > 0)
        text_put_text(out, json_string_value(addresses));
    json_array_foreach((json_t *)addresses, i, address)
    {
        text_put_text(out, i > 0 ? ", " : "");
        text_put_text(out, json_string_value(address));
    }
    if (out->size == 0)
        text_put_text(out, "no address");
}

static void print_address(const struct cli *cli, const json_t *addresses, const char *label,
                          const char *whose, const char *can)
{
    struct text text = {0};

    put_addresses(&text, part(addresses, whose));
    if (json_is_false(part(addresses, can)))
        text_put_text(&text, ": cannot be dialled; messages go the other way alone");
    print_line(cli, label, text.data);
    text_dispose(&text);
}

/* Before anybody joined nothing is known of them. */
static bool has_peer(const json_t *link)
{
    return part(link, "root") != NULL;
}

static void print_evidence(const struct cli *cli, const json_t *link)
{
    const json_t *evidence = part(link, "evidence"), *addresses = part(link, "addresses");
    char age[24];

    print_line(cli, "heard", print_age(age, part(evidence, "heard_ms")));
    print_line(cli, "answered", print_age(age, part(evidence, "acked_ms")));
    if (json_is_object(addresses) && has_peer(link)) {
        print_address(cli, addresses, "we dial", "theirs", "can_dial_there");
        print_address(cli, addresses, "they dial", "ours", "can_dial_here");
    }
}

static void print_numbers(const struct cli *cli, const json_t *link)
{
    const json_t *roots = part(link, "roots"), *numbers = part(link, "numbers");

    fprintf(cli->out, "%-10s ours %lld, they have %lld; theirs %lld; their root %s\n", "roots",
            operator_client_number(roots, "ours"), operator_client_number(roots, "known_there"),
            operator_client_number(roots, "theirs"), operator_client_text(link, "root", "unknown"));
    fprintf(cli->out, "%-10s sent %lld, taken %lld; incarnations %s here, %s there\n", "numbers",
            operator_client_number(numbers, "sent"), operator_client_number(numbers, "taken"),
            operator_client_text(numbers, "incarnation_here", "unknown"),
            operator_client_text(numbers, "incarnation_there", "unknown"));
}

static void print_breaker(const struct cli *cli, const json_t *link)
{
    const json_t *breaker = part(link, "breaker");

    fprintf(cli->out, "%-10s %s", "breaker", operator_client_text(breaker, "state", "?"));
    if (operator_client_number(breaker, "failures") > 0)
        fprintf(cli->out, " after %lld failures", operator_client_number(breaker, "failures"));
    if (operator_client_number(breaker, "retry_in_ms") > 0)
        fprintf(cli->out, "; tried again in %.0f s",
                json_number_value(part(breaker, "retry_in_ms")) / 1000);
    fputc('\n', cli->out);
}

static void print_clocks(const struct cli *cli, const json_t *link)
{
    long long skew = operator_client_number(link, "skew_ms");

    if (skew != 0)
        fprintf(cli->out, "%-10s theirs is %.1f s %s ours: messages are refused beyond 300 s\n",
                "clock", (double)(skew < 0 ? -skew : skew) / 1000,
                skew > 0 ? "ahead of" : "behind");
}

void command_link_print_limits(const struct cli *cli, const json_t *link)
{
    const json_t *limits = part(link, "limits");
    long long bandwidth = operator_client_number(limits, "bandwidth");
    char size[UNITS_TEXT_SIZE];

    fprintf(cli->out, "%-10s ", "limits");
    if (bandwidth > 0)
        fprintf(cli->out, "%s a second, each direction",
                units_print_size(size, (uint64_t)bandwidth));
    else
        fprintf(cli->out, "no bound on bandwidth");
    fprintf(cli->out, "; data may move: %s%s\n", operator_client_text(limits, "hours", "always"),
            strcmp(operator_client_text(limits, "hours", "always"), "always") != 0 ? " UTC" : "");
}

static void print_held(const struct cli *cli, const char *label, const json_t *held)
{
    char size[UNITS_TEXT_SIZE];
    long long under_way = operator_client_number(held, "under_way");

    if (!json_is_object(held))
        return;
    fprintf(cli->out, "%-10s %lld objects, %s", label, operator_client_number(held, "objects"),
            units_print_size(size, (uint64_t)operator_client_number(held, "bytes")));
    if (under_way > 0)
        fprintf(cli->out, "; %lld under way", under_way);
    fputc('\n', cli->out);
}

static void print_bound(const struct cli *cli, const json_t *grant)
{
    char size[UNITS_TEXT_SIZE];
    const json_t *bytes = part(grant, "bytes"), *pins = part(grant, "pins");

    if (!json_is_object(grant))
        fputs("not told", cli->out);
    else if (json_is_integer(bytes) && json_integer_value(bytes) == 0)
        fputs("nothing", cli->out);
    else if (json_is_integer(bytes))
        fputs(units_print_size(size, (uint64_t)json_integer_value(bytes)), cli->out);
    else
        fputs("no bound", cli->out);
    if (json_is_integer(pins) && json_integer_value(bytes) != 0)
        fprintf(cli->out, " in %lld objects", (long long)json_integer_value(pins));
}

/* In force is the lesser of both. */
static void print_grant(const struct cli *cli, const char *label, const json_t *account,
                        const char *who, const char *other)
{
    if (!json_is_object(account))
        return;
    fprintf(cli->out, "%-10s ", label);
    print_bound(cli, part(account, "in_force"));
    fprintf(cli->out, "; %s ", who);
    print_bound(cli, part(account, "ours"));
    fprintf(cli->out, ", %s ", other);
    print_bound(cli, part(account, "theirs"));
    fputc('\n', cli->out);
}

static void print_drain(const struct cli *cli, const json_t *link)
{
    const json_t *drain = part(link, "drain"), *left = part(drain, "left");

    if (json_is_true(part(link, "draining_there")))
        print_line(cli, "draining", "by them: nothing new is placed, and what is placed moves");
    if (!json_is_object(drain))
        return;
    fprintf(cli->out,
            "%-10s since %s: %lld of ours there, until they are placed elsewhere; %lld "
            "of theirs here, until they let them go\n",
            "draining", operator_client_text(drain, "since", "?"),
            operator_client_number(left, "ours_there"),
            operator_client_number(left, "theirs_here"));
}

static void print_history(const struct cli *cli, const json_t *history)
{
    const json_t *event;
    size_t i;

    if (json_array_size(history) > 0)
        print_line(cli, "history", "");
    json_array_foreach(history, i, event)
    {
        fprintf(cli->out, "  %s  %-14s %-14s %s -> %s\n", operator_client_text(event, "time", "?"),
                operator_client_text(event, "actor", "?"),
                operator_client_text(event, "event", "?"), operator_client_text(event, "from", "?"),
                operator_client_text(event, "to", "?"));
    }
}

void command_link_print(const struct cli *cli, const json_t *link)
{
    print_identity(cli, link);
    print_sides(cli, link);
    print_evidence(cli, link);
    if (has_peer(link))
        print_numbers(cli, link);
    print_breaker(cli, link);
    print_text(cli, "failure", link, "last_failure");
    print_clocks(cli, link);
    command_link_print_limits(cli, link);
    print_held(cli, "they hold", part(part(link, "holds"), "ours_there"));
    print_held(cli, "we hold", part(part(link, "holds"), "theirs_here"));
    print_grant(cli, "there", part(part(link, "grants"), "there"), "we let go there", "they take");
    print_grant(cli, "here", part(part(link, "grants"), "here"), "we take", "they let come here");
    print_drain(cli, link);
    print_history(cli, part(link, "history"));
}

int command_link_show(struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "partner", cli->arguments[0]);
    return operator_client_show(cli, "/link/show", input, command_link_print);
}
