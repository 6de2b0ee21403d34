// SPDX-License-Identifier: Apache-2.0
/* What single options of causeway.yaml must be beyond their type. Each says what would be right.
 * Private to config.c. */
#ifndef CONF_CONFIG_CHECK_H
#define CONF_CONFIG_CHECK_H

#include "conf/error.h"

bool config_check_org(const void *text, struct error *err);
bool config_check_host(const void *text, struct error *err);
bool config_check_origin(const void *text, struct error *err);
bool config_check_can_listen(const void *address, struct error *err);
bool config_check_loopback(const void *address, struct error *err);
bool config_check_can_serve_partners(const void *address, struct error *err);
bool config_check_advertise(const void *text, struct error *err);
bool config_check_node(const void *text, struct error *err);
bool config_check_can_dial(const void *address, struct error *err);

#endif
