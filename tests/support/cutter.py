"""Stands between an HTTP client and a server, and cuts connections where a test says."""

import socket
import struct
import threading


def _reset(end):
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)  # closing alone would wait for a thread that still reads
    except OSError:
        pass
    end.close()


class Cutter:
    """Passes bytes both ways. Each number in `cuts` is for one of the next connections: so many bytes of what the client sends
    come through, then both ends are closed. ANSWER lets all of the request through, and closes when the answer comes."""

    ANSWER = -1

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self.cuts = []
        self.done = 0  # connections that were cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near, self.cuts.pop(0) if self.cuts else None), daemon=True).start()

    def _serve(self, near, cut):
        try:
            far = socket.create_connection(self._target)
        except OSError:
            _reset(near)
            return
        back = threading.Thread(target=self._answer, args=(far, near, cut == self.ANSWER), daemon=True)
        back.start()
        left = cut if cut is not None and cut >= 0 else None
        try:
            while left != 0 and (data := near.recv(65536 if left is None else min(left, 65536))):
                far.sendall(data)
                left = None if left is None else left - len(data)
            if left == 0:
                self._cut(near, far)
                return
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        back.join()
        near.close()
        far.close()

    def _answer(self, far, near, cuts):
        try:
            while data := far.recv(65536):
                if cuts:
                    self._cut(near, far)
                    return
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _cut(self, near, far):
        self.done += 1
        _reset(near)
        _reset(far)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
