// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/import_options.h"

#include "conf/units.h"
#include "ipfs/hash.h"
#include "upstream/embedded/pins.h"

#include <ctype.h>

static bool refuse_what_is_not_built(const struct call *call, struct error *err)
{
    static const enum command_option_id ids[] = {OPT_TRICKLE, OPT_NOCOPY, OPT_FSCACHE};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        if (call_option_bool(call, ids[i], false))
            return error_set(err, ERROR_UNSUPPORTED,
                             "the option '%s' is not supported by the embedded node",
                             catalogue_option_name(ids[i]));
    return true;
}

/* ---- chunks */

/* The N of "size-N". */
static bool read_chunk_size(struct slice number, size_t *chunk_size, struct error *err)
{
    uint64_t size;

    if (number.size > 0 && memchr(number.data, '-', number.size) != NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "incorrect chunker string format (expected size-{size})");
    if (!units_parse_integer(number, &size, NULL))
        return error_set(err, ERROR_UNSUPPORTED, "strconv.Atoi: parsing \"%.*s\": invalid syntax",
                         SLICE_ARGS(number));
    if (size == 0)
        return error_set(err, ERROR_UNSUPPORTED, "chunker size must be greater than 0");
    if (size > UNIXFS_CHUNK_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "chunker parameters may not exceed the maximum chunk size of %zu",
                         UNIXFS_CHUNK_MAX);
    *chunk_size = (size_t)size;
    return true;
}

static bool read_chunker(const struct call *call, size_t *chunk_size, struct error *err)
{
    struct slice text = call_option_text(call, OPT_CHUNKER);

    if (text.size == 0 || slice_is(text, "default"))
        return true;
    if (slice_starts(text, "rabin") || slice_starts(text, "buzhash"))
        return unixfs_parse_chunker(text, chunk_size, err);
    if (slice_is(text, "size"))
        return error_set(err, ERROR_UNSUPPORTED,
                         "incorrect chunker string format (expected size-{size})");
    if (!slice_starts(text, "size-"))
        return error_set(err, ERROR_UNSUPPORTED, "unrecognized chunker option: %.*s",
                         SLICE_ARGS(text));
    return read_chunk_size((struct slice){text.data + 5, text.size - 5}, chunk_size, err);
}

/* ---- CIDs */

static bool find_hash(const struct call *call, uint64_t *hash, struct error *err)
{
    struct slice name = call_option_text(call, OPT_HASH);
    struct text lower = {0};
    bool ok = true;

    for (size_t i = 0; i < name.size; i++)
        text_put_char(&lower, (char)tolower((unsigned char)name.data[i]));
    if (name.size == 0)
        *hash = HASH_SHA2_256;
    else if (!hash_find(text_slice(&lower), hash))
        ok = error_set(err, ERROR_UNSUPPORTED, "unrecognized hash function: \"%s\"", lower.data);
    text_dispose(&lower);
    return ok;
}

static bool read_version(const struct call *call, uint64_t hash, int *version, struct error *err)
{
    int64_t asked = call_option_number(call, OPT_CID_VERSION, -1);

    if (hash != HASH_SHA2_256 && asked == 0)
        return error_set(err, ERROR_UNSUPPORTED, "CIDv0 only supports sha2-256");
    if (asked > 1 || (hash != HASH_SHA2_256 && asked < -1))
        return error_set(err, ERROR_UNSUPPORTED, "unknown CID version: %d", (int)asked);
    *version = asked == 1 || hash != HASH_SHA2_256;
    return true;
}

/* A negative limit inlines nothing, as in Kubo. */
static bool read_inline(const struct call *call, struct unixfs_profile *profile, struct error *err)
{
    int64_t limit = call_option_number(call, OPT_INLINE_LIMIT, 32);

    if (!call_option_bool(call, OPT_INLINE, false) || limit < 0)
        return true;
    if (limit > CID_DIGEST_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "inline-limit %d exceeds maximum allowed size of %d bytes", (int)limit,
                         CID_DIGEST_MAX);
    profile->inlines = true;
    profile->inline_limit = (uint32_t)limit;
    return true;
}

/* ---- the shape of DAGs */

static bool read_limits(const struct call *call, struct unixfs_profile *profile, struct error *err)
{
    int64_t file = call_option_number(call, OPT_MAX_FILE_LINKS, 0);
    int64_t directory = call_option_number(call, OPT_MAX_DIRECTORY_LINKS, 0);
    int64_t fanout = call_option_number(call, OPT_MAX_HAMT_FANOUT, profile->fanout);

    if (file > 0)
        profile->file_links = (uint32_t)file;
    if (directory > 0)
        profile->directory_links = (uint32_t)directory;
    if (fanout < 8 || fanout > UNIXFS_FANOUT_MAX || (fanout & (fanout - 1)) != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "HAMT fanout must be a power of 2, between 8 and %d (got %d)",
                         UNIXFS_FANOUT_MAX, (int)fanout);
    profile->fanout = (uint32_t)fanout;
    return true;
}

