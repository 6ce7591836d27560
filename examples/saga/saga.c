/* SPDX-License-Identifier: MIT */
/* A saga: trips are booked, paid and confirmed over HTTP, at a service that fails (service.py). Each trip is one function, whose
 * steps are recorded: killed anywhere it goes on behind the last of them, and what is refused is undone, the last step first.
 *   saga book N     N travellers want a trip; those that wanted one before have it already
 *   saga answer N   they answer, most of them, whether they take it
 *   saga serve      works until every trip has ended, or waits for a person
 */
#include <curl/curl.h>
#include <pawl/pawl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pawl_store *store;
static const char *service; /* its URL */

static int need(int status, const pawl_error *err)
{
    if (status < 0) {
        fprintf(stderr, "%s. %s\n", err->text, err->hint);
        exit(pawl_status_exit(status));
    }
    return status;
}

/* ---- one call to the service: the same key is the same call, however often it is made ---- */

#define ANSWER_MAX 40

struct call {
    const char *path;
    long trip, cents;
    pawl_uuid key;
    char answer[ANSWER_MAX];
};

static size_t keep_answer(char *bytes, size_t size, size_t count, void *into)
{
    struct call *call = into;
    size_t used = strlen(call->answer), room = sizeof call->answer - 1 - used;
    memcpy(call->answer + used, bytes, count < room ? count : room);
    return size * count;
}

static int send_request(CURL *curl, struct call *call, long *ret_status, pawl_error *err)
{
    char url[200], body[80], key[PAWL_UUID_TEXT_SIZE], header[80];
    snprintf(url, sizeof url, "%s%s", service, call->path);
    snprintf(body, sizeof body, "{\"trip\":%ld,\"cents\":%ld}", call->trip, call->cents);
    snprintf(header, sizeof header, "Idempotency-Key: %s", pawl_uuid_format(&call->key, key));
    struct curl_slist *headers = curl_slist_append(NULL, header);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 500L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* there are threads */
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    if (code == CURLE_OK)
        return PAWL_OK;
    return pawl_error_set(err, code == CURLE_COULDNT_CONNECT ? PAWL_EUNAVAIL : PAWL_EUNCERTAIN, "%s: %s", call->path,
                          curl_easy_strerror(code));
}

/* A refusal is final. After anything else the run ends here, and the call is made again later, under the same key. */
static int post(void *arg, pawl_error *err)
{
    struct call *call = arg;
    long answered = 0;
    memset(call->answer, 0, sizeof call->answer); /* of a try before */
    CURL *curl = curl_easy_init();
    if (!curl)
        return pawl_error_set(err, PAWL_ENOMEM, "%s: out of memory", call->path);
    int status = send_request(curl, call, &answered, err);
    curl_easy_cleanup(curl);
    if (status < 0 || answered / 100 == 2)
        return status;
    return pawl_error_set(err, answered / 100 == 4 ? PAWL_EREJECTED : PAWL_EUNAVAIL, "%s: %ld %s", call->path, answered,
                          call->answer);
}

/* ---- a trip ---- */

enum { BOOK, CHARGE, POINTS, CONFIRM, ACT_COUNT };

static const struct act {
    const char *name, *path, *undo, *undo_path;
} acts[ACT_COUNT] = {[BOOK] = {"book", "/book", "cancel", "/cancel"},
                     [CHARGE] = {"charge", "/charge", "refund", "/refund"},
                     [POINTS] = {"points", "/points", "take-points", "/take-points"},
                     [CONFIRM] = {"confirm", "/confirm", "withdraw", "/withdraw"}};

struct trip {
    long number, cents, patience_ms;
    char seat[40], points[ANSWER_MAX];
    struct call does[ACT_COUNT], undoes[ACT_COUNT];
};

static int read_trip(pawl_run *run, struct trip *trip, pawl_error *err)
{
    size_t size;
    char text[120] = "";
    const void *input = pawl_run_input(run, &size);
    memcpy(text, input, size < sizeof text ? size : sizeof text - 1);
    if (sscanf(text, "{\"trip\":%ld,\"cents\":%ld,\"patience_ms\":%ld}", &trip->number, &trip->cents,
               &trip->patience_ms) != 3)
        return pawl_error_set(err, PAWL_EREJECTED, "its input is none of ours");
    snprintf(trip->seat, sizeof trip->seat, "seat-%ld", trip->number);
    return PAWL_OK;
}

