# shellcheck shell=bash
# What is done with machines that answer to ssh, whoever made them. Sourced after arguments.sh.
#
# The script that sources it says what it makes, in functions:
#   create_node, delete_node       the machines; the disk of the workdir is made and deleted here
#   node_state ASSUMED             prints ready, stopped, preempted (only deleting is left) or gone; ASSUMED is
#                                  the cloud's word for the state that a dry run takes it to be in
#   start_node                     makes a stopped node ready
#   ssh_words WORKER COMMAND       sets `words` to what runs a command; WORKER is a number or 'all'
#   copy_words FILE NAME           sets `words` to what copies a file to the home folder of every machine
# and in variables: accelerator (tpu or cuda12), hosts, disk_type, disk_device (the name under which the machine
# sees the disk, or empty), preempted_state and ready_state (the cloud's words).

readonly node_options='name project zone disk_gb disk_type nfs input output max_resumes'
readonly node_commands='create bootstrap run resume all status stop cleanup'

node_help() {
  cat <<'HELP'
Commands:
  create      make the disk that keeps the workdir, and the machines
  bootstrap   bring the last commit of this checkout, its packages and the disk onto them
  run         start 'gram run', show what it says, and end with its exit code; where it is at work already,
              only show. 75: it was interrupted and has saved, 'resume' goes on
  resume      after a preemption or a failure: bring the machines back, bootstrap, run
  all         create, bootstrap, run, resume as often as needed, clean up
  status      the state of the machines and of the run
  stop        ask the run to save and to end (it exits with 75)
  cleanup     delete the machines; and the disk, or keep it: --delete_disk or --keep_disk

Options of every command:
  --name=NAME --project=PROJECT --zone=ZONE
  --dry_run              print every command and run none; no account is needed
Options of run, resume and all:
  --gin_file=FILE        as of 'gram run', from the root of the repository, committed; may repeat
  --gin.NAME=VALUE --until=STAGE --on_bad_rows=skip    as of 'gram run'
  --input=gs://...       copied to /mnt/gram/input first: --gin.PRODUCTS=/mnt/gram/input/products.csv
  --output=gs://...      where the workdir is copied when the run has ended well
  --max_resumes=20       of 'all'
Options of create, resume and all:
  --spot                 cheaper machines, which may be taken away at any time
  --disk_gb=200 --disk_type=TYPE    the disk that keeps the workdir; it outlives the machines
  --nfs=SERVER:/SHARE    a file server instead of a disk; several hosts need it
  --create_flag=--FLAG=VALUE        one more flag for the command that creates the machines; may repeat
Options of all and cleanup:
  --keep_disk | --delete_disk       what becomes of the disk when all is done
HELP
}

disk_name() { echo "${option[name]}-workdir"; }

create_disk() {
  [[ -z ${option[nfs]:-} ]] || return 0
  call gcloud compute disks create "$(disk_name)" --size="${option[disk_gb]}GB" \
    --type="${option[disk_type]:-$disk_type}" --project="${option[project]}" --zone="${option[zone]}"
}

delete_disk() {
  [[ -z ${option[nfs]:-} ]] || { say "the file server ${option[nfs]} was not made here and stays"; return; }
  if [[ $disk_fate == keep_disk ]]; then
    say "the disk $(disk_name) stays, and costs; later: $0 cleanup --name=${option[name]} ... --delete_disk"
    return
  fi
  call gcloud compute disks delete "$(disk_name)" --quiet --project="${option[project]}" --zone="${option[zone]}"
}

# on_machine WORKER WORD...: machine.sh there
on_machine() {
  ssh_words "$1" "$(quoted bash gram/launch/lib/machine.sh "${@:2}")"
  call "${words[@]}"
}

# cloud_answer ASSUMED WORD...: one word that gcloud prints, GONE where the thing is not there
cloud_answer() {
  local said
  if said=$(ask "$@" 2>&1); then
    echo "${said##*$'\n'}"
  elif [[ $said =~ NOT_FOUND|[Nn]ot\ found ]]; then
    echo GONE
  else
    die "gcloud does not say in which state ${option[name]} is: $said" \
      "is the account signed in (gcloud auth login), and --project and --zone right?"
  fi
}

unknown_state() {
  die "${option[name]} is in the state ${1:-that gcloud does not name}" "wait a minute and try again"
}

