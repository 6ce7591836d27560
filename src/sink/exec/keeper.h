/* SPDX-License-Identifier: MIT */
/* What the exec sink and the keeper of a program agree on; see keeper.c. */
#ifndef PAWLI_KEEPER_H
#define PAWLI_KEEPER_H

#define KEEPER_SELF   3   /* the descriptor of the keeper's own program */
#define KEEPER_LINE   4   /* to the sink: whoever hangs up ends it; an errno comes back when nothing was run */
#define KEEPER_FAILED 126 /* its exit status then */

#endif
