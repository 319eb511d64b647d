// What a scheduler and a worker say to each other: a task, and what becomes of it.

import PipelineCore

/// From a worker to its scheduler.
enum WorkerMessage: Sendable {
  case progress(fraction: Double, message: String)
  case log(String)
  case finished(TaskOutcome)
  case failed(StageFailure)

  /// The message as it goes through the pipe.
  var bytes: [UInt8] {
    var writer = WireWriter()
    switch self {
    case .progress(let fraction, let message):
      writer.put(tag: 0)
      writer.put(fraction)
      writer.put(message)
    case .log(let text):
      writer.put(tag: 1)
      writer.put(text)
    case .finished(let outcome):
      writer.put(tag: 2)
      writer.put(outcome.content)
      writer.put(outcome.fileDigest)
      writer.put(outcome.size)
      writer.put(outcome.seconds)
      writer.put(outcome.peakMemory)
      writer.put(outcome.variant)
      writer.put(outcome.notes) { writer, note in
        writer.put(note.name)
        writer.put(note.value)
      }
    case .failed(let failure):
      writer.put(tag: 3)
      Self.put(failure.kind, &writer)
      writer.put(failure.message)
    }
    return writer.finish()
  }

  /// Reads a message; nil where it is none.
  init?(_ body: ArraySlice<UInt8>) {
    guard let whole = WireReader.whole(body, Self.read) else { return nil }
    self = whole
  }

  private static func read(_ reader: inout WireReader) throws(WireError) -> WorkerMessage {
    switch try reader.tag() {
    case 0: return .progress(fraction: try reader.number(), message: try reader.text())
    case 1: return .log(try reader.text())
    case 2:
      return .finished(
        TaskOutcome(
          content: try reader.digest(), fileDigest: try reader.digest(), size: try reader.integer(),
          seconds: try reader.number(), peakMemory: try reader.integer(),
          variant: try reader.text(),
          notes: try reader.list { (reader) throws(WireError) in
            ManifestField(name: try reader.text(), value: try reader.text())
          }))
    case 3:
      let kind = try kind(&reader)
      return .failed(StageFailure(try reader.text(), kind: kind))
    default: throw WireError()
    }
  }

  private static func put(_ kind: StageFailure.Kind, _ writer: inout WireWriter) {
    switch kind {
    case .failed: writer.put(tag: 0)
    case .unavailable: writer.put(tag: 1)
    case .interrupted: writer.put(tag: 3)
    case .damagedInput(let place):
      writer.put(tag: 2)
      writer.put(place.slot)
      writer.put(place.position)
    }
  }

  private static func kind(_ reader: inout WireReader) throws(WireError) -> StageFailure.Kind {
    switch try reader.tag() {
    case 0: return .failed
    case 1: return .unavailable
    case 3: return .interrupted
    case 2: return .damagedInput(InputPlace(slot: try reader.text(), position: try reader.integer()))
    default: throw WireError()
    }
  }
}

extension StageTask {
  /// The task as it goes through the pipe.
  package var bytes: [UInt8] {
    var writer = WireWriter()
    writer.put(node)
    writer.put(stage)
    writer.put(stageVersion)
    writer.put(key)
    writer.put(parameters.values)
    Self.put(axes, &writer)
    writer.put(streamKey)
    writer.put(inputs) { writer, slot in
      writer.put(slot.key)
      writer.put(slot.value) { writer, input in
        for text in [input.label, input.node, input.stage, input.path] { writer.put(text) }
        Self.put(input.axes, &writer)
        writer.put(input.content)
        writer.put(input.fileDigest)
      }
    }
    writer.put(gathers) { $0.put($1) }
    for text in [output, scratch] { writer.put(text) }
    writer.put(files) { writer, file in
      for text in [file.path, file.source, file.copy] { writer.put(text) }
      writer.put(file.digest)
    }
    for text in [downloads, cache] { writer.put(text) }
    writer.put(threads)
    writer.put(memory)
    writer.put(syncAfter)
    writer.put(tag: keepsScratch ? 1 : 0)
    writer.put(secrets) { $0.put($1) }
    writer.put(devices) { writer, counter in
      writer.put(counter.key)
      writer.put(counter.value) { $0.put($1) }
    }
    writer.put(program.map { [$0] } ?? []) { $0.put($1) }
    return writer.finish()
  }

