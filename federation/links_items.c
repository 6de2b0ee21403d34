// SPDX-License-Identifier: Apache-2.0
#include "federation/links_inbound.h"
void batch_take(struct inbound *inbound)
{
    inbound_refuse(inbound, WIRE_PROBLEM_STATE, "not built");
    side_save(inbound->work.side, inbound_finish);
}
void side_drop_items(struct side *side)
{
}
