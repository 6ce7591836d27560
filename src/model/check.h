/* SPDX-License-Identifier: MIT */
/* Validation of what a caller gives. Each check answers PAWL_OK or fills the error with the field and the rule; it never
 * changes the value. EINVAL: malformed by itself. ELIMIT: well formed, but over a size limit of limits.h. */
#ifndef PAWLI_CHECK_H
#define PAWLI_CHECK_H

#include "base/base.h"
#include "base/uuid.h"

/* The pointers of a public call, by their names there: the error names the first that is NULL. */
#define pawli_check_given(err, ...)                                                                                    \
    pawli_check_pointers((err), #__VA_ARGS__, (const void *const[]){__VA_ARGS__},                                      \
                         COUNT_OF(((const void *const[]){__VA_ARGS__})))
int pawli_check_pointers(pawl_error *err, const char *names, const void *const *pointers, size_t count);
int pawli_check_call(pawl_error *err, const char *name, bool is_given); /* of a function: no pointer to void */
int pawli_check_bytes(const char *field, const void *data, size_t size, pawl_error *err); /* NULL has no size */

/* The scope of something that a program writes: those of pawl itself are only read. */
int pawli_check_own_scope(struct text scope, pawl_error *err);
int pawli_check_name(const char *field, struct text name, pawl_error *err);             /* required; not reserved */
int pawli_check_name_or_reserved(const char *field, struct text name, pawl_error *err); /* required; "pawl." allowed */
int pawli_check_topic(const char *field, struct text topic, pawl_error *err);           /* a name that may have '/' */
int pawli_check_account(const char *field, struct text account, pawl_error *err);       /* or ':' and '/' */
int pawli_check_workflow_id(const char *field, struct text id, pawl_error *err);        /* required */
int pawli_check_lock_name(const char *field, struct text name, pawl_error *err); /* such an id, plain at its ends */
int pawli_check_holder(const char *field, struct text holder, pawl_error *err);  /* "KIND/ID"; required */
int pawli_check_key(const char *field, struct text key, pawl_error *err);        /* absent is fine */
int pawli_check_text(const char *field, struct text text, size_t limit, pawl_error *err); /* UTF-8, absent is fine */
/* Of a target: it has a scheme that a sink serves, and no mistake that a sink would stumble over. Required. */
int pawli_check_url(const char *field, const char *url, pawl_error *err);
int pawli_check_asked_url(const char *field, const char *url, pawl_error *err); /* of who is asked for outcomes */
int pawli_check_body(const char *field, struct text body, pawl_error *err);
int pawli_check_content_type(struct text content_type, pawl_error *err); /* absent is fine */
int pawli_check_header(struct text name, struct text value, pawl_error *err);
int pawli_check_range(const char *field, int64_t value, int64_t min, int64_t max, pawl_error *err);
int pawli_check_reason(struct text reason, pawl_error *err); /* required */

/* application/json when the body is good JSON, else application/octet-stream; absent when out of memory. */
struct text pawli_content_type_of(struct text body);

#endif
