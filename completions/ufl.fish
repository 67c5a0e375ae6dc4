# SPDX-License-Identifier: MIT
#
# fish completion for ufl(1). Held against ufl --help by tests/lint/check_completions.py.

# Where the cursor stands, by the words before it: "lock", "command" (LOCKFILE is there, an option
# may still follow), "string" (the same, but no COMMAND: after -c or a verb) or "inside"; then
# COMMAND's words follow.
function __ufl_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l place lock
    set -l string no
    set -l verb
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        # A lone minus is a name like any other. (As a pattern '-?*' means something else in fish 4.)
        test "x$word" = x-; and set word ./-
        switch $word
            case --
                if set -q verb[1]
                    # All that follow are operands.
                    set -q words[1]; and set place command
                    break
                end
                if test $place = command
                    printf '%s\n' inside $words
                    return
                end
                # The next word is LOCKFILE, whatever it looks like.
                set -q words[1]; or break
                set -e words[1]
                set place command
            case --acquire --release --check --refresh --status --break
                set verb $word
            case '--command=*'
                set string yes
            case --command
                set string yes
                set -e words[1]
            case --token --pid --prefix --delay --retry --wait --timeout --conflict-exit-code \
                    --lease --on-lost --kill-after --report
                set -e words[1]
            case '--*'
            case '-*'
                # The first letter with a value ends the letters; what follows it is the value.
                set -l option (string match -r -- '[pdrwEcl].*' $word)
                string match -q -- 'c*' $option; and set string yes
                string match -qr -- '^.$' $option; and set -e words[1]
            case '*'
                if test $place = command; and not set -q verb[1]
                    printf '%s\n' inside $word $words
                    return
                end
                set place command
        end
    end
    if test "$verb" = --status
        set place lock
    else if test $place = command; and test $string = yes -o -n "$verb"
        set place string
    end
    echo $place
end

function __ufl_at
    set -l place (__ufl_place)
    contains -- $place[1] $argv
end

# What fits at COMMAND or its arguments.
function __ufl_complete_command
    set -l words (__ufl_place)
    set -e words[1]
    set -l token (commandline -ct)
    # No command's name begins with a minus.
    set -q words[1]; or not string match -q -- '-*' $token; or return
    __fish_complete_subcommand --commandline (string escape -- $words) $token
end

complete -c ufl -f
complete -c ufl -n '__ufl_at lock' -F
complete -c ufl -n '__ufl_at command inside' -a '(__ufl_complete_command)'

complete -c ufl -n 'not __ufl_at inside' -l acquire -d 'Take the lock, print its token'
complete -c ufl -n 'not __ufl_at inside' -l release -d 'Release the lock that a token names'
complete -c ufl -n 'not __ufl_at inside' -l check -d 'Is it held with the token?'
complete -c ufl -n 'not __ufl_at inside' -l refresh \
    -d 'Refresh the lease of the lock that a token names'
complete -c ufl -n 'not __ufl_at inside' -l status -d 'Who holds it, and since when'
complete -c ufl -n 'not __ufl_at inside' -l break -d 'Take a lock away by hand'
complete -c ufl -n 'not __ufl_at inside' -l token -x -d 'The token of the lock'
complete -c ufl -n 'not __ufl_at inside' -l pid -x -a '(__fish_complete_pids)' \
    -d 'The lock lives as long as this process'
complete -c ufl -n 'not __ufl_at inside' -l json -d 'Status for programs'
complete -c ufl -n 'not __ufl_at inside' -s p -l prefix -x \
    -d 'Put before the UUID, to tell holders apart'
complete -c ufl -n 'not __ufl_at inside' -s d -l delay -x -a 'auto 0 0.5 1 5' \
    -d 'Time from writing to reading back'
complete -c ufl -n 'not __ufl_at inside' -s r -l retry -x -a '0.1 0.5 1 5' \
    -d 'Time between looks while it is held'
complete -c ufl -n 'not __ufl_at inside' -s w -l wait -l timeout -x -a '-1 0 10 1m 10m 1h' \
    -d 'Give up after this time'
complete -c ufl -n 'not __ufl_at inside' -s n -l nonblock -l nb -d 'Give up at once if it is held'
complete -c ufl -n 'not __ufl_at inside' -s E -l conflict-exit-code -x -a '0 1 75' \
    -d 'Exit status when not acquired'
complete -c ufl -n 'not __ufl_at inside' -s c -l command -x -a '(__fish_complete_command)' \
    -d 'Run a string with the shell'
complete -c ufl -n 'not __ufl_at inside' -s o -l close \
    -d 'What the command leaves behind does not keep the lock'
complete -c ufl -n 'not __ufl_at inside' -s l -l lease -x -a '0 30 60 5m' \
    -d 'Others may take it when not refreshed so long'
complete -c ufl -n 'not __ufl_at inside' -l on-lost -x -a 'kill warn' \
    -d 'What if the lock is lost'
complete -c ufl -n 'not __ufl_at inside' -l kill-after -x -a '0 5 30' \
    -d 'From SIGTERM to SIGKILL of a command to stop'
complete -c ufl -n 'not __ufl_at inside' -s x -s e -l exclusive -d 'Accepted, the only mode'
complete -c ufl -n 'not __ufl_at inside' -l no-command \
    -d 'Leave the command line out of the lock file'
complete -c ufl -n 'not __ufl_at inside' -l report -r -F \
    -d 'Write a JSON object about the outcome'
complete -c ufl -n 'not __ufl_at inside' -s v -l verbose \
    -d 'Say what is waited for, and how long it took'
complete -c ufl -n 'not __ufl_at inside' -s q -l quiet \
    -d 'Say nothing when the lock is not acquired'
complete -c ufl -n 'not __ufl_at inside' -s h -l help -d 'Show help'
complete -c ufl -n 'not __ufl_at inside' -s V -l version -d 'Show the version'
