#!/bin/bash
# node.sh cluster1: process 1 of one cluster's namespaces (network, mount, pid, uts, ipc, cgroup).
# Everything of the cluster is its child; when it dies, the kernel ends all of them and undoes all mounts.
HERE=$(cd "$(dirname "$0")/.." && pwd)
. "$HERE/lib/config.sh"
cluster "$1"
export PATH=$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
set -e
hostname "$NODE"

# --- private copies of everything two nodes would fight over
mount --make-rprivate /
umount -R -l /run/netns 2>/dev/null || true    # else these mounts pin other people's network namespaces
mount -t sysfs sysfs /sys                      # of this network namespace
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup   # hierarchies that start at this cgroup namespace's root
for s in $(awk 'NR > 1 && $4 == 1 && $2 != 0 {print $1}' /proc/cgroups); do
  mkdir "/sys/fs/cgroup/$s"; mount -t cgroup -o "$s" cgroup "/sys/fs/cgroup/$s"
done
mkdir /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
for h in /sys/fs/cgroup/*/; do echo $$ > "${h}sys/cgroup.procs"; done
mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock /run/netns
mount --bind "$STATE/kubelet" /var/lib/kubelet
mount --bind "$STATE/containerd" /var/lib/containerd
mount --bind "$STATE/cni" /var/lib/cni
mount --bind "$STATE/etc-cni" /etc/cni
mount --bind "$STATE/opt-cni" /opt/cni
mount --bind "$LOGS/pods" /var/log/pods
mount --bind "$LOGS/containers" /var/log/containers
mount --make-rshared /
ulimit -n "$(ulimit -Hn)"
set +e

# --- the components; each is started again when it ends
keep() {
  local n=$1; shift
  ( while :; do "$@" >>"$LOGS/$n.log" 2>&1; echo "== $(date +%T) $n ended with $?" >>"$LOGS/$n.log"; sleep 0.5; done ) &
}
component() { local n=$1; shift; keep "$n" "$n" "$@"; }
until_port() { until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do sleep 0.05; done; }
load() { for i in "$@"; do ctr -a "$STATE/containerd.sock" -n k8s.io images import "$IMAGES/$i.tar" || echo "== $i not loaded"; done; }

# etcd need not survive the machine, so it need not wait for the disk
component etcd --name "$C" --data-dir "$STATE/etcd" --unsafe-no-fsync \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
  --initial-cluster "$C=http://127.0.0.1:2380" --log-level warn
component containerd --config "$STATE/containerd.toml"
until_port 2379
audit=()
if [ "$LAB_AUDIT" = 1 ]; then
  audit=(--audit-policy-file="$HERE/files/audit-policy.yaml" --audit-log-path="$LOGS/audit.log" --audit-log-mode=batch)
fi
component kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
  --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$NODE_IP" \
  --service-cluster-ip-range="$SERVICES" --allow-privileged=true \
  --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key" \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --kubelet-client-certificate="$PKI/apiserver-kubelet.crt" --kubelet-client-key="$PKI/apiserver-kubelet.key" \
  --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
  --requestheader-client-ca-file="$PKI/front.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$PKI/front-client.crt" --proxy-client-key-file="$PKI/front-client.key" \
  --profiling=false "${audit[@]}"
( until [ -S "$STATE/containerd.sock" ]; do sleep 0.05; done
  load pause coredns; touch "$STATE/can-start"
  load pilot proxyv2 helloworld-v1 helloworld-v2 curl; touch "$STATE/images-loaded"
) >>"$LOGS/images.log" 2>&1 &
until [ "$(curl -sk --cert "$PKI/admin.crt" --key "$PKI/admin.key" https://127.0.0.1:6443/readyz)" = ok ]; do sleep 0.1; done
touch "$STATE/api-ready"

# The default 20 requests a second would delay a first ReplicaSet by 5 s.
component kube-controller-manager --kubeconfig="$PKI/kcm.kubeconfig" \
  --authentication-kubeconfig="$PKI/kcm.kubeconfig" --authorization-kubeconfig="$PKI/kcm.kubeconfig" \
  --service-account-private-key-file="$PKI/sa.key" --root-ca-file="$PKI/ca.crt" --use-service-account-credentials=true \
  --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
  --leader-elect=false --bind-address=127.0.0.1 --profiling=false --kube-api-qps=300 --kube-api-burst=300
component kube-scheduler --kubeconfig="$PKI/scheduler.kubeconfig" --authentication-kubeconfig="$PKI/scheduler.kubeconfig" \
  --authorization-kubeconfig="$PKI/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1 --profiling=false
until [ -e "$STATE/can-start" ]; do sleep 0.05; done   # an image that is not there yet fails at once
component kubelet --config="$STATE/kubelet.yaml" --kubeconfig="$PKI/kubelet.kubeconfig" --root-dir=/var/lib/kubelet \
  --hostname-override="$NODE" --node-ip="$NODE_IP" --v=2
component kube-proxy --config="$STATE/kube-proxy.yaml"
component lbd --kubeconfig="$PKI/lbd.kubeconfig" --first="$LB_FIRST" --size="$LB_POOL" --delay="$LAB_LB_DELAY" --names="$LAB_LB_NAMES"
trap 'exit 0' TERM INT
while :; do wait -n; done
