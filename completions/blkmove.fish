# fish completion for blkmove; generated from the table of flags by "make generate"
# SPDX-License-Identifier: Apache-2.0

function __blkmove_subcommand
  for word in (commandline -opc)[2..-1]
    switch $word
      case verify digest status cutover manifest delta apply serve
        echo $word
        return
      case --
        break
    end
  end
  echo copy
end

function __blkmove_is
  contains -- (__blkmove_subcommand) $argv
end

# Whether only options have been typed so far.
function __blkmove_is_at_start
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; or return 1
  end
end

function __blkmove_is_typing
  string match -q -- "$argv*" (commandline -ct)
end

complete -c blkmove -n __blkmove_is_at_start -a verify -d 'compare two images and change neither'
complete -c blkmove -n __blkmove_is_at_start -a digest -d 'print the 32-byte name of each image'
complete -c blkmove -n __blkmove_is_at_start -a status -d 'tell what is remembered of each image of this machine'
complete -c blkmove -n __blkmove_is_at_start -a cutover -d 'tell a live copy with --cutover=manual that it is time'
complete -c blkmove -n __blkmove_is_at_start -a manifest -d 'write the manifest of an image to standard output'
complete -c blkmove -n __blkmove_is_at_start -a delta -d 'write what an image with MANIFEST lacks of IMAGE (- is standard input)'
complete -c blkmove -n __blkmove_is_at_start -a apply -d 'carry out a delta, from standard input, on TARGET'
complete -c blkmove -n __blkmove_is_at_start -a serve -d 'be the forced command of an ssh key, for these paths only'
complete -c blkmove -n '__blkmove_is copy verify digest' -a '(__fish_print_hostnames):' -d host

