# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""What is sent, and where: messages, certificates, programs, processors and the sink."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

MIB = 1024 * 1024
SIZES = {"1k": 1024, "4k": 4096, "10k": 10240, "100k": 102400, "64m": 64 * MIB}


def make_message(path, size):
    """Exactly `size` octets with CRLF; a line of fifty begins with a dot. It ends with an empty line, since smtp-source sends
    one whatever it is given."""
    head = (b"From: <load@example.org>\r\nTo: <sink@example.net>\r\nSubject: benchmark\r\n"
            b"Date: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n")
    block = b""
    for i in range(100):
        block += (b"." if i % 50 == 49 else b"") + b"%02d the quick brown fox jumps over the lazy dog and naps" % i + b"\r\n"
    rest = size - len(head) - 2
    body = (block * (rest // len(block) + 1))[:rest]
    body = body[:-4].rstrip(b"\r\n.")  # no end of a line cut in two
    body += b"x" * (rest - 2 - len(body)) + b"\r\n"
    text = head + body + b"\r\n"
    assert len(text) == size
    path.write_bytes(text)
    path.with_suffix(".source").write_bytes(text[:-2].replace(b"\r\n", b"\n")[:-1])


def make_certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=benchmark", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "sink.key", "-out", "sink.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", "sink.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "ext", "-out", "sink.pem")


class Rig:
    """Programs, files and processors."""

    def __init__(self, options):
        self.build = pathlib.Path(options.build).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-bench-"))
        self.spin = options.spin
        cores = sorted(os.sched_getaffinity(0))
        self.client_core, self.sink_core = cores[0], cores[-1]
        self.pinned = len(cores) > 1
        make_certificates(self.folder)
        self.made = {}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, size):
        if size not in self.made:
            self.made[size] = self.folder / size
            make_message(self.made[size], SIZES[size])
        return self.made[size]

    def program(self, name):
        for place in (self.build / name, self.build / "peers" / name):
            if place.exists():
                return str(place)
        return None

    def pin(self, core):
        return (lambda: os.sched_setaffinity(0, {core})) if self.pinned else None


class Server:
    """The sink, or the relay before it."""

    def __init__(self, rig, arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, preexec_fn=rig.pin(rig.sink_core))
        first = self.process.stdout.readline()
        if not first.startswith("listening "):
            raise RuntimeError("cannot start " + " ".join(arguments))
        self.port = int(first.split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.stdout.read()
        self.process.wait()
        return rest


def sink(rig, size, options, spin=True):
    arguments = [rig.program("sink"), "--file", str(rig.message(size)), *options]
    if "--tls" in options:
        arguments += ["--cert", str(rig.folder / "sink.pem"), "--key", str(rig.folder / "sink.key")]
    return Server(rig, arguments + ["--spin", "1" if rig.spin and spin else "0"])
