// SPDX-License-Identifier: Apache-2.0
//
// Which kernel runs, and how any number of messages is dealt to its lanes.

#include <stdatomic.h>
#include <stdlib.h>

#include "blake2b.h"

#define MAXIMUM_LANES 8

size_t lanes_supported(void) {
  return 1;
}

static size_t clamped(size_t lanes) {
  const size_t supported = lanes_supported();
  if (lanes >= 8 && supported >= 8) return 8;
  if (lanes >= 4 && supported >= 4) return 4;
  return 1;
}

size_t lanes_chosen(void) {
  // Two threads that come here first at the same time find the same answer.
  static atomic_size_t chosen;
  size_t lanes = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (lanes == 0) {
    const char *wish = getenv("BLKMOVE_LANES");
    const int wished = wish == NULL ? 0 : atoi(wish);
    lanes = clamped(wished > 0 ? (size_t)wished : MAXIMUM_LANES);
    atomic_store_explicit(&chosen, lanes, memory_order_relaxed);
  }
  return lanes;
}

static lanes_kernel *kernel_with(size_t lanes) {
  (void)lanes;
  return lanes_kernel_scalar;
}

/// The state before the first block: BLAKE2b's parameter block says a digest of 32 bytes, no
/// key, no tree (the tree is ours), and carries the personalisation in its last two words.
static void start_state(uint64_t start[8], const uint8_t *personalisation) {
  memcpy(start, blake2b_initial, sizeof blake2b_initial);
  start[0] ^= 0x01010000 | LANES_DIGEST_BYTE_COUNT;
  if (personalisation != NULL) {
    start[6] ^= load_word(personalisation);
    start[7] ^= load_word(personalisation + 8);
  }
}

/// Fills the lanes that are left over with the last message: a wide kernel that does some of
/// its work in vain is still faster than the scalar one from two messages on.
static void digest_padded(lanes_kernel *kernel, size_t lanes, const uint8_t *const *messages,
                          size_t count, size_t byte_count, const uint64_t start[8],
                          uint8_t *digests) {
  const uint8_t *padded[MAXIMUM_LANES];
  uint8_t results[MAXIMUM_LANES * LANES_DIGEST_BYTE_COUNT];
  for (size_t lane = 0; lane < lanes; lane++)
    padded[lane] = messages[lane < count ? lane : count - 1];
  kernel(padded, byte_count, start, results);
  memcpy(digests, results, count * LANES_DIGEST_BYTE_COUNT);
}

void lanes_digest_using(size_t lanes, const void *const *messages, size_t count,
                        size_t byte_count, const void *personalisation, void *digests) {
  const uint8_t *const *message = (const uint8_t *const *)messages;
  uint8_t *digest = digests;
  uint64_t start[8];
  start_state(start, personalisation);
  lanes = clamped(lanes);
  lanes_kernel *const kernel = kernel_with(lanes);
  while (count >= lanes) {
    kernel(message, byte_count, start, digest);
    message += lanes;
    digest += lanes * LANES_DIGEST_BYTE_COUNT;
    count -= lanes;
  }
  if (count == 1)
    lanes_kernel_scalar(message, byte_count, start, digest);
  else if (count > 1)
    digest_padded(kernel, lanes, message, count, byte_count, start, digest);
}

void lanes_digest(const void *const *messages, size_t count, size_t byte_count,
                  const void *personalisation, void *digests) {
  lanes_digest_using(lanes_chosen(), messages, count, byte_count, personalisation, digests);
}
