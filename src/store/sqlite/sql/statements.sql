-- SPDX-License-Identifier: MIT
-- Every statement of the SQLite store, by name. tools/sqlpack.py makes a C table of them; parameters are bound in the order
-- of the line `params`. No statement decides anything: it finds what it is told to find and moves what it is told to move.

-- name: begin
-- params:
BEGIN IMMEDIATE;

-- name: begin_read
-- params:
BEGIN;

-- name: commit
-- params:
COMMIT;

-- name: rollback
-- params:
ROLLBACK;

-- name: savepoint
-- params:
SAVEPOINT pawl;

-- name: savepoint_release
-- params:
RELEASE pawl;

-- name: savepoint_rollback
-- params:
ROLLBACK TO pawl;

-- ---- load ----

-- name: get_store
-- params:
SELECT life, epoch, commits, last_number, last_token, last_scope, last_queue, last_committer, boot_id, boot, lease
  FROM store;

-- name: get_committer
-- params: id
SELECT id, slot FROM committer WHERE id = :id;

-- name: list_committers
-- params:
SELECT id, slot FROM committer;

-- name: get_scope
-- params: name
SELECT id, seq, head FROM scope WHERE name = :name;

-- name: get_scope_by_id
-- params: id
SELECT id, seq, head, name FROM scope WHERE id = :id;

-- name: find_request
-- params: request_id scope
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, received, committed, epoch, digest, events, messages, settled, hashes
  FROM record
 WHERE request_id = :request_id AND scope = :scope;

-- name: get_queue
-- params: scope lane target
SELECT id, scope, lane, target, pending, claimed, awaiting, uncertain, delivered, dead, cancelled
  FROM queue
 WHERE scope = :scope AND lane = :lane AND target = :target;

-- name: get_queue_by_id
-- params: id
SELECT id, scope, lane, target, pending, claimed, awaiting, uncertain, delivered, dead, cancelled
  FROM queue
 WHERE id = :id;

-- name: get_lane
-- params: scope name
SELECT policy FROM lane WHERE scope = :scope AND name = :name;

-- name: get_target
-- params: scope name
SELECT url, secret_file, policy FROM target WHERE scope = :scope AND name = :name;

-- name: find_holds
-- params: kind scope lane target
SELECT code, reason, "by", since, until
  FROM hold
 WHERE kind = :kind AND scope = :scope AND lane = :lane AND target = :target;

-- name: get_bound
-- params: queue kind key
SELECT message, fingerprint, until, state FROM bound WHERE queue = :queue AND kind = :kind AND key = :key;

-- name: get_line
-- params: queue key
SELECT head, position, depth FROM line WHERE queue = :queue AND key = :key;

-- name: find_followers
-- params: queue key limit
SELECT queue, number, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress, remote_id,
       updated
  FROM blocked
 WHERE queue = :queue AND key = :key
 ORDER BY position, number
 LIMIT :limit;

-- name: get_message
-- params: number
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created
  FROM message
 WHERE number = :number;

-- Where a task is, tried in the order of what is likely: the place is whichever of these finds it.

-- name: get_claimed
-- params: number
SELECT queue, number, tail, phase, priority, due, is_first, token, committer, consumer, claimed, lease, boot, attempts, deferrals,
       crashes, retries, retried, earlier, key, position, failure, progress, remote_id, updated
  FROM claimed
 WHERE number = :number;

-- name: get_ended
-- params: number
SELECT queue, number, state, attempts, deferrals, crashes, retries, retried, earlier, key, position, holds_key, failure, remote_id, claimed, ended, reason, "by",
       successor
  FROM ended
 WHERE number = :number;

-- name: get_held
-- params: number
SELECT queue, number, phase, priority, due, is_first, hold, until, token, attempts, deferrals, crashes, retries, retried, earlier, key, position,
       holds_key, failure, progress, remote_id, updated
  FROM held
 WHERE number = :number;

-- name: get_ready_first
-- params: queue priority due number
SELECT queue, number, phase, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress,
       remote_id, updated
  FROM ready
 WHERE queue = :queue AND phase = 0 AND priority = :priority AND due = :due AND number = :number;

-- name: get_ready_again
-- params: number
SELECT queue, number, phase, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress,
       remote_id, updated
  FROM ready
 WHERE number = :number AND is_first = 0;

-- name: get_blocked_at
-- params: queue key position number
SELECT queue, number, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress, remote_id,
       updated
  FROM blocked
 WHERE queue = :queue AND key = :key AND position = :position AND number = :number;

