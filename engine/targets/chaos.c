/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chaos: a lower device that fails now and then, each kind of fault with a probability of its own.
 *
 * What befalls a request is drawn from the seed, its place, and how many requests of its direction came to
 * that place before: so the same requests meet the same faults, however threads are scheduled.
 */
#include "dm-target.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sync.h"

#define CERTAIN 1000000000u /* a probability of 1 */
#define DIGITS_MAX 9u       /* behind the point */
#define DELAY_MAX_MS 86400000u
#define PLACE_SHIFT 12 /* requests are counted by 4 KiB */
#define PAGE_PLACES 4096u
#define PAGES_MAX (1u << 20) /* beyond 16 TiB several stretches are counted together */
#define TRACE_MAX 1024u

enum kind {
        READ_ERROR,
        WRITE_ERROR,
        CORRUPT,
        DELAY,
        TORN,
        MISDIRECT,
        KINDS,
};

static const char *const kind_names[KINDS] = {
        "read_error", "write_error", "corrupt", "delay", "torn", "misdirect",
};

/* How many reads and writes came to each place. */
struct page {
        _Atomic uint32_t counts[2][PAGE_PLACES];
};

struct fault {
        uint64_t number; /* from 1 */
        enum kind kind;
        enum dm_op op;
        uint64_t offset, len; /* bytes of the mapped device */
        uint64_t detail;
};

struct chaos {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        _Atomic uint32_t chances[KINDS]; /* of CERTAIN */
        _Atomic uint64_t delay_ms, seed;
        struct dm_hold *hold;

        size_t page_count;
        _Atomic(struct page *) *pages; /* each NULL until it is used */

        struct dm_mutex lock;
        uint64_t counts[KINDS];         /* guarded: lock */
        uint64_t last_number;           /* guarded: lock */
        struct fault trace[TRACE_MAX];  /* guarded: lock; a ring */
};

/* What a bio has with it. */
struct flaw {
        struct dm_held held;
        char *copy;          /* the data of a corrupted write: the submitter's are not ours */
        bool corrupts_read;
        uint64_t at;         /* within the bio */
        char change;         /* is exclusive-ored; not 0 */
};

/* ---- arguments and messages -------------------------------------------------------------------- */

/* A probability: 0 to 1, with at most DIGITS_MAX digits behind a point. */
static bool parse_chance(const char *text, uint32_t *ret_chance)
{
        uint32_t value = 0, unit = CERTAIN;

        if ((text[0] != '0' && text[0] != '1') || (text[1] && text[1] != '.'))
                return false;
        value = text[0] == '1' ? CERTAIN : 0;
        if (text[1] && !text[2])
                return false;
        for (text += text[1] ? 2 : 1; *text; text++) {
                unit /= 10;
                if (!g_ascii_isdigit(*text) || !unit)
                        return false;
                value += (uint32_t)(*text - '0') * unit;
        }
        *ret_chance = value;
        return value <= CERTAIN;
}

static void append_chance(GString *out, uint32_t chance)
{
        char digits[DIGITS_MAX + 1];
        size_t len = DIGITS_MAX;

        if (chance == CERTAIN || chance == 0) {
                g_string_append(out, chance ? "1" : "0");
                return;
        }
        g_snprintf(digits, sizeof(digits), "%09u", chance);
        while (digits[len - 1] == '0')
                len--;
        g_string_append_printf(out, "0.%.*s", (int)len, digits);
}

/* Sets what WORDS, COUNT of them, say in the syntax of the table line.  How many were used; 0 with *RET_WHY,
 * new text: none. */
