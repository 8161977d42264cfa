#!/usr/bin/env bash
# What happens on a machine that trains: environment, disk, the run as a unit of systemd.
# The launch scripts call it over ssh, and a container of GKE starts with it; a person may too.
#
#   machine.sh mount disk [DEVICE_NAME]   the disk that keeps the workdir, at $GRAM_MOUNT; formats a blank one
#   machine.sh mount nfs SERVER:/SHARE    a share of a file server instead, which several machines can use
#   machine.sh setup tpu|cuda12           Python 3.11, the locked packages, JAX for the accelerator
#   machine.sh pull gs://...              copies the shop's files to $GRAM_MOUNT/input
#   machine.sh start ARGUMENT...          'gram run ARGUMENT...' in the background; nothing if it is at work
#   machine.sh follow                     shows what it says until it ends
#   machine.sh result                     its exit code; 'running', or 'none' where there is no run
#   machine.sh stop                       asks it to save and end
#   machine.sh push gs://...              copies the workdir
#   machine.sh here [--input=gs://...] [--output=gs://...] -- ARGUMENT...    pull, run and push, here and now
set -euo pipefail

mount_point=${GRAM_MOUNT:-/mnt/gram}
export GRAM_VENV=${GRAM_VENV:-$HOME/gram-env}
workdir=$mount_point/workdir log=$mount_point/run.log
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf 'machine: %s\n' "$1" >&2
  exit 1
}

# The disk by the name it was attached under, or the one with our label, or the only blank one.
find_disk() {
  local device
  if [[ -n ${1:-} ]]; then
    readlink -e "/dev/disk/by-id/google-$1" || fail "no disk is attached as $1: look at 'lsblk'"
    return
  fi
  device=$(sudo blkid -L gram-workdir || true)
  if [[ -z $device ]]; then
    device=$(lsblk --nodeps --noheadings --paths --output NAME,TYPE | awk '$2 == "disk" {print $1}' |
      while read -r disk; do
        [[ $(lsblk --noheadings --output NAME "$disk" | wc -l) -gt 1 ]] || sudo blkid "$disk" >/dev/null || echo "$disk"
      done)
    [[ -n $device && $device != *$'\n'* ]] ||
      fail "there is not exactly one blank disk to keep the workdir on, but: ${device:-none}"
  fi
  echo "$device"
}

mount_storage() {
  local kind=$1 source=${2:-}
  if mountpoint --quiet "$mount_point"; then return; fi
  sudo mkdir -p "$mount_point"
  if [[ $kind == nfs ]]; then
    sudo mount -t nfs -o rw,hard "$source" "$mount_point"
  else
    source=$(find_disk "$source")
    sudo blkid "$source" >/dev/null || sudo mkfs.ext4 -q -L gram-workdir "$source"
    sudo mount -o discard,defaults "$source" "$mount_point"
  fi
  sudo chown "$(id -u):$(id -g)" "$mount_point"
}

setup() {
  local accelerator=$1 version python
  version=$(sed -n 's/^jax==//p' requirements.txt)
  sudo apt-get -o DPkg::Lock::Timeout=600 -q update
  sudo apt-get -o DPkg::Lock::Timeout=600 -q -y install python3-venv nfs-common
  # The images' own Python is another one; uv brings 3.11.
  [[ -x $HOME/gram-uv/bin/uv ]] || { python3 -m venv "$HOME/gram-uv" && "$HOME/gram-uv/bin/pip" -q install uv; }
  export UV_PYTHON_PREFERENCE=only-managed
  "$HOME/gram-uv/bin/uv" python install 3.11
  python=$("$HOME/gram-uv/bin/uv" python find 3.11)
  PYTHON=$python ./launch/setup.sh
  "$GRAM_VENV/bin/python" -m pip -q install "jax[$accelerator]==$version"
}

pull() { mkdir -p "$mount_point/input" && gcloud storage rsync --recursive "$1" "$mount_point/input"; }

push() {
  gcloud storage rsync --recursive --delete-unmatched-destination-objects --exclude='^\.lock$' "$workdir" "$1"
}

property() { systemctl show gram --property="$1" --value; }

result() {
  local code status
  case $(property ActiveState)/$(property SubState) in
    active/exited | failed/*) ;;
    active/* | activating/* | deactivating/*) echo running; return ;;
    *) echo none; return ;;
  esac
  code=$(property ExecMainCode) status=$(property ExecMainStatus)
  # 1 is an exit; 2 and 3 are deaths by a signal, which shells count from 128 on.
  if [[ $code == 1 ]]; then echo "$status"; else echo $((128 + status)); fi
}

start() {
  [[ $(result) != running ]] || { echo "machine: a run is at work already" >&2; return; }
  mountpoint --quiet "$mount_point" || fail "nothing is mounted at $mount_point: run bootstrap"
  sudo systemctl stop gram 2>/dev/null || true
  sudo systemctl reset-failed gram 2>/dev/null || true
  # A file, because systemd would expand % and $ in words of its own. exec, so that SIGTERM meets gram.
  printf 'exec %s/bin/gram run' "$(printf '%q' "$GRAM_VENV")" >"$HOME/gram-run.sh"
  printf ' %q' "$@" "--workdir=$workdir" >>"$HOME/gram-run.sh"
  sudo systemd-run --unit=gram --uid="$(id -u)" --gid="$(id -g)" --working-directory="$PWD" \
    --setenv=HOME="$HOME" --property=RemainAfterExit=yes --property=KillMode=mixed \
    --property=TimeoutStopSec=600 --property=StandardOutput="append:$log" \
    --property=StandardError="append:$log" bash "$HOME/gram-run.sh"
}

follow() {
  local tailer
  touch "$log"
  tail -n 20 -F "$log" 2>/dev/null &
  tailer=$!
  while [[ $(result) == running ]]; do sleep 5; done
  sleep 1
  kill "$tailer"
  printf 'machine: exit code %s\n' "$(result)"
}

here() {
  local input='' output='' pid code signalled
  while [[ $1 != -- ]]; do
    case $1 in
      --input=*) input=${1#*=} ;;
      --output=*) output=${1#*=} ;;
      *) fail "unknown option $1" ;;
    esac
    shift
  done
  shift
  # Of several machines on one share the first copies, and the others wait for it.
  if [[ -n $input && ${TPU_WORKER_ID:-0} == 0 ]]; then
    pull "$input"
    echo "$input" >"$mount_point/input.complete"
  elif [[ -n $input ]]; then
    until [[ $(cat "$mount_point/input.complete" 2>/dev/null) == "$input" ]]; do sleep 5; done
  fi
  "$GRAM_VENV/bin/gram" run "$@" --workdir="$workdir" &
  pid=$!
  trap 'signalled=1; kill -TERM "$pid" 2>/dev/null || true' TERM INT
  while true; do
    signalled=0 code=0
    wait "$pid" || code=$?
    # A signal of our own ends 'wait' before the run has ended.
    ((signalled && code > 128)) || break
  done
  if [[ $code == 0 && -n $output && ${TPU_WORKER_ID:-0} == 0 ]]; then push "$output"; fi
  return "$code"
}

case ${1:-} in
  mount) mount_storage "${@:2}" ;;
  setup | pull | push | start | follow | result | here) "$@" ;;
  stop) sudo systemctl stop gram ;;
  *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "launch/lib/machine.sh" >&2; exit 2 ;;
esac
