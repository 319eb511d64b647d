// Writes an artifact of a layout: its fields and no others, none left out, with the attributes of identity.

import HDF5
import PipelineCore
import Synchronization

/// One artifact being written.
package struct ArtifactWriter<Layout: ArtifactLayout>: ~Copyable {
  var sink: ArtifactSink
  let layout = Layout()
  private let task: StageTask

  /// Starts the artifact of a task.
  package init(_ task: StageTask) throws {
    self.task = task
    sink = ArtifactSink(try FileWriter(at: task.output))
  }

  /// Writes a field.
  package mutating func write<F: Field>(_ field: KeyPath<Layout, F>, _ value: F.Value) throws {
    try sink.write(layout[keyPath: field], value)
  }

  /// Adds the attributes of identity, closes the file and returns the digest of its logical content.
  ///
  /// - Precondition: Each field of the layout that every artifact has is written.
  package consuming func finish() throws -> Digest {
    for name in RequiredFields.names(of: layout) {
      precondition(sink.written.contains(name), "\(task.stage) has not written \(name)")
    }
    let content = sink.file.contentHash(excluding: ArtifactIdentity.names)
    try ArtifactIdentity.write(task, content: content, to: &sink.file)
    // The engine decides when a result goes to the disk.
    try sink.file.close(sync: false)
    guard let digest = Digest(hex: content) else {
      throw StageFailure("the content hash is not a SHA-256: \(content)")
    }
    return digest
  }
}

/// What each artifact of a layout has. It is found by reflection, so once for each type and process.
private enum RequiredFields {
  private static let known = Mutex<[ObjectIdentifier: [String]]>([:])

  static func names<Layout: ArtifactLayout>(of layout: Layout) -> [String] {
    known.withLock { known in
      if let names = known[ObjectIdentifier(Layout.self)] { return names }
      let names = layout.lines.filter(\.isRequired).map(\.declaration.name)
      known[ObjectIdentifier(Layout.self)] = names
      return names
    }
  }
}

extension StageTask {
  /// Writes the artifact of this task as one value and returns the digest of its logical content.
  package func write<Layout: ArtifactLayout & Field>(_: Layout.Type, _ value: Layout.Value) throws -> Digest {
    var artifact = try ArtifactWriter<Layout>(self)
    try artifact.write(\.self, value)
    return try artifact.finish()
  }
}
