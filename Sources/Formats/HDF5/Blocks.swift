// Lists of bytes that come and go block by block, so that a file of any size takes little memory.

import CHDF5
import Hashing

/// Bytes of a block. Datasets of this size and more are in chunks of it, so that a block is a chunk.
let blockLength = 1 << 20

extension FileWriter {
  /// Writes a list of bytes that come in blocks. The file is the same as if they had come at once.
  ///
  /// - Parameters:
  ///   - count: How many bytes there are.
  ///   - fill: Fills each block in turn, whole. If it throws, the file can't be finished any more.
  public mutating func write(
    _ path: String, byteCount count: Int, filling fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    var hash = SHA256()
    var interruption: (any Error)?
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, blockLength), alignment: 64)
    defer { buffer.deallocate() }
    do {
      try guarding { (writer) throws(HDF5Error) in
        try writer.makeGroups(above: path)
        let place = writer.site.at(path)
        try writer.withDataset(path, .uint8, [count]) { (dataset, type) throws(HDF5Error) in
          for start in stride(from: 0, to: count, by: blockLength) {
            let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(blockLength, count - start)])
            do { try fill(block) } catch {
              interruption = error
              throw HDF5Error.failed(
                file: place.file, object: path, operation: "write a dataset", reason: "\(error)")
            }
            hash.update(bufferPointer: UnsafeRawBufferPointer(block))
            try place.write(UnsafeRawBufferPointer(block), at: start, of: count, dataset, type)
          }
        }
      }
    } catch {
      if let interruption { throw interruption }
      throw error
    }
    hasher.addDataset(path, type: .uint8, shape: [count], values: hash.finalize())
  }
}

extension Site {
  /// Writes some of the bytes of a list.
  fileprivate func write(
    _ block: UnsafeRawBufferPointer, at start: Int, of count: Int, _ dataset: hid_t, _ type: hid_t
  ) throws(HDF5Error) {
    try withSpace([count]) { (space) throws(HDF5Error) in
      try withSpace([block.count]) { (memory) throws(HDF5Error) in
        let (start, length) = ([hsize_t(start)], [hsize_t(block.count)])
        try check("write a dataset") {
          H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nil, length, nil) < 0
            || H5Dwrite(dataset, type, memory, space, chdf5_default(), block.baseAddress) < 0 ? -1 : 0
        }
      }
    }
  }
}

extension FileReader {
  /// Reads a list of bytes in blocks.
  ///
  /// - Parameter count: How many bytes are expected.
  public func readBlocks(
    _ path: String, byteCount count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, blockLength), alignment: 64)
    defer { buffer.deallocate() }
    // An empty list has no block, and its type and shape are checked all the same.
    if count == 0 { try read(path, into: buffer, type: .uint8, shape: [0]) }
    for start in stride(from: 0, to: count, by: blockLength) {
      let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(blockLength, count - start)])
      try read(path, rows: start..<(start + block.count), into: block, type: .uint8, shape: [count])
      try body(UnsafeRawBufferPointer(block))
    }
  }
}