static int set_option(struct chaos *c, int count, char **words, char **ret_why)
{
        uint32_t chance;
        uint64_t number = 0;
        int kind = 0, value_at = 1;

        if (strcmp(words[0], "seed") == 0) {
                if (count < 2 || !dm_parse_u64(words[1], &number)) {
                        *ret_why = g_strdup_printf("'seed' must be a number, got '%s'",
                                                   count < 2 ? "" : words[1]);
                        return 0;
                }
                atomic_store(&c->seed, number);
                return 2;
        }
        while (kind < KINDS && strcmp(words[0], kind_names[kind]) != 0)
                kind++;
        if (kind == KINDS) {
                *ret_why = g_strdup_printf("there is no option '%s'", words[0]);
                return 0;
        }
        if (kind == DELAY) {
                value_at = 2;
                if (count < 2 || !dm_parse_u64(words[1], &number) || number > DELAY_MAX_MS) {
                        *ret_why = g_strdup_printf(
                                "'delay' must be a number of milliseconds from 0 to %u, got '%s'",
                                DELAY_MAX_MS, count < 2 ? "" : words[1]);
                        return 0;
                }
        }
        if (count <= value_at || !parse_chance(words[value_at], &chance)) {
                *ret_why = g_strdup_printf("the probability of '%s' must be 0 to 1 with at most %u "
                                           "digits behind the point, got '%s'",
                                           words[0], DIGITS_MAX,
                                           count <= value_at ? "" : words[value_at]);
                return 0;
        }
        if (kind == DELAY)
                atomic_store(&c->delay_ms, number);
        atomic_store(&c->chances[kind], chance);
        return value_at + 1;
}

static bool chaos_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct chaos *c = ti->priv;

        dm_mutex_init(&c->lock);
        c->hold = dm_hold_new(ti, NULL);
        c->dev = dm_args_dev(args, ti, error);
        if (!c->dev || !dm_args_sectors(args, "offset", &c->offset, error))
                return false;
        while (args->next < args->argc) {
                g_autofree char *why = NULL;
                int used = set_option(c, (int)(args->argc - args->next), args->argv + args->next,
                                      &why);

                if (!used) {
                        dm_target_error(error, args, "%s", why);
                        return false;
                }
                args->next += (unsigned)used;
        }
        c->page_count = MIN((ti->len >> PLACE_SHIFT) / PAGE_PLACES + 1, PAGES_MAX);
        c->pages = g_new0(_Atomic(struct page *), c->page_count);
        dm_dev_claim(c->dev, ti, c->offset, ti->len);
        return true;
}

static void chaos_dtr(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        for (size_t i = 0; c->pages && i < c->page_count; i++)
                g_free(atomic_load(&c->pages[i]));
        g_free(c->pages);
        dm_hold_free(c->hold);
        dm_mutex_destroy(&c->lock);
}

static void chaos_presuspend(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        dm_hold_close(c->hold);
}

static void chaos_resume(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        dm_hold_open(c->hold);
}

static void chaos_table(struct dm_target *ti, GString *out)
{
        struct chaos *c = ti->priv;
        uint64_t seed = atomic_load(&c->seed);

        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT, dm_dev_path(c->dev),
                               c->offset >> DM_SECTOR_SHIFT);
        for (unsigned kind = 0; kind < KINDS; kind++) {
                uint32_t chance = atomic_load(&c->chances[kind]);

                if (!chance)
                        continue;
                g_string_append_printf(out, " %s ", kind_names[kind]);
                if (kind == DELAY)
                        g_string_append_printf(out, "%" G_GUINT64_FORMAT " ",
                                               atomic_load(&c->delay_ms));
                append_chance(out, chance);
        }
        if (seed)
                g_string_append_printf(out, " seed %" G_GUINT64_FORMAT, seed);
}

static void chaos_status(struct dm_target *ti, GString *out)
{
        struct chaos *c = ti->priv;

        DM_LOCK_SCOPE(&c->lock);
        for (unsigned kind = 0; kind < KINDS; kind++)
                g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT, kind ? " " : "",
                                       kind_names[kind], c->counts[kind]);
}

static const char *op_name(enum dm_op op)
{
        static const char *const names[] = {
                [DM_OP_READ] = "read",       [DM_OP_WRITE] = "write",
                [DM_OP_FLUSH] = "flush",     [DM_OP_DISCARD] = "discard",
                [DM_OP_WRITE_ZEROES] = "write_zeroes",
        };

        return names[op];
}

/* A fault's line: NUMBER KIND OP OFFSET LENGTH, and what is particular to the kind. */
static void append_fault(GString *out, const struct fault *f)
{
        static const char *const details[KINDS] = {
                [CORRUPT] = " byte ",
                [DELAY] = " ms ",
                [TORN] = " kept ",
                [MISDIRECT] = " to ",
        };

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s %s %" G_GUINT64_FORMAT
                               " %" G_GUINT64_FORMAT, f->number, kind_names[f->kind],
                               op_name(f->op), f->offset, f->len);
        if (details[f->kind])
                g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, details[f->kind], f->detail);
        g_string_append_c(out, '\n');
}

