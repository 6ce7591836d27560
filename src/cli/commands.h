/* SPDX-License-Identifier: MIT */
/* The functions behind the table, by file. */
#ifndef PAWLI_COMMANDS_H
#define PAWLI_COMMANDS_H

#include "cli/cli.h"

/* cmd_settings.c: KEY=VALUE, from the option (NULL: from the arguments behind the first). key_of: says the keys that there are;
 * others: further ones, ends with NULL. */
int cli_read_settings(struct cli *cli, const char *option, const char *const *others,
                      const char *(*key_of)(size_t index, const char **ret_default, const char **ret_meaning),
                      pawl_setting **settings, size_t *count);

/* help.c */
int cli_help(struct cli *cli);

/* cmd_bench.c */
extern const struct cli_option cli_bench_options[];
int cli_bench(struct cli *cli);

/* cmd_demo.c */
extern const struct cli_option cli_demo_options[];
int cli_demo(struct cli *cli);

/* cmd_listen.c */
extern const struct cli_option cli_listen_options[];
int cli_listen(struct cli *cli);

/* cmd_serve.c */
extern const struct cli_option cli_serve_options[];
int cli_serve(struct cli *cli);

/* cmd_store.c, doctor.c */
int cli_init(struct cli *cli);
int cli_version(struct cli *cli);
int cli_backup(struct cli *cli);
int cli_adopt(struct cli *cli);
int cli_doctor(struct cli *cli);

/* cmd_submit.c */
int cli_submit(struct cli *cli);
int cli_add_effects(struct cli *cli, pawl_transition *transition); /* what options of the command say it shall do */

/* cmd_workflows.c */
int cli_workflows_start(struct cli *cli);
int cli_workflows_signal(struct cli *cli);
int cli_workflows_list(struct cli *cli);
int cli_workflows_show(struct cli *cli);
int cli_workflows_retry(struct cli *cli);
int cli_workflows_stop(struct cli *cli);
int cli_workflows_cancel(struct cli *cli);
int cli_workflows_pause(struct cli *cli);
int cli_workflows_resume(struct cli *cli);
int cli_workflows_fork(struct cli *cli);
int cli_workflows_check(struct cli *cli);
int cli_kinds_list(struct cli *cli);
int cli_kinds_set(struct cli *cli);
int cli_resources_add(struct cli *cli);
int cli_resources_list(struct cli *cli);
int cli_resources_show(struct cli *cli);

/* cmd_schedules.c */
int cli_schedules_add(struct cli *cli);
int cli_schedules_list(struct cli *cli);
int cli_schedules_show(struct cli *cli);
int cli_schedules_pause(struct cli *cli);
int cli_schedules_resume(struct cli *cli);
int cli_schedules_remove(struct cli *cli);

/* cmd_steps.c */
int cli_workflows_claim(struct cli *cli);
int cli_workflows_next(struct cli *cli);
int cli_workflows_park(struct cli *cli);
int cli_workflows_done(struct cli *cli);
int cli_workflows_fail(struct cli *cli);
int cli_workflows_settle(struct cli *cli);
int cli_workflows_extend(struct cli *cli);

/* cmd_replay.c */
int cli_journal_replay(struct cli *cli);

/* cmd_journal.c */
int cli_journal_list(struct cli *cli);
int cli_journal_show(struct cli *cli);
int cli_journal_tail(struct cli *cli);
int cli_journal_export(struct cli *cli);
int cli_journal_import(struct cli *cli);
int cli_journal_prune(struct cli *cli);
int cli_events(struct cli *cli);
int cli_verify(struct cli *cli);

/* cmd_outbox.c */
int cli_enqueue(struct cli *cli);
int cli_claim(struct cli *cli);
int cli_ack(struct cli *cli);
int cli_nack(struct cli *cli);
int cli_extend(struct cli *cli);
int cli_keep_progress(struct cli *cli);

/* cmd_messages.c */
int cli_messages_list(struct cli *cli);
int cli_messages_show(struct cli *cli);
int cli_messages_retry(struct cli *cli);
int cli_messages_requeue(struct cli *cli);
int cli_messages_cancel(struct cli *cli);
int cli_messages_purge(struct cli *cli);
int cli_messages_stats(struct cli *cli);
int cli_messages_resolve(struct cli *cli);
int cli_why(struct cli *cli);

/* cmd_ledger.c */
int cli_assets_list(struct cli *cli);
int cli_snapshots_add(struct cli *cli);
int cli_snapshots_list(struct cli *cli);
int cli_snapshots_show(struct cli *cli);
int cli_subscriptions_add(struct cli *cli);
int cli_subscriptions_read(struct cli *cli);
int cli_subscriptions_ack(struct cli *cli);
int cli_subscriptions_list(struct cli *cli);
int cli_subscriptions_remove(struct cli *cli);
int cli_types_list(struct cli *cli);
int cli_types_set(struct cli *cli);
void cli_print_event(struct cli *cli, const pawl_event_view *event);
int cli_cursor(struct cli *cli, const char *field, const char *text,
               pawl_cursor *cursor);                      /* SEQ, behind the whole record, or SEQ.INDEX */
void cli_warn_keep(struct cli *cli, const char *unknown); /* NULL: nothing to warn of */
int cli_assets_set(struct cli *cli);
int cli_ledger_balance(struct cli *cli);
int cli_ledger_entries(struct cli *cli);
int cli_ledger_fills(struct cli *cli);
int cli_ledger_check(struct cli *cli);
int cli_projections_get(struct cli *cli);
int cli_projections_list(struct cli *cli);
int cli_counters_get(struct cli *cli);

/* cmd_workers.c */
int cli_workers(struct cli *cli);

/* cmd_settings.c, target_test.c */
int cli_lanes_list(struct cli *cli);
int cli_lanes_pause(struct cli *cli);
int cli_lanes_resume(struct cli *cli);
int cli_lanes_set(struct cli *cli);
int cli_targets_list(struct cli *cli);
int cli_targets_add(struct cli *cli);
int cli_targets_set(struct cli *cli);
int cli_targets_remove(struct cli *cli);
int cli_targets_test(struct cli *cli);
int cli_holds_list(struct cli *cli);
int cli_holds_release(struct cli *cli);

#endif
