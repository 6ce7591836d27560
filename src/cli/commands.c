/* SPDX-License-Identifier: MIT */
/* The table of commands. The commands of one first word stand together. */
#include "cli/commands.h"

const struct cli_option cli_global_options[] = {
    {"store", "URL",
     "the store: sqlite:FILE, sqlite:FILE?mode=ro to only read, or memory: (default: $PAWL_STORE, else sqlite:pawl.db)",
     false},
    {"scope", "NAME", "the tenant (default: default)", false},
    {"json", NULL, "print one JSON object a line; errors are JSON too", false},
    {"quiet", NULL, "no progress, and nothing about what was done", false},
    {"help", NULL, "say what there is, or how the command is used", false},
    {"version", NULL, "print the version", false},
    {0},
};

#define DATA "DATA: the bytes themselves, @FILE, or - for standard input"

#define JSON_ONLY                                                                                                      \
    {                                                                                                                  \
        "json-only", NULL, "refuse bodies that are not JSON, such as one with a name twice", false                     \
    }

/* What every change by an operator takes. */
#define OPERATION_OF(reason_needed)                                                                                    \
    {"reason", "TEXT", "why, for those who read the journal later" reason_needed, false},                              \
        {"id", "UUID", "request id: the same again gives the stored answer (default: a new one)", false},              \
    {                                                                                                                  \
        "actor", "NAME", "who asks (default: $PAWL_ACTOR, else the user's name)", false                                \
    }
#define OPERATION          OPERATION_OF("")
#define REASONED_OPERATION OPERATION_OF("; must be given")

static const struct cli_option submit_options[] = {
    {"id", "UUID", "request id: the same again, with the same content, gives the stored answer (default: a new one)",
     false},
    {"id-from", "TEXT", "makes the request id of a natural key, such as an order number", false},
    {"ref", "KEY", "what the command is about, such as an order number", false},
    {"data", "DATA", "the command; " DATA, false},
    {"response", "DATA", "what the caller is told, now and when it asks again", false},
    {"event", "TOPIC:TYPE[:KEY]=DATA", "a fact that others may read", true},
    {"message", "LANE/TARGET[:KEY]=DATA", "a message to deliver, with an ordering key if KEY is given", true},
    {"settle", "ID:TOKEN=VERDICT",
     "a claimed message that this settles: delivered, retry, dead, uncertain, deferred or "
     "released; a lost claim refuses all",
     true},
    {"post", "ACCOUNT:ASSET=DECIMAL", "changes what an account holds of an asset by so much", true},
    {"balanced", NULL, "refuse it unless the posts of each asset sum to 0", false},
    {"start", "KIND/ID=DATA", "starts a workflow; one that is there refuses all", true},
    {"child", "KIND/ID=DATA", "the same, and one that was started with the same stays", true},
    JSON_ONLY,
    {"jsonl", "FILE", "one transition a line instead, - for standard input: many in flight, a receipt a line", false},
    {0},
};

static const struct cli_option journal_list_options[] = {
    {"ref", "KEY", "only with this ref", false},
    {"type", "TYPE", "only of this type", false},
    {"since", "TIME", "only what was committed since: Unix ms, or an age such as 2h", false},
    {"before", "SEQ", "only what is before this record", false},
    {"limit", "N", "at most so many, newest first (default: 50)", false},
    {0},
};

static const struct cli_option journal_show_options[] = {
    {"ref", "KEY", "the newest with this ref", false},
    {"id-from", "TEXT", "by the natural key that its request id was made of", false},
    {0},
};

static const struct cli_option journal_tail_options[] = {
    {"limit", "N", "the last so many (default: 10)", false},
    {"follow", NULL, "go on with what is committed from now on", false},
    {0},
};

static const struct cli_option journal_export_options[] = {
    {"after", "SEQ", "only what is behind this record", false},
    {"limit", "N", "at most so many (default: all)", false},
    {0},
};

static const struct cli_option journal_replay_options[] = {
    {"exec", "PROGRAM", "reads a record a line, prints {\"post\": HEX} for each: the state digest behind it", false},
    {"from", "SEQ",
     "the first record, with the program in the state before it (default: 1); or snapshot: begin with the newest",
     false},
    {"to", "SEQ", "the last record (default: the last there is)", false},
    {"shadow", NULL, "PROGRAM says what it would post, emit and send, too: differences are printed, and it goes on",
     false},
    {0},
};

