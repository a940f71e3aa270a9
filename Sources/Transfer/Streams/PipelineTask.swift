// SPDX-License-Identifier: Apache-2.0

import Storage

/// The pieces that work in a pipe: what goes in and comes out are standard input and output.
package enum PipelineTask: Equatable, Sendable {
  /// Writes the manifest of an image.
  case manifest(of: String)
  /// Writes what an image with that manifest lacks; nil is standard input.
  case delta(manifest: String?, image: String)
  /// Carries out a delta.
  case apply(to: String)
  /// Copies an image to standard output.
  case emit(Location)
  /// Copies standard input to an image.
  case absorb(to: Location)

  /// The image that is not a stream.
  package var image: Location {
    switch self {
    case .manifest(let path), .delta(_, let path), .apply(let path): .local(path: path)
    case .emit(let image), .absorb(let image): image
    }
  }

  /// Where the bytes come from and go, with `-` for a stream, as far as that is to be shown.
  package var ends: (source: Location, target: Location?) {
    switch self {
    case .manifest, .delta, .apply: (image, nil)
    case .emit(let source): (source, .local(path: "-"))
    case .absorb(let target): (.local(path: "-"), target)
    }
  }

  package var readsStandardInput: Bool {
    switch self {
    case .manifest, .delta(.some, _), .emit: false
    case .delta(nil, _), .apply, .absorb: true
    }
  }

  package var writesStandardOutput: Bool {
    switch self {
    case .manifest, .delta, .emit: true
    case .apply, .absorb: false
    }
  }
}

extension Run {
  package func perform(_ task: PipelineTask) throws(TransferError) -> Report {
    try timed { () throws(TransferError) in
      switch task {
      case .manifest(let path):
        return try ManifestRun(settings: settings, counters: counters).run(path, to: output())
      case .delta(let manifest, let path):
        return try DeltaRun(settings: settings, counters: counters)
          .run(input(manifest), path, to: output())
      case .apply(let path):
        return try ApplyRun(settings: settings, counters: counters).run(input(nil), to: path)
      case .emit(let image):
        return try EmitRun(settings: settings, counters: counters, announce: announce)
          .run(image, to: output())
      case .absorb(let image):
        return try AbsorbRun(settings: settings, counters: counters, announce: announce)
          .run(input(nil), to: image)
      }
    }
  }

  private func input(_ path: String?) throws(TransferError) -> ByteInput {
    do throws(StorageError) {
      if let path { return try ByteInput.open(path) }
      return try ByteInput.standardInput()
    } catch {
      throw TransferError(.stream, error)
    }
  }

  private func output() throws(TransferError) -> ByteOutput {
    do throws(StorageError) {
      return try ByteOutput.standardOutput()
    } catch {
      throw TransferError(.stream, error)
    }
  }
}
