"""Asks `pipeline serve` as strangers would, and as its own page does.

usage: check_serve.py ADDRESS PIPELINE

ADDRESS is what `pipeline serve` printed, PIPELINE the name of one of the project. Exits with an assertion that failed.
"""
import json
import socket
import sys
import urllib.parse


def ask(port, lines, host="127.0.0.1", until=None):
    """Sends a request of these lines; returns status, headers and body. With `until`, reads that many events of a stream."""
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = b""
        while until is None or answer.count(b"\n\n") < until:
            got = connection.recv(65536)
            if not got:
                break
            answer += got
    if not answer:
        return None, {}, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in rest)}, body


def check_strangers(port, token, name):
    own = f"Host: 127.0.0.1:{port}"
    page = f"/{token}/p/{name}/"
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    for path in ("/", "/index.html", f"/{wrong}/", f"/{token[:-1]}/", f"/{token}", f"/x/../{token}/", f"//{token}/",
                 page.replace(token, wrong), f"/{token}x/p/{name}/events", f"/?token={token}", "/" + "a" * 100_000):
        status, _, body = ask(port, [f"GET {path} HTTP/1.1", own])
        assert status == 403, (path[:80], status)
        assert token.encode() not in body
    for host in ("example.org", f"example.org:{port}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.example.org:{port}", "",
                 f"0.0.0.0:{port}"):
        for path in (page, f"/{token}/", page + "events", "/"):
            status, _, _ = ask(port, [f"GET {path} HTTP/1.1", f"Host: {host}"])
            assert status == 421, (host, path, status)
    assert ask(port, [f"GET {page} HTTP/1.1"])[0] == 421, "a request without a host was answered"
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"):
        status, headers, _ = ask(port, [f"{method} {page} HTTP/1.1", own])
        assert status == 405 and headers["allow"] == "GET", (method, status)
    # Whatever is no request ends the connection, and the server goes on.
    for lines in (["nonsense"], ["GET /"], ["\x00\x01"]):
        assert ask(port, lines)[0] in (None, 403, 421), lines


def check_pages(port, token, name):
    own = f"Host: localhost:{port}"
    status, headers, body = ask(port, [f"GET /{token}/ HTTP/1.1", own])
    assert status == 200 and f"p/{name}/" in body.decode(), body[:500]
    status, headers, body = ask(port, [f"GET /{token}/p/{name}/ HTTP/1.1", own])
    assert status == 200 and b"connect-src &#39;self&#39;" in body and b"id=\"live-head\"" in body
    for header, value in (("cache-control", "no-store"), ("referrer-policy", "no-referrer"),
                          ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"),
                          ("cross-origin-resource-policy", "same-origin")):
        assert headers[header] == value, headers
    assert token.encode() not in body, "a page that is saved would give the token away"
    for path in ("/p/nowhere/", f"/p/{name}/0123456789ab/", "/p/..%2f..%2fetc%2fpasswd/", f"/p/{name}/../../", "/x",
                 f"/p/pipelines%2fstudy%2f{name}.yaml/", f"/p/{name}?set=a=b"):
        status, _, body = ask(port, [f"GET /{token}{path} HTTP/1.1", own])
        assert status == 404, (path, status)
    status, headers, body = ask(port, [f"GET /{token}/p/{name}/events HTTP/1.1", own], until=6)
    assert status == 200 and headers["content-type"].startswith("text/event-stream"), headers
    events = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]
    assert {"live-head", "states"} <= {event["id"] for event in events}, events


def check_loopback(port):
    """No address of this machine but the loopback one answers."""
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            others.add(probe.getsockname()[0])
        except OSError:
            pass
    for address in {address for address in others if not address.startswith("127.")}:
        try:
            socket.create_connection((address, port), timeout=2).close()
        except OSError:
            continue
        raise AssertionError(f"{address} answers, too")


def main():
    address, name = sys.argv[1:]
    parts = urllib.parse.urlsplit(address)
    token = parts.path.strip("/")
    assert parts.hostname == "127.0.0.1" and len(token) == 32 and set(token) <= set("0123456789abcdef"), address
    check_strangers(parts.port, token, name)
    check_pages(parts.port, token, name)
    check_loopback(parts.port)


if __name__ == "__main__":
    main()
