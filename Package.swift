// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "pipeline",
  products: [.executable(name: "pipeline", targets: ["pipeline"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),

    // Numbers and science: no target here knows of pipelines.
    .target(name: "Tensor", dependencies: ["CKernels", "COpenBLAS"]),
    .target(name: "HDF5", dependencies: ["CHDF5", crypto]),
    .target(name: "NeuralNet", dependencies: ["Tensor", "CKernels"]),
    .executableTarget(name: "bench", dependencies: ["NeuralNet", "Tensor"]),
    .target(name: "Analysis", dependencies: ["Tensor", "NeuralNet", "COpenBLAS"]),
    .target(name: "Datasets", dependencies: [crypto]),
    .target(
      name: "VisionTransformer",
      dependencies: [
        "CKernels", "Tensor", crypto, .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["onnx.proto"]),
    .executableTarget(name: "vit-bench", dependencies: ["Tensor", "VisionTransformer"]),

    // The engine: no target here knows of HDF5, BLAS or stages.
    .target(name: "PipelineCore", dependencies: [crypto]),
    .target(name: "PipelineFile", dependencies: ["PipelineCore", .product(name: "Yams", package: "Yams")]),
    .target(name: "PipelineExecution", dependencies: ["PipelineCore"]),

    // Drawings as gnuplot scripts: text only, no process, no pipelines.
    .target(name: "Plot"),
    .target(
      name: "Stages",
      dependencies: [
        "PipelineCore", "Analysis", "Datasets", "HDF5", "NeuralNet", "Plot", "Tensor", "VisionTransformer",
      ]),
    .executableTarget(
      name: "pipeline",
      dependencies: [
        "Datasets", "PipelineCore", "PipelineExecution", "PipelineFile", "Stages",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], linkerSettings: [.unsafeFlags(staticRuntime)]),

    .testTarget(name: "HDF5Tests", dependencies: ["HDF5"]),
    .testTarget(name: "TensorTests", dependencies: ["Tensor"]),
    .testTarget(
      name: "NeuralNetTests", dependencies: ["NeuralNet", "Tensor", "CKernels", "bench"],
      exclude: ["Golden"]),
    .testTarget(
      name: "AnalysisTests", dependencies: ["Analysis", "NeuralNet", "Tensor"], exclude: ["Golden"]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", crypto]),
    .testTarget(
      name: "VisionTransformerTests",
      dependencies: ["CKernels", "Datasets", "Tensor", "VisionTransformer"], exclude: ["Golden"]),
    .testTarget(name: "PipelineCoreTests", dependencies: ["PipelineCore"]),
    .testTarget(name: "PipelineFileTests", dependencies: ["PipelineFile", "PipelineCore"]),
    .target(name: "ToyStages", dependencies: ["PipelineExecution", "PipelineCore"], path: "Tests/ToyStages"),
    .executableTarget(
      name: "ToyWorker", dependencies: ["ToyStages", "PipelineExecution", "PipelineCore"],
      path: "Tests/ToyWorker"),
    .testTarget(
      name: "PipelineExecutionTests",
      dependencies: ["PipelineExecution", "PipelineCore", "ToyStages", "ToyWorker"]),
    .testTarget(name: "PlotTests", dependencies: ["Plot"]),
    .testTarget(
      name: "StagesTests",
      dependencies: ["Stages", "Analysis", "HDF5", "NeuralNet", "PipelineCore", "Tensor"]),
    .testTarget(name: "EndToEndTests", exclude: ["check_artifacts.py"]),
  ],
  swiftLanguageModes: [.v6]
)

/// SHA-256.
var crypto: Target.Dependency { .product(name: "Crypto", package: "swift-crypto") }

/// Links Swift's own libraries into the executable where PIPELINE_STATIC_RUNTIME is set: the dynamic linker takes 8 ms
/// for them at each start. Not for the tests: the flags of a target reach the tests that depend on it, and the testing
/// libraries are dynamic only. Compiled files are the same either way.
var staticRuntime: [String] {
  if Context.environment["PIPELINE_STATIC_RUNTIME"] == nil { return [] }
  let libraries = [
    "Foundation", "FoundationEssentials", "FoundationInternationalization", "_FoundationCShims",
    "_FoundationCollections", "CoreFoundation", "_FoundationICU", "swift_StringProcessing",
    "swift_RegexParser", "swift_Concurrency", "swiftSynchronization", "swiftDispatch", "dispatch",
    "swiftCore",
  ]
  return ["-static-stdlib", "-Xlinker", "--start-group"] + libraries.map { "-l" + $0 }
    + ["-Xlinker", "--end-group"]
}
