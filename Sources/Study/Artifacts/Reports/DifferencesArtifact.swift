// The artifact of the stage `differences`: paired tests of a scheme against others.

/// The pairs that are compared.
package struct PairFields: FieldGroup {
  package let rows = RowNameFields(in: "/pairs", label: "against", "q")
  package let figure = List<String>("/pairs/figure", "q", "what is compared")
  package let difference = List<Double>(
    "/pairs/difference", "q",
    "the figure of the scheme less that of the other, which is the row's label; < 0: it is closer")
}

/// The layout of differences.
package struct DifferencesArtifact: ArtifactLayout {
  package let pairs = PairFields()
  package let tests = TestColumns()
  package let verdict = List<String>("/verdict", "v", "the rule and the verdict against each other scheme")
  package let solves = SolveRecordFields()

  package init() {}
}
