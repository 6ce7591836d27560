/* SPDX-License-Identifier: MIT */
#include "server/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pawl/metrics.h"
#include "pawl/version.h"

enum metric {
#define METRIC(name, ...) METRIC_##name,
#include "server/metrics.def"
#undef METRIC
    METRIC_COUNT
};

static const struct metric_form {
    const char *name, *kind, *meaning;
} forms[] = {
#define METRIC(name, text, kind, labels, meaning) [METRIC_##name] = {text, #kind, meaning},
#include "server/metrics.def"
#undef METRIC
};

/* What one answer is made of. */
struct scrape {
    const struct metrics *metrics;
    struct buffer *out;
    pawl_metrics *read;
    pawl_metrics_sums sums;
    pawl_store_info info;
};

/* ---- lines ---- */

static void begin(struct scrape *scrape, enum metric metric)
{
    const struct metric_form *form = &forms[metric];
    pawli_buffer_format(scrape->out, "# HELP %s %s\n# TYPE %s %s\n", form->name, form->meaning, form->name, form->kind);
}

/* In place of a backslash, a quote and the end of a line. */
static void put_label(struct buffer *out, const char *name, const char *value, bool is_first)
{
    pawli_buffer_format(out, "%c%s=\"", is_first ? '{' : ',', name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            pawli_buffer_add_char(out, '\\');
        pawli_buffer_add_char(out, *value == '\n' ? 'n' : *value);
    }
    pawli_buffer_add_char(out, '"');
}

static void put_queue(struct scrape *scrape, enum metric metric, const char *scope, const char *lane,
                      const char *target)
{
    pawli_buffer_add_string(scrape->out, forms[metric].name);
    put_label(scrape->out, "scope", scope, true);
    put_label(scrape->out, "lane", lane, false);
    put_label(scrape->out, "target", target, false);
}

static void put_count(struct scrape *scrape, enum metric metric, uint64_t value)
{
    begin(scrape, metric);
    pawli_buffer_format(scrape->out, "%s %" PRIu64 "\n", forms[metric].name, value);
}

static void put_seconds(struct scrape *scrape, enum metric metric, double seconds)
{
    begin(scrape, metric);
    pawli_buffer_format(scrape->out, "%s %.3f\n", forms[metric].name, seconds);
}

/* ---- of the store ---- */

static void put_messages(struct scrape *scrape)
{
    const pawl_metrics_count *count;
    begin(scrape, METRIC_MESSAGES);
    for (size_t i = 0; (count = pawl_metrics_get_count(scrape->read, i)) != NULL; i++) {
        put_queue(scrape, METRIC_MESSAGES, count->scope, count->lane, count->target);
        put_label(scrape->out, "result", count->result, false);
        pawli_buffer_format(scrape->out, "} %" PRIu64 "\n", count->count);
    }
}

static void put_states(struct scrape *scrape)
{
    static const struct {
        const char *state;
        size_t at;
    } states[] = {
        {"pending", offsetof(pawl_queue_stats, pending)},     {"claimed", offsetof(pawl_queue_stats, claimed)},
        {"awaiting", offsetof(pawl_queue_stats, awaiting)},   {"uncertain", offsetof(pawl_queue_stats, uncertain)},
        {"delivered", offsetof(pawl_queue_stats, delivered)}, {"dead", offsetof(pawl_queue_stats, dead)},
        {"cancelled", offsetof(pawl_queue_stats, cancelled)}};
    const pawl_queue_stats *queue;
    begin(scrape, METRIC_IN_STATE);
    for (size_t i = 0; (queue = pawl_metrics_get_queue(scrape->read, i)) != NULL; i++)
        for (size_t j = 0; j < COUNT_OF(states); j++) {
            put_queue(scrape, METRIC_IN_STATE, queue->scope, queue->lane, queue->target);
            put_label(scrape->out, "state", states[j].state, false);
            pawli_buffer_format(scrape->out, "} %" PRIu64 "\n",
                                *(const uint64_t *)((const char *)queue + states[j].at));
        }
}

/* One figure of each queue; a negative one is left out. */
static void put_queues(struct scrape *scrape, enum metric metric,
                       double (*figure)(const pawl_queue_stats *queue, int64_t now_ms))
{
    const pawl_queue_stats *queue;
    begin(scrape, metric);
    for (size_t i = 0; (queue = pawl_metrics_get_queue(scrape->read, i)) != NULL; i++) {
        double value = figure(queue, scrape->sums.at_ms);
        if (value < 0)
            continue;
        put_queue(scrape, metric, queue->scope, queue->lane, queue->target);
        pawli_buffer_format(scrape->out, "} %.15g\n", value);
    }
}