-- name: get_blocked_moved
-- params: number
SELECT queue, number, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress, remote_id,
       updated
  FROM blocked
 WHERE number = :number AND position <> number;

-- One seek per priority: one ORDER BY over all of them would walk every delayed row of priority 1.

-- name: find_due
-- params: queue phase priority now limit
SELECT queue, number, phase, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress,
       remote_id, updated
  FROM ready
 WHERE queue = :queue AND phase = :phase AND priority = :priority AND due <= :now
 ORDER BY due, number
 LIMIT :limit;

-- name: next_due
-- params: queue phase priority
SELECT due FROM ready WHERE queue = :queue AND phase = :phase AND priority = :priority ORDER BY due LIMIT 1;

-- name: count_due
-- params: queue priority now
SELECT count(*), min(due) FROM ready WHERE queue = :queue AND phase = 0 AND priority = :priority AND due <= :now;

-- name: later_due
-- params: queue priority now
SELECT due FROM ready WHERE queue = :queue AND phase = 0 AND priority = :priority AND due > :now ORDER BY due LIMIT 1;

-- name: count_held
-- params:
SELECT queue, count(*) FROM held GROUP BY queue ORDER BY queue;

-- name: count_before
-- params: queue key position number
SELECT count(*) FROM blocked WHERE queue = :queue AND key = :key AND (position, number) < (:position, :number);

-- name: list_claimed
-- params:
SELECT queue, number, tail, phase, priority, due, is_first, token, committer, consumer, claimed, lease, boot, attempts, deferrals,
       crashes, retries, retried, earlier, key, position, failure, progress, remote_id, updated
  FROM claimed;

-- ---- save ----

-- name: put_store
-- params: epoch commits last_number last_token last_scope last_queue last_committer boot_id boot lease
UPDATE store
   SET epoch = :epoch, commits = :commits, last_number = :last_number, last_token = :last_token, last_scope = :last_scope,
       last_queue = :last_queue, last_committer = :last_committer, boot_id = :boot_id, boot = :boot, lease = :lease;

-- name: add_committer
-- params: id slot
INSERT INTO committer (id, slot) VALUES (:id, :slot);

-- name: remove_committers_of_slot
-- params: slot id
DELETE FROM committer WHERE slot = :slot AND id <> :id;

-- name: remove_committer
-- params: id
DELETE FROM committer WHERE id = :id;

-- name: add_scope
-- params: id name seq head
INSERT INTO scope (id, name, seq, head) VALUES (:id, :name, :seq, :head);

-- name: put_scope
-- params: seq head id
UPDATE scope SET seq = :seq, head = :head WHERE id = :id;

-- name: add_record
-- params: scope seq request_id fingerprint type ref content_type command response_type response pre post duration_us received committed epoch digest events messages settled hashes
-- rows: 8 32
INSERT OR FAIL INTO record (scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre,
                    post, duration_us, received, committed, epoch, digest, events, messages, settled, hashes)
VALUES (:scope, :seq, :request_id, :fingerprint, :type, :ref, :content_type, :command, :response_type, :response, :pre,
        :post, :duration_us, :received, :committed, :epoch, :digest, :events, :messages, :settled, :hashes);

-- name: add_queue
-- params: id scope lane target pending claimed awaiting uncertain delivered dead cancelled
INSERT INTO queue (id, scope, lane, target, pending, claimed, awaiting, uncertain, delivered, dead, cancelled)
VALUES (:id, :scope, :lane, :target, :pending, :claimed, :awaiting, :uncertain, :delivered, :dead, :cancelled);

-- name: put_queue
-- params: pending claimed awaiting uncertain delivered dead cancelled id
UPDATE queue
   SET pending = :pending, claimed = :claimed, awaiting = :awaiting, uncertain = :uncertain, delivered = :delivered,
       dead = :dead, cancelled = :cancelled
 WHERE id = :id;

-- name: put_lane
-- params: scope name policy
INSERT INTO lane (scope, name, policy) VALUES (:scope, :name, :policy)
    ON CONFLICT (scope, name) DO UPDATE SET policy = excluded.policy;

-- name: put_target
-- params: scope name url secret_file policy
INSERT INTO target (scope, name, url, secret_file, policy) VALUES (:scope, :name, :url, :secret_file, :policy)
    ON CONFLICT (scope, name) DO UPDATE
   SET url = excluded.url, secret_file = excluded.secret_file, policy = excluded.policy;

