// SPDX-License-Identifier: Apache-2.0

package import Qemu
package import Transfer

extension TransferError {
  /// What went wrong between us and the machine whose disks are moved.
  package init(_ end: End, _ error: QmpError) {
    let status: ExitStatus = error.kind == .unsuitable ? .refused : .failed
    self.init(end, error.description, hint: error.hint, status: status)
  }
}

/// Says what a machine does in the words of a run.
func asking<Result>(
  _ end: TransferError.End = .source, _ body: () throws(QmpError) -> Result
) throws(TransferError) -> Result {
  do throws(QmpError) { return try body() } catch { throw TransferError(end, error) }
}
