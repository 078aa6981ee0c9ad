/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hangfs MOUNTPOINT SIZE: a backing that misbehaves at command.
 *
 * A filesystem in the foreground with two files: `disk', SIZE bytes of memory, and `control'.  Written to
 * control, a line "HOW [WHAT...]" says how the requests named (reads, writes, syncs, seeks; none: all)
 * are treated from now on:
 *      run     answered; those that hang too
 *      fail    answered with EIO
 *      hang    not answered, until the program that waits is killed
 *      stick   not answered at all: the program that waits cannot even be killed
 * Read, control tells how many hang at present, and of each kind how many have come:
 *      hanging 1 reads 4 writes 20 syncs 1
 */
#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DISK, CONTROL };

enum kind { READS, WRITES, SYNCS, SEEKS, KINDS };

static const char *const kind_names[KINDS] = {"reads", "writes", "syncs", "seeks"};
static const char *const treatments[] = {"run", "fail", "hang", "stick"};
enum treatment { RUN, FAIL, HANG, STICK };

struct request {
        struct request *next;
        fuse_req_t req;
        enum kind kind;
        size_t size;
        off_t offset;
        char *data; /* of a write */
};

static char *disk;
static size_t disk_size;
static enum treatment treatment[KINDS];
static unsigned long come[KINDS];
static unsigned hanging;
static struct request *parked;

/* ---- requests of the disk ----------------------------------------------------------------------- */

static size_t clip(off_t offset, size_t size)
{
        if ((size_t)offset >= disk_size)
                return 0;
        return size < disk_size - (size_t)offset ? size : disk_size - (size_t)offset;
}

static void answer(struct request *r, int error)
{
        size_t size = clip(r->offset, r->size);

        if (error) {
                fuse_reply_err(r->req, error);
        } else if (r->kind == READS) {
                fuse_reply_buf(r->req, disk + r->offset, size);
        } else if (r->kind == WRITES) {
                memcpy(disk + r->offset, r->data, size);
                fuse_reply_write(r->req, size);
        } else if (r->kind == SEEKS) {
                fuse_reply_lseek(r->req, r->offset);
        } else {
                fuse_reply_err(r->req, 0);
        }
        free(r->data);
        free(r);
}

static void unpark(struct request *r)
{
        struct request **link = &parked;

        while (*link != r)
                link = &(*link)->next;
        *link = r->next;
        hanging--;
}

static void interrupted(fuse_req_t req, void *request)
{
        struct request *r = request;

        if (treatment[r->kind] != HANG)
                return;
        unpark(r);
        answer(r, EINTR);
}

static void park(struct request *r)
{
        r->next = parked;
        parked = r;
        hanging++;
        fuse_req_interrupt_func(r->req, interrupted, r);
}

static void take(fuse_req_t req, enum kind kind, const char *data, size_t size, off_t offset)
{
        struct request *r = calloc(1, sizeof(*r));

        *r = (struct request){.req = req, .kind = kind, .size = size, .offset = offset};
        if (data) {
                r->data = malloc(size + 1);
                memcpy(r->data, data, size);
        }
        come[kind]++;
        if (treatment[kind] >= HANG)
                park(r);
        else
                answer(r, treatment[kind] == FAIL ? EIO : 0);
}

static void answer_parked(void)
{
        struct request *again = parked, *next;

        parked = NULL;
        hanging = 0;
        for (; again; again = next) {
                next = again->next;
                if (treatment[again->kind] >= HANG)
                        park(again);
                else
                        answer(again, treatment[again->kind] == FAIL ? EIO : 0);
        }
}

/* ---- control ------------------------------------------------------------------------------------ */

static bool set_treatment(char *line)
{
        char *rest = NULL, *word = strtok_r(line, " \n", &rest);
        int how = -1;
        bool named = false;

        for (int i = 0; word && i < 4; i++)
                if (!strcmp(word, treatments[i]))
                        how = i;
        if (how < 0)
                return false;
        while ((word = strtok_r(NULL, " \n", &rest))) {
                for (int k = 0; k < KINDS; k++) {
                        if (!strcmp(word, kind_names[k])) {
                                treatment[k] = (enum treatment)how;
                                named = true;
                        }
                }
        }
        for (int k = 0; !named && k < KINDS; k++)
                treatment[k] = (enum treatment)how;
        return true;
}

static void write_control(fuse_req_t req, const char *data, size_t size)
{
        char *line = strndup(data, size);
        bool known = set_treatment(line);

        free(line);
        if (known)
                fuse_reply_write(req, size);
        else
                fuse_reply_err(req, EINVAL);
        answer_parked();
}

static void read_control(fuse_req_t req, size_t size, off_t offset)
{
        char text[200];
        int len = snprintf(text, sizeof(text), "hanging %u reads %lu writes %lu syncs %lu\n", hanging,
                           come[READS], come[WRITES], come[SYNCS]);

        fuse_reply_buf(req, text, offset ? 0 : (size_t)len);
}

/* ---- operations --------------------------------------------------------------------------------- */

static struct stat attributes(fuse_ino_t ino)
{
        struct stat st = {.st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0600};

        if (ino == ROOT)
                st.st_mode = S_IFDIR | 0700;
        else if (ino == DISK)
                st.st_size = (off_t)disk_size;
        return st;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        struct fuse_entry_param entry = {0};

        entry.ino = !strcmp(name, "disk") ? DISK : !strcmp(name, "control") ? CONTROL : 0;
        entry.attr = attributes(entry.ino);
        if (entry.ino)
                fuse_reply_entry(req, &entry);
        else
                fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct stat st = attributes(ino);

        fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
        op_getattr(req, ino, fi); /* the shell truncates control */
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        fi->direct_io = 1;
        fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
        if (ino == CONTROL)
                read_control(req, size, offset);
        else
                take(req, READS, NULL, size, offset);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
        if (ino == CONTROL) {
                write_control(req, data, size);
                return;
        }
        if (fi->flags & (O_SYNC | O_DSYNC))
                come[SYNCS]++; /* of a direct write the kernel makes no fsync */
        take(req, WRITES, data, size, offset);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
        take(req, SYNCS, NULL, 0, 0);
}

/* All is data. */
static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                     struct fuse_file_info *fi)
{
        take(req, SEEKS, NULL, 0, whence == SEEK_DATA ? offset : (off_t)disk_size);
}

static const struct fuse_lowlevel_ops ops = {
        .lookup = op_lookup,
        .getattr = op_getattr,
        .setattr = op_setattr,
        .open = op_open,
        .read = op_read,
        .write = op_write,
        .fsync = op_fsync,
        .lseek = op_lseek,
};

int main(int argc, char **argv)
{
        struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
        struct fuse_session *se;
        int r = 1;

        if (argc != 3)
                return 2;
        disk_size = strtoul(argv[2], NULL, 10);
        disk = calloc(1, disk_size);
        fuse_opt_add_arg(&args, "hangfs");
        fuse_opt_add_arg(&args, "-osubtype=hangfs");
        se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
        if (se && !fuse_set_signal_handlers(se) && !fuse_session_mount(se, argv[1])) {
                r = fuse_session_loop(se) < 0;
                fuse_session_unmount(se);
        }
        return r;
}
