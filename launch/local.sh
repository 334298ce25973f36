#!/usr/bin/env bash
# Trains on this machine, in one process or in several that form one job.
#
#   launch/local.sh -- --config configs/cae.py                            all devices in one process: the usual case
#   launch/local.sh --processes 8 -- --config configs/cae.py              one process per GPU
#   launch/local.sh --processes 2 --devices 2 -- --config configs/cae.py  a pod of 2 hosts x 2 devices, tried on CPUs
#
#   --processes N   number of processes (1)
#   --devices N     CPU devices of each process, instead of other devices
#   --restarts N    restarts after a failure, each resuming from the last checkpoint (3)
#   --dry-run       print the commands without running them
#
# When one process fails the others are terminated, since they would wait for it. TERM or INT is forwarded as TERM, on
# which `train` saves its state; a second signal kills all processes. The exit status is that of the process that failed
# first; 2 is a mistake in settings or data, which is not retried. PYTHON names the interpreter (python).
set -euo pipefail

processes=1 devices="" restarts=3 dry_run=""
while (($#)); do
  case $1 in
    --processes) processes=$2 && shift 2 ;;
    --devices) devices=$2 && shift 2 ;;
    --restarts) restarts=$2 && shift 2 ;;
    --dry-run) dry_run=1 && shift ;;
    --) shift && break ;;
    *) echo "error: expected an option of launch/local.sh or --, found $1" >&2 && exit 2 ;;
  esac
done
(($#)) || { echo "error: expected the arguments of train after --, as in -- --config configs/cae.py" >&2 && exit 2; }
line=("${PYTHON:-python}" -m dfdetect_jax.train "$@")

# free_port: an unused port below the ephemeral range.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && (: <"/dev/tcp/localhost/$port") 2>/dev/null; do :; done
  echo "$port"
}

# command_of PORT INDEX: sets `command` to what process INDEX runs.
command_of() {
  command=(env)
  if [[ $devices ]]; then command+=(JAX_PLATFORMS=cpu "JAX_NUM_CPU_DEVICES=$devices"); fi
  if ((processes > 1)) && [[ ! $devices ]]; then command+=("JAX_LOCAL_DEVICE_IDS=$2"); fi # GPU number INDEX alone
  command+=("${line[@]}")
  if ((processes > 1)); then
    command+=("--coordinator=localhost:$1" "--process_count=$processes" "--process_id=$2")
  fi
}

pids=() ending=""
signal_all() { for pid in "${pids[@]}"; do kill "-$1" -- "$2$pid" 2>/dev/null || true; done; }
pass_on() {
  if [[ $ending ]]; then signal_all KILL -; else signal_all TERM ""; fi
  ending=1
}
trap pass_on TERM INT

# run_together: all processes from start to end. Returns the status of the first to fail, 0 if none did.
run_together() {
  local port pid i left still status failed=0 patience=50
  port=$(free_port) pids=()
  for ((i = 0; i < processes; i++)); do
    command_of "$port" "$i"
    set -m # a separate process group, so that data workers are terminated with it
    "${command[@]}" </dev/null &
    set +m
    pids+=($!)
  done
  left=("${pids[@]}")
  while ((${#left[@]})); do
    sleep 0.2 || true # Ctrl-C ends it too
    still=()
    for pid in "${left[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then still+=("$pid") && continue; fi
      status=0 && wait "$pid" || status=$?
      if ((status && !failed)); then failed=$status && signal_all TERM ""; fi
    done
    left=(${still[@]+"${still[@]}"})
    if ((failed && patience-- == 0)); then signal_all KILL -; fi # a process in a collective call does not handle TERM
  done
  return "$failed"
}

if [[ $dry_run ]]; then
  port=$(free_port)
  for ((i = 0; i < processes; i++)); do command_of "$port" "$i" && printf '%q ' "${command[@]}" && echo; done
  exit
fi
for ((restart = 1; ; restart++)); do
  status=0 && run_together || status=$?
  if ((status == 0 || status == 2 || restart > restarts)) || [[ $ending ]]; then exit "$status"; fi
  echo "local.sh: exit status $status; restart $restart of $restarts resumes from the last checkpoint" >&2
done
