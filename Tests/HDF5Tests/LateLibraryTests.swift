// Libraries that are opened when they are first needed.

import CLate
import Glibc
import Testing

@Suite struct LateLibraryTests {
  private typealias Function = @convention(c) (Double) -> Double

  /// Loads a symbol from the first of some libraries that is there; what is wrong, or what the symbol makes of a number.
  private func load(_ names: [String], _ symbol: String, of argument: Double) -> (String?, Double?) {
    let cNames = names.map { strdup($0) }
    let cSymbol = strdup(symbol)
    defer {
      for name in cNames { free(name) }
      free(cSymbol)
    }
    var address: UnsafeMutableRawPointer?
    let problem = withUnsafeMutablePointer(to: &address) { address in
      let list = cNames.map { $0.map { UnsafePointer($0) } } + [nil]
      return late_load(list, [late_symbol(name: cSymbol, address: address)], 1)
    }
    let function = address.map { unsafeBitCast($0, to: Function.self) }
    return (problem.map { String(cString: $0) }, function.map { $0(argument) })
  }

  @Test func takesTheFirstThatIsThere() {
    let (problem, value) = load(["libno-such-thing.so.1", "libm.so.6"], "fabs", of: -3)
    #expect(problem == nil && value == 3)
  }

  /// The first name is the one that should be there, so its reason is told.
  @Test func saysWhichLibraryIsMissing() {
    let (problem, value) = load(["libno-such-thing.so.1", "libnor-this-one.so"], "fabs", of: -3)
    #expect(problem?.contains("libno-such-thing.so.1") == true && value == nil)
  }

  @Test func saysWhichSymbolIsMissing() {
    let (problem, value) = load(["libm.so.6"], "no_such_function", of: 27)
    #expect(problem?.contains("no_such_function") == true && value == nil)
  }
}
