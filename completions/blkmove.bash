# bash completion for blkmove; generated from the table of flags by "make generate"
# SPDX-License-Identifier: Apache-2.0

# Replies with those of the candidates (from standard input) that begin with $1, less
# the part of them that bash has cut off in front of the cursor's word.
_blkmove_reply() {
  local candidate cut=${1%"$2"}
  while IFS= read -r candidate; do
    [[ $candidate == "$1"* ]] && COMPREPLY+=("${candidate#"$cut"}")
  done
}

_blkmove() {
  # Bash cuts words at "=" and ":"; here they are put together again.
  local index=$COMP_CWORD part=${COMP_WORDS[COMP_CWORD]} current=${COMP_WORDS[COMP_CWORD]}
  while ((index > 1)) &&
    [[ ${COMP_WORDS[index]} == [=:]* || ${COMP_WORDS[index - 1]} == *[=:] ]]; do
    index=$((index - 1))
    current=${COMP_WORDS[index]}$current
  done
  [[ $part == [=:] ]] && part=
  COMPREPLY=()

  # An option that is being given its value: --name=VALUE, or --name VALUE.
  local name=${COMP_WORDS[index - 1]} prefix=
  if [[ $current == --*=* ]]; then
    name=${current%%=*}=
    prefix=$name
  fi
  case $name in
    --compress=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" auto none 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19); compopt +o default; return ;;
    --seed | --seed=) return ;;
    --size-policy | --size-policy=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" strict resize min); compopt +o default; return ;;
    --manifest=) return ;;
    --spot-checks | --spot-checks=) compopt +o default; return ;;
    --live | --live=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" qmp: libvirt: trace reflink rescan); compopt +o default; return ;;
    --max-pause | --max-pause=) compopt +o default; return ;;
    --max-rounds | --max-rounds=) compopt +o default; return ;;
    --throttle | --throttle=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" auto off); compopt +o default; return ;;
    --cutover | --cutover=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" auto manual); compopt +o default; return ;;
    --after | --after=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" resume stop quit); compopt +o default; return ;;
    --pause-cmd | --pause-cmd=) _blkmove_reply "$current" "$part" < <(compgen -P "$prefix" -c -- "$part"); return ;;
    --resume-cmd | --resume-cmd=) _blkmove_reply "$current" "$part" < <(compgen -P "$prefix" -c -- "$part"); return ;;
    --switch-cmd | --switch-cmd=) _blkmove_reply "$current" "$part" < <(compgen -P "$prefix" -c -- "$part"); return ;;
    --with-memory | --with-memory=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" qmp:); compopt +o default; return ;;
    --incoming-cmd | --incoming-cmd=) _blkmove_reply "$current" "$part" < <(compgen -P "$prefix" -c -- "$part"); return ;;
    --hook-timeout | --hook-timeout=) compopt +o default; return ;;
    --swap | --swap=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" late include); compopt +o default; return ;;
    --connections | --connections=) _blkmove_reply "$current" "$part" < <(printf -- "$prefix%s\n" auto 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16); compopt +o default; return ;;
    -e | --rsh | --rsh=) _blkmove_reply "$current" "$part" < <(compgen -P "$prefix" -c -- "$part"); return ;;
    --remote-path | --remote-path=) compopt +o default; return ;;
    --bwlimit | --bwlimit=) compopt +o default; return ;;
    --timeout | --timeout=) compopt +o default; return ;;
    --retry | --retry=) compopt +o default; return ;;
    --progress=) compopt +o default; return ;;
    --log-file | --log-file=) return ;;
    --threads | --threads=) compopt +o default; return ;;
    --index-memory | --index-memory=) compopt +o default; return ;;
    --restrict | --restrict=) return ;;
  esac

  local word subcommand=copy
  for word in "${COMP_WORDS[@]:1:index - 1}"; do
    case $word in
      verify | digest | status | cutover | manifest | delta | apply | serve) subcommand=$word && break ;;
      --) break ;;
    esac
  done
  if [[ $current == -* ]]; then
    local options
    case $subcommand in
      copy) options='--dry-run --estimate --whole --no-whole --sparse --no-sparse --compress --no-compress --seed= --size-policy= --verify --no-verify --atomic --no-atomic --manifest --no-manifest --checksum --no-checksum --paranoid --no-paranoid --trust-target --no-trust-target --spot-checks= --live= --max-pause= --max-rounds= --throttle= --cutover= --after= --pause-cmd= --resume-cmd= --switch-cmd= --with-memory= --incoming-cmd= --hook-timeout= --swap= --force --connections= --rsh= --remote-path= --bwlimit= --timeout= --retry= --verbose --quiet --progress --no-progress --stats --json --log-file= --help --version --threads= --index-memory=' ;;
      verify) options='--size-policy= --force --rsh= --remote-path= --bwlimit= --timeout= --verbose --quiet --progress --no-progress --stats --json --log-file= --help --version --threads=' ;;
      digest) options='--force --rsh= --remote-path= --bwlimit= --timeout= --verbose --quiet --progress --no-progress --json --log-file= --help --version --threads=' ;;
      status) options='--manifest --no-manifest --json --help --version' ;;
      cutover) options='--help --version' ;;
      manifest) options='--manifest --no-manifest --checksum --no-checksum --paranoid --no-paranoid --force --verbose --quiet --progress --no-progress --log-file= --help --version --threads=' ;;
      delta) options='--compress --no-compress --manifest --no-manifest --checksum --no-checksum --paranoid --no-paranoid --force --verbose --quiet --progress --no-progress --log-file= --help --version --threads=' ;;
      apply) options='--dry-run --verify --no-verify --atomic --no-atomic --manifest --no-manifest --paranoid --no-paranoid --trust-target --no-trust-target --spot-checks= --force --verbose --quiet --progress --no-progress --json --log-file= --help --version --threads=' ;;
      serve) options='--help --version --restrict= --read-only --write-only' ;;
    esac
    _blkmove_reply "$current" "$part" < <(printf '%s\n' $options)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
  elif [[ $current == *:* && ${current%%:*} != */* ]]; then
    # A path on another host: nothing of this machine completes it.
    compopt +o default
  elif ((index == 1)); then
    _blkmove_reply "$current" "$part" < <(printf '%s\n' verify digest status cutover manifest delta apply serve)
    if ((${#COMPREPLY[@]})); then
      compopt -o filenames
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    fi
  fi
}
complete -o default -F _blkmove blkmove
