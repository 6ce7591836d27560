#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker of trips in Python, with its standard library and the pawl command: claims some, makes a step of each, settles all at once.
trip.sh is the same in bash; both may work on one store. Killed anywhere, what it had claimed comes again once its lease is over.

A trip is started in state reserve, with {"seat": "4-12", "cents": 4200}, and goes

    reserve   the seat is held, and the key under which everybody outside knows this trip is kept
    charge    the bank takes the money               undone by refund
    book      the railway books the seat             undone by unbook
    wait      until the traveller confirms           from here on it cannot be cancelled
    issue     the railway issues the ticket; then the seat is used up, the money is booked, a mail goes out: it is done

trip.py   works in the store of $PAWL_STORE; the office is at the address in ./office.url
"""
import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request

KIND = "trip"
# So many calls, one after the other, must be over before the lease is: 30 s, unless "pawl kinds set" says otherwise.
CLAIMS, TIMEOUT_S = 4, 5


class Refused(Exception):
    """For good: the same again would be refused again."""


class Unknown(Exception):
    """It was done, or it was not. The same again, under the same key, tells."""


def pawl(*words, lines=()):
    """What it prints, and how it ends; both are for the caller to judge."""
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(["pawl", "workflows", *words, "--json"], input=given, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def ask(verb, trip):
    """Asks the office under the trip's key. What it did under this key before it does not again."""
    data = trip["data"]
    try:
        with open("office.url") as file:
            request = urllib.request.Request(f"{file.read()}/{verb}", json.dumps(data).encode(), {"Idempotency-Key": data["key"]})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        said = error.read().decode()
        raise (Refused if error.code < 500 else Unknown)(said) from error
    except (OSError, http.client.HTTPException) as error:  # no connection, no answer, half of one, too late
        raise Unknown(str(error)) from error


# ---- the steps: each gives what to settle; "otherwise" is settled where that is refused ----

def reserve(trip):
    # The key is kept before anything is done under it. A trip that failed may be started anew, then its generation is another.
    data = {**trip["data"], "key": f"{KIND}/{trip['id']}/{trip['generation']}"}
    # How the next step is undone is said before it is made: who is killed in the middle of it says nothing any more.
    return {"result": "next", "state": "charge", "data": data, "undo": {"state": "refund", "data": data},
            "resources": [{"id": f"seat/{data['seat']}", "action": "hold"}],
            "otherwise": {"result": "fail", "error": "the seat is not to be had"}}


def charge(trip):
    try:
        ask("charge", trip)
    except Refused as refused:  # nothing was done outside; the seat is released
        return {"result": "fail", "error": f"the bank refuses: {refused}"}
    return {"result": "next", "state": "book", "undo": {"state": "unbook", "data": trip["data"]}}


def book(trip):
    try:
        ask("book", trip)
    except Refused:
        return {"result": "next", "state": "refused"}
    return {"result": "next", "state": "wait"}


def refused(trip):
    """What was done is undone, the last first. Whoever comes here a second time asks for what is asked for."""
    _, status = pawl("cancel", KIND, trip["id"], "--reason", "the railway refuses")
    if status != 0:
        raise Unknown("it could not be cancelled")
    return {"result": "park"}


def wait(trip):
    """A signal may have come before, and another step taken it: show has them all. One that comes now ends the park."""
    shown, status = pawl("show", KIND, trip["id"])
    if status != 0:
        raise Unknown("its signals could not be read")
    if any(signal["name"] == "confirm" for row in shown for signal in row["signals"]):
        return {"result": "next", "state": "issue", "no_return": True,
                "otherwise": {"result": "park"}}  # it was cancelled meanwhile: with this step its undoing begins
    return {"result": "park"}


def issue(trip):
    data = trip["data"]
    try:
        ticket = ask("issue", trip)
    except Refused as refused:  # there is no way back, so a person has to look: after some of these it is stuck
        return {"result": "park", "error": f"no ticket: {refused}", "rejected": True}
    return {"result": "done", "receipt": {"seat": data["seat"], "ticket": ticket},
            "resources": [{"id": f"seat/{data['seat']}", "action": "consume"}], "balanced": True,
            "posts": [{"account": f"traveller/{trip['id']}", "asset": "cent", "delta": str(-data["cents"])},
                      {"account": "railway", "asset": "cent", "delta": str(data["cents"])}],
            "messages": [{"lane": "mail", "target": "smtp", "key": trip["id"], "data": {"text": f"Your {ticket}."}}]}


def undo(trip):
    ask(trip["state"], trip)
    return {"result": "done"}  # of this undo: the one before it comes next, and behind the first it has failed


STEPS = {"reserve": reserve, "charge": charge, "book": book, "refused": refused, "wait": wait, "issue": issue,
         "refund": undo, "unbook": undo}


def drive(trip):
    try:
        return STEPS[trip["state"]](trip)
    except (Refused, Unknown) as error:
        return {"result": "park", "error": str(error)}  # counted, and tried again after the backoff of the kind
    except (KeyError, TypeError) as error:  # it is in no state of ours, or its data are not ours
        return {"result": "park", "error": f"not a trip: {error!r}", "rejected": True}


def settle(trips, outcomes):
    """One line each. A claim that was lost is no mistake: another has it now, and it is "lost" in the answer."""
    others = [outcome.pop("otherwise", None) for outcome in outcomes]
    lines = [{"kind": KIND, "id": trip["id"], "token": trip["token"], **outcome} for trip, outcome in zip(trips, outcomes)]
    answers, status = pawl("settle", "--jsonl", "-", lines=lines)
    if len(answers) < len(lines):
        sys.exit(status)
    again = [(trip, other) for trip, other, answer in zip(trips, others, answers)
             if other and "error" in answer and answer["error"]["status"] in (3, 7)]  # not found; refused
    if again:
        settle(*zip(*again))


print("trip.py works", flush=True)
while True:
    claims, status = pawl("claim", KIND, "--wait", "10s", "--limit", str(CLAIMS), "--consumer", "trip.py")
    if status not in (0, 5):  # busy: nothing was written
        sys.exit(status)
    if claims:
        settle(claims, [drive(claim) for claim in claims])
