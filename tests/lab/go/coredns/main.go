// CoreDNS with the few plugins the lab uses; the stock build has fifty and takes far longer.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/ready"
)

// The order of this list is the order in which plugins see a query.
func init() {
	dnsserver.Directives = []string{
		"ready", "health", "errors", "log", "cache", "loadbalance", "hosts", "kubernetes",
	}
}

func main() { coremain.Run() }
