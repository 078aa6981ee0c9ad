/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

/* ---- text ------------------------------------------------------------------------------------- */

Test(table, takes_lines_and_skips_blank_ones)
{
        struct dm_table *table = unit_table("\n0 8 zero\n  \t\n\t8  16\terror  \n24 1 zero");
        g_autofree char *text = unit_table_text(table, 0);

        cr_expect_eq(table->count, 3);
        cr_expect_eq(table->size, 25 * DM_SECTOR_SIZE);
        cr_expect_str_eq(text, "0 8 zero\n8 16 error\n24 1 zero");
        dm_table_unref(table);
}

Test(table, rejects_a_table_without_targets)
{
        unit_table_fails("", EINVAL, "no targets");
        unit_table_fails("\n \n", EINVAL, "no targets");
}

Test(table, rejects_gaps_overlaps_and_disorder)
{
        unit_table_fails("8 64 zero", EINVAL,
                         "line 1: the first target must start at sector 0, not at 8");
        unit_table_fails("0 64 zero\n72 64 zero", EINVAL,
                         "line 2: gap: the target starts at sector 72, the one before it ends at 64");
        unit_table_fails("0 64 zero\n\n56 64 zero", EINVAL, "line 3: overlap: the target starts");
        unit_table_fails("64 64 zero\n0 64 zero", EINVAL, "line 1: the first target");
}

Test(table, rejects_numbers_that_are_none)
{
        unit_table_fails("a 64 zero", EINVAL, "line 1: 'start' must be a number of sectors, got 'a'");
        unit_table_fails("-8 64 zero", EINVAL, "'start' must be a number of sectors, got '-8'");
        unit_table_fails("0 b zero", EINVAL, "'length' must be a number of sectors, got 'b'");
        unit_table_fails("0 0x10 zero", EINVAL, "got '0x10'");
        unit_table_fails("0 99999999999999999999 zero", EINVAL, "got '99999999999999999999'");
        unit_table_fails("0 0 zero", EINVAL, "'length' must not be 0");
}

Test(table, rejects_lines_that_end_early)
{
        unit_table_fails("0", EINVAL, "line 1: 'length' is missing");
        unit_table_fails("0 64", EINVAL, "line 1: 'target type' is missing");
        unit_table_fails("0 8 zero\n8", EINVAL, "line 2: 'length' is missing");
}

Test(table, rejects_sizes_beyond_file_offsets)
{
        unit_table_fails("0 18014398509481984 zero", EINVAL, "makes the device too large");
        unit_table_fails("0 8 zero\n8 18446744073709551610 zero", EINVAL,
                         "line 2: 'length' of 18446744073709551610 sectors makes the device");
        dm_table_unref(unit_table("0 18014398509481983 zero"));
}

Test(table, rejects_unknown_targets_and_superfluous_arguments)
{
        unit_table_fails("0 8 zero\n8 8 nosuch 1", EINVAL,
                         "line 2: unknown target type 'nosuch'");
        unit_table_fails("0 8 zero 1 2", EINVAL, "line 1: zero: takes no more arguments, got '1'");
}

/* ---- target types ----------------------------------------------------------------------------- */

Test(registry, lists_the_types_by_name)
{
        const struct dm_target_info *info = dm_target_types();

        cr_assert_not_null(info[0].name);
        for (; info->name; info++) {
                const struct dm_target_type *type = dm_target_type_find(info->name);

                cr_assert_not_null(type);
                cr_expect_str_eq(type->name, info->name);
                cr_expect_not_null(info->summary);
                cr_expect_not_null(info->usage);
                cr_expect_not_null(type->map);
                cr_expect_gt(info->version[0], 0);
                if (info[1].name)
                        cr_expect_lt(strcmp(info[0].name, info[1].name), 0);
        }
        cr_expect_null(dm_target_type_find(""));
        cr_expect_null(dm_target_type_find("line"));
        cr_expect_null(dm_target_type_find("linear "));
}

