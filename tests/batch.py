"""Writes one source that contains several test files: python3 batch.py OUTPUT FILE...

What a test uses of the library is inline, so a compiler makes it anew for each source; most of the time of a build would go
there. Each file is put into a namespace of its own, hence two files may use a name for two things. For that everything they
include is included before: the same lines inside then find their guards.
"""

import os
import re
import sys


def directives_on_top(text):
    """The #include lines before the first line of code, with the conditions around them."""
    kept, depth = [], 0
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare.startswith("//"):
            continue
        if not bare.startswith("#"):
            break
        word = re.match(r"#\s*(\w+)", bare).group(1)
        if word in ("if", "ifdef", "ifndef"):
            depth += 1
        elif word == "endif":
            depth -= 1
        elif word not in ("include", "else", "elif"):
            continue
        kept.append(bare)
    return kept + ["#endif"] * depth


def namespace_of(path):
    return "in_" + re.sub(r"\W", "_", "_".join(path.split(os.sep)[-2:]))


def main(output, files):
    parts = ["// Made by tests/batch.py.\n"]
    for path in files:
        with open(path, encoding="utf-8") as file:
            parts.append("\n".join(directives_on_top(file.read())) + "\n")
    for path in files:
        parts.append(f'namespace {namespace_of(path)} {{\n#include "{path}"\n}}\n')
    with open(output, "w", encoding="utf-8") as file:
        file.write("".join(parts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
