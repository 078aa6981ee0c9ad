/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes JSON text.  Commas come by themselves.  What is not UTF-8 becomes U+FFFD. */
#ifndef FUSEMAPCTL_JSON_H
#define FUSEMAPCTL_JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct json;

struct json *json_new(void);
/* The text so far; the writer goes on living. */
const char *json_text(const struct json *json);
void json_free(struct json *json);

/* KEY is the member's name, NULL inside an array and at the top. */
void json_begin_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_begin_array(struct json *json, const char *key);
void json_end_array(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);

#endif
