/* SPDX-License-Identifier: MIT */
/* Whether a program goes on with what is recorded: before it is deployed. */
#include <stdio.h>

#include "model/check.h"
#include "workflow/drive.h"

struct checking {
    pawl_store *store;
    const pawl_kind *kind;
    pawl_diverged *found;
    void *data;
    uint64_t checked, diverged;
};

static void tell(struct checking *c, const char *id, const char *text)
{
    c->diverged++;
    if (c->found)
        c->found(c->data, c->kind->name, id, text);
}

static int check_one(struct checking *c, const struct workflow_item *item, pawl_error *err)
{
    const struct claimed claimed = {.body = &item->workflow.body, .task = item->task};
    struct drive drive;
    pawl_error error = {0};
    int status = pawli_drive_init(&drive, c->store, c->kind, &claimed, err);
    if (status < 0)
        return status;
    drive.is_checked = true;
    status = pawli_check_drive(&drive, &error);
    bool is_looked_at = status >= 0 || drive.is_for_person || status == PAWL_ECORRUPT || status == PAWL_EINVAL;
    if (status < 0 && is_looked_at)
        tell(c, drive.id, error.text);
    pawli_drive_done(&drive);
    c->checked += is_looked_at;
    if (!is_looked_at && err)
        *err = error;
    return is_looked_at ? PAWL_OK : status;
}

static int check_kind(struct checking *c, pawl_error *err)
{
    struct query query = {.kind = QUERY_WORKFLOWS,
                          .scope = c->store->scope,
                          .lane = TEXT(WORKFLOW_LANE),
                          .target = text_of(c->kind->name),
                          .any_state = true,
                          .limit = LIMIT_LIST};
    for (bool more = true; more;) {
        struct page page;
        int status = pawli_store_query(c->store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; status == PAWL_OK && i < page.count; i++) {
            const struct workflow_item *item = &page.workflows[i];
            if (item->is_damaged)
                tell(c, item->is_workflow_damaged ? "?" : item->workflow.id.data,
                     "it cannot be read: run \"pawl verify\"");
            else if (item->task.place != PLACE_ENDED)
                status = check_one(c, item, err);
        }
        more = page.more;
        query.after = page.next;
        pawli_page_done(&page);
        if (status < 0)
            return status;
    }
    return PAWL_OK;
}

int pawl_workflow_check(pawl_store *store, const pawl_kind *kinds, size_t count, pawl_diverged *found, void *data,
                        uint64_t *ret_checked, pawl_error *err)
{
    struct checking c = {.store = store, .found = found, .data = data};
    int status = pawli_check_given(err, store, kinds);
    for (size_t i = 0; status == PAWL_OK && i < count; i++) {
        pawl_kind given, kind;
        if (!pawli_copy_item(&given, sizeof given, kinds, i))
            return pawli_bad_struct("pawl_kind", err);
        given.struct_size = sizeof given;
        status = pawli_read_kind(&given, &kind, err);
        c.kind = &kind;
        if (status == PAWL_OK)
            status = check_kind(&c, err);
    }
    if (status < 0)
        return status;
    if (ret_checked)
        *ret_checked = c.checked;
    return c.diverged > 0;
}

static void print(void *data, const char *kind, const char *id, const char *text)
{
    (void)data;
    printf("%s/%s: %s\n", kind, id, text);
}

static int complain(const pawl_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    if (error->hint[0])
        fprintf(stderr, "  hint: %s\n", error->hint);
    return pawl_status_exit(error->status);
}

int pawl_workflow_check_main(int argc, char **argv, const pawl_kind *kinds, size_t count)
{
    pawl_error error = {0};
    pawl_store *store;
    uint64_t checked = 0;
    int status = pawli_check_given(&error, argv, kinds);
    if (status < 0)
        return complain(&error);
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s STORE_URL [SCOPE]\n", argc > 0 ? argv[0] : "check");
        return pawl_status_exit(PAWL_EINVAL);
    }
    const pawl_store_options options = {PAWL_STORE_OPTIONS, .scope = argc > 2 ? argv[2] : NULL, .read_only = 1};
    if (pawl_store_open(argv[1], &options, &store, &error) < 0)
        return complain(&error);
    status = pawl_workflow_check(store, kinds, count, print, NULL, &checked, &error);
    pawl_store_close(store);
    if (status < 0)
        return complain(&error);
    printf("%llu workflow%s checked: %s\n", (unsigned long long)checked, checked == 1 ? "" : "s",
           status ? "some are not what this program does" : "it goes on with all of them");
    return status ? pawl_status_exit(PAWL_ECORRUPT) : 0;
}
