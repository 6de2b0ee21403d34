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

static const char car_ls_help[] = "Lists what is in a CAR file, version 1 or 2: its roots, then "
                                  "each block with the byte at which\n"
                                  "its section begins, the bytes of its data, and its CID. Blocks "
                                  "are not hashed: see car verify.\n"
                                  "FILE - is standard input.";

static const struct cli_option car_verify_options[] = {
    {"root", "CID", "What must be in it, instead of the roots that the file names."},
    {"repeats", NULL, "Let blocks come more than once, as gateways send them with dups=y."},
    {NULL, NULL, NULL},
};

static const char car_verify_help[] =
    "Believes nothing of a CAR file: hashes every block, and walks from the roots, depth first, "
    "as\n"
    "`ipfs dag export` does: each block must be the next that the walk wants, and at the end none\n"
    "may be missing. What is wrong is named with its byte and CID. FILE - is standard input.";

const struct cli_command ipfs_commands[] = {
    {
        .words = "car ls",
        .arguments = "FILE",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "List the roots and blocks of a CAR file.",
        .help = car_ls_help,
        .run = command_car_ls,
    },
    {
        .words = "car verify",
        .arguments = "FILE",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Check that a CAR file holds a whole DAG, block by block.",
        .help = car_verify_help,
        .options = car_verify_options,
        .run = command_car_verify,
    },
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
