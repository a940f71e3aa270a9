// SPDX-License-Identifier: Apache-2.0

import Live

/// A page of the kernel's trace ring: what is read from it lies within it.
func fuzzTrace(_ page: [UInt8]) {
  var count = 0
  _ = TracePage(page[...], FuzzTraceFormat.format).read { write in
    precondition(write.sectorCount > 0)
    count += 1
  }
  precondition(count <= page.count / 4)
}

private enum FuzzTraceFormat {
  /// As of Linux 6.18 on x86_64.
  static let format = TraceFormat(
    event: """
      ID: 2107
      \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
      \tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;
      \tfield:sector_t sector;\toffset:16;\tsize:8;\tsigned:0;
      \tfield:unsigned int nr_sector;\toffset:24;\tsize:4;\tsigned:0;
      \tfield:char rwbs[10];\toffset:34;\tsize:10;\tsigned:0;
      """,
    page: """
      \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
      \tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
      """)!
}
