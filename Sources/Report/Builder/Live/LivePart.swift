// What a page alive is told: pieces of HTML by their place, and the states of all nodes.

import FoundationEssentials

/// One message to a page.
public struct LivePart: Encodable, Sendable, Equatable {
  /// The element whose content is replaced, or `states` or `version`.
  public var id: String
  /// The content.
  public var html: String?
  /// The state of each node as a digit, by the numbers that the page knows.
  public var states: String?
  /// What changes when the page's results are not the latest any more.
  public var version: String?

  /// New content of an element.
  public init(id: String, html: String) {
    self.id = id
    self.html = html
  }

  init(states: String) {
    id = "states"
    self.states = states
  }

  init(version: String) {
    id = "version"
    self.version = version
  }

  /// The message as an event of a stream (HTML standard, section 9.2).
  public var event: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and nothing else: they can be encoded.
    let json = (try? encoder.encode(self)) ?? Data()
    return Array("data: ".utf8) + [UInt8](json) + Array("\n\n".utf8)
  }
}

/// What makes a page alive: where its messages come from.
public struct LivePage: Sendable {
  /// The address of the stream, relative to the page.
  public var events: String
  /// The address of the list of pipelines, relative to the page.
  public var home: String
  /// The messages that the page has at its start.
  public var parts: [LivePart]

  /// A page alive.
  public init(events: String, home: String, parts: [LivePart]) {
    self.events = events
    self.home = home
    self.parts = parts
  }

  func html(of id: String) -> String { parts.first { $0.id == id }?.html ?? "" }

  var version: String { parts.first { $0.version != nil }?.version ?? "" }

  /// The places of a pipeline's page whose content is replaced.
  static let places = ["live-head", "live-nodes", "live-failures", "live-tables"]
}
