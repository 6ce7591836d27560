/* SPDX-License-Identifier: MIT */
/* The sink for functions of the program itself: "callback:NAME". */
#ifndef PAWLI_SINK_CALLBACK_H
#define PAWLI_SINK_CALLBACK_H

#include "model/limits.h"
#include "pawl/worker.h"
#include "sink/sink.h"

/* A function registered under a name: to deliver, or to be asked what became of a message. */
struct callback {
    struct callback *next;
    bool is_asked;
    pawl_deliver *function;
    void *data;
    char name[LIMIT_NAME + 1];
};

#endif