/* Once: a run that begins anew is given the same, and so the service knows what it did. */
static int draw_keys(pawl_run *run, struct trip *trip, pawl_error *err)
{
    int status = PAWL_OK;
    for (int i = 0; i < ACT_COUNT && status == PAWL_OK; i++) {
        trip->does[i] = (struct call){.path = acts[i].path, .trip = trip->number, .cents = trip->cents};
        status = pawl_run_uuid(run, acts[i].name, &trip->does[i].key, err);
        trip->undoes[i] = trip->does[i];
        trip->undoes[i].path = acts[i].undo_path;
    }
    return status;
}

/* The undo comes first: once the call is under way, nobody knows whether it happened. */
static int act(pawl_run *run, struct trip *trip, int i, pawl_error *err)
{
    struct call *call = &trip->does[i];
    pawl_run_undo(run, acts[i].undo, post, &trip->undoes[i]);
    return pawl_run_step(run, acts[i].name, post, call, call->answer, sizeof call->answer, err);
}

static int ask_traveller(pawl_run *run, const struct trip *trip, pawl_error *err)
{
    char answer[8];
    size_t size = sizeof answer;
    int status = pawl_run_signal(run, "answer", trip->patience_ms, answer, &size, err);
    if (status == PAWL_ENOTFOUND)
        return pawl_error_set(err, PAWL_EREJECTED, "the traveller did not answer");
    if (status == PAWL_OK && (size != 3 || memcmp(answer, "yes", 3) != 0))
        return pawl_error_set(err, PAWL_EREJECTED, "the traveller said no");
    return status;
}

/* Points are a workflow of their own. Trips that came by here before there were any have none. */
static int give_points(pawl_run *run, struct trip *trip, pawl_error *err)
{
    char id[40], data[120], key[PAWL_UUID_TEXT_SIZE];
    size_t size = sizeof trip->points - 1;
    uint32_t version = 0;
    int status = pawl_run_version(run, "points", 1, &version, err);
    if (status != PAWL_OK || version == 0)
        return status;
    snprintf(id, sizeof id, "points-%ld", trip->number);
    int length = snprintf(data, sizeof data, "{\"trip\":%ld,\"cents\":%ld,\"key\":\"%s\"}", trip->number, trip->cents,
                          pawl_uuid_format(&trip->does[POINTS].key, key));
    pawl_run_undo(run, acts[POINTS].undo, post, &trip->undoes[POINTS]);
    return pawl_run_child(
        run, "points", &(pawl_start){PAWL_START, .kind = "points", .id = id, .data = data, .data_size = (size_t)length},
        trip->points, &size, err);
}

static int send_ticket(pawl_run *run, const struct trip *trip, pawl_error *err)
{
    char text[120];
    int size = snprintf(text, sizeof text, "{\"trip\":%ld,\"ticket\":\"%s\"}", trip->number,
                        trip->does[CONFIRM].answer);
    return pawl_run_send(
        run, "ticket",
        &(pawl_message){PAWL_MESSAGE, .lane = "mail", .target = "mailer", .data = text, .data_size = (size_t)size},
        err);
}

/* What nobody can refuse any more, and nothing undoes, is last. */
static int close_books(pawl_run *run, const struct trip *trip, pawl_error *err)
{
    char traveller[40], price[24], paid[24], receipt[240];
    snprintf(traveller, sizeof traveller, "traveller:%ld", trip->number);
    snprintf(price, sizeof price, "%ld", trip->cents);
    snprintf(paid, sizeof paid, "-%ld", trip->cents);
    const pawl_post posts[] = {{PAWL_POST, .account = traveller, .asset = "cents", .delta = paid},
                               {PAWL_POST, .account = "agency", .asset = "cents", .delta = price}};
    int status = pawl_run_post(run, "sale", posts, 2, err);
    if (status == PAWL_OK)
        status = pawl_run_consume(run, trip->seat, err);
    int size = snprintf(receipt, sizeof receipt,
                        "{\"booking\":\"%s\",\"payment\":\"%s\",\"points\":\"%s\",\"ticket\":\"%s\"}",
                        trip->does[BOOK].answer, trip->does[CHARGE].answer, trip->points, trip->does[CONFIRM].answer);
    pawl_run_receipt(run, receipt, (size_t)size);
    return status;
}

