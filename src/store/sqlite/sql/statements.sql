-- SPDX-License-Identifier: MIT
-- The statements of the SQLite store that are not those of one kind of row (rows.sql), by name. tools/sqlpack.py makes a C table of them; parameters are bound in the order
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

-- name: get_version
-- params:
SELECT version FROM pawl.store;

-- name: put_version
-- params: version
UPDATE pawl.store SET version = :version;

-- Where the row of the store is in another program's database.

-- name: find_store_page
-- params:
SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'pawl_store';

-- name: get_scope_by_id
-- params: id
SELECT id, name, seq, head, last_number, fill_types, pruned, sum FROM pawl.scope WHERE id = :id;

-- name: get_queue_by_id
-- params: id
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE id = :id;

-- name: find_holds
-- params: kind scope lane target
SELECT kind, scope, lane, target, code, reason, "by", since, until, before_ms, sum
  FROM pawl.hold
 WHERE kind = :kind AND scope = :scope AND lane = :lane AND target = :target;

-- name: count_claimed_of_lane
-- params: scope lane
SELECT ifnull(sum(claimed), 0) FROM pawl.queue WHERE scope = :scope AND lane = :lane;

-- name: count_claimed_of_target
-- params: scope target
SELECT ifnull(sum(claimed), 0) FROM pawl.queue WHERE scope = :scope AND target = :target AND kind = 'message';

-- name: find_followers
-- params: queue key
SELECT queue, number, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position, failure,
       progress, remote_id, updated, sum
  FROM pawl.blocked
 WHERE queue = :queue AND key = :key
 ORDER BY position, number;

-- name: get_ready_first
-- params: queue priority due number
SELECT queue, number, phase, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position,
       holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.ready
 WHERE queue = :queue AND phase = 0 AND priority = :priority AND due = :due AND number = :number;

-- name: get_blocked_at
-- params: queue key position number
SELECT queue, number, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position, failure,
       progress, remote_id, updated, sum
  FROM pawl.blocked
 WHERE queue = :queue AND key = :key AND position = :position AND number = :number;

-- One seek per priority: one ORDER BY over all of them would walk every delayed row of priority 1.

-- name: find_due
-- params: queue phase priority now
SELECT queue, number, phase, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position,
       holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.ready
 WHERE queue = :queue AND phase = :phase AND priority = :priority AND due <= :now
 ORDER BY due, number;

-- name: count_due
-- params: queue priority now
SELECT count(*), min(due) FROM pawl.ready WHERE queue = :queue AND phase = 0 AND priority = :priority AND due <= :now;

-- name: later_due
-- params: queue priority now
SELECT due FROM pawl.ready WHERE queue = :queue AND phase = 0 AND priority = :priority AND due > :now ORDER BY due LIMIT 1;

-- name: count_held
-- params:
SELECT queue, count(*) FROM pawl.held GROUP BY queue ORDER BY queue;

-- name: count_before
-- params: queue key position number
SELECT count(*) FROM pawl.blocked WHERE queue = :queue AND key = :key AND (position, number) < (:position, :number);

-- ---- save ----

-- name: add_store
-- params: life epoch commits last_token last_scope last_queue last_committer boot_id boot looks lease wall seen steady steady_boot floor leapt ahead backs mended sum
INSERT INTO pawl.store (one, life, epoch, commits, last_token, last_scope, last_queue, last_committer,
                        boot_id, boot, looks, lease, wall, seen, steady, steady_boot, floor, leapt, ahead, backs, mended, sum)
VALUES (1, :life, :epoch, :commits, :last_token, :last_scope, :last_queue, :last_committer, :boot_id,
        :boot, :looks, :lease, :wall, :seen, :steady, :steady_boot, :floor, :leapt, :ahead, :backs, :mended, :sum);

-- name: remove_committers_of_slot
-- params: slot id
DELETE FROM pawl.committer WHERE slot = :slot AND id <> :id;

-- name: remove_ready
-- params: queue phase priority due number
DELETE FROM pawl.ready
 WHERE queue = :queue AND phase = :phase AND priority = :priority AND due = :due AND number = :number;

