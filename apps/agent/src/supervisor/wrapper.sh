# The parent of one job. Started by the agent as
#   sh wrapper.sh RUN_DIR MARK CGROUP SETSID MV COMMAND [ARG…]
# in the job's working directory, with the job's environment, in a session of its own.
#
# It outlives the agent, so that the job's exit status is kept whatever happens to the agent. It leaves in RUN_DIR:
#   claimed    made first and only once: a second wrapper for the same run gives up
#   pid        "WRAPPER_PID WRAPPER_START JOB_PID JOB_START", start times in clock ticks since boot
#   exit       "CODE SAID": the shell's $?, and 1 when the shell reported a death by signal (see exit-status.ts)
# The first is one short write that readers check for its end, the second appears by rename. Between the job's start and
# the wait for it no other program may run: a shell that reaps the job on such an occasion says nothing of a signal.
# Only builtins and the two given tools are used: the job's PATH may lead nowhere.

dir=$1 mark=$2 cgroup=$3 setsid=$4 mv=$5
shift 5

set -C
: >"$dir/claimed" || exit 1
set +C

# Signals are for the job. A handler, unlike "ignore", is not inherited by what the job execs.
again=0
trap 'again=1' HUP INT TERM
exec </dev/null >/dev/null 2>"$dir/said"

# Sets $start to the start time of process $1: field 22 of its stat, counted after the last ")" of its name.
start_of() {
  stat=
  while IFS= read -r part || [ -n "$part" ]; do stat="$stat $part"; done <"/proc/$1/stat"
  set -- ${stat##*)}
  start=${20:-0}
}

(
  trap - HUP INT TERM
  [ -z "$cgroup" ] || echo 0 >"$cgroup/cgroup.procs"
  unset PWD OLDPWD
  FLOWPLANE_RUN_MARK=$mark
  export FLOWPLANE_RUN_MARK
  exec "$setsid" -- "$@" >>"$dir/stdout" 2>>"$dir/stderr"
) &
job=$!

start_of $$
wrapper_start=$start
start_of "$job"
echo "$$ $wrapper_start $job $start" >"$dir/pid"

# A trapped signal ends the wait early; the job is waited for again unless it was reaped at that very moment.
while :; do
  again=0
  wait "$job"
  code=$?
  [ "$again" = 1 ] && kill -0 "$job" 2>/dev/null || break
done

said=0
[ -s "$dir/said" ] && said=1
echo "$code $said" >"$dir/exit.new" && "$mv" -f "$dir/exit.new" "$dir/exit"
