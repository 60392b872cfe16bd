// The program that holds namespaces and does nothing else: the first container of every pod, and, with -until-eof, the first
// process of the node itself. It reaps what is left to it, as a first process must, and ends when asked to.
package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-until-eof" {
		// The other end of the pipe is held by the tests. However they end, the kernel closes it; and with the first process of
		// its namespaces it ends every other process in them.
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
}
