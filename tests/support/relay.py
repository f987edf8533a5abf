"""Stands between a program and PostgreSQL's unix socket, and misbehaves on command."""

import pathlib
import shutil
import socket
import tempfile
import threading
import urllib.parse


class Relay:
    """Passes bytes both ways; `swallow` makes PostgreSQL's answers vanish, `cut()` ends that and all connections."""

    def __init__(self, cluster):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="testkase-relay-", dir="/tmp"))
        self._target = str(cluster.folder / f".s.PGSQL.{cluster.port}")
        self._port = cluster.port
        self.swallow = False
        self.refuse = False
        self.swallowed = threading.Event()
        self._pairs = []
        self._cut = set()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / f".s.PGSQL.{cluster.port}"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, role, database):
        return f"postgresql://{role}@/{database}?host={urllib.parse.quote(str(self.folder), safe='')}&port={self._port}"

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.refuse:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self._target)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source, sink, is_answer):
        try:
            while data := source.recv(65536):
                if is_answer and (self.swallow or source in self._cut):
                    self.swallowed.set()
                    continue
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends every connection; PostgreSQL has by then carried out what it was sent. Those made from now on work, and the
        program may be quick to make them."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
            self._cut.update(end for pair in pairs for end in pair)
            self.swallow = False
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        # Closing alone would not wake the thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)
