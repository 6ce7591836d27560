-- SPDX-License-Identifier: MIT
-- How `pawl verify` finds what does not agree.

-- Whether a table and its indexes agree: what is found by a key that its index lost is not there.

-- name: check_table
-- params: table
SELECT integrity_check FROM pragma_integrity_check(:table);

-- What does not agree: scope, queue, and a text of which row. Each finds nothing in a good store.

-- name: stray_queues
-- params:
SELECT NULL, NULL, id FROM pawl.queue WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = queue.scope);

-- name: stray_records
-- params:
SELECT NULL, NULL, seq FROM pawl.record WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = record.scope);

-- name: stray_messages
-- params:
SELECT NULL, NULL, number
  FROM pawl.message
 WHERE NOT EXISTS (SELECT 1 FROM pawl.queue WHERE queue.id = message.queue AND queue.scope = message.number >> 43);

-- name: stray_lanes
-- params:
SELECT NULL, NULL, name FROM pawl.lane WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = lane.scope);

-- name: stray_targets
-- params:
SELECT NULL, NULL, name FROM pawl.target WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = target.scope);

-- name: stray_senders
-- params:
SELECT NULL, NULL, sender FROM pawl.sender WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = sender.scope);

-- name: stray_holds
-- params:
SELECT NULL, NULL, code FROM pawl.hold WHERE scope <> 0 AND NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = hold.scope);

-- name: stray_ready
-- params:
SELECT NULL, ready.queue, ready.number
  FROM pawl.ready
 WHERE (NOT EXISTS (SELECT 1 FROM pawl.message
                     WHERE message.number = ready.number AND message.queue = ready.queue AND message.priority = ready.priority AND message.key IS ready.key AND message.sender IS ready.sender
                       AND (ready.since IS NOT NULL OR (ready.phase = 0 AND message.available = ready.due)))
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                         WHERE workflow.number = ready.number AND workflow.queue = ready.queue AND workflow.priority = ready.priority AND workflow.key IS ready.key AND ready.sender IS NULL
                           AND (ready.since IS NOT NULL OR (ready.phase = 0 AND workflow.available = ready.due))));

-- name: stray_blocked
-- params:
SELECT NULL, blocked.queue, blocked.number
  FROM pawl.blocked
 WHERE (NOT EXISTS (SELECT 1 FROM pawl.message
                     WHERE message.number = blocked.number AND message.queue = blocked.queue AND message.priority = blocked.priority AND message.key IS blocked.key AND message.sender IS blocked.sender)
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                         WHERE workflow.number = blocked.number AND workflow.queue = blocked.queue AND workflow.priority = blocked.priority AND workflow.key IS blocked.key AND blocked.sender IS NULL));

-- name: stray_claimed
-- params:
SELECT NULL, claimed.queue, claimed.number
  FROM pawl.claimed
 WHERE (NOT EXISTS (SELECT 1 FROM pawl.message
                     WHERE message.number = claimed.number AND message.queue = claimed.queue AND message.priority = claimed.priority AND message.key IS claimed.key AND message.sender IS claimed.sender AND message.tail = claimed.tail)
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                         WHERE workflow.number = claimed.number AND workflow.queue = claimed.queue AND workflow.priority = claimed.priority AND workflow.key IS claimed.key AND claimed.sender IS NULL AND workflow.tail = claimed.tail))
    OR claimed.committer > (SELECT last_committer FROM pawl.store)
    OR claimed.boot > (SELECT boot FROM pawl.store)
    OR claimed.token > (SELECT epoch << 47 | last_token FROM pawl.store);

-- name: stray_held
-- params:
SELECT NULL, held.queue, held.number
  FROM pawl.held
 WHERE (NOT EXISTS (SELECT 1 FROM pawl.message
                     WHERE message.number = held.number AND message.queue = held.queue AND message.priority = held.priority AND message.key IS held.key AND message.sender IS held.sender)
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                         WHERE workflow.number = held.number AND workflow.queue = held.queue AND workflow.priority = held.priority AND workflow.key IS held.key AND held.sender IS NULL));

-- name: stray_ended
-- params:
SELECT NULL, ended.queue, ended.number
  FROM pawl.ended
 WHERE (NOT EXISTS (SELECT 1 FROM pawl.message
                     WHERE message.number = ended.number AND message.queue = ended.queue AND message.key IS ended.key)
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                         WHERE workflow.number = ended.number AND workflow.queue = ended.queue AND workflow.key IS ended.key));

-- name: stray_attempts
-- params:
SELECT NULL, NULL, number
  FROM pawl.attempt
 WHERE NOT EXISTS (SELECT 1 FROM pawl.message WHERE message.number = attempt.number)
   AND NOT EXISTS (SELECT 1 FROM pawl.workflow WHERE workflow.number = attempt.number);

