"""The shapes of co_await that every supported compiler translates correctly.

g++ 12 destroys temporaries twice, or never runs a body, for a number of innocent-looking forms (GCC PRs 98056, 98401,
99576, 100611, 101244, 101367, 101976, 102217, 106188, 115851). One habit avoids all of them: one co_await in a statement,
and only as

    co_await op;      auto x = co_await op;      x = co_await op;      co_return co_await op;

where op is a name or a call whose arguments are names, calls or constructor calls: no braces, no lambda, no `?:`, no macro.
A result that nobody needs goes to std::ignore. Besides, parameters of coroutines have no defaults of class type (an overload
does the same), and no capturing lambda is a coroutine and a temporary at once, handed to something that outlives the statement.
"""

import os
import re

import cxx
import seeded

_TOKEN = re.compile(r"""[A-Za-z_]\w*|\.?[0-9](?:[eEpP][+-]|'[0-9A-Za-z_]|[0-9A-Za-z_.])*|"[^"\n]*"|'[^'\n]*'
                      |->\*|<=>|\.\.\.|[-+*/%&|^=!<>]=|->|\+\+|--|&&|\|\||::|\#\#|\S""", re.VERBOSE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\\\n]|\\(?:\r?\n|.))*", re.MULTILINE)
_STRING_LINES = re.compile(r'"[^"]*"')
_WORD = re.compile(r"[A-Za-z_]\w*$")
_MACRO = re.compile(r"[A-Z][A-Z0-9_]{2,}$")

_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSE = set(_OPEN.values())
_CONTROL = {"if", "for", "while", "switch", "catch"}
_BINARY = {"+", "-", "/", "%", "^", "|", "&&", "||", "==", "!=", "<=", ">=", "<=>", "=", "+=", "-=", "*=", "/=", "%=", "&=",
           "|=", "^=", ",", "and", "or", "xor"}
_COROUTINE_WORDS = {"co_await", "co_return", "co_yield"}
_COROUTINE_TYPES = {"task", "awaitable", "generator", "async_generator"}
_LAUNCHERS = {"spawn", "co_spawn"}

NESTED = "co_await stands inside another expression or a condition: await into a named value first"
MACRO = "co_await goes through a macro, which may repeat it: await into a named value first"
SHAPE = ("co_await is only written as `co_await op;`, `auto x = co_await op;`, `x = co_await op;` or "
         "`co_return co_await op;` (std::ignore takes what nobody needs)")
SECOND = "more than one co_await in a statement: split it"
BRACES = "braces in an awaited expression are destroyed twice by g++ 12: name the value first"
LAMBDA = "a lambda in an awaited expression: g++ 12 destroys its captures twice; name it first, or pass state as parameters"
TERNARY = "`?:` in an awaiting statement: g++ 12 destroys one side twice; use if and else"
BINDING = "structured binding straight from co_await leaks if the frame dies while suspended: await first, then `auto& [a, b] = x;`"
DEFAULT = "a coroutine parameter has a default of class type, which g++ 12 destroys twice in every caller: overload instead"
DANGLING = "a capturing lambda that is a coroutine is called as a temporary here, and its captures die first: name it, keep it alive"


