-- SPDX-License-Identifier: MIT
-- The tables of a store. Times are Unix milliseconds unless they say boot (nanoseconds of CLOCK_BOOTTIME). What is written
-- for every batch is small and one page each; what is large is only ever appended. A task is in exactly one of the five
-- places ready, blocked, claimed, held, ended, and moving it is a delete and an insert: indexes on hot rows are what costs.
-- A number of a message is that of its scope, times 2 to the 43rd, and its own in it: one integer, in order of both.
-- A sum covers the other columns of its row.

CREATE TABLE pawl.store (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    life           BLOB    NOT NULL CHECK (length(life) = 16),
    epoch          INTEGER NOT NULL CHECK (epoch >= 1),
    commits        INTEGER NOT NULL,
    last_token     INTEGER NOT NULL,
    last_scope     INTEGER NOT NULL,
    last_queue     INTEGER NOT NULL,
    last_committer INTEGER NOT NULL,
    boot_id        BLOB    NOT NULL CHECK (length(boot_id) = 16),
    boot           INTEGER NOT NULL,
    looks          INTEGER NOT NULL,                -- counts boots and new committers: claims may be lost
    lease          INTEGER NOT NULL,                -- boot time before which no claim of this boot ends
    wall           INTEGER NOT NULL,                -- as of the last commit; 0: there was none
    seen           INTEGER NOT NULL,                -- the same moment in boot time
    steady         INTEGER NOT NULL,                -- since when both clocks run together
    steady_boot    INTEGER NOT NULL,                -- the same moment in boot time
    floor          INTEGER NOT NULL,                -- where the wall clock was after its last jump ahead
    leapt          INTEGER NOT NULL,                -- by so much may look too old what began before
    ahead          INTEGER NOT NULL,                -- where the wall clock was before it went back
    backs          INTEGER NOT NULL,                -- how often it did
    mended         INTEGER NOT NULL,                -- of these, as of the last look at all that waits
    sum            INTEGER NOT NULL,
    version        INTEGER NOT NULL DEFAULT 0       -- of the schema: the file's user_version may be another program's
) STRICT;

