# What the lab borrows from the machine itself and gives back: cgroups, processes, sysctls, mount points.

# kubelet sets the first group for the whole machine; the second is for many watchers of files.
BORROWED_SYSCTLS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes
  fs.inotify.max_user_instances fs.inotify.max_user_watches)
MOUNT_POINTS=(/var/lib/kubelet /var/lib/containerd /var/lib/cni /etc/cni /opt/cni /var/log/pods /var/log/containers)

machine_borrow() {
  local s d
  for s in "${BORROWED_SYSCTLS[@]}"; do
    if d=$(sysctl -n "$s" 2>/dev/null); then echo "$s=$d"; fi
  done > "$RUN/sysctls"
  sysctl -qw fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576
  for d in "${MOUNT_POINTS[@]}"; do
    if ! [ -d "$d" ]; then mkdir -p "$d"; echo "$d"; fi
  done > "$RUN/folders"
}

machine_return() {
  if [ -s "$RUN/sysctls" ]; then sysctl -q -p "$RUN/sysctls" >/dev/null 2>&1 || true; fi
  if [ -s "$RUN/folders" ]; then xargs -r rmdir < "$RUN/folders" 2>/dev/null || true; fi
}

cgroups_make() {
  local h d f
  for h in /sys/fs/cgroup/*/; do
    mkdir -p "$h$CGROUP/sys" 2>/dev/null || continue
    for d in "$h$CGROUP" "$h$CGROUP/sys"; do
      for f in cpuset.cpus cpuset.mems; do
        if [ -e "$d/$f" ] && [ -z "$(cat "$d/$f")" ]; then cat "$h$f" > "$d/$f"; fi
      done
    done
  done
}

# members: the process ids of everything in a cluster, as the machine sees them.
# The cgroup knows them even when the run state is lost or a process has changed its parent.
members() { find "/sys/fs/cgroup/pids/$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un; }

# component_pid kube-apiserver: of the current cluster.
component_pid() {
  local p
  for p in $(cat "/sys/fs/cgroup/pids/$CGROUP/sys/cgroup.procs"); do
    if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "${1:0:15}" ]; then echo "$p"; return; fi
  done
  return 1
}

cluster_start() {
  # The shell enters the cgroups before it becomes the cluster, so that they are its cgroup namespace's roots.
  ( for h in /sys/fs/cgroup/*/; do if [ -w "$h$CGROUP/cgroup.procs" ]; then echo $BASHPID > "$h$CGROUP/cgroup.procs"; fi; done
    exec setsid nohup nsenter --net="/run/netns/$NETNS" unshare --cgroup --mount --pid --uts --ipc --fork --mount-proc --kill-child=KILL \
      bash "$HERE/lib/node.sh" "$C" ) >"$LOGS/node.log" 2>&1 </dev/null &
}

# cluster_kill: by process id, until the cgroup is empty; the oldest is the one that takes all others along.
cluster_kill() {
  local i p left
  for ((i = 0; i < 200; i++)); do
    left=0
    for p in $(members); do
      case $(awk '/^State:/{print $2}' "/proc/$p/status" 2>/dev/null) in
        ''|Z) ;;
        *) left=1; kill -KILL "$p" 2>/dev/null || true ;;
      esac
    done
    if [ $left = 0 ]; then return; fi
    sleep 0.05
  done
  die "$C: processes that do not end: $(members | tr '\n' ' ')"
}

cgroups_remove() {
  local h i left
  for ((i = 0; i < 50; i++)); do
    left=0
    for h in /sys/fs/cgroup/*/; do
      if [ -d "$h$CGROUP" ]; then
        find "$h$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
        if [ -d "$h$CGROUP" ]; then left=1; fi
      fi
    done
    if [ $left = 0 ]; then return; fi
    sleep 0.1
  done
  echo "lab: cgroups of $C remain (a zombie process holds them)" >&2
}
