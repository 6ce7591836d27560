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
  FROM pawl.ready LEFT JOIN pawl.message ON message.number = ready.number
 WHERE message.queue IS NOT ready.queue OR message.priority IS NOT ready.priority OR message.key IS NOT ready.key
    OR message.sender IS NOT ready.sender
    OR (ready.since IS NULL AND (ready.phase <> 0 OR message.available IS NOT ready.due));

-- name: stray_blocked
-- params:
SELECT NULL, blocked.queue, blocked.number
  FROM pawl.blocked LEFT JOIN pawl.message ON message.number = blocked.number
 WHERE message.queue IS NOT blocked.queue OR message.priority IS NOT blocked.priority OR message.key IS NOT blocked.key
    OR message.sender IS NOT blocked.sender;

-- name: stray_claimed
-- params:
SELECT NULL, claimed.queue, claimed.number
  FROM pawl.claimed LEFT JOIN pawl.message ON message.number = claimed.number
 WHERE message.queue IS NOT claimed.queue OR message.priority IS NOT claimed.priority OR message.key IS NOT claimed.key
    OR message.sender IS NOT claimed.sender
    OR message.tail IS NOT claimed.tail OR claimed.committer > (SELECT last_committer FROM pawl.store)
    OR claimed.boot > (SELECT boot FROM pawl.store)
    OR claimed.token > (SELECT epoch << 47 | last_token FROM pawl.store);

-- name: stray_held
-- params:
SELECT NULL, held.queue, held.number
  FROM pawl.held LEFT JOIN pawl.message ON message.number = held.number
 WHERE message.queue IS NOT held.queue OR message.priority IS NOT held.priority OR message.key IS NOT held.key
    OR message.sender IS NOT held.sender;

-- name: stray_ended
-- params:
SELECT NULL, ended.queue, ended.number
  FROM pawl.ended LEFT JOIN pawl.message ON message.number = ended.number
 WHERE message.queue IS NOT ended.queue OR message.key IS NOT ended.key;

-- name: stray_attempts
-- params:
SELECT NULL, NULL, number FROM pawl.attempt WHERE NOT EXISTS (SELECT 1 FROM pawl.message WHERE message.number = attempt.number);

-- name: wrong_lines
-- params:
SELECT NULL, line.queue, line.key
  FROM pawl.line
 WHERE line.depth <> (line.head IS NOT NULL) + line.beside
                     + (SELECT count(*) FROM pawl.blocked WHERE blocked.queue = line.queue AND blocked.key = line.key)
    OR (line.head IS NULL) <> (line.position IS NULL)
    OR (line.head IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM pawl.message WHERE message.number = line.head AND message.queue = line.queue
                                               AND message.key = line.key))
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
                      AND message.request_id = bound.key)));

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
                WHERE (scope.id << 43) + last_number < (SELECT max(number)
                                                          FROM pawl.message
                                                         WHERE number > scope.id << 43 AND number < (scope.id + 1) << 43));