static const struct cli_option events_options[] = {
    {"topic", "TOPIC", "only this topic", false},
    {"key", "KEY", "only this key", false},
    {"after", "SEQ[.INDEX]", "only what is behind this record, or behind this event of it", false},
    {"limit", "N", "at most so many (default: all)", false},
    {"follow", NULL, "go on with what is committed from now on", false},
    {0},
};

static const struct cli_option enqueue_options[] = {
    {"key", "KEY", "ordering key: messages that share it go one at a time, in order", false},
    {"dedupe", "KEY", "unique in the queue: the same content again is the stored message", false},
    {"id", "UUID", "request id, in place of --dedupe: resolves an unknown outcome", false},
    {"priority", "1-9", "1 goes first (default: 5)", false},
    {"delay", "TIME", "earliest first attempt, from now on", false},
    {"ttl", "TIME", "dead when it was not delivered by then (default: the policy's age limit)", false},
    {"max-attempts", "N", "attempts before it is given up (default: the policy's)", false},
    {"header", "NAME:VALUE", "a header for the receiver; names in lower case", true},
    {"sender", "KEY", "who it is from", false},
    {"content-type", "TYPE", "of DATA (default: application/json when it is JSON)", false},
    JSON_ONLY,
    {"jsonl", "FILE", "one message a line instead, - for standard input: many in flight, an answer a line", false},
    {0},
};

static const struct cli_option claim_options[] = {
    {"id", "ID", "this message, whatever its time, but never past its key or a hold", false},
    {"limit", "N", "at most so many (default: 1)", false},
    {"lease", "TIME", "how long the claim holds (default: the policy's lease_ms)", false},
    {"consumer", "NAME", "under which name (default: cli)", false},
    {"wait", "TIME", "how long to wait when there is nothing (default: not at all)", false},
    {0},
};

static const struct cli_option ack_options[] = {
    {"remote-id", "TEXT", "what the receiver calls it", false},
    {0},
};

static const struct cli_option nack_options[] = {
    {"error", "TEXT", "what went wrong; the first 1024 bytes are kept", false},
    {"retry-in", "TIME", "when to try again (default: the policy's backoff)", false},
    {"permanent", NULL, "it is impossible: the message is dead", false},
    {"uncertain", NULL, "nobody knows whether it arrived", false},
    {0},
};

/* Which messages; a list takes them, and a move in place of ids. */
#define FILTER                                                                                                         \
    {"lane", "LANE", "only of this lane", false}, {"target", "TARGET", "only for this target", false},                 \
        {"state", "STATE", "only pending, claimed, awaiting, uncertain, delivered, dead or cancelled", false},         \
        {"key", "KEY", "only of this ordering key", false},                                                            \
        {"ref", "KEY", "only what records with this ref made", false},                                                 \
        {"seq", "SEQ", "only what this record made", false},                                                           \
        {"error", "TEXT", "only those whose last error has this in it", false},                                        \
        {"before", "ID", "only those that are older than this message", false},                                        \
        {"after", "ID", "only those that are newer than this message", false},                                         \
    {                                                                                                                  \
        "until", "TIME", "only what ended, or else was created, before: Unix ms, or an age such as 2h", false          \
    }

static const struct cli_option messages_list_options[] = {
    FILTER,
    {"oldest", NULL, "oldest first", false},
    {"limit", "N", "at most so many (default: 50)", false},
    {0},
};

static const struct cli_option messages_stats_options[] = {
    {"lane", "LANE", "only of this lane", false},
    {"target", "TARGET", "only for this target", false},
    {0},
};

/* Of moves by filter. */
#define MANY                                                                                                           \
    {"dry-run", NULL, "only count what would be moved", false},                                                        \
    {                                                                                                                  \
        "limit", "N", "move at most so many, oldest first (default: all)", false                                       \
    }

static const struct cli_option adopt_options[] = {REASONED_OPERATION, {0}};

static const struct cli_option move_options[] = {REASONED_OPERATION, FILTER, MANY, {0}};

static const struct cli_option requeue_options[] = {
    {"again", NULL, "a delivered one too: it stays, and a copy is sent", false}, REASONED_OPERATION, FILTER, MANY, {0},
};

