#compdef meshwright
# Completion of meshwright in zsh: source <(meshwright completions zsh)
_meshwright() {
    local -a lines found
    local line files=0
    lines=("${(@f)$("${words[1]}" complete zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        if [[ $line == :files ]]; then files=1; continue; fi
        found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    (( $#found )) && _describe -V meshwright found
    (( files )) && _files
}
(( $+functions[compdef] )) || { autoload -U compinit && compinit; }
compdef _meshwright meshwright