  private static func put(_ axes: [AxisValue], _ writer: inout WireWriter) {
    writer.put(axes) { writer, axis in
      writer.put(axis.axis)
      writer.put(axis.value)
    }
  }

  /// Reads a task; nil where it is none, or not of a stage of the registry with its parameters.
  package init?(_ body: ArraySlice<UInt8>, of registry: StageRegistry) {
    let whole = WireReader.whole(body) { (reader) throws(WireError) in try Self.read(&reader, registry) }
    guard let whole else { return nil }
    self = whole
  }

  private static func read(
    _ reader: inout WireReader, _ registry: StageRegistry
  ) throws(WireError) -> StageTask {
    func axes(_ reader: inout WireReader) throws(WireError) -> [AxisValue] {
      try reader.list { (reader) throws(WireError) in AxisValue(try reader.text(), try reader.value()) }
    }
    func input(_ reader: inout WireReader) throws(WireError) -> TaskInput {
      let (label, node, stage) = (try reader.text(), try reader.text(), try reader.text())
      let path = try reader.text()
      return TaskInput(
        label: label, node: node, stage: stage, axes: try axes(&reader), path: path,
        content: try reader.digest(), fileDigest: try reader.digest())
    }
    func file(_ reader: inout WireReader) throws(WireError) -> TaskFile {
      let (path, source, copy) = (try reader.text(), try reader.text(), try reader.text())
      return TaskFile(path: path, digest: try reader.digest(), source: source, copy: copy)
    }
    func parameters(of stage: String) throws(WireError) -> ParameterValues {
      let given = try reader.map { (reader) throws(WireError) in try reader.value() }
      guard let declaration = registry.declaration(stage),
        let values = try? ParameterValues(given, of: declaration)
      else { throw WireError() }
      return values
    }
    let (node, stage) = (try reader.text(), try reader.text())
    return StageTask(
      node: node, stage: stage, stageVersion: try reader.integer(), key: try reader.digest(),
      parameters: try parameters(of: stage),
      axes: try axes(&reader), streamKey: try reader.word(),
      inputs: try reader.map { (reader) throws(WireError) in
        try reader.list { (reader) throws(WireError) in try input(&reader) }
      }, gathers: Set(try reader.list { (reader) throws(WireError) in try reader.text() }),
      output: try reader.text(), scratch: try reader.text(),
      files: try reader.list { (reader) throws(WireError) in try file(&reader) },
      downloads: try reader.text(), cache: try reader.text(), threads: try reader.integer(),
      memory: try reader.integer(),
      syncAfter: try reader.number(), keepsScratch: try reader.tag() == 1,
      secrets: try reader.list { (reader) throws(WireError) in try reader.text() },
      devices: try reader.map { (reader) throws(WireError) in
        try reader.list { (reader) throws(WireError) in try reader.text() }
      }, program: try reader.list { (reader) throws(WireError) in try reader.digest() }.first)
  }
}

/// Splits a stream of bytes into lines; each byte is looked at once, however long a line is.
struct LineBuffer {
  private var pending: [UInt8] = []
  /// A longer line is broken here.
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Takes bytes and returns the lines that they complete, without empty ones.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var rest = bytes
    while let end = rest.firstIndex(of: 0x0A) {
      if pending.isEmpty {
        lines.append(rest[..<end])
      } else {
        lines.append((pending + rest[..<end])[...])
        pending = []
      }
      rest = rest[(end + 1)...]
    }
    pending += rest
    if pending.count >= limit { lines += [takeRest()] }
    return lines.filter { !$0.isEmpty }
  }

  /// What has come since the last end of a line.
  mutating func takeRest() -> ArraySlice<UInt8> {
    defer { pending = [] }
    return pending[...]
  }
}
