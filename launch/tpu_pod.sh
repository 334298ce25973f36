#!/usr/bin/env bash
# Trains on a Cloud TPU slice, started from this machine: one process per host, which find each other by TPU metadata.
#
#   launch/tpu_pod.sh --name pod --zone us-east5-b --type v6e-16 --runtime v2-alpha-tpuv6e --install dist/*.whl \
#     --setup 'sudo mkdir -p /mnt/shared && sudo mount -t nfs 10.0.0.2:/share /mnt/shared' \
#     -- --config configs/cae.py --workdir /mnt/shared/runs/cae --config.data.data_dir=/mnt/shared/data
#
#   --name NAME --zone ZONE       the slice
#   --type T --runtime R          create the slice if it does not exist: https://cloud.google.com/tpu/docs/runtimes
#   --spot                        create it as a Spot slice, which costs less and may be preempted
#   --setup COMMAND               command to run on every host first, for example to mount a disk
#   --install WHEEL|REQUIREMENT   a wheel (python -m pip wheel --no-deps -w dist .) or a requirement for pip, such as
#                                 'dfdetect_jax[tpu] @ git+https://HOST/REPOSITORY'
#   --restarts N                  number of restarts after failures, in a new slice if this one was preempted; each
#                                 resumes from the last checkpoint (default: 10)
#   --dry-run                     print the commands instead of running them
#
# Requires gcloud, logged in and with a project. Run folder and data are in a bucket (--workdir gs://BUCKET/runs/cae,
# --config.data.data_dir=gs://BUCKET/data) or on a file system that all hosts mount, such as NFS. The slice is billed until
# `gcloud compute tpus queued-resources delete NAME --zone=ZONE --force`.
set -euo pipefail

name="" zone="" type="" runtime="" spot="" setup="" install="" restarts=10 dry_run=""
while (($#)); do
  case $1 in
    --name | --zone | --type | --runtime | --setup | --install | --restarts) declare "${1#--}=$2" && shift 2 ;;
    --spot) spot=--spot && shift ;;
    --dry-run) dry_run=1 && shift ;;
    --) shift && break ;;
    *) echo "error: expected an option of launch/tpu_pod.sh or --, found $1" >&2 && exit 2 ;;
  esac
done
if [[ ! $name || ! $zone ]] || ((!$#)); then
  echo "error: expected --name NAME --zone ZONE -- and the arguments of train, as in -- --config configs/cae.py" >&2
  exit 2
fi

# quoted WORD...: prints the words quoted for a shell.
quoted() {
  local word
  for word in "$@"; do
    if [[ $word && $word != *[!A-Za-z0-9_./:=,@%+-]* ]]; then
      printf '%s ' "$word"
    else
      printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
    fi
  done
}
run() { if [[ $dry_run ]]; then quoted "$@" && echo; else "$@"; fi; }
queue() { run gcloud compute tpus queued-resources "$1" "$name" "--zone=$zone" "${@:2}"; }
on_hosts() { run gcloud compute tpus tpu-vm ssh "$name" "--zone=$zone" --worker=all "--command=$1"; }
state() { [[ $dry_run ]] || gcloud compute tpus queued-resources describe "$name" "--zone=$zone" \
  '--format=value(state.state)' 2>/dev/null; }
create() { queue create "--node-id=$name" "--accelerator-type=$type" "--runtime-version=$runtime" ${spot:+"$spot"}; }

# wait_for_slice: returns when the slice is active. Creates it if it does not exist, and again if it was preempted.
wait_for_slice() {
  while :; do
    case $(state) in
      ACTIVE) return ;;
      FAILED) return 1 ;;
      SUSPENDED) queue delete --force --quiet && create || return ;;
      "") create || return ;;
    esac
    if [[ $dry_run ]]; then return; fi
    sleep 30
  done
}

# prepare: creates the slice, runs --setup, installs the library. With uv, because the hosts' Python may be too old.
prepare() {
  if [[ $type ]]; then wait_for_slice || return; fi
  if [[ $setup ]]; then on_hosts "$setup" || return; fi
  if [[ ! $install ]]; then return; fi
  local wanted=$install
  if [[ $install == *.whl ]]; then
    run gcloud compute tpus tpu-vm scp "$install" "$name:" "--zone=$zone" --worker=all || return
    wanted="./${install##*/}[tpu]"
  fi
  on_hosts "python3 -m pip install --user uv && ~/.local/bin/uv venv --allow-existing --python 3.12 ~/dfdetect_jax_env \
&& ~/.local/bin/uv pip install --python ~/dfdetect_jax_env/bin/python $(quoted "$wanted")"
}

# A TPU serves one process, so a run that outlived a broken connection has to end first.
train="source ~/dfdetect_jax_env/bin/activate && flock --no-fork --timeout 900 ~/.dfdetect_jax.lock $(
  quoted python -m dfdetect_jax.train "$@" --distributed)"

for ((restart = 1; ; restart++)); do
  status=0
  prepare && on_hosts "$train" || status=$?
  # Status 2, an error in the settings or the data, is not restarted.
  if ((status == 0 || status == 2 || restart > restarts)); then exit "$status"; fi
  echo "tpu_pod.sh: exit status $status; restart $restart of $restarts resumes from the last checkpoint" >&2
  sleep 30
done
