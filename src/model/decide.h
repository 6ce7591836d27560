/* SPDX-License-Identifier: MIT */
/* Pure decisions about a claimed message: which event a verdict is, given the cap and the policy. */
#ifndef PAWLI_DECIDE_H
#define PAWLI_DECIDE_H

#include "model/rows.h"

enum verdict {
    VERDICT_DELIVERED,
    VERDICT_RETRY,
    VERDICT_DEAD,
    VERDICT_UNCERTAIN,
    VERDICT_DEFERRED,
    VERDICT_RELEASED,
    VERDICT_SUBMITTED,
    VERDICT_EXTEND,
    VERDICT_COUNT
};

enum settle_result {
    SETTLED_DELIVERED,
    SETTLED_REQUEUED,
    SETTLED_DEAD,
    SETTLED_UNCERTAIN,
    SETTLED_AWAITING,
    SETTLED_DEFERRED,
    SETTLED_RELEASED,
    SETTLED_EXTENDED,
    SETTLED_LOST,
    SETTLED_COUNT
};

const char *pawli_verdict_text(enum verdict verdict);
bool pawli_verdict_parse(struct text text, enum verdict *verdict);
const char *pawli_settle_result_text(enum settle_result result);

/* What an event follows from: the attempt that is judged is counted already. */
struct trial {
    uint32_t attempts, crashes, cap;
    bool can_ask; /* its target has a probe */
};

/* The event of a verdict other than extend. */
enum task_event pawli_event_of(enum verdict verdict, const struct trial *trial, const struct policy *policy);

/* The event of an outcome that nobody knows: of a verdict that says so, of a claim that nobody holds any more. */
enum task_event pawli_event_of_unknown(const struct trial *trial, const struct policy *policy);

/* The same once nobody could be asked for it in time. COUNT: it waits for a person. */
enum task_event pawli_event_of_unasked(const struct trial *trial, const struct policy *policy);

/* The event of an attempt that is known to have done nothing. */
enum task_event pawli_event_of_nothing(const struct trial *trial, const struct policy *policy);

/* Whether a queue may have claims that nobody holds any more. */
bool pawli_may_have_lost(const struct queue_row *queue, const struct store_row *store, const pawl_uuid *boot_id,
                         struct boot_time now);

/* The event of a message that has no attempt left. */
enum task_event pawli_event_of_exhausted(const struct policy *policy);

enum settle_result pawli_result_of(enum task_event event);

/* What becomes of a message whose dedupe key is bound to one in this state, with the same content or other. */
enum accepted { ACCEPTED_STORED, ACCEPTED_NEW, ACCEPTED_CONFLICT };
enum accepted pawli_accept(enum accept rule, enum state state, bool match);

uint32_t pawli_cap_of(const struct task_body *body, const struct policy *policy);

/* ---- ends by wall time ----
 *
 * A wall clock that is wrong makes things early, late, or sent again, but never dead. So an age counts from a moment after
 * what the clocks did: what began before a jump ahead is younger by it, and after a boot or a jump all that began before
 * counts from there, until the clock was steady for an hour. */

/* The clocks now, given what the last commit of the store saw of them. */
struct clock pawli_clock_at(const struct store_row *last, const pawl_uuid *boot_id, struct wall_time wall,
                            struct boot_time boot);

/* When what began at `start` and lasts `length_ms` is over. */
struct wall_time pawli_end_of(const struct clock *clock, struct wall_time start, int64_t length_ms);

/* What kept the messages of a queue from being sent, by what was held: so long altogether, up to now, and until then. Who
 * waited through a part is given the latest part: it may be more than he waited, never less. */
struct paused {
    struct pause {
        struct wall_time until; /* after now: it is held */
        int64_t length_ms;
    } of[HOLD_KIND_COUNT];
};

/* How long it was held, until now or until it was over. */
int64_t pawli_held_ms(const struct hold_row *hold, struct wall_time now);

void pawli_paused_add(struct paused *paused, const struct hold_row *hold, struct wall_time now);
struct wall_time pawli_paused_until(const struct paused *paused);

/* What began at `start` and is over at `end`, of a queue that was paused in between: as much later. WALL_NEVER: it is paused. */
struct wall_time pawli_put_off(const struct paused *paused, struct wall_time start, struct wall_time end,
                               struct wall_time now);

/* When what a task carries is too old to be sent. Its age does not count the time that it was held. retried: when an operator last gave
 * it its age again; 0: never. */
struct wall_time pawli_expiry_of(const struct clock *clock, const struct task_body *body, struct wall_time retried,
                                 const struct policy *policy, const struct paused *paused);

/* When what waits for a sender is dead: WALL_NEVER unless that was removed. What came, or was retried, later has its time from
 * there. */
struct wall_time pawli_gone_of(const struct clock *clock, const struct task_body *body, struct wall_time retried,
                               struct wall_time removed, const struct policy *policy);

/* When that age begins: `retried` and the body's own date put it off. */
struct wall_time pawli_age_begins(const struct task_body *body, struct wall_time retried);

/* What began later is not over yet. Before the beginning of time: nothing is, for as long as it is held. So a store finds by
 * its order of time what may be over; of that pawli_expiry_of tells. */
struct wall_time pawli_oldest_start(const struct clock *clock, int64_t length_ms, const struct paused *paused);

/* Whether its due time was reckoned by a clock that was ahead; a date that somebody asked for is never that. */
bool pawli_is_misdated(const struct clock *clock, const struct task_body *body, const struct task_row *task);

/* Whether a claim belongs to nobody any more: its lease ended, its boot did, or its process is gone. */
bool pawli_claim_lost(const struct task_row *task, const struct store_row *store, struct boot_time now,
                      const pawl_uuid *boot_id, const struct committer_row *alive, size_t alive_count);
/* Whether a worker works: its process lives, and it did not say that it stops. */
bool pawli_worker_alive(const struct worker_row *worker, const struct committer_row *alive, size_t alive_count);

/* What a send is put off with while its sender has no route, or cannot be sent to. */
#define SENDER_NOT_READY "sender_not_ready"
bool pawli_waits_for_sender(const struct task_row *row); /* since its last attempt, and when it is due later */

#endif
