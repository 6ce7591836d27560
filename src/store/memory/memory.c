/* SPDX-License-Identifier: MIT */
#include "store/store.h"
const struct store_ops pawli_store_memory = {.name = "memory"};
