# Images without a registry or a container engine: a root file system in a folder, packed by files/mkimage.py.

images() {
  local i
  image pause pause "localhost/pause:1" '"Entrypoint":["/pause"],"User":"65535:65535"'
  image coredns coredns "localhost/coredns:1" '"Entrypoint":["/coredns"]'
  image pilot pilot-discovery "$HUB/pilot:$ISTIO_VERSION" '"Entrypoint":["/usr/local/bin/pilot-discovery"],"User":"1337:1337",'"$LONG_PATH"
  image proxyv2 "envoy pilot-agent envoy_bootstrap.json" "$HUB/proxyv2:$ISTIO_VERSION" '"Entrypoint":["/usr/local/bin/pilot-agent"],'"$LONG_PATH"
  for i in v1 v2; do
    image helloworld-$i helloworld "$HUB/examples-helloworld-$i:1.0" '"Entrypoint":["/helloworld"],"Env":["SERVICE_VERSION='$i'"]'
  done
  # The guide's `sleep` needs curl and a sleep; both names are the same image.
  image curl "" "$HUB/curl:8 $HUB/sleep:1" '"Cmd":["/bin/sleep","infinity"],"User":"100:101","Env":["PATH=/usr/bin:/bin"]'
}

LONG_PATH='"Env":["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'

# image NAME "BINARIES" "TAGS" CONFIG: rebuilt when this file, its binaries or the tags change.
image() {
  local key f of=("$HERE/lib/images.sh" "$HERE/files/mkimage.py")
  for f in $2; do
    if [ -e "$CACHE/keys/$f" ]; then of+=("$CACHE/keys/$f"); else of+=("$BIN/$f"); fi
  done
  key=$(sum <(echo "$3 $4") "${of[@]}")
  if ! [ -s "$IMAGES/$1.tar" ]; then rm -f "$CACHE/keys/image-$1"; fi
  keyed "image-$1" "$key" make_image "$@"
}

make_image() (
  root=$(mktemp -d) || exit
  trap 'rm -rf "$root"' EXIT
  set -e
  "fill_${1%-v?}" "$root"
  python3 "$HERE/files/mkimage.py" "$IMAGES/$1.tar" "$3" "$root" "{$4}"
)

fill_pause() { cp "$BIN/pause" "$1/"; }
fill_coredns() { cp "$BIN/coredns" "$1/"; }
fill_helloworld() { mkdir "$1/tmp"; cp "$BIN/helloworld" "$1/"; }
fill_pilot() { base "$1"; cp "$BIN/pilot-discovery" "$1/usr/local/bin/"; }
fill_curl() { base "$1"; with_libraries "$1" /usr/bin/curl; names "$1"; }

fill_proxyv2() {
  base "$1"; names "$1"
  mkdir -p "$1"/var/lib/istio/{envoy,data} "$1/etc/istio/proxy"
  cp "$BIN/envoy_bootstrap.json" "$1/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
  cp "$BIN/envoy" "$BIN/pilot-agent" "$1/usr/local/bin/"
  libraries "$1" "$BIN/envoy"
  # Istio's own image has it too; it tells whether a pod reaches an address.
  with_libraries "$1" /usr/bin/curl
  # istio-init, in the same image, writes iptables rules in whichever of the two dialects works.
  with_libraries "$1" /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/lib/x86_64-linux-gnu/xtables/*.so
  local a
  for a in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s xtables-nft-multi "$1/usr/sbin/$a"
    ln -s xtables-nft-multi "$1/usr/sbin/${a/tables/tables-nft}"
    ln -s xtables-legacy-multi "$1/usr/sbin/${a/tables/tables-legacy}"
  done
}

# base ROOT: folders, a shell and the two users.
base() {
  mkdir -p "$1"/{bin,tmp,etc,run,proc,sys,dev,sbin,usr/sbin,usr/bin,usr/local/bin,var/run,home}
  chmod 1777 "$1/tmp"
  cp /bin/busybox "$1/bin/"
  local a
  for a in sh ls cat id ip sleep echo true env ps netstat nslookup wget grep head tail sed mkdir tar; do ln -s busybox "$1/bin/$a"; done
  printf 'root:x:0:0:root:/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\ncurl:x:100:101::/:/bin/sh\n' > "$1/etc/passwd"
  printf 'root:x:0:\nistio-proxy:x:1337:\ncurl:x:101:\n' > "$1/etc/group"
  cp /etc/protocols "$1/etc/" 2>/dev/null || true
}

# names ROOT: what glibc loads at run time to resolve host names.
names() {
  echo 'hosts: files dns' > "$1/etc/nsswitch.conf"
  with_libraries "$1" /lib/x86_64-linux-gnu/libnss_dns.so.2 /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libresolv.so.2
}

# libraries ROOT FILE..: copies the shared libraries that ldd names.
libraries() {
  local root=$1 l; shift
  for l in $(ldd "$@" 2>/dev/null | grep '(0x' | grep -oE '/[^ ]+' | sort -u); do copy "$root" "$l"; done
}
with_libraries() { local f; for f in "${@:2}"; do copy "$1" "$f"; done; libraries "$@"; }
copy() { mkdir -p "$1$(dirname "$2")"; [ -e "$1$2" ] || cp -L "$2" "$1$2"; }
