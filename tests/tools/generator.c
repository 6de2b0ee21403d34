// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/generator.h"

#include "ipfs/catalogue.h"

#define V0  "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1  "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
#define KEY "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8"

void generator_init(struct generator *generator, uint64_t seed)
{
    generator->state = seed * 0x9e3779b97f4a7c15U + 1;
}

uint32_t generator_number(struct generator *generator, uint32_t below)
{
    uint64_t z = generator->state += 0x9e3779b97f4a7c15U; /* SplitMix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static bool chance(struct generator *g, uint32_t percent)
{
    return generator_number(g, 100) < percent;
}

#define PICK(generator, list) (list)[generator_number((generator), ARRAY_SIZE(list))]

/* --- Texts --- */

static void put_segments(struct generator *g, struct text *out)
{
    static const char *const segments[] = {
        "a",  "b",   "dir",  "...",  "a b", "\xc3\xa9", "+", "%2F", "%", "&x=y", "=",  "?q",
        ".x", "x..", "ipfs", "ipns", ".",   "",         "",  "a",   "b", "#",    "\"", "..",
    };
    uint32_t count = generator_number(g, 4);

    for (uint32_t i = 0; i < count; i++) {
        /* the last of the list, "..", is refused everywhere: rare */
        uint32_t most = ARRAY_SIZE(segments) - (chance(g, 90) ? 1 : 0);

        text_put_char(out, '/');
        text_put_text(out, segments[generator_number(g, most)]);
    }
    if (chance(g, 15))
        text_put_char(out, '/');
}

static void put_cid(struct generator *g, struct text *out)
{
    static const char *const cids[] = {
        V0,
        V1,
        V1,
        "BAFYBEICZSSCDSBS7FFQZ55ASQDF3SMV6KLCW3GOFSZVWLYARCI47BGF354",
        "zdj7WhuEjrB5m3JNYrxkGCMnfBQhD7WXQTyXWxq5V5eXHTfu4",
        "k2jmtxv0fv0x9lqkhz5t6ldb7c1hdkvh4wpnwq3rhmkfz1hs1e3hxzdp",
        "bafkqaaa",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        "notacid",
        "Qm",
        "",
    };

    text_put_text(out, chance(g, 95) ? cids[generator_number(g, 8)] : PICK(g, cids));
}

static void put_content(struct generator *g, struct text *out)
{
    static const char *const before[] = {
        "",        "",        "",        "/ipfs/", "/ipfs/",  "/ipfs//", "//ipfs/",
        "ipfs://", "ipfs:",   "IPFS://", "/ipld/", "/",       "./",      "/./ipfs/./",
        "iPfS:/",  "ipld://", "ipfs/",   "/IPFS/", "http://",
    };
    static const char *const names[] = {"/ipns/" KEY,  "/ipns/docs.ipfs.tech",
                                        "ipns://" KEY, "ipns:example.org",
                                        "IPNS://x",    "/ipns//x"};

    if (chance(g, 15)) {
        text_put_text(out, PICK(g, names));
    } else {
        text_put_text(out, PICK(g, before));
        put_cid(g, out);
    }
    put_segments(g, out);
}

static void put_any_text(struct generator *g, struct text *out)
{
    static const char *const texts[] = {
        "x",
        "self",
        "/ip4/127.0.0.1/tcp/4001",
        "12D3KooWx",
        "a b",
        "\xe2\x82\xac",
        "a&b=c",
        "a;b",
        "100%",
        "%41",
        "+",
        "",
        "=",
        "\"quoted\"",
        "<script>",
        "a#b",
        "a?b",
        "\t",
        "\xf0\x9f\x90\x8b",
        "u",
        "0644",
        "true",
        "..",
        "/api/v0/id",
    };

    text_put_text(out, PICK(g, texts));
}

static void put_argument(struct generator *g, enum argument_kind kind, struct text *out)
{
    if (chance(g, 3))
        kind = (enum argument_kind)generator_number(g, ARGUMENT_TOPIC + 1);
    switch (kind) {
    case ARGUMENT_PATH:
    case ARGUMENT_CID:
        put_content(g, out);
        break;
    case ARGUMENT_NAME:
    case ARGUMENT_NAME_PATH:
        text_put_text(out, chance(g, 40) ? KEY : chance(g, 50) ? "/ipns/" KEY : "ipns://x");
        if (chance(g, 30))
            put_segments(g, out);
        break;
    case ARGUMENT_MFS_OR_PATH:
        if (chance(g, 50)) {
            put_content(g, out);
            break;
        } /* fallthrough */
    case ARGUMENT_MFS:
        if (chance(g, 97))
            text_put_char(out, '/');
        put_segments(g, out);
        break;
    default:
        put_any_text(g, out);
    }
}

static void put_value(struct generator *g, const struct catalogue_option *option, struct text *out)
{
    static const char *const booleans[] = {"true", "false", "1",     "0", "t",
                                           "F",    "TRUE",  "False", "",  "maybe"};
    static const char *const numbers[] = {
        "0",
        "1",
        "-1",
        "+5",
        "010",
        "0x10",
        "0b101",
        "0o17",
        "1_000",
        "4294967295",
        "-0",
        "00",
        "0_7",
        "2147483647",
        "9223372036854775807",
        "18446744073709551615",
        "x",
        "",
        "1.5",
        "1__0",
    };
    static const char *const durations[] = {"30s",  "1m30s", "1000ms", "0",
                                            "-1s",  "1.5h",  ".5s",    "1h1m1s1ms1us1ns",
                                            "soon", "",      "30",     "2\xc2\xb5s"};
    static const char *const encodings[] = {"json", "text", "xml", "JSON", ""};

    switch (option->type) {
    case OPT_TYPE_BOOL:
        text_put_text(out, booleans[generator_number(g, chance(g, 95) ? 9 : 10)]);
        break;
    case OPT_TYPE_TEXT:
    case OPT_TYPE_TEXTS:
        if (option->id == OPT_ENCODING)
            text_put_text(out, encodings[generator_number(g, chance(g, 95) ? 3 : 5)]);
        else if (option->kind == ARGUMENT_MFS)
            put_argument(g, ARGUMENT_MFS, out);
        else
            put_any_text(g, out);
        break;
    case OPT_TYPE_DURATION:
        text_put_text(out, durations[generator_number(g, chance(g, 95) ? 8 : 12)]);
        break;
    default:
        text_put_text(out, numbers[generator_number(g, chance(g, 50) ? 2 : 20)]);
    }
}

/* --- Escaping --- */

static bool must_escape(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f || strchr("%&=+#;?", c) != NULL;
}

/* As a query would have it, with more escapes than are needed, in either case. */
static void put_escaped(struct generator *g, struct slice plain, struct text *out)
{
    uint32_t eager = chance(g, 20) ? 50 : 2;

    for (size_t i = 0; i < plain.size; i++) {
        char c = plain.data[i];

        if (c == ' ' && chance(g, 50))
            text_put_char(out, '+');
        else if (must_escape(c) || chance(g, eager))
            text_put_format(out, chance(g, 50) ? "%%%02x" : "%%%02X", (unsigned char)c);
        else
            text_put_char(out, c);
    }
}

/* --- Calls --- */

struct draft {
    struct generator *g;
    struct text *target;
    struct text scratch;
    char separator;
};

static void put_pair(struct draft *d, struct slice name, struct slice value)
{
    text_put_char(d->target, d->separator);
    d->separator = '&';
    put_escaped(d->g, name, d->target);
    if (value.size > 0 || chance(d->g, 50)) {
        text_put_char(d->target, '=');
        put_escaped(d->g, value, d->target);
    }
}

static void put_options(struct draft *d, const struct command *command)
{
    static const enum command_option_id global[] = {OPT_ENCODING, OPT_TIMEOUT, OPT_OFFLINE,
                                                    OPT_CID_BASE, OPT_UPGRADE_CIDV0_IN_OUTPUT};

    for (size_t i = 0; i < command->option_count + ARRAY_SIZE(global); i++) {
        const struct catalogue_option *option =
            i < command->option_count
                ? &command->options[i]
                : catalogue_option(command, global[i - command->option_count]);
        uint32_t times = option->type == OPT_TYPE_TEXTS ? generator_number(d->g, 4) : 1;

        if (!chance(d->g, command->option_count > 10 ? 15 : 40))
            continue;
        times += chance(d->g, 1); /* one too many */
        for (uint32_t n = 0; n < times; n++) {
            bool by_alias = option->alias != NULL && chance(d->g, 40);

            text_clear(&d->scratch);
            put_value(d->g, option, &d->scratch);
            put_pair(d, slice_of(by_alias ? option->alias : catalogue_option_name(option->id)),
                     text_slice(&d->scratch));
        }
    }
}

/* Kubo reads some of these, and nobody may send them through. */
static void put_strange_options(struct draft *d)
{
    static const char *const texts[] = {"api-auth", "config-file", "c",   "repo-dir", "api",
                                        "nosuch",   "cw-label",    "Arg", "nocopy "};
    static const char *const flags[] = {"debug", "D", "help", "h", "stream-channels"};

    if (chance(d->g, 15))
        put_pair(d, slice_of(PICK(d->g, texts)), SLICE("SECRET"));
    if (chance(d->g, 15))
        put_pair(d, slice_of(PICK(d->g, flags)), SLICE("true"));
}

static void put_arguments(struct draft *d, const struct command *command, bool in_body,
                          struct text *body)
{
    size_t count = command->argument_count;

    if (count > 0 && command->arguments[count - 1].many)
        count += generator_number(d->g, 3);
    if (count > 0 && !command->arguments[command->argument_count - 1].required && chance(d->g, 50))
        count--;
    if (chance(d->g, 2))
        count += 1;
    for (size_t i = 0; i < count; i++) {
        size_t kind = i < command->argument_count ? i : command->argument_count - 1;

        text_clear(&d->scratch);
        put_argument(d->g,
                     command->argument_count == 0 ? ARGUMENT_TEXT : command->arguments[kind].kind,
                     &d->scratch);
        if (in_body && i + 1 >= command->argument_count) {
            text_put_slice(body, text_slice(&d->scratch));
            text_put_text(body, chance(d->g, 20) ? "\r\n" : "\n");
        } else {
            put_pair(d, SLICE("arg"), text_slice(&d->scratch));
        }
    }
}

static void put_path(struct draft *d, const struct command *command)
{
    static const char *const behind[] = {"/", "//", "/..", ("/" V1), "x", "%00", "/add"};

    text_put_text(d->target, "/api/v0/");
    if (chance(d->g, 1))
        text_put_char(d->target, '/');
    for (const char *p = command->path; *p != '\0'; p++)
        if (chance(d->g, 3))
            text_put_format(d->target, "%%%02X", (unsigned char)*p);
        else
            text_put_char(d->target, *p);
    if (chance(d->g, 1))
        text_put_text(d->target, PICK(d->g, behind));
}

static void spoil(struct generator *g, struct text *target)
{
    static const char strange[] = {';', '%', '&',    '=',    '/', '.',
                                   '?', '+', '\xff', '\x01', ' ', 'A'};

    target->data[generator_number(g, (uint32_t)target->size)] = PICK(g, strange);
}

bool generate_call(struct generator *generator, struct text *target, struct text *body)
{
    const struct command *command =
        catalogue_command((enum command_id)generator_number(generator, COMMAND_COUNT));
    bool in_body = command->body == BODY_ARGUMENTS && chance(generator, 40);
    struct draft d = {generator, target, {0}, '?'};
    bool options_first = chance(generator, 50);

    text_clear(target);
    text_clear(body);
    text_put_text(&d.scratch, "");
    if (in_body)
        text_put_text(body, "--B\r\nContent-Disposition: form-data; filename=\"stdin\"\r\n\r\n");
    put_path(&d, command);
    if (options_first)
        put_options(&d, command);
    put_arguments(&d, command, in_body, body);
    if (!options_first)
        put_options(&d, command);
    if (in_body)
        text_put_text(body, "\r\n--B--\r\n");
    if (chance(generator, 2))
        spoil(generator, target);
    put_strange_options(&d); /* unspoiled, so that nothing may be left of them */
    if (in_body && chance(generator, 2))
        spoil(generator, body);
    text_dispose(&d.scratch);
    return in_body;
}

/* --- Bodies --- */

static void put_head(struct generator *g, struct text *out)
{
    static const char *const dispositions[] = {
        "form-data; name=\"file\"; filename=\"a\"",
        "form-data; name=\"file?mode=0644&mtime=7&mtime-nsecs=9\"; filename=\"d%2Fa+b\"",
        "attachment; filename=\"..%2F..%2Fx\"",
        "form-data; name=file; filename=plain",
        "form-data; name=\"file\"",
        "form-data; filename=\"a\\\"b\\c\"",
        "form-data; filename*=UTF-8''%C3%A9; filename=\"e\"",
        "form-data;name=x;filename=\"//a/./b/../c/\";",
        "form-data; filename=\"100%\"",
        "form-data; filename=\"\xc3\xa9 \"",
    };
    static const char *const types[] = {
        "Content-Type: application/octet-stream\r\n",
        "Content-Type: application/x-directory\r\n",
        "content-type:application/symlink\r\n",
        "Content-Type: text/plain; charset=\"x y\"\r\n",
        "CONTENT-TYPE: Application/X-Directory;a=b\r\n",
        "",
        "",
    };
    static const char *const others[] = {
        "abspath-encoded: %2Fhome%2Fa\r\n",
        "abspath: /home/a b\r\n",
        "X-Other: \xff\t.\r\n",
        "Content-Transfer-Encoding: binary\r\n",
        "",
        "",
        "",
        "",
    };

    text_put_format(out, "Content-Disposition: %s\r\n", PICK(g, dispositions));
    text_put_text(out, PICK(g, types));
    text_put_text(out, PICK(g, others));
    text_put_text(out, "\r\n");
}

static void put_data(struct generator *g, struct text *out)
{
    static const char *const pieces[] = {"\r\n--B-", "\r\n--Bx", "\r\n--C",  "--B",     "\r",
                                         "\n",       "\r\n",     "-",        "data",    "\r\n-",
                                         "--",       "B",        "\xff\xfe", "\r\r\n--"};
    uint32_t count = generator_number(g, 8);

    for (uint32_t i = 0; i < count; i++)
        text_put_text(out, PICK(g, pieces));
    if (chance(g, 2)) /* as long as a reader's buffer */
        for (uint32_t n = 4060 + generator_number(g, 80); n > 0; n--)
            text_put_char(out, 'x');
    if (chance(g, 20))
        put_data(g, out);
}

void generate_multipart(struct generator *generator, struct text *body)
{
    static const char *const ends[] = {"\r\n--B--\r\n", "\r\n--B--", "\r\n--B--\r\nepilogue"};
    uint32_t parts = generator_number(generator, 5);

    text_clear(body);
    if (chance(generator, 10))
        text_put_text(body, "\r\n");
    text_put_text(body, "--B");
    for (uint32_t i = 0; i < parts; i++) {
        if (i > 0)
            text_put_text(body, "\r\n--B");
        text_put_text(body, "\r\n");
        put_head(generator, body);
        if (chance(generator, 80))
            put_data(generator, body);
    }
    text_put_text(body, parts == 0 ? "--" : PICK(generator, ends));
    for (uint32_t n = chance(generator, 25) ? 1 + generator_number(generator, 2) : 0; n > 0; n--) {
        if (chance(generator, 50)) {
            spoil(generator, body);
            continue;
        }
        size_t at = generator_number(generator, (uint32_t)body->size); /* a byte goes missing */

        memmove(body->data + at, body->data + at + 1, body->size - at);
        body->size--;
    }
}
