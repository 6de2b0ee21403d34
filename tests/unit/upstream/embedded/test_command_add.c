// SPDX-License-Identifier: Apache-2.0
/* The lines and messages here are those of Kubo 0.43.1. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "tests/unit/upstream/embedded/import_kit.h"
#include "upstream/embedded/files_private.h"

#include <stdio.h>
#include <stdlib.h>

#define HELLO "QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX"

struct row {
    const char *options;
    struct import_part parts[9];
    const char *output;
    const char *failure;
};

static void check(void **state, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char target[200];

        snprintf(target, sizeof(target), "/api/v0/add?pin=false%s", rows[i].options);
        import_assert_parts(*state, target, rows[i].parts, rows[i].output, rows[i].failure);
    }
}

static void test_add_answers_with_the_lines_of_kubo(void **state)
{
    static const struct row rows[] = {
        {/* a file */
         "",
         {{"f", "a", "hello", NULL}},
         "{\"Name\":\"a\",\"Hash\":\"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX\",\"Size\":"
         "\"13\"}\n",
         NULL},
        {/* a file without a name */
         "",
         {{"f", "", "hello", NULL}},
         "{\"Name\":\"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX\",\"Hash\":"
         "\"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX\",\"Size\":\"13\"}\n",
         NULL},
        {/* several roots */
         "",
         {{"f", "a", "1", NULL}, {"d", "e", NULL, NULL}, {"f", "b", "2", NULL}},
         "{\"Name\":\"a\",\"Hash\":\"QmWYddCPs7uR9EvHNCZzpguVFVNfHc6aM3hPVzPdAEESMc\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"e\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":"
         "\"4\"}\n"
         "{\"Name\":\"b\",\"Hash\":\"QmT9SanPHnSH5AsBqy2xZbstw4rAw5znFPkmjkvDCMdVuF\",\"Size\":"
         "\"9\"}\n",
         NULL},
        {/* directories are told last, in the order of names, however they came */
         "",
         {{"d", "d", NULL, NULL},
          {"f", "d/z", "x", NULL},
          {"d", "d/m", NULL, NULL},
          {"f", "d/m/q", "x", NULL},
          {"d", "d/b", NULL, NULL},
          {"f", "d/b/q", "x", NULL},
          {"f", "d/a", "x", NULL}},
         "{\"Name\":\"d/"
         "z\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/m/"
         "q\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/b/"
         "q\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"QmR81ypTd5oEdfL5tJzzsfpefY7NA758awC12RDFUtiPt2\",\"Size\":\"56\"}\n"
         "{\"Name\":\"d/"
         "m\",\"Hash\":\"QmR81ypTd5oEdfL5tJzzsfpefY7NA758awC12RDFUtiPt2\",\"Size\":\"56\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmYmyuna5TmPk5ySDGdDgUuirqNwQ8GKnfDfZzqAgxmNdV\",\"Size\":"
         "\"306\"}\n",
         NULL},
        {/* a directory that no part tells of, and that comes again */
         "",
         {{"f", "d/z/y", "x", NULL}, {"f", "d/a/b", "x", NULL}, {"f", "d/z/x", "x", NULL}},
         "{\"Name\":\"d/z/"
         "y\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/a/"
         "b\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/z/"
         "x\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmTykoxUFtHeniVDwjpnZucRCxhjxPg6KBhxeRZeNSsJsy\",\"Size\":\"56\"}\n"
         "{\"Name\":\"d/"
         "z\",\"Hash\":\"QmVZ4L5mKQHcSPG2xa1X3tkquZEaK4Qm1SERxpFY9YnL7Y\",\"Size\":\"108\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmTCV52P6U7tT7v4o5a1r6jqiCGES5VFEGaoVdx16G8RzR\",\"Size\":"
         "\"254\"}\n",
         NULL},
        {/* at the top it is another one */
         "",
         {{"f", "q/1", "x", NULL}, {"f", "e", "x", NULL}, {"f", "q/2", "x", NULL}},
         "{\"Name\":\"q/"
         "1\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"q\",\"Hash\":\"Qmbrt2EhXEZea7U3H71fgkw45UzW3aKjMNBcRLmz6rRRYH\",\"Size\":"
         "\"56\"}\n"
         "{\"Name\":\"e\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"q/"
         "2\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"q\",\"Hash\":\"QmdBkmjimqcgjEknfW1qMeMypi7y34kc3AjVMPxyy4osHG\",\"Size\":"
         "\"56\"}\n",
         NULL},
        {/* wrapped it is one */
         "&wrap-with-directory=true",
         {{"f", "q/1", "x", NULL}, {"f", "e", "x", NULL}, {"f", "q/2", "x", NULL}},
         "{\"Name\":\"q/"
         "1\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"e\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"q/"
         "2\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"q\",\"Hash\":\"QmZ7rXkiDiSCanyMZZ63HZB5fWE9FSQdwyx5FXbwXy1vMg\",\"Size\":"
         "\"108\"}\n"
         "{\"Name\":\"\",\"Hash\":\"QmYR1MDRZ63sCqwQtxX5FzMTnwt58MYzyRqggrUGfMWwzS\",\"Size\":"
         "\"207\"}\n",
         NULL},
        {/* a directory without a name */
         "",
         {{"d", "", NULL, NULL}, {"f", "a", "x", NULL}, {"f", "b/c", "x", NULL}},
         "{\"Name\":\"a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"b/"
         "c\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"b\",\"Hash\":\"QmTa3L9TvS9gaLepewqkBJbFhHZUNKeZXVdLxCum69CQsq\",\"Size\":"
         "\"56\"}\n"
         "{\"Name\":\"\",\"Hash\":\"QmaRvgmGt8hw1o59fsZycBX7NF4qSqCuWTtgSdkzq3BXJb\",\"Size\":"
         "\"155\"}\n",
         NULL},
        {/* a file without a name in a directory */
         "&wrap-with-directory=true",
         {{"f", "q", "x", NULL}, {"f", "", "z", NULL}, {"f", "a", "x", NULL}},
         "{\"Name\":\"q\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"QmeKP7rhE6bJnRUPqpRaDsk7K4mREkA9kAoBDK59ApegtF\",\"Hash\":"
         "\"QmeKP7rhE6bJnRUPqpRaDsk7K4mREkA9kAoBDK59ApegtF\",\"Size\":\"9\"}\n"
         "{\"Name\":\"a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\"}\n"
         "{\"Name\":\"\",\"Hash\":\"QmRHKWSpnutN7UxSgdBumA6GTFZG7Lf8NZTwEFzNvZx3yA\",\"Size\":"
         "\"205\"}\n",
         NULL},
        {/* without empty directories */
         "&empty-dirs=false",
         {{"d", "d", NULL, NULL},
          {"d", "d/e", NULL, NULL},
          {"d", "d/f", NULL, NULL},
          {"d", "d/f/g", NULL, NULL},
          {"f", "d/z", "x", NULL},
          {"d", "d/y", NULL, NULL}},
         "{\"Name\":\"d/"
         "z\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "f\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":\"4\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmcJH2Yy2CDpC3c9wMh5TDpjMBBzeTxwugBhKfQqQsPuNH\",\"Size\":"
         "\"103\"}\n",
         NULL},
        {/* an empty root is kept */
         "&empty-dirs=false",
         {{"d", "d", NULL, NULL}},
         "{\"Name\":\"d\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":"
         "\"4\"}\n",
         NULL},
        {/* symlinks */
         "",
         {{"d", "d", NULL, NULL}, {"l", "d/s", "target", NULL}, {"l", "t", "other", NULL}},
         "{\"Name\":\"d/"
         "s\",\"Hash\":\"QmbqcXVc1m3ptTWpceoVYfkn1gD6MRvjEFbVeMsBjSKQgT\",\"Size\":\"12\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmaUC2BRtT2A5yRnAdfr9DHNPWyNi5JGpJxsKsRBho4PNM\",\"Size\":"
         "\"59\"}\n"
         "{\"Name\":\"t\",\"Hash\":\"QmYZ3Xa8zpXVTgG5oUzUiCdx2qGz8pRhnJ6MhGHzH1dznW\",\"Size\":"
         "\"11\",\"Mode\":\"01000000777\"}\n",
         NULL},
        {/* silent */
         "&silent=true",
         {{"d", "d", NULL, NULL}, {"f", "d/a", "x", NULL}, {"d", "d/e", NULL, NULL}},
         "{\"Name\":\"d/"
         "e\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":\"4\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmQzjZhhYEoJZXr9fW4KCCw64b9wiJAtuAKYHbuDPfD44K\",\"Size\":"
         "\"103\"}\n",
         NULL},
        {/* what lies below a file is passed over */
         "",
         {{"d", "d", NULL, NULL},
          {"f", "d/a", "x", NULL},
          {"f", "d/a/x", "x", NULL},
          {"f", "d/b", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmZPbYYwdfdEYJcmy3WQEbVbnjpX8jVUDAWUcSNmgaAkxG\",\"Size\":"
         "\"108\"}\n",
         NULL},
        {/* sharded from the second entry on */
         "&max-directory-links=1&max-hamt-fanout=8",
         {{"d", "d", NULL, NULL},
          {"d", "d/a", NULL, NULL},
          {"f", "d/c", "x", NULL},
          {"f", "d/b/x", "x", NULL},
          {"d", "d/z", NULL, NULL}},
         "{\"Name\":\"d/"
         "c\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/b/"
         "x\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"Qmd31Yc93bam5GR22agu3rexdv9rNHQucXf5epxEp1DHBp\",\"Size\":\"56\"}\n"
         "{\"Name\":\"d/"
         "z\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":\"4\"}\n"
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":\"4\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmYWCjcEEcuydFYicybtVVLYegwEg3tC1LvddAvZ6Yw6Ne\",\"Size\":"
         "\"369\"}\n",
         NULL},
        {/* inlined */
         "&inline=true",
         {{"d", "d", NULL, NULL},
          {"f", "d/a", "xxxxxxxxxxxxxxxxxxxx", NULL},
          {"f", "d/b", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"bafyaahakdieaeequpb4hq6dypb4hq6dypb4hq6dypb4hq6dydaka\",\"Size\":\"28\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"QmYdQS8JVTTgU4zxvrPCP2RedDNESyTUePrTVAYn2X9FMb\",\"Size\":\"48\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmWr6wekHCZbZvvKW27srQbNtydkHrmK13tSz2A8LAzvzJ\",\"Size\":"
         "\"164\"}\n",
         NULL},
        {/* version 1 */
         "&cid-version=1",
         {{"d", "d", NULL, NULL}, {"f", "d/a", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe\",\"Size\":"
         "\"1\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"bafybeiafmzcm3ojrfhgr5kikbwcaqwwcktamef34f6mrjk7rc42nwls3m4\","
         "\"Size\":\"50\"}\n",
         NULL},
        {/* another hash */
         "&hash=BLAKE2b-256",
         {{"d", "d", NULL, NULL}, {"f", "d/a", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"bafk2bzacediwdvyriwv65rppcwv46bczz3daujzsdyxqvqhpplhfevhvsrchm\",\"Size\":"
         "\"1\"}\n"
         "{\"Name\":\"d\",\"Hash\":"
         "\"bafykbzacedwdoib3q6ulwzcdnbivzwz453mlm646u5thqbwv7clppwx4l22aa\",\"Size\":\"52\"}\n",
         NULL},
        {/* another base */
         "&cid-base=base36&cid-version=1",
         {{"f", "a", "x", NULL}},
         "{\"Name\":\"a\",\"Hash\":\"k2cwue9s6dv2bfbgdnck8y7v4jriu1j7jb1xj9vg8zwtbhy7hurmpbi9\","
         "\"Size\":\"1\"}\n",
         NULL},
        {/* nodes and chunks */
         "&chunker=size-2&max-file-links=3&raw-leaves=true",
         {{"f", "a", "0123456789abcdef", NULL}},
         "{\"Name\":\"a\",\"Hash\":\"QmUY5R2xVv18cXkgMLVjdtX5EJQ7ELwZdHsj8ksYnG3HLE\",\"Size\":"
         "\"542\"}\n",
         NULL},
        {/* progress */
         "&progress=true&chunker=size-2&max-file-links=2",
         {{"f", "e", NULL, NULL}, {"f", "a", "0123456789", NULL}, {"f", "b", "0123456789a", NULL}},
         "{\"Name\":\"e\"}\n"
         "{\"Name\":\"e\",\"Hash\":\"QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH\",\"Size\":"
         "\"6\"}\n"
         "{\"Name\":\"a\",\"Bytes\":10}\n"
         "{\"Name\":\"a\",\"Bytes\":10}\n"
         "{\"Name\":\"a\",\"Bytes\":10}\n"
         "{\"Name\":\"a\",\"Bytes\":10}\n"
         "{\"Name\":\"a\",\"Hash\":\"QmXyGuTMSxfoy4R2yFsr3zRQXoZAWktwzgED3kzAZUXHwZ\",\"Size\":"
         "\"527\"}\n"
         "{\"Name\":\"b\",\"Bytes\":11}\n"
         "{\"Name\":\"b\",\"Hash\":\"QmWsQ5iGid2sxAMVxuEJuVqmmS7BF3nLR5au14HSTyNjih\",\"Size\":"
         "\"581\"}\n",
         NULL},
        {/* only hashed */
         "&only-hash=true",
         {{"d", "d", NULL, NULL}, {"f", "d/a/b", "x", NULL}},
         "{\"Name\":\"d/a/"
         "b\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmTykoxUFtHeniVDwjpnZucRCxhjxPg6KBhxeRZeNSsJsy\",\"Size\":\"56\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmcxbJFdvXRfqu75vSdu7CtCtmkd8wLWgy68Vu3zL7LTkf\",\"Size\":"
         "\"103\"}\n",
         NULL},
        {/* modes and times, preserved */
         "&preserve-mode=true&preserve-mtime=true",
         {{"d", "d", "", "?mode=0750&mtime=5&mtime-nsecs=7"},
          {"f", "d/a", "x", "?mode=040000755&mtime=-3"},
          {"l", "d/s", "tgt", "?mode=0777&mtime=12"},
          {"f", "d/i/j", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmcA81tRWMzF7ezCfooyV8xAJsDPMLku98gBTavV3EUJpY\",\"Size\":\"25\",\"Mode\":"
         "\"0750\",\"Mtime\":5,\"MtimeNsecs\":7}\n"
         "{\"Name\":\"d/"
         "s\",\"Hash\":\"Qmc331pZez4LynJa145KjtpDfkZR3XyP7K4Mq56r5eo79L\",\"Size\":\"13\",\"Mode\":"
         "\"0750\",\"Mtime\":5,\"MtimeNsecs\":7}\n"
         "{\"Name\":\"d/i/"
         "j\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\",\"Mode\":"
         "\"0750\",\"Mtime\":5,\"MtimeNsecs\":7}\n"
         "{\"Name\":\"d/"
         "i\",\"Hash\":\"QmYmYRgMS9Lx9QgenQSoWVHR7nqRYdcRfon6FsGDGJUrWb\",\"Size\":\"56\",\"Mode\":"
         "\"0750\",\"Mtime\":5,\"MtimeNsecs\":7}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmaUEak3AopPipoHa7sbCdYRXySGCZRfgPC16PxZUJUzF3\",\"Size\":"
         "\"239\",\"Mode\":\"0750\",\"Mtime\":5,\"MtimeNsecs\":7}\n",
         NULL},
        {/* modes and times, told but not kept */
         "",
         {{"f", "a", "x", "?mode=040000755&mtime=-3"},
          {"l", "s", "t", "?mtime=3"},
          {"f", "m", "x", "?mode=0644"}},
         "{\"Name\":\"a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\",\"Mode\":\"040000755\",\"Mtime\":-3}\n"
         "{\"Name\":\"s\",\"Hash\":\"QmaWnMD98ndrXfnhjJwmBWpqHyYsrtVC9zEytnakMR55cv\",\"Size\":"
         "\"7\",\"Mode\":\"01000000777\",\"Mtime\":3}\n"
         "{\"Name\":\"m\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":"
         "\"9\",\"Mode\":\"0644\"}\n",
         NULL},
        {/* one mode and time for all */
         "&mode=420&mtime=77&mtime-nsecs=5",
         {{"d", "d", NULL, NULL}, {"f", "d/a", "x", NULL}, {"l", "d/l", "t", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmZsndEKMAJrmYLbs1YkjKqERLQk1ift4gEX5M7AabtGYk\",\"Size\":\"21\"}\n"
         "{\"Name\":\"d/"
         "l\",\"Hash\":\"QmV5SwM7k28dqaYHK21n7ocos2oWN8WMAisTsAybJJbQw6\",\"Size\":\"16\"}\n"
         "{\"Name\":\"d\",\"Hash\":\"QmVGYobHMVdgbYLrf4nMroqYTqVgCoZDnmfrasL1JSj2CQ\",\"Size\":"
         "\"139\"}\n",
         NULL},
        {/* names that JSON escapes */
         "",
         {{"f", "a%3C%26%3E%01%22", "x", NULL}},
         "{\"Name\":\"a\\u003c\\u0026\\u003e\\u0001\\\"\",\"Hash\":"
         "\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n",
         NULL},
    };

    check(state, rows, ARRAY_SIZE(rows));
}

static void test_add_refuses_trees_that_kubo_refuses(void **state)
{
    static const struct row rows[] = {
        {/* a name twice */
         "",
         {{"d", "d", NULL, NULL},
          {"f", "d/a", "x", NULL},
          {"f", "d/b", "x", NULL},
          {"f", "d/a", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n",
         "directory already has entry by that name"},
        {/* a directory where a file is */
         "",
         {{"d", "d", NULL, NULL},
          {"f", "d/a", "x", NULL},
          {"f", "d/b", "x", NULL},
          {"f", "d/a/x", "x", NULL}},
         "{\"Name\":\"d/"
         "a\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n"
         "{\"Name\":\"d/"
         "b\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n",
         "file already exists"},
        {/* a file where a directory is */
         "",
         {{"d", "d", NULL, NULL}, {"f", "d/a/x", "x", NULL}, {"f", "d/a", "x", NULL}},
         "{\"Name\":\"d/a/"
         "x\",\"Hash\":\"QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC\",\"Size\":\"9\"}\n",
         "directory already has entry by that name"},
        {/* no name in a directory */
         "&wrap-with-directory=true",
         {{"d", "", NULL, NULL}, {"f", "a", "x", NULL}},
         "",
         "no path given to Mkdir"},
    };

    check(state, rows, ARRAY_SIZE(rows));
}

static void test_add_refuses_options_in_the_words_of_kubo(void **state)
{
    static const struct {
        const char *options, *failure;
    } rows[] = {
        {"&chunker=size-0", "chunker size must be greater than 0"},
        {"&chunker=size-2096897",
         "chunker parameters may not exceed the maximum chunk size of 2096896"},
        {"&chunker=size-abc", "strconv.Atoi: parsing \"abc\": invalid syntax"},
        {"&chunker=foo", "unrecognized chunker option: foo"},
        {"&chunker=size", "incorrect chunker string format (expected size-{size})"},
        {"&chunker=size-1-2", "incorrect chunker string format (expected size-{size})"},
        {"&max-hamt-fanout=7", "HAMT fanout must be a power of 2, between 8 and 1024 (got 7)"},
        {"&max-hamt-fanout=2048",
         "HAMT fanout must be a power of 2, between 8 and 1024 (got 2048)"},
        {"&max-hamt-fanout=-8", "HAMT fanout must be a power of 2, between 8 and 1024 (got -8)"},
        {"&hash=foo", "unrecognized hash function: \"foo\""},
        {"&hash=sha1&cid-version=0", "CIDv0 only supports sha2-256"},
        {"&hash=sha2-512&cid-version=3", "unknown CID version: 3"},
        {"&cid-version=2", "unknown CID version: 2"},
        {"&mtime-nsecs=5", "option \"mtime-nsecs\" requires \"mtime\" to be provided as well"},
        {"&mtime=3&mtime-nsecs=1999999999", "mtime nanoseconds must be in range [1, 999999999]"},
        {"&pin-name=x", "pin-name option requires pin to be set"},
        {"&only-hash=true&to-files=/", "only-hash and to-files options are not compatible"},
        {"&wrap-with-directory=true&to-files=",
         "wrap-with-directory and to-files options are not compatible"},
        {"&raw-leaves=true&mode=420",
         "raw-leaves can't be used with UnixFS metadata like mode or modification time"},
        {"&inline=true&inline-limit=129",
         "inline-limit 129 exceeds maximum allowed size of 128 bytes"},
    };
    static const struct import_part parts[] = {{"f", "a", "x", NULL}, {NULL, NULL, NULL, NULL}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[200];

        snprintf(target, sizeof(target), "/api/v0/add?pin=false%s", rows[i].options);
        import_assert_parts(*state, target, parts, "", rows[i].failure);
    }
}

static void test_add_refuses_by_name_what_it_does_not_have(void **state)
{
    static const struct {
        const char *options, *failure;
    } rows[] = {
        {"trickle=true", "the option 'trickle' is not supported by the embedded node"},
        {"nocopy=true", "the option 'nocopy' is not supported by the embedded node"},
        {"fscache=true", "the option 'fscache' is not supported by the embedded node"},
        {"chunker=rabin", "chunker 'rabin' is not supported: \"size-N\" is, N in bytes"},
        {"chunker=buzhash", "chunker 'buzhash' is not supported: \"size-N\" is, N in bytes"},
        {"hash=blake3", "the hash blake3 is not supported"},
        {"hash=identity", "the identity hash is not supported for all blocks: inline small ones"},
    };
    static const struct import_part parts[] = {{"f", "a", "x", NULL}, {NULL, NULL, NULL, NULL}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[200];

        snprintf(target, sizeof(target), "/api/v0/add?%s", rows[i].options);
        import_assert_parts(*state, target, parts, "", rows[i].failure);
    }
}

static void test_add_fails_when_the_body_ends_too_early(void **state)
{
    struct text body = {0};
    struct import_part part = {"f", "a", "hello", NULL};

    import_assert(*state, "/api/v0/add?pin=false", text_slice(&body), "",
                  "multipart: NextPart: EOF");
    import_end_body(&body);
    import_assert(*state, "/api/v0/add?pin=false", text_slice(&body), "",
                  "expected a file argument");
    text_clear(&body);
    import_put_part(&body, &part, SLICE("hello"));
    body.size -= 4;
    import_assert(*state, "/api/v0/add?pin=false", text_slice(&body), "",
                  "multipart: NextPart: EOF");
    text_dispose(&body);
}

/* What is told can be read. */
static void test_add_stores_what_it_tells(void **state)
{
    static const struct import_part parts[] = {{"d", "d", NULL, NULL},
                                               {"f", "d/a", "hello", NULL},
                                               {"f", "d/s/b", "world", NULL},
                                               {NULL, NULL, NULL, NULL}};
    static const char directories[] =
        "{\"Name\":\"d/"
        "s\",\"Hash\":\"bafybeifqer6gxd5rqdsa2zsgo2hmv3l7tx5zkjtenjevga4pgchqtmju54\",\"Size\":"
        "\"54\"}\n"
        "{\"Name\":\"d\",\"Hash\":\"bafybeicdlupqsrppdo7sveypmnavknk6a6qseuryaypar5elkkxvfuct7y\","
        "\"Size\":\"153\"}\n";
    struct text body = {0};
    char *content;

    for (size_t i = 0; parts[i].kind != NULL; i++)
        import_put_part(&body, &parts[i], slice_of(parts[i].content ? parts[i].content : ""));
    import_end_body(&body);
    import_assert(*state, "/api/v0/add?pin=false&cid-version=1&silent=true", text_slice(&body),
                  directories, NULL);
    content = task_bench_output(
        *state, "/api/v0/cat?arg=bafybeicdlupqsrppdo7sveypmnavknk6a6qseuryaypar5elkkxvfuct7y/s/b");
    assert_string_equal(content, "world");
    free(content);
    text_dispose(&body);
}

static void test_add_pins_and_files_what_it_adds(void **state)
{
    static const struct import_part parts[] = {{"f", "a", "hello", NULL}, {NULL, NULL, NULL, NULL}};
    static const struct import_part two[] = {
        {"f", "b", "1", NULL}, {"f", "c", "2", NULL}, {NULL, NULL, NULL, NULL}};
    static const char line[] = "{\"Name\":\"a\",\"Hash\":\"" HELLO "\",\"Size\":\"13\"}\n";
    static const char lines[] =
        "{\"Name\":\"b\",\"Hash\":\"QmWYddCPs7uR9EvHNCZzpguVFVNfHc6aM3hPVzPdAEESMc\",\"Size\":"
        "\"9\"}\n"
        "{\"Name\":\"c\",\"Hash\":\"QmT9SanPHnSH5AsBqy2xZbstw4rAw5znFPkmjkvDCMdVuF\",\"Size\":"
        "\"9\"}\n";
    struct task_bench_reply reply;
    struct text body = {0};
    char *text;

    import_put_part(&body, &parts[0], SLICE("hello"));
    import_end_body(&body);
    task_bench_run(*state,
                   &(struct task_bench_call){.target = "/api/v0/add?pin-name=n&to-files=/x",
                                             .body = text_slice(&body),
                                             .content_type = IMPORT_TYPE},
                   &reply);
    text_put_char(&reply.output, '\0');
    assert_string_equal(reply.err.text, "");
    assert_string_equal(reply.output.data, line);
    task_bench_reply_dispose(&reply);
    text_dispose(&body);
    text = task_bench_output(*state, "/api/v0/pin/ls?names=true&arg=" HELLO);
    assert_non_null(strstr(text, "\"Name\":\"n\""));
    free(text);
    text = task_bench_output(*state, "/api/v0/files/read?arg=/x");
    assert_string_equal(text, "hello");
    free(text);
    import_assert_parts(*state, "/api/v0/add?pin=false&to-files=/x", parts, line,
                        "to-files: cannot put node in path \"/x\": directory already has entry by "
                        "that name");
    /* the first goes there, the second may not */
    import_put_part(&body, &two[0], SLICE("1"));
    import_put_part(&body, &two[1], SLICE("2"));
    import_end_body(&body);
    task_bench_run(*state,
                   &(struct task_bench_call){.target = "/api/v0/add?pin=false&to-files=/y",
                                             .body = text_slice(&body),
                                             .content_type = IMPORT_TYPE},
                   &reply);
    text_put_char(&reply.output, '\0');
    assert_string_equal(reply.output.data, lines);
    assert_string_equal(reply.err.text, "to-files: MFS destination is a file: only one entry can "
                                        "be copied to \"/y\"");
    task_bench_reply_dispose(&reply);
    text_dispose(&body);
}

static enum files_step make_nothing(struct task *task, struct files_change *change,
                                    struct error *err)
{
    (void)task, (void)change, (void)err;
    return FILES_DONE;
}

/* While lines wait to be taken, another's change has its turn. */
static void try_change(void *count, struct task *task)
{
    struct files_change change = {0};
    struct task other = {.node = task->node};
    struct error err = {0};

    if (task->out.size == 0)
        return;
    assert_int_equal(files_change_run(&other, &change, make_nothing, &err), FILES_DONE);
    files_change_dispose(&change);
    ++*(unsigned *)count;
}

static void test_add_holds_up_no_change_of_the_files_while_its_lines_wait(void **state)
{
    static const char *const targets[] = {"/api/v0/add?pin=false&to-files=/slow/",
                                          "/api/v0/add?pin=true&to-files=/slower/"};
    static const struct import_part parts[] = {
        {"f", "a", NULL, NULL}, {"f", "b", NULL, NULL}, {"f", "c", NULL, NULL}};
    struct text body = {0};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        import_put_part(&body, &parts[i], slice_of(parts[i].name));
    import_end_body(&body);
    free(task_bench_output(*state, "/api/v0/files/mkdir?arg=/slow"));
    free(task_bench_output(*state, "/api/v0/files/mkdir?arg=/slower"));
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        unsigned count = 0;
        struct task_bench_reply reply;

        task_bench_run(*state,
                       &(struct task_bench_call){.target = targets[i],
                                                 .body = text_slice(&body),
                                                 .content_type = IMPORT_TYPE,
                                                 .on_slice = try_change,
                                                 .on_slice_arg = &count},
                       &reply);
        assert_string_equal(reply.err.text, "");
        assert_true(count >= ARRAY_SIZE(parts));
        task_bench_reply_dispose(&reply);
    }
    text_dispose(&body);
}

/* Of a file that has three chunks and a half, with a node that has memory for nothing, and one that
 * has. */
static void test_add_gives_the_same_cids_when_memory_is_short(void **state)
{
    static const char *const targets[] = {"/api/v0/add?pin=false&preserve-mode=true",
                                          "/api/v0/add?pin=false&cid-version=1",
                                          "/api/v0/add?pin=false&chunker=size-1000"};
    static const struct import_part part = {"f", "d/a", NULL, "?mode=0644"};
    const size_t size = 900000, much = (size_t)1 << 30;
    struct task_bench *bench = *state;
    char *content = memory_alloc(size);
    struct text body = {0};

    for (size_t i = 0; i < size; i++)
        content[i] = (char)(i * 7 ^ i >> 9);
    import_put_part(&body, &part, (struct slice){content, size});
    import_end_body(&body);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct task_bench_call call = {.target = targets[i],
                                       .body = text_slice(&body),
                                       .content_type = IMPORT_TYPE,
                                       .piece_max = 20011};
        struct task_bench_reply ample, tight;

        task_bench_run(bench, &call, &ample);
        node_hold_memory(bench->node, 0, much);
        task_bench_run(bench, &call, &tight);
        node_hold_memory(bench->node, much, 0);
        assert_int_equal(ample.err.code, ERROR_NONE);
        assert_int_equal(tight.err.code, ERROR_NONE);
        assert_true(slice_equal(text_slice(&ample.output), text_slice(&tight.output)));
        task_bench_reply_dispose(&ample);
        task_bench_reply_dispose(&tight);
    }
    text_dispose(&body);
    free(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_answers_with_the_lines_of_kubo),
        cmocka_unit_test(test_add_refuses_trees_that_kubo_refuses),
        cmocka_unit_test(test_add_refuses_options_in_the_words_of_kubo),
        cmocka_unit_test(test_add_refuses_by_name_what_it_does_not_have),
        cmocka_unit_test(test_add_fails_when_the_body_ends_too_early),
        cmocka_unit_test(test_add_stores_what_it_tells),
        cmocka_unit_test(test_add_pins_and_files_what_it_adds),
        cmocka_unit_test(test_add_holds_up_no_change_of_the_files_while_its_lines_wait),
        cmocka_unit_test(test_add_gives_the_same_cids_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, task_bench_setup, task_bench_teardown);
}
