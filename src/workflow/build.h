/* SPDX-License-Identifier: MIT */
/* Inside this room: what is checked and read in several places. */
#ifndef PAWLI_WORKFLOW_BUILD_H
#define PAWLI_WORKFLOW_BUILD_H

#include "commit/workflow.h"
#include "pawl/workflow.h"
#include "store/store.h"

int pawli_check_write(pawl_store *store, pawl_error *err); /* whether the handle's scope may be written */
int pawli_check_kind_and_id(const char *kind, const char *id, pawl_error *err);
/* Of one that is looked at, or that an operator steers: those of pawl itself, too. */
int pawli_check_any_kind_and_id(const char *kind, const char *id, pawl_error *err);
/* The page is the caller's: its first row is the workflow. ENOTFOUND, ECORRUPT: there is none to be done. */
int pawli_read_workflow_row(pawl_store *store, const char *kind, const char *id, struct page *page, pawl_error *err);
struct workflow_ref pawli_draft_ref(struct drafting *drafting, const char *kind, const char *id);
int pawli_draft_start(struct drafting *drafting, const pawl_start *given, struct start_draft *draft, pawl_error *err);
/* The same of one that was checked; its kind may be pawl's own. */
int pawli_draft_good_start(struct drafting *drafting, const pawl_start *start, struct start_draft *draft,
                           pawl_error *err);

/* A transition that commits a step: opened; `answer` says what the step came to; then its command is written. A transition
 * without memory is NULL, or has that error. */
pawl_transition *pawli_step_open(pawl_store *store, const char *kind, const char *id, uint64_t token,
                                 uint64_t generation, struct step **ret_step);
int pawli_step_answer(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err);
int pawli_step_undo(struct drafting *drafting, const pawl_step_outcome *outcome, struct step *step, pawl_error *err);
int pawli_step_close(pawl_transition *t, const struct step *step, pawl_error *err);
/* Of a claim alone. */
int pawli_step_extend(pawl_store *store, const char *kind, const char *id, uint64_t token, int64_t lease_ms,
                      pawl_error *err);
int pawli_step_release(pawl_store *store, const char *kind, const char *id, uint64_t token, pawl_error *err);

/* ---- views.c ---- */

int pawli_workflows_of_start(pawl_store *store, const struct start_draft *draft, pawl_workflows **ret_workflows,
                             pawl_error *err);
/* As it is now: it was started before. */
int pawli_workflows_of_replay(pawl_store *store, const char *kind, const char *id, pawl_workflows **ret_workflows,
                              pawl_error *err);

#endif
