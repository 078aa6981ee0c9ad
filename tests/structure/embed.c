/* SPDX-License-Identifier: BSD-3-Clause */
/* A stranger's program: makes a mapped device inside itself, with the installed header alone. */
#include <fusemap/dm.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
        struct dm_io io;
        int error;
        _Atomic bool done;
};

static void ended(struct dm_io *io, int error)
{
        struct request *r = io->user;

        r->error = error;
        r->done = true;
}

static int do_io(struct mapped_device *md, enum dm_op op, uint64_t offset, void *buf, size_t len)
{
        struct request r = {
                .io = {.op = op, .offset = offset, .len = len, .buf = buf, .end = ended}};

        r.io.user = &r;
        dm_submit(md, &r.io);
        while (!r.done)
                usleep(100);
        return r.error;
}

static int use(struct mapped_device *md, const char *image)
{
        g_autofree char *table = g_strdup_printf("0 1024 linear %s 1024", image);
        char written[4096], got[4096] = "";
        g_autoptr(GError) error = NULL;

        if (!dm_load(md, table, 0, &error) || !dm_resume(md, 0, &error)) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        memset(written, 'x', sizeof(written));
        if (do_io(md, DM_OP_WRITE, 8192, written, sizeof(written)) ||
            do_io(md, DM_OP_FLUSH, 0, NULL, 0) ||
            do_io(md, DM_OP_READ, 8192, got, sizeof(got)) || memcmp(written, got, sizeof(got)))
                return 1;
        printf("wrote and read %zu bytes at 8192\n", sizeof(got));
        return 0;
}

int main(void)
{
        struct dm_create_params params = {.name = "mine", .minor = DM_MINOR_ANY, .mode = 0600};
        struct mapped_device *md, *after;
        g_autoptr(GError) error = NULL;
        g_autofree char *image = NULL;
        int fd = g_file_open_tmp(NULL, &image, &error), status;

        if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
                return 1;
        close(fd);
        dm_init();
        if (!dm_create(&params, &md, &error)) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        status = use(md, image);
        if (!dm_destroy(md, 0, &error))
                return 1;
        after = dm_get_by_name("mine");
        printf("%s\n", after ? "a device is left" : "No device");
        unlink(image);
        return dm_exit() || after ? 1 : status;
}
