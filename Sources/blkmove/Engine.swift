// SPDX-License-Identifier: Apache-2.0

import Blocks
import Live
import Storage
import Transfer

/// What does the work behind the command: the room `Transfer`, or a stand-in for tests.
struct Engine: Sendable {
  var copy:
    @Sendable (Settings, Counters, Location, Location, @escaping Announce)
      throws(TransferError) -> Report
  var verify:
    @Sendable (Settings, Counters, Location, Location, @escaping Announce)
      throws(TransferError) -> Report
  var digest:
    @Sendable (Settings, Counters, Location, @escaping Announce) throws(TransferError) -> Digest
  var perform:
    @Sendable (PipelineTask, Settings, Counters, @escaping Announce)
      throws(TransferError) -> Report = {
        (task, settings, counters, announce) throws(TransferError) in
        try Run(settings: settings, counters: counters, announce: announce).perform(task)
      }
  var live:
    @Sendable (
      LiveRequest, Settings, Counters, Monitor<Bool>, @escaping Announce,
      @escaping @Sendable (LiveEvent) -> Void
    ) throws(TransferError) -> LiveReport = {
      (request, settings, counters, cutover, announce, observe) throws(TransferError) in
      try LiveMove(
        request, copying: settings, counters: counters, cutoverRequest: cutover,
        announce: announce, observe: observe
      ).run()
    }
  var status: @Sendable (Settings, String) throws(TransferError) -> ImageStatus
  var serve: @Sendable (Server) -> ExitStatus
  var join: @Sendable (String) throws(TransferError) -> Void
  var refuse: @Sendable (TransferError) -> ExitStatus

  static let transfer = Engine(
    copy: { (settings, counters, source, target, announce) throws(TransferError) in
      try Run(settings: settings, counters: counters, announce: announce).copy(source, to: target)
    },
    verify: { (settings, counters, source, target, announce) throws(TransferError) in
      try Run(settings: settings, counters: counters, announce: announce)
        .verify(source, against: target)
    },
    digest: { (settings, counters, image, announce) throws(TransferError) in
      try Run(settings: settings, counters: counters, announce: announce).digest(of: image)
    },
    status: { (settings, path) throws(TransferError) in
      try Run(settings: settings, counters: Counters()).status(of: path)
    },
    serve: { $0.serve() },
    join: { (name) throws(TransferError) in try StrandMember.join(name) },
    refuse: { Server.refuse($0) })
}
