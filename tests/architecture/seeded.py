"""For the self-tests: throw-away trees of files, and the question whether a check sees what was put into them."""

import os
import sys
import tempfile


def run(check, cases):
    """Each case: (name, {path: text}, [fragments that one finding must contain]); no fragments: no finding at all."""
    failures = 0
    for name, files, fragments in cases:
        with tempfile.TemporaryDirectory() as top:
            for path, text in files.items():
                full = os.path.join(top, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as f:
                    f.write(text)
            findings = check(top)
        if fragments:
            right = any(all(part in finding for part in fragments) for finding in findings)
        else:
            right = not findings
        if not right:
            failures += 1
            print(f"FAILED: {name}\n  expected: {fragments or 'nothing'}\n  found: {findings or 'nothing'}")
    print(f"{len(cases)} cases, {failures} failures")
    return failures != 0


def main(check, cases, root, what):
    """The common command line: the check over the project, or its self-test."""
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(run(check, cases))
    if len(sys.argv) > 1:
        sys.exit(f"usage: {sys.argv[0]} [--self-test]")
    findings = check(root)
    for finding in findings:
        print(finding)
    if findings:
        sys.exit(f"{len(findings)} findings")
    print(f"{what}: nothing found")
