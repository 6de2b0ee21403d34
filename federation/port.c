// SPDX-License-Identifier: Apache-2.0
#include "federation/port.h"

#include "conf/memory.h"

#include <stdlib.h>

struct port {
    struct port_settings settings;
    struct port_counters counters;
};

struct port *port_create(const struct port_settings *settings)
{
    struct port *port = memory_alloc(sizeof(*port));

    port->settings = *settings;
    return port;
}

void port_destroy(struct port **port_ptr)
{
    struct port *port = *port_ptr;

    *port_ptr = NULL;
    if (port == NULL)
        return;
    audit_writer_destroy(&port->settings.audit);
    free(port);
}

/* What is served by one view. */
struct port_site {
    struct server_settings settings;
    const struct peers *peers;
    struct port *port;
};

static void on_request(struct exchange *exchange, void *app)
{
    exchange_refuse(exchange, 404, CLOSE_REFUSED, "not built");
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    text_put_text(body, message);
    return "text/plain";
}

static const struct http_handler handler = {.on_request = on_request, .put_error = put_error};

static void dispose(struct server_settings *settings)
{
    struct port_site *site = CONTAINER_OF(settings, struct port_site, settings);

    peers_unref(&site->peers);
    SSL_CTX_free(settings->tls);
    free(site);
}

struct server_settings *port_make_settings(struct server *server, const void *peers, void *port)
{
    struct port_site *site = memory_alloc(sizeof(*site));

    site->peers = peers_ref(peers);
    site->port = port;
    site->settings = (struct server_settings){
        .references = 1, .handler = &handler, .app = site, .dispose = dispose};
    if (site->peers->server_tls != NULL) {
        SSL_CTX_up_ref(site->peers->server_tls);
        site->settings.tls = site->peers->server_tls;
    }
    return &site->settings;
}

const struct port_counters *port_counters(const struct port *port)
{
    return &port->counters;
}
