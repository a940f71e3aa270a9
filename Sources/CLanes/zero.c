// SPDX-License-Identifier: Apache-2.0
//
// The test for zeros. Plain vectors of C are enough: it waits for memory, not for arithmetic.

#include "blake2b.h"

/// 64 bytes at any address, of whatever type they are.
typedef uint64_t chunk __attribute__((vector_size(64), aligned(1), may_alias));

#define STRIDE_BYTE_COUNT 256

/// Whether any bit is set in the 256 bytes from here on.
ALWAYS_INLINE uint64_t bits_in_stride(const uint8_t *bytes) {
  const chunk *chunks = (const chunk *)bytes;
  const chunk all = chunks[0] | chunks[1] | chunks[2] | chunks[3];
  return all[0] | all[1] | all[2] | all[3] | all[4] | all[5] | all[6] | all[7];
}

static bool is_short_run_zero(const uint8_t *bytes, size_t byte_count) {
  uint64_t bits = 0;
  for (size_t i = 0; i < byte_count; i++) bits |= bytes[i];
  return bits == 0;
}

bool lanes_is_zero(const void *bytes, size_t byte_count) {
  const uint8_t *const start = bytes;
  if (byte_count < STRIDE_BYTE_COUNT) return is_short_run_zero(start, byte_count);

  // The last stride overlaps the one before it, so that no byte is left over, the last least.
  const size_t last = byte_count - STRIDE_BYTE_COUNT;
  for (size_t offset = 0; offset < last; offset += STRIDE_BYTE_COUNT)
    if (bits_in_stride(start + offset) != 0) return false;
  return bits_in_stride(start + last) == 0;
}
