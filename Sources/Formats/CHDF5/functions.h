// The functions of HDF5 that are called here, each as FUNCTION(result, name, parameters, arguments), and the identifiers
// that it keeps in variables, each as IDENTIFIER(function that gives it, variable). Included where a list is needed.

FUNCTION(herr_t, H5open, (void), ())
FUNCTION(herr_t, H5dont_atexit, (void), ())
FUNCTION(herr_t, H5get_libversion, (unsigned *major, unsigned *minor, unsigned *release), (major, minor, release))
FUNCTION(herr_t, H5is_library_threadsafe, (hbool_t *safe), (safe))

FUNCTION(herr_t, H5Aclose, (hid_t attribute), (attribute))
FUNCTION(hid_t, H5Acreate_by_name,
  (hid_t place, const char *object, const char *name, hid_t type, hid_t space, hid_t creation, hid_t access, hid_t link),
  (place, object, name, type, space, creation, access, link))
FUNCTION(htri_t, H5Aexists, (hid_t object, const char *name), (object, name))
FUNCTION(hid_t, H5Aget_space, (hid_t attribute), (attribute))
FUNCTION(hid_t, H5Aget_type, (hid_t attribute), (attribute))
FUNCTION(herr_t, H5Aiterate2,
  (hid_t place, H5_index_t index, H5_iter_order_t order, hsize_t *n, H5A_operator2_t body, void *context),
  (place, index, order, n, body, context))
FUNCTION(hid_t, H5Aopen, (hid_t object, const char *name, hid_t access), (object, name, access))
FUNCTION(herr_t, H5Aread, (hid_t attribute, hid_t type, void *bytes), (attribute, type, bytes))
FUNCTION(herr_t, H5Awrite, (hid_t attribute, hid_t type, const void *bytes), (attribute, type, bytes))

FUNCTION(herr_t, H5Dclose, (hid_t dataset), (dataset))
FUNCTION(hid_t, H5Dcreate2,
  (hid_t place, const char *name, hid_t type, hid_t space, hid_t link, hid_t creation, hid_t access),
  (place, name, type, space, link, creation, access))
FUNCTION(hid_t, H5Dget_create_plist, (hid_t dataset), (dataset))
FUNCTION(hid_t, H5Dget_space, (hid_t dataset), (dataset))
FUNCTION(hid_t, H5Dget_type, (hid_t dataset), (dataset))
FUNCTION(hid_t, H5Dopen2, (hid_t place, const char *name, hid_t access), (place, name, access))
FUNCTION(herr_t, H5Dread,
  (hid_t dataset, hid_t type, hid_t memory, hid_t file, hid_t transfer, void *bytes),
  (dataset, type, memory, file, transfer, bytes))
FUNCTION(herr_t, H5Dvlen_reclaim, (hid_t type, hid_t space, hid_t transfer, void *bytes), (type, space, transfer, bytes))
FUNCTION(herr_t, H5Dwrite,
  (hid_t dataset, hid_t type, hid_t memory, hid_t file, hid_t transfer, const void *bytes),
  (dataset, type, memory, file, transfer, bytes))

FUNCTION(herr_t, H5Eset_auto2, (hid_t stack, H5E_auto2_t body, void *context), (stack, body, context))
FUNCTION(herr_t, H5Ewalk2,
  (hid_t stack, H5E_direction_t direction, H5E_walk2_t body, void *context), (stack, direction, body, context))

FUNCTION(herr_t, H5Fclose, (hid_t file), (file))
FUNCTION(hid_t, H5Fcreate,
  (const char *name, unsigned flags, hid_t creation, hid_t access), (name, flags, creation, access))
FUNCTION(herr_t, H5Fget_filesize, (hid_t file, hsize_t *size), (file, size))
FUNCTION(hid_t, H5Fopen, (const char *name, unsigned flags, hid_t access), (name, flags, access))

FUNCTION(herr_t, H5Gclose, (hid_t group), (group))
FUNCTION(hid_t, H5Gcreate2,
  (hid_t place, const char *name, hid_t link, hid_t creation, hid_t access), (place, name, link, creation, access))
FUNCTION(H5I_type_t, H5Iget_type, (hid_t id), (id))
FUNCTION(htri_t, H5Lexists, (hid_t place, const char *name, hid_t access), (place, name, access))
FUNCTION(herr_t, H5Literate,
  (hid_t group, H5_index_t index, H5_iter_order_t order, hsize_t *n, H5L_iterate_t body, void *context),
  (group, index, order, n, body, context))