class tokens:
    """The tokens of one file with their lines, and for every bracket its partner."""

    def __init__(self, text):
        text = cxx.without_comments(text, strings=False)
        # Strings over several lines have been raw strings; their contents are blank by now.
        text = _STRING_LINES.sub(lambda m: '""' + re.sub(r"[^\n]", " ", m[0][2:]), text)
        self.directives = [(text.count("\n", 0, m.start()) + 1, m[0]) for m in _DIRECTIVE.finditer(text)]
        text = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        self.words, self.lines, self.partner, self.parent = [], [], {}, []
        line, at, opened = 1, 0, []
        for match in _TOKEN.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            index, word = len(self.words), match[0]
            if word in _CLOSE and opened and _OPEN[self.words[opened[-1]]] == word:
                self.partner[index] = opened[-1]
                self.partner[opened.pop()] = index
            self.words.append(word)
            self.lines.append(line)
            self.parent.append(opened[-1] if opened else None)
            if word in _OPEN:
                opened.append(index)

    def __getitem__(self, index):
        return self.words[index] if 0 <= index < len(self.words) else ""

    def end(self, index):
        """The bracket that closes the one at `index`."""
        return self.partner.get(index, len(self.words))

    def introduces_lambda(self, index):
        """Whether the [ at `index` starts a lambda expression: not a subscript, attribute, array or binding."""
        if self[index] != "[" or self[index + 1] == "[" or self[index - 1] == "[":
            return False
        before = self[index - 1]
        if before in {"return", "co_return", "co_await", "co_yield", "case", "else", "do"}:
            return True
        if before in {"auto", ")", "]", "delete", '""'} or _WORD.match(before):
            return False
        if before in {"&", "&&"} and self[index - 2] in {"auto", "const"}:
            return False
        return True

    def lambda_body(self, index):
        """The braces (first, last) of the lambda introduced at `index`, or None."""
        at = self.end(index) + 1
        while at < len(self.words) and self[at] not in {"{", ";", ")", "}", ","}:
            at = self.end(at) + 1 if self[at] in {"(", "["} else at + 1
        return (at, self.end(at)) if self[at] == "{" else None


def statement_start(t, index):
    """The first token of the statement that token `index` belongs to, within its innermost braces."""
    start = index
    while start > 0:
        before = start - 1
        word = t[before]
        if word in {";", "{", "}"} or before == t.parent[index]:
            break
        if word in {"else", "do"}:
            break
        if word == ":":
            label = statement_start(t, before)
            if t[label] in {"case", "default"} or before - label == 1:
                break
        if word == ")":
            opener = t.partner.get(before, 0)
            keyword = opener - 2 if t[opener - 1] == "constexpr" else opener - 1
            if t[keyword] in _CONTROL:
                break
        start = t.partner.get(before, before) if word in {")", "]"} else before
    return start


def without_attributes(t, first, last):
    """Token indices of [first, last) without [[attributes]]."""
    kept, at = [], first
    while at < last:
        if t[at] == "[" and t[at + 1] == "[":
            at = t.end(at) + 1
            continue
        kept.append(at)
        at += 1
    return kept


def await_findings(t, index):
    """The rules broken by the co_await at `index`."""
    parent = t.parent[index]
    if parent is not None and t[parent] in {"(", "["}:
        return {MACRO if _MACRO.match(t[parent - 1]) else NESTED}

    found, enclosing = set(), parent
    if parent is not None and t[parent - 1] == "(":
        found.add(NESTED) # a statement expression
    while enclosing is not None:
        if t[enclosing] == "(" and _MACRO.match(t[enclosing - 1]):
            found.add(MACRO)
        enclosing = t.parent[enclosing]

    # What comes after it, up to the semicolon.
    at = index + 1
    while at < len(t.words) and t[at] != ";":
        word = t[at]
        if word in _CLOSE:
            return found | {NESTED} # the braces of an initialiser end before the statement does
        if word == "co_await":
            found.add(SECOND)
        elif word == "?":
            found.add(TERNARY)
        elif word in _BINARY or (word in {"*", "&"} and at != index + 1):
            found.add(SHAPE)
        elif word == "{":
            found.add(BRACES)
        elif t.introduces_lambda(at):
            found.add(LAMBDA)
        if word in _OPEN:
            inside = range(at + 1, t.end(at))
            found |= inner_findings(t, inside)
            at = t.end(at)
        at += 1

    # What comes before it, back to the start of the statement.
    before = without_attributes(t, statement_start(t, index), index)
    words = [t[i] for i in before]
    if "?" in words:
        found.add(TERNARY)
    if "co_await" in words:
        found.add(SECOND)
    if words and words != ["co_return"]:
        if words[-1] != "=" or words.count("=") != 1 or words[0] in _COROUTINE_WORDS | {"return", "throw"} | _CONTROL:
            found.add(SHAPE)
        if "auto" in words and "[" in words:
            found.add(BINDING)
    return found


def inner_findings(t, inside):
    """Rules broken within brackets of an awaited expression."""
    found, skip = set(), -1
    for at in inside:
        if at <= skip:
            continue
        if t[at] == "co_await":
            found.add(SECOND)
        elif t[at] == "?":
            found.add(TERNARY)
        elif t.introduces_lambda(at):
            found.add(LAMBDA)
            body = t.lambda_body(at)
            skip = body[1] if body else at
        elif t[at] == "{":
            found.add(BRACES)
            skip = t.end(at)
    return found


