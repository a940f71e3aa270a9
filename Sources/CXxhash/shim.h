// SPDX-License-Identifier: Apache-2.0
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
// The dispatching header renames the functions by macros, which Swift does not see.
static inline XXH128_hash_t xxhash_128_with_secret(const void *bytes, size_t byte_count,
                                                   const void *secret, size_t secret_byte_count) {
  return XXH3_128bits_withSecret_dispatch(bytes, byte_count, secret, secret_byte_count);
}
#else
static inline XXH128_hash_t xxhash_128_with_secret(const void *bytes, size_t byte_count,
                                                   const void *secret, size_t secret_byte_count) {
  return XXH3_128bits_withSecret(bytes, byte_count, secret, secret_byte_count);
}
#endif
