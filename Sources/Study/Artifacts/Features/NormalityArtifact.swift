// The artifact of the stage `normality`: a sample of distances with its tests and summaries.

/// A test of normality.
package struct TestFields: FieldGroup {
  package let statistic: Number<Double>
  package let pvalue: Number<Double>
  package let logPvalue: Number<Double>

  init(_ name: String, _ statistic: String, note: String = "") {
    self.statistic = Number("/\(name)/statistic", statistic)
    pvalue = Number("/\(name)/pvalue", "its p-value\(note)")
    logPvalue = Number(
      "/\(name)/log_pvalue", "natural logarithm of the p-value, where that underflows")
  }
}

/// The Anderson-Darling test.
package struct AndersonFields: FieldGroup {
  package let statistic = Number<Double>("/anderson/statistic", "Anderson-Darling's A²")
  package let adjusted = Number<Double>(
    "/anderson/adjusted", "Stephens' A*², for mean and deviation of the sample")
  package let pvalue = Number<Double>("/anderson/pvalue", "its p-value")
}

/// The moments of the sample.
package struct MomentFields: FieldGroup {
  package let mean = Number<Double>("/moments/mean", "of the sample")
  package let deviation = Number<Double>("/moments/deviation", "standard deviation, with divisor n - 1")
  package let skewness = Number<Double>("/moments/skewness", "0 for a normal law")
  package let excessKurtosis = Number<Double>("/moments/excess_kurtosis", "0 for a normal law")
}

/// A probability plot.
package struct ProbabilityPlotFields: FieldGroup {
  package let theoretical = List<Double>("/probplot/theoretical", "n", "normal order statistic medians")
  package let ordered = List<Double>("/probplot/ordered", "n", "the sorted sample")
  package let slope = Number<Double>("/probplot/slope", "of the least-squares line through them")
  package let intercept = Number<Double>("/probplot/intercept", "of that line")
  package let r = Number<Double>("/probplot/r", "their correlation")
}

/// A box plot.
package struct BoxPlotFields: FieldGroup {
  package let q1 = Number<Double>("/boxplot/q1", "first quartile")
  package let median = Number<Double>("/boxplot/median", "second quartile")
  package let q3 = Number<Double>("/boxplot/q3", "third quartile")
  package let whiskerLow = Number<Double>("/boxplot/whisker_low", "at 1.5 quartile ranges below q1")
  package let whiskerHigh = Number<Double>("/boxplot/whisker_high", "at 1.5 quartile ranges above q3")
  package let outliers = List<Double>("/boxplot/outliers", "k", "what lies beyond the whiskers")
}

/// The layout of tests for normality.
package struct NormalityArtifact: ArtifactLayout {
  package let distances = List<Double>("/distances", "n", "the sample")
  package let shapiro = TestFields("shapiro", "Shapiro-Wilk's W (AS R94)")
  package let omnibus = TestFields(
    "normaltest", "D'Agostino-Pearson's K²; NaN below 8 values", note: "; NaN below 8 values")
  package let anderson = AndersonFields()
  package let moments = MomentFields()
  package let plot = ProbabilityPlotFields()
  package let box = BoxPlotFields()
  package let isShapiroApproximate = Attribute<Bool>(
    "shapiro_pvalue_is_approximate", "1 above 5,000 values, as scipy warns")
  package let metric = Attribute<String>("metric", "of the distances")
  package let skewness = Attribute<Double>("skewness", "of the sample, 0 for a normal law")
  package let excessKurtosis = Attribute<Double>("excess_kurtosis", "of the sample, 0 for a normal law")

  package init() {}
}
