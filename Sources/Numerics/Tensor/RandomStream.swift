// Seeded random streams: Philox4x32-10, counter-based, so that a stream is a pure function of key and position.

/// A stream of random numbers that is fixed by its key and gives the same values on every machine.
///
/// The generator is Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3",
/// SC11). The 64-bit key is the generator's key; draw number `i` (32-bit words) is word `i mod 4` of the block
/// with counter `(⌊i/4⌋ low, ⌊i/4⌋ high, 0, 0)`. A substream's key is words 0 and 1 of the block of the parent's
/// key with counter `(label low, label high, 1, kind)`, where kind is 1 for an index and 2 for a name, whose
/// label is its FNV-1a hash. Draws of the parent do not move its substreams.
public struct RandomStream: Sendable, Hashable, Codable {
  /// The generator's key.
  public let key: UInt64
  /// Words drawn so far.
  public private(set) var position: UInt64 = 0
  private var block: SIMD4<UInt32> = .zero

  private enum CodingKeys: CodingKey { case key }

  /// A stream at its beginning.
  public init(key: UInt64) { self.key = key }

  /// Ten rounds of Philox4x32 on one counter.
  package static func philox(counter: SIMD4<UInt32>, key: UInt64) -> SIMD4<UInt32> {
    var c = counter
    var k0 = UInt32(truncatingIfNeeded: key)
    var k1 = UInt32(truncatingIfNeeded: key >> 32)
    for _ in 0..<10 {
      let a = UInt64(0xD251_1F53) &* UInt64(c[0])
      let b = UInt64(0xCD9E_8D57) &* UInt64(c[2])
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k1, UInt32(truncatingIfNeeded: a))
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return c
  }

  private func derived(_ label: UInt64, kind: UInt32) -> RandomStream {
    let words = Self.philox(
      counter: SIMD4(UInt32(truncatingIfNeeded: label), UInt32(truncatingIfNeeded: label >> 32), 1, kind),
      key: key)
    return RandomStream(key: UInt64(words[0]) | UInt64(words[1]) << 32)
  }

  /// The independent stream of that number.
  public func substream(_ index: Int) -> RandomStream {
    derived(UInt64(bitPattern: Int64(index)), kind: 1)
  }

  /// The independent stream of that name.
  public func substream(_ name: String) -> RandomStream {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return derived(hash, kind: 2)
  }

  /// The next 32 random bits.
  public mutating func nextWord() -> UInt32 {
    let lane = Int(position & 3)
    if lane == 0 {
      let number = position >> 2
      block = Self.philox(
        counter: SIMD4(UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32), 0, 0),
        key: key)
    }
    position += 1
    return block[lane]
  }

  /// The next 64 random bits, the earlier word low.
  public mutating func nextBits() -> UInt64 {
    let low = UInt64(nextWord())
    return low | UInt64(nextWord()) << 32
  }

  /// Uniform in [0, 1): a multiple of 2⁻²⁴.
  public mutating func uniformFloat() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

  /// Uniform in [0, 1): a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(nextBits() >> 11) * 0x1p-53 }

  /// Standard normal (Box & Muller's polar form, after Marsaglia); the pair's second value is dropped.
  public mutating func normal() -> Double {
    while true {
      let u = 2 * uniform() - 1
      let v = 2 * uniform() - 1
      let s = u * u + v * v
      if s > 0 && s < 1 { return u * (-2 * naturalLog(s) / s).squareRoot() }
    }
  }

  /// Uniform in 0..<n, without bias (Lemire, "Fast random integer generation in an interval", 2019).
  public mutating func below(_ n: Int) -> Int {
    precondition(n > 0, "an empty range has no member")
    let bound = UInt64(n)
    var product = nextBits().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = nextBits().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// Puts the elements in random order (Fisher & Yates).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    var left = elements.count
    while left > 1 {
      let pick = below(left)
      left -= 1
      elements.swapAt(left, pick)
    }
  }

  /// `k` different members of 0..<n in random order: the first `k` places of a shuffle.
  public mutating func sample(_ k: Int, of n: Int) -> [Int] {
    precondition(k >= 0 && k <= n, "a sample can't be larger than its population")
    var all = Array(0..<n)
    for place in 0..<k { all.swapAt(place, place + below(n - place)) }
    return Array(all.prefix(k))
  }
}
