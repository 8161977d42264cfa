#!/usr/bin/env bash
# Trains GRAM with and without co-training and co-alignment, for several seeds, and writes the comparison.
#
#   ./launch/ablation.sh FOLDER EXPERIMENT "SEEDS" PAGE [options of gram run]
#   ./launch/ablation.sh ablation/simulated gin/experiments/quickstart.gin "0 1 2" docs/results/ablation.md \
#     --gin.simulate_shop.seed=0
#
# (one shop for all seeds, so that figures are paired over its queries).
# FOLDER keeps a workdir for each arm (gin/ablation) and seed; what is there already is not made again, and a run
# that was stopped goes on. The arms of a seed share everything up to their first training. Takes some 20 minutes
# a seed on the quickstart's shop and 2 cores.
set -euo pipefail
folder=${1:?FOLDER to keep the workdirs in} experiment=${2:?EXPERIMENT, a gin file} seeds=${3:?SEEDS} page=${4:?PAGE}
shift 4
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=${GRAM_VENV:-.venv}/bin
first=(prepare attributes codes pseudo_queries relevance vocabulary train)

# begin_with WORKDIR OTHER STAGE...: starts a workdir with finished stages of another one
begin_with() {
  local workdir=$1 other=$2 stage
  shift 2
  [[ ! -e $workdir ]] || return 0
  mkdir -p "$workdir.new"
  for stage in "$@"; do
    [[ ! -d $other/$stage ]] || cp -al "$other/$stage" "$workdir.new/"
  done
  mv "$workdir.new" "$workdir"
}

for seed in $seeds; do
  seed_folder=$folder/seed-$seed
  for arm in full without_coalignment without_cotraining without_both; do
    workdir=$seed_folder/$arm
    case $arm in
      without_coalignment) begin_with "$workdir" "$seed_folder/full" "${first[@]}" cotrain ;;
      without_cotraining) begin_with "$workdir" "$seed_folder/full" "${first[@]}" ;;
      without_both) begin_with "$workdir" "$seed_folder/without_cotraining" "${first[@]}" cotrain ;;
    esac
    "$bin/gram" run --gin_file="$experiment" --gin_file="gin/ablation/$arm.gin" --gin.SEED="$seed" \
      --workdir="$workdir" "$@"
  done
done
PYTHONPATH=. "$bin/python" benchmarks/ablation_report.py --folder="$folder" --page="$page"
