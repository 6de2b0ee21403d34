// SPDX-License-Identifier: Apache-2.0
/* What this gateway does with each command. The catalogue (ipfs/catalogue.h) has the facts; this is
 * the decision that is ours and that no configuration changes. */
#ifndef PROXY_TREATMENT_H
#define PROXY_TREATMENT_H

#include "ipfs/catalogue.h"

enum treatment {
    TREATMENT_NEVER = 1, /* too dangerous on a shared node: no policy opens it */
    TREATMENT_RELAY,     /* the upstream does it */
    TREATMENT_READ,      /* the upstream does it, with what is held there: reads.h */
    TREATMENT_VERSION, /* relayed where tools are allowed, else answered: every client asks it first
                        */
    TREATMENT_PIN_ADD, /* answered from the ledger and by the tracker: pins.h */
    TREATMENT_PIN_LS,
    TREATMENT_PIN_RM,
    TREATMENT_PIN_UPDATE,
    TREATMENT_PIN_VERIFY,
    TREATMENT_COMMANDS, /* answered here: the commands that this gateway lets through */
    TREATMENT_UPLOAD,   /* the upstream takes it without pinning; its roots are claimed here */
};

enum treatment treatment_of(enum command_id id);

#endif
