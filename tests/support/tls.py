"""Certificates for tests, by openssl."""

import subprocess


class Authority:
    """A certificate authority in that folder; its certificate is `bundle`."""

    def __init__(self, folder):
        self.folder = folder
        self.bundle = folder / "ca.pem"
        self._make("ca", "/CN=Test authority", "basicConstraints=critical,CA:true")

    def _make(self, file, subject, extension, *options):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", subject, "-addext", extension, "-keyout", self.folder / f"{file}.key",
                        "-out", self.folder / f"{file}.pem", *options], check=True, capture_output=True)

    def certify(self, name):
        """(certificate, key) of a host."""
        self._make(name, f"/CN={name}", f"subjectAltName=DNS:{name}", "-CA", self.bundle, "-CAkey", self.folder / "ca.key")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"
