# shellcheck shell=bash
# TPU VMs, however they were asked for: flags of the slice, ssh and scp. Sourced after node.sh and slices.sh.
# The script that sources it has node_name, which prints the name of the TPU VM.
# shellcheck disable=SC2034 # variables that node.sh and the scripts read

readonly slice_options='accelerator runtime_version'

# read_slice: what follows from the options
read_slice() {
  local generation
  require name project zone accelerator
  place=(--project="${option[project]}" --zone="${option[zone]}")
  accelerator=tpu disk_device=''
  generation=$(slice_generation "${option[accelerator]}")
  hosts=$(slice_hosts "${option[accelerator]}")
  disk_type=$(slice_disk_type "$generation")
  runtime_version=${option[runtime_version]:-$(slice_runtime "$generation")}
  check_hosts "$hosts"
  slice_flags=(--scopes=https://www.googleapis.com/auth/cloud-platform)
  ((!spot)) || slice_flags+=(--spot)
  [[ -n ${option[nfs]:-} ]] || slice_flags+=(
    --data-disk="source=projects/${option[project]}/zones/${option[zone]}/disks/$(disk_name),mode=read-write")
  slice_flags+=("${create_flags[@]}")
}

ssh_words() {
  words=(gcloud compute tpus tpu-vm ssh "$(node_name)" --worker="$1" --command="$2" "${place[@]}")
}

copy_words() {
  words=(gcloud compute tpus tpu-vm scp "$1" "$(node_name):$2" --worker=all "${place[@]}")
}
