/* SPDX-License-Identifier: MIT */
/* The other side of a payment: it is asked a line, and answers a line. It knows a call by its key and an obligation by its hash,
 * and does what the test of a payment wants of it.
 *   teach HASH PROOF QUIRK[=N]...        what proves the obligation, and how it shall behave, N times; the first one counts
 *   prepare KEY HASH AMOUNT BEFORE       opens a session; that of BEFORE ("-": none) takes nothing any more: "ok TICKET"
 *   send KEY HASH AMOUNT TICKET          takes the payment: "ok taken"
 *   register HASH                        will tell how it ends: "ok registered"
 *   look HASH                            "ok pending", "settled PROOF", "failed", "unknown", "doubted" or "dead"
 *   revoke HASH, force HASH              gives it back; is made to: "ok revoked", "ok forced"
 *   effect INDEX                         what it took: "ok HASH AMOUNT STATE EMITTED", or "none"
 * Else "no WHY", refused for good; "gone", no such session; "busy WHY". Behind an answer stands its seal.
 */
#ifndef PEER_H
#define PEER_H

#include <pawl/pawl.h>
#include <stdbool.h>

#define PEER_LINE 400

struct peer;
/* Keeps what it is asked in the file, before it answers, and does it again when it is opened. NULL: in memory only. */
struct peer *peer_open(const char *path);
void peer_close(struct peer *peer);
/* False: the answer is lost. May be called by any number of threads. */
bool peer_answer(struct peer *peer, const char *request, char answer[PEER_LINE]);
/* Of an answer to a request; who asks compares it. */
void peer_seal(const char *request, const char *answer, char seal[PAWL_UUID_TEXT_SIZE]);

#endif
