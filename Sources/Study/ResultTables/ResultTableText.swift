// A result table for the terminal and for Markdown.

extension ResultTable {
  /// Aligned text of at most `width` columns (more only if a single column does not fit): columns that do not
  /// fit go on in further blocks. Without a width, blocks have at most 120 columns, and no sentence is broken.
  public func text(width limit: Int? = nil) -> String {
    let width = limit ?? 120
    let keys = lines.indices.map { displayedKey($0) }
    let keyWidths = layout.rowAxes.indices.map { axis in
      max(layout.rowAxes[axis].count, keys.map { $0[axis].count }.max() ?? 0)
    }
    let figureWidth = max(layout.columnAxis.count, 7, lines.map { Self.label($0.figure).count }.max() ?? 0)
    let head = keyWidths.reduce(0) { $0 + $1 + 2 } + figureWidth
    let cells = lines.map { line in line.cells.map { Self.text($0, figure: line.figure) } }
    let widths = columns.indices.map { c in
      max(
        columns[c].count, ratio(ofColumn: columns[c])?.count ?? 0, repeats(ofColumn: c).count,
        cells.map { $0[c].count }.max() ?? 0)
    }

    var output = TextLines.wrapped(heading + baselineSentences, width: limit)
    var start = 0
    while start < columns.count {
      var end = start + 1
      var used = head + 3 + widths[start]
      while end < columns.count, used + 2 + widths[end] <= width {
        used += 2 + widths[end]
        end += 1
      }
      let block = start..<end
      func line(_ left: String, _ right: [String]) -> String {
        let joined = zip(block, right).map { Self.padded($1, to: widths[$0], left: true) }
        return (left + " │ " + joined.joined(separator: "  "))
      }
      func above(_ label: String, _ right: [String]) -> String {
        line(Self.padded(label, to: head, left: true), right)
      }
      if !output.isEmpty { output.append("") }
      output.append(above(layout.columnAxis, block.map { columns[$0] }))
      if layout.columnTotal != nil {
        output.append(above("ratio", block.map { ratio(ofColumn: columns[$0]) ?? "–" }))
      }
      if layout.repeatAxis != nil {
        output.append(above("repeats", block.map { repeats(ofColumn: $0) }))
      }
      let rule = block.reduce(-2) { $0 + widths[$1] + 2 } + 1
      let separator = String(repeating: "─", count: head + 1) + "┼" + String(repeating: "─", count: rule)
      for index in lines.indices {
        if index == 0 || lines[index].key != lines[index - 1].key { output.append(separator) }
        let left = zip(keys[index], keyWidths).map { Self.padded($0, to: $1, left: false) + "  " }.joined()
        output.append(
          line(
            left + Self.padded(Self.label(lines[index].figure), to: figureWidth, left: false),
            block.map { cells[index][$0] }))
      }
      start = end
    }
    if !notes.isEmpty { output += [""] + TextLines.wrapped(notes, width: limit) }
    let text = output.map(Self.trimmed).joined(separator: "\n") + "\n"
    return ([text] + layout.appendices.map { $0.text(width: limit) }).joined(separator: "\n")
  }

  /// The title, if it has one.
  private var heading: [String] { layout.title.isEmpty ? [] : [layout.title] }

  /// A GitHub Markdown table with its title, baseline and notes.
  public func markdown() -> String {
    func row(_ cells: [String]) -> String {
      "| "
        + cells.map(TextLines.inMarkdown).joined(separator: " | ") + " |"
    }
    let blank = [String](repeating: "", count: layout.rowAxes.count)
    var output = heading.flatMap { ["### " + $0, ""] }
    for sentence in baselineSentences { output += [sentence, ""] }
    if !columns.isEmpty {
      output.append(row(layout.rowAxes + [layout.columnAxis] + columns))
      let left = [String](repeating: "---", count: layout.rowAxes.count + 1)
      let right = [String](repeating: "---:", count: columns.count)
      output.append("| " + (left + right).joined(separator: " | ") + " |")
      if layout.columnTotal != nil {
        output.append(row(blank + ["ratio"] + columns.map { ratio(ofColumn: $0) ?? "–" }))
      }
      if layout.repeatAxis != nil {
        output.append(row(blank + ["repeats"] + columns.indices.map { repeats(ofColumn: $0) }))
      }
      for (index, line) in lines.enumerated() {
        let cells = line.cells.map { Self.text($0, figure: line.figure) }
        output.append(row(displayedKey(index) + [Self.label(line.figure)] + cells))
      }
      output.append("")
    }
    output += notes.map { "- " + $0 }
    return ([output.joined(separator: "\n") + "\n"] + layout.appendices.map { $0.markdown(level: 4) })
      .joined(separator: "\n")
  }

  /// The key of a line with what it repeats of the line above left blank.
  private func displayedKey(_ index: Int) -> [String] {
    let key = lines[index].key
    guard index > 0 else { return key }
    let above = lines[index - 1].key
    let same = zip(key, above).prefix { $0 == $1 }.count
    return key.enumerated().map { $0 < same ? "" : $1 }
  }

  private static func padded(_ text: String, to width: Int, left: Bool) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    return left ? padding + text : text + padding
  }

  private static func trimmed(_ line: String) -> String {
    guard let end = line.lastIndex(where: { $0 != " " }) else { return "" }
    return String(line[...end])
  }
}
