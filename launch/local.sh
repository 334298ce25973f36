#!/usr/bin/env bash
# Trains on this machine, in one process or in several that form one job.
#
#   launch/local.sh -- --config configs/cae.py                            one process with all devices, the usual case
#   launch/local.sh --processes 8 -- --config configs/cae.py              one process per GPU
#   launch/local.sh --processes 2 --devices 2 -- --config configs/cae.py  simulates 2 hosts with 2 devices each on CPU
#
#   --processes N   number of processes (default: 1)
#   --devices N     number of CPU devices per process; accelerators are not used
#   --restarts N    number of restarts after failures; each resumes from the last checkpoint (default: 3)
#   --dry-run       print the commands instead of running them
#
# If one process fails, the others are ended, because they would wait for it. The first TERM or INT is forwarded to all
# processes as TERM, on which `train` saves its state; the second kills them. The exit status is that of the process
# that failed first. Status 2, an error in the settings or the data, is not restarted. PYTHON is the interpreter
# (default: python).
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

# free_port: prints an unused port below the range that operating systems assign to clients.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && (: <"/dev/tcp/localhost/$port") 2>/dev/null; do :; done
  echo "$port"
}

# command_of PORT INDEX: sets `command` to the command of process INDEX.
command_of() {
  command=(env)
  if [[ $devices ]]; then command+=(JAX_PLATFORMS=cpu "JAX_NUM_CPU_DEVICES=$devices"); fi
  if ((processes > 1)) && [[ ! $devices ]]; then command+=("JAX_LOCAL_DEVICE_IDS=$2"); fi # GPU number INDEX only
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

# run_together: runs all processes. Returns the status of the first one to fail, or 0.
run_together() {
  local port pid i left still status failed=0 patience=50
  port=$(free_port) pids=()
  for ((i = 0; i < processes; i++)); do
    command_of "$port" "$i"
    set -m # a process group of its own, so that its data workers are ended with it
    "${command[@]}" </dev/null &
    set +m
    pids+=($!)
  done
  left=("${pids[@]}")
  while ((${#left[@]})); do
    sleep 0.2 || true # Ctrl-C ends sleep too
    still=()
    for pid in "${left[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then still+=("$pid") && continue; fi
      status=0 && wait "$pid" || status=$?
      if ((status && !failed)); then failed=$status && signal_all TERM ""; fi
    done
    left=(${still[@]+"${still[@]}"})
    if ((failed && patience-- == 0)); then signal_all KILL -; fi # a collective operation blocks TERM
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
