#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The formats of docs/format.md a second time, with Python's standard library and nothing of pawl.

format.py vectors                     the worked vectors of the document
format.py check FILE                  recomputes every fingerprint and the chain of each scope of a store (a closed one)
format.py test PROGRAM DOCUMENT C...  TAP: document, C tests and a store that PROGRAM makes agree with this file
"""
import base64
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid

ABSENT = b"\xff\xff\xff\xff"
NO_NONCE = 2 ** 64 - 1
KEEPS = ["full", "reference", "none"]
JSON = "application/json"


# ---- the encoding of fields, and SHA-256 over it ----

def field(value):
    if value is None:
        return ABSENT
    if isinstance(value, int):
        value = value.to_bytes(8, "big", signed=value < 0)
    elif isinstance(value, str):
        value = value.encode()
    return len(value).to_bytes(4, "big") + value


def digest(domain, *fields):
    return sha256(b"".join(map(field, (domain,) + fields)))


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


# ---- what is made of it ----

def request_id_from(key):
    return uuid.UUID(bytes=stamp(digest("pawl.request-id.1", key)[:16]))


def stamp(raw):
    raw = bytearray(raw)
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def message_id(number, tail):
    upper = number >> 12 << 16 | 8 << 12 | number & 0xFFF
    return uuid.UUID(int=upper << 64 | 2 << 62 | tail)


def transition_fingerprint(kind, ref, content_type, command):
    return digest("pawl.transition.1", kind, ref, content_type, command)


def message_fingerprint(lane, target, m):
    headers = sorted(m["headers"].items(), key=lambda item: item[0].encode())
    return digest("pawl.message.1", lane, target, m["sender"], m["key"], m["priority"], m["content_type"],
                  sha256(m["payload"]), len(headers), *[part for header in headers for part in header], m["deadline"])


def record_body(r):
    fields = [r["request_id"].bytes, r["fingerprint"], r["type"], r["ref"], r["received"], r["command"], r["response"],
              r["pre"], r["post"], r["duration_us"], len(r["events"])]
    for e in r["events"]:
        fields += [e["topic"], e["type"], e["key"], e["content_type"], e["stream_seq"], KEEPS.index(e["keep"]), e["hash"]]
    fields += [len(r["messages"])] + [fingerprint for _, fingerprint, _ in r["messages"]] + [r["effects"]]
    return digest("pawl.record-body.1", *fields)


def record_digest(scope, epoch, seq, previous, body, messages, committed):
    nonces = [nonce for _, _, nonce in messages if nonce is not None]
    return digest("pawl.record.1", scope, epoch, seq, previous, body, len(nonces), *nonces, committed)


# ---- the worked vectors ----

ORDER_ID = uuid.UUID("018f3f6e-7c2a-7b1e-9d3a-2f4b5c6d7e8f")


def vectors():
    order = '{"n": 1}'
    first = transition_fingerprint("PlaceOrder", "order-1", JSON, sha256(order))
    event = {"topic": "orders/new", "type": "Placed", "key": None, "content_type": JSON, "stream_seq": None,
             "hash": sha256("{}")}
    messages = [(None, sha256("first"), None), (None, sha256("second"), None)]
    body = record_body({
        "request_id": ORDER_ID, "fingerprint": first, "type": "PlaceOrder", "ref": "order-1", "received": 1700000000001,
        "command": sha256(order), "response": sha256("ok"), "pre": b"\1\2", "post": b"\3", "duration_us": 250,
        "events": [event | {"keep": "full"}, event | {"keep": "reference", "key": "order-1"},
                   event | {"keep": "none", "stream_seq": 77}],
        "messages": messages, "effects": '{"settled":[{"id":"x"}]}'})
    records = [bytes(32)]
    for epoch, nonce, committed in ((1, None, 1700000000002), (2, None, 1700000000003), (2, 77, 1700000000004)):
        given = messages[:1] + [messages[1][:2] + (nonce,)]
        records.append(record_digest("default", epoch, len(records), records[-1], body, given, committed))
    return {
        "fields": digest("domain", "", None, b"a\0b", 0x0102030405060708, -2),
        "request-id order-1": request_id_from("order-1"),
        "message-id 0x123456789abcdef": message_id(0x123456789ABCDEF, 0x3FEDCBA987654321),
        "transition PlaceOrder": first,
        "transition Tick": transition_fingerprint("Tick", None, "application/octet-stream", sha256("")),
        "message whole": message_fingerprint("mail", "smtp", {
            "sender": "shop", "key": "order-1", "priority": 3, "content_type": JSON, "payload": '{"a":1}',
            "headers": {"x-b": '"q" €', "x-a": "1"}, "deadline": 1700000000000}),
        "message bare": message_fingerprint("mail", "smtp", {
            "sender": None, "key": None, "priority": 5, "content_type": "application/octet-stream", "payload": "",
            "headers": {}, "deadline": None}),
        "body": body,
    } | {f"record {seq}": records[seq] for seq in (1, 2, 3)}


def as_text(value):
    return value.hex() if isinstance(value, bytes) else str(value)


# ---- reading a store ----

DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def skip_space(text, at):
    while text[at] in " \t\r\n":
        at += 1
    return at


def read_event(text, at):
    """The event whose opening bracket is at text[at], and where it ends. Its last item is the body, white space and all."""
    items, at = [], at + 1
    while text[at - 1] != "]":
        begin = at
        value, at = DECODER.raw_decode(text, skip_space(text, begin))
        at = skip_space(text, at)
        items.append(value)
        body, at = text[begin:at], at + 1
    event = dict(zip(("topic", "type", "key"), items)) | {"content_type": JSON, "stream_seq": None, "keep": "full"}
    event |= items[3] if len(items) == 5 else {}
    event["stream_seq"] = event["stream_seq"] and int(event["stream_seq"])
    if event["keep"] != "full" or "pruned" in event:
        event["hash"] = bytes.fromhex(items[-1])
    else:
        event["hash"] = sha256(body if event["content_type"] == JSON else base64.b64decode(items[-1], validate=True))
    return event, at


def read_events(text):
    events, at = [], 1
    while text and text[at] != "]":
        event, at = read_event(text, at)
        events.append(event)
        at += text[at] == ","
    return events


def stored_hash(hashes, kind):
    for at in range(0, len(hashes or b""), 33):
        if hashes[at:at + 1] == kind:
            return hashes[at + 1:at + 33]
    return None


def read_record(row):
    r = dict(row)
    r["request_id"] = uuid.UUID(bytes=r["request_id"])
    r["content_type"] = r["content_type"] or JSON
    for name, kind in (("command", b"C"), ("response", b"R")):
        r[name] = stored_hash(r["hashes"], kind) if r[name] is None else sha256(r[name])
    r["received"] = r["committed"] - r.pop("waited")
    r["duration_us"] = r["duration_us"] or 0
    r["events"] = read_events(r["events"])
    entries = r["messages"] or b""
    r["messages"] = [read_entry(entries[at:at + 56]) for at in range(0, len(entries), 56)]
    return r


def read_entry(entry):
    nonce = int.from_bytes(entry[48:56], "big")
    return uuid.UUID(bytes=entry[:16]), entry[16:48], None if nonce == NO_NONCE else nonce


class Wrong(Exception):
    """Something in a store that does not follow from the rest of it."""


def expect(stored, computed, what):
    if stored != computed:
        raise Wrong(f"{what}: stored {as_text(stored)}, computed {as_text(computed)}")


def check_view(db, scope, r, what):
    """The view `events`, which people read, tells of a record what its column says."""
    def has(event, is_json):
        return event["keep"] == "full" and "pruned" not in event and (event["content_type"] == JSON) == is_json
    expected = [(i, e["topic"], e["type"], e["key"], e["stream_seq"], e["keep"], has(e, True), e["hash"] if has(e, False) else None)
                for i, e in enumerate(r["events"]) if e["keep"] != "none"]
    told = db.execute('SELECT "index", topic, type, key, stream_seq, keep, data, data_base64 FROM events'
                      ' WHERE scope = ? AND seq = ? ORDER BY "index"', (scope["name"], r["seq"]))
    expect([(*row[:6], row[6] is not None, None if row[7] is None else sha256(base64.b64decode(row[7]))) for row in told],
           expected, what + ", view of its events")


def check_scope(db, scope):
    """Yields each record; the chain is recomputed from its contents."""
    previous, seq = bytes(32), 0
    for row in db.execute("SELECT * FROM record WHERE scope = ? ORDER BY seq", (scope["id"],)):
        r = read_record(row)
        seq += 1
        what = f"scope {scope['name']}, record {r['seq']}"
        expect(r["seq"], seq, what + ", seq")
        expect(r["fingerprint"], transition_fingerprint(r["type"], r["ref"], r["content_type"], r["command"]),
               what + ", fingerprint")
        previous = record_digest(scope["name"], r["epoch"], seq, previous, record_body(r), r["messages"], r["committed"])
        expect(r["digest"], previous, what + ", digest")
        check_view(db, scope, r, what)
        yield scope["name"], r
    expect(scope["seq"], seq, f"scope {scope['name']}, last seq")
    expect(scope["head"], previous, f"scope {scope['name']}, head")


def check_messages(db):
    for row in db.execute("SELECT message.*, lane, target, scope.name AS scope FROM message JOIN queue ON queue.id = queue"
                          " JOIN scope ON scope.id = queue.scope"):
        m = dict(row)
        m["id"] = message_id(m["number"] & (1 << 43) - 1, m["tail"])
        m["content_type"] = m["content_type"] or JSON
        m["headers"] = json.loads(m["headers"] or "{}")
        expect(m["fingerprint"], message_fingerprint(m["lane"], m["target"], m), f"message {m['id']}, fingerprint")
        yield m


def check_store(path):
    """Every record and every message as one line each; Wrong where the store contradicts itself."""
    db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    db.row_factory = sqlite3.Row
    # In another program's database each name has pawl_ before it, and the bare one may be the program's.
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type <> 'index' AND name LIKE 'pawl!_%' ESCAPE '!'").fetchall():
        db.execute(f"CREATE TEMP VIEW {name.removeprefix('pawl_')} AS SELECT * FROM main.{name}")
    lines, promised = [], {}
    for scope in db.execute("SELECT * FROM scope ORDER BY id").fetchall():
        for name, r in check_scope(db, scope):
            lines.append(f"record {name} {r['seq']} {r['epoch']} {r['request_id']} {r['fingerprint'].hex()} {r['digest'].hex()}")
            promised |= {message: fingerprint for message, fingerprint, _ in r["messages"]}
    for m in check_messages(db):
        lines.append(f"message {m['scope']} {m['id']} {m['fingerprint'].hex()}")
        if m["id"] in promised:
            expect(m["fingerprint"], promised[m["id"]], f"message {m['id']}, fingerprint in its record")
    db.close()
    return sorted(lines)


# ---- the test ----

def document_vectors(path):
    """Lines `name = value` of the code block that begins with `vectors`."""
    text = open(path, encoding="utf-8").read()
    block = text.split("```vectors\n", 1)[1].split("```", 1)[0]
    return dict(line.split(" = ") for line in block.splitlines())


DAMAGE = [
    "UPDATE record SET ref = 'other' WHERE seq = 2",
    "UPDATE record SET waited = waited + 1 WHERE seq = 2",
    "UPDATE record SET committed = committed + 1 WHERE seq = 2",
    "UPDATE record SET epoch = epoch + 1 WHERE seq = 2",
    "UPDATE record SET response = 'other' WHERE seq = 1",
    "UPDATE record SET events = replace(events, '1.50', '1.5') WHERE seq = 1",
    "UPDATE record SET events = replace(events, 'orders/new', 'orders/old') WHERE seq = 1",
    "UPDATE record SET effects = replace(effects, 'delivered', 'dead') WHERE effects IS NOT NULL",
    "UPDATE record SET effects = replace(effects, '{\"settled\"', '{ \"settled\"') WHERE effects IS NOT NULL",
    "UPDATE record SET effects = '{}' WHERE seq = 2",
    "UPDATE record SET effects = NULL WHERE effects IS NOT NULL",
    "UPDATE record SET messages = CAST(substr(messages, 1, 55) || x'fe' || substr(messages, 57) AS BLOB) WHERE messages IS NOT NULL",
    "UPDATE record SET messages = CAST(substr(messages, 1, 104) || x'7f' || substr(messages, 106) AS BLOB) WHERE messages IS NOT NULL",
    "UPDATE record SET digest = zeroblob(32) WHERE seq = 1",
    "DELETE FROM record WHERE seq = 1",
    "DELETE FROM record WHERE seq = (SELECT max(seq) FROM record)",
    "UPDATE scope SET head = zeroblob(32)",
    "UPDATE message SET payload = 'other'",
    "UPDATE message SET priority = 9 - priority",
    "UPDATE message SET headers = '{\"x-a\":\"2\"}' WHERE headers IS NOT NULL",
]


def is_found(path, folder, sql):
    copy = os.path.join(folder, "damaged.db")
    shutil.copy(path, copy)
    db = sqlite3.connect(copy, isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    changed = db.execute(sql).rowcount
    db.close()
    if changed < 1:
        raise AssertionError("nothing was damaged by: " + sql)
    try:
        check_store(copy)
    except Wrong:
        return True
    finally:
        os.remove(copy)
    return False


def test(program, document, sources):
    results = []
    mine = {name: as_text(value) for name, value in vectors().items()}
    results.append((document_vectors(document) == mine, "the document has the vectors that this implementation makes"))
    c = "".join(open(source, encoding="utf-8").read() for source in sources)
    missing = [name for name, value in mine.items() if f'"{value}"' not in c]
    results.append((not missing, "the C tests are held to the same vectors" + "".join(", but not to " + m for m in missing)))
    with tempfile.TemporaryDirectory() as folder:
        for kind, options in (("own", ""), ("into", "?into=1")):
            paths = [os.path.join(folder, kind + name) for name in ("-first.db", "-adopted.db")]
            told = subprocess.run([program, *paths, options], stdout=subprocess.PIPE, text=True)
            results.append((told.returncode == 0, f"{kind}: a store, and an adopted copy of it, was made"))
            for path, lines in zip(paths, told.stdout.split("\n\n") if told.returncode == 0 else ()):
                name = os.path.basename(path)
                mine = check_store(path)
                results.append((len(mine) > 10 and mine == sorted(lines.splitlines()),
                                f"{name}: every fingerprint and digest that the library tells follows from the file"))
        if all(good for good, _ in results):
            paths = [os.path.join(folder, "own-first.db")]
            results += [(is_found(paths[0], folder, sql), "found: " + sql) for sql in DAMAGE]
    print(f"1..{len(results)}")
    for number, (good, name) in enumerate(results, 1):
        print("ok" if good else "not ok", number, "-", name.replace("#", ""))
    return all(good for good, _ in results)


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "vectors":
        print("\n".join(f"{name} = {as_text(value)}" for name, value in vectors().items()))
    elif command == "check":
        try:
            print("\n".join(check_store(arguments[0])))
        except Wrong as wrong:
            sys.exit(str(wrong))
    elif command == "test":
        sys.exit(0 if test(arguments[0], arguments[1], arguments[2:]) else 1)
    else:
        sys.exit(__doc__)


main()
