/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/place.h"

#include <unistd.h>

static void add_unless_there(GStrvBuilder *builder, GHashTable *seen, char *directory)
{
        if (!g_hash_table_add(seen, directory))
                return;
        g_strv_builder_add(builder, directory);
}

char **ctl_place_directories(void)
{
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        const char *runtime = g_getenv("XDG_RUNTIME_DIR");
        unsigned uid = (unsigned)getuid();

        if (uid == 0)
                add_unless_there(builder, seen, g_strdup("/run/fusemap"));
        if (runtime && g_path_is_absolute(runtime))
                add_unless_there(builder, seen, g_build_filename(runtime, "fusemap", NULL));
        add_unless_there(builder, seen, g_strdup_printf("/run/user/%u/fusemap", uid));
        add_unless_there(builder, seen, g_strdup_printf("/tmp/fusemap-%u", uid));
        return g_strv_builder_end(builder);
}

char *ctl_place_socket(const char *directory, const char *mountpoint)
{
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, mountpoint, -1);

        return g_strdup_printf("%s/%.16s.socket", directory, sum);
}
