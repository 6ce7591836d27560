#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The incident: a receiver was down, a thousand messages are dead of three causes. They are found, explained, mended and sent
again in order, with few commands."""
import json

import support

COUNT, KEYS = 1000, 50
CAUSES = ("HTTP 500 out of memory", "HTTP 404 no such route", "timed out")


class Incident(support.Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.commands = 0

    def fill(self):
        lines = ({"type": "Order", "ref": f"order-{n}", "messages": [{"lane": "mail", "target": "smtp", "key": f"k{n % KEYS}",
                                                                      "data": n}]} for n in range(COUNT))
        self.ok("submit", "--jsonl", "-", "--quiet", stdin="".join(json.dumps(line) + "\n" for line in lines))
        left = COUNT
        while left:
            claimed = self.json("claim", "mail", "smtp", "--limit", "1000")
            verdicts = [{"id": m["id"], "token": m["token"], "verdict": "dead", "error": CAUSES[m["data"] % 3]} for m in claimed]
            self.ok("submit", "--jsonl", "-", "--quiet", stdin=json.dumps({"type": "Settle", "settle": verdicts}) + "\n")
            left -= len(claimed)

    def asks(self, *words):
        self.commands += 1
        return self.json(*words)

    def test_a_thousand_dead_letters_are_sent_again_in_order_with_few_commands(self):
        self.fill()
        (stats,) = self.asks("messages", "stats")
        self.assertEqual((stats["counts"]["dead"], stats["due"]), (COUNT, 0))
        last = self.asks("messages", "list", "--state", "dead", "--limit", "5")
        (why,) = self.asks("why", last[0]["id"])
        self.assertIn(CAUSES[last[0]["data"] % 3], why["reasons"][0]["text"])
        (dry,) = self.asks("messages", "retry", "--state", "dead", "--error", "no such route", "--dry-run", "--reason", "r")
        self.assertEqual((dry["matched"], dry["refused"]), (COUNT // 3, 0))
        self.asks("lanes", "set", "mail", "max_attempts=5")
        (gone,) = self.asks("messages", "cancel", "--state", "dead", "--error", "no such route", "--reason", "the route is gone")
        (done,) = self.asks("messages", "retry", "--state", "dead", "--reason", "the receiver is mended")
        self.assertEqual((gone["moved"], done["matched"], done["moved"], done["refused"]), (COUNT // 3, COUNT - COUNT // 3,) * 1 +
                         (COUNT - COUNT // 3, 0))
        self.assertLessEqual(self.commands, 8)
        self.arrive_in_order()

    def arrive_in_order(self):
        arrived = {f"k{n}": [] for n in range(KEYS)}
        while claimed := self.json("claim", "mail", "smtp", "--limit", "1000"):
            for message in claimed:
                self.assertEqual((message["attempt"], message["retries"]), (1, 1))
                arrived[message["key"]].append(message["data"])
            verdicts = [{"id": m["id"], "token": m["token"], "verdict": "delivered"} for m in claimed]
            self.ok("submit", "--jsonl", "-", "--quiet", stdin=json.dumps({"type": "Settle", "settle": verdicts}) + "\n")
        for key, numbers in arrived.items():
            self.assertEqual(numbers, [n for n in range(COUNT) if f"k{n % KEYS}" == key and n % 3 != 1], key)
        self.assertEqual(self.run_it("verify").status, 0)


if __name__ == "__main__":
    support.main()
