/* SPDX-License-Identifier: MIT */
/* What every call answers: a status, and for a failure an error that the caller owns. */
#ifndef PAWL_STATUS_H
#define PAWL_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAWL_API __attribute__((visibility("default")))
#else
#define PAWL_API
#endif

/*
 * Rules of all calls, said here once.
 *
 * NULL        Where no word says that a pointer may be NULL it may not: the answer is PAWL_EINVAL with the argument's name.
 *             Calls that answer no status take NULL too: getters and counts answer NULL, 0 or the nil id, as they do for an
 *             index that is not there; the others do nothing. The pawl_error may always be NULL, options and queries too
 *             (then all is as by default), and so may the `data` that a function of the program is called with. Data or an
 *             array that is NULL has the size 0.
 * Structs     A struct that may grow begins with struct_size, and grows at its end only. The program sets it, by the macro
 *             of the struct's name in capitals, in what it gives and in what it makes room for; pawl sets it in what it
 *             hands out. Nobody reads or writes more of a struct than its struct_size says; what it does not reach counts
 *             as zero. An array of such structs is walked by the struct_size of its first item, which all of them share.
 *             A struct without struct_size never changes.
 */
enum pawl_status {
#define STATUS(name, number, next, exit, http, text) PAWL_##name = number,
#include "pawl/status.def"
#undef STATUS
    PAWL_STATUS_COUNT = 15
};

/* What a caller may do next; see status.def. */
enum pawl_next { PAWL_NEXT_NEVER, PAWL_NEXT_SAME, PAWL_NEXT_LATER, PAWL_NEXT_LOOKUP };

/*
 * pawl_error: filled by a failing call, untouched by one that succeeds. The caller's own plain struct: it needs no
 * initialisation, no freeing, and may be copied between threads. Every call takes it last and accepts NULL. Text and hint
 * are one line each, whatever they quote: \\ is a backslash, \n, \r and \t are as in C, and \0 and three octal digits a byte.
 */
typedef struct pawl_error {
    int32_t status;    /* the same number that the call returned */
    int32_t native;    /* the store's or the system's own code; 0 when there is none. Of PAWL_EREFUSED: the store takes
                          nothing of the kind now (ENOSPC, EROFS); 0: it was refused for what it asks */
    char text[256];    /* one sentence: what is wrong, with the field or limit by name */
    char hint[192];    /* what to do next; may be empty */
    const char *where; /* static "file:line" of the library, for a bug report */
    /* Of an identity that is bound to something else (PAWL_ECONFLICT); else, and where unknown, empty. */
    char reason[48];             /* where the stored one is, and whether content differs: "dead_fingerprint_match" */
    char fingerprint[17];        /* of what was given: its first 16 hex digits; */
    char stored_fingerprint[17]; /* and of what is stored */
    char remote_id[257];         /* what the receiver calls the stored one */
} pawl_error;

/*
 * pawl_status_text: the sentence for a status. Never NULL; an unknown number has a text too.
 */
PAWL_API const char *pawl_status_text(int status);

/*
 * pawl_status_name: "ECONFLICT" for PAWL_ECONFLICT. Never NULL.
 */
PAWL_API const char *pawl_status_name(int status);

/*
 * pawl_status_next: what the caller may do after this status (enum pawl_next).
 */
PAWL_API int pawl_status_next(int status);

/*
 * pawl_status_exit, pawl_status_http: the exit code of the command and the status of the HTTP API.
 */
PAWL_API int pawl_status_exit(int status);
PAWL_API int pawl_status_http(int status);

/*
 * For a program's own callbacks: an error's class is its status, which survives wrapping.
 * pawl_error_set: fills the error, and returns its status. pawl_error_wrap: puts a text and ": " in front of what is there, and
 *   returns the status that it has. err may be NULL: then nothing is kept, and of what is wrapped PAWL_EUNAVAIL is returned.
 */
PAWL_API int pawl_error_set(pawl_error *err, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
PAWL_API int pawl_error_wrap(pawl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
