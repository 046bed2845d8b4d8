# The parent of one job. Started by the agent as
#   sh wrapper.sh RUN_DIR MARK SETSID MV COMMAND [ARG…]
# in the job's working directory, with the job's environment, in a session of its own.
#
# It outlives the agent, so that the job's exit status is kept whatever happens to the agent. It leaves in RUN_DIR:
#   claimed    made first and only once: a second wrapper for the same run gives up
#   pid        "WRAPPER_PID WRAPPER_START JOB_PID JOB_START", start times in clock ticks since boot
#   times      what `times` says: CPU of the shell, then of all it waited for, the job and what that waited for
#   exit       "CODE SAID": the shell's $?, and 1 when the shell reported a death by signal (see exit-status.ts)
# `pid` is one short write whose end readers check for; `exit` appears by rename. Only builtins and the two given
# tools are used: the job's PATH may lead nowhere. The job runs in the foreground, because a shell that waits for a job in
# the background may reap it unnoticed and then reports no signal.

dir=$1 mark=$2 setsid=$3 mv=$4
shift 4

set -C
: >"$dir/claimed" || exit 1
set +C

# Signals are for the job. A handler, unlike "ignore", is not inherited by what the job execs.
trap : HUP INT TERM
exec </dev/null >/dev/null 2>"$dir/said"

# Sets $self to "PID START" of the process that runs this: the first field of its stat and the 22nd, counted after the
# last ")" of its name.
identify() {
  stat=
  while IFS= read -r part || [ -n "$part" ]; do stat="$stat$part "; done </proc/self/stat
  self=${stat%% *}
  set -- ${stat##*)}
  self="$self ${20:-0}"
}

identify
wrapper=$self
(
  trap - HUP INT TERM
  identify
  echo "$wrapper $self" >"$dir/pid"
  unset PWD OLDPWD
  FLOWPLANE_RUN_MARK=$mark
  export FLOWPLANE_RUN_MARK
  exec "$setsid" -- "$@" >>"$dir/stdout" 2>>"$dir/stderr"
)
code=$?

times >"$dir/times"
said=0
[ -s "$dir/said" ] && said=1
echo "$code $said" >"$dir/exit.new" && "$mv" -f "$dir/exit.new" "$dir/exit"
