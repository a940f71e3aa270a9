// SPDX-License-Identifier: Apache-2.0

import Live
import Storage
import Transfer
import Wire

/// What a command line means: the task with its locations, and the settings of the run. It is made
/// from what was typed, the environment, and one question to the file system.
struct Invocation: Sendable {
  enum Task: Equatable, Sendable {
    case copy([Location], to: Location)
    case live(LiveRequest)
    /// Tell a live copy that it is time; nil is the only one.
    case cutover(Int32?)
    case verify(Location, against: Location)
    case digest([Location])
    case status([String])
    case pipeline(PipelineTask)
    case serve(ServeRestriction)
    case server(Server.Role, path: String, seeds: [String], siblings: [String] = [])
    /// Be a further connection of the run of this name.
    case join(String)
    /// Be the way to a unix socket of this machine.
    case relay(String)
    case generate(GeneratedFile)
    /// Watch over a live move.
    case guardian(of: Int32)
    case help(Subcommand)
    case version
  }

  var task: Task
  var settings: Settings

  /// - Parameter isDirectory: asked about a local target of several sources only.
  init(
    _ arguments: Arguments, environment: [String: String],
    isDirectory: (String) -> Bool = FileKind.isDirectory
  ) throws(CommandError) {
    do {
      settings = try Settings(arguments, environment: environment)
      task = try Self.task(arguments, isDirectory)
    } catch let error as UsageError {
      throw CommandError(error)
    } catch let error as TransferError {
      throw CommandError(error)
    } catch {
      throw CommandError("\(error)", status: .failed)
    }
  }

  private static func task(
    _ arguments: Arguments, _ isDirectory: (String) -> Bool
  ) throws -> Task {
    if arguments.wantsHelp { return .help(arguments.subcommand) }
    if arguments.wantsVersion { return .version }
    if let option = arguments.liveOptions.first, arguments.liveMethod == nil {
      throw UsageError("option '\(option)' is for live copies: it goes with '--live'")
    }
    switch arguments.subcommand {
    case .copy:
      return try arguments.liveMethod.map { .live(try live(arguments, $0)) }
        ?? copy(arguments, isDirectory)
    case .cutover: return .cutover(try process(arguments.operands))
    case .verify: return try verify(arguments.operands)
    case .digest: return try digest(arguments.operands)
    case .status: return try status(arguments.operands)
    case .manifest, .delta, .apply: return .pipeline(try pipeline(arguments))
    case .serve: return .serve(try ServeRestriction(arguments))
    case .server: return try server(arguments)
    case .generate:
      guard let file = arguments.generated, arguments.operands.isEmpty else {
        throw UsageError("'--generate' takes no operands")
      }
      return .generate(file)
    case .guardian:
      guard let process = arguments.guarded, arguments.operands.isEmpty else {
        throw UsageError("'--guardian' takes no operands")
      }
      return .guardian(of: process)
    }
  }

  // MARK: Operands

  private static func copy(
    _ arguments: Arguments, _ isDirectory: (String) -> Bool
  ) throws -> Task {
    let operands = arguments.operands
    guard let last = operands.last else { throw UsageError("no source and no target") }
    guard operands.count > 1 else { throw UsageError("no target for '\(last)'") }
    if operands.contains("-") { return .pipeline(try stream(arguments)) }
    var sources: [Location] = []
    for operand in operands.dropLast() {
      sources.append(try LocationParser.parse(operand, as: .source))
    }
    var target = try LocationParser.parse(last, as: .target)
    for source in sources where source.isRemote && target.isRemote {
      throw bothRemote(source, target)
    }
    if sources.count > 1 {
      let path = target.path
      if NbdAddress.isAddress(path) || !target.isRemote && !isDirectory(path) {
        throw UsageError(
          "several sources need a directory as their target, and '\(path)' is none",
          hint: mistypedSubcommand(operands) ?? UsageError("").hint)
      }
      try checkDistinctNames(sources)
      target = target.asDirectory
    }
    return .copy(sources, to: target)
  }

  private static func verify(_ operands: [String]) throws -> Task {
    guard operands.count == 2 else {
      throw UsageError("'\(Program.name) verify' compares two images, not \(operands.count)")
    }
    let source = try LocationParser.parse(operands[0], as: .source)
    let target = try LocationParser.parse(operands[1], as: .target)
    if source.isRemote, target.isRemote { throw bothRemote(source, target) }
    return .verify(source, against: target)
  }

  private static func digest(_ operands: [String]) throws -> Task {
    if operands.isEmpty { throw UsageError("no image to digest") }
    return .digest(try operands.map { try LocationParser.parse($0, as: .source) })
  }

