/* SPDX-License-Identifier: BSD-3-Clause */
/* create, of one device and of many. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "concise.h"
#include "create.h"
#include "device.h"
#include "say.h"
#include "tabletext.h"

#define MAJOR_UNTIL_KNOWN 253 /* for the error about a device that could not be made */

/* So much goes into one CreateMany: enough to make a call's cost small, and nothing of the daemon's
 * memory. */
#define CHUNK_DEVICES 1024
#define CHUNK_BYTES (4u << 20)

struct wish {
        const char *name, *uuid; /* unmangled; UUID NULL: none */
        const char *table;       /* canonical */
        bool readonly, has_minor;
        uint32_t major, minor;
};

static GVariant *wish_options(struct ctl *ctl, const Device *device, const struct wish *w)
{
        static const struct {
                enum option_id id;
                const char *name;
        } numbers[] = {{OPT_MODE, "mode"}, {OPT_UID, "uid"}, {OPT_GID, "gid"}};
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        if (device->uuid)
                g_variant_builder_add(&b, "{sv}", "uuid", g_variant_new_string(device->uuid));
        if (w->readonly)
                g_variant_builder_add(&b, "{sv}", "readonly", g_variant_new_boolean(TRUE));
        if (w->has_minor)
                g_variant_builder_add(&b, "{sv}", "minor", g_variant_new_uint32(w->minor));
        for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
                if (ctl_given(ctl, numbers[i].id))
                        g_variant_builder_add(
                                &b, "{sv}", numbers[i].name,
                                g_variant_new_uint32(ctl->opt->number[numbers[i].id]));
        return g_variant_builder_end(&b);
}

static GVariant *call_create(struct ctl *ctl, const Device *device, const struct wish *w,
                             const char *table, GError **error)
{
        return client_call(
                ctl->client, "Create",
                g_variant_new("(ss@a{sv})", device->name, table, wish_options(ctl, device, w)),
                "(" INFO_TYPE ")", error);
}

static void take_numbers(Device *device, GVariant *reply)
{
        g_variant_get_child(reply, 0, INFO_TYPE, NULL, NULL, NULL, &device->major, &device->minor,
                            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        device->has_numbers = true;
}

/* What failed after the device was made takes it away again. */
static bool revert(struct ctl *ctl, const Device *device)
{
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "Remove",
                            g_variant_new("(s@a{sv})", device->wire, ctl_no_flags()), "()", NULL);

        if (!reply)
                say_error("Failed to revert device creation.");
        return false;
}

/* Create failed as a whole: does it step by step, to find out which step fails, and says so.  It
 * may succeed, if what stood in the way has gone. */
static bool create_stepwise(struct ctl *ctl, Device *device, const struct wish *w)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) made = call_create(ctl, device, w, "", &error);

        device->has_numbers = w->has_minor;
        device->major = w->major;
        device->minor = w->minor;
        if (!made)
                return device_failed(device, "create", error);
        if (!*w->table)
                return true;
        take_numbers(device, made);
        g_clear_pointer(&device->uuid, g_free); /* what is said of the further steps has none */
        return (device_load(ctl, device, w->table, w->readonly) &&
                device_call(ctl, device, "Resume", ctl_no_flags(), "resume")) ||
               revert(ctl, device);
}

static bool create_one(struct ctl *ctl, const struct wish *w)
{
        g_auto(Device) device;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) made = NULL;

        if (!device_init_new(&device, w->name, w->uuid))
                return false;
        made = call_create(ctl, &device, w, w->table, &error);
        if (!made && !client_errno(error))
                return ctl_fail(error);
        if (!made && !create_stepwise(ctl, &device, w))
                return false;
        return device_show_if_verbose(ctl, &device);
}

/* ---- one ------------------------------------------------------------------------------------- */

char *create_read_table(struct ctl *ctl, const char *file)
{
        g_autoptr(GString) table = g_string_new(NULL);
        const char *given = ctl->opt->text[OPT_TABLE];
        g_autofree char *slurped = given ? NULL : tabletext_slurp(file);
        g_autofree char *why = NULL;

        if (!given && !slurped)
                return NULL;
        if (!tabletext_parse(given ? given : slurped,
                             given  ? ""
                             : file ? file
                                    : "on stdin",
                             table, &why)) {
                say_error("%s", why);
                return NULL;
        }
        if (!client_can_carry(table->str)) {
                say_own("the table is not valid UTF-8");
                return NULL;
        }
        return g_string_free(g_steal_pointer(&table), FALSE);
}

