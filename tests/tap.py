# SPDX-License-Identifier: MIT
"""TAP for tests that are written in Python."""
import sys


class Cases:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, is_true, said=""):
        """One case; `said` is shown when it fails."""
        self.count += 1
        self.failed += not is_true
        print(f"{'ok' if is_true else 'not ok'} {self.count} - {name}")
        if not is_true:
            for line in str(said).splitlines():
                print(f"# {line}")

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)
