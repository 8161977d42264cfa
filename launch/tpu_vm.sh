#!/usr/bin/env bash
# A training run on a TPU VM that is there at once, or not at all. When TPUs are short: queued_resource.sh.
set -euo pipefail
# shellcheck source=launch/lib/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/arguments.sh"
# shellcheck source=launch/lib/slices.sh
source "$repository/launch/lib/slices.sh"
# shellcheck source=launch/lib/node.sh
source "$repository/launch/lib/node.sh"
# shellcheck source=launch/lib/tpu_node.sh
source "$repository/launch/lib/tpu_node.sh"

usage() {
  cat <<HELP
Trains on a TPU VM.

  $0 COMMAND --name=NAME --project=PROJECT --zone=ZONE --accelerator=v5litepod-8 [OPTION...]
  $0 all --name=esci --project=P --zone=us-west4-a --accelerator=v5litepod-8 --spot --dry_run \\
    --gin_file=gin/experiments/esci_us.gin --gin_file=gin/meshes/data_parallel.gin \\
    --input=gs://BUCKET/esci --gin.ESCI=/mnt/gram/input --output=gs://BUCKET/runs/esci --delete_disk

$(node_help)
Options of a slice:
  --accelerator=NAME     v5litepod-CHIPS, v6e-CHIPS or v5p-CORES
  --runtime_version=NAME the machines' software (default: the one for JAX on that slice)
HELP
}

node_name() { echo "${option[name]}"; }

create_node() {
  call gcloud compute tpus tpu-vm create "$(node_name)" --accelerator-type="${option[accelerator]}" \
    --version="$runtime_version" "${slice_flags[@]}" "${place[@]}"
}

delete_node() { call gcloud compute tpus tpu-vm delete "$(node_name)" --quiet "${place[@]}"; }

start_node() { call gcloud compute tpus tpu-vm start "$(node_name)" "${place[@]}"; }

node_state() {
  local state
  state=$(cloud_answer "$1" gcloud compute tpus tpu-vm describe "$(node_name)" --format='value(state)' "${place[@]}")
  case $state in
    READY) echo ready ;;
    STOPPED) echo stopped ;;
    PREEMPTED | TERMINATED) echo preempted ;;
    GONE) echo gone ;;
    *) unknown_state "$state" ;;
  esac
}

# shellcheck disable=SC2034 # node.sh reads them
preempted_state=PREEMPTED ready_state=READY
read_arguments "$node_commands" "$node_options $slice_options" "$@"
read_slice
do_node_command
