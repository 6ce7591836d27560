-- SPDX-License-Identifier: MIT
-- How the rows of each kind are found by their key, put, added, taken away and, for `pawl verify`, listed in the order in which
-- they are read. The line `row` says whose a statement is, the first word of its name which of these it does; the columns are
-- those of src/model/columns.c, in their order. tools/sqlpack.py makes the table pawli_row_sql of them.

-- ---- store ----

-- name: get_store
-- params:
-- row: store
SELECT life, epoch, commits, last_token, last_scope, last_queue, last_committer, boot_id, boot, looks, lease,
       wall, seen, steady, steady_boot, floor, leapt, ahead, backs, mended, sum
  FROM pawl.store;

-- name: put_store
-- params: life epoch commits last_token last_scope last_queue last_committer boot_id boot looks lease wall seen steady steady_boot floor leapt ahead backs mended sum
-- row: store
UPDATE pawl.store
   SET life = :life, epoch = :epoch, commits = :commits, last_token = :last_token,
       last_scope = :last_scope, last_queue = :last_queue, last_committer = :last_committer, boot_id = :boot_id,
       boot = :boot,
       looks = :looks, lease = :lease, wall = :wall, seen = :seen, steady = :steady, steady_boot = :steady_boot,
       floor = :floor,
       leapt = :leapt, ahead = :ahead, backs = :backs, mended = :mended, sum = :sum;

-- ---- committer ----

-- name: get_committer
-- params: id
-- row: committer
SELECT id, slot, sum FROM pawl.committer WHERE id = :id;

-- name: list_committers
-- params:
-- row: committer
SELECT id, slot, sum FROM pawl.committer;

-- name: put_committer
-- params: id slot sum
-- row: committer
INSERT INTO pawl.committer (id, slot, sum)
VALUES (:id, :slot, :sum);

-- name: remove_committer
-- params: id
-- row: committer
DELETE FROM pawl.committer WHERE id = :id;

-- ---- worker ----

-- name: list_workers
-- params:
-- row: worker
SELECT id, consumer, committer, pid, scope, lanes, sinks, since, seen, stopped, sum FROM pawl.worker ORDER BY id;

-- name: put_worker
-- params: id consumer committer pid scope lanes sinks since seen stopped sum
-- row: worker
INSERT OR REPLACE INTO pawl.worker (id, consumer, committer, pid, scope, lanes, sinks, since, seen, stopped, sum)
VALUES (:id, :consumer, :committer, :pid, :scope, :lanes, :sinks, :since, :seen, :stopped, :sum);

-- name: remove_worker
-- params: id
-- row: worker
DELETE FROM pawl.worker WHERE id = :id;

-- ---- scope ----

-- name: get_scope
-- params: name
-- row: scope
SELECT id, name, seq, head, last_number, fill_types, pruned, sum FROM pawl.scope WHERE name = :name;

-- name: put_scope
-- params: id name seq head last_number fill_types pruned sum
-- row: scope
INSERT INTO pawl.scope (id, name, seq, head, last_number, fill_types, pruned, sum)
VALUES (:id, :name, :seq, :head, :last_number, :fill_types, :pruned, :sum)
    ON CONFLICT (id) DO UPDATE
   SET seq = excluded.seq, head = excluded.head, last_number = excluded.last_number,
       fill_types = excluded.fill_types, pruned = excluded.pruned, sum = excluded.sum;

-- name: all_scopes
-- params:
-- row: scope
SELECT id, name, seq, head, last_number, fill_types, pruned, sum
  FROM pawl.scope;

-- ---- record ----

-- name: find_request
-- params: scope request_id
-- row: record
SELECT scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type, response, pre, post,
       duration_us, committed, waited, epoch, digest, events, messages, effects, hashes,
       sum
  FROM pawl.record
 WHERE request_id = :request_id AND scope = :scope;

