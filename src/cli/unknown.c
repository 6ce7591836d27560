/* SPDX-License-Identifier: MIT */
/* A name that nothing has yet may be mistyped. What was asked is done all the same. */
#include "cli/cli.h"
#include "commit/handle.h"

/* Of the queues of one scope (NULL: of all) that there are, whether the name is one of theirs. */
void cli_note_unknown(struct cli *cli, enum cli_name kind, const char *scope, const char *name)
{
    static const char *const nouns[] = {[CLI_SCOPE] = "scope", [CLI_LANE] = "lane", [CLI_TARGET] = "target"};
    struct cli_nearest nearest = {.word = name};
    struct query query = {.kind = QUERY_QUEUES, .scope = text_of(scope), .limit = UINT32_MAX};
    struct page page;
    pawl_error ignored;
    bool is_known = false;
    if (pawli_store_query(cli->store->opened->store, &query, &page, &ignored) < 0)
        return;
    for (size_t i = 0; i < page.count; i++) {
        const struct queue_item *item = &page.queues[i];
        const char *there = kind == CLI_SCOPE  ? item->scope.data
                            : kind == CLI_LANE ? item->row.lane.data
                                               : item->row.target.data;
        is_known |= strcmp(there, name) == 0;
        cli_nearest_offer(&nearest, there);
    }
    if (!is_known && nearest.found)
        cli_note(cli, "%s: no message has this %s yet: did you mean %s?", name, nouns[kind], nearest.found);
    else if (!is_known)
        cli_note(cli, "%s: no message has this %s yet", name, nouns[kind]);
    pawli_page_done(&page);
}
