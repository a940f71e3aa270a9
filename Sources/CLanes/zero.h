// SPDX-License-Identifier: Apache-2.0
//
// The test for zeros, written once. It is included by one file for each kind of vectors, which
// first defines IS_ZERO, the name of the function to make. The wider the vectors, the more of
// memory the processor asks for at a time: that is all that counts here.

#include "blake2b.h"

/// 64 bytes at any address, of whatever type they are.
typedef uint64_t chunk __attribute__((vector_size(64), aligned(1), may_alias));

#define STRIDE_BYTE_COUNT 256

/// Which bits are set anywhere in the 256 bytes from here on.
ALWAYS_INLINE uint64_t bits_in_stride(const uint8_t *bytes) {
  const chunk *const chunks = (const chunk *)bytes;
  const chunk all = chunks[0] | chunks[1] | chunks[2] | chunks[3];
  return all[0] | all[1] | all[2] | all[3] | all[4] | all[5] | all[6] | all[7];
}

bool IS_ZERO(const uint8_t *bytes, size_t byte_count) {
  if (byte_count < STRIDE_BYTE_COUNT) {
    uint8_t bits = 0;
    for (size_t i = 0; i < byte_count; i++) bits |= bytes[i];
    return bits == 0;
  }
  // The last stride overlaps the one before it, so that no byte is left over.
  const size_t last = byte_count - STRIDE_BYTE_COUNT;
  for (size_t offset = 0; offset < last; offset += STRIDE_BYTE_COUNT)
    if (bits_in_stride(bytes + offset) != 0) return false;
  return bits_in_stride(bytes + last) == 0;
}