-- name: remove_ready_run
-- params: queue phase priority due number last_due last_number
DELETE FROM pawl.ready
 WHERE queue = :queue AND phase = :phase AND priority = :priority
   AND (due, number) >= (:due, :number) AND (due, number) <= (:last_due, :last_number);

-- name: remove_blocked
-- params: queue key position number
DELETE FROM pawl.blocked WHERE queue = :queue AND key = :key AND position = :position AND number = :number;

-- name: remove_claimed
-- params: number token
DELETE FROM pawl.claimed WHERE number = :number AND token = :token;

-- name: remove_held
-- params: number
DELETE FROM pawl.held WHERE number = :number;

-- name: remove_ended
-- params: number state
DELETE FROM pawl.ended WHERE number = :number AND state = :state;

-- name: remove_attempts
-- params: number
DELETE FROM pawl.attempt WHERE number = :number;

-- ---- read ----

-- name: list_scopes
-- params: after
SELECT id, name, seq, head, last_number, fill_types, pruned, sum FROM pawl.scope WHERE id > :after ORDER BY id;

-- name: list_records_up
-- params: scope after since
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record
 WHERE scope = :scope AND seq > :after AND (:since = 0 OR committed >= :since)
 ORDER BY seq;

-- name: list_records_of_ref_up
-- params: scope after since ref type
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record INDEXED BY pawl.record_ref
 WHERE scope = :scope AND ref = :ref AND seq > :after AND (:since = 0 OR committed >= :since)
   AND (:type IS NULL OR type = :type)
 ORDER BY seq;

-- name: list_records_of_type_up
-- params: scope after since type
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record INDEXED BY pawl.record_type
 WHERE scope = :scope AND type = :type AND seq > :after AND (:since = 0 OR committed >= :since)
 ORDER BY seq;

-- name: list_records_down
-- params: scope before since
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record
 WHERE scope = :scope AND seq < :before AND (:since = 0 OR committed >= :since)
 ORDER BY seq DESC;

-- name: list_records_of_ref_down
-- params: scope before since ref type
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record INDEXED BY pawl.record_ref
 WHERE scope = :scope AND ref = :ref AND seq < :before AND (:since = 0 OR committed >= :since)
   AND (:type IS NULL OR type = :type)
 ORDER BY seq DESC;

-- name: list_records_of_type_down
-- params: scope before since type
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record INDEXED BY pawl.record_type
 WHERE scope = :scope AND type = :type AND seq < :before AND (:since = 0 OR committed >= :since)
 ORDER BY seq DESC;

-- name: get_record
-- params: scope seq
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record
 WHERE scope = :scope AND seq = :seq;

-- name: list_queues
-- params: after
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE id > :after
 ORDER BY id;

-- name: list_queues_of_scope
-- params: scope
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE scope = :scope
 ORDER BY id;

-- name: list_queues_of_lane
-- params: scope lane
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE scope = :scope AND lane = :lane
 ORDER BY id;

-- name: list_news
-- params: after limit
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE added > :after
 ORDER BY added DESC
 LIMIT :limit;

-- name: list_lanes
-- params: scope
SELECT scope, name, policy, sum FROM pawl.lane WHERE scope = :scope ORDER BY name;

-- name: list_targets
-- params: scope
SELECT scope, name, urls, secret_file, headers, probe, poll, policy, sum
  FROM pawl.target
 WHERE scope = :scope
 ORDER BY name;

-- name: list_senders
-- params: scope
SELECT scope, target, sender, urls, secret_file, headers, removed, sum
  FROM pawl.sender
 WHERE scope = :scope
 ORDER BY target, sender;

-- name: list_senders_of
-- params: scope target
SELECT scope, target, sender, urls, secret_file, headers, removed, sum
  FROM pawl.sender
 WHERE scope = :scope AND target = :target
 ORDER BY sender;

-- name: list_messages_down
-- params: after before
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created, sum
  FROM pawl.message
 WHERE number > :after AND number < :before
 ORDER BY number DESC;

-- name: list_messages_up
-- params: after before
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created, sum
  FROM pawl.message
 WHERE number > :after AND number < :before
 ORDER BY number;

-- The first of a place in either direction, for listing by state. Ready and blocked rows are in no order of number: the
-- store keeps the first while it walks.

