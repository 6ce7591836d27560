-- SPDX-License-Identifier: MIT
-- What a person with sqlite3 and nothing else looks at: decoded columns, whole stories.

CREATE VIEW pawl.records AS
SELECT scope.name AS scope, record.seq,
       lower(substr(hex(request_id), 1, 8) || '-' || substr(hex(request_id), 9, 4) || '-' || substr(hex(request_id), 13, 4)
             || '-' || substr(hex(request_id), 17, 4) || '-' || substr(hex(request_id), 21)) AS request_id,
       type, ref, coalesce(content_type, 'application/json') AS content_type, command,
       iif(response IS NULL, NULL, coalesce(response_type, 'application/json')) AS response_type, response, lower(hex(fingerprint)) AS fingerprint,
       lower(hex(digest)) AS digest, lower(hex(pre)) AS pre, lower(hex(post)) AS post, duration_us, committed - waited AS received, committed,
       epoch, events, coalesce(length(messages) / 56, 0) AS message_count, effects
  FROM pawl.record JOIN pawl.scope ON scope.id = record.scope;

CREATE VIEW pawl.events AS
SELECT scope, seq, "index", event ->> '$[0]' AS topic, event ->> '$[1]' AS type, event ->> '$[2]' AS key,
       rest ->> 'stream_seq' AS stream_seq, coalesce(rest ->> 'keep', 'full') AS keep,
       iif(rest -> 'keep' IS NULL AND rest -> 'pruned' IS NULL AND rest -> 'content_type' IS NULL, event -> '$[#-1]', NULL) AS data,
       iif(rest -> 'keep' IS NULL AND rest -> 'pruned' IS NULL AND rest -> 'content_type' IS NOT NULL, event ->> '$[#-1]', NULL) AS data_base64,
       committed
  FROM (SELECT scope.name AS scope, record.seq, event.key AS "index", event.value AS event,
               iif(json_array_length(event.value) = 5, event.value -> '$[3]', '{}') AS rest, record.committed
          FROM pawl.record JOIN pawl.scope ON scope.id = record.scope, json_each(record.events) AS event)
 WHERE keep <> 'none';

CREATE VIEW pawl.messages AS
SELECT printf('%08x-%04x-8%03x-%04x-%012x', (message.number & 8796093022207) >> 28, (message.number >> 12) & 65535, message.number & 4095,
              32768 | (message.tail >> 48), message.tail & 281474976710655) AS id,
       scope.name AS scope, queue.lane, queue.target,
       CASE WHEN ended.number IS NOT NULL THEN ended.state
            WHEN claimed.number IS NOT NULL
            THEN CASE claimed.phase WHEN 0 THEN 'claimed' WHEN 1 THEN 'awaiting' ELSE 'uncertain' END
            ELSE CASE coalesce(first.phase, again.phase, held.phase, 0)
                 WHEN 0 THEN 'pending' WHEN 1 THEN 'awaiting' ELSE 'uncertain' END END AS state,
       coalesce(first.attempts, again.attempts, blocked.attempts, claimed.attempts, held.attempts, ended.attempts) AS attempts,
       coalesce(first.deferrals, again.deferrals, blocked.deferrals, claimed.deferrals, held.deferrals,
                ended.deferrals) AS deferrals,
       coalesce(first.due, again.due, blocked.due, held.due) AS due, claimed.consumer AS claimed_by,
       message.sender, message.key, message.dedupe, message.priority,
       coalesce(message.content_type, 'application/json') AS content_type, message.payload,
       message.headers, message.seq, message.available, message.expires, message.deadline, message.created,
       coalesce(first.failure, again.failure, blocked.failure, claimed.failure, held.failure, ended.failure) AS last_error,
       coalesce(first.remote_id, again.remote_id, blocked.remote_id, claimed.remote_id, held.remote_id,
                ended.remote_id) AS remote_id,
       held.hold, ended.ended, ended.reason, ended."by"
  FROM pawl.message
  JOIN pawl.queue ON queue.id = message.queue
  JOIN pawl.scope ON scope.id = queue.scope
  LEFT JOIN pawl.ended ON ended.number = message.number
  LEFT JOIN pawl.claimed ON claimed.number = message.number
  LEFT JOIN pawl.held ON held.number = message.number
  LEFT JOIN pawl.blocked ON blocked.queue = message.queue AND blocked.key = message.key AND blocked.number = message.number
  LEFT JOIN pawl.ready AS first ON first.queue = message.queue AND first.phase = 0 AND first.priority = message.priority
                          AND first.due = message.available AND first.number = message.number
  LEFT JOIN pawl.ready AS again ON again.number = message.number AND again.since IS NOT NULL;