static const struct cli_option resolve_options[] = {
    {"outcome", "OUTCOME", "delivered, pending (it did not happen) or dead (give up)", false},
    REASONED_OPERATION,
    FILTER,
    MANY,
    {0},
};

static const struct cli_option setting_options[] = {OPERATION, {0}};

#define SENDER                                                                                                         \
    {                                                                                                                  \
        "sender", "SENDER", "the route of this sender's messages; without it: of messages that have none", false       \
    }

static const struct cli_option targets_add_options[] = {
    SENDER,
    {"set", "KEY=VALUE",
     "a key of its policy, as in \"pawl lanes set\"; or probe=URL, poll=URL: who is asked what became of a message",
     true},
    {"secret-file", "FILE", "where the sender finds the secret (whsec_ and base64; of a broker: the password)", false},
    {"header", "NAME:VALUE", "a header that is sent with every message; one of the message's own beats it", true},
    OPERATION,
    {0},
};

static const struct cli_option targets_set_options[] = {
    SENDER,
    {"url", "URL", "where it is from now on; several are tried in this order", true},
    {"secret-file", "FILE", "where the sender finds the secret; '' for none", false},
    {"header", "NAME:VALUE", "a header that is sent with every message; NAME: takes it away", true},
    OPERATION,
    {0},
};

static const struct cli_option targets_remove_options[] = {
    {"sender", "SENDER", "only the route of this sender, who is gone: what waits for it longer than gone_ms is dead",
     false},
    OPERATION,
    {0},
};

static const struct cli_option targets_test_options[] = {
    {"wait", "TIME", "how long to wait for the outcome (default: 30000)", false},
    {"allow-address", "CIDR", "private or loopback addresses that may be sent to", true},
    {"allow-exec", "DIR", "exec: targets may run programs below this folder", true},
    {"allow-file", "DIR", "file: targets may write below this folder", true},
    {0},
};

static const struct cli_option holds_release_options[] = {
    {"lane", "LANE", "of this lane; with --target, of their queue", false},
    {"target", "TARGET", "of this target", false},
    {"message", "ID", "of this message", false},
    REASONED_OPERATION,
    {0},
};

static const struct cli_option subscriptions_add_options[] = {
    {"topic", "TOPIC", "only events of this topic", false},
    {"key-prefix", "TEXT", "only events whose key begins so", false},
    {"from", "WHERE", "where it begins: beginning (the default), now, or a record's SEQ", false},
    {"to", "LANE/TARGET", "make a message of each event there; without it they are read by hand", false},
    {0},
};

static const struct cli_option subscriptions_read_options[] = {
    {"limit", "N", "at most so many (default: all)", false},
    {"wait", "TIME", "how long to wait when there is nothing (default: not at all)", false},
    {0},
};

static const struct cli_option snapshots_add_options[] = {
    {"keep", "N", "so many stay, this one among them: older ones go (default: all stay)", false},
    {0},
};

static const struct cli_option types_set_options[] = {
    {"preset", "NAME", "s3: L2Update is critical, OrderFilled needs a fill", false},
    OPERATION,
    {0},
};

static const struct cli_option prune_options[] = {
    {"before", "SEQ", "of the records before this one", false},
    REASONED_OPERATION,
    {0},
};

static const struct cli_option entries_options[] = {
    {"account", "ACCOUNT", "only of this account", false},
    {"asset", "ASSET", "only of this asset", false},
    {"after", "SEQ", "only what is behind this record", false},
    {"limit", "N", "at most so many (default: all)", false},
    {0},
};

static const struct cli_option fills_options[] = {
    {"trade", "ID", "only this trade", false},
    {"after", "SEQ", "only what is behind this record", false},
    {"limit", "N", "at most so many (default: all)", false},
    {0},
};

static const struct cli_option projections_options[] = {
    {"prefix", "TEXT", "only what has a key that begins so", false},
    {"limit", "N", "at most so many (default: all)", false},
    {0},
};

static const struct cli_option workflows_start_options[] = {
    {"key", "KEY", "ordering key: of workflows of the kind that share it one goes at a time", false},
    {"state", "STATE", "the state that it begins in", false},
    {"data", "DATA", "of that state; " DATA, false},
    {"state-version", "N", "of the form of its states, as its program counts (default: 0)", false},
    {"wake-in", "TIME", "earliest first step, from now on", false},
    JSON_ONLY,
    {0},
};

