/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <sys/mman.h>

#include "backing/mapped.h"
#include "unit.h"

#define SIZE 65536u
#define MANY 100u /* reads that make a mapping be used */

static char *dir, *path;
static int fd;

static void init(void)
{
        dir = unit_mkdtemp();
        path = g_build_filename(dir, "file", NULL);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        cr_assert_geq(fd, 0);
        for (unsigned i = 0; i < SIZE / 8; i++) {
                uint64_t number = i;

                cr_assert_eq(pwrite(fd, &number, 8, i * 8), 8);
        }
}

static void fini(void)
{
        close(fd);
        unit_rmdir(dir);
        g_free(path);
}

TestSuite(mapped, .init = init, .fini = fini);

static void learn_cached(struct dm_mapped *m, unsigned times)
{
        while (times--)
                dm_mapped_learn(m, true);
}

/* What a read gives just after many that found their data in the cache: a slow machine may have made the
 * one before take long. */
static bool read_number(struct dm_mapped *m, uint64_t offset, uint64_t *ret_number)
{
        learn_cached(m, MANY);
        return dm_mapped_read(m, ret_number, offset, 8);
}

static struct dm_mapped *must_map(void)
{
        struct dm_mapped *m = dm_mapped_new(fd, SIZE);
        uint64_t number;

        cr_assert(read_number(m, 0, &number));
        return m;
}

Test(mapped, is_used_after_many_cached_reads)
{
        struct dm_mapped *m = dm_mapped_new(fd, SIZE);
        uint64_t number;

        cr_expect_not(dm_mapped_read(m, &number, 0, 8), "nothing is known yet");
        dm_mapped_learn(m, true);
        cr_expect_not(dm_mapped_read(m, &number, 0, 8), "one says little");
        cr_assert(read_number(m, 800, &number));
        cr_expect_eq(number, 100);
        dm_mapped_free(m);
}

Test(mapped, is_given_up_when_data_was_not_cached)
{
        struct dm_mapped *m = must_map();
        uint64_t number;

        dm_mapped_learn(m, false);
        cr_expect_not(dm_mapped_read(m, &number, 0, 8));
        dm_mapped_learn(m, true);
        cr_expect_not(dm_mapped_read(m, &number, 0, 8));
        cr_expect(read_number(m, 0, &number), "and used again later");
        dm_mapped_free(m);
}

Test(mapped, shows_what_is_written)
{
        struct dm_mapped *m = must_map();
        uint64_t number = 4711;

        cr_assert_eq(pwrite(fd, &number, 8, 4096), 8);
        number = 0;
        cr_assert(read_number(m, 4096, &number));
        cr_expect_eq(number, 4711);
        dm_mapped_free(m);
}

Test(mapped, ends_where_the_file_did)
{
        struct dm_mapped *m = must_map();
        uint64_t number;

        cr_assert_eq(ftruncate(fd, 2 * SIZE), 0);
        cr_expect(read_number(m, SIZE - 8, &number));
        cr_expect_eq(number, SIZE / 8 - 1);
        cr_expect_not(read_number(m, SIZE - 4, &number));
        cr_expect_not(read_number(m, SIZE, &number));
        cr_expect_not(read_number(m, UINT64_MAX - 3, &number));
        dm_mapped_free(m);
}

Test(mapped, survives_that_the_file_shrinks)
{
        struct dm_mapped *m = must_map();
        uint64_t number;

        cr_assert_eq(ftruncate(fd, 4096), 0);
        for (unsigned i = 0; i < 3; i++)
                cr_expect_not(read_number(m, 8192, &number));
        cr_expect(read_number(m, 0, &number), "what is there is read");
        dm_mapped_free(m);
}

Test(mapped, leaves_other_bus_errors_alone, .signal = SIGBUS)
{
        struct dm_mapped *m;
        char *memory;

        signal(SIGBUS, SIG_DFL); /* sanitizers have a handler */
        m = must_map();
        memory = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

        cr_assert_neq(memory, MAP_FAILED);
        cr_assert_eq(ftruncate(fd, 0), 0);
        cr_assert_eq(*(volatile char *)memory, 0, "this is not reached");
        dm_mapped_free(m);
}

Test(mapped, maps_no_empty_file)
{
        struct dm_mapped *m = dm_mapped_new(fd, 0);
        uint64_t number;

        cr_expect_not(read_number(m, 0, &number));
        dm_mapped_free(m);
}

static unsigned mappings_of_file(void)
{
        g_autofree char *maps = NULL;
        unsigned count = 0;

        cr_assert(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        for (const char *at = maps; (at = strstr(at, path)); at++)
                count++;
        return count;
}

Test(mapped, makes_few_mappings_and_leaves_none)
{
        struct dm_mapped *all[1000];
        unsigned count;

        for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
                all[i] = dm_mapped_new(fd, SIZE);
                learn_cached(all[i], MANY);
        }
        count = mappings_of_file();
        cr_expect_gt(count, 0);
        cr_expect_leq(count, 256);
        for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
                dm_mapped_free(all[i]);
        cr_expect_eq(mappings_of_file(), 0);
        dm_mapped_free(must_map()); /* the room is there again */
}
