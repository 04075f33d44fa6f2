# Completion of meshwright in fish: meshwright completions fish > ~/.config/fish/completions/meshwright.fish
function __meshwright_complete
    set -l before (commandline -opc)
    set -l found ($before[1] complete fish -- $before[2..-1] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0; and test "$found[-1]" = :files
        set -e found[-1]
        __fish_complete_path (commandline -ct)
    end
    test (count $found) -gt 0; and printf '%s\n' $found
end
complete -c meshwright -f -a '(__meshwright_complete)'
