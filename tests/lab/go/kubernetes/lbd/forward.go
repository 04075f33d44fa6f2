package main

import (
	"io"
	"log"
	"net"
	"strconv"
)

// forwarder keeps one TCP listener per load balancer port.
type forwarder map[string]*forward

type forward struct {
	to       string
	listener net.Listener
}

// set closes what is no longer wanted and opens what is new.
func (f forwarder) set(wanted map[string]string) {
	for from, have := range f {
		if wanted[from] != have.to {
			have.listener.Close()
			delete(f, from)
		}
	}
	for from, to := range wanted {
		if f[from] != nil {
			continue
		}
		l, err := net.Listen("tcp", from)
		if err != nil {
			log.Printf("forward %s: %v", from, err)
			continue
		}
		f[from] = &forward{to, l}
		go accept(l, to)
	}
}

func accept(l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", to)
			if err != nil {
				return // the client sees a closed connection, as from a cloud's balancer without backends
			}
			defer out.Close()
			go pipe(out, in)
			pipe(in, out)
		}()
	}
}

// pipe copies one direction and passes its end on, the other may go on.
func pipe(to, from net.Conn) {
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
}

func hostPort(ip string, port int32) string {
	return net.JoinHostPort(ip, strconv.Itoa(int(port)))
}
