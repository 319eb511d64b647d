// The C library zlib.
#pragma once

#include <zlib.h>
