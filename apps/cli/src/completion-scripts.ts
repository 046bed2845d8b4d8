/**
 * What the shells need: each asks `flowplane __complete -- WORDS`, so that the commands, their options and even the
 * ids of runs come from the program itself. The last word is the one being typed, and may be empty.
 */
export type Shell = "bash" | "zsh" | "fish";

const BASH = `
_flowplane() {
  local IFS=$'\\n' line words
  COMPREPLY=()
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  for line in $(flowplane __complete -- "\${words[@]}" 2>/dev/null); do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done
  if [ \${#COMPREPLY[@]} -eq 0 ]; then compopt -o default; fi
}
complete -F _flowplane flowplane
`;

const ZSH = `
_flowplane() {
  local -a candidates
  local line
  for line in "\${(@f)$(flowplane __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#candidates} )); then _describe -V flowplane candidates; else _files; fi
}
compdef _flowplane flowplane
`;

const FISH = `
function __flowplane_complete
  set -l words (commandline -opc) (commandline -ct)
  flowplane __complete -- $words[2..] 2>/dev/null
end
complete -c flowplane -a '(__flowplane_complete)'
`;

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
