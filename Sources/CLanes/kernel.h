// SPDX-License-Identifier: Apache-2.0
//
// The kernel itself, written once. It is included by one file for each width, which first
// defines
//
//   KERNEL       the name of the function to make
//   WORD         one 64-bit word of several messages: a vector, or uint64_t for just one
//   WORD_LANES   how many messages a WORD holds
//   SETS         how many sets of WORD_LANES messages are hashed side by side
//   LANE(w, n)   lane n of a WORD
//   KEEP_ORDER   see mix_half below
//   load_block   a function that gathers the 16 words of a block from each message of a set
//
// The operators of C work on vectors as they do on integers, so that the arithmetic below is
// the scalar algorithm in every width.

#include "blake2b.h"

#define LANES (SETS * WORD_LANES)
#define ROTATE_RIGHT(word, count) (((word) >> (count)) | ((word) << (64 - (count))))

/// Half of BLAKE2b's mixing function on four columns (turn 0) or diagonals (turn 1). The four
/// are taken through each step together, so that few instructions wait for the one before.
///
/// Even so the four wait for each other's results most of the time, which is what a second set
/// of messages is for. Its instructions must then stand near the first set's; but the compiler
/// would rather finish one set before it begins the other, to save registers. KEEP_ORDER tells
/// it that here, between two halves, these words are looked at, in this order.
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
  KEEP_ORDER(b[0], b[1], b[2], b[3]);
}

/// The same half for every set; s0 ... s3 say which words of the block are mixed in.
ALWAYS_INLINE void mix_half_of_sets(WORD v[SETS][16], WORD m[SETS][16], const int turn,
                                    const int first, const int second, const int s0,
                                    const int s1, const int s2, const int s3) {
#pragma unroll
  for (int set = 0; set < SETS; set++)
    mix_half(v[set], turn, first, second, m[set][s0], m[set][s1], m[set][s2], m[set][s3]);
}

/// One round; s0 ... s15 say in which order it takes the words of the block.
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
  mix_half_of_sets(v, m, 0, 32, 24, s0, s2, s4, s6);                                \
  mix_half_of_sets(v, m, 0, 16, 63, s1, s3, s5, s7);                                \
  mix_half_of_sets(v, m, 1, 32, 24, s8, s10, s12, s14);                             \
  mix_half_of_sets(v, m, 1, 16, 63, s9, s11, s13, s15)

/// Takes one block of every message into the state. `taken` is how many bytes of a message
/// have been taken with it, `last` is all ones in the last block and zero before.
ALWAYS_INLINE void compress(WORD state[SETS][8], const uint8_t *const *messages, size_t offset,
                            uint64_t taken, uint64_t last) {
  WORD m[SETS][16], v[SETS][16];
  // All sets are gathered before any state is made: done in turns, the compiler keeps neither
  // state in registers, and hashing takes three times as long.
  for (int set = 0; set < SETS; set++) load_block(m[set], messages + set * WORD_LANES, offset);
  for (int set = 0; set < SETS; set++) {
    for (int i = 0; i < 8; i++) {
      v[set][i] = state[set][i];
      v[set][i + 8] = (WORD){0} + blake2b_initial[i];
    }
    v[set][12] ^= (WORD){0} + taken;
    v[set][14] ^= (WORD){0} + last;
  }

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

  for (int set = 0; set < SETS; set++)
    for (int i = 0; i < 8; i++) state[set][i] ^= v[set][i] ^ v[set][i + 8];
}

/// Copies what is left of each message to where zeros follow it.
ALWAYS_INLINE void pad(uint8_t padded[LANES][BLOCK_BYTE_COUNT], const uint8_t *const *messages,
                       size_t offset, size_t rest) {
  memset(padded, 0, LANES * BLOCK_BYTE_COUNT);
  if (rest == 0) return;
  for (int lane = 0; lane < LANES; lane++) memcpy(padded[lane], messages[lane] + offset, rest);
}

void KERNEL(const uint8_t *const *messages, size_t byte_count, const uint64_t start[8],
            uint8_t *digests) {
  uint8_t padded[LANES][BLOCK_BYTE_COUNT];
  const uint8_t *pointers[LANES];
  WORD state[SETS][8];
  for (int set = 0; set < SETS; set++)
    for (int i = 0; i < 8; i++) state[set][i] = (WORD){0} + start[i];

  // One loop for all blocks, so that the compressing code is there once and stays cached. A
  // message always has a last block, even one without bytes.
  size_t offset = 0;
  size_t taken = 0;
  while (true) {
    const size_t rest = byte_count - taken;
    if (rest < BLOCK_BYTE_COUNT) {
      pad(padded, messages, offset, rest);
      for (int lane = 0; lane < LANES; lane++) pointers[lane] = padded[lane];
      messages = pointers;
      offset = 0;
    }
    const bool is_last = rest <= BLOCK_BYTE_COUNT;
    taken += is_last ? rest : BLOCK_BYTE_COUNT;
    compress(state, messages, offset, taken, is_last ? UINT64_MAX : 0);
    if (is_last) break;
    offset += BLOCK_BYTE_COUNT;
  }

  for (int lane = 0; lane < LANES; lane++) {
    const WORD *const words = state[lane / WORD_LANES];
    for (int i = 0; i < 4; i++)
      store_word(digests + LANES_DIGEST_BYTE_COUNT * lane + 8 * i,
                 LANE(words[i], lane % WORD_LANES));
  }
}
