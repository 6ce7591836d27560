/* SPDX-License-Identifier: MIT */
/* Inside this room: what is checked and read in several places. */
#ifndef PAWLI_WORKFLOW_BUILD_H
#define PAWLI_WORKFLOW_BUILD_H

#include "commit/workflow.h"
#include "pawl/workflow.h"
#include "store/store.h"

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

/* ---- views.c ---- */

int pawli_workflows_of_start(pawl_store *store, const struct start_draft *draft, pawl_workflows **ret_workflows,
                             pawl_error *err);

#endif
