// What is the same for all files: property lists, a shape and a type, made once a process and never released.

import CHDF5

/// Identifiers that cost more to make than a small file costs to write. Where one can't be made it is negative,
/// which the call that is given it reports. To be used after `requireLibrary` only.
enum SharedObjects {
  /// For new files.
  static let fileCreation = make { quiet(H5Pcreate(chdf5_file_create_class())) }
  /// For new groups.
  static let groupCreation = make { quiet(H5Pcreate(chdf5_group_create_class())) }
  /// For new datasets in one piece.
  static let datasetCreation = make { quiet(H5Pcreate(chdf5_dataset_create_class())) }
  /// For writing: everything in a file closes with it, and a file that was never closed is refused by readers.
  static let writing = make {
    let access = strong(H5Pcreate(chdf5_file_access_class()))
    return H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ? -1 : access
  }
  /// For reading, without HDF5's own file locks: a finished file never changes.
  static let reading = make {
    let access = strong(H5Pcreate(chdf5_file_access_class()))
    return H5Pset_file_locking(access, false, true) < 0 ? -1 : access
  }
  /// The shape of one number.
  static let scalar = make { H5Screate(H5S_SCALAR) }
  /// UTF-8 text of variable length.
  static let text = make {
    let type = H5Tcopy(chdf5_c_string())
    let isSet =
      H5Tset_size(type, chdf5_variable()) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0
      && H5Tset_strpad(type, H5T_STR_NULLTERM) >= 0
    return isSet ? type : -1
  }

  /// Properties of a new dataset that is cut into chunks with a checksum each; negative on failure.
  static func datasetCreation(chunk: [Int]) -> hid_t {
    let creation = quiet(H5Pcreate(chdf5_dataset_create_class()))
    let dimensions = chunk.map { hsize_t($0) }
    let isSet =
      H5Pset_chunk(creation, Int32(chunk.count), dimensions) >= 0 && H5Pset_fletcher32(creation) >= 0
    return isSet ? creation : -1
  }

  private static func make(_ body: () -> hid_t) -> hid_t {
    chdf5_silence()
    return body()
  }

  /// Keeps times out of an object's header, and its attributes in it.
  private static func quiet(_ properties: hid_t) -> hid_t {
    let isSet =
      H5Pset_obj_track_times(properties, false) >= 0 && H5Pset_attr_phase_change(properties, 64, 0) >= 0
    return isSet ? properties : -1
  }

  private static func strong(_ access: hid_t) -> hid_t {
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 ? -1 : access
  }
}