-- name: walk_ready
-- params: queue
SELECT number, phase, queue, key FROM pawl.ready WHERE queue = :queue;

-- name: walk_blocked
-- params: queue
SELECT number, 0, queue, key FROM pawl.blocked WHERE queue = :queue;

-- name: walk_claimed_down
-- params: after before
SELECT number, phase, queue, key
  FROM pawl.claimed
 WHERE number > :after AND number < :before
 ORDER BY number DESC;

-- name: walk_claimed_up
-- params: after before
SELECT number, phase, queue, key
  FROM pawl.claimed
 WHERE number > :after AND number < :before
 ORDER BY number;

-- name: walk_held_down
-- params: after before
SELECT number, phase, queue, key
  FROM pawl.held
 WHERE number > :after AND number < :before
 ORDER BY number DESC;

-- name: walk_held_up
-- params: after before
SELECT number, phase, queue, key
  FROM pawl.held
 WHERE number > :after AND number < :before
 ORDER BY number;

-- name: walk_delivered_down
-- params: after before
SELECT number, state, queue, key
  FROM pawl.ended
 WHERE number > :after AND number < :before AND state = 'delivered'
 ORDER BY number DESC;

-- name: walk_delivered_up
-- params: after before
SELECT number, state, queue, key
  FROM pawl.ended
 WHERE number > :after AND number < :before AND state = 'delivered'
 ORDER BY number;

-- name: walk_ended_other_down
-- params: after before
SELECT number, state, queue, key
  FROM pawl.ended
 WHERE number > :after AND number < :before AND state <> 'delivered'
 ORDER BY number DESC;

-- name: walk_ended_other_up
-- params: after before
SELECT number, state, queue, key
  FROM pawl.ended
 WHERE number > :after AND number < :before AND state <> 'delivered'
 ORDER BY number;

-- What time may end, by how it is found. Each walk goes through groups in which the order is that of time (a queue; of
-- what is ready, a priority of one): `next` finds the first of the next group; behind all numbers stand texts, and behind
-- those what is neither. What is given is the queue, the number and what tells when it ends; then the group's phase, and
-- where the walk is.

-- name: next_ready
-- params: queue phase priority
SELECT queue, phase, priority, due
  FROM pawl.ready
 WHERE (queue, phase, priority, due) > (:queue, :phase, :priority, x'ffffffffffffffffffffffffffffffff')
 ORDER BY queue, phase, priority, due
 LIMIT 1;

-- name: old_ready
-- params: queue at number until limit priority
SELECT ready.queue, ready.number, message.created, message.available, message.expires, NULL, ready.due, ready.since,
       ready.updated, ready.retried, ready.phase, ready.due
  FROM pawl.ready JOIN pawl.message ON message.number = ready.number
 WHERE ready.queue = :queue AND ready.phase = 0 AND ready.priority = :priority
   AND (ready.due, ready.number) > (:at, :number) AND ready.due <= :until AND ready.until IS NULL
 ORDER BY ready.due, ready.number
 LIMIT :limit;

-- name: next_ready_again
-- params: queue
SELECT queue, 0, 0, since FROM pawl.ready WHERE queue > :queue AND since IS NOT NULL ORDER BY queue, since LIMIT 1;

-- name: old_ready_again
-- params: queue at number until limit
SELECT ready.queue, ready.number, message.created, message.available, message.expires, ready.until, ready.due,
       ready.since, ready.updated, ready.retried, ready.phase, ready.since
  FROM pawl.ready JOIN pawl.message ON message.number = ready.number
 WHERE ready.queue = :queue AND (ready.since, ready.number) > (:at, :number)
   AND ready.since <= :until AND ready.since IS NOT NULL
 ORDER BY ready.since, ready.number
 LIMIT :limit;

-- name: next_ready_until
-- params: queue
SELECT queue, 0, 0, until FROM pawl.ready WHERE queue > :queue AND until IS NOT NULL ORDER BY queue, until LIMIT 1;

-- name: old_ready_until
-- params: queue at number until limit
SELECT ready.queue, ready.number, message.created, message.available, message.expires, ready.until, ready.due,
       ready.since, ready.updated, ready.retried, ready.phase, ready.until
  FROM pawl.ready JOIN pawl.message ON message.number = ready.number
 WHERE ready.queue = :queue AND (ready.until, ready.number) > (:at, :number)
   AND ready.until <= :until AND ready.until IS NOT NULL
 ORDER BY ready.until, ready.number
 LIMIT :limit;

