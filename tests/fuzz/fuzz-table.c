/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table text and messages, over all target types.  An input is a table, then a line "--", then messages, a
 * line each; the words F0, F1, F2 are paths of files.  What is refused has an error that says something
 * and changes nothing.  What is taken prints as a table that is taken again, does I/O, takes the messages,
 * and goes.
 */
#include "fuzz.h"

#include <fcntl.h>

#define FILES 3
#define FILE_SIZE (1u << 20)
#define IOS 6

static char *directory, *files[FILES];
static unsigned tried, taken;

static void begin(void)
{
        directory = g_dir_make_tmp("fusemap-fuzz-XXXXXX", NULL);
        CHECK(directory);
        /* a word without a slash is a file of this directory */
        CHECK(chdir(directory) == 0);
        for (unsigned i = 0; i < FILES; i++) {
                int fd;

                files[i] = g_strdup_printf("%s/f%u", directory, i);
                fd = open(files[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                CHECK(fd >= 0 && ftruncate(fd, FILE_SIZE) == 0);
                close(fd);
        }
        dm_init();
        dm_put(run_device("zero", "0 2048 zero"));
}

static void fuzz_end(void)
{
        dm_destroy_all_immediate();
        CHECK(dm_exit() == 0);
        printf("%u tables of %u were taken\n", taken, tried);
        for (unsigned i = 0; i < FILES; i++) {
                CHECK(unlink(files[i]) == 0);
                g_free(files[i]);
        }
        CHECK(chdir("/") == 0 && rmdir(directory) == 0);
        g_free(directory);
}

/* ---- making inputs ------------------------------------------------------------------------------------- */

static const char *const paths[] = {"F0", "F1", "F2", "zero", "fuzz", "nowhere", "/", "."};
static const char *const numbers[] = {"0",   "1",    "2",   "3",   "7",    "8",    "9",    "16",
                                      "64",  "128",  "511", "512", "1000", "1024", "2048", "2049",
                                      "4096", "65536", "18014398509481983", "36028797018963968",
                                      "9223372036854775807", "9223372036854775808",
                                      "18446744073709551615", "18446744073709551616", "-1", "0x10", "1k"};
static const char *const words[] = {"drop_writes", "error_writes", "error_reads", "corrupt_bio_byte",
                                    "random_read_corrupt", "r", "w", "quiet", "\\", "a\\ b", "\t", "#"};
static const char *const messages[] = {
        "@stats_create - /8", "@stats_create 0+64 8 2 precise_timestamps histogram:1,5,9 prog aux",
        "@stats_list", "@stats_print 0", "@stats_print_clear 0 1 2", "@stats_delete 0", "@stats_clear 0",
        "@stats_set_aux 0 x", "@cancel_deferred_remove", "addbadblock 1", "addbadblock 2 3",
        "removebadblock 1", "queryblock 1", "countbadblocks", "clearbadblocks", "listbadblocks", "enable",
        "disable", "quiet", "set_region_mappings 0:1 :0 R2,4", "set_region_mappings 1:0 R1,ffff",
        "mark here", "mark", "cut", "cut keep none", "cut keep random seed 3 tear 512", "power-on", "trace",
        "reset", "corrupt 1", "delay 5 0.5", "seed 9"};

static void add(GByteArray *out, const char *text)
{
        g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
}

static void add_word(GByteArray *out)
{
        switch (random_below(8)) {
        case 0:
                add(out, RANDOM_OF(words));
                break;
        case 1:
        case 2:
        case 3:
                add(out, RANDOM_OF(paths));
                break;
        default:
                add(out, RANDOM_OF(numbers));
        }
}

/* A line that its type's usage would make likely: words of small numbers and paths in turn. */
static void add_line(GByteArray *out, unsigned start)
{
        const struct dm_target_info *types = dm_target_types();
        unsigned n = 0;
        char place[32];

        while (types[n].name)
                n++;
        snprintf(place, sizeof(place), "%u 128 ", start);
        add(out, place);
        add(out, types[random_below(n)].name);
        for (uint64_t i = random_below(10); i; i--) {
                add(out, " ");
                add_word(out);
        }
        add(out, "\n");
}

/* A line that is right, of a type that may take it. */
static const char *const right[] = {
        "linear F0 0", "linear zero 8", "striped 2 8 F0 0 F1 128", "striped 1 128 F2 1", "delay F0 0 5",
        "delay F0 0 0 F1 0 100000 F2 0 1", "error", "error F0 8", "zero", "flakey F0 0 5 1",
        "flakey F0 0 0 1 1 drop_writes", "flakey F0 0 0 5 5 corrupt_bio_byte 32 r 1 0", "dust F1 0 512",
        "unstriped 2 8 1 F0 0", "switch 2 16 0 F0 0 F1 0", "log-writes F0 F1",
        "powercut F0 0 cache_mb 1",
        "chaos F1 0 read_error 0.1 write_error 0.1 corrupt 0.5 delay 100000 0.5 torn 0.3 seed 7",
        "chaos F1 0 misdirect 0.2"};

static void fuzz_make(GByteArray *out, uint64_t number)
{
        unsigned start = 0;

        for (uint64_t i = random_below(3) + 1; i; i--, start += 128) {
                char place[32];

                if (!random_below(4)) {
                        add_line(out, start);
                        continue;
                }
                snprintf(place, sizeof(place), "%u 128 ", start);
                add(out, place);
                add(out, RANDOM_OF(right));
                add(out, "\n");
        }
        add(out, "--\n");
        for (uint64_t i = random_below(4); i; i--) {
                add(out, RANDOM_OF(messages));
                add(out, "\n");
        }
        if (random_below(2))
                for (uint64_t i = random_below(4); i; i--)
                        mutate(out);
}

/* ---- trying one ------------------------------------------------------------------------------------------ */

/* The text with F0 ... replaced.  NULL: it could name a device of this machine. */
static char *place_files(const char *text)
{
        g_autoptr(GString) out = g_string_new(text);

        if (strchr(text, ':') || strstr(text, "dev"))
                return NULL;
        for (unsigned i = 0; i < FILES; i++) {
                char name[] = {'F', (char)('0' + i), '\0'};

                g_string_replace(out, name, files[i], 0);
        }
        return g_string_free(g_steal_pointer(&out), FALSE);
}

static void check_error(bool ok, GError *error)
{
        CHECK(ok == !error);
        if (ok)
                return;
        CHECK(error->domain == DM_ERROR && error->code > 0);
        CHECK(*error->message && !strchr(error->message, '\n'));
        g_error_free(error);
}

static char *print(struct mapped_device *md, unsigned flags)
{
        g_autoptr(GArray) lines = dm_table_text(md, flags);
        GString *out = g_string_new(NULL);

        for (unsigned i = 0; i < lines->len; i++) {
                struct dm_target_text *t = &g_array_index(lines, struct dm_target_text, i);

                g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s %s\n",
                                       t->start, t->length, t->type, t->text);
        }
        return g_string_free(out, FALSE);
}

/* What is in the inactive slot prints as a table that makes the same one. */
static void round_trip(struct mapped_device *md)
{
        g_autofree char *first = print(md, DM_TEXT_INACTIVE), *second = NULL;

        load(md, first);
        second = print(md, DM_TEXT_INACTIVE);
        if (strcmp(first, second)) {
                fprintf(stderr, "printed as\n%sthen as\n%s", first, second);
                abort();
        }
}

/* Begins I/O of all kinds around the ends. */
static void begin_io(struct mapped_device *md, struct waited_io *ios, char *buf)
{
        const uint64_t size = dm_size(md), len = MIN(size, 8192), end = size - len;
        const enum dm_op ops[IOS] = {DM_OP_READ,  DM_OP_WRITE,   DM_OP_READ,
                                     DM_OP_FLUSH, DM_OP_DISCARD, DM_OP_WRITE_ZEROES};

        for (unsigned i = 0; i < IOS; i++) {
                bool flush = ops[i] == DM_OP_FLUSH;

                waited_init(&ios[i], ops[i], flush ? 0 : i & 1 ? 0 : end, flush ? 0 : len,
                            buf + 8192 * i);
                if (ops[i] == DM_OP_WRITE)
                        ios[i].io.flags = DM_IO_FUA;
                dm_submit(md, &ios[i].io);
        }
}

static void send_messages(struct mapped_device *md, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++) {
                g_autofree char **argv = NULL;
                unsigned argc = dm_parse_words(*line, &argv);
                char *reply = NULL;
                GError *error = NULL;
                bool ok;

                if (!argc)
                        continue;
                ok = dm_message(md, 0, (int)argc, argv, &reply, &error);
                check_error(ok, error);
                g_free(reply);
        }
}

