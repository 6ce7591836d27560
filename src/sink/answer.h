/* SPDX-License-Identifier: MIT */
/* What the sinks share: the answer of a send, foreign bytes made fit to show, and the rule on paths. */
#ifndef PAWLI_ANSWER_H
#define PAWLI_ANSWER_H

#include "sink/sink.h"

/* Fills the answer and hands the send back: nothing of it may be touched afterwards. The error is made printable. */
void pawli_send_done(struct send *send, enum verdict verdict, struct text error);
void pawli_send_fail(struct send *send, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same where nothing of it left this process: another URL may be tried. */
void pawli_send_unsent(struct send *send, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

/* Whether an errno says that this machine is short of something: the receiver has no part in it. */
bool pawli_is_shortage(int problem);

/* The target itself is wrong: the message waits, and the target is held. */
void pawli_send_malformed(struct send *send, const char *problem);

/* One line out of bytes that nobody vouches for, at most size_max bytes: white space and control characters become one
 * blank, what is no UTF-8 a question mark. */
struct text pawli_printable(struct arena *arena, struct text bytes, size_t size_max);

/* What stands behind the scheme of exec:/PATH and file:/PATH; NULL when that is no absolute path. */
const char *pawli_url_path(const char *url);

void pawli_path_free(char **path); /* realpath's, for PAWL_AUTO */

/* The first of the folders, each taken where its own links lead, that a path without symbolic links is or lies below; NULL:
 * none. The caller's to free. */
char *pawli_path_allowed(const char *path, const char *const *folders, size_t count);

/* Whether folders that shall be allowed are there: one that is not would allow nothing, and nobody would know. */
int pawli_check_folders(const char *const *folders, size_t count, pawl_error *err);

#endif
