#!/usr/bin/env bash
# A training run on a TPU that is waited for: the request stands in a queue until a slice is free.
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
Trains on a TPU that is waited for, through a queued resource.

  $0 COMMAND --name=NAME --project=PROJECT --zone=ZONE --accelerator=v6e-8 [OPTION...]
  $0 all --name=esci --project=P --zone=us-east5-b --accelerator=v6e-8 --spot --valid_until=12h --dry_run \\
    --gin_file=gin/experiments/esci_us.gin --gin_file=gin/meshes/data_parallel.gin \\
    --input=gs://BUCKET/esci --gin.ESCI=/mnt/gram/input --output=gs://BUCKET/runs/esci --delete_disk

$(node_help)
Options of a slice:
  --accelerator=NAME     v5litepod-CHIPS, v6e-CHIPS or v5p-CORES
  --runtime_version=NAME the machines' software (default: the one for JAX on that slice)
  --valid_until=12h      give the request up when it was not met so long (default: never)
  create and resume wait until the request is met; stopping them leaves it in the queue.
HELP
}

node_name() { echo "${option[name]}-node"; }

create_node() {
  local until=()
  [[ -z ${option[valid_until]:-} ]] || until=(--valid-until-duration="${option[valid_until]}")
  call gcloud compute tpus queued-resources create "${option[name]}" --node-id="$(node_name)" \
    --accelerator-type="${option[accelerator]}" --runtime-version="$runtime_version" \
    "${until[@]}" "${slice_flags[@]}" "${place[@]}"
  start_node
}

# The node goes with the request.
delete_node() {
  call gcloud compute tpus queued-resources delete "${option[name]}" --force --quiet "${place[@]}"
}

# start_node: returns when the request is met
start_node() {
  local state=''
  until [[ $state == ready ]]; do
    state=$(node_state ACTIVE)
    case $state in
      ready) ;;
      stopped) say "in the queue; asking again in a minute"; sleep 60 ;;
      *) die "the request ${option[name]} is $state: it was refused, ran out, or was preempted" \
        "$0 resume asks again; another --zone or --accelerator may be free" ;;
    esac
  done
}

node_state() {
  local state
  state=$(cloud_answer "$1" gcloud compute tpus queued-resources describe "${option[name]}" \
    --format='value(state.state)' "${place[@]}")
  case $state in
    ACTIVE) echo ready ;;
    ACCEPTED | WAITING_FOR_RESOURCES | PROVISIONING | CREATING) echo stopped ;;
    SUSPENDED | FAILED) echo preempted ;;
    GONE) echo gone ;;
    *) unknown_state "$state" ;;
  esac
}

# shellcheck disable=SC2034 # node.sh reads them
preempted_state=SUSPENDED ready_state=ACTIVE
read_arguments "$node_commands" "$node_options $slice_options valid_until" "$@"
read_slice
do_node_command
