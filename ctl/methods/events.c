/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for events, and being told of them. */
#include "ctl/methods/methods.h"

#include <errno.h>

static bool is_cancelled(void *user)
{
        struct ctl_client *client = user;

        return atomic_load(&client->closed) || atomic_load(&client->server->quiesced);
}

GVariant *ctl_method_wait_event(struct ctl_call *call, GError **error)
{
        uint32_t event, now;

        g_variant_get_child(call->arguments, 1, "u", &event);
        if (!dm_wait_event(g_steal_pointer(&call->md), event, is_cancelled, call->client, &now))
                return ctl_fail(error, EINTR, "the mount is ending");
        return g_variant_new("(u)", now);
}

GVariant *ctl_method_subscribe(struct ctl_call *call, GError **error)
{
        gboolean on;

        g_variant_get_child(call->arguments, 0, "b", &on);
        ctl_client_subscribe(call->client, on);
        return ctl_nothing();
}
