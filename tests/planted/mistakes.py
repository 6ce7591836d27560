#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mistakes that somebody could make in pawl, and the test that must see each.

mistakes.py --rooms                          the rooms of src/ that have some
mistakes.py BUILD CASE_LIBRARY ROOM [NAME]   plants those of a room, or one; BUILD is up to date
"""
import sys

from planted import Mistake, plant

plant([
    # ---- commit ----
    Mistake("a settlement counts whatever its token", "src/commit/settle.c",
            "PLACE_CLAIMED && item->task->row.token == item->token;",
            "PLACE_CLAIMED;",
            "a worker that lost its claim settles for the one that has it",
            "conformance_claim", "*a46_*"),
    Mistake("who shall lead is not woken", "src/commit/committer.c",
            "    committer->env->ops->wake(committer->env, &next->word, 1);\n", "",
            "a batch waits until the deadline of one of its callers",
            "conformance_threads", "*who_waits_for_a_commit_*"),
    Mistake("who was answered is not woken", "src/commit/committer.c",
            "    if (blocked)\n        env->ops->wake(env, &batch->word, INT_MAX);\n", "",
            "an acknowledged call returns at its deadline",
            "conformance_threads", "*who_waits_for_a_commit_*"),
    Mistake("the answered are woken before their word changes", "src/commit/committer.c",
            "    atomic_fetch_add(&batch->word, 1);\n    if (blocked)\n        env->ops->wake(env, &batch->word, INT_MAX);\n",
            "    if (blocked)\n        env->ops->wake(env, &batch->word, INT_MAX);\n    atomic_fetch_add(&batch->word, 1);\n",
            "who lies down between the two sleeps to its deadline",
            "conformance_threads", "*who_waits_for_a_commit_*"),
    Mistake("the successor of a blocked message goes to the end of its line", "src/commit/move.c",
            "blocks && (task->row.holds_key || task->row.place == PLACE_BLOCKED);",
            "blocks && task->row.holds_key;",
            "what was requeued is overtaken by what came after it (O5)",
            "model property", "test_cases"),
    # ---- journal, outbox ----
    Mistake("a waiting claim looks for news after it looked for messages", "src/outbox/outbox.c",
            "inner->ops->wait(inner, seen, ", "inner->ops->wait(inner, inner->ops->news(inner), ",
            "what comes between the two is found when the time is up",
            "conformance_claim", "*what_comes_between_*"),
    Mistake("who waits for a record looks for news after the journal", "src/journal/records.c",
            "inner->ops->wait(inner, seen, ", "inner->ops->wait(inner, inner->ops->news(inner), ",
            "what comes between the two is found when the time is up",
            "conformance_claim", "*what_comes_between_*"),
    # ---- store ----
    Mistake("a follower is put into the list that an undo brings back", "src/store/view.c",
            "if (at < count || count == line->follower_room) {", "if (count == line->follower_room) {",
            "a refused unit leaves a line in which one message stands twice and another not at all",
            "view", "a_refused_unit_leaves_a_line_*"),
    Mistake("a refused unit leaves the tasks that it made", "src/store/view.c",
            "    view->tasks.count = view->task_mark;", "    (void)view->task_mark;",
            "what was refused is written with the rest of its batch (J2)",
            "view", "a_refused_unit_leaves_no_task"),
    Mistake("the memory store wakes nobody", "src/store/memory/memory.c",
            "        env->ops->wake(env, &memory->bell, INT_MAX);\n", "        (void)env;\n",
            "a claim that waits finds what came when its time is up",
            "conformance_threads", "memory: who_waits_for_a_record_*"),
    Mistake("the memory store wakes before there is news", "src/store/memory/memory.c",
            "    atomic_fetch_add(&memory->bell, 1);\n    if (atomic_load(&memory->listening))\n"
            "        env->ops->wake(env, &memory->bell, INT_MAX);\n",
            "    if (atomic_load(&memory->listening))\n        env->ops->wake(env, &memory->bell, INT_MAX);\n"
            "    atomic_fetch_add(&memory->bell, 1);\n",
            "who is woken sees the old number and sleeps again",
            "conformance_threads", "memory: who_waits_for_a_record_*"),
], sys.argv[1:])
