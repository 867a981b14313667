"""A bare HTTP receiver for the bench, as a process of its own: answers 200 at once, and never on `/dead`.

Prints its port. Nothing but the standard library, so that it costs as little as a receiver can.
"""

import asyncio


class Receiver(asyncio.Protocol):
    """One connection; requests have a Content-Length."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # asyncio.start_server gives a Transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in the buffer."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            whole = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.buffer) < whole or head.startswith(b"post /dead "):
                return
            self.buffer = self.buffer[whole:]
            if self.transport is not None:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def main() -> None:
    """Serve on a free port until killed."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