/* ---- lookup ----------------------------------------------------------------------------------- */

/* A linear search, from a place where the answer is not before. */
static size_t reference(const struct dm_table *table, uint64_t offset)
{
        for (size_t i = 0; i < table->count; i++) {
                const struct dm_target *ti = &table->targets[i];

                if (offset >= ti->begin && offset - ti->begin < ti->len)
                        return i;
        }
        cr_assert_fail("nobody has byte %" G_GUINT64_FORMAT, offset);
        return 0;
}

static void check_find(const struct dm_table *table, uint64_t offset, size_t expected)
{
        size_t found = (size_t)(dm_table_find(table, offset) - table->targets);

        cr_assert_eq(found, expected, "byte %" G_GUINT64_FORMAT " of %zu targets: %zu, not %zu",
                     offset, table->count, found, expected);
}

/* COUNT targets of 1 to 7 sectors. */
static char *many_lines(size_t count, GRand *rand)
{
        GString *text = g_string_sized_new(count * 20);
        uint64_t start = 0;

        for (size_t i = 0; i < count; i++) {
                int length = g_rand_int_range(rand, 1, 8);

                g_string_append_printf(text, "%" G_GUINT64_FORMAT " %d %s\n", start, length,
                                       i % 2 ? "zero" : "error");
                start += (uint64_t)length;
        }
        return g_string_free(text, FALSE);
}

Test(table, finds_both_ends_of_every_target_in_tables_of_every_shape)
{
        static const size_t counts[] = {1,  2,   3,   7,   8,   9,   15,   16,  17, 63,
                                        64, 65,  72,  511, 512, 513, 4095, 4096, 4097};
        GRand *rand = g_rand_new_with_seed(1);

        for (size_t c = 0; c < G_N_ELEMENTS(counts); c++) {
                g_autofree char *text = many_lines(counts[c], rand);
                struct dm_table *table = unit_table(text);

                cr_assert_eq(table->count, counts[c]);
                for (size_t i = 0; i < table->count; i++) {
                        const struct dm_target *ti = &table->targets[i];

                        check_find(table, ti->begin, i);
                        check_find(table, ti->begin + ti->len - 1, i);
                }
                dm_table_unref(table);
        }
        g_rand_free(rand);
}

/* Where the lookup's slices hold many targets, one, or only a part of one. */
Test(table, finds_both_ends_of_every_target_however_unequal_they_are)
{
        static const uint64_t long_ones[] = {9, 4096, 1000003, 1ull << 40};

        for (size_t l = 0; l < G_N_ELEMENTS(long_ones); l++) {
                for (size_t at = 0; at <= 300; at += 75) {
                        GString *text = g_string_new(NULL);
                        uint64_t start = 0;
                        struct dm_table *table;

                        for (size_t i = 0; i <= 300; i++) {
                                uint64_t length = i == at ? long_ones[l] : 1 + i % 3;

                                g_string_append_printf(text,
                                                       "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                                                       " zero\n",
                                                       start, length);
                                start += length;
                        }
                        table = unit_table(text->str);
                        for (size_t i = 0; i < table->count; i++) {
                                const struct dm_target *ti = &table->targets[i];

                                check_find(table, ti->begin, i);
                                check_find(table, ti->begin + ti->len / 2, i);
                                check_find(table, ti->begin + ti->len - 1, i);
                        }
                        dm_table_unref(table);
                        g_string_free(text, TRUE);
                }
        }
}

Test(table, of_a_million_segments_loads_and_is_searched_correctly, .timeout = 100)
{
        GRand *rand = g_rand_new_with_seed(2);
        g_autofree char *text = many_lines(1000000, rand);
        struct dm_table *table = unit_table(text);

        cr_assert_eq(table->count, 1000000);
        for (unsigned i = 0; i < 3000; i++) {
                uint64_t offset = (uint64_t)(g_rand_double(rand) * (double)table->size);

                offset = MIN(offset, table->size - 1);
                check_find(table, offset, reference(table, offset));
        }
        check_find(table, 0, 0);
        check_find(table, table->size - 1, table->count - 1);
        dm_table_unref(table);
        g_rand_free(rand);
}

