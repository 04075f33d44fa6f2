# `lab check`: what this machine lacks to host the lab, one line each.

DEBIAN_PACKAGES=(etcd-server containerd runc containernetworking-plugins iptables iproute2 busybox-static openssl curl procps
  util-linux ca-certificates)

missing_packages() {
  local p
  for p in "${DEBIAN_PACKAGES[@]}"; do
    [ "$(dpkg-query -Wf '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
  done
}

# What `lab build` installs by itself is not missing.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

check() {
  local missing=0 p
  lack() { echo "missing: $*"; missing=1; }
  if [ "$(uname -sm)" != "Linux x86_64" ]; then lack "Linux on x86_64 (Envoy and the images are built for it)"; fi
  if [ "$(id -u)" != 0 ]; then lack "root (namespaces, mounts, iptables)"; fi
  if ! unshare --net --mount --pid --uts --ipc --cgroup --fork true 2>/dev/null; then lack "the right to make namespaces"; fi
  if ! unshare --mount mount -t tmpfs tmpfs /mnt 2>/dev/null; then lack "the right to mount"; fi
  # Pods' memory limits and kubelet's own accounting need these. The lab was only ever run on cgroup v1.
  for p in cpu memory pids; do
    [ -e "/sys/fs/cgroup/$p/cgroup.procs" ] || lack "cgroup v1 controller $p mounted below /sys/fs/cgroup"
  done
  if ! [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] && ! modprobe br_netfilter 2>/dev/null; then lack "kernel module br_netfilter"; fi
  if ! grep -qw overlay /proc/filesystems && ! modprobe overlay 2>/dev/null; then lack "kernel file system overlay"; fi
  if can_install; then :
  elif command -v dpkg-query >/dev/null; then
    for p in $(missing_packages); do lack "Debian package $p (lab build installs it, as root)"; done
  else lack "Debian's packages: ${DEBIAN_PACKAGES[*]}"; fi
  if ! command -v go >/dev/null; then lack "go 1.26 or later (or 1.21 and later, which fetches the right one itself)"; fi
  if ! command -v python3 >/dev/null; then lack python3
  elif ! python3 -m pip --version >/dev/null 2>&1; then lack "pip for python3"; fi
  p=$(df --output=avail -BG "$(first_existing "$CACHE")" | tail -1 | tr -dc 0-9)
  if [ "$p" -lt 6 ] && ! [ -d "$BIN" ]; then lack "6 GiB of disk for $CACHE and the Go caches ($p GiB free)"; fi
  p=$(awk '/^MemAvailable/{print int($2 / 1048576)}' /proc/meminfo)
  if [ "$p" -lt 3 ] && ! is_up; then lack "3 GiB of memory ($p GiB available)"; fi
  return $missing
}

first_existing() { local d=$1; until [ -d "$d" ]; do d=$(dirname "$d"); done; echo "$d"; }
