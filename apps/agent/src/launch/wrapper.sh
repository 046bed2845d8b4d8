# The parent of one job. Started by the agent as
#   sh wrapper.sh RUN_DIR MARK MV UMASK CGROUP PROGRAM [ARG…]
# in the job's working directory, with the job's environment, in a session of its own. PROGRAM leads to the job, by way of
# others that set one thing each and then become the next; UMASK and CGROUP may be empty.
#
# It outlives the agent, so that the job's exit status is kept whatever happens to the agent. It leaves in RUN_DIR:
#   claimed    made first and only once: a second wrapper for the same run gives up
#   pid        "WRAPPER_PID WRAPPER_START JOB_PID JOB_START", start times in clock ticks since boot
#   refused    the cgroup it could not enter, if so: nothing was started then
#   times      what `times` says: CPU of the shell, then of all it waited for, the job and what that waited for
#   exit       "CODE SAID": the shell's $?, and 1 when the shell reported a death by signal (see exit-status.ts)
# `pid` is one short write whose end readers check for; `exit` appears by rename. Only builtins and the two given
# tools are used: the job's PATH may lead nowhere. The job runs in the foreground, because a shell that waits for a job in
# the background may reap it unnoticed and then reports no signal.

# Named so that no variable of the job is meant: a shell passes a changed value on.
_fp_dir=$1 _fp_mark=$2 _fp_mv=$3 _fp_umask=$4 _fp_cgroup=$5
shift 5

set -C
: >"$_fp_dir/claimed" || exit 1
set +C

# Signals are for the job. A handler, unlike "ignore", is not inherited by what the job execs.
trap : HUP INT TERM
exec >/dev/null 2>"$_fp_dir/said"

# Sets $_fp_self to "PID START" of the process that runs this: the first field of its stat and the 22nd, counted after the
# last ")" of its name.
identify() {
  _fp_stat=
  while IFS= read -r _fp_part || [ -n "$_fp_part" ]; do _fp_stat="$_fp_stat$_fp_part "; done </proc/self/stat
  _fp_self=${_fp_stat%% *}
  set -- ${_fp_stat##*)}
  _fp_self="$_fp_self ${20:-0}"
}

identify
_fp_wrapper=$_fp_self
(
  trap - HUP INT TERM
  identify
  echo "$_fp_wrapper $_fp_self" >"$_fp_dir/pid"
  unset PWD OLDPWD
  FLOWPLANE_RUN_MARK=$_fp_mark
  export FLOWPLANE_RUN_MARK
  # From here on everything it forks is in there, too. Without its limits it must not start.
  if [ -n "$_fp_cgroup" ] && ! echo 0 2>/dev/null >"$_fp_cgroup/cgroup.procs"; then
    echo "$_fp_cgroup" >"$_fp_dir/refused"
    exit 126
  fi
  ulimit -c 0 2>/dev/null
  [ -z "$_fp_umask" ] || umask "$_fp_umask"
  exec "$@" >>"$_fp_dir/stdout" 2>>"$_fp_dir/stderr"
)
_fp_code=$?

times >"$_fp_dir/times"
_fp_said=0
[ -s "$_fp_dir/said" ] && _fp_said=1
echo "$_fp_code $_fp_said" >"$_fp_dir/exit.new" && "$_fp_mv" -f "$_fp_dir/exit.new" "$_fp_dir/exit"
