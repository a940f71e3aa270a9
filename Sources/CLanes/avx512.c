// SPDX-License-Identifier: Apache-2.0
//
// Eight messages side by side, for processors with AVX-512.

#if defined(__x86_64__)

#include "avx512.h"

#define KERNEL lanes_kernel_avx512
#define SETS 1
#define KEEP_ORDER(w0, w1, w2, w3)
#define IS_ZERO lanes_is_zero_avx512

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#include "kernel.h"
#include "zero.h"
#pragma clang attribute pop

#endif
