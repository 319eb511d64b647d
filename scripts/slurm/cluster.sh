#!/usr/bin/env bash
# A SLURM of two nodes on this host, for tests: as root, without systemd.
#
# cluster.sh start FOLDER          starts munged, slurmctld and two slurmd; `. FOLDER/env` then points sbatch at them
# cluster.sh stop FOLDER           ends them, and the steps that they have left
# cluster.sh restart FOLDER NAME [SIGNAL]
#                                  ends one of slurmctld, slurmd-n1, slurmd-n2, by SIGKILL unless told otherwise, and starts it
# cluster.sh down FOLDER NAME      kills one of these
#
# CORES (2) and MEMORY in MB (4000) of each node, PORT (17817; the two after it are taken too) and KILL_WAIT, the seconds
# between SIGTERM and SIGKILL (30), come from the environment. Jobs are not held to their cores and memory. A job in the
# partition `urgent` takes the place of others, which are requeued.
set -euo pipefail

fail() { printf 'cluster: %s\n' "$*" >&2; exit 1; }
[ $# -ge 2 ] || fail "usage: cluster.sh start|stop FOLDER, cluster.sh restart|down FOLDER NAME"
action=$1
mkdir -p "$2"
root=$(cd "$2" && pwd)
conf=$root/slurm.conf
host=$(hostname -s)
port=${PORT:-17817}

# A zombie is no living daemon: process 1 of a container may reap late.
lives() { grep -q '^State:[[:space:]]*[RSDTtIWKP]' "/proc/$1/status" 2>/dev/null; }
is_up() { [ -s "$root/$1.pid" ] && lives "$(cat "$root/$1.pid")"; }

until_true() {
  local tries=$1
  shift
  for _ in $(seq "$tries"); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  return 1
}

launch() {
  local name=$1
  shift
  if is_up "$name"; then return; fi
  (
    # Who has started this script may wait until nobody has the descriptors that it has given.
    for descriptor in /proc/self/fd/*; do
      descriptor=${descriptor##*/}
      if [ "$descriptor" -gt 2 ]; then eval "exec $descriptor>&-"; fi
    done
    exec setsid "$@"
  ) </dev/null >>"$root/$name.log" 2>&1 &
  echo $! >"$root/$name.pid"
}

end() {
  local name=$1 signal=${2:-TERM} pid
  if is_up "$name"; then
    pid=$(cat "$root/$name.pid")
    kill -"$signal" "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      lives "$pid" || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -f "$root/$name.pid"
}

# The daemons of SLURM by the names of their files here.
daemon() {
  case $1 in
    slurmctld) launch slurmctld slurmctld -D -f "$conf" ;;
    slurmd-n1 | slurmd-n2) SLURM_CONF=$conf launch "$1" slurmd -D -N "${1#slurmd-}" -f "$conf" ;;
    *) fail "no daemon is called '$1'" ;;
  esac
}

configure() {
  mkdir -p "$root/munge" "$root/state" "$root/spool/n1" "$root/spool/n2"
  chmod 755 "$root" "$root/munge"
  [ -s "$root/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom >"$root/munge.key")
  chmod 600 "$root/munge.key"
  # cred_expire: a requeued job waits for as long as a credential lives, two minutes unless told otherwise.
  cat >"$conf" <<CONF
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$root/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool/%n
SlurmctldPidFile=$root/slurmctld.own.pid
SlurmdPidFile=$root/slurmd-%n.own.pid
SlurmdTimeout=${SLURMD_TIMEOUT:-30}
KillWait=${KILL_WAIT:-30}
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
DefMemPerCPU=100
MaxArraySize=10001
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=${CORES:-2} RealMemory=${MEMORY:-4000}
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=${CORES:-2} RealMemory=${MEMORY:-4000}
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
  printf 'export SLURM_CONF=%q\n' "$conf" >"$root/env"
}

are_idle() { [ "$(sinfo -h -N -p all -o %T | grep -cx idle)" = 2 ]; }

start() {
  configure
  export SLURM_CONF=$conf
  launch munged munged --foreground --force --key-file="$root/munge.key" --socket="$root/munge/socket" \
    --pid-file="$root/munged.own.pid" --seed-file="$root/munge/seed" --num-threads=2 --origin=127.0.0.1
  until_true 50 munge -n -S "$root/munge/socket" || fail "munged does not answer: $root/munged.log"
  daemon slurmctld
  until_true 100 scontrol ping || fail "slurmctld does not answer: $root/slurmctld.log"
  daemon slurmd-n1
  daemon slurmd-n2
  until_true 150 are_idle || fail "the nodes are not idle: $root/slurmd-n1.log"
}

stop() {
  if [ -s "$conf" ] && is_up slurmctld; then
    SLURM_CONF=$conf timeout 10 scancel -u "$(id -un)" 2>/dev/null || true
  fi
  for name in slurmd-n1 slurmd-n2 slurmctld munged; do end "$name"; done
  # Steps outlive their slurmd; each knows the folder by its environment.
  for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm" 2>/dev/null)" = slurmstepd ] || continue
    if cat "$process/environ" 2>/dev/null | tr '\0' '\n' | grep -qx "SLURM_CONF=$conf" \
      || ls -l "$process/fd" 2>/dev/null | grep -q " $root/"; then
      kill -KILL "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

case $action in
  start | stop) "$action" ;;
  restart)
    end "$3" "${4:-KILL}"
    daemon "$3"
    ;;
  down) end "$3" KILL ;;
  *) fail "no action is called '$action'" ;;
esac
