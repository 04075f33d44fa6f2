# `lab up`, `down`, `status`, `restart-apiserver`: both clusters as a whole.

up() {
  local c v i
  up_options "$@"
  [ "$(id -u)" = 0 ] || die "up needs root (see: lab check)"
  for i in pause coredns pilot proxyv2 helloworld-v1 helloworld-v2 curl; do
    [ -s "$IMAGES/$i.tar" ] || die "image $i is not built (run: lab build)"
  done
  down_quietly
  mkdir -p "$RUN"
  for v in "${CHOICES[@]}"; do printf '%s=%q\n' "$v" "${!v}"; done > "$RUN/choices"
  machine_borrow
  network_up
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    mkdir -p "$STATE"/{kubelet,containerd,cni,etc-cni/net.d,opt-cni/bin,etcd} "$LOGS"/{pods,containers}
    pki; settings; cgroups_make
    cluster_start
  done
  (umask 077; users_kubeconfig > "$RUN/kubeconfig")
  say "network and certificates"
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    wait_for "$C's API server (logs in $LOGS)" test -e "$STATE/api-ready"
    coredns_manifest | k "$C" apply -f - > "$LOGS/coredns-apply.log" || die "CoreDNS: see $LOGS/coredns-apply.log"
  done
  say "API servers ready"
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    wait_for "$C's node" k "$C" get node "$NODE"
    k "$C" wait --for=condition=Ready "node/$NODE" --timeout=120s >/dev/null
    k "$C" -n kube-system rollout status deploy/coredns --timeout=120s >/dev/null
    wait_for "$C's images" test -e "$STATE/images-loaded"
    if grep '^==' "$LOGS/images.log"; then die "$C: see $LOGS/images.log"; fi
  done
  say "up: contexts ${CLUSTERS[*]} in $RUN/kubeconfig"
}

# The options are the variables of config.sh by another name.
up_options() {
  local n
  while [ $# -gt 0 ]; do
    case $1 in
      --lb-hostname) LAB_LB_NAMES=lb.test; shift; continue ;;
      --audit) LAB_AUDIT=1; shift; continue ;;
      --lb-delay|--nodes|--pods[12]|--services[12]|--lb[12]) ;;
      *) die "up: unknown option $1 (see: lab help)" ;;
    esac
    [ $# -ge 2 ] || die "up: $1 needs a value"
    n=${1#--}; n=${n^^}; printf -v "LAB_${n//-/_}" %s "$2"
    shift 2
  done
}

# wait_for WHAT COMMAND..: for a minute.
wait_for() {
  local what=$1 i; shift
  for ((i = 0; i < 600; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  die "gave up waiting for $what"
}

down() { down_quietly; say "down"; }

# Works on what is there, not on what should be: a half-made lab goes away as well.
down_quietly() {
  local c
  for c in "${CLUSTERS[@]}"; do cluster "$c"; cluster_kill; done
  for c in "${CLUSTERS[@]}"; do cluster "$c"; cgroups_remove; done
  network_down
  machine_return
  rm -rf "$RUN"
}

status() {
  local c ready pods
  if ! is_up; then echo "down"; return 1; fi
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    ready=$(k "$C" --request-timeout=3s get --raw /readyz 2>/dev/null) || ready="does not answer"
    pods=$(k "$C" --request-timeout=3s get pods -A --no-headers 2>/dev/null | awk '{n++; split($3, a, "/"); if (a[1] == a[2]) r++} END {printf "%d of %d pods ready", r, n}') || pods="pods unknown"
    echo "$C: API server https://$NODE_IP:6443 $ready, $pods"
    echo "  pods $PODS, services $SERVICES, load balancers $LB after $LAB_LB_DELAY${LAB_LB_NAMES:+ as names of $LAB_LB_NAMES}"
    echo "  cable $(ip -br link show "$VETH" | awk '{print $2}'), audit log ${LAB_AUDIT:-0}, $(memory) MiB, logs in $LOGS"
  done
}

memory() { local p; for p in $(members); do awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '{s += $1} END {print int(s / 1024)}'; }

restart_apiserver() {
  local old
  known "${1:-}"; need_up; cluster "$1"
  old=$(component_pid kube-apiserver) || die "$C has no API server process just now"
  kill -KILL "$old"
  say "killed process $old"
  wait_for "its end" sh -c "! kill -0 $old"
  wait_for "$C's API server" k "$C" --request-timeout=2s get --raw /readyz
  say "$C's API server is ready again"
}
