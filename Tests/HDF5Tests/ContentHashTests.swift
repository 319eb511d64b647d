// The content hash: what it covers, and that others compute the same.

import Foundation
import HDF5
import Testing

@Suite struct ContentHashTests {
  @Test func ofTheWriterAndOfTheFile() throws {
    let folder = try TemporaryFolder()
    let written = try writeSample(folder.file("a.h5"))
    #expect(written.count == 64)
    #expect(try contentHash(ofFileAt: folder.file("a.h5")) == written)
  }

  @Test func withoutRootAttributes() throws {
    let folder = try TemporaryFolder()
    func write(_ name: String, _ key: String) throws -> String {
      var file = try FileWriter(at: folder.file(name))
      try file.write("/x", [1.0, 2])
      try file.setAttribute("key", of: "/x", to: "of the dataset")
      try file.setAttribute("key", to: .string(key))
      let hash = file.contentHash(excluding: ["key"])
      try file.setAttribute("content", to: .string(hash))
      try file.close()
      #expect(try contentHash(ofFileAt: folder.file(name), excluding: ["key", "content"]) == hash)
      #expect(try contentHash(ofFileAt: folder.file(name), excluding: ["content"]) != hash)
      return hash
    }
    #expect(try write("a.h5", "1") == write("b.h5", "2"))
  }

  /// On each object, under each name, each value: in the writer's hash and in the file's, and also where the root's
  /// attribute of that name is left out.
  @Test func attributesBelowTheRootCount() throws {
    let folder = try TemporaryFolder()
    var hashes: [String] = []
    for object in ["/x", "/g", "/g/y"] {
      for name in ["key", "other"] {
        for value in [AttributeValue.string("1"), .string("2"), .integer(1), .reals([1.0, 2.0])] {
          let path = folder.file("\(hashes.count).h5")
          var file = try FileWriter(at: path)
          try file.write("/x", [1.0, 2])
          try file.write("/g/y", [3.0])
          try file.setAttribute("key", to: "of the root")
          try file.setAttribute(name, of: object, to: value)
          hashes.append(file.contentHash(excluding: ["key"]))
          try file.close()
          #expect(try contentHash(ofFileAt: path, excluding: ["key"]) == hashes.last)
        }
      }
    }
    #expect(Set(hashes).count == 24)
  }

  @Test func orderDoesNotMatterAndAllElseDoes() throws {
    let folder = try TemporaryFolder()
    var count = 0
    func hash(_ write: (inout FileWriter) throws -> Void) throws -> String {
      count += 1
      var file = try FileWriter(at: folder.file("\(count).h5"))
      try write(&file)
      return file.contentHash()
    }
    let base = try hash {
      try $0.write("/a", [1, 2, 3, 4])
      try $0.write("/b", [Float(1)])
      try $0.setAttribute("n", to: 1)
    }
    let turned = try hash {
      try $0.setAttribute("n", to: 1)
      try $0.write("/b", [Float(1)])
      try $0.write("/a", [1, 2, 3, 4])
    }
    #expect(turned == base)
    let others = [
      try hash {
        try $0.write("/a", [1, 2, 3, 5])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", to: 1)
      },
      try hash {
        try $0.write("/a", [1, 2, 3, 4], shape: [2, 2])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", to: 1)
      },
      try hash {
        try $0.write("/a", [UInt64(1), 2, 3, 4])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", to: 1)
      },
      try hash {
        try $0.write("/c", [1, 2, 3, 4])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", to: 1)
      },
      try hash {
        try $0.write("/a", [1, 2, 3, 4])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", to: 1.0)
      },
      try hash {
        try $0.write("/a", [1, 2, 3, 4])
        try $0.write("/b", [Float(1)])
        try $0.setAttribute("n", of: "/a", to: 1)
      },
      try hash {
        try $0.write("/a", [1, 2, 3, 4])
        try $0.write("/b", [Float(1)])
      },
    ]
    #expect(Set(others + [base]).count == others.count + 1)
  }

  /// Computed from h5py's values by the words of the documentation alone.
  @Test func inPython() throws {
    let folder = try TemporaryFolder()
    let hash = try writeSample(folder.file("a.h5"))
    let program = """
      import h5py, hashlib, numpy, struct, sys
      f = h5py.File(sys.argv[1], "r")
      digests = []
      def integer(n): return struct.pack("<q", n)
      def text(t): t = t.encode(); return integer(len(t)) + t
      def attributes(path, node):
          for name, value in node.attrs.items():
              if isinstance(value, str): kind, data = "string", text(value)
              elif isinstance(value, numpy.ndarray):
                  if value.dtype == object:
                      kind, data = "list of strings", b"".join(map(text, value))
                  elif value.dtype == "<i8": kind, data = "list of integers", value.tobytes()
                  else: kind, data = "list of reals", value.tobytes()
                  data = integer(len(value)) + data
              elif value.dtype == "<i8": kind, data = "integer", value.tobytes()
              else: kind, data = "real", value.tobytes()
              digests.append(hashlib.sha256(
                  text("attribute") + text(path) + text(name) + text(kind) + data).digest())
      def visit(name, node):
          path = "/" + name
          attributes(path, node)
          if isinstance(node, h5py.Dataset):
              d = node.dtype
              kind = f"string[{d.itemsize}]" if d.kind == "S" else f"{d.kind}{d.itemsize * 8}"
              values = hashlib.sha256(node[()].tobytes()).digest()
              shape = integer(len(node.shape)) + b"".join(map(integer, node.shape))
              digests.append(hashlib.sha256(
                  text("dataset") + text(path) + text(kind) + shape + values).digest())
      attributes("/", f)
      f.visititems(visit)
      print(hashlib.sha256(text("hdf5-content-1") + b"".join(sorted(digests))).hexdigest())
      """
    #expect(try python(program, folder.file("a.h5")) == hash)
  }

  @Test func ofAnotherLayout() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    try file.write("/g/x", (0..<50_000).map { Double($0) }, shape: [500, 100])
    try file.setAttribute("n", of: "/g", to: 3)
    let hash = file.contentHash()
    try file.close()
    let program = """
      import h5py, sys
      a = h5py.File(sys.argv[1], "r")
      with h5py.File(sys.argv[2], "w") as b:
          b.create_dataset("g/x", data=a["g/x"][()], chunks=(7, 11), compression="gzip")
          b["g"].attrs["n"] = a["g"].attrs["n"]
      """
    _ = try python(program, folder.file("a.h5"), folder.file("b.h5"))
    #expect(try contentHash(ofFileAt: folder.file("b.h5")) == hash)
  }
}
