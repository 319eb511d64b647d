import Foundation
import NeuralNet
import Tensor
func idx(_ dir: String, _ n: String) -> ImageSet {
  let i = [UInt8](FileManager.default.contents(atPath: "\(dir)/\(n)-images-idx3-ubyte")!.dropFirst(16))
  let l = [UInt8](FileManager.default.contents(atPath: "\(dir)/\(n)-labels-idx1-ubyte")!.dropFirst(8))
  return try! ImageSet(images: i, labels: l)
}
let a = CommandLine.arguments
let train0 = idx("/tmp/idx", "train"), test = idx("/tmp/idx", "t10k")
let net = try Network.named("lenet")
let threads = Int(a[1])!
let pool = ThreadPool(threads: threads)
for seed in Int(a[2])!..<Int(a[3])! {
  let s = RandomStream(key: UInt64(seed))
  var o = TrainingOptions()
  o.epochs = Int(a[4])!
  o.learningRate = Float(a[5])!
  o.batchSize = Int(a[6])!
  o.weightDecay = Float(a[7])!
  o.schedule = a[8] == "cosine" ? .cosine : .linear
  let t = Date()
  let r = try train(net, parameters: net.initialParameters(stream: s.substream("init")), data: train0, indices: Array(0..<60000), options: o, stream: s, pool: pool)
  let dt = Date().timeIntervalSince(t)
  let t2 = Date()
  let e = try evaluate(net, parameters: r.parameters, data: test, indices: Array(0..<10000), pool: pool)
  let dt2 = Date().timeIntervalSince(t2)
  print(KernelVariant.current.name, seed, "test", e.accuracy, e.loss, "train", r.history.last!.accuracy, r.history.last!.loss, "img/s", Int(60000.0 * Double(o.epochs) / dt), "eval/s", Int(10000 / dt2), r.parameters.reduce(0, +))
}
do {
  let s = RandomStream(key: 1)
  let r = try train(net, parameters: net.initialParameters(stream: s), data: train0, indices: Array(0..<60000), stream: s, pool: pool)
  for n in [2048, 5000, 60000] {
    let c = try Curvature(net, parameters: r.parameters, data: train0, indices: Array(0..<n), pool: pool)
    let g = try c.gradient()
    for _ in 0..<3 {
      let t = Date()
      let p = try c.gaussNewtonProduct(g.gradient)
      print("GN", n, c.keptImages, Int(Double(n) / Date().timeIntervalSince(t)), dot(p, g.gradient), g.loss)
    }
  }
  let c = try Curvature(net, parameters: r.parameters, data: train0, indices: Array(0..<5000), pool: pool)
  let g = try c.gradient(over: (0..<60000).filter { train0.labels[$0] == 0 }.prefix(1000).map { $0 })
  for d in [0.005, 0.01, 0.03] {
    let t = Date()
    let sol = try conjugateGradient(rhs: g.gradient, damping: d) { try c.gaussNewtonProduct($0) }
    print(d, sol.iterations, sol.relativeResidual, sol.converged, sol.negativeCurvature, sol.curvature!, Date().timeIntervalSince(t))
  }
}