static char *show_trace(struct chaos *c)
{
        GString *out = g_string_new(NULL);

        DM_LOCK_SCOPE(&c->lock);
        for (uint64_t n = c->last_number > TRACE_MAX ? c->last_number - TRACE_MAX : 0;
             n < c->last_number; n++)
                append_fault(out, &c->trace[n % TRACE_MAX]);
        return g_string_free(out, FALSE);
}

/* Requests are counted from the start again. */
static void restart(struct chaos *c)
{
        for (size_t i = 0; i < c->page_count; i++) {
                struct page *page = atomic_load(&c->pages[i]);

                for (unsigned place = 0; page && place < PAGE_PLACES; place++)
                        for (unsigned direction = 0; direction < 2; direction++)
                                atomic_store_explicit(&page->counts[direction][place], 0,
                                                      memory_order_relaxed);
        }
}

static void reset(struct chaos *c)
{
        restart(c);

        DM_LOCK_SCOPE(&c->lock);
        memset(c->counts, 0, sizeof(c->counts));
        c->last_number = 0;
}

static bool chaos_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                          GError **error)
{
        struct chaos *c = ti->priv;
        g_autofree char *why = NULL;
        int words = strcmp(argv[0], "trace") == 0 || strcmp(argv[0], "reset") == 0 ? 1
                    : strcmp(argv[0], "delay") == 0                                ? 3
                                                                                   : 2;

        if (argc > words)
                return dm_message_error(error, ti, "%s: takes no more arguments, got '%s'", argv[0],
                                        argv[words]);
        if (strcmp(argv[0], "trace") == 0)
                *ret_reply = show_trace(c);
        else if (strcmp(argv[0], "reset") == 0)
                reset(c);
        else if (!set_option(c, argc, argv, &why))
                return dm_message_error(error, ti, "%s", why);
        else if (strcmp(argv[0], "seed") == 0)
                restart(c);
        return true;
}

/* ---- drawing ----------------------------------------------------------------------------------- */

static struct page *get_page(struct chaos *c, size_t number)
{
        struct page *page = atomic_load(&c->pages[number]), *mine;

        if (page)
                return page;
        mine = g_new0(struct page, 1);
        if (atomic_compare_exchange_strong(&c->pages[number], &page, mine))
                return mine;
        g_free(mine);
        return page;
}

/* What all that befalls a request is drawn from. */
static uint64_t draw(struct chaos *c, const struct dm_bio *bio, uint64_t inside)
{
        uint64_t place = inside >> PLACE_SHIFT;
        bool is_read = bio->op == DM_OP_READ;
        struct page *page = get_page(c, place / PAGE_PLACES % c->page_count);
        uint32_t before = atomic_fetch_add_explicit(&page->counts[is_read][place % PAGE_PLACES], 1,
                                                    memory_order_relaxed);

        return dm_mix2(dm_mix2(atomic_load_explicit(&c->seed, memory_order_relaxed), inside),
                       (uint64_t)before << 1 | is_read);
}

static bool happens(struct chaos *c, enum kind kind, uint64_t drawn)
{
        uint32_t chance = atomic_load_explicit(&c->chances[kind], memory_order_relaxed);

        return chance && dm_chance(dm_mix2(drawn, kind), chance);
}

/* A number below LIMIT for the details of a fault. */
static uint64_t detail(uint64_t drawn, enum kind kind, uint64_t limit)
{
        return dm_mix2(~drawn, kind) % limit;
}

static void note(struct chaos *c, enum kind kind, const struct dm_bio *bio, uint64_t what)
{
        DM_LOCK_SCOPE(&c->lock);
        c->counts[kind]++;
        c->trace[c->last_number % TRACE_MAX] = (struct fault){
                .number = c->last_number + 1,
                .kind = kind,
                .op = bio->op,
                .offset = bio->offset,
                .len = bio->len,
                .detail = what,
        };
        c->last_number++;
}

/* ---- faults ------------------------------------------------------------------------------------ */

/* Another place in the target, in steps of sectors; false: there is none. */
static bool misdirect(struct chaos *c, struct dm_target *ti, struct dm_bio *bio, uint64_t drawn,
                      uint64_t *inside)
{
        uint64_t last = (ti->len - bio->len) >> DM_SECTOR_SHIFT, to;

        if (!last)
                return false;
        to = detail(drawn, MISDIRECT, last) << DM_SECTOR_SHIFT;
        if (to >= *inside)
                to += DM_SECTOR_SIZE; /* anywhere but where it should go */
        note(c, MISDIRECT, bio, ti->begin + to);
        *inside = to;
        return true;
}

