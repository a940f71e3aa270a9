// SPDX-License-Identifier: Apache-2.0
//
// The hashing kernel: BLAKE2b-256 of many messages at once, one message in each lane of the
// machine's vectors, and a test for zeros that runs as fast as memory can be read.
//
// A tree of digests offers thousands of independent messages of equal length, so lanes are
// filled with whole messages rather than with parts of one: every lane does what the scalar
// code does, and the digests are those that `b2sum -l 256` prints. Which kernel runs is
// decided once, from what the processor can do; the environment variable
// BLKMOVE_LANES=1|4|8|16 asks for fewer lanes, so that one machine can test every kernel.
//
// All functions may be called from any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_DIGEST_BYTE_COUNT 32
#define LANES_PERSONALISATION_BYTE_COUNT 16

/// How many lanes the widest kernel of this machine has: 16 (AVX-512, where a narrower kernel
/// of 8 lanes takes short counts), 4 (AVX2) or 1.
size_t lanes_supported(void);

/// How many lanes are used: what is supported, or less when BLKMOVE_LANES says so.
size_t lanes_chosen(void);

/// Puts the BLAKE2b-256 digests of `count` messages of `byte_count` bytes each at `digests`,
/// 32 bytes a message, in order. `personalisation` is 16 bytes, or NULL for none.
void lanes_digest(const void *const *messages, size_t count, size_t byte_count,
                  const void *personalisation, void *digests);

/// The same with at most so many lanes: 1, 4, 8 or 16, clamped to what is supported.
void lanes_digest_using(size_t lanes, const void *const *messages, size_t count,
                        size_t byte_count, const void *personalisation, void *digests);

/// Whether all of the bytes are zero. Returns at once when one near the beginning is not.
bool lanes_is_zero(const void *bytes, size_t byte_count);

/// The same with the vectors that so many lanes have.
bool lanes_is_zero_using(size_t lanes, const void *bytes, size_t byte_count);