CREATE VIEW pawl.workflows AS
SELECT scope.name AS scope, queue.target AS kind, workflow.id, workflow.key,
       CASE WHEN ended.number IS NOT NULL THEN iif(ended.state = 'delivered', 'finished', 'failed')
            WHEN claimed.number IS NOT NULL THEN 'running'
            WHEN held.number IS NOT NULL AND held.hold <> 'paused' THEN 'stuck'
            WHEN workflow.waits OR coalesce(again.due, held.due, workflow.available) > (julianday('now') - 2440587.5) * 86400000
            THEN 'parked' ELSE 'runnable' END AS status,
       workflow.state, coalesce(workflow.content_type, 'application/json') AS content_type, workflow.data, workflow.version,
       workflow.generation, coalesce(first.attempts, again.attempts, blocked.attempts, claimed.attempts, held.attempts, ended.attempts) AS attempts,
       workflow.total, iif(workflow.waits, NULL, coalesce(first.due, again.due, blocked.due, held.due)) AS due, claimed.consumer AS claimed_by,
       coalesce(first.failure, again.failure, blocked.failure, claimed.failure, held.failure, ended.failure) AS last_error,
       held.hold, workflow.paused, workflow.cancelled, workflow.holds, workflow.pending AS signals, workflow.receipt, workflow.seq,
       workflow.created, ended.ended, ended.reason, ended."by"
  FROM pawl.workflow
  JOIN pawl.queue ON queue.id = workflow.queue
  JOIN pawl.scope ON scope.id = queue.scope
  LEFT JOIN pawl.ended ON ended.number = workflow.number
  LEFT JOIN pawl.claimed ON claimed.number = workflow.number
  LEFT JOIN pawl.held ON held.number = workflow.number
  LEFT JOIN pawl.blocked ON blocked.queue = workflow.queue AND blocked.key = workflow.key AND blocked.number = workflow.number
  LEFT JOIN pawl.ready AS first ON first.queue = workflow.queue AND first.phase = 0 AND first.priority = workflow.priority
                          AND first.due = workflow.available AND first.number = workflow.number
  LEFT JOIN pawl.ready AS again ON again.number = workflow.number AND again.since IS NOT NULL;

CREATE VIEW pawl.schedules AS
SELECT scope.name AS scope, schedule.name, schedule.cron, coalesce(schedule.zone, 'UTC') AS zone, nullif(schedule.every, 0) AS every_ms,
       CASE schedule.missed WHEN 0 THEN 'one' WHEN 1 THEN 'all' ELSE 'none' END AS missed, schedule.catch_up, schedule.jitter AS jitter_ms,
       schedule.lane, schedule.target, schedule.starts AS kind, schedule.data, schedule.added,
       iif(schedule.last > schedule.added, schedule.last, NULL) AS last_slot, schedule.fired, schedule.paused
  FROM pawl.schedule JOIN pawl.scope ON scope.id = schedule.scope;

CREATE VIEW pawl.resources AS
SELECT scope.name AS scope, resource.id, resource.kind, resource.state, resource.holder, resource.generation, resource.updated
  FROM pawl.resource JOIN pawl.scope ON scope.id = resource.scope;

CREATE VIEW pawl.balances AS
SELECT scope.name AS scope, account.account, account.asset, account.balance, account.entries, account.seq
  FROM pawl.account JOIN pawl.scope ON scope.id = account.scope;

CREATE VIEW pawl.entries AS
SELECT scope.name AS scope, entry.seq, entry.post AS "index", entry.account, entry.asset, entry.delta, entry.balance, entry.reason,
       entry.reference, record.type, record.committed
  FROM pawl.entry JOIN pawl.scope ON scope.id = entry.scope
  JOIN pawl.record ON record.scope = entry.scope AND record.seq = entry.seq;

CREATE VIEW pawl.fills AS
SELECT scope.name AS scope, fill.seq, fill.event, fill.trade AS trade_id, fill.market, fill.buyer, fill.seller, fill.price, fill.size, fill.fee,
       fill.profit
  FROM pawl.fill JOIN pawl.scope ON scope.id = fill.scope;

CREATE VIEW pawl.projections AS
SELECT scope.name AS scope, projection.name, projection.key, coalesce(projection.content_type, 'application/json') AS content_type,
       projection.data, projection.version, projection.seq
  FROM pawl.projection JOIN pawl.scope ON scope.id = projection.scope;

CREATE VIEW pawl.types AS
SELECT scope.name AS scope, type.name AS type, type.needs, type.keep, type.critical
  FROM pawl.type JOIN pawl.scope ON scope.id = type.scope;

CREATE VIEW pawl.snapshots AS
SELECT scope.name AS scope, snapshot.seq, snapshot.size, lower(hex(snapshot.hash)) AS sha256, lower(hex(snapshot.record)) AS digest,
       snapshot.made
  FROM pawl.snapshot JOIN pawl.scope ON scope.id = snapshot.scope;

CREATE VIEW pawl.subscriptions AS
SELECT scope.name AS scope, subscription.name, subscription.topic, subscription.prefix AS key_prefix, subscription.lane,
       subscription.target, subscription.seq, iif(subscription.event = 4294967295, NULL, subscription.event) AS "index"
  FROM pawl.subscription JOIN pawl.scope ON scope.id = subscription.scope;
