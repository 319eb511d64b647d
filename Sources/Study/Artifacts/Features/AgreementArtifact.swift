// The artifact of the stage `agreement`: how far several clusterings are one.

/// The layout of an agreement.
package struct AgreementArtifact: ArtifactLayout {
  package let names = List<String>("/names", "k", "the clusterings")
  package let adjustedRand = Grid<Double>(
    "/adjusted_rand", "k,k", "adjusted Rand index: 1 for equal clusterings, about 0 for independent ones")
  package let same = Grid<Double>("/same", "k,k", "share of the images with the same number in both")
  package let images = Grid<Int>(
    "/images", "k,k", "how many images both have, which is what they are compared on")

  package init() {}
}
