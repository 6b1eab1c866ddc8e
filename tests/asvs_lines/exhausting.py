"""What leaves the house unusable for a minute: these lines come last."""

from __future__ import annotations

import socket

from house import House

from asvs_lines.common import line

VIEWERS_MAX = 800
"""So many pages may follow at once."""


@line("15.2.2, 2.4.1", "Pages that follow are bounded: the next one is refused, and everything else answers")
def followers_are_bounded(house: House) -> str:
    request = (
        f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nCookie: workaday-{house.port}={house.cookies['viewer']}\r\n"
        "Accept: text/event-stream\r\n\r\n"
    ).encode()
    streams: list[socket.socket] = []
    answers: list[bytes] = []
    try:
        for _ in range(VIEWERS_MAX + 20):
            stream = socket.create_connection(("127.0.0.1", house.port), timeout=20)
            streams.append(stream)
            stream.sendall(request)
        for stream in streams:
            answers.append(stream.recv(12))
        assert answers.count(b"HTTP/1.1 200") == VIEWERS_MAX and answers.count(b"HTTP/1.1 503") == 20, set(answers)
        assert house.ask("GET", "/health").status == 200
        job = house.enqueue({"order_id": 6})
        house.project.wait_state(job, "completed")
    finally:
        for stream in streams:
            stream.close()
    return f"{VIEWERS_MAX} streams are open, 20 more answered 503; health answers, jobs run"


@line("6.3.1", "Attempts to log in are limited")
def logins_are_limited(house: House) -> str:
    answers = [house.ask("POST", "/login", form={"name": "admin", "password": f"guess number {n}"}).status for n in range(8)]
    assert answers[-1] == 429 and 200 not in answers and 303 not in answers, answers
    spread = house.ask("POST", "/login", form={"name": "another", "password": "another guess"}, headers={"X-Forwarded-For": "8.8.8.8"})
    assert spread.status == 429 and "web.too_many" in spread.text
    # Nobody shuts out a name for others: the same name, from another address of this machine, is judged.
    elsewhere = house.ask("POST", "/login", form={"name": "admin", "password": "another guess"}, source="127.0.0.9")
    assert elsewhere.status == 401, elsewhere.text
    return "five a minute from an address, then 429, while the same name from another address is judged as before"
