/* SPDX-License-Identifier: MIT */
/* Whether a record is what its digest says, and follows the one before it. */
#ifndef PAWLI_JOURNAL_CHAIN_H
#define PAWLI_JOURNAL_CHAIN_H

#include "model/fingerprint.h"

/* NULL: it is; else what is wrong, a static sentence. `previous` is the digest of the record before, zeros before the first. */
const char *pawli_prove_record(struct hasher *hasher, struct arena *scratch, struct text scope,
                               const struct record_row *row, uint64_t expected_seq, const struct digest *previous);

#endif
