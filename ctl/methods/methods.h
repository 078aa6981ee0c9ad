/* SPDX-License-Identifier: BSD-3-Clause */
/* What the methods share.  Nothing here is for others. */
#ifndef CTL_METHODS_H
#define CTL_METHODS_H

#include "ctl/server-internal.h"

/* ---- common.c ---------------------------------------------------------------------------------------- */

/* An answer that says no more than that. */
GVariant *ctl_nothing(void);
/* NULL, with ERROR (DM_ERROR, CODE). */
GVariant *ctl_fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* TEXT (NULL: "") with what is no UTF-8 replaced; floating. */
GVariant *ctl_utf8(const char *text);

/* The argument N of CALL: the caller's; a text lives as long as the call. */
GVariant *ctl_argument(struct ctl_call *call, unsigned n);
const char *ctl_text_argument(struct ctl_call *call, unsigned n);
#define CTL_READ_DICT(dict, keys, error) ctl_dict_read(dict, keys, G_N_ELEMENTS(keys), error)

/* A reference to the device that TEXT names: by name, as "/uuid/UUID" or "/minor/N".  NULL: ENXIO. */
struct mapped_device *ctl_find(const char *text, GError **error);

/* ---- info.c -------------------------------------------------------------------------------------------- */

#define CTL_INFO_TYPE "(sstuuuuuutttuuu)"

/* What MD is, a CTL_INFO_TYPE; floating. */
GVariant *ctl_info_variant(struct mapped_device *md);

/* ---- the methods, as ctl_method_run() calls them ---------------------------------------------------------- */

GVariant *ctl_method_info(struct ctl_call *call, GError **error);
GVariant *ctl_method_list(struct ctl_call *call, GError **error);
GVariant *ctl_method_graveyard(struct ctl_call *call, GError **error);
GVariant *ctl_method_create(struct ctl_call *call, GError **error);
GVariant *ctl_method_create_many(struct ctl_call *call, GError **error);
GVariant *ctl_method_remove(struct ctl_call *call, GError **error);
GVariant *ctl_method_remove_all(struct ctl_call *call, GError **error);
GVariant *ctl_method_rename(struct ctl_call *call, GError **error);
GVariant *ctl_method_set_uuid(struct ctl_call *call, GError **error);
GVariant *ctl_method_load(struct ctl_call *call, GError **error);
GVariant *ctl_method_clear(struct ctl_call *call, GError **error);
GVariant *ctl_method_suspend(struct ctl_call *call, GError **error);
GVariant *ctl_method_resume(struct ctl_call *call, GError **error);
GVariant *ctl_method_table(struct ctl_call *call, GError **error);
GVariant *ctl_method_table_many(struct ctl_call *call, GError **error);
GVariant *ctl_method_deps(struct ctl_call *call, GError **error);
GVariant *ctl_method_deps_many(struct ctl_call *call, GError **error);
GVariant *ctl_method_message(struct ctl_call *call, GError **error);
GVariant *ctl_method_wait_event(struct ctl_call *call, GError **error);
GVariant *ctl_method_targets(struct ctl_call *call, GError **error);
GVariant *ctl_method_version(struct ctl_call *call, GError **error);
GVariant *ctl_method_unmount(struct ctl_call *call, GError **error);
GVariant *ctl_method_subscribe(struct ctl_call *call, GError **error);

#endif
