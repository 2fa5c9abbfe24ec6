// SPDX-License-Identifier: Apache-2.0
#include "core/shell/completion_script.h"

#include "absl/strings/str_format.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

// Both scripts ask weftd through `weftctl --complete`, so there is nothing in them to go stale.
// bash splits words at colons; what stands before the last one is taken off the candidates.
constexpr std::string_view kBash =
    R"script(# bash completion for weftctl; to use it: source <(weftctl completion bash)
_weftctl() {
  local rest=${COMP_LINE:0:COMP_POINT} option word line text
  local -a socket=()
  COMPREPLY=()
  rest=${rest#*[[:space:]]}
  while [[ $rest =~ ^[[:space:]]*(-[^[:space:]]*)[[:space:]]+ ]]; do
    option=${BASH_REMATCH[1]}
    rest=${rest:${#BASH_REMATCH[0]}}
    case $option in
      -s | --socket | -f | --file)
        if ! [[ $rest =~ ^([^[:space:]]+)[[:space:]]+ ]]; then
          mapfile -t COMPREPLY < <(compgen -f -- "$rest")
          return
        fi
        [[ $option == -f || $option == --file ]] || socket=(-s "${BASH_REMATCH[1]}")
        rest=${rest:${#BASH_REMATCH[0]}} ;;
      --socket=*) socket=(-s "${option#--socket=}") ;;
      --) break ;;
    esac
  done
  word=${rest##*[[:space:]]}
  if [[ $rest == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--socket --file --stop --json --schema --help' -- "$word")
    return
  fi
  while IFS= read -r line; do
    text=${line%%$'\t'*}
    if [[ $line == $'\tFILE: '* ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
    elif [[ -n $text ]]; then
      COMPREPLY+=("$(printf %q "${text#"${word%"${word##*[:=]}"}"}")")
    fi
  done < <("${COMP_WORDS[0]}" "${socket[@]}" --complete -- "$rest" 2>/dev/null)
}
complete -F _weftctl weftctl
)script";

constexpr std::string_view kZsh = R"script(#compdef weftctl
# zsh completion for weftctl; to use it: source <(weftctl completion zsh)
_weftctl() {
  local -a socket lines candidates
  local at=2 rest line files=
  while (( at < CURRENT )) && [[ $words[at] == -* ]]; do
    case $words[at] in
      -s | --socket) (( at + 1 == CURRENT )) && { _files; return }
        socket=(-s ${(Q)words[at + 1]}); (( at++ )) ;;
      -f | --file) (( at + 1 == CURRENT )) && { _files; return }
        (( at++ )) ;;
      --socket=*) socket=(-s ${(Q)words[at]#--socket=}) ;;
    esac
    (( at++ ))
  done
  if [[ $at == $CURRENT && $PREFIX == -* ]]; then
    compadd -- --socket --file --stop --json --schema --help
    return
  fi
  (( at < CURRENT )) && rest="${(j: :)words[at,CURRENT - 1]} "
  lines=("${(@f)$(${(Q)words[1]} $socket --complete -- "$rest$PREFIX" 2>/dev/null)}")
  for line in $lines; do
    if [[ $line == $'\tFILE: '* ]]; then
      files=yes
    elif [[ $line == $'\t'* ]]; then
      _message -r "${line#$'\t'}"
    elif [[ -n $line ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  [[ -n $files ]] && _files
  (( $#candidates )) && _describe weftctl candidates
}
if [[ $funcstack[1] == _weftctl ]]; then _weftctl "$@"; else compdef _weftctl weftctl; fi
)script";

}  // namespace

absl::StatusOr<std::string> CompletionScript(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  return absl::InvalidArgumentError(absl::StrFormat(
      "there is no completion for \"%s\"; there is for bash and zsh", Printable(shell)));
}

}  // namespace weft
