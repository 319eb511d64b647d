// SHA-256 of the system's OpenSSL, by the calls that need no set-up of the library.

#include <stddef.h>

// The library marks these calls as old because they bypass its providers, which would read a configuration file at each
// start of the program.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

static inline void csha256_start(SHA256_CTX *state) { SHA256_Init(state); }

static inline void csha256_update(SHA256_CTX *state, const void *bytes, size_t count) {
  SHA256_Update(state, bytes, count);
}

static inline void csha256_finish(SHA256_CTX *state, unsigned char digest[32]) {
  SHA256_Final(digest, state);
}