static const struct cli_option workflows_signal_options[] = {
    {"data", "DATA", "what it says; " DATA, false},
    {"dedupe", "KEY", "the same again is the same signal, as long as the workflow lives", false},
    JSON_ONLY,
    OPERATION_OF("; with one of these three it is recorded"),
    {0},
};

static const struct cli_option workflows_list_options[] = {
    {"kind", "KIND", "only of this kind", false},
    {"status", "STATUS", "only runnable, running, parked, stuck, finished or failed", false},
    {"key", "KEY", "only of this ordering key", false},
    {"all", NULL, "also those that failed and were started anew", false},
    {"since", "TIME", "only those that were started since: Unix ms, or an age such as 2h", false},
    {"until", "TIME", "only those to which nothing was done since: Unix ms, or an age such as 2h", false},
    {"before", "N", "only those that were started before; what a list that was cut says", false},
    {"limit", "N", "at most so many, newest first (default: 50)", false},
    {0},
};

static const struct cli_option workflows_claim_options[] = {
    {"id", "ID", "this workflow, whatever its time, but never past its key or a hold", false},
    {"limit", "N", "at most so many (default: 1)", false},
    {"lease", "TIME", "how long the claim holds (default: the kind's lease_ms)", false},
    {"consumer", "NAME", "under which name (default: cli)", false},
    {"wait", "TIME", "how long to wait when there is nothing (default: not at all)", false},
    {0},
};

/* What a step does besides. */
#define EFFECTS                                                                                                        \
    {"event", "TOPIC:TYPE[:KEY]=DATA", "a fact that others may read", true},                                           \
        {"message", "LANE/TARGET[:KEY]=DATA", "a message to deliver", true},                                           \
        {"post", "ACCOUNT:ASSET=DECIMAL", "changes what an account holds of an asset by so much", true},               \
        {"balanced", NULL, "refuse it unless the posts of each asset sum to 0", false},                                \
        {"start", "KIND/ID=DATA", "starts another workflow; one that is there refuses all", true},                     \
        {"child", "KIND/ID=DATA", "the same, and one that was started with the same stays", true},                     \
        {"hold", "RESOURCE", "holds it: only what is available", true},                                                \
        {"release", "RESOURCE", "gives it back", true}, {"consume", "RESOURCE", "uses it up", true},                   \
        {"take", "SIGNAL", "the id of a signal that this step took (default: all that its claim was shown)", true},    \
    {                                                                                                                  \
        "take-none", NULL, "it took no signal: they wait on", false                                                    \
    }

#define CHECKPOINT                                                                                                     \
    {"state", "STATE", "the state that it is in from now on (default: as it was)", false},                             \
        {"data", "DATA", "of that state (default: as it was); " DATA, false},                                          \
        {"state-version", "N", "of the form of its states (default: as it was)", false},                               \
        {"undo", "STATE[=DATA]", "the state in which this step is undone when the workflow is cancelled", false},      \
        {"no-return", NULL, "from here on it cannot be cancelled", false},                                             \
    {                                                                                                                  \
        "await", NULL, "the end of what this step sends and starts wakes it", false                                    \
    }

#define REJECTED                                                                                                       \
    {                                                                                                                  \
        "rejected", NULL, "the error is a refusal for good: counted by max_rejections, and not as an attempt", false   \
    }

static const struct cli_option workflows_next_options[] = {
    CHECKPOINT, {"keep", NULL, "keep the claim: the same token goes on, with the next generation", false},
    EFFECTS,    JSON_ONLY,
    {0},
};

static const struct cli_option workflows_park_options[] = {
    CHECKPOINT,
    {"wake-in", "TIME", "when it is due (default: with an error the backoff, without one when a signal comes)", false},
    {"error", "TEXT", "why it waits: counted as an attempt", false},
    {"stuck", NULL, "it waits for a person, who retries or stops it", false},
    REJECTED,
    EFFECTS,
    JSON_ONLY,
    {0},
};

static const struct cli_option workflows_done_options[] = {
    {"receipt", "DATA", "what it ended with, for whoever asks; " DATA, false},
    EFFECTS,
    JSON_ONLY,
    {0},
};

