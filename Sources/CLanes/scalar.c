// SPDX-License-Identifier: Apache-2.0
//
// One message at a time: for every processor, and for the odd message that is left over.

#include "blake2b.h"

#define KERNEL lanes_kernel_scalar
#define WORD uint64_t
#define WORD_LANES 1
#define SETS 1
#define LANE(word, lane) (word)
#define KEEP_ORDER(w0, w1, w2, w3)
#define IS_ZERO lanes_is_zero_scalar

ALWAYS_INLINE void load_block(uint64_t m[16], const uint8_t *const *messages, size_t offset) {
  for (int i = 0; i < 16; i++) m[i] = load_word(messages[0] + offset + 8 * i);
}

#include "kernel.h"
#include "zero.h"
