# SPDX-License-Identifier: MIT
#
# bash completion for ufl(1). Needs nothing, but completes COMMAND by its own completion where the
# bash-completion package is loaded. Held against ufl --help by tests/lint/check_completions.py.

# The words up to the cursor as ufl will see them, in `words`: readline splits at = and :, too.
# `starts` has the index in COMP_WORDS at which each begins.
_ufl_words() {
  local line=${COMP_LINE:0:COMP_POINT} word i
  words=()
  starts=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words+=('')
      starts+=("$i")
    fi
    word=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=$line
    words[-1]+=$word
    line=${line#"$word"}
  done
}

# Offer what there is for the value of option $1, of which $2 has been typed; $3 is the part of it
# that readline will replace.
_ufl_value() {
  local candidates=() i
  case $1 in
    -d | --delay) candidates=(auto 0 0.5 1 5) ;;
    -r | --retry) candidates=(0.1 0.5 1 5) ;;
    -w | --wait | --timeout) candidates=(-1 0 10 1m 10m 1h) ;;
    -E | --conflict-exit-code) candidates=(0 1 75) ;;
    -l | --lease) candidates=(0 30 60 5m) ;;
    --on-lost) candidates=(kill warn) ;;
    --kill-after) candidates=(0 5 30) ;;
    --pid) candidates=(/proc/[0-9]*) candidates=("${candidates[@]#/proc/}") ;;
    --report)
      compopt -o default # files
      return
      ;;
    -c | --command)
      mapfile -t COMPREPLY < <(compgen -c -- "$3")
      return
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "${candidates[*]}" -- "$2")
  # Where = does not separate words for readline, it replaces --delay=, too.
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${3%"$2"}${COMPREPLY[i]}; done
}

# Complete COMMAND, which begins at word $1, or one of its arguments. $2 is what readline will
# replace.
_ufl_command() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "${starts[$1]}"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "${starts[$1]}"
  elif (($1 == ${#words[@]} - 1)) && [[ $2 != */* ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$2")
  else
    compopt -o default # files
  fi
}

_ufl() {
  local flags='--acquire --release --check --refresh --status --break --json -n --nonblock --nb
    -o --close -x -e --exclusive --no-command -v --verbose -q --quiet -h --help -V --version'
  local valued='--token --pid -p --prefix -d --delay -r --retry -w --wait --timeout
    -E --conflict-exit-code -c --command -l --lease --on-lost --kill-after --report'
  local words starts i word option lock='' string='' verb=''
  COMPREPLY=()
  _ufl_words

  # Go through the words before the cursor as ufl does. With a verb there is no COMMAND.
  local last=$((${#words[@]} - 1))
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    option=
    case $word in
      --)
        if [[ $verb ]]; then
          [[ $verb == --status || (! $lock && $i -eq $((last - 1))) ]] && compopt -o default
          return 0
        fi
        if [[ $lock ]]; then
          _ufl_command $((i + 1)) "$2"
          return
        fi
        lock=$((++i))
        ((lock == last)) && compopt -o default
        ((lock == last)) && return
        ;;
      --acquire | --release | --check | --refresh | --status | --break) verb=$word ;;
      --*=*) [[ $word == --command=* ]] && string=1 ;;
      --*) [[ " ${valued//[[:space:]]/ } " == *" $word "* ]] && option=$word ;;
      -*[pdrwEcl]*)
        # The first letter with a value ends the letters; what follows it is the value.
        option=${word#"${word%%[pdrwEcl]*}"}
        [[ $option == c* ]] && string=1
        [[ $option == ? ]] && option=-$option || option=
        ;;
      -?*) ;;
      *)
        if [[ $lock && ! $verb ]]; then
          _ufl_command "$i" "$2"
          return
        fi
        lock=$i
        ;;
    esac
    [[ $option == --command ]] && string=1
    if [[ $option ]] && ((++i == last)); then
      _ufl_value "$option" "${words[last]}" "$2"
      return
    fi
  done

  word=${words[last]}
  if [[ $word == --*=* ]]; then
    [[ " ${valued//[[:space:]]/ } " == *" ${word%%=*} "* ]] &&
      _ufl_value "${word%%=*}" "${word#*=}" "$2"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags $valued" -- "$word")
  elif [[ ! $lock || $verb == --status ]]; then
    compopt -o default # LOCKFILE
  elif [[ ! $string && ! $verb ]]; then
    _ufl_command "$last" "$2"
  fi
  return 0
}

complete -F _ufl ufl