-- name: wrong_lines
-- params:
SELECT NULL, line.queue, line.key
  FROM pawl.line
 WHERE line.depth <> (line.head IS NOT NULL) + line.beside
                     + (SELECT count(*) FROM pawl.blocked WHERE blocked.queue = line.queue AND blocked.key = line.key)
    OR (line.head IS NULL) <> (line.position IS NULL)
    OR (line.head IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM pawl.message WHERE message.number = line.head AND message.queue = line.queue
                                               AND message.key = line.key)
        AND NOT EXISTS (SELECT 1 FROM pawl.workflow WHERE workflow.number = line.head AND workflow.queue = line.queue
                                                AND workflow.key = line.key))
    OR EXISTS (SELECT 1 FROM pawl.blocked WHERE blocked.queue = line.queue AND blocked.key = line.key
                                       AND blocked.number = line.head);

-- name: wrong_heads
-- params:
SELECT NULL, queue, number
  FROM (SELECT queue, number, key, position FROM pawl.ready WHERE holds_key = 1
        UNION ALL SELECT queue, number, key, position FROM pawl.claimed WHERE holds_key = 1
        UNION ALL SELECT queue, number, key, position FROM pawl.held WHERE holds_key = 1
        UNION ALL SELECT queue, number, key, position FROM pawl.ended WHERE holds_key = 1) AS holder
 WHERE NOT EXISTS (SELECT 1 FROM pawl.line WHERE line.queue = holder.queue AND line.key = holder.key
                                        AND line.head = holder.number AND line.position = holder.position);

-- name: wrong_beside
-- params:
SELECT NULL, queue, key
  FROM (SELECT queue, key, beside FROM pawl.line WHERE beside > 0
        UNION ALL SELECT queue, key, -1 FROM pawl.ready WHERE holds_key = 2
        UNION ALL SELECT queue, key, -1 FROM pawl.claimed WHERE holds_key = 2
        UNION ALL SELECT queue, key, -1 FROM pawl.held WHERE holds_key = 2
        UNION ALL SELECT queue, key, -1 FROM pawl.ended WHERE holds_key = 2)
 GROUP BY queue, key
HAVING sum(beside) <> 0;

-- name: wrong_blocked
-- params:
SELECT NULL, queue, number
  FROM pawl.blocked
 WHERE NOT EXISTS (SELECT 1 FROM pawl.line WHERE line.queue = blocked.queue AND line.key = blocked.key);

-- name: wrong_bounds
-- params:
SELECT NULL, queue, number
  FROM pawl.message
 WHERE (dedupe IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pawl.bound WHERE bound.queue = message.queue AND kind = 0
           AND bound.key = dedupe AND bound.fingerprint = message.fingerprint AND until IS NULL)
        AND NOT EXISTS (SELECT 1 FROM pawl.ended WHERE ended.number = message.number AND successor IS NOT NULL))
    OR (request_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pawl.bound WHERE bound.queue = message.queue AND kind = 1
           AND bound.key = message.request_id AND bound.fingerprint = message.fingerprint AND until IS NULL));

-- name: stray_bounds
-- params:
-- By the number in the id, whose digits JSON can read: message has no index by key.
SELECT NULL, bound.queue, hex(bound.message)
  FROM pawl.bound LEFT JOIN pawl.queue ON queue.id = bound.queue
 WHERE until IS NULL
   AND NOT EXISTS (SELECT 1 FROM pawl.message
                    WHERE message.number = (queue.scope << 43)
                              + (('0x' || substr(hex(bound.message), 1, 12) || substr(hex(bound.message), 14, 3)) ->> '$')
                      AND message.queue = bound.queue AND message.fingerprint = bound.fingerprint
                      AND ((bound.kind = 0 AND message.dedupe = bound.key) OR (bound.kind = 1
                      AND message.request_id = bound.key)))
   AND NOT EXISTS (SELECT 1 FROM pawl.workflow
                    WHERE workflow.number = (queue.scope << 43)
                              + (('0x' || substr(hex(bound.message), 1, 12) || substr(hex(bound.message), 14, 3)) ->> '$')
                      AND workflow.queue = bound.queue AND workflow.fingerprint = bound.fingerprint
                      AND bound.kind = 0 AND workflow.id = bound.key);

-- name: wrong_leases
-- params:
SELECT NULL, queue.id, claimed.number
  FROM pawl.store JOIN pawl.claimed ON claimed.boot = store.boot
  JOIN pawl.queue ON queue.id = claimed.queue AND queue.looks = store.looks AND queue.lease > claimed.lease;

-- name: wrong_committers
-- params:
SELECT NULL, NULL, id
  FROM pawl.committer
 WHERE id > (SELECT last_committer FROM pawl.store)
    OR slot IN (SELECT slot FROM pawl.committer GROUP BY slot HAVING count(*) > 1);

-- name: stray_workers
-- params:
SELECT NULL, NULL, consumer FROM pawl.worker WHERE committer > (SELECT last_committer FROM pawl.store);

-- name: stray_workflows
-- params:
SELECT NULL, NULL, number
  FROM pawl.workflow
 WHERE NOT EXISTS (SELECT 1 FROM pawl.queue WHERE queue.id = workflow.queue AND queue.scope = workflow.number >> 43
                                           AND queue.kind = 'workflow');

