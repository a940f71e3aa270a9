// SPDX-License-Identifier: Apache-2.0

import Blocks
import CNbd
import Glibc
import Synchronization

/// An export of a server: bytes that are read, written, zeroed and flushed over one connection or,
/// where the server says that this is safe, over several.
///
/// It asks for what the server can take: requests are cut to its greatest size and widened to its
/// least block. It never uses trim, which promises nothing.
///
/// ## Concurrency
/// All of it may be called from several threads at once. `rewriting` is held by whoever reads a
/// block to write it again with a part changed.
package final class NbdExport: Sendable {
  package let address: NbdAddress
  package let byteCount: UInt64
  package let isReadOnly: Bool
  /// What is written can be brought to stable storage.
  package let isDurable: Bool
  package let canZero: Bool
  /// Of those that were asked for, what the server knows.
  package let contexts: Set<String>
  /// The least unit of a request, a power of two.
  let block: UInt64
  private let canFlush: Bool
  private let maximumPayload: Int
  private let connections: [NbdConnection]
  private let turn = Atomic<Int>(0)
  private let rewriting = Mutex(())
  private let limits: Limits

  /// How long, how many, how much.
  package struct Limits: Sendable {
    /// A server that says nothing for so long is lost.
    package var silenceSeconds = 60.0
    /// So much may have to be written out before one flush is over.
    package var flushSeconds = 900.0
    package var connectSeconds = 30.0
    /// A further connection is no need: there may be no room for it.
    package var furtherConnectSeconds = 0.5
    package var connectionCount = 4

    package init() {}
  }

  /// More would be a mebibyte's work to repeat and nothing gained.
  private static let largestPayload = 1 << 20
  /// What a server may have for a block; the protocol's own limit.
  private static let largestBlock: UInt64 = 64 << 10
  /// Servers write zeros where their disk cannot, so this must be done in the time for an answer.
  private static let zeroByteCount: UInt64 = 64 << 20

  private init(
    _ address: NbdAddress, _ facts: Facts, _ connections: [NbdConnection], _ limits: Limits
  ) {
    self.address = address
    self.connections = connections
    self.limits = limits
    byteCount = facts.byteCount
    isReadOnly = facts.isReadOnly
    canFlush = facts.canFlush
    isDurable = facts.canFlush || facts.canForce
    canZero = facts.canZero
    contexts = facts.contexts
    block = facts.block
    maximumPayload = facts.maximumPayload
  }

  /// Connects to the server and asks what it is. `contexts` are those of which `status` will be
  /// asked.
  /// - Parameter connector: makes the sockets, where that is more than connecting to the address.
  ///   The server is not taken leave of then: whoever makes them knows when it may be.
  package static func open(
    _ address: NbdAddress, contexts: [String] = [NbdExtent.allocation],
    limits: Limits = Limits(), connector: (() throws(StorageError) -> Int32)? = nil
  ) throws(StorageError) -> NbdExport {
    let first = try NbdConnection.open(
      address, contexts: contexts, seconds: limits.connectSeconds, connector: connector)
    let facts = try Facts(of: first, address, contexts)
    var connections = [first]
    while facts.canHaveSeveral, connections.count < limits.connectionCount,
      let further = try? NbdConnection.open(
        address, contexts: contexts, seconds: limits.furtherConnectSeconds,
        connector: connector),
      (try? Facts(of: further, address, contexts)) == facts
    {
      connections.append(further)
    }
    return NbdExport(address, facts, connections, limits)
  }

  /// What the server says of the export.
  private struct Facts: Equatable {
    var byteCount: UInt64
    var isReadOnly: Bool
    var canFlush: Bool
    var canForce: Bool
    var canZero: Bool
    var canHaveSeveral: Bool
    var contexts: Set<String>
    var block: UInt64
    var maximumPayload: Int

    init(
      of connection: NbdConnection, _ address: NbdAddress, _ wanted: [String]
    ) throws(StorageError) {
      self = try unsafe connection.ask { handle in
        unsafe Facts(handle, wanted)
      }
      try SizeAgreement.requirePossible(byteCount, of: address.text)
      if block > NbdExport.largestBlock || block & (block - 1) != 0 {
        throw StorageError(
          .unsuitable, object: address.text,
          sentence: "its server takes only blocks of \(block) bytes, which is not possible")
      }
    }

    @unsafe private init(_ handle: OpaquePointer, _ wanted: [String]) {
      // What a server says with a sign is beyond every size.
      byteCount = UInt64(bitPattern: unsafe cnbd_get_size(handle))
      isReadOnly = unsafe cnbd_is_read_only(handle) != 0
      canFlush = unsafe cnbd_can_flush(handle) == 1
      canForce = unsafe cnbd_can_fua(handle) == 1
      canZero = unsafe cnbd_can_zero(handle) == 1
      canHaveSeveral = unsafe cnbd_can_multi_conn(handle) == 1
      contexts = Set(wanted.filter { unsafe cnbd_can_meta_context(handle, $0) == 1 })
      let least = unsafe cnbd_get_block_size(handle, Int32(cnbd_SIZE_MINIMUM))
      block = UInt64(max(least, 1))
      let most = unsafe cnbd_get_block_size(handle, Int32(cnbd_SIZE_MAXIMUM))
      let payload = most > 0 ? Int(clamping: most) : NbdExport.largestPayload
      let unit = Int(clamping: block)
      maximumPayload = max(min(payload, NbdExport.largestPayload) / unit * unit, unit)
    }
  }

  deinit { close() }

  package var connectionCount: Int { connections.count }

  /// A connection has ended, and with it the use of the export.
  var isLost: Bool { connections.contains(where: \.isLost) }

  private var next: NbdConnection {
    if connections.count == 1 { return connections[0] }
    let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return connections[Int(UInt(bitPattern: number) % UInt(connections.count))]
  }

  // MARK: Reading

  /// Fills the buffer, or throws with the first place that cannot be read.
  @unsafe package func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, offset, count: UInt64(bytes.count), of: address.text, "read")
    let range = offset..<offset + UInt64(bytes.count)
    if range.isEmpty { return }
    let whole = widened(range)
    if whole == range {
      try unsafe readBlocks(into: bytes, at: offset)
      return
    }
    let space = PageBuffer(byteCount: Int(whole.upperBound - whole.lowerBound))
    try unsafe readBlocks(into: space.bytes, at: whole.lowerBound)
    let start = Int(offset - whole.lowerBound)
    unsafe bytes.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: space.bytes[start..<start + bytes.count]))
  }

  /// The whole blocks that a range lies in, as far as the export goes.
  private func widened(_ range: Range<UInt64>) -> Range<UInt64> {
    let start = range.lowerBound / block * block
    let end = (range.upperBound + block - 1) / block * block
    return start..<min(end, byteCount)
  }

  @unsafe private func readBlocks(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    var start = 0
    while start < bytes.count {
      let end = min(start + maximumPayload, bytes.count)
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end])
      do throws(NbdFailure) {
        try unsafe readOnce(into: piece, at: offset + UInt64(start))
      } catch {
        try unsafe readAgain(into: piece, at: offset + UInt64(start), after: error)
      }
      start = end
    }
  }

  @unsafe private func readOnce(
    into piece: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(NbdFailure) {
    let command = NbdCommand()
    let seconds = limits.silenceSeconds
    try unsafe next.perform(command, seconds: seconds) { (handle, command) in
      unsafe cnbd_read(handle, piece.baseAddress, piece.count, offset, command.completion)
    }
  }

  /// A page at a time, to find the first that cannot be read; where each of them can, all is well.
  @unsafe private func readAgain(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64, after failure: NbdFailure
  ) throws(StorageError) {
    let step = max(Geometry.pageByteCount, Int(block))
    if failure.isLoss || bytes.count <= step {
      throw .nbd(address.text, "read", failure, at: offset, byteCount: bytes.count)
    }
    for start in stride(from: 0, to: bytes.count, by: step) {
      let end = min(start + step, bytes.count)
      do throws(NbdFailure) {
        try unsafe readOnce(
          into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]),
          at: offset + UInt64(start))
      } catch {
        throw .nbd(
          address.text, "read", error, at: offset + UInt64(start), byteCount: end - start)
      }
    }
  }

  /// What `context` says of a range, from its beginning on; perhaps not as far as its end, but of
  /// something.
  package func status(
    of range: Range<UInt64>, in context: String = NbdExtent.allocation
  ) throws(StorageError) -> [NbdExtent] {
    try StorageError.requireInside(
      byteCount, range.lowerBound, count: UInt64(range.count), of: address.text, "ask for holes")
    if range.isEmpty { return [] }
    let most = UInt64(UInt32.max) / Self.largestBlock * Self.largestBlock
    let whole = widened(range.lowerBound..<min(range.upperBound, range.lowerBound + most))
    let asked = whole.lowerBound..<min(whole.upperBound, whole.lowerBound + most)
    let command = NbdCommand(asking: context, of: asked)
    do throws(NbdFailure) {
      try unsafe next.perform(command, seconds: limits.silenceSeconds) { (handle, command) in
        unsafe cnbd_block_status(
          handle, UInt64(asked.count), asked.lowerBound, command.answer, command.completion)
      }
    } catch {
      throw .nbd(
        address.text, "ask for holes", error, at: asked.lowerBound, byteCount: asked.count)
    }
    let extents = command.extents.compactMap { extent in
      let part = extent.range.clamped(to: range)
      return part.isEmpty ? nil : NbdExtent(range: part, flags: extent.flags)
    }
    guard extents.first?.range.lowerBound == range.lowerBound else {
      throw StorageError(
        .unsuitable, object: address.text, operation: "ask for holes", offset: asked.lowerBound,
        byteCount: asked.count, sentence: "its server gave no answer to that")
    }
    return extents
  }

  // MARK: Writing

  /// With the flag where nothing else would bring it to stable storage.
  private var flags: UInt32 { canFlush || !isDurable ? 0 : UInt32(cnbd_FUA) }

  @unsafe package func write(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, offset, count: UInt64(bytes.count), of: address.text, "write")
    let range = offset..<offset + UInt64(bytes.count)
    if range.isEmpty { return }
    let whole = widened(range)
    if whole == range {
      try unsafe writeBlocks(bytes, at: offset)
      return
    }
    // Only at the edges is something read that is not ours.
    let space = PageBuffer(byteCount: Int(whole.upperBound - whole.lowerBound))
    let failure = rewriting.withLock { _ -> StorageError? in
      do throws(StorageError) {
        try unsafe readEdges(of: range, in: whole, into: space.bytes)
        unsafe UnsafeMutableRawBufferPointer(
          rebasing: space.bytes[Int(offset - whole.lowerBound)...]
        ).copyMemory(from: bytes)
        try unsafe writeBlocks(UnsafeRawBufferPointer(space.bytes), at: whole.lowerBound)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  @unsafe private func readEdges(
    of range: Range<UInt64>, in whole: Range<UInt64>, into space: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    let first = min(block, UInt64(space.count))
    if whole.lowerBound < range.lowerBound {
      try unsafe readBlocks(
        into: UnsafeMutableRawBufferPointer(rebasing: space[..<Int(first)]), at: whole.lowerBound)
    }
    let last = (whole.upperBound - 1) / block * block
    let isRead = whole.lowerBound < range.lowerBound && last == whole.lowerBound
    if range.upperBound < whole.upperBound, !isRead {
      try unsafe readBlocks(
        into: UnsafeMutableRawBufferPointer(rebasing: space[Int(last - whole.lowerBound)...]),
        at: last)
    }
  }

  @unsafe private func writeBlocks(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    let flags = flags
    var start = 0
    while start < bytes.count {
      let end = min(start + maximumPayload, bytes.count)
      let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let place = offset + UInt64(start)
      do throws(NbdFailure) {
        try unsafe next.perform(NbdCommand(), seconds: limits.silenceSeconds) { (handle, command) in
          unsafe cnbd_write(
            handle, piece.baseAddress, piece.count, place, command.completion, flags)
        }
      } catch {
        throw .nbd(address.text, "write", error, at: place, byteCount: piece.count)
      }
      start = end
    }
  }

  /// Makes a range read as zeros. Without `mayBeHole` its space stays its own.
  package func zero(_ range: Range<UInt64>, mayBeHole: Bool) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, range.lowerBound, count: UInt64(range.count), of: address.text, "zero")
    let start = (range.lowerBound + block - 1) / block * block
    // A block that the end of the export cuts is whole there.
    let end = range.upperBound == byteCount ? byteCount : range.upperBound / block * block
    if !canZero || start >= end {
      try writeZeros(range)
      return
    }
    try writeZeros(range.lowerBound..<start)
    var next = start
    while next < end {
      let stop = min(next + Self.zeroByteCount, end)
      if try !zeroBlocks(next..<stop, mayBeHole: mayBeHole) { try writeZeros(next..<stop) }
      next = stop
    }
    try writeZeros(end..<range.upperBound)
  }

  /// False where the server cannot do it although it said so.
  private func zeroBlocks(
    _ range: Range<UInt64>, mayBeHole: Bool
  ) throws(StorageError) -> Bool {
    let flags = flags | (mayBeHole ? 0 : UInt32(cnbd_NO_HOLE))
    do throws(NbdFailure) {
      try unsafe next.perform(NbdCommand(), seconds: limits.silenceSeconds) { (handle, command) in
        unsafe cnbd_zero(
          handle, UInt64(range.count), range.lowerBound, command.completion, flags)
      }
      return true
    } catch {
      if !error.isLoss && Zeroing.isUnknown(SystemError(number: error.number)) { return false }
      throw .nbd(address.text, "zero", error, at: range.lowerBound, byteCount: range.count)
    }
  }

  private func writeZeros(_ range: Range<UInt64>) throws(StorageError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(UInt64(Zeroing.writtenChunkByteCount), range.upperBound - offset)
      let zeros = unsafe UnsafeRawBufferPointer(rebasing: ZeroBytes.shared.bytes[..<Int(count)])
      try unsafe write(zeros, at: offset)
      offset += count
    }
  }

  /// Returns when everything that was written, over whichever connection, is on stable storage.
  package func flush() throws(StorageError) {
    guard canFlush else { return }
    do throws(NbdFailure) {
      try unsafe connections[0].perform(NbdCommand(), seconds: limits.flushSeconds) {
        (handle, command) in unsafe cnbd_flush(handle, command.completion)
      }
    } catch {
      throw .nbd(address.text, "flush", error)
    }
  }

  /// Takes leave of the server. Nobody may be reading or writing.
  package func close() {
    for connection in connections { connection.close() }
  }
}
