"""Finds functions in Swift, C, Python and shell sources, with the lines that each takes.

A function reaches from the line of its name to the line of its last brace. Functions within a function count in it, too.
"""
import ast
import dataclasses
import re

SWIFT = re.compile(r"(?<![.\w])(?:func\s+(?P<func>[^\s(<]+)|(?P<other>init|subscript)[?!]?\s*(?=[(<])|(?P<deinit>deinit)\b)")
PROPERTY = re.compile(r"\bvar\s+(?P<name>\w+)\s*:[^=\n{]*(?P<brace>\{)")
DECLARATION = re.compile(r"\n\s*(?:@\w+\s+)*(?:public|private|internal|static|mutating|func|var|let|case|init|subscript)\b")
C = re.compile(r"(?P<name>\w+)\s*\([^;{}]*\)\s*\{")


@dataclasses.dataclass(frozen=True)
class Function:
    """A function's name, its first line, and how many lines it has."""
    name: str
    line: int
    lines: int


def functions(suffix, text):
    """All functions of a source file whose name ends with `suffix`."""
    return {".swift": swift, ".py": python, ".sh": shell}.get(suffix, c)(text)


def python(text):
    return [Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def shell(text):
    return [Function(match[1], text.count("\n", 0, match.start()) + 1, match[0].count("\n") + 1)
            for match in re.finditer(r"^(\w+)\(\) \{.*?^\}", text, re.M | re.S)]


def swift(text):
    code = blank(text, swift=True)
    found = []
    for match in SWIFT.finditer(code):
        brace = body(code, match.end())
        if brace is not None:
            found.append(function(code, match["func"] or match["other"] or "deinit", match.start(), brace))
    for match in PROPERTY.finditer(code):
        found.append(function(code, match["name"], match.start(), match.start("brace")))
    return found


def c(text):
    # Macros are left out: a line that ends with a backslash goes on.
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"), blank(text, swift=False), flags=re.M)
    found, depth, last = [], 0, 0
    for match in re.finditer(r"[{}]", code):
        if match[0] == "{":
            head = C.search(code, last, match.end())
            if depth == 0 and head and head.end() == match.end():
                found.append(function(code, head["name"], head.start(), match.start()))
            depth += 1
        else:
            depth -= 1
            last = match.end()
    return found


def function(code, name, start, brace):
    end = closing(code, brace)
    return Function(name, code.count("\n", 0, start) + 1, code.count("\n", start, end) + 1)


def closing(code, brace):
    """The place of the brace that closes the one at `brace`."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, brace):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return len(code)


def body(code, start):
    """The brace that opens the body of a function whose signature goes on at `start`; None where there is no body."""
    depth = 0
    for match in re.compile(r"[()\[\]{}]|" + DECLARATION.pattern).finditer(code, start):
        token = match[0]
        if token in "([":
            depth += 1
        elif token in ")]":
            depth -= 1
        elif depth == 0:
            return match.start() if token == "{" else None
    return None


def blank(text, swift):
    """The text with comments and strings turned into spaces, so that braces left in it are those of the code."""
    out, i = list(text), 0

    def clear(start, end):
        for k in range(start, min(end, len(out))):
            if out[k] != "\n":
                out[k] = " "

    while i < len(text):
        if text.startswith("//", i):
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
        elif text.startswith("/*", i):
            end = text.find("*/", i + 2) + 2 or len(text)
        elif swift and (match := re.compile(r'(#*)("""|")').match(text, i)):
            end = inside(text, match.end(), match[1], match[2])
        elif not swift and text[i] in "\"'":
            match = re.compile(r"(\"|')(?:\\.|(?!\1).)*\1").match(text, i)
            end = match.end() if match else i + 1
        else:
            i += 1
            continue
        clear(i, end)
        i = end
    return "".join(out)


def inside(text, i, hashes, quote):
    """The end of a Swift string that began before `i`, with whatever it interpolates."""
    close, escape = quote + hashes, "\\" + hashes
    while i < len(text):
        if text.startswith(close, i):
            return i + len(close)
        if text.startswith(escape + "(", i):
            i, depth = i + len(escape) + 1, 1
            while depth and i < len(text):
                match = re.compile(r'(#*)("""|")').match(text, i)
                if match:
                    i = inside(text, match.end(), match[1], match[2])
                    continue
                depth += {"(": 1, ")": -1}.get(text[i], 0)
                i += 1
        elif text.startswith(escape, i):
            i += len(escape) + 1
        else:
            i += 1
    return i