static const struct cli_option workflows_fail_options[] = {
    {"error", "TEXT", "why", false},
    {"compensate", NULL, "its undos run first, the last first, as if it were cancelled", false},
    EFFECTS,
    JSON_ONLY,
    {0},
};

static const struct cli_option workflows_settle_options[] = {
    {"jsonl", "FILE", "one step a line, - for standard input: many in flight, an answer a line", false},
    {0},
};

static const struct cli_option workflows_retry_options[] = {
    {"from", "GENERATION", "with the checkpoint that the step of this generation began with", false},
    REASONED_OPERATION,
    {0},
};

static const struct cli_option workflows_stop_options[] = {
    {"force", NULL, "also one that runs: its worker finds its claim lost", false},
    REASONED_OPERATION,
    {0},
};

static const struct cli_option workflows_cancel_options[] = {REASONED_OPERATION, {0}};

static const struct cli_option workflows_check_options[] = {
    {"exec", "PROGRAM", "the new program: it calls pawl_workflow_check_main with its kinds", false}, {0}};

static const struct cli_option workflows_fork_options[] = {
    {"at", "GENERATION", "with the checkpoint that the step of this generation began with (default: where it is)",
     false},
    OPERATION,
    {0},
};

static const struct cli_option resources_add_options[] = {
    {"kind", "KIND", "what it is", false},
    {0},
};

static const struct cli_option resources_list_options[] = {
    {"kind", "KIND", "only of this kind", false},
    {"state", "STATE", "only available, held, consumed or withdrawn", false},
    {"holder", "KIND/ID", "only what this workflow holds", false},
    {"after", "ID", "only those behind this one", false},
    {"limit", "N", "at most so many, by id (default: 50)", false},
    {0},
};

static const struct cli_option schedules_add_options[] = {
    {"cron", "SPEC", "minute hour day-of-month month day-of-week, such as \"0 9 * * mon-fri\"", false},
    {"zone", "ZONE", "of the cron spec, such as Europe/Berlin (default: UTC)", false},
    {"every", "TIME", "every so often instead, from now on", false},
    {"missed", "one|all|none", "which fire of those over 60 s late, or behind which the next came (default: one)",
     false},
    {"catch-up", "N", "with --missed all: at most so many (default: 100)", false},
    {"jitter", "TIME", "each fires so much later at most, always the same for a slot", false},
    {"message", "LANE/TARGET[=DATA]", "send this, with the dedupe key NAME.SLOT", false},
    {"start", "KIND[=DATA]", "start a workflow of this kind, with the id NAME.SLOT", false},
    OPERATION,
    JSON_ONLY,
    {0},
};

static const struct cli_option init_options[] = {
    {"into", "URL", "in the database of another program, beside its tables: sqlite:FILE", false},
    {0},
};

static const struct cli_option doctor_options[] = {
    {"config", "FILE", "look at this configuration file of pawl serve, too", false},
    {0},
};

static const struct cli_option help_options[] = {
    {"bash", NULL, "print the completion for bash", false},
    {"scdoc", NULL, "print the manual's list of commands", false},
    {0},
};

