// SPDX-License-Identifier: Apache-2.0
//
// Twice eight messages side by side, for processors with AVX-512: while the instructions of
// one set wait for each other's results, those of the other run. The 32 vectors of both
// states are just as many as there are registers.

#if defined(__x86_64__)

#include "avx512.h"

#define KERNEL lanes_kernel_avx512_pair
#define SETS 2
#define KEEP_ORDER(w0, w1, w2, w3) \
  __asm__ volatile("" : "+v"(w0), "+v"(w1), "+v"(w2), "+v"(w3))

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#include "kernel.h"
#pragma clang attribute pop

#endif