static int travel(void *user, pawl_run *run, pawl_error *err)
{
    struct trip trip = {0};
    (void)user;
    int status = read_trip(run, &trip, err);
    if (status == PAWL_OK)
        status = pawl_run_hold(run, trip.seat, err); /* refused where there is no such seat, or another has it */
    if (status == PAWL_OK)
        status = draw_keys(run, &trip, err);
    if (status == PAWL_OK)
        status = act(run, &trip, BOOK, err);
    if (status == PAWL_OK)
        status = act(run, &trip, CHARGE, err);
    if (status == PAWL_OK)
        status = pawl_run_sleep(run, "before asking", 20, err);
    if (status == PAWL_OK)
        status = ask_traveller(run, &trip, err);
    if (status == PAWL_OK)
        status = give_points(run, &trip, err);
    if (status == PAWL_OK)
        status = act(run, &trip, CONFIRM, err);
    if (status == PAWL_OK)
        status = send_ticket(run, &trip, err);
    if (status == PAWL_OK)
        status = close_books(run, &trip, err);
    return status == PAWL_EREJECTED ? pawl_run_compensate(run, err)
                                    : status; /* all else goes through: it waits, or tries again */
}

/* The child: under the key that its parent gave, which takes the points back where the trip comes to nothing. */
static int collect(void *user, pawl_run *run, pawl_error *err)
{
    size_t size;
    char text[120] = "", key[PAWL_UUID_TEXT_SIZE] = "";
    struct call call = {.path = acts[POINTS].path};
    (void)user;
    const void *input = pawl_run_input(run, &size);
    memcpy(text, input, size < sizeof text ? size : sizeof text - 1);
    if (sscanf(text, "{\"trip\":%ld,\"cents\":%ld,\"key\":\"%36[0-9a-f-]\"}", &call.trip, &call.cents, key) != 3 ||
        pawl_uuid_parse(key, &call.key, err) < 0)
        return pawl_error_set(err, PAWL_EREJECTED, "its input is none of ours");
    int status = pawl_run_step(run, "collect", post, &call, call.answer, sizeof call.answer, err);
    pawl_run_receipt(run, call.answer, strlen(call.answer));
    return status;
}

/* ---- travellers ---- */

static void format_id(long number, char id[static 32])
{
    snprintf(id, 32, "trip-%ld", number);
}

/* Some never answer: one in eleven that does not want to wait long, and one in seventeen that would wait for ever. */
static int is_silent(long number)
{
    return number % 11 == 5 || number % 17 == 4;
}

static void book(long count)
{
    pawl_error err;
    char id[32], seat[40], data[120];
    for (long n = 1; n <= count; n++) {
        format_id(n, id);
        snprintf(seat, sizeof seat, "seat-%ld", n);
        if (n % 13 != 0) /* of which no aeroplane has one */
            need(pawl_resource_add(store, seat, "seat", &err), &err);
        int size = snprintf(data, sizeof data, "{\"trip\":%ld,\"cents\":%ld,\"patience_ms\":%ld}", n, 10000 + n * 7,
                            n % 11 == 5 ? 100 : -1L);
        need(pawl_workflow_start(
                 store, &(pawl_start){PAWL_START, .kind = "trip", .id = id, .data = data, .data_size = (size_t)size},
                 NULL, &err),
             &err);
    }
}

static void answer(long count)
{
    pawl_error err;
    char id[32];
    for (long n = 1; n <= count; n++) {
        const char *says = n % 7 == 3 ? "no" : "yes";
        format_id(n, id);
        if (is_silent(n))
            continue;
        int status = pawl_workflow_signal(store,
                                          &(pawl_signal){PAWL_SIGNAL, .kind = "trip", .id = id, .name = "answer",
                                                         .data = says, .data_size = strlen(says), .dedupe = "answer"},
                                          NULL, &err);
        if (status != PAWL_EREFUSED) /* it ended before: nobody asks any more */
            need(status, &err);
    }
}

