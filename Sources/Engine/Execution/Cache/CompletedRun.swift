// The answer of a run that has nothing to do, found without parsing the pipeline file or deriving a key.

import Glibc
import PipelineCore

/// What a run was asked, as far as it decides the plan: by which program, of which file, with which options.
public struct RunQuestion: Sendable {
  /// The path of the pipeline file, as it is opened.
  let path: String
  let digest: Digest

  /// A question of this program.
  ///
  /// - Parameters:
  ///   - pipeline: The path of the pipeline file.
  ///   - overrides: The `--set` options in order.
  ///   - width: How wide the answer may be; nil if it may have any width.
  ///   - program: What tells this program, and so the stages' versions and declarations, from others.
  public init(pipeline: String, overrides: [String], width: Int? = nil, program: String = Self.ownProgram) {
    path = pipeline
    let fields =
      [("program", program), ("pipeline", pipeline)] + overrides.map { ("set", $0) }
      + (width.map { [("width", String($0))] } ?? [])
    digest = Digest(of: fields.map { ManifestField(name: $0, value: $1) }, as: .question)
  }

  /// The file of the running program: a program that is built anew is another file, or has another time.
  public static var ownProgram: String {
    var info = stat()
    // A program that can't be seen must not be taken for another.
    guard stat("/proc/self/exe", &info) == 0 else { return String(UInt64.random(in: .min ... .max)) }
    return "\(info.st_dev) \(info.st_ino) \(info.st_size) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec) "
      + "\(info.st_ctim.tv_sec).\(info.st_ctim.tv_nsec)"
  }

  /// Whether a path names a file within the folder of the pipeline file. The index of a cache that came from
  /// elsewhere must not make us read what the user's own files do not name.
  func covers(_ source: String) -> Bool {
    let folder = POSIX.parent(of: path)
    let inner: Substring
    if folder == "." {
      inner = source[...]
    } else {
      guard source.hasPrefix(folder + "/") else { return false }
      inner = source.dropFirst(folder.count + 1)
    }
    return !inner.hasPrefix("/") && !inner.split(separator: "/").contains("..")
  }
}

/// A complete run that still stands: every node is up to date.
public struct CompletedRun: Sendable {
  /// How many nodes there are.
  public let nodes: Int
  /// What the run printed at its end.
  public let answer: String

  /// Looks up whether the last complete run of a pipeline was asked the same, of the same bytes of all files
  /// that went into its plan, and all of its results are there.
  ///
  /// - Parameters:
  ///   - question: What is asked now.
  ///   - pipeline: The pipeline's name.
  ///   - cache: Where its results are.
  ///   - hashFile: Gives the digest of a file or folder.
  public init?(
    _ question: RunQuestion, pipeline: String, cache: CacheStore, hashFile: (String) throws -> Digest
  ) {
    let experiment = Experiment(
      PipelineIdentity(name: pipeline, folder: POSIX.parent(of: question.path), in: cache.layout), in: cache)
    guard let index = CompletionIndex(file: experiment.index), index.question == question.digest,
      index.sources.allSatisfy({ question.covers($0.path) && (try? hashFile($0.path)) == $0.digest }),
      index.stands(in: cache, log: experiment.log)
    else { return nil }
    nodes = index.count
    answer = index.answer
  }
}