complete -c blkmove -n '__blkmove_is copy apply' -s n -l dry-run -d 'tell what would be sent, change nothing'
complete -c blkmove -n '__blkmove_is copy' -l estimate -d 'tell what would be sent and how long it would take'
complete -c blkmove -n '__blkmove_is copy' -s W -l whole -d 'send everything that is not zero without asking'
complete -c blkmove -n '__blkmove_is copy' -l no-whole -d 'turn --whole off'
complete -c blkmove -n '__blkmove_is copy' -s S -l sparse -d 'make zeros holes at the target (the default)'
complete -c blkmove -n '__blkmove_is copy' -l no-sparse -d 'turn --sparse off'
complete -c blkmove -n '__blkmove_is copy delta' -s z -l compress -d 'compress on the wire: auto (the default), none, 1..19'
complete -c blkmove -n '__blkmove_is copy delta; and __blkmove_is_typing --compress=' -a '--compress=auto --compress=none --compress=1 --compress=2 --compress=3 --compress=4 --compress=5 --compress=6 --compress=7 --compress=8 --compress=9 --compress=10 --compress=11 --compress=12 --compress=13 --compress=14 --compress=15 --compress=16 --compress=17 --compress=18 --compress=19'
complete -c blkmove -n '__blkmove_is copy delta' -l no-compress -d 'turn --compress off'
complete -c blkmove -n '__blkmove_is copy' -l seed -r -F -d 'another image at the target\'s end, or a directory of them, to reuse pages of'
complete -c blkmove -n '__blkmove_is copy verify' -l size-policy -r -f -a 'strict resize min' -d 'when sizes differ: strict, resize (the default), min'
complete -c blkmove -n '__blkmove_is copy apply' -l verify -d 'read the target back from its medium before saying done'
complete -c blkmove -n '__blkmove_is copy apply' -l no-verify -d 'turn --verify off'
complete -c blkmove -n '__blkmove_is copy apply' -l atomic -d 'replace a target file as a whole when the copy is complete'
complete -c blkmove -n '__blkmove_is copy apply' -l no-atomic -d 'turn --atomic off'
complete -c blkmove -n '__blkmove_is copy status manifest delta apply' -l manifest -d 'where this end remembers its image between two runs'
complete -c blkmove -n '__blkmove_is copy status manifest delta apply' -l no-manifest -d 'turn --manifest off'
complete -c blkmove -n '__blkmove_is copy manifest delta' -s c -l checksum -d 'read the source even where it is proved unchanged'
complete -c blkmove -n '__blkmove_is copy manifest delta' -l no-checksum -d 'turn --checksum off'
complete -c blkmove -n '__blkmove_is copy manifest delta apply' -l paranoid -d 'read and hash everything at both ends'
complete -c blkmove -n '__blkmove_is copy manifest delta apply' -l no-paranoid -d 'turn --paranoid off'
complete -c blkmove -n '__blkmove_is copy apply' -l trust-target -d 'nobody but blkmove writes to the target device'
complete -c blkmove -n '__blkmove_is copy apply' -l no-trust-target -d 'turn --trust-target off'
complete -c blkmove -n '__blkmove_is copy apply' -l spot-checks -r -f -d 'groups of a trusted target that are read all the same (64)'
complete -c blkmove -n '__blkmove_is copy' -l live -r -f -a 'qmp: libvirt: trace reflink rescan' -d 'copy what is in use: qmp:SOCKET, libvirt:NAME, trace, reflink, rescan'
complete -c blkmove -n '__blkmove_is copy' -l max-pause -r -f -d 'how long the pause may be: 3s (the default), 500ms'
complete -c blkmove -n '__blkmove_is copy' -l max-rounds -r -f -d 'give up after so many rounds (30)'
complete -c blkmove -n '__blkmove_is copy' -l throttle -r -f -a 'auto off' -d 'slow the writer down when it must be (auto), never (off), or to IOPS writes a second'
complete -c blkmove -n '__blkmove_is copy' -l cutover -r -f -a 'auto manual' -d 'when to pause: auto (the default), manual'
complete -c blkmove -n '__blkmove_is copy' -l after -r -f -a 'resume stop quit' -d 'what the writer does when the copy is complete: resume, stop, quit'
complete -c blkmove -n '__blkmove_is copy' -l pause-cmd -r -f -a '(__fish_complete_command)' -d 'what pauses the writer: fsfreeze -f /srv/db'
complete -c blkmove -n '__blkmove_is copy' -l resume-cmd -r -f -a '(__fish_complete_command)' -d 'what lets the writer go on: fsfreeze -u /srv/db'
complete -c blkmove -n '__blkmove_is copy' -l switch-cmd -r -f -a '(__fish_complete_command)' -d 'what starts the writer at the other end'
complete -c blkmove -n '__blkmove_is copy' -l with-memory -r -f -a 'qmp:' -d 'take memory and devices along, to the QEMU with this monitor at the target'
complete -c blkmove -n '__blkmove_is copy' -l incoming-cmd -r -f -a '(__fish_complete_command)' -d 'what starts the machine that waits for the memory'
complete -c blkmove -n '__blkmove_is copy' -l hook-timeout -r -f -d 'how long each of these commands may take (30s)'
complete -c blkmove -n '__blkmove_is copy' -l swap -r -f -a 'late include' -d 'swap areas: include (the default), or late, sent once in the pause'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -s f -l force -d 'go on over locks and unfinished images'
complete -c blkmove -n '__blkmove_is copy' -l connections -r -f -a 'auto 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16' -d 'spread a copy over N connections: auto (the default), 1..16'
complete -c blkmove -n '__blkmove_is copy verify digest' -s e -l rsh -r -f -a '(__fish_complete_command)' -d 'the remote shell and its options (ssh)'
complete -c blkmove -n '__blkmove_is copy verify digest' -l remote-path -r -f -d 'the command at the other end (blkmove)'
complete -c blkmove -n '__blkmove_is copy verify digest' -l bwlimit -r -f -d 'send at most RATE, such as 10M, 1.5MB or 100Mbit'
complete -c blkmove -n '__blkmove_is copy verify digest' -l timeout -r -f -d 'give the other end up after so long a silence'
complete -c blkmove -n '__blkmove_is copy' -l retry -r -f -d 'make a lost connection again, up to N times in a row'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -s v -l verbose -d 'say more'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -s q -l quiet -d 'say nothing but errors'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -s P -l progress -d 'show progress even when stderr is no terminal'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -l no-progress -d 'turn --progress off'
complete -c blkmove -n '__blkmove_is copy verify' -l stats -d 'print a table of figures at the end'
complete -c blkmove -n '__blkmove_is copy verify digest status apply' -l json -d 'print one JSON object a line instead of text'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -l log-file -r -F -d 'append what happens to FILE, with times'
complete -c blkmove -n '__blkmove_is copy verify digest status cutover manifest delta apply serve' -s h -l help -d 'print this help'
complete -c blkmove -n '__blkmove_is copy verify digest status cutover manifest delta apply serve' -s V -l version -d 'print the version'
complete -c blkmove -n '__blkmove_is copy verify digest manifest delta apply' -l threads -r -f -d 'scanning threads at each end (one a processor)'
complete -c blkmove -n '__blkmove_is copy' -l index-memory -r -f -d 'memory for finding moved content (64M)'
complete -c blkmove -n '__blkmove_is serve' -l restrict -r -F -d 'a directory or device that may be served'
complete -c blkmove -n '__blkmove_is serve' -l read-only -d 'serve as the source only'
complete -c blkmove -n '__blkmove_is serve' -l write-only -d 'serve as the target only'