/* Keeps the first sectors of a write only; false: it has no more than one. */
static bool tear(struct chaos *c, struct dm_bio *bio, uint64_t inside, uint64_t drawn,
                 uint64_t *ret_len)
{
        uint64_t first = inside >> DM_SECTOR_SHIFT;
        uint64_t last = (inside + bio->len - 1) >> DM_SECTOR_SHIFT;

        if (first == last)
                return false;
        *ret_len = ((first + 1 + detail(drawn, TORN, last - first)) << DM_SECTOR_SHIFT) - inside;
        note(c, TORN, bio, *ret_len);
        return true;
}

static void corrupt(struct chaos *c, struct dm_bio *bio, uint64_t drawn)
{
        struct flaw *flaw = bio->data;

        flaw->at = detail(drawn, CORRUPT, bio->len);
        flaw->change = (char)(1 + (drawn >> 32) % 255);
        note(c, CORRUPT, bio, bio->offset + flaw->at);
        if (bio->op == DM_OP_READ) {
                flaw->corrupts_read = true;
                return;
        }
        bio->buf = flaw->copy = g_memdup2(bio->buf, bio->len);
        bio->buf[flaw->at] ^= flaw->change;
}

/* Does to BIO what befalls it, at most one thing besides a delay; false: it fails. */
static bool befall(struct chaos *c, struct dm_target *ti, struct dm_bio *bio, uint64_t drawn,
                   uint64_t inside)
{
        bool has_data = bio->op == DM_OP_READ || bio->op == DM_OP_WRITE;
        enum kind error = bio->op == DM_OP_READ ? READ_ERROR : WRITE_ERROR;
        uint64_t len = bio->len;

        if (happens(c, error, drawn)) {
                note(c, error, bio, 0);
                return false;
        }
        if (!has_data || !happens(c, MISDIRECT, drawn) ||
            !misdirect(c, ti, bio, drawn, &inside)) {
                if (bio->op == DM_OP_WRITE && happens(c, TORN, drawn) &&
                    tear(c, bio, inside, drawn, &len))
                        ;
                else if (has_data && happens(c, CORRUPT, drawn))
                        corrupt(c, bio, drawn);
        }
        bio->dev = c->dev;
        bio->offset = c->offset + inside;
        bio->len = len;
        return true;
}

static enum dm_map_result chaos_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct chaos *c = ti->priv;
        struct flaw *flaw = bio->data;
        uint64_t inside = dm_target_offset(ti, bio->offset);
        uint64_t drawn = draw(c, bio, inside);
        uint64_t delay_ms = atomic_load_explicit(&c->delay_ms, memory_order_relaxed);
        struct dm_bio as_it_came = *bio;

        if (!befall(c, ti, bio, drawn, inside)) {
                bio->error = -EIO;
                return DM_MAP_DONE;
        }
        if (!happens(c, DELAY, drawn))
                return DM_MAP_REMAPPED;
        note(c, DELAY, &as_it_came, delay_ms);
        return dm_hold_bio(c->hold, &flaw->held, bio, delay_ms * DM_NS_PER_MS) ? DM_MAP_QUEUED
                                                                               : DM_MAP_REMAPPED;
}

static int chaos_end_io(struct dm_target *ti, struct dm_bio *bio, int error)
{
        struct flaw *flaw = bio->data;

        if (flaw->corrupts_read && !error)
                bio->buf[flaw->at] ^= flaw->change;
        g_free(flaw->copy);
        return error;
}

const struct dm_target_type dm_type_chaos = {
        .name = "chaos",
        .summary = "a lower device with random faults that can be had again",
        .usage = "<device> <offset> [read_error <P>] [write_error <P>] [corrupt <P>] "
                 "[delay <ms> <P>] [torn <P>] [misdirect <P>] [seed <N>]",
        .version = {1, 0, 0},
        .priv_size = sizeof(struct chaos),
        .bio_data_size = sizeof(struct flaw),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = chaos_ctr,
        .dtr = chaos_dtr,
        .presuspend = chaos_presuspend,
        .resume = chaos_resume,
        .table = chaos_table,
        .status = chaos_status,
        .message = chaos_message,
        .map = chaos_map,
        .end_io = chaos_end_io,
};
