"""The house: which header may include which.

A header includes headers of its own folder and of lower floors. Headers never include each other in a circle.
Cores know no I/O. OpenSSL stays in the few places that are about it. This reads the #include lines and says who breaks
which rule, and how to mend it.
"""

import os
import re

import cxx
import seeded

# Folders of one floor do not know each other.
FLOORS = [
    ["core"],
    ["codec", "crypto", "coro"],
    ["source"],
    ["net", "sasl", "mime", "xml"],
    ["smtp", "http"],
    ["dav"],
    ["httpmail"],
    ["legacy", "testing"],
]

# Headers that do no I/O: nothing they include, directly or not, is Asio or a coroutine.
SANS_IO = re.compile(r"""posthorn/(?:
    (?:core|codec|crypto|sasl|xml)/.*
  | dav/(?:error|status_error|names|status_line|value|depth|response|multistatus_reader|request_body|rows|sniff|href|options|outcome)\.hpp
  | httpmail/(?:names|error|dialect|locate|root|folder|segment_text|message_info|outcome|contact|timestamps|changes|mail_filter|submission|login_form|encoded_words)\.hpp
  | smtp/(?:reply|capabilities|envelope|address|command|dot_stuffing|transaction|outcome|error)\.hpp
  | http/(?:authenticator|body_decoder|challenge|cookie|cookie_jar|date|digest|error|event|framing|head_parser|headers
      |login_rules|protocol_log|redirect|request_head|response_head|syntax|url)\.hpp
)$""", re.VERBOSE)

# Who may include OpenSSL.
OPENSSL = re.compile(r"posthorn/(?:crypto/.*|net/(?:detail/)?tls[^/]*|testing/(?:detail/)?certificates[^/]*)$")

FLOOR_OF = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}


def folder_of(header):
    parts = header.split("/")
    return parts[1] if len(parts) > 2 else None # None: an umbrella


def is_asio(name):
    return name == "asio.hpp" or name.startswith("asio/")


def is_openssl(name):
    return name.startswith("openssl/")


def check(top):
    findings = []
    graph = {}    # header -> [(line, included own header)]
    foreign = {}  # header -> [(line, other include)]
    tree = os.path.join(top, "include")
    headers = cxx.sources(tree, "posthorn", endings=(".hpp", ".ipp", ".h"))
    known = set(headers)

    for header in headers:
        graph[header], foreign[header] = [], []
        for line, name, quoted in cxx.includes(cxx.read(os.path.join(tree, header))):
            beside = os.path.normpath(os.path.dirname(header) + "/" + name).replace(os.sep, "/")
            if quoted and beside in known:
                name = beside
            if name in known:
                graph[header].append((line, name))
            elif name.startswith("posthorn/"):
                findings.append(f"include/{header}:{line}: there is no header <{name}>")
            else:
                foreign[header].append((line, name))

    for header in headers:
        folder = folder_of(header)
        if folder is not None and folder not in FLOOR_OF:
            findings.append(f"include/{header}:1: the folder {folder}/ has no floor: give it one in tests/architecture/floors.py")
            continue
        for line, name in graph[header]:
            findings += floor_findings(header, line, name)
        for line, name in foreign[header]:
            if is_openssl(name) and not OPENSSL.match(header):
                findings.append(
                    f"include/{header}:{line}: <{name}> is OpenSSL's, which only crypto/, net/tls* and "
                    f"testing/certificates* may include: use or extend a wrapper in crypto/")
        if SANS_IO.match(header):
            findings += io_findings(header, graph, foreign)
    return findings + circles(headers, graph)


def floor_findings(header, line, name):
    folder, other = folder_of(header), folder_of(name)
    if folder is None: # umbrellas stand above the house
        return []
    floor = FLOOR_OF[folder]
    if other is None:
        return [f"include/{header}:{line}: floor {floor} ({folder}) includes the umbrella <{name}>: include the "
                f"headers that are really used, from floors below {floor}"]
    above = FLOOR_OF.get(other)
    if above is None or folder == other or above < floor:
        return []
    if above == floor:
        return [f"include/{header}:{line}: floor {floor} ({folder}) includes <{name}> of its neighbour {other} on the "
                f"same floor {above}: move what both need to a floor below {floor}, or join the two on a floor above"]
    return [f"include/{header}:{line}: floor {floor} ({folder}) includes <{name}> of the higher floor {above} "
            f"({other}): move what is needed down to floor {floor} or lower, or pass it in from above as a parameter"]


def io_findings(start, graph, foreign):
    """The shortest way from a header without I/O to Asio or a coroutine, if there is one."""
    came_from, queue = {start: None}, [start]
    for header in queue:
        culprit = next((name for _, name in foreign[header] if is_asio(name)), None)
        if culprit is None and folder_of(header) == "coro":
            culprit = "coroutines"
        if culprit is not None:
            way = []
            while header is not None:
                way.insert(0, f"<{header}>")
                header = came_from[header]
            return [f"include/{start}:1: a header without I/O reaches {culprit} through {' > '.join(way)}: "
                    f"keep bytes and decisions here, and move what waits to a header of tasks"]
        for _, name in graph[header]:
            if name not in came_from:
                came_from[name] = header
                queue.append(name)
    return []


