/** Completion scripts. A script only calls `kon __complete`, so new commands need no new script. */

/** Line that `kon __complete` prints so that the shell itself completes file names. */
export const filesDirective = ':files';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * bash splits words at `:` and `=`, and ARNs contain colons. The script therefore splits the line at blanks, and
 * returns only the part of each candidate after the last `:` or `=` that was typed.
 */
const bash = `# kon completion for bash. To load it: source <(kon completion bash)
_kon() {
  local line upto current typed lead
  local -a words
  upto="\${COMP_LINE:0:COMP_POINT}"
  read -ra words <<<"$upto"
  [[ "$upto" == *[[:space:]] ]] && words+=("")
  typed="\${words[-1]}"
  current="\${COMP_WORDS[COMP_CWORD]}"
  [[ "$current" =~ ^[:=]+$ ]] && current=""
  lead="\${typed%"$current"}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "$line" == "${filesDirective}" ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
      return
    fi
    line="\${line%%$'\\t'*}"
    [[ "$line" == "$typed"* ]] && COMPREPLY+=("\${line#"$lead"}")
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _kon kon
`;

const zsh = `#compdef kon
# kon completion for zsh. To load it: source <(kon completion zsh)
_kon() {
  local line value
  local -a candidates
  while IFS= read -r line; do
    if [[ "$line" == "${filesDirective}" ]]; then
      _files
      return
    fi
    value="\${line%%$'\\t'*}"
    candidates+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'kon' candidates
}
compdef _kon kon
`;

const fish = `# kon completion for fish. To load it: kon completion fish | source
function __kon_complete
    set -l words (commandline --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    for line in ($words[1] __complete -- $words[2..] "$current" 2>/dev/null)
        if test "$line" = "${filesDirective}"
            __fish_complete_path "$current"
            return
        end
        echo $line
    end
end
complete --command kon --no-files --arguments '(__kon_complete)'
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
