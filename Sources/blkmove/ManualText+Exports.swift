// SPDX-License-Identifier: Apache-2.0

extension ManualText {
  static let exports = Roff.Section(
    title: "EXPORTS",
    blocks: [
      .paragraph(
        """
        In place of a path, at either end, the address of an export of an NBD server may stand: \
        qcow2 and whatever else is behind `qemu-nbd`(8), `nbdkit`(1) or a running QEMU. It takes \
        libnbd (Debian's package libnbd0), which is loaded when an export is opened.
        """),
      .terms([
        ("`nbd://HOST[:PORT]/NAME`", "by TCP; without a NAME the server's default export."),
        ("`nbd+unix:///NAME?socket=PATH`", "by a socket of that machine."),
        (
          "`nbds://`, `nbds+unix://`",
          "the same with TLS: `nbds://USER@HOST/NAME?tls-psk-file=FILE`, or with certificates."
        ),
        ("`host:nbd+unix:///NAME?socket=PATH`", "an export that another host reaches, over ssh."),
      ]),
      .example([
        "qemu-nbd -r -t -f qcow2 -k /run/web.sock web.qcow2 &",
        "blkmove 'nbd+unix:///?socket=/run/web.sock' backup:/srv/disks/web.img",
      ]),
      .paragraph(
        """
        What the server knows to be zeros (`base:allocation`) is not read, and zeros are written \
        as such (WRITE_ZEROES), with `--no-sparse` so that they keep their space. Trim is never \
        used, since it promises nothing. An export has a fixed size like a device, so \
        `--size-policy` applies as to one; a target is changed in place, and one that is served \
        read-only is refused. A run is done when the server has acknowledged a flush; of a server \
        that knows neither flush nor FUA a note says so. `--verify` reads back what the server \
        gives, which may come from its memory. A server that is silent for a minute is lost.
        """),
      .paragraph(
        """
        Nothing is remembered of an export from run to run, nor is it marked as unfinished while \
        it is written: an address is a name for whatever is served there today. For the same \
        reason `--atomic` and `--seed` do not take one. Nobody but the server can tell whether \
        something else writes to it meanwhile, or whether two addresses are one image: take care \
        not to copy an image onto itself. `serve --restrict` allows exactly the addresses that \
        it names.
        """),
    ])
}