-- name: remove_target
-- params: scope name
DELETE FROM target WHERE scope = :scope AND name = :name;

-- name: put_hold
-- params: kind scope lane target code reason by since until
INSERT INTO hold (kind, scope, lane, target, code, reason, "by", since, until)
VALUES (:kind, :scope, :lane, :target, :code, :reason, :by, :since, :until)
    ON CONFLICT (kind, scope, lane, target, code) DO UPDATE
   SET reason = excluded.reason, "by" = excluded."by", since = excluded.since, until = excluded.until;

-- name: remove_hold
-- params: kind scope lane target code
DELETE FROM hold WHERE kind = :kind AND scope = :scope AND lane = :lane AND target = :target AND code = :code;

-- name: put_bound
-- params: queue kind key message fingerprint until state
INSERT INTO bound (queue, kind, key, message, fingerprint, until, state)
VALUES (:queue, :kind, :key, :message, :fingerprint, :until, :state)
    ON CONFLICT (queue, kind, key) DO UPDATE
   SET message = excluded.message, fingerprint = excluded.fingerprint, until = excluded.until, state = excluded.state;

-- name: remove_bound
-- params: queue kind key
DELETE FROM bound WHERE queue = :queue AND kind = :kind AND key = :key;

-- name: put_line
-- params: queue key head position depth
INSERT INTO line (queue, key, head, position, depth) VALUES (:queue, :key, :head, :position, :depth)
    ON CONFLICT (queue, key) DO UPDATE
   SET head = excluded.head, position = excluded.position, depth = excluded.depth;

-- name: remove_line
-- params: queue key
DELETE FROM line WHERE queue = :queue AND key = :key;

-- name: add_message
-- params: number tail queue seq sender key dedupe request_id priority content_type payload headers fingerprint deadline available expires max_attempts resent_of created
-- rows: 8 32
INSERT OR FAIL INTO message (number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers,
                     fingerprint, deadline, available, expires, max_attempts, resent_of, created)
VALUES (:number, :tail, :queue, :seq, :sender, :key, :dedupe, :request_id, :priority, :content_type, :payload, :headers,
        :fingerprint, :deadline, :available, :expires, :max_attempts, :resent_of, :created);

-- name: remove_message
-- params: number
DELETE FROM message WHERE number = :number;

-- name: add_ready
-- params: queue phase priority due number is_first attempts deferrals crashes retries retried earlier key position failure progress remote_id updated
-- rows: 8 32
INSERT OR FAIL INTO ready (queue, phase, priority, due, number, is_first, attempts, deferrals, crashes, retries, retried, earlier, key, position, failure,
                   progress, remote_id, updated)
VALUES (:queue, :phase, :priority, :due, :number, :is_first, :attempts, :deferrals, :crashes, :retries, :retried, :earlier, :key, :position, :failure,
        :progress, :remote_id, :updated);

-- name: remove_ready
-- params: queue phase priority due number
DELETE FROM ready
 WHERE queue = :queue AND phase = :phase AND priority = :priority AND due = :due AND number = :number;

-- name: add_blocked
-- params: queue key position number priority due is_first attempts deferrals crashes retries retried earlier failure progress remote_id updated
-- rows: 8 32
INSERT OR FAIL INTO blocked (queue, key, position, number, priority, due, is_first, attempts, deferrals, crashes, retries, retried, earlier, failure, progress,
                     remote_id, updated)
VALUES (:queue, :key, :position, :number, :priority, :due, :is_first, :attempts, :deferrals, :crashes, :retries, :retried, :earlier, :failure, :progress,
        :remote_id, :updated);

-- name: remove_blocked
-- params: queue key position number
DELETE FROM blocked WHERE queue = :queue AND key = :key AND position = :position AND number = :number;

-- name: add_claimed
-- params: number tail queue phase priority due is_first token committer consumer claimed lease boot attempts deferrals crashes retries retried earlier key position failure progress remote_id updated
-- rows: 8 32
INSERT OR FAIL INTO claimed (number, tail, queue, phase, priority, due, is_first, token, committer, consumer, claimed, lease, boot,
                     attempts, deferrals, crashes, retries, retried, earlier, key, position, failure, progress, remote_id, updated)
VALUES (:number, :tail, :queue, :phase, :priority, :due, :is_first, :token, :committer, :consumer, :claimed, :lease, :boot,
        :attempts, :deferrals, :crashes, :retries, :retried, :earlier, :key, :position, :failure, :progress, :remote_id, :updated);

