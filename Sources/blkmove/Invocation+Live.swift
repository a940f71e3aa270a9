// SPDX-License-Identifier: Apache-2.0

import Live
import Storage
import Transfer

/// What the command line of a live copy means.
extension Invocation {
  static func live(_ arguments: Arguments, _ method: LiveMethod) throws -> LiveRequest {
    try refuseWhatLiveCannot(arguments)
    let operands = arguments.operands
    let wanted = method.findsImages ? 1 : 2
    guard operands.count == wanted else {
      throw UsageError(
        method.findsImages
          ? "'--live=\(method.displayed)' takes one operand, the target: the machine says what "
            + "its disks are"
          : "'--live=\(method.displayed)' takes a source and a target")
    }
    let target = try LocationParser.parse(operands.last!, as: .target)
    var source: String?
    if !method.findsImages {
      guard case .local(let path) = try LocationParser.parse(operands[0], as: .source) else {
        throw UsageError(
          "a live source is on this machine, and '\(operands[0])' is not",
          hint: "run blkmove on the machine where it is written to")
      }
      source = path
    }
    var settings = arguments.live
    try refuseWhatMethodCannot(arguments, method)
    try refuseWhatMemoryCannot(arguments, method)
    let staysHere = settings.switchCommand == nil && settings.memorySocket == nil
    settings.after = arguments.after ?? (staysHere ? .resume : .stop)
    return LiveRequest(method: method, source: source, target: target, settings: settings)
  }

  private static func refuseWhatLiveCannot(_ arguments: Arguments) throws {
    let refused: [(Bool, String, String)] = [
      (arguments.isDryRun, "--dry-run", "what would be sent changes while it is counted"),
      (
        arguments.verifiesTarget, "--verify",
        "what is written in the pause is read back anyway; for all of it run 'blkmove verify' later"
      ),
      (arguments.isAtomic, "--atomic", "its target is changed in place, or new"),
      (arguments.retryCount ?? 0 > 0, "--retry", "a lost line ends it, with the writer running"),
      (arguments.sizePolicy == .min, "--size-policy=min", "all of an image is moved"),
    ]
    for (isGiven, option, reason) in refused where isGiven {
      throw UsageError("option '\(option)' does not go with '--live': \(reason)")
    }
  }

  /// A machine is paused through its monitor; what commands pause has none.
  private static func refuseWhatMethodCannot(
    _ arguments: Arguments, _ method: LiveMethod
  ) throws {
    let live = arguments.live
    let isThrottled = if case .writesPerSecond = live.throttle { true } else { false }
    let isMachine = method.findsImages
    let refused: [(Bool, String, String)] = [
      (isMachine && live.pauseCommand != nil, "--pause-cmd", "the machine is paused by itself"),
      (isMachine && live.resumeCommand != nil, "--resume-cmd", "the machine is resumed by itself"),
      (!isMachine && isThrottled, "--throttle", "only a machine can be slowed down"),
      (!isMachine && arguments.after == .quit, "--after=quit", "only a machine can be ended"),
    ]
    for (isGiven, option, reason) in refused where isGiven {
      throw UsageError(
        "option '\(option)' does not go with '--live=\(method.displayed)': \(reason)")
    }
  }

  private static func refuseWhatMemoryCannot(
    _ arguments: Arguments, _ method: LiveMethod
  ) throws {
    guard arguments.live.memorySocket != nil else {
      if arguments.live.incomingCommand == nil { return }
      throw UsageError("option '--incoming-cmd' goes with '--with-memory'")
    }
    guard case .qmp = method else {
      throw UsageError("option '--with-memory' goes with '--live=qmp:SOCKET' only")
    }
    if arguments.after == .resume {
      throw UsageError(
        "'--after=resume' does not go with '--with-memory': the machine runs at the target then")
    }
  }

  static func process(_ operands: [String]) throws -> Int32? {
    guard let first = operands.first else { return nil }
    guard operands.count == 1, let process = Int32(first), process > 0 else {
      throw UsageError("'\(Program.name) cutover' takes the number of one process")
    }
    return process
  }
}