-- name: unbound_workflows
-- params:
SELECT NULL, queue, number
  FROM pawl.workflow
 WHERE NOT EXISTS (SELECT 1 FROM pawl.bound WHERE bound.queue = workflow.queue AND kind = 0 AND bound.key = workflow.id
                                           AND bound.fingerprint = workflow.fingerprint AND until IS NULL)
   AND NOT EXISTS (SELECT 1 FROM pawl.ended WHERE ended.number = workflow.number AND successor IS NOT NULL);

-- name: stray_kinds
-- params:
SELECT NULL, NULL, name FROM pawl.kind WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = kind.scope);

-- name: stray_schedules
-- params:
SELECT NULL, NULL, name FROM pawl.schedule WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = schedule.scope);

-- name: stray_steps
-- params:
SELECT NULL, NULL, number
  FROM pawl.step
 WHERE NOT EXISTS (SELECT 1 FROM pawl.workflow WHERE workflow.number = step.number AND step.generation > workflow.first
                                              AND step.generation <= workflow.generation);

-- name: stray_signals
-- params:
SELECT NULL, queue, number
  FROM pawl.signal
 WHERE NOT EXISTS (SELECT 1 FROM pawl.workflow
                    WHERE workflow.number = signal.number AND workflow.queue = signal.queue AND workflow.id = signal.workflow
                      AND signal.ordinal <= workflow.signals);

-- name: wrong_pending
-- params:
SELECT NULL, queue, number
  FROM pawl.workflow
 WHERE pending <> (SELECT count(*) FROM pawl.signal
                    WHERE signal.queue = workflow.queue AND signal.workflow = workflow.id AND taken IS NULL
                      AND signal.number = workflow.number);

-- name: wrong_holds
-- params:
SELECT NULL, workflow.queue, workflow.number
  FROM pawl.workflow JOIN pawl.queue ON queue.id = workflow.queue
 WHERE NOT EXISTS (SELECT 1 FROM pawl.ended WHERE ended.number = workflow.number)
   AND holds <> (SELECT count(*) FROM pawl.resource
                  WHERE resource.scope = queue.scope AND resource.holder = queue.target || '/' || workflow.id);

-- name: stray_holders
-- params:
SELECT resource.scope, NULL, resource.id
  FROM pawl.resource
 WHERE holder IS NOT NULL
   AND NOT EXISTS (SELECT 1
                     FROM pawl.queue JOIN pawl.workflow ON workflow.queue = queue.id
                    WHERE queue.scope = resource.scope AND queue.kind = 'workflow'
                      AND queue.target = substr(holder, 1, instr(holder, '/') - 1)
                      AND workflow.number = (queue.scope << 43)
                              + (SELECT (('0x' || substr(hex(message), 1, 12) || substr(hex(message), 14, 3)) ->> '$')
                                   FROM pawl.bound
                                  WHERE bound.queue = queue.id AND kind = 0 AND bound.key = substr(holder, instr(holder, '/') + 1))
                      AND NOT EXISTS (SELECT 1 FROM pawl.ended WHERE ended.number = workflow.number));

-- name: wrong_resources
-- params:
SELECT resource.scope, NULL, resource.id
  FROM pawl.resource
 WHERE NOT EXISTS (SELECT 1 FROM pawl.scope WHERE scope.id = resource.scope)
    OR NOT EXISTS (SELECT 1
                     FROM pawl.resource_move
                    WHERE resource_move.scope = resource.scope AND resource_move.id = resource.id
                      AND resource_move.generation = resource.generation AND resource_move.state = resource.state
                      AND resource_move.holder IS resource.holder);

-- name: wrong_types
-- params:
SELECT scope.id, NULL, scope.fill_types
  FROM pawl.scope
 WHERE fill_types <> (SELECT count(*) FROM pawl.type WHERE type.scope = scope.id AND needs IS NOT NULL);

-- name: wrong_snapshots
-- params:
SELECT scope, NULL, seq
  FROM pawl.snapshot
 WHERE size <> (SELECT ifnull(sum(length(data)), 0) FROM pawl.chunk WHERE chunk.scope = snapshot.scope AND chunk.seq = snapshot.seq)
    OR record IS NOT (SELECT digest FROM pawl.record WHERE record.scope = snapshot.scope AND record.seq = snapshot.seq);

-- name: wrong_subscriptions
-- params:
SELECT subscription.scope, NULL, subscription.name
  FROM pawl.subscription LEFT JOIN pawl.scope ON scope.id = subscription.scope
 WHERE scope.id IS NULL OR subscription.seq > scope.seq;

-- name: wrong_counters
-- params:
SELECT NULL, NULL, one
  FROM pawl.store
 WHERE last_queue < (SELECT max(id) FROM pawl.queue) OR last_scope < (SELECT max(id) FROM pawl.scope)
    OR EXISTS (SELECT 1
                 FROM pawl.scope
                WHERE (scope.id << 43) + last_number
                      < max((SELECT ifnull(max(number), 0) FROM pawl.message
                              WHERE number > scope.id << 43 AND number < (scope.id + 1) << 43),
                            (SELECT ifnull(max(number), 0) FROM pawl.workflow
                              WHERE number > scope.id << 43 AND number < (scope.id + 1) << 43)));
