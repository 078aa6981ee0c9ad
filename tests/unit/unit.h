/* SPDX-License-Identifier: BSD-3-Clause */
/* What the unit tests of tables, backings and targets share, besides support/engine.h. */
#ifndef UNIT_H
#define UNIT_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/engine.h"

#define UNIT_UNUSED __attribute__((unused))

/* ---- backings --------------------------------------------------------------------------------- */

/* A new directory; the caller removes it with unit_rmdir(). */
UNIT_UNUSED static char *unit_mkdtemp(void)
{
        char *dir = g_build_filename(g_get_tmp_dir(), "dm-unit-XXXXXX", NULL);

        cr_assert_not_null(g_mkdtemp(dir));
        return dir;
}

/* Removes DIR with the files in it, and frees the name. */
UNIT_UNUSED static void unit_rmdir(char *dir)
{
        GDir *d = g_dir_open(dir, 0, NULL);
        const char *name;

        cr_assert_not_null(d);
        while ((name = g_dir_read_name(d))) {
                g_autofree char *path = g_build_filename(dir, name, NULL);

                cr_assert_eq(remove(path), 0);
        }
        g_dir_close(d);
        cr_assert_eq(rmdir(dir), 0);
        g_free(dir);
}

/* A file of SECTORS sectors that read as zero; the caller frees the path. */
UNIT_UNUSED static char *unit_file(const char *dir, const char *name, uint64_t sectors)
{
        char *path = g_build_filename(dir, name, NULL);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        cr_assert_geq(fd, 0);
        cr_assert_eq(ftruncate(fd, (off_t)(sectors * DM_SECTOR_SIZE)), 0);
        close(fd);
        return path;
}

/* How many descriptors the process has open. */
UNIT_UNUSED static unsigned unit_count_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        unsigned count = 0;

        cr_assert_not_null(d);
        while (readdir(d))
                count++;
        closedir(d);
        return count;
}

/* ---- tables ----------------------------------------------------------------------------------- */

UNIT_UNUSED static struct dm_table *unit_table(const char *text)
{
        GError *error = NULL;
        struct dm_table *table = dm_table_new(NULL, text, false, &error);

        cr_assert_not_null(table, "'%s': %s", text, error ? error->message : "no error");
        return table;
}

/* TEXT makes no table: the error has CODE and has MENTIONS in it, and nothing stays open. */
UNIT_UNUSED static void unit_table_fails(const char *text, int code, const char *mentions)
{
        GError *error = NULL;
        unsigned fds = unit_count_fds();
        struct dm_table *table = dm_table_new(NULL, text, false, &error);

        cr_assert_null(table, "'%s' was taken", text);
        cr_assert_not_null(error, "'%s'", text);
        cr_assert(error->domain == DM_ERROR);
        cr_expect_eq(error->code, code, "'%s': code %d, not %d", text, error->code, code);
        cr_expect_not_null(strstr(error->message, mentions), "'%s': '%s' lacks '%s'", text,
                           error->message, mentions);
        cr_expect_eq(unit_count_fds(), fds, "'%s' leaks a descriptor", text);
        g_error_free(error);
}

static inline void unit_target_text_clear(void *text)
{
        g_free(((struct dm_target_text *)text)->text);
}

/* The table's lines, or what FLAGS (DM_TEXT_STATUS ...) say; the caller frees them. */
UNIT_UNUSED static char *unit_table_text(struct dm_table *table, unsigned flags)
{
        GArray *lines = g_array_new(FALSE, FALSE, sizeof(struct dm_target_text));
        GString *all = g_string_new(NULL);

        g_array_set_clear_func(lines, unit_target_text_clear);
        dm_table_append_text(table, flags, lines);
        for (unsigned i = 0; i < lines->len; i++) {
                struct dm_target_text *line = &g_array_index(lines, struct dm_target_text, i);

                g_string_append_printf(all, "%s%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s",
                                       i ? "\n" : "", line->start, line->length, line->type);
                if (*line->text)
                        g_string_append_printf(all, " %s", line->text);
        }
        g_array_unref(lines);
        return g_string_free(all, FALSE);
}

