// SPDX-License-Identifier: Apache-2.0
#include <blake2.h>
