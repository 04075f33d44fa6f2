#!/bin/bash
# The guide "Shared control plane (multi-network)" of Istio 1.4, done by hand on today's Istio: what people use
# today, and the yardstick meshwright is compared with. Plain shell, kubectl and istioctl; nothing of meshwright.
#
#   guide.sh            from two empty clusters to calls that reach v1 and v2 from both sides, with the path proven
#   guide.sh cleanup    back to empty clusters
#
# Where today's Istio needs something else than the guide says, a comment says "today:".
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
if [ -z "${LAB_HUB:-}" ]; then eval "$("$HERE/lab" env)"; fi
CTX_CLUSTER1=${CTX_CLUSTER1:-cluster1} CTX_CLUSTER2=${CTX_CLUSTER2:-cluster2}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. "$HERE/guide/values.sh"
k1() { kubectl --context="$CTX_CLUSTER1" "$@"; }
k2() { kubectl --context="$CTX_CLUSTER2" "$@"; }

# --- the guide, step by step ----------------------------------------------------------------------------------

# The guide takes Istio's sample certificates, which everyone knows; a root and an intermediate of one's own take 1 s.
root_ca() {
  local openssl_ca="basicConstraints=critical,CA:true"
  ( cd "$WORK"
    openssl req -x509 -newkey rsa:4096 -nodes -days 3650 -sha256 -keyout root-key.pem -out root-cert.pem -subj /O=Istio/CN=root \
      -addext keyUsage=critical,keyCertSign,cRLSign
    openssl req -newkey rsa:4096 -nodes -keyout ca-key.pem -out ca.csr -subj /O=Istio/CN=intermediate
    openssl x509 -req -days 730 -sha256 -in ca.csr -CA root-cert.pem -CAkey root-key.pem -CAcreateserial -out ca-cert.pem \
      -extfile <(printf '%s,pathlen:0\nkeyUsage=critical,digitalSignature,keyCertSign,cRLSign\n' "$openssl_ca")
    cat ca-cert.pem root-cert.pem > cert-chain.pem ) 2>/dev/null
}

cacerts() {
  local k
  for k in k1 k2; do
    $k create ns istio-system
    $k create secret generic cacerts -n istio-system --from-file="$WORK/ca-cert.pem" --from-file="$WORK/ca-key.pem" \
      --from-file="$WORK/root-cert.pem" --from-file="$WORK/cert-chain.pem"
  done
}

install_primary() {
  lab_file; primary_values > "$WORK/primary.yaml"
  istioctl install -y --context="$CTX_CLUSTER1" -f "$WORK/primary.yaml" -f "$WORK/lab.yaml"
}

lab_file() { { printf 'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n'; lab_values; } > "$WORK/lab.yaml"; }

cluster_aware_gateway() {
  k1 apply -f - <<'Y'
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata:
  name: cluster-aware-gateway
  namespace: istio-system
spec:
  selector:
    istio: ingressgateway
  servers:
  - port: {number: 443, name: tls, protocol: TLS}
    tls: {mode: AUTO_PASSTHROUGH}
    hosts: ["*.local"]
Y
}

# today: the old charts did this with meshExpansion; now it is written out.
expose_control_plane() {
  k1 apply -f - <<'Y'
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata:
  name: istiod-gateway
  namespace: istio-system
spec:
  selector:
    istio: ingressgateway
  servers:
  - port: {number: 15012, name: tls-istiod, protocol: TLS}
    tls: {mode: PASSTHROUGH}
    hosts: ["*"]
  - port: {number: 15017, name: tls-istiodwebhook, protocol: TLS}
    tls: {mode: PASSTHROUGH}
    hosts: ["*"]
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: istiod-vs
  namespace: istio-system
spec:
  hosts: ["*"]
  gateways: [istiod-gateway]
  tls:
  - match: [{port: 15012, sniHosts: ["*"]}]
    route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 15012}}}]
  - match: [{port: 15017, sniHosts: ["*"]}]
    route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 443}}}]
Y
}

# gateway_address k1: of the ingress gateway, once it has one. An address, not a host name: "the implementation of
# DNS name support is pending", says the guide, and today's webhook of a remote cluster still needs an address.
gateway_address() {
  $1 -n istio-system wait svc/istio-ingressgateway --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=120s >/dev/null
  $1 -n istio-system get svc istio-ingressgateway -o jsonpath='{.status.loadBalancer.ingress[0].ip}'
}

address1() { ADDRESS1=$(gateway_address k1); echo "ingress gateway of cluster1: $ADDRESS1:443"; }
address2() { ADDRESS2=$(gateway_address k2); echo "ingress gateway of cluster2: $ADDRESS2:443"; }

# "Edit the istio ConfigMap". The guide edits by hand, and in two places; today: values.yaml is gone.
edit_mesh_networks() {
  local networks
  networks=$(cat <<Y
networks:
  network1:
    endpoints:
    - fromRegistry: cluster1
    gateways:
    - {address: ${ADDRESS1:-0.0.0.0}, port: 443}
  network2:
    endpoints:
    - fromRegistry: n2-k8s-config
    gateways:
    - {address: ${ADDRESS2:-0.0.0.0}, port: 443}
Y
)
  k1 -n istio-system patch cm istio --type=merge -p "$(jsonish meshNetworks "$networks")"
}

