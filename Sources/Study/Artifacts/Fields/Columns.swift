// Tables of records that are kept as columns.

extension Array {
  /// Gives each record a property of its own from a column.
  ///
  /// - Precondition: The column has a value for each record.
  mutating func fill<Property>(_ column: [Property], _ property: WritableKeyPath<Element, Property>) {
    precondition(column.count == count, "a column of \(column.count) values for \(count) records")
    for row in indices { self[row][keyPath: property] = column[row] }
  }
}