-- name: put_claimed
-- params: lease boot progress updated number token
UPDATE claimed SET lease = :lease, boot = :boot, progress = :progress, updated = :updated
 WHERE number = :number AND token = :token;

-- name: remove_claimed
-- params: number token
DELETE FROM claimed WHERE number = :number AND token = :token;

-- name: add_held
-- params: number queue phase priority due is_first hold until token attempts deferrals crashes retries retried earlier key position holds_key failure progress remote_id updated
-- rows: 8 32
INSERT OR FAIL INTO held (number, queue, phase, priority, due, is_first, hold, until, token, attempts, deferrals, crashes, retries, retried, earlier, key,
                  position, holds_key, failure, progress, remote_id, updated)
VALUES (:number, :queue, :phase, :priority, :due, :is_first, :hold, :until, :token, :attempts, :deferrals, :crashes, :retries, :retried, :earlier, :key,
        :position, :holds_key, :failure, :progress, :remote_id, :updated);

-- name: remove_held
-- params: number
DELETE FROM held WHERE number = :number;

-- name: add_ended
-- params: number queue state attempts deferrals crashes retries retried earlier key position holds_key failure remote_id claimed ended reason by successor
-- rows: 8 32
INSERT OR FAIL INTO ended (number, queue, state, attempts, deferrals, crashes, retries, retried, earlier, key, position, holds_key, failure, remote_id, claimed, ended,
                   reason, "by", successor)
VALUES (:number, :queue, :state, :attempts, :deferrals, :crashes, :retries, :retried, :earlier, :key, :position, :holds_key, :failure, :remote_id, :claimed, :ended,
        :reason, :by, :successor);

-- name: remove_ended
-- params: number state
DELETE FROM ended WHERE number = :number AND state = :state;

-- name: add_attempt
-- params: number ordinal n began ended worker verdict class text
INSERT INTO attempt (number, ordinal, n, began, ended, worker, verdict, class, text)
VALUES (:number, :ordinal, :n, :began, :ended, :worker, :verdict, :class, :text)
    ON CONFLICT (number, ordinal) DO UPDATE
   SET n = excluded.n, began = excluded.began, ended = excluded.ended, worker = excluded.worker,
       verdict = excluded.verdict, class = excluded.class, text = excluded.text;

-- name: remove_attempts
-- params: number
DELETE FROM attempt WHERE number = :number;

-- ---- read ----

-- name: list_scopes
-- params: after limit
SELECT id, name, seq, head FROM scope WHERE id > :after ORDER BY id LIMIT :limit;

-- name: list_records_up
-- params: scope after ref type since limit
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, received, committed, epoch, digest, events, messages, settled, hashes
  FROM record
 WHERE scope = :scope AND seq > :after AND (:ref IS NULL OR ref = :ref) AND (:type IS NULL OR type = :type)
   AND (:since = 0 OR committed >= :since)
 ORDER BY seq
 LIMIT :limit;

-- name: list_records_down
-- params: scope before ref type since limit
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, received, committed, epoch, digest, events, messages, settled, hashes
  FROM record
 WHERE scope = :scope AND seq < :before AND (:ref IS NULL OR ref = :ref) AND (:type IS NULL OR type = :type)
   AND (:since = 0 OR committed >= :since)
 ORDER BY seq DESC
 LIMIT :limit;

-- name: get_record
-- params: scope seq
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, received, committed, epoch, digest, events, messages, settled, hashes
  FROM record
 WHERE scope = :scope AND seq = :seq;

-- name: list_queues
-- params: after limit
SELECT id, scope, lane, target, pending, claimed, awaiting, uncertain, delivered, dead, cancelled
  FROM queue
 WHERE id > :after
 ORDER BY id
 LIMIT :limit;

-- name: list_lanes
-- params: scope after limit
SELECT scope, name, policy FROM lane WHERE scope = :scope AND name > :after ORDER BY name LIMIT :limit;

-- name: list_targets
-- params: scope after limit
SELECT scope, name, url, secret_file, policy
  FROM target
 WHERE scope = :scope AND name > :after
 ORDER BY name
 LIMIT :limit;

-- name: list_holds
-- params: limit
SELECT kind, scope, lane, target, code, reason, "by", since, until FROM hold ORDER BY since DESC LIMIT :limit;

-- name: list_messages_down
-- params: before limit
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created
  FROM message
 WHERE number < :before
 ORDER BY number DESC
 LIMIT :limit;

