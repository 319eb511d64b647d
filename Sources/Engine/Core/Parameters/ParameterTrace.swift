// How a parameter of a stage is made of the file's parameters: what explanations follow from a value back to a name.

/// The shape of a value in the pipeline file, with the names that stood in it.
public indirect enum ParameterTrace: Sendable, Hashable {
  /// Nothing but itself.
  case constant
  /// A `${name}` alone.
  case reference(String)
  /// Text with references in it.
  case text([Piece])
  case list([ParameterTrace])
  case map([String: ParameterTrace])

  /// A piece of a text.
  public enum Piece: Sendable, Hashable {
    case text(String)
    case reference(String)
  }
}
