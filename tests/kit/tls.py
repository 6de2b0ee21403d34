# SPDX-License-Identifier: Apache-2.0
"""A throw-away certificate authority for loopback names, made by the openssl program."""

import pathlib
import subprocess


def _openssl(*words, folder):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


class Authority:
    """FOLDER/ca.crt and certificates it issued."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.crt"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=rig authority",
                 folder=self.folder)

    def issue(self, name: str, alternative_names="DNS:localhost,IP:127.0.0.1"):
        """Certificate and key of NAME, by default valid for localhost and 127.0.0.1. Returns both paths."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={alternative_names}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                 f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", folder=self.folder)
        _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                 "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", f"{name}.ext",
                 folder=self.folder)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"