  /// A copy of which one side is a stream.
  private static func stream(_ arguments: Arguments) throws -> PipelineTask {
    let operands = arguments.operands
    guard operands.count == 2, operands[0] != operands[1] else {
      throw UsageError(
        "'-' is a stream, and stands for one of two operands",
        hint: "write ./- for a file named '-'")
    }
    if arguments.isDryRun { throw UsageError("a stream leaves nothing to estimate") }
    if arguments.retryCount ?? 0 > 0 {
      throw UsageError("option '--retry': a stream passes only once")
    }
    if !arguments.seeds.isEmpty {
      throw UsageError(
        operands[1] == "-"
          ? "option '--seed': all of an image is sent to a stream"
          : "option '--seed': a stream is compared only with what the target has in its place")
    }
    guard operands[1] == "-" else {
      if arguments.isWhole {
        throw UsageError(
          "option '--whole': a stream is always compared with what the target has in its place")
      }
      if arguments.sizePolicy != .resize {
        throw UsageError("option '--size-policy': a stream has no size before its end")
      }
      return .absorb(to: try LocationParser.parse(operands[1], as: .target))
    }
    if arguments.isJSON {
      throw UsageError("option '--json': standard output is where the stream goes")
    }
    if arguments.verifiesTarget {
      throw UsageError("option '--verify': what was written to a stream cannot be read back")
    }
    if arguments.isAtomic {
      throw UsageError("option '--atomic': a stream takes no file's place")
    }
    return .emit(try LocationParser.parse(operands[0], as: .source))
  }

  /// The pieces of a pipe work on images of this machine: ssh is another piece.
  private static func pipeline(_ arguments: Arguments) throws -> PipelineTask {
    let operands = arguments.operands
    let count = arguments.subcommand == .delta ? 2 : 1
    guard operands.count == count else {
      let wanted = count == 1 ? "one image" : "a manifest and an image"
      throw UsageError(
        "\(arguments.subcommand.displayed) takes \(wanted), not \(operands.count) operands")
    }
    switch arguments.subcommand {
    case .manifest: return .manifest(of: try local(operands[0], arguments, as: .source))
    case .apply: return .apply(to: try local(operands[0], arguments, as: .target))
    default:
      let manifest =
        operands[0] == "-" ? nil : try local(operands[0], arguments, as: .source)
      return .delta(manifest: manifest, image: try local(operands[1], arguments, as: .source))
    }
  }

  private static func local(
    _ operand: String, _ arguments: Arguments, as end: TransferError.End
  ) throws -> String {
    switch try LocationParser.parse(operand, as: end) {
    case .local(let path): return path
    case .remote(let remote):
      throw UsageError(
        "'\(remote.displayed)' is not on this machine",
        hint: "run it there: ssh \(remote.host) \(Program.name) "
          + "\(arguments.subcommand.rawValue) ...")
    }
  }

  private static func status(_ operands: [String]) throws -> Task {
    if operands.isEmpty { throw UsageError("no image to tell of") }
    return .status(
      try operands.map { operand in
        guard case .local(let path) = try LocationParser.parse(operand, as: .source) else {
          throw UsageError(
            "'\(operand)' is not on this machine",
            hint: "ssh to the host and ask \(Program.name) there")
        }
        return path
      })
  }

  private static func server(_ arguments: Arguments) throws -> Task {
    guard let role = arguments.serverRole, arguments.operands.count == 1,
      let path = arguments.operands.first, !path.isEmpty
    else {
      throw UsageError("'--server' takes a role and one path")
    }
    guard let end = role.end else { return role == .join ? .join(path) : .relay(path) }
    return .server(
      end, path: path, seeds: arguments.seeds, siblings: arguments.siblings)
  }

  private static func bothRemote(_ source: Location, _ target: Location) -> UsageError {
    UsageError(
      "'\(source.displayed)' and '\(target.displayed)' are both remote; one end must be local",
      hint: "run \(Program.name) on one of the two hosts")
  }

  /// Two sources of one name would become one file, the second over the first.
  private static func checkDistinctNames(_ sources: [Location]) throws(UsageError) {
    var seen: [String: Location] = [:]
    for source in sources {
      let name = ImageOpening.baseName(of: source.path)
      if let other = seen.updateValue(source, forKey: name) {
        throw UsageError(
          "'\(other.displayed)' and '\(source.displayed)' would both become '\(name)'",
          hint: "copy them one by one, each to a name of its own")
      }
    }
  }

  private static func mistypedSubcommand(_ operands: [String]) -> String? {
    let words = Subcommand.words.map(\.rawValue)
    return operands.first
      .flatMap { Suggestion.nearest(to: $0, among: words) }
      .map { "did you mean '\(Program.name) \($0)'?" }
  }
}