const struct cli_command cli_commands[] = {
    {"init", "", "create the store, or bring an older one up to date", init_options, cli_init, CLI_CREATES},
    {"submit", "[TYPE]", "commit one transition and print its receipt, or one a line of a file", submit_options,
     cli_submit, CLI_RECORDS},
    {"journal list", "", "list records, newest first", journal_list_options, cli_journal_list, CLI_READS},
    {"journal show", "[SEQ|UUID]", "show one record, and what became of its messages", journal_show_options,
     cli_journal_show, CLI_READS},
    {"journal tail", "", "print the last records, and follow", journal_tail_options, cli_journal_tail, CLI_READS},
    {"journal verify", "", "recompute the chain: the same as \"pawl verify\"", NULL, cli_verify, CLI_READS},
    {"journal export", "", "print the journal as lines of JSON that prove themselves, oldest first",
     journal_export_options, cli_journal_export, CLI_READS},
    {"journal import", "FILE", "read an export into a scope that is empty; - for standard input", setting_options,
     cli_journal_import, CLI_RECORDS},
    {"journal prune", "", "drop bodies of old records behind a snapshot; hashes and chain stay", prune_options,
     cli_journal_prune, CLI_RECORDS},
    {"journal replay", "", "fold the journal through a program, and compare the state digests", journal_replay_options,
     cli_journal_replay, CLI_READS},
    {"snapshots add", "SEQ DATA", "keep the state of a program behind a record; " DATA, snapshots_add_options,
     cli_snapshots_add, CLI_WRITES},
    {"snapshots list", "", "list snapshots, newest first", NULL, cli_snapshots_list, CLI_READS},
    {"snapshots show", "[SEQ]", "write the bytes of a snapshot: of that record, or the newest", NULL,
     cli_snapshots_show, CLI_READS},
    {"events", "", "read events in order, and follow", events_options, cli_events, CLI_READS},
    {"subscriptions add", "NAME", "keep a position for a consumer of events", subscriptions_add_options,
     cli_subscriptions_add, CLI_WRITES},
    {"subscriptions read", "NAME", "print the events behind a position, which stays where it is",
     subscriptions_read_options, cli_subscriptions_read, CLI_READS},
    {"subscriptions ack", "NAME SEQ.INDEX", "say that all up to this event was seen: forward only", NULL,
     cli_subscriptions_ack, CLI_WRITES},
    {"subscriptions list", "", "list positions, and how many events each is behind", NULL, cli_subscriptions_list,
     CLI_READS},
    {"subscriptions remove", "NAME", "forget a position", NULL, cli_subscriptions_remove, CLI_WRITES},
    {"enqueue", "[LANE] [TARGET] [DATA]", "add a message, or one a line of a file; " DATA, enqueue_options, cli_enqueue,
     CLI_WRITES},
    {"claim", "LANE TARGET",
     "take messages that are due, under a token and a lease; prints ID TOKEN ATTEMPT DATA a line", claim_options,
     cli_claim, CLI_WRITES},
    {"ack", "ID TOKEN", "say that a claimed message was delivered", ack_options, cli_ack, CLI_WRITES},
    {"nack", "ID TOKEN", "say that a claimed message was not delivered", nack_options, cli_nack, CLI_WRITES},
    {"extend", "ID TOKEN MS", "renew the lease of a claimed message", NULL, cli_extend, CLI_WRITES},
    {"progress", "ID TOKEN DATA", "store what an attempt did so far, for the next one", NULL, cli_keep_progress,
     CLI_WRITES},
    {"messages list", "", "list messages, newest first", messages_list_options, cli_messages_list, CLI_READS},
    {"messages show", "ID", "show one message with all its attempts", NULL, cli_messages_show, CLI_READS},
    {"messages retry", "[ID...]", "send dead messages again under the same id: these, or what a filter finds",
     move_options, cli_messages_retry, CLI_RECORDS},
    {"messages requeue", "[ID...]", "retire messages in favour of new ones; prints the successor", requeue_options,
     cli_messages_requeue, CLI_RECORDS},
    {"messages cancel", "[ID...]", "retire pending, uncertain or dead messages", move_options, cli_messages_cancel,
     CLI_RECORDS},
    {"messages purge", "[ID...]", "remove ended messages", move_options, cli_messages_purge, CLI_RECORDS},
    {"messages stats", "", "count messages by queue and state, with what is due and since when", messages_stats_options,
     cli_messages_stats, CLI_READS},
    {"messages resolve", "[ID...]", "say what became of uncertain or awaiting messages", resolve_options,
     cli_messages_resolve, CLI_RECORDS},
    {"lanes list", "", "list every lane that has messages, a policy or a hold", NULL, cli_lanes_list, CLI_READS},
    {"lanes pause", "LANE", "let nothing of a lane move, or age", setting_options, cli_lanes_pause, CLI_RECORDS},
    {"lanes resume", "LANE", "let a paused lane move again", setting_options, cli_lanes_resume, CLI_RECORDS},
    {"lanes set", "LANE KEY=VALUE...", "set keys of a lane's policy; an empty value unsets one", setting_options,
     cli_lanes_set, CLI_RECORDS},
    {"targets list", "", "list targets and routes of senders, with URL and policy", NULL, cli_targets_list, CLI_READS},
    {"targets add", "NAME URL...",
     "say where a target is, or a sender's route to it: http://, https://, nats://[USER@]HOST/SUBJECT[?core=1], "
     "amqp://[USER@]HOST/VHOST/EXCHANGE/ROUTING_KEY, exec:/PATH, file:/PATH, callback:NAME; of several URLs the next "
     "is "
     "tried where nothing was sent; one that is there with other values is a conflict",
     targets_add_options, cli_targets_add, CLI_RECORDS},
    {"targets set", "NAME [KEY=VALUE...]",
     "change what is named of a target: URL, secret, headers, keys of its policy, probe=URL and poll=URL",
     targets_set_options, cli_targets_set, CLI_RECORDS},
    {"targets remove", "NAME", "forget where a target is, with the routes of its senders", targets_remove_options,
     cli_targets_remove, CLI_RECORDS},
    {"targets test", "NAME [DATA]",
     "send a message to a target now, and tell what it answered, when, and whether it would be tried again",
     targets_test_options, cli_targets_test, CLI_WRITES},
    {"holds list", "", "list what is held, and why", NULL, cli_holds_list, CLI_READS},
    {"holds release", "", "release what is named; without a selector, the store's own hold", holds_release_options,
     cli_holds_release, CLI_RECORDS},
    {"assets list", "", "list assets, and how many places each has behind the point", NULL, cli_assets_list, CLI_READS},
    {"assets set", "ASSET scale=N",
     "say how many places an asset has behind the point: once, and before its first post (18 where nobody said)",
     setting_options, cli_assets_set, CLI_RECORDS},
    {"types list", "", "list what holds for all events of a type", NULL, cli_types_list, CLI_READS},
    {"types set", "[TYPE] [KEY=VALUE...]",
     "say what holds for events of a type from now on: needs=fill, keep=full, reference or none, critical=1; an empty "
     "value unsets one",
     types_set_options, cli_types_set, CLI_RECORDS},
    {"ledger balance", "[ACCOUNT] [ASSET]", "show what accounts hold", NULL, cli_ledger_balance, CLI_READS},
    {"ledger entries", "", "list what changed balances, oldest first", entries_options, cli_ledger_entries, CLI_READS},
    {"ledger fills", "", "list trades, oldest first", fills_options, cli_ledger_fills, CLI_READS},
    {"ledger check", "", "recompute every balance from its entries, and compare these with the records", NULL,
     cli_ledger_check, CLI_READS},
    {"projections get", "NAME KEY", "print what a program keeps under a key", NULL, cli_projections_get, CLI_READS},
    {"projections list", "NAME", "list what a program keeps under a name, by key", projections_options,
     cli_projections_list, CLI_READS},
    {"counters get", "NAME", "print a number that goes forward only", NULL, cli_counters_get, CLI_READS},
    {"workflows start", "KIND ID", "start a workflow; the same again is the one that is there", workflows_start_options,
     cli_workflows_start, CLI_WRITES},
    {"workflows signal", "KIND ID NAME", "tell a workflow something, whether it waits for it or not",
     workflows_signal_options, cli_workflows_signal, CLI_WRITES},
    {"workflows list", "", "list workflows, newest first", workflows_list_options, cli_workflows_list, CLI_READS},
    {"workflows show", "KIND ID", "show one workflow with all its steps and signals", NULL, cli_workflows_show,
     CLI_READS},
    {"workflows claim", "KIND",
     "take workflows that are due, under a token and a lease; prints ID TOKEN GENERATION STATE DATA a line",
     workflows_claim_options, cli_workflows_claim, CLI_WRITES},
    {"workflows next", "KIND ID TOKEN", "commit a step: it goes on in a state", workflows_next_options,
     cli_workflows_next, CLI_WRITES},
    {"workflows park", "KIND ID TOKEN", "commit a step: it waits, for a time, for a signal, or because of an error",
     workflows_park_options, cli_workflows_park, CLI_WRITES},
    {"workflows done", "KIND ID TOKEN", "commit the last step: it finished, and holds nothing any more",
     workflows_done_options, cli_workflows_done, CLI_WRITES},
    {"workflows fail", "KIND ID TOKEN", "commit the last step: it failed, and what it holds is released",
     workflows_fail_options, cli_workflows_fail, CLI_WRITES},
    {"workflows settle", "", "commit steps, one a line of a file", workflows_settle_options, cli_workflows_settle,
     CLI_WRITES},
    {"workflows extend", "KIND ID TOKEN MS", "renew the lease of a claimed workflow", NULL, cli_workflows_extend,
     CLI_WRITES},
    {"workflows retry", "KIND ID", "let what is parked or stuck run now, with all its attempts",
     workflows_retry_options, cli_workflows_retry, CLI_RECORDS},
    {"workflows stop", "KIND ID", "end a workflow at once, without any compensation", workflows_stop_options,
     cli_workflows_stop, CLI_RECORDS},
    {"workflows cancel", "KIND ID", "ask for the end of a workflow: its compensation runs, the last undo first",
     workflows_cancel_options, cli_workflows_cancel, CLI_RECORDS},
    {"workflows pause", "KIND ID", "let nobody take a workflow until it is resumed", setting_options,
     cli_workflows_pause, CLI_RECORDS},
    {"workflows resume", "KIND ID", "let a paused workflow run again", setting_options, cli_workflows_resume,
     CLI_RECORDS},
    {"workflows check", "", "see whether a new program goes on with every workflow that runs, as it is recorded",
     workflows_check_options, cli_workflows_check, CLI_READS},
    {"workflows fork", "KIND ID NEWID", "start another workflow where this one is, or was", workflows_fork_options,
     cli_workflows_fork, CLI_RECORDS},
    {"kinds list", "", "list the policies of kinds of workflows", NULL, cli_kinds_list, CLI_READS},
    {"kinds set", "KIND KEY=VALUE...", "set keys of a kind's policy; an empty value unsets one", setting_options,
     cli_kinds_set, CLI_RECORDS},
    {"resources add", "ID", "make a resource that workflows may hold", resources_add_options, cli_resources_add,
     CLI_WRITES},
    {"resources list", "", "list resources, by id", resources_list_options, cli_resources_list, CLI_READS},
    {"resources show", "ID", "show one resource with all that was done to it", NULL, cli_resources_show, CLI_READS},
    {"schedules add", "NAME", "send a message, or start a workflow, at each slot of a cron spec or an interval",
     schedules_add_options, cli_schedules_add, CLI_RECORDS},
    {"schedules list", "", "list schedules, by name", NULL, cli_schedules_list, CLI_READS},
    {"schedules show", "NAME", "show one schedule, with its next five slots", NULL, cli_schedules_show, CLI_READS},
    {"schedules pause", "NAME", "let a schedule fire nothing until it is resumed", setting_options, cli_schedules_pause,
     CLI_RECORDS},
    {"schedules resume", "NAME", "let a paused schedule fire again, from now on", setting_options, cli_schedules_resume,
     CLI_RECORDS},
    {"schedules remove", "NAME", "forget a schedule", setting_options, cli_schedules_remove, CLI_RECORDS},
    {"why", "ID", "explain why a message, or a workflow (KIND/ID), does not move", NULL, cli_why, CLI_READS},
    {"workers", "", "list who works, who did, and who has claims by hand; of all scopes, or with --scope of one", NULL,
     cli_workers, CLI_READS},
    {"verify", "", "recompute the chain of all scopes, or of one; names the first bad record", NULL, cli_verify,
     CLI_READS},
    {"doctor", "", "look at versions, configuration, disk, store, journal, messages and holds", doctor_options,
     cli_doctor, CLI_NO_STORE},
    {"backup", "FILE", "copy the store to a new file while it is used", NULL, cli_backup, CLI_READS},
    {"adopt", "", "make a restored or copied store one's own; it is held until \"pawl holds release\"", adopt_options,
     cli_adopt, CLI_RECORDS},
    {"serve", "", "deliver messages, and answer over HTTP, until SIGTERM, SIGINT or SIGHUP", cli_serve_options,
     cli_serve, CLI_WRITES},
    {"listen", "[ADDR|PORT]", "receive webhooks and print them, for trying things out", cli_listen_options, cli_listen,
     CLI_NO_STORE},
    {"bench", "[WORKLOAD...]", "measure this machine, beside the same work written by hand on bare SQLite",
     cli_bench_options, cli_bench, CLI_NO_STORE},
    {"demo", "", "the main job, seen: deliver real webhooks while processes are killed", cli_demo_options, cli_demo,
     CLI_NO_STORE},
    {"help", "[COMMAND] [SUBCOMMAND]", "say what there is, or how a command is used", help_options, cli_help,
     CLI_NO_STORE},
    {"version", "", "print the versions of pawl and of what it is linked with", NULL, cli_version, CLI_NO_STORE},
    {0},
};
