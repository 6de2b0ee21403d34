// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about links. What is optional has a question mark; a field that is not
 * listed is refused. Sizes and durations are texts as people write them ("10MiB", "24h"), times RFC
 * 3339.
 *
 *   /link/invite   {"partner", "org"?, "address"?, "ttl"?}  -> answer, "invitation", "expires"
 *   /link/join     {"invitation", "partner"?, "address"?}   -> answer, "words", "dials"
 *   /link/confirm  {"partner", "words" | "yes": true}       -> answer
 *   /link/cancel   {"partner"}                              -> answer
 *   /link/suspend  {"partner"}                              -> answer
 *   /link/resume   {"partner"}                              -> answer
 *   /link/revoke   {"partner", "mode"?}                     -> answer; mode: "now", "restrict"
 *   /link/repin    {"partner", "address"?, "ttl"?}          -> answer, "invitation", "expires"
 *   /link/limit    {"partner", "bandwidth"?, "hours"?}      -> answer, "limits"
 *   /link/list     {"after"?, "limit"?}                     -> {"links": [link...], "has_more"}
 *   /link/show     {"partner"}                              -> link, "history": [event...]
 *
 * An answer has "partner", "state" and "said": what was done, and what the other side must do next.
 * A link object is what links_describe (federation/links.h) makes. An event has "time", "actor",
 * "event", "from", "to", "said". "holds" of show, by our ledger: {"ours_there", "theirs_here"},
 * each {"objects", "bytes", "under_way"}. Without listen.partners there are no links: 409 says
 * which line of causeway.yaml is missing. */
#ifndef FEDERATION_OPERATOR_H
#define FEDERATION_OPERATOR_H

#include "auth/operator.h"

extern const struct operator_route federation_routes[];

#endif
