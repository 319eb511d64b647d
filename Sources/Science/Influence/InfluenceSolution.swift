// What a linear system of influence is solved for, and what comes of it.

/// Which parameters a solution may change.
enum Unknowns {
  /// All.
  case all
  /// Those at the places; the others are held still (the submatrix H_JJ).
  case frozen([Int])
  /// Those at the places, in the least-squares sense of all equations (the columns H[:, J]).
  case leastSquares([Int])

  /// The places of the unknowns, ascending; nil for all.
  var places: [Int]? {
    switch self {
    case .all: nil
    case .frozen(let places), .leastSquares(let places): places
    }
  }

  var areLeastSquares: Bool {
    if case .leastSquares = self { true } else { false }
  }

  /// The numbers of all parameters at the places of the unknowns.
  func chosen(of all: [Double]) -> [Double] { places.map { all.gathered(at: $0) } ?? all }

  /// The unknowns as a vector of all `count` parameters, 0 elsewhere.
  func spread(_ x: [Double], over count: Int) -> [Double] {
    places.map { x.scattered(to: $0, count: count) } ?? x
  }
}

/// The outcome of one or two solves of an `InfluenceSystem`.
struct InfluenceSolution {
  /// One number a parameter.
  var x: [Double]
  var iterations = 0
  /// Curvature products, those for eigenvalues and true residuals included.
  var products = 0
  /// True and relative; for least squares that of the normal equations.
  var residual = 0.0
  var converged = true
  var negativeCurvature = false
  /// The least squares' ‖rhs − H x‖ / ‖rhs‖.
  var misfit: Double?
  /// Estimates of the ends of the spectrum, weight decay included and damping not.
  var curvature: ClosedRange<Double>?
  /// What the truncation of a series adds to the damping.
  var truncation = 0.0
  /// σ of a series.
  var seriesScale: Double?
}

extension [Double] {
  /// The numbers at some places.
  func gathered(at places: [Int]) -> [Double] { places.map { self[$0] } }

  /// `count` numbers: these at their places, 0 elsewhere.
  func scattered(to places: [Int], count: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    for (value, place) in zip(self, places) { result[place] = value }
    return result
  }
}
