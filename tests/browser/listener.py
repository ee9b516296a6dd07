"""Somebody elsewhere, who hears whatever gets out of a page."""

from __future__ import annotations

import socketserver
import threading
import urllib.request

POLL_S = 0.02


class Listener:
    """Listens for requests and for bare packets, on this machine.

    Attributes
    ----------
    heard : list of str
        The first line of every request, and "a packet" for every packet.
    said : list of str
        Whole requests, up to where their body begins.
    address : str
        Where requests go.
    packets : int
        The port for packets.
    """

    def __init__(self) -> None:
        heard = self.heard = []  # type: list[str]
        said = self.said = []  # type: list[str]

        class Requests(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode(errors="replace").strip()
                if line:
                    heard.append(line)
                    said.append(line + b"".join(iter(self._line, b"")).decode(errors="replace"))
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n")

            def _line(self) -> bytes:
                line = self.rfile.readline()
                return b"" if line == b"\r\n" else line

        class Packets(socketserver.DatagramRequestHandler):
            def handle(self) -> None:
                heard.append("a packet")

        self._servers = [
            socketserver.ThreadingTCPServer(("127.0.0.1", 0), Requests),
            socketserver.UDPServer(("127.0.0.1", 0), Packets),
        ]
        self._servers[0].daemon_threads = True  # type: ignore[attr-defined]
        self.address = f"http://127.0.0.1:{self._servers[0].server_address[1]}"
        self.packets = self._servers[1].server_address[1]
        self._threads = [threading.Thread(target=server.serve_forever, args=(POLL_S,)) for server in self._servers]
        for thread in self._threads:
            thread.start()

    def heard_nothing_but_the_test(self) -> bool:
        """Ask for something, and tell whether that is all that was ever heard."""
        urllib.request.urlopen(f"{self.address}/by-the-test").close()
        return self.heard == ["GET /by-the-test HTTP/1.1"]

    def close(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()
