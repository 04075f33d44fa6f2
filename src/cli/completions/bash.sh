# Completion of meshwright in bash: source <(meshwright completions bash)
_meshwright() {
    local found
    mapfile -t found < <("${COMP_WORDS[0]}" complete bash -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#found[@]} -gt 0 && ${found[-1]} == :files ]]; then
        unset 'found[-1]'
        compopt -o filenames -o bashdefault -o default
        [[ ${#found[@]} -eq 0 ]] || mapfile -t -O "${#found[@]}" found < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
    COMPREPLY=("${found[@]}")
}
complete -F _meshwright meshwright
