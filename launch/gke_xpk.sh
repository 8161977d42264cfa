#!/usr/bin/env bash
# A training run on GKE, through xpk: a cluster with TPUs, a file server for the workdir, an image, a workload.
set -euo pipefail
# shellcheck source=launch/lib/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/arguments.sh"
# shellcheck source=launch/lib/slices.sh
source "$repository/launch/lib/slices.sh"

usage() {
  cat <<HELP
Trains on GKE through xpk.

  $0 COMMAND --name=NAME --project=PROJECT --zone=ZONE --accelerator=v6e-4 --image=IMAGE [OPTION...]
  $0 all --name=esci --project=P --zone=us-east5-b --accelerator=v6e-4 --spot --dry_run \\
    --image=us-east5-docker.pkg.dev/P/gram/gram:1 \\
    --gin_file=gin/experiments/esci_us.gin --gin_file=gin/meshes/data_parallel.gin \\
    --input=gs://BUCKET/esci --gin.ESCI=/mnt/gram/input --output=gs://BUCKET/runs/esci --delete_disk

Commands:
  create      make the cluster, and the file server (Filestore) that keeps the workdir
  bootstrap   build the image of the last commit of this checkout, and push it
  run         submit the workload and wait until it has ended. GKE starts it again by itself when machines were
              taken away, or when it was interrupted and has saved (exit code 75)
  resume      submit it again after it has ended without success
  all         create, bootstrap, run, and clean up if it ended well
  status      the workloads of the cluster
  stop        delete the workload: it is asked to save and to end
  cleanup     delete workload, image and cluster; and the file server, or keep it: --delete_disk or --keep_disk

Options of every command:
  --name=NAME --project=PROJECT --zone=ZONE
  --accelerator=NAME     v6e-CHIPS, v5litepod-CHIPS or v5p-CORES; machines of GKE have 4 chips
  --cluster=NAME         use this cluster of xpk, which is neither made nor deleted (default: make NAME)
  --image=IMAGE          the name under which the image is pushed: REGION-docker.pkg.dev/PROJECT/REPOSITORY/gram:TAG
  --dry_run              print every command and run none; no account is needed
Options of run, resume and all:
  --gin_file=FILE        as of 'gram run', from the root of the repository, committed; may repeat
  --gin.NAME=VALUE --until=STAGE --on_bad_rows=skip    as of 'gram run'
  --input=gs://...       copied to /mnt/gram/input first
  --output=gs://...      where the workdir is copied when the run has ended well
  --max_resumes=20       times that GKE starts it again
Options of create and all:
  --spot                 cheaper machines, which may be taken away at any time
  --disk_gb=1024         of the file server, which has 1024 at least
  --create_flag=--FLAG=VALUE        one more flag for 'xpk cluster create'; may repeat
Options of all and cleanup:
  --keep_disk | --delete_disk       what becomes of the file server when all is done
HELP
}

create() {
  local kind=--on-demand
  ((!spot)) || kind=--spot
  if [[ -n ${option[cluster]:-} ]]; then
    say "the cluster $cluster is yours: it needs Filestore (--enable-gcpfilestore-csi-driver)"
  else
    call xpk cluster create --cluster="$cluster" --tpu-type="${option[accelerator]}" --num-slices=1 "$kind" \
      --enable-gcpfilestore-csi-driver "${create_flags[@]}" "${place[@]}"
  fi
  call xpk storage create "$storage" --cluster="$cluster" --type=gcpfilestore --size="${option[disk_gb]}" \
    --tier=BASIC_HDD --vol=default --access-mode=ReadWriteMany --mount-point=/mnt/gram --readonly=false \
    --auto-mount=false "${place[@]}"
}

bootstrap() {
  local archive=build/launch/${option[name]}.tar.gz
  call mkdir -p "$repository/build/launch"
  call git -C "$repository" archive --format=tar.gz --output="$archive" HEAD
  call docker build --platform=linux/amd64 --tag="${option[image]}" --build-arg=ARCHIVE="${archive##*/}" \
    --file="$repository/launch/Dockerfile" "$repository/build/launch"
  call docker push "${option[image]}"
}

# exec, so that the signal of GKE meets machine.sh, which hands it on, and not a shell around it.
submit() {
  local words=(bash /gram/launch/lib/machine.sh here)
  [[ -z ${option[input]:-} ]] || words+=(--input="${option[input]}")
  [[ -z ${option[output]:-} ]] || words+=(--output="${option[output]}")
  call xpk workload create --workload="${option[name]}" --cluster="$cluster" --tpu-type="${option[accelerator]}" \
    --num-slices=1 --docker-image="${option[image]}" --storage="$storage" \
    --max-restarts="${option[max_resumes]}" --restart-on-exit-codes="$EXIT_INTERRUPTED" \
    --termination-grace-period-seconds=120 \
    --command="exec $(quoted "${words[@]}" -- "${gram_arguments[@]}")" "${place[@]}"
}

delete_workload() {
  call xpk workload delete --workload="${option[name]}" --cluster="$cluster" --force "${place[@]}"
}

run() {
  submit
  call xpk workload list --cluster="$cluster" --wait-for-job-completion="${option[name]}" "${place[@]}" || {
    say "the workload did not end well; what it said: kubectl logs --selector=jobset.sigs.k8s.io/jobset-name=${option[name]}"
    return 1
  }
}

resume() {
  delete_workload
  run
}

cleanup() {
  delete_workload
  if [[ $disk_fate == delete_disk ]]; then
    call xpk storage delete "$storage" --cluster="$cluster" --force "${place[@]}"
  else
    say "the file server $storage stays, and costs; later: gcloud filestore instances delete $storage"
  fi
  [[ -n ${option[cluster]:-} ]] || call xpk cluster delete --cluster="$cluster" --force "${place[@]}"
  call gcloud artifacts docker images delete "${option[image]}" --delete-tags --quiet --project="${option[project]}"
}

all() {
  local code
  create
  bootstrap
  attempt run
  ((code == 0)) || {
    say "nothing was deleted, and it costs: look into it, then '$0 resume' or '$0 cleanup'"
    return "$code"
  }
  cleanup
}

read_arguments 'create bootstrap run resume all status stop cleanup' \
  'name project zone accelerator cluster image input output max_resumes disk_gb' --disk_gb=1024 "$@"
require name project zone accelerator image
place=(--project="${option[project]}" --zone="${option[zone]}")
cluster=${option[cluster]:-${option[name]}} storage=${option[name]}-workdir
slice_generation "${option[accelerator]}" >/dev/null
hosts=$(slice_hosts "${option[accelerator]}" 4)
check_hosts "$hosts"
((option[disk_gb] >= 1024)) || die "--disk_gb=${option[disk_gb]}: Filestore has 1024 at least" "leave it out"
case $command in
  run | resume | all) require_settings ;;
esac
case $command in
  all | cleanup) need_disk_fate "the file server $storage" ;;
esac
need_program xpk "pip install xpk, beside gcloud, kubectl and docker"
case $command in
  status) call xpk workload list --cluster="$cluster" "${place[@]}" ;;
  stop) delete_workload ;;
  *) "$command" ;;
esac
