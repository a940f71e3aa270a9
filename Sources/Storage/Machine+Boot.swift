// SPDX-License-Identifier: Apache-2.0

extension Machine {
  /// What tells this running kernel from every other: two ends with the same one can see that
  /// they speak of the same file. Empty when the kernel does not say.
  package static let bootIdentifier =
    KernelFiles.line("/proc/sys/kernel/random/boot_id") ?? ""
}
