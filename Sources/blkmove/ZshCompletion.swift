// SPDX-License-Identifier: Apache-2.0

/// The completion for zsh: `completions/_blkmove`.
enum ZshCompletion {
  static var text: String {
    """
    #compdef blkmove
    # zsh completion for blkmove; generated from the table of flags by "make generate"
    # SPDX-License-Identifier: Apache-2.0

    _blkmove_image() {
      _alternative 'files:image or device:_files' 'hosts:host:_hosts -S:'
    }

    _blkmove_first() {
      local -a subcommands=(
    \(subcommands)
      )
      _alternative 'images:image:_blkmove_image' \\
        'subcommands:subcommand:{_describe subcommand subcommands}'
    }

    _blkmove() {
      local subcommand=copy word
      local -a specifications
      for word in ${words[2,CURRENT-1]}; do
        case $word in
          (\(words.joined(separator: "|"))) subcommand=$word; break ;;
          (--) break ;;
        esac
      done
      case $subcommand in
    \(([Subcommand.copy] + Subcommand.words).map(optionCase).joined(separator: "\n"))
      esac
      if [[ $subcommand == copy ]]; then
        _arguments -s -S : $specifications '1:image:_blkmove_first' '*:image:_blkmove_image'
      else
        _arguments -s -S : $specifications '1:subcommand:' '*:image:_blkmove_image'
      fi
    }

    _blkmove "$@"

    """
  }

  private static let words = Subcommand.words.map(\.rawValue)

  private static var subcommands: String {
    Subcommand.words.map { "    '\($0.rawValue):\(escaped($0.summary))'" }
      .joined(separator: "\n")
  }

  private static func optionCase(_ subcommand: Subcommand) -> String {
    let specifications = FlagTable.flags(of: subcommand).flatMap(specifications)
    return
      (["    (\(subcommand.rawValue)) specifications=("] + specifications.map { "      \($0)" })
      .joined(separator: "\n") + "\n    ) ;;"
  }

  /// One for each name, as `_arguments` reads them; a name excludes its others.
  private static func specifications(_ flag: Flag) -> [String] {
    let names = (flag.short.map { ["-\($0)"] } ?? []) + flag.longNames.map { "--\($0)" }
    let exclusion = flag.isRepeatable ? "*" : "(\(names.joined(separator: " ")))"
    return names.map { name in
      let isNegation = name.hasPrefix("--no-")
      var specification = "'\(exclusion)\(name)"
      if name.hasPrefix("--"), !isNegation {
        switch flag.value {
        case .none: break
        case .required: specification += "="
        case .optional: specification += "=-"
        }
      } else if flag.needsValue {
        specification += "+"
      }
      let summary = isNegation ? flag.negatedSummary : flag.summary
      specification += "[\(escaped(summary))]"
      if !isNegation, name.hasPrefix("--") || flag.needsValue { specification += value(flag) }
      return specification + "'"
    }
  }

  private static func value(_ flag: Flag) -> String {
    switch flag.value {
    case .none: ""
    case .required(let name, let completion): ":\(name):\(action(completion))"
    case .optional(let name, let completion): "::\(name):\(action(completion))"
    }
  }

  private static func action(_ completion: Flag.Completion) -> String {
    switch completion {
    case .nothing: ""
    case .file: "_files"
    case .command: "_command_names -e"
    case .choices(let words): "(\(words.joined(separator: " ")))"
    }
  }

  /// For a place between single quotes in which brackets and colons mean something.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "'": result += "'\\''"
      case "[", "]", ":", "\\": result += "\\\(character)"
      default: result.append(character)
      }
    }
    return result
  }
}
