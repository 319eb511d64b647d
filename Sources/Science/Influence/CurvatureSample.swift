// A sample of the images that make most of a curvature, which stands in for all of them in a preconditioner.

import NeuralNet
import Tensor

/// The curvature over a sample of images, weighted so that its expectation is the mean over all.
///
/// A trained net is sure of nearly all its images: of a LeNet's 5,000 curvature images on MNIST a tenth makes 96 % of the
/// Gauss-Newton matrix. So a small sample that is drawn by what each image can make of it is near the whole, and a
/// product with it costs as much less as it is smaller.
package struct CurvatureSample {
  /// v ↦ the sample's curvature · v, without the regulariser.
  package let product: ([Double]) throws -> [Double]
  /// The sample's size as a share of the images that it stands for: what a product costs.
  package let share: Double

  /// A product and what it costs.
  package init(share: Double, product: @escaping ([Double]) throws -> [Double]) {
    self.share = share
    self.product = product
  }

  /// Draws each image with the probability min(1, c·traces[i]), c such that `size` are expected (Poisson sampling), and
  /// weights it by the inverse of that.
  ///
  /// - Returns: Places, ascending, and their weights; at least one.
  package static func draw(_ size: Int, by traces: [Float], _ stream: RandomStream) -> (
    places: [Int], weights: [Double]
  ) {
    var stream = stream
    // A net that is sure of all images makes no curvature; any sample of it will do.
    let scores = traces.contains { $0 > 0 } ? traces.map { Double(max($0, 0)) } : traces.map { _ in 1 }
    func expected(_ c: Double) -> Double { scores.reduce(0) { $0 + min(1, c * $1) } }
    let most = scores.count { $0 > 0 }
    var (low, high) = (0.0, 1 / scores.filter { $0 > 0 }.reduce(.infinity, min))
    if size < most {
      for _ in 0..<200 {
        let middle = (low + high) / 2
        if expected(middle) < Double(size) { low = middle } else { high = middle }
      }
    }
    var (places, weights): ([Int], [Double]) = ([], [])
    for (place, score) in scores.enumerated() {
      let probability = min(1, high * score)
      guard stream.uniform() < probability else { continue }
      places.append(place)
      weights.append(1 / probability)
    }
    if places.isEmpty, let first = scores.indices.max(by: { scores[$0] < scores[$1] }) {
      return ([first], [1])
    }
    return (places, weights)
  }
}
