"""Just enough C++ for the checks beside it: what is a comment, a string, a token, an include."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_LEXEMES = re.compile(
    r"""(?P<comment>//(?:[^\\\n]|\\(?:\r?\n|.))*|/\*.*?\*/)
      |(?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)")
      |(?P<number>\.?[0-9](?:[eEpP][+-]|'[0-9A-Za-z_]|[0-9A-Za-z_.])*)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<angled>(?<=include)[ \t]*<[^>\n]*>)
      |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""",
    re.VERBOSE | re.DOTALL)

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]+)[>\"]", re.MULTILINE)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, strings=True):
    """The same text, line by line, with comments turned into spaces; contents of strings too unless kept."""

    def one(match):
        if match.lastgroup == "comment":
            return _blank(match[0])
        if match.lastgroup == "string" and not strings:
            return match[0][0] + _blank(match[0][1:-1]) + match[0][-1]
        if match["raw"] and not strings:
            return '"' + _blank(match[0][1:-1]) + '"'
        return match[0]

    return _LEXEMES.sub(one, text)


def includes(text):
    """(line, name, quoted) of every #include outside of comments and raw strings."""
    seen = _LEXEMES.sub(lambda m: _blank(m[0]) if m["comment"] or m["raw"] else m[0], text)
    return [(seen.count("\n", 0, m.start()) + 1, m[2].strip(), m[1] == '"') for m in _INCLUDE.finditer(seen)]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def sources(top, *folders, endings=(".hpp", ".ipp", ".h", ".cpp")):
    """Paths relative to `top` of the C++ files in its folders, sorted, with forward slashes."""
    found = []
    for folder in folders:
        for where, inner, files in os.walk(os.path.join(top, folder)):
            inner.sort()
            found += [os.path.relpath(os.path.join(where, f), top).replace(os.sep, "/")
                      for f in files if f.endswith(endings)]
    return sorted(found)
