// SPDX-License-Identifier: Apache-2.0

/// The completion for bash, `completions/blkmove.bash`. It needs nothing but bash itself; file
/// names are left to readline, which quotes them best.
enum BashCompletion {
  static var text: String {
    """
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
    \(valueCases)
      esac

      local word subcommand=copy
      for word in "${COMP_WORDS[@]:1:index - 1}"; do
        case $word in
          \(words.joined(separator: " | "))) subcommand=$word && break ;;
          --) break ;;
        esac
      done
      if [[ $current == -* ]]; then
        local options
        case $subcommand in
    \(optionCases)
        esac
        _blkmove_reply "$current" "$part" < <(printf '%s\\n' $options)
        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
      elif [[ $current == *:* && ${current%%:*} != */* ]]; then
        # A path on another host: nothing of this machine completes it.
        compopt +o default
      elif ((index == 1)); then
        _blkmove_reply "$current" "$part" < <(printf '%s\\n' \(words.joined(separator: " ")))
        if ((${#COMPREPLY[@]})); then
          compopt -o filenames
          while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
        fi
      fi
    }
    complete -o default -F _blkmove blkmove

    """
  }

  private static let words = Subcommand.words.map(\.rawValue)

  /// What completes the values, by the option that is being given one.
  private static var valueCases: String {
    FlagTable.all.filter { !$0.isHidden }.compactMap { flag in
      var names: [String]
      switch flag.value {
      case .none: return nil
      case .optional: names = []
      case .required: names = (flag.short.map { ["-\($0)"] } ?? []) + ["--\(flag.long)"]
      }
      names.append("--\(flag.long)=")
      return "    \(names.joined(separator: " | "))) \(action(flag.completion))return ;;"
    }.joined(separator: "\n")
  }

  /// Nothing to do for files: readline completes them when there is no reply.
  private static func action(_ completion: Flag.Completion) -> String {
    switch completion {
    case .file: ""
    case .nothing: "compopt +o default; "
    case .command:
      "_blkmove_reply \"$current\" \"$part\" < <(compgen -P \"$prefix\" -c -- \"$part\"); "
    case .choices(let words):
      "_blkmove_reply \"$current\" \"$part\" < <(printf -- \"$prefix%s\\n\" "
        + "\(words.joined(separator: " "))); compopt +o default; "
    }
  }

  private static var optionCases: String {
    ([Subcommand.copy] + Subcommand.words).map { subcommand in
      let options = FlagTable.flags(of: subcommand).flatMap { flag in
        flag.longNames.map { "--\($0)\(flag.needsValue ? "=" : "")" }
      }
      return "      \(subcommand.rawValue)) options='\(options.joined(separator: " "))' ;;"
    }.joined(separator: "\n")
  }
}
