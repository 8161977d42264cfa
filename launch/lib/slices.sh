# shellcheck shell=bash
# What follows from the name of a TPU slice: software, disks, machines. Sourced after arguments.sh.
# Sources: cloud.google.com/tpu/docs/runtimes (software), .../setup-persistent-disk (disks),
# .../v5e, .../v5p and .../v6e (machines).

# slice_generation ACCELERATOR
slice_generation() {
  case $1 in
    v5litepod-*) echo v5e ;;
    v5p-*) echo v5p ;;
    v6e-*) echo v6e ;;
    *) die "--accelerator=$(quoted "$1") is no slice that is known here" \
      "v5litepod-CHIPS, v6e-CHIPS or v5p-CORES (two cores a chip), such as v5litepod-8, v6e-64, v5p-128" ;;
  esac
}

# slice_chips ACCELERATOR: v5p counts cores, the others chips
slice_chips() {
  local number=${1##*-}
  [[ $number =~ ^[1-9][0-9]{0,4}$ ]] || die "--accelerator=$(quoted "$1") has no size" \
    "such as v5litepod-8, v6e-64 or v5p-128"
  if [[ $1 == v5p-* ]]; then
    ((number % 8 == 0)) || die "$1: v5p comes in multiples of 8 cores, 4 chips" "such as v5p-8 or v5p-128"
    number=$((number / 2))
  fi
  echo "$number"
}

# slice_hosts ACCELERATOR [CHIPS_OF_ONE_HOST]: machines that run a program together
#
# A v5e or v6e slice of up to 8 chips is one TPU VM; larger ones have 4 chips on each. GKE's machines
# have 4 always.
slice_hosts() {
  local chips most=${2:-8}
  chips=$(slice_chips "$1")
  [[ $1 != v5p-* ]] || most=4
  if ((chips <= most)); then echo 1; else echo $(((chips + 3) / 4)); fi
}

slice_runtime() { # GENERATION
  case $1 in
    v5e) echo v2-alpha-tpuv5-lite ;;
    v5p) echo v2-alpha-tpuv5 ;;
    v6e) echo v2-alpha-tpuv6e ;;
  esac
}

slice_disk_type() { # GENERATION
  if [[ $1 == v6e ]]; then echo hyperdisk-balanced; else echo pd-balanced; fi
}

# check_hosts HOSTS: several need a program that knows of the others
#
# `gram run --distributed` is how a process joins the others; a checkout without it trains on one host, and
# to find that out on a slice that is paid for would be late.
check_hosts() {
  (($1 > 1)) && [[ $command != cleanup ]] || return 0
  grep -q -- '"--distributed"' "$repository/gram_jax/cli.py" ||
    die "this slice has $1 hosts, and this version of gram trains on one: 'gram run' has no --distributed" \
      "take a slice of one host: v5litepod-8, v6e-8 or v5p-8 as TPU VMs, v6e-4 or v5p-8 on GKE"
  gram_arguments+=(--distributed)
}