/* ---- who works ---- */

static void tell(void *data, const pawl_executor_event *event)
{
    (void)data;
    printf("%s/%s %s%s%s\n", event->kind, event->id ? event->id : "", event->name, event->text ? ": " : "",
           event->text ? event->text : "");
    fflush(stdout);
}

static void set_up(void)
{
    pawl_error err;
    char url[200];
    const pawl_setting patience[] = {{"backoff_ms", "50"}, {"backoff_max_ms", "500"}, {"timeout_ms", "500"}};
    need(pawl_kind_set(store, "trip", patience, 2, NULL, &err), &err);
    need(pawl_kind_set(store, "points", patience, 2, NULL, &err), &err);
    need(pawl_lane_set(store, "mail", patience, 3, NULL, &err), &err);
    snprintf(url, sizeof url, "%s/mail", service);
    need(pawl_target_add(store, "mailer", url, NULL, NULL, 0, NULL, &err), &err);
}

/* How many trips have not ended; *stuck: how many of the others wait for a person. */
static size_t count_open(size_t *stuck)
{
    pawl_error err;
    size_t open = 0;
    pawl_workflows_query query = {PAWL_WORKFLOWS_QUERY, .kind = "trip", .limit = 500};
    *stuck = 0;
    for (int more = 1; more;) {
        pawl_workflows *page;
        need(pawl_workflows_list(store, &query, &page, &err), &err);
        for (size_t i = 0; i < pawl_workflows_count(page); i++) {
            const char *status = pawl_workflows_get(page, i)->status;
            int is_stuck = strcmp(status, "stuck") == 0;
            *stuck += is_stuck;
            open += !is_stuck && strcmp(status, "finished") != 0 && strcmp(status, "failed") != 0;
        }
        more = pawl_workflows_has_more(page);
        query.before = pawl_workflows_next(page);
        pawl_workflows_free(page);
    }
    return open;
}

static int serve(void)
{
    static const char *const here[] = {"127.0.0.0/8"};
    pawl_error err;
    pawl_executor *executor;
    pawl_worker *worker;
    size_t stuck;
    set_up();
    need(pawl_executor_new(store, &(pawl_executor_options){PAWL_EXECUTOR_OPTIONS, .tell = tell}, &executor, &err),
         &err);
    need(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "trip", .code = travel}, &err), &err);
    need(pawl_executor_register(executor, &(pawl_kind){PAWL_KIND, .name = "points", .code = collect}, &err), &err);
    need(pawl_worker_new(store,
                         &(pawl_worker_options){PAWL_WORKER_OPTIONS, .allow_addresses = here, .allow_address_count = 1},
                         &worker, &err),
         &err);
    need(pawl_executor_start(executor, &err), &err);
    need(pawl_worker_start(worker, &err), &err);
    while (count_open(&stuck) > 0)
        need(pawl_store_step(store, 50, NULL, &err), &err); /* the worker's; the executor has threads of its own */
    pawl_executor_free(executor);
    pawl_worker_free(worker);
    if (stuck)
        fprintf(stderr, "%zu wait for a person: pawl workflows list --status stuck\n", stuck);
    return stuck != 0;
}

int main(int count, char **words)
{
    pawl_error err;
    const char *url = getenv("PAWL_STORE"), *at = getenv("SAGA_SERVICE");
    const char *what = count > 1 ? words[1] : "";
    int status = 0;
    service = at ? at : "http://127.0.0.1:7297";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    need(pawl_store_open(url ? url : "sqlite:saga.db", NULL, &store, &err), &err);
    if (count == 3 && strcmp(what, "book") == 0)
        book(strtol(words[2], NULL, 10));
    else if (count == 3 && strcmp(what, "answer") == 0)
        answer(strtol(words[2], NULL, 10));
    else if (count == 2 && strcmp(what, "serve") == 0)
        status = serve();
    else {
        fprintf(stderr, "usage: saga book N, saga answer N, or saga serve\n");
        status = 2;
    }
    pawl_store_close(store);
    curl_global_cleanup();
    return status;
}