static bool create_from_options(struct ctl *ctl, const char *name, const char *file)
{
        g_autofree char *table =
                ctl_given(ctl, OPT_NOTABLE) ? g_strdup("") : create_read_table(ctl, file);
        struct wish w = {.name = name,
                         .uuid = ctl->opt->text[OPT_UUID],
                         .table = table,
                         .readonly = ctl_given(ctl, OPT_READONLY),
                         .has_minor = ctl_given(ctl, OPT_MINOR),
                         .major = ctl->opt->number[OPT_MAJOR],
                         .minor = ctl->opt->number[OPT_MINOR]};

        if (!table)
                return false;
        if (w.has_minor && !w.major) {
                say_error("Missing major number for persistent device.");
                say_error("Couldn't create ioctl argument.");
                return false;
        }
        return create_one(ctl, &w);
}

/* ---- many ------------------------------------------------------------------------------------ */

struct record {
        char *name, *uuid, *table;
        bool readonly, has_minor;
        uint32_t minor;
};

static void record_free(gpointer data)
{
        struct record *r = data;

        g_free(r->name);
        g_free(r->uuid);
        g_free(r->table);
        g_free(r);
}

struct chunk {
        struct ctl *ctl;
        GPtrArray *records;
        size_t bytes;
        bool begun; /* there was a device */
};

static struct wish wish_of(const struct record *r)
{
        return (struct wish){.name = r->name,
                             .uuid = r->uuid,
                             .table = r->table,
                             .readonly = r->readonly,
                             .has_minor = r->has_minor,
                             .major = MAJOR_UNTIL_KNOWN,
                             .minor = r->minor};
}

/* Appends the record, unless its name is impossible, which has been said then. */
static bool add_record(struct chunk *chunk, GVariantBuilder *b, const struct record *r)
{
        struct wish w = wish_of(r);
        g_auto(Device) device;
        bool ok = device_init_new(&device, w.name, w.uuid);

        if (ok)
                g_variant_builder_add(b, "(ss@a{sv})", device.name, w.table,
                                      wish_options(chunk->ctl, &device, &w));
        return ok;
}

/* CreateMany with the first records, up to one with an impossible name.  *RET_MADE: how many
 * devices there are now; *RET_SAID: why there are no more has been said. */
static bool send_chunk(struct chunk *chunk, unsigned *ret_made, bool *ret_said)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        GVariantBuilder b;
        unsigned sent = 0;

        g_variant_builder_init(&b, G_VARIANT_TYPE("a(ssa{sv})"));
        while (sent < chunk->records->len && add_record(chunk, &b, chunk->records->pdata[sent]))
                sent++;
        reply = client_call(chunk->ctl->client, "CreateMany", g_variant_new("(a(ssa{sv}))", &b),
                            "(uss)", &error);
        if (!reply)
                return ctl_fail(error);
        g_variant_get(reply, "(u&s&s)", ret_made, NULL, NULL);
        *ret_said = *ret_made == sent && sent < chunk->records->len;
        return true;
}

/* Makes what has been gathered.  The one that fails is tried alone, to say what is wrong with it.
 */
static bool flush_chunk(struct chunk *chunk)
{
        unsigned made = 0;
        bool said = false;
        bool ok = true;

        if (!ctl_given(chunk->ctl, OPT_VERBOSE) && chunk->records->len)
                ok = send_chunk(chunk, &made, &said) && !said;
        while (ok && made < chunk->records->len) {
                struct wish w = wish_of(chunk->records->pdata[made++]);

                ok = create_one(chunk->ctl, &w);
        }
        g_ptr_array_set_size(chunk->records, 0);
        chunk->bytes = 0;
        return ok;
}

static bool take_flags(struct record *r, const char *flags, char **why)
{
        if (!strcmp(flags, "ro")) {
                r->readonly = true;
        } else if (*flags && strcmp(flags, "rw")) {
                *why = g_strdup_printf(
                        "Invalid flags parameter '%s' must be 'ro' or 'rw' or empty.", flags);
                return false;
        }
        return true;
}

