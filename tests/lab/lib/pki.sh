# Certificates and kubeconfigs of one cluster. Made afresh for every `up`: a second's work, nothing to expire.

pki() {
  local u names
  mkdir -p "$PKI"
  ( cd "$PKI" || exit
    printf '[req]\ndistinguished_name=dn\n[dn]\n' > req.cnf
    authority ca "$NAME $C"
    authority front "$NAME $C aggregation"
    names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
    certificate apiserver ca /CN=kube-apiserver "$names,DNS:localhost,DNS:$NODE,IP:127.0.0.1,IP:$API_IP,IP:$NODE_IP"
    certificate apiserver-kubelet ca /O=system:masters/CN=kube-apiserver-kubelet-client
    certificate front-client front /CN=front-proxy-client
    certificate kubelet ca "/O=system:nodes/CN=system:node:$NODE" "DNS:$NODE,IP:$NODE_IP"
    certificate admin ca /O=system:masters/CN=admin
    certificate lbd ca /O=system:masters/CN=lbd
    certificate kcm ca /CN=system:kube-controller-manager
    certificate scheduler ca /CN=system:kube-scheduler
    certificate proxy ca /CN=system:kube-proxy
    openssl genrsa -out sa.key 2048 2>/dev/null
    openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
    for u in kubelet kcm scheduler proxy lbd; do kubeconfig_of "$u" > "$u.kubeconfig"; done
  )
}

EC=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 365 -config req.cnf)

authority() {
  openssl req -x509 "${EC[@]}" -keyout "$1.key" -out "$1.crt" -subj "/CN=$2" -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -addext subjectKeyIdentifier=hash 2>/dev/null
}

# certificate NAME AUTHORITY SUBJECT [NAMES]
certificate() {
  openssl req -x509 -CA "$2.crt" -CAkey "$2.key" "${EC[@]}" -keyout "$1.key" -out "$1.crt" -subj "$3" \
    -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature,keyEncipherment \
    -addext extendedKeyUsage=serverAuth,clientAuth ${4:+-addext "subjectAltName=$4"} 2>/dev/null
}

kubeconfig_of() {
  cat <<K
apiVersion: v1
kind: Config
current-context: $C
clusters: [{name: $C, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $PKI/ca.crt}}]
users: [{name: $1, user: {client-certificate: $PKI/$1.crt, client-key: $PKI/$1.key}}]
contexts: [{name: $C, context: {cluster: $C, user: $1}}]
K
}

# users_kubeconfig: the one file that people and programs use, with everything embedded.
users_kubeconfig() {
  local c clusters users contexts
  b64() { base64 -w0 < "$PKI/$1"; }
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    clusters+="- {name: $C, cluster: {server: \"https://$NODE_IP:6443\", certificate-authority-data: $(b64 ca.crt)}}"$'\n'
    users+="- {name: $C-admin, user: {client-certificate-data: $(b64 admin.crt), client-key-data: $(b64 admin.key)}}"$'\n'
    contexts+="- {name: $C, context: {cluster: $C, user: $C-admin}}"$'\n'
  done
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: %s\nclusters:\n%susers:\n%scontexts:\n%s' \
    "${CLUSTERS[0]}" "$clusters" "$users" "$contexts"
}
