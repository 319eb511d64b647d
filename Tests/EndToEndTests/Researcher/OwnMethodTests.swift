// The worked example of unlearning methods in Python, by the real executable, held to NumPy.

import Foundation
import Testing

@Suite struct OwnMethodTests {
  /// Small enough for a test; the order of what is compared does not matter here.
  private static let small = [
    "repeat=2", "images.train_images=3000", "images.test_images=1000", "hessian_images=200",
  ]

  /// A Python with PyTorch and h5py: that of `PIPELINE_PYTORCH`, or else python3 of the path, if it has both.
  private static let torch: String? = {
    let named = ProcessInfo.processInfo.environment["PIPELINE_PYTORCH"] ?? "python3"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [named, "-c", "import h5py, torch"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0 ? named : nil
  }()

  /// What NumPy says of the losses of an mlp, beside what stands in its evaluation.
  private let check = """
    import h5py, json, subprocess, sys
    import numpy as np
    program, options = sys.argv[1], sys.argv[2:]

    def path(node):
        return subprocess.check_output([program, "path", "own-method", node, *options], text=True).strip()

    axes = "size=200,repeat=1"
    with h5py.File(path("images")) as f:
        x = (f["train/images"][...].reshape(-1, 784) / 255 - 0.1307) / 0.3081
        y = f["train/labels"][...]
    with h5py.File(path(f"group[{axes}]")) as f:
        group = f["indices"][...]
    retained = np.setdiff1d(np.arange(len(x)), group)

    def losses(tensors):
        h = np.maximum(x @ tensors["fc1.weight"].T.astype("f8") + tensors["fc1.bias"], 0)
        z = h @ tensors["fc2.weight"].T.astype("f8") + tensors["fc2.bias"]
        z -= z.max(axis=1, keepdims=True)
        return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]

    answer = {}
    for method in ["original", "ascent", "scrub"]:
        node = "base" if method == "original" else f"unlearned[{method},{axes}]"
        with h5py.File(path(node)) as f:
            tensors = {name: f["parameters"][name][...] for name in f["parameters"]}
            assert method == "original" or f.attrs["stage"] == "import-net"
        own = losses(tensors)
        with h5py.File(path(f"evaluate[{method},{axes}]")) as f:
            for split, members in [("group", group), ("retained", retained)]:
                stored = f[f"metrics/{split}/loss"][()]
                assert abs(stored - own[members].mean()) < 1e-4 * abs(stored) + 1e-6, (method, split, stored, own[members].mean())
                answer[f"{method} {split}"] = float(stored)
    print(json.dumps(answer))
    """

  @Test func methodsInPythonStandBesideOursInOneTable() throws {
    let box = try Sandbox()
    let options = Self.small.flatMap { ["--set", $0] } + ["--set", "python=\(Sandbox.python)"]
    let answer = try box.start(Sandbox.executable, ["run", "own-method"] + options).1()
    #expect(answer.status == 0, "\(answer.errors)")
    for words in ["ascent", "scrub", "1-step", "3-step", "retrain"] {
      #expect(answer.output.contains(words), "\(answer.output)")
    }
    for node in ["verdict[ascent]", "verdict[scrub]"] {
      let verdict = try box.start(Sandbox.executable, ["table", "own-method", node] + options).1()
      #expect(verdict.status == 0 && verdict.output.contains("3-step"), "\(verdict)")
    }
    try box.write(check, to: "check.py")
    let numbers = try box.python(["check.py", Sandbox.executable] + options)
    #expect(numbers.status == 0, "\(numbers.errors)")
    let losses = try JSONDecoder().decode([String: Double].self, from: Data(numbers.output.utf8))
    // Ascent forgets; neither forgets what it should keep.
    #expect(losses["ascent group"]! > 2 * losses["original group"]!)
    for method in ["ascent", "scrub"] {
      #expect(losses["\(method) retained"]! < 1.5 * losses["original retained"]!)
    }
    // A change of the program runs it again, and what takes from it: nothing before.
    let again = try box.start(Sandbox.executable, ["run", "own-method"] + options).1()
    #expect(again.errors.contains("0 nodes run") && again.output == answer.output)
    let script = "pipelines/examples/methods/unlearn.py"
    let text = try String(contentsOfFile: box.folder + "/" + script, encoding: .utf8)
    try box.write(text.replacingOccurrences(of: "EPOCHS, BATCH = 2", with: "EPOCHS, BATCH = 3"), to: script)
    let plan = try box.start(Sandbox.executable, ["plan", "own-method", "--json"] + options).1()
    struct Entry: Decodable { var node: String }
    let entries = try JSONDecoder().decode([Entry].self, from: Data(plan.output.utf8))
    let planned = Set(entries.map { String($0.node.prefix { $0 != "[" }) })
    #expect(planned == ["method", "unlearned", "evaluate", "table", "verdict"])
  }

  @Test(
    .enabled(
      if: torch != nil, "no PyTorch: name a Python with torch and h5py in PIPELINE_PYTORCH"))
  func theSameInPyTorch() throws {
    let box = try Sandbox()
    let options = Self.small.flatMap { ["--set", $0] } + ["--set", "python=\(Self.torch ?? "")"]
    let answer = try box.start(Sandbox.executable, ["run", "own-method-torch"] + options).1()
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.output.contains("ascent") && answer.output.contains("scrub"), "\(answer.output)")
  }

  @Test func aWrongNetFailsItsNodeOnly() throws {
    let box = try Sandbox()
    try box.write(
      """
      stages:
        images: {stage: load-images, parameters: {train_images: 100, test_images: 50}}
        base: {stage: train, parameters: {net: softmax, epochs: 1}}
        wrong: {stage: command, parameters: {argv: [sh, -c, "echo x > net.pt"], outputs: [net.pt]}}
        taken: {stage: import-net, inputs: [command: wrong, net: base]}
        mine: {stage: import-net, parameters: {file: gone.safetensors}}
      """, to: "pipelines/p.yaml")
    let missing = try box.pipeline("run", "p")
    #expect(missing.status == 66 || missing.status == 65, "\(missing)")
    #expect(
      missing.errors.contains("p.yaml:6:") && missing.errors.contains("gone.safetensors"), "\(missing.errors)"
    )
    try box.write("not weights at all", to: "pipelines/gone.safetensors")
    let answer = try box.pipeline("run", "p", "--keep-going")
    #expect(answer.status == 1, "\(answer)")
    #expect(
      answer.errors.contains("taken: wrong: net.pt: it is neither safetensors nor HDF5"), "\(answer.errors)")
    #expect(
      answer.errors.contains("gone.safetensors: it is neither safetensors nor HDF5"), "\(answer.errors)")
  }
}
