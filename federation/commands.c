// SPDX-License-Identifier: Apache-2.0
#include "federation/commands.h"

#include "auth/command_rotate.h"
#include "federation/command_allocation.h"
#include "federation/command_link.h"
#include "federation/command_place.h"
#include "federation/command_statement.h"

#include <stddef.h>

static const char invite_help[] =
    "PARTNER is what you call them here: a name of your own, as the policy has it (partner:beta). "
    "Prints the invitation,\n"
    "one line that begins with cwi1, and what comes next. Whoever has it can ask to join in their "
    "place, once: hand it\n"
    "over by a way that you trust. The six words, which both of you compare, show whether it was "
    "them. A new invitation\n"
    "for the same partner makes the one before void; a link that is there is not touched.\n\n"
    "What they may store here, and we there, the policy says; a link alone lets nobody do "
    "anything.";

static const char join_help[] =
    "INVITATION is the line that the other side's causeway link invite printed; - reads it from "
    "standard input, so that\n"
    "it does not stand in the list of processes. Says whether each side can dial the other: one "
    "direction is enough.\n"
    "Prints the six words to be compared.";

static const char confirm_help[] =
    "WORDS are the six that the other side reads to you; four letters of each are enough. Without "
    "them, shows the words\n"
    "and asks. --yes shows them and asks nothing: for whoever compared them before. The exit code "
    "is 1 if a word differs,\n"
    "and nothing was confirmed then.";

static const char revoke_help[] =
    "now, the default: sessions are cut within a second, and nothing of theirs takes effect any "
    "more, whether they can be\n"
    "reached or not. Nothing is deleted, here or there. They are told for 7 days. A link that is "
    "over does not come back:\n"
    "a new invitation begins the next one.\n"
    "restrict: only if nothing is placed there or here, or on its way; else says how much is.\n"
    "drain: nothing new is placed in either direction; what we placed there is placed elsewhere "
    "and "
    "then released, they are\n"
    "asked to do the same, and when nothing is left the link ends. What no other site takes stays, "
    "and the link with it:\n"
    "causeway link show says how much is left. causeway link cancel takes a drain back.";

static const char repin_help[] =
    "For when they lost their keys, or somebody has them: their roots are trusted no longer, and a "
    "new invitation for the\n"
    "same link is printed. What is placed stays where it is.";

static const char limit_help[] =
    "Without options, shows what limits it. The limits are of this side alone, and are kept over "
    "restarts. Heartbeats and\n"
    "other small messages go on at any hour.";

static const char show_help[] =
    "State and why, with how old the evidence is; who can dial whom; the words, while they wait to "
    "be compared; and what\n"
    "was done when, and by whom. \"heard\" is a heartbeat of theirs, \"answered\" their answer to "
    "one of ours; they come\n"
    "every 10 seconds.";

static const char allocation_list_help[] =
    "An object of ours at a partner has the role owner, one of theirs here the role holder. What "
    "is over is shown with --all.\n"
    "causeway pin status CID has all copies of one object.";

static const char allocation_evict_help[] =
    "The partner is told why, and has 7 days to place it somewhere else (--within); it goes as "
    "soon as they have released it.\n"
    "--within 0 removes it at once: their copy here is lost then. Never needed to make a link end: "
    "that deletes nothing.";

#define ONE_PARTNER .arguments = "PARTNER", .min_arguments = 1, .max_arguments = 1

const struct cli_command federation_commands[] = {
    {
        .words = "link invite",
        ONE_PARTNER,
        .summary = "Invite another organization to link its gateway with this one.",
        .help = invite_help,
        .options = link_invite_options,
        .run = command_link_invite,
    },
    {
        .words = "link join",
        .arguments = "INVITATION",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Take an invitation, and see the words to compare.",
        .help = join_help,
        .options = link_join_options,
        .run = command_link_join,
    },
    {
        .words = "link confirm",
        .arguments = "PARTNER [WORDS]",
        .min_arguments = 1,
        .max_arguments = 7,
        .summary = "Say that both sides have the same six words.",
        .help = confirm_help,
        .options = link_confirm_options,
        .run = command_link_confirm,
    },
    {
        .words = "link cancel",
        ONE_PARTNER,
        .summary = "Make an invitation void that nobody has used, or take a drain back.",
        .options = link_options,
        .run = command_link_cancel,
    },
    {
        .words = "link list",
        .arguments = "",
        .summary = "All links: state, evidence, and why.",
        .options = link_options,
        .run = command_link_list,
    },
    {
        .words = "link show",
        ONE_PARTNER,
        .summary = "All that is known of one link, and its history.",
        .help = show_help,
        .options = link_options,
        .run = command_link_show,
    },
    {
        .words = "link suspend",
        ONE_PARTNER,
        .summary = "Place nothing new over a link, in either direction, until it is resumed.",
        .help = "What is placed can still be read. Either side can; whoever did it resumes.",
        .options = link_options,
        .run = command_link_suspend,
    },
    {
        .words = "link resume",
        ONE_PARTNER,
        .summary = "End a suspension of ours.",
        .options = link_options,
        .run = command_link_resume,
    },
    {
        .words = "link rotate",
        .arguments = "leaf|issuer|root|signing-key",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Replace a key or certificate that partners know this organization by.",
        .help = link_rotate_help,
        .options = link_rotate_options,
        .run = command_link_rotate,
    },
    {
        .words = "link revoke",
        .arguments = "PARTNER [now|restrict|drain]",
        .min_arguments = 1,
        .max_arguments = 2,
        .summary = "End a link for good.",
        .help = revoke_help,
        .options = link_options,
        .run = command_link_revoke,
    },
    {
        .words = "link repin",
        ONE_PARTNER,
        .summary = "Trust a partner's keys no longer, and invite it anew to the same link.",
        .help = repin_help,
        .options = link_repin_options,
        .run = command_link_repin,
    },
    {
        .words = "link limit",
        ONE_PARTNER,
        .summary = "What a link may cost: bytes a second, hours of the day.",
        .help = limit_help,
        .options = link_limit_options,
        .run = command_link_limit,
    },
    {
        .words = "link statement",
        ONE_PARTNER,
        .summary = "What each side holds for the other, compared with theirs to the byte.",
        .help = link_statement_help,
        .options = link_statement_options,
        .run = command_link_statement,
    },
    {
        .words = "place",
        .arguments = "[CID]",
        .max_arguments = 1,
        .summary = "Which sites get copies of an object, and why.",
        .help = place_help,
        .options = place_options,
        .run = command_place,
    },
    {
        .words = "plan",
        .arguments = "[OLD] NEW",
        .min_arguments = 1,
        .max_arguments = 2,
        .summary = "What a change of the policy or of the sites would move.",
        .help = plan_help,
        .options = plan_options,
        .run = command_plan,
    },
    {
        .words = "allocation list",
        .arguments = "",
        .summary = "What is placed at partners, what they placed here, and how each stands.",
        .help = allocation_list_help,
        .options = allocation_list_options,
        .run = command_allocation_list,
    },
    {
        .words = "allocation evict",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Ask a partner to take back what it placed here.",
        .help = allocation_evict_help,
        .options = allocation_evict_options,
        .run = command_allocation_evict,
    },
    {.words = NULL},
};
