// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multicodec.h"

#include <stdio.h>

struct entry {
    uint32_t code;
    const char *name;
};

static const struct entry codecs[] = {
    {0x50, "protobuf"},
    {0x51, "cbor"},
    {0x55, "raw"},
    {0x60, "rlp"},
    {0x63, "bencode"},
    {0x70, "dag-pb"},
    {0x71, "dag-cbor"},
    {0x72, "libp2p-key"},
    {0x78, "git-raw"},
    {0x7b, "torrent-info"},
    {0x7c, "torrent-file"},
    {0x80, "blake3-hashseq"},
    {0x81, "leofcoin-block"},
    {0x82, "leofcoin-tx"},
    {0x83, "leofcoin-pr"},
    {0x85, "dag-jose"},
    {0x86, "dag-cose"},
    {0x90, "eth-block"},
    {0x91, "eth-block-list"},
    {0x92, "eth-tx-trie"},
    {0x93, "eth-tx"},
    {0x94, "eth-tx-receipt-trie"},
    {0x95, "eth-tx-receipt"},
    {0x96, "eth-state-trie"},
    {0x97, "eth-account-snapshot"},
    {0x98, "eth-storage-trie"},
    {0x99, "eth-receipt-log-trie"},
    {0x9a, "eth-receipt-log"},
    {0xb0, "bitcoin-block"},
    {0xb1, "bitcoin-tx"},
    {0xb2, "bitcoin-witness-commitment"},
    {0xc0, "zcash-block"},
    {0xc1, "zcash-tx"},
    {0xd0, "stellar-block"},
    {0xd1, "stellar-tx"},
    {0xe0, "decred-block"},
    {0xe1, "decred-tx"},
    {0xf0, "dash-block"},
    {0xf1, "dash-tx"},
    {0xfa, "swarm-manifest"},
    {0xfb, "swarm-feed"},
    {0xfc, "beeson"},
    {0x129, "dag-json"},
    {0x1f0, "swhid-1-snp"},
    {0x200, "json"},
    {0x201, "messagepack"},
    {0x202, "car"},
    {0x210, "x509-certificate"},
    {0x300, "ipns-record"},
    {0x400, "car-index-sorted"},
    {0x401, "car-multihash-index-sorted"},
    {0x1208, "provenance-log"},
    {0x1209, "provenance-log-entry"},
    {0x120a, "provenance-log-script"},
    {0xb403, "rdfc-1"},
    {0xb501, "ssz"},
    {0xb601, "json-jcs"},
};

static const struct entry hashes[] = {
    {0x00, "identity"},
    {0x11, "sha1"},
    {0x12, "sha2-256"},
    {0x13, "sha2-512"},
    {0x14, "sha3-512"},
    {0x15, "sha3-384"},
    {0x16, "sha3-256"},
    {0x17, "sha3-224"},
    {0x18, "shake-128"},
    {0x19, "shake-256"},
    {0x1a, "keccak-224"},
    {0x1b, "keccak-256"},
    {0x1c, "keccak-384"},
    {0x1d, "keccak-512"},
    {0x1e, "blake3"},
    {0x20, "sha2-384"},
    {0x22, "murmur3-x64-64"},
    {0x23, "murmur3-32"},
    {0x56, "dbl-sha2-256"},
    {0xd4, "md4"},
    {0xd5, "md5"},
    {0x132, "crc32"},
    {0x164, "crc64-ecma"},
    {0x165, "crc64-nvme"},
    {0x1011, "fr32-sha256-trunc254-padbintree"},
    {0x1012, "sha2-256-trunc254-padded"},
    {0x1013, "sha2-224"},
    {0x1014, "sha2-512-224"},
    {0x1015, "sha2-512-256"},
    {0x1022, "murmur3-x64-128"},
    {0x1052, "ripemd-128"},
    {0x1053, "ripemd-160"},
    {0x1054, "ripemd-256"},
    {0x1055, "ripemd-320"},
    {0x1100, "x11"},
    {0x1d01, "kangarootwelve"},
    {0x534d, "sm3-256"},
    {0x7012, "sha256a"},
    {0xb3e1, "xxh-32"},
    {0xb3e2, "xxh-64"},
    {0xb3e3, "xxh3-64"},
    {0xb3e4, "xxh3-128"},
    {0xb401, "poseidon-bls12_381-a2-fc1"},
    {0xb402, "poseidon-bls12_381-a2-fc1-sc"},
    {0xb502, "ssz-sha2-256-bmt"},
    {0xb510, "sha2-256-chunked"},
    {0xb702, "bittorrent-pieces-root"},
    {0xd00d, "bcrypt-pbkdf"},
    {0xed20, "ed2k"},
};

/* Hashes with one code for each whole number of bytes: "blake2b-8" is 0xb201. */
static const struct family {
    uint32_t first, count;
    const char *name;
} families[] = {
    {0xb201, 64, "blake2b"},  {0xb241, 32, "blake2s"},    {0xb301, 32, "skein256"},
    {0xb321, 64, "skein512"}, {0xb361, 128, "skein1024"},
};

static bool name_of(const struct entry *table, size_t count, uint64_t code, char *name)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code) {
            snprintf(name, MULTICODEC_NAME_SIZE, "%s", table[i].name);
            return true;
        }
    return false;
}

static bool code_of(const struct entry *table, size_t count, struct slice name, uint64_t *code)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(name, table[i].name)) {
            *code = table[i].code;
            return true;
        }
    return false;
}

bool multicodec_codec_name(uint64_t code, char name[MULTICODEC_NAME_SIZE])
{
    return name_of(codecs, ARRAY_SIZE(codecs), code, name);
}

bool multicodec_find_codec(struct slice name, uint64_t *code)
{
    return code_of(codecs, ARRAY_SIZE(codecs), name, code);
}

bool multicodec_hash_name(uint64_t code, char name[MULTICODEC_NAME_SIZE])
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        uint64_t index = code - families[i].first;

        if (code >= families[i].first && index < families[i].count) {
            snprintf(name, MULTICODEC_NAME_SIZE, "%s-%d", families[i].name, (int)(index + 1) * 8);
            return true;
        }
    }
    return name_of(hashes, ARRAY_SIZE(hashes), code, name);
}

/* The families are tried by writing each of their names: looking a name up is rare. */
bool multicodec_find_hash(struct slice name, uint64_t *code)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        if (!slice_starts(name, families[i].name))
            continue;
        for (uint64_t j = 0; j < families[i].count; j++) {
            char candidate[MULTICODEC_NAME_SIZE];

            multicodec_hash_name(families[i].first + j, candidate);
            if (slice_is(name, candidate)) {
                *code = families[i].first + j;
                return true;
            }
        }
    }
    return code_of(hashes, ARRAY_SIZE(hashes), name, code);
}
