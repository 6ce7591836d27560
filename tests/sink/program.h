/* SPDX-License-Identifier: MIT */
/* A server that a test starts as a process: as an ordinary user where the test is root, with nothing of its own on the machine
 * but a folder, and gone with the test. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct program;

/* Returns once its output has a text in it; NULL: at once. What it wrote is shown if it ends before. */
struct program *program_new(const char *const argv[], const char *const environment[], const char *ready);
void program_kill(struct program *program); /* SIGKILL, and waits; it may have ended before */
void program_free(struct program *program); /* kills it, too; NULL is fine */

/* A folder that such a program may write to; remove_folder removes it. */
char *program_folder(char path[64]);

uint16_t free_port(void); /* of loopback; somebody else may take it, though nobody does */

/* Where scripts/setup --tests unpacked the servers; fails when it did not. */
const char *servers_folder(void);

/* Of the server; program_free ends them. */
struct program *nats_new(const char *folder, uint16_t port, const char *configuration);

struct rabbitmq {
    struct program *epmd, *broker;
    uint16_t port;
    char folder[64];
};
void rabbitmq_start(struct rabbitmq *rabbitmq);
void rabbitmq_stop(struct rabbitmq *rabbitmq);

#endif
