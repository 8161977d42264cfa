# shellcheck shell=bash
# Reads the options of the launch scripts, refuses what cannot be right, and shows or runs commands.
# Sourced. Knows nothing of what is launched, nor where.
#
# A command is an array of words from the option to the call, and is written as text once, by `quoted`,
# where another shell has to read it. Names go into resource names and are refused unless they are plain.

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  echo "launch: bash $BASH_VERSION is too old, 4.4 is needed. On macOS: brew install bash" >&2
  exit 2
fi

# What fails inside $(...) has to end the script as well.
shopt -s inherit_errexit

readonly EXIT_USER_ERROR=2 EXIT_INTERRUPTED=75
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

declare -A option=([max_resumes]=20 [disk_gb]=200)
dry_run=0 spot=0 disk_fate='' command=''
create_flags=() gram_arguments=()

# die MESSAGE [REMEDY]: ends with the exit code of a user's mistake
die() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$1" >&2
  [[ $# -lt 2 ]] || printf '  Remedy: %s\n' "$2" >&2
  exit "$EXIT_USER_ERROR"
}

say() { printf '# %s\n' "$*" >&3; }

# quoted WORD...: the words as a shell reads them back
quoted() {
  local word text=''
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@,+%-]+$ ]] || word=${word@Q}
    text+="${text:+ }$word"
  done
  printf '%s\n' "$text"
}

# call WORD...: shows a command and, unless this is a dry run, runs it
call() {
  quoted "$@" >&3
  ((dry_run)) || "$@"
}

# ask ASSUMED WORD...: shows a command and prints its answer, in a dry run the one assumed
ask() {
  local assumed=$1
  shift
  quoted "$@" >&3
  if ((dry_run)); then
    say "assumed: $assumed"
    printf '%s\n' "$assumed"
  else
    "$@"
  fi
}

# attempt WORD...: runs a function of ours and leaves its exit code in `code`
#
# In 'f || code=$?' bash would go on behind every failure inside f.
attempt() {
  set +e
  (set -e; "$@")
  code=$?
  set -e
}

# check NAME VALUE PATTERN WHAT: refuses a value that does not match as a whole
check() {
  [[ $2 =~ ^($3)$ ]] || die "--$1=$(quoted "$2") is not $4" "see $0 --help"
}

check_option() {
  local name=$1 value=$2
  [[ $value != *$'\n'* ]] || die "--$name has a line break in it" "write it in one line"
  case $name in
    name | cluster) check "$name" "$value" '[a-z]([-a-z0-9]{0,28}[a-z0-9])?' \
      'a name: at most 30 of a-z, 0-9 and -, from a letter on' ;;
    project) check "$name" "$value" '[a-z]([-a-z0-9.:]*[a-z0-9])' 'the id of a project' ;;
    zone) check "$name" "$value" '[a-z]+-[a-z]+[0-9]+-[a-z0-9]+' 'a zone, such as us-central1-a' ;;
    input | output) check "$name" "$value" 'gs://[a-z0-9][-_.a-z0-9]*[a-z0-9](/[-_.=A-Za-z0-9]+)*/?' \
      'a folder of a bucket, such as gs://BUCKET/FOLDER' ;;
    nfs) check "$name" "$value" '[A-Za-z0-9][-.A-Za-z0-9]*:/[-_./A-Za-z0-9]*' \
      'SERVER:/SHARE of a file server' ;;
    disk_gb | max_resumes) check "$name" "$value" '[1-9][0-9]{0,5}|0' 'a whole number' ;;
    image) check "$name" "$value" '[a-z0-9][-a-z0-9.]*(:[0-9]+)?(/[a-z0-9][-_.a-z0-9]*)+(:[-_.A-Za-z0-9]+)?' \
      'an image, such as us-docker.pkg.dev/PROJECT/REPOSITORY/gram:1' ;;
    valid_until) check "$name" "$value" '[1-9][0-9]*[smhd]' 'a duration, such as 12h' ;;
    *) check "$name" "$value" '[A-Za-z0-9][-_.A-Za-z0-9]*' 'a plain name' ;;
  esac
  option[$name]=$value
}

# read_arguments "COMMANDS" "OPTIONS" ARGUMENT...: fills command, option and the arrays
read_arguments() {
  local commands=" $1 " known=" $2 " argument name
  shift 2
  [[ $# -gt 0 ]] || { usage; exit "$EXIT_USER_ERROR"; }
  while [[ $# -gt 0 ]]; do
    argument=$1
    shift
    case $argument in
      --help | -h) usage; exit 0 ;;
      --dry_run) dry_run=1 ;;
      --spot) spot=1 ;;
      --keep_disk | --delete_disk) disk_fate=${argument#--} ;;
      --create_flag=--*) create_flags+=("${argument#--create_flag=}") ;;
      --gin_file=*) check_gin_file "${argument#*=}"; gram_arguments+=("$argument") ;;
      --gin.*=* | --until=* | --on_bad_rows=*) gram_arguments+=("$argument") ;;
      --*=*)
        name=${argument%%=*}
        name=${name#--}
        [[ $known == *" $name "* ]] || die "there is no option --$name" "see $0 --help"
        check_option "$name" "${argument#*=}" ;;
      --*) die "$argument has no value" "write $argument=VALUE; see $0 --help" ;;
      *)
        [[ -z $command ]] || die "two commands, $command and $(quoted "$argument")" "give one of:$commands"
        [[ $commands == *" $argument "* ]] || die "there is no command $(quoted "$argument")" "give one of:$commands"
        command=$argument ;;
    esac
  done
  [[ -n $command ]] || die "no command" "give one of:$commands"
  for argument in "${gram_arguments[@]}"; do
    [[ $argument != *$'\n'* ]] || die "$(quoted "$argument") has a line break in it" "write it in one line"
  done
  # What is shown goes to fd 3: the answer of a dry run, a log beside the output of a real one.
  if ((dry_run)); then exec 3>&1; else exec 3>&2; fi
}

# check_gin_file PATH: it has to be in the commit, which is what the machines get
check_gin_file() {
  git -C "$repository" cat-file -e "HEAD:$1" 2>/dev/null ||
    die "--gin_file=$(quoted "$1") is not in the last commit of $repository" \
      "name it from the root of the repository (gin/experiments/...), and commit it: machines get the last commit"
}

# require NAME...: options without which a command cannot do anything
require() {
  local name
  for name in "$@"; do
    [[ -n ${option[$name]:-} ]] || die "--$name is missing" "see $0 --help"
  done
}

require_settings() {
  local argument
  for argument in "${gram_arguments[@]}"; do
    [[ $argument != --gin_file=* ]] || return 0
  done
  die "no --gin_file: which experiment?" "--gin_file=gin/experiments/quickstart.gin, or your own"
}

# need_disk_fate WHAT: what keeps the workdir is deleted only when that is asked for, and not before its copy is made
need_disk_fate() {
  [[ -n $disk_fate ]] || die "what becomes of $1, which holds the workdir?" "give --keep_disk or --delete_disk"
  [[ $command/$disk_fate != all/delete_disk || -n ${option[output]:-} ]] ||
    die "--delete_disk would delete the workdir as soon as the run has ended" \
      "give --output=gs://..., where a copy goes first, or --keep_disk"
}

# need_program NAME REMEDY: a dry run needs none
need_program() {
  ((dry_run)) || command -v "$1" >/dev/null || die "$1 is not installed here" "$2"
}
