public enum DatasetError: Error { case x }
public struct Split: Sendable { public var pixels: [UInt8] = []; public var labels: [UInt8] = [] }
public struct Dataset: Sendable { public var train = Split(); public var test = Split()
 public static func load(folder: String) throws(DatasetError) -> Dataset { throw .x }
 public static func load(named: String, downloads: String, log: (String) -> Void) throws(DatasetError) -> Dataset { throw .x }
 public static func fileNames(in folder: String) -> [String] { [] } }
