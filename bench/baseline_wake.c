/* SPDX-License-Identifier: MIT */
/* What waking somebody costs at least: a byte through a pipe, to a thread or to a process that waits in read(). */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

struct pipes {
    int there[2];
    struct beside *beside;
};

static void *wait_for_bytes(void *data)
{
    struct pipes *pipes = data;
    for (char byte; read(pipes->there[0], &byte, 1) == 1 && byte == 'w';) {
        pipes->beside->time = bench_now();
        sem_post(&pipes->beside->done);
    }
    return NULL;
}

static int measure_bytes(const struct bench *bench, struct pipes *pipes, struct figure *figure)
{
    struct times times;
    if (!bench_times_begin(bench, &times))
        abort();
    while (bench_times_last(&times)) {
        double before = bench_now();
        if (write(pipes->there[1], "w", 1) != 1)
            break;
        sem_wait(&pipes->beside->done);
        times.values[times.count++] = pipes->beside->time - before;
    }
    bench_times_end(&times, figure);
    return write(pipes->there[1], "e", 1) == 1 ? PAWL_OK : PAWL_EIO;
}

int baseline_wake_thread(const struct bench *bench, void *unused, struct figure *figure, pawl_error *err)
{
    struct beside beside = {.pid = 0};
    struct pipes pipes = {.beside = &beside};
    pthread_t thread;
    (void)unused, (void)err;
    sem_init(&beside.done, 0, 0);
    if (pipe(pipes.there) < 0 || pthread_create(&thread, NULL, wait_for_bytes, &pipes) != 0)
        abort();
    int status = measure_bytes(bench, &pipes, figure);
    pthread_join(thread, NULL);
    close(pipes.there[0]);
    close(pipes.there[1]);
    return status;
}

static struct pipes to_process; /* made before the fork */

static void be_woken(const struct bench *bench, struct beside *beside)
{
    (void)bench;
    to_process.beside = beside;
    sem_post(&beside->ready);
    wait_for_bytes(&to_process);
}

int baseline_wake_process(const struct bench *bench, void *unused, struct figure *figure, pawl_error *err)
{
    (void)unused, (void)err;
    if (pipe(to_process.there) < 0)
        abort();
    to_process.beside = bench_beside_new(bench, be_woken);
    bench_beside_go(to_process.beside);
    int status = measure_bytes(bench, &to_process, figure);
    bench_beside_free(to_process.beside);
    close(to_process.there[0]);
    close(to_process.there[1]);
    return status;
}
