"""What stands in front of api in fault 10, inside the cluster: takes every request and answers it badly.

    python bad_api.py hang|slow|error|reset

Only the standard library: it is mounted into a pod of the service's own image.
"""

import socket
import struct
import sys
import threading
import time

PORT = 5001
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


def answer(connection: socket.socket, mode: str) -> None:
    """Read the head of one request, then do harm."""
    with connection:
        head = b""
        while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
            head += piece
        if mode == "hang":
            time.sleep(60)
        elif mode == "slow":
            for byte in LIST:  # a byte now and then: the answer is never late between two of them
                connection.sendall(bytes([byte]))
                time.sleep(0.2)
        elif mode == "error":
            connection.sendall(ERROR)
        else:  # closed with unread data or this option, a connection ends in a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def main(mode: str) -> None:
    """Serve until the end of the pod."""
    with socket.create_server(("", PORT), backlog=128) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection, mode), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
