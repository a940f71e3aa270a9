// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

/// The beginning of every conversation: both ends say who they are, then the client says what
/// is to be done.
enum Handshake {
  /// Both ends: version and program. Gives the abilities that both have.
  @discardableResult
  static func greet(_ connection: Connection) throws(TransferError) -> UInt64 {
    let ours = Hello(features: Hello.strands, program: ProgramVersion.text)
    connection.send(.hello(ours))
    guard let answer = try connection.receive() else { throw .lost }
    switch answer {
    case .hello(let theirs):
      do throws(WireError) {
        _ = try ours.agree(with: theirs)
        return ours.commonFeatures(with: theirs)
      } catch {
        throw TransferError(
          .remote, error.description, hint: "install the same version of blkmove at both ends",
          status: .remote)
      }
    case .failure(let failure): throw TransferError(.remote, failure, from: connection.otherEnd)
    default: throw .breach("'\(answer.name)' before 'hello'")
    }
  }

  static func receiveJob(_ connection: Connection) throws(TransferError) -> Job {
    let message = try next(connection, from: .remote)
    guard case .job(let job) = message else { throw .breach("'\(message.name)' before 'job'") }
    return job
  }

  static func receiveSource(_ connection: Connection) throws(TransferError) -> SourceDescription {
    let message = try next(connection, from: .source)
    guard case .source(let source) = message else {
      throw .breach("'\(message.name)' before 'source'")
    }
    return source
  }

  static func receiveTarget(_ connection: Connection) throws(TransferError) -> TargetDescription {
    let message = try next(connection, from: .target)
    guard case .target(let target) = message else {
      throw .breach("'\(message.name)' before 'target'")
    }
    return target
  }

  static func receiveImageName(_ connection: Connection) throws(TransferError) -> ImageName {
    let message = try next(connection, from: .source)
    guard case .digest(let name) = message else {
      throw .breach("'\(message.name)' before 'digest'")
    }
    return name
  }

  /// The next message that is neither progress nor the end; `end` is who speaks.
  private static func next(
    _ connection: Connection, from end: TransferError.End
  ) throws(TransferError) -> Message {
    while let message = try connection.receive() {
      switch message {
      case .progress: continue
      case .failure(let failure):
        throw TransferError(end, failure, from: connection.otherEnd)
      default: return message
      }
    }
    throw .lost
  }
}
