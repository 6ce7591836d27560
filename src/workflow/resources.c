/* SPDX-License-Identifier: MIT */
/* Reading resources, and adding one outside a transition. */
#include "model/check.h"
#include "workflow/build.h"

struct pawl_resources {
    struct arena arena;
    pawl_resource_view *items;
    size_t count, room;
    bool has_more;
};

size_t pawl_resources_count(const pawl_resources *resources)
{
    return resources ? resources->count : 0;
}

const pawl_resource_view *pawl_resources_get(const pawl_resources *resources, size_t index)
{
    return index < pawl_resources_count(resources) ? &resources->items[index] : NULL;
}

int pawl_resources_has_more(const pawl_resources *resources)
{
    return resources && resources->has_more;
}

void pawl_resources_free(pawl_resources *resources)
{
    if (!resources)
        return;
    pawli_arena_done(&resources->arena);
    pawli_free(resources);
}

static int finish(pawl_resources *resources, int status, pawl_resources **ret_resources, pawl_error *err)
{
    if (status == PAWL_OK && pawli_arena_failed(&resources->arena))
        status = pawli_no_memory(err);
    if (status < 0)
        pawl_resources_free(resources);
    else
        *ret_resources = resources;
    return status;
}

static pawl_resource_view *add_item(pawl_resources *resources)
{
    if (!pawli_arena_reserve(&resources->arena, (void **)&resources->items, sizeof *resources->items,
                             resources->count + 1, &resources->room))
        return NULL;
    pawl_resource_view *view = &resources->items[resources->count++];
    *view = (pawl_resource_view){.struct_size = sizeof *view, .id = "?", .state = "?"};
    return view;
}

static void add_row(pawl_resources *resources, const struct resource_row *row)
{
    struct arena *arena = &resources->arena;
    pawl_resource_view *view = add_item(resources);
    if (!view)
        return;
    if (row->is_damaged) {
        view->error = "it cannot be read: run \"pawl verify\"";
        return;
    }
    view->id = pawli_arena_text(arena, row->id).data;
    view->kind = pawli_arena_text(arena, row->kind).data;
    view->state = pawli_resource_state_text(row->state);
    view->holder = pawli_arena_text(arena, row->holder).data;
    view->generation = row->generation;
    view->updated_at_ms = row->updated.ms;
}

static bool is_wanted(const pawl_resources_query *query, const struct resource_row *row)
{
    return row->is_damaged || ((!query->kind || text_is(row->kind, query->kind)) &&
                               (!query->state || strcmp(query->state, pawli_resource_state_text(row->state)) == 0));
}

static int check_query(const pawl_resources_query *query, pawl_error *err)
{
    enum resource_state state;
    int status = query->kind ? pawli_check_name("kind", text_of(query->kind), err) : PAWL_OK;
    if (status == PAWL_OK && query->holder)
        status = pawli_check_holder("holder", text_of(query->holder), err);
    if (status == PAWL_OK && query->after)
        status = pawli_check_account("after", text_of(query->after), err);
    if (status == PAWL_OK)
        status = pawli_check_range("limit", query->limit, 0, LIMIT_LIST, err);
    if (status == PAWL_OK && query->state && !pawli_resource_state_parse(text_of(query->state), &state))
        status = pawli_hint(err, pawli_fail(err, PAWL_EINVAL, "no resource has state \"%.40s\"", query->state),
                            "use available, held, consumed or withdrawn");
    return status;
}

#define LIST_PAGE 500

static int read_list(pawl_store *store, const pawl_resources_query *asked, size_t limit, pawl_resources *resources,
                     pawl_error *err)
{
    struct query query = {.kind = QUERY_RESOURCES,
                          .scope = store->scope,
                          .name = text_of(asked->holder),
                          .after_key = text_of(asked->after),
                          .limit = asked->holder ? LIMIT_LIST : LIST_PAGE};
    char after[LIMIT_NAME + 1];
    for (bool more = true; more && !resources->has_more;) {
        struct page page;
        int status = pawli_store_query(store->opened->store, &query, &page, err);
        if (status < 0)
            return status;
        for (size_t i = 0; i < page.count && !resources->has_more; i++) {
            if (!is_wanted(asked, &page.resources[i]))
                continue;
            resources->has_more = resources->count == limit;
            if (!resources->has_more)
                add_row(resources, &page.resources[i]);
        }
        more = page.more && !asked->holder;
        if (more) {
            const struct text last = page.resources[page.count - 1].id;
            memcpy(after, last.data, last.size);
            query.after_key = (struct text){after, last.size};
        }
        pawli_page_done(&page);
    }
    return PAWL_OK;
}

