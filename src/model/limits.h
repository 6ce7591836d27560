/* SPDX-License-Identifier: MIT */
/* Every limit of pawl. Past one of them: a refusal that names it, never growth. */
#ifndef PAWLI_LIMITS_H
#define PAWLI_LIMITS_H

#define LIMIT_NAME         128           /* bytes of a scope, lane, target, type, asset, consumer, topic */
#define LIMIT_KEY          256           /* bytes of a dedupe, ordering or event key, ref, sender */
#define LIMIT_BODY         (1024 * 1024) /* bytes of a command, response, event or payload */
#define LIMIT_CONTENT_TYPE 127
#define LIMIT_HEADERS      64
#define LIMIT_HEADER       4096  /* bytes of name and value together */
#define LIMIT_EVENTS       65536 /* of one transition */
#define LIMIT_MESSAGES     4096  /* of one transition, enqueue or settlement */
#define LIMIT_SETTLEMENTS  4096
#define LIMIT_POSTS        4096               /* of one transition, and as many fills, projections, counters */
#define LIMIT_CLAIM        4096               /* messages of one claim */
#define LIMIT_UNIT_SIZE    (64 * 1024 * 1024) /* bytes of one transition or enqueue, all bodies together */
#define LIMIT_JSON         (8 * 1024 * 1024)  /* bytes of a request body or a line of JSON */
#define LIMIT_ERROR_TEXT   1024               /* cut on a character boundary, not refused */
#define LIMIT_REASON       1024
#define LIMIT_REMOTE_ID    256
#define LIMIT_PROGRESS     (64 * 1024)
#define LIMIT_STATE_DIGEST 64
#define LIMIT_URL          2048
#define LIMIT_URLS         8        /* of a route */
#define LIMIT_LIST         10000    /* items of one page */
#define LIMIT_LEASE_MS     86400000 /* a day */
#define LIMIT_WORKER_NAMES 1024     /* lanes, or callbacks, of one worker */
#define LIMIT_WORKFLOW_ID  200
#define LIMIT_STARTS       4096                     /* of one transition; as many resources */
#define LIMIT_SIGNALS      1000                     /* shown by one claim of a workflow */
#define LIMIT_UNDOS        1000                     /* steps of a workflow's compensation */
#define LIMIT_CATCH_UP     10000                    /* slots that a schedule makes up for */
#define LIMIT_MOVES        1000                     /* of one commit of a move by filter */
#define TOKEN_COUNTER_MAX  ((INT64_C(1) << 47) - 1) /* the epoch stands above it */

#define OPERATOR_SCOPE "pawl.operator"
#define WORKFLOW_LANE  "pawl.workflow" /* of the queues of workflows; the target is their kind */
#define LOCK_KIND      "pawl.lock"     /* of the workflows whose claims are locks; their ids are the locks' names */
#define STEP_TYPE      "pawl.step"     /* of the record of a step that did something */

#endif
