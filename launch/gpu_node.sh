#!/usr/bin/env bash
# A training run on one machine with NVIDIA GPUs, of Google Cloud.
set -euo pipefail
# shellcheck source=launch/lib/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/arguments.sh"
# shellcheck source=launch/lib/node.sh
source "$repository/launch/lib/node.sh"

usage() {
  cat <<HELP
Trains on one machine with GPUs.

  $0 COMMAND --name=NAME --project=PROJECT --zone=ZONE --machine_type=a2-highgpu-1g [OPTION...]
  $0 all --name=esci --project=P --zone=us-central1-a --machine_type=a3-highgpu-8g --spot --dry_run \\
    --gin_file=gin/experiments/esci_us.gin --gin_file=gin/meshes/data_parallel.gin \\
    --input=gs://BUCKET/esci --gin.ESCI=/mnt/gram/input --output=gs://BUCKET/runs/esci --delete_disk

$(node_help)
Options of a machine:
  --machine_type=NAME    one that has GPUs (a2-, a3-, a4-, g2-...); for n1- add
                         --create_flag=--accelerator=type=nvidia-tesla-t4,count=1
  --image_family=NAME    of ubuntu-os-accelerator-images, with the driver
                         (default ubuntu-accelerator-2204-amd64-with-nvidia-580)
A machine of yours elsewhere needs none of this: launch/lib/machine.sh does the same over ssh.
HELP
}

create_node() {
  local flags=()
  ((!spot)) || flags+=(--provisioning-model=SPOT --instance-termination-action=STOP)
  [[ -n ${option[nfs]:-} ]] ||
    flags+=(--disk="name=$(disk_name),device-name=$disk_device,mode=rw,boot=no,auto-delete=no")
  call gcloud compute instances create "${option[name]}" --machine-type="${option[machine_type]}" \
    --image-family="${option[image_family]:-ubuntu-accelerator-2204-amd64-with-nvidia-580}" \
    --image-project=ubuntu-os-accelerator-images --boot-disk-size=100GB --maintenance-policy=TERMINATE \
    --scopes=https://www.googleapis.com/auth/cloud-platform "${flags[@]}" "${create_flags[@]}" "${place[@]}"
}

delete_node() { call gcloud compute instances delete "${option[name]}" --quiet "${place[@]}"; }

start_node() { call gcloud compute instances start "${option[name]}" "${place[@]}"; }

node_state() {
  local state
  state=$(cloud_answer "$1" gcloud compute instances describe "${option[name]}" --format='value(status)' "${place[@]}")
  case $state in
    RUNNING) echo ready ;;
    TERMINATED | STOPPED) echo stopped ;;
    GONE) echo gone ;;
    *) unknown_state "$state" ;;
  esac
}

ssh_words() { words=(gcloud compute ssh "${option[name]}" --command="$2" "${place[@]}"); }

copy_words() { words=(gcloud compute scp "$1" "${option[name]}:$2" "${place[@]}"); }

# shellcheck disable=SC2034 # node.sh reads them
accelerator=cuda12 hosts=1 disk_device=gram-workdir disk_type=pd-balanced \
  preempted_state=TERMINATED ready_state=RUNNING
read_arguments "$node_commands" "$node_options machine_type image_family" "$@"
require name project zone machine_type
place=(--project="${option[project]}" --zone="${option[zone]}")
# These have no other kind of disk.
# shellcheck disable=SC2034
case ${option[machine_type]} in a3-ultragpu-* | a4-* | a4x-*) disk_type=hyperdisk-balanced ;; esac
do_node_command
