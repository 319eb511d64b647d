// Reads a file and all that it extends, each once and before what extends it.

import PipelineCore

/// One file of a load.
struct LoadedFile {
  /// The path relative to the root folder.
  var path: String
  /// The text, as an index into `Problems.sources`.
  var source: Int
  var syntax: FileSyntax
  /// The sources of all files that this one extends, directly or not.
  var ancestors: Set<Int> = []
}

/// Reads a file and those that it extends.
struct Loader {
  let problems: Problems
  let stages: [String: StageDeclaration]
  let home: FileHome
  let readFile: (String) throws -> String
  /// The files so far, nearest first, with the digests of their bytes.
  private(set) var files: [ExternalFile] = []
  private var loaded: [String: LoadedFile] = [:]
  /// The paths in order: each file after those that it extends.
  private var order: [String] = []

  /// The longest chain of `extends`.
  private static let longestChain = 32
  private static let mostFiles = 256

  init(
    problems: Problems, stages: [String: StageDeclaration], home: FileHome,
    readFile: @escaping (String) throws -> String
  ) {
    self.problems = problems
    self.stages = stages
    self.home = home
    self.readFile = readFile
  }

  /// Reads the file at home and merges it over those that it extends.
  mutating func load(text: String) -> FileSyntax? {
    guard visit(home.path, text: text, below: []) else { return nil }
    var merging = Merging(problems: problems)
    for path in order { if let file = loaded[path] { merging.lay(file) } }
    return merging.merged
  }

  /// Reads a file and, before it comes into the order, what it extends. `chain` is the way to it. The depth of
  /// this recursion is that of the longest chain.
  private mutating func visit(_ path: String, text: String, below chain: [String]) -> Bool {
    var text = text
    let digest = Digest(of: text.utf8)
    // A byte-order mark is no part of the text, and would indent its first line.
    if text.unicodeScalars.first == "\u{FEFF}" { text = String(text.unicodeScalars.dropFirst()) }
    let display = home.display(path)
    files.append(ExternalFile(path: display, digest: digest))
    let source = problems.add(SourceText(name: display, text: text))
    guard let syntax = read(text, source: source) else { return false }
    var file = LoadedFile(path: path, source: source, syntax: syntax)
    let chain = chain + [path]
    for extends in syntax.extends {
      guard let next = next(extends, after: chain) else { return false }
      if loaded[next] == nil {
        guard files.count < Self.mostFiles else {
          problems.report("more than \(Self.mostFiles) files extend one another", at: extends.place)
          return false
        }
        do {
          guard visit(next, text: try readFile(home.display(next)), below: chain) else { return false }
        } catch {
          problems.report("can't read '\(home.display(next))': \(error)", at: extends.place)
          return false
        }
      }
      if let base = loaded[next] { file.ancestors.formUnion(base.ancestors.union([base.source])) }
    }
    loaded[path] = file
    order.append(path)
    return true
  }

  private func read(_ text: String, source: Int) -> FileSyntax? {
    let before = problems.count
    guard let root = YAMLReader.read(text, source: source, problems: problems) else {
      if problems.count == before {
        problems.report(
          "the file is empty", at: Place(source: source, line: 1, column: 1),
          notes: ["a pipeline file has at least 'stages:' or 'extends:'"])
      }
      return nil
    }
    return FileSyntaxReader(problems: problems).read(root)
  }

  /// The path, relative to the root folder, of a file that the last of `chain` extends.
  private func next(_ extends: Name, after chain: [String]) -> String? {
    let folder = FilePath.folder(of: chain[chain.count - 1])
    guard !extends.text.hasPrefix("/"), let next = FilePath.within(FilePath.join(folder, extends.text)) else {
      problems.report(
        "'extends: \(extends.text.shortened)' leads out of the folder of the pipelines", at: extends.place,
        notes: [
          "a file extends those in the folder 'pipelines' in which it stands, or else in its own folder"
        ])
      return nil
    }
    if let start = chain.firstIndex(of: next) {
      let path = (chain[start...] + [next]).map { home.display($0) }
      problems.report("cycle of 'extends': \(path.joined(separator: " → "))", at: extends.place)
      return nil
    }
    guard chain.count < Self.longestChain else {
      problems.report("more than \(Self.longestChain) files extend one another", at: extends.place)
      return nil
    }
    return next
  }
}
