/* SPDX-License-Identifier: MIT */
#ifndef PAWLI_ENV_REAL_H
#define PAWLI_ENV_REAL_H

#include "env/env.h"

int pawli_gate_open(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err);
int pawli_bell_open(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err);
int pawli_gate_find(struct env *env, const struct file_at *at, struct gate **ret_gate, pawl_error *err);
int pawli_bell_find(struct env *env, const struct file_at *at, struct bell **ret_bell, pawl_error *err);

#endif
