# The configuration files of one node. All paths are the defaults: each node has its own mounts there.

settings() {
  : > "$STATE/resolv.conf"   # pods get the cluster's names and no others
  # CNI's programs must not be another node's or the machine's; links where possible, they are big.
  cp -al /usr/lib/cni/. "$STATE/opt-cni/bin/" 2>/dev/null || cp -a /usr/lib/cni/. "$STATE/opt-cni/bin/"
  cat > "$STATE/etc-cni/net.d/10-lab.conflist" <<K
{"cniVersion": "1.0.0", "name": "lab", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipMasq": false,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$PODS"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
K
  # restrict_oom_score_adj: root in a container often lacks CAP_SYS_RESOURCE.
  cat > "$STATE/containerd.toml" <<K
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "$STATE/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
K
  # No eviction for want of disk: the disk is the contributor's, and images here cannot be pulled again.
  cat > "$STATE/kubelet.yaml" <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
containerRuntimeEndpoint: unix://$STATE/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /
kubeletCgroups: /sys
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDNS: [$DNS_IP]
clusterDomain: cluster.local
resolvConf: $STATE/resolv.conf
evictionHard: {memory.available: 50Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
registryPullQPS: 0
kubeAPIQPS: 100
kubeAPIBurst: 200
eventRecordQPS: 0
volumePluginDir: /var/lib/kubelet/plugins-exec
shutdownGracePeriod: 0s
K
  # conntrack 0: its limits are the whole machine's, kube-proxy shall not touch them.
  cat > "$STATE/kube-proxy.yaml" <<K
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $PODS
hostnameOverride: $NODE
clientConnection: {kubeconfig: $PKI/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 200ms}
oomScoreAdj: 0
K
}

# coredns_manifest: for --lb-hostname every possible name of both clusters is in CoreDNS from the start.
coredns_manifest() {
  local names=
  if [ -n "$LAB_LB_NAMES" ]; then
    names="hosts /dev/null $LAB_LB_NAMES {"$'\n'"$(hosts_lines | sed "s/^/            /")"$'\n'"        }"
  fi
  DNS_IP=$DNS_IP NAMES=$names python3 -c 'import os, sys
print(sys.stdin.read().replace("DNS_IP", os.environ["DNS_IP"]).replace("LB_NAMES", os.environ["NAMES"]))' < "$HERE/files/coredns.yaml"
}
