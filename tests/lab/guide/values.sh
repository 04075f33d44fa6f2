# What guide.sh gives to istioctl, for each cluster. Sourced by it.

# What the lab needs because its proxy is upstream Envoy, without Istio's own filters; and its images.
lab_values() {
  cat <<Y
  hub: $LAB_HUB
  tag: $LAB_TAG
  meshConfig:
    accessLogFile: /dev/stdout
  values:
    telemetry:
      enabled: false
    pilot:
      env:
        PILOT_ENABLE_METADATA_EXCHANGE: "false"
        PILOT_ENABLE_ALPN_FILTER: "false"
    global:
      imagePullPolicy: IfNotPresent
Y
}

# What both clusters' gateways have.
gateway() {
  cat <<Y
  components:
    ingressGateways:
    - name: istio-ingressgateway
      enabled: true
      k8s:
        service:
          ports:
          - {name: status-port, port: 15021, targetPort: 15021}
          - {name: http2, port: 80, targetPort: 8080}
          - {name: tls, port: 443, targetPort: 8443}
Y
}

# Stands for values-istio-multicluster-primary.yaml. The addresses 0.0.0.0 are the guide's placeholders.
# today: externalIstiod, and ports 443, 15012 and 15017 on the gateway's Service, for what Pilot's old 15011 was.
primary_values() {
  cat <<Y
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
$(gateway)
          - {name: tls-istiod, port: 15012, targetPort: 15012}
          - {name: tls-webhook, port: 15017, targetPort: 15017}
  values:
    gateways:
      istio-ingressgateway:
        env:
          ISTIO_META_NETWORK: network1
          ISTIO_META_REQUESTED_NETWORK_VIEW: network1
    global:
      meshID: mesh1
      network: network1
      externalIstiod: true
      multiCluster:
        clusterName: cluster1
      meshNetworks:
        network1:
          endpoints:
          - fromRegistry: cluster1
          gateways:
          - {address: 0.0.0.0, port: 443}
        network2:
          endpoints:
          - fromRegistry: n2-k8s-config
          gateways:
          - {address: 0.0.0.0, port: 443}
Y
}

# today: the proxies' cluster name must be the key in n2-k8s-secret, or istiod refuses them; and the webhook's
# path says cluster and network. Without the network view a gateway also knows the other one, and calls hairpin.
remote_values() {
  cat <<Y
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: remote
$(gateway)
  values:
    istiodRemote:
      injectionPath: /inject/cluster/n2-k8s-config/net/network2
    gateways:
      istio-ingressgateway:
        env:
          ISTIO_META_NETWORK: network2
          ISTIO_META_REQUESTED_NETWORK_VIEW: network2
    global:
      meshID: mesh1
      network: network2
      remotePilotAddress: $1
      multiCluster:
        clusterName: n2-k8s-config
Y
}
