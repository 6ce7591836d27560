#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves an export of a journal without the store: verify_export.py FILE, - for standard input.

Recomputes every fingerprint and digest from what the lines say (docs/format.md) with Python's standard library alone. Ends
with 0 and says how many records were proven, or with 1 and names the first that is bad."""
import base64
import hashlib
import json
import sys
import uuid

KEEPS = ["full", "reference", "none"]
JSON = "application/json"
DECODER = json.JSONDecoder()


def field(value):
    if value is None:
        return b"\xff\xff\xff\xff"
    if isinstance(value, int):
        value = value.to_bytes(8, "big", signed=value < 0)
    elif isinstance(value, str):
        value = value.encode()
    return len(value).to_bytes(4, "big") + value


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


def digest(domain, *fields):
    return sha256(b"".join(map(field, (domain,) + fields)))


def members(text):
    """The members of an object, each with its value and the very text of it: bodies are hashed byte for byte."""
    found, at = {}, text.index("{") + 1
    while text[at] != "}":
        name, at = DECODER.raw_decode(text, at)
        value, end = DECODER.raw_decode(text, at + 1)
        found[name] = value, text[at + 1:end]
        at = end + (text[end] == ",")
    return found


def items(text):
    """The texts of an array's items."""
    found, at = [], 1
    while text[at] != "]":
        _, end = DECODER.raw_decode(text, at)
        found.append(text[at:end])
        at = end + (text[end] == ",")
    return found


def value(of, name):
    return of[name][0] if name in of else None


def exact(of, name):
    """The very bytes: as they stand, or out of base64; None: there are none."""
    if name + "_base64" in of:
        return base64.b64decode(of[name + "_base64"][0], validate=True)
    return of[name][1].encode() if name in of else None


def body(of, name, stored):
    """The hash of a body, or what is left of one that is not stored; None: it had none."""
    data = exact(of, name)
    return sha256(data) if data is not None else bytes.fromhex(stored) if stored else None


def prove(line, scope, seq, previous):
    """The members of a record, its fingerprint and its digest, both made anew."""
    r = members(line)
    hashes = value(r, "hashes") or {}
    command, response = body(r, "data", hashes.get("data")), body(r, "response", hashes.get("response"))
    fingerprint = digest("pawl.transition.1", value(r, "type"), value(r, "ref"), value(r, "content_type"), command)
    states = value(r, "state_digest") or {}
    pre, post = (bytes.fromhex(states[name]) if name in states else None for name in ("pre", "post"))
    events = [members(item) for item in items(r["events"][1])]
    fields = [uuid.UUID(value(r, "request_id")).bytes, fingerprint, value(r, "type"), value(r, "ref"), value(r, "received_at"),
              command, response, pre, post, value(r, "duration_us") or 0, len(events)]
    for e in events:
        fields += [value(e, "topic"), value(e, "type"), value(e, "key"), value(e, "content_type"), value(e, "stream_seq"),
                   KEEPS.index(value(e, "keep")), body(e, "data", value(e, "hash"))]
    sent = [bytes.fromhex(text) for text in value(r, "message_fingerprints") or []]
    fields += [len(sent), *sent, exact(r, "effects")]
    nonces = [int(nonce) for nonce in value(r, "nonces") or [] if nonce is not None]
    made = digest("pawl.record.1", scope, value(r, "epoch"), seq, previous, digest("pawl.record-body.1", *fields), len(nonces),
                  *nonces, value(r, "committed_at"))
    return r, fingerprint, made


def check(line, scope, seq, previous):
    r, fingerprint, made = prove(line, scope, seq, previous)
    if value(r, "seq") != seq or (bytes.fromhex(value(r, "fingerprint")), bytes.fromhex(value(r, "digest"))) != (fingerprint, made):
        raise ValueError("it is not what its digest says, or does not follow the record before")
    return made


def main():
    file = sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8", newline="\n")
    head, at = json.loads(next(file)), "the first line"
    seq, previous = head["after"], bytes.fromhex(head["previous"])
    try:
        for line in file:
            at = f"record {seq + 1}"
            previous = check(line, head["scope"], seq + 1, previous)
            seq += 1
        if "head" in head and (seq, previous) != (head["last"], bytes.fromhex(head["head"])):
            raise ValueError("the export ends before its last record")
    except (ValueError, KeyError, IndexError, TypeError) as error:
        sys.exit(f"{head['scope']}, {at}: {error}")
    print(f"{head['scope']}: {seq - head['after']} records, proven up to {previous.hex()}")


if __name__ == "__main__":
    main()