static double due_of(const pawl_queue_stats *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue->due;
}

static double held_of(const pawl_queue_stats *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue->held;
}

static double oldest_of(const pawl_queue_stats *queue, int64_t now_ms)
{
    int64_t at = queue->oldest_due_at_ms;
    return at && at < now_ms ? (double)(now_ms - at) / 1000 : 0;
}

static double next_of(const pawl_queue_stats *queue, int64_t now_ms)
{
    int64_t at = queue->next_due_at_ms;
    return !at ? -1 : at > now_ms ? (double)(at - now_ms) / 1000 : 0;
}

static void put_syncs(struct scrape *scrape)
{
    const char *name = forms[METRIC_SYNC].name;
    const pawl_metrics_bucket *bucket;
    begin(scrape, METRIC_SYNC);
    for (size_t i = 0; (bucket = pawl_metrics_get_bucket(scrape->read, i)) != NULL; i++)
        pawli_buffer_format(scrape->out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bucket->within_us / 1e6,
                            bucket->count);
    pawli_buffer_format(scrape->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n", name,
                        scrape->sums.syncs, name, (double)scrape->sums.sync_us / 1e6, name, scrape->sums.syncs);
}

static void put_store(struct scrape *scrape)
{
    const pawl_store_info *info = &scrape->info;
    put_messages(scrape);
    put_states(scrape);
    put_queues(scrape, METRIC_DUE, due_of);
    put_queues(scrape, METRIC_HELD, held_of);
    put_queues(scrape, METRIC_OLDEST, oldest_of);
    put_queues(scrape, METRIC_NEXT, next_of);
    put_count(scrape, METRIC_QUEUES, scrape->sums.queues);
    put_count(scrape, METRIC_CUT, scrape->sums.is_cut);
    put_count(scrape, METRIC_COMMITS, scrape->sums.commits);
    put_syncs(scrape);
    put_count(scrape, METRIC_LOG_SIZE, info->log_size);
    put_count(scrape, METRIC_LOG_WAITING, info->log_waiting);
    if (info->disk_size) {
        put_count(scrape, METRIC_DISK_SIZE, info->disk_size);
        put_count(scrape, METRIC_DISK_FREE, info->disk_free);
    }
    put_count(scrape, METRIC_DISK_STATE, (uint64_t)info->disk_state);
}

/* ---- of the process ---- */

static uint64_t open_descriptors(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 3 ? count - 3 : 0; /* itself, and the folder's own two names */
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void put_process(struct scrape *scrape)
{
    const struct metrics *metrics = scrape->metrics;
    struct rlimit limit = {.rlim_cur = 0};
    struct rusage usage = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    getrusage(RUSAGE_SELF, &usage);
    put_seconds(scrape, METRIC_CPU, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    put_count(scrape, METRIC_OPEN_FDS, open_descriptors());
    put_count(scrape, METRIC_MAX_FDS, limit.rlim_cur);
    put_count(scrape, METRIC_MEMORY, resident_bytes());
    put_seconds(scrape, METRIC_START, (double)metrics->started_ms / 1000);
}

static void put_worker(struct scrape *scrape)
{
    const struct metrics *metrics = scrape->metrics;
    pawl_worker_stats stats = {PAWL_WORKER_STATS};
    pawl_worker_get_stats(metrics->worker, &stats);
    put_count(scrape, METRIC_IN_FLIGHT, stats.in_flight);
    put_count(scrape, METRIC_LOG_LOST, metrics->lost_lines ? atomic_load(metrics->lost_lines) : 0);
}

void pawli_metrics_reply(const struct metrics *metrics, struct server_reply *reply)
{
    pawl_error error;
    struct scrape scrape = {
        .metrics = metrics, .out = &reply->body, .sums = {PAWL_METRICS_SUMS}, .info = {PAWL_STORE_INFO}};
    int status = pawl_metrics_read(metrics->store, &scrape.read, &error);
    if (status == PAWL_OK)
        status = pawl_store_get_info(metrics->store, &scrape.info, &error);
    if (status < 0) {
        pawl_metrics_free(scrape.read);
        pawli_server_error(reply, &error);
        return;
    }
    pawl_metrics_get_sums(scrape.read, &scrape.sums);
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    begin(&scrape, METRIC_BUILD);
    pawli_buffer_add_string(scrape.out, forms[METRIC_BUILD].name);
    put_label(scrape.out, "version", pawl_version(), true);
    pawli_buffer_add_string(scrape.out, "} 1\n");
    put_store(&scrape);
    put_worker(&scrape);
    put_process(&scrape);
    pawl_metrics_free(scrape.read);
}
