// SPDX-License-Identifier: Apache-2.0
#include "federation/links_call.h"
bool statement_compose(struct call *call)
{
    return false;
}
void statement_heard(struct call *call)
{
}