-- name: next_blocked
-- params: queue
SELECT queue, 0, 0, ifnull(since, due) FROM pawl.blocked WHERE queue > :queue ORDER BY queue, ifnull(since, due) LIMIT 1;

-- name: old_blocked
-- params: queue at number until limit
SELECT blocked.queue, blocked.number, message.created, message.available, message.expires, blocked.until, blocked.due,
       blocked.since, blocked.updated, blocked.retried, 0, ifnull(blocked.since, blocked.due)
  FROM pawl.blocked JOIN pawl.message ON message.number = blocked.number
 WHERE blocked.queue = :queue AND ifnull(blocked.since, blocked.due) BETWEEN :at AND :until
   AND (ifnull(blocked.since, blocked.due), blocked.number) > (:at, :number)
 ORDER BY ifnull(blocked.since, blocked.due), blocked.number
 LIMIT :limit;

-- name: next_blocked_until
-- params: queue
SELECT queue, 0, 0, until FROM pawl.blocked WHERE queue > :queue AND until IS NOT NULL ORDER BY queue, until LIMIT 1;

-- name: old_blocked_until
-- params: queue at number until limit
SELECT blocked.queue, blocked.number, message.created, message.available, message.expires, blocked.until, blocked.due,
       blocked.since, blocked.updated, blocked.retried, 0, blocked.until
  FROM pawl.blocked JOIN pawl.message ON message.number = blocked.number
 WHERE blocked.queue = :queue AND (blocked.until, blocked.number) > (:at, :number)
   AND blocked.until <= :until AND blocked.until IS NOT NULL
 ORDER BY blocked.until, blocked.number
 LIMIT :limit;

-- name: next_held_until
-- params: queue
SELECT queue, 0, 0, until FROM pawl.held WHERE queue > :queue AND until IS NOT NULL ORDER BY queue, until LIMIT 1;

-- name: old_held_until
-- params: queue at number until limit
SELECT held.queue, held.number, message.created, message.available, message.expires, held.until, held.due,
       held.since, held.updated, held.retried, held.phase, held.until
  FROM pawl.held JOIN pawl.message ON message.number = held.number
 WHERE held.queue = :queue AND (held.until, held.number) > (:at, :number)
   AND held.until <= :until AND held.until IS NOT NULL
 ORDER BY held.until, held.number
 LIMIT :limit;

-- What waits for senders that were removed.

-- name: list_gone_ready
-- params: now
SELECT ready.queue, ready.number, ready.phase, ready.priority, ready.due, ready.since, ready.until, ready.sender, ready.attempts,
       ready.deferrals, ready.crashes, ready.retried, ready.looked, ready.waiter, ready.key, ready.position, ready.holds_key,
       ready.failure, ready.progress, ready.remote_id, ready.updated, ready.sum
  FROM pawl.sender CROSS JOIN pawl.queue CROSS JOIN pawl.ready
 WHERE sender.removed <= :now AND sender.removed IS NOT NULL
   AND queue.scope = sender.scope AND queue.target = sender.target
   AND ready.queue = queue.id AND ready.sender = sender.sender AND ready.sender IS NOT NULL AND ready.phase = 0;

-- What waits to be sent for one that is there, whatever keeps it waiting.

-- name: list_put_off
-- params: queue sender priority due number
SELECT queue, number, phase, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position,
       holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.ready INDEXED BY pawl.ready_sender
 WHERE queue = :queue AND sender = :sender AND sender IS NOT NULL AND phase = 0
   AND (priority, due, number) > (:priority, :due, :number)
 ORDER BY priority, due, number;

-- name: list_gone_blocked
-- params: now
SELECT blocked.queue, blocked.number, blocked.priority, blocked.due, blocked.since, blocked.until, blocked.sender,
       blocked.attempts, blocked.deferrals, blocked.crashes, blocked.retried, blocked.looked, blocked.waiter, blocked.key,
       blocked.position, blocked.failure, blocked.progress, blocked.remote_id, blocked.updated, blocked.sum
  FROM pawl.sender CROSS JOIN pawl.queue CROSS JOIN pawl.blocked INDEXED BY pawl.blocked_sender
 WHERE sender.removed <= :now AND sender.removed IS NOT NULL
   AND queue.scope = sender.scope AND queue.target = sender.target
   AND blocked.queue = queue.id AND blocked.sender = sender.sender AND blocked.sender IS NOT NULL;

