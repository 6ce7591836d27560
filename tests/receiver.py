# SPDX-License-Identifier: MIT
"""An endpoint of HTTP on this machine, for tests that are written in Python."""
import http.server
import threading


class Receiver:
    """Takes webhooks and keeps them with their headers. `answer`, if given, makes status and headers of what is answered."""

    def __init__(self, answer=lambda: (204, {})):
        self.received = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append((self.headers, body))
                status, headers = answer()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
