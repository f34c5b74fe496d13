import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { suggestion } from '../text.ts';
import { defineCommand, type Io } from './command.ts';

const OPTIONS = defineOptions({});

/** Whose script is for the plugin; those of shells are for a program. */
const PLUGIN = 'kubectl';

/**
 * Each asks the program itself, as the user has called it, with the words up to the cursor. That of kubectl is the
 * program that it runs for its plugin, and answers as Cobra's __complete does: 0 for files too, 4 for no files.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash completion for metaipam: source it, or save it in the folder of bash-completion
_metaipam() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :files ]] || COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _metaipam metaipam
`,
  zsh: `#compdef metaipam
# zsh completion for metaipam: save it as _metaipam in a folder of $fpath, or source it behind compinit
_metaipam() {
  local line wants_files
  local -a candidates
  for line in "\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      wants_files=1
    elif [[ -n $line ]]; then
      line=\${line//:/\\\\:}
      candidates+=("\${line/$'\\t'/:}")
    fi
  done
  (( \${#candidates} )) && _describe metaipam candidates
  if [[ -n $wants_files ]]; then
    compset -P '--*='
    _files
  fi
}
if [[ \${funcstack[1]} == _metaipam ]]; then
  _metaipam "$@"
else
  compdef _metaipam metaipam
fi
`,
  fish: `# fish completion for metaipam: source it, or save it as ~/.config/fish/completions/metaipam.fish
function __metaipam_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = :files
      set -l flag (string match -r -- '^--[^=]+=' "$current")
      __fish_complete_path (string replace -- "$flag" '' "$current") | string replace -r -- '^' "$flag"
    else
      printf '%s\\n' $line
    end
  end
end
complete -c metaipam -f -a '(__metaipam_complete)'
`,
  [PLUGIN]: `#!/bin/sh
# completion for kubectl ipam, in whatever shell kubectl's own is: save it as kubectl_complete-ipam on the path, executable
kubectl ipam __complete "$@" 2>/dev/null |
  awk '$0 == ":files" { files = 1; next } { print } END { print files ? ":0" : ":4" }'
`,
};

async function completion({ positionals }: Parsed<typeof OPTIONS>, { stdout, stderr }: Io): Promise<number> {
  const shells = Object.keys(SCRIPTS);
  const [shell = '', ...excess] = positionals;
  if (!Object.hasOwn(SCRIPTS, shell) || excess.length > 0) {
    const found =
      positionals.length === 0 ? '' : `, found ${positionals.join(' ')}${suggestion(shell, shells)}`;
    throw new UsageError(`for what? One of ${shells.join(', ')}${found}`);
  }
  if (shell !== PLUGIN && PROGRAM !== 'metaipam') {
    const own = PROGRAM === 'kubectl ipam' ? `; its own is ${PROGRAM} completion ${PLUGIN}` : '';
    stderr.write(`${PROGRAM} completion: warning: this completes metaipam, not ${PROGRAM}${own}\n`);
  }
  stdout.write(SCRIPTS[shell]!);
  return 0;
}

export default defineCommand({
  name: 'completion',
  summary: 'Print what makes bash, zsh, fish or kubectl complete commands, flags and values',
  usage: 'bash|zsh|fish|kubectl',
  description: `
Prints a script for the shell. It serves a program of the name metaipam that is on the path, and that for kubectl
the plugin kubectl ipam in every shell that completes kubectl:

  source <(metaipam completion bash)
  metaipam completion zsh > "\${fpath[1]}/_metaipam"
  metaipam completion fish > ~/.config/fish/completions/metaipam.fish
  kubectl ipam completion kubectl > ~/bin/kubectl_complete-ipam && chmod +x ~/bin/kubectl_complete-ipam

Exit codes: 0 printed, 1 on any error.`,
  options: OPTIONS,
  choices: async () => Object.keys(SCRIPTS),
  main: completion,
});
