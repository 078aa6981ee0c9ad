/* SPDX-License-Identifier: BSD-3-Clause */
/* Strict reading of options dictionaries. */
#include <errno.h>

#include "ctl/server-internal.h"

static const struct ctl_key *find(const struct ctl_key *keys, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (g_str_equal(keys[i].name, name))
                        return &keys[i];
        return NULL;
}

static bool store(const struct ctl_key *key, GVariant *value, GError **error)
{
        const char type[2] = {key->type, '\0'};

        if (!g_variant_is_of_type(value, G_VARIANT_TYPE(type))) {
                g_set_error(error, DM_ERROR, EINVAL, "option '%s' must be of type '%s', got '%s'",
                            key->name, type, g_variant_get_type_string(value));
                return false;
        }
        switch (key->type) {
        case 'b':
                *(bool *)key->value = g_variant_get_boolean(value);
                break;
        case 'u':
                *(uint32_t *)key->value = g_variant_get_uint32(value);
                break;
        default:
                *(const char **)key->value = g_variant_get_string(value, NULL);
        }
        return true;
}

bool ctl_dict_read(GVariant *dict, const struct ctl_key *keys, size_t count, GError **error)
{
        GVariantIter iter;
        const char *name;
        GVariant *boxed;
        bool ok = true;

        g_variant_iter_init(&iter, dict);
        while (ok && g_variant_iter_next(&iter, "{&sv}", &name, &boxed)) {
                const struct ctl_key *key = find(keys, count, name);

                if (!key)
                        g_set_error(error, DM_ERROR, EINVAL, "unknown option '%s'", name);
                ok = key && store(key, boxed, error);
                g_variant_unref(boxed);
        }
        return ok;
}