Test(table, of_a_million_linear_segments_keeps_one_device_open, .timeout = 100)
{
        char *dir = unit_mkdtemp();
        g_autofree char *path = unit_file(dir, "disk", 1000000);
        GString *text = g_string_new(NULL);
        struct dm_table *table;
        GError *error = NULL;

        for (unsigned i = 0; i < 1000000; i++)
                g_string_append_printf(text, "%u 1 linear %s %u\n", i, path, 999999 - i);
        table = unit_table(text->str);
        cr_expect_eq(table->devs->len, 1);
        cr_expect(dm_table_check_sizes(table, &error));
        dm_table_unref(table);
        g_string_free(text, TRUE);
        unit_rmdir(dir);
}

/* ---- devices ---------------------------------------------------------------------------------- */

Test(table, names_the_backing_that_cannot_be_opened)
{
        unit_table_fails("0 8 zero\n8 64 linear /nonexistent/device 0", ENOENT,
                         "line 2: linear: /nonexistent/device: No such file or directory");
        unit_table_fails("0 64 linear / 0", ENOTBLK, "line 1: linear: /: neither");
        unit_table_fails("0 64 linear 253:77 0", ENXIO, "253:77: there is no such mapped device");
        unit_table_fails("0 64 linear 4094:1048575 0", ENOENT, "/dev/block/4094:1048575: No such");
}

Test(table, opens_a_path_once_and_lists_it_in_the_order_of_first_use)
{
        char *dir = unit_mkdtemp();
        g_autofree char *a = unit_file(dir, "a", 64), *b = unit_file(dir, "b", 64), *text = NULL;
        GArray *deps = g_array_new(FALSE, FALSE, sizeof(struct dm_dep));
        struct dm_table *table;

        text = g_strdup_printf("0 8 linear %s 0\n8 8 linear %s 0\n16 8 linear %s 8", b, a, b);
        table = unit_table(text);
        dm_table_append_deps(table, deps);
        cr_assert_eq(deps->len, 2);
        for (unsigned i = 0; i < deps->len; i++) {
                struct dm_dep *dep = &g_array_index(deps, struct dm_dep, i);

                cr_expect_str_eq(dep->path, i == 0 ? b : a);
                cr_expect_not(dep->mapped);
                cr_expect_eq(dep->major, 0);
                cr_expect_eq(dep->minor, 0);
                g_free(dep->path);
        }
        g_array_unref(deps);
        dm_table_unref(table);
        unit_rmdir(dir);
}

Test(table, prints_paths_so_that_they_can_be_read_again)
{
        char *dir = unit_mkdtemp();
        char *path = unit_file(dir, "two  words\tand \\ more", 64);
        g_autofree char *text =
                g_strdup_printf("0 8 linear %s/two\\ \\ words\\\tand\\ \\\\\\ more 0", dir);

        unit_round_trip(text);
        g_free(path);
        unit_rmdir(dir);
}

static void check_sizes(const char *text, const char *message)
{
        struct dm_table *table = unit_table(text);
        GError *error = NULL;

        if (!message) {
                cr_expect(dm_table_check_sizes(table, &error), "%s", text);
        } else {
                cr_expect_not(dm_table_check_sizes(table, &error), "%s", text);
                cr_expect_eq(error->code, EINVAL);
                cr_expect_str_eq(error->message, message);
                g_error_free(error);
        }
        dm_table_unref(table);
}

