import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { suggestion } from '../text.ts';
import { type Command, defineCommand, type Io } from './command.ts';

const OPTIONS = defineOptions({});

/** Each asks the program itself, as the user has called it, with the words up to the cursor. */
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
  [[ -n $wants_files ]] && _files
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
      __fish_complete_path "$current"
    else
      printf '%s\\n' $line
    end
  end
end
complete -c metaipam -f -a '(__metaipam_complete)'
`,
};

async function completion({ positionals }: Parsed<typeof OPTIONS>, { stdout }: Io): Promise<number> {
  const shells = Object.keys(SCRIPTS);
  const [shell = '', ...excess] = positionals;
  if (!Object.hasOwn(SCRIPTS, shell) || excess.length > 0) {
    const found =
      positionals.length === 0 ? '' : `, found ${positionals.join(' ')}${suggestion(shell, shells)}`;
    throw new UsageError(`which shell? One of ${shells.join(', ')}${found}`);
  }
  stdout.write(SCRIPTS[shell]!);
  return 0;
}

const command: Command = defineCommand({
  name: 'completion',
  summary: 'Print what makes bash, zsh or fish complete commands, flags and values',
  usage: 'bash|zsh|fish',
  description: `
Prints a script for the shell. It serves a program of the name metaipam that is on the path:

  source <(metaipam completion bash)
  metaipam completion zsh > "\${fpath[1]}/_metaipam"
  metaipam completion fish > ~/.config/fish/completions/metaipam.fish

Exit codes: 0 printed, 1 on any error.`,
  options: OPTIONS,
  choices: async () => Object.keys(SCRIPTS),
  main: completion,
});

export default command;