FUNCTION(herr_t, H5Oclose, (hid_t object), (object))
FUNCTION(hid_t, H5Oopen, (hid_t place, const char *name, hid_t access), (place, name, access))

FUNCTION(herr_t, H5Pclose, (hid_t list), (list))
FUNCTION(hid_t, H5Pcreate, (hid_t class), (class))
FUNCTION(int, H5Pget_nfilters, (hid_t list), (list))
FUNCTION(herr_t, H5Pset_attr_phase_change, (hid_t list, unsigned most, unsigned least), (list, most, least))
FUNCTION(herr_t, H5Pset_chunk, (hid_t list, int rank, const hsize_t lengths[]), (list, rank, lengths))
FUNCTION(herr_t, H5Pset_fclose_degree, (hid_t list, H5F_close_degree_t degree), (list, degree))
FUNCTION(herr_t, H5Pset_file_locking, (hid_t list, hbool_t locks, hbool_t ignores), (list, locks, ignores))
FUNCTION(herr_t, H5Pset_fletcher32, (hid_t list), (list))
FUNCTION(herr_t, H5Pset_libver_bounds, (hid_t list, H5F_libver_t low, H5F_libver_t high), (list, low, high))
FUNCTION(herr_t, H5Pset_obj_track_times, (hid_t list, hbool_t tracks), (list, tracks))

FUNCTION(herr_t, H5Sclose, (hid_t space), (space))
FUNCTION(hid_t, H5Screate, (H5S_class_t class), (class))
FUNCTION(hid_t, H5Screate_simple, (int rank, const hsize_t now[], const hsize_t most[]), (rank, now, most))
FUNCTION(int, H5Sget_simple_extent_dims, (hid_t space, hsize_t now[], hsize_t most[]), (space, now, most))
FUNCTION(int, H5Sget_simple_extent_ndims, (hid_t space), (space))
FUNCTION(H5S_class_t, H5Sget_simple_extent_type, (hid_t space), (space))
FUNCTION(herr_t, H5Sselect_hyperslab,
  (hid_t space, H5S_seloper_t operation, const hsize_t start[], const hsize_t stride[], const hsize_t count[],
   const hsize_t block[]),
  (space, operation, start, stride, count, block))

FUNCTION(herr_t, H5Tclose, (hid_t type), (type))
FUNCTION(hid_t, H5Tcopy, (hid_t type), (type))
FUNCTION(htri_t, H5Tequal, (hid_t a, hid_t b), (a, b))
FUNCTION(H5T_class_t, H5Tget_class, (hid_t type), (type))
FUNCTION(H5T_order_t, H5Tget_order, (hid_t type), (type))
FUNCTION(H5T_sign_t, H5Tget_sign, (hid_t type), (type))
FUNCTION(size_t, H5Tget_size, (hid_t type), (type))
FUNCTION(htri_t, H5Tis_variable_str, (hid_t type), (type))
FUNCTION(herr_t, H5Tset_cset, (hid_t type, H5T_cset_t set), (type, set))
FUNCTION(herr_t, H5Tset_size, (hid_t type, size_t size), (type, size))
FUNCTION(herr_t, H5Tset_strpad, (hid_t type, H5T_str_t padding), (type, padding))

IDENTIFIER(chdf5_file_access_class, H5P_CLS_FILE_ACCESS_ID_g)
IDENTIFIER(chdf5_file_create_class, H5P_CLS_FILE_CREATE_ID_g)
IDENTIFIER(chdf5_group_create_class, H5P_CLS_GROUP_CREATE_ID_g)
IDENTIFIER(chdf5_dataset_create_class, H5P_CLS_DATASET_CREATE_ID_g)
IDENTIFIER(chdf5_i8, H5T_STD_I8LE_g)
IDENTIFIER(chdf5_i16, H5T_STD_I16LE_g)
IDENTIFIER(chdf5_i32, H5T_STD_I32LE_g)
IDENTIFIER(chdf5_i64, H5T_STD_I64LE_g)
IDENTIFIER(chdf5_u8, H5T_STD_U8LE_g)
IDENTIFIER(chdf5_u16, H5T_STD_U16LE_g)
IDENTIFIER(chdf5_u32, H5T_STD_U32LE_g)
IDENTIFIER(chdf5_u64, H5T_STD_U64LE_g)
IDENTIFIER(chdf5_f32, H5T_IEEE_F32LE_g)
IDENTIFIER(chdf5_f64, H5T_IEEE_F64LE_g)
IDENTIFIER(chdf5_c_string, H5T_C_S1_g)