# jsonish KEY TEXT: {"data": {KEY: TEXT}}, for text without quotes or backslashes.
jsonish() { printf '{"data": {"%s": "%s\\n"}}' "$1" "${2//$'\n'/\\n}"; }

# today: rendered and applied without waiting, since the gateway only becomes ready after the next section (as the
# guide says too) and `istioctl install` would wait for it. The annotation says which cluster's istiod is in charge.
install_remote() {
  remote_values "$ADDRESS1" > "$WORK/remote.yaml"
  k2 annotate ns istio-system topology.istio.io/controlPlaneClusters=cluster1
  istioctl manifest generate -f "$WORK/remote.yaml" -f "$WORK/lab.yaml" > "$WORK/remote-rendered.yaml"
  k2 apply -f "$WORK/remote-rendered.yaml"
}

# today: a ServiceAccount no longer comes with a token Secret; asked for by name, it does.
n2_k8s_config() {
  k2 apply -f - <<'Y'
apiVersion: v1
kind: Secret
metadata:
  name: istio-reader-service-account-token
  namespace: istio-system
  annotations:
    kubernetes.io/service-account.name: istio-reader-service-account
type: kubernetes.io/service-account-token
Y
  k2 -n istio-system wait secret/istio-reader-service-account-token --for=jsonpath='{.data.token}' --timeout=30s
  local name server ca token
  name=$(k2 config view --minify -o jsonpath='{.clusters[].name}')
  server=$(k2 config view --minify -o jsonpath='{.clusters[].cluster.server}')
  ca=$(k2 -n istio-system get secret istio-reader-service-account-token -o jsonpath='{.data.ca\.crt}')
  token=$(k2 -n istio-system get secret istio-reader-service-account-token -o jsonpath='{.data.token}' | base64 --decode)
  cat > "$WORK/n2-k8s-config" <<Y
apiVersion: v1
kind: Config
clusters:
- {name: $name, cluster: {certificate-authority-data: $ca, server: "$server"}}
contexts:
- {name: $name, context: {cluster: $name, user: $name}}
current-context: $name
users:
- {name: $name, user: {token: $token}}
Y
}

start_watching() {
  k1 -n istio-system create secret generic n2-k8s-secret --from-file="$WORK/n2-k8s-config"
  k1 -n istio-system label secret n2-k8s-secret istio/multiCluster=true
}

remote_gateway_ready() {
  k2 -n istio-system rollout status deploy/istio-ingressgateway --timeout=180s
  # today: istiod serves cluster2's injector from afar and first writes its certificate there; earlier pods are refused.
  k2 wait mutatingwebhookconfiguration/istio-sidecar-injector --for=jsonpath='{.webhooks[0].clientConfig.caBundle}' --timeout=60s
}

sample() {
  local k version
  for k in k1 k2; do
    if [ $k = k1 ]; then version=v1; else version=v2; fi
    $k create ns sample
    $k label namespace sample istio-injection=enabled
    sample_manifest $version | $k create -n sample -f -
  done
  for k in k1 k2; do
    if [ $k = k1 ]; then version=v1; else version=v2; fi
    $k -n sample rollout status deploy/helloworld-$version --timeout=180s
    $k -n sample rollout status deploy/sleep --timeout=180s
  done
}

sample_manifest() {
  cat <<Y
apiVersion: v1
kind: Service
metadata:
  name: helloworld
  labels: {app: helloworld}
spec:
  ports: [{port: 5000, name: http}]
  selector: {app: helloworld}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: helloworld-$1
  labels: {app: helloworld, version: $1}
spec:
  selector: {matchLabels: {app: helloworld, version: $1}}
  template:
    metadata:
      labels: {app: helloworld, version: $1}
    spec:
      containers:
      - name: helloworld
        image: $LAB_HUB/examples-helloworld-$1:1.0
        imagePullPolicy: IfNotPresent
        ports: [{containerPort: 5000}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: sleep}
---
apiVersion: v1
kind: Service
metadata:
  name: sleep
  labels: {app: sleep}
spec:
  ports: [{port: 80, name: http}]
  selector: {app: sleep}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleep}
spec:
  selector: {matchLabels: {app: sleep}}
  template:
    metadata:
      labels: {app: sleep}
    spec:
      terminationGracePeriodSeconds: 0
      serviceAccountName: sleep
      containers:
      - name: sleep
        image: $LAB_HUB/sleep:1
        command: ["/bin/sleep", "infinity"]
        imagePullPolicy: IfNotPresent
Y
}