def default_findings(t):
    """Parameters with defaults of class type in functions that return a task."""
    for index, word in enumerate(t.words):
        if word != "(":
            continue
        end = t.end(index)
        if not returns_coroutine(t, index, end):
            continue
        at = index + 1
        while at < end:
            if t[at] == "=":
                value = at + 1
                while value < end and t[value] != ",":
                    if t[value] in {"{", "("}:
                        yield at, DEFAULT
                        break
                    value += 1
                at = value
            at = t.end(at) + 1 if t[at] in _OPEN else at + 1


def returns_coroutine(t, opener, closer):
    """Whether the parentheses are the parameter list of something declared to return a task."""
    after = closer + 1
    while t[after] in {"const", "noexcept", "mutable", "&", "&&", "static"}:
        after += 1
    if t[after] == "->":
        after += 1
        while t[after + 1] == "::":
            after += 2
        return t[after] in _COROUTINE_TYPES and t[after + 1] == "<"
    # task<...> [scope::]name (
    at = opener - 1
    if not _WORD.match(t[at]):
        return False
    at -= 1
    while t[at] == "::":
        at -= 2
    if t[at] != ">":
        return False
    depth = 0
    while at >= 0 and t[at] not in {";", "{", "}"}:
        depth += (t[at] == ">") - (t[at] == "<")
        if depth == 0:
            return t[at - 1] in _COROUTINE_TYPES
        at -= 1
    return False


def dangling_findings(t):
    for index, word in enumerate(t.words):
        if not t.introduces_lambda(index) or t.end(index) == index + 1:
            continue
        body = t.lambda_body(index)
        if body is None or t[body[1] + 1] != "(":
            continue
        if not _COROUTINE_WORDS & set(t.words[body[0]:body[1]]):
            continue
        opener = t.parent[index]
        if opener is not None and t[opener] == "(" and t[opener - 1] in _LAUNCHERS:
            yield index, DANGLING


def findings_in(text):
    t = tokens(text)
    found = [(line, MACRO) for line, directive in t.directives if re.search(r"\bco_await\b", directive)]
    for index, word in enumerate(t.words):
        if word == "co_await" and t[index - 1] != "operator":
            found += [(t.lines[index], rule) for rule in await_findings(t, index)]
    found += [(t.lines[index], rule) for index, rule in default_findings(t)]
    found += [(t.lines[index], rule) for index, rule in dangling_findings(t)]
    return sorted(set(found))


def check(top):
    findings = []
    for path in cxx.sources(top, "include", "tests", "examples", "benchmarks"):
        text = cxx.read(os.path.join(top, path))
        findings += [f"{path}:{line}: {rule}" for line, rule in findings_in(text)]
    return findings


def body(*lines):
    return {"tests/x/a.cpp": "task<int> f()\n{\n" + "\n".join(lines) + "\n}\n"}