-- Numbers ascend as their messages were made, and none ends before that: the caller stops where they are young.

-- name: old_ended
-- params: number limit
SELECT ended.queue, ended.number, coalesce(message.created, workflow.created), coalesce(message.available, workflow.available),
       message.expires, ended.ended, 0, NULL, 0, NULL, 0, ended.state
  FROM pawl.ended
  LEFT JOIN pawl.message ON message.number = ended.number
  LEFT JOIN pawl.workflow ON workflow.number = ended.number
 WHERE ended.number > :number
 ORDER BY ended.number
 LIMIT :limit;

-- name: page_claimed
-- params: after
SELECT queue, number, tail, phase, priority, due, since, until, sender, token, committer, consumer, claimed, lease, boot, attempts,
       deferrals, crashes, retried, looked, waiter, key, position, holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.claimed
 WHERE number > :after
 ORDER BY number;

-- name: list_attempts
-- params: number
SELECT number, ordinal, phase, n, began, ended, worker, verdict, status, class, text, sum
  FROM pawl.attempt
 WHERE number = :number
 ORDER BY ordinal;

-- name: list_bounds_until
-- params: now
SELECT queue, kind, key, message, fingerprint, until, state, sum
  FROM pawl.bound
 WHERE until IS NOT NULL AND until <= :now
 ORDER BY until;

-- name: count_places
-- params: queue priority due number key
SELECT (SELECT count(*) FROM pawl.claimed WHERE number = :number) + (SELECT count(*) FROM pawl.held WHERE number = :number)
     + (SELECT count(*) FROM pawl.ended WHERE number = :number)
     + (SELECT count(*) FROM pawl.ready
         WHERE queue = :queue AND phase = 0 AND priority = :priority AND due = :due AND number = :number AND since IS NULL)
     + (SELECT count(*) FROM pawl.ready WHERE number = :number AND since IS NOT NULL)
     + (SELECT count(*) FROM pawl.blocked WHERE queue = :queue AND key = :key AND position = :number AND number = :number)
     + (SELECT count(*) FROM pawl.blocked WHERE number = :number AND position <> number);

-- ---- the ledger, projections, counters ----

-- name: list_assets
-- params: scope
SELECT scope, name, scale, sum FROM pawl.asset WHERE scope = :scope ORDER BY name;

-- The end of a range: a blob is behind every text.

-- name: list_accounts
-- params: scope after_account after_asset until asset
SELECT scope, account, asset, balance, entries, seq, update_seq, sum
  FROM pawl.account
 WHERE scope = :scope AND (account, asset) > (:after_account, :after_asset) AND account <= ifnull(:until, x'')
   AND (:asset IS NULL OR asset = :asset)
 ORDER BY account, asset;

-- name: list_entries
-- params: scope after index asset
SELECT scope, seq, post, account, asset, delta, balance, reason, reference, update_seq, sum
  FROM pawl.entry
 WHERE scope = :scope AND (seq, post) >= (:after, :index) AND (:asset IS NULL OR asset = :asset)
 ORDER BY seq, post;

-- name: list_entries_of
-- params: scope account after index asset
SELECT scope, seq, post, account, asset, delta, balance, reason, reference, update_seq, sum
  FROM pawl.entry INDEXED BY pawl.entry_account
 WHERE scope = :scope AND account = :account AND (seq, post) >= (:after, :index) AND (:asset IS NULL OR asset = :asset)
 ORDER BY seq, post;

-- name: list_fills
-- params: scope after index
SELECT scope, trade, seq, event, market, buyer, seller, price, size, fee, profit, sum
  FROM pawl.fill
 WHERE scope = :scope AND (seq, event) >= (:after, :index)
 ORDER BY seq, event;

-- Behind every key with that prefix: no UTF-8 has a byte 255.