def circles(headers, graph):
    findings, done = [], set()
    for start in headers:
        stack, way = [(start, iter(graph[start]))], [start]
        if start in done:
            continue
        while stack:
            header, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                stack.pop()
                way.pop()
                done.add(header)
                continue
            line, name = step
            if name in way:
                circle = way[way.index(name):] + [name]
                findings.append(f"include/{header}:{line}: headers include each other in a circle: "
                                f"{' > '.join(f'<{h}>' for h in circle)}: move what both need to a third header")
            elif name not in done:
                stack.append((name, iter(graph[name])))
                way.append(name)
    return findings


def tree(**headers):
    """Headers by `folder__name`, each given by what it includes."""
    return {"include/posthorn/" + key.replace("__", "/") + ".hpp": "".join(f"#include <{i}>\n" for i in value.split())
            for key, value in headers.items()}


CASES = [
    ("a lower floor may be included",
     tree(core__a="cstddef", coro__b="posthorn/core/a.hpp asio/post.hpp", smtp__c="posthorn/coro/b.hpp"), []),
    ("the own folder may be included, also from its detail/",
     tree(net__a="", net__detail__b="posthorn/net/a.hpp", net__c="posthorn/net/detail/b.hpp"), []),
    ("an umbrella includes everything", tree(posthorn="posthorn/legacy/a.hpp", legacy__a=""), []),
    ("a comment includes nothing",
     {"include/posthorn/core/a.hpp": "/* see\n#include <posthorn/smtp/b.hpp>\n*/ // #include <asio.hpp>\n",
      "include/posthorn/smtp/b.hpp": ""}, []),
    ("TLS and crypto use OpenSSL",
     tree(crypto__digest="openssl/evp.h", net__tls="openssl/ssl.h", net__detail__tls_verify="openssl/x509.h",
          testing__certificates="openssl/x509.h"), []),
    ("mechanisms may use digests", tree(crypto__hmac="openssl/evp.h", sasl__scram="posthorn/crypto/hmac.hpp"), []),
    ("a higher floor is refused with both headers, both floors and the remedy",
     tree(core__a="posthorn/net/b.hpp", net__b=""),
     ["include/posthorn/core/a.hpp:1", "floor 0 (core)", "<posthorn/net/b.hpp>", "floor 3 (net)", "move what"]),
    ("the higher floor is seen through a quoted path",
     {"include/posthorn/core/a.hpp": '#include "../smtp/b.hpp"\n#include "c.hpp"\n',
      "include/posthorn/core/c.hpp": "#include <posthorn/dav/d.hpp>\n", "include/posthorn/dav/d.hpp": "",
      "include/posthorn/smtp/b.hpp": ""}, ["core/c.hpp:1", "floor 5 (dav)"]),
    ("a neighbour is refused", tree(smtp__a="posthorn/http/b.hpp", http__b=""),
     ["smtp/a.hpp:1", "floor 4 (smtp)", "<posthorn/http/b.hpp>", "neighbour http"]),
    ("a conditional include counts",
     {"include/posthorn/core/a.hpp": "#if 1\n  # include <posthorn/smtp/b.hpp>\n#endif\n",
      "include/posthorn/smtp/b.hpp": ""}, ["core/a.hpp:2", "floor 4"]),
    ("an umbrella is for users only", tree(net__a="posthorn/smtp.hpp", smtp=""), ["net/a.hpp:1", "umbrella"]),
    ("a new folder needs a floor", tree(cellar__a=""), ["cellar/ has no floor"]),
    ("a header that does not exist", tree(core__a="posthorn/core/gone.hpp"), ["no header <posthorn/core/gone.hpp>"]),
    ("a circle of two", tree(core__a="posthorn/core/b.hpp", core__b="posthorn/core/a.hpp"),
     ["circle", "<posthorn/core/a.hpp> > <posthorn/core/b.hpp> > <posthorn/core/a.hpp>"]),
    ("a circle of one", tree(core__a="posthorn/core/a.hpp"), ["circle"]),
    ("a circle behind a straight way",
     tree(core__a="posthorn/core/b.hpp", core__b="posthorn/core/c.hpp", core__c="posthorn/core/b.hpp"),
     ["core/c.hpp:1", "<posthorn/core/b.hpp> > <posthorn/core/c.hpp> > <posthorn/core/b.hpp>"]),
    ("a core includes no Asio", tree(smtp__reply="asio/buffer.hpp"), ["smtp/reply.hpp", "reaches asio/buffer.hpp"]),
    ("a core reaches no Asio through others", tree(smtp__reply="posthorn/net/a.hpp", net__a="asio.hpp"),
     ["smtp/reply.hpp", "<posthorn/smtp/reply.hpp> > <posthorn/net/a.hpp>"]),
    ("a core knows no coroutine", tree(sasl__plain="posthorn/coro/task.hpp", coro__task=""),
     ["sasl/plain.hpp", "coroutines"]),
    ("OpenSSL is kept in its places", tree(net__stream="openssl/ssl.h"), ["net/stream.hpp:1", "openssl/ssl.h"]),
    ("OpenSSL is kept out of cores", tree(codec__base64="openssl/evp.h"), ["codec/base64.hpp:1", "openssl/evp.h"]),
]

if __name__ == "__main__":
    seeded.main(check, CASES, cxx.ROOT, "floors")
