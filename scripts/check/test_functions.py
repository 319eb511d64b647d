"""Tests of functions.py: python3 -m unittest discover -s scripts/check"""
import unittest

from functions import Function, functions

SWIFT = '''
/// { A brace in a comment.
public func first<T>(_ close: (Int) -> Bool = { $0 > 1 }) -> [T] where T: Sendable {
  let text = "a } in a string \\(names.map { "\\($0)}" }) and a {"
  return text.isEmpty ? [] : [
  ]
}

protocol Shape {
  func area() -> Double
  init(side: Double)
  var sides: Int { get }
}

struct Square {
  var side: Double { 2 }
  init(_ raw: String) {
    self.init(raw)
  }
}
'''
C = '''
#define TILE(x) do { \\
  x; } while (0)
extern int other(int);
static void add(const float *a,
                float *b) {
  if (a) { *b += *a; }
}
struct point { int x; };
'''
PYTHON = '''
def outer():
    def inner():
        pass
    return inner
'''
SHELL = '''
say() {
  echo "}"
}
'''


class FunctionTests(unittest.TestCase):
    def test_swift(self):
        self.assertEqual(
            [f for f in functions(".swift", SWIFT) if f.lines > 1],
            [Function("first", 3, 5), Function("init", 17, 3)])

    def test_swift_multi_line_string_is_no_code(self):
        text = 'func a() {\n  let b = """\n    } func c() {\n    """\n}\n'
        self.assertEqual(functions(".swift", text), [Function("a", 1, 5)])

    def test_c(self):
        self.assertEqual(functions(".c", C), [Function("add", 5, 4)])

    def test_python(self):
        self.assertEqual(functions(".py", PYTHON), [Function("outer", 2, 4), Function("inner", 3, 2)])

    def test_shell(self):
        self.assertEqual(functions(".sh", SHELL), [Function("say", 2, 3)])


if __name__ == "__main__":
    unittest.main()
