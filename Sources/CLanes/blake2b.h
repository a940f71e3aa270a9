// SPDX-License-Identifier: Apache-2.0
//
// What the kernels share: the constants of BLAKE2b (RFC 7693) and the shape of a kernel.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CLanes.h"

#define BLOCK_BYTE_COUNT 128
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/// Hashes as many messages as the kernel has lanes, all of `byte_count` bytes. `start` is the
/// state before the first block: it carries the digest's length and the personalisation, so
/// that no kernel needs to know of either.
typedef void lanes_kernel(const uint8_t *const *messages, size_t byte_count,
                          const uint64_t start[8], uint8_t *digests);

/// Whether all of the bytes are zero.
typedef bool lanes_zero_test(const uint8_t *bytes, size_t byte_count);

lanes_kernel lanes_kernel_scalar;
lanes_zero_test lanes_is_zero_scalar;
#if defined(__x86_64__)
lanes_kernel lanes_kernel_avx2;
lanes_kernel lanes_kernel_avx512;
lanes_kernel lanes_kernel_avx512_pair;
lanes_zero_test lanes_is_zero_avx2;
lanes_zero_test lanes_is_zero_avx512;
#endif

static const uint64_t blake2b_initial[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/// Words are little endian in messages and digests, whatever the machine is.
ALWAYS_INLINE uint64_t little_endian(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return __builtin_bswap64(word);
#else
  return word;
#endif
}

ALWAYS_INLINE uint64_t load_word(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return little_endian(word);
}

ALWAYS_INLINE void store_word(uint8_t *bytes, uint64_t word) {
  word = little_endian(word);
  memcpy(bytes, &word, sizeof word);
}
