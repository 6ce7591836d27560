/* SPDX-License-Identifier: MIT */
/* All of pawl's public headers. */
#ifndef PAWL_PAWL_H
#define PAWL_PAWL_H

#include "pawl/id.h"
#include "pawl/journal.h"
#include "pawl/ledger.h"
#include "pawl/lock.h"
#include "pawl/message.h"
#include "pawl/metrics.h"
#include "pawl/moving.h"
#include "pawl/operator.h"
#include "pawl/replay.h"
#include "pawl/schedule.h"
#include "pawl/snapshot.h"
#include "pawl/status.h"
#include "pawl/store.h"
#include "pawl/subscription.h"
#include "pawl/transition.h"
#include "pawl/version.h"
#include "pawl/why.h"
#include "pawl/worker.h"
#include "pawl/workflow.h"
#include "pawl/executor.h"
#include "pawl/run.h"

#endif
