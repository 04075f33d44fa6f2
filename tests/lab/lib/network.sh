# The lab's network: one bridge, one network namespace per cluster, nothing that leads out.
#
#   machine (LAB_NODES.1) ── bridge ──┬── cluster1 (.11)   pods, services and load balancers inside
#                                     └── cluster2 (.12)
#
# Pod addresses stay inside their cluster, as on two networks; load balancer addresses are reached
# from the machine and from both clusters.

network_up() {
  local c other lb ip
  # `ip netns` mounts this folder on itself when it first adds a namespace; only then is it ours to unmount.
  if ! mountpoint -q /run/netns; then touch "$RUN/netns-mounted"; fi
  ip link add "$NAME" type bridge
  ip addr add "$LAB_NODES.1/24" dev "$NAME"
  ip link set "$NAME" up
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    ip netns add "$NETNS"
    ip link add "$VETH" type veth peer name eth0 netns "$NETNS"
    ip link set "$VETH" master "$NAME" up
    ip -n "$NETNS" link set lo up
    ip -n "$NETNS" addr add "$NODE_IP/24" dev eth0
    ip -n "$NETNS" link set eth0 up
    # These belong to the namespace and vanish with it.
    inside sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 \
      net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
    # There is no default route, so nothing leaves. A ClusterIP still needs a route, or the node's own
    # processes cannot dial it before iptables rewrites it (the API server calls webhooks so).
    ip -n "$NETNS" route add "$SERVICES" dev eth0
    ip -n "$NETNS" route add local "$LB" dev lo
    ip route add "$LB" via "$NODE_IP" dev "$NAME"
    inside iptables -t nat -A POSTROUTING -s "$PODS" ! -d "$PODS" -o eth0 -j MASQUERADE
  done
  for c in "${CLUSTERS[@]}"; do
    for other in "${CLUSTERS[@]}"; do
      if [ "$c" = "$other" ]; then continue; fi
      cluster "$other"; lb=$LB ip=$NODE_IP
      cluster "$c"; ip -n "$NETNS" route add "$lb" via "$ip" dev eth0
    done
  done
}

network_down() {
  local c
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    ip link del "$VETH" 2>/dev/null || true
    if [ -e "/run/netns/$NETNS" ]; then ip netns del "$NETNS" || true; fi
  done
  ip link del "$NAME" 2>/dev/null || true   # takes the machine's routes along
  if [ -e "$RUN/netns-mounted" ] && [ -z "$(ls /run/netns)" ]; then umount /run/netns && rmdir /run/netns; fi
}

# inside CMD..: in the current cluster's network only. `ip netns exec` would also remount /sys.
inside() { nsenter --net="/run/netns/$NETNS" "$@"; }

# A cable pulled and put back: the other side sees time-outs, not refused connections.
unplug() { known "${1:-}"; need_up; cluster "$1"; ip link set "$VETH" down; }
plug() { known "${1:-}"; need_up; cluster "$1"; ip link set "$VETH" up; }

# hosts_lines: "ADDRESS NAME" for every load balancer address of both clusters (see --lb-hostname).
hosts_lines() {
  local c i a
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    for ((i = 0; i < LB_POOL; i++)); do
      a=$(nth "$LB" $((10 + i)))
      echo "$a lb-${a//./-}.$LAB_LB_NAMES"
    done
  done
}