-- name: list_projections
-- params: scope name after prefix
SELECT scope, name, key, content_type, data, version, seq, sum
  FROM pawl.projection
 WHERE scope = :scope AND name = :name AND key > :after AND key >= :prefix AND key < :prefix || CAST(x'ff' AS TEXT)
 ORDER BY key;

-- name: list_counters
-- params: scope
SELECT scope, name, value, seq, sum FROM pawl.counter WHERE scope = :scope ORDER BY name;

-- ---- types of events, snapshots, subscriptions ----

-- name: list_types
-- params: scope
SELECT scope, name, needs, keep, critical, sum FROM pawl.type WHERE scope = :scope ORDER BY name;

-- name: list_snapshots
-- params: scope after
SELECT scope, seq, record, hash, size, made, sum FROM pawl.snapshot WHERE scope = :scope AND seq > :after ORDER BY seq;

-- name: list_chunks
-- params: scope after piece
SELECT scope, seq, piece, data, sum FROM pawl.chunk WHERE scope = :scope AND (seq, piece) >= (:after, :piece) ORDER BY seq, piece;

-- name: list_subscriptions
-- params: scope
SELECT scope, name, topic, prefix, lane, target, seq, event, sum FROM pawl.subscription WHERE scope = :scope ORDER BY name;

-- ---- workflows ----

-- name: list_workflows_down
-- params: after before
SELECT number, tail, queue, id, seq, key, priority, fingerprint, available, created, first, generation,
       state, version, content_type, data, total, rejections, waits, told, coded, entered, run, undoing, no_return, undos, signals, pending, shown, holds,
       paused, cancelled, receipt_type, receipt, sum
  FROM pawl.workflow
 WHERE number > :after AND number < :before
 ORDER BY number DESC;

-- name: list_workflows_up
-- params: after before
SELECT number, tail, queue, id, seq, key, priority, fingerprint, available, created, first, generation,
       state, version, content_type, data, total, rejections, waits, told, coded, entered, run, undoing, no_return, undos, signals, pending, shown, holds,
       paused, cancelled, receipt_type, receipt, sum
  FROM pawl.workflow
 WHERE number > :after AND number < :before
 ORDER BY number;

-- name: list_kinds
-- params: scope
SELECT scope, name, policy, sum FROM pawl.kind WHERE scope = :scope ORDER BY name;

-- name: list_pending
-- params: queue workflow
SELECT queue, workflow, key, number, ordinal, name, content_type, data, at, taken, sum
  FROM pawl.signal
 WHERE queue = :queue AND workflow = :workflow AND taken IS NULL
 ORDER BY ordinal;

-- name: list_signals
-- params: queue workflow
SELECT queue, workflow, key, number, ordinal, name, content_type, data, at, taken, sum
  FROM pawl.signal
 WHERE queue = :queue AND workflow = :workflow
 ORDER BY ordinal;

-- name: list_steps
-- params: number after
SELECT number, generation, state, version, content_type, data, result, attempts, began, ended, worker, error, seq, sum
  FROM pawl.step
 WHERE number = :number AND generation > :after
 ORDER BY generation;

-- name: remove_steps
-- params: number
DELETE FROM pawl.step WHERE number = :number;

-- name: remove_signals
-- params: queue workflow number
DELETE FROM pawl.signal WHERE queue = :queue AND workflow = :workflow AND number = :number;

-- name: list_held
-- params: scope holder
SELECT scope, id, kind, state, holder, generation, updated, sum
  FROM pawl.resource
 WHERE scope = :scope AND holder = :holder
 ORDER BY id;

-- name: list_resources
-- params: scope after
SELECT scope, id, kind, state, holder, generation, updated, sum
  FROM pawl.resource
 WHERE scope = :scope AND id > :after
 ORDER BY id;

-- name: list_resource_moves
-- params: scope id
SELECT scope, id, generation, state, holder, at, seq, sum
  FROM pawl.resource_move
 WHERE scope = :scope AND id = :id
 ORDER BY generation;

-- name: list_schedules
-- params: scope
SELECT scope, name, cron, zone, every, missed, catch_up, jitter, lane, target, starts, content_type,
       data, added, last, fired, revision, paused, sum
  FROM pawl.schedule WHERE scope = :scope ORDER BY name;
