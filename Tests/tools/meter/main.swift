// SPDX-License-Identifier: Apache-2.0
//
// `meter [option...] -- command [argument...]` runs a command with its standard input and output
// passed through, and keeps account of it from outside: the bytes that went each way and the
// peak memory. The end-to-end tests put it between blkmove and ssh, so that the figures that
// blkmove gives of itself are checked by something that shares no line with it. The same place
// is where a line is cut, stalled or spoilt at an exact byte.
//
//   --record FILE         five 64-bit counts in FILE: sent, received, peak memory, exit status,
//                         CPU time; kept current in shared memory, so they survive a SIGKILL;
//                         a meter that finds counts there goes on from them
//   --delay MILLISECONDS  a long line: what passes arrives so much later, each way
//   --at BYTES            do one of the following when this many bytes have passed, both
//                         directions together:
//   --cut                   kill the command and exit with status 255, as ssh does
//   --stall                 pass nothing on any more
//   --flip                  spoil one bit of the byte passed then
//   --kill FILE             SIGKILL the process whose number is in FILE
//   --kill-parent           SIGKILL whoever started the meter

import Glibc

let options = Options(CommandLine.arguments)
let record = Record(path: options.recordPath)
exit(Relay(options: options, record: record).run())
