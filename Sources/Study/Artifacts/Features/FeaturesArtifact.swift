// The artifact of the stage `features`: one vector an image.

/// The layout of features.
package struct FeaturesArtifact: ArtifactLayout {
  package let features = Grid<Float>("/features", "n,d", "one row an image")
  package let indices = List<Int>("/indices", "n", "into the train split, ascending")
  package let extractor = Attribute<String>("extractor", "as the parameter")
  package let pixels = Attribute<Int>("pixels", "side of the image that the extractor saw, in pixels")
  package let pooling = Attribute<String>(
    "pooling", "of the tokens of vit; none: the extractor gives one vector an image")

  package init() {}
}