static void use(struct mapped_device *md, const char *message_text)
{
        struct waited_io ios[IOS];
        g_autofree char *buf = g_malloc0(8192 * IOS), *status = NULL, *measured = NULL;

        begin_io(md, ios, buf);
        send_messages(md, message_text);
        status = print(md, DM_TEXT_STATUS);
        measured = print(md, DM_TEXT_MEASURE);
        CHECK(dm_suspend(md, 0, NULL)); /* lets go what is held back, and waits */
        for (unsigned i = 0; i < IOS; i++)
                CHECK(gate_count(&ios[i].done) == 1);
        CHECK(dm_resume(md, 0, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size), *table = NULL;
        char *messages_at = strstr(text, "--\n");
        struct mapped_device *md;
        GError *error = NULL;
        bool ok;

        if (!directory)
                begin();
        if (messages_at)
                *messages_at = '\0';
        table = place_files(text);
        if (!table)
                return 0;
        md = new_device("fuzz");
        ok = dm_load(md, table, 0, &error);
        check_error(ok, error);
        tried++;
        taken += ok;
        if (ok) {
                round_trip(md);
                error = NULL;
                ok = dm_resume(md, 0, &error);
                check_error(ok, error);
        }
        if (ok)
                use(md, messages_at ? messages_at + 3 : "");
        CHECK(dm_destroy(md, 0, NULL));
        return 0;
}
