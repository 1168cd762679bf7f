# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Python's smtplib: a thread for each connection. The command line is that of smtp_load, and so is the line of JSON."""

import argparse
import json
import resource
import smtplib
import ssl
import sys
import threading
import time


def arguments():
    a = argparse.ArgumentParser()
    for name in ("host", "file", "tls", "ca", "user", "pass"):
        a.add_argument("--" + name, default={"host": "127.0.0.1", "tls": "none"}.get(name, name))
    for name in ("port", "n", "conns", "auth", "reuse", "stream"):
        a.add_argument("--" + name, type=int, default={"auth": 0, "stream": 0}.get(name, 1))
    return vars(a.parse_args())


def connect(p, context):
    if p["tls"] == "implicit":
        s = smtplib.SMTP_SSL(p["host"], p["port"], local_hostname="load.example.org", context=context)
    else:
        s = smtplib.SMTP(p["host"], p["port"], local_hostname="load.example.org")
        if p["tls"] == "starttls":
            s.starttls(context=context)
    if p["auth"]:
        s.login(p["user"], p["pass"])
    return s


def send_share(p, context, text, n, accepted):
    s = None
    for _ in range(n):
        s = s or connect(p, context)
        s.sendmail("load@example.org", ["sink@example.net"], text)
        accepted.append(1)
        if not p["reuse"]:
            s.quit()
            s = None
    if s:
        s.quit()


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main():
    p = arguments()
    with open(p["file"], "rb") as file:
        text = file.read()
    context = ssl.create_default_context(cafile=p["ca"]) if p["tls"] != "none" else None
    accepted = []
    begin, cpu_begin = time.monotonic(), cpu()
    n, conns = p["n"], p["conns"]
    shares = [n // conns + (i < n % conns) for i in range(conns)]
    if conns == 1:
        send_share(p, context, text, n, accepted)
    else:
        threading.stack_size(256 * 1024)
        all_threads = [threading.Thread(target=send_share, args=(p, context, text, k, accepted)) for k in shares]
        for t in all_threads:
            t.start()
        for t in all_threads:
            t.join()
    seconds, used = time.monotonic() - begin, cpu() - cpu_begin
    print(json.dumps({"messages": n, "seconds": seconds, "messages_per_second": n / seconds,
                      "cpu_us_per_message": used * 1e6 / n, "peak_rss_kib": peak_kib(), "cpu_seconds": used}))
    return 0 if len(accepted) == n else 1


sys.exit(main())