-- name: list_messages_up
-- params: after limit
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created
  FROM message
 WHERE number > :after
 ORDER BY number
 LIMIT :limit;

-- The first of a place in either direction, for listing by state. Ready and blocked rows are in no order of number: the
-- store keeps the first while it walks.

-- name: walk_ready
-- params: queue
SELECT number, phase, queue, key FROM ready WHERE queue = :queue;

-- name: walk_blocked
-- params: queue
SELECT number, 0, queue, key FROM blocked WHERE queue = :queue;

-- name: walk_claimed_down
-- params: after before
SELECT number, phase, queue, key FROM claimed WHERE number > :after AND number < :before ORDER BY number DESC;

-- name: walk_claimed_up
-- params: after before
SELECT number, phase, queue, key FROM claimed WHERE number > :after AND number < :before ORDER BY number;

-- name: walk_held_down
-- params: after before
SELECT number, phase, queue, key FROM held WHERE number > :after AND number < :before ORDER BY number DESC;

-- name: walk_held_up
-- params: after before
SELECT number, phase, queue, key FROM held WHERE number > :after AND number < :before ORDER BY number;

-- name: walk_delivered_down
-- params: after before
SELECT number, state, queue, key FROM ended WHERE number > :after AND number < :before AND state = 'delivered' ORDER BY number DESC;

-- name: walk_delivered_up
-- params: after before
SELECT number, state, queue, key FROM ended WHERE number > :after AND number < :before AND state = 'delivered' ORDER BY number;

-- name: walk_ended_other_down
-- params: after before
SELECT number, state, queue, key FROM ended WHERE number > :after AND number < :before AND state <> 'delivered' ORDER BY number DESC;

-- name: walk_ended_other_up
-- params: after before
SELECT number, state, queue, key FROM ended WHERE number > :after AND number < :before AND state <> 'delivered' ORDER BY number;

-- What time may end, in the order of each place's own key, a page at a time.

-- name: old_ready
-- params: queue phase priority due number limit
SELECT ready.queue, ready.number, max(message.created, coalesce(ready.retried, 0)), message.expires, NULL, ready.phase, ready.priority, ready.due
  FROM ready JOIN message ON message.number = ready.number
 WHERE (ready.queue, ready.phase, ready.priority, ready.due, ready.number) > (:queue, :phase, :priority, :due, :number)
 ORDER BY ready.queue, ready.phase, ready.priority, ready.due, ready.number
 LIMIT :limit;

-- name: old_blocked
-- params: queue key position number limit
SELECT blocked.queue, blocked.number, max(message.created, coalesce(blocked.retried, 0)), message.expires, NULL, blocked.key, blocked.position
  FROM blocked JOIN message ON message.number = blocked.number
 WHERE (blocked.queue, blocked.key, blocked.position, blocked.number) > (:queue, :key, :position, :number)
 ORDER BY blocked.queue, blocked.key, blocked.position, blocked.number
 LIMIT :limit;

-- name: old_held
-- params: number limit
SELECT held.queue, held.number, max(message.created, coalesce(held.retried, 0)), message.expires, held.until, held.phase
  FROM held JOIN message ON message.number = held.number
 WHERE held.number > :number
 ORDER BY held.number
 LIMIT :limit;

-- name: old_ended
-- params: number limit
SELECT queue, number, 0, NULL, ended FROM ended WHERE number > :number ORDER BY number LIMIT :limit;

-- name: list_attempts
-- params: number
SELECT ordinal, n, began, ended, worker, verdict, class, text FROM attempt WHERE number = :number ORDER BY ordinal;

-- name: list_bounds_until
-- params: now limit
SELECT queue, kind, key FROM bound WHERE until IS NOT NULL AND until <= :now ORDER BY until LIMIT :limit;

-- name: count_places
-- params: queue priority due number key
SELECT (SELECT count(*) FROM claimed WHERE number = :number) + (SELECT count(*) FROM held WHERE number = :number)
     + (SELECT count(*) FROM ended WHERE number = :number)
     + (SELECT count(*) FROM ready
         WHERE queue = :queue AND phase = 0 AND priority = :priority AND due = :due AND number = :number AND is_first = 1)
     + (SELECT count(*) FROM ready WHERE number = :number AND is_first = 0)
     + (SELECT count(*) FROM blocked WHERE queue = :queue AND key = :key AND position = :number AND number = :number)
     + (SELECT count(*) FROM blocked WHERE number = :number AND position <> number);
