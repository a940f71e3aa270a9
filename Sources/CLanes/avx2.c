// SPDX-License-Identifier: Apache-2.0
//
// Four messages side by side, for processors with AVX2. A second set would not pay: there are
// half as many registers as the state of two needs.

#if defined(__x86_64__)

#include <immintrin.h>

#include "blake2b.h"

typedef uint64_t words __attribute__((vector_size(32)));

#define KERNEL lanes_kernel_avx2
#define WORD words
#define WORD_LANES 4
#define SETS 1
#define LANE(word, lane) ((word)[lane])
#define KEEP_ORDER(w0, w1, w2, w3)
#define IS_ZERO lanes_is_zero_avx2

// The rest of the library runs on any processor of its kind; only these functions may not.
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

/// Four words from any address.
ALWAYS_INLINE __m256i load(const uint8_t *bytes) {
  return _mm256_loadu_si256((const __m256i *)bytes);
}

/// Gathers a quarter of a block: `m[i]` becomes word i of each of the four messages. It is the
/// transposition of a square of 4 by 4 words: first pairs of words, then pairs of those.
ALWAYS_INLINE void load_quarter_block(words m[4], const uint8_t *const *messages,
                                      size_t offset) {
  const __m256i a = load(messages[0] + offset), b = load(messages[1] + offset);
  const __m256i c = load(messages[2] + offset), d = load(messages[3] + offset);
  const __m256i even_ab = _mm256_unpacklo_epi64(a, b), odd_ab = _mm256_unpackhi_epi64(a, b);
  const __m256i even_cd = _mm256_unpacklo_epi64(c, d), odd_cd = _mm256_unpackhi_epi64(c, d);
  m[0] = (words)_mm256_permute2x128_si256(even_ab, even_cd, 0x20);
  m[1] = (words)_mm256_permute2x128_si256(odd_ab, odd_cd, 0x20);
  m[2] = (words)_mm256_permute2x128_si256(even_ab, even_cd, 0x31);
  m[3] = (words)_mm256_permute2x128_si256(odd_ab, odd_cd, 0x31);
}

ALWAYS_INLINE void load_block(words m[16], const uint8_t *const *messages, size_t offset) {
  for (int i = 0; i < 4; i++) load_quarter_block(m + 4 * i, messages, offset + 32 * i);
}

#include "kernel.h"
#include "zero.h"
#pragma clang attribute pop

#endif