static bool take_minor(struct record *r, const char *text, char **why)
{
        uint64_t n;

        g_autofree char *stripped = g_strstrip(g_strdup(text));

        if (!*stripped)
                return true;
        if (!dm_parse_u64(stripped, &n) || n > UINT32_MAX) {
                *why = g_strdup_printf("Invalid minor number '%s'.", text);
                return false;
        }
        r->has_minor = true;
        r->minor = (uint32_t)n;
        return true;
}

static struct record *record_of(struct ctl *ctl, const struct concise *c, bool is_first, char **why)
{
        struct record *r = g_new0(struct record, 1);
        g_autoptr(GString) table = g_string_new(NULL);

        r->name = g_strdup(c->fields[CONCISE_NAME]->str);
        r->uuid = c->fields[CONCISE_UUID]->len ? g_strdup(c->fields[CONCISE_UUID]->str) : NULL;
        r->readonly = is_first && ctl_given(ctl, OPT_READONLY); /* dmsetup forgets -r then */
        if (!take_minor(r, c->fields[CONCISE_MINOR]->str, why) ||
            !take_flags(r, c->fields[CONCISE_FLAGS]->str, why) ||
            !tabletext_parse(c->fields[CONCISE_TABLE]->str, "", table, why)) {
                record_free(r);
                return NULL;
        }
        if (!client_can_carry(table->str)) {
                *why = g_strdup_printf("The table of %s is not valid UTF-8.", r->name);
                record_free(r);
                return NULL;
        }
        r->table = g_string_free(g_steal_pointer(&table), FALSE);
        return r;
}

/* Adds the next device to the chunk, which is made when it is full.  False at the end, with *OK
 * unset if that came too early. */
static bool gather(struct chunk *chunk, struct concise *c, bool *ok)
{
        g_autofree char *why = NULL;
        enum concise_result result = concise_next(c, &why);
        struct record *r =
                result == CONCISE_DEVICE ? record_of(chunk->ctl, c, !chunk->begun, &why) : NULL;

        chunk->begun = true;
        if (r) {
                chunk->bytes += strlen(r->table) + strlen(r->name);
                g_ptr_array_add(chunk->records, r);
                if (chunk->records->len >= CHUNK_DEVICES || chunk->bytes >= CHUNK_BYTES)
                        *ok = flush_chunk(chunk);
                return *ok;
        }
        *ok = flush_chunk(chunk); /* those before the bad one are made */
        if (why && *ok)
                say_error("%s", why);
        *ok &= !why;
        return false;
}

static bool create_concise(struct ctl *ctl, const char *argument)
{
        g_autofree char *slurped = argument ? NULL : tabletext_slurp(NULL);
        struct chunk chunk = {.ctl = ctl};
        struct concise c;
        bool ok = true;

        if (ctl_given(ctl, OPT_TABLE) || ctl_given(ctl, OPT_MINOR) || ctl_given(ctl, OPT_UUID) ||
            ctl_given(ctl, OPT_NOTABLE) || ctl_given(ctl, OPT_INACTIVE)) {
                say_error("--concise is incompatible with --[no]table, --minor, --uuid and "
                          "--inactive.");
                return false;
        }
        if (!argument && !slurped)
                return false;
        chunk.records = g_ptr_array_new_with_free_func(record_free);
        concise_init(&c, argument ? argument : slurped);
        while (gather(&chunk, &c, &ok))
                continue;
        concise_clear(&c);
        g_ptr_array_unref(chunk.records);
        return ok;
}

bool verb_create(struct ctl *ctl, int argc, char **argv)
{
        if (ctl_given(ctl, OPT_CONCISE)) {
                if (argc > 1) {
                        say_error("%s create --concise takes at most one argument", say_program());
                        return false;
                }
                return create_concise(ctl, argc ? argv[0] : NULL);
        }
        if (!argc) {
                say_error("Please provide a name for the new device.");
                return false;
        }
        return create_from_options(ctl, argv[0], argc == 2 ? argv[1] : NULL);
}