calls() {
  local k pod n answers answer
  for k in k1 k2; do
    pod=$($k get pod -n sample -l app=sleep -o jsonpath='{.items[0].metadata.name}')
    answers=
    for ((n = 1; n <= 60; n++)); do
      answer=$($k exec -n sample -c sleep "$pod" -- curl -sS -m 5 helloworld.sample:5000/hello 2>&1) || true
      answers+=$answer$'\n'
      if [[ $answers == *"version: v1,"* && $answers == *"version: v2,"* ]]; then break; fi
    done
    sort <<<"$answers" | grep . | uniq -c
    [ $n -le 60 ] || { echo "$k: not both versions in 60 calls" >&2; return 1; }
    echo "$k: both versions after $n calls"
  done
}

# The proxies' logs: one call went to the other cluster's gateway, one to a pod of the own cluster.
path() {
  local k pod other log n
  for k in k1 k2; do
    if [ $k = k1 ]; then other=$ADDRESS2; else other=$ADDRESS1; fi
    pod=$($k get pod -n sample -l app=sleep -o jsonpath='{.items[0].metadata.name}')
    for ((n = 0; n < 20; n++)); do   # Envoy writes its log once a second
      log=$($k logs -n sample "$pod" -c istio-proxy | grep -oE '"[0-9.]+:[0-9]+" outbound\|5000\|\|helloworld[^ ]*' | sort -u) || true
      if grep -qE "^\"$other:443\"" <<<"$log" && grep -qE '^"[0-9.]+:5000"' <<<"$log"; then break; fi
      sleep 0.3
    done
    sed "s/^/$k: /" <<<"$log"
    [ $n -lt 20 ] || { echo "$k: the log does not show both paths" >&2; return 1; }
  done
}

# --- cleanup --------------------------------------------------------------------------------------------------

delete_remote() {
  lab_file; remote_values 0.0.0.0 > "$WORK/remote.yaml"
  istioctl manifest generate -f "$WORK/remote.yaml" -f "$WORK/lab.yaml" > "$WORK/remote-rendered.yaml"
  k2 delete --ignore-not-found -f "$WORK/remote-rendered.yaml"
  k2 delete ns sample --ignore-not-found --wait=false
}

delete_primary() {
  primary_values > "$WORK/primary.yaml"
  istioctl manifest generate -f "$WORK/primary.yaml" -f "$WORK/lab.yaml" > "$WORK/primary-rendered.yaml"
  k1 delete --ignore-not-found -f "$WORK/primary-rendered.yaml"
  k1 delete ns sample --ignore-not-found --wait=false
}

# today: what the guide's cleanup leaves. `istioctl install` makes objects that `manifest generate` does not print,
# and istiod's certificate ConfigMap is in every namespace.
delete_rest() {
  local k n
  k1 delete --ignore-not-found mutatingwebhookconfiguration istio-revision-tag-default
  k1 delete --ignore-not-found validatingwebhookconfiguration istiod-default-validator
  for k in k1 k2; do $k delete ns istio-system --ignore-not-found --wait=false; done
  for k in k1 k2; do
    $k wait --for=delete ns/sample ns/istio-system --timeout=120s
    for n in default kube-system kube-public kube-node-lease; do $k -n $n delete cm istio-ca-root-cert istio-ca-crl --ignore-not-found; done
  done
}

# --- running --------------------------------------------------------------------------------------------------

now() { echo $(( ${EPOCHREALTIME/./} / 1000 )); }
TABLE= BEGIN=$(now)

# phase FUNCTION: its output to the log, its time to the table.
phase() {
  local from
  from=$(now)
  echo "== $1" >> "$LOG"
  "$1" >> "$LOG" 2>&1 || { echo "guide.sh: $1 failed, the end of $LOG:" >&2; tail -15 "$LOG" >&2; exit 1; }
  TABLE+=$(printf '%-24s %6.1f s' "$1" "$(seconds "$from")")$'\n'
  tail -1 <<<"${TABLE%$'\n'}"
}
seconds() { local ms=$(( $(now) - $1 )); printf '%d.%03d' $((ms / 1000)) $((ms % 1000)); }

summary() {
  printf '%-24s %6.1f s\n' "$1" "$(seconds "$BEGIN")"
  echo "API requests (cluster, side, client, count):"
  "$HERE/lab" audit 2>/dev/null | awk -F'\t' '$2 == "user" {print; n += $4} END {print "sum", n}' || echo "  (no audit log: lab up --audit)"
}

LOG=${GUIDE_LOG:-${XDG_CACHE_HOME:-$HOME/.cache}/meshwright-lab/guide.log}
case ${1:-} in
  "")
    : > "$LOG"
    "$HERE/lab" audit --mark 2>/dev/null || true
    for p in root_ca cacerts install_primary cluster_aware_gateway expose_control_plane address1 edit_mesh_networks; do phase $p; done
    for p in install_remote address2 edit_mesh_networks n2_k8s_config start_watching remote_gateway_ready; do phase $p; done
    for p in sample calls path; do phase $p; done
    grep -E '^k[12]: ' "$LOG"
    summary "proof after" ;;
  cleanup)
    for p in delete_remote delete_primary delete_rest; do phase $p; done
    summary "clean after" ;;
  *) sed -n '2,8s/^# \?//p' "$0" >&2; exit 2 ;;
esac
