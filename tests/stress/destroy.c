/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads look up, open, use and close devices while another creates, removes and kills them: by name,
 * by uuid and by number.  What a reader finds is always alive for as long as it holds it. */
#include "support/engine.h"

#define NAMES 4

static _Atomic bool stop;
static _Atomic unsigned reads;

static struct mapped_device *find(unsigned n)
{
        g_autofree char *text = g_strdup_printf("d%u", n % NAMES);

        return n & 8 ? dm_get_by_uuid(text) : dm_get_by_name(text);
}

static void use(struct mapped_device *md)
{
        char buf[1024];
        int error = do_io(md, DM_OP_READ, 512, sizeof(buf), buf);

        CHECK(error == 0 || error == -EIO); /* a zero device, or one that is going */
        atomic_fetch_add(&reads, 1);
}

static void *reader(void *arg)
{
        unsigned n = GPOINTER_TO_UINT(arg);

        while (!atomic_load(&stop)) {
                struct mapped_device *md = find(n++);
                struct dm_info info;

                if (!md)
                        continue;
                dm_get_info(md, &info);
                CHECK(info.name[0] == 'd');
                dm_info_clear(&info);
                if (dm_open(md) == 0) {
                        dm_put(md);
                        use(md);
                        dm_close(md);
                } else {
                        dm_put(md);
                }
        }
        return NULL;
}

static void create(unsigned n)
{
        g_autofree char *text = g_strdup_printf("d%u", n % NAMES);
        struct dm_create_params params = {
                .name = text, .uuid = text, .minor = DM_MINOR_ANY, .mode = 0600};
        struct mapped_device *md;

        if (!dm_create(&params, &md, NULL))
                return; /* it is there still: busy when last asked to go */
        load(md, "0 8 zero");
        CHECK(dm_resume(md, 0, NULL));
        dm_put(md);
}

static void end(unsigned n, unsigned how)
{
        struct mapped_device *md = find(n);

        if (!md)
                return;
        switch (how) {
        case 0:
                dm_destroy_immediate(md);
                break;
        case 1:
                if (!dm_destroy(md, DM_DESTROY_DEFERRED, NULL))
                        dm_put(md);
                break;
        default:
                if (!dm_destroy(md, 0, NULL))
                        dm_put(md);
        }
}

int main(void)
{
        pthread_t threads[4];
        unsigned left = rounds(20000);

        dm_init();
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                CHECK(!pthread_create(&threads[i], NULL, reader, GUINT_TO_POINTER(i * 3)));
        for (unsigned i = 0; i < left || !atomic_load(&reads); i++) {
                create(i);
                end(i / 2, i % 3);
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        dm_destroy_all_immediate();
        CHECK(dm_exit() == 0);
        return 0;
}
