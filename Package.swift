// swift-tools-version: 6.3
import PackageDescription

/// How a released program is linked: with Swift's own libraries inside, since the dynamic linker takes 8 ms for them at
/// each start, and without a list of its symbols for others, which would keep what is never called.
func releaseLinking(with more: [String] = []) -> [String] {
  let libraries =
    more + [
      "FoundationEssentials", "_FoundationCShims", "_FoundationCollections", "swift_StringProcessing",
      "swift_RegexParser", "swift_Concurrency", "swiftSynchronization", "swiftDispatch", "dispatch",
      "swiftCore",
    ]
  return ["-static-stdlib", "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--start-group"]
    + libraries.map { "-l" + $0 } + ["-Xlinker", "--end-group"]
}

/// What all of Foundation needs besides: a request of its own is never made, but its library wants curl all the same.
let foundation = [
  "Foundation", "FoundationNetworking", "FoundationInternationalization", "CoreFoundation",
  "_CFURLSessionInterface", "_FoundationICU", "BlocksRuntime", "curl", "stdc++",
]

/// For tests that ask for work and compare: the compiler takes half as long without optimisation, and they as long as with.
/// Tests that compute references themselves stay optimised.
let unoptimised: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

let package = Package(
  name: "pipeline",
  products: [
    .executable(name: "pipeline", targets: ["pipeline"]),
    .executable(name: "pipeline-serve", targets: ["pipeline-serve"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    // For `pipeline-serve` only.
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    // Formats: files of others and of ours. No target here knows of pipelines.
    .systemLibrary(name: "CSHA256", path: "Sources/Formats/CSHA256", providers: [.apt(["libssl-dev"])]),
    .target(
      name: "Hashing", dependencies: ["CSHA256"], path: "Sources/Formats/Hashing",
      linkerSettings: [.linkedLibrary(":libcrypto.a")]),
    // What users point to: digests of files and folders, and private copies.
    .target(name: "FileTree", dependencies: ["CGlibc", "Hashing"], path: "Sources/Formats/FileTree"),
    // Libraries that no start of the program waits for.
    .target(name: "CLate", path: "Sources/Formats/CLate"),
    .target(name: "CHDF5", dependencies: ["CLate"], path: "Sources/Formats/CHDF5"),
    .target(name: "HDF5", dependencies: ["CHDF5", "Hashing"], path: "Sources/Formats/HDF5"),
    .systemLibrary(name: "CGlibc", path: "Sources/Formats/CGlibc"),
    .systemLibrary(name: "CZlib", path: "Sources/Formats/CZlib", providers: [.apt(["zlib1g-dev"])]),
    // Starts the programs of others; whatever starts one uses this.
    .target(name: "Programs", dependencies: ["CGlibc"], path: "Sources/Formats/Programs"),
    // Numbers and errors as text.
    .target(name: "Wording", path: "Sources/Formats/Wording"),
    .target(
      name: "Datasets", dependencies: ["CZlib", "Hashing", "Programs", "Wording"],
      path: "Sources/Formats/Datasets",
      linkerSettings: [.linkedLibrary(":libz.a")]),
    .target(
      name: "VisionTransformer",
      dependencies: ["CKernels", "Hashing", "Tensor", "Wording"],
      path: "Sources/Formats/VisionTransformer"),
    // Drawings as gnuplot scripts: text only, no process.
    .target(name: "Plot", dependencies: ["Wording"], path: "Sources/Formats/Plot"),

    // Numerics and science: no target here knows of pipelines or files.
    .target(name: "COpenBLAS", dependencies: ["CLate"], path: "Sources/Numerics/COpenBLAS"),
    .target(name: "CKernels", path: "Sources/Numerics/CKernels", cSettings: [.unsafeFlags(["-O3"])]),
    .target(name: "Tensor", dependencies: ["CKernels", "COpenBLAS"], path: "Sources/Numerics/Tensor"),
    .target(name: "NeuralNet", dependencies: ["Tensor", "CKernels"], path: "Sources/Numerics/NeuralNet"),
    .target(name: "Statistics", path: "Sources/Science/Statistics"),
    .target(
      name: "Clustering", dependencies: ["Statistics", "Tensor"], path: "Sources/Science/Clustering"),
    .target(name: "Influence", dependencies: ["NeuralNet", "Tensor"], path: "Sources/Science/Influence"),

    // The engine: no target here knows of HDF5, BLAS or stages.
    .target(name: "PipelineCore", dependencies: ["Hashing"], path: "Sources/Engine/Core"),
    .systemLibrary(name: "CYAML", path: "Sources/Engine/CYAML", providers: [.apt(["libyaml-dev"])]),
    .target(
      name: "PipelineFile", dependencies: ["CYAML", "PipelineCore"], path: "Sources/Engine/File",
      linkerSettings: [.linkedLibrary(":libyaml.a")]),
    .target(
      name: "PipelineExecution",
      dependencies: [
        "CGlibc", "FileTree", "Hashing", "PipelineCore", "Programs", "Wording",
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      path: "Sources/Engine/Execution"),

    // The study: what its artifacts hold, and the stages that make them.
    .target(
      name: "Artifacts", dependencies: ["HDF5", "NeuralNet", "PipelineCore"], path: "Sources/Study/Artifacts"),
    .target(
      name: "Stages",
      dependencies: [
        "Artifacts", "FileTree", "PipelineCore", "Clustering", "Datasets", "Influence", "NeuralNet", "Plot",
        "Programs", "ResultTables", "Statistics", "Tensor", "VisionTransformer", "Wording",
      ], path: "Sources/Study/Stages"),
    .target(
      name: "ResultTables", dependencies: ["Statistics", "Wording"], path: "Sources/Study/ResultTables"),

    // The report: one HTML page of a pipeline. Its style and scripts are files that C embeds: as an array in Swift they
    // would cost each build a quarter of a minute.
    .target(
      name: "ReportPage", path: "Sources/Report/Page",
      exclude: [
        "report.css", "page.js", "tables.js", "charts.js", "distances.js", "forests.js", "live.js", "time.js",
        "data.d.ts",
      ]),
    .target(
      name: "Report",
      dependencies: [
        "Artifacts", "CZlib", "PipelineCore", "PipelineExecution", "PipelineFile", "Plot",
        "ReportPage",
        "ResultTables",
        "Stages", "Statistics", "Tensor",
      ], path: "Sources/Report/Builder", linkerSettings: [.linkedLibrary(":libz.a")]),

    .executableTarget(
      name: "pipeline",
      dependencies: [
        "Artifacts", "Datasets", "FileTree", "Hashing", "PipelineCore", "PipelineExecution", "PipelineFile",
        "Plot", "Programs", "Report", "ResultTables", "Stages", "Wording",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], linkerSettings: [.unsafeFlags(releaseLinking(), .when(configuration: .release))]),
    // The HTTP side of `pipeline serve`, apart from the program: its library brings Foundation and 30 MB of locales.
    .executableTarget(
      name: "pipeline-serve",
      dependencies: [
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ], path: "Sources/Gateway",
      linkerSettings: [
        .unsafeFlags(releaseLinking(with: foundation), .when(configuration: .release))
      ]),
    .executableTarget(
      name: "bench", dependencies: ["CKernels", "NeuralNet", "Tensor"], path: "Sources/Tools/bench"),
    // Pilots of a campaign in virtual time; its C stands between the program and the kernel.
    .target(name: "CVirtual", path: "Sources/Tools/CVirtual"),
    .executableTarget(
      name: "campaign-model", dependencies: ["CVirtual", "PipelineCore", "PipelineExecution"],
      path: "Sources/Tools/campaign-model"),
    .executableTarget(
      name: "vit-bench", dependencies: ["Tensor", "VisionTransformer"], path: "Sources/Tools/vit-bench"),

    .testTarget(name: "HDF5Tests", dependencies: ["CLate", "HDF5"], swiftSettings: unoptimised),
    .testTarget(name: "TensorTests", dependencies: ["Tensor"]),
    .testTarget(
      name: "NeuralNetTests", dependencies: ["NeuralNet", "Tensor", "CKernels", "bench"],
      exclude: ["Golden"]),
    // Samples that both the tests and the oracles in Python make.
    .target(name: "SampleData", path: "Tests/SampleData"),
    .testTarget(name: "StatisticsTests", dependencies: ["SampleData", "Statistics"], exclude: ["Golden"]),
    .testTarget(
      name: "ClusteringTests", dependencies: ["Clustering", "SampleData", "Statistics"], exclude: ["Golden"]),
    .testTarget(name: "InfluenceTests", dependencies: ["Influence", "NeuralNet", "SampleData", "Tensor"]),
    .testTarget(
      name: "ResultTablesTests", dependencies: ["ResultTables", "Statistics"], swiftSettings: unoptimised),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "Hashing"], swiftSettings: unoptimised),
    .testTarget(
      name: "VisionTransformerTests",
      dependencies: ["CKernels", "Datasets", "Tensor", "VisionTransformer"], exclude: ["Golden"]),
    .testTarget(name: "PipelineCoreTests", dependencies: ["PipelineCore"], swiftSettings: unoptimised),
    .testTarget(
      name: "PipelineFileTests", dependencies: ["PipelineFile", "PipelineCore"], swiftSettings: unoptimised),
    .target(
      name: "ToyStages", dependencies: ["PipelineExecution", "PipelineCore", "Programs"],
      path: "Tests/ToyStages"),
    .executableTarget(
      name: "ToyWorker", dependencies: ["ToyStages", "PipelineExecution", "PipelineCore"],
      path: "Tests/ToyWorker"),
    .testTarget(
      name: "PipelineExecutionTests",
      dependencies: ["PipelineExecution", "PipelineCore", "ToyStages", "ToyWorker"],
      swiftSettings: unoptimised),
    .testTarget(name: "PlotTests", dependencies: ["Plot"], swiftSettings: unoptimised),
    .testTarget(name: "FileTreeTests", dependencies: ["FileTree", "Hashing"], swiftSettings: unoptimised),
    .testTarget(name: "ProgramsTests", dependencies: ["Programs"], swiftSettings: unoptimised),
    .testTarget(
      name: "ArtifactsTests", dependencies: ["Artifacts", "HDF5", "NeuralNet", "PipelineCore"],
      swiftSettings: unoptimised),
    .target(
      name: "StageRuns",
      dependencies: ["Artifacts", "FileTree", "HDF5", "PipelineCore", "PipelineExecution", "Stages"],
      path: "Tests/StageRuns"),
    // Prints what each stage makes of small inputs, in a process that is the same on every processor.
    .executableTarget(
      name: "StageResults", dependencies: ["COpenBLAS", "HDF5", "PipelineCore", "StageRuns", "Stages"],
      path: "Tests/StageResults"),
    .testTarget(
      name: "StagesTests",
      dependencies: [
        "Artifacts", "FileTree", "Stages", "StageResults", "StageRuns", "HDF5", "Influence", "NeuralNet",
        "PipelineCore",
        "PipelineExecution", "PipelineFile", "ResultTables", "Statistics", "Tensor",
      ], exclude: ["Pipelines/plan-keys.txt", "results.txt"], swiftSettings: unoptimised),
    // The code of docs/add-a-stage.md, in a module of its own: whoever follows the page uses the same names.
    .testTarget(
      name: "TutorialTests",
      dependencies: ["Artifacts", "PipelineCore", "PipelineFile", "StageRuns", "Stages"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "ReportTests",
      dependencies: ["CZlib", "PipelineCore", "PipelineExecution", "PipelineFile", "Report", "Stages"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "EndToEndTests",
      exclude: [
        "check_artifacts.py", "check_drawings.py", "check_live.py", "check_report.py", "check_screens.py",
        "check_serve.py",
        "Figures",
      ], swiftSettings: unoptimised),
  ],
  swiftLanguageModes: [.v6]
)