int pawl_resources_list(pawl_store *store, const pawl_resources_query *query, pawl_resources **ret_resources,
                        pawl_error *err)
{
    pawl_resources_query copy = {0};
    int status = pawli_check_given(err, store, ret_resources);
    if (status < 0)
        return status;
    if (query && !pawli_copy_options(&copy, sizeof copy, query))
        return pawli_bad_struct("pawl_resources_query", err);
    status = check_query(&copy, err);
    if (status < 0)
        return status;
    pawl_resources *resources = pawli_alloc(sizeof *resources);
    if (!resources)
        return pawli_no_memory(err);
    status = read_list(store, &copy, copy.limit ? copy.limit : 50, resources, err);
    return finish(resources, status, ret_resources, err);
}

static int read_moves(pawl_store *store, struct text id, pawl_resources *resources, pawl_error *err)
{
    const struct query query = {.kind = QUERY_RESOURCE_MOVES, .scope = store->scope, .key = id, .limit = UINT32_MAX};
    struct page page;
    int status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < page.count; i++) {
        const struct resource_move_row *row = &page.resource_moves[i];
        if (row->is_damaged)
            continue;
        add_row(resources, &(struct resource_row){.id = row->id,
                                                  .state = row->state,
                                                  .holder = row->holder,
                                                  .generation = row->generation,
                                                  .updated = row->at});
        if (!pawli_arena_failed(&resources->arena))
            resources->items[resources->count - 1].seq = row->seq;
    }
    pawli_page_done(&page);
    return PAWL_OK;
}

int pawl_resource_get(pawl_store *store, const char *id, pawl_resources **ret_resources, pawl_error *err)
{
    struct page page;
    int status = pawli_check_given(err, store, id, ret_resources);
    if (status == PAWL_OK)
        status = pawli_check_account("id", text_of(id), err);
    if (status < 0)
        return status;
    const struct query query = {.kind = QUERY_RESOURCES, .scope = store->scope, .key = text_of(id), .limit = 1};
    status = pawli_store_query(store->opened->store, &query, &page, err);
    if (status < 0)
        return status;
    bool found = page.count == 1;
    pawl_resources *resources = found ? pawli_alloc(sizeof *resources) : NULL;
    if (resources)
        add_row(resources, page.resources);
    pawli_page_done(&page);
    if (!found)
        return pawli_hint(err, pawli_fail(err, PAWL_ENOTFOUND, "no resource %s in scope \"%s\"", id, store->scope_text),
                          "see \"pawl resources list\"");
    if (!resources)
        return pawli_no_memory(err);
    return finish(resources, read_moves(store, text_of(id), resources, err), ret_resources, err);
}

int pawl_resource_add(pawl_store *store, const char *id, const char *kind, pawl_error *err)
{
    struct drafting drafting;
    int status = pawli_check_given(err, store, id);
    if (status == PAWL_OK)
        status = pawli_check_account("id", text_of(id), err);
    if (status == PAWL_OK && kind)
        status = pawli_check_name("kind", text_of(kind), err);
    if (status == PAWL_OK)
        status = pawli_store_check_write(store->opened->store, err);
    if (status == PAWL_OK)
        status = pawli_check_own_scope(store->scope, err);
    if (status < 0)
        return status;
    pawli_drafting_init(&drafting, store);
    struct resources *resources = pawli_draft_effect(&drafting, &pawli_effect_resources);
    struct resource_change *change = resources ? arena_new(&drafting.unit.arena, struct resource_change) : NULL;
    status = change ? PAWL_OK : pawli_no_memory(err);
    if (change) {
        *change = (struct resource_change){
            .id = pawli_draft_text(&drafting, id), .kind = pawli_draft_text(&drafting, kind), .action = RESOURCE_ADD};
        resources->items = change;
        resources->count = 1;
        status = pawli_draft_commit(&drafting, NULL, err);
    }
    pawli_drafting_done(&drafting);
    return status;
}
