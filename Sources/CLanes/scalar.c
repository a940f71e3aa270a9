// SPDX-License-Identifier: Apache-2.0
//
// One message at a time: for every processor, and for the odd message that is left over.

#include "blake2b.h"

#define KERNEL lanes_kernel_scalar
#define LANES 1
#define WORD uint64_t
#define LANE(word, lane) (word)

ALWAYS_INLINE void load_block(uint64_t m[16], const uint8_t *const *messages, size_t offset) {
  for (int i = 0; i < 16; i++) m[i] = load_word(messages[0] + offset + 8 * i);
}

#include "kernel.h"