-- name: put_record
-- params: scope seq request_id fingerprint type ref content_type command response_type response pre post duration_us committed waited epoch digest events messages effects hashes sum
-- row: record
UPDATE pawl.record
   SET request_id = :request_id, fingerprint = :fingerprint, type = :type, ref = :ref,
       content_type = :content_type, command = :command, response_type = :response_type, response = :response,
       pre = :pre, post = :post, duration_us = :duration_us, committed = :committed,
       waited = :waited, epoch = :epoch, digest = :digest, events = :events,
       messages = :messages, effects = :effects, hashes = :hashes, sum = :sum
 WHERE scope = :scope AND seq = :seq;

-- name: add_record
-- params: scope seq request_id fingerprint type ref content_type command response_type response pre post duration_us committed waited epoch digest events messages effects hashes sum
-- row: record
-- rows: 8 32
INSERT OR FAIL INTO pawl.record (scope, seq, request_id, fingerprint, type, ref, content_type, command, response_type,
                                 response, pre, post, duration_us, committed, waited, epoch, digest, events, messages,
                                 effects, hashes, sum)
VALUES (:scope, :seq, :request_id, :fingerprint, :type, :ref, :content_type, :command, :response_type, :response, :pre,
        :post, :duration_us, :committed, :waited, :epoch, :digest, :events, :messages, :effects, :hashes, :sum);

-- ---- queue ----

-- name: get_queue
-- params: scope lane target kind
-- row: queue
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue
 WHERE scope = :scope AND lane = :lane AND target = :target AND kind = :kind;

-- name: put_queue
-- params: id scope lane target kind pending claimed awaiting uncertain delivered dead cancelled lease looks added late sum
-- row: queue
INSERT INTO pawl.queue (id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled,
                        lease, looks, added, late, sum)
VALUES (:id, :scope, :lane, :target, :kind, :pending, :claimed, :awaiting, :uncertain, :delivered, :dead, :cancelled,
        :lease, :looks, :added, :late, :sum)
    ON CONFLICT (id) DO UPDATE
   SET pending = excluded.pending, claimed = excluded.claimed, awaiting = excluded.awaiting,
       uncertain = excluded.uncertain, delivered = excluded.delivered, dead = excluded.dead,
       cancelled = excluded.cancelled, lease = excluded.lease, looks = excluded.looks, added = excluded.added, late = excluded.late,
       sum = excluded.sum;

-- name: all_queues
-- params:
-- row: queue
SELECT id, scope, lane, target, kind, pending, claimed, awaiting, uncertain, delivered, dead, cancelled, lease,
       looks, added, late, sum
  FROM pawl.queue;

-- ---- lane ----

-- name: get_lane
-- params: scope name
-- row: lane
SELECT scope, name, policy, sum FROM pawl.lane WHERE scope = :scope AND name = :name;

-- name: put_lane
-- params: scope name policy sum
-- row: lane
INSERT INTO pawl.lane (scope, name, policy, sum)
VALUES (:scope, :name, :policy, :sum)
    ON CONFLICT (scope, name) DO UPDATE SET policy = excluded.policy, sum = excluded.sum;

-- name: all_lanes
-- params:
-- row: lane
SELECT scope, name, policy, sum
  FROM pawl.lane;

-- ---- flow ----

-- name: get_flow
-- params: scope lane target
-- row: flow
SELECT scope, lane, target, boot, rate_next, breaker, calls, failures, opened, until, healed, pace_next, retry_next, since,
       sent, normal, sum
  FROM pawl.flow
 WHERE scope = :scope AND lane = :lane AND target = :target;

-- name: put_flow
-- params: scope lane target boot rate_next breaker calls failures opened until healed pace_next retry_next since sent normal sum
-- row: flow
INSERT OR REPLACE INTO pawl.flow (scope, lane, target, boot, rate_next, breaker, calls, failures, opened, until, healed,
                                  pace_next, retry_next, since, sent, normal, sum)
VALUES (:scope, :lane, :target, :boot, :rate_next, :breaker, :calls, :failures, :opened, :until, :healed, :pace_next,
        :retry_next, :since, :sent, :normal, :sum);

