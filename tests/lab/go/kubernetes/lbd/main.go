// lbd stands in for a cloud's load balancers. It gives every Service of type
// LoadBalancer an address from a pool, a while after the Service was created.
//
// With addresses, kube-proxy does the forwarding. With host names (--names),
// as some clouds give, kube-proxy sees no address and does nothing, so lbd
// itself accepts on the pool's address and forwards to the ClusterIP.
package main

import (
	"context"
	"flag"
	"log"
	"net/netip"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

type pool struct {
	first netip.Addr
	size  int
	names string // zone of the host names; empty: give addresses
}

// name is the host name of an address: lb-10-200-1-10.ZONE.
func (p pool) name(ip string) string {
	return "lb-" + strings.ReplaceAll(ip, ".", "-") + "." + p.names
}

// holds is the pool's address that a Service has already, or "".
func (p pool) holds(s *v1.Service) string {
	for _, in := range s.Status.LoadBalancer.Ingress {
		if in.IP != "" {
			return in.IP
		}
		if host, ok := strings.CutSuffix(in.Hostname, "."+p.names); ok {
			return strings.ReplaceAll(strings.TrimPrefix(host, "lb-"), "-", ".")
		}
	}
	return ""
}

func (p pool) free(used map[string]bool, want string) string {
	if want != "" && !used[want] {
		return want
	}
	for i, a := 0, p.first; i < p.size; i, a = i+1, a.Next() {
		if !used[a.String()] {
			return a.String()
		}
	}
	return ""
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "of the cluster")
	first := flag.String("first", "", "first address of the pool")
	size := flag.Int("size", 100, "addresses in the pool")
	delay := flag.Duration("delay", 3*time.Second, "from a Service's creation to its address")
	names := flag.String("names", "", "give host names of this zone instead of addresses")
	flag.Parse()

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	config.UserAgent = "lbd"
	client := kubernetes.NewForConfigOrDie(config)
	factory := informers.NewSharedInformerFactory(client, 0)
	services := factory.Core().V1().Services().Informer()
	kick := make(chan struct{}, 1)
	poke := func() {
		select {
		case kick <- struct{}{}:
		default:
		}
	}
	services.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { poke() },
		UpdateFunc: func(_, _ any) { poke() },
		DeleteFunc: func(any) { poke() },
	})
	factory.Start(nil)
	factory.WaitForCacheSync(nil)
	log.Print("synced")

	p := pool{netip.MustParseAddr(*first), *size, *names}
	forwards := forwarder{}
	for range kick {
		used := map[string]bool{}
		wanted := map[string]string{}
		var todo []*v1.Service
		var wait time.Duration
		for _, o := range services.GetStore().List() {
			s := o.(*v1.Service)
			if s.Spec.Type != v1.ServiceTypeLoadBalancer || s.Spec.LoadBalancerClass != nil {
				continue
			}
			if len(s.Status.LoadBalancer.Ingress) > 0 {
				ip := p.holds(s)
				used[ip] = true
				if p.names != "" && ip != "" {
					for _, port := range s.Spec.Ports {
						if port.Protocol == v1.ProtocolTCP {
							wanted[hostPort(ip, port.Port)] = hostPort(s.Spec.ClusterIP, port.Port)
						}
					}
				}
			} else if left := *delay - time.Since(s.CreationTimestamp.Time); left > 0 {
				if wait == 0 || left < wait {
					wait = left
				}
			} else {
				todo = append(todo, s)
			}
		}
		forwards.set(wanted)
		for _, s := range todo {
			ip := p.free(used, s.Spec.LoadBalancerIP)
			if ip == "" {
				log.Printf("the pool is empty, %s/%s waits", s.Namespace, s.Name)
				continue
			}
			used[ip] = true
			s = s.DeepCopy()
			given := v1.LoadBalancerIngress{IP: ip}
			if p.names != "" {
				given = v1.LoadBalancerIngress{Hostname: p.name(ip)}
			}
			s.Status.LoadBalancer.Ingress = []v1.LoadBalancerIngress{given}
			if _, err := client.CoreV1().Services(s.Namespace).UpdateStatus(context.Background(), s, metav1.UpdateOptions{}); err != nil {
				log.Printf("%s/%s: %v", s.Namespace, s.Name, err)
				wait = time.Second
				continue
			}
			log.Printf("%s/%s gets %s%s", s.Namespace, s.Name, given.IP, given.Hostname)
		}
		if wait > 0 {
			time.AfterFunc(wait, poke)
		}
	}
}
