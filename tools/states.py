#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/states.md and docs/states.dot from src/model/states.def.

states.py           writes them
states.py --check   TAP: they are current, and the table keeps its own rules
"""
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "tests"))

KINDS = {"OPEN": "open", "ENDED": "ended: only an operator moves it on", "FINAL": "final: never changes"}


def read():
    with open(os.path.join(TOP, "src/model/states.def")) as source:
        text = re.sub(r"/\*.*?\*/", "", source.read(), flags=re.S)
    states = {n: (t, k, m) for n, t, k, m in re.findall(r'^STATE\((\w+), *"([^"]+)", *(\w+), *"([^"]+)"\)', text, re.M)}
    events = {n: (t, m) for n, t, m in re.findall(r'^EVENT\((\w+), *"([^"]+)", *"([^"]+)"\)', text, re.M)}
    edges = re.findall(r"^EDGE\((\w+), *(\w+), *(\w+)\)", text, re.M)
    if len(states) + len(events) + len(edges) != len(re.findall(r"^[A-Z]+ *\(", text, re.M)):
        sys.exit("states.def has a line that is not understood")
    return states, events, edges


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
                     + ["| " + " | ".join(row) + " |" for row in rows])


def markdown(states, events, edges):
    return f"""<!-- SPDX-License-Identifier: MIT -->
<!-- Generated from src/model/states.def by tools/states.py; a test compares them. -->
# The states of a message

A message is in exactly one state. It begins as *{next(iter(states.values()))[0]}*, and moves along the edges below and no
others: `pawli_state_next` is the only way from one state to the next, and every decision of the core goes through it.
`docs/states.dot` has the same as a graph (`dot -Tsvg docs/states.dot`).

{table(["state", "means", "kind"], [[f"**{t}**", m, KINDS[k]] for t, k, m in states.values()])}

## Edges

{table(["from", "event", "to", "when"],
       [[states[f][0], events[e][0], states[t][0], events[e][1]] for f, e, t in edges])}

An attempt is counted by *claim*, and given back by *defer* and *release*: attempts never exceed the cap. Every event that leaves
*claimed* names the token of the claim; a token that is no longer the claim's changes nothing. A retry by an operator is
*renew*: the same message again. A requeue is a *cancel* with a successor: a new message, which begins as *pending*.

What is *awaiting* or *uncertain* may be claimed too, by who polls or probes: that is no edge. It counts no attempt and keeps the
state, the claim has a token and a lease like any other, and the date by which an outcome must come stays what it was. Whoever handed a
message over may report its outcome (delivered, dead, uncertain) under the token by which it was claimed then, as long as it is *awaiting*,
polled or not; a poll that is under way has lost its claim by that.
"""


def dot(states, events, edges):
    style = {"OPEN": "", "ENDED": ", peripheries=2", "FINAL": ", peripheries=2, style=bold"}
    joined = {}
    for source, event, target in edges:
        joined.setdefault((source, target), []).append(events[event][0])
    nodes = "".join(f'    {n.lower()} [label="{t}"{style[k]}];\n' for n, (t, k, _) in states.items())
    arrows = "".join('    %s -> %s [label="%s"];\n' % (f.lower(), t.lower(), r"\n".join(names))
                     for (f, t), names in joined.items())
    return ("// SPDX-License-Identifier: MIT\n// Generated from src/model/states.def by tools/states.py.\n"
            f"digraph states {{\n    rankdir=LR;\n    node [shape=box];\n{nodes}{arrows}}}\n")


def stored(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def check(documents, states, events, edges):
    import tap

    cases = tap.Cases()
    for path, text in documents.items():
        cases.check(f"{os.path.basename(path)} is current", stored(path) == text, "run tools/states.py")
    reached, added = {next(iter(states))}, True
    while added:
        found = {t for f, _, t in edges if f in reached}
        added = not found <= reached
        reached |= found
    cases.check("every state can be reached", reached == set(states), set(states) - reached)
    cases.check("a final state is never left", not [e for e in edges if states[e[0]][1] == "FINAL"])
    cases.check("only an operator's moves leave an ended state",
                all(e[1] in ("CANCEL", "RENEW") for e in edges if states[e[0]][1] == "ENDED"))
    cases.check("no state has two answers to one event", len({e[:2] for e in edges}) == len(edges))
    cases.check("every event moves something", {e[1] for e in edges} == set(events))
    cases.end()


def main():
    found = read()
    documents = {os.path.join(TOP, "docs", "states.md"): markdown(*found), os.path.join(TOP, "docs", "states.dot"): dot(*found)}
    if sys.argv[1:] == ["--check"]:
        check(documents, *found)
    for path, text in documents.items():
        with open(path, "w") as out:
            out.write(text)


main()
