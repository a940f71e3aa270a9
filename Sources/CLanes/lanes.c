// SPDX-License-Identifier: Apache-2.0
//
// Which kernel runs, and how any number of messages is dealt to its lanes.

#include <stdatomic.h>
#include <stdlib.h>

#include "blake2b.h"

#define MAXIMUM_LANES 16

/// A kernel, and from how many messages on it is the one to take. A kernel that does part of
/// its work in vain is still faster than a narrower one that runs more often: eight lanes beat
/// the scalar code from two messages on.
struct kernel {
  size_t lanes;
  size_t least_count;
  lanes_kernel *run;
};

/// The widest first.
static const struct kernel kernels[] = {
#if defined(__x86_64__)
    {16, 9, lanes_kernel_avx512_pair},
    {8, 2, lanes_kernel_avx512},
    {4, 2, lanes_kernel_avx2},
#endif
    {1, 1, lanes_kernel_scalar},
};

static const struct kernel *kernel_for(size_t count, size_t lanes) {
  const struct kernel *kernel = kernels;
  while (kernel->least_count > count || kernel->lanes > lanes) kernel++;
  return kernel;
}

size_t lanes_supported(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return 16;
  if (__builtin_cpu_supports("avx2")) return 4;
#endif
  return 1;
}

/// The most lanes that some kernel has within what is asked for and what is supported.
static size_t clamped(size_t lanes) {
  const size_t supported = lanes_supported();
  if (lanes > supported) lanes = supported;
  return kernel_for(MAXIMUM_LANES, lanes > 0 ? lanes : 1)->lanes;
}

size_t lanes_chosen(void) {
  // Threads that come here first at the same time all find the same answer.
  static atomic_size_t chosen;
  size_t lanes = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (lanes == 0) {
    const char *const wish = getenv("BLKMOVE_LANES");
    const size_t wished = wish == NULL ? 0 : strtoul(wish, NULL, 10);
    lanes = clamped(wished > 0 ? wished : MAXIMUM_LANES);
    atomic_store_explicit(&chosen, lanes, memory_order_relaxed);
  }
  return lanes;
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

/// Runs a kernel with fewer messages than it has lanes: the last one fills what is left over.
static void run_padded(const struct kernel *kernel, const uint8_t *const *messages, size_t count,
                       size_t byte_count, const uint64_t start[8], uint8_t *digests) {
  const uint8_t *padded[MAXIMUM_LANES];
  uint8_t results[MAXIMUM_LANES * LANES_DIGEST_BYTE_COUNT];
  for (size_t lane = 0; lane < kernel->lanes; lane++)
    padded[lane] = messages[lane < count ? lane : count - 1];
  kernel->run(padded, byte_count, start, results);
  memcpy(digests, results, count * LANES_DIGEST_BYTE_COUNT);
}

static void digest_all(size_t lanes, const uint8_t *const *messages, size_t count,
                       size_t byte_count, const void *personalisation, uint8_t *digests) {
  uint64_t start[8];
  start_state(start, personalisation);
  while (count > 0) {
    const struct kernel *const kernel = kernel_for(count, lanes);
    const size_t taken = count < kernel->lanes ? count : kernel->lanes;
    if (taken == kernel->lanes)
      kernel->run(messages, byte_count, start, digests);
    else
      run_padded(kernel, messages, taken, byte_count, start, digests);
    messages += taken;
    digests += taken * LANES_DIGEST_BYTE_COUNT;
    count -= taken;
  }
}

static bool is_zero(size_t lanes, const uint8_t *bytes, size_t byte_count) {
#if defined(__x86_64__)
  if (lanes >= 8) return lanes_is_zero_avx512(bytes, byte_count);
  if (lanes >= 4) return lanes_is_zero_avx2(bytes, byte_count);
#endif
  (void)lanes;
  return lanes_is_zero_scalar(bytes, byte_count);
}

void lanes_digest(const void *const *messages, size_t count, size_t byte_count,
                  const void *personalisation, void *digests) {
  digest_all(lanes_chosen(), (const uint8_t *const *)messages, count, byte_count,
             personalisation, digests);
}

void lanes_digest_using(size_t lanes, const void *const *messages, size_t count,
                        size_t byte_count, const void *personalisation, void *digests) {
  digest_all(clamped(lanes), (const uint8_t *const *)messages, count, byte_count,
             personalisation, digests);
}

bool lanes_is_zero(const void *bytes, size_t byte_count) {
  return is_zero(lanes_chosen(), bytes, byte_count);
}

bool lanes_is_zero_using(size_t lanes, const void *bytes, size_t byte_count) {
  return is_zero(clamped(lanes), bytes, byte_count);
}