CREATE TABLE pawl.committer (                            -- whose claims these are; written once by each
    id   INTEGER PRIMARY KEY,
    slot INTEGER NOT NULL,                          -- the byte of FILE-gate that its process holds while it lives
    sum  INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.worker (                               -- who works, or did
    id        INTEGER PRIMARY KEY,                  -- drawn by each
    consumer  TEXT    NOT NULL,
    committer INTEGER NOT NULL,                     -- of its process
    pid       INTEGER NOT NULL,
    scope     TEXT,                                 -- NULL: all of them
    lanes     TEXT,                                 -- JSON array; NULL: all
    sinks     TEXT    NOT NULL,                     -- JSON array: schemes, and whole URLs of callbacks
    since     INTEGER NOT NULL,
    seen      INTEGER NOT NULL,                     -- when this row was written last
    stopped   INTEGER,                              -- NULL: it did not say that it stops
    sum       INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.scope (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE,
    seq  INTEGER NOT NULL,
    head BLOB    NOT NULL CHECK (length(head) = 32),
    last_number INTEGER NOT NULL,                   -- of its messages
    fill_types  INTEGER NOT NULL,                   -- how many types of its events need a fill
    pruned      INTEGER NOT NULL,                   -- bodies of records up to this one are gone
    sum  INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.lane (
    scope  INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    policy TEXT    NOT NULL,                        -- JSON object of the keys that are set
    sum    INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.target (
    scope       INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    urls        TEXT,                               -- JSON array, the one to be tried first at its front
    secret_file TEXT,
    headers     TEXT,                               -- JSON object
    probe       TEXT,                               -- URLs that know whether a message happened,
    poll        TEXT,                               -- and what became of one that was handed over
    policy      TEXT    NOT NULL,
    sum         INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.sender (                               -- whose messages to a target have a route of their own
    scope       INTEGER NOT NULL,
    target      TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    urls        TEXT,                               -- urls, secret_file, headers: as of a target
    secret_file TEXT,
    headers     TEXT,
    removed     INTEGER,                            -- since then the sender is gone
    sum         INTEGER NOT NULL,
    PRIMARY KEY (scope, target, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.sender_removed ON pawl.sender (removed) WHERE removed IS NOT NULL;

CREATE TABLE pawl.hold (
    kind       TEXT    NOT NULL CHECK (kind IN ('store', 'lane', 'target', 'queue')),
    scope      INTEGER NOT NULL,                    -- 0: the store's own
    lane       TEXT    NOT NULL,                    -- '' where it does not apply
    target     TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    reason     TEXT,
    "by"       TEXT,
    since      INTEGER NOT NULL,
    until      INTEGER,                             -- NULL: until it is released; as since: it was
    before_ms  INTEGER NOT NULL CHECK (before_ms >= 0), -- how long it was held before since
    sum    INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, lane, target, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.flow (                                 -- what the limits of a lane or a target saw
    scope      INTEGER NOT NULL,
    lane       TEXT    NOT NULL,                    -- '' where it is a target's
    target     TEXT    NOT NULL,
    boot       INTEGER NOT NULL,                    -- in which the boot times are that follow
    rate_next  INTEGER NOT NULL,
    breaker    INTEGER NOT NULL,                    -- 0 closed, 1 open, 2 healing
    calls      INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    opened     INTEGER NOT NULL,                    -- in a row
    until      INTEGER,                             -- of an open one: when a trial may be made
    healed     INTEGER NOT NULL,
    pace_next  INTEGER NOT NULL,
    retry_next INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    sent       INTEGER NOT NULL,                    -- since then
    normal     INTEGER NOT NULL,                    -- in 1,000 seconds lately
    sum        INTEGER NOT NULL,
    PRIMARY KEY (scope, lane, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.queue (
    id        INTEGER PRIMARY KEY,
    scope     INTEGER NOT NULL,
    lane      TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,                     -- what its tasks are: message, workflow
    pending   INTEGER NOT NULL CHECK (pending >= 0),
    claimed   INTEGER NOT NULL CHECK (claimed >= 0),
    awaiting  INTEGER NOT NULL CHECK (awaiting >= 0),
    uncertain INTEGER NOT NULL CHECK (uncertain >= 0),
    delivered INTEGER NOT NULL CHECK (delivered >= 0),
    dead      INTEGER NOT NULL CHECK (dead >= 0),
    cancelled INTEGER NOT NULL CHECK (cancelled >= 0),
    lease     INTEGER NOT NULL,                     -- boot time before which no claim of it ends, while looks
    looks     INTEGER NOT NULL,                     -- is the store's
    added     INTEGER NOT NULL,                     -- the commit that last added a task to it
    late      INTEGER NOT NULL CHECK (late >= 0),   -- repetitions whose key had been forgotten
    sum       INTEGER NOT NULL,
    UNIQUE (scope, lane, target, kind)              -- the kind last: policies and holds are of all kinds
) STRICT;
CREATE INDEX pawl.queue_added ON pawl.queue (added);
CREATE INDEX pawl.queue_target ON pawl.queue (scope, target);

CREATE TABLE pawl.record (
    position      INTEGER PRIMARY KEY,              -- commit order over all scopes
    scope         INTEGER NOT NULL,
    seq           INTEGER NOT NULL CHECK (seq >= 1),
    request_id    BLOB    NOT NULL,
    fingerprint   BLOB    NOT NULL,
    type          TEXT    NOT NULL,
    ref           TEXT,
    content_type  TEXT,                             -- NULL: application/json
    command       ANY,                              -- text when it is JSON, else a blob
    response_type TEXT,                             -- as content_type
    response      ANY,                              -- NULL: none
    pre           BLOB,
    post          BLOB,
    duration_us   INTEGER,
    committed     INTEGER NOT NULL,
    waited        INTEGER NOT NULL,                 -- since it was received; a short number, most often
    epoch         INTEGER NOT NULL,
    digest        BLOB    NOT NULL,
    events        TEXT,                             -- JSON array
    messages      BLOB,                             -- 56 bytes each: id, fingerprint, nonce
    effects       TEXT,                             -- JSON object
    hashes        BLOB,                             -- of bodies that are no longer stored
    sum           INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX pawl.record_seq ON pawl.record (scope, seq);
CREATE UNIQUE INDEX pawl.record_request ON pawl.record (request_id, scope);
CREATE INDEX pawl.record_ref ON pawl.record (scope, ref, seq) WHERE ref IS NOT NULL;
CREATE INDEX pawl.record_type ON pawl.record (scope, type, seq);

CREATE TABLE pawl.message (
    number       INTEGER PRIMARY KEY,
    tail         INTEGER NOT NULL,
    queue        INTEGER NOT NULL,
    seq          INTEGER,                           -- of the record that made it
    sender       TEXT,
    key          TEXT,
    dedupe       TEXT,
    request_id   BLOB,
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 9),
    content_type TEXT,                              -- NULL: application/json
    payload      ANY     NOT NULL,
    headers      TEXT,
    fingerprint  BLOB    NOT NULL,
    deadline     INTEGER,
    available    INTEGER NOT NULL,
    expires      INTEGER,
    max_attempts INTEGER,
    resent_of    BLOB,                              -- the message that it is a copy of
    created      INTEGER NOT NULL,
    sum          INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.bound (
    queue       INTEGER NOT NULL,
    kind        INTEGER NOT NULL,                   -- 0 a dedupe key, 1 a request id
    key         ANY     NOT NULL,
    message     BLOB    NOT NULL CHECK (length(message) = 16),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    until       INTEGER,                            -- NULL while its message exists
    state       TEXT,                               -- of the message when it was purged; NULL with until: forgotten since
    sum         INTEGER NOT NULL,
    PRIMARY KEY (queue, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.bound_until ON pawl.bound (until) WHERE until IS NOT NULL;

CREATE TABLE pawl.line (
    queue    INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    head     INTEGER,                               -- the message that holds the key; NULL: only such beside it do
    position INTEGER,                               -- of the head
    beside   INTEGER NOT NULL,                      -- how many hold the key beside the head (key_concurrency)
    depth    INTEGER NOT NULL CHECK (depth >= 1),
    PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.ready (
    queue     INTEGER NOT NULL,
    phase     INTEGER NOT NULL,                     -- 0 send, 1 poll, 2 probe
    priority  INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    since     INTEGER,                              -- when its age began; NULL: at due, still the message's own date
    until     INTEGER,                              -- when time ends it, where that is a date of its own
    sender    TEXT,                                -- of its message
    attempts  INTEGER NOT NULL,
    deferrals INTEGER NOT NULL,
    crashes   INTEGER NOT NULL,
    retried   TEXT,                                 -- JSON: times an operator did, at the last, attempts before that
    looked    TEXT,                                 -- JSON: times it was asked for, and before it waits as now; token that may report
    waiter    INTEGER,                              -- the workflow that waits for its end; NULL: none does
    key       TEXT,
    position  INTEGER,                              -- in the line of its key
    holds_key INTEGER NOT NULL,                     -- 0: it has none, or gave it up; 1 head of its line; 2 beside it
    failure   TEXT,                                 -- JSON: class, at, text of the last error
    progress  BLOB,
    remote_id TEXT,
    updated   INTEGER NOT NULL,
    sum       INTEGER NOT NULL,
    PRIMARY KEY (queue, phase, priority, due, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.ready_again ON pawl.ready (number) WHERE since IS NOT NULL;
CREATE INDEX pawl.ready_since ON pawl.ready (queue, since, number) WHERE since IS NOT NULL;
CREATE INDEX pawl.ready_until ON pawl.ready (queue, until, number) WHERE until IS NOT NULL;
CREATE INDEX pawl.ready_sender ON pawl.ready (queue, sender) WHERE sender IS NOT NULL;

CREATE TABLE pawl.blocked (
    queue     INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    priority  INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    since     INTEGER,                              -- since, until: as in ready
    until     INTEGER,
    sender    TEXT,
    attempts  INTEGER NOT NULL,
    deferrals INTEGER NOT NULL,
    crashes   INTEGER NOT NULL,
    retried   TEXT,                                 -- JSON: times, at, attempts; as in ready
    looked    TEXT,                                 -- JSON: times, before, token; as in ready
    waiter    INTEGER,                              -- as in ready
    failure   TEXT,
    progress  BLOB,
    remote_id TEXT,
    updated   INTEGER NOT NULL,
    sum       INTEGER NOT NULL,
    PRIMARY KEY (queue, key, position, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.blocked_moved ON pawl.blocked (number) WHERE position <> number;
CREATE INDEX pawl.blocked_since ON pawl.blocked (queue, ifnull(since, due), number);
CREATE INDEX pawl.blocked_until ON pawl.blocked (queue, until, number) WHERE until IS NOT NULL;
CREATE INDEX pawl.blocked_sender ON pawl.blocked (queue, sender) WHERE sender IS NOT NULL;

CREATE TABLE pawl.claimed (
    number    INTEGER PRIMARY KEY,
    tail      INTEGER NOT NULL,                     -- of the message's id: a settlement names it whole
    queue     INTEGER NOT NULL,
    phase     INTEGER NOT NULL,
    priority  INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    since     INTEGER,                              -- since, until: as in ready
    until     INTEGER,
    sender    TEXT,
    token     INTEGER NOT NULL,
    committer INTEGER,                              -- NULL: claimed by hand
    consumer  TEXT,
    claimed   INTEGER NOT NULL,
    lease     INTEGER NOT NULL,                     -- boot time
    boot      INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    deferrals INTEGER NOT NULL,
    crashes   INTEGER NOT NULL,
    retried   TEXT,                                 -- JSON: times, at, attempts; as in ready
    looked    TEXT,                                 -- JSON: times, before, token; as in ready
    waiter    INTEGER,                              -- as in ready
    key       TEXT,
    position  INTEGER,
    holds_key INTEGER NOT NULL,
    failure   TEXT,
    progress  BLOB,
    remote_id TEXT,
    updated   INTEGER NOT NULL,
    sum       INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.held (
    number    INTEGER PRIMARY KEY,
    queue     INTEGER NOT NULL,
    phase     INTEGER NOT NULL,
    priority  INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    since     INTEGER,                              -- since, until: as in ready
    until     INTEGER,
    sender    TEXT,
    hold      TEXT    NOT NULL,
    token     INTEGER,                              -- of the claim that handed it over, while its outcome is awaited
    attempts  INTEGER NOT NULL,
    deferrals INTEGER NOT NULL,
    crashes   INTEGER NOT NULL,
    retried   TEXT,                                 -- JSON: times, at, attempts; as in ready
    looked    TEXT,                                 -- JSON: times, before, token; as in ready
    waiter    INTEGER,                              -- as in ready
    key       TEXT,
    position  INTEGER,
    holds_key INTEGER NOT NULL,
    failure   TEXT,
    progress  BLOB,
    remote_id TEXT,
    updated   INTEGER NOT NULL,
    sum       INTEGER NOT NULL
) STRICT;
CREATE INDEX pawl.held_until ON pawl.held (queue, until, number) WHERE until IS NOT NULL;

CREATE TABLE pawl.ended (
    number    INTEGER PRIMARY KEY,
    queue     INTEGER NOT NULL,
    -- Not IN (...): SQLite would make a table of the list for every row that is inserted.
    state     TEXT    NOT NULL CHECK (state = 'delivered' OR state = 'dead' OR state = 'cancelled'),
    attempts  INTEGER NOT NULL,
    deferrals INTEGER NOT NULL,
    crashes   INTEGER NOT NULL,
    retried   TEXT,                                 -- JSON: times, at, attempts; as in ready
    looked    TEXT,                                 -- JSON: times, before, token; as in ready
    key       TEXT,
    position  INTEGER,
    holds_key INTEGER NOT NULL,                     -- 1: dead, and its key waits for an operator
    failure   TEXT,
    remote_id TEXT,
    answer    TEXT,                                 -- JSON: what the receiver said that has it
    claimed   INTEGER,                              -- when the claim began that ended it
    ended     INTEGER NOT NULL,
    reason    TEXT,
    "by"      TEXT,
    successor BLOB,
    sum       INTEGER NOT NULL
) STRICT;
CREATE INDEX pawl.ended_other ON pawl.ended (number) WHERE state <> 'delivered';

CREATE TABLE pawl.attempt (
    number  INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,                       -- of all its attempts, polls and probes; never used again
    phase   INTEGER NOT NULL,                       -- as in ready
    n       INTEGER NOT NULL,                       -- since the last retry; of polls and probes since it waits
    began   INTEGER NOT NULL,
    ended   INTEGER NOT NULL,
    worker  TEXT,
    verdict TEXT    NOT NULL,
    status  INTEGER,                                -- of HTTP; NULL: none
    class   TEXT    NOT NULL,
    text    TEXT,
    sum     INTEGER NOT NULL,
    PRIMARY KEY (number, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.asset (
    scope INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    scale INTEGER NOT NULL,                         -- places behind the point
    sum   INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.account (                              -- what an account holds of an asset
    scope      INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    asset      TEXT    NOT NULL,
    balance    TEXT    NOT NULL,                    -- a decimal, as all amounts
    entries    INTEGER NOT NULL,                    -- how many made it
    seq        INTEGER NOT NULL,                    -- of the record of the last one
    update_seq INTEGER,                             -- the caller's own, of the last one that had any
    sum        INTEGER NOT NULL,
    PRIMARY KEY (scope, account, asset)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.entry (                                -- one change of an account
    scope      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,                    -- of its record
    post       INTEGER NOT NULL,                    -- among the posts of that, from 0
    account    TEXT    NOT NULL,
    asset      TEXT    NOT NULL,
    delta      TEXT    NOT NULL,
    balance    TEXT    NOT NULL,                    -- after it
    reason     TEXT,
    reference  TEXT,
    update_seq INTEGER,
    sum        INTEGER NOT NULL,
    PRIMARY KEY (scope, seq, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.entry_account ON pawl.entry (scope, account, seq, post);

CREATE TABLE pawl.fill (                                 -- a trade, as one event tells it
    scope  INTEGER NOT NULL,
    trade  TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    event  INTEGER NOT NULL,                        -- its index in the record
    market TEXT    NOT NULL,
    buyer  TEXT    NOT NULL,
    seller TEXT    NOT NULL,
    price  TEXT    NOT NULL,
    size   TEXT    NOT NULL,
    fee    TEXT    NOT NULL,
    profit TEXT    NOT NULL,
    sum    INTEGER NOT NULL,
    PRIMARY KEY (scope, trade)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pawl.fill_seq ON pawl.fill (scope, seq, event);

CREATE TABLE pawl.projection (
    scope        INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    content_type TEXT,                              -- NULL: application/json
    data         ANY     NOT NULL,
    version      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,                  -- of the record that wrote it
    sum          INTEGER NOT NULL,
    PRIMARY KEY (scope, name, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.counter (
    scope INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value INTEGER NOT NULL,
    seq   INTEGER NOT NULL,                         -- of the record that raised it last
    sum   INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.type (                                 -- what holds for all events of a type
    scope    INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    needs    TEXT,                                  -- fill: each event of it has one; NULL: nothing
    keep     TEXT    NOT NULL,                      -- full, reference or none, where the event itself does not say
    critical INTEGER NOT NULL,                      -- 1: always in full
    sum      INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.snapshot (                             -- a program's state behind a record
    scope  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    record BLOB    NOT NULL,                        -- the digest of that record
    hash   BLOB    NOT NULL,                        -- SHA-256 of all its bytes
    size   INTEGER NOT NULL,
    made   INTEGER NOT NULL,
    sum    INTEGER NOT NULL,
    PRIMARY KEY (scope, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.chunk (                                -- of its bytes; without a snapshot: of one that is being added
    scope INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    piece INTEGER NOT NULL,                         -- from 0
    data  BLOB    NOT NULL,
    sum   INTEGER NOT NULL,
    UNIQUE (scope, seq, piece)
) STRICT;

CREATE TABLE pawl.subscription (                         -- where a consumer of events stands
    scope  INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    topic  TEXT,                                    -- NULL: any
    prefix TEXT,                                    -- of the events' keys; NULL: any
    lane   TEXT,                                    -- relayed to; NULL: read by hand
    target TEXT,
    seq    INTEGER NOT NULL,                        -- it stands behind this record's
    event  INTEGER NOT NULL,                        -- event; 4294967295: behind all of them
    sum    INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.workflow (                             -- what a task of a queue in lane pawl.workflow carries
    number       INTEGER PRIMARY KEY,
    tail         INTEGER NOT NULL,
    queue        INTEGER NOT NULL,
    id           TEXT    NOT NULL,                  -- of its kind, which is the target of its queue
    seq          INTEGER,                           -- of the record that started it
    key          TEXT,
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 9),
    fingerprint  BLOB    NOT NULL,                  -- of what it was started with
    available    INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    first        INTEGER NOT NULL,                  -- its generation then: it may follow a failed one of its id
    generation   INTEGER NOT NULL,                  -- counts steps
    state        TEXT,
    version      INTEGER NOT NULL,                  -- of the state's form
    content_type TEXT,                              -- NULL: application/json
    data         ANY     NOT NULL,
    total        INTEGER NOT NULL,                  -- attempts that were over when it made progress last
    rejections   INTEGER NOT NULL,                  -- since then
    waits        INTEGER NOT NULL,                  -- 1: parked until a signal comes
    told         INTEGER NOT NULL,                  -- 1: what it waits for ended while it was claimed
    coded        INTEGER NOT NULL,                  -- 1: a function made its last step
    entered      INTEGER NOT NULL,                  -- the generation with which it came into its state
    run          INTEGER NOT NULL,                  -- of a function: its steps up to this generation do not count any more
    undoing      INTEGER NOT NULL,                  -- 1: its compensation runs
    no_return    INTEGER NOT NULL,                  -- 1: it cannot be cancelled any more
    undos        TEXT,                              -- JSON array: its compensation, the last first
    signals      INTEGER NOT NULL,                  -- how many it was sent,
    pending      INTEGER NOT NULL,                  -- how many nobody took,
    shown        INTEGER NOT NULL,                  -- the last that a claim showed
    holds        INTEGER NOT NULL,                  -- how many resources it holds
    paused       TEXT,                              -- JSON: reason, by, at
    cancelled    TEXT,                              -- as paused: it was asked for
    receipt_type TEXT,                              -- as content_type
    receipt      ANY,                               -- what it ended with
    sum          INTEGER NOT NULL
) STRICT;

CREATE TABLE pawl.kind (                                 -- of workflows
    scope  INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    policy TEXT    NOT NULL,                        -- JSON object of the keys that are set
    sum    INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.signal (                               -- what was sent to a workflow
    queue        INTEGER NOT NULL,
    workflow     TEXT    NOT NULL,                  -- its id
    key          TEXT    NOT NULL,                  -- its dedupe key, or drawn
    number       INTEGER NOT NULL,                  -- of the workflow
    ordinal      INTEGER NOT NULL,                  -- among all of the workflow
    name         TEXT    NOT NULL,
    content_type TEXT,                              -- NULL: application/json
    data         ANY     NOT NULL,
    at           INTEGER NOT NULL,
    taken        INTEGER,                           -- by the step of this generation; NULL: by none
    sum          INTEGER NOT NULL,
    PRIMARY KEY (queue, workflow, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.signal_pending ON pawl.signal (queue, workflow, ordinal) WHERE taken IS NULL;

CREATE TABLE pawl.step (                                 -- a step of a workflow that was committed
    number       INTEGER NOT NULL,
    generation   INTEGER NOT NULL,                  -- which it made
    state        TEXT,                              -- before it, as version and data
    version      INTEGER NOT NULL,
    content_type TEXT,                              -- NULL: application/json
    data         ANY     NOT NULL,
    result       TEXT    NOT NULL,                  -- next, park, done, fail, ...
    attempts     INTEGER NOT NULL,                  -- it took so many
    began        INTEGER NOT NULL,
    ended        INTEGER NOT NULL,
    worker       TEXT,
    error        TEXT,
    seq          INTEGER,                           -- of its record
    sum          INTEGER NOT NULL,
    PRIMARY KEY (number, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.resource (                             -- what one workflow at a time may hold
    scope      INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    kind       TEXT,
    state      TEXT    NOT NULL,                    -- available, held, consumed, withdrawn
    holder     TEXT,                                -- KIND/ID
    generation INTEGER NOT NULL,                    -- counts what was done to it
    updated    INTEGER NOT NULL,
    sum        INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pawl.resource_holder ON pawl.resource (scope, holder) WHERE holder IS NOT NULL;

CREATE TABLE pawl.resource_move (                        -- what was done to it
    scope      INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    state      TEXT    NOT NULL,                    -- from then on
    holder     TEXT,
    at         INTEGER NOT NULL,
    seq        INTEGER,                             -- of the record that did
    sum        INTEGER NOT NULL,
    PRIMARY KEY (scope, id, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE pawl.schedule (                             -- what happens again and again
    scope        INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    cron         TEXT,                              -- NULL: every so many milliseconds
    zone         TEXT,                              -- of the cron spec; NULL: UTC
    every        INTEGER NOT NULL,                  -- milliseconds, from added on; 0: a cron spec
    missed       INTEGER NOT NULL,                  -- 0 one, 1 all, 2 none
    catch_up     INTEGER NOT NULL,
    jitter       INTEGER NOT NULL,
    lane         TEXT,                              -- of its messages
    target       TEXT,
    starts       TEXT,                              -- the kind of its workflows
    content_type TEXT,                              -- NULL: application/json
    data         ANY     NOT NULL,
    added        INTEGER NOT NULL,
    last         INTEGER NOT NULL,                  -- the last slot that fired or was passed over
    fired        INTEGER NOT NULL,                  -- how many did
    revision     INTEGER NOT NULL,                  -- counts changes of this row
    paused       TEXT,                              -- JSON: reason, by, at
    sum          INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