static bool read_profile(const struct call *call, struct import_options *options, struct error *err)
{
    struct unixfs_profile *profile = &options->profile;
    bool keeps_stat = options->preserves_mode || options->preserves_mtime ||
                      call_option_number(call, OPT_MODE, 0) != 0 || options->stat.has_mtime;
    uint64_t hash = HASH_SHA2_256;
    int version = 0;

    if (!find_hash(call, &hash, err) || !read_version(call, hash, &version, err))
        return false;
    *profile = version == 0 ? unixfs_profile_v0() : unixfs_profile_v1();
    profile->hash = hash;
    profile->raw_leaves = call_option_bool(call, OPT_RAW_LEAVES, profile->raw_leaves);
    if (keeps_stat)
        profile->raw_leaves = false;
    return read_inline(call, profile, err) && read_limits(call, profile, err) &&
           read_chunker(call, &profile->chunk_size, err) && unixfs_profile_check(profile, err);
}

/* ---- modes and times */

/* Bits of Go's os.FileMode, in which clients send modes, as those of POSIX. */
static uint32_t mode_of(uint32_t go)
{
    return (go & 0xC00000) >> 12 | (go & 0x100000) >> 11 | (go & 0777);
}

static bool read_stat(const struct call *call, struct import_options *options, struct error *err)
{
    int64_t mode = call_option_number(call, OPT_MODE, 0);
    int64_t mtime = call_option_number(call, OPT_MTIME, 0);
    int64_t nanoseconds = call_option_number(call, OPT_MTIME_NSECS, 0);

    if (mtime == 0 && nanoseconds != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "option \"mtime-nsecs\" requires \"mtime\" to be provided as well");
    if (nanoseconds > 999999999)
        return error_set(err, ERROR_UNSUPPORTED,
                         "mtime nanoseconds must be in range [1, 999999999]");
    options->stat = (struct unixfs_stat){.mode = mode_of((uint32_t)mode),
                                         .has_mtime = mtime != 0,
                                         .mtime_s = mtime,
                                         .mtime_ns = (uint32_t)nanoseconds};
    options->preserves_mode = mode == 0 && call_option_bool(call, OPT_PRESERVE_MODE, false);
    options->preserves_mtime = mtime == 0 && call_option_bool(call, OPT_PRESERVE_MTIME, false);
    if ((options->preserves_mode || options->preserves_mtime || mode != 0 || mtime != 0) &&
        call_option_bool(call, OPT_RAW_LEAVES, false))
        return error_set(err, ERROR_UNSUPPORTED,
                         "raw-leaves can't be used with UnixFS metadata like mode or modification "
                         "time");
    return true;
}

struct unixfs_stat import_options_stat(const struct import_options *options,
                                       const struct multipart_part *part)
{
    struct unixfs_stat stat = options->stat;

    if (options->preserves_mode && part != NULL && part->has_mode)
        stat.mode = mode_of(part->mode);
    if (options->preserves_mtime && part != NULL && part->has_mtime) {
        stat.has_mtime = true;
        stat.mtime_s = part->mtime_seconds;
        stat.mtime_ns = part->mtime_nanoseconds;
    }
    return stat;
}

/* ---- */

static bool check_together(const struct call *call, const struct import_options *options,
                           struct error *err)
{
    if (options->is_only_hash && options->to_files.data != NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "only-hash and to-files options are not compatible");
    if (!options->pins && call_has_option(call, OPT_PIN_NAME))
        return error_set(err, ERROR_UNSUPPORTED, "pin-name option requires pin to be set");
    if (options->wraps && options->to_files.data != NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "wrap-with-directory and to-files options are not compatible");
    return true;
}

bool import_options_read(const struct call *call, struct import_options *options, struct error *err)
{
    *options = (struct import_options){
        .wraps = call_option_bool(call, OPT_WRAP_WITH_DIRECTORY, false),
        .is_only_hash = call_option_bool(call, OPT_ONLY_HASH, false),
        .is_silent = call_option_bool(call, OPT_SILENT, false),
        .has_progress = call_option_bool(call, OPT_PROGRESS, false),
        .keeps_empty_directories = call_option_bool(call, OPT_EMPTY_DIRS, true),
        .pin_name = call_option_text(call, OPT_PIN_NAME),
    };
    if (call_has_option(call, OPT_TO_FILES))
        options->to_files = call_option_text(call, OPT_TO_FILES).size > 0
                                ? call_option_text(call, OPT_TO_FILES)
                                : SLICE("/");
    options->pins = call_option_bool(call, OPT_PIN, true) && !options->is_only_hash;
    return refuse_what_is_not_built(call, err) && pins_check_name(options->pin_name, err) &&
           read_stat(call, options, err) && check_together(call, options, err) &&
           read_profile(call, options, err);
}