/* TEXT comes back from table() as it is, and makes the same table again. */
UNIT_UNUSED static void unit_round_trip(const char *text)
{
        g_autofree char *first = NULL, *second = NULL;
        struct dm_table *table = unit_table(text);

        first = unit_table_text(table, 0);
        dm_table_unref(table);
        cr_expect_str_eq(first, text);
        table = unit_table(first);
        second = unit_table_text(table, 0);
        dm_table_unref(table);
        cr_expect_str_eq(second, first);
}

/* ---- devices ---------------------------------------------------------------------------------- */

/* C in SECTORS sectors of MD from SECTOR on. */
UNIT_UNUSED static void unit_write(struct mapped_device *md, char c, uint64_t sector, uint64_t sectors)
{
        g_autofree char *buf = g_strnfill(sectors * DM_SECTOR_SIZE, c);

        cr_assert_eq(do_io(md, DM_OP_WRITE, sector * DM_SECTOR_SIZE, sectors * DM_SECTOR_SIZE, buf), 0);
}

UNIT_UNUSED static void unit_write_fua(struct mapped_device *md, char c, uint64_t sector, uint64_t sectors)
{
        g_autofree char *buf = g_strnfill(sectors * DM_SECTOR_SIZE, c);
        struct waited_io w;

        waited_init(&w, DM_OP_WRITE, sector * DM_SECTOR_SIZE, sectors * DM_SECTOR_SIZE, buf);
        w.io.flags = DM_IO_FUA;
        dm_submit(md, &w.io);
        gate_wait(&w.done, 1);
        cr_assert_eq(w.error, 0);
}

UNIT_UNUSED static void unit_flush(struct mapped_device *md)
{
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
}

/* The status of MD's first target; the caller frees it. */
UNIT_UNUSED static char *unit_status(struct mapped_device *md)
{
        GArray *lines = dm_table_text(md, DM_TEXT_STATUS);
        char *status = g_strdup(g_array_index(lines, struct dm_target_text, 0).text);

        g_array_unref(lines);
        return status;
}

UNIT_UNUSED static void unit_expect_status(struct mapped_device *md, const char *expected)
{
        g_autofree char *status = unit_status(md);

        cr_expect_str_eq(status, expected);
}

/* Sends TEXT, words with blanks between, to the first target.  What it answers, or "error: " and the
 * message; the caller frees it. */
UNIT_UNUSED static char *unit_message(struct mapped_device *md, const char *text)
{
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        GError *error = NULL;
        char *reply;

        if (dm_message(md, 0, (int)g_strv_length(words), words, &reply, &error))
                return reply ? reply : g_strdup("");
        reply = g_strdup_printf("error: %s", error->message);
        g_error_free(error);
        return reply;
}

UNIT_UNUSED static void unit_expect_message(struct mapped_device *md, const char *text,
                                            const char *expected)
{
        g_autofree char *reply = unit_message(md, text);

        cr_expect_str_eq(reply, expected, "'%s': '%s', not '%s'", text, reply, expected);
}

/* TEXT is refused, and the error has MENTIONS in it. */
UNIT_UNUSED static void unit_message_fails(struct mapped_device *md, const char *text,
                                           const char *mentions)
{
        g_autofree char *reply = unit_message(md, text);

        cr_expect(g_str_has_prefix(reply, "error: "), "'%s' was taken", text);
        cr_expect_not_null(strstr(reply, mentions), "'%s': '%s' lacks '%s'", text, reply, mentions);
}

/* All of the file PATH; the caller frees it. */
UNIT_UNUSED static char *unit_read_file(const char *path)
{
        char *content = NULL;

        cr_assert(g_file_get_contents(path, &content, NULL, NULL));
        return content;
}

/* Waits until what was destroyed has been freed. */
UNIT_UNUSED static void unit_await_burials(void)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();
                GArray *corpses = dm_graveyard();
                unsigned left = corpses->len;

                g_array_unref(corpses);
                if (!left)
                        return;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

/* Removes MD and drops the caller's reference. */
UNIT_UNUSED static void unit_destroy(struct mapped_device *md)
{
        GError *error = NULL;

        cr_assert(dm_destroy(md, 0, &error), "%s", error ? error->message : "");
}

#endif
