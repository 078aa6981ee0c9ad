/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What FUSE over io_uring (Linux 6.14) and its server agree on, for builds with an older linux/fuse.h.
 * After the kernel's Documentation/filesystems/fuse-io-uring.rst and include/uapi/linux/fuse.h.
 */
#ifndef FUSEMAP_RING_ABI_H
#define FUSEMAP_RING_ABI_H

#include <stdint.h>

/* The bit of FUSE_INIT's flags2 by which it is offered and accepted. */
#define RING_INIT_FLAG_2 (1u << 9)

/* cmd_op of an IORING_OP_URING_CMD on a /dev/fuse descriptor.  Both complete, with 0, when the entry holds a
 * request, and with an error when it never will again. */
enum ring_command {
        RING_REGISTER = 1,         /* a new entry; addr and len: two iovecs, header and payload */
        RING_COMMIT_AND_FETCH = 2, /* the entry holds the answer to its request; give it another */
};

/* In the command's part of the submission (of 128 bytes). */
struct ring_command_data {
        uint64_t flags;
        uint64_t commit_id; /* of the request that is answered */
        uint16_t queue;
        uint8_t padding[6];
};

/* An entry's header buffer.  A request's or answer's arguments beyond what is in here are the payload. */
struct ring_header {
        char in_out[128]; /* struct fuse_in_header; in an answer, struct fuse_out_header */
        char op_in[128];  /* a request's first argument, the one that depends on the opcode */
        uint64_t flags;
        uint64_t commit_id;
        uint32_t payload_size; /* bytes */
        uint32_t padding;
        uint64_t reserved;
};

#endif