-- name: all_flows
-- params:
-- row: flow
SELECT scope, lane, target, boot, rate_next, breaker, calls, failures, opened, until, healed, pace_next, retry_next, since,
       sent, normal, sum
  FROM pawl.flow;

-- ---- target ----

-- name: get_target
-- params: scope name
-- row: target
SELECT scope, name, urls, secret_file, headers, probe, poll, policy, sum
  FROM pawl.target
 WHERE scope = :scope AND name = :name;

-- name: put_target
-- params: scope name urls secret_file headers probe poll policy sum
-- row: target
INSERT INTO pawl.target (scope, name, urls, secret_file, headers, probe, poll, policy, sum)
VALUES (:scope, :name, :urls, :secret_file, :headers, :probe, :poll, :policy, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET urls = excluded.urls, secret_file = excluded.secret_file, headers = excluded.headers, probe = excluded.probe,
       poll = excluded.poll, policy = excluded.policy, sum = excluded.sum;

-- name: remove_target
-- params: scope name
-- row: target
DELETE FROM pawl.target WHERE scope = :scope AND name = :name;

-- name: all_targets
-- params:
-- row: target
SELECT scope, name, urls, secret_file, headers, probe, poll, policy, sum
  FROM pawl.target;

-- ---- sender ----

-- name: get_sender
-- params: scope target sender
-- row: sender
SELECT scope, target, sender, urls, secret_file, headers, removed, sum
  FROM pawl.sender
 WHERE scope = :scope AND target = :target AND sender = :sender;

-- name: put_sender
-- params: scope target sender urls secret_file headers removed sum
-- row: sender
INSERT INTO pawl.sender (scope, target, sender, urls, secret_file, headers, removed, sum)
VALUES (:scope, :target, :sender, :urls, :secret_file, :headers, :removed, :sum)
    ON CONFLICT (scope, target, sender) DO UPDATE
   SET urls = excluded.urls, secret_file = excluded.secret_file, headers = excluded.headers, removed = excluded.removed,
       sum = excluded.sum;

-- name: remove_sender
-- params: scope target sender
-- row: sender
DELETE FROM pawl.sender WHERE scope = :scope AND target = :target AND sender = :sender;

-- name: all_senders
-- params:
-- row: sender
SELECT scope, target, sender, urls, secret_file, headers, removed, sum
  FROM pawl.sender;

-- ---- bound ----

-- name: get_bound
-- params: queue kind key
-- row: bound
SELECT queue, kind, key, message, fingerprint, until, state,
       sum FROM pawl.bound WHERE queue = :queue AND kind = :kind AND key = :key;

-- name: put_bound
-- params: queue kind key message fingerprint until state sum
-- row: bound
INSERT INTO pawl.bound (queue, kind, key, message, fingerprint, until, state, sum)
VALUES (:queue, :kind, :key, :message, :fingerprint, :until, :state, :sum)
    ON CONFLICT (queue, kind, key) DO UPDATE
   SET message = excluded.message, fingerprint = excluded.fingerprint, until = excluded.until, state = excluded.state,
       sum = excluded.sum;

-- name: remove_bound
-- params: queue kind key
-- row: bound
DELETE FROM pawl.bound WHERE queue = :queue AND kind = :kind AND key = :key;

-- name: all_bounds
-- params:
-- row: bound
SELECT queue, kind, key, message, fingerprint, until, state, sum
  FROM pawl.bound;

-- ---- line ----

-- name: get_line
-- params: queue key
-- row: line
SELECT queue, key, head, position, beside, depth FROM pawl.line WHERE queue = :queue AND key = :key;

-- name: put_line
-- params: queue key head position beside depth
-- row: line
INSERT INTO pawl.line (queue, key, head, position, beside, depth)
VALUES (:queue, :key, :head, :position, :beside, :depth)
    ON CONFLICT (queue, key) DO UPDATE
   SET head = excluded.head, position = excluded.position, beside = excluded.beside, depth = excluded.depth;

-- name: remove_line
-- params: queue key
-- row: line
DELETE FROM pawl.line WHERE queue = :queue AND key = :key;

-- name: all_lines
-- params:
-- row: line
SELECT queue, key, head, position, beside, depth
  FROM pawl.line;

-- ---- message ----

-- name: get_message
-- params: number
-- row: message
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created, sum
  FROM pawl.message
 WHERE number = :number;

-- name: add_message
-- params: number tail queue seq sender key dedupe request_id priority content_type payload headers fingerprint deadline available expires max_attempts resent_of created sum
-- row: message
-- rows: 8 32
INSERT OR FAIL INTO pawl.message (number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type,
                                  payload, headers, fingerprint, deadline, available, expires, max_attempts, resent_of,
                                  created, sum)
VALUES (:number, :tail, :queue, :seq, :sender, :key, :dedupe, :request_id, :priority, :content_type, :payload, :headers,
        :fingerprint, :deadline, :available, :expires, :max_attempts, :resent_of, :created, :sum);

-- name: remove_message
-- params: number
-- row: message
DELETE FROM pawl.message WHERE number = :number;

-- name: all_messages
-- params:
-- row: message
SELECT number, tail, queue, seq, sender, key, dedupe, request_id, priority, content_type, payload, headers, fingerprint,
       deadline, available, expires, max_attempts, resent_of, created, sum
  FROM pawl.message;

-- ---- claimed ----

-- Where a task is, tried in the order of what is likely: the place is whichever of these finds it.

-- name: get_claimed
-- params: number
-- row: claimed
SELECT queue, number, tail, phase, priority, due, since, until, sender, token, committer, consumer, claimed, lease, boot, attempts,
       deferrals, crashes, retried, looked, waiter, key, position, holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.claimed
 WHERE number = :number;

-- name: list_claimed
-- params:
-- row: claimed
SELECT queue, number, tail, phase, priority, due, since, until, sender, token, committer, consumer, claimed, lease, boot, attempts,
       deferrals, crashes, retried, looked, waiter, key, position, holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.claimed;

-- name: add_claimed
-- params: queue number tail phase priority due since until sender token committer consumer claimed lease boot attempts deferrals crashes retried looked waiter key position holds_key failure progress remote_id updated sum
-- row: claimed
-- rows: 8 32
INSERT OR FAIL INTO pawl.claimed (number, tail, queue, phase, priority, due, since, until, sender, token, committer, consumer,
                                  claimed, lease, boot, attempts, deferrals, crashes, retried, looked, waiter, key, position,
                                  holds_key, failure,
                                  progress, remote_id, updated, sum)
VALUES (:number, :tail, :queue, :phase, :priority, :due, :since, :until, :sender, :token, :committer, :consumer, :claimed, :lease,
        :boot, :attempts, :deferrals, :crashes, :retried, :looked, :waiter, :key, :position, :holds_key, :failure, :progress,
        :remote_id, :updated,
        :sum);

-- The whole row: its sum covers all of it.

-- name: put_claimed
-- params: queue number tail phase priority due since until sender token committer consumer claimed lease boot attempts deferrals crashes retried looked waiter key position holds_key failure progress remote_id updated sum
-- row: claimed
UPDATE pawl.claimed
   SET queue = :queue, tail = :tail, phase = :phase, priority = :priority, due = :due, since = :since, until = :until, sender = :sender,
       committer = :committer, consumer = :consumer, claimed = :claimed, lease = :lease, boot = :boot, attempts = :attempts,
       deferrals = :deferrals, crashes = :crashes, retried = :retried, looked = :looked, waiter = :waiter, key = :key, position = :position,
       holds_key = :holds_key,
       failure = :failure, progress = :progress, remote_id = :remote_id, updated = :updated, sum = :sum
 WHERE number = :number AND token = :token;

-- ---- ended ----

-- name: get_ended
-- params: number
-- row: ended
SELECT queue, number, state, attempts, deferrals, crashes, retried, looked, key, position, holds_key, failure, remote_id,
       answer,
       claimed, ended, reason, "by", successor, sum
  FROM pawl.ended
 WHERE number = :number;

-- name: add_ended
-- params: queue number state attempts deferrals crashes retried looked key position holds_key failure remote_id answer claimed ended reason by successor sum
-- row: ended
-- rows: 8 32
INSERT OR FAIL INTO pawl.ended (number, queue, state, attempts, deferrals, crashes, retried, looked, key, position,
                                holds_key,
                                failure, remote_id, answer, claimed, ended, reason, "by", successor, sum)
VALUES (:number, :queue, :state, :attempts, :deferrals, :crashes, :retried, :looked, :key, :position, :holds_key, :failure,
        :remote_id, :answer, :claimed, :ended, :reason, :by, :successor, :sum);

-- name: all_ended
-- params:
-- row: ended
SELECT queue, number, state, attempts, deferrals, crashes, retried, looked, key, position, holds_key, failure, remote_id,
       answer,
       claimed, ended, reason, "by", successor, sum
  FROM pawl.ended;

-- ---- held ----

-- name: get_held
-- params: number
-- row: held
SELECT queue, number, phase, priority, due, since, until, sender, hold, token, attempts, deferrals, crashes, retried, looked, waiter, key,
       position, holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.held
 WHERE number = :number;

-- name: add_held
-- params: queue number phase priority due since until sender hold token attempts deferrals crashes retried looked waiter key position holds_key failure progress remote_id updated sum
-- row: held
-- rows: 8 32
INSERT OR FAIL INTO pawl.held (number, queue, phase, priority, due, since, until, sender, hold, token, attempts, deferrals,
                               crashes, retried, looked, waiter, key, position, holds_key, failure, progress, remote_id, updated,
                               sum)
VALUES (:number, :queue, :phase, :priority, :due, :since, :until, :sender, :hold, :token, :attempts, :deferrals, :crashes,
        :retried, :looked, :waiter, :key, :position, :holds_key, :failure, :progress, :remote_id, :updated, :sum);

-- name: all_held
-- params:
-- row: held
SELECT queue, number, phase, priority, due, since, until, sender, hold, token, attempts, deferrals, crashes, retried, looked, waiter, key,
       position, holds_key, failure, progress, remote_id, updated, sum
  FROM pawl.held;

-- ---- ready ----

-- name: get_ready_again
-- params: number
-- row: ready
SELECT queue, number, phase, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position,
       holds_key, failure,
       progress, remote_id, updated, sum
  FROM pawl.ready
 WHERE number = :number AND since IS NOT NULL;

-- name: add_ready
-- params: queue number phase priority due since until sender attempts deferrals crashes retried looked waiter key position holds_key failure progress remote_id updated sum
-- row: ready
-- rows: 8 32
INSERT OR FAIL INTO pawl.ready (queue, phase, priority, due, number, since, until, sender, attempts, deferrals, crashes, retried,
                                looked, waiter,
                                key, position, holds_key, failure, progress, remote_id, updated, sum)
VALUES (:queue, :phase, :priority, :due, :number, :since, :until, :sender, :attempts, :deferrals, :crashes, :retried, :looked, :waiter,
        :key, :position, :holds_key,
        :failure, :progress, :remote_id, :updated, :sum);

-- name: all_ready
-- params:
-- row: ready
SELECT queue, number, phase, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position,
       holds_key, failure,
       progress, remote_id, updated, sum
  FROM pawl.ready;

-- ---- blocked ----

-- name: get_blocked_moved
-- params: number
-- row: blocked
SELECT queue, number, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position, failure,
       progress,
       remote_id, updated, sum
  FROM pawl.blocked
 WHERE number = :number AND position <> number;

-- name: add_blocked
-- params: queue number priority due since until sender attempts deferrals crashes retried looked waiter key position failure progress remote_id updated sum
-- row: blocked
-- rows: 8 32
INSERT OR FAIL INTO pawl.blocked (queue, key, position, number, priority, due, since, until, sender, attempts, deferrals, crashes,
                                  retried, looked, waiter, failure, progress, remote_id, updated, sum)
VALUES (:queue, :key, :position, :number, :priority, :due, :since, :until, :sender, :attempts, :deferrals, :crashes, :retried,
        :looked, :waiter,
        :failure, :progress, :remote_id, :updated, :sum);

-- name: all_blocked
-- params:
-- row: blocked
SELECT queue, number, priority, due, since, until, sender, attempts, deferrals, crashes, retried, looked, waiter, key, position, failure,
       progress,
       remote_id, updated, sum
  FROM pawl.blocked;

-- ---- hold ----

-- name: put_hold
-- params: kind scope lane target code reason by since until before_ms sum
-- row: hold
INSERT INTO pawl.hold (kind, scope, lane, target, code, reason, "by", since, until, before_ms, sum)
VALUES (:kind, :scope, :lane, :target, :code, :reason, :by, :since, :until, :before_ms, :sum)
    ON CONFLICT (kind, scope, lane, target, code) DO UPDATE
   SET reason = excluded.reason, "by" = excluded."by", since = excluded.since, until = excluded.until,
       before_ms = excluded.before_ms, sum = excluded.sum;

-- name: list_holds
-- params:
-- row: hold
SELECT kind, scope, lane, target, code, reason, "by", since, until, before_ms, sum
  FROM pawl.hold
 ORDER BY since DESC;

-- ---- attempt ----

-- name: put_attempt
-- params: number ordinal phase n began ended worker verdict status class text sum
-- row: attempt
INSERT INTO pawl.attempt (number, ordinal, phase, n, began, ended, worker, verdict, status, class, text, sum)
VALUES (:number, :ordinal, :phase, :n, :began, :ended, :worker, :verdict, :status, :class, :text, :sum)
    ON CONFLICT (number, ordinal) DO UPDATE
   SET phase = excluded.phase, n = excluded.n, began = excluded.began, ended = excluded.ended, worker = excluded.worker,
       verdict = excluded.verdict, status = excluded.status, class = excluded.class, text = excluded.text,
       sum = excluded.sum;

-- name: all_attempts
-- params:
-- row: attempt
SELECT number, ordinal, phase, n, began, ended, worker, verdict, status, class, text, sum
  FROM pawl.attempt;

-- ---- workflow ----

-- name: get_workflow
-- params: number
-- row: workflow
SELECT number, tail, queue, id, seq, key, priority, fingerprint, available, created, first, generation,
       state, version, content_type, data, total, rejections, waits, told, coded, entered, run, undoing, no_return, undos, signals, pending, shown, holds,
       paused, cancelled, receipt_type, receipt, sum
  FROM pawl.workflow
 WHERE number = :number;

-- name: put_workflow
-- params: number tail queue id seq key priority fingerprint available created first generation state version content_type data total rejections waits told coded entered run undoing no_return undos signals pending shown holds paused cancelled receipt_type receipt sum
-- row: workflow
INSERT INTO pawl.workflow (number, tail, queue, id, seq, key, priority, fingerprint, available, created,
                           first, generation, state, version, content_type, data, total, rejections, waits, told, coded, entered, run, undoing, no_return,
                           undos, signals, pending, shown, holds, paused, cancelled, receipt_type, receipt,
                           sum)
VALUES (:number, :tail, :queue, :id, :seq, :key, :priority, :fingerprint, :available, :created, :first,
        :generation, :state, :version, :content_type, :data, :total, :rejections, :waits, :told, :coded, :entered, :run, :undoing, :no_return, :undos,
        :signals, :pending, :shown, :holds, :paused, :cancelled, :receipt_type, :receipt, :sum)
    ON CONFLICT (number) DO UPDATE
   SET tail = excluded.tail, queue = excluded.queue, id = excluded.id, seq = excluded.seq, key = excluded.key,
       priority = excluded.priority, fingerprint = excluded.fingerprint, available = excluded.available,
       created = excluded.created, first = excluded.first,
       generation = excluded.generation, state = excluded.state, version = excluded.version,
       content_type = excluded.content_type, data = excluded.data, total = excluded.total,
       rejections = excluded.rejections, waits = excluded.waits, told = excluded.told, coded = excluded.coded, entered = excluded.entered,
       run = excluded.run,
       undoing = excluded.undoing, no_return = excluded.no_return,
       undos = excluded.undos, signals = excluded.signals, pending = excluded.pending, shown = excluded.shown,
       holds = excluded.holds, paused = excluded.paused, cancelled = excluded.cancelled,
       receipt_type = excluded.receipt_type, receipt = excluded.receipt, sum = excluded.sum;

-- name: add_workflow
-- params: number tail queue id seq key priority fingerprint available created first generation state version content_type data total rejections waits told coded entered run undoing no_return undos signals pending shown holds paused cancelled receipt_type receipt sum
-- row: workflow
-- rows: 8 32
INSERT OR FAIL INTO pawl.workflow (number, tail, queue, id, seq, key, priority, fingerprint, available, created,
                                   first, generation, state, version, content_type, data, total, rejections,
                                   waits, told, coded, entered, run, undoing, no_return, undos, signals, pending, shown, holds, paused, cancelled,
                                   receipt_type, receipt, sum)
VALUES (:number, :tail, :queue, :id, :seq, :key, :priority, :fingerprint, :available, :created, :first,
        :generation, :state, :version, :content_type, :data, :total, :rejections, :waits, :told, :coded, :entered, :run, :undoing, :no_return, :undos,
        :signals, :pending, :shown, :holds, :paused, :cancelled, :receipt_type, :receipt, :sum);

-- name: remove_workflow
-- params: number
-- row: workflow
DELETE FROM pawl.workflow WHERE number = :number;

-- name: all_workflows
-- params:
-- row: workflow
SELECT number, tail, queue, id, seq, key, priority, fingerprint, available, created, first, generation,
       state, version, content_type, data, total, rejections, waits, told, coded, entered, run, undoing, no_return, undos, signals, pending, shown, holds,
       paused, cancelled, receipt_type, receipt, sum
  FROM pawl.workflow;

-- ---- kind ----

-- name: get_kind
-- params: scope name
-- row: kind
SELECT scope, name, policy, sum
  FROM pawl.kind
 WHERE scope = :scope AND name = :name;

-- name: put_kind
-- params: scope name policy sum
-- row: kind
INSERT INTO pawl.kind (scope, name, policy, sum)
VALUES (:scope, :name, :policy, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET policy = excluded.policy, sum = excluded.sum;

-- name: all_kinds
-- params:
-- row: kind
SELECT scope, name, policy, sum
  FROM pawl.kind;

-- ---- signal ----

-- name: get_signal
-- params: queue workflow key
-- row: signal
SELECT queue, workflow, key, number, ordinal, name, content_type, data, at, taken, sum
  FROM pawl.signal
 WHERE queue = :queue AND workflow = :workflow AND key = :key;

-- name: put_signal
-- params: queue workflow key number ordinal name content_type data at taken sum
-- row: signal
INSERT INTO pawl.signal (queue, workflow, key, number, ordinal, name, content_type, data, at, taken, sum)
VALUES (:queue, :workflow, :key, :number, :ordinal, :name, :content_type, :data, :at, :taken, :sum)
    ON CONFLICT (queue, workflow, key) DO UPDATE
   SET number = excluded.number, ordinal = excluded.ordinal, name = excluded.name, content_type = excluded.content_type, data = excluded.data,
       at = excluded.at, taken = excluded.taken, sum = excluded.sum;

-- name: remove_signal
-- params: queue workflow key
-- row: signal
DELETE FROM pawl.signal WHERE queue = :queue AND workflow = :workflow AND key = :key;

-- name: all_signals
-- params:
-- row: signal
SELECT queue, workflow, key, number, ordinal, name, content_type, data, at, taken, sum
  FROM pawl.signal;

-- ---- step ----

-- name: add_step
-- params: number generation state version content_type data result attempts began ended worker error seq sum
-- row: step
-- rows: 8 32
INSERT OR FAIL INTO pawl.step (number, generation, state, version, content_type, data, result, attempts, began, ended,
                               worker, error, seq, sum)
VALUES (:number, :generation, :state, :version, :content_type, :data, :result, :attempts, :began, :ended, :worker,
        :error, :seq, :sum);

-- name: all_steps
-- params:
-- row: step
SELECT number, generation, state, version, content_type, data, result, attempts, began, ended, worker, error, seq, sum
  FROM pawl.step;

-- ---- resource ----

-- name: get_resource
-- params: scope id
-- row: resource
SELECT scope, id, kind, state, holder, generation, updated, sum
  FROM pawl.resource
 WHERE scope = :scope AND id = :id;

-- name: put_resource
-- params: scope id kind state holder generation updated sum
-- row: resource
INSERT INTO pawl.resource (scope, id, kind, state, holder, generation, updated, sum)
VALUES (:scope, :id, :kind, :state, :holder, :generation, :updated, :sum)
    ON CONFLICT (scope, id) DO UPDATE
   SET kind = excluded.kind, state = excluded.state, holder = excluded.holder, generation = excluded.generation,
       updated = excluded.updated, sum = excluded.sum;

-- name: all_resources
-- params:
-- row: resource
SELECT scope, id, kind, state, holder, generation, updated, sum
  FROM pawl.resource;

-- ---- resource move ----

-- name: add_resource_move
-- params: scope id generation state holder at seq sum
-- row: resource_move
-- rows: 8 32
INSERT OR FAIL INTO pawl.resource_move (scope, id, generation, state, holder, at, seq, sum)
VALUES (:scope, :id, :generation, :state, :holder, :at, :seq, :sum);

-- name: all_resource_moves
-- params:
-- row: resource_move
SELECT scope, id, generation, state, holder, at, seq, sum
  FROM pawl.resource_move;

-- ---- schedule ----

-- name: get_schedule
-- params: scope name
-- row: schedule
SELECT scope, name, cron, zone, every, missed, catch_up, jitter, lane, target, starts, content_type,
       data, added, last, fired, revision, paused, sum
  FROM pawl.schedule
 WHERE scope = :scope AND name = :name;

-- name: put_schedule
-- params: scope name cron zone every missed catch_up jitter lane target starts content_type data added last fired revision paused sum
-- row: schedule
INSERT INTO pawl.schedule (scope, name, cron, zone, every, missed, catch_up, jitter, lane, target, starts, content_type,
                           data, added, last, fired, revision, paused, sum)
VALUES (:scope, :name, :cron, :zone, :every, :missed, :catch_up, :jitter, :lane, :target, :starts, :content_type,
        :data, :added, :last, :fired, :revision, :paused, :sum)
    ON CONFLICT (scope, name) DO UPDATE
   SET cron = excluded.cron, zone = excluded.zone, every = excluded.every, missed = excluded.missed,
       catch_up = excluded.catch_up, jitter = excluded.jitter, lane = excluded.lane, target = excluded.target,
       starts = excluded.starts, content_type = excluded.content_type, data = excluded.data, added = excluded.added,
       last = excluded.last, fired = excluded.fired, revision = excluded.revision, paused = excluded.paused, sum = excluded.sum;

-- name: remove_schedule
-- params: scope name
-- row: schedule
DELETE FROM pawl.schedule WHERE scope = :scope AND name = :name;

-- name: all_schedules
-- params:
-- row: schedule
SELECT scope, name, cron, zone, every, missed, catch_up, jitter, lane, target, starts, content_type,
       data, added, last, fired, revision, paused, sum
  FROM pawl.schedule ORDER BY scope, name;