do_bootstrap() {
  local archive=build/launch/${option[name]}.tar.gz attempt
  [[ -z $(git -C "$repository" status --porcelain --untracked-files=no) ]] ||
    say "there are changes that are not committed; the machines get the last commit"
  call mkdir -p "$repository/build/launch"
  call git -C "$repository" archive --format=tar.gz --output="$archive" HEAD
  for attempt in {1..20}; do
    copy_words "$repository/$archive" gram.tar.gz
    ! call "${words[@]}" || break
    ((attempt < 20)) || die "the machines of ${option[name]} do not answer to ssh" \
      "see docs/operations.md, 'What breaks'"
    say "no answer yet ($attempt of 20)"
    sleep 15
  done
  ssh_words all 'rm -rf gram && mkdir gram && tar -xzf gram.tar.gz -C gram'
  call "${words[@]}"
  on_machine all setup "$accelerator"
  if [[ -n ${option[nfs]:-} ]]; then
    on_machine all mount nfs "${option[nfs]}"
  else
    on_machine all mount disk ${disk_device:+"$disk_device"}
  fi
}

# do_run: returns the exit code of gram, 75 too where the machines went away meanwhile
do_run() {
  local code
  if [[ -n ${option[input]:-} ]]; then on_machine 0 pull "${option[input]}"; fi
  on_machine all start "${gram_arguments[@]}"
  on_machine 0 follow || say "the connection broke; asking how the run ended"
  code=$(answer_of_run)
  case $code in
    0)
      if [[ -n ${option[output]:-} ]]; then on_machine 0 push "${option[output]}"; fi
      say "the run has ended; its workdir is /mnt/gram/workdir on the disk${option[output]:+, and ${option[output]}}"
      return 0 ;;
    75) say "the run was interrupted and has saved what it did; go on with: $0 resume" ;;
    running) say "the connection broke, the run goes on; look again with: $0 run"; code=$EXIT_INTERRUPTED ;;
    none | lost) say "the machines went away; go on with: $0 resume"; code=$EXIT_INTERRUPTED ;;
    *) say "gram ended with $code; what it said is in /mnt/gram/run.log there" ;;
  esac
  return "$code"
}

answer_of_run() {
  local said
  ssh_words 0 "$(quoted bash gram/launch/lib/machine.sh result)"
  said=$(ask 0 "${words[@]}") || said=lost
  said=${said##*$'\n'}
  [[ $said =~ ^([0-9]+|running|none|lost)$ ]] || said=lost
  echo "$said"
}

do_resume() {
  local state
  state=$(node_state "$preempted_state")
  case $state in
    stopped) start_node ;;
    preempted) delete_node; create_node ;;
    gone) create_node ;;
  esac
  do_bootstrap
  do_run
}

do_all() {
  local resumes=0 most=${option[max_resumes]} code
  create_disk
  create_node
  do_bootstrap
  attempt do_run
  while ((code != 0 && resumes < most)) && worth_resuming "$code"; do
    resumes=$((resumes + 1))
    say "resume $resumes of at most ${option[max_resumes]}, in a minute"
    sleep 60
    attempt do_resume
  done
  ((code == 0)) || {
    say "nothing was deleted, and it costs: look into it, then '$0 resume' or '$0 cleanup'"
    return "$code"
  }
  do_cleanup
}

# worth_resuming CODE: an error of gram's own would only come again, machines that went away do come back
worth_resuming() {
  (($1 != EXIT_INTERRUPTED)) || return 0
  [[ $(node_state "$ready_state") != ready ]]
}

do_cleanup() {
  local state
  state=$(node_state "$ready_state")
  [[ $state == gone ]] || delete_node
  delete_disk
}

do_node_command() {
  case $command in
    run | resume | all) require_settings ;;
  esac
  case $command in
    all | cleanup) [[ -n ${option[nfs]:-} ]] || need_disk_fate "the disk $(disk_name)" ;;
  esac
  [[ -n ${option[nfs]:-} || $command == cleanup ]] || ((hosts == 1)) ||
    die "$hosts hosts cannot write to one disk" "give a file server that all can mount: --nfs=SERVER:/SHARE"
  need_program gcloud "install the Google Cloud CLI, then: gcloud auth login"
  case $command in
    create) create_disk; create_node ;;
    status) say "machines: $(node_state "$ready_state"); run: $(answer_of_run)" ;;
    stop) on_machine 0 stop ;;
    *) "do_$command" ;;
  esac
}
