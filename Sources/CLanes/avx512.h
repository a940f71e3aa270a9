// SPDX-License-Identifier: Apache-2.0
//
// How eight messages come into vectors of eight words each.

#include <immintrin.h>

#include "blake2b.h"

typedef uint64_t words __attribute__((vector_size(64)));

#define WORD words
#define WORD_LANES 8
#define LANE(word, lane) ((word)[lane])

// The rest of the library runs on any processor of its kind; only these functions may not.
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

/// Eight words from any address.
ALWAYS_INLINE __m512i load(const uint8_t *bytes) { return _mm512_loadu_si512(bytes); }

/// The 128-bit pieces 0 and 2 of both vectors, or 1 and 3.
#define EVEN_PIECES(a, b) _mm512_shuffle_i64x2(a, b, 0x88)
#define ODD_PIECES(a, b) _mm512_shuffle_i64x2(a, b, 0xdd)

/// Gathers half a block: `m[i]` becomes word i of each of the eight messages. It is the
/// transposition of a square of 8 by 8 words: first pairs of words, then pairs of those.
ALWAYS_INLINE void load_half_block(words m[8], const uint8_t *const *messages, size_t offset) {
  __m512i even[4], odd[4];
  for (int i = 0; i < 4; i++) {
    const __m512i a = load(messages[2 * i] + offset);
    const __m512i b = load(messages[2 * i + 1] + offset);
    even[i] = _mm512_unpacklo_epi64(a, b);
    odd[i] = _mm512_unpackhi_epi64(a, b);
  }
  for (int i = 0; i < 2; i++) {
    const __m512i *const from = i == 0 ? even : odd;
    const __m512i low04 = EVEN_PIECES(from[0], from[1]), high04 = EVEN_PIECES(from[2], from[3]);
    const __m512i low26 = ODD_PIECES(from[0], from[1]), high26 = ODD_PIECES(from[2], from[3]);
    m[i] = (words)EVEN_PIECES(low04, high04);
    m[i + 4] = (words)ODD_PIECES(low04, high04);
    m[i + 2] = (words)EVEN_PIECES(low26, high26);
    m[i + 6] = (words)ODD_PIECES(low26, high26);
  }
}

ALWAYS_INLINE void load_block(words m[16], const uint8_t *const *messages, size_t offset) {
  load_half_block(m, messages, offset);
  load_half_block(m + 8, messages, offset + 64);
}

#pragma clang attribute pop
