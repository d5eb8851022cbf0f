# SPDX-License-Identifier: Apache-2.0
# Sourced first: what every script does with its arguments. --help anywhere prints the script's head comment; what is
# wrong is one line `error: …` and exit code 2, as of the programs.
wrong_usage() {
  echo "error: $* (see ${0##*/} --help)" >&2
  exit 2
}

# expect_arguments LEAST MOST "$@": that many, none of them empty or an option (a script takes its own off before).
expect_arguments() {
  local least=$1 most=$2 argument
  shift 2
  for argument in "$@"; do
    case $argument in
      -*) wrong_usage "unknown option '$argument'" ;;
      '') wrong_usage "an argument is empty" ;;
    esac
  done
  [ $# -ge "$least" ] || wrong_usage "too few arguments: $#, expected $least"
  [ $# -le "$most" ] || wrong_usage "unexpected argument '${@: most + 1:1}'"
}

# expect_whole NAME VALUE LEAST, expect_above_0 NAME VALUE MOST: what an option or a variable may be.
expect_whole() {
  [[ $2 =~ ^[0-9]{1,9}$ ]] && [ "$2" -ge "$3" ] || wrong_usage "$1 '$2', expected a whole number from $3 to 999999999"
}
expect_above_0() {
  [[ $2 =~ ^([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$ ]] &&
    awk -v value="$2" -v most="$3" 'BEGIN { exit !(value > 0 && value <= most) }' ||
    wrong_usage "$1 '$2', expected a number above 0, at most $3"
}

# expect_programs FOLDER NAME…, expect_folder NAME FOLDER: what is needed is there, or is made.
expect_programs() {
  local program
  for program in "${@:2}"; do
    [ -x "$1/$program" ] || wrong_usage "no program $program in '$1'"
  done
}
expect_folder() {
  mkdir -p "$2" 2> /dev/null || wrong_usage "$1 '$2' cannot be made a folder"
}

for argument in "$@"; do
  case $argument in
    --help | -h)
      awk '/^# SPDX/ { head = 1; next } head && !/^#/ { exit } head { sub(/^# ?/, ""); print }' "$0"
      exit 0
      ;;
  esac
done
