# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Who sends what to whom, and what is to be reached."""

SIZE_NAMES = {"1k": "1 KiB", "4k": "4 KiB", "10k": "10 KiB", "100k": "100 KiB", "64m": "64 MiB"}


class Contender:
    """A load generator with its arguments.

    sink: more options for the sink. n: of messages, as a part of the scenario's. external: it tells nothing itself."""

    def __init__(self, name, program, arguments=(), sink=(), n=1.0, external=False, peer=True):
        self.name, self.program, self.arguments = name, program, list(arguments)
        self.sink, self.n, self.external, self.peer = tuple(sink), n, external, peer


def posthorn(name, *arguments, sink=(), n=1.0):
    return Contender(name, "smtp_load", arguments, sink, n, peer=False)


def floor(shape, *arguments, sink=(), n=1.0):
    return Contender("floor " + shape, "floor", ["--shape", shape, *arguments], sink, n, peer=False)


NO_CHUNKING = ("--chunking", "0")
SMTP_SOURCE = Contender("smtp-source", "smtp-source", external=True)
LIBCURL = Contender("libcurl", "peer_libcurl")
LIBESMTP = Contender("libesmtp", "peer_libesmtp")
LIBESMTP_TLS = Contender("libesmtp", "peer_libesmtp", ["--tls", "starttls"],
                         ("--tls", "starttls", "--tickets", "0"))  # it hangs when tickets arrive
POCO = Contender("POCO", "peer_poco", n=0.5)
SMTPLIB = Contender("smtplib", "peer_smtplib.py", n=0.5)
NODEMAILER = Contender("Nodemailer", "peer_nodemailer.js", n=0.1)
PEERS = [SMTP_SOURCE, LIBCURL, LIBESMTP, POCO, SMTPLIB, NODEMAILER]
TLS_PEERS = [LIBCURL, LIBESMTP_TLS, POCO, SMTPLIB, NODEMAILER]


class Goal:
    """What `who` must reach: a ratio to somebody else, or an amount."""

    def __init__(self, who, most, of=None, figure=None):
        self.who, self.most, self.of, self.figure = who, most, of, figure


class Scenario:
    def __init__(self, name, title, size, n, contenders, goals, conns=1, arguments=(), sink=(), figure="cpu_us_per_message",
                 unit="µs", relay=False, once=False, sessions=False):
        self.name, self.title, self.size, self.n, self.contenders, self.goals = name, title, size, n, contenders, goals
        self.conns, self.arguments, self.sink, self.figure, self.unit = conns, list(arguments), tuple(sink), figure, unit
        self.relay, self.once, self.sessions = relay, once, sessions


def small(size, conns, n, goals, more=()):
    return Scenario(
        f"{size}-{conns}", f"{SIZE_NAMES[size]}, {conns} connection{'s' if conns > 1 else ''}", size, n,
        [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"),
         floor("pipex"), floor("bdat"), *more, *PEERS], goals, conns)


def scenarios():
    tls = ("--tls", "implicit")
    login = ("--user", "user", "--pass", "pass")
    modes = [posthorn("posthorn pipelined", "--mode", "pipelined"), posthorn("posthorn sequential", "--mode", "sequential"),
             posthorn("posthorn chunked", "--mode", "chunked"), floor("pipe"), floor("classic"), floor("bdat1")]
    each = ["--tls", "implicit", "--auth", "1", "--reuse", "0"]
    result = [
        small("1k", 1, 4000,
              [Goal("posthorn", 0.35, "smtp-source"), Goal("posthorn", 1.5, "floor pipex"),
               Goal("posthorn pipelined", 1.5, "floor pipe"), Goal("posthorn sequential", 1.3, "floor classic"),
               Goal("posthorn sequential", 1.0, "smtp-source"), Goal("posthorn BDAT burst", 2.0)], modes),
        small("1k", 50, 10000, [Goal("posthorn", 0.3, "smtp-source")], modes),
        small("10k", 1, 4000, []),
        small("10k", 50, 6000, [Goal("posthorn", 0.35, "smtp-source")]),
        small("100k", 1, 1500, []),
        small("100k", 50, 2000, [Goal("posthorn", 0.5, "smtp-source")]),
        Scenario("10k-tls", "10 KiB, TLS 1.3, 1 connection", "10k", 3000,
                 [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"), floor("pipex"), floor("bdat"),
                  *TLS_PEERS], [Goal("posthorn", 0.35, "libcurl")], arguments=tls, sink=tls),
        Scenario("64m", "64 MiB out of a file", "64m", 1,
                 [posthorn("posthorn"), floor("bdat1"), SMTP_SOURCE, LIBCURL, LIBESMTP, POCO, SMTPLIB, NODEMAILER],
                 [Goal("posthorn", 1.4, "floor bdat1"), Goal("posthorn", 10 * 1024, figure="peak_rss_kib")],
                 arguments=["--stream", "1"], figure="cpu_seconds", unit="s"),
        Scenario("64m-tls", "64 MiB out of a file, TLS 1.3", "64m", 1,
                 [posthorn("posthorn"), floor("bdat1"), LIBCURL, LIBESMTP_TLS, POCO, SMTPLIB, NODEMAILER],
                 [Goal("posthorn", 1.3, "floor bdat1")], arguments=[*tls, "--stream", "1"], sink=tls, figure="cpu_seconds",
                 unit="s"),
        Scenario("tls-each", "TLS 1.3, login and QUIT for each message", "1k", 200,
                 [posthorn("posthorn", "--resume", "0"), floor("bdat1", "--resume", "0"), LIBCURL, POCO, SMTPLIB,
                  NODEMAILER], [Goal("posthorn", 1.15, "floor bdat1")], arguments=each, sink=[*tls, *login]),
        Scenario("tls-resumed", "the same, sessions resumed", "1k", 300,
                 [posthorn("posthorn"), floor("bdat1")], [Goal("posthorn", 1.3, "floor bdat1")], arguments=each,
                 sink=[*tls, *login]),
        Scenario("each", "a connection for each message", "1k", 2000,
                 [posthorn("posthorn"), floor("bdat1"), floor("pipe"), *PEERS], [Goal("posthorn", 1.7, "floor bdat1")],
                 arguments=["--reuse", "0"]),
        Scenario("rtt", "200 messages of 4 KiB, 50 ms round trip", "4k", 200,
                 [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"), floor("pipex"), floor("bdat"),
                  *(Contender(p.name, p.program, p.arguments, external=p.external) for p in PEERS)],
                 [Goal("posthorn", 10.6), Goal("posthorn BDAT burst", 1.0)], figure="seconds", unit="s", relay=True, once=True),
    ]
    for conns, extra, limit, title in ((1000, (), 8, "1 000 sessions at once"), (10000, (), 8, "10 000 sessions at once"),
                                       (1000, tls, 40, "1 000 TLS sessions at once")):
        peers = [LIBCURL] if extra else [SMTP_SOURCE, LIBCURL]
        result.append(Scenario(
            f"sessions-{conns}{'-tls' if extra else ''}", title, "10k" if conns == 1000 and not extra else "1k", conns * 4,
            [posthorn("posthorn", "--hold", "1", sink=NO_CHUNKING), floor("pipex", "--hold", "1"),
             *(peers if conns == 1000 else ())], [Goal("posthorn", limit, figure="session_kib")], conns, extra, extra,
            sessions=True))
    return result
