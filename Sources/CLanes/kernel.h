// SPDX-License-Identifier: Apache-2.0
//
// The kernel itself, written once. It is included by one file for each width, which first
// defines
//
//   KERNEL       the name of the function to make
//   LANES        how many messages it hashes side by side
//   WORD         one 64-bit word of each of them: uint64_t, or a vector of LANES of them
//   LANE(w, n)   lane n of a WORD
//   load_block   a function that gathers the 16 words of a block from each message
//
// The operators of C work on vectors as they do on integers, so that the arithmetic below is
// the scalar algorithm in every width.

#include "blake2b.h"

#define ROTATE_RIGHT(word, count) (((word) >> (count)) | ((word) << (64 - (count))))

/// Half of BLAKE2b's mixing function on four columns (turn 0) or diagonals (turn 1). The four
/// are taken through each step together, so that no instruction waits for the one before it.
ALWAYS_INLINE void mix_half(WORD v[16], const int turn, const int first, const int second,
                            const WORD x0, const WORD x1, const WORD x2, const WORD x3) {
  WORD *const a = v, *const b = v + 4, *const c = v + 8, *const d = v + 12;
  const int b0 = turn, b1 = (turn + 1) % 4, b2 = (turn + 2) % 4, b3 = (turn + 3) % 4;
  const int c0 = 2 * turn, c1 = (2 * turn + 1) % 4, c2 = (2 * turn + 2) % 4,
            c3 = (2 * turn + 3) % 4;
  const int d0 = 3 * turn, d1 = (3 * turn + 1) % 4, d2 = (3 * turn + 2) % 4,
            d3 = (3 * turn + 3) % 4;
  a[0] += x0, a[1] += x1, a[2] += x2, a[3] += x3;
  a[0] += b[b0], a[1] += b[b1], a[2] += b[b2], a[3] += b[b3];
  d[d0] ^= a[0], d[d1] ^= a[1], d[d2] ^= a[2], d[d3] ^= a[3];
  d[d0] = ROTATE_RIGHT(d[d0], first), d[d1] = ROTATE_RIGHT(d[d1], first);
  d[d2] = ROTATE_RIGHT(d[d2], first), d[d3] = ROTATE_RIGHT(d[d3], first);
  c[c0] += d[d0], c[c1] += d[d1], c[c2] += d[d2], c[c3] += d[d3];
  b[b0] ^= c[c0], b[b1] ^= c[c1], b[b2] ^= c[c2], b[b3] ^= c[c3];
  b[b0] = ROTATE_RIGHT(b[b0], second), b[b1] = ROTATE_RIGHT(b[b1], second);
  b[b2] = ROTATE_RIGHT(b[b2], second), b[b3] = ROTATE_RIGHT(b[b3], second);
}

/// One round; s0 ... s15 say in which order it takes the words of the block.
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
  mix_half(v, 0, 32, 24, m[s0], m[s2], m[s4], m[s6]);                               \
  mix_half(v, 0, 16, 63, m[s1], m[s3], m[s5], m[s7]);                               \
  mix_half(v, 1, 32, 24, m[s8], m[s10], m[s12], m[s14]);                            \
  mix_half(v, 1, 16, 63, m[s9], m[s11], m[s13], m[s15])

/// Takes one block of every message into the state. `end` is how many bytes of the message
/// have then been taken, `last` is all ones in the last block and zero before.
ALWAYS_INLINE void compress(WORD state[8], const uint8_t *const *messages, size_t offset,
                            uint64_t end, uint64_t last) {
  WORD m[16], v[16];
  load_block(m, messages, offset);
  for (int i = 0; i < 8; i++) {
    v[i] = state[i];
    v[i + 8] = (WORD){0} + blake2b_initial[i];
  }
  v[12] ^= (WORD){0} + end;
  v[14] ^= (WORD){0} + last;

  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);

  for (int i = 0; i < 8; i++) state[i] ^= v[i] ^ v[i + 8];
}

/// The last block is padded with zeros; one that is whole is read where it stands.
ALWAYS_INLINE void compress_last(WORD state[8], const uint8_t *const *messages, size_t offset,
                                 size_t byte_count) {
  const size_t rest = byte_count - offset;
  if (rest == BLOCK_BYTE_COUNT) {
    compress(state, messages, offset, byte_count, UINT64_MAX);
    return;
  }
  uint8_t padded[LANES][BLOCK_BYTE_COUNT] __attribute__((aligned(64)));
  const uint8_t *pointers[LANES];
  memset(padded, 0, sizeof padded);
  for (int lane = 0; lane < LANES; lane++) {
    if (rest > 0) memcpy(padded[lane], messages[lane] + offset, rest);
    pointers[lane] = padded[lane];
  }
  compress(state, pointers, 0, byte_count, UINT64_MAX);
}

void KERNEL(const uint8_t *const *messages, size_t byte_count, const uint64_t start[8],
            uint8_t *digests) {
  WORD state[8];
  for (int i = 0; i < 8; i++) state[i] = (WORD){0} + start[i];

  size_t offset = 0;
  while (byte_count - offset > BLOCK_BYTE_COUNT) {
    compress(state, messages, offset, offset + BLOCK_BYTE_COUNT, 0);
    offset += BLOCK_BYTE_COUNT;
  }
  compress_last(state, messages, offset, byte_count);

  for (int lane = 0; lane < LANES; lane++)
    for (int i = 0; i < 4; i++)
      store_word(digests + LANES_DIGEST_BYTE_COUNT * lane + 8 * i, LANE(state[i], lane));
}
