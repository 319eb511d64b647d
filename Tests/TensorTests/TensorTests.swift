// Random streams, thread pool, matrix products and reductions.

import Synchronization
import Tensor
import Testing

@Suite struct RandomStreamTests {
  /// The known-answer vectors that the Random123 library publishes for philox4x32, 10 rounds.
  @Test func philoxKnownAnswers() {
    #expect(
      RandomStream.philox(counter: .zero, key: 0) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
    )
    #expect(
      RandomStream.philox(counter: SIMD4(repeating: .max), key: .max)
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      RandomStream.philox(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: 0x299f_31d0_a409_3822)
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func streamIsTheDocumentedCounterSequence() {
    var stream = RandomStream(key: 0)
    let words = (0..<8).map { _ in stream.nextWord() }
    #expect(words[0..<4] == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    let second = RandomStream.philox(counter: SIMD4(1, 0, 0, 0), key: 0)
    #expect(words[4..<8] == [second[0], second[1], second[2], second[3]])
  }

  @Test func substreamsAreIndependentOfDrawsAndOfEachOther() {
    var parent = RandomStream(key: 7)
    let before = parent.substream("a")
    _ = parent.uniform()
    #expect(before.key == parent.substream("a").key)
    let keys = [parent.key, parent.substream("a").key, parent.substream("b").key]
    let indexed = (0..<1000).map { parent.substream($0).key }
    #expect(Set(keys + indexed).count == 1003)
  }

  @Test func uniformAndNormalHaveTheirMoments() {
    var stream = RandomStream(key: 42)
    let n = 200_000
    var u = (0.0, 0.0)
    var z = (0.0, 0.0, 0.0)
    for _ in 0..<n {
      let x = stream.uniform()
      #expect(x >= 0 && x < 1)
      u.0 += x
      u.1 += Double(stream.uniformFloat())
      let y = stream.normal()
      z.0 += y
      z.1 += y * y
      z.2 += y * y * y * y
    }
    // Five standard errors each.
    let root = Double(n).squareRoot()
    let errors = [u.0, u.1, z.0, z.1, z.2].map { $0 / Double(n) }
    #expect(abs(errors[0] - 0.5) < 1.4435 / root)
    #expect(abs(errors[1] - 0.5) < 1.4435 / root)
    #expect(abs(errors[2]) < 5 / root)
    #expect(abs(errors[3] - 1) < 7.072 / root)
    #expect(abs(errors[4] - 3) < 49 / root)
  }

  @Test func belowIsUniform() {
    var stream = RandomStream(key: 3)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[stream.below(7)] += 1 }
    let chi = counts.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000 }
    // 0.999 quantile with 6 degrees of freedom.
    #expect(chi < 22.46)
    #expect((0..<100).allSatisfy { _ in stream.below(1) == 0 })
    let large = (0..<1000).map { _ in stream.below(Int.max) }
    #expect(large.allSatisfy { $0 >= 0 && $0 < Int.max })
    // The rejection step matters for bounds near the word's range: the mean would be off by a sixth.
    let third = (0..<20_000).map { _ in Double(stream.below(3 << 61)) / Double(3 << 61) }
    let mean = third.reduce(0, +) / 20_000
    #expect(abs(mean - 0.5) < 0.0102)
  }

  @Test func shuffleAndSampleArePermutations() {
    var stream = RandomStream(key: 5)
    var orders: [[Int]: Int] = [:]
    for _ in 0..<24_000 {
      var x = [0, 1, 2, 3]
      stream.shuffle(&x)
      orders[x, default: 0] += 1
    }
    #expect(orders.count == 24)
    let chi = orders.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
    // 0.999 quantile with 23 degrees of freedom.
    #expect(chi < 49.73)
    let sample = stream.sample(50, of: 60)
    #expect(Set(sample).count == 50 && sample.allSatisfy { (0..<60).contains($0) })
    #expect(stream.sample(0, of: 0).isEmpty)
    #expect(stream.sample(9, of: 9).sorted() == Array(0..<9))
  }
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 5]) func everyItemRunsOnce(threads: Int) {
    let pool = ThreadPool(threads: threads)
    for count in [0, 1, 2, 3, 17, 100] {
      for _ in 0..<200 {
        let hits = Buffer<Int32>(count: max(count, 1))
        // The thread sanitizer takes `hits.pointer[item] += 1` for an access to the buffer's first element.
        let places = hits.pointer
        pool.run(count) { item, worker in
          places[item] += 1
          if worker < 0 || worker >= threads { places[item] += 100 }
        }
        #expect(hits.elements.prefix(count).allSatisfy { $0 == 1 })
      }
    }
  }

  @Test func sleepersWake() async throws {
    let pool = ThreadPool(threads: 3)
    for _ in 0..<20 {
      try await Task.sleep(for: .milliseconds(2))
      let total = Atomic<Int>(0)
      pool.run(30) { item, _ in total.add(item, ordering: .relaxed) }
      #expect(total.load(ordering: .relaxed) == 435)
    }
  }

  @Test func severalCallersShareAPool() async {
    let pool = ThreadPool(threads: 2)
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var all = 0
          for _ in 0..<300 {
            let total = Atomic<Int>(0)
            pool.run(10) { item, _ in total.add(item, ordering: .relaxed) }
            all += total.load(ordering: .relaxed)
          }
          return all
        }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(sums == [13500, 13500, 13500, 13500])
  }
}

@Suite struct MatrixTests {
  @Test func gemmAgreesWithItsDefinition() {
    var stream = RandomStream(key: 9)
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 4, 33)] {
      for transposed in [false, true] {
        let a = (0..<m * k).map { _ in stream.normal() }
        let b = (0..<k * n).map { _ in stream.normal() }
        var c = (0..<m * n).map { _ in stream.normal() }
        var expected = c
        for i in 0..<m {
          for j in 0..<n {
            var sum = 0.0
            for l in 0..<k { sum += (transposed ? a[l * m + i] : a[i * k + l]) * b[l * n + j] }
            expected[i * n + j] = 2 * sum + 0.5 * expected[i * n + j]
          }
        }
        var single = c.map { Float($0) }
        Gemm.multiply(
          m: m, n: n, k: k, alpha: 2, a: a, lda: transposed ? m : k, transposeA: transposed, b: b, ldb: n,
          beta: 0.5, c: &c, ldc: n)
        Gemm.multiply(
          m: m, n: n, k: k, alpha: 2, a: a.map { Float($0) }, lda: transposed ? m : k,
          transposeA: transposed, b: b.map { Float($0) }, ldb: n, beta: 0.5, c: &single, ldc: n)
        for i in 0..<m * n {
          #expect(abs(c[i] - expected[i]) < 1e-12 * Double(k + 1))
          #expect(abs(Double(single[i]) - expected[i]) < 1e-5 * Double(k + 1))
        }
      }
    }
  }

  @Test func dotSumsAllElements() {
    for n in [0, 1, 7, 8, 9, 31] {
      let a = (0..<n).map { Double($0) + 1 }
      let expected = a.reduce(0) { $0 + $1 * $1 }
      #expect(dot(a, a) == expected)
      #expect(dot(a.map { Float($0) }, a.map { Float($0) }) == expected)
    }
  }
}