Test(table, checks_sizes_against_the_furthest_claim)
{
        char *dir = unit_mkdtemp();
        g_autofree char *path = unit_file(dir, "disk", 1024);
        g_autofree char *fits = g_strdup_printf("0 24 linear %s 1000\n24 1024 linear %s 0", path,
                                                path);
        g_autofree char *not = g_strdup_printf("0 24 linear %s 1001", path);
        g_autofree char *huge = g_strdup_printf("0 512 linear %s 18014398509481983", path);
        g_autofree char *why =
                g_strdup_printf("%s: device is too small: linear needs 1025 sectors, it has 1024",
                                path);
        g_autofree char *why_huge = g_strdup_printf(
                "%s: device is too small: linear needs 18014398509482495 sectors, it has 1024", path);

        check_sizes(fits, NULL);
        check_sizes(not, why);
        check_sizes(huge, why_huge);
        unit_rmdir(dir);
}

/* ---- stacks of devices ------------------------------------------------------------------------ */

static void init(void)
{
        dm_init();
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
}

static unsigned open_count(struct mapped_device *md)
{
        struct dm_info info;
        unsigned count;

        dm_get_info(md, &info);
        count = info.open_count;
        dm_info_clear(&info);
        return count;
}

static void load_fails(struct mapped_device *md, const char *text, int code, const char *mentions)
{
        GError *error = NULL;

        cr_assert_not(dm_load(md, text, 0, &error), "'%s' was taken", text);
        cr_expect_eq(error->code, code, "'%s': code %d", error->message, error->code);
        cr_expect_not_null(strstr(error->message, mentions), "'%s' lacks '%s'", error->message,
                           mentions);
        g_error_free(error);
}

TestSuite(stack, .init = init, .fini = fini);

Test(stack, a_mapped_device_goes_by_several_names)
{
        struct mapped_device *low = run_device("low", "0 64 zero"), *top;
        g_autofree char *by_number = NULL;
        const char *const names[] = {"low", "/dev/mapper/low", "/no/such/mount/low",
                                     "/no//such/./mount//low"};

        dm_set_map_directory("/no/such/mount/");
        top = new_device("top");
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *text = g_strdup_printf("0 64 linear %s 0", names[i]);

                load(top, text);
                cr_expect_eq(open_count(low), 1, "%s", names[i]);
        }
        by_number = g_strdup_printf("0 64 linear %u:%u 0", DM_MAJOR, dm_minor(low));
        load(top, by_number);
        cr_expect_eq(open_count(low), 1);
        load_fails(top, "0 64 linear /no/such/mount/absent 0", ENOENT, "absent");
        dm_clear(top);
        cr_expect_eq(open_count(low), 0);

        unit_destroy(top);
        unit_destroy(low);
}

Test(stack, a_file_that_leads_to_the_mount_is_the_mapped_device)
{
        char *dir = unit_mkdtemp(), *mount = unit_mkdtemp();
        char *file = unit_file(mount, "low", 64);
        g_autofree char *link = g_build_filename(dir, "link", NULL);
        g_autofree char *by_dir = g_strdup_printf("0 64 linear %s/link/low 0", dir);
        g_autofree char *by_dots = g_strdup_printf("0 64 linear %s/../%s/low 0", dir,
                                                   strrchr(mount, '/') + 1);
        struct mapped_device *low = run_device("low", "0 64 zero"), *top;

        dm_set_map_directory(mount);
        cr_assert_eq(symlink(mount, link), 0);
        top = new_device("top");
        load(top, by_dir);
        cr_expect_eq(open_count(low), 1);
        dm_clear(top);
        load(top, by_dots);
        cr_expect_eq(open_count(low), 1);
        unit_destroy(top);
        unit_destroy(low);
        g_free(file);
        unit_rmdir(dir);
        unit_rmdir(mount);
}

