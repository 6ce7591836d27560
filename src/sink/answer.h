/* SPDX-License-Identifier: MIT */
/* What the sinks share: the answer of a send, foreign bytes made fit to show, and the rule on paths. */
#ifndef PAWLI_ANSWER_H
#define PAWLI_ANSWER_H

#include "sink/sink.h"

/* Fills the answer and hands the send back: nothing of it may be touched afterwards. The error is made printable, and left out
 * of what was taken. Of a look it says that nothing was found out, whatever the verdict. */
void pawli_send_done(struct send *send, enum verdict verdict, struct text error);

/* What the receiver of a poll or a probe knows of the message. */
enum finding {
    FINDING_HAPPENED,
    FINDING_DID_NOT, /* of one that was handed over: nobody knows of it any more */
    FINDING_HOPELESS,
    FINDING_NONE, /* it is asked again */
    FINDING_COUNT
};
void pawli_look_done(struct send *send, enum finding finding, struct text error);

void pawli_send_fail(struct send *send, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same where nothing of it left this process: another URL may be tried. */
void pawli_send_unsent(struct send *send, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);
/* Delivered, with what the receiver vouches for in front of what it said. */
void pawli_send_delivered(struct send *send, enum durability durability, const char *format, ...) PRINTF_LIKE(3, 4);

/* What follows where nothing was sent, for no reason of this process. A message with a sender came from outside, over a
 * connection that may come back: it is not spent on the time between. */
enum verdict pawli_unsent_verdict(const struct send *send, bool was_reached);

/* What every sink with headers says of a message beside its payload and its own headers, each only where it has it. */
#define SEND_FIELDS_MAX 5
struct send_field {
    const char *name, *value; /* the value lives in the send's arena, or in its message */
};
size_t pawli_send_fields(const struct send *send, struct send_field fields[SEND_FIELDS_MAX]); /* 0: out of memory */

/* Whether a message can go, in headers, to a URL that has this problem (NULL: none). If not, the send is over. */
bool pawli_send_may_begin(struct send *send, const char *url_problem);

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
