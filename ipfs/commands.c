// SPDX-License-Identifier: Apache-2.0
#include "ipfs/commands.h"

static const struct cli_option cid_options[] = {
    {"base", "NAME", "Print as CIDv1 in this base: base32, base58btc, base36 and others."},
    {"v0", NULL, "Print as CIDv0."},
    {"v1", NULL, "Print as CIDv1, in base32 if it was a CIDv0."},
    {"format", "FORMAT", "Print with the % signs explained above."},
    {NULL, NULL, NULL},
};

static const char cid_help[] =
    "Without an option, shows what is in each CID: version, base, codec, hash and digest, and its\n"
    "other spellings. With --base, --v0 or --v1, prints it so, one a line. Without a CID, reads\n"
    "them from standard input, one a line. A CID that cannot be read is reported, the others are\n"
    "still printed, and the exit code is 1.\n"
    "\n"
    "--format takes what `ipfs cid format -f` takes:\n"
    "  %s  the CID                  %S  without the base prefix\n"
    "  %v  version, \"cidv1\"         %V  its number\n"
    "  %c  codec, \"dag-pb\"          %C  its number\n"
    "  %h  hash, \"sha2-256\"         %H  its number\n"
    "  %L  bytes of the digest      %P  version-codec-hash-length\n"
    "  %d  digest in the base       %D  without the base prefix\n"
    "  %m  multihash in the base    %M  without the base prefix\n"
    "  %b  base, \"base32\"           %B  its prefix\n"
    "  %%  a percent sign";

const struct cli_command ipfs_commands[] = {
    {
        .words = "cid",
        .arguments = "[CID...]",
        .min_arguments = 0,
        .max_arguments = -1,
        .summary = "Show what a content identifier says, or convert it.",
        .help = cid_help,
        .options = cid_options,
        .run = command_cid,
    },
    {.words = NULL},
};
