// Data sets in .npz and .npy files that NumPy itself has written, whole and broken.

import Datasets
import Foundation
import Testing

/// The bytes of images of a formula, which `arrays` writes by NumPy.
private func pixels(_ count: Int, _ channels: Int, _ height: Int, _ width: Int) -> [UInt8] {
  (0..<count * channels * height * width).map { UInt8(truncatingIfNeeded: $0 &* 7) }
}

/// NumPy arrays of that formula; the Python code after it may change them before they are saved.
private let arrays = """
  import sys
  import numpy as np
  folder = sys.argv[1]
  def images(n, c, h, w):
      return (np.arange(n * c * h * w) * 7 % 256).astype(np.uint8).reshape(n, c, h, w)
  a = {"train_images": images(5, 3, 4, 6), "train_labels": np.arange(5) % 3,
       "test_images": images(2, 3, 4, 6), "test_labels": np.array([2, 0])}

  """

@Suite struct ArrayTests {
  @Test(arguments: [
    "np.savez(folder + '/d.npz', **a)",
    "np.savez_compressed(folder + '/d.npz', **a)",
    "[np.save(f'{folder}/{k}.npy', v) for k, v in a.items()]",
    // Channels last, Keras's names, labels in other types.
    """
    np.savez(folder + '/d.npz', x_train=np.ascontiguousarray(a['train_images'].transpose(0, 2, 3, 1)),
             y_train=a['train_labels'].astype('>i2')[:, None], y_test=a['test_labels'].astype('uint8'),
             x_test=np.ascontiguousarray(a['test_images'].transpose(0, 2, 3, 1)))
    """,
  ])
  func read(save: String) throws {
    let folder = try TemporaryFolder()
    try python(arrays + save, folder.path)
    let data = try Dataset(at: folder.path)
    #expect(data.train.count == 5 && data.test.count == 2 && data.classes == 3)
    #expect(data.train.channels == 3 && data.train.height == 4 && data.train.width == 6)
    #expect(data.train.images == pixels(5, 3, 4, 6))
    #expect(data.test.images == pixels(2, 3, 4, 6))
    #expect(data.train.labels == [0, 1, 2, 0, 1] && data.test.labels == [2, 0])
  }

  @Test func greyImagesNeedNoChannel() throws {
    let folder = try TemporaryFolder()
    try python(
      arrays
        + "a['train_images'] = images(5, 1, 4, 6)[:, 0]; a['test_images'] = images(2, 1, 4, 6)[..., None][:, 0]\n"
        + "np.savez(folder + '/d.npz', **a)", folder.path)
    let data = try Dataset(at: folder.file("d.npz"))
    #expect(data.train.channels == 1 && data.train.images == pixels(5, 1, 4, 6))
    #expect(data.test.images == pixels(2, 1, 4, 6))
  }

  @Test(arguments: [
    ("a['train_images'] = a['train_images'] / 255", "element type of the images is <f8, expected |u1"),
    (
      "a['train_images'] = a['train_images'].astype(int)",
      "element type of the images is <i8, expected |u1: pixels are bytes from 0 to 255, as of x.astype('uint8')"
    ),
    ("a['train_images'] = np.asfortranarray(a['train_images'])", "order is Fortran's, expected C order"),
    ("a['train_images'] = a['train_images'][0]", "number of labels is 5, expected 3, one an image"),
    ("a['train_images'] = a['train_images'][:, :2]", "shape of the images is [5, 2, 4, 6]"),
    (
      "a['train_images'] = a['train_images'][..., :3]",
      "shape of the images is [5, 3, 4, 3], in which axis 1 or axis 3"
    ),
    ("a['train_labels'] = a['train_labels'] * 1.0", "element type of the labels is <f8, expected integers"),
    (
      "a['train_labels'] = a['train_labels'] - 1", "the label at index 0 is a negative number, expected 0…255"
    ),
    (
      "a['train_labels'] = a['train_labels'] + 254",
      "the label at index 2 is a number above 255, expected 0…255"
    ),
    ("a['train_labels'] = np.eye(3)[a['train_labels']].astype(int)", "shape of the labels is [5, 3]"),
    ("a['train_labels'] = a['train_labels'][:4]", "number of labels is 4, expected 5, one an image"),
    ("a['train_labels'] = a['train_labels'].astype(object)", "element type is |O, expected integers"),
    ("a['train_labels'] = np.array(['a', 'b', 'c', 'd', 'e'])", "element type is <U1, expected integers"),
    ("del a['test_labels']", "array test_labels is missing (there are: "),
    (
      "a['test_images'] = images(2, 1, 4, 6)",
      "shape of the test images (channels, height, width) is [1, 4, 6]"
    ),
    (
      "a['train_images'] = images(0, 3, 4, 6); a['train_labels'] = a['train_labels'][:0]",
      "number of images is 0"
    ),
  ])
  func broken(change: String, words: String) throws {
    let folder = try TemporaryFolder()
    try python(
      arrays + change + "\nnp.savez(folder + '/d.npz', **a)\n"
        + "import os; os.mkdir(folder + '/npy'); [np.save(f'{folder}/npy/{k}.npy', v) for k, v in a.items()]",
      folder.path)
    for path in [folder.file("d.npz"), folder.file("npy")] {
      let text = message { _ = try Dataset(at: path) }
      #expect(text?.contains(words) == true, "\(text ?? "no error")")
      #expect(text?.hasPrefix(path) == true)
    }
  }

  @Test func damagedFilesAreTold() throws {
    let folder = try TemporaryFolder()
    try python(arrays + "np.savez_compressed(folder + '/d.npz', **a)", folder.path)
    let path = folder.file("d.npz")
    let whole = try load(path)
    for place in stride(from: 40, to: 200, by: 10) {
      var bytes = whole
      bytes[place] ^= 0x10
      try save(bytes, path)
      // A flipped bit in a name or a time of the archive may do no harm.
      if let data = try? Dataset(at: path) { #expect(data.train.images == pixels(5, 3, 4, 6)) }
    }
    try save(Array(whole.dropLast(30)), path)
    #expect(message { _ = try Dataset(at: path) }?.contains("cut off") == true)
    try save([1, 2, 3], path)
    #expect(message { _ = try Dataset(at: path) }?.contains("no ZIP archive") == true)
    let array = folder.file("npy")
    try FileManager.default.createDirectory(atPath: array, withIntermediateDirectories: true)
    try python(arrays + "[np.save(f'{folder}/npy/{k}.npy', v) for k, v in a.items()]", folder.path)
    let images = array + "/train_images.npy"
    let good = try load(images)
    for (bytes, words) in [
      (Array(good.dropLast()), "length of the data of shape [5, 3, 4, 6] is 359 bytes, expected 360"),
      (good + [0], "is 361 bytes, expected 360"), (Array(good.prefix(40)), "header is cut off"),
      (Array("hello, world".utf8), "beginning is not that of a .npy file"),
    ] {
      try save(bytes, images)
      #expect(message { _ = try Dataset(at: array) }?.contains(words) == true)
    }
  }
}