CASES = [(f"allowed: {line}", body(line), []) for line in [
    "co_await g();", "co_await std::move(t);", "co_await *current;", "co_await s.read<int>(a, b[1], std::string(\"x{?}\"), c + 1);",
    "auto x = co_await g();", "auto const& x = co_await g();", "reply r = co_await read_reply();", "x = co_await g();",
    "x[i].y = co_await g();", "std::ignore = co_await g();", "[[maybe_unused]] auto x = co_await g();",
    "std::map<int, char> m = co_await g();", "co_return co_await g();", "if (a) co_await g();", "if constexpr (a)\nx = co_await g();",
    "else co_await g();", "for (;;) { co_await g(); }", "while (a < b(c)) co_await g();", "do co_await g(); while (a);",
    "switch (x) { case 1: co_await g(); default: x = co_await h(); }", "again: co_await g();",
    "int y = a ? b : c; co_await g();", "T x {1, 2}; co_await g(x);", "// co_await {g()}\nco_await g(); /* (co_await x) */",
    'log("CHECK(co_await x) {"); co_await g();', 'auto s = R"x(co_await ( {)x"; co_await g(s);', "int n = 1'000; char c = '{'; co_await g(n, c);",
    "auto l = [&]() -> task<void> { co_await g(); }; co_await l();", "run([](int a) -> task<void> { co_await g(a); });",
    "auto v = sync_wait([&]() -> task<int> { co_return co_await g(); }());", "auto operator co_await() && noexcept { return w(); }",
    "try { co_await g(); } catch (e const&) { caught = true; }", "co_await asio::async_write(s, asio::buffer(b), use_task);",
]] + [(f"refused: {line}", body("", line), [":4: " + rule]) for line, rule in [
    ("if (co_await g()) x();", NESTED), ("while (co_await g()) x();", NESTED), ("switch (co_await g()) {}", NESTED),
    ("for (auto& x : co_await g()) y();", NESTED), ("if (auto r = co_await g(); r) x();", NESTED), ("h(co_await g());", NESTED),
    ("auto x(co_await g());", NESTED), ("auto x = h(1, co_await g());", NESTED), ("co_return rep{250, co_await g()};", NESTED),
    ("two p{T(1), co_await g()};", NESTED), ("x = ({ co_await g(); 1; });", NESTED), ("(void)(co_await g());", NESTED),
    ("CHECK(co_await g());", MACRO), ("CHECK(sync_wait([&]() -> task<int> { co_return co_await g(); }()) == 1);", MACRO),
    ("x = co_await g() + co_await h();", SECOND), ("co_await f(co_await g());", SECOND),
    ("x = co_await g() + 1;", SHAPE), ("co_await g() && y;", SHAPE), ("x += co_await g();", SHAPE), ("x = y = co_await g();", SHAPE),
    ("auto x = !co_await g();", SHAPE), ("co_return 1 + co_await g();", SHAPE), ("throw co_await g();", SHAPE), ("(void)co_await g();", SHAPE),
    ("x = a ? co_await g() : h();", TERNARY), ("x = co_await g(c ? z : s);", TERNARY),
    ("co_await f({.name = s});", BRACES), ("co_await f(opts{1});", BRACES), ("co_await f({});", BRACES), ("co_await task<int>{};", BRACES),
    ("co_await f({\"a\", \"b\"});", BRACES), ("co_await f(g(h({1})));", BRACES),
    ("co_await f([p]{ return p; });", LAMBDA), ("co_await [p]() -> task<void> { co_return; }();", LAMBDA), ("co_await f(1, [&](int a) { return a; });", LAMBDA),
    ("co_await co_spawn(ex, [p]() -> awaitable<void> { co_return; }, use_awaitable);", LAMBDA),
    ("auto [a, b] = co_await g();", BINDING), ("auto& [a, b] = co_await g();", BINDING),
    ("spawn(ex, [&]() -> task<void> { co_return; }(), asio::detached);", DANGLING),
    ("auto l = [](opts o = {}) -> task<void> { co_return; };", DEFAULT),
]] + [
    ("the line of a later co_await", body("co_await g();", "", "", "h(co_await g());"), ["a.cpp:6: "]),
    ("a macro with co_await", {"examples/a.cpp": "#define TRY(x) \\\n    auto r = co_await x;\n"}, ["examples/a.cpp:1: " + MACRO]),
    ("a braced default", {"include/posthorn/a.hpp": "task<std::vector<int>> send(int a, send_options o = {});\n"}, ["a.hpp:1: " + DEFAULT]),
    ("a constructed default", {"include/posthorn/a.hpp": "task<void>\nsession::send(std::string s = std::string());\n"}, ["a.hpp:2: " + DEFAULT]),
    ("a default with trailing return type", {"benchmarks/a.hpp": "auto f(opts o = opts()) const -> posthorn::task<int>;\n"}, [DEFAULT]),
    ("plain defaults", {"include/posthorn/a.hpp": "task<void> send(int a = 1, char const* p = nullptr, e x = e::one, d t = limit);\n"}, []),
    ("defaults of functions that are no coroutines", {"include/posthorn/a.hpp": "void send(opts o = {}, std::vector<task<int>> v = {});\n"}, []),
    ("members with initialisers", {"include/posthorn/a.hpp": "struct s { task<int> t = {}; opts o = {}; };\n"}, []),
]

if __name__ == "__main__":
    seeded.main(check, CASES, cxx.ROOT, "awaits")