Test(stack, a_device_cannot_contain_itself)
{
        struct mapped_device *a = run_device("a", "0 64 zero");
        struct mapped_device *b = run_device("b", "0 64 linear a 0");
        struct mapped_device *c = run_device("c", "0 64 linear b 0");

        load_fails(a, "0 64 linear a 0", EINVAL, "line 1: linear: a: the device would contain itself");
        load_fails(a, "0 8 zero\n8 64 linear c 0", ELOOP, "line 2: linear: c: the device would");
        cr_expect_eq(open_count(c), 0);
        /* a table that waits in the inactive slot counts as well */
        load(b, "0 64 zero");
        load_fails(a, "0 64 linear b 0", ELOOP, "contain itself");
        cr_assert(dm_resume(b, 0, NULL));
        load(a, "0 64 linear b 0");
        load_fails(b, "0 64 linear a 0", ELOOP, "contain itself");
        dm_clear(a);
        load(b, "0 64 linear a 0");

        unit_destroy(c);
        unit_destroy(b);
        unit_destroy(a);
}

Test(stack, has_a_height_limit)
{
        struct mapped_device *md[129];

        md[0] = run_device("d0", "0 8 zero");
        for (unsigned i = 1; i < 128; i++) {
                g_autofree char *name = g_strdup_printf("d%u", i);
                g_autofree char *text = g_strdup_printf("0 8 linear d%u 0", i - 1);

                md[i] = run_device(name, text);
        }
        md[128] = run_device("bottom", "0 8 zero");
        load_fails(md[0], "0 8 linear bottom 0", ELOOP, "more than 128 devices");
        load_fails(md[128], "0 8 linear d127 0", ELOOP, "more than 128 devices");
        load(md[128], "0 8 linear d126 0");
        for (unsigned i = 129; i > 0; i--)
                unit_destroy(md[i - 1]);
}

struct crossing {
        struct mapped_device *md;
        const char *text;
        pthread_barrier_t *barrier;
        bool loaded;
};

static void *cross(void *arg)
{
        struct crossing *c = arg;

        pthread_barrier_wait(c->barrier);
        c->loaded = dm_load(c->md, c->text, 0, NULL);
        return NULL;
}

Test(stack, two_loads_at_once_do_not_close_a_circle, .timeout = 60)
{
        struct mapped_device *a = run_device("a", "0 8 zero"), *b = run_device("b", "0 8 zero");
        pthread_barrier_t barrier;

        pthread_barrier_init(&barrier, NULL, 2);
        for (unsigned i = 0; i < 500; i++) {
                struct crossing one = {a, "0 8 linear b 0", &barrier, false};
                struct crossing two = {b, "0 8 linear a 0", &barrier, false};
                pthread_t thread;

                cr_assert_eq(pthread_create(&thread, NULL, cross, &one), 0);
                cross(&two);
                pthread_join(thread, NULL);
                cr_assert_neq(one.loaded, two.loaded, "round %u", i);
                dm_clear(a);
                dm_clear(b);
        }
        pthread_barrier_destroy(&barrier);
        unit_destroy(a);
        unit_destroy(b);
}

/* Two paths to one device: it is opened once, listed once, and gets one flush; the text keeps both. */
Test(stack, one_device_by_two_paths_is_one, .timeout = 60)
{
        static const char text[] = "0 8 linear a 0\n8 8 linear /dev/mapper/a 0";
        struct mapped_device *a = run_device("a", "0 8 zero"), *b = run_device("b", text);
        g_autoptr(GArray) deps = dm_table_deps(b, 0), lines = dm_table_text(b, 0);
        struct waited_io flush;
        struct dm_info info;

        cr_expect_eq(deps->len, 1);
        cr_expect_str_eq(g_array_index(lines, struct dm_target_text, 1).text, "/dev/mapper/a 0");
        dm_get_info(a, &info);
        cr_expect_eq(info.open_count, 1);
        dm_info_clear(&info);

        cr_assert(dm_suspend(a, 0, NULL));
        waited_init(&flush, DM_OP_FLUSH, 0, 0, NULL);
        dm_submit(b, &flush.io);
        dm_get_info(a, &info);
        cr_expect_eq(info.references, 2, "ours, and one flush that is parked");
        dm_info_clear(&info);
        cr_assert(dm_resume(a, 0, NULL));
        gate_wait(&flush.done, 1);
        unit_destroy(b);
        unit_destroy(a);
}
